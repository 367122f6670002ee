"""Owns the verdict on a bar file: what is odd in it, by row and time, and whether to trust it.

It never raises for a bad row and changes nothing. What the reader would refuse is a fault; what
it accepts though it does not look like a market is a doubt; holes and a shifted grid are remarks;
a bar without trade is only counted.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final

from absolute.lake.bars import Gap
from absolute.lake.instants import moment, span_text
from absolute.lake.oddities import Batch, Kind, batches_of, market_gaps
from absolute.lake.rows import MARK_SCHEMA, Rows, bar_length, rows_of
from absolute.lake.table import names_in, read_table

LISTED: Final = 1_000
"""Findings listed of each kind in each market; the counts are complete."""

DOUBTS: Final = frozenset({Kind.SPIKE, Kind.PERIODIC_HOLES})
REMARKS: Final = frozenset({Kind.GAP, Kind.OFF_GRID})
COUNTED: Final = frozenset({Kind.ZERO_VOLUME})


class Verdict(StrEnum):
    """Clean; usable with holes or a shifted grid; doubtful as a market; refused by the reader."""

    CLEAN = "clean"
    USABLE = "usable"
    DOUBTFUL = "doubtful"
    REFUSED = "refused"


SENTENCES: Final = {
    Verdict.CLEAN: "The file '{source}' is clean.",
    Verdict.USABLE: "The file '{source}' is usable; bars are missing or lie off the grid.",
    Verdict.DOUBTFUL: "The file '{source}' does not look like a market; compare it with a second "
    "source before any use.",
    Verdict.REFUSED: "The file '{source}' breaks the rules of bars; every command refuses the rows "
    "named here.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One oddity: `row` counts data rows from 1, `time` is a bar's open in UTC.

    Either is None where there is none: a finding about the whole file, an unreadable time.
    """

    kind: Kind
    symbol: str | None
    row: int | None
    time: datetime | None
    detail: str


@dataclass(frozen=True, slots=True)
class Market:
    """One market of the file in figures; `missing` bars between the first and the last."""

    symbol: str | None
    rows: int
    first: datetime | None
    last: datetime | None
    bar_length: str | None
    bar_seconds: float | None
    price_unit: Decimal
    prices_rounded: int
    pieces: int
    missing: int


@dataclass(frozen=True, slots=True)
class AuditReport:
    """All about a file: `counts` of bars by kind are complete, `findings` the first of each."""

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
        """Nothing was found but bars without trade."""
        return self.verdict is Verdict.CLEAN


def audit(path: str | Path) -> AuditReport:
    """Everything odd about every market of a bar file; a volume column may be missing.

    Raises UserError only where there are no rows to look at: DATA_FILE_MISSING,
    DATA_FORMAT_UNKNOWN, DATA_COLUMN_MISSING or DATA_EMPTY.
    """
    table = read_table(Path(path), MARK_SCHEMA)
    markets: list[Market] = []
    findings: list[Finding] = []
    counts: Counter[str] = Counter()
    symbols: list[str | None] = [*names_in(table, "symbol")] or [None]
    for symbol in symbols:
        rows = rows_of(table, symbol)
        bar_ns = bar_length(rows.times.ns[rows.times.usable])
        gaps = market_gaps(rows, bar_ns)
        markets.append(_market(rows, bar_ns, gaps))
        for batch in batches_of(rows, bar_ns, gaps):
            counts[batch.kind.value] += _size(batch)
            findings += _listed(rows, batch)
    verdict = _verdict({Kind(kind) for kind, count in counts.items() if count})
    return AuditReport(
        source=table.source,
        sha256=table.sha256,
        rows=len(table.frame),
        markets=tuple(markets),
        counts={kind: count for kind, count in counts.items() if count},
        findings=tuple(findings),
        verdict=verdict,
        sentence=SENTENCES[verdict].format(source=table.source),
    )


def _verdict(kinds: set[Kind]) -> Verdict:
    if kinds <= COUNTED:
        return Verdict.CLEAN
    if kinds <= COUNTED | REMARKS:
        return Verdict.USABLE
    return Verdict.DOUBTFUL if kinds <= COUNTED | REMARKS | DOUBTS else Verdict.REFUSED


def _market(rows: Rows, bar_ns: int | None, gaps: tuple[Gap, ...]) -> Market:
    ts = rows.times.ns[rows.times.usable]
    return Market(
        symbol=rows.symbol,
        rows=len(rows),
        first=moment(int(ts.min())) if len(ts) else None,
        last=moment(int(ts.max())) if len(ts) else None,
        bar_length=None if bar_ns is None else span_text(bar_ns),
        bar_seconds=None if bar_ns is None else bar_ns / 1e9,
        price_unit=rows.unit,
        prices_rounded=rows.rounded,
        pieces=len(gaps) + 1,
        missing=sum(gap.missing for gap in gaps),
    )


def _size(batch: Batch) -> int:
    if batch.counts is not None:
        return sum(batch.counts)
    return 1 if batch.at is None else len(batch.at)


def _listed(rows: Rows, batch: Batch) -> list[Finding]:
    if batch.at is None:
        return [Finding(batch.kind, rows.symbol, None, None, batch.tell(0))]
    return [
        Finding(
            kind=batch.kind,
            symbol=rows.symbol,
            row=int(rows.number[at]),
            time=_time(rows, at) if batch.times is None else moment(batch.times[i]),
            detail=batch.tell(i),
        )
        for i, at in enumerate(batch.at[:LISTED])
    ]


def _time(rows: Rows, at: int) -> datetime | None:
    return moment(int(rows.times.ns[at])) if rows.times.usable[at] else None
