"""Owns Bybit's socket protocol: dialling, auth, subscriptions, pings, and the trade operations.

docs/v5/ws/connect, docs/v5/websocket/trade/guideline. It must not open a socket or read a clock.
"""

import json
from collections.abc import Sequence
from typing import Final

from absolute.domain.units import NANOS_PER_MS, NANOS_PER_SECOND, Nanos
from absolute.simex import bybit_private_stream as private
from absolute.simex import bybit_public_stream as public
from absolute.simex.bybit_auth import check_permission, check_window, key_of_socket
from absolute.simex.bybit_calls import Call, Json, Problem
from absolute.simex.bybit_endpoints import ENDPOINTS, OPERATIONS
from absolute.simex.bybit_limits import Limits
from absolute.simex.bybit_lines import Line, LineKind
from absolute.simex.bybit_rest import QuotaSpent, counted, packed
from absolute.simex.bybit_worlds import World
from absolute.simex.face import Dial, Frame, HttpReply, SocketId
from absolute.simex.facts import Fact

IDLE_NS: Final = 600 * NANOS_PER_SECOND
"""A private socket without a frame either way for ten minutes is cut (docs/v5/ws/connect)."""
SPOT_ARGS_MAX: Final = 10
"""Spot takes at most ten topics in one subscription (docs/v5/ws/connect)."""


class Sockets:
    """Every open socket of all worlds."""

    def __init__(self, limits: Limits) -> None:
        self._lines: dict[SocketId, Line] = {}
        self._limits = limits
        self._outbox: list[Frame] = []

    # --- the face's side ------------------------------------------------------------------------

    def dial(self, dial: Dial, world: World, now: Nanos) -> HttpReply | None:
        """Open a line; a reply refuses it. The demo has private streams only (docs/v5/demo)."""
        if dial.path not in set(LineKind):
            return HttpReply(404, b"")
        kind = LineKind(dial.path)
        if world.demo and kind is not LineKind.PRIVATE:
            return HttpReply(404, b"")
        self._lines[dial.socket] = Line(dial.socket, kind, world, now)
        return None

    def closed(self, socket: SocketId) -> None:
        """The client is gone."""
        self._lines.pop(socket, None)

    def drain(self) -> list[Frame]:
        """Take the frames that wait."""
        frames, self._outbox = self._outbox, []
        return frames

    def tell(self, world: World, facts: Sequence[Fact], now: Nanos) -> None:
        """Turn what happened in one world into frames for those who listen."""
        if not facts:
            return
        for line in list(self._lines.values()):
            if line.world is not world or not line.topics:
                continue
            if line.kind.public:
                for frame in public.changes(line, facts, now):
                    self._send(line, frame, now)
            elif line.key is not None:
                told = private.frames(world, line.key, facts, now=now)
                for frame in told.frames(line.topics):
                    self._send(line, frame, now)

    def cut_idle(self, now: Nanos) -> None:
        """Close private sockets that nothing was heard of."""
        for line in list(self._lines.values()):
            if not line.kind.public and now - line.alive_at > IDLE_NS:
                self._outbox.append(Frame(line.socket, "", close=1000))
                self.closed(line.socket)

    def receive(self, socket: SocketId, text: str, now: Nanos) -> None:
        """One frame of a client."""
        line = self._lines.get(socket)
        if line is None:
            return
        line.alive_at = now
        message = _message(text)
        if message is None:
            self._send(line, self._said(line, {}, ok=False, text="Params Error"), now)
            return
        match message.get("op"):
            case "ping":
                self._send(line, self._pong(line, message, now), now)
            case "auth":
                self._auth(line, message, now)
            case "subscribe" | "unsubscribe" if line.kind is not LineKind.TRADE:
                self._subscribe(line, message, now)
            case op if line.kind is LineKind.TRADE:
                self._trade(line, message, str(op), now)
            case op:
                self._send(line, self._said(line, message, ok=False, text=f"unknown op {op}"), now)

    # --- the protocol ---------------------------------------------------------------------------

    def _pong(self, line: Line, message: Json, now: Nanos) -> Json:
        """Each kind of socket answers a ping in its own shape."""
        ms, name = str(now // NANOS_PER_MS), message.get("req_id")
        if line.kind is LineKind.TRADE:
            return {"retCode": 0, "retMsg": "OK", "op": "pong", "data": [ms], "connId": line.name}
        if line.kind is LineKind.PRIVATE:
            told: Json = {"op": "pong", "args": [ms], "conn_id": line.name}
            return {"req_id": name, **told} if name is not None else told
        return {**self._said(line, message, ok=True, text="pong"), "op": "ping"}

    def _said(self, line: Line, message: Json, *, ok: bool, text: str) -> Json:
        """The answer to an operation of a stream socket; linear always tells `req_id`."""
        told: Json = {"success": ok, "ret_msg": text, "conn_id": line.name}
        if "req_id" in message or line.kind is LineKind.LINEAR:
            told["req_id"] = message.get("req_id", "")
        return {**told, "op": message.get("op", "")}

    def _auth(self, line: Line, message: Json, now: Nanos) -> None:
        trade = line.kind is LineKind.TRADE
        try:
            if line.kind.public:
                raise Problem(10001, "unknown op auth")
            line.key = key_of_socket(line.world, message.get("args"), now)
        except Problem as problem:
            told = self._said(line, message, ok=False, text=problem.message)
            if trade:
                told = self._trade_said(line, message, problem)
            self._send(line, told, now)
            return
        if trade:
            told = {"retCode": 0, "retMsg": "OK", "op": "auth", "connId": line.name}
            if "reqId" in message:
                told["reqId"] = message["reqId"]
            self._send(line, told, now)
        else:
            self._send(line, self._said(line, message, ok=True, text=""), now)

    def _subscribe(self, line: Line, message: Json, now: Nanos) -> None:
        """All topics of a request, or none of them."""
        args = message.get("args")
        topics = [str(topic) for topic in args] if isinstance(args, list) else []
        wanted = message["op"] == "subscribe"
        fault = self._topics_fault(line, topics) if wanted else None
        if fault is not None:
            self._send(line, self._said(line, message, ok=False, text=fault), now)
            return
        spot = line.kind is LineKind.SPOT
        text = str(message["op"]) if spot else ""
        self._send(line, self._said(line, message, ok=True, text=text), now)
        for topic in topics:
            if not wanted:
                for shown in (line.topics, line.books, line.tickers, line.candles):
                    shown.pop(topic, None)
                continue
            line.topics[topic] = None
            if line.kind.public:
                for frame in public.snapshot(line, topic, now):
                    self._send(line, frame, now)

    def _topics_fault(self, line: Line, topics: Sequence[str]) -> str | None:
        if not topics:
            return "error:args is empty"
        if line.kind is LineKind.SPOT and len(topics) > SPOT_ARGS_MAX:
            return f"error:args size >{SPOT_ARGS_MAX}"
        if line.kind is LineKind.PRIVATE and line.key is None:
            return "error:not authorized"
        for topic in topics:
            known = public.known(line, topic) if line.kind.public else topic in private.TOPICS
            if not known:
                return f"error:handler not found,topic:{topic}"
            if topic in line.topics:
                return f"error:already subscribed,topic:{topic}"
        return None

    # --- trade operations -----------------------------------------------------------------------

    def _trade(self, line: Line, message: Json, op: str, now: Nanos) -> None:
        """One order operation; its answer has the endpoint's codes and the limit in its header."""
        header: Json = {"Timenow": str(now // NANOS_PER_MS), "Traceid": ""}
        told: Json = {"retCode": 0, "retMsg": "OK", "op": op, "data": {}, "retExtInfo": {}}
        try:
            call, path = self._trade_call(line, message, op, now)
            quota = counted(self._limits, call, path)
            header |= quota.headers() if quota is not None else {}
            answer = ENDPOINTS["POST", path].endpoint(call)
            told |= {"data": answer.result, "retExtInfo": answer.extra}
        except Problem as problem:
            if isinstance(problem, QuotaSpent):
                header |= problem.quota.headers()
            told |= {"retCode": problem.code, "retMsg": problem.message}
        if "reqId" in message:
            told["reqId"] = message["reqId"]
        self._send(line, {**told, "header": header, "connId": line.name}, now)

    def _trade_call(self, line: Line, message: Json, op: str, now: Nanos) -> tuple[Call, str]:
        path = OPERATIONS.get(op)
        if path is None:
            raise Problem(10404, "op type is not found")
        if line.key is None:
            raise Problem(10004, "not authorized")
        check_permission(line.key, "trade")
        header, args = message.get("header"), message.get("args")
        header = header if isinstance(header, dict) else {}
        window = str(header.get("X-BAPI-RECV-WINDOW", ""))
        check_window(str(header.get("X-BAPI-TIMESTAMP", "")), window, now)
        name = str(message.get("reqId", ""))
        if name and name in line.requests:
            raise Problem(20006, "reqId is duplicated")
        line.requests.add(name)
        if not isinstance(args, list) or len(args) != 1 or not isinstance(args[0], dict):
            raise Problem(10001, "params error: args invalid")
        return Call(line.world, args[0], now, line.key), path

    def _trade_said(self, line: Line, message: Json, problem: Problem) -> Json:
        told: Json = {"retCode": problem.code, "retMsg": problem.message, "op": message["op"]}
        if "reqId" in message:
            told["reqId"] = message["reqId"]
        return {**told, "connId": line.name}

    def _send(self, line: Line, told: Json, now: Nanos) -> None:
        line.alive_at = now
        self._outbox.append(Frame(line.socket, packed(told)))


def _message(text: str) -> Json | None:
    """A client's frame as an object; the bare word ping is one too."""
    if text.strip().lower() == "ping":
        return {"op": "ping"}
    try:
        message = json.loads(text)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
