"""Owns the reading of a tape one bar at a time and the jump to the next bar that can matter."""

from decimal import Decimal
from typing import NamedTuple

import numpy as np

from absolute.domain.market import Bar
from absolute.domain.units import Base, Nanos, Price
from absolute.kernels.skip import SkipIndex
from absolute.kernels.tape import Tape


class Row(NamedTuple):
    """One bar as whole price units; `number` is its place on the tape, times are UTC ns.

    `mark_low` and `mark_high` equal `low` and `high` where the tape has no mark price.
    """

    number: int
    time: int
    end: int
    open: int
    high: int
    low: int
    close: int
    volume: float
    mark_low: int
    mark_high: int


def ticks_down(price: Decimal, unit: Decimal) -> int:
    """Whole price units at or below a price."""
    return int(price // unit)


def ticks_up(price: Decimal, unit: Decimal) -> int:
    """Whole price units at or above a price."""
    whole = int(price // unit)
    return whole if whole * unit == price else whole + 1


class TapeFeed:
    """A tape with its skip indices: over lows and highs, and over the mark price if it has one."""

    __slots__ = ("_index", "_marks", "tape", "unit")

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.unit = tape.price_unit
        self._index = SkipIndex.over(tape.low, tape.high)
        marked = tape.mark_low is not None and tape.mark_high is not None
        self._marks = SkipIndex.over(tape.mark_low, tape.mark_high) if marked else None  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.tape)

    def row(self, number: int) -> Row:
        """Bar `number` as plain integers."""
        tape = self.tape
        time, low, high = tape.ts.item(number), tape.low.item(number), tape.high.item(number)
        mark_low, mark_high = low, high
        if tape.mark_low is not None and tape.mark_high is not None:
            mark_low, mark_high = tape.mark_low.item(number), tape.mark_high.item(number)
        return Row(
            number,
            time,
            time + tape.bar_ns,
            tape.open.item(number),
            high,
            low,
            tape.close.item(number),
            tape.volume.item(number),
            mark_low,
            mark_high,
        )

    def first(self, start: int, levels: tuple[int, int], marks: tuple[int, int]) -> int:
        """The first bar from `start` on that reaches a level, or a level of the mark price."""
        down, up = levels
        if self._marks is None:
            return self._index.first(start, max(down, marks[0]), min(up, marks[1]))
        found = self._index.first(start, down, up)
        return min(found, self._marks.first(start, *marks))

    def at_time(self, time: int) -> int:
        """The first bar that ends at or after `time`, or the length of the tape."""
        return int(np.searchsorted(self.tape.ts, time - self.tape.bar_ns, side="left"))

    def opening(self, time: int) -> int:
        """The first bar that opens at or after `time`, or the length of the tape."""
        return int(np.searchsorted(self.tape.ts, time, side="left"))

    def closing(self, start: int, frame_ns: int) -> int | None:
        """The first bar from `start` on whose end completes a bar of a longer frame, or None."""
        tape = self.tape
        number, count = start, len(tape)
        while number < count:
            end = tape.ts.item(number) + tape.bar_ns
            if end % frame_ns == 0:
                return number
            due = end - end % frame_ns + frame_ns - tape.bar_ns
            number = max(number + 1, self.opening(due))
        return None

    def closed(self, row: Row, frame_ns: int) -> Bar | None:
        """The bar of a longer frame that this bar completes; it may lack bars the tape lacks."""
        if row.end % frame_ns:
            return None
        tape, unit = self.tape, self.unit
        first, last = self.opening(row.end - frame_ns), row.number + 1
        volume = Decimal(repr(float(tape.volume[first:last].sum())))
        return Bar(
            Nanos(row.end - frame_ns),
            Nanos(row.end),
            Price(tape.open.item(first) * unit),
            Price(int(tape.high[first:last].max()) * unit),
            Price(int(tape.low[first:last].min()) * unit),
            Price(row.close * unit),
            Base(volume),
        )
