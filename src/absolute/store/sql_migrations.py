"""Owns the way from any older database to the tables of today: all of it, or none.

The revisions are Alembic's, one file each beside this one, since a room has no inner rooms; they
run in one transaction, so a crash in the middle leaves the database as it was.
"""

from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any, Final

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.runtime.migration import RevisionStep
from alembic.script.base import Script
from alembic.script.revision import RevisionMap
from sqlalchemy import Connection

from absolute.domain.errors import UserError
from absolute.store import sql_revision_0001

REVISIONS: Final[Sequence[ModuleType]] = (sql_revision_0001,)
"""In order; a new one goes to the end and names the one before it."""


def newest(revisions: Sequence[ModuleType] = REVISIONS) -> str:
    """The revision this program speaks."""
    return str(revisions[-1].revision)


def revision_of(connection: Connection) -> str | None:
    """The revision a database stands at; None where it has no tables of ours yet."""
    return MigrationContext.configure(connection).get_current_revision()


def check_known(found: str | None, revisions: Sequence[ModuleType] = REVISIONS) -> None:
    """Refuse a database that a later program has made."""
    if found is not None and found not in {str(each.revision) for each in revisions}:
        raise UserError(
            "DATABASE_NEWER",
            f"The database stands at revision {found} and this program knows up to "
            f"{newest(revisions)}; use the program that wrote it, or a newer one.",
        )


def migrate(connection: Connection, revisions: Sequence[ModuleType] = REVISIONS) -> bool:
    """Bring a database to the newest revision inside the caller's transaction.

    Returns whether anything was done; raises `UserError` for a database that is too new.
    """
    found = revision_of(connection)
    check_known(found, revisions)
    if found == newest(revisions):
        return False
    scripts = [Script(each, str(each.revision), str(each.__file__)) for each in revisions]
    known = RevisionMap(lambda: scripts)
    known.get_revision(newest(revisions))  # this is when it works out who follows whom

    def steps(heads: Iterable[str], _context: object) -> Iterator[RevisionStep]:
        done = _count_done(scripts, set(heads))
        for script in scripts[done:]:
            yield RevisionStep(known, script, True)  # noqa: FBT003, RUF100 -- Alembic's own order

    options: dict[str, Any] = {"fn": steps}
    context = MigrationContext.configure(connection, opts=options)
    with Operations.context(context):
        context.run_migrations()
    return True


def _count_done(scripts: Sequence[Script], heads: set[str]) -> int:
    """How many revisions a database has behind it."""
    for place, script in enumerate(scripts, start=1):
        if script.revision in heads:
            return place
    return 0
