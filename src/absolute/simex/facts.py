"""Owns the closed unions of what the simulated venue says: facts that happened, reasons for a no.

A face turns facts into its stream's frames, and refusals into its codes, each by table. It must
not know any wire.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from absolute.domain.instrument import Side
from absolute.domain.units import Asset, Nanos, Price, Qty
from absolute.simex.listing import Market
from absolute.simex.orders import AccountId, BoxOrder, Execution


class Refusal(StrEnum):
    """Why a command changed nothing."""

    MARKET_UNKNOWN = "market_unknown"
    MARKET_CLOSED = "market_closed"
    CLIENT_ID_TAKEN = "client_id_taken"
    FUNDS_SHORT = "funds_short"
    TERMS_INVALID = "terms_invalid"
    PRICE_STEP = "price_step"
    PRICE_LOW = "price_low"
    PRICE_HIGH = "price_high"
    QTY_STEP = "qty_step"
    QTY_MIN = "qty_min"
    QTY_MAX = "qty_max"
    NOTIONAL_MIN = "notional_min"
    NOTIONAL_MAX = "notional_max"
    ORDERS_MAX = "orders_max"
    TRIGGERS_MAX = "triggers_max"
    TRIGGER_PASSED = "trigger_passed"
    POST_ONLY_WOULD_TAKE = "post_only_would_take"
    REDUCE_ONLY = "reduce_only"
    LIQUIDITY_NONE = "liquidity_none"
    ORDER_UNKNOWN = "order_unknown"
    ORDER_DONE = "order_done"
    NOTHING_CHANGED = "nothing_changed"
    LEVERAGE_RANGE = "leverage_range"


@dataclass(frozen=True, slots=True)
class Refused:
    """A command changed nothing; `detail` names the value and the limit where there is one."""

    reason: Refusal
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order came in, changed or ended."""

    time: Nanos
    order: BoxOrder


@dataclass(frozen=True, slots=True)
class Executed:
    """An order traded; `order` is as it stands afterwards."""

    time: Nanos
    execution: Execution
    order: BoxOrder


class Cause(StrEnum):
    """Why a balance changed."""

    TRADE = "trade"
    HOLD = "hold"
    DEPOSIT = "deposit"
    FUNDING = "funding"


@dataclass(frozen=True, slots=True)
class BalanceChanged:
    """One asset of an account; `change` is what was added to the total (zero for a mere hold)."""

    time: Nanos
    account: AccountId
    asset: Asset
    total: Decimal
    held: Decimal
    change: Decimal
    cause: Cause


@dataclass(frozen=True, slots=True)
class PositionView:
    """A linear position: signed quantity, entry of None when flat, profit at the mark price."""

    market: Market
    qty: Qty
    entry: Price | None
    mark: Price
    leverage: Decimal
    unrealised: Decimal
    realised: Decimal
    margin: Decimal
    created: Nanos
    updated: Nanos
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """A fill or a new leverage changed a position."""

    time: Nanos
    account: AccountId
    position: PositionView


@dataclass(frozen=True, slots=True)
class Traded:
    """One public trade."""

    time: Nanos
    market: Market
    number: int
    price: Price
    qty: Qty
    taker_side: Side


DepthLevel = tuple[Price, Qty]


@dataclass(frozen=True, slots=True)
class BookChanged:
    """What the named levels hold now (zero: gone); updates `first_id` to `last_id` led here."""

    time: Nanos
    market: Market
    bids: tuple[DepthLevel, ...]
    asks: tuple[DepthLevel, ...]
    first_id: int
    last_id: int


Fact = OrderChanged | Executed | BalanceChanged | PositionChanged | Traded | BookChanged
