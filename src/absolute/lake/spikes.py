"""Owns the two signs of a market that is not one: jumps that undo themselves, holes on a schedule.

It knows bars as arrays and nothing of files. The limits were set so that none of two dozen real
bar files, crashes included, shows either sign, and a recorded test network shows both.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

SPIKE_SCALES: Final = 20.0
"""A jump counts from this many local scales on."""
SPIKE_UNDONE: Final = 0.8
"""The share of it that the next bar must take back."""
WINDOW: Final = 61
"""Bars in the local scale, centred on the jump."""
MAD_TO_SIGMA: Final = 1.4826
"""Median absolute deviation to standard deviation, for a normal law."""

LEAST_HOLES: Final = 5
LEAST_SHARE: Final = 0.5


def spikes_of(closes: NDArray[np.float64], joined: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Indices of bars whose close jumps away and comes back with the next bar.

    `joined[i]` says that bar i follows bar i - 1 without a hole. The scale is the median absolute
    log return around the bar, times 1.4826, and never below that of the whole file.
    """
    if len(closes) < 3:
        return np.empty(0, dtype=np.int64)
    moves = np.where(joined, np.diff(np.log(closes), prepend=np.log(closes[0])), 0.0)
    sizes = np.abs(moves)
    moving = sizes[sizes > 0]
    if not len(moving):
        return np.empty(0, dtype=np.int64)
    around = pl.Series(sizes).rolling_median(WINDOW, center=True, min_samples=WINDOW // 2)
    scale = MAD_TO_SIGMA * np.maximum(around.fill_null(0.0).to_numpy(), np.median(moving))
    jump = sizes[:-1] > SPIKE_SCALES * scale[:-1]
    undone = np.abs(moves[:-1] + moves[1:]) < (1 - SPIKE_UNDONE) * sizes[:-1]
    return np.flatnonzero(jump & undone)


def repeated_hole(runs: Sequence[tuple[int, int]]) -> tuple[int, int, int] | None:
    """(bars, missing, times) of the commonest run of bars followed by a hole, if it is a habit.

    `runs` are (bars before the hole, bars missing in it). A habit is at least five times and at
    least half of all holes.
    """
    if not runs:
        return None
    (bars, missing), times = Counter(runs).most_common(1)[0]
    habit = times >= LEAST_HOLES and times >= LEAST_SHARE * len(runs)
    return (bars, missing, times) if habit else None
