"""Owns the tape: bars as read-only integer columns; knows nothing of files, orders or time zones.

A price is a whole number of `price_unit`s, so that comparing a bar with an order is exact. A time
is the open of a bar in nanoseconds since 1970 UTC. A missing bar is simply not there: the tape
never invents one, and `pieces` says where the unbroken stretches lie.
"""

import hashlib
import itertools
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, NotRequired, Self, TypedDict, TypeVar, Unpack, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

PRICES: Final = ("open", "high", "low", "close")
COLUMNS: Final = ("ts", *PRICES, "volume")
MARK_COLUMNS: Final = ("mark_high", "mark_low", "mark_close")

Ticks = NDArray[np.int64]
Floats = NDArray[np.float64]
_Number = TypeVar("_Number", bound=np.generic)


class TapeColumns(TypedDict):
    """What `Tape.of` takes, by name; the marks come together or not at all."""

    ts: ArrayLike
    open: ArrayLike
    high: ArrayLike
    low: ArrayLike
    close: ArrayLike
    volume: ArrayLike
    price_unit: Decimal
    bar_ns: int
    mark_high: NotRequired[ArrayLike | None]
    mark_low: NotRequired[ArrayLike | None]
    mark_close: NotRequired[ArrayLike | None]


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """Bars of one market; build it with `Tape.of`, which checks it (the bare constructor trusts).

    `ts` int64[n] open time in ns UTC; `open`, `high`, `low`, `close` int64[n] in `price_unit`s;
    `volume` float64[n] in base units; the marks int64[n] in the same unit, or None.
    """

    ts: Ticks
    open: Ticks
    high: Ticks
    low: Ticks
    close: Ticks
    volume: Floats
    price_unit: Decimal
    bar_ns: int
    mark_high: Ticks | None = None
    mark_low: Ticks | None = None
    mark_close: Ticks | None = None

    @classmethod
    def of(cls, **columns: Unpack[TapeColumns]) -> Self:
        """Check the columns and freeze them; a writable input is copied.

        Raises ValueError with the first index that breaks a rule.
        """
        given = cast("dict[str, ArrayLike | None]", columns)
        whole = {name: _whole(name, given[name]) for name in ("ts", *PRICES)}
        marks = {name: _whole(name, given[name]) for name in MARK_COLUMNS if _has(given, name)}
        tape = cls(
            **whole,
            volume=_frozen(np.asarray(columns["volume"], dtype=np.float64)),
            price_unit=columns["price_unit"],
            bar_ns=columns["bar_ns"],
            **marks,
        )
        _check_shape(tape)
        _check_bars(tape)
        return tape

    def __len__(self) -> int:
        return len(self.ts)

    def closes(self) -> Floats:
        """Close prices as float64[n] in quote per base: the nearest double of each exact price."""
        over, under = self.price_unit.as_integer_ratio()
        return self.close * over / under

    def price(self, ticks: int) -> Decimal:
        """The exact price of a number of price units."""
        return int(ticks) * self.price_unit

    def slice(self, start: int, stop: int) -> Self:
        """Bars start (inclusive) to stop (exclusive) over the same memory."""
        cut = {name: getattr(self, name)[start:stop] for name in COLUMNS}
        if self.mark_close is not None:
            cut |= {name: getattr(self, name)[start:stop] for name in MARK_COLUMNS}
        return replace(self, **cut)

    def pieces(self) -> list[tuple[int, int]]:
        """Index ranges [start, stop) inside which each bar follows the last by `bar_ns`."""
        if not len(self):
            return []
        breaks = np.flatnonzero(np.diff(self.ts) != self.bar_ns) + 1
        edges = [0, *breaks.tolist(), len(self)]
        return list(itertools.pairwise(edges))

    def sha256(self) -> str:
        """Hash of names, little-endian columns, unit and bar length: equal tapes, equal hash."""
        digest = hashlib.sha256(f"tape-1 {self.price_unit.normalize():f} {self.bar_ns}".encode())
        for name in COLUMNS + MARK_COLUMNS:
            column = getattr(self, name)
            if column is not None:
                digest.update(f" {name} {len(column)} ".encode())
                digest.update(np.ascontiguousarray(column, column.dtype.newbyteorder("<")).data)
        return digest.hexdigest()


def _has(given: dict[str, ArrayLike | None], name: str) -> bool:
    return given.get(name) is not None


def _whole(name: str, column: ArrayLike | None) -> Ticks:
    """The column as read-only int64; a float would hide a rounding, so it is refused."""
    array = np.asarray(column)
    if array.dtype.kind not in "iu" and array.size:
        raise ValueError(f"{name} must hold whole numbers, not {array.dtype}")
    return _frozen(array.astype(np.int64, copy=False))


def _frozen(column: NDArray[_Number]) -> NDArray[_Number]:
    """A contiguous read-only column that nobody outside can still write to."""
    base = column.base
    shared = isinstance(base, np.ndarray) and bool(base.flags.writeable)
    if shared or column.flags.writeable or not column.flags.c_contiguous:
        column = column.copy(order="C")
        column.flags.writeable = False
    return column


def _check_shape(tape: Tape) -> None:
    if not (tape.price_unit.is_finite() and tape.price_unit > 0):
        raise ValueError(f"price_unit must be above zero, not {tape.price_unit}")
    if tape.bar_ns <= 0:
        raise ValueError(f"bar_ns must be above zero, not {tape.bar_ns}")
    marks = [getattr(tape, name) for name in MARK_COLUMNS]
    present = [mark for mark in marks if mark is not None]
    if present and len(present) != len(marks):
        raise ValueError("the three mark columns come together or not at all")
    for column in [*(getattr(tape, name) for name in COLUMNS), *present]:
        if column.shape != tape.ts.shape or column.ndim != 1:
            raise ValueError("all columns must be flat and equally long")


def _check_bars(tape: Tape) -> None:
    broken: dict[str, NDArray[np.bool_]] = {
        "time does not rise": np.diff(tape.ts, prepend=tape.ts[:1] - 1) <= 0,
        "low is not above zero": tape.low <= 0,
        "low is above open or close": tape.low > np.minimum(tape.open, tape.close),
        "high is below open or close": tape.high < np.maximum(tape.open, tape.close),
        "volume is negative or not a number": ~((tape.volume >= 0) & np.isfinite(tape.volume)),
    }
    if tape.mark_low is not None and tape.mark_high is not None and tape.mark_close is not None:
        broken["mark low is not above zero"] = tape.mark_low <= 0
        broken["mark close is outside its bar"] = (tape.mark_close < tape.mark_low) | (
            tape.mark_close > tape.mark_high
        )
    for what, where in broken.items():
        if where.any():
            raise ValueError(f"bar {int(where.argmax())}: {what}")
