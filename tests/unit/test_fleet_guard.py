"""The guard looks at every account we have in the same world of a venue, and at no other."""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from absolute.domain.errors import UserError
from absolute.domain.instrument import Side
from absolute.domain.units import Nanos
from absolute.venues.fleet import Fleet, FleetRules
from absolute.venues.fleet_errors import (
    ExchangeAuthenticationError,
    ExchangeConnectionError,
    ExchangeNotSent,
    ExchangeRateLimitError,
    ExchangeUnavailable,
)
from absolute.venues.fleet_exchange import AbstractExchange
from absolute.venues.fleet_orders import MemoryOrderLog, Surroundings
from absolute.venues.fleet_terms import OrderRequest, OrderResult, moment
from absolute.venues.self_trade import RestingOrder


@dataclass
class Account(AbstractExchange):
    """An account with open orders, or one that cannot be asked for them."""

    venue: str
    account: str
    open_orders: list[RestingOrder] = field(default_factory=list)
    mute: Exception | None = None
    sent: int = 0

    async def initialize(self) -> bool:
        return True

    async def get_open_orders(self, symbol: str) -> list[RestingOrder]:
        if self.mute is not None:
            raise self.mute
        return self.open_orders

    async def place_order(self, order_request: OrderRequest) -> OrderResult:
        self.sent += 1
        return OrderResult("1", "open", 0.0, 1.0, 0.0, {}, moment(Nanos(0)))


@dataclass
class Roster:
    accounts: dict[str, Account]

    def names(self) -> list[str]:
        return list(self.accounts)

    def exchange(self, name: str) -> AbstractExchange:
        return self.accounts[name]

    def accounts_beside(self, name: str) -> list[str]:
        venue = self.accounts[name].venue
        return [each for each, account in self.accounts.items() if account.venue == venue]


class Still:
    def now_ns(self) -> Nanos:
        return Nanos(0)


def resting(side: Side, price: str, account: str = "second") -> RestingOrder:
    return RestingOrder("kraken", account, "BTC-USD", side, Decimal(price), "9")


def place(second: Account, request: OrderRequest) -> Account:
    first = Account("kraken", "default")
    other = Account("coinbase", "default", [resting(Side.SELL, "1")])
    accounts = {"kraken": first, "kraken/second": second, "coinbase": other}
    around = Surroundings(Still(), lambda: "id", MemoryOrderLog(), pauses=())
    fleet = Fleet(Roster(accounts), around, FleetRules())
    asyncio.run(fleet.place(request, "kraken"))
    return first


def test_an_order_that_would_meet_another_account_of_ours_is_not_sent():
    second = Account("kraken", "second", [resting(Side.SELL, "100")])
    with pytest.raises(UserError, match="first 9 of account second at 100"):
        place(second, OrderRequest("BTC-USD", "buy", 1.0, "limit", 100.0))


def test_an_order_that_meets_nobody_of_ours_is_sent():
    second = Account("kraken", "second", [resting(Side.SELL, "100")])
    assert place(second, OrderRequest("BTC-USD", "buy", 1.0, "limit", 99.0)).sent == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (ExchangeConnectionError("x"), ExchangeNotSent),
        (ExchangeRateLimitError("x"), ExchangeRateLimitError),
        (ExchangeAuthenticationError("x"), ExchangeAuthenticationError),
        (RuntimeError("x"), ExchangeNotSent),
        (UserError("X", "x"), ExchangeUnavailable),
    ],
)
def test_where_an_account_cannot_be_asked_nothing_is_sent(fault, told):
    second = Account("kraken", "second", mute=fault)
    with pytest.raises(told, match="open orders of kraken/second") as refused:
        place(second, OrderRequest("BTC-USD", "buy", 1.0, "limit", 99.0))
    assert refused.value.no_order


def test_one_that_only_makes_is_left_to_the_venue():
    second = Account("kraken", "second", [resting(Side.SELL, "100")])
    request = OrderRequest("BTC-USD", "buy", 1.0, "limit", 100.0, "PO")
    assert place(second, request).sent == 1
