"""Owns the second opinion: whether what the bot wrote and sent agrees with the venue's own ledger.

Positions, money and orders are derived anew from the exchange's orders and trades. It may not
import the part of the core that it judges (custody and what that is made of). V numbers are those
of docs/storm.md.
"""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from absolute.desk.storm_venue import Exchange, VenueOrder
from absolute.desk.storm_weather import CAPITAL, MARKET, S, Weather
from absolute.domain.messages import (
    Cancel,
    Event,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderLost,
    OrderRejected,
    OrderUnsent,
    Paused,
    Resumed,
    StopAsked,
    Submit,
)
from absolute.domain.notes import Halted
from absolute.domain.order import Status, Step, Terms
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import Nanos
from absolute.engine.step import Outcome

ZERO: Final = Decimal(0)
PRICE_AGE_MAX: Final = 60 * S
MARKET_AGE_MAX: Final = 10 * S
REQUESTS_PER_SECOND: Final = 40
TOLD_AFTER: Final = S // 5
LOSSY: Final = frozenset(
    {"frame_lost", "frame_slow", "frame_reordered", "cut_in", "stream_silent", "stall"}
)
"""Faults under which the stream may keep a trade back without saying so."""

STEPS: Final = {
    OrderAccepted: Step.ACCEPT,
    OrderRejected: Step.REJECT,
    OrderLost: Step.LOSE,
    OrderUnsent: Step.CANCEL,
    OrderCancelled: Step.CANCEL,
    OrderExpired: Step.EXPIRE,
}
Ending = OrderCancelled | OrderRejected | OrderExpired | OrderUnsent


class Violated(Exception):
    """An invariant does not hold; the schedule ends here."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant
        self.detail = detail


@dataclass(slots=True)
class Checker:
    """Watches one schedule. `edges` counts the steps of order lives that were taken."""

    venue: Exchange
    weather: Weather
    edges: Counter[str] = field(default_factory=Counter)
    submits: dict[str, tuple[int, Terms]] = field(default_factory=dict)
    status: dict[str, Status] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    doubted: set[str] = field(default_factory=set)
    booked: dict[str, Decimal] = field(default_factory=dict)
    trades: set[str] = field(default_factory=set)
    stopped: bool = False
    paused: bool = False
    halted: bool = False
    priced_at: int | None = None
    lossy: bool = False
    created: Counter[str] = field(default_factory=Counter)
    _second: int = 0
    _asked: int = 0

    def __post_init__(self) -> None:
        """Know whether this weather keeps trades back."""
        names = {name for _time, name in self.weather.times} | set(self.weather.shares)
        self.lossy = not LOSSY.isdisjoint(names)

    # --- the journal ----------------------------------------------------------------------------

    def wrote(self, event: Event, outcome: Outcome, *, book: Portfolio) -> None:
        """A step is durable: what it says must be true at the venue."""
        if isinstance(event, OrderFilled):
            self._filled(event)
        elif isinstance(event, Ending):
            self._ended(str(event.client_id), event)
        elif isinstance(event, Paused):
            self.paused = True
        elif isinstance(event, StopAsked):
            self.stopped = True
        elif isinstance(event, Resumed):
            self.paused = self.stopped = self.halted = False
        self.halted = self.halted or any(isinstance(note, Halted) for note in outcome.notes)
        self._count(event, book)
        for approved in outcome.commands:
            command = approved.command
            if isinstance(command, Submit):
                self.submits[str(command.client_id)] = (event.time, command.terms)
                self._step(str(command.client_id), Status.NEW, Step.SEND, Status.IN_FLIGHT)
            else:
                self._cancelled(command, book)

    def lost(self, events: tuple[Event, ...], submits: dict[str, tuple[int, Terms]]) -> None:
        """The process died: what was not durable was never written. Begin from what is kept."""
        self.submits = submits
        self.trades = {str(each.fill.trade_id) for each in events if isinstance(each, OrderFilled)}
        self.booked = {}
        for each in events:
            if isinstance(each, OrderFilled):
                name = str(each.fill.client_id)
                self.booked[name] = self.booked.get(name, ZERO) + each.fill.qty
        self.ended = {str(each.client_id): "" for each in events if isinstance(each, Ending)}
        self.status, self.priced_at, self.doubted = {}, None, set()
        for each in events:
            if isinstance(each, OrderLost):
                self.doubted.add(str(each.client_id))
            elif isinstance(each, Ending | OrderAccepted):
                self.doubted.discard(str(each.client_id))
            elif isinstance(each, OrderFilled):
                self.doubted.discard(str(each.fill.client_id))

    def _filled(self, event: OrderFilled) -> None:
        fill = event.fill
        name, trade_id = str(fill.client_id), str(fill.trade_id)
        if trade_id in self.trades:
            raise Violated("V1", f"trade {trade_id} was booked twice")
        self.trades.add(trade_id)
        truth = next((each for each in self.venue.trades if each.id == trade_id), None)
        if truth is None or (truth.qty, truth.price) != (fill.qty, fill.price):
            raise Violated("V1", f"trade {trade_id} was booked as {fill.qty} at {fill.price}")
        self.booked[name] = self.booked.get(name, ZERO) + fill.qty
        order = self.venue.by_id[name]
        if event.done and (order.state == "open" or order.filled != self.booked[name]):
            raise Violated("V6", f"{name} is booked as done with {self.booked[name]}")

    def _ended(self, name: str, event: Ending) -> None:
        """No false end: never while the venue holds it, nor filled beyond what is recorded."""
        order, kind = self.venue.by_id.get(name), type(event).__name__
        self.ended[name] = kind
        if order is None:
            return
        if order.state == "open":
            raise Violated("V6", f"{kind} of {name}, which stands at the venue")
        if order.filled != self.booked.get(name, ZERO):
            told = self.booked.get(name, ZERO)
            raise Violated("V6", f"{kind} of {name}: {order.filled} traded, {told} is booked")
        if self.venue.rules.ids_unique and isinstance(event, OrderUnsent) and order.filled:
            raise Violated("V6", f"{name} is called unsent and traded")

    def _count(self, event: Event, book: Portfolio) -> None:
        if isinstance(event, OrderFilled):
            name = event.fill.client_id
            step = Step.FILL_ALL if event.done else Step.FILL_PART
        elif isinstance(event, Ending | OrderAccepted | OrderLost):
            name, step = event.client_id, STEPS[type(event)]
        else:
            return
        if isinstance(event, OrderLost):
            self.doubted.add(str(name))
        else:
            self.doubted.discard(str(name))
        before = self.status.get(str(name))
        after = book.orders[name].status
        if before is not None:
            self._step(str(name), before, step, after)
        self.status[str(name)] = after
        if book.orders[name].filled != self.booked.get(str(name), ZERO):
            raise Violated("V13", f"{name} holds another quantity than was booked")

    def _cancelled(self, command: Cancel, book: Portfolio) -> None:
        name = str(command.client_id)
        before = self.status.get(name, Status.IN_FLIGHT)
        self._step(name, before, Step.ASK_CANCEL, book.orders[command.client_id].status)

    def _step(self, name: str, before: Status, step: Step, after: Status) -> None:
        self.edges[f"{before} {step}"] += 1
        self.status[name] = after

    # --- the wire -------------------------------------------------------------------------------

    def left(self, client_id: str, terms: Terms, *, now: Nanos, at: int) -> None:
        """An order leaves the process, which believes that it is `now`; in truth it is `at`."""
        if client_id not in self.submits:
            raise Violated("V9", f"{client_id} leaves and is not in the journal")
        wished, journalled = self.submits[client_id]
        if terms != journalled:
            raise Violated("V9", f"{client_id} leaves with other terms than are in the journal")
        if client_id in self.ended:
            raise Violated("V4", f"{client_id} leaves after its end was written down")
        if terms.price is None and now - wished > MARKET_AGE_MAX + S:
            raise Violated("V12", f"{client_id} was decided {(now - wished) / S:.1f} s ago")
        if str(terms.side) != "buy":
            return
        if self.priced_at is None or now - self.priced_at > PRICE_AGE_MAX + S:
            raise Violated("V12", f"{client_id} leaves on a price that is too old")
        if self.doubted:
            raise Violated("V10", f"{client_id} leaves while {sorted(self.doubted)} is in doubt")
        self._saw_all(client_id, at)
        if self.stopped or (self.paused and terms.role == "entry"):
            raise Violated("V17", f"{client_id} leaves although the bot was stopped or paused")

    def _saw_all(self, client_id: str, at: int) -> None:
        """Growth leaves only when nothing was missed, but for what a stream loses unnoticed."""
        if self.lossy:
            return
        late = [each.id for each in self.venue.trades if each.time < at - TOLD_AFTER]
        missed = set(late) - self.trades
        if missed:
            raise Violated("V10", f"{client_id} leaves before {sorted(missed)} are booked")

    def asked(self, now: int) -> None:
        """A request of any kind leaves."""
        second = now // S
        if second != self._second:
            self._second, self._asked = second, 0
        self._asked += 1
        if self._asked > REQUESTS_PER_SECOND:
            raise Violated("V16", f"more than {REQUESTS_PER_SECOND} requests in one second")

    def changed(self, order: VenueOrder) -> None:
        """An order is new at the venue, or has changed there."""
        if order.state != "open" or len(order.states) > 1:
            return
        name = order.client_id
        self.created[name] += 1
        if self.created[name] > 1:
            raise Violated("V4", f"the venue has {name} twice")
        if name not in self.submits:
            raise Violated("V9", f"the venue has {name}, which is not in the journal")
        if name in self.ended:
            raise Violated("V6", f"{self.ended[name] or 'end'} of {name}, which arrives only now")
        if (order.price or ZERO) % MARKET.tick or (order.qty or ZERO) % MARKET.lot:
            raise Violated("V12", f"{name} is off the market's grid")
        if order.buys:
            self._exposure(name)
        else:
            self._exits(name)

    def _exits(self, name: str) -> None:
        """One exit for one quantity: all sells together never offer more than is ours."""
        offered = sum((each.rest for each in self._open() if not each.buys), ZERO)
        if offered > self.position():
            raise Violated("ONE_EXIT", f"{name}: {offered} offered, {self.position()} held")

    def _exposure(self, name: str) -> None:
        """The worst case never exceeds the ladder's cap: what is held and all that may fill."""
        resting = ZERO
        for each in self._open():
            if each.buys:
                resting += each.rest * (each.price or ZERO) if each.qty else each.spend or ZERO
        cap = self.weather.config.saldo_limite + MARKET.min_notional * 2
        if self._at_work() + resting > cap:
            raise Violated("V10", f"{name}: {self._at_work()} at work and {resting} resting")

    def _open(self) -> list[VenueOrder]:
        return [each for each in self.venue.orders if each.state == "open"]

    def _at_work(self) -> Decimal:
        """What the coins that are held cost, at their average price."""
        held = cost = ZERO
        for trade in self.venue.trades:
            if trade.buys:
                held, cost = held + trade.qty, cost + trade.qty * trade.price
            elif held:
                cost -= cost * min(trade.qty / held, Decimal(1))
                held = max(held - trade.qty, ZERO)
        return cost

    def position(self) -> Decimal:
        """What the venue's ledger says our trades left us with."""
        held = ZERO
        for trade in self.venue.trades:
            held += trade.qty if trade.buys else -trade.qty
            if trade.fee_asset == "COIN":
                held -= trade.fee
        return held

    # --- when all is quiet ----------------------------------------------------------------------

    def quiet(self, book: Portfolio) -> None:
        """After the last fault and a minute: all is known, and the books agree to the last unit."""
        told = {each.id for each in self.venue.trades}
        if told != self.trades:
            raise Violated("V1", f"the venue has trades {sorted(told ^ self.trades)} more or less")
        cash, coins = CAPITAL, ZERO
        for trade in self.venue.trades:
            sign = 1 if trade.buys else -1
            coins += sign * trade.qty
            cash -= sign * trade.qty * trade.price
            if trade.fee_asset == "COIN":
                coins -= trade.fee
            else:
                cash -= trade.fee
        totals = book.ledger.account
        if totals.total(MARKET.quote) != cash or totals.total(MARKET.base) != coins:
            ours = (totals.total(MARKET.quote), totals.total(MARKET.base))
            raise Violated("V2", f"the venue says {cash} and {coins}, the books {ours}")
        if book.held != coins:
            raise Violated("V2", f"the venue left {coins}, the books hold {book.held}")
        self._no_orphan(book)
        self._protected(book)

    def _no_orphan(self, book: Portfolio) -> None:
        standing = {each.client_id for each in self._open()}
        ours = {str(each.client_id) for each in book.live.values()}
        if standing != ours:
            raise Violated("V5", f"the venue holds {sorted(standing)}, the journal {sorted(ours)}")
        alive = {str(each.client_id) for each in book.orders.values() if not each.terminal}
        if alive != ours:
            raise Violated("V5", f"alive in the journal {sorted(alive)}, by role {sorted(ours)}")
        for each in book.live.values():
            if each.status in {Status.UNKNOWN, Status.IN_FLIGHT, Status.CANCEL_PENDING}:
                raise Violated("V14", f"{each.client_id} is {each.status} for ever")
            truth = self.venue.by_id[str(each.client_id)]
            if (truth.qty, truth.price) != (each.terms.qty, each.terms.price):
                raise Violated("V5", f"{each.client_id} stands with other terms")

    def _protected(self, book: Portfolio) -> None:
        """What is held has its exit, unless the bot stands still and has said so."""
        if self.halted or self.stopped:
            return
        held = self.position()
        offered = sum((each.rest for each in self._open() if not each.buys), ZERO)
        sellable = held // MARKET.lot * MARKET.lot
        # A rung that fills by and by is collected before the exit moves; dust is not sold.
        collecting = any(each.filled for each in self._open() if each.buys)
        small = (sellable - offered) * self.venue.price < MARKET.min_notional * Decimal("1.2")
        covered = offered == sellable or (ZERO < offered < sellable and collecting)
        if not covered and not (small and not offered):
            raise Violated(
                "V11", f"{held} held, {offered} offered by {sorted(map(str, book.live))}"
            )
