"""Owns how a command speaks to a program (one JSON object) and to someone who waits (a bar).

stdout carries results only; the bar goes to stderr. It must not know what is being computed.
"""

import dataclasses
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.progress import Progress

    from absolute.research.result import BacktestResult

PATIENCE_S = 2.0
UNSEEN: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {
    code: f"\\u{code:04x}"
    for code in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
"""What a venue's text could forge a line with, or move the terminal's cursor: shown, not done."""


def print_json(result: object) -> None:
    """Prints one JSON object on stdout: amounts as decimal strings, times as ISO 8601 in UTC.

    Raises TypeError for what has no agreed form and ValueError for NaN and infinity, which JSON
    does not have.
    """
    print(json.dumps(_plain(result), ensure_ascii=False, allow_nan=False, indent=2))


def called_as() -> str:
    """How the user calls this program: `./absolute` from a clone, else `absolute`."""
    return os.environ.get("ABSOLUTE_CALLED_AS", "absolute")


def default_place(result: "BacktestResult", name: str) -> Path:
    """A report's place if the user names none: the same run shares it, another one does not."""
    told = json.dumps(result.passport.to_json(), sort_keys=True, default=str)
    return Path("reports") / f"{name}-{hashlib.sha256(told.encode()).hexdigest()[:12]}.html"


@contextmanager
def progress(
    total: int, title: str, *, silent: bool = False, patience_s: float = PATIENCE_S
) -> Iterator[Callable[[int], None]]:
    """Gives a function that is told how many of `total` are done; draws a bar when it takes long.

    Nothing is drawn when `silent` (for `--json`) or when nobody looks at stderr.
    """
    bar = _Bar(total, title, patience_s)
    looked_at = sys.stderr.isatty() and not silent
    try:
        yield bar.tell if looked_at else _ignore
    finally:
        bar.close()


class _Bar:
    """A rich progress bar that is not built before the wait is long enough to need one."""

    def __init__(self, total: int, title: str, patience_s: float) -> None:
        self._patience_s = patience_s
        self._total = total
        self._title = title
        self._started = perf_counter()
        self._drawn: Progress | None = None

    def tell(self, done: int) -> None:
        if self._drawn is None:
            if perf_counter() - self._started < self._patience_s:
                return
            self._drawn = self._build()
        self._drawn.update(self._drawn.task_ids[0], completed=done)

    def close(self) -> None:
        if self._drawn is not None:
            self._drawn.stop()

    def _build(self) -> "Progress":
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        drawn = Progress(
            "{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        drawn.add_task(self._title, total=self._total)
        drawn.start()
        return drawn


def _ignore(done: int) -> None:
    del done


def _plain(value: object) -> object:
    """The value in the few shapes JSON knows; a table of cases, most frequent first."""
    match value:
        case None | bool() | int() | str() if not isinstance(value, Enum):
            return value
        case float():
            return float(value)  # a numpy float64 is one as well
        case Decimal():
            return f"{value:f}"
        case datetime():
            return _instant(value)
        case date() | Path():
            return str(value)
        case Enum():
            return _plain(value.value)
        case Mapping():
            return {str(_plain(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return _plain_object(value)


def _plain_object(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if (as_list := getattr(value, "tolist", None)) is not None:  # numpy's arrays and scalars
        return _plain(as_list())
    raise TypeError(f"{type(value).__name__} has no agreed form in JSON")


def _instant(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("a time in JSON needs a zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
