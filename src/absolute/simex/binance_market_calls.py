"""Owns the public REST endpoints that spot and USD-M share: time, depth, trades, candles, tickers.

Weights are those of rest-api.md and of Binance's USD-M pages. It must not know accounts.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from absolute.simex.binance_calls import Call, Route, by_limit, by_symbol
from absolute.simex.binance_faults import (
    INTERVAL_UNKNOWN,
    SPAN_LONG,
    SPAN_LONG_USDM,
    SYMBOL_UNKNOWN,
    BinanceRefused,
    invalid,
    mandatory,
)
from absolute.simex.binance_market_rows import (
    DAY_MS,
    FRAMES,
    MINUTE_MS,
    Figures,
    aggregate_row,
    average_row,
    best_row,
    candle_row,
    candles_of,
    day_row,
    depth_row,
    mini_row,
    trade_row,
)
from absolute.simex.listing import Listing
from absolute.simex.market import MarketState

DEPTH_DEFAULT: Final = {False: 100, True: 500}
DEPTH_MAX: Final = {False: 5_000, True: 1_000}
ROWS_DEFAULT: Final = 500
ROWS_MAX: Final = 1_000


def listing_named(call: Call, name: str = "symbol") -> Listing:
    """The market of a parameter that must be there."""
    symbol = call.required(name)
    for listing in call.exchange.listings():
        if listing.market.symbol == symbol:
            return listing
    raise BinanceRefused(SYMBOL_UNKNOWN)


def rows_asked(call: Call, default: int = ROWS_DEFAULT, largest: int = ROWS_MAX) -> int:
    """`limit`, cut to what the venue allows."""
    limit = call.whole("limit")
    if limit is not None and limit <= 0:
        raise BinanceRefused(invalid("limit"))
    return min(limit or default, largest)


def span_asked(call: Call) -> tuple[int | None, int | None]:
    """`startTime` and `endTime` of a spot list: at most 24 hours apart."""
    since, until = call.whole("startTime"), call.whole("endTime")
    if since is not None and until is not None and until - since > DAY_MS:
        raise BinanceRefused(SPAN_LONG)
    return since, until


def week_asked(call: Call) -> tuple[int, int]:
    """`startTime` and `endTime` of a USD-M list: at most seven days apart.

    Neither: the last seven days; a start alone: seven days from it (assumption).
    """
    since, until = call.whole("startTime"), call.whole("endTime")
    if since is not None and until is not None and until - since > 7 * DAY_MS:
        raise BinanceRefused(SPAN_LONG_USDM)
    if since is None:
        last = call.now_ms if until is None else until
        return last - 7 * DAY_MS, last
    return since, since + 7 * DAY_MS if until is None else until


def ping(_call: Call) -> dict[str, Any]:
    """Nothing, but an answer."""
    return {}


def server_time(call: Call) -> dict[str, Any]:
    """The venue's clock."""
    return {"serverTime": call.now_ms}


def depth(call: Call) -> dict[str, Any]:
    """The book."""
    listing = listing_named(call)
    figures = Figures(listing)
    limit = rows_asked(call, DEPTH_DEFAULT[figures.futures], DEPTH_MAX[figures.futures])
    return depth_row(_state(call, listing), figures, limit=limit, now=call.now)


def trades(call: Call) -> list[dict[str, Any]]:
    """The last public trades, oldest first."""
    listing = listing_named(call)
    found = _state(call, listing).trades(rows_asked(call))
    return [trade_row(each, Figures(listing)) for each in found]


def aggregate_trades(call: Call) -> list[dict[str, Any]]:
    """The last aggregate trades, oldest first."""
    listing = listing_named(call)
    since, until, number = call.whole("startTime"), call.whole("endTime"), call.whole("fromId")
    found = [
        row
        for row in (
            aggregate_row(each, Figures(listing)) for each in _state(call, listing).trades(2_000)
        )
        if (since is None or row["T"] >= since)
        and (until is None or row["T"] <= until)
        and (number is None or row["a"] >= number)
    ]
    limit = rows_asked(call)
    return found[:limit] if since is not None or number is not None else found[-limit:]


def klines(call: Call) -> list[list[Any]]:
    """Candles, oldest first."""
    listing = listing_named(call)
    interval = call.required("interval")
    if interval not in FRAMES:
        raise BinanceRefused(INTERVAL_UNKNOWN)
    frame_ms = FRAMES[interval] * MINUTE_MS
    figures = Figures(listing)
    span = (call.whole("startTime"), call.whole("endTime"))
    largest = 1_500 if figures.futures else ROWS_MAX
    limit = rows_asked(call, ROWS_DEFAULT, largest)
    found = candles_of(_state(call, listing), frame_ms, span, limit=limit, now=call.now)
    return [candle_row(each, figures, frame_ms) for each in found]


def day_ticker(call: Call) -> Any:  # noqa: ANN401 -- one row or a list of them
    """`ticker/24hr`, full or `type=MINI`."""
    short = call.text("type") == "MINI"
    rows = mini_row if short else day_row

    def one(listing: Listing, state: MarketState) -> dict[str, Any]:
        return rows(state, Figures(listing), call.now)

    return _one_or_all(call, one)


def price_ticker(call: Call) -> Any:  # noqa: ANN401 -- one row or a list of them
    """`ticker/price`."""

    def one(listing: Listing, state: MarketState) -> dict[str, Any]:
        figures = Figures(listing)
        row = {"symbol": listing.market.symbol, "price": figures.price(state.last)}
        return row | ({"time": call.now_ms} if figures.futures else {})

    return _one_or_all(call, one)


def book_ticker(call: Call) -> Any:  # noqa: ANN401 -- one row or a list of them
    """`ticker/bookTicker`."""

    def one(listing: Listing, state: MarketState) -> dict[str, Any]:
        figures = Figures(listing)
        row = {"symbol": listing.market.symbol, **best_row(state, figures)}
        return row | ({"time": call.now_ms} if figures.futures else {})

    return _one_or_all(call, one)


def average_price(call: Call) -> dict[str, Any]:
    """`avgPrice`."""
    listing = listing_named(call)
    return average_row(_state(call, listing), Figures(listing), call.now)


def _one_or_all(call: Call, row: Callable[[Listing, MarketState], dict[str, Any]]) -> Any:  # noqa: ANN401
    """One row for `symbol`, a list for `symbols` or for neither."""
    if call.text("symbol") is not None:
        listing = listing_named(call)
        return row(listing, _state(call, listing))
    listings = list(call.exchange.listings())
    asked = call.text("symbols")
    if asked is not None:
        listings = [_named(listings, each) for each in _list_of(asked)]
    return [row(each, _state(call, each)) for each in listings]


def _list_of(text: str) -> list[str]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise BinanceRefused(mandatory("symbols"))
    return [str(each) for each in found]


def _named(listings: list[Listing], symbol: str) -> Listing:
    for listing in listings:
        if listing.market.symbol == symbol:
            return listing
    raise BinanceRefused(SYMBOL_UNKNOWN)


def _state(call: Call, listing: Listing) -> MarketState:
    return call.exchange.market(listing.market)


SPOT_DEPTH: Final = by_limit(((100, 5), (500, 25), (1_000, 50), (5_000, 250)), 100)
USDM_DEPTH: Final = by_limit(((50, 2), (100, 5), (500, 10), (1_000, 20)), 500)

SPOT_MARKET_ROUTES: Final = {
    ("GET", "/api/v3/ping"): Route(ping),
    ("GET", "/api/v3/time"): Route(server_time),
    ("GET", "/api/v3/depth"): Route(depth, SPOT_DEPTH),
    ("GET", "/api/v3/trades"): Route(trades, 25),
    ("GET", "/api/v3/historicalTrades"): Route(trades, 25),
    ("GET", "/api/v3/aggTrades"): Route(aggregate_trades, 4),
    ("GET", "/api/v3/klines"): Route(klines, 2),
    ("GET", "/api/v3/uiKlines"): Route(klines, 2),
    ("GET", "/api/v3/avgPrice"): Route(average_price, 2),
    ("GET", "/api/v3/ticker/24hr"): Route(day_ticker, by_symbol(2, 80)),
    ("GET", "/api/v3/ticker/price"): Route(price_ticker, by_symbol(2, 4)),
    ("GET", "/api/v3/ticker/bookTicker"): Route(book_ticker, by_symbol(2, 4)),
}
USDM_MARKET_ROUTES: Final = {
    ("GET", "/fapi/v1/ping"): Route(ping),
    ("GET", "/fapi/v1/time"): Route(server_time),
    ("GET", "/fapi/v1/depth"): Route(depth, USDM_DEPTH),
    ("GET", "/fapi/v1/trades"): Route(trades, 5),
    ("GET", "/fapi/v1/historicalTrades"): Route(trades, 20),
    ("GET", "/fapi/v1/aggTrades"): Route(aggregate_trades, 20),
    ("GET", "/fapi/v1/klines"): Route(
        klines, by_limit(((99, 1), (499, 2), (1_000, 5), (1_500, 10)), 500)
    ),
    ("GET", "/fapi/v1/ticker/24hr"): Route(day_ticker, by_symbol(1, 40)),
    ("GET", "/fapi/v1/ticker/price"): Route(price_ticker, by_symbol(1, 2)),
    ("GET", "/fapi/v2/ticker/price"): Route(price_ticker, by_symbol(1, 2)),
    ("GET", "/fapi/v1/ticker/bookTicker"): Route(book_ticker, by_symbol(2, 5)),
}
