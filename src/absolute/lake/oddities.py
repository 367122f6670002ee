"""Owns the search of one market's rows for everything odd, in batches of one kind.

It knows the rules of rows and the signs of a market that is not one; it neither counts nor judges.
A batch tells its text only when asked, as a broken file may hold a million oddities.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from absolute.lake.bars import Gap, gaps_of
from absolute.lake.instants import instant_text, span_text
from absolute.lake.rows import PRICES, Fault, Rows, describe, faults_of
from absolute.lake.spikes import repeated_hole, spikes_of

VALUES: Final = (*PRICES, "volume")


class Kind(StrEnum):
    """What can be odd about a row or a file."""

    MALFORMED = "malformed"
    TIME_RANGE = "time_range"
    PRICE_NOT_POSITIVE = "price_not_positive"
    PRICE_UNIT = "price_unit"
    VOLUME_NEGATIVE = "volume_negative"
    OHLC_VIOLATION = "ohlc_violation"
    DUPLICATE = "duplicate"
    RESTATED = "restated"
    OUT_OF_ORDER = "out_of_order"
    OVERLAP = "overlap"
    BAR_LENGTH = "bar_length"
    SPIKE = "spike"
    PERIODIC_HOLES = "periodic_holes"
    GAP = "gap"
    OFF_GRID = "off_grid"
    ZERO_VOLUME = "zero_volume"


KIND_OF: Final = {
    Fault.MALFORMED: Kind.MALFORMED,
    Fault.TIME_RANGE: Kind.TIME_RANGE,
    Fault.PRICE: Kind.PRICE_NOT_POSITIVE,
    Fault.UNIT: Kind.PRICE_UNIT,
    Fault.VOLUME: Kind.VOLUME_NEGATIVE,
    Fault.OHLC: Kind.OHLC_VIOLATION,
    Fault.DUPLICATE: Kind.DUPLICATE,
    Fault.ORDER: Kind.OUT_OF_ORDER,
    Fault.OVERLAP: Kind.OVERLAP,
}


@dataclass(frozen=True, slots=True)
class Batch:
    """Oddities of one kind: `at` indices into the rows, `tell(i)` the text of the i-th.

    `at` is None for the file as a whole; `counts` says for how many bars each stands, if not one;
    `times` (ns) replaces the rows' own times.
    """

    kind: Kind
    at: Sequence[int] | None
    tell: Callable[[int], str]
    counts: Sequence[int] | None = None
    times: Sequence[int] | None = None


def batches_of(rows: Rows, bar_ns: int | None, gaps: tuple[Gap, ...]) -> Iterator[Batch]:
    """Every oddity of the rows; `gaps` are those of `sound_order`."""
    for fault, mask in faults_of(rows, bar_ns):
        at = np.flatnonzero(mask).tolist()
        if fault is Fault.DUPLICATE:
            yield from _repeats(rows, at)
        else:
            yield Batch(KIND_OF[fault], at, lambda i, f=fault, at=at: describe(rows, f, at[i]))  # type: ignore[misc]
    if bar_ns is None:
        yield _whole(Kind.BAR_LENGTH, "the times follow no common step")
        return
    at_sound = sound_order(rows, bar_ns)
    if rows.volume is not None:
        empty = at_sound[rows.volume[at_sound] == 0].tolist()
        yield Batch(Kind.ZERO_VOLUME, empty, lambda _: "nothing was traded in this bar")
    yield from _holes(gaps, at_sound)
    yield from _shifts(rows, at_sound, bar_ns)
    yield from _jumps(rows, at_sound, bar_ns)


def sound_order(rows: Rows, bar_ns: int | None) -> NDArray[np.int64]:
    """Indices of the rows that break no rule but order, by rising time."""
    broken = np.zeros(len(rows), dtype=np.bool_)
    for fault, mask in faults_of(rows, bar_ns):
        if fault is not Fault.ORDER:
            broken |= mask
    sound = np.flatnonzero(~broken)
    return sound[np.argsort(rows.times.ns[sound], kind="stable")]


def market_gaps(rows: Rows, bar_ns: int | None) -> tuple[Gap, ...]:
    """The holes between the sound rows; `index` counts sound rows."""
    if bar_ns is None:
        return ()
    return gaps_of(rows.times.ns[sound_order(rows, bar_ns)], bar_ns)


def _whole(kind: Kind, text: str) -> Batch:
    return Batch(kind, None, lambda _: text)


def _repeats(rows: Rows, repeated: list[int]) -> Iterator[Batch]:
    """Repeated times, split into equal copies and restated bars."""
    ts = rows.times.ns
    names = [name for name in VALUES if name in rows.cells.columns]
    cells = rows.cells.select(names)
    origin: dict[int, int] = {}
    for at in np.flatnonzero(np.isin(ts, ts[repeated])).tolist():
        origin.setdefault(int(ts[at]), at)
    first = [origin[int(ts[at])] for at in repeated]
    changed = [cells.row(a) != cells.row(b) for a, b in zip(first, repeated, strict=True)]
    pairs = list(zip(first, repeated, strict=True))
    copies = [pair for pair, differs in zip(pairs, changed, strict=True) if not differs]
    others = [pair for pair, differs in zip(pairs, changed, strict=True) if differs]

    def tell_other(i: int) -> str:
        a, b = others[i]
        old, new = cells.row(a, named=True), cells.row(b, named=True)
        values = ", ".join(
            f"{name} {old[name]} -> {new[name]}" for name in names if old[name] != new[name]
        )
        return f"row {rows.number[a]} gives the same bar otherwise: {values}"

    yield Batch(
        Kind.DUPLICATE,
        [at for _, at in copies],
        lambda i: f"the same bar as in row {rows.number[copies[i][0]]}",
    )
    yield Batch(Kind.RESTATED, [at for _, at in others], tell_other)


def _holes(gaps: tuple[Gap, ...], at: NDArray[np.int64]) -> Iterator[Batch]:
    """Missing bars one by one, and holes that come on a schedule."""

    def tell(i: int) -> str:
        gap = gaps[i]
        length = span_text(gap.end_ns - gap.start_ns)
        if not gap.missing:
            return f"the next bar opens {length} late"
        return f"bars missing: {gap.missing}, until {instant_text(gap.end_ns)} ({length})"

    starts = [gap.start_ns for gap in gaps]
    yield Batch(Kind.GAP, [int(at[gap.index]) for gap in gaps], tell, times=starts)
    edges = [0, *(gap.index for gap in gaps)]
    runs = [(gap.index - edge, gap.missing) for gap, edge in zip(gaps, edges, strict=False)]
    if habit := repeated_hole(runs):
        bars, missing, times = habit
        yield _whole(
            Kind.PERIODIC_HOLES,
            f"{times} times {bars} bars are followed by a hole of {missing} bars",
        )


def _shifts(rows: Rows, at: NDArray[np.int64], bar_ns: int) -> Iterator[Batch]:
    """Runs of bars that do not open where the others do, modulo the bar length."""
    phase = rows.times.ns[at] % bar_ns
    phases, counts = np.unique(phase, return_counts=True)
    if len(phases) < 2:
        return
    usual = phases[counts.argmax()]
    off = np.flatnonzero(phase != usual)
    runs = np.split(off, np.flatnonzero(np.diff(off) > 1) + 1)

    def tell(i: int) -> str:
        after = int(phase[runs[i][0]] - usual) % bar_ns
        late = after <= bar_ns // 2
        shift = span_text(after if late else bar_ns - after)
        return f"bars that open {shift} {'after' if late else 'before'} the grid: {len(runs[i])}"

    first = [int(at[run[0]]) for run in runs]
    yield Batch(Kind.OFF_GRID, first, tell, counts=[len(run) for run in runs])


def _jumps(rows: Rows, at: NDArray[np.int64], bar_ns: int) -> Iterator[Batch]:
    """Closes that jump away and come back with the next bar."""
    ts = rows.times.ns[at]
    closes = rows.prices[PRICES.index("close")][at].astype(np.float64)
    spikes = spikes_of(closes, np.diff(ts, prepend=ts[:1]) == bar_ns).tolist()
    changes = [closes[i] / closes[i - 1] - 1 for i in spikes]
    yield Batch(
        Kind.SPIKE,
        [int(at[i]) for i in spikes],
        lambda i: f"the close jumps by {changes[i]:+.2%} and the next bar takes it back",
    )
