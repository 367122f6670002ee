"""Owns what a venue has shown of one of our orders, and when to ask about it again.

States only go forward: the largest quantity counts, and a last word stays the last. Knows nothing
of other orders, of money or of how a question is asked.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from absolute.domain.fill import Fill
from absolute.domain.ids import ClientOrderId, VenueOrderId
from absolute.domain.instrument import Side
from absolute.domain.messages import Event, OrderCancelled, OrderExpired, OrderRejected
from absolute.domain.order import TRANSITIONS, Order, OrderType, Status, Step, Terms, TimeInForce
from absolute.domain.units import ZERO, Nanos
from absolute.engine.doubt import Doubt, next_wait
from absolute.engine.reports import LookUp, OrderSeen, Request, Seen, SendCancel, SendOrder

CANCEL_WAIT: Final = 2_000_000_000
FINAL: Final = frozenset({Seen.FILLED, Seen.CANCELLED, Seen.REJECTED, Seen.EXPIRED})
WAITING: Final = frozenset({Status.IN_FLIGHT, Status.UNKNOWN, Status.CANCEL_PENDING})
IMMEDIATE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})


@dataclass(slots=True)
class Watched:
    """One order that may still trade, or of which an execution is still owed.

    `order` is the portfolio's record of it. `sent` of None: it waits to leave. `shown`: since when
    we know that the venue has, or had it. `filled` is the largest cumulative quantity told, for
    the first time at `short_since`; `final` the venue's last word. `asked`: a look-up is
    outstanding; `check`: when to look next.
    """

    order: Order
    wished: Nanos
    sent: Nanos | None = None
    shown: Nanos | None = None
    venue_id: VenueOrderId | None = None
    filled: Decimal = ZERO
    short_since: Nanos | None = None
    final: OrderSeen | None = None
    doubt: Doubt | None = None
    cancel: bool = False
    cancelled_at: Nanos | None = None
    asked: bool = False
    check: Nanos | None = None
    wait: int = 0

    @property
    def client_id(self) -> ClientOrderId:
        """Our own id of it."""
        return self.order.client_id

    @property
    def terms(self) -> Terms:
        """What it shall do."""
        return self.order.terms

    @property
    def short(self) -> bool:
        """True where the venue told of more than is booked."""
        return self.filled > self.order.filled

    def leave(self, now: Nanos) -> Request:
        """It goes out, once."""
        self.sent = now
        return SendOrder(self.client_id, self.terms)

    def found(self, venue_id: VenueOrderId | None, now: Nanos) -> tuple[Request, ...]:
        """The venue has it: nothing is in doubt any more, and a cancel that waited may go."""
        self.venue_id, self.doubt = venue_id or self.venue_id, None
        if self.shown is not None:
            return ()
        self.shown, self.check, self.wait = now, None, 0
        return self.take_back(now) if self.cancel and self.final is None else ()

    def take_back(self, now: Nanos) -> tuple[Request, ...]:
        """Ask for it back."""
        self.cancel, self.cancelled_at = True, now
        self.look_later(now)
        self.check = max(self.check or now, Nanos(now + CANCEL_WAIT))
        return (SendCancel(self.client_id, self.venue_id),)

    def look(self, now: Nanos) -> tuple[Request, ...]:
        """Ask how it stands, unless an answer is outstanding; each time later than the last."""
        self.look_later(now)
        if self.asked:
            return ()
        self.asked = True
        return (LookUp(self.client_id, self.venue_id),)

    def look_later(self, now: Nanos) -> None:
        """Set the next look, each time later than the last."""
        self.wait = next_wait(self.wait)
        self.check = Nanos(now + self.wait)

    def saw(self, seen: OrderSeen, now: Nanos) -> tuple[Request, ...]:
        """Take in a state; one that stands although it was asked back is asked for again."""
        if seen.filled > self.filled:
            self.filled, self.short_since = seen.filled, now
        if self.final is not None:
            return ()
        if seen.status in FINAL:
            self.final = seen
        elif seen.status is Seen.UNKNOWN:
            self.look_later(now)
        elif self.cancelled_at is None:
            self.check, self.wait = None, 0  # it stands, and nothing else was asked of it
        elif seen.asked_at >= self.cancelled_at + CANCEL_WAIT:
            return self.take_back(now)
        return ()

    def end(self, final: OrderSeen, now: Nanos) -> Event:
        """What the last word means for us, once every execution before it is booked.

        An end that nobody asked for is an expiry: the same wish must not be sent again at once.
        What never rests may end with a rest untraded, and that is as it was meant.
        """
        order = self.order
        if final.status is Seen.REJECTED and not order.filled and order.status in WAITING:
            return OrderRejected(now, order.client_id, final.reason or "REJECTED")
        rests = self.terms.type is not OrderType.MARKET and (
            self.terms.time_in_force not in IMMEDIATE
        )
        if self.cancel or final.status is Seen.FILLED or (order.filled and not rests):
            return OrderCancelled(now, order.client_id)
        return OrderExpired(now, order.client_id, final.reason or str(final.status))


def completes(order: Order, fill: Fill, final: OrderSeen | None) -> bool:
    """True where nothing of an order is left after this execution."""
    after = order.filled + fill.qty
    if final is not None and final.status is Seen.FILLED and after == final.filled:
        return True
    return after == order.terms.qty


def misfit(order: Order, fill: Fill, *, done: bool) -> tuple[str, str] | None:
    """Why an execution cannot be one of this order (code, detail); it is not booked then."""
    after, wanted = order.filled + fill.qty, order.terms.qty
    if fill.qty <= ZERO or fill.price <= ZERO or fill.side is not order.terms.side:
        told = f"{fill.side} {fill.qty} at {fill.price}"
        return "EXECUTION_UNFIT", f"{order.client_id}: an execution of {told} is none of it"
    if wanted is not None and after > wanted:
        told = f"{order.client_id} would be filled {after} of {wanted}"
        return "OVERFILLED", f"{told}: this execution is not booked"
    if (Step.FILL_ALL if done else Step.FILL_PART) not in TRANSITIONS[order.status]:
        told = f"{order.client_id} is {order.status} and traded {fill.qty} more"
        return "FILL_AFTER_END", f"{told}: this execution is not booked"
    return None


def beyond_limit(order: Order, fill: Fill) -> bool:
    """True for a trade at a worse price than the order allows."""
    limit = order.terms.price
    if limit is None:
        return False
    return fill.price > limit if fill.side is Side.BUY else fill.price < limit
