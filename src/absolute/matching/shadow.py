"""Owns our orders beside a replayed book: what they take from it and how they wait in its queues.

The market that is replayed never knew of us, so how it would have answered is a policy:

- A taker walks the displayed levels, best first, one fill a level. What it took is gone until the
  next update that names the level.
- A resting order has ahead of it what its level displays when it comes. A trade at its price eats
  what is ahead, then fills it; see `QueueModel` for a level that shrinks without a trade.
- A trade at a worse price would have met us first: it fills us, as far as its own size goes.
- A market that comes to display the other side at our price or through it has met us: it fills us,
  as far as that display goes, and we are the maker. (Not under `TRADES_ONLY`: there only a trade
  that was seen fills a resting order.)
- Stops, take-profits and trailing stops look at trades alone.
- Our own orders never trade with each other.

Every change of the market is worked out whole before the first event of it is told, so whoever
reacts to an event can undo what has not been told yet but cannot get between the two.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Final

from absolute.domain.fill import Liquidity
from absolute.domain.ids import ClientOrderId, VenueOrderId
from absolute.domain.instrument import Side
from absolute.domain.ledger import Ledger
from absolute.domain.messages import (
    CancelRefused,
    Event,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
)
from absolute.domain.order import OrderType, Terms, TimeInForce
from absolute.domain.units import Asset, Nanos, Price, Qty, Quote
from absolute.matching.depth import Depth, DepthUpdate, Level, TradePrint
from absolute.matching.prices import no_worse
from absolute.matching.queueing import QueueModel
from absolute.matching.till import Till, Trade

IMMEDIATE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})
PRICED: Final = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})


@dataclass(slots=True, eq=False)
class ShadowOrder:
    """One of our orders. `left` and `ahead` are lots; `limit` is None while a stop waits.

    `extreme` is the best trade, in ticks, that a trailing stop has seen.
    """

    client_id: ClientOrderId
    terms: Terms
    sequence: int
    hold_asset: Asset
    hold: Decimal
    left: int
    limit: int | None = None
    ahead: int = 0
    extreme: int | None = None

    @property
    def side(self) -> Side:
        """Which way it trades."""
        return self.terms.side


class ShadowBook:
    """Our orders in one market, the displayed book they meet and the account that pays."""

    __slots__ = ("_lot", "_numbers", "_queue", "_tick", "_till", "depth", "last", "orders")

    def __init__(self, ledger: Ledger, queue: QueueModel) -> None:
        self.depth = Depth()
        self.orders: dict[ClientOrderId, ShadowOrder] = {}
        self.last: int | None = None
        self._queue = queue
        self._till = Till(ledger)
        self._tick = ledger.instrument.tick
        self._lot = ledger.instrument.lot
        self._numbers = count(1)

    # --- our commands -------------------------------------------------------------------------

    def submit(self, client_id: ClientOrderId, terms: Terms, time: Nanos) -> list[Event]:
        """A new order meets the book as it is displayed now."""
        price = self._reference(terms.side)
        fault = "ORDER_STANDS" if client_id in self.orders else self._till.fault(terms, price)
        if fault is not None:
            return [OrderRejected(time, client_id, fault)]
        asset, hold = self._till.reserve(terms, price)
        number = next(self._numbers)
        left = int((terms.qty or 0) / self._lot)
        order = ShadowOrder(client_id, terms, number, asset, hold, left)
        self.orders[client_id] = order
        accepted = OrderAccepted(time, client_id, VenueOrderId(f"v{number}"))
        if terms.type in {OrderType.LIMIT, OrderType.MARKET}:
            return [accepted, *self._meet(order, time)]
        order.extreme = self.last
        return [accepted]

    def cancel(self, client_id: ClientOrderId, time: Nanos) -> list[Event]:
        """Take an order out, if it is still there."""
        order = self.orders.get(client_id)
        if order is None:
            return [CancelRefused(time, client_id, "ORDER_NOT_OPEN")]
        self._drop(order)
        return [OrderCancelled(time, client_id)]

    # --- the market ---------------------------------------------------------------------------

    def shown(self, update: DepthUpdate) -> Iterator[Event]:
        """The market displays something else."""
        queued = [
            (order, limit, self.depth.lots(order.side, limit)) for order, limit in self._resting()
        ]
        self.depth.apply(update)
        for order, limit, before in queued:
            after = self.depth.lots(order.side, limit)
            order.ahead = self._queue.ahead(order.ahead, before=before, after=after)
        for order, lots in self._met_by_display() if self._queue.display_fills else ():
            yield from self._make(order, lots, update.time)

    def traded(self, trade: TradePrint) -> Iterator[Event]:
        """The market trades."""
        self.last = trade.ticks
        self.depth.take(trade.maker_side, trade.ticks, trade.lots)
        met = self._met_by_trade(trade)
        fired = [order for order in self.orders.values() if self._fires(order, trade.ticks)]
        for order, lots in met:
            yield from self._make(order, lots, trade.time)
        for order in fired:
            if self.orders.get(order.client_id) is order:
                yield from self._meet(order, trade.time)

    def _resting(self) -> list[tuple[ShadowOrder, int]]:
        """The orders that wait at a price, best price first, then oldest first."""
        waiting = [
            (order, order.limit) for order in self.orders.values() if order.limit is not None
        ]
        if len(waiting) > 1:
            waiting.sort(
                key=lambda each: (
                    -each[1] if each[0].side is Side.BUY else each[1],
                    each[0].sequence,
                )
            )
        return waiting

    def _met_by_trade(self, trade: TradePrint) -> list[tuple[ShadowOrder, int]]:
        """Which resting orders a trade would have met, and the lots of it each would have got."""
        met: list[tuple[ShadowOrder, int]] = []
        room, eaten = trade.lots, 0
        for order, limit in self._resting():
            if limit == trade.ticks:
                if order.side is not trade.maker_side:
                    continue
                # Of two of ours at one price, the later one has the same market lots ahead.
                step = min(max(0, order.ahead - eaten), room)
                eaten += step
                room -= step
                order.ahead = max(0, order.ahead - eaten)
            elif not no_worse(order.side, trade.ticks, limit):
                continue
            lots = min(order.left, room)
            room -= lots
            if lots:
                met.append((order, lots))
        return met

    def _met_by_display(self) -> list[tuple[ShadowOrder, int]]:
        """Which resting orders the other side now stands across, and the lots each gets of it."""
        met: list[tuple[ShadowOrder, int]] = []
        for order, limit in self._resting():
            left = order.left
            for ticks, lots in self._within(order.side, limit, left):
                self.depth.take(order.side.opposite, ticks, lots)
                left -= lots
            if left < order.left:
                met.append((order, order.left - left))
        return met

    def _fires(self, order: ShadowOrder, ticks: int) -> bool:
        """Whether a trade sets a waiting stop going; a trailing stop follows it otherwise."""
        terms, price = order.terms, ticks * self._tick
        if order.limit is not None or terms.type in {OrderType.LIMIT, OrderType.MARKET}:
            return False
        falling = (order.side is Side.SELL) is (terms.type is not OrderType.TAKE_PROFIT)
        level: Decimal | None = terms.trigger
        if terms.type is OrderType.TRAILING and terms.trail is not None:
            if order.extreme is None or (ticks > order.extreme) is falling:
                order.extreme = ticks
            extreme = order.extreme * self._tick
            level = extreme - terms.trail if falling else extreme + terms.trail
        return level is not None and (price <= level if falling else price >= level)

    # --- one order meets the book -------------------------------------------------------------

    def _meet(self, order: ShadowOrder, time: Nanos) -> list[Event]:
        """An order takes what it accepts; what is left of it waits or ends, as its terms say."""
        terms, rule = order.terms, order.terms.time_in_force
        limit: int | None = None
        if terms.price is not None and terms.type in PRICED:
            limit = int(terms.price / self._tick)
        offers, enough = self._offers(order, limit)
        if rule is TimeInForce.POST_ONLY and offers:
            return [self._expire(order, "POST_ONLY_WOULD_TAKE", time)]
        if rule is TimeInForce.FOK and not enough:
            return [self._expire(order, "FOK_UNFILLABLE", time)]
        events: list[Event] = []
        for ticks, lots in offers:
            events.append(self._execute(order, (ticks, lots), Liquidity.TAKER, time))
            if isinstance(events[-1], OrderFilled):
                self.depth.take(order.side.opposite, ticks, lots)
            if order.client_id not in self.orders:
                return events
        reason = self._ending(order, limit, traded=bool(offers), enough=enough)
        if reason is not None:
            return [*events, self._expire(order, reason, time)]
        if limit is not None:
            order.limit, order.ahead = limit, self.depth.lots(order.side, limit)
        return events

    def _ending(
        self, order: ShadowOrder, limit: int | None, *, traded: bool, enough: bool
    ) -> str | None:
        """Why an order that is not done must not wait, or None."""
        if limit is not None and order.terms.time_in_force not in IMMEDIATE:
            return None
        if enough:
            return "NOTHING_TO_TRADE"
        if limit is None:
            return "NO_LIQUIDITY"
        return "IOC_REMAINDER" if traded else "NOT_MARKETABLE"

    def _offers(self, order: ShadowOrder, limit: int | None) -> tuple[list[Level], bool]:
        """What an order would take now, level by level, and whether that is all it may want."""
        if order.terms.spend is not None:
            return self._bought_for(order, order.terms.spend)
        wanted = min(order.left, self._closable(order))
        offers = self._within(order.side, limit, wanted)
        return offers, sum(lots for _, lots in offers) == wanted

    def _closable(self, order: ShadowOrder) -> int:
        """The most lots that an order may trade now, where it may only close."""
        closable = self._till.ledger.closable(order.terms)
        return order.left if closable is None else int(closable / self._lot)

    def _within(self, side: Side, limit: int | None, wanted: int) -> list[Level]:
        """The opposite levels, best first, that an order accepts, up to the lots it wants."""
        found: list[Level] = []
        for ticks, lots in self.depth.levels(side.opposite):
            if not wanted or (limit is not None and not no_worse(side, ticks, limit)):
                break
            found.append((ticks, min(lots, wanted)))
            wanted -= min(lots, wanted)
        return found

    def _bought_for(self, order: ShadowOrder, spend: Decimal) -> tuple[list[Level], bool]:
        """The levels that a spend buys; `left` becomes its lots, and what more it would buy."""
        instrument = self._till.ledger.instrument
        found: list[Level] = []
        order.left = missing = 0
        for ticks, lots in self.depth.levels(order.side.opposite):
            price = ticks * self._tick
            wanted = int(instrument.qty_for(Quote(spend), price) / self._lot)
            taken = min(lots, wanted)
            if taken:
                found.append((ticks, taken))
                order.left += taken
                spend -= instrument.notional(taken * self._lot, price)
            if taken == wanted:
                return found, True
            missing = wanted - taken
        order.left += missing
        return found, False

    def _make(self, order: ShadowOrder, lots: int, time: Nanos) -> Iterator[Event]:
        """A resting order that is still there trades at its own price."""
        if self.orders.get(order.client_id) is order and order.limit is not None:
            yield self._execute(order, (order.limit, lots), Liquidity.MAKER, time)

    def _execute(
        self, order: ShadowOrder, offer: Level, liquidity: Liquidity, time: Nanos
    ) -> Event:
        """Book a trade and tell it; an order that cannot pay or close anything ends."""
        ticks, lots = offer
        order.left = min(order.left, self._closable(order))
        lots = min(lots, order.left)
        if not lots:
            return self._expire(order, "NOTHING_TO_TRADE", time)
        price, qty = Price(ticks * self._tick), Qty(lots * self._lot)
        trade = Trade(price, qty, order.left * self._lot, liquidity, time)
        fill = self._till.book(order, trade)
        if isinstance(fill, str):
            return self._expire(order, fill, time)
        order.left -= lots
        if not order.left:
            del self.orders[order.client_id]
        return OrderFilled(time, fill, done=not order.left)

    def _expire(self, order: ShadowOrder, reason: str, time: Nanos) -> Event:
        self._drop(order)
        return OrderExpired(time, order.client_id, reason)

    def _drop(self, order: ShadowOrder) -> None:
        del self.orders[order.client_id]
        self._till.release(order)

    def _reference(self, side: Side) -> Decimal | None:
        """What stands in where an order names no price: the other side's best, or the last."""
        ticks = self.depth.best(side.opposite)
        ticks = self.last if ticks is None else ticks
        return None if ticks is None else ticks * self._tick
