"""Owns the records of the PowerTraderAI+ document: market data, order requests, order results.

The printed fields come first, in the printed order, with the printed types and defaults; what we
add comes behind and always has a default. Their numbers are floats because the document says so:
`exact` is the one way from there to an amount, and every sum is made with Decimals.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum

from absolute.domain.errors import UserError
from absolute.domain.instrument import Side
from absolute.domain.units import NANOS_PER_SECOND, Nanos
from absolute.venues import symbols

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ORDER_TYPES = ("market", "limit", "stop", "stop_limit")


class ExchangeType(Enum):
    """The exchanges the document names."""

    ROBINHOOD = "robinhood"
    KRAKEN = "kraken"
    BINANCE = "binance"
    COINBASE = "coinbase"
    KUCOIN = "kucoin"
    BITSTAMP = "bitstamp"
    BYBIT = "bybit"
    OKX = "okx"


@dataclass
class MarketData:
    """What one exchange shows for one pair; a best price also says why it is the best."""

    symbol: str
    price: float
    bid: float
    ask: float
    volume: float
    timestamp: datetime
    exchange: str
    reason: str = ""
    effective_price: float | None = None


@dataclass
class OrderRequest:
    """An order somebody wants. `price` is the limit; of a stop without `stop_price`, the trigger.

    `client_id` is ours: it is written here before anything is sent, so that one request object is
    one order until its fate is known.
    """

    symbol: str
    side: str
    amount: float
    order_type: str
    price: float | None = None
    time_in_force: str = "GTC"
    stop_price: float | None = None
    client_id: str | None = field(default=None, compare=False)


@dataclass
class OrderResult:
    """What became of an order, as far as it was known at `timestamp`."""

    order_id: str
    status: str
    filled_amount: float
    remaining_amount: float
    average_price: float
    fees: dict[str, float]
    timestamp: datetime
    exchange: str = ""
    client_id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order request with exact amounts, checked: what exchanges are asked for."""

    symbol: str
    side: Side
    amount: Decimal
    order_type: str
    price: Decimal | None
    stop_price: Decimal | None
    time_in_force: str

    @property
    def takes(self) -> bool:
        """True where it trades at once against the book."""
        return self.order_type == "market"


@dataclass(frozen=True, slots=True)
class SentOrder:
    """What is written down before an order leaves: enough to ask for it ever after."""

    exchange: str
    client_id: str
    order: Wanted
    sent_at: Nanos


def exact(number: object, name: str) -> Decimal:
    """The shortest decimal that reads as this number; a float 0.001 is 0.001 and nothing else."""
    try:
        amount = number if isinstance(number, Decimal) else Decimal(str(number))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise UserError("ORDER_INVALID", f"{name} is {number!r}, which is no number; write one.")
    return amount


def wanted(request: OrderRequest) -> Wanted:
    """The checked form of a request; raises UserError ORDER_INVALID for what cannot be meant."""
    side, kind = request.side.lower(), request.order_type.lower()
    if side not in {"buy", "sell"}:
        raise UserError("ORDER_INVALID", f"side is {side!r}; write 'buy' or 'sell'.")
    if kind not in ORDER_TYPES:
        known = ", ".join(ORDER_TYPES)
        raise UserError("ORDER_INVALID", f"order_type is {kind!r}; write one of: {known}.")
    price, stop = request.price, request.stop_price
    if kind == "stop" and stop is None:
        price, stop = None, price
    order = Wanted(
        symbol=_one_spelling(request.symbol),
        side=Side(side),
        amount=exact(request.amount, "amount"),
        order_type=kind,
        price=None if price is None or kind in {"market", "stop"} else exact(price, "price"),
        stop_price=None if stop is None else exact(stop, "stop_price"),
        time_in_force=request.time_in_force.upper(),
    )
    _check(order)
    return order


def _one_spelling(symbol: str) -> str:
    """BTC-USD for btc/usd too, so that an order in doubt is met again however it is written.

    What is no pair is left to the exchange: one that a user wrote may trade other things.
    """
    try:
        return symbols.standard(symbol)
    except UserError:
        return symbol.strip().upper()


def _check(order: Wanted) -> None:
    amounts = {"amount": order.amount, "price": order.price, "stop_price": order.stop_price}
    for name, amount in amounts.items():
        if amount is not None and amount <= 0:
            raise UserError("ORDER_INVALID", f"{name} is {amount}; it must be above zero.")
    if order.order_type in {"limit", "stop_limit"} and order.price is None:
        raise UserError("ORDER_INVALID", f"a {order.order_type} order needs a price; give one.")
    if order.order_type in {"stop", "stop_limit"} and order.stop_price is None:
        raise UserError("ORDER_INVALID", f"a {order.order_type} order needs a stop_price; give it.")


def moment(time: Nanos) -> datetime:
    """A time of ours as an aware datetime in UTC, to the microsecond."""
    return _EPOCH + timedelta(microseconds=time // 1_000)


def nanos(when: datetime) -> Nanos | None:
    """An aware datetime as a time of ours; None for a naive one, which may mean any zone."""
    if when.tzinfo is None:
        return None
    span = when - _EPOCH
    seconds = span.days * 86_400 + span.seconds
    return Nanos(seconds * NANOS_PER_SECOND + span.microseconds * 1_000)
