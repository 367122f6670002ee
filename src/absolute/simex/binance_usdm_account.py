"""Owns the USD-M endpoints that show or set up an account: wallet, positions, leverage, modes.

One-way, cross-margin, single-asset accounts only; asking for another mode is refused. Initial
margin is the entry value over the leverage; maintenance follows the brackets. It must not know the
life of orders or sockets.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final, NamedTuple

from absolute.domain.errors import UserError
from absolute.domain.units import NANOS_PER_MS, ZERO, Asset, Price, ledger_up
from absolute.lake.brackets import shipped_brackets
from absolute.matching.margin import Brackets, BracketTable, brackets_of, maintenance, value_max
from absolute.simex.binance_calls import Call, Route, Security
from absolute.simex.binance_faults import (
    MARGIN_TYPE_SAME,
    POSITION_MODE_SAME,
    BinanceRefused,
    Fault,
    invalid,
    mandatory,
    usdm_fault,
)
from absolute.simex.binance_limits import ORDERS
from absolute.simex.binance_listings import USDT
from absolute.simex.binance_market_calls import listing_named
from absolute.simex.binance_stream_rows import FUNDING_RATE, FUNDING_SPAN_MS
from absolute.simex.facts import PositionView, Refusal
from absolute.simex.listing import Category, Listing, Market
from absolute.simex.order_table import Scope
from absolute.wire.binance_usdm_account_rows import (
    UsdmBalanceRow,
    UsdmPositionRow,
    usdm_balance_json,
    usdm_position_json,
)

Row = dict[str, Any]
DONE: Final = {"code": 200, "msg": "success"}
MODE_NOT_SHOWN: Final = Fault(
    -1020,
    "This operation is not supported.",
    "assumption: the box has one-way, cross-margin, single-asset accounts only",
)
BRACKETS_ELSE: Final = brackets_of(
    [(ZERO, Decimal("0.01"), Decimal(75)), (Decimal(1_000_000), Decimal("0.05"), Decimal(10))]
)
"""Assumption: a market without recorded brackets."""
BIGGEST_CAP: Final = Decimal(1_000_000_000)


def brackets_at(market: Market, time: int) -> Brackets:
    """The maintenance brackets of a market."""
    table = _table(market.symbol)
    return table.at(time) if table is not None else BRACKETS_ELSE


@cache
def _table(symbol: str) -> BracketTable | None:
    """The recorded brackets of a symbol, read once."""
    try:
        return shipped_brackets(symbol)
    except UserError:
        return None


class Money(NamedTuple):
    """A futures wallet worked out."""

    wallet: Decimal
    unrealised: Decimal
    position_margin: Decimal
    order_margin: Decimal
    maintenance: Decimal
    available: Decimal


def _positions(call: Call, market: Market | None = None) -> list[PositionView]:
    scope = Scope(Category.LINEAR, market.symbol if market is not None else None)
    return list(call.exchange.positions(call.account, scope))


def _maintenance(call: Call, view: PositionView) -> Decimal:
    value = abs(view.qty) * view.mark
    return ledger_up(maintenance(brackets_at(view.market, call.now), value)) if value else ZERO


def money_of(call: Call, asset: Asset = USDT) -> Money:
    """The wallet of one asset."""
    found = {each.asset: each for each in call.exchange.balances(call.account)}
    views = _positions(call) if asset == USDT else []
    total = found[asset].total if asset in found else ZERO
    return Money(
        wallet=total,
        unrealised=sum((each.unrealised for each in views), ZERO),
        position_margin=sum((each.margin for each in views), ZERO),
        order_margin=found[asset].held if asset in found else ZERO,
        maintenance=sum((_maintenance(call, each) for each in views), ZERO),
        available=max(ZERO, call.exchange.available(call.account, asset)),
    )


def _assets(call: Call) -> list[Asset]:
    return list(dict.fromkeys([USDT, *(b.asset for b in call.exchange.balances(call.account))]))


# --- wallet ---------------------------------------------------------------------------------------


def balances(call: Call) -> list[Row]:
    """GET v2/balance and v3/balance."""
    rows = []
    for asset in _assets(call):
        money = money_of(call, asset)
        row = UsdmBalanceRow(
            asset=asset,
            balance=money.wallet,
            cross_wallet=money.wallet,
            available=money.available,
            update_time=call.now_ms,
            cross_profit=money.unrealised,
            withdrawable=money.available,
            account_alias="SgsR",
        )
        rows.append(usdm_balance_json(row))
    return rows


def _totals(money: Money) -> Row:
    margin = money.position_margin + money.order_margin
    return {
        "totalInitialMargin": _eight(margin),
        "totalMaintMargin": _eight(money.maintenance),
        "totalWalletBalance": _eight(money.wallet),
        "totalUnrealizedProfit": _eight(money.unrealised),
        "totalMarginBalance": _eight(money.wallet + money.unrealised),
        "totalPositionInitialMargin": _eight(money.position_margin),
        "totalOpenOrderInitialMargin": _eight(money.order_margin),
        "totalCrossWalletBalance": _eight(money.wallet),
        "totalCrossUnPnl": _eight(money.unrealised),
        "availableBalance": _eight(money.available),
        "maxWithdrawAmount": _eight(money.available),
    }


def _asset_row(call: Call, asset: Asset) -> Row:
    money = money_of(call, asset)
    return {
        "asset": asset,
        "walletBalance": _eight(money.wallet),
        "unrealizedProfit": _eight(money.unrealised),
        "marginBalance": _eight(money.wallet + money.unrealised),
        "maintMargin": _eight(money.maintenance),
        "initialMargin": _eight(money.position_margin + money.order_margin),
        "positionInitialMargin": _eight(money.position_margin),
        "openOrderInitialMargin": _eight(money.order_margin),
        "crossWalletBalance": _eight(money.wallet),
        "crossUnPnl": _eight(money.unrealised),
        "availableBalance": _eight(money.available),
        "maxWithdrawAmount": _eight(money.available),
        "updateTime": call.now_ms,
    }


def account_third(call: Call) -> Row:
    """GET v3/account: open positions only."""
    return {
        **_totals(money_of(call)),
        "assets": [_asset_row(call, each) for each in _assets(call)],
        "positions": [
            {
                "symbol": each.market.symbol,
                "positionSide": "BOTH",
                "positionAmt": f"{each.qty}",
                "unrealizedProfit": _eight(each.unrealised),
                "isolatedMargin": "0.00000000",
                "notional": f"{each.qty * each.mark:f}",
                "isolatedWallet": "0",
                "initialMargin": f"{each.margin:f}",
                "maintMargin": f"{_maintenance(call, each):f}",
                "updateTime": each.updated // NANOS_PER_MS,
            }
            for each in _positions(call)
            if each.qty
        ],
    }


def account_second(call: Call) -> Row:
    """GET v2/account: every market's position."""
    permissions = call.key.permissions if call.key is not None else frozenset()
    assets = [{**_asset_row(call, each), "marginAvailable": True} for each in _assets(call)]
    return {
        "feeTier": 0,
        "feeBurn": False,
        "canTrade": "trade" in permissions,
        "canDeposit": True,
        "canWithdraw": "withdraw" in permissions,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
        **_totals(money_of(call)),
        "assets": assets,
        "positions": [_second_position(call, each) for each in _positions(call)],
    }


def _second_position(call: Call, view: PositionView) -> Row:
    return {
        "symbol": view.market.symbol,
        "initialMargin": f"{view.margin:f}",
        "maintMargin": f"{_maintenance(call, view):f}",
        "unrealizedProfit": _eight(view.unrealised),
        "positionInitialMargin": f"{view.margin:f}",
        "openOrderInitialMargin": "0",
        "leverage": f"{view.leverage:f}",
        "isolated": False,
        "entryPrice": _entry(view),
        "maxNotional": f"{largest_value(view.market, view.leverage, call.now):f}",
        "bidNotional": "0",
        "askNotional": "0",
        "positionSide": "BOTH",
        "positionAmt": f"{view.qty}",
        "updateTime": view.updated // NANOS_PER_MS,
    }


# --- positions ------------------------------------------------------------------------------------


def risk_third(call: Call) -> list[Row]:
    """GET v3/positionRisk: markets with a position."""
    market = listing_named(call).market if call.text("symbol") else None
    return [
        usdm_position_json(
            UsdmPositionRow(
                symbol=each.market.symbol,
                position_side="BOTH",
                amount=each.qty,
                entry_price=_entry_of(each),
                break_even_price=_entry_of(each),
                mark_price=each.mark,
                unrealized_profit=each.unrealised,
                liquidation_price=ZERO,
                notional=each.qty * each.mark,
                initial_margin=each.margin,
                maintenance_margin=_maintenance(call, each),
                position_margin=each.margin,
                order_margin=ZERO,
                update_time=each.updated // NANOS_PER_MS,
                margin_asset=USDT,
            )
        )
        for each in _positions(call, market)
        if each.qty
    ]


def risk_second(call: Call) -> list[Row]:
    """GET v2/positionRisk: every market."""
    market = listing_named(call).market if call.text("symbol") else None
    return [
        {
            "symbol": each.market.symbol,
            "positionAmt": f"{each.qty}",
            "entryPrice": _entry(each),
            "breakEvenPrice": _entry(each),
            "markPrice": _eight(each.mark),
            "unRealizedProfit": _eight(each.unrealised),
            "liquidationPrice": "0",
            "leverage": f"{each.leverage:f}",
            "maxNotionalValue": f"{largest_value(each.market, each.leverage, call.now):f}",
            "marginType": "cross",
            "isolatedMargin": "0.00000000",
            "isAutoAddMargin": "false",
            "positionSide": "BOTH",
            "notional": f"{each.qty * each.mark:f}",
            "isolatedWallet": "0",
            "updateTime": each.updated // NANOS_PER_MS,
        }
        for each in _positions(call, market)
    ]


def _entry_of(view: PositionView) -> Decimal:
    return round(view.entry, 8) if view.entry is not None else Decimal("0.0")


def _entry(view: PositionView) -> str:
    return f"{_entry_of(view):f}"


def largest_value(market: Market, leverage: Decimal, time: int) -> Decimal:
    """The largest position value that a leverage allows."""
    return min(BIGGEST_CAP, value_max(brackets_at(market, time), leverage))


# --- leverage and modes ---------------------------------------------------------------------------


def set_leverage(call: Call) -> Row:
    """POST leverage; setting what is set already succeeds."""
    listing, leverage = listing_named(call), call.whole("leverage")
    if leverage is None:
        raise BinanceRefused(mandatory("leverage"))
    refused = call.exchange.set_leverage(
        call.account, listing.market, leverage=Decimal(leverage), now=call.now
    )
    if refused is not None and refused.reason is not Refusal.NOTHING_CHANGED:
        raise BinanceRefused(usdm_fault(refused, str(leverage)))
    cap = largest_value(listing.market, Decimal(leverage), call.now)
    return {
        "leverage": leverage,
        "maxNotionalValue": f"{cap:f}",
        "symbol": listing.market.symbol,
    }


def set_margin_type(call: Call) -> Row:
    """POST marginType: CROSSED is set already."""
    listing_named(call)
    match call.required("marginType"):
        case "CROSSED":
            raise BinanceRefused(MARGIN_TYPE_SAME)
        case "ISOLATED":
            raise BinanceRefused(MODE_NOT_SHOWN)
        case _:
            raise BinanceRefused(invalid("marginType"))


def position_mode(_call: Call) -> Row:
    """GET positionSide/dual."""
    return {"dualSidePosition": False}


def set_position_mode(call: Call) -> Row:
    """POST positionSide/dual: one-way is set already."""
    call.required("dualSidePosition")
    fault = MODE_NOT_SHOWN if call.flag("dualSidePosition") else POSITION_MODE_SAME
    raise BinanceRefused(fault)


def assets_mode(_call: Call) -> Row:
    """GET multiAssetsMargin."""
    return {"multiAssetsMargin": False}


def _asked(call: Call) -> list[Listing]:
    return [listing_named(call)] if call.text("symbol") else list(call.exchange.listings())


def symbol_configs(call: Call) -> list[Row]:
    """GET symbolConfig of one market or all."""
    rows = []
    for listing in _asked(call):
        view = call.exchange.position(call.account, listing.market)
        cap = largest_value(listing.market, view.leverage, call.now)
        rows.append(
            {
                "symbol": listing.market.symbol,
                "marginType": "CROSSED",
                "isAutoAddMargin": False,
                "leverage": int(view.leverage),
                "maxNotionalValue": f"{cap:f}",
            }
        )
    return rows


def account_config(call: Call) -> Row:
    """GET accountConfig."""
    permissions = call.key.permissions if call.key is not None else frozenset()
    return {
        "feeTier": 0,
        "canTrade": "trade" in permissions,
        "canDeposit": True,
        "canWithdraw": "withdraw" in permissions,
        "dualSidePosition": False,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


def commission_rate(call: Call) -> Row:
    """GET commissionRate."""
    listing = listing_named(call)
    return {
        "symbol": listing.market.symbol,
        "makerCommissionRate": f"{listing.fees.maker}",
        "takerCommissionRate": f"{listing.fees.taker}",
    }


def leverage_brackets(call: Call) -> Any:  # noqa: ANN401 -- a row for one market, a list for all
    """GET leverageBracket: always a list, as the venue answers today."""
    return [
        {
            "symbol": each.market.symbol,
            "notionalCoef": 1.0,
            "brackets": _bracket_rows(brackets_at(each.market, call.now)),
        }
        for each in _asked(call)
    ]


def _bracket_rows(brackets: Brackets) -> list[Row]:
    rows = []
    for number, each in enumerate(brackets):
        last = number + 1 == len(brackets)
        cap = BIGGEST_CAP if last else brackets[number + 1].floor
        rows.append(
            {
                "bracket": number + 1,
                "initialLeverage": int(each.leverage_max),
                "notionalCap": int(cap),
                "notionalFloor": int(each.floor),
                "maintMarginRatio": float(each.rate),
                "cum": float(each.deduction),
            }
        )
    return rows


def order_limits(call: Call) -> list[Row]:
    """GET rateLimit/order."""
    rows = call.meter.rows(call.peer, call.account, call.now)
    return [
        {name: value for name, value in each.items() if name != "count"}
        for each in rows
        if each["rateLimitType"] == ORDERS
    ]


def premium_index(call: Call) -> Any:  # noqa: ANN401 -- a row for one market, a list for all
    """GET premiumIndex; mark and index are the last price, no funding is paid (assumption)."""
    following = call.now_ms - call.now_ms % FUNDING_SPAN_MS + FUNDING_SPAN_MS

    def row(listing: Listing) -> Row:
        price: Price = call.exchange.market(listing.market).last
        return {
            "symbol": listing.market.symbol,
            "markPrice": _eight(price),
            "indexPrice": _eight(price),
            "estimatedSettlePrice": _eight(price),
            "lastFundingRate": _eight(FUNDING_RATE),
            "interestRate": _eight(FUNDING_RATE),
            "nextFundingTime": following,
            "time": call.now_ms,
        }

    if call.text("symbol"):
        return row(listing_named(call))
    return [row(each) for each in call.exchange.listings()]


def no_rows(_call: Call) -> list[Row]:
    """Funding paid so far: none, since the box pays none (assumption)."""
    return []


def _eight(value: Decimal) -> str:
    return f"{value:.8f}"


_READ: Final = Security.READ
ACCOUNT_ROUTES: Final[Mapping[tuple[str, str], Route]] = {
    ("GET", "/fapi/v2/account"): Route(account_second, 5, _READ),
    ("GET", "/fapi/v3/account"): Route(account_third, 5, _READ),
    ("GET", "/fapi/v2/balance"): Route(balances, 5, _READ),
    ("GET", "/fapi/v3/balance"): Route(balances, 5, _READ),
    ("GET", "/fapi/v2/positionRisk"): Route(risk_second, 5, _READ),
    ("GET", "/fapi/v3/positionRisk"): Route(risk_third, 5, _READ),
    ("GET", "/fapi/v1/leverageBracket"): Route(leverage_brackets, 1, _READ),
    ("GET", "/fapi/v1/symbolConfig"): Route(symbol_configs, 5, _READ),
    ("GET", "/fapi/v1/accountConfig"): Route(account_config, 5, _READ),
    ("GET", "/fapi/v1/commissionRate"): Route(commission_rate, 20, _READ),
    ("GET", "/fapi/v1/positionSide/dual"): Route(position_mode, 30, _READ),
    ("GET", "/fapi/v1/multiAssetsMargin"): Route(assets_mode, 30, _READ),
    ("GET", "/fapi/v1/rateLimit/order"): Route(order_limits, 1, _READ),
    ("GET", "/fapi/v1/income"): Route(no_rows, 30, _READ),
    ("POST", "/fapi/v1/leverage"): Route(set_leverage, 1, Security.TRADE),
    ("POST", "/fapi/v1/marginType"): Route(set_margin_type, 1, Security.TRADE),
    ("POST", "/fapi/v1/positionSide/dual"): Route(set_position_mode, 1, Security.TRADE),
    ("GET", "/fapi/v1/premiumIndex"): Route(premium_index, 1),
    ("GET", "/fapi/v1/fundingRate"): Route(no_rows, 1),
    ("GET", "/fapi/v1/fundingInfo"): Route(no_rows, 1),
}
ACCOUNT_METHODS: Final[Mapping[str, Route]] = {
    "account.status": Route(account_second, 5, _READ),
    "v2/account.status": Route(account_third, 5, _READ),
    "account.balance": Route(balances, 5, _READ),
    "v2/account.balance": Route(balances, 5, _READ),
    "account.position": Route(risk_second, 5, _READ),
    "v2/account.position": Route(risk_third, 5, _READ),
}
