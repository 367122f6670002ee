"""Owns the Binance spot face of the box: hosts, which path is what, sessions and user streams.

Main, demo and testnet each have their own exchange. It must not open a socket, read a clock, or
decide what a trade does.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from absolute.domain.units import NANOS_PER_MS, Nanos
from absolute.simex.binance_calls import Call, Route, Security
from absolute.simex.binance_faults import (
    KEY_REJECTED,
    NOT_SUBSCRIBED,
    RETIRED,
    SUBSCRIBED,
    BinanceRefused,
)
from absolute.simex.binance_limits import SPOT_LIMITS
from absolute.simex.binance_listings import SPOT_RULES, spot_filters, spot_info, spot_stalls
from absolute.simex.binance_market_calls import (
    SPOT_MARKET_ROUTES,
    klines,
    listing_named,
    ping,
    server_time,
    trades,
)
from absolute.simex.binance_spot_account import ACCOUNT_METHODS, ACCOUNT_ROUTES, WALLET_ROUTES
from absolute.simex.binance_spot_events import SpotEvents
from absolute.simex.binance_spot_trading import SpotTrading
from absolute.simex.binance_world import (
    Session,
    SessionRoute,
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

VENUE: Final = "binance"
_MAIN, _TEST, _DEMO = Environment.MAIN, Environment.TESTNET, Environment.DEMO
REST_HOSTS: Final[Mapping[str, Environment]] = {
    "api.binance.com": _MAIN,
    "api1.binance.com": _MAIN,
    "api2.binance.com": _MAIN,
    "api3.binance.com": _MAIN,
    "api4.binance.com": _MAIN,
    "api-gcp.binance.com": _MAIN,
    "data-api.binance.vision": _MAIN,
    "testnet.binance.vision": _TEST,
    "demo-api.binance.com": _DEMO,
}
STREAM_HOSTS: Final[Mapping[str, Environment]] = {
    "stream.binance.com": _MAIN,
    "data-stream.binance.vision": _MAIN,
    "data-stream.binance.com": _MAIN,
    "stream.testnet.binance.vision": _TEST,
    "demo-stream.binance.com": _DEMO,
}
API_HOSTS: Final[Mapping[str, Environment]] = {
    "ws-api.binance.com": _MAIN,
    "ws-api.testnet.binance.vision": _TEST,
    "demo-ws-api.binance.com": _DEMO,
}
API_PATH: Final = "/ws-api/v3"
LISTEN_KEY_PATH: Final = "/api/v3/userDataStream"


def exchange_info(call: Call) -> dict[str, Any]:
    """GET exchangeInfo: all markets, or those of `symbol` or `symbols`."""
    listings = list(call.exchange.listings())
    if call.text("symbol") is not None:
        listings = [listing_named(call)]
    elif call.text("symbols") is not None:
        asked = call.required("symbols")
        listings = [each for each in listings if f'"{each.market.symbol}"' in asked]
    return spot_info(listings, call.now)


def own_filters(call: Call) -> dict[str, Any]:
    """GET myFilters."""
    return {
        "exchangeFilters": [],
        "symbolFilters": spot_filters(listing_named(call)),
        "assetFilters": [],
    }


class BinanceSpotFace:
    """All of Binance spot."""

    def __init__(self, exchanges: Mapping[Environment, Exchange]) -> None:
        self.exchanges = exchanges
        self._worlds = {key: World(each, SPOT_LIMITS) for key, each in exchanges.items()}
        self._trading = {key: SpotTrading() for key in exchanges}
        self._events = {key: SpotEvents(each.cancel_ids) for key, each in self._trading.items()}
        self._routes = {key: self._routes_of(key) for key in exchanges}
        self._apis = {key: SocketApi(self._methods_of(key), self._own()) for key in exchanges}
        self._sockets: dict[SocketId, Environment] = {}
        self._outbox: list[Frame] = []

    @property
    def hosts(self) -> Mapping[str, Environment]:
        """The real host names it answers under."""
        return {**REST_HOSTS, **STREAM_HOSTS, **API_HOSTS}

    # --- REST ---------------------------------------------------------------------------------

    def answer(self, request: HttpRequest, now: Nanos) -> HttpReply:
        """One HTTP request, fully handled."""
        environment = REST_HOSTS.get(request.host)
        if environment is None:
            return not_found()
        if request.path == LISTEN_KEY_PATH:
            return refusal_reply(RETIRED)
        reply = self._worlds[environment].answer(request, self._routes[environment], now)
        self._settle(environment, now)
        return reply

    def _routes_of(self, environment: Environment) -> Mapping[tuple[str, str], Route]:
        routes = {
            **SPOT_MARKET_ROUTES,
            **ACCOUNT_ROUTES,
            **self._trading[environment].routes(),
            ("GET", "/api/v3/exchangeInfo"): Route(exchange_info, 20),
            ("GET", "/api/v3/myFilters"): Route(own_filters, 40, Security.READ),
        }
        return {**routes, **WALLET_ROUTES} if environment is Environment.MAIN else routes

    # --- sockets ------------------------------------------------------------------------------

    def dial(self, dial: Dial, now: Nanos) -> HttpReply | None:
        """Open a socket; a reply instead of None refuses it."""
        if dial.host in API_HOSTS and dial.path == API_PATH:
            environment = API_HOSTS[dial.host]
            self._apis[environment].open(dial, environment, now)
        elif dial.host in STREAM_HOSTS:
            environment = STREAM_HOSTS[dial.host]
            asked = streams_dialled(dial, dial.path.rstrip("/"))
            if asked is None:
                return not_found()
            names, combined = asked
            self._worlds[environment].streams.open(dial.socket, names, combined=combined)
        else:
            return not_found()
        self._sockets[dial.socket] = environment
        return None

    def receive(self, socket: SocketId, text: str, now: Nanos) -> None:
        """One text frame from a client."""
        environment = self._sockets.get(socket)
        if environment is None:
            return
        world, api = self._worlds[environment], self._apis[environment]
        if socket in api.sessions:
            self._outbox.append(api.receive(socket, text, world=world, now=now))
            self._outbox += self._ended_streams(socket, api.sessions[socket], now)
        elif socket in world.streams:
            world.streams.receive(socket, text)
        self._settle(environment, now)

    def closed(self, socket: SocketId, now: Nanos) -> None:
        """The client is gone."""
        environment = self._sockets.pop(socket, None)
        if environment is not None:
            self._apis[environment].close(socket)
            self._worlds[environment].streams.close(socket)

    def pass_time(self, now: Nanos) -> None:
        """Let time pass in every world."""
        for environment in self._worlds:
            self._settle(environment, now)

    def drain(self) -> Iterable[Frame]:
        """Take the frames that wait, in order."""
        frames, self._outbox = self._outbox, []
        return frames

    def shut_down(self, environment: Environment, now: Nanos) -> None:
        """Say `serverShutdown` on every socket of a world, as the venue does ten minutes before."""
        event = {"e": "serverShutdown", "E": now // NANOS_PER_MS}
        for socket, where in self._sockets.items():
            if where is environment:
                of_api = socket in self._apis[environment].sessions
                text = json.dumps({"event": event} if of_api else event)
                self._outbox.append(Frame(socket, text))

    def end_user_streams(self, environment: Environment, now: Nanos) -> None:
        """End every user stream of a world while its sockets live on, as a fault."""
        api = self._apis[environment]
        for socket, session in api.sessions.items():
            session.ended += list(session.subscriptions)
            session.subscriptions.clear()
            self._outbox += self._ended_streams(socket, session, now)

    def _settle(self, environment: Environment, now: Nanos) -> None:
        def told(facts: Iterable[Fact], at: Nanos) -> Iterable[Frame]:
            return self._user_frames(environment, facts, at)

        self._outbox += self._worlds[environment].settle(now, told)

    def _user_frames(
        self, environment: Environment, facts: Iterable[Fact], now: Nanos
    ) -> list[Frame]:
        """The user streams' share of what happened."""
        sessions = self._apis[environment].sessions
        return [
            Frame(socket, json.dumps({"subscriptionId": number, "event": event}))
            for account, event in self._events[environment].told(facts, now)
            for socket, session in sessions.items()
            for number, follows in session.subscriptions.items()
            if follows == account
        ]

    # --- the session's own methods --------------------------------------------------------------

    def _methods_of(self, environment: Environment) -> Mapping[str, Route]:
        return {
            **self._trading[environment].methods(),
            **ACCOUNT_METHODS,
            "ping": Route(ping),
            "time": Route(server_time),
            "exchangeInfo": Route(exchange_info, 20),
            "depth": SPOT_MARKET_ROUTES["GET", "/api/v3/depth"],
            "trades.recent": Route(trades, 25),
            "klines": Route(klines, 2),
            "ticker.24hr": SPOT_MARKET_ROUTES["GET", "/api/v3/ticker/24hr"],
            "ticker.price": SPOT_MARKET_ROUTES["GET", "/api/v3/ticker/price"],
            "myFilters": Route(own_filters, 40, Security.READ),
        }

    def _own(self) -> Mapping[str, SessionRoute]:
        none, read = Security.NONE, Security.READ
        return {
            "session.logon": SessionRoute(_logon, Route(ping, 2, read)),
            "session.status": SessionRoute(_status, Route(ping, 2, none)),
            "session.logout": SessionRoute(_logout, Route(ping, 2, none)),
            "session.subscriptions": SessionRoute(_subscriptions, Route(ping, 2, none)),
            "userDataStream.subscribe": SessionRoute(_subscribe, Route(ping, 2, none)),
            "userDataStream.subscribe.signature": SessionRoute(
                _subscribe_signed, Route(ping, 2, read)
            ),
            "userDataStream.unsubscribe": SessionRoute(_unsubscribe, Route(ping, 2, none)),
        }

    def _ended_streams(self, socket: SocketId, session: Session, now: Nanos) -> list[Frame]:
        """`eventStreamTerminated` for each subscription that the last request ended."""
        event = {"e": "eventStreamTerminated", "E": now // NANOS_PER_MS}
        ended, session.ended = session.ended, []
        return [
            Frame(socket, json.dumps({"subscriptionId": number, "event": event}))
            for number in ended
        ]


def _logon(session: Session, call: Call) -> dict[str, Any]:
    """session.logon. HMAC keys are taken as well, where the venue takes Ed25519 (assumption)."""
    session.key, session.authorised = call.key, call.now
    return _status(session, call)


def _status(session: Session, call: Call) -> dict[str, Any]:
    since = session.authorised
    return {
        "apiKey": session.key.key if session.key is not None else None,
        "authorizedSince": since // NANOS_PER_MS if since is not None else None,
        "connectedSince": session.connected // NANOS_PER_MS,
        "returnRateLimits": session.tell_limits,
        "serverTime": call.now_ms,
        "userDataStream": bool(session.subscriptions),
    }


def _logout(session: Session, call: Call) -> dict[str, Any]:
    session.key = session.authorised = None
    session.ended += list(session.subscriptions)
    session.subscriptions.clear()
    return _status(session, call)


def _subscriptions(session: Session, _call: Call) -> list[dict[str, int]]:
    return [{"subscriptionId": number} for number in session.subscriptions]


def _subscribe(session: Session, _call: Call) -> dict[str, int]:
    """userDataStream.subscribe: for a session that has logged on."""
    if session.key is None:
        raise BinanceRefused(KEY_REJECTED)
    return _follow(session, session.key.key)


def _subscribe_signed(session: Session, call: Call) -> dict[str, int]:
    return _follow(session, call.account)


def _follow(session: Session, account: str) -> dict[str, int]:
    if account in session.subscriptions.values():
        raise BinanceRefused(SUBSCRIBED)
    number = session.subscription_next
    session.subscription_next += 1
    session.subscriptions[number] = account
    return {"subscriptionId": number}


def _unsubscribe(session: Session, call: Call) -> dict[str, Any]:
    """Of one subscription, or of all where none is named."""
    number = call.whole("subscriptionId")
    chosen = list(session.subscriptions) if number is None else [number]
    if not chosen or any(each not in session.subscriptions for each in chosen):
        raise BinanceRefused(NOT_SUBSCRIBED)
    for each in chosen:
        del session.subscriptions[each]
    session.ended += chosen
    return {}


def binance_spot_face(keys: Iterable[BoxKey], supply: Supply) -> BinanceSpotFace:
    """Binance spot as the box shows it; keys of other venues are left aside."""
    known = tuple(keys)
    exchanges = {
        environment: Exchange(
            VENUE, environment, stalls=spot_stalls(supply), keys=known, rules=SPOT_RULES
        )
        for environment in Environment
    }
    return BinanceSpotFace(exchanges)
