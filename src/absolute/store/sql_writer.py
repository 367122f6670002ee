"""Owns the one transaction at a time: what is written is there when it ends, or none of it is.

A disk that was full may have room again, so the next write may be tried. After any other fault
nobody knows what the disk holds (a failed sync is never tried again): the writer refuses all
further work, and the process has to end and to begin again from what is kept.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from absolute.store.sql_database import reason_of

PASSING: Final = frozenset({"SQLITE_FULL", "SQLITE_BUSY", "SQLITE_LOCKED"})
"""Faults of SQLite after which nothing of a transaction is kept and another may follow."""


class NotKept(OSError):
    """The database did not keep it. `final`: it can never again be written by this process."""

    def __init__(self, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.final = final


class Writer:
    """The connection that writes; threads take turns."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turn = threading.Lock()
        self._failed: str | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All that is done inside is kept when it ends; raises `NotKept` where it is not."""
        with self._turn:
            if self._failed is not None:
                raise NotKept(f"the database failed before ({self._failed})", final=True)
            try:
                with self._connection.begin():
                    yield self._connection
            except SQLAlchemyError as fault:
                reason = reason_of(fault)
                final = not _may_pass(fault)
                if final:
                    self._failed = reason
                raise NotKept(f"the database kept nothing of it ({reason})", final=final) from fault


def _may_pass(fault: SQLAlchemyError) -> bool:
    """Whether the database is as it was before, and sound."""
    cause = fault.orig if isinstance(fault, DBAPIError) else None
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorname", "") in PASSING
    return False
