"""Owns the public rows of Binance's markets, spot and USD-M: prices, depth, trades, candles.

Rows are those of REST; the streams' are in `binance_stream_rows`. Where a figure is not kept by
the box (bid and ask in a day's statistics are, ids of a candle's trades are not) it says so. It
must not know accounts.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from absolute.domain.instrument import Side
from absolute.domain.units import HUNDRED, NANOS_PER_MS, ZERO, Nanos
from absolute.simex.facts import DepthLevel, Traded
from absolute.simex.listing import Category, Listing
from absolute.simex.market import Candle, MarketState

MINUTE_MS: Final = 60_000
FRAMES: Final = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240,
    "6h": 360, "8h": 480, "12h": 720, "1d": 1_440, "3d": 4_320, "1w": 10_080,
}  # fmt: skip
"""Minutes by interval; 1s and 1M are not served (assumption of the box)."""
DAY_MS: Final = 1_440 * MINUTE_MS
AVERAGE_MINUTES: Final = 5
Row = dict[str, Any]


class Figures:
    """How one market writes numbers: eight digits in spot, the grid's digits in USD-M."""

    def __init__(self, listing: Listing) -> None:
        instrument = listing.instrument
        spot = listing.market.category is Category.SPOT
        self.futures = not spot
        self.price_digits = 8 if spot else digits(instrument.tick)
        self.qty_digits = 8 if spot else digits(instrument.lot)

    def price(self, value: Decimal) -> str:
        """A price."""
        return f"{value:.{self.price_digits}f}"

    def qty(self, value: Decimal) -> str:
        """A quantity."""
        return f"{value:.{self.qty_digits}f}"

    def quote(self, value: Decimal) -> str:
        """An amount of quote money."""
        return f"{value:.8f}"

    def level(self, level: DepthLevel) -> list[str]:
        """A level of the book."""
        return [self.price(level[0]), self.qty(level[1])]


def digits(step: Decimal) -> int:
    """How many digits after the point a grid has."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -int(exponent))


def depth_row(state: MarketState, figures: Figures, *, limit: int, now: Nanos) -> Row:
    """The book; `lastUpdateId` is that of the last change the diff stream told."""
    bids, asks = state.view(limit)
    row: Row = {"lastUpdateId": state.update_id}
    if figures.futures:
        row |= {"E": now // NANOS_PER_MS, "T": now // NANOS_PER_MS}
    return row | {
        "bids": [figures.level(each) for each in bids],
        "asks": [figures.level(each) for each in asks],
    }


def trade_row(trade: Traded, figures: Figures) -> Row:
    """One public trade."""
    row = {
        "id": trade.number,
        "price": figures.price(trade.price),
        "qty": figures.qty(trade.qty),
        "quoteQty": figures.quote(trade.price * trade.qty),
        "time": trade.time // NANOS_PER_MS,
        "isBuyerMaker": trade.taker_side is Side.SELL,
    }
    return row | ({"isRPITrade": False} if figures.futures else {"isBestMatch": True})


def aggregate_row(trade: Traded, figures: Figures) -> Row:
    """An aggregate trade; the box aggregates none, so each holds one (assumption)."""
    row = {
        "a": trade.number,
        "p": figures.price(trade.price),
        "q": figures.qty(trade.qty),
        "f": trade.number,
        "l": trade.number,
        "T": trade.time // NANOS_PER_MS,
        "m": trade.taker_side is Side.SELL,
    }
    return row | ({"nq": figures.qty(trade.qty)} if figures.futures else {"M": True})


def candle_row(candle: Candle, figures: Figures, frame_ms: int) -> list[Any]:
    """One row of `klines`."""
    opened = candle.time // NANOS_PER_MS
    return [
        opened,
        figures.price(candle.open),
        figures.price(candle.high),
        figures.price(candle.low),
        figures.price(candle.close),
        figures.qty(candle.volume),
        opened + frame_ms - 1,
        figures.quote(candle.turnover),
        candle.count,
        figures.qty(candle.taker_volume),
        figures.quote(candle.taker_turnover),
        "0",
    ]


def candles_of(
    state: MarketState,
    frame_ms: int,
    span: tuple[int | None, int | None],
    *,
    limit: int,
    now: Nanos,
) -> Sequence[Candle]:
    """The candles that open within a span of ms: the first ones after a start, else the last."""
    start, end = span
    last = now if end is None else Nanos(end * NANOS_PER_MS)
    first = Nanos(0 if start is None else start * NANOS_PER_MS)
    count = limit if start is None else 10**9
    found = state.candles(frame_ms * NANOS_PER_MS, start=first, end=last, count=count)
    return found[:limit]


def day_row(state: MarketState, figures: Figures, now: Nanos) -> Row:
    """The last 24 hours, in full."""
    day = state.day(now)
    change = day.last - day.open
    percent = change / day.open * HUNDRED if day.open else ZERO
    average = day.turnover / day.volume if day.volume else day.last
    last = state.trades(1)
    row: Row = {
        "symbol": state.market.symbol,
        "priceChange": figures.price(change),
        "priceChangePercent": f"{percent:.3f}",
        "weightedAvgPrice": figures.price(average),
    }
    if not figures.futures:
        row["prevClosePrice"] = figures.price(day.open)
    row |= {
        "lastPrice": figures.price(day.last),
        "lastQty": figures.qty(last[0].qty if last else ZERO),
    }
    if not figures.futures:
        row |= best_row(state, figures)
    return row | _span(state, figures, now)


def mini_row(state: MarketState, figures: Figures, now: Nanos) -> Row:
    """The last 24 hours, in short (`type=MINI`)."""
    return {
        "symbol": state.market.symbol,
        "lastPrice": figures.price(state.last),
        **_span(state, figures, now),
    }


def _span(state: MarketState, figures: Figures, now: Nanos) -> Row:
    day = state.day(now)
    return {
        "openPrice": figures.price(day.open),
        "highPrice": figures.price(day.high),
        "lowPrice": figures.price(day.low),
        "volume": figures.qty(day.volume),
        "quoteVolume": figures.quote(day.turnover),
        "openTime": now // NANOS_PER_MS - DAY_MS,
        "closeTime": now // NANOS_PER_MS,
        "firstId": day.first_trade,
        "lastId": day.last_trade,
        "count": day.count,
    }


def best_row(state: MarketState, figures: Figures) -> Row:
    """The best bid and ask; zeros where a side is empty."""
    bids, asks = state.view(1)
    bid = bids[0] if bids else (ZERO, ZERO)
    ask = asks[0] if asks else (ZERO, ZERO)
    return {
        "bidPrice": figures.price(bid[0]),
        "bidQty": figures.qty(bid[1]),
        "askPrice": figures.price(ask[0]),
        "askQty": figures.qty(ask[1]),
    }


def average_row(state: MarketState, figures: Figures, now: Nanos) -> Row:
    """The mean price of the last five minutes, weighted by volume; else the last price."""
    span = AVERAGE_MINUTES * MINUTE_MS * NANOS_PER_MS
    rows = state.candles(MINUTE_MS * NANOS_PER_MS, start=Nanos(now - span), end=now, count=6)
    volume = sum((each.volume for each in rows), ZERO)
    turnover = sum((each.turnover for each in rows), ZERO)
    return {
        "mins": AVERAGE_MINUTES,
        "price": figures.price(turnover / volume if volume else state.last),
        "closeTime": now // NANOS_PER_MS,
    }
