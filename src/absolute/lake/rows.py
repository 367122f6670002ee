"""Owns the rows of one market as a file holds them, and the rules that make a row a bar.

It finds every breach of a rule and judges none: the reader refuses a breach, the audit lists it.
Prices are whole units, so the rules compare exact numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from absolute.domain.errors import UserError
from absolute.domain.units import plain
from absolute.lake.instants import Instants, read_instants
from absolute.lake.table import (
    SYMBOL_SPELLINGS,
    TIME_SPELLINGS,
    Schema,
    Table,
    names_in,
    only,
)
from absolute.lake.ticks import read_ticks

PRICES: Final = ("open", "high", "low", "close")
_BARE_6: Final = ("ts", *PRICES, "volume")
_BARE_12: Final = (
    *_BARE_6,
    *("close_time", "quote_volume", "trades", "taker_buy_base", "taker_buy_quote", "ignore"),
)
MARK_SCHEMA: Final = Schema(
    spellings={
        "ts": TIME_SPELLINGS,
        "open": ("open", "o", "open_price", "openprice"),
        "high": ("high", "h", "high_price", "highprice"),
        "low": ("low", "l", "low_price", "lowprice"),
        "close": ("close", "c", "close_price", "closeprice"),
        "volume": ("volume", "vol", "v", "base_volume", "volume_base"),
        "symbol": SYMBOL_SPELLINGS,
    },
    needed=("ts", *PRICES),
    bare={6: _BARE_6, 7: (*_BARE_6, "turnover"), 12: _BARE_12},
)
"""Bars that may lack a volume, as mark prices do. Bare files: ccxt; Bybit; Binance."""

BAR_SCHEMA: Final = replace(MARK_SCHEMA, needed=_BARE_6)

Mask = NDArray[np.bool_]


class Fault(StrEnum):
    """A breach of a rule, in the order in which a row is judged; the value is the user's code."""

    MALFORMED = "DATA_ROW_MALFORMED"
    TIME_RANGE = "DATA_TIME_RANGE"
    PRICE = "DATA_PRICE_NOT_POSITIVE"
    UNIT = "DATA_PRICE_UNIT"
    VOLUME = "DATA_VOLUME_NEGATIVE"
    OHLC = "DATA_OHLC_VIOLATION"
    DUPLICATE = "DATA_DUPLICATE_TIME"
    ORDER = "DATA_OUT_OF_ORDER"
    OVERLAP = "DATA_BARS_OVERLAP"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one market in file order; row i is data row `number[i]` of the file.

    `prices` int64[4, n]: open, high, low, close in whole `unit`s;
    `readable` and `misfit` bool[n] as in `Ticks`; `torn` the numbers of rows with fields to spare;
    `volume` float64[n], NaN where unreadable.
    """

    source: str
    symbol: str | None
    cells: pl.DataFrame
    torn: frozenset[int]
    number: NDArray[np.int64]
    times: Instants
    prices: NDArray[np.int64]
    unit: Decimal
    readable: Mask
    misfit: Mask
    rounded: int
    volume: NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.number)

    def only(self, keep: Mask) -> "Rows":
        """The rows where `keep` holds, with the numbers they have in the file."""
        return replace(
            self,
            cells=self.cells.filter(pl.Series(keep)),
            number=self.number[keep],
            times=self.times.only(keep),
            prices=self.prices[:, keep],
            readable=self.readable[keep],
            misfit=self.misfit[keep],
            volume=None if self.volume is None else self.volume[keep],
        )


def rows_of(table: Table, symbol: str | None = None, price_unit: Decimal | None = None) -> Rows:
    """The rows of one market of the file.

    Raises UserError DATA_SYMBOL_NEEDED, DATA_SYMBOL_UNKNOWN or DATA_COLUMN_MISSING.
    """
    cells = only(table, "symbol", symbol).frame
    for name in PRICES:
        kind = cells[name].dtype
        if not (kind.is_numeric() or kind in (pl.String, pl.Null)):
            raise UserError(
                "DATA_COLUMN_MISSING",
                f"The file '{table.source}' holds {kind} in the column '{name}'; give that name to "
                "the column with the prices.",
            )
    ticks = read_ticks([cells[name] for name in PRICES], price_unit)
    number = cells["row"].to_numpy().astype(np.int64)
    torn = np.isin(number, table.torn)
    return Rows(
        source=table.source,
        symbol=symbol or next(iter(names_in(table, "symbol")), None),
        cells=cells,
        torn=frozenset(table.torn),
        number=number,
        times=read_instants(cells["ts"]),
        prices=ticks.ticks,
        unit=ticks.unit,
        readable=np.logical_and.reduce(ticks.readable) & ~torn,
        misfit=np.logical_or.reduce(ticks.misfit),
        rounded=ticks.rounded,
        volume=_numbers(cells["volume"]) if "volume" in cells.columns else None,
    )


def _numbers(column: pl.Series) -> NDArray[np.float64]:
    if column.dtype == pl.String:
        column = column.str.strip_chars()
    return column.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()


def bar_length(ts: NDArray[np.int64]) -> int | None:
    """The length of a bar in ns: the commonest step between times, if it is common enough.

    A step counts when it is half of all steps, or when it is the smallest and divides all others
    (a thin market without empty bars). None where the times tell no length.
    """
    ordered = np.sort(ts)
    steps = ordered[1:] - ordered[:-1]
    values, counts = np.unique(steps[steps > 0], return_counts=True)
    if not len(values):
        return None
    best = int(values[counts.argmax()])
    if 2 * counts.max() > counts.sum() or len(values) == 1:
        return best
    divides = best == values[0] and counts.max() > 1 and not (values % best).any()
    return best if divides else None


def faults_of(rows: Rows, bar_ns: int | None) -> Iterator[tuple[Fault, Mask]]:
    """Every rule with the rows that break it; a row that has no numbers breaks only that rule."""
    volume = np.zeros(len(rows)) if rows.volume is None else rows.volume
    whole = rows.readable & np.isfinite(volume)
    good = whole & ~rows.misfit
    opens, highs, lows, closes = rows.prices
    ts = rows.times.ns
    usable = rows.times.usable
    step = np.diff(ts, prepend=ts[:1])
    known = usable & np.concatenate((usable[:1] & False, usable[:-1]))
    yield Fault.MALFORMED, ~whole | rows.times.unreadable
    yield Fault.TIME_RANGE, rows.times.out_of_range
    yield Fault.UNIT, whole & rows.misfit
    yield Fault.PRICE, good & (rows.prices <= 0).any(axis=0)
    yield Fault.VOLUME, whole & (volume < 0)
    yield (
        Fault.OHLC,
        good
        & (rows.prices > 0).all(axis=0)
        & (
            (highs < np.maximum(opens, closes))
            | (lows > np.minimum(opens, closes))
            | (highs < lows)
        ),
    )
    yield Fault.DUPLICATE, usable & repeats(ts)
    yield Fault.ORDER, known & (step < 0)
    yield Fault.OVERLAP, known & (step > 0) & (step < (bar_ns or 0))


def repeats(ts: NDArray[np.int64]) -> Mask:
    """Rows whose time an earlier row already has."""
    seen = np.zeros(len(ts), dtype=np.bool_)
    if len(ts) and not (np.diff(ts) > 0).all():
        order = np.argsort(ts, kind="stable")
        seen[order[1:]] = ts[order[1:]] == ts[order[:-1]]
    return seen


def describe(rows: Rows, fault: Fault, at: int) -> str:
    """What is wrong with a row, with the values as the file has them."""
    cell = {name: _shown(rows.cells[name], at) for name in rows.cells.columns}
    bar = ", ".join(f"{name} {cell[name]}" for name in PRICES)
    match fault:
        case Fault.MALFORMED if int(rows.number[at]) in rows.torn:
            return "the row has more fields than the first line"
        case Fault.MALFORMED:
            hidden = {"row", "symbol"} | ({"ts"} if rows.times.usable[at] else set())
            shown = ", ".join(f"{k} {v}" for k, v in cell.items() if k not in hidden)
            return f"a value is missing or unreadable ({shown})"
        case Fault.TIME_RANGE:
            return f"the time {cell['ts']} is not between 2009 and 2100"
        case Fault.PRICE:
            return f"a price is not above zero ({bar})"
        case Fault.UNIT:
            return f"a price is no whole multiple of {plain(rows.unit)} ({bar})"
        case Fault.VOLUME:
            return f"the volume {cell['volume']} is negative"
        case Fault.OHLC:
            return f"high or low do not enclose open and close ({bar})"
        case Fault.DUPLICATE:
            return "the time stands in an earlier row already"
        case Fault.ORDER:
            return "the time lies before that of the row above"
        case Fault.OVERLAP:
            return "the bar opens before the one above ends"


def _shown(column: pl.Series, at: int) -> str:
    """A cell as text; a damaged datetime only as its number, as polars cannot spell it."""
    if column.dtype.is_temporal():
        column = column.to_physical()
    value = column[at]
    return "empty" if value is None else str(value)
