"""Owns the public sockets of a Binance market: who follows which stream, and what each is told.

Facts and time go in, frames come out. Streams that Binance paces (depth each 100 ms, tickers each
second) are paced by the time handed in. It must not know accounts or hosts.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from absolute.domain.units import NANOS_PER_MS, Nanos
from absolute.simex.binance_market_rows import FRAMES, MINUTE_MS, Figures
from absolute.simex.binance_stream_rows import (
    BookDelta,
    aggregate_event,
    book_event,
    candle_event,
    depth_event,
    mark_event,
    mini_event,
    partial_event,
    ticker_event,
    trade_event,
)
from absolute.simex.exchange import Exchange
from absolute.simex.face import Frame, SocketId
from absolute.simex.facts import BookChanged, Fact, Traded
from absolute.simex.listing import Listing, Market

SECOND_MS: Final = 1_000
STREAMS_MAX: Final = 1_024
"""web-socket-streams.md: "a single connection can listen to a maximum of 1024 streams"."""
_DEPTH: Final = re.compile(r"depth(5|10|20)?(?:@(100|250|500|1000)ms)?")
_PACED: Final = frozenset({"miniTicker", "ticker", "kline", "markPrice", "partial", "depth"})


@dataclass(slots=True)
class Feed:
    """One stream that somebody follows; `listing` of None: all markets.

    `candle_ns`: when the candle opened that was told of last and is not closed yet.
    """

    name: str
    kind: str
    listing: Listing | None
    argument: str = ""
    span_ms: int = 0
    followers: dict[SocketId, None] = field(default_factory=dict)
    sent_ms: int = 0
    delta: BookDelta = field(default_factory=BookDelta)
    stale: bool = True
    candle_ns: Nanos = Nanos(0)
    shown: dict[str, Any] | None = None


def feed_of(name: str, listings: Mapping[str, Listing], *, futures: bool) -> Feed | None:
    """What a stream's name means; None for one that is not served."""
    if name.startswith("!"):
        return _feed_of_all(name, futures=futures)
    symbol, _, rest = name.partition("@")
    listing = listings.get(symbol)
    if listing is None or symbol != symbol.lower():
        return None
    kind, _, speed = rest.partition("@")
    if kind in {"trade", "aggTrade", "bookTicker"}:
        return Feed(name, kind, listing)
    if kind in {"miniTicker", "ticker"}:
        return Feed(name, kind, listing, span_ms=SECOND_MS)
    if kind.startswith("kline_") and kind[6:] in FRAMES:
        pace = 250 if futures else 2 * SECOND_MS
        return Feed(name, "kline", listing, argument=kind[6:], span_ms=pace)
    if kind == "markPrice" and futures:
        return Feed(name, kind, listing, span_ms=SECOND_MS if speed == "1s" else 3 * SECOND_MS)
    depth = _DEPTH.fullmatch(rest)
    if depth is None:
        return None
    levels, pace_text = depth.groups()
    pace = int(pace_text) if pace_text else (250 if futures else SECOND_MS)
    return Feed(name, "partial" if levels else "depth", listing, levels or "", pace)


def _feed_of_all(name: str, *, futures: bool) -> Feed | None:
    match name:
        case "!miniTicker@arr" | "!ticker@arr":
            return Feed(name, name[1:].partition("@")[0], None, span_ms=SECOND_MS)
        case "!bookTicker" if futures:
            return Feed(name, "bookTicker", None)
        case "!markPrice@arr" | "!markPrice@arr@1s" if futures:
            pace = SECOND_MS if name.endswith("1s") else 3 * SECOND_MS
            return Feed(name, "markPrice", None, span_ms=pace)
        case _:
            return None


@dataclass(slots=True)
class _Line:
    """A public socket; `combined`: frames are wrapped with the stream's name."""

    combined: bool
    allowed: frozenset[str] | None
    names: dict[str, None] = field(default_factory=dict)


class Streams:
    """All public sockets of one market in one environment."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._listings = {each.market.symbol.lower(): each for each in exchange.listings()}
        self._futures = any(Figures(each).futures for each in exchange.listings())
        self._lines: dict[SocketId, _Line] = {}
        self._feeds: dict[str, Feed] = {}
        self._outbox: list[Frame] = []

    # --- sockets ------------------------------------------------------------------------------

    def open(
        self,
        socket: SocketId,
        names: Sequence[str],
        *,
        combined: bool,
        allowed: frozenset[str] | None = None,
    ) -> None:
        """A socket that follows streams by its address. `allowed` kinds; None: all."""
        line = self._lines[socket] = _Line(combined, allowed)
        for name in names:
            self._follow(socket, line, name)

    def close(self, socket: SocketId) -> None:
        """The socket is gone."""
        line = self._lines.pop(socket, None)
        for name in line.names if line is not None else ():
            self._leave(socket, name)

    def __contains__(self, socket: SocketId) -> bool:
        """Whether it is one of ours."""
        return socket in self._lines

    def receive(self, socket: SocketId, text: str) -> None:
        """SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY."""
        line = self._lines[socket]
        try:
            asked = json.loads(text)
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            self._refuse(socket, None, 3, "Invalid JSON: expected value")
            return
        ident, parameters = asked.get("id"), asked.get("params", [])
        if not isinstance(parameters, list):
            self._refuse(socket, ident, 2, "Invalid request: params must be an array")
            return
        self._obey(socket, line, (str(asked.get("method")), parameters, ident))

    def _obey(self, socket: SocketId, line: _Line, asked: tuple[str, list[Any], Any]) -> None:
        method, parameters, ident = asked
        result: Any = None
        match method:
            case "SUBSCRIBE":
                for name in parameters:
                    self._follow(socket, line, str(name))
            case "UNSUBSCRIBE":
                for name in parameters:
                    line.names.pop(str(name), None)
                    self._leave(socket, str(name))
            case "LIST_SUBSCRIPTIONS":
                result = list(line.names)
            case "SET_PROPERTY" if parameters[:1] == ["combined"] and len(parameters) == 2:
                line.combined = bool(parameters[1])
            case "GET_PROPERTY" if parameters[:1] == ["combined"]:
                result = line.combined
            case _:
                self._refuse(socket, ident, 2, f"Invalid request: unknown variant {method}")
                return
        self._outbox.append(Frame(socket, json.dumps({"result": result, "id": ident})))

    def _follow(self, socket: SocketId, line: _Line, name: str) -> None:
        """Follow a stream; one that is not known stays silent, as at the venue."""
        if len(line.names) >= STREAMS_MAX:
            return
        line.names[name] = None
        feed = self._feeds.get(name)
        if feed is None:
            feed = feed_of(name, self._listings, futures=self._futures)
        if feed is None or (line.allowed is not None and feed.kind not in line.allowed):
            return
        self._feeds[name] = feed
        feed.followers[socket] = None
        feed.stale = True

    def _leave(self, socket: SocketId, name: str) -> None:
        feed = self._feeds.get(name)
        if feed is not None:
            feed.followers.pop(socket, None)
            if not feed.followers:
                del self._feeds[name]

    def _refuse(self, socket: SocketId, ident: object, code: int, text: str) -> None:
        error = {"error": {"code": code, "msg": text}, "id": ident}
        self._outbox.append(Frame(socket, json.dumps(error)))

    # --- what is told -------------------------------------------------------------------------

    def note(self, facts: Iterable[Fact], now: Nanos) -> None:
        """Tell what happens at once, and keep what is paced."""
        if not self._feeds:
            return
        for fact in facts:
            if isinstance(fact, Traded | BookChanged):
                for feed in list(self._feeds.values()):
                    if feed.listing is None or feed.listing.market == fact.market:
                        self._note(feed, fact, now)

    def _note(self, feed: Feed, fact: Traded | BookChanged, now: Nanos) -> None:
        figures = self._figures(fact.market)
        match feed.kind, fact:
            case "trade", Traded():
                self._tell(feed, trade_event(fact, figures, now))
            case "aggTrade", Traded():
                self._tell(feed, aggregate_event(fact, figures, now))
            case "kline", Traded():
                feed.stale = True
            case "bookTicker", BookChanged():
                event = book_event(self._exchange.market(fact.market), figures, now)
                best = {key: event[key] for key in "sbBaA"}
                if best != feed.shown:
                    feed.shown = best
                    self._tell(feed, event)
            case "depth", BookChanged():
                feed.delta.add(fact)
            case "partial", BookChanged():
                feed.stale = True
            case _:
                pass

    def pass_time(self, now: Nanos) -> None:
        """Tell what is due."""
        now_ms = now // NANOS_PER_MS
        for feed in list(self._feeds.values()):
            if feed.kind in _PACED and now_ms - feed.sent_ms >= feed.span_ms:
                feed.sent_ms = now_ms
                self._due(feed, now)

    def _due(self, feed: Feed, now: Nanos) -> None:
        if feed.kind in {"miniTicker", "ticker", "markPrice"}:
            self._tell_day(feed, now)
            return
        listing = feed.listing
        assert listing is not None
        figures, state = self._figures(listing.market), self._exchange.market(listing.market)
        if feed.kind == "depth":
            if feed.delta.last_id:
                self._tell(feed, depth_event(feed.delta, listing, figures, now=now))
                feed.delta = BookDelta(previous_id=feed.delta.last_id)
        elif feed.kind == "partial" and feed.stale:
            feed.stale = False
            levels = int(feed.argument)
            self._tell(feed, partial_event(state, figures, levels, now=now))
        elif feed.kind == "kline":
            self._tell_candle(feed, listing, now)

    def _tell_day(self, feed: Feed, now: Nanos) -> None:
        event = {"miniTicker": mini_event, "ticker": ticker_event, "markPrice": mark_event}[
            feed.kind
        ]
        wanted = [feed.listing] if feed.listing is not None else list(self._listings.values())
        events = [
            event(self._exchange.market(each.market), self._figures(each.market), now)
            for each in wanted
        ]
        self._tell(feed, events[0] if feed.listing is not None else events)

    def _tell_candle(self, feed: Feed, listing: Listing, now: Nanos) -> None:
        """The candle that forms, when it changed; each that was told of once more, closed."""
        frame_ns = FRAMES[feed.argument] * MINUTE_MS * NANOS_PER_MS
        words = (self._figures(listing.market), feed.argument)
        state = self._exchange.market(listing.market)
        for row in state.candles(frame_ns, start=Nanos(0), end=now, count=2):
            over = row.time + frame_ns <= now
            told = feed.candle_ns == row.time
            if (over and told) or (not over and (feed.stale or not told)):
                feed.stale = False
                feed.candle_ns = Nanos(0) if over else row.time
                self._tell(feed, candle_event(row, listing, words, now=now))

    def _tell(self, feed: Feed, event: object) -> None:
        plain = json.dumps(event)
        wrapped = json.dumps({"stream": feed.name, "data": event})
        for socket in feed.followers:
            combined = self._lines[socket].combined
            self._outbox.append(Frame(socket, wrapped if combined else plain))

    def drain(self) -> list[Frame]:
        """Take the frames that wait."""
        frames, self._outbox = self._outbox, []
        return frames

    def _figures(self, market: Market) -> Figures:
        """How a market writes numbers now; its grid may change under its clients."""
        listing = self._exchange.listing(market)
        assert listing is not None
        return Figures(listing)
