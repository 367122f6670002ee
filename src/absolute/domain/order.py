"""Owns the life of an order: what can be asked for, and the table of how it may go on.

The table is the whole protocol: an illegal step raises `IllegalStep` and changes nothing. A fact of
the venue that arrives late (a fill after we saw the cancel) is legal, because it is a fact. Knows
nothing of balances, strategies or venues.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from absolute.domain.errors import IllegalStep
from absolute.domain.ids import ClientOrderId, Role, VenueOrderId
from absolute.domain.instrument import Side
from absolute.domain.units import ZERO, Asset, Base, Nanos, Price, Qty, Quote


class OrderType(StrEnum):
    """What makes an order trade. `TAKE_PROFIT` is a market order at a favourable trigger."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TAKE_PROFIT = "take_profit"
    TRAILING = "trailing"


class TimeInForce(StrEnum):
    """How long an order may wait. `POST_ONLY` waits, and is refused where it would take."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    POST_ONLY = "post_only"


class PositionSide(StrEnum):
    """Which position a fill belongs to: the net one, or one leg of a hedge."""

    NET = "net"
    LONG = "long"
    SHORT = "short"


class Status(StrEnum):
    """Where an order stands."""

    NEW = "new"
    IN_FLIGHT = "in_flight"
    UNKNOWN = "unknown"
    OPEN = "open"
    PARTLY_FILLED = "partly_filled"
    FILLED = "filled"
    CANCEL_PENDING = "cancel_pending"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Step(StrEnum):
    """What can happen to an order."""

    SEND = "send"
    LOSE = "lose"
    ACCEPT = "accept"
    REJECT = "reject"
    FILL_PART = "fill_part"
    FILL_ALL = "fill_all"
    ASK_CANCEL = "ask_cancel"
    REFUSE_CANCEL = "refuse_cancel"
    CANCEL = "cancel"
    EXPIRE = "expire"


_S = Status
_ALIVE: Final = {
    Step.FILL_PART: _S.PARTLY_FILLED,
    Step.FILL_ALL: _S.FILLED,
    Step.CANCEL: _S.CANCELLED,
    Step.EXPIRE: _S.EXPIRED,
}
_WAITING: Final = {**_ALIVE, Step.ACCEPT: _S.OPEN, Step.REJECT: _S.REJECTED}
_LATE: Final = {Step.FILL_ALL: _S.FILLED}

TRANSITIONS: Final[Mapping[Status, Mapping[Step, Status]]] = {
    _S.NEW: {Step.SEND: _S.IN_FLIGHT},
    _S.IN_FLIGHT: {
        **_WAITING,
        Step.LOSE: _S.UNKNOWN,
        Step.ASK_CANCEL: _S.CANCEL_PENDING,
    },
    _S.UNKNOWN: {**_WAITING, Step.ASK_CANCEL: _S.CANCEL_PENDING},
    _S.OPEN: {**_ALIVE, Step.ASK_CANCEL: _S.CANCEL_PENDING, Step.ACCEPT: _S.OPEN},
    _S.PARTLY_FILLED: {
        **_ALIVE,
        Step.ASK_CANCEL: _S.CANCEL_PENDING,
        Step.ACCEPT: _S.PARTLY_FILLED,
    },
    _S.CANCEL_PENDING: {
        **_WAITING,
        Step.ACCEPT: _S.CANCEL_PENDING,
        Step.FILL_PART: _S.CANCEL_PENDING,
        Step.REFUSE_CANCEL: _S.OPEN,
        Step.ASK_CANCEL: _S.CANCEL_PENDING,
    },
    _S.CANCELLED: {
        **_LATE,
        Step.FILL_PART: _S.CANCELLED,
        Step.CANCEL: _S.CANCELLED,
        Step.REFUSE_CANCEL: _S.CANCELLED,
    },
    _S.EXPIRED: {**_LATE, Step.FILL_PART: _S.EXPIRED, Step.REFUSE_CANCEL: _S.EXPIRED},
    _S.FILLED: {Step.REFUSE_CANCEL: _S.FILLED, Step.ACCEPT: _S.FILLED},
    _S.REJECTED: {Step.REFUSE_CANCEL: _S.REJECTED},
}
"""state -> step -> state. `REFUSE_CANCEL` reopens; `Order.take` knows how far it had come."""

TERMINAL: Final = frozenset({_S.FILLED, _S.CANCELLED, _S.REJECTED, _S.EXPIRED})


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order shall do; strategies want it, `Submit` carries it, nobody changes it.

    Exactly one of `qty` and `spend` is set: `spend` is a market buy of so much quote money.
    `price` is the limit, `trigger` the stop or take-profit level, `trail` the distance of a
    trailing stop in quote. `role` is its stable name inside one strategy.
    """

    role: Role
    side: Side
    type: OrderType
    qty: Qty | None = None
    spend: Quote | None = None
    price: Price | None = None
    trigger: Price | None = None
    trail: Price | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    position_side: PositionSide = PositionSide.NET


@dataclass(slots=True)
class Order:
    """Our record of one order. Only `Portfolio` changes it.

    `hold` is what of `hold_asset` it still reserves; `paid` and `worth` are the quote and the
    base value of what filled.
    """

    client_id: ClientOrderId
    terms: Terms
    sent_at: Nanos
    hold_asset: Asset
    hold: Decimal
    status: Status = Status.NEW
    venue_id: VenueOrderId | None = None
    filled: Qty = Qty(ZERO)
    paid: Quote = Quote(ZERO)
    worth: Base = Base(ZERO)
    reason: str | None = None

    def take(self, step: Step) -> None:
        """Move along the table; on an illegal step nothing changes."""
        after = TRANSITIONS[self.status].get(step)
        if after is None:
            raise IllegalStep(f"order {self.client_id} is {self.status} and cannot {step}")
        if step is Step.REFUSE_CANCEL and after is Status.OPEN:
            after = self._reopened()
        self.status = after

    def _reopened(self) -> Status:
        """Where an order stands again whose cancel was refused."""
        if self.filled > ZERO:
            return Status.PARTLY_FILLED
        return Status.OPEN if self.venue_id is not None else Status.IN_FLIGHT

    @property
    def terminal(self) -> bool:
        """True once no further order can come of it."""
        return self.status in TERMINAL

    @property
    def average(self) -> Price | None:
        """The mean price of what filled: quote value over base value."""
        return Price(self.paid / self.worth) if self.worth else None
