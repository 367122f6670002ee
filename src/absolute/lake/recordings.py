"""Owns recorded markets finer than bars, once they are read: trades, depth updates, best quotes.

Prices are whole ticks and sizes whole lots; time never falls. It makes of them what the rest of the
house understands: a tape of trades, or one stream of updates. Knows nothing of files.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from absolute.domain.errors import UserError
from absolute.domain.units import Nanos
from absolute.kernels.tape import Tape
from absolute.matching.depth import DepthUpdate, MarketUpdate, TradePrint

TICK_NS: Final = 1
"""The length of a bar that holds one trade: it is over before the next one can begin."""

Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Public trades in order: `ts` int64[n] ns UTC never falling, `ticks`, `lots` int64[n].

    `buyer_is_maker` bool[n]: the aggressor sold.
    """

    ts: Whole
    ticks: Whole
    lots: Whole
    buyer_is_maker: Mask
    tick: Decimal
    lot: Decimal
    sha256: str

    def __len__(self) -> int:
        return len(self.ts)

    def slice(self, start: int, stop: int) -> "Trades":
        """Trades start (inclusive) to stop (exclusive)."""
        cut = {name: getattr(self, name)[start:stop] for name in ("ts", "ticks", "lots")}
        return replace(self, **cut, buyer_is_maker=self.buyer_is_maker[start:stop])

    def prints(self) -> Iterator[TradePrint]:
        """One message a trade."""
        columns = (self.ts, self.ticks, self.lots, self.buyer_is_maker)
        for row in zip(*(column.tolist() for column in columns), strict=True):
            yield TradePrint(*row)


@dataclass(frozen=True, slots=True, eq=False)
class DepthRows:
    """Depth updates in order: update i holds the level rows from `start[i]` to `start[i + 1]`.

    `ts` int64[m] ns UTC never falling, `last_id` int64[m], `snapshot` bool[m]; `bid` bool[n],
    `ticks`, `lots` int64[n]. Update 0 is a snapshot.
    """

    start: Whole
    ts: Whole
    last_id: Whole
    snapshot: Mask
    bid: Mask
    ticks: Whole
    lots: Whole
    tick: Decimal
    lot: Decimal
    sha256: str

    def __len__(self) -> int:
        return len(self.ts)

    def updates(self) -> Iterator[DepthUpdate]:
        """One message an update."""
        head = (self.ts, self.start[:-1], self.start[1:], self.snapshot, self.last_id)
        for ts, first, end, snapshot, last_id in zip(
            *(each.tolist() for each in head), strict=True
        ):
            here = slice(first, end)
            levels = list(zip(self.ticks[here].tolist(), self.lots[here].tolist(), strict=True))
            bids = self.bid[here].tolist()
            yield DepthUpdate(
                Nanos(ts),
                tuple(level for level, bid in zip(levels, bids, strict=True) if bid),
                tuple(level for level, bid in zip(levels, bids, strict=True) if not bid),
                snapshot,
                last_id,
            )


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """Best bid and ask after each update: all int64[n], prices in ticks, sizes in lots."""

    update_id: Whole
    bid: Whole
    bid_lots: Whole
    ask: Whole
    ask_lots: Whole


def tape_from_trades(trades: Trades) -> Tape:
    """A tape with one bar a trade: all four prices are its price, the volume is its size.

    Trades of one instant follow each other by one nanosecond, so that every bar has a time of its
    own; a bar lasts `TICK_NS`. Nothing but the order of such trades is to be read from their times.
    """
    place = np.arange(len(trades))
    over, under = trades.lot.as_integer_ratio()
    return Tape.of(
        ts=np.maximum.accumulate(trades.ts - place) + place,
        open=trades.ticks,
        high=trades.ticks,
        low=trades.ticks,
        close=trades.ticks,
        volume=trades.lots * over / under,
        price_unit=trades.tick,
        bar_ns=TICK_NS,
    )


def market_updates(depth: DepthRows, trades: Trades) -> Iterator[MarketUpdate]:
    """Both recordings in order of time; at one instant the trades come first.

    A depth update is stamped when it is sent, so it already holds the trades of its instant.
    Raises UserError DATA_PRICE_UNIT where the two do not count in the same ticks and lots.
    """
    if (depth.tick, depth.lot) != (trades.tick, trades.lot):
        shown, traded = f"{depth.tick} / {depth.lot}", f"{trades.tick} / {trades.lot}"
        raise UserError(
            "DATA_PRICE_UNIT",
            f"The depth counts in steps of {shown}, the trades in steps of {traded}; read both "
            "with the tick and the lot of the instrument.",
        )
    turns = np.searchsorted(trades.ts, depth.ts, side="right").tolist()
    prints = trades.prints()
    done = 0
    for update, turn in zip(depth.updates(), turns, strict=True):
        for _ in range(turn - done):
            yield next(prints)
        done = max(done, turn)
        yield update
    yield from prints
