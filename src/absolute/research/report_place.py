"""Owns where a report may be written: never over anything but an earlier report."""

import os
import tempfile
from pathlib import Path
from typing import Final

from absolute.domain.errors import UserError

PAGE_START: Final = b"<!doctype html>"


def put_page(path: Path, content: bytes) -> None:
    """Write a page whole or not at all, making its folder where needed.

    Raises UserError REPORT_NOT_WRITABLE, and what `check_place` raises.
    """
    check_place(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
    except OSError as error:
        raise UserError(
            "REPORT_NOT_WRITABLE",
            f"The report cannot be written to {path}: {error.strerror}. Choose another place.",
        ) from error


def check_place(path: Path) -> None:
    """Refuse a place where a report would replace anything but a report.

    Raises UserError REPORT_NAME or REPORT_WOULD_REPLACE.
    """
    if path.suffix.lower() != ".html":
        raise UserError(
            "REPORT_NAME", f"The report is a page; end its name {path} in .html, not otherwise."
        )
    if path.exists() and not _is_page(path):
        raise UserError(
            "REPORT_WOULD_REPLACE",
            f"{path} exists and is no report of this program; choose another name.",
        )


def _is_page(path: Path) -> bool:
    """Whether a file begins as our pages do."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(PAGE_START)).lower() == PAGE_START


def _replace(path: Path, content: bytes) -> None:
    """A reader of `path` sees the old file or the whole new one."""
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except OSError:
        Path(partial).unlink(missing_ok=True)
        raise
