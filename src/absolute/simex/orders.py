"""Owns an order as the simulated venue keeps it: what was asked, how far it came, why it ended.

Every row is frozen: a change is a new row, so whoever holds one holds what was true then. It must
not know any wire's words, nor how orders meet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from absolute.domain.fill import Fee, Liquidity
from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.domain.units import ZERO, Asset, Nanos, Price, Qty, Quote
from absolute.matching.book import SelfTrade
from absolute.simex.listing import Market

AccountId = NewType("AccountId", str)
OrderNumber = NewType("OrderNumber", int)
"""The venue's running number of an order; a face dresses it as its venue does."""
ExecutionNumber = NewType("ExecutionNumber", int)


class BoxStatus(StrEnum):
    """Where an order stands. WAITING: its trigger has not come; ended ones never change again."""

    WAITING = "waiting"
    OPEN = "open"
    PARTLY_FILLED = "partly_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"

    @property
    def alive(self) -> bool:
        """True while it may still trade."""
        return self in {BoxStatus.WAITING, BoxStatus.OPEN, BoxStatus.PARTLY_FILLED}


class EndCause(StrEnum):
    """Why an order was cancelled."""

    USER = "user"
    UNFILLED = "unfilled"
    SPEND_REST = "spend_rest"
    FOK_UNFILLABLE = "fok_unfillable"
    POST_ONLY_WOULD_TAKE = "post_only_would_take"
    SELF_TRADE = "self_trade"
    REDUCE_ONLY = "reduce_only"
    TRIGGER_FUNDS = "trigger_funds"
    POSITION_GONE = "position_gone"
    VENUE = "venue"


@dataclass(frozen=True, slots=True)
class Trigger:
    """Wakes an order when the last price rises (or falls) to `price`.

    `trail`: the trigger follows the best price since at this distance. `holds`: the funds are
    reserved while it waits. `with_position`: it ends with the position it guards.
    """

    price: Price
    rising: bool
    trail: Decimal | None = None
    holds: bool = False
    with_position: bool = False


@dataclass(frozen=True, slots=True)
class OrderAsk:
    """What a client asks for. `price` of None: market; exactly one of `qty` and `spend` is set.

    `spend` is a market buy of so much quote money. `self_trade` of None: the venue's default.
    `notes` are words of the face, kept as they are.
    """

    market: Market
    side: Side
    qty: Qty | None = None
    spend: Quote | None = None
    price: Price | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    client_id: str = ""
    reduce_only: bool = False
    trigger: Trigger | None = None
    self_trade: SelfTrade | None = None
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Amendment:
    """What shall change on an open order; None leaves it. `qty` is the whole, filled included."""

    qty: Qty | None = None
    price: Price | None = None
    trigger: Price | None = None


@dataclass(frozen=True, slots=True)
class BoxOrder:
    """One order as the venue knows it now.

    `filled` base units, `value` the quote money of the fills, `fees` what they cost by coin (a
    rebate is negative). `ask` holds the terms as amended. `last_at_creation` is the last price
    when it came in; `awake` is True once a trigger came.
    """

    number: OrderNumber
    account: AccountId
    ask: OrderAsk
    created: Nanos
    updated: Nanos
    status: BoxStatus
    last_at_creation: Price
    filled: Qty = Qty(ZERO)
    value: Quote = Quote(ZERO)
    fees: Mapping[Asset, Decimal] = field(default_factory=dict)
    end: EndCause | None = None
    awake: bool = False

    @property
    def left(self) -> Qty:
        """Base units that have not traded; zero for a market buy by value."""
        return Qty(self.ask.qty - self.filled) if self.ask.qty is not None else Qty(ZERO)

    @property
    def spend_left(self) -> Quote:
        """Quote money not spent, of a market buy by value."""
        return Quote(self.ask.spend - self.value) if self.ask.spend is not None else Quote(ZERO)

    @property
    def average(self) -> Price | None:
        """The mean price of the fills."""
        return Price(self.value / self.filled) if self.filled else None


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill of one account's order; `trade` is the number of the public trade.

    `left` is what the order had left afterwards; `closed` how much of a position it closed and
    `realised` the profit that brought (linear).
    """

    number: ExecutionNumber
    trade: int
    order: OrderNumber
    client_id: str
    account: AccountId
    market: Market
    side: Side
    price: Price
    qty: Qty
    liquidity: Liquidity
    fee: Fee
    fee_rate: Decimal
    time: Nanos
    left: Qty
    closed: Qty = Qty(ZERO)
    realised: Decimal = ZERO

    @property
    def value(self) -> Quote:
        """Quote money."""
        return Quote(self.price * self.qty)
