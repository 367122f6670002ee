"""Owns the log for monitoring and debugging: one JSON object a line, rotated, without any secret.

`LOG_LEVEL` and `LOG_FILE` come from the environment or `.env`. A line carries what its record was
given as `extra` (run, order, deal, venue ...), so that everything of one order is found by its id.
A log that cannot be written is counted and told once, and never stops anything.
"""

import errno
import logging
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from json import dumps
from pathlib import Path
from typing import Any, Final

from absolute.desk.home import home
from absolute.desk.language import _
from absolute.desk.redaction import Redactor
from absolute.domain.errors import UserError

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
BYTES_MAX: Final = 10_000_000
FILES: Final = 5
LINE_CHARS_MAX: Final = 20_000
LINES_PER_SECOND_MAX: Final = 2_000
NOISY: Final = ("alembic", "asyncio", "sqlalchemy", "ccxt", "urllib3")
"""Libraries whose word counts only from a warning on."""

UNWRITABLE: Final = (
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
)
"""A full disk, and whatever the objects in a record may raise when asked for their text."""

_OWN: Final = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {
    "message",
    "asctime",
    "taskName",
}
_REDACTOR: Final = Redactor()


def register_secret(value: str) -> None:
    """Never show this value in any log, in any shape."""
    _REDACTOR.register(value)


def hidden(text: str) -> str:
    """A text as a log would show it."""
    return _REDACTOR.text(text)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How much is logged and where; no file: nowhere."""

    level: str
    file: Path | None
    bytes_max: int = BYTES_MAX
    files: int = FILES


def log_settings(variables: Mapping[str, str]) -> LogSettings:
    """From `LOG_LEVEL` and `LOG_FILE`; raises `UserError` for a level that is not known."""
    level = variables.get("LOG_LEVEL", "").strip().upper() or "INFO"
    if level not in LEVELS:
        message = _("LOG_LEVEL is {level}, which is no level; write one of: {known}.")
        words = {"level": level[:40], "known": ", ".join(LEVELS)}
        raise UserError("LOG_LEVEL_UNKNOWN", message.format(**words))
    told = variables.get("LOG_FILE", "").strip()
    if told in {"-", "none"}:
        return LogSettings(level, None)
    return LogSettings(level, Path(told).expanduser() if told else home() / "absolute.log")


class Lines(logging.Formatter):
    """A record as one line of JSON in ASCII, so that no text can end a line or begin one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, secrets hidden, its length capped."""
        told: dict[str, Any] = {
            "time": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S.%f}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": _REDACTOR.text(_message(record)),
        }
        for name, value in record.__dict__.items():
            if name not in _OWN and not name.startswith("_"):
                told[name] = _REDACTOR.value(value, name)
        if record.exc_info:
            told["exception"] = _REDACTOR.text(self.formatException(record.exc_info))
        line = dumps(told, default=str)
        if len(line) > LINE_CHARS_MAX:
            short = {name: told[name] for name in ("time", "level", "logger")}
            line = dumps({**short, "message": told["message"][:1000], "cut_chars": len(line)})
        return line


def _message(record: logging.LogRecord) -> str:
    """The message of a record; one that does not fit its arguments is shown as it is."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg!r} {record.args!r}"


class LogFile(logging.Handler):
    """A file of lines that is renamed when it is full, keeping a few. Never raises."""

    def __init__(self, settings: LogSettings, path: Path) -> None:
        super().__init__()
        self.setFormatter(Lines())
        self.lost = 0
        self._path = path
        self._settings = settings
        self._handle = self._open()
        self._torn = False
        self._second, self._lines = 0, 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; what cannot be written is counted."""
        second = int(record.created)
        if second != self._second:
            self._second, self._lines = second, 0
        self._lines += 1
        if self._lines > LINES_PER_SECOND_MAX and record.levelno < logging.WARNING:
            self.lost += 1
            return
        try:
            self._write(f"{self.format(record)}\n".encode())
        except UNWRITABLE as fault:
            self._lose(fault)

    def close(self) -> None:
        """Let go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        super().close()

    def _write(self, line: bytes) -> None:
        """Append the line whole; the rest of one that a full disk tore is ended first."""
        if self._handle < 0:
            self._handle = self._open()
        if os.fstat(self._handle).st_size + len(line) > self._settings.bytes_max:
            self._rotate()
        if self._torn:
            line = b"\n" + line
        written = os.write(self._handle, line)
        self._torn = written != len(line)
        if self._torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _rotate(self) -> None:
        os.close(self._handle)
        self._handle = -1
        for number in range(self._settings.files - 1, 0, -1):
            older = self._numbered(number - 1)
            if older.exists():
                os.replace(older, self._numbered(number))
        self._handle = self._open()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        return os.open(self._path, flags, 0o600)

    def _lose(self, fault: BaseException) -> None:
        self.lost += 1
        if self.lost == 1:
            reason = getattr(fault, "strerror", None) or type(fault).__name__
            message = _("The log {path} cannot be written ({reason}); trading goes on without it.")
            sys.stderr.write(message.format(path=self._path, reason=reason) + "\n")


_turn = threading.Lock()


def start_logging(settings: LogSettings) -> LogFile | None:
    """Log to the file from now on, in the place of any log before; raises `UserError`."""
    root = logging.getLogger()
    handler = None
    if settings.file is not None:
        try:
            settings.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handler = LogFile(settings, settings.file)
        except OSError as fault:
            message = _(
                "The log {path} cannot be written ({reason}); set LOG_FILE to another place."
            )
            words = {"path": settings.file, "reason": fault.strerror}
            raise UserError("LOG_NOT_WRITABLE", message.format(**words)) from fault
    with _turn:
        stop_logging()
        root.setLevel(settings.level)
        for name in NOISY:
            logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
        if handler is not None:
            root.addHandler(handler)
    return handler


def stop_logging() -> None:
    """Let go of the log file, where there is one."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, LogFile):
            root.removeHandler(handler)
            handler.close()
