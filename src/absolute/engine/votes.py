"""Owns the votes of the time frames: how they are counted, and when they change on a tape.

Long counts the frames whose lower bound lies above the price, short those whose upper bound lies
below it: a count, not a strength. Where the bounds come from is not known here.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from absolute.domain.messages import VotesChanged
from absolute.domain.units import Nanos, Price
from absolute.kernels.feed import Row


class Bounds(NamedTuple):
    """Where one frame expects the next candle to stay."""

    low: Decimal
    high: Decimal


class Count(NamedTuple):
    """How many frames see the price below their low, and how many above their high."""

    long: int
    short: int


NOBODY = Count(0, 0)


def count_votes(frames: Iterable[Bounds], price: Decimal) -> Count:
    """The votes of some frames at a price; a price on a bound is inside."""
    told = tuple(frames)
    long = sum(1 for frame in told if frame.low > price)
    return Count(long, sum(1 for frame in told if frame.high < price))


class Votes:
    """Votes as they stand from the close of some bars on; only a change is an event."""

    __slots__ = ("_changes", "_numbers")

    def __init__(self, numbers: Sequence[int], counts: Sequence[Count]) -> None:
        self._changes: dict[int, Count] = {}
        before = NOBODY
        for number, count in zip(numbers, counts, strict=True):
            if count != before:
                self._changes[number] = before = count
        self._numbers = sorted(self._changes)

    def __len__(self) -> int:
        return len(self._numbers)

    def next(self, start: int) -> int | None:
        """The first bar from `start` on at whose close the votes change."""
        place = bisect_left(self._numbers, start)
        return self._numbers[place] if place < len(self._numbers) else None

    def due(self, row: Row, unit: Decimal) -> VotesChanged | None:
        """The change at the close of this bar."""
        count = self._changes.get(row.number)
        if count is None:
            return None
        return VotesChanged(Nanos(row.end), count.long, count.short, Price(row.close * unit))
