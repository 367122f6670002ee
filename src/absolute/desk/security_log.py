"""Owns the log of what touched keys and rights: who, when, what, each line chained to the last.

Several processes may write it in turn. A line that was torn by a crash at the very end is cut off;
anything else that does not follow from the line before it is found by `verify`, never mended.
Secrets have no place in it: it is told names and fingerprints.
"""

import getpass
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from absolute.desk.home import home
from absolute.domain.errors import JournalError
from absolute.domain.units import NANOS_PER_SECOND, Nanos
from absolute.store.journal import GENESIS, link
from absolute.store.writer_lock import take_lock

LINE_BYTES_MAX: Final = 8192


class Clock(Protocol):
    """Tells the time."""

    def now_ns(self) -> Nanos:
        """Nanoseconds since 1970 UTC."""
        ...


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """One line: its running number, its time, who did it, what, and to what."""

    number: int
    time: Nanos
    who: str
    event: str
    told: Mapping[str, str]


class SecurityLog:
    """The log in a file of its own; every line is on disk when `note` returns."""

    def __init__(self, path: Path, clock: Clock, who: str) -> None:
        self._path = path
        self._clock = clock
        self._who = who

    def note(self, event: str, **told: str) -> None:
        """Add one line."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            take_lock(handle, wait=True)
            number, chain, end = _last(handle)
            now = self._clock.now_ns()
            body = {"number": number + 1, "time": now, "at": _instant(now), "who": self._who}
            text = json.dumps({**body, "event": event, "told": told}, sort_keys=True)
            line = f"{link(chain, text.encode())} {text}\n".encode()
            if len(line) > LINE_BYTES_MAX:
                raise ValueError("a line of the security log is short")
            os.ftruncate(handle, end)
            os.lseek(handle, end, os.SEEK_SET)
            os.write(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)


def security_log(clock: Clock) -> SecurityLog:
    """The log of this user."""
    return SecurityLog(home() / "security.log", clock, f"{getpass.getuser()}/{os.getpid()}")


def verify(path: Path) -> Iterator[SecurityEvent]:
    """Every line in order; raises `JournalError` at the first that does not follow."""
    if not path.exists():
        return
    chain = GENESIS
    for place, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        given, _, text = line.partition(b" ")
        chain = link(chain, text)
        told = _parsed(text) if given == chain.encode() else None
        if told is None or told.get("number") != place:
            raise JournalError(f"line {place} of {path.name} does not follow from the one before")
        who, event, rest = str(told["who"]), str(told["event"]), told["told"]
        yield SecurityEvent(place, Nanos(told["time"]), who, event, rest)


def _last(handle: int) -> tuple[int, str, int]:
    """The number and chain of the last whole line, and where it ends."""
    size = os.fstat(handle).st_size
    start = max(0, size - 2 * LINE_BYTES_MAX)
    os.lseek(handle, start, os.SEEK_SET)
    tail = os.read(handle, size - start)
    whole = tail[: tail.rfind(b"\n") + 1]
    if not whole:
        return 0, GENESIS, start
    given, _, text = whole.splitlines()[-1].partition(b" ")
    told = _parsed(text)
    if told is None:
        raise JournalError("the last line of the security log cannot be read; move the file away")
    return int(told["number"]), given.decode("ascii", "replace"), start + len(whole)


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(text)
    except ValueError:
        return None
    return told if isinstance(told, dict) and isinstance(told.get("number"), int) else None


def _instant(time: Nanos) -> str:
    seconds, rest = divmod(time, NANOS_PER_SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"
