"""Owns the guard against trading with ourselves: no order of ours may meet another of ours.

All configured accounts of one venue and one market count as one owner, whatever their keys are
called. The venue's own prevention is a second line. The check is pure: resting orders and a new one
in, the ones it would meet out. It must not know where the orders were learnt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from absolute.domain.errors import UserError
from absolute.domain.instrument import Side


@dataclass(frozen=True, slots=True)
class RestingOrder:
    """An open order of ours. `price` of None: a stop whose limit is not known, so it may be any."""

    venue: str
    account: str
    symbol: str
    side: Side
    price: Decimal | None
    order_id: str
    post_only: bool = False


@dataclass(frozen=True, slots=True)
class ComingOrder:
    """An order about to be sent. `price` of None: it takes at any price (market, stop)."""

    venue: str
    account: str
    symbol: str
    side: Side
    price: Decimal | None
    post_only: bool = False


class SelfTradeRefused(UserError):
    """The order would meet an order of our own and was not sent."""

    def __init__(self, coming: ComingOrder, met: Sequence[RestingOrder]) -> None:
        count, first = len(met), met[0]
        price = "any price" if first.price is None else str(first.price)
        super().__init__(
            "SELF_TRADE",
            f"{coming.symbol} at {coming.venue}: this {coming.side} of account {coming.account} "
            f"would trade with {count} of your own orders, first {first.order_id} of account "
            f"{first.account} at {price}; cancel that one or change the price.",
        )
        self.met = tuple(met)


def crossed(coming: ComingOrder, resting: Iterable[RestingOrder]) -> list[RestingOrder]:
    """Our own orders that the coming one could trade with, best for it first."""
    met = [order for order in resting if _same_market(coming, order) and _cross(coming, order)]
    rank = 1 if coming.side is Side.BUY else -1
    return sorted(met, key=lambda order: rank * (order.price or Decimal(0)))


def guard(coming: ComingOrder, resting: Iterable[RestingOrder]) -> None:
    """Raises SelfTradeRefused where the order would cross one of ours."""
    met = crossed(coming, resting)
    if met:
        raise SelfTradeRefused(coming, met)


def _same_market(coming: ComingOrder, order: RestingOrder) -> bool:
    return (order.venue, order.symbol) == (coming.venue, coming.symbol)


def _cross(coming: ComingOrder, order: RestingOrder) -> bool:
    """Equal prices trade. One that only makes cannot take, and is refused there if it would."""
    if order.side is coming.side or coming.post_only:
        return False
    if coming.price is None or order.price is None:
        return True
    if coming.side is Side.BUY:
        return coming.price >= order.price
    return coming.price <= order.price
