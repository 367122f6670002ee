"""Owns the orders of one simulated account: what is taken in, held, waited for and taken back.

It checks a command against the venue's filters and the account's money, keeps the order and its
reservation until it is done, and says which prices and times matter to what it keeps. Messages
that need their time to arrive wait here. Knows nothing of how the price moves or of trading.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from typing import Final, assert_never

from absolute.domain.approved import Approved
from absolute.domain.ids import ClientOrderId, VenueOrderId
from absolute.domain.instrument import size_fault
from absolute.domain.ledger import Ledger
from absolute.domain.messages import (
    Cancel,
    CancelRefused,
    Command,
    Event,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    Submit,
)
from absolute.domain.order import OrderType, Terms
from absolute.domain.units import ZERO, Nanos, Price
from absolute.kernels.skip import NEVER_DOWN, NEVER_UP
from absolute.matching.costs import NO_SLIPPAGE, Latency, Slippage
from absolute.matching.fills import FillModel
from absolute.matching.path import Intrabar
from absolute.matching.perpetual import MarginAccount, PerpetualTerms
from absolute.matching.resting import Resting

UNTOUCHED: Final = (NEVER_DOWN, NEVER_UP)


@dataclass(frozen=True, slots=True)
class VenueRules:
    """Every assumption about the market side, stated once; a perpetual needs its own terms."""

    fills: FillModel = field(default_factory=FillModel)
    intrabar: Intrabar = Intrabar.PESSIMISTIC
    slippage: Slippage = NO_SLIPPAGE
    latency: Latency | None = None
    perpetual: PerpetualTerms | None = None


class OrderDesk:
    """One account in one market. `unit` is the price unit of the tape.

    Raises ValueError where a perpetual comes without its terms: it would never be liquidated.
    """

    def __init__(self, ledger: Ledger, *, unit: Decimal, rules: VenueRules) -> None:
        if ledger.instrument.perpetual is not (rules.perpetual is not None):
            raise ValueError(
                "the terms of a perpetual belong to a perpetual, and to no spot market"
            )
        self.ledger = ledger
        self.resting: dict[ClientOrderId, Resting] = {}
        self.watch: tuple[int, int] = UNTOUCHED
        self._unit = unit
        self._rules = rules
        self._index = -1
        self._time = 0
        self._at = 0
        self._walking = False
        self._levels = UNTOUCHED
        self._forced = UNTOUCHED
        self._now = False
        self._orders = count(1)
        self._arrivals: list[tuple[int, int, Command]] = []
        self._margin: MarginAccount | None = None
        if rules.perpetual is not None:
            self._margin = MarginAccount(ledger, rules.perpetual, unit=unit)
            self._force(self._margin)

    # --- the door for commands ----------------------------------------------------------------

    def send(self, approved: Approved, time: Nanos) -> tuple[Event, ...]:
        """Take a command: its events at once, or none yet where messages need their time."""
        command, latency = approved.command, self._rules.latency
        if latency is None:
            return self.receive(command, time)
        delay = latency.submit_ns() if isinstance(command, Submit) else latency.cancel_ns()
        heappush(self._arrivals, (time + delay, next(self._orders), command))
        return ()

    def _arrive(self, time: int) -> Iterator[Event]:
        """Messages that were on their way reach the venue."""
        while self._arrivals and self._arrivals[0][0] <= time:
            due, _, command = heappop(self._arrivals)
            yield from self.receive(command, Nanos(due))

    def receive(self, command: Command, time: Nanos) -> tuple[Event, ...]:
        """Take a command as it arrives over a wire, where nobody can see who approved it."""
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
        margin = self._margin
        if margin is None:
            free = self.ledger.available(asset)
        else:
            free = margin.available(price)
            resting = self.resting.values()
            fault = margin.refusal(terms, price, time=time, resting=resting) or fault
        if fault is None and hold > free:
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
            born=self._at,
            sequence=sequence,
            limit=terms.price if terms.type is OrderType.LIMIT else None,
            extreme=self._at if terms.type is OrderType.TRAILING else None,
        )
        order.arm(self._rules.fills, self._unit)
        # Born on the path: it meets the price of its birth before the path goes on.
        order.now = order.now or order.active == self._index
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

    def _expire(self, order: Resting, reason: str) -> Event:
        self._drop(order)
        return OrderExpired(Nanos(self._time), order.client_id, reason)

    # --- what matters to whom waits -------------------------------------------------------------

    def levels(self) -> tuple[int, int]:
        """The highest price from below and the lowest from above at which anything can happen."""
        down, up = self.watch
        for order in self.resting.values():
            down, up = max(down, order.down), min(up, order.up)
        return down, up

    def mark_levels(self) -> tuple[int, int]:
        """The same for the mark price: where a liquidation begins."""
        return UNTOUCHED if self._margin is None else self._margin.levels

    def next_bar_matters(self) -> bool:
        """True where some order must trade or end at the first price it meets."""
        return any(order.now for order in self.resting.values())

    def next_time(self) -> int | None:
        """When the next message arrives or a perpetual is due for something, in ns, or None."""
        arrival = self._arrivals[0][0] if self._arrivals else None
        if self._margin is None:
            return arrival
        due = self._margin.next_time()
        if arrival is None or due is None:
            return arrival if due is None else due
        return min(arrival, due)

    def _refresh(self) -> None:
        """The levels of the orders that take part in the bar being walked, and what forces us."""
        index = self._index
        down, up = self._forced
        now = False
        for order in self.resting.values():
            if order.active <= index and order.spent != index:
                down, up = max(down, order.down), min(up, order.up)
                now = now or order.now
        self._levels = down, up
        self._now = now

    def _force(self, margin: MarginAccount) -> None:
        """Money or positions changed, and with them the price that liquidates.

        Where the mark has columns of its own, the last price forces nothing.
        """
        self._forced = UNTOUCHED if margin.terms.marked else margin.levels
        self._refresh()

    def _is_forced(self, ticks: int) -> bool:
        """True where the last price, being the mark, liquidates."""
        down, up = self._forced
        return down >= ticks or up <= ticks

    def _next_level(self, target: int, *, falling: bool) -> int | None:
        """The nearest level on the way to `target`, or None."""
        if falling:
            level = min(max(self._levels[0], self.watch[0]), self._at)
            return level if level >= target else None
        level = max(min(self._levels[1], self.watch[1]), self._at)
        return level if level <= target else None

    def _quiet(self, target: int) -> bool:
        """True where a leg can be passed over: nothing waits for a price or a time on it."""
        if self._arrivals or self._now or self._margin is not None:
            return False
        return self._next_level(target, falling=target < self._at) is None
