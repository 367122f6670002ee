"""Owns the open database: who may write it, its runs and their journals, prices, its closing.

The rules of each are in the files it brings together. Knows nothing of engines or venues.
"""

import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from sqlalchemy import URL, Connection, Engine, insert, select

from absolute.domain.errors import UserError
from absolute.domain.units import Nanos, Price, plain
from absolute.store.codec import jsonable
from absolute.store.runs import Run, canonical
from absolute.store.sql_database import (
    check_durable,
    database_url,
    file_of,
    is_file,
    named,
    reading_engine,
    take_advisory_lock,
    told_to_the_user,
    writing_engine,
)
from absolute.store.sql_journal import SqlJournal, begin_journal, count_lines
from absolute.store.sql_migrations import check_known, migrate, newest, revision_of
from absolute.store.sql_records import Records
from absolute.store.sql_tables import AUDIT, PRICES, RUNS
from absolute.store.sql_writer import Writer
from absolute.store.writer_lock import WriterLock


class Store:
    """A database this process may write; no other can until it is closed."""

    def __init__(self, url: URL, engine: Engine, connection: Connection) -> None:
        self.where = named(url)
        self.records = Records(reading_engine(url))
        self._engine = engine
        self._connection = connection
        self._writer = Writer(connection)
        self._lock: WriterLock | None = None

    def hold(self, lock: WriterLock | None) -> Self:
        """Keep the right to write until `close`."""
        self._lock = lock
        return self

    def create_run(self, run: Run) -> SqlJournal:
        """Write a run down and begin its journal; raises `UserError` where the id is taken."""
        values = {
            "id": run.id,
            "bot": run.bot,
            "created": run.created,
            "mode": run.mode.value,
            "profile": run.profile,
            "symbol": run.symbol,
            "config": run.config,
            "capital": plain(run.capital),
            "instrument": canonical(jsonable(run.instrument)),
            "fees": canonical(jsonable(run.fees)),
            "assumed": run.assumed,
        }
        with self._writer.transaction() as connection:
            if connection.execute(select(RUNS.c.id).where(RUNS.c.id == run.id)).first():
                raise UserError(
                    "RUN_EXISTS", f"There is a run {run.id} already; give the new one another name."
                )
            connection.execute(insert(RUNS).values(values))
            begin_journal(connection, run)
        return SqlJournal(self._writer, run, self._lock)

    def journal(self, run_id: str) -> SqlJournal:
        """The journal of a run, to be gone on with; raises for a run that is not here."""
        return SqlJournal(self._writer, self.records.find_run(run_id), self._lock)

    def add_prices(self, run_id: str, prices: Iterable[tuple[Nanos, Price]]) -> None:
        """Keep prices that were seen, many by one sync."""
        rows = [{"run": run_id, "time": time, "price": plain(price)} for time, price in prices]
        if rows:
            with self._writer.transaction() as connection:
                connection.execute(insert(PRICES), rows)

    def add_command(self, time: Nanos, who: str, *, action: str, detail: str) -> None:
        """Keep what a person asked for outside any run."""
        values = {"time": time, "who": who, "action": action, "detail": detail}
        with self._writer.transaction() as connection:
            connection.execute(insert(AUDIT).values(values))

    def close(self) -> None:
        """Let go of the database; its write-ahead log is worked in by the last to close."""
        self._connection.close()
        self._engine.dispose()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_store(where: str | Path) -> Store:
    """Open a database for writing: made where there is none, brought up to date where it is old.

    `where` is the path of an SQLite file or a URL. Raises `UserError` where another process writes
    it, it is newer than this program, has lost lines, or cannot be opened.
    """
    url = database_url(where)
    with ExitStack() as undo:
        lock = _take_file(url) if is_file(url) else None
        if lock is not None:
            undo.callback(lock.release)
        engine = writing_engine(url)
        undo.callback(engine.dispose)
        store = _opened(url, engine, lock)
        undo.pop_all()
    return store.hold(lock)


def _opened(url: URL, engine: Engine, lock: WriterLock | None) -> Store:
    with told_to_the_user(url):
        connection = engine.connect()
        with connection.begin():
            if lock is None:
                take_advisory_lock(connection, url)
        with connection.begin():
            migrate(connection)
            if lock is not None:
                lock.check(count_lines(connection))
        with connection.begin():
            check_durable(connection)
    return Store(url, engine, connection)


def open_records(where: str | Path) -> Records:
    """Open a database for reading, also while another process writes it; raises `UserError`."""
    url = database_url(where)
    if is_file(url) and not file_of(url).is_file():
        raise UserError(
            "DATABASE_MISSING", f"There is no database {named(url)}: nothing has run with it yet."
        )
    engine = reading_engine(url)
    with told_to_the_user(url), engine.connect() as connection:
        found = revision_of(connection)
    check_known(found)
    if found != newest():
        raise UserError(
            "DATABASE_OLDER",
            f"The database {named(url)} is of an older version; run a bot with it once, which "
            "brings it up to date.",
        )
    return Records(engine)


def _take_file(url: URL) -> WriterLock:
    """Make the place of a new file, for its owner alone, and become its one writer."""
    path = file_of(url)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = WriterLock(path)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as fault:
        raise UserError(
            "DATABASE_NOT_OPENED",
            f"The database {path} cannot be opened ({fault.strerror}); check that its place is "
            "there, and that this user may write it.",
        ) from fault
    return lock
