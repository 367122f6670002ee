"""Owns Bybit's public topics: tickers, books, candles and trades, as snapshots and deltas.

docs/v5/websocket/public. A snapshot comes with the subscription, deltas with every change of the
market. It must not know accounts or the protocol's operations.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from absolute.domain.units import NANOS_PER_MS, Nanos, plain
from absolute.simex.bybit_calls import Json
from absolute.simex.bybit_lines import Levels, Line
from absolute.simex.bybit_public import INTERVALS_NS, ticker
from absolute.simex.facts import BookChanged, DepthLevel, Fact, Traded
from absolute.simex.listing import Listing, Market
from absolute.simex.market import Candle, MarketState, frame_start

TOPIC: Final = re.compile(
    r"(?P<kind>tickers|publicTrade|orderbook\.(?P<depth>1|50|200|500|1000)"
    r"|kline\.(?P<frame>[0-9DWM]+))\.(?P<symbol>[A-Z0-9]+)"
)


def known(line: Line, topic: str) -> bool:
    """Whether there is such a topic on this socket."""
    return _listing(line, topic) is not None


def snapshot(line: Line, topic: str, now: Nanos) -> Iterator[Json]:
    """What a new subscriber is shown at once."""
    found, listing = TOPIC.fullmatch(topic), _listing(line, topic)
    if found is None or listing is None:
        return
    state = line.world.exchange.market(listing.market)
    if topic.startswith("tickers"):
        yield _ticker(line, topic, listing, now)
    elif found["depth"]:
        yield _book(line, topic, state, now, depth=int(found["depth"]))
    elif found["frame"]:
        yield from _candles(line, topic, state, now, frame=found["frame"])


def changes(line: Line, facts: Sequence[Fact], now: Nanos) -> Iterator[Json]:
    """What a subscriber is told of a market that moved."""
    category = line.kind.category
    trades: dict[Market, list[Traded]] = {}
    moved: dict[Market, None] = {}
    for fact in facts:
        if isinstance(fact, Traded | BookChanged) and fact.market.category is category:
            moved[fact.market] = None
            if isinstance(fact, Traded):
                trades.setdefault(fact.market, []).append(fact)
    for topic in list(line.topics):
        found, listing = TOPIC.fullmatch(topic), _listing(line, topic)
        if found is None or listing is None or listing.market not in moved:
            continue
        state = line.world.exchange.market(listing.market)
        if topic.startswith("publicTrade"):
            yield from _trades(topic, trades.get(listing.market, ()), now)
        elif topic.startswith("tickers"):
            ticks = _ticker(line, topic, listing, now)
            if len(ticks["data"]) > 1:
                yield ticks
        elif found["depth"]:
            book = _book(line, topic, state, now, depth=int(found["depth"]))
            if book["data"]["b"] or book["data"]["a"]:
                yield book
        elif listing.market in trades:
            yield from _candles(line, topic, state, now, frame=found["frame"])


def _listing(line: Line, topic: str) -> Listing | None:
    found, category = TOPIC.fullmatch(topic), line.kind.category
    if found is None or category is None:
        return None
    if found["frame"] and found["frame"] not in INTERVALS_NS:
        return None
    return line.world.exchange.listing(Market(category, found["symbol"]))


def _ticker(line: Line, topic: str, listing: Listing, now: Nanos) -> Json:
    """Spot tells a whole row each time and no book; the others tell what changed."""
    state = line.world.exchange.market(listing.market)
    row = ticker(listing, state, now)
    frame: Json = {"topic": topic, "ts": now // NANOS_PER_MS, "cs": state.update_id}
    if "usdIndexPrice" in row:
        data = {name: value for name, value in row.items() if "1Price" not in name}
        data = {name: value for name, value in data.items() if "1Size" not in name}
        return {**frame, "type": "snapshot", "data": data}
    row["tickDirection"] = state.tick_direction
    row.pop("basis")
    before = line.tickers.get(topic)
    line.tickers[topic] = row
    if before is None:
        return {**frame, "type": "snapshot", "data": row}
    fresh = {name: value for name, value in row.items() if before.get(name) != value}
    return {**frame, "type": "delta", "data": {**fresh, "symbol": listing.market.symbol}}


def _book(line: Line, topic: str, state: MarketState, now: Nanos, *, depth: int) -> Json:
    """The whole view first, then its differences; a size of zero takes a level away."""
    bids, asks = (_texts(side) for side in state.view(depth))
    before = line.books.get(topic)
    line.books[topic] = (bids, asks)
    told = (bids, asks)
    if before is not None:
        told = (_difference(before[0], bids), _difference(before[1], asks))
    ms = now // NANOS_PER_MS
    return {
        "topic": topic,
        "type": "snapshot" if before is None else "delta",
        "ts": ms,
        "data": {
            "s": state.market.symbol,
            "b": [list(row) for row in told[0].items()],
            "a": [list(row) for row in told[1].items()],
            "u": state.update_id,
            "seq": state.update_id,
        },
        "cts": ms,
    }


def _texts(side: Iterable[DepthLevel]) -> Levels:
    return {plain(price): plain(qty) for price, qty in side}


def _difference(before: Levels, after: Levels) -> Levels:
    gone = {price: "0" for price in before if price not in after}
    return {price: qty for price, qty in after.items() if before.get(price) != qty} | gone


def _candles(
    line: Line, topic: str, state: MarketState, now: Nanos, *, frame: str
) -> Iterator[Json]:
    """The candle that forms, and once more, confirmed, the one that closed since."""
    span = INTERVALS_NS[frame]
    last = line.candles.get(topic)
    start = Nanos(frame_start(now, span))
    rows = state.candles(span, start=last if last is not None else start, end=now, count=1_000)
    for row in rows:
        closed = row.time + span <= now
        yield _candle(topic, frame, row, now, confirm=closed)
        line.candles[topic] = Nanos(row.time + span) if closed else row.time


def _candle(topic: str, frame: str, row: Candle, now: Nanos, *, confirm: bool) -> Json:
    ms = now // NANOS_PER_MS
    start = row.time // NANOS_PER_MS
    data = {
        "start": start,
        "end": start + INTERVALS_NS[frame] // NANOS_PER_MS - 1,
        "interval": frame,
        "open": plain(row.open),
        "close": plain(row.close),
        "high": plain(row.high),
        "low": plain(row.low),
        "volume": plain(row.volume),
        "turnover": plain(row.turnover),
        "confirm": confirm,
        "timestamp": ms,
    }
    return {"topic": topic, "data": [data], "ts": ms, "type": "snapshot"}


def _trades(topic: str, trades: Sequence[Traded], now: Nanos) -> Iterator[Json]:
    """One frame for all of them, oldest first."""
    if not trades:
        return
    rows = [
        {
            "T": trade.time // NANOS_PER_MS,
            "s": trade.market.symbol,
            "S": trade.taker_side.value.capitalize(),
            "v": plain(trade.qty),
            "p": plain(trade.price),
            "L": "ZeroPlusTick",
            "i": str(2_100_000_000_000_000_000 + trade.number),
            "BT": False,
            "seq": trade.number,
        }
        for trade in trades
    ]
    yield {"topic": topic, "type": "snapshot", "ts": now // NANOS_PER_MS, "data": rows}
