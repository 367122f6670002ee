"""Owns what the public sees of one market: trades, candles, the last day, and the book by level.

It must not know accounts or orders of single clients, nor who moves the price.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from absolute.domain.instrument import Instrument, Side
from absolute.domain.units import NANOS_PER_SECOND, ZERO, Nanos, Price, Qty
from absolute.matching.book import Book
from absolute.simex.facts import BookChanged, DepthLevel, Traded
from absolute.simex.listing import Market
from absolute.simex.price_path import PastBar

MINUTE_NS: Final = 60 * NANOS_PER_SECOND
DAY_NS: Final = 1440 * MINUTE_NS
TRADES_KEPT: Final = 2_000
MINUTES_KEPT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Candle:
    """Trades of a span of time; the taker figures count those where the buyer took."""

    time: Nanos
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Decimal = ZERO
    turnover: Decimal = ZERO
    count: int = 0
    taker_volume: Decimal = ZERO
    taker_turnover: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Day:
    """The last 24 hours: the open is the price then."""

    open: Price
    high: Price
    low: Price
    last: Price
    volume: Decimal
    turnover: Decimal
    count: int
    hour_ago: Price
    first_trade: int
    last_trade: int


class MarketState:
    """One market as the public sees it. Only the exchange adds to it."""

    def __init__(self, market: Market, instrument: Instrument, *, book: Book, last: Price) -> None:
        self.market = market
        self.instrument = instrument
        self.last = last
        self.tick_direction = "ZeroPlusTick"
        self.update_id = 1
        self.trade_number = 0
        self._book = book
        self._trades: deque[Traded] = deque(maxlen=TRADES_KEPT)
        self._minutes: list[Candle] = []
        self._shown: dict[Side, dict[int, int]] = {side: {} for side in Side}

    # --- what the exchange adds ----------------------------------------------------------------

    def remember(self, past: Iterable[PastBar], *, bar_ns: int) -> None:
        """Bars from before the beginning; longer ones stand in their first minute."""
        for bar in past:
            turnover = bar.volume * (bar.open + bar.close) / 2
            flat = Candle(
                Nanos(bar.time - bar.time % MINUTE_NS),
                Price(bar.open),
                Price(bar.high),
                Price(bar.low),
                Price(bar.close),
                bar.volume,
                turnover,
                1,
            )
            self._minutes.append(flat)

    def trade(self, price: Price, qty: Qty, *, taker_side: Side, now: Nanos) -> Traded:
        """Note one public trade."""
        if price != self.last:
            self.tick_direction = "PlusTick" if price > self.last else "MinusTick"
        elif not self.tick_direction.startswith("Zero"):
            self.tick_direction = "Zero" + self.tick_direction
        self.last = price
        self.trade_number += 1
        fact = Traded(now, self.market, self.trade_number, price, qty, taker_side)
        self._trades.append(fact)
        start = Nanos(now - now % MINUTE_NS)
        bought = taker_side is Side.BUY
        base, quote = Decimal(qty), qty * price
        one = Candle(start, price, price, price, price, base, quote, 1)
        if bought:
            one = replace(one, taker_volume=base, taker_turnover=quote)
        if self._minutes and self._minutes[-1].time == start:
            one = merged(self._minutes.pop(), one)
        self._minutes.append(one)
        if len(self._minutes) > 2 * MINUTES_KEPT:
            del self._minutes[:MINUTES_KEPT]
        return fact

    def book_changes(self, now: Nanos) -> BookChanged | None:
        """What changed in the book since the last call, if anything."""
        found: dict[Side, tuple[DepthLevel, ...]] = {}
        for side in Side:
            before, after = self._shown[side], dict(self._book.levels(side))
            if before == after:
                found[side] = ()
                continue
            gone = [(ticks, 0) for ticks in before if ticks not in after]
            new = [(ticks, lots) for ticks, lots in after.items() if before.get(ticks) != lots]
            rows = sorted(gone + new, reverse=side is Side.BUY)
            found[side] = tuple(self._level(ticks, lots) for ticks, lots in rows)
            self._shown[side] = after
        if not found[Side.BUY] and not found[Side.SELL]:
            return None
        first = self.update_id + 1
        self.update_id = first
        return BookChanged(now, self.market, found[Side.BUY], found[Side.SELL], first, first)

    # --- what everybody may read -----------------------------------------------------------------

    def trades(self, count: int) -> Sequence[Traded]:
        """The last trades, oldest first."""
        return list(self._trades)[-count:]

    def view(self, depth: int) -> tuple[tuple[DepthLevel, ...], tuple[DepthLevel, ...]]:
        """The best bids and asks, best first."""
        view = self._book.view(depth)
        return (
            tuple(self._level(ticks, lots) for ticks, lots in view.bids),
            tuple(self._level(ticks, lots) for ticks, lots in view.asks),
        )

    def candles(self, frame_ns: int, *, start: Nanos, end: Nanos, count: int) -> Sequence[Candle]:
        """The last `count` candles that open within [start, end], oldest first.

        A span without trades is flat at the close before; the last one may still be forming.
        """
        if not self._minutes:
            return []
        last = frame_start(min(end, self._minutes[-1].time), frame_ns)
        first = max(frame_start(start, frame_ns), last - (count - 1) * frame_ns)
        rows: list[Candle] = []
        for minute in self._minutes[max(0, self._since(first) - 1) :]:
            opened = Nanos(frame_start(minute.time, frame_ns))
            if opened > end:
                break
            while rows and rows[-1].time + frame_ns < opened:
                close = rows[-1].close
                rows.append(Candle(Nanos(rows[-1].time + frame_ns), close, close, close, close))
            if rows and rows[-1].time == opened:
                rows[-1] = merged(rows[-1], minute)
            else:
                rows.append(replace(minute, time=opened))
        return [row for row in rows if first <= row.time and row.time >= start][-count:]

    def day(self, now: Nanos) -> Day:
        """The last 24 hours."""
        since, hour = now - DAY_NS, now - 60 * MINUTE_NS
        place, recent = self._since(since), self._since(hour)
        rows = self._minutes[place:]
        opened = self.last
        if place or rows:
            opened = self._minutes[place - 1].close if place else rows[0].open
        numbers = [trade.number for trade in self._trades if trade.time >= since]
        return Day(
            open=opened,
            high=max((row.high for row in rows), default=self.last),
            low=min((row.low for row in rows), default=self.last),
            last=self.last,
            volume=sum((row.volume for row in rows), ZERO),
            turnover=sum((row.turnover for row in rows), ZERO),
            count=sum(row.count for row in rows),
            hour_ago=self._minutes[recent - 1].close if recent else opened,
            first_trade=numbers[0] if numbers else self.trade_number,
            last_trade=self.trade_number,
        )

    def _since(self, time: int) -> int:
        """The place of the first minute that opens at or after a time."""
        return bisect_left(self._minutes, time, key=lambda minute: minute.time)

    def _level(self, ticks: int, lots: int) -> DepthLevel:
        return Price(ticks * self.instrument.tick), Qty(lots * self.instrument.lot)


MONDAY_NS: Final = 4 * DAY_NS
"""1970 began on a Thursday: weeks open on the Monday after."""


def frame_start(time: int, frame_ns: int) -> int:
    """When the candle opened that holds an instant; weeks open on Monday."""
    shift = MONDAY_NS if frame_ns == 7 * DAY_NS else 0
    return time - (time - shift) % frame_ns


def merged(first: Candle, second: Candle) -> Candle:
    """Two candles in time's order as one that opens with the first."""
    return Candle(
        first.time,
        first.open,
        max(first.high, second.high),
        min(first.low, second.low),
        second.close,
        first.volume + second.volume,
        first.turnover + second.turnover,
        first.count + second.count,
        first.taker_volume + second.taker_volume,
        first.taker_turnover + second.taker_turnover,
    )
