"""Owns what it means for our books that a venue shows an order or an execution.

Executions count once, and an end is told only when every execution before it is booked. What is
shown and cannot be is a matter for a person. Knows nothing of lists or of what to ask when.
"""

from collections import deque
from collections.abc import Iterator

from absolute.domain.ids import BotId, ClientOrderId
from absolute.domain.messages import (
    Event,
    FeeReported,
    OrderAccepted,
    OrderFilled,
    OrderUnsent,
)
from absolute.domain.order import Order, Status
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import Nanos
from absolute.engine.alarms import Alarms
from absolute.engine.coverage import Coverage
from absolute.engine.doubt import FIRST_WAIT, shown_by
from absolute.engine.reports import ExecutionSeen, OrderSeen, Request, Seen, SendCancel
from absolute.engine.watched import Watched, beyond_limit, completes, misfit


class Sightings:
    """The orders of one bot that may still trade, by our own id, and the facts about them.

    `now` is the latest time that was told, `began` when this process took over; who owns this
    moves both.
    """

    def __init__(self, bot: BotId, portfolio: Portfolio, coverage: Coverage) -> None:
        self.requests: deque[Request] = deque()
        self.alarms = Alarms()
        self.watched: dict[ClientOrderId, Watched] = {}
        self.now = self.began = coverage.complete_to
        self._bot = bot
        self._coverage = coverage
        self._facts = coverage.facts
        self._portfolio = portfolio
        self._ended: dict[ClientOrderId, Nanos] = {}

    def seen(self, seen: OrderSeen) -> Iterator[Event]:
        """An order as the venue shows it."""
        watched, now = self.watched.get(seen.client_id), self.now
        if watched is None:
            yield from self._unwatched(seen)
            return
        order = watched.order
        self.requests.extend(watched.saw(seen, now))
        self.requests.extend(watched.found(seen.venue_id, now))
        if order.venue_id is None and not order.terminal and seen.status is not Seen.REJECTED:
            yield OrderAccepted(now, order.client_id, seen.venue_id)
        if seen.status is Seen.UNKNOWN:
            detail = f"{seen.client_id}: the venue says '{seen.reason}', which we do not know"
            about = str(seen.client_id)
            yield from self.alarms.ring(now, "STATUS_UNKNOWN", about=about, detail=detail)
        if watched.short:
            self._coverage.soon(Nanos(now + FIRST_WAIT))
        yield from self._finish(watched)

    def traded(self, seen: ExecutionSeen) -> Iterator[Event]:
        """An execution as the venue shows it."""
        portfolio, fill, now = self._portfolio, seen.fill, self.now
        order, about = portfolio.orders.get(fill.client_id), str(fill.client_id)
        if order is None:
            yield from self._stranger(about)
            return
        if portfolio.knows(fill.trade_id):
            if fill.fee is not None and fill.trade_id in portfolio.fees_due:
                yield FeeReported(now, fill.trade_id, fill.fee)
            return
        watched = self.watched.get(fill.client_id)
        done = completes(order, fill, watched.final if watched is not None else None)
        wrong = misfit(order, fill, done=done)
        if wrong is not None:
            code, detail = wrong
            yield from self.alarms.ring(now, code, about=fill.trade_id, detail=detail)
            return
        if never_stood(order):
            yield from self._violated(order)
        if beyond_limit(order, fill):
            detail = f"{about} traded at {fill.price}, its limit is {order.terms.price}"
            yield from self.alarms.ring(now, "BEYOND_LIMIT", about=fill.trade_id, detail=detail)
        if watched is not None:
            self.requests.extend(watched.found(None, now))
        yield OrderFilled(now, fill, done)
        if watched is not None:
            yield from self._finish(watched)

    def _finish(self, watched: Watched) -> Iterator[Event]:
        """Tell an end, but never before every execution that came before it."""
        order, final = watched.order, watched.final
        if watched.short:
            return
        watched.short_since = None
        if order.terminal:
            self.drop(watched)
        elif final is not None:
            self.drop(watched)
            yield watched.end(final, self.now)

    def _unwatched(self, seen: OrderSeen) -> Iterator[Event]:
        """An order that we do not watch: not ours, ended already, or proven absent."""
        order, now = self._portfolio.orders.get(seen.client_id), self.now
        if order is None:
            yield from self._stranger(str(seen.client_id))
            return
        ended = shown_by(self._ended.get(seen.client_id, self.began), self._facts)
        stands = seen.status is Seen.OPEN
        # A frame of a stream may be of any age; the answer to a question is not older than it.
        later = ended <= seen.asked_at < seen.time
        if never_stood(order) and (order.status is Status.CANCELLED or later):
            if stands or seen.filled:
                yield from self._violated(order)
        elif stands and later:
            detail = f"{seen.client_id} had ended as {order.status} and stands at the venue"
            about = str(seen.client_id)
            yield from self.alarms.ring(now, "STANDS_AFTER_END", about=about, detail=detail)
        else:
            stands = False
        if seen.filled > order.filled:
            # An execution is still owed: watch it until that was told.
            watched = Watched(order, order.sent_at, order.sent_at, now, seen.venue_id)
            self.requests.extend(watched.saw(seen, now))
            watched.final = seen
            self.watched[seen.client_id] = watched
        if stands:
            self.requests.append(SendCancel(seen.client_id, seen.venue_id))

    def _stranger(self, client_id: str) -> Iterator[Event]:
        """An id with our bot's name that the journal does not have is a matter for a person."""
        if named_by(self._bot, client_id):
            yield from self.alarms.ring(
                self.now,
                "ORDER_NOT_IN_JOURNAL",
                about=client_id,
                detail=f"order {client_id} is at the venue and not in the journal",
            )

    def _violated(self, order: Order) -> Iterator[Event]:
        about, now = str(order.client_id), self.now
        detail = f"{about} was proven not to be there and is: the venue is slower than stated"
        yield from self.alarms.ring(now, "PROOF_VIOLATED", about=about, detail=detail)

    def unsent(self, watched: Watched, reason: str) -> Iterator[Event]:
        """It never reached the venue."""
        self.drop(watched)
        yield OrderUnsent(self.now, watched.client_id, reason)

    def drop(self, watched: Watched) -> None:
        """Nothing is awaited of it any more."""
        self._ended[watched.client_id] = self.now
        self.watched.pop(watched.client_id, None)


def never_stood(order: Order) -> bool:
    """True for an order that ended in our books without ever having been at the venue."""
    return order.terminal and order.venue_id is None and not order.filled


def named_by(bot: BotId, client_id: str) -> bool:
    """True where an id can only be one of this bot: its name, a running number, a role."""
    prefix = f"{bot}-"
    number, _, role = client_id[len(prefix) :].partition("-")
    return client_id.startswith(prefix) and number.isdecimal() and role[:1].isalpha()
