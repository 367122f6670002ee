"""Owns the Binance USD-M face of the box: hosts, split sockets, listen keys, user streams.

Main and demo each have their own exchange; the old futures testnet is the same world as demo, as
its hosts serve demo clients too (assumption). It must not open a socket, read a clock, or decide
what a trade does.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from absolute.domain.units import NANOS_PER_MS, Nanos
from absolute.simex.binance_calls import Call, Route
from absolute.simex.binance_faults import LISTEN_KEY_NONE, RETIRED
from absolute.simex.binance_limits import USDM_LIMITS
from absolute.simex.binance_listen_keys import ListenKeys
from absolute.simex.binance_listings import USDM_RULES, usdm_info, usdm_stalls
from absolute.simex.binance_market_calls import (
    USDM_MARKET_ROUTES,
    book_ticker,
    depth,
    price_ticker,
)
from absolute.simex.binance_usdm_account import ACCOUNT_METHODS, ACCOUNT_ROUTES
from absolute.simex.binance_usdm_algos import UsdmAlgos
from absolute.simex.binance_usdm_events import UsdmEvents
from absolute.simex.binance_usdm_trading import UsdmTrading
from absolute.simex.binance_world import (
    SocketApi,
    World,
    not_found,
    refusal_reply,
    streams_dialled,
)
from absolute.simex.bybit import Supply
from absolute.simex.exchange import Exchange
from absolute.simex.face import (
    BoxKey,
    Dial,
    Environment,
    Frame,
    HttpReply,
    HttpRequest,
    SocketId,
)
from absolute.simex.facts import Fact
from absolute.wire.binance_signing import parsed

VENUE: Final = "binanceusdm"
_MAIN, _DEMO = Environment.MAIN, Environment.DEMO
REST_HOSTS: Final[Mapping[str, Environment]] = {
    "fapi.binance.com": _MAIN,
    "demo-fapi.binance.com": _DEMO,
    "testnet.binancefuture.com": _DEMO,
}
COIN_HOSTS: Final[Mapping[str, Environment]] = {
    "dapi.binance.com": _MAIN,
    "demo-dapi.binance.com": _DEMO,
}
"""COIN-M lists no market in the box; it only says so, since clients ask at their start."""
STREAM_HOSTS: Final[Mapping[str, Environment]] = {
    "fstream.binance.com": _MAIN,
    "fstream.binancefuture.com": _DEMO,
}
API_HOSTS: Final[Mapping[str, Environment]] = {
    "ws-fapi.binance.com": _MAIN,
    "testnet.binancefuture.com": _DEMO,
}
API_PATH: Final = "/ws-fapi/v1"
KINDS: Final[Mapping[str, frozenset[str]]] = {
    "public": frozenset({"depth", "partial", "bookTicker", "trade"}),
    "market": frozenset({"aggTrade", "kline", "miniTicker", "ticker", "markPrice", "trade"}),
}
"""Which streams a path serves (split of 2026-04); elsewhere they stay silent."""


def exchange_info(call: Call) -> dict[str, Any]:
    """GET exchangeInfo."""
    return usdm_info(call.exchange.listings(), call.now)


def no_coin_markets(call: Call) -> dict[str, Any]:
    """GET exchangeInfo of COIN-M: nothing is listed."""
    return {**usdm_info((), call.now), "assets": []}


COIN_ROUTES: Final = {
    ("GET", "/dapi/v1/exchangeInfo"): Route(no_coin_markets),
    ("GET", "/dapi/v1/ping"): USDM_MARKET_ROUTES["GET", "/fapi/v1/ping"],
    ("GET", "/dapi/v1/time"): USDM_MARKET_ROUTES["GET", "/fapi/v1/time"],
}


class BinanceUsdmFace:
    """All of Binance USD-M."""

    def __init__(self, exchanges: Mapping[Environment, Exchange]) -> None:
        self.exchanges = exchanges
        self.listen_keys = {key: ListenKeys() for key in exchanges}
        self._worlds = {key: World(each, USDM_LIMITS) for key, each in exchanges.items()}
        self._trading = {key: UsdmTrading() for key in exchanges}
        self._algos = {key: UsdmAlgos() for key in exchanges}
        self._events = {key: UsdmEvents(each.rejected) for key, each in self._trading.items()}
        self._routes = {key: self._routes_of(key) for key in exchanges}
        self._apis = {key: SocketApi(self._methods_of(key)) for key in exchanges}
        self._sockets: dict[SocketId, Environment] = {}
        self._followers: dict[SocketId, tuple[str, str | None]] = {}
        self._private: dict[SocketId, bool] = {}
        self._outbox: list[Frame] = []

    @property
    def hosts(self) -> Mapping[str, Environment]:
        """The real host names it answers under."""
        return {**REST_HOSTS, **COIN_HOSTS, **STREAM_HOSTS, **API_HOSTS}

    # --- REST ---------------------------------------------------------------------------------

    def answer(self, request: HttpRequest, now: Nanos) -> HttpReply:
        """One HTTP request, fully handled."""
        coin = COIN_HOSTS.get(request.host)
        environment = coin or REST_HOSTS.get(request.host)
        if environment is None:
            return not_found()
        routes = COIN_ROUTES if coin is not None else self._routes[environment]
        reply = self._worlds[environment].answer(request, routes, now)
        self._settle(environment, now)
        return reply

    def _routes_of(self, environment: Environment) -> Mapping[tuple[str, str], Route]:
        return {
            **USDM_MARKET_ROUTES,
            **ACCOUNT_ROUTES,
            **self._trading[environment].routes(),
            **self._algos[environment].routes(),
            **self.listen_keys[environment].routes(),
            ("GET", "/fapi/v1/exchangeInfo"): Route(exchange_info),
        }

    def _methods_of(self, environment: Environment) -> Mapping[str, Route]:
        return {
            **ACCOUNT_METHODS,
            **self._trading[environment].methods(),
            **self._algos[environment].methods(),
            **self.listen_keys[environment].methods(),
            "depth": Route(depth, 10),
            "ticker.price": Route(price_ticker, 1),
            "ticker.book": Route(book_ticker, 2),
        }

    # --- sockets ------------------------------------------------------------------------------

    def dial(self, dial: Dial, now: Nanos) -> HttpReply | None:
        """Open a socket; a reply instead of None refuses it."""
        if dial.host in API_HOSTS and dial.path == API_PATH:
            environment = API_HOSTS[dial.host]
            self._apis[environment].open(dial, environment, now)
        elif dial.host in STREAM_HOSTS:
            environment = STREAM_HOSTS[dial.host]
            refused = self._dial_stream(dial, environment)
            if refused is not None:
                return refused
        else:
            return not_found()
        self._sockets[dial.socket] = environment
        return None

    def _dial_stream(self, dial: Dial, environment: Environment) -> HttpReply | None:
        """/public, /market or /private before /ws or /stream; the old paths are gone."""
        _, _, rest = dial.path.rstrip("/").partition("/")
        part, _, path = rest.partition("/")
        if part in {"ws", "stream"}:
            return refusal_reply(RETIRED)
        asked = streams_dialled(dial, f"/{path}")
        if asked is None or part not in {*KINDS, "private"}:
            return not_found()
        names, combined = asked
        if part != "private":
            streams = self._worlds[environment].streams
            streams.open(dial.socket, names, combined=combined, allowed=KINDS[part])
            return None
        self._private[dial.socket] = combined
        key = parsed(dial.query).get("listenKey") or (names[0] if names else "")
        if not key:
            return None  # it names its listen key in a SUBSCRIBE later (Binance's own SDK does)
        account = self.listen_keys[environment].account_of(key)
        if account is None:
            return refusal_reply(LISTEN_KEY_NONE)
        self._followers[dial.socket] = (account, key if combined else None)
        return None

    def receive(self, socket: SocketId, text: str, now: Nanos) -> None:
        """One text frame from a client."""
        environment = self._sockets.get(socket)
        if environment is None:
            return
        world, api = self._worlds[environment], self._apis[environment]
        if socket in api.sessions:
            self._outbox.append(api.receive(socket, text, world=world, now=now))
        elif socket in world.streams:
            world.streams.receive(socket, text)
        elif socket in self._private:
            self._outbox.append(self._subscribed(socket, environment, text))
        self._settle(environment, now)

    def _subscribed(self, socket: SocketId, environment: Environment, text: str) -> Frame:
        """SUBSCRIBE and UNSUBSCRIBE of listen keys on a private socket.

        Assumption: a key that is not known, or a word that is not, is answered and then silent.
        """
        try:
            told = json.loads(text)
            method, number = told["method"], told.get("id")
            keys = [each for each in told.get("params", ()) if isinstance(each, str)]
        except (ValueError, KeyError, TypeError, AttributeError):
            return Frame(socket, json.dumps({"error": {"code": 2, "msg": "Invalid request"}}))
        for key in keys:
            account = self.listen_keys[environment].account_of(key)
            if method == "SUBSCRIBE" and account is not None:
                self._followers[socket] = (account, key if self._private[socket] else None)
            elif method == "UNSUBSCRIBE":
                self._followers.pop(socket, None)
        return Frame(socket, json.dumps({"result": None, "id": number}))

    def closed(self, socket: SocketId, now: Nanos) -> None:
        """The client is gone."""
        self._private.pop(socket, None)
        environment = self._sockets.pop(socket, None)
        self._followers.pop(socket, None)
        if environment is not None:
            self._apis[environment].close(socket)
            self._worlds[environment].streams.close(socket)

    def pass_time(self, now: Nanos) -> None:
        """Let time pass in every world; listen keys end."""
        for environment in self._worlds:
            self._settle(environment, now)

    def drain(self) -> Iterable[Frame]:
        """Take the frames that wait, in order."""
        frames, self._outbox = self._outbox, []
        return frames

    def _settle(self, environment: Environment, now: Nanos) -> None:
        def told(facts: Iterable[Fact], at: Nanos) -> Iterable[Frame]:
            return self._user_frames(environment, facts, at)

        self._outbox += self._worlds[environment].settle(now, told)

    def _user_frames(
        self, environment: Environment, facts: Iterable[Fact], now: Nanos
    ) -> list[Frame]:
        """The user streams' share of what happened, and the keys that are over.

        A socket outlives its key and falls silent; the event says so (in text, as documented).
        """
        frames: list[Frame] = []
        for account, event in self._events[environment].told(facts, now):
            frames += self._to_followers(environment, account, event)
        for ended in self.listen_keys[environment].expire(now):
            event = {
                "e": "listenKeyExpired",
                "E": str(now // NANOS_PER_MS),
                "listenKey": ended.key,
            }
            frames += self._to_followers(environment, ended.account, event)
            for socket in [
                each
                for each, (account, _) in self._followers.items()
                if account == ended.account and self._sockets.get(each) is environment
            ]:
                del self._followers[socket]
        return frames

    def _to_followers(
        self, environment: Environment, account: str, event: dict[str, Any]
    ) -> list[Frame]:
        return [
            Frame(socket, json.dumps(event if key is None else {"stream": key, "data": event}))
            for socket, (follows, key) in self._followers.items()
            if follows == account and self._sockets.get(socket) is environment
        ]


def binance_usdm_face(keys: Iterable[BoxKey], supply: Supply) -> BinanceUsdmFace:
    """Binance USD-M as the box shows it; keys of other venues are left aside."""
    known = [
        replace(key, environment=_DEMO) if key.environment is Environment.TESTNET else key
        for key in keys
    ]
    exchanges = {
        environment: Exchange(
            VENUE, environment, stalls=usdm_stalls(supply), keys=known, rules=USDM_RULES
        )
        for environment in (_MAIN, _DEMO)
    }
    return BinanceUsdmFace(exchanges)
