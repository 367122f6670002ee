"""Owns what a perpetual adds to its bars: funding rates and the mark price, joined exactly.

Funding is a list of instants with a rate each. No interval is assumed: venues pay every hour, every
four or every eight, change it, and stamp it some milliseconds late; a reader of this list must
charge at each instant as it stands. A mark price is attached only where it covers every bar.
"""

import math
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from absolute.domain.errors import UserError
from absolute.kernels.tape import MARK_COLUMNS, Tape
from absolute.lake.bars import read_marks
from absolute.lake.instants import instant_text, read_instants, span_text
from absolute.lake.rows import repeats
from absolute.lake.table import SYMBOL_SPELLINGS, TIME_SPELLINGS, Schema, Table, only, read_table

FUNDING_SCHEMA: Final = Schema(
    spellings={
        "ts": (
            *("funding_time", "fundingtime", "funding_rate_timestamp", "fundingratetimestamp"),
            *("calc_time", *TIME_SPELLINGS),
        ),
        "rate": ("funding_rate", "fundingrate", "last_funding_rate", "rate", "funding"),
        "symbol": SYMBOL_SPELLINGS,
        "exchange": ("exchange", "venue"),
    },
    needed=("ts", "rate"),
    bare={},
)
LARGEST_RATE: Final = Decimal("0.5")
"""A fraction of a position per payment beyond this is a percent written where a ratio belongs."""


@dataclass(frozen=True, slots=True, eq=False)
class FundingSeries:
    """Payments of one perpetual: `ts` int64[n] rising ns UTC, `rates` as fractions per payment.

    A positive rate is paid by longs to shorts.
    """

    ts: NDArray[np.int64]
    rates: tuple[Decimal, ...]
    source: str
    sha256: str

    def __len__(self) -> int:
        return len(self.rates)

    def between(self, start_ns: int, end_ns: int) -> "FundingSeries":
        """The payments from `start_ns` (inclusive) to `end_ns` (exclusive)."""
        first, last = np.searchsorted(self.ts, [start_ns, end_ns]).tolist()
        return replace(self, ts=self.ts[first:last], rates=self.rates[first:last])


def read_funding(
    path: str | Path, *, symbol: str | None = None, exchange: str | None = None
) -> FundingSeries:
    """The funding payments of one market at one venue; rates are the decimals the file shows.

    Raises UserError DATA_SYMBOL_NEEDED, DATA_EXCHANGE_NEEDED, DATA_ROW_MALFORMED,
    DATA_FUNDING_RANGE, DATA_DUPLICATE_TIME, DATA_OUT_OF_ORDER, or as `read_table`.
    """
    table = only(read_table(Path(path), FUNDING_SCHEMA), "exchange", exchange)
    cells = only(table, "symbol", symbol).frame
    times = read_instants(cells["ts"])
    rates = [_rate(text) for text in cells["rate"].cast(pl.String)]
    torn = frozenset(table.torn)
    for at, (row, rate) in enumerate(zip(cells["row"], rates, strict=True)):
        if rate is None or not times.usable[at] or row in torn:
            shown = f"{cells['ts'][at]}, {cells['rate'][at]}"
            problem = f"a value is missing or unreadable ({shown})"
            raise _refusal(table, "DATA_ROW_MALFORMED", row, problem)
        if abs(rate) > LARGEST_RATE:
            problem = f"the rate {rate} is no fraction, such as 0.0001 for 0.01 %"
            raise _refusal(table, "DATA_FUNDING_RANGE", row, problem)
    if (twice := repeats(times.ns)).any():
        problem = "the time stands in an earlier row already"
        raise _refusal(table, "DATA_DUPLICATE_TIME", cells["row"][int(twice.argmax())], problem)
    if (back := np.diff(times.ns, prepend=times.ns[:1]) < 0).any():
        problem = "the time lies before that of the row above"
        raise _refusal(table, "DATA_OUT_OF_ORDER", cells["row"][int(back.argmax())], problem)
    exact = tuple(rate for rate in rates if rate is not None)
    return FundingSeries(ts=times.ns, rates=exact, source=table.source, sha256=table.sha256)


def _rate(text: str | None) -> Decimal | None:
    """The decimal of the shortest text that stands for the file's number; None if there is none."""
    try:
        rate = Decimal((text or "").strip())
    except InvalidOperation:
        return None
    return rate if rate.is_finite() else None


def _refusal(table: Table, code: str, row: int, problem: str) -> UserError:
    return UserError(
        code, f"The file '{table.source}', data row {row}: {problem}; nothing was mended."
    )


def align_mark(tape: Tape, path: str | Path, *, symbol: str | None = None) -> Tape:
    """The tape with the mark prices of a bar file of the same bar length and the same times.

    Where the mark price has finer steps, the whole tape is given in the finer unit, so that
    nothing is rounded. Raises UserError DATA_MARK_LENGTH or DATA_MARK_MISSING.
    """
    marks = read_marks(path, symbol=symbol)
    if marks.tape.bar_ns != tape.bar_ns:
        have, need = span_text(marks.tape.bar_ns), span_text(tape.bar_ns)
        raise UserError(
            "DATA_MARK_LENGTH",
            f"The mark bars in '{marks.source}' last {have}, the price bars {need}; give mark bars "
            "of the same length.",
        )
    at = np.searchsorted(marks.tape.ts, tape.ts)
    lacking = marks.tape.ts[np.minimum(at, len(marks.tape) - 1)] != tape.ts
    if lacking.any():
        count, total = int(lacking.sum()), len(tape)
        first = instant_text(int(tape.ts[lacking.argmax()]))
        raise UserError(
            "DATA_MARK_MISSING",
            f"The file '{marks.source}' has no mark price for {count} of {total} bars, the first "
            f"at {first}; choose a range that it covers.",
        )
    unit = _common_unit(tape.price_unit, marks.tape.price_unit)
    fine, by = _in_unit(tape, unit), int(marks.tape.price_unit / unit)
    return Tape.of(
        ts=fine.ts,
        open=fine.open,
        high=fine.high,
        low=fine.low,
        close=fine.close,
        volume=fine.volume,
        price_unit=unit,
        bar_ns=tape.bar_ns,
        **{name: getattr(marks.tape, name[5:])[at] * by for name in MARK_COLUMNS},
    )


def _common_unit(one: Decimal, other: Decimal) -> Decimal:
    """The largest unit of which both are whole multiples."""
    (a, b), (c, d) = one.as_integer_ratio(), other.as_integer_ratio()
    under = math.lcm(b, d)
    return Decimal(math.gcd(a * (under // b), c * (under // d))) / under


def _in_unit(tape: Tape, unit: Decimal) -> Tape:
    by = int(tape.price_unit / unit)
    if by == 1:
        return tape
    return replace(
        tape,
        open=tape.open * by,
        high=tape.high * by,
        low=tape.low * by,
        close=tape.close * by,
        price_unit=unit,
    )
