"""Owns the spot endpoints that show an account: balances, trades, rates, limits, and key checks.

The `sapi` ones exist so far as clients need them at their start. Sources: rest-api.md "Account
endpoints"; the wallet pages for `sapi`. It must not know orders' life or sockets.
"""

from collections.abc import Mapping
from typing import Any, Final

from absolute.domain.units import NANOS_PER_MS, ZERO
from absolute.simex.binance_calls import Call, Route, Security, by_order
from absolute.simex.binance_limits import ORDERS
from absolute.simex.binance_market_calls import listing_named, rows_asked, span_asked
from absolute.simex.binance_spot_orders import own_trade_row
from absolute.simex.binance_spot_trading import NO_DISCOUNT
from absolute.simex.exchange import Exchange
from absolute.simex.listing import Category
from absolute.simex.order_table import Scope
from absolute.simex.orders import AccountId
from absolute.wire.binance_spot_rows import SpotBalanceRow, spot_balance_json, spot_trade_json

Row = dict[str, Any]
UID: Final = 354_937_868
"""Every account of the box has the number of the document's example."""
_BASIS: Final = 10_000


def balance_rows(exchange: Exchange, account: AccountId) -> list[SpotBalanceRow]:
    """What an account has, of every coin it has or that is listed."""
    found = {each.asset: each for each in exchange.balances(account)}
    coins = dict.fromkeys(
        coin
        for listing in exchange.listings()
        for coin in (listing.instrument.base, listing.instrument.quote)
    )
    rows = [
        SpotBalanceRow(asset, found[asset].free, found[asset].held)
        if asset in found
        else SpotBalanceRow(asset, ZERO, ZERO)
        for asset in dict.fromkeys([*coins, *found])
    ]
    return sorted(rows, key=lambda each: each.asset)


def account(call: Call) -> Row:
    """GET account."""
    first = call.exchange.listings()[0].fees
    permissions = call.key.permissions if call.key is not None else frozenset()
    rows = balance_rows(call.exchange, call.account)
    if call.flag("omitZeroBalances"):
        rows = [each for each in rows if each.free or each.locked]
    return {
        "makerCommission": int(first.maker * _BASIS),
        "takerCommission": int(first.taker * _BASIS),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": _rates(first.maker, first.taker),
        "canTrade": "trade" in permissions,
        "canWithdraw": "withdraw" in permissions,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.now_ms,
        "accountType": "SPOT",
        "balances": [spot_balance_json(each) for each in rows],
        "permissions": ["SPOT"],
        "uid": UID,
    }


def _rates(maker: object, taker: object) -> Row:
    return {
        "maker": f"{maker:.8f}",
        "taker": f"{taker:.8f}",
        "buyer": "0.00000000",
        "seller": "0.00000000",
    }


def my_trades(call: Call) -> list[Row]:
    """GET myTrades of one market: of an order, from an id, of a span, or the last ones."""
    listing = listing_named(call)
    number, first = call.whole("orderId"), call.whole("fromId")
    since, until = span_asked(call)
    rows = call.exchange.executions(call.account, Scope(Category.SPOT, listing.market.symbol))
    found = [
        each
        for each in rows
        if (number is None or each.order == number)
        and (first is None or each.trade >= first)
        and (since is None or each.time // NANOS_PER_MS >= since)
        and (until is None or each.time // NANOS_PER_MS <= until)
    ]
    limit = rows_asked(call)
    from_start = first is not None or since is not None
    chosen = found[:limit] if from_start else found[-limit:]
    return [spot_trade_json(own_trade_row(each)) for each in chosen]


def commission(call: Call) -> Row:
    """GET account/commission."""
    listing = listing_named(call)
    none = _rates(ZERO, ZERO)
    return {
        "symbol": listing.market.symbol,
        "standardCommission": _rates(listing.fees.maker, listing.fees.taker),
        "specialCommission": none,
        "taxCommission": none,
        "discount": NO_DISCOUNT,
    }


def order_limits(call: Call) -> list[Row]:
    """GET rateLimit/order."""
    rows = call.meter.rows(call.peer, call.account, call.now)
    return [dict(each) for each in rows if each["rateLimitType"] == ORDERS]


def key_restrictions(call: Call) -> Row:
    """GET sapi/v1/account/apiRestrictions: what the key may do."""
    key = call.key
    permissions = key.permissions if key is not None else frozenset()
    return {
        "ipRestrict": key is not None and key.ip_bound,
        "createTime": 0,
        "enableReading": "read" in permissions,
        "enableSpotAndMarginTrading": "trade" in permissions,
        "enableWithdrawals": "withdraw" in permissions,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": False,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enablePortfolioMarginTrading": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
    }


def coins(call: Call) -> list[Row]:
    """GET sapi/v1/capital/config/getall: each coin with one network, as nothing leaves the box."""
    return [
        {
            "coin": each.asset,
            "depositAllEnable": True,
            "withdrawAllEnable": False,
            "name": each.asset,
            "free": f"{each.free:f}",
            "locked": f"{each.locked:f}",
            "freeze": "0",
            "withdrawing": "0",
            "ipoing": "0",
            "ipoable": "0",
            "storage": "0",
            "isLegalMoney": False,
            "trading": True,
            "networkList": [],
        }
        for each in balance_rows(call.exchange, call.account)
    ]


def trade_fees(call: Call) -> list[Row]:
    """GET sapi/v1/asset/tradeFee, of one market or all."""
    asked = [listing_named(call)] if call.text("symbol") else call.exchange.listings()
    return [
        {
            "symbol": each.market.symbol,
            "makerCommission": f"{each.fees.maker}",
            "takerCommission": f"{each.fees.taker}",
        }
        for each in asked
    ]


def no_pairs(_call: Call) -> list[Row]:
    """Margin pairs: none, since the box lends nothing."""
    return []


def system_status(_call: Call) -> Row:
    """GET sapi/v1/system/status."""
    return {"status": 0, "msg": "normal"}


ACCOUNT_ROUTES: Final[Mapping[tuple[str, str], Route]] = {
    ("GET", "/api/v3/account"): Route(account, 20, Security.READ),
    ("GET", "/api/v3/myTrades"): Route(my_trades, by_order(5, 20), Security.READ),
    ("GET", "/api/v3/account/commission"): Route(commission, 20, Security.READ),
    ("GET", "/api/v3/rateLimit/order"): Route(order_limits, 40, Security.READ),
}
WALLET_ROUTES: Final[Mapping[tuple[str, str], Route]] = {
    ("GET", "/sapi/v1/account/apiRestrictions"): Route(key_restrictions, 1, Security.READ),
    ("GET", "/sapi/v1/capital/config/getall"): Route(coins, 10, Security.READ),
    ("GET", "/sapi/v1/asset/tradeFee"): Route(trade_fees, 1, Security.READ),
    ("GET", "/sapi/v1/margin/allPairs"): Route(no_pairs, 1, Security.KEY),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): Route(no_pairs, 1, Security.KEY),
    ("GET", "/sapi/v1/system/status"): Route(system_status, 1),
}
"""Main only: neither demo nor testnet has the wallet endpoints."""
ACCOUNT_METHODS: Final[Mapping[str, Route]] = {
    "account.status": Route(account, 20, Security.READ),
    "myTrades": Route(my_trades, 20, Security.READ),
    "account.commission": Route(commission, 20, Security.READ),
    "account.rateLimits.orders": Route(order_limits, 40, Security.READ),
}
