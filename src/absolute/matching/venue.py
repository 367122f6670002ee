"""Owns the simulated venue over bars: it takes approved commands and gives the venue's events.

`send` is the door for commands, `walk` lets one bar pass and yields what happens on its way, in
path order; whoever drives it reacts between two yields. It keeps its own ledger: what it says is
the truth the bot must agree with. Knows nothing of strategies or of skipping; `levels` tells a
driver which prices matter, so that the bars between need not be walked.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from typing import assert_never

from absolute.domain.approved import Approved
from absolute.domain.fees import fee_for
from absolute.domain.fill import Fill, Liquidity
from absolute.domain.ids import ClientOrderId, TradeId, VenueOrderId
from absolute.domain.instrument import Side, size_fault
from absolute.domain.ledger import Ledger, hold_used
from absolute.domain.messages import (
    Cancel,
    CancelRefused,
    Command,
    Event,
    LevelReached,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    Submit,
)
from absolute.domain.order import OrderType, Terms, TimeInForce
from absolute.domain.units import ZERO, Nanos, Price, Qty
from absolute.kernels.feed import Row, ticks_down, ticks_up
from absolute.kernels.skip import NEVER_DOWN, NEVER_UP
from absolute.matching.costs import NO_SLIPPAGE, Latency, Slippage, slipped
from absolute.matching.fills import FillModel, FillRule
from absolute.matching.path import Intrabar, low_first
from absolute.matching.resting import Resting

UNTOUCHED = (NEVER_DOWN, NEVER_UP)


@dataclass(frozen=True, slots=True)
class VenueRules:
    """Every assumption about the market side, stated once."""

    fills: FillModel = field(default_factory=FillModel)
    intrabar: Intrabar = Intrabar.PESSIMISTIC
    slippage: Slippage = NO_SLIPPAGE
    latency: Latency | None = None


class SimVenue:
    """One account in one market. `unit` is the price unit of the tape it walks over."""

    def __init__(self, ledger: Ledger, *, unit: Decimal, rules: VenueRules) -> None:
        self.ledger = ledger
        self.resting: dict[ClientOrderId, Resting] = {}
        self.watch: tuple[int, int] = UNTOUCHED
        self._unit = unit
        self._rules = rules
        self._index = -1
        self._time = 0
        self._at = 0
        self._walking = False
        self._volume = 0.0
        self._room: Decimal | None = None
        self._levels = UNTOUCHED
        self._now = False
        self._orders = count(1)
        self._trades = count(1)
        self._arrivals: list[tuple[int, int, Command]] = []

    # --- the door for commands ----------------------------------------------------------------

    def seek(self, row: Row) -> None:
        """Stand before a bar, at its opening price: what is sent now takes part in it."""
        self._index, self._time, self._at = row.number - 1, row.time, row.open

    def send(self, approved: Approved, time: Nanos) -> tuple[Event, ...]:
        """Take a command: its events at once, or none yet where messages need their time."""
        command, latency = approved.command, self._rules.latency
        if latency is None:
            return self._receive(command, time)
        delay = latency.submit_ns() if isinstance(command, Submit) else latency.cancel_ns()
        heappush(self._arrivals, (time + delay, next(self._orders), command))
        return ()

    def levels(self) -> tuple[int, int]:
        """The highest price from below and the lowest from above at which anything can happen."""
        down, up = self.watch
        for order in self.resting.values():
            down, up = max(down, order.down), min(up, order.up)
        return down, up

    def mark_levels(self) -> tuple[int, int]:
        """The same for the mark price: where a liquidation begins."""
        return UNTOUCHED

    def next_bar_matters(self) -> bool:
        """True where some order must trade or end at the first price it meets."""
        return any(order.now for order in self.resting.values())

    def next_time(self) -> int | None:
        """When the next message arrives, in ns, or None."""
        return self._arrivals[0][0] if self._arrivals else None

    def _receive(self, command: Command, time: Nanos) -> tuple[Event, ...]:
        match command:
            case Submit(client_id=client_id, terms=terms):
                return self._accept(client_id, terms, time)
            case Cancel(client_id=client_id):
                return self._cancel(client_id, time)
            case _:
                assert_never(command)

    def _accept(self, client_id: ClientOrderId, terms: Terms, time: Nanos) -> tuple[Event, ...]:
        price = Price(self._at * self._unit)
        asset, hold = self.ledger.reservation(terms, price)
        fault = self._fault(terms, price)
        if fault is None and hold > self.ledger.available(asset):
            fault = "INSUFFICIENT_BALANCE"
        if fault is not None:
            return (OrderRejected(time, client_id, fault),)
        sequence = next(self._orders)
        order = Resting(
            client_id,
            terms,
            left=terms.qty if terms.qty is not None else ZERO,
            hold_asset=asset,
            hold=hold,
            active=self._next_active(),
            sequence=sequence,
            limit=terms.price if terms.type is OrderType.LIMIT else None,
            extreme=self._at if terms.type is OrderType.TRAILING else None,
        )
        order.arm(self._rules.fills, self._unit)
        self.ledger.account.hold(asset, hold)
        self.resting[client_id] = order
        self._refresh()
        return (OrderAccepted(time, client_id, VenueOrderId(f"v{sequence}")),)

    def _fault(self, terms: Terms, price: Price) -> str | None:
        instrument = self.ledger.instrument
        market = terms.price is None
        at = price if market else terms.price
        qty = terms.qty
        if qty is None and terms.spend is not None:
            qty = instrument.qty_for(terms.spend, price)
        if qty is None or at is None:
            return "QTY_MISSING"
        fault = size_fault(instrument, qty, at, market=market)
        # A closing order may be smaller than the venue's minimum value.
        return None if fault == "NOTIONAL_MIN" and terms.reduce_only else fault

    def _next_active(self) -> int:
        """The first bar a new order takes part in: see `Intrabar`."""
        if self._walking and self._rules.intrabar is Intrabar.OPEN_NEAREST:
            return self._index
        return self._index + 1

    def _cancel(self, client_id: ClientOrderId, time: Nanos) -> tuple[Event, ...]:
        order = self.resting.get(client_id)
        if order is None:
            return (CancelRefused(time, client_id, "ORDER_NOT_OPEN"),)
        self._drop(order)
        return (OrderCancelled(time, client_id),)

    def _drop(self, order: Resting) -> None:
        del self.resting[order.client_id]
        if order.hold:
            self.ledger.account.hold(order.hold_asset, -order.hold)
        self._refresh()

    def _refresh(self) -> None:
        """The levels of the orders that take part in the bar being walked."""
        index = self._index
        down, up, now = NEVER_DOWN, NEVER_UP, False
        for order in self.resting.values():
            if order.active <= index and order.spent != index:
                down, up = max(down, order.down), min(up, order.up)
                now = now or order.now
        self._levels = down, up
        self._now = now

    # --- the passing of a bar -----------------------------------------------------------------

    def walk(self, row: Row) -> Iterator[Event]:
        """Let one bar pass; the caller reacts to each event before taking the next."""
        self._index, self._walking = row.number, True
        self._volume, self._room = row.volume, None
        quarter = (row.end - row.time) // 4
        self._refresh()
        yield from self._reach(row.time, row.open, row)
        down_first = low_first(row, self._rules.intrabar, short=self._short())
        turns = (row.low, row.high) if down_first else (row.high, row.low)
        for leg, target in enumerate((*turns, row.close), start=1):
            yield from self._leg(target, row.time + leg * quarter, row)
        yield from self._arrive(row.end)
        self._walking = False

    def _short(self) -> bool:
        return any(position.qty < ZERO for position in self.ledger.positions.values())

    def _reach(self, time: int, ticks: int, row: Row) -> Iterator[Event]:
        """The price jumps to `ticks`: what it jumped over trades, then what is new may take."""
        self._time, self._at = time, ticks
        yield from self._arrive(time)
        yield from self._watched(ticks)
        down, up = self._levels
        if self._now or down >= ticks or up <= ticks:
            for order in sorted(self.resting.values(), key=lambda each: each.sequence):
                if order.active <= self._index and self.resting.get(order.client_id) is order:
                    yield from self._meet(order, ticks, row)

    def _watched(self, ticks: int) -> Iterator[Event]:
        down, up = self.watch
        if down >= ticks or up <= ticks:
            self.watch = UNTOUCHED
            yield LevelReached(Nanos(self._time), Price(ticks * self._unit))

    def _leg(self, target: int, time: int, row: Row) -> Iterator[Event]:
        """The price moves steadily from where it is to `target`."""
        self._time = time
        yield from self._arrive(time)
        falling = target < self._at
        while (level := self._next_level(target, falling=falling)) is not None:
            self._at = level
            yield from self._watched(level)
            order = self._first_at(level, falling=falling)
            if order is not None:
                yield from self._wake(order, target, row)
            if self._now:
                yield from self._reach(time, level, row)
        self._at = target

    def _next_level(self, target: int, *, falling: bool) -> int | None:
        """The nearest level on the way to `target`, or None."""
        if falling:
            level = min(max(self._levels[0], self.watch[0]), self._at)
            return level if level >= target else None
        level = max(min(self._levels[1], self.watch[1]), self._at)
        return level if level <= target else None

    def _first_at(self, level: int, *, falling: bool) -> Resting | None:
        """The oldest order that this level wakes."""
        index = self._index
        for order in self.resting.values():
            reached = order.down >= level if falling else order.up <= level
            if reached and order.active <= index and order.spent != index:
                return order
        return None

    def _arrive(self, time: int) -> Iterator[Event]:
        """Messages that were on their way reach the venue."""
        while self._arrivals and self._arrivals[0][0] <= time:
            due, _, command = heappop(self._arrivals)
            yield from self._receive(command, Nanos(due))

    # --- one order meets a price ----------------------------------------------------------------

    def _meet(self, order: Resting, ticks: int, row: Row) -> Iterator[Event]:
        """An order stands before a price it did not travel to: the open, or the price of its birth."""
        reached = order.down >= ticks or order.up <= ticks
        new, order.now = order.active == self._index and not order.spent == self._index, False
        if order.terms.type is OrderType.MARKET:
            yield from self._take(order, Price(ticks * self._unit))
        elif order.limit is not None and reached and new:
            if order.terms.time_in_force is TimeInForce.POST_ONLY:
                yield self._expire(order, "POST_ONLY_WOULD_TAKE")
            else:
                yield from self._take(order, Price(ticks * self._unit))
        elif order.limit is not None and order.terms.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
            yield self._expire(order, "NOT_MARKETABLE")
        elif reached:
            yield from self._wake(order, ticks, row)
        else:
            self._refresh()

    def _wake(self, order: Resting, target: int, row: Row) -> Iterator[Event]:
        """The price reached an order's level on its way to `target`."""
        if order.limit is not None:
            yield from self._make(order, row)
            return
        if order.terms.type is OrderType.TRAILING and self._moves_extreme(order, target):
            order.arm(self._rules.fills, self._unit)
            self._refresh()
            return
        if order.terms.type is OrderType.STOP_LIMIT:
            order.limit, order.active = order.terms.price, self._next_active()
            order.down, order.up = UNTOUCHED
            order.arm(self._rules.fills, self._unit)
            self._refresh()
            return
        stop = order.stop_price(self._unit)
        worse = min if order.terms.side is Side.SELL else max
        if order.terms.type is OrderType.TAKE_PROFIT:
            worse = max if order.terms.side is Side.SELL else min
        yield from self._take(order, Price(worse(stop, self._at * self._unit)))

    def _moves_extreme(self, order: Resting, target: int) -> bool:
        """A trailing stop follows the price as far as this leg carries it."""
        extreme = order.extreme
        if extreme is None:
            return False
        best = max if order.terms.side is Side.SELL else min
        order.extreme = best(extreme, target)
        return order.extreme != extreme

    def _make(self, order: Resting, row: Row) -> Iterator[Event]:
        """A resting limit trades at its own price, as much as the fill model grants."""
        qty, limit = order.left, order.limit
        if limit is None:
            return
        if self._rules.fills.bounded:
            qty = self._granted(order, limit, row)
        order.spent = self._index
        if qty > ZERO:
            yield from self._execute(order, limit, qty=qty, liquidity=Liquidity.MAKER)
        else:
            self._refresh()

    def _granted(self, order: Resting, limit: Price, row: Row) -> Decimal:
        """How much of a resting order this bar's volume fills."""
        model, instrument = self._rules.fills, self.ledger.instrument
        if self._room is None:
            self._room = instrument.qty_down(Decimal(repr(self._volume)) * model.volume_share)
        room = self._room
        if model.rule is FillRule.QUEUE:
            beyond = (
                row.low < ticks_up(limit, self._unit)
                if order.terms.side is Side.BUY
                else row.high > ticks_down(limit, self._unit)
            )
            waiting = ZERO if beyond else min(order.queue, room)
            order.queue = ZERO if beyond else order.queue - waiting
            room -= waiting
            self._room -= waiting
        qty = min(order.left, room)
        self._room -= qty
        return qty

    def _take(self, order: Resting, price: Price) -> Iterator[Event]:
        """An order takes what is there: slipped, rounded to the tick against us."""
        instrument, terms = self.ledger.instrument, order.terms
        volume = Decimal(repr(self._volume))
        spend = terms.spend
        qty = order.left if spend is None else spend / price
        worse = slipped(price, terms.side, self._rules.slippage.share(qty, volume))
        paid = instrument.price_up(worse) if terms.side is Side.BUY else instrument.price_down(worse)
        if order.limit is not None:
            best = min if terms.side is Side.BUY else max
            paid = best(paid, order.limit)
        if spend is not None:
            order.left = instrument.qty_for(spend, paid)
        yield from self._execute(order, paid, qty=order.left, liquidity=Liquidity.TAKER)

    def _execute(
        self, order: Resting, price: Price, *, qty: Decimal, liquidity: Liquidity
    ) -> Iterator[Event]:
        """Book a trade and say so; an order that cannot pay or close anything expires."""
        terms, ledger = order.terms, self.ledger
        if terms.reduce_only:
            held = abs(ledger.position(terms.position_side).qty)
            if held < order.left:
                order.left, qty = held, min(qty, held)
        if qty <= ZERO:
            yield self._expire(order, "NOTHING_TO_TRADE")
            return
        fee = fee_for(
            ledger.fees,
            ledger.instrument,
            side=terms.side,
            qty=Qty(qty),
            price=price,
            liquidity=liquidity,
        )
        if not self._affordable(order, price, qty, fee.amount if fee.asset == ledger.instrument.quote else ZERO):
            yield self._expire(order, "INSUFFICIENT_BALANCE")
            return
        fill = Fill(
            TradeId(f"t{next(self._trades)}"),
            order.client_id,
            terms.side,
            price,
            Qty(qty),
            liquidity,
            fee,
            Nanos(self._time),
            terms.position_side,
        )
        done = qty == order.left
        if done:
            self._drop(order)
        else:
            freed = hold_used(order.hold, qty, order.left)
            ledger.account.hold(order.hold_asset, -freed)
            order.hold -= freed
            order.left -= qty
            self._refresh()
        ledger.fill(fill)
        yield OrderFilled(Nanos(self._time), fill, done)

    def _affordable(self, order: Resting, price: Price, qty: Decimal, charge: Decimal) -> bool:
        """A spot buy must be covered by its own reservation and what is free besides."""
        instrument = self.ledger.instrument
        if instrument.perpetual or order.terms.side is Side.SELL:
            return True
        cost = -instrument.flow(Side.BUY, qty, price) + charge
        return cost <= order.hold or cost <= order.hold + self.ledger.account.free(instrument.quote)

    def _expire(self, order: Resting, reason: str) -> Event:
        self._drop(order)
        return OrderExpired(Nanos(self._time), order.client_id, reason)
