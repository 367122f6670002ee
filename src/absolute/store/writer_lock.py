"""Owns the right to write one database file: one process at a time, until it ends.

The lock is the operating system's, so it is gone with the process however that died. Its file also
says who holds it, and how many journal lines were ever kept: a database with fewer has lost some,
say because its write-ahead log was left out of a copy.

Knows nothing of what is written.
"""

import os
import sys
from pathlib import Path

from absolute.domain.errors import UserError

LOCKED_BYTE = 1 << 30
"""Windows locks bytes against reading too; this one is far behind the text."""

if sys.platform == "win32":
    import msvcrt

    def take_lock(handle: int, *, wait: bool = False) -> None:
        """Lock an open file for this process; raises `OSError` where another has it."""
        os.lseek(handle, LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def take_lock(handle: int, *, wait: bool = False) -> None:
        """Lock an open file for this process; raises `OSError` where another has it."""
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


class WriterLock:
    """The exclusive right to write `database`, held from the making to `release`."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self.path = database.with_name(database.name + ".lock")
        self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            take_lock(self._handle)
        except OSError as fault:
            holder = (*self._read(), "of unknown number")[0]
            os.close(self._handle)
            raise UserError(
                "DATABASE_IN_USE",
                f"The database {database} is being written by process {holder}; stop that one "
                "first, or name another database.",
            ) from fault
        told = self._read()
        known = told[1] if len(told) == 2 and told[1].isdigit() else "0"
        self._lines = int(known) if database.exists() else 0
        self._write()

    def check(self, lines: int) -> None:
        """Take what the database holds; refuse fewer journal lines than were ever kept in it."""
        if lines < self._lines:
            raise UserError(
                "DATABASE_BEHIND",
                f"The database {self._database} holds {lines} journal lines and {self._lines} were "
                f"written: the newest are lost, or it is an old copy; bring back the whole, with "
                f"its -wal file, or remove {self.path} to go on from here.",
            )
        self.kept(lines - self._lines)

    def kept(self, lines: int) -> None:
        """Count lines that were kept just now; not synced, so never ahead of the database."""
        self._lines += lines
        self._write()

    def release(self) -> None:
        """Let go."""
        os.close(self._handle)

    def _read(self) -> list[str]:
        os.lseek(self._handle, 0, os.SEEK_SET)
        return os.read(self._handle, 100).decode("ascii", "replace").split()

    def _write(self) -> None:
        """One short write in place: a killed process leaves the old text or the new."""
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, f"{os.getpid():<12} {self._lines:>20}\n".encode())
