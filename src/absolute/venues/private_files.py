"""Owns files that only their owner may see: read with a check, replaced all at once.

A replacement is written beside the file, synced and renamed over it, so a crash at any point leaves
the old one or the new one. Knows nothing of what is in them.
"""

import os
import stat
from pathlib import Path
from typing import Final

from absolute.domain.errors import UserError

POSIX: Final = os.name == "posix"
BYTES_MAX: Final = 4_000_000


def read_private(path: Path) -> bytes:
    """The bytes of a file nobody else may read or write; raises `UserError` where others may."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except OSError as fault:
        raise UserError(
            "PRIVATE_FILE_UNREADABLE",
            f"The file {path} cannot be read ({fault.strerror}); check that it is there, is no "
            "link, and belongs to this user.",
        ) from fault
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(file.fileno())
        if POSIX and (about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o077):
            raise UserError(
                "PRIVATE_FILE_OPEN",
                f"The file {path} can be read or changed by others; make it yours alone: "
                f"chmod 600 {path}",
            )
        return file.read(BYTES_MAX)


def replace_private(path: Path, data: bytes, *, keep_old: bool) -> None:
    """Put a new file in the place of the old one, which becomes the backup beside it.

    Without `keep_old` the backup becomes the new file as well: what was taken away is gone.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh, backup = _beside(path, ".new"), _beside(path, ".backup")
    _write(fresh, data)
    if path.exists() and keep_old:
        spare = _beside(path, ".old")
        spare.unlink(missing_ok=True)
        os.link(path, spare)
        os.replace(spare, backup)
    os.replace(fresh, path)
    _sync_folder(path.parent)
    if backup.exists() and not keep_old:
        _write(fresh, data)
        os.replace(fresh, backup)
        _sync_folder(path.parent)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _write(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename last; Windows has no such call, and needs none."""
    if POSIX:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
