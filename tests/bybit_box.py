"""Owns a Bybit client for tests that speaks to the face directly, with bytes signed as usual."""

import itertools
import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from absolute.domain.units import Asset, Nanos
from absolute.kernels.tape import Tape
from absolute.simex.bybit import BybitFace, Supply, bybit_face
from absolute.simex.face import BoxKey, Dial, Environment, HttpReply, HttpRequest, SocketId
from absolute.simex.house import HouseStyle
from absolute.simex.keys import default_key, default_keys
from absolute.simex.price_path import PathStyle
from absolute.wire.bybit_signing import BybitSigned, socket_signature

from tests.box_markets import BTC, START, flat_tape

HOSTS = {
    Environment.MAIN: "api.bybit.com",
    Environment.TESTNET: "api-testnet.bybit.com",
    Environment.DEMO: "api-demo.bybit.com",
}


def face(tape: Tape | None = None, house: HouseStyle | None = None, past: int = 0) -> BybitFace:
    """Bybit with one coin."""
    supply = Supply(
        {BTC: tape or flat_tape(), Asset("ETH"): flat_tape("3000")},
        PathStyle(past_bars=past),
        house or HouseStyle(),
    )
    return bybit_face(default_keys(), supply)


class Client:
    """One key at one host; the time stands until a test moves it."""

    def __init__(
        self,
        box: BybitFace,
        environment: Environment = Environment.MAIN,
        key: BoxKey | None = None,
    ) -> None:
        self.box = box
        self.host = HOSTS[environment]
        self.stream = self.host.replace("api", "stream", 1)
        self.key = key or default_key("bybit", environment)
        self.now = START
        self.window = "5000"
        self.skew_ms = 0
        self._sockets = itertools.count(1)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now = Nanos(self.now + int(Decimal(str(seconds)) * 1_000_000_000))
        self.box.pass_time(self.now)

    def signed(self, method: str, path: str, words: dict[str, Any]) -> HttpRequest:
        """A request with its headers."""
        query = urlencode(words) if method == "GET" else ""
        body = b"" if method == "GET" else json.dumps(words).encode()
        stamp = str(self.now // 1_000_000 + self.skew_ms)
        parts = BybitSigned(self.key.key, stamp, self.window, query.encode() or body)
        headers = {name.lower(): value for name, value in parts.headers(self.key.secret).items()}
        return HttpRequest(method, self.host, path, query, headers, body)

    def reply(self, method: str, path: str, words: dict[str, Any]) -> HttpReply:
        """The raw answer."""
        return self.box.answer(self.signed(method, path, words), self.now)

    def get(self, path: str, **words: Any) -> dict[str, Any]:
        """A signed GET; the whole envelope."""
        return self._read(self.reply("GET", path, words))

    def post(self, path: str, **words: Any) -> dict[str, Any]:
        """A signed POST; the whole envelope."""
        return self._read(self.reply("POST", path, words))

    def order(self, **words: Any) -> dict[str, Any]:
        """A spot order unless told otherwise; the envelope."""
        given = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit"}
        return self.post("/v5/order/create", **(given | words))

    def one(self, category: str = "spot", **words: Any) -> dict[str, Any]:
        """The one order that realtime shows."""
        reply = self.get("/v5/order/realtime", category=category, symbol="BTCUSDT", **words)
        (row,) = reply["result"]["list"]
        return row

    def _read(self, reply: HttpReply) -> dict[str, Any]:
        assert reply.status == 200, reply
        told = json.loads(reply.body)
        assert isinstance(told, dict)
        return told

    # --- sockets --------------------------------------------------------------------------------

    def dial(self, path: str, *, auth: bool = False) -> SocketId:
        """Open a socket."""
        socket = SocketId(next(self._sockets))
        refused = self.box.dial(Dial(socket, self.stream, path), self.now)
        assert refused is None, refused
        if auth:
            expires = self.now // 1_000_000 + 5_000
            sign = socket_signature(self.key.secret, str(expires))
            (told,) = self.send(socket, op="auth", args=[self.key.key, expires, sign])
            assert told.get("success", told.get("retCode") == 0), told
        return socket

    def send(self, socket: SocketId, **words: Any) -> list[dict[str, Any]]:
        """Send a frame; what came on this socket since."""
        self.box.receive(socket, json.dumps(words), self.now)
        return self.frames(socket)

    def frames(self, socket: SocketId) -> list[dict[str, Any]]:
        """Frames of one socket; those of others are lost."""
        return [
            json.loads(each.text)
            for each in self.box.drain()
            if each.socket == socket and each.text
        ]
