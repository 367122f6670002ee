"""Owns the votes of the time frames: how they are counted, and when they change on a tape.

Long counts the frames whose lower bound lies above the price, short those whose upper bound lies
below it: a count, not a strength. Where the bounds come from is not known here.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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


class Told(NamedTuple):
    """Bounds of one frame in whole price units, in force from the close of bar `number` on.

    `low` is rounded up and `high` down, so that whole units compare as the bounds do.
    """

    number: int
    frame: str
    low: int
    high: int


def votes_at_closes(close: NDArray[np.int64], told: Sequence[Told]) -> "Votes":
    """The votes at every close (int64[n], whole price units), from bounds told in order.

    Fast twin of `count_votes`: one comparison of columns for every frame between two changes.
    """
    long, short = np.zeros((2, len(close)), dtype=np.int64)
    frames: dict[str, Told] = {}
    for place, each in enumerate(told):
        frames[each.frame] = each
        end = told[place + 1].number if place + 1 < len(told) else len(close)
        seen = close[each.number : end]
        for bounds in frames.values():
            long[each.number : end] += seen < bounds.low
            short[each.number : end] += seen > bounds.high
    changed = np.flatnonzero(np.diff(long, prepend=0) | np.diff(short, prepend=0))
    pairs = zip(long[changed].tolist(), short[changed].tolist(), strict=True)
    return Votes(changed.tolist(), [Count(*pair) for pair in pairs])


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

    def count(self, number: int) -> Count | None:
        """What the votes change to at the close of a bar, or None."""
        return self._changes.get(number)

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
