"""Owns the reading of recorded trades, depth updates and best quotes from files.

Prices become whole ticks and sizes whole lots, exactly. Times are the exchange's own: of the trade
where the file has it, else of the message; a row that claims to be earlier than the one above it is
taken at the time of that one, so that time never falls. A displayed size loses what is less than a
lot, which nobody can take. Nothing else is mended: a row that cannot be read, and a hole in the
sequence of updates, are refused.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from absolute.domain.errors import UserError
from absolute.lake.instants import read_instants
from absolute.lake.recordings import DepthRows, Mask, Quotes, Trades, Whole
from absolute.lake.table import TIME_SPELLINGS, Schema, Table, read_table
from absolute.lake.ticks import read_ticks

_TIMES: Final = {
    "traded": ("txn_ts_ms", "trade_time", "transact_time", "transaction_time"),
    "sent": ("event_ts_ms", "event_time", *TIME_SPELLINGS),
}
TRADE_SCHEMA: Final = Schema(
    spellings={
        **_TIMES,
        "id": ("trade_id", "agg_trade_id", "id"),
        "price": ("price", "p"),
        "qty": ("qty", "quantity", "amount", "size", "q"),
        "buyer_is_maker": ("is_buyer_maker", "buyer_is_maker", "m"),
    },
    needed=("price", "qty", "buyer_is_maker"),
    bare={},
)
DEPTH_SCHEMA: Final = Schema(
    spellings={
        **_TIMES,
        "snapshot": ("is_snapshot",),
        "first_id": ("first_update_id",),
        "last_id": ("last_update_id", "update_id"),
        "before_id": ("prev_last_update_id",),
        "side": ("side",),
        "price": ("price",),
        "qty": ("qty", "quantity", "amount", "size"),
    },
    needed=("snapshot", "first_id", "last_id", "side", "price", "qty"),
    bare={},
)
QUOTE_SCHEMA: Final = Schema(
    spellings={
        "id": ("update_id",),
        "bid": ("bid_price", "best_bid_price"),
        "bid_qty": ("bid_qty", "best_bid_qty"),
        "ask": ("ask_price", "best_ask_price"),
        "ask_qty": ("ask_qty", "best_ask_qty"),
    },
    needed=("id", "bid", "bid_qty", "ask", "ask_qty"),
    bare={},
)
YES: Final = ("true", "1", "bid", "buy")
NO: Final = ("false", "0", "-1", "ask", "sell")


@dataclass(frozen=True, slots=True)
class Grid:
    """The price of one tick and the size of one lot; None takes the coarsest that fits the file."""

    tick: Decimal | None = None
    lot: Decimal | None = None


def read_trades(path: str | Path, grid: Grid = Grid()) -> Trades:
    """The trades of one market, in file order.

    Raises UserError DATA_ROW_MALFORMED, DATA_PRICE_UNIT, DATA_PRICE_NOT_POSITIVE,
    DATA_OUT_OF_ORDER, or as `read_table`.
    """
    table = read_table(Path(path), TRADE_SCHEMA)
    cells = table.frame
    ticks, tick = _whole(table, ("price",), grid.tick)
    lots, lot = _whole(table, ("qty",), grid.lot)
    _refuse(table, (ticks[0] <= 0) | (lots[0] <= 0), "DATA_PRICE_NOT_POSITIVE", "not above zero")
    if "id" in cells.columns:
        ids = _numbers(table, "id")
        back = np.diff(ids, prepend=ids[0] - 1) <= 0
        _refuse(table, back, "DATA_OUT_OF_ORDER", "the trade's number is not above the one before")
    ts = _times(table)
    _refuse(table, ts < 0, "DATA_ROW_MALFORMED", "it has no time")
    sold = _flags(table, "buyer_is_maker")
    return Trades(np.maximum.accumulate(ts), ticks[0], lots[0], sold, tick, lot, table.sha256)


def read_depth(path: str | Path, grid: Grid = Grid()) -> DepthRows:
    """The depth updates of one market, beginning with the first snapshot in the file.

    An update is left out where a snapshot already holds it (`last_id` not above that of the
    snapshot), as exchanges document. Raises UserError DATA_SNAPSHOT_MISSING, DATA_SEQUENCE_BREAK,
    DATA_ROW_MALFORMED, DATA_PRICE_UNIT, DATA_PRICE_NOT_POSITIVE, or as `read_table`.
    """
    table = read_table(Path(path), DEPTH_SCHEMA)
    ticks, tick = _whole(table, ("price",), grid.tick)
    sizes, step = _whole(table, ("qty",), None)
    _refuse(table, (ticks[0] <= 0) | (sizes[0] < 0), "DATA_PRICE_NOT_POSITIVE", "not above zero")
    lot = grid.lot or step
    steps = Fraction(step) / Fraction(lot)
    lots = sizes[0] * steps.numerator // steps.denominator
    ids = _numbers(table, "last_id")
    fresh = _flags(table, "snapshot")
    edge = np.flatnonzero(np.diff(ids, prepend=ids[0] - 1) | np.diff(fresh, prepend=fresh[0]))
    if not fresh[edge].any():
        raise UserError(
            "DATA_SNAPSHOT_MISSING",
            f"The file '{table.source}' holds no snapshot of the book; give a recording with one.",
        )
    kept = _kept(ids[edge], fresh[edge])
    ts = _times(table)[edge[kept]]
    if (ts < 0).all():
        raise UserError(
            "DATA_ROW_MALFORMED",
            f"The file '{table.source}' holds no time that can be read; give one with times.",
        )
    _check_sequence(table, edge[kept], fresh)
    ends = np.append(edge[1:], len(ids))[kept]
    rows = np.concatenate([np.arange(a, b) for a, b in zip(edge[kept], ends, strict=True)])
    return DepthRows(
        start=np.concatenate(([0], np.cumsum(ends - edge[kept]))),
        ts=_never_falling(ts),
        last_id=ids[edge[kept]],
        snapshot=fresh[edge[kept]],
        bid=_flags(table, "side")[rows],
        ticks=ticks[0][rows],
        lots=lots[rows],
        tick=tick,
        lot=lot,
        sha256=table.sha256,
    )


def read_quotes(path: str | Path, grid: Grid = Grid()) -> Quotes:
    """The best bid and ask of one market after each update that moved them.

    Raises UserError DATA_ROW_MALFORMED, DATA_PRICE_UNIT, or as `read_table`.
    """
    table = read_table(Path(path), QUOTE_SCHEMA)
    (bid, ask), _ = _whole(table, ("bid", "ask"), grid.tick)
    (bid_lots, ask_lots), _ = _whole(table, ("bid_qty", "ask_qty"), grid.lot)
    return Quotes(_numbers(table, "id"), bid, bid_lots, ask, ask_lots)


# --- columns --------------------------------------------------------------------------------------


def _whole(table: Table, names: tuple[str, ...], unit: Decimal | None) -> tuple[Whole, Decimal]:
    """Columns as whole units, int64[columns, n]."""
    found = read_ticks([table.frame[name] for name in names], unit)
    readable = np.logical_and.reduce(found.readable)
    _refuse(table, ~readable, "DATA_ROW_MALFORMED", f"no number under {' or '.join(names)}")
    misfit = np.logical_or.reduce(found.misfit)
    what = f"{' or '.join(names)} is no whole multiple of {found.unit}"
    _refuse(table, misfit, "DATA_PRICE_UNIT", what)
    return found.ticks, found.unit


def _refuse(table: Table, wrong: Mask, code: str, problem: str) -> None:
    if wrong.any():
        row = table.frame["row"][int(wrong.argmax())]
        raise UserError(
            code, f"The file '{table.source}', data row {row}: {problem}; nothing was mended."
        )


def _numbers(table: Table, name: str) -> Whole:
    column = table.frame[name].cast(pl.Int64, strict=False)
    _refuse(table, column.is_null().to_numpy(), "DATA_ROW_MALFORMED", f"no number under {name}")
    return column.to_numpy()


def _flags(table: Table, name: str) -> Mask:
    """True where the cell says yes, such as true, 1, bid or buy."""
    words = table.frame[name].cast(pl.String).str.to_lowercase().fill_null("")
    told = words.is_in([*YES, *NO]).to_numpy()
    _refuse(table, ~told, "DATA_ROW_MALFORMED", f"neither yes nor no under {name}")
    return words.is_in(YES).to_numpy()


def _times(table: Table) -> Whole:
    """The time of the trade, or else of the message, in ns; -1 where there is none."""
    ts = np.full(len(table.frame), -1, dtype=np.int64)
    for name in ("traded", "sent"):
        if name in table.frame.columns:
            times = read_instants(table.frame[name])
            ts = np.where((ts < 0) & times.usable, times.ns, ts)
    return ts


def _never_falling(ts: Whole) -> Whole:
    """A missing time is that of the next row that has one, and none is before an earlier row's."""
    known = np.flatnonzero(ts >= 0)
    following = np.searchsorted(known, np.arange(len(ts)))
    filled = ts[known[np.minimum(following, len(known) - 1)]]
    return np.maximum.accumulate(filled)


# --- the sequence of updates ----------------------------------------------------------------------


def _kept(ids: Whole, fresh: Mask) -> Whole:
    """Which updates are applied, in order: the first snapshot, then all that is newer."""
    first = int(fresh.argmax())
    newest = np.maximum.accumulate(np.where(fresh, ids, ids[first]))
    kept = fresh | (ids > newest)
    kept[first] = False
    return np.concatenate(([first], np.flatnonzero(kept)))


def _check_sequence(table: Table, rows: Whole, fresh: Mask) -> None:
    """Every update must follow on the one before it: no id may be missing between."""
    cells = table.frame
    begins = cells["first_id"].cast(pl.Int64, strict=False)
    unknown = begins.is_null().to_numpy() & ~fresh
    _refuse(table, unknown, "DATA_ROW_MALFORMED", "no number under first_id")
    first = begins.fill_null(0).to_numpy()[rows]
    last = _numbers(table, "last_id")[rows]
    follows = fresh[rows][1:] | (first[1:] <= last[:-1] + 1)
    if "before_id" in cells.columns:
        linked = cells["before_id"].cast(pl.Int64, strict=False).fill_null(-1).to_numpy()[rows]
        follows |= (linked[1:] >= 0) & (linked[1:] <= last[:-1])
    if not follows.all():
        at = int(follows.argmin())
        row, before, after = cells["row"][int(rows[at + 1])], last[at], first[at + 1]
        raise UserError(
            "DATA_SEQUENCE_BREAK",
            f"The file '{table.source}', data row {row}: updates are missing between "
            f"{before} and {after}; give an unbroken recording.",
        )
