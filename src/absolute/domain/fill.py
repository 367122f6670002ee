"""Owns one execution: what traded, at which price, and what it cost."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from absolute.domain.ids import ClientOrderId, TradeId
from absolute.domain.instrument import Side
from absolute.domain.order import PositionSide
from absolute.domain.units import Asset, Nanos, Price, Qty, Quote


class Liquidity(StrEnum):
    """Whether our order waited in the book or took from it."""

    MAKER = "maker"
    TAKER = "taker"


@dataclass(frozen=True, slots=True)
class Fee:
    """What an execution cost. A negative amount is a rebate.

    `value` is the same amount in quote money at the time of the fill, so that a fee in a third
    coin enters the cost of a deal at its true price.
    """

    amount: Decimal
    asset: Asset
    value: Quote


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of one of our orders. `fee` of None: the venue has not told it yet."""

    trade_id: TradeId
    client_id: ClientOrderId
    side: Side
    price: Price
    qty: Qty
    liquidity: Liquidity
    fee: Fee | None
    time: Nanos
    position_side: PositionSide = PositionSide.NET
