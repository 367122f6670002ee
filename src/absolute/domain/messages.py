"""Owns the two closed unions: `Event`, every fact that comes in, and `Command`, every wish.

A click of a person is an event too. All are frozen; each carries its time in UTC nanoseconds.
Whoever matches on a union ends with `assert_never`, so a new member is found by the type checker.
"""

from dataclasses import dataclass
from decimal import Decimal

from absolute.domain.fill import Fee, Fill
from absolute.domain.ids import ClientOrderId, TradeId, VenueOrderId
from absolute.domain.instrument import Side
from absolute.domain.market import Bar
from absolute.domain.order import PositionSide, Terms
from absolute.domain.units import Asset, Nanos, Price, Qty, Ratio

# --- facts of the run and of people ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """The bot begins, at this market price."""

    time: Nanos
    price: Price


@dataclass(frozen=True, slots=True)
class Paused:
    """A person asks for no new deals; exits stay."""

    time: Nanos
    who: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """A person lifts the pause."""

    time: Nanos
    who: str


@dataclass(frozen=True, slots=True)
class StopAsked:
    """A person stops the bot: orders stay, unless `flatten` asks to sell everything now."""

    time: Nanos
    who: str
    flatten: bool


# --- facts of time and market that were asked for ---------------------------------------------


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A wake-up time that was asked for has come."""

    time: Nanos


@dataclass(frozen=True, slots=True)
class LevelReached:
    """The market reached a price level that was asked for."""

    time: Nanos
    price: Price


@dataclass(frozen=True, slots=True)
class BarClosed:
    """A bar of a time frame that was asked for is complete."""

    time: Nanos
    bar: Bar


@dataclass(frozen=True, slots=True)
class SignalChanged:
    """The number that a signal strategy follows has a new value, at this market price."""

    time: Nanos
    value: Decimal
    price: Price


@dataclass(frozen=True, slots=True)
class PriceSeen:
    """The market price now, told before what needs a fresh one; nothing follows from it alone."""

    time: Nanos
    price: Price


@dataclass(frozen=True, slots=True)
class VotesChanged:
    """How many time frames see the price below their low (`long`) or above their high (`short`)."""

    time: Nanos
    long: int
    short: int
    price: Price


# --- facts of the venue -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderAccepted:
    """The venue has our order."""

    time: Nanos
    client_id: ClientOrderId
    venue_id: VenueOrderId


@dataclass(frozen=True, slots=True)
class OrderRejected:
    """The venue will not have our order."""

    time: Nanos
    client_id: ClientOrderId
    reason: str


@dataclass(frozen=True, slots=True)
class OrderLost:
    """We sent an order and do not know what became of it: it counts as filled for risk."""

    time: Nanos
    client_id: ClientOrderId


@dataclass(frozen=True, slots=True)
class OrderUnsent:
    """It is proven that our order never reached the venue: it may be wished for again."""

    time: Nanos
    client_id: ClientOrderId
    reason: str


@dataclass(frozen=True, slots=True)
class OrderFilled:
    """Our order traded. `done`: nothing of it is left."""

    time: Nanos
    fill: Fill
    done: bool


@dataclass(frozen=True, slots=True)
class FeeReported:
    """The fee of a fill that came without one."""

    time: Nanos
    trade_id: TradeId
    fee: Fee


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """Our order is gone from the book."""

    time: Nanos
    client_id: ClientOrderId


@dataclass(frozen=True, slots=True)
class OrderExpired:
    """The venue ended our order by its own rules."""

    time: Nanos
    client_id: ClientOrderId
    reason: str


@dataclass(frozen=True, slots=True)
class CancelRefused:
    """The venue did not cancel: the order is done already, or not known."""

    time: Nanos
    client_id: ClientOrderId
    reason: str


@dataclass(frozen=True, slots=True)
class FundingPaid:
    """Funding moved the wallet by `amount` (negative: we paid) at its settlement time."""

    time: Nanos
    asset: Asset
    amount: Decimal
    rate: Ratio
    mark: Price


@dataclass(frozen=True, slots=True)
class Liquidated:
    """The venue closed some of our position by force.

    `side` is the side of the closing trade; `shortfall` is what the insurance fund bore.
    """

    time: Nanos
    side: Side
    qty: Qty
    price: Price
    fee: Fee
    position_side: PositionSide
    shortfall: Decimal


@dataclass(frozen=True, slots=True)
class Transferred:
    """Money came in or went out by hand."""

    time: Nanos
    asset: Asset
    amount: Decimal


Event = (
    OrderFilled
    | OrderAccepted
    | OrderCancelled
    | OrderRejected
    | OrderLost
    | OrderUnsent
    | OrderExpired
    | CancelRefused
    | FeeReported
    | FundingPaid
    | Liquidated
    | Transferred
    | TimerFired
    | LevelReached
    | BarClosed
    | SignalChanged
    | PriceSeen
    | VotesChanged
    | Started
    | Paused
    | Resumed
    | StopAsked
)

# --- wishes -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Submit:
    """Place an order under our own id, which is written down before it is sent."""

    client_id: ClientOrderId
    terms: Terms


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take an order back; it lives until the venue says that it is gone."""

    client_id: ClientOrderId


Command = Submit | Cancel
