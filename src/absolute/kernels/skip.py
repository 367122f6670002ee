"""Owns the search for the first bar that can matter; knows nothing of orders.

A resting order matters to a bar only if the bar's low or high reaches its level, so between two
events a whole tape collapses to one question: where is the first bar with low <= `down` or
high >= `up`? Minima and maxima of blocks, built once per tape, answer it without reading the bars
between. `first_hit_plain` defines the answer; the compiled search must agree with it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

BLOCK: Final = 128
NEVER_DOWN: Final = -1
"""A level no price is below: nothing waits for a fall."""
NEVER_UP: Final = int(np.iinfo(np.int64).max)
"""A level no price is above: nothing waits for a rise."""

Ticks = NDArray[np.int64]


def first_hit_plain(low: Ticks, high: Ticks, *, start: int, down: int, up: int) -> int:
    """The first index from `start` on with low <= down or high >= up, or the length."""
    hits = np.flatnonzero((low[start:] <= down) | (high[start:] >= up))
    return start + int(hits[0]) if len(hits) else len(low)


@njit(cache=True)
def first_hit(
    low: Ticks, high: Ticks, minima: Ticks, maxima: Ticks, start: int, down: int, up: int
) -> int:
    """The compiled twin of `first_hit_plain`, over blocks; compiled code may call it too."""
    count = len(low)
    index = start
    edge = min((start // BLOCK + 1) * BLOCK, count)
    while index < edge:
        if low[index] <= down or high[index] >= up:
            return index
        index += 1
    block = index // BLOCK
    while block < len(minima):
        if minima[block] <= down or maxima[block] >= up:
            break
        block += 1
    index = max(index, block * BLOCK)
    while index < count:
        if low[index] <= down or high[index] >= up:
            return index
        index += 1
    return count


@dataclass(frozen=True, slots=True, eq=False)
class SkipIndex:
    """Lows and highs int64[n] with the extremes of every block of `BLOCK` bars."""

    low: Ticks
    high: Ticks
    minima: Ticks
    maxima: Ticks

    @classmethod
    def over(cls, low: Ticks, high: Ticks) -> "SkipIndex":
        """Build the block extremes: one pass, about two milliseconds a million bars."""
        whole = len(low) // BLOCK * BLOCK
        minima = low[:whole].reshape(-1, BLOCK).min(axis=1)
        maxima = high[:whole].reshape(-1, BLOCK).max(axis=1)
        if whole < len(low):
            minima = np.append(minima, low[whole:].min())
            maxima = np.append(maxima, high[whole:].max())
        return cls(low, high, minima, maxima)

    def first(self, start: int, down: int, up: int) -> int:
        """The first index from `start` on with low <= down or high >= up, or the length."""
        return int(first_hit(self.low, self.high, self.minima, self.maxima, start, down, up))
