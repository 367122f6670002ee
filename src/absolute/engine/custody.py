"""Owns what we know of our orders at one venue, and what to ask next to know it for certain.

    command -> send -> requests          report -> take -> events for the engine, more requests

The portfolio holds what was booked; this holds what the venue has shown beyond that. What a venue
says may come twice, late, out of order or not at all: executions count once, an end is told to the
engine only when every execution before it has been booked, and nobody concludes anything from
silence (see `doubt`, `coverage`). Knows no wire, socket or clock.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final, assert_never

from absolute.domain.approved import Approved
from absolute.domain.ids import BotId, ClientOrderId
from absolute.domain.instrument import Side
from absolute.domain.messages import (
    Cancel,
    Event,
    FeeReported,
    OrderAccepted,
    OrderFilled,
    OrderLost,
    OrderRejected,
    OrderUnsent,
    Submit,
)
from absolute.domain.order import Status, Terms
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import ZERO, Nanos
from absolute.engine.alarms import Alarms
from absolute.engine.coverage import Coverage
from absolute.engine.doubt import FIRST_WAIT, doubt_from, next_wait
from absolute.engine.reports import (
    Acknowledged,
    Balances,
    Broken,
    CancelDenied,
    CancelInDoubt,
    CancelTaken,
    Connected,
    Denied,
    Disconnected,
    Duplicate,
    Executions,
    ExecutionSeen,
    InDoubt,
    LookUp,
    NeverSent,
    NotFound,
    OpenOrders,
    OrderSeen,
    Priced,
    Report,
    Request,
    Seen,
    Unanswered,
    VenueFacts,
)
from absolute.engine.watched import CANCEL_WAIT, Watched

MARKET_AGE_MAX: Final = 10_000_000_000
PRICE_AGE_MAX: Final = 60_000_000_000

SubmitAnswer = Acknowledged | Denied | Duplicate | InDoubt | NeverSent


class Custody:
    """The orders of one bot in one market. `requests` and `alarms` are taken by the driver."""

    def __init__(self, bot: BotId, portfolio: Portfolio, facts: VenueFacts, since: Nanos) -> None:
        self.requests: deque[Request] = deque()
        self.alarms = Alarms()
        self.coverage = Coverage(facts, complete_to=since)
        self._prefix = f"{bot}-"
        self._facts = facts
        self._portfolio = portfolio
        self._watched: dict[ClientOrderId, Watched] = {}
        self._absent: set[ClientOrderId] = set()
        self._now = since
        self._priced = Nanos(-PRICE_AGE_MAX)
        self._quiet_until = Nanos(0)
        self._quiet_wait = 0

    @property
    def settled(self) -> bool:
        """True where everything is seen and no order is in doubt or without its last executions."""
        return self.coverage.seeing and not any(
            each.doubt is not None or each.sent is None or each.final is not None
            for each in self._watched.values()
        )

    # --- commands and time ----------------------------------------------------------------------

    def send(self, approved: Approved, now: Nanos) -> None:
        """Take a command that is on disk already; `tick` lets it leave."""
        command = approved.command
        match command:
            case Submit(client_id=client_id, terms=terms):
                self._watched[client_id] = Watched(client_id, terms, now)
            case Cancel(client_id=client_id):
                watched = self._watched.get(client_id)
                if watched is not None:
                    watched.cancel = True
                    if watched.shown is not None:
                        self.requests.extend(watched.take_back(now))
            case _:
                assert_never(command)

    def resume(self, now: Nanos) -> Iterator[Event]:
        """Begin again after a stop: every order that the journal holds open is looked for.

        What was written down and perhaps never sent is in doubt: it may have left until now.
        """
        self._now = now
        for order in [each for each in self._portfolio.orders.values() if not each.terminal]:
            watched = Watched(order.client_id, order.terms, order.sent_at, order.sent_at)
            watched.cancel = order.status is Status.CANCEL_PENDING
            watched.venue_id = order.venue_id
            self._watched[order.client_id] = watched
            if order.venue_id is None and not order.filled:
                watched.doubt = doubt_from(order.sent_at, now, self._facts)
                if order.status is Status.IN_FLIGHT:
                    yield OrderLost(now, order.client_id)
            else:
                watched.shown = order.sent_at
                watched.cancelled_at = order.sent_at if watched.cancel else None
            self.requests.extend(watched.look(now))

    def tick(self, now: Nanos) -> Iterator[Event]:
        """Let time pass: ask what is due, let orders leave, give up what waited too long."""
        now = self._now = max(self._now, now)
        since = None
        for watched in list(self._watched.values()):
            if watched.doubt is not None or self._short(watched):
                since = min(since or watched.wished, watched.wished)
            if watched.check is not None and watched.check <= now:
                self.requests.extend(watched.look(now))
        if since is not None:
            since = Nanos(since - self._facts.overlap)
        self.requests.extend(self.coverage.questions(now, since))
        for watched in [each for each in self._watched.values() if each.sent is None]:
            if watched.cancel:
                yield from self._unsent(watched, "TAKEN_BACK_BEFORE_IT_LEFT")
            elif not self._may_leave(watched.terms, now):
                continue
            elif watched.terms.price is None and now - watched.wished >= MARKET_AGE_MAX:
                yield from self._unsent(watched, "TOO_OLD_TO_SEND")
            else:
                self.requests.append(watched.leave(now))

    def next_time(self) -> Nanos | None:
        """When `tick` has something to do, or None while the venue was never reached."""
        times = [each.check for each in self._watched.values() if each.check is not None]
        if self.coverage.changed >= 0:
            times.append(self.coverage.due)
        if self._quiet_until > self._now:
            times.append(self._quiet_until)
        return min(times, default=None)

    def _may_leave(self, terms: Terms, now: Nanos) -> bool:
        """What lowers risk leaves once the lists are known, the rest only when all is seen.

        While any order is in doubt nothing that adds risk leaves (it counts as filled), and
        nothing is decided on an old price.
        """
        if now < self._quiet_until:
            return False
        spot_sell = terms.side is Side.SELL and not self._portfolio.instrument.perpetual
        if terms.reduce_only or spot_sell:
            return self.coverage.audited
        fresh = now - self._priced <= PRICE_AGE_MAX
        doubts = any(each.doubt is not None for each in self._watched.values())
        return self.coverage.seeing and fresh and not doubts

    # --- reports --------------------------------------------------------------------------------

    def answered(self, request: Request, report: Report) -> Iterator[Event]:
        """Take the answer to a request; draw the next event when the last one was booked."""
        self.coverage.answered(request)
        if isinstance(request, LookUp):
            watched = self._watched.get(request.client_id)
            if watched is not None:
                watched.asked = False
        yield from self.take(report)

    def take(self, report: Report) -> Iterator[Event]:
        """Take one report; draw the next event when the last one was booked."""
        now = report.time
        self._now = max(self._now, now)
        match report:
            case OrderSeen():
                yield from self._seen(report)
            case ExecutionSeen():
                yield from self._traded(report)
            case Acknowledged() | Denied() | Duplicate() | InDoubt() | NeverSent():
                yield from self._submitted(report)
            case CancelTaken() | CancelDenied() | CancelInDoubt():
                self._cancel_answered(report)
            case NotFound(client_id=client_id, asked_at=asked_at):
                yield from self._not_found(client_id, asked_at)
            case OpenOrders():
                yield from self._open_orders(report)
            case Executions():
                yield from self._executions(report)
            case Balances():
                yield from self._balances(report)
            case Connected() | Disconnected():
                self.coverage.stream(now, up=isinstance(report, Connected))
            case Broken(code=code, detail=detail):
                yield from self.alarms.ring(self._now, code, about=detail, detail=detail)
            case Priced():
                self._priced = report.venue_time
            case Unanswered():
                pass  # errors are no answer: what was asked stays due
            case _:
                assert_never(report)
        yield from self.tick(now)

    # --- the answer to a submit -----------------------------------------------------------------

    def _submitted(self, report: SubmitAnswer) -> Iterator[Event]:
        watched = self._watched.get(report.client_id)
        if watched is None:
            return
        order, now = self._portfolio.orders[report.client_id], report.time
        match report:
            case Acknowledged(venue_id=venue_id):
                self._quiet_wait = 0
                self.requests.extend(watched.found(venue_id, now))
                if order.venue_id is None and not order.terminal:
                    yield OrderAccepted(now, order.client_id, venue_id)
            case Denied(code=code, detail=detail):
                if watched.shown is not None or order.filled:
                    # It was seen: this no cannot be the whole truth.
                    self.requests.extend(watched.look(now))
                else:
                    self._drop(watched)
                    yield OrderRejected(now, order.client_id, f"{code} {detail}".strip())
            case Duplicate() | InDoubt():
                if watched.shown is None:
                    watched.doubt = doubt_from(watched.wished, now, self._facts)
                    if order.status is Status.IN_FLIGHT:
                        yield OrderLost(now, order.client_id)
                self.requests.extend(watched.look(now))
            case NeverSent(detail=detail):
                self._quiet_wait = next_wait(self._quiet_wait)
                self._quiet_until = Nanos(now + self._quiet_wait)
                yield from self._unsent(watched, detail)
            case _:
                assert_never(report)

    def _unsent(self, watched: Watched, reason: str) -> Iterator[Event]:
        self._drop(watched)
        yield OrderUnsent(self._now, watched.client_id, reason)

    def _cancel_answered(self, report: CancelTaken | CancelDenied | CancelInDoubt) -> None:
        watched = self._watched.get(report.client_id)
        if watched is None or watched.final is not None:
            return
        if isinstance(report, CancelTaken):
            watched.check = Nanos(report.time + CANCEL_WAIT)
        else:
            self.requests.extend(watched.look(report.time))

    # --- what the venue shows -------------------------------------------------------------------

    def _seen(self, seen: OrderSeen) -> Iterator[Event]:
        watched = self._watched.get(seen.client_id)
        if watched is None:
            yield from self._unexpected(seen)
            return
        order = self._portfolio.orders[seen.client_id]
        self.requests.extend(watched.saw(seen))
        self.requests.extend(watched.found(seen.venue_id, seen.time))
        if order.venue_id is None and not order.terminal and seen.status is not Seen.REJECTED:
            yield OrderAccepted(seen.time, order.client_id, seen.venue_id)
        if seen.status is Seen.UNKNOWN:
            detail = f"{seen.client_id}: the venue says '{seen.reason}', which we do not know"
            about = str(seen.client_id)
            yield from self.alarms.ring(self._now, "STATUS_UNKNOWN", about=about, detail=detail)
        if self._short(watched):
            self.coverage.soon(Nanos(seen.time + FIRST_WAIT))
        yield from self._finish(watched)

    def _traded(self, seen: ExecutionSeen) -> Iterator[Event]:
        portfolio, fill, now = self._portfolio, seen.fill, seen.time
        order, about = portfolio.orders.get(fill.client_id), str(fill.client_id)
        if order is None:
            if about.startswith(self._prefix):
                detail = f"order {about} traded and is not in the journal"
                yield from self.alarms.ring(now, "ORDER_NOT_IN_JOURNAL", about=about, detail=detail)
            return
        if portfolio.knows(fill.trade_id):
            if fill.fee is not None and not portfolio.fees_known:
                yield FeeReported(now, fill.trade_id, fill.fee)
            return
        after, wanted = order.filled + fill.qty, order.terms.qty
        if wanted is not None and after > wanted:
            detail = f"{about} would be filled {after} of {wanted}: this execution is not booked"
            yield from self.alarms.ring(now, "OVERFILLED", about=fill.trade_id, detail=detail)
            return
        if fill.client_id in self._absent:
            yield from self._violated(fill.client_id)
        watched = self._watched.get(fill.client_id)
        final = watched.final if watched is not None else None
        complete = final is not None and final.status is Seen.FILLED and after == final.filled
        yield OrderFilled(now, fill, after == wanted or complete)
        if watched is not None:
            watched.doubt, watched.shown = None, watched.shown or now
            yield from self._finish(watched)

    def _finish(self, watched: Watched) -> Iterator[Event]:
        """Tell an end, but never before every execution that came before it."""
        order, final = self._portfolio.orders[watched.client_id], watched.final
        if order.terminal:
            self._drop(watched)
        elif final is not None and not watched.short(order):
            self._drop(watched)
            yield watched.end(order, final, self._now)

    def _unexpected(self, seen: OrderSeen) -> Iterator[Event]:
        """An order with our name that we do not watch: ended already, proven absent, or unknown."""
        order, about = self._portfolio.orders.get(seen.client_id), str(seen.client_id)
        if order is None:
            if about.startswith(self._prefix):
                detail, code = f"order {about} is not in the journal", "ORDER_NOT_IN_JOURNAL"
                yield from self.alarms.ring(self._now, code, about=about, detail=detail)
        elif seen.client_id in self._absent:
            yield from self._violated(seen.client_id)
            if seen.status is Seen.OPEN:
                watched = Watched(seen.client_id, order.terms, order.sent_at, order.sent_at)
                self.requests.extend(watched.take_back(seen.time))
        if order is not None and seen.filled > order.filled:
            self.coverage.soon(self._now)

    def _violated(self, client_id: ClientOrderId) -> Iterator[Event]:
        detail = f"{client_id} was proven absent and is there: the venue is slower than stated"
        yield from self.alarms.ring(
            self._now, "PROOF_VIOLATED", about=str(client_id), detail=detail
        )

    # --- lists, and what they prove -------------------------------------------------------------

    def _not_found(self, client_id: ClientOrderId, asked_at: Nanos) -> Iterator[Event]:
        watched = self._watched.get(client_id)
        if watched is None:
            return
        if watched.doubt is not None:
            watched.doubt.not_found(asked_at)
            yield from self._judge(watched)
            return
        self.coverage.soon(self._now)
        if watched.wait > CANCEL_WAIT:
            about, code = str(client_id), "ORDER_VANISHED"
            detail = f"{about} was accepted, and the venue does not find it any more"
            yield from self.alarms.ring(self._now, code, about=about, detail=detail)

    def _judge(self, watched: Watched) -> Iterator[Event]:
        """End a doubt where absence is proven; else see to it that the questions are asked."""
        doubt = watched.doubt
        if doubt is None:
            return
        if doubt.proven_absent:
            self._absent.add(watched.client_id)
            yield from self._unsent(watched, "PROVEN_ABSENT")
        elif doubt.looked_up:
            self.coverage.soon(self._now)
        else:
            earliest = max(doubt.deadline, Nanos(self._now + FIRST_WAIT))
            watched.check = min(watched.check or earliest, earliest)

    def _open_orders(self, report: OpenOrders) -> Iterator[Event]:
        self.coverage.saw_open(report.asked_at)
        for seen in report.orders:
            yield from self._seen(seen)
        for foreign in report.foreign:
            detail = f"open order {foreign.venue_id} ({foreign.client_id or 'no id'}) is not ours"
            about, code = str(foreign.venue_id), "FOREIGN_ORDER"
            yield from self.alarms.ring(self._now, code, about=about, detail=detail)
        listed = {each.client_id for each in report.orders}
        latest = report.asked_at - self._facts.visibility
        for watched in list(self._watched.values()):
            if watched.client_id in listed or watched.sent is None or watched.final is not None:
                continue
            if watched.doubt is not None:
                watched.doubt.not_listed(report.asked_at)
                yield from self._judge(watched)
            elif watched.shown is not None and watched.shown < latest:
                self.requests.extend(watched.look(report.time))

    def _executions(self, report: Executions) -> Iterator[Event]:
        for seen in sorted(report.executions, key=lambda each: each.fill.time):
            yield from self._traded(seen)
        self.coverage.saw_executions(report.asked_at, report.since)
        for watched in list(self._watched.values()):
            if watched.doubt is not None and watched.sent is not None:
                watched.doubt.not_traded(report.asked_at, report.since)
                yield from self._judge(watched)
            elif self._short(watched):
                self.coverage.soon(Nanos(report.time + FIRST_WAIT))

    def _balances(self, report: Balances) -> Iterator[Event]:
        """What our own trades left us with must be there; more than that is not ours.

        Balances that were asked for while something of ours traded say nothing.
        """
        portfolio = self._portfolio
        instrument, calm = portfolio.instrument, portfolio.time + self._facts.visibility
        if instrument.perpetual or not self.settled or report.asked_at < calm:
            return
        owned = dict(report.totals).get(instrument.base, ZERO)
        if owned < portfolio.held:
            detail = f"the wallet holds {owned} {instrument.base}, our trades left {portfolio.held}"
            about = str(portfolio.held)
            yield from self.alarms.ring(self._now, "WALLET_SHORT", about=about, detail=detail)

    def _short(self, watched: Watched) -> bool:
        return watched.short(self._portfolio.orders[watched.client_id])

    def _drop(self, watched: Watched) -> None:
        self._watched.pop(watched.client_id, None)
