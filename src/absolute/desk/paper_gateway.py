"""Owns paper trading behind the port of a real venue: real prices, simulated fills.

Every price that the market's own gateway brings passes the simulated venue as a bar of one price;
what trades there comes back as the same reports a real venue would give. The run cannot tell, and
nothing here can reach an account: of the gateway behind it only prices are used.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import assert_never

from absolute.desk.driver import Clock
from absolute.domain.fees import FeeSchedule
from absolute.domain.ids import ClientOrderId, TradeId, VenueOrderId
from absolute.domain.instrument import Instrument
from absolute.domain.ledger import Ledger
from absolute.domain.messages import (
    Cancel,
    Event,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    Submit,
)
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import ZERO, Nanos, Price, Qty
from absolute.engine.reports import (
    Acknowledged,
    Balances,
    CancelDenied,
    CancelTaken,
    Connected,
    Denied,
    Executions,
    ExecutionSeen,
    Gateway,
    ListExecutions,
    ListOpen,
    LookUp,
    NotFound,
    OpenOrders,
    OrderSeen,
    Priced,
    ReadBalances,
    Report,
    Request,
    Seen,
    SendCancel,
    SendOrder,
    VenueFacts,
)
from absolute.kernels.feed import Row, ticks_down
from absolute.matching.venue import SimVenue, VenueRules

PAPER_FACTS = VenueFacts(
    window=0, engine_timeout=0, visibility=0, clock_error=0, overlap=0, ids_unique_for_ever=True
)
PLENTY = 1e12
"""The volume of a price: paper assumes that the market takes any order of ours."""


class PaperGateway:
    """Implements `Gateway` for a spot market. The price unit is the market's own tick."""

    def __init__(
        self, market: Gateway, portfolio: Portfolio, fees: FeeSchedule, clock: Clock
    ) -> None:
        instrument = market.instrument
        totals = portfolio.ledger.account.totals()
        ledger = Ledger(instrument, totals, fees=fees)
        self._market = market
        self._clock = clock
        self._ledger = ledger
        self._venue = SimVenue(ledger, unit=instrument.tick, rules=VenueRules())
        self._orders: dict[ClientOrderId, OrderSeen] = {}
        self._executions: list[ExecutionSeen] = []
        self._put: Callable[[Report], None] | None = None
        self._number = 0
        self._restore(portfolio)

    @property
    def instrument(self) -> Instrument:
        """The market, with the venue's live filters."""
        return self._market.instrument

    @property
    def facts(self) -> VenueFacts:
        """Nothing is ever late or lost on paper."""
        return PAPER_FACTS

    async def perform(self, request: Request) -> Report:
        """Do one thing and say what came of it."""
        now = self._clock.now_ns()
        match request:
            case SendOrder(client_id=client_id, terms=terms):
                return self._submit(Submit(client_id, terms), now)
            case SendCancel(client_id=client_id):
                return self._cancel(client_id, now)
            case LookUp(client_id=client_id):
                seen = self._orders.get(client_id)
                return NotFound(now, now, client_id) if seen is None else self._at(seen, now)
            case ListOpen():
                found = (each for each in self._orders.values() if each.status is Seen.OPEN)
                return OpenOrders(now, now, tuple(self._at(each, now) for each in found))
            case ListExecutions(since=since):
                found_executions = [each for each in self._executions if each.fill.time >= since]
                return Executions(now, now, since, tuple(found_executions))
            case ReadBalances():
                account = self._ledger.account
                totals = tuple(account.totals().items())
                free = tuple((asset, account.free(asset)) for asset, _ in totals)
                return Balances(now, now, totals, free)
            case _:
                assert_never(request)

    async def listen(self, put: Callable[[Report], None]) -> None:
        """Bring prices, and what trades at them."""
        self._put = put
        put(Connected(self._clock.now_ns()))
        await self._market.listen(self._hear)

    async def close(self) -> None:
        """Let go of every socket."""
        await self._market.close()

    # --- the simulated side -----------------------------------------------------------------------

    def _hear(self, report: Report) -> None:
        if isinstance(report, Priced) and self._put is not None:
            for told in self._walk(report.price, report.time):
                self._put(told)
            self._put(report)

    def _walk(self, price: Price, now: Nanos) -> Iterable[Report]:
        """Let one price pass; orders that were waiting meet it."""
        ticks = ticks_down(price, self.instrument.tick)
        row = Row(self._number, now, now, ticks, ticks, ticks, ticks, PLENTY, ticks, ticks)
        if not self._number:
            self._venue.seek(row)
        self._number += 1
        for event in self._venue.walk(row):
            yield from self._reports(event)

    def _submit(self, submit: Submit, now: Nanos) -> Report:
        if not self._number:
            return Denied(now, submit.client_id, "NO_PRICE_YET", "no price was seen yet")
        (event,) = self._venue.receive(submit, now)
        match event:
            case OrderAccepted(venue_id=venue_id):
                self._orders[submit.client_id] = OrderSeen(
                    now, now, submit.client_id, venue_id, Seen.OPEN, Qty(ZERO), now
                )
                return Acknowledged(now, submit.client_id, venue_id)
            case OrderRejected(reason=reason):
                return Denied(now, submit.client_id, reason, "")
            case _:
                raise TypeError(f"a simulated venue answers a submit with {event!r}")

    def _cancel(self, client_id: ClientOrderId, now: Nanos) -> Report:
        (event,) = self._venue.receive(Cancel(client_id), now)
        if not isinstance(event, OrderCancelled):
            return CancelDenied(now, client_id, "ORDER_NOT_OPEN", gone=True)
        if self._put is not None:
            for told in self._reports(event):
                self._put(told)
        return CancelTaken(now, client_id)

    def _reports(self, event: Event) -> Iterable[Report]:
        """A fact of the simulated venue as a real one would show it."""
        execution: ExecutionSeen | None = None
        match event:
            case OrderFilled(time=time, fill=fill, done=done):
                before = self._orders[fill.client_id]
                # The venue's own numbers begin anew with every start; the time keeps them apart.
                trade_id = TradeId(f"{fill.client_id}.{fill.time}.{fill.trade_id}")
                execution = ExecutionSeen(time, replace(fill, trade_id=trade_id))
                self._executions.append(execution)
                status = Seen.FILLED if done else Seen.OPEN
                filled = Qty(before.filled + fill.qty)
                seen = replace(before, time=time, status=status, filled=filled, updated=time)
            case OrderCancelled(time=time, client_id=client_id):
                before = self._orders[client_id]
                seen = replace(before, time=time, status=Seen.CANCELLED, updated=time)
            case OrderExpired(time=time, client_id=client_id, reason=reason):
                before = self._orders[client_id]
                seen = replace(before, time=time, status=Seen.EXPIRED, updated=time, reason=reason)
            case _:
                return
        self._orders[seen.client_id] = seen
        yield self._at(seen, self._clock.now_ns())
        if execution is not None:
            yield execution

    @staticmethod
    def _at(seen: OrderSeen, now: Nanos) -> OrderSeen:
        return replace(seen, time=now, asked_at=now)

    def _restore(self, portfolio: Portfolio) -> None:
        """After a restart the simulated venue holds what the journal says that it held."""
        for order in portfolio.orders.values():
            if order.terminal or order.venue_id is None:
                continue
            qty = order.terms.qty
            left = None if qty is None else Qty(qty - order.filled)
            terms = replace(order.terms, qty=left)
            (event,) = self._venue.receive(Submit(order.client_id, terms), order.sent_at)
            if isinstance(event, OrderAccepted):
                self._orders[order.client_id] = OrderSeen(
                    order.sent_at,
                    order.sent_at,
                    order.client_id,
                    VenueOrderId(order.venue_id),
                    Seen.OPEN,
                    order.filled,
                    order.sent_at,
                )
