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
from absolute.domain.ids import BotId
from absolute.domain.messages import (
    Cancel,
    Event,
    OrderAccepted,
    OrderExpired,
    OrderLost,
    OrderRejected,
    Submit,
)
from absolute.domain.order import Status
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import Nanos
from absolute.engine.coverage import Coverage
from absolute.engine.departure import Departure, too_old
from absolute.engine.doubt import FIRST_WAIT, doubt_from, look_back, shown_by, vanished_from
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
    Unanswered,
    VenueFacts,
)
from absolute.engine.sightings import Sightings
from absolute.engine.wallet import Wallet
from absolute.engine.watched import CANCEL_WAIT, Watched

FEE_WAIT: Final = 60_000_000_000

SubmitAnswer = Acknowledged | Denied | Duplicate | InDoubt | NeverSent


class Custody:
    """The orders of one bot in one market. `requests` and `alarms` are taken by the driver."""

    def __init__(self, bot: BotId, portfolio: Portfolio, facts: VenueFacts, since: Nanos) -> None:
        self.coverage = Coverage(facts, complete_to=since)
        self.departure = Departure(portfolio.instrument, self.coverage)
        self._orders = Sightings(bot, portfolio, self.coverage)
        self._watched = self._orders.watched
        self.requests: deque[Request] = self._orders.requests
        self.alarms = self._orders.alarms
        self._facts = facts
        self._portfolio = portfolio
        self._wallet = Wallet(portfolio, facts)

    @property
    def settled(self) -> bool:
        """True where everything is seen and no order is in doubt or without its last executions."""
        return (
            self.coverage.seeing
            and self._portfolio.fees_known
            and not any(
                each.doubt is not None or each.sent is None or each.final is not None or each.short
                for each in self._watched.values()
            )
        )

    # --- commands and time ----------------------------------------------------------------------

    def send(self, approved: Approved, now: Nanos) -> None:
        """Take a command that is on disk already; `tick` lets it leave."""
        command = approved.command
        match command:
            case Submit(client_id=client_id):
                self._watched[client_id] = Watched(self._portfolio.orders[client_id], now)
            case Cancel(client_id=client_id):
                watched = self._watched.get(client_id)
                if watched is not None:
                    watched.cancel = True
                    if watched.shown is not None and watched.final is None:
                        self.requests.extend(watched.take_back(now))
            case _:
                assert_never(command)

    def recall(self) -> None:
        """Somebody stopped or paused: what adds risk and has not left yet is taken back.

        What is wanted all the same is wished for anew by the engine, which knows of the stop.
        """
        for watched in self._watched.values():
            if watched.sent is None and self.departure.adds_risk(watched.terms):
                watched.cancel = True

    def resume(self, now: Nanos) -> Iterator[Event]:
        """Begin again after a stop: every order that the journal holds open is looked for.

        What was written down and perhaps never sent is in doubt: it may have left until now.
        """
        self._orders.now = self._orders.began = now
        portfolio = self._portfolio
        living = [each for each in portfolio.orders.values() if not each.terminal]
        self.coverage.complete_to = min(
            [self.coverage.complete_to, *(each.sent_at for each in living)]
        )
        self.coverage.stream(now, up=False)
        if portfolio.time > now + 2 * self._facts.clock_error:
            detail = "the clock stands before the journal's last entry: no proof can rest on it"
            yield from self.alarms.ring(now, "CLOCK_BACK", about="", detail=detail)
        for order in living:
            sent = min(order.sent_at, now)
            watched = Watched(order, sent, sent, venue_id=order.venue_id)
            watched.cancel = order.status is Status.CANCEL_PENDING
            self._watched[order.client_id] = watched
            if order.venue_id is None and not order.filled:
                watched.doubt = doubt_from(sent, now, self._facts)
                if order.status is Status.IN_FLIGHT:
                    yield OrderLost(now, order.client_id)
            else:
                watched.shown = sent
                watched.cancelled_at = sent if watched.cancel else None
            self.requests.extend(watched.look(now))

    def tick(self, now: Nanos) -> Iterator[Event]:
        """Let time pass: ask what is due, let orders leave, give up what waited too long."""
        now = self._orders.now = max(self._orders.now, now)
        since = min(self._portfolio.fees_due.values(), default=None)
        pressing, doubted = since is not None and now - since <= FEE_WAIT, False
        if since is not None and not pressing:
            yield from self._fee_missing()
        for watched in self._watched.values():
            doubt = watched.doubt
            if doubt is not None or watched.short:
                since = watched.wished if since is None else min(since, watched.wished)
                pressing = pressing or doubt is None or doubt.deadline <= now
                doubted = doubted or doubt is not None
            if watched.check is not None and watched.check <= now:
                self.requests.extend(watched.look(now))
        if since is not None:
            since = look_back(since, self._facts)
        if pressing or self.coverage.due <= now:
            self.requests.extend(self.coverage.questions(now, since, pressing=pressing))
        for watched in [each for each in self._watched.values() if each.sent is None]:
            if watched.cancel:
                yield from self._orders.unsent(watched, "TAKEN_BACK_BEFORE_IT_LEFT")
            elif not self.departure.may_leave(watched.terms, now, doubted=doubted):
                continue
            elif too_old(watched.terms, watched.wished, now):
                yield from self._orders.unsent(watched, "TOO_OLD_TO_SEND")
            else:
                self.requests.append(watched.leave(now))

    def _fee_missing(self) -> Iterator[Event]:
        """The exit waits for a fee, so that a fee which does not come is a matter for a person."""
        for trade_id in self._portfolio.fees_due:
            detail = f"the fee of trade {trade_id} is not told; its exit waits for it"
            yield from self.alarms.ring(
                self._orders.now, "FEE_MISSING", about=trade_id, detail=detail
            )

    def next_time(self) -> Nanos | None:
        """When `tick` has something to do, or None while the venue was never reached."""
        times = [each.check for each in self._watched.values() if each.check is not None]
        if self.coverage.changed >= 0:
            times.append(self.coverage.due)
        if self.departure.quiet_until > self._orders.now:
            times.append(self.departure.quiet_until)
        return min(times, default=None)

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
        self._orders.now = max(self._orders.now, report.time)
        match report:
            case OrderSeen():
                yield from self._orders.seen(report)
            case ExecutionSeen():
                yield from self._orders.traded(report)
            case Acknowledged() | Denied() | Duplicate() | InDoubt() | NeverSent():
                yield from self._submitted(report)
            case CancelTaken() | CancelDenied() | CancelInDoubt():
                self._cancel_answered(report)
            case NotFound():
                yield from self._not_found(report)
            case OpenOrders():
                yield from self._open_orders(report)
            case Executions():
                yield from self._executions(report)
            case Balances():
                yield from self._balances(report)
            case Connected() | Disconnected():
                exposed = any(each.sent is not None for each in self._watched.values())
                up = isinstance(report, Connected)
                self.coverage.stream(self._orders.now, up=up, exposed=exposed)
            case Broken(code=code, detail=detail):
                yield from self.alarms.ring(
                    self._orders.now, code, about=detail, detail=detail, passing=True
                )
            case Priced(venue_time=venue_time):
                self.departure.priced(venue_time)
            case Unanswered():
                pass  # errors are no answer: what was asked stays due
            case _:
                assert_never(report)
        yield from self.tick(self._orders.now)

    # --- the answer to a submit -----------------------------------------------------------------

    def _submitted(self, report: SubmitAnswer) -> Iterator[Event]:
        watched, now = self._watched.get(report.client_id), self._orders.now
        if watched is None:
            return
        order = watched.order
        match report:
            case Acknowledged(venue_id=venue_id):
                self.departure.worked()
                self.requests.extend(watched.found(venue_id, now))
                if order.venue_id is None and not order.terminal:
                    yield OrderAccepted(now, order.client_id, venue_id)
            case Denied(code=code, detail=detail):
                self.departure.worked()
                if watched.shown is not None or order.filled:
                    # It was seen: this no cannot be the whole truth.
                    self.requests.extend(watched.look(now))
                else:
                    self._orders.drop(watched)
                    yield OrderRejected(now, order.client_id, f"{code} {detail}".strip())
            case Duplicate() if self._facts.ids_unique_for_ever:
                # Proof that it arrived: no empty answer can undo that any more.
                self.requests.extend(watched.found(None, now))
                self.requests.extend(watched.look(now))
            case Duplicate() | InDoubt():
                if watched.shown is None:
                    left_by = max(now, watched.sent or now)
                    watched.doubt = doubt_from(watched.wished, left_by, self._facts)
                    if order.status is Status.IN_FLIGHT:
                        yield OrderLost(now, order.client_id)
                self.requests.extend(watched.look(now))
            case NeverSent(detail=detail):
                self.departure.failed(now)
                if watched.shown is not None or order.filled:
                    # It was seen: it cannot be that it never left.
                    self.requests.extend(watched.look(now))
                else:
                    yield from self._orders.unsent(watched, detail)
            case _:
                assert_never(report)

    def _cancel_answered(self, report: CancelTaken | CancelDenied | CancelInDoubt) -> None:
        watched = self._watched.get(report.client_id)
        if watched is None or watched.final is not None:
            return
        if isinstance(report, CancelTaken):
            watched.check = Nanos(self._orders.now + CANCEL_WAIT)
        else:
            self.requests.extend(watched.look(self._orders.now))

    # --- lists, and what they prove -------------------------------------------------------------

    def _not_found(self, report: NotFound) -> Iterator[Event]:
        watched = self._watched.get(report.client_id)
        if watched is None or watched.final is not None:
            return
        if watched.doubt is None and watched.shown is not None:
            if report.asked_at < shown_by(watched.shown, self._facts):
                return  # it may simply not show up yet
            watched.doubt = vanished_from(watched.wished, self._orders.now, self._facts)
        if watched.doubt is not None:
            watched.doubt.not_found(report.asked_at)
            yield from self._judge(watched)

    def _judge(self, watched: Watched) -> Iterator[Event]:
        """End a doubt where absence is proven; else see to it that the questions are asked."""
        doubt, now = watched.doubt, self._orders.now
        if doubt is None:
            return
        if not doubt.proven_absent:
            if not doubt.looked_up:
                earliest = max(doubt.deadline, Nanos(now + FIRST_WAIT))
                watched.check = min(watched.check or earliest, earliest)
        elif not doubt.vanished:
            yield from self._orders.unsent(watched, "PROVEN_ABSENT")
        elif not watched.short:
            # It cannot trade any more, and every execution is known.
            self._orders.drop(watched)
            about = str(watched.client_id)
            detail = f"{about} was accepted, and the venue does not have it any more"
            yield OrderExpired(now, watched.client_id, "VANISHED")
            yield from self.alarms.ring(now, "ORDER_VANISHED", about=about, detail=detail)

    def _open_orders(self, report: OpenOrders) -> Iterator[Event]:
        self.coverage.saw_open(report.asked_at)
        for seen in report.orders:
            yield from self._orders.seen(seen)
        for foreign in report.foreign:
            detail = f"open order {foreign.venue_id} ({foreign.client_id or 'no id'}) is not ours"
            about, code = str(foreign.venue_id), "FOREIGN_ORDER"
            yield from self.alarms.ring(self._orders.now, code, about=about, detail=detail)
        listed = {each.client_id for each in report.orders}
        for watched in list(self._watched.values()):
            if watched.client_id in listed or watched.sent is None or watched.final is not None:
                continue
            if watched.doubt is not None:
                watched.doubt.not_listed(report.asked_at)
                yield from self._judge(watched)
            elif watched.shown is not None and (
                report.asked_at > shown_by(watched.shown, self._facts)
            ):
                self.requests.extend(watched.look(self._orders.now))

    def _executions(self, report: Executions) -> Iterator[Event]:
        for seen in sorted(report.executions, key=lambda each: each.fill.time):
            yield from self._orders.traded(seen)
        self.coverage.saw_executions(report.asked_at, report.since)
        for watched in list(self._watched.values()):
            if watched.sent is None:
                continue
            if watched.doubt is not None:
                watched.doubt.not_traded(report.asked_at, report.since)
                yield from self._judge(watched)
            elif (
                watched.short
                and watched.short_since is not None
                and (
                    report.asked_at >= shown_by(watched.short_since, self._facts)
                    and report.since <= look_back(watched.wished, self._facts)
                )
            ):
                about, order = str(watched.client_id), watched.order
                detail = f"{about}: {watched.filled} traded, executions told only {order.filled}"
                yield from self.alarms.ring(
                    self._orders.now, "EXECUTIONS_MISSING", about=about, detail=detail
                )

    def _balances(self, report: Balances) -> Iterator[Event]:
        """What our own trades left us with must be there; more than that is not ours."""
        coverage, held = self.coverage, self._portfolio.held
        known_to = min(coverage.listed, coverage.traded)
        owned = self._wallet.lacks(report, settled=self.settled, known_to=known_to)
        if owned is not None:
            base = self._portfolio.instrument.base
            detail = f"the wallet holds {owned} {base}, our trades left {held}"
            yield from self.alarms.ring(
                self._orders.now, "WALLET_SHORT", about=str(held), detail=detail
            )
        elif self._wallet.look_again is not None:
            coverage.soon(max(self._wallet.look_again, Nanos(self._orders.now + FIRST_WAIT)))
