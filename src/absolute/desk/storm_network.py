"""Owns the way between one process and the exchange: virtual time, and everything that goes wrong.

A request is answered exactly once, as `engine.reports` promises: by the venue's reply, by a refusal
to connect, or by running out of time. What a process that died was still waiting for never comes;
what it had sent still arrives. Knows nothing of what a report means.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, assert_never

from absolute.desk.storm_chance import Chance, Luck
from absolute.desk.storm_reports import execution_seen, order_seen
from absolute.desk.storm_venue import Exchange, VenueOrder, Wish
from absolute.desk.storm_weather import MS, START, S, Weather
from absolute.domain.ids import ClientOrderId, VenueOrderId
from absolute.domain.instrument import Side
from absolute.domain.units import Asset, Nanos
from absolute.engine.reports import (
    Acknowledged,
    Balances,
    CancelDenied,
    CancelInDoubt,
    CancelTaken,
    Denied,
    Duplicate,
    Executions,
    ForeignOrder,
    InDoubt,
    ListExecutions,
    ListOpen,
    LookUp,
    NeverSent,
    NotFound,
    OpenOrders,
    ReadBalances,
    Report,
    Request,
    SendCancel,
    SendOrder,
    Unanswered,
)

TIMEOUT: Final = 4 * S
Action = Callable[[], None]
Maker = Callable[[Nanos], Report]
"""Makes a report from the local time at which it arrives."""
Hearer = Callable[[Request | None, Maker], None]


class Timeline:
    """Virtual time: actions in order of their time, and of their number where times are equal."""

    __slots__ = ("_heap", "_number", "now")

    def __init__(self) -> None:
        self.now = START
        self._heap: list[tuple[int, int, Action]] = []
        self._number = 0

    def after(self, span: int, action: Action) -> None:
        """Do something later."""
        self._number += 1
        heappush(self._heap, (self.now + span, self._number, action))

    def step(self, end: int) -> bool:
        """Do what comes next, unless it comes after `end`."""
        if not self._heap or self._heap[0][0] > end:
            return False
        self.now, _number, action = heappop(self._heap)
        action()
        return True


@dataclass(slots=True)
class Ticket:
    """One request under way, which is answered once."""

    request: Request
    asked_at: Nanos
    life: int
    open: bool = True


@dataclass(slots=True)
class Line:
    """The way of one account. `hear` takes what arrives.

    `life` numbers the process at the near end.
    """

    time: Timeline
    venue: Exchange
    weather: Weather
    luck: Luck
    hear: Hearer
    skew: int = 0
    life: int = 0
    cut_out: bool = False
    cut_in: bool = False
    refusing: bool = False

    @property
    def local(self) -> Nanos:
        """What the clock of the process shows."""
        return Nanos(self.time.now + self.skew)

    @property
    def chance(self) -> Chance:
        """What else is left to chance."""
        return self.luck.chance

    @property
    def seen(self) -> Counter[str]:
        """How often each fault happened."""
        return self.luck.seen

    def delay(self, slow: str, most: int) -> int:
        """How long a message takes, and longer where that fault strikes."""
        if self.luck.strikes(slow):
            return self.chance.between(most // 8, most)
        return self.chance.between(5 * MS, 60 * MS)

    # --- requests -------------------------------------------------------------------------------

    def perform(self, request: Request) -> None:
        """Send one request."""
        ticket = Ticket(request, self.local, self.life)
        if self.refusing or self.luck.strikes("never_sent"):
            self._answer_later(ticket, lambda now: _never_left(request, now), 5 * MS)
            return
        self.time.after(TIMEOUT, lambda: self._run_out(ticket))
        if self.cut_out or self.luck.strikes("request_lost"):
            return
        stamp = self.local
        if isinstance(request, SendOrder) and self.luck.strikes("sent_then_reset"):
            # The bytes are on their way, and nobody will hear the reply.
            self._answer_later(ticket, lambda now: _unknown(request, now, "reset"), 20 * MS)
            self.time.after(self.chance.between(0, 5 * S), lambda: self._arrive(ticket, stamp))
            return
        self.time.after(self.delay("request_slow", 5 * S), lambda: self._arrive(ticket, stamp))
        if isinstance(request, SendOrder) and self.luck.strikes("request_twice"):
            again = self.chance.between(1 * MS, 2 * S)
            self.time.after(again, lambda: self._arrive_again(ticket, stamp))

    def _run_out(self, ticket: Ticket) -> None:
        request = ticket.request
        self._answer(ticket, lambda now: _unknown(request, now, "no reply in time"))

    def _answer_later(self, ticket: Ticket, make: Maker, span: int) -> None:
        self.time.after(span, lambda: self._answer(ticket, make))

    def _answer(self, ticket: Ticket, make: Maker) -> None:
        if ticket.open:
            ticket.open = False
            if ticket.life == self.life:
                self.hear(ticket.request, make)

    def _reply(self, ticket: Ticket, make: Maker) -> None:
        """Bring the venue's reply back, or what is left of it."""
        if self.cut_in or self.luck.strikes("reply_lost"):
            return
        request = ticket.request
        if self.luck.strikes("reply_reset"):
            make = lambda now: _unknown(request, now, "connection reset")  # noqa: E731
        elif self.luck.strikes("reply_5xx"):
            make = lambda now: _unknown(request, now, "HTTP 502")  # noqa: E731
        self._answer_later(ticket, make, self.delay("reply_slow", 6 * S))

    def _arrive(self, ticket: Ticket, stamp: Nanos) -> None:
        """The request is at the venue."""
        request = ticket.request
        if isinstance(request, SendOrder):
            late = self.time.now > stamp + self.venue.rules.facts.window
            if late:
                self.seen["window_missed"] += 1
                self._reply(ticket, lambda now: _unknown(request, now, "outside the window"))
            elif self.luck.strikes("held_by_engine"):
                span = self.chance.between(0, self.venue.rules.facts.engine_timeout)
                self.time.after(span, lambda: self._place(ticket, request))
            else:
                self._place(ticket, request)
        elif isinstance(request, SendCancel):
            self._cancel(ticket, request)
        else:
            self._reply(ticket, self._look(request, ticket.asked_at))

    def _arrive_again(self, ticket: Ticket, stamp: Nanos) -> None:
        """A copy that somebody on the way made; one outside the window is answered to nobody."""
        if self.time.now <= stamp + self.venue.rules.facts.window:
            self._arrive(ticket, stamp)

    def _place(self, ticket: Ticket, request: SendOrder) -> None:
        terms, client_id = request.terms, request.client_id
        wish = Wish(client_id, terms.side is Side.BUY, terms.qty, terms.spend, terms.price)
        taken, word = self.venue.place(wish, self.time.now)
        if taken:
            venue_id = VenueOrderId(word)
            self._reply(ticket, lambda now: Acknowledged(now, client_id, venue_id))
            order = self.venue.by_id[client_id]
            self.time.after(
                self.chance.between(0, 20 * MS), lambda: self.venue.begin(order, self.time.now)
            )
        elif word == "DUPLICATE":
            self.seen["duplicate_refused"] += 1
            self._reply(ticket, lambda now: Duplicate(now, client_id))
        else:
            self.seen["denied"] += 1
            self._reply(ticket, lambda now: Denied(now, client_id, word, "refused"))

    def _cancel(self, ticket: Ticket, request: SendCancel) -> None:
        client_id, lasts = request.client_id, self.venue.rules.cancel_lasts
        order = self.venue.by_id.get(client_id)
        if order is None or order.state != "open":
            self.seen["cancel_too_late"] += 1
            code = "NO_SUCH_ORDER"
            self._reply(ticket, lambda now: CancelDenied(now, client_id, code, gone=True))
            return
        span = self.chance.between(0, lasts) if lasts else 0
        self.time.after(span, lambda: self._take_back(client_id))
        self._reply(ticket, lambda now: CancelTaken(now, client_id))

    def _take_back(self, client_id: ClientOrderId) -> None:
        if not self.venue.cancel(client_id, self.time.now):
            self.seen["cancel_raced"] += 1

    def _look(self, request: Request, asked_at: Nanos) -> Maker:
        """The answer to a question as the venue's lagging copies know it."""
        at, venue = self.time.now, self.venue
        if self.luck.strikes("answer_lags"):
            at -= self.chance.between(0, venue.rules.facts.visibility)
        match request:
            case LookUp(client_id=client_id):
                forgetful = self.luck.strikes("closed_forgotten")
                order = venue.lookup(client_id, at, forgetful=forgetful)
                hidden = order is not None and self.time.now < order.hidden_until
                if order is None or hidden or self.luck.strikes("look_up_blind"):
                    return lambda now: NotFound(now, asked_at, client_id)
                state = order.at(at)
                return lambda now: order_seen(order, state, now=now, asked_at=asked_at)
            case ListOpen():
                told = [(order, order.at(at)) for order in self._shown(venue.standing(at))]
                foreign = tuple(ForeignOrder("web-1", VenueOrderId(each)) for each in venue.foreign)
                return lambda now: OpenOrders(
                    now,
                    asked_at,
                    tuple(order_seen(*each, now=now, asked_at=asked_at) for each in told),
                    foreign,
                )
            case ListExecutions(since=since):
                hidden_ids = self._hidden()
                trades = [
                    each for each in venue.traded(since, at) if each.client_id not in hidden_ids
                ]
                return lambda now: Executions(
                    now, asked_at, since, tuple(execution_seen(each, now) for each in trades)
                )
            case ReadBalances():
                totals = tuple((Asset(name), total) for name, total in venue.owned(at).items())
                return lambda now: Balances(now, asked_at, totals, totals)
            case SendOrder() | SendCancel():
                raise TypeError("an order is no question")
            case _:
                assert_never(request)

    def _shown(self, orders: list[VenueOrder]) -> list[VenueOrder]:
        return [each for each in orders if each.hidden_until <= self.time.now]

    def _hidden(self) -> set[str]:
        orders = self.venue.orders
        return {each.client_id for each in orders if each.hidden_until > self.time.now}


def _never_left(request: Request, now: Nanos) -> Report:
    if isinstance(request, SendOrder):
        return NeverSent(now, request.client_id, "connection refused")
    return _unknown(request, now, "connection refused")


def _unknown(request: Request, now: Nanos, detail: str) -> Report:
    if isinstance(request, SendOrder):
        return InDoubt(now, request.client_id, detail)
    if isinstance(request, SendCancel):
        return CancelInDoubt(now, request.client_id, detail)
    return Unanswered(now, request, detail)
