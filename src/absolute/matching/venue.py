"""Owns the simulated venue over bars: how the price passes, and what trades on its way.

`walk` lets one bar pass and yields what happens in path order; whoever drives it reacts between
two yields. Its ledger is the truth the bot must agree with. On a perpetual the mark price forces
a liquidation like any other level on the path. Knows nothing of strategies or of skipping.

Order at one and the same price: funding, then liquidation, then what was asked to be watched,
then orders by age. Liquidation before a stop at the same price is the pessimistic reading, and in
a gap the mark is at the open before anybody trades (assumptions).
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import count

from absolute.domain.fill import Fill, Liquidity
from absolute.domain.ids import TradeId
from absolute.domain.instrument import Side
from absolute.domain.ledger import Ledger, hold_used
from absolute.domain.messages import Event, LevelReached, OrderFilled
from absolute.domain.order import OrderType, PositionSide, TimeInForce
from absolute.domain.units import ZERO, Nanos, Price, Qty
from absolute.kernels.feed import Row, ticks_down, ticks_up
from absolute.matching.costs import slipped
from absolute.matching.fills import FillRule
from absolute.matching.order_desk import UNTOUCHED, OrderDesk, VenueRules
from absolute.matching.path import low_first
from absolute.matching.perpetual import LIQUIDATION, MarginAccount
from absolute.matching.resting import IMMEDIATE, Resting

__all__ = ["SimVenue", "VenueRules"]


def mark_beside(row: Row, ticks: int) -> int:
    """The mark that goes with a price of the path, where it has columns of its own.

    Assumption: mark and last price turn together, so the mark's extremes go with the bar's, and
    elsewhere the mark is the last price held inside its own range.
    """
    if ticks == row.low:
        return row.mark_low
    if ticks == row.high:
        return row.mark_high
    return min(max(ticks, row.mark_low), row.mark_high)


class SimVenue(OrderDesk):
    """One account in one market. `unit` is the price unit of the tape it walks over."""

    def __init__(self, ledger: Ledger, *, unit: Decimal, rules: VenueRules) -> None:
        super().__init__(ledger, unit=unit, rules=rules)
        self._volume = 0.0
        self._room: Decimal | None = None
        self._trades = count(1)
        self._mark = 0
        self._marked = rules.perpetual is not None and rules.perpetual.marked

    def seek(self, row: Row) -> None:
        """Stand before a bar, at its opening price: what is sent now takes part in it."""
        self._index, self._time, self._at = row.number - 1, row.time, row.open

    # --- the passing of a bar -----------------------------------------------------------------

    def walk(self, row: Row) -> Iterator[Event]:
        """Let one bar pass; the caller reacts to each event before taking the next."""
        self._index, self._walking = row.number, True
        self._volume, self._room = row.volume, None
        quarter = (row.end - row.time) // 4
        self._refresh()
        if self._margin is not None:
            yield from self._begin(self._margin, row)
        yield from self._reach(row.time, row.open, row)
        down_first = low_first(row, self._rules.intrabar, short=self._short())
        turns = (row.low, row.high) if down_first else (row.high, row.low)
        for leg, target in enumerate((*turns, row.close), start=1):
            if self._quiet(target):
                self._at = target
            else:
                yield from self._leg(target, row.time + leg * quarter, row)
        self._walking = False
        if self._arrivals:
            yield from self._arrive(row.end)

    def _short(self) -> bool:
        positions = self.ledger.positions
        return bool(positions) and any(each.qty < ZERO for each in positions.values())

    def _reach(self, time: int, ticks: int, row: Row) -> Iterator[Event]:
        """The price jumps to `ticks`: what it jumped over trades, then what is new may take."""
        self._time, self._at = time, ticks
        if self._arrivals:
            yield from self._arrive(time)
        if self.watch != UNTOUCHED:
            yield from self._watched(ticks)
        down, up = self._levels
        if self._now or down >= ticks or up <= ticks:
            for order in sorted(self.resting.values(), key=lambda each: each.sequence):
                if order.active <= self._index and self.resting.get(order.client_id) is order:
                    yield from self._meet(order, row)

    def _watched(self, ticks: int) -> Iterator[Event]:
        down, up = self.watch
        if down >= ticks or up <= ticks:
            self.watch = UNTOUCHED
            yield LevelReached(Nanos(self._time), Price(ticks * self._unit))

    def _leg(self, target: int, time: int, row: Row) -> Iterator[Event]:
        """The price moves steadily from where it is to `target`."""
        self._time = time
        if self._arrivals:
            yield from self._arrive(time)
        if self._now:
            yield from self._reach(time, self._at, row)
        falling = target < self._at
        while (level := self._next_level(target, falling=falling)) is not None:
            self._at = level
            if self._margin is not None and self._is_forced(level):
                yield from self._liquidate(self._margin, level)
                continue
            if self.watch != UNTOUCHED:
                yield from self._watched(level)
            order = self._first_at(level, falling=falling)
            if order is not None:
                yield from self._wake(order, target, row)
            if self._now:
                yield from self._reach(time, level, row)
        self._at = target
        if self._margin is not None and self._marked:
            yield from self._mark_moves(self._margin, mark_beside(row, target))

    def _first_at(self, level: int, *, falling: bool) -> Resting | None:
        """The oldest order that this level wakes."""
        index = self._index
        for order in self.resting.values():
            reached = order.down >= level if falling else order.up <= level
            if reached and order.active <= index and order.spent != index:
                return order
        return None

    # --- what a perpetual does by itself --------------------------------------------------------

    def _begin(self, margin: MarginAccount, row: Row) -> Iterator[Event]:
        """At the open, before anybody trades: what time brought, then what the gap reached."""
        self._time, self._at = row.time, row.open
        self._mark = mark_beside(row, row.open) if self._marked else row.open
        for paid in margin.fall_due(row.time, self._mark):
            self._force(margin)
            yield paid
        self._force(margin)
        if margin.reached(self._mark):
            yield from self._liquidate(margin, self._mark)

    def _mark_moves(self, margin: MarginAccount, target: int) -> Iterator[Event]:
        """The mark follows its leg after the leg's fills: the position may have grown meanwhile."""
        while (level := margin.on_the_way(self._mark, target)) is not None:
            self._mark = level
            yield from self._liquidate(margin, level)
        self._mark = target

    def _liquidate(self, margin: MarginAccount, ticks: int) -> Iterator[Event]:
        """Sweep the orders, then close step by step until the account is safe at this mark.

        Orders go first and all of them (Binance: "all open orders are immediately canceled").
        An order sent on the last step is taken: the account is safe again when it is told of it.
        """
        margin.liquidating = True
        for order in sorted(self.resting.values(), key=lambda each: each.sequence):
            if self.resting.get(order.client_id) is order:
                yield self._expire(order, LIQUIDATION)
        while margin.liquidating:
            step = margin.step(Nanos(self._time), ticks)
            self._force(margin)
            yield step

    # --- one order meets a price ----------------------------------------------------------------

    def _meet(self, order: Resting, row: Row) -> Iterator[Event]:
        """An order before a price it did not travel to: the open, or the price of its birth.

        A limit takes only if it was marketable when it was sent; one that rested already when
        the price went over it trades at its own price, also if that was in the bar of its birth.
        """
        ticks = self._at
        new, order.now = order.active == self._index and order.spent != self._index, False
        rule, price = order.terms.time_in_force, Price(ticks * self._unit)
        if order.terms.type is OrderType.MARKET:
            yield from self._take(order, price)
        elif order.limit is not None and rule in IMMEDIATE:
            if order.reached(ticks):
                yield from self._take(order, price)
            else:
                yield self._expire(order, "NOT_MARKETABLE")
        elif order.limit is not None and new and order.reached(order.born):
            if rule is TimeInForce.POST_ONLY:
                yield self._expire(order, "POST_ONLY_WOULD_TAKE")
            elif order.reached(ticks):
                yield from self._take(order, price)
            else:
                self._refresh()
        elif order.reached(ticks):
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
            order.born = self._at
            order.arm(self._rules.fills, self._unit)
            order.now = order.now or order.active == self._index
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
        buying = terms.side is Side.BUY
        paid = instrument.price_up(worse) if buying else instrument.price_down(worse)
        if order.limit is not None:
            best = min if buying else max
            paid = best(paid, order.limit)
        if spend is not None:
            order.left = instrument.qty_for(spend, paid)
        yield from self._execute(order, paid, qty=order.left, liquidity=Liquidity.TAKER)

    def _execute(
        self, order: Resting, price: Price, *, qty: Decimal, liquidity: Liquidity
    ) -> Iterator[Event]:
        """Book a trade and say so; an order that cannot pay or close anything expires."""
        terms, ledger = order.terms, self.ledger
        if terms.reduce_only or terms.position_side is not PositionSide.NET:
            qty = self._reduced(order, qty)
        if qty <= ZERO:
            yield self._expire(order, "NOTHING_TO_TRADE")
            return
        fee = ledger.fee_of(terms.side, Qty(qty), price=price, liquidity=liquidity)
        charge = fee.amount if fee.asset == ledger.instrument.quote else ZERO
        if not self._affordable(order, price, qty, charge):
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
        margin = self._margin
        if margin is not None:
            margin.reckon()
            self._force(margin)
        yield OrderFilled(Nanos(self._time), fill, done)
        if margin is not None and self._is_forced(self._at):
            yield from self._liquidate(margin, self._at)

    def _reduced(self, order: Resting, qty: Decimal) -> Decimal:
        """An order that closes is cut to what there is to close."""
        closable = ZERO if self._margin is None else self.ledger.closable(order.terms)
        if closable is None:
            return qty
        order.left = min(order.left, closable)
        return min(qty, closable)

    def _affordable(self, order: Resting, price: Price, qty: Decimal, charge: Decimal) -> bool:
        """A spot buy must be covered by its own reservation and what is free besides."""
        instrument = self.ledger.instrument
        if instrument.perpetual or order.terms.side is Side.SELL:
            return True
        cost = -instrument.flow(Side.BUY, qty, price) + charge
        return cost <= order.hold or cost <= order.hold + self.ledger.account.free(instrument.quote)
