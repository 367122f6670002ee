"""Owns the market of the benchmark: made up from a seed or read from a file, with its signals.

It must not know who will work on it.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from absolute.desk.language import _
from absolute.domain.errors import UserError
from absolute.domain.units import NANOS_PER_SECOND
from absolute.kernels.synth import synth_tape
from absolute.kernels.tape import Tape
from absolute.lake.bars import read_bars

BARS_MIN: Final = 1_000

SEED: Final = 7
START_NS: Final = 1_609_459_200 * NANOS_PER_SECOND
BAR_NS: Final = 60 * NANOS_PER_SECOND
FIRST_PRICE: Final = Decimal(30_000)
TICK: Final = Decimal("0.01")

FAST_BARS, SLOW_BARS = 18, 60
"""Chosen so that the made-up market of a million bars crosses about 20,000 times."""


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """The bars, and whether each close asks for a position (bool[n], equally long)."""

    tape: Tape
    signals: NDArray[np.bool_]


def made_up_market(bars: int) -> Market:
    """The seeded market: every open is the close before it, and no bar is missing."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    tape = synth_tape(
        rng,
        bars=bars,
        start_ns=START_NS,
        bar_ns=BAR_NS,
        first_price=FIRST_PRICE,
        price_unit=TICK,
    )
    return _with_signals(tape)


def read_market(path: Path, bars: int) -> Market:
    """At most `bars` bars of the longest stretch without a gap, since the peers differ over one.

    Raises UserError BENCH_DATA_SHORT, or what reading the file raises.
    """
    tape = read_bars(path).tape
    start, stop = max(tape.pieces(), key=lambda piece: piece[1] - piece[0])
    if stop - start < BARS_MIN:
        message = _("{path} has no {least} bars without a gap; choose a longer file.")
        raise UserError("BENCH_DATA_SHORT", message.format(path=path, least=BARS_MIN))
    return _with_signals(tape.slice(start, min(stop, start + bars)))


def _with_signals(tape: Tape) -> Market:
    return Market(tape, cross_signals(tape.close, FAST_BARS, SLOW_BARS))


def cross_signals(close: NDArray[np.int64], fast: int, slow: int) -> NDArray[np.bool_]:
    """Whether the fast average of closes is above the slow one at each close; bool[n].

    In whole numbers, so that nobody can disagree about a tie. No signal before `slow` bars.
    """
    total = np.concatenate(([0], np.cumsum(close)))
    signals = np.zeros(len(close), dtype=np.bool_)
    ends = total[slow:]
    fast_sums, slow_sums = ends - total[slow - fast : -fast], ends - total[:-slow]
    signals[slow - 1 :] = fast_sums * slow > slow_sums * fast
    return signals


def save_market(market: Market, file: Path) -> None:
    """Write the market as the runners read it: int64 columns and the signals, one .npz file."""
    tape = market.tape
    np.savez(
        file,
        ts=tape.ts,
        open=tape.open,
        high=tape.high,
        low=tape.low,
        close=tape.close,
        signals=market.signals,
    )
