"""Owns the events of Binance's public streams, spot and USD-M.

Sources: web-socket-streams.md, and binance-connector-python (2026-08) for USD-M. Ids of a candle's
trades are not kept by the box and read -1 (no trade). It must not know sockets.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from absolute.domain.instrument import Side
from absolute.domain.units import HUNDRED, NANOS_PER_MS, ZERO, Nanos
from absolute.simex.binance_market_rows import FRAMES, MINUTE_MS, Figures, best_row
from absolute.simex.facts import BookChanged, Traded
from absolute.simex.listing import Listing
from absolute.simex.market import Candle, MarketState

Row = dict[str, Any]
FUNDING_SPAN_MS: Final = 8 * 3_600_000
FUNDING_RATE: Final = Decimal("0.0001")
"""Assumption: the box pays no funding; the rate shown is the neutral one of the venue."""


@dataclass(slots=True)
class BookDelta:
    """The changes of a book since the last event of a diff stream."""

    first_id: int = 0
    last_id: int = 0
    previous_id: int = 0
    bids: dict[Decimal, Decimal] = field(default_factory=dict)
    asks: dict[Decimal, Decimal] = field(default_factory=dict)

    def add(self, change: BookChanged) -> None:
        """Take in a change; a level's last quantity counts."""
        self.first_id = self.first_id or change.first_id
        self.previous_id = self.previous_id or change.first_id - 1
        self.last_id = change.last_id
        self.bids.update(change.bids)
        self.asks.update(change.asks)


def _head(event: str, symbol: str, now: Nanos) -> Row:
    return {"e": event, "E": now // NANOS_PER_MS, "s": symbol}


def trade_event(trade: Traded, figures: Figures, now: Nanos) -> Row:
    """`trade`."""
    row = _head("trade", trade.market.symbol, now) | {
        "t": trade.number,
        "p": figures.price(trade.price),
        "q": figures.qty(trade.qty),
        "T": trade.time // NANOS_PER_MS,
        "m": trade.taker_side is Side.SELL,
    }
    return row | ({"X": "MARKET"} if figures.futures else {"M": True})


def aggregate_event(trade: Traded, figures: Figures, now: Nanos) -> Row:
    """`aggTrade`; each holds one trade."""
    row = _head("aggTrade", trade.market.symbol, now) | {
        "a": trade.number,
        "p": figures.price(trade.price),
        "q": figures.qty(trade.qty),
        "f": trade.number,
        "l": trade.number,
        "T": trade.time // NANOS_PER_MS,
        "m": trade.taker_side is Side.SELL,
    }
    return row if figures.futures else row | {"M": True}


def book_event(state: MarketState, figures: Figures, now: Nanos) -> Row:
    """`bookTicker`; spot's has neither a name nor times."""
    best = best_row(state, figures)
    row: Row = {
        "u": state.update_id,
        "s": state.market.symbol,
        "b": best["bidPrice"],
        "B": best["bidQty"],
        "a": best["askPrice"],
        "A": best["askQty"],
    }
    if figures.futures:
        row |= {"e": "bookTicker", "E": now // NANOS_PER_MS, "T": now // NANOS_PER_MS}
    return row


def depth_event(delta: BookDelta, listing: Listing, figures: Figures, *, now: Nanos) -> Row:
    """`depthUpdate`: the levels as they are now, zero where one is gone."""
    row = _head("depthUpdate", listing.market.symbol, now)
    if figures.futures:
        row["T"] = now // NANOS_PER_MS
    row |= {"U": delta.first_id, "u": delta.last_id}
    if figures.futures:
        row["pu"] = delta.previous_id
    bids = sorted(delta.bids.items(), reverse=True)
    return row | {
        "b": [[figures.price(price), figures.qty(qty)] for price, qty in bids],
        "a": [
            [figures.price(price), figures.qty(qty)] for price, qty in sorted(delta.asks.items())
        ],
    }


def partial_event(state: MarketState, figures: Figures, levels: int, *, now: Nanos) -> Row:
    """The best levels whole: a snapshot in spot, a depthUpdate in USD-M."""
    bids, asks = state.view(levels)
    bid_rows = [figures.level(each) for each in bids]
    ask_rows = [figures.level(each) for each in asks]
    if not figures.futures:
        return {"lastUpdateId": state.update_id, "bids": bid_rows, "asks": ask_rows}
    return _head("depthUpdate", state.market.symbol, now) | {
        "T": now // NANOS_PER_MS,
        "U": state.update_id,
        "u": state.update_id,
        "pu": state.update_id - 1,
        "b": bid_rows,
        "a": ask_rows,
    }


def candle_event(
    candle: Candle, listing: Listing, words: tuple[Figures, str], *, now: Nanos
) -> Row:
    """`kline` of an interval; `x` once it is closed."""
    figures, interval = words
    opened = candle.time // NANOS_PER_MS
    closes = opened + FRAMES[interval] * MINUTE_MS - 1
    return _head("kline", listing.market.symbol, now) | {
        "k": {
            "t": opened,
            "T": closes,
            "s": listing.market.symbol,
            "i": interval,
            "f": -1,
            "L": -1,
            "o": figures.price(candle.open),
            "c": figures.price(candle.close),
            "h": figures.price(candle.high),
            "l": figures.price(candle.low),
            "v": figures.qty(candle.volume),
            "n": candle.count,
            "x": now // NANOS_PER_MS > closes,
            "q": figures.quote(candle.turnover),
            "V": figures.qty(candle.taker_volume),
            "Q": figures.quote(candle.taker_turnover),
            "B": "0",
        }
    }


def mini_event(state: MarketState, figures: Figures, now: Nanos) -> Row:
    """`24hrMiniTicker`."""
    day = state.day(now)
    return _head("24hrMiniTicker", state.market.symbol, now) | {
        "c": figures.price(day.last),
        "o": figures.price(day.open),
        "h": figures.price(day.high),
        "l": figures.price(day.low),
        "v": figures.qty(day.volume),
        "q": figures.quote(day.turnover),
    }


def ticker_event(state: MarketState, figures: Figures, now: Nanos) -> Row:
    """`24hrTicker`."""
    day, best, last = state.day(now), best_row(state, figures), state.trades(1)
    change = day.last - day.open
    percent = change / day.open * HUNDRED if day.open else ZERO
    row = _head("24hrTicker", state.market.symbol, now) | {
        "p": figures.price(change),
        "P": f"{percent:.3f}",
        "w": figures.price(day.turnover / day.volume if day.volume else day.last),
        "c": figures.price(day.last),
        "Q": figures.qty(last[0].qty if last else ZERO),
        "o": figures.price(day.open),
        "h": figures.price(day.high),
        "l": figures.price(day.low),
        "v": figures.qty(day.volume),
        "q": figures.quote(day.turnover),
        "O": now // NANOS_PER_MS - 86_400_000,
        "C": now // NANOS_PER_MS,
        "F": day.first_trade,
        "L": day.last_trade,
        "n": day.count,
    }
    if figures.futures:
        return row
    return row | {
        "x": figures.price(day.open),
        "b": best["bidPrice"],
        "B": best["bidQty"],
        "a": best["askPrice"],
        "A": best["askQty"],
    }


def mark_event(state: MarketState, figures: Figures, now: Nanos) -> Row:
    """`markPriceUpdate`; mark and index are the last price (assumption)."""
    now_ms = now // NANOS_PER_MS
    price = figures.quote(state.last)
    return _head("markPriceUpdate", state.market.symbol, now) | {
        "p": price,
        "ap": price,
        "i": price,
        "P": price,
        "r": f"{FUNDING_RATE:.8f}",
        "T": now_ms - now_ms % FUNDING_SPAN_MS + FUNDING_SPAN_MS,
    }
