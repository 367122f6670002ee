"""Owns Bybit's account endpoints: keys, wallet, fees, positions, leverage, stops, demo funds.

docs/v5/account, docs/v5/position, docs/v5/user, docs/v5/demo. It must not know headers or sockets.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from absolute.domain.instrument import Side
from absolute.domain.units import NANOS_PER_SECOND, ONE, ZERO, Asset, Price, Qty, plain
from absolute.simex.bybit_calls import BAD_PARAMETER, NO_DEMO, Answer, Call, Json, Problem
from absolute.simex.bybit_codes import problem_of
from absolute.simex.bybit_orders import wire_position
from absolute.simex.bybit_worlds import USDT, World
from absolute.simex.exchange import Scope
from absolute.simex.facts import Refusal, Refused
from absolute.simex.listing import Category, Market
from absolute.simex.orders import AccountId, BoxStatus, OrderAsk, Trigger
from absolute.wire.bybit_rows import BybitCoin, coin_written, position_written

FUNDS_MAX: Final[Mapping[str, Decimal]] = {
    "BTC": Decimal(15),
    "ETH": Decimal(200),
    "USDT": Decimal(100_000),
    "USDC": Decimal(100_000),
}
"""What one request for demo funds may bring (docs/v5/demo)."""
FUNDS_SPAN_NS: Final = 60 * NANOS_PER_SECOND
GUARDS: Final = ("takeProfit", "stopLoss", "trailingStop")
KINDS: Final = {
    "takeProfit": "TakeProfit",
    "stopLoss": "StopLoss",
    "trailingStop": "TrailingStop",
}


# --- who ----------------------------------------------------------------------------------------


def query_api(call: Call) -> Answer:
    """GET /v5/user/query-api: what the key may do."""
    _not_in_demo(call)
    key = call.key
    if key is None:
        raise Problem(10003, "API key is invalid.")
    trades = "trade" in key.permissions
    wallet = ["AccountTransfer", "SubMemberTransfer"] if trades else []
    if "withdraw" in key.permissions:
        wallet.append("Withdraw")
    permissions: Json = {
        "ContractTrade": ["Order", "Position"] if trades else [],
        "Spot": ["SpotTrade"] if trades else [],
        "Wallet": wallet,
        "Options": [],
        "Derivatives": ["DerivativesTrade"] if trades else [],
        "CopyTrading": [],
        "BlockTrade": [],
        "Exchange": [],
        "NFT": [],
        "Affiliate": [],
        "Earn": [],
        "FiatP2P": [],
        "FiatConvertBroker": [],
        "FiatGlobalPay": [],
        "FiatBitPay": [],
        "BitCard": [],
        "ByXPost": [],
    }
    return Answer(
        {
            "id": "1",
            "note": "box",
            "apiKey": key.key,
            "readOnly": 0 if trades else 1,
            "secret": "",
            "permissions": permissions,
            "ips": ["127.0.0.1"] if key.ip_bound else ["*"],
            "type": 1,
            "deadlineDay": 90,
            "expiredAt": "2100-01-01T00:00:00Z",
            "createdAt": "2026-01-01T00:00:00Z",
            "unified": 0,
            "uta": 1,
            "userID": 1,
            "inviterID": 0,
            "vipLevel": "No VIP",
            "mktMakerLevel": "0",
            "affiliateID": 0,
            "rsaPublicKey": "",
            "isMaster": True,
            "parentUid": "0",
            "kycLevel": "LEVEL_DEFAULT",
            "kycRegion": "",
            "userIDInt64": "1",
            "inviterIDInt64": "0",
            "affiliateIDInt64": "0",
        },
        message="",
    )


def account_info(call: Call) -> Answer:
    """GET /v5/account/info: a unified account 2.0."""
    return Answer(
        {
            "marginMode": "REGULAR_MARGIN",
            "updatedTime": str(call.now_ms),
            "unifiedMarginStatus": 5,
            "dcpStatus": "OFF",
            "timeWindow": 10,
            "smpGroup": 0,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
        }
    )


def fee_rate(call: Call) -> Answer:
    """GET /v5/account/fee-rate."""
    category, symbol = call.shown(), call.text("symbol")
    rows = [
        {
            "symbol": listing.market.symbol,
            "takerFeeRate": plain(listing.fees.taker),
            "makerFeeRate": plain(listing.fees.maker),
        }
        for listing in call.world.exchange.listings()
        if listing.market.category is category and symbol in {"", listing.market.symbol}
    ]
    return Answer({"list": rows})


def coin_info(call: Call) -> Answer:
    """GET /v5/asset/coin/query-info: coins without a chain, since nothing is withdrawn here."""
    _not_in_demo(call)
    wanted = call.text("coin")
    rows = [
        {"name": coin, "coin": coin, "remainAmount": "0", "chains": []}
        for coin in coins_of(call.world)
        if wanted in {"", coin}
    ]
    return Answer({"rows": rows}, message="success")


# --- money --------------------------------------------------------------------------------------


def wallet_balance(call: Call) -> Answer:
    """GET /v5/account/wallet-balance."""
    kind = call.needed("accountType")
    if kind != "UNIFIED":
        raise Problem(BAD_PARAMETER, "accountType only support UNIFIED.")
    wanted = {coin for coin in call.text("coin").split(",") if coin}
    return Answer({"list": [wallet(call.world, call.account, wanted)]})


def wallet(world: World, account: AccountId, wanted: set[str]) -> Json:
    """The unified wallet: its figures in dollars, and its coins."""
    coins = [coin for coin in wire_coins(world, account) if not wanted or coin.coin in wanted]
    prices = {coin: usd_price(world, coin) for coin in coins_of(world)}
    balance = _usd(sum((c.wallet * prices.get(c.coin, ZERO) for c in coins), ZERO))
    profit = _usd(sum((c.unrealised for c in coins), ZERO))
    margin = sum((c.order_margin + c.position_margin for c in coins), ZERO)
    locked = sum((c.locked * prices.get(c.coin, ZERO) for c in coins), ZERO)
    equity = balance + profit
    rate = plain((margin / equity).quantize(Decimal("0.0001"))) if equity > ZERO else "0"
    return {
        "accountType": "UNIFIED",
        "accountIMRate": rate,
        "accountIMRateByMp": rate,
        "accountMMRate": "0",
        "accountMMRateByMp": "0",
        "accountLTV": "0",
        "totalEquity": plain(equity),
        "totalWalletBalance": plain(balance),
        "totalMarginBalance": plain(equity),
        "totalAvailableBalance": plain(_usd(equity - margin - locked)),
        "totalPerpUPL": plain(profit),
        "totalInitialMargin": plain(_usd(margin)),
        "totalInitialMarginByMp": plain(_usd(margin)),
        "totalMaintenanceMargin": "0",
        "totalMaintenanceMarginByMp": "0",
        "coin": [coin_written(coin) for coin in coins],
    }


def wire_coins(world: World, account: AccountId) -> list[BybitCoin]:
    """Every coin of an account."""
    exchange = world.exchange
    spot = exchange.reserved(account, Category.SPOT)
    orders = exchange.reserved(account, Category.LINEAR)
    positions = exchange.positions(account, Scope(Category.LINEAR))
    found: list[BybitCoin] = []
    for balance in exchange.balances(account):
        settles = balance.asset == USDT
        found.append(
            BybitCoin(
                coin=balance.asset,
                wallet=balance.total,
                locked=spot.get(balance.asset, ZERO),
                order_margin=orders.get(balance.asset, ZERO),
                position_margin=sum((p.margin for p in positions), ZERO) if settles else ZERO,
                unrealised=sum((p.unrealised for p in positions), ZERO) if settles else ZERO,
                realised=sum((p.realised for p in positions), ZERO) if settles else ZERO,
                usd=balance.total * usd_price(world, balance.asset),
            )
        )
    return found


def coins_of(world: World) -> list[str]:
    """Every coin that is traded."""
    listings = world.exchange.listings()
    return sorted(
        {coin for each in listings for coin in (each.instrument.base, each.instrument.quote)}
    )


def usd_price(world: World, coin: str) -> Decimal:
    """A coin in dollars: a tether is one, others by their spot price, unknown ones nothing."""
    if coin == USDT:
        return ONE
    market = Market(Category.SPOT, f"{coin}{USDT}")
    return world.exchange.market(market).last if world.exchange.listing(market) else ZERO


def apply_money(call: Call) -> Answer:
    """POST /v5/account/demo-apply-money: in the demo, once a minute."""
    if not call.world.demo:
        raise Problem(10032, "Demo trading only.")
    since = call.world.funded.get(call.account)
    if since is not None and call.now < since + FUNDS_SPAN_NS:
        raise Problem(10006, "Too many visits. Exceeded the API Rate Limit.")
    sign = ONE if call.whole("adjustType", 0) == 0 else -ONE
    wanted = call.words.get("utaDemoApplyMoney")
    if not isinstance(wanted, list) or not wanted:
        raise Problem(BAD_PARAMETER, "params error: utaDemoApplyMoney invalid")
    amounts: dict[str, Decimal] = {}
    for row in wanted:
        coin, text = str(row.get("coin", "")), str(row.get("amountStr", ""))
        amount = Decimal(text) if text.replace(".", "", 1).isdigit() else ZERO
        if coin not in FUNDS_MAX or not ZERO < amount <= FUNDS_MAX[coin]:
            raise Problem(BAD_PARAMETER, f"params error: {coin} {text} invalid")
        amounts[coin] = amount
    for coin, amount in amounts.items():
        call.world.exchange.deposit(call.account, Asset(coin), amount=sign * amount, now=call.now)
    call.world.funded[call.account] = call.now
    return Answer()


# --- positions ----------------------------------------------------------------------------------


def position_list(call: Call) -> Answer:
    """GET /v5/position/list: by symbol also a flat one, by coin only those that are open."""
    category, symbol = call.category(), call.text("symbol")
    if category == "spot":
        raise Problem(BAD_PARAMETER, "params error: category invalid")
    if category == "linear" and not symbol and not call.text("settleCoin"):
        raise Problem(BAD_PARAMETER, "params error: Missing symbol or settleCoin")
    rows: list[Json] = []
    if category == "linear":
        if symbol:
            call.listing()
        scope = Scope(category, symbol or None)
        for view in call.world.exchange.positions(call.account, scope):
            if view.qty or symbol:
                guards = guards_of(call.world, call.account, view.market)
                rows.append(position_written(wire_position(view, guards)))
    return Answer({"list": rows, "nextPageCursor": "", "category": category})


def set_leverage(call: Call) -> Answer:
    """POST /v5/position/set-leverage: both sides alike, since positions are one-way."""
    listing = call.listing()
    buy, sell = call.number("buyLeverage"), call.number("sellLeverage")
    if listing.market.category is not Category.LINEAR or buy is None or buy != sell:
        raise Problem(BAD_PARAMETER, "params error: buyLeverage and sellLeverage must be equal")
    refused = call.world.exchange.set_leverage(
        call.account, listing.market, leverage=buy, now=call.now
    )
    if refused is not None and refused.reason is Refusal.NOTHING_CHANGED:
        raise Problem(110043, "leverage not modified")
    if refused is not None:
        raise problem_of(refused, Category.LINEAR)
    return Answer()


def switch_mode(call: Call) -> Answer:
    """POST /v5/position/switch-mode: one-way it is, and stays."""
    if call.whole("mode", 0) == 0:
        raise Problem(110025, "Position mode is not modified")
    raise Problem(110029, "Hedge mode is not supported for this symbol.")


def trading_stop(call: Call) -> Answer:
    """POST /v5/position/trading-stop: the whole position's stops; "0" takes one away."""
    listing = call.listing()
    market = listing.market
    if call.whole("positionIdx", 0) != 0:
        raise Problem(BAD_PARAMETER, "position idx not match position mode")
    if call.text("tpslMode") == "Partial" or call.text("activePrice") not in {"", "0"}:
        raise Problem(BAD_PARAMETER, "params error: only tpslMode Full is supported")
    if market.category is not Category.LINEAR:
        raise Problem(BAD_PARAMETER, "params error: category invalid")
    position = call.world.exchange.position(call.account, market)
    if not position.qty:
        raise Problem(10001, "can not set tp/sl/ts for zero position")
    asks = {}
    for name in GUARDS:
        amount = call.number(name)
        if amount is not None:
            asks[name] = _guard(call, market, name, amount) if amount else None
    for name, ask in asks.items():
        _drop_guard(call, market, KINDS[name])
        if ask is not None:
            answer = call.world.exchange.submit(call.account, ask, call.now)
            if isinstance(answer, Refused):
                raise problem_of(answer, Category.LINEAR)
    return Answer()


def guards_of(world: World, account: AccountId, market: Market) -> dict[str, Decimal]:
    """The stops of a position by kind; a trailing one by its distance."""
    found: dict[str, Decimal] = {}
    for row in world.exchange.open_orders(account, Scope(market.category, market.symbol)):
        trigger, kind = row.ask.trigger, row.ask.notes.get("stop", "")
        if trigger is not None and kind in KINDS.values() and row.status is BoxStatus.WAITING:
            found[kind] = trigger.trail if trigger.trail is not None else trigger.price
    return found


def _guard(call: Call, market: Market, name: str, amount: Decimal) -> OrderAsk:
    """A stop of the whole position; its quantity is cut to the position when it comes."""
    exchange = call.world.exchange
    position, last = exchange.position(call.account, market), exchange.market(market).last
    long = position.qty > ZERO
    trail = amount if name == "trailingStop" else None
    rising = long if name == "takeProfit" else not long
    price = amount
    if trail is not None:
        price = last - trail if long else last + trail
    elif (price <= last) if rising else (price >= last):
        raise Problem(10001, f"{KINDS[name]}:{price} set for position should be beyond {last}")
    listing = exchange.listing(market)
    most = listing.instrument.max_market_qty if listing is not None else None
    return OrderAsk(
        market=market,
        side=Side.SELL if long else Side.BUY,
        qty=most if most is not None else Qty(abs(position.qty)),
        reduce_only=True,
        trigger=Trigger(Price(price), rising=rising, trail=trail, with_position=True),
        notes={"stop": KINDS[name]},
    )


def _drop_guard(call: Call, market: Market, kind: str) -> None:
    exchange = call.world.exchange
    for row in exchange.open_orders(call.account, Scope(market.category, market.symbol)):
        if row.ask.notes.get("stop") == kind and row.status is BoxStatus.WAITING:
            exchange.cancel(call.account, row.number, call.now)


def _not_in_demo(call: Call) -> None:
    """docs/v5/demo lists what the demo has; the code for the rest is an assumption."""
    if call.world.demo:
        raise Problem(NO_DEMO, "Demo trading are not supported.")


def _usd(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("1e-8"))
