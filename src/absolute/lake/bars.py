"""Owns the reading of bars from a file into a tape; repairs nothing and invents nothing.

A row that breaks a rule is refused with its number and time. Only rows inside the asked range are
judged, but every time of the file must be readable, as a row without a time has no place. Missing
bars are no error: they are reported, and the policy for them is stated by the caller.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from absolute.domain.errors import UserError
from absolute.kernels.tape import Tape
from absolute.lake.instants import instant_text, parse_instant
from absolute.lake.rows import (
    BAR_SCHEMA,
    MARK_SCHEMA,
    Fault,
    Rows,
    bar_length,
    describe,
    faults_of,
    rows_of,
)
from absolute.lake.table import Table, read_table


class GapPolicy(StrEnum):
    """What missing bars mean for a run.

    `keep`: resting orders stay, positions are carried over the hole, no bar is invented.
    `refuse`: a file with a hole in the asked range is an error.
    """

    KEEP = "keep"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole: no bar opens from `start_ns` (inclusive) to `end_ns`, the open of the next bar.

    `index` is the bar after the hole; `missing` counts the bars that would fill it, to the nearest
    whole number: 0 where the exchange only shifted its grid.
    """

    index: int
    start_ns: int
    end_ns: int
    missing: int


@dataclass(frozen=True, slots=True)
class BarFile:
    """A tape and where it comes from; `rows_read` counts the file's rows of this market.

    `prices_rounded` counts prices whose last bits carried float noise (see `lake.ticks`).
    """

    tape: Tape
    gaps: tuple[Gap, ...]
    source: str
    sha256: str
    rows_read: int
    symbol: str | None
    prices_rounded: int


def read_bars(
    path: str | Path,
    *,
    start: str | int | None = None,
    end: str | int | None = None,
    price_unit: Decimal | None = None,
    symbol: str | None = None,
) -> BarFile:
    """Bars of one market from Parquet, feather, CSV or JSON arrays.

    `start` (inclusive) and `end` (exclusive) are ISO texts in UTC or ns since 1970; `price_unit`
    overrides the unit found in the file. Raises UserError with a DATA_ code.
    """
    span = _span(start, end)
    if price_unit is not None and not (price_unit.is_finite() and price_unit > 0):
        raise UserError(
            "DATA_PRICE_UNIT",
            f"The price unit {price_unit} is not above zero; give one such as 0.01.",
        )
    return _bars(read_table(Path(path), BAR_SCHEMA), span, price_unit, symbol)


def read_marks(path: str | Path, *, symbol: str | None = None) -> BarFile:
    """Mark price bars: as `read_bars`, but a missing volume column reads as zero."""
    return _bars(read_table(Path(path), MARK_SCHEMA), _span(None, None), None, symbol)


def refuse_gaps(bars: BarFile) -> None:
    """Hold the policy `refuse`: raises UserError DATA_GAP when a bar is missing."""
    if bars.gaps:
        first, holes = bars.gaps[0], len(bars.gaps)
        start, end = instant_text(first.start_ns), instant_text(first.end_ns)
        raise UserError(
            "DATA_GAP",
            f"The file '{bars.source}' lacks {first.missing} bars from {start} to {end}; number of "
            f"holes: {holes}. Choose a range without a hole, or --gaps keep.",
        )


def gaps_of(ts: NDArray[np.int64], bar_ns: int) -> tuple[Gap, ...]:
    """The holes between rising times: every step longer than a bar."""
    after = np.flatnonzero(np.diff(ts) > bar_ns) + 1
    return tuple(
        Gap(
            index=int(i),
            start_ns=int(ts[i - 1]) + bar_ns,
            end_ns=int(ts[i]),
            missing=round(int(ts[i] - ts[i - 1]) / bar_ns) - 1,
        )
        for i in after
    )


@dataclass(frozen=True, slots=True)
class _Span:
    start_ns: int
    end_ns: int


def _span(start: str | int | None, end: str | int | None) -> _Span:
    since = parse_instant(start) if isinstance(start, str) else start or 0
    until = parse_instant(end) if isinstance(end, str) else end
    span = _Span(since, np.iinfo(np.int64).max if until is None else until)
    if span.start_ns >= span.end_ns:
        first, last = instant_text(span.start_ns), instant_text(span.end_ns)
        raise UserError(
            "DATA_RANGE_ORDER",
            f"The range from {first} to {last} is empty; give a start (--from) before the end "
            "(--to).",
        )
    return span


def _bars(table: Table, span: _Span, price_unit: Decimal | None, symbol: str | None) -> BarFile:
    rows = rows_of(table, symbol, price_unit)
    _refuse_unreadable_times(rows)
    bar_ns = bar_length(rows.times.ns)
    chosen = _inside(rows, span)
    _refuse_faults(chosen, bar_ns)
    if bar_ns is None:
        raise UserError(
            "DATA_BAR_LENGTH_UNKNOWN",
            f"The times in '{rows.source}' follow no common step; give a file of "
            "bars of one length.",
        )
    opens, highs, lows, closes = chosen.prices
    tape = Tape.of(
        ts=chosen.times.ns,
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=np.zeros(len(chosen)) if chosen.volume is None else chosen.volume,
        price_unit=chosen.unit,
        bar_ns=bar_ns,
    )
    return BarFile(
        tape=tape,
        gaps=gaps_of(tape.ts, bar_ns),
        source=rows.source,
        sha256=table.sha256,
        rows_read=len(rows),
        symbol=rows.symbol,
        prices_rounded=rows.rounded,
    )


def _inside(rows: Rows, span: _Span) -> Rows:
    ts = rows.times.ns
    inside = (ts >= span.start_ns) & (ts < span.end_ns)
    if not inside.any():
        first, last = instant_text(int(ts.min())), instant_text(int(ts.max()))
        raise UserError(
            "DATA_EMPTY_RANGE",
            f"The file '{rows.source}' has no bar in the asked range; it reaches from {first} to "
            f"{last}. Choose a range inside.",
        )
    return rows if inside.all() else rows.only(inside)


def _refuse_unreadable_times(rows: Rows) -> None:
    bad = np.flatnonzero(~rows.times.usable)
    if len(bad):
        at = int(bad[0])
        fault = Fault.MALFORMED if rows.times.unreadable[at] else Fault.TIME_RANGE
        raise _refusal(rows, fault, at, len(bad))


def _refuse_faults(rows: Rows, bar_ns: int | None) -> None:
    """Raise for the topmost row that breaks a rule; rules are listed by weight within a row."""
    broken = [
        (int(mask.argmax()), fault, mask) for fault, mask in faults_of(rows, bar_ns) if mask.any()
    ]
    if broken:
        at, fault, _ = min(broken, key=lambda found: found[0])
        wrong = np.logical_or.reduce([mask for _, _, mask in broken])
        raise _refusal(rows, fault, at, int(wrong.sum()))


def _refusal(rows: Rows, fault: Fault, at: int, count: int) -> UserError:
    time = instant_text(int(rows.times.ns[at])) if rows.times.usable[at] else "-"
    row, problem = int(rows.number[at]), describe(rows, fault, at)
    return UserError(
        fault.value,
        f"The file '{rows.source}', data row {row} ({time}): {problem}; rows that break a rule: "
        f"{count}. Nothing was mended; `absolute data audit` lists them all.",
    )
