"""Owns the audit of a bar file: names everything odd in it with row and time, changes nothing.

It never raises for a bad row. What the reader would refuse is a fault; what it would accept though
it does not look like a market is a doubt; holes and a shifted grid are remarks; a bar without trade
is only counted.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from absolute.lake.bars import Gap, gaps_of
from absolute.lake.instants import instant_text, span_text
from absolute.lake.rows import (
    MARK_SCHEMA,
    PRICES,
    Fault,
    Rows,
    bar_length,
    describe,
    faults_of,
    rows_of,
    symbols_in,
)
from absolute.lake.spikes import repeated_hole, spikes_of
from absolute.lake.table import read_table

LISTED: Final = 1_000
"""Findings listed of each kind and market; the counts are complete."""


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


class Verdict(StrEnum):
    """Clean; usable with holes or a shifted grid; doubtful as a market; refused by the reader."""

    CLEAN = "clean"
    USABLE = "usable"
    DOUBTFUL = "doubtful"
    REFUSED = "refused"


DOUBTS: Final = frozenset({Kind.SPIKE, Kind.PERIODIC_HOLES})
REMARKS: Final = frozenset({Kind.GAP, Kind.OFF_GRID})
COUNTED: Final = frozenset({Kind.ZERO_VOLUME})

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
class Finding:
    """One oddity: `row` counts data rows from 1, `time` is the bar's open in UTC.

    Either is None where the finding has none: a file-wide finding, an unreadable time.
    """

    kind: Kind
    symbol: str | None
    row: int | None
    time: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Market:
    """One market of the file in figures; `missing` bars between the first and the last."""

    symbol: str | None
    rows: int
    first: str | None
    last: str | None
    bar_seconds: float | None
    price_unit: Decimal | None
    prices_rounded: int
    pieces: int
    missing: int


@dataclass(frozen=True, slots=True)
class AuditReport:
    """All findings of a file; `counts` by kind are complete, `findings` are the first of each."""

    source: str
    sha256: str
    rows: int
    markets: tuple[Market, ...]
    counts: dict[str, int]
    findings: tuple[Finding, ...]
    verdict: Verdict
    sentence: str

    @property
    def clean(self) -> bool:
        """Nothing found but bars without trade."""
        return self.verdict is Verdict.CLEAN


def audit(path: str | Path) -> AuditReport:
    """Everything odd about every market of a bar file.

    Raises UserError only where there are no rows to look at: DATA_FILE_MISSING,
    DATA_FORMAT_UNKNOWN, DATA_COLUMN_MISSING, DATA_EMPTY, or a row that is torn apart.
    """
    table = read_table(Path(path), MARK_SCHEMA)
    markets: list[Market] = []
    findings: list[Finding] = []
    counts: Counter[str] = Counter()
    for symbol in symbols_in(table) or [None]:
        search = _Search(rows_of(table, symbol))
        search.run()
        markets.append(search.market())
        findings += search.findings
        counts.update(search.counts)
    verdict = _verdict(counts)
    return AuditReport(
        source=table.source,
        sha256=table.sha256,
        rows=len(table.frame),
        markets=tuple(markets),
        counts=dict(counts),
        findings=tuple(findings),
        verdict=verdict,
        sentence=_SENTENCES[verdict].format(source=table.source),
    )


_SENTENCES: Final = {
    Verdict.CLEAN: "The file '{source}' is clean.",
    Verdict.USABLE: "The file '{source}' is usable: its bars are right, but some are missing or "
    "off the grid.",
    Verdict.DOUBTFUL: "The file '{source}' can be read but does not look like a market: compare it "
    "with a second source before any use.",
    Verdict.REFUSED: "The file '{source}' breaks the rules of bars and is refused by every command "
    "that reads the rows named here.",
}


def _verdict(counts: Counter[str]) -> Verdict:
    kinds = {Kind(kind) for kind in counts} - COUNTED
    if not kinds:
        return Verdict.CLEAN
    if kinds <= REMARKS:
        return Verdict.USABLE
    return Verdict.DOUBTFUL if kinds <= REMARKS | DOUBTS else Verdict.REFUSED


class _Search:
    """One walk over the rows of one market; collects findings and counts."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.findings: list[Finding] = []
        self.counts: Counter[str] = Counter()
        self.bar_ns = bar_length(rows.times.ns[rows.times.usable])
        self.sound = np.ones(len(rows), dtype=np.bool_)
        self.gaps: tuple[Gap, ...] = ()

    def run(self) -> None:
        """Judge rows first, then the sequence of those that are sound."""
        for fault, mask in faults_of(self.rows, self.bar_ns):
            self.sound &= ~mask
            if fault is Fault.DUPLICATE:
                self._repeats(mask)
            else:
                self._add(KIND_OF[fault], mask, lambda at, f=fault: describe(self.rows, f, at))
        if self.rows.volume is not None:
            empty = self.sound & (self.rows.volume == 0)
            self._add(Kind.ZERO_VOLUME, empty, lambda _: "nothing was traded in this bar")
        if self.rows.unit is None:
            self._note(Kind.PRICE_UNIT, None, "no decimal unit down to 0.0000000001 fits the prices")
        if self.bar_ns is None:
            self._note(Kind.BAR_LENGTH, None, "the times follow no common step")
        else:
            self._sequence(np.flatnonzero(self.sound), self.bar_ns)

    def market(self) -> Market:
        """The figures of this market."""
        ts = self.rows.times.ns[self.rows.times.usable]
        return Market(
            symbol=self.rows.symbol,
            rows=len(self.rows),
            first=instant_text(int(ts.min())) if len(ts) else None,
            last=instant_text(int(ts.max())) if len(ts) else None,
            bar_seconds=None if self.bar_ns is None else self.bar_ns / 1e9,
            price_unit=self.rows.unit,
            prices_rounded=self.rows.rounded,
            pieces=len(self.gaps) + 1,
            missing=sum(gap.missing for gap in self.gaps),
        )

    def _sequence(self, sound: NDArray[np.int64], bar_ns: int) -> None:
        """Holes, grid and jumps of the sound rows, brought into rising order."""
        ts = self.rows.times.ns[sound]
        order = np.argsort(ts, kind="stable")
        at, ts = sound[order], ts[order]
        self.gaps = gaps_of(ts, bar_ns)
        for gap in self.gaps[:LISTED]:
            self._note(Kind.GAP, int(at[gap.index]), _gap_text(gap), time_ns=gap.start_ns)
        self.counts[Kind.GAP] += max(0, len(self.gaps) - LISTED)
        edges = [0, *(gap.index for gap in self.gaps)]
        runs = [(gap.index - edge, gap.missing) for gap, edge in zip(self.gaps, edges, strict=False)]
        self._schedule(repeated_hole(runs))
        self._grid(at, ts % bar_ns, bar_ns)
        closes = self.rows.prices[PRICES.index("close")][at].astype(np.float64)
        spikes = spikes_of(closes, np.diff(ts, prepend=ts[:1]) == bar_ns)
        for i in spikes.tolist():
            change = closes[i] / closes[i - 1] - 1
            self._note(Kind.SPIKE, int(at[i]), f"the close jumps by {change:+.2%} and comes back")

    def _schedule(self, habit: tuple[int, int, int] | None) -> None:
        if habit is not None:
            bars, missing, times = habit
            text = f"{times} times {bars} bars are followed by a hole of {missing} bars"
            self._note(Kind.PERIODIC_HOLES, None, text)

    def _grid(self, at: NDArray[np.int64], phase: NDArray[np.int64], bar_ns: int) -> None:
        """Rows that do not open where the others do, modulo the bar length; one line per run."""
        phases, counts = np.unique(phase, return_counts=True)
        if len(phases) < 2:
            return
        usual = phases[counts.argmax()]
        off = np.flatnonzero(phase != usual)
        for run in np.split(off, np.flatnonzero(np.diff(off) > 1) + 1)[:LISTED]:
            after = int(phase[run[0]] - usual) % bar_ns
            late = after <= bar_ns // 2
            shift = span_text(after if late else bar_ns - after)
            text = f"{len(run)} bars open {shift} {'after' if late else 'before'} the grid"
            self._note(Kind.OFF_GRID, int(at[run[0]]), text, count=len(run))

    def _repeats(self, mask: NDArray[np.bool_]) -> None:
        """Split repeated times into equal copies and restated bars."""
        ts, number = self.rows.times.ns, self.rows.number
        cells = self.rows.cells.select(c for c in self.rows.cells.columns if c in _VALUES)
        first: dict[int, int] = {}
        for at in np.flatnonzero(np.isin(ts, ts[mask])).tolist():
            origin = first.setdefault(int(ts[at]), at)
            if not mask[at]:
                continue
            old, new = cells.row(origin, named=True), cells.row(at, named=True)
            changed = [f"{k} {old[k]} -> {new[k]}" for k in old if old[k] != new[k]]
            if changed:
                text = f"row {number[origin]} gives this bar otherwise: {', '.join(changed)}"
                self._note(Kind.RESTATED, at, text)
            else:
                self._note(Kind.DUPLICATE, at, f"the same bar as in row {number[origin]}")

    def _add(self, kind: Kind, mask: NDArray[np.bool_], tell: Callable[[int], str]) -> None:
        found = np.flatnonzero(mask)
        for at in found[:LISTED].tolist():
            self._note(kind, at, tell(at))
        if len(found) > LISTED:
            self.counts[kind] += len(found) - LISTED

    def _note(
        self, kind: Kind, at: int | None, detail: str, *, time_ns: int | None = None, count: int = 1
    ) -> None:
        """List a finding unless its kind fills its share of the list already; count it anyhow."""
        self.counts[kind] += count
        if time_ns is None and at is not None and self.rows.times.usable[at]:
            time_ns = int(self.rows.times.ns[at])
        row = None if at is None else int(self.rows.number[at])
        time = None if time_ns is None else instant_text(time_ns)
        self.findings.append(Finding(kind, self.rows.symbol, row, time, detail))


_VALUES: Final = frozenset({*PRICES, "volume"})


def _gap_text(gap: Gap) -> str:
    length = span_text(gap.end_ns - gap.start_ns)
    return f"{gap.missing} bars are missing until {instant_text(gap.end_ns)} ({length})"
