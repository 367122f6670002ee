"""Owns Bybit's public endpoints: time, instruments, candles, tickers, books, trades, system status.

docs/v5/market. The mark and index prices are the last one; funding is a constant. It must not know
headers or sockets.
"""

from decimal import Decimal
from typing import Final

from absolute.domain.units import NANOS_PER_MS, Nanos, plain
from absolute.simex.bybit_calls import BAD_PARAMETER, Answer, Call, Json, Problem
from absolute.simex.bybit_worlds import linear_grid, spot_grid
from absolute.simex.facts import DepthLevel, Traded
from absolute.simex.listing import Category, Listing, ListingStatus
from absolute.simex.market import DAY_NS, MINUTE_NS, Candle, MarketState

INTERVALS_NS: Final = {
    **{str(minutes): minutes * MINUTE_NS for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": DAY_NS,
    "W": 7 * DAY_NS,
}
"""Months are not shown: they are of unequal length."""

STATUSES: Final = {
    ListingStatus.TRADING: "Trading",
    ListingStatus.PRE_LAUNCH: "PreLaunch",
    ListingStatus.HALTED: "Closed",
}
FUNDING: Final = Decimal("0.0001")
FUNDING_NS: Final = 8 * 60 * MINUTE_NS
DEPTHS: Final = {Category.SPOT: 200, Category.LINEAR: 500}


def server_time(call: Call) -> Answer:
    """GET /v5/market/time."""
    seconds = call.now // 1_000_000_000
    return Answer({"timeSecond": str(seconds), "timeNano": str(call.now)})


def system_status(call: Call) -> Answer:
    """GET /v5/system/status: no maintenance."""
    del call
    return Answer({"list": []}, message="")


def instruments(call: Call) -> Answer:
    """GET /v5/market/instruments-info: PreLaunch ones only when asked for."""
    category, shown = call.category(), call.shown()
    symbol, status, base = call.text("symbol"), call.text("status"), call.text("baseCoin")
    rows: list[tuple[str, Json]] = []
    for place, listing in enumerate(call.world.exchange.listings()):
        market = listing.market
        if market.category is not shown or symbol not in {"", market.symbol}:
            continue
        if STATUSES[listing.status] != (status or "Trading"):
            continue
        if base in {"", listing.instrument.base}:
            write = _spot_instrument if shown is Category.SPOT else _linear_instrument
            rows.append((market.symbol, write(place, listing)))
    if category == "spot":
        return Answer({"category": category, "list": [row for _, row in rows]})
    limit = call.limit(500, 1000)
    after = call.text("cursor").removeprefix("after=")
    rows = sorted((name, row) for name, row in rows if name > after)
    more = len(rows) > limit
    page = rows[:limit]
    cursor = f"after={page[-1][0]}" if more else ""
    return Answer(
        {"category": category, "list": [row for _, row in page], "nextPageCursor": cursor}
    )


def kline(call: Call) -> Answer:
    """GET /v5/market/kline, the newest first."""
    words = call.words if call.text("category") else {**call.words, "category": "linear"}
    call = Call(call.world, words, call.now, call.key)
    listing = call.listing()
    frame = INTERVALS_NS.get(call.needed("interval"))
    if frame is None:
        raise Problem(BAD_PARAMETER, "params error: interval invalid")
    start, end = call.whole("start", 0), call.whole("end", call.now_ms)
    limit = call.limit(200, 1000)
    state = call.world.exchange.market(listing.market)
    first = Nanos(start * NANOS_PER_MS)
    rows = state.candles(frame, start=first, end=Nanos(end * NANOS_PER_MS), count=limit)
    if start and not call.text("end"):
        rows = state.candles(frame, start=first, end=call.now, count=10_000_000)[:limit]
    told = [candle_row(row) for row in reversed(rows)]
    category = listing.market.category
    return Answer({"symbol": listing.market.symbol, "category": category, "list": told})


def candle_row(row: Candle) -> list[str]:
    """start, open, high, low, close, volume, turnover."""
    prices = (row.open, row.high, row.low, row.close, row.volume, row.turnover)
    return [str(row.time // NANOS_PER_MS), *(plain(price) for price in prices)]


def tickers(call: Call) -> Answer:
    """GET /v5/market/tickers."""
    category, symbol = call.shown(), call.text("symbol")
    if symbol:
        call.listing()
    rows = [
        ticker(listing, call.world.exchange.market(listing.market), call.now)
        for listing in call.world.exchange.listings()
        if listing.market.category is category and symbol in {"", listing.market.symbol}
    ]
    return Answer({"category": call.category(), "list": rows})


def ticker(listing: Listing, state: MarketState, now: Nanos) -> Json:
    """One ticker; `usdIndexPrice` is what tells spot from the rest."""
    day = state.day(now)
    bids, asks = state.view(1)
    change = (day.last - day.open) / day.open if day.open else Decimal(0)
    row: Json = {
        "symbol": listing.market.symbol,
        "bid1Price": plain(bids[0][0]) if bids else "",
        "bid1Size": plain(bids[0][1]) if bids else "",
        "ask1Price": plain(asks[0][0]) if asks else "",
        "ask1Size": plain(asks[0][1]) if asks else "",
        "lastPrice": plain(day.last),
        "prevPrice24h": plain(day.open),
        "price24hPcnt": plain(change.quantize(Decimal("0.000001"))),
        "highPrice24h": plain(day.high),
        "lowPrice24h": plain(day.low),
        "turnover24h": plain(day.turnover.quantize(Decimal("0.0001"))),
        "volume24h": plain(day.volume),
    }
    if listing.market.category is Category.SPOT:
        return {**row, "usdIndexPrice": plain(day.last)}
    funding = now - now % FUNDING_NS + FUNDING_NS
    return {
        **row,
        "indexPrice": plain(day.last),
        "markPrice": plain(day.last),
        "prevPrice1h": plain(day.hour_ago),
        "openInterest": "0",
        "openInterestValue": "0",
        "fundingRate": plain(FUNDING),
        "nextFundingTime": str(funding // NANOS_PER_MS),
        "predictedDeliveryPrice": "",
        "basisRate": "",
        "basisRateYear": "",
        "basis": "",
        "deliveryFeeRate": "",
        "deliveryTime": "0",
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "",
        "fundingIntervalHour": "8",
        "fundingCap": "0.005",
    }


def order_book(call: Call) -> Answer:
    """GET /v5/market/orderbook."""
    listing = call.listing()
    category = listing.market.category
    depth = call.limit(1 if category is Category.SPOT else 25, DEPTHS[category])
    state = call.world.exchange.market(listing.market)
    bids, asks = state.view(depth)
    return Answer(
        {
            "s": listing.market.symbol,
            "b": levels(bids),
            "a": levels(asks),
            "ts": call.now_ms,
            "u": state.update_id,
            "seq": state.update_id,
            "cts": call.now_ms,
        }
    )


def levels(rows: tuple[DepthLevel, ...]) -> list[list[str]]:
    """Price and size, as text."""
    return [[plain(price), plain(qty)] for price, qty in rows]


def recent_trade(call: Call) -> Answer:
    """GET /v5/market/recent-trade, the newest first."""
    listing = call.listing()
    limit = call.limit(500, 60 if listing.market.category is Category.SPOT else 1000)
    state = call.world.exchange.market(listing.market)
    rows = [trade_row(trade) for trade in reversed(state.trades(limit))]
    return Answer({"category": listing.market.category, "list": rows})


def trade_row(trade: Traded) -> Json:
    """One public trade."""
    return {
        "execId": str(2_100_000_000_000_000_000 + trade.number),
        "symbol": trade.market.symbol,
        "price": plain(trade.price),
        "size": plain(trade.qty),
        "side": trade.taker_side.value.capitalize(),
        "time": str(trade.time // NANOS_PER_MS),
        "isBlockTrade": False,
        "isRPITrade": False,
        "seq": str(trade.number),
    }


def _spot_instrument(place: int, listing: Listing) -> Json:
    instrument, grid = listing.instrument, spot_grid(listing.instrument.base)
    most = plain(instrument.max_qty) if instrument.max_qty is not None else ""
    return {
        "symbolId": place + 1,
        "symbol": listing.market.symbol,
        "baseCoin": instrument.base,
        "quoteCoin": instrument.quote,
        "innovation": "0",
        "status": STATUSES[listing.status],
        "marginTrading": "none",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": plain(instrument.lot),
            "quotePrecision": "0.0000001",
            "minOrderQty": plain(instrument.min_qty),
            "maxOrderQty": most,
            "minOrderAmt": plain(instrument.min_notional),
            "maxOrderAmt": plain(instrument.max_notional or Decimal(4_000_000)),
            "maxLimitOrderQty": most,
            "maxMarketOrderQty": plain(instrument.max_market_qty or Decimal(0)),
            "postOnlyMaxLimitOrderSize": most,
        },
        "priceFilter": {"tickSize": plain(instrument.tick)},
        "riskParameters": {"priceLimitRatioX": grid.band, "priceLimitRatioY": grid.band},
        "symbolType": "",
    }


def _linear_instrument(place: int, listing: Listing) -> Json:
    instrument, grid = listing.instrument, linear_grid(listing.instrument.base)
    most = plain(instrument.max_qty) if instrument.max_qty is not None else ""
    scale = max(0, -int(instrument.tick.normalize().as_tuple().exponent))
    return {
        "symbol": listing.market.symbol,
        "symbolId": place + 1,
        "contractType": "LinearPerpetual",
        "status": STATUSES[listing.status],
        "baseCoin": instrument.base,
        "quoteCoin": instrument.quote,
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(scale),
        "leverageFilter": {
            "minLeverage": "1",
            "maxLeverage": plain(listing.leverage_max),
            "leverageStep": "0.01",
        },
        "priceFilter": {
            "minPrice": plain(instrument.tick),
            "maxPrice": plain(instrument.tick * 19_999_998),
            "tickSize": plain(instrument.tick),
        },
        "lotSizeFilter": {
            "maxOrderQty": most,
            "minOrderQty": plain(instrument.min_qty),
            "qtyStep": plain(instrument.lot),
            "postOnlyMaxOrderQty": most,
            "maxMktOrderQty": plain(instrument.max_market_qty or Decimal(0)),
            "minNotionalValue": plain(instrument.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "settleCoin": instrument.quote,
        "copyTrading": "none",
        "upperFundingRate": "0.005",
        "lowerFundingRate": "-0.005",
        "isPreListing": False,
        "preListingInfo": None,
        "riskParameters": {"priceLimitRatioX": grid.band, "priceLimitRatioY": grid.band},
        "symbolType": "",
    }
