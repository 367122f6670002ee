"""Owns the shape of one exchange in the fleet: what the PowerTraderAI+ document asks of a class.

The printed methods come first; the others have defaults, so that a class written from the document
alone takes part: it is compared by its best quotes, and an order of it whose reply was lost stays
unknown until a person has looked. It must not know which exchanges there are.
"""

from dataclasses import dataclass
from decimal import Decimal

from absolute.venues import symbols
from absolute.venues.fleet_errors import ExchangeUnavailable
from absolute.venues.fleet_price import BookView
from absolute.venues.fleet_terms import MarketData, OrderRequest, OrderResult, SentOrder
from absolute.venues.self_trade import RestingOrder


@dataclass(frozen=True, slots=True)
class Found:
    """The exchange knows the order: this is where it stands."""

    result: OrderResult


@dataclass(frozen=True, slots=True)
class Absent:
    """It is proved that the exchange never took the order and no longer can."""

    detail: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """No proof either way yet."""

    detail: str


Finding = Found | Absent | Undecided


class AbstractExchange:
    """Base class for all exchange implementations.

    `venue` and `account` say whose orders may meet: all accounts of one venue are one owner.
    """

    venue: str = ""
    account: str = ""

    async def initialize(self) -> bool:
        """Initialize connection and authentication; False where the exchange cannot be used."""
        raise NotImplementedError

    async def get_market_data(self, symbol: str) -> MarketData:
        """Current market data for a pair written as BTC-USD."""
        raise NotImplementedError

    async def place_order(self, order_request: OrderRequest) -> OrderResult:
        """Place one order, once. An error with `no_order` is proof that none stands.

        Any other error makes the order unknown. `order_request.client_id` is set by the fleet.
        """
        raise NotImplementedError

    async def get_balance(self, asset: str | None = None) -> dict[str, float]:
        """Free balance of one asset or of all."""
        raise ExchangeUnavailable(f"{type(self).__name__} does not tell balances.")

    def get_supported_regions(self) -> list[str]:
        """The regions it serves."""
        raise NotImplementedError

    def normalize_symbol(self, symbol: str) -> str:
        """The pair as this exchange writes it."""
        return symbols.standard(symbol)

    # --- with defaults: what makes an exchange a full member of the fleet -------------------------

    async def get_order_book(self, symbol: str, amount: Decimal | None = None) -> BookView | None:
        """The top of the book, deep enough for `amount`; None where only best quotes are shown."""
        del symbol, amount
        return None

    async def taker_fee(self, symbol: str) -> Decimal | None:
        """The ratio a taker pays; None where it is not known."""
        del symbol
        return None

    async def find_order(self, sent: SentOrder) -> Finding:
        """What became of an order whose reply was lost. `Absent` only where it is proved."""
        return Undecided(f"{type(self).__name__} cannot be asked for {sent.client_id}")

    async def get_open_orders(self, symbol: str) -> list[RestingOrder]:
        """Our own open orders in a pair, for the guard against trading with ourselves."""
        del symbol
        return []

    async def close(self) -> None:
        """Let go of every socket; the next call opens new ones."""
