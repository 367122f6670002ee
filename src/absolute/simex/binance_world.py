"""Owns what both Binance faces do with one environment: REST in and out, and the WebSocket API.

A world is an exchange with its limits and its public streams. Errors become answers here and
nowhere else. It must not know any endpoint of either market.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from absolute.domain.units import Nanos
from absolute.simex.binance_calls import (
    Call,
    Route,
    admitted,
    admitted_frame,
    parameters_of,
)
from absolute.simex.binance_faults import (
    JSON_INVALID,
    METHOD_UNKNOWN,
    NOT_SERVED,
    BinanceRefused,
    Fault,
)
from absolute.simex.binance_limits import Limit, Meter
from absolute.simex.binance_streams import Streams
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
from absolute.wire.binance_signing import parsed, value_text

OK: Final = 200
JSON_HEADERS: Final = {"Content-Type": "application/json;charset=UTF-8"}
Row = dict[str, Any]
Told = Callable[[Iterable[Fact], Nanos], Iterable[Frame]]


class World:
    """One environment of one market."""

    def __init__(self, exchange: Exchange, limits: tuple[Limit, ...]) -> None:
        self.exchange = exchange
        self.meter = Meter(limits)
        self.streams = Streams(exchange)

    def settle(self, now: Nanos, told: Told) -> list[Frame]:
        """Let time pass; the frames that follow, public ones first."""
        self.exchange.pass_time(now)
        facts = self.exchange.drain()
        self.streams.note(facts, now)
        self.streams.pass_time(now)
        return [*self.streams.drain(), *told(facts, now)]

    def answer(
        self, request: HttpRequest, routes: Mapping[tuple[str, str], Route], now: Nanos
    ) -> HttpReply:
        """One REST request."""
        self.exchange.pass_time(now)
        account: str | None = None
        headers: Mapping[str, str] = {}
        try:
            route = routes.get((request.method, request.path))
            if route is None:
                raise BinanceRefused(NOT_SERVED)
            asked = parameters_of(request)
            self.meter.weigh(request.peer, route.costs(asked), now)
            call = Call(asked, self.exchange, self.meter, now, request.peer, request.path)
            call = admitted(request, route, call)
            if route.order:
                account = call.account
                self.meter.count_order(account, now)
            status, body = OK, route.handler(call)
        except BinanceRefused as refused:
            status, body, headers = refused.fault.status, error_row(refused), refused.headers
        usage = self.meter.headers(request.peer, account, now)
        return HttpReply(status, json.dumps(body).encode(), {**JSON_HEADERS, **usage, **headers})


def error_row(refused: BinanceRefused) -> Row:
    """A refusal as JSON."""
    row: Row = {"code": refused.fault.code, "msg": refused.fault.message}
    return row if refused.data is None else row | {"data": refused.data}


def not_found() -> HttpReply:
    """A path that is none."""
    return refusal_reply(NOT_SERVED)


def refusal_reply(fault: Fault) -> HttpReply:
    """A refusal outside of any route."""
    body = json.dumps({"code": fault.code, "msg": fault.message}).encode()
    return HttpReply(fault.status, body, JSON_HEADERS)


def streams_dialled(dial: Dial, path: str) -> tuple[list[str], bool] | None:
    """The streams a market socket names, and whether frames are wrapped; None: no such path.

    `path` is what follows the market's prefix: /ws, /ws/a/b or /stream (?streams=a/b).
    """
    if path == "/stream":
        names = parsed(dial.query).get("streams", "")
        return [each for each in names.split("/") if each], True
    if path == "/ws" or path.startswith("/ws/"):
        return [each for each in path[3:].split("/") if each], False
    return None


@dataclass(slots=True)
class Session:
    """One socket of the WebSocket API: accounts by subscription, and subscriptions just `ended`."""

    environment: Environment
    peer: str
    connected: Nanos
    tell_limits: bool = True
    key: BoxKey | None = None
    authorised: Nanos | None = None
    subscriptions: dict[int, str] = field(default_factory=dict)
    subscription_next: int = 0
    ended: list[int] = field(default_factory=list)


SessionMethod = Callable[[Session, Call], Any]
"""A method that changes its own session."""


@dataclass(frozen=True, slots=True)
class SessionRoute:
    """A method of the session: what it does, what it weighs, who may use it."""

    handler: SessionMethod
    route: Route


class SocketApi:
    """The WebSocket API of one market: sessions, and requests to the same routes as REST."""

    def __init__(
        self, methods: Mapping[str, Route], own: Mapping[str, SessionRoute] | None = None
    ) -> None:
        self._methods = methods
        self._own = own or {}
        self.sessions: dict[SocketId, Session] = {}

    def open(self, dial: Dial, environment: Environment, now: Nanos) -> None:
        """A new session."""
        tell = parsed(dial.query).get("returnRateLimits", "true") != "false"
        self.sessions[dial.socket] = Session(environment, dial.peer, now, tell)

    def receive(self, socket: SocketId, text: str, *, world: World, now: Nanos) -> Frame:
        """One request; its answer."""
        session = self.sessions[socket]
        ident: Any = None
        account: str | None = None
        try:
            asked = _request(text)
            ident, method = asked.get("id"), str(asked.get("method"))
            parameters = asked.get("params") or {}
            if not isinstance(parameters, dict):
                raise BinanceRefused(JSON_INVALID)
            texts = {name: value_text(value) for name, value in parameters.items()}
            own = self._own.get(method)
            route = own.route if own is not None else self._methods.get(method)
            if route is None:
                raise BinanceRefused(METHOD_UNKNOWN)
            world.exchange.pass_time(now)
            world.meter.weigh(session.peer, route.costs(texts), now)
            call = Call(texts, world.exchange, world.meter, now, session.peer, method)
            call = admitted_frame(route, call, session.key)
            if route.order:
                account = call.account
                world.meter.count_order(account, now)
            result = own.handler(session, call) if own is not None else route.handler(call)
            row: Row = {"id": ident, "status": OK, "result": result}
        except BinanceRefused as refused:
            row = {"id": ident, "status": refused.fault.status, "error": error_row(refused)}
        if session.tell_limits:
            row["rateLimits"] = world.meter.rows(session.peer, account, now)
        return Frame(socket, json.dumps(row))

    def close(self, socket: SocketId) -> None:
        """The socket is gone."""
        self.sessions.pop(socket, None)


def _request(text: str) -> Row:
    """A request frame; numbers with a point stay the text they came as, since they are signed."""
    try:
        asked = json.loads(text, parse_float=str)
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise BinanceRefused(JSON_INVALID)
    return asked
