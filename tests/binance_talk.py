"""Owns how a test talks to a Binance face: signed requests, socket requests, frames heard."""

import json
from decimal import Decimal
from itertools import count
from typing import Any

from absolute.domain.units import Asset
from absolute.simex.binance_spot import BinanceSpotFace
from absolute.simex.binance_usdm import BinanceUsdmFace
from absolute.simex.face import Dial, Environment, HttpReply, HttpRequest, SocketId
from absolute.simex.orders import AccountId
from absolute.wire.binance_signing import encoded, signed_query, socket_signature

from tests.box_clients import BoxClock

_NUMBERS = count(1)


class Talk:
    """A client of one world of a face, with its key."""

    venue = ""
    rest = ""

    def __init__(
        self,
        face: BinanceSpotFace | BinanceUsdmFace,
        clock: BoxClock,
        environment: str = "main",
        rights: str = "",
    ) -> None:
        self.face = face
        self.clock = clock
        self.environment = Environment(environment)
        self.key = f"box-{self.venue}-{environment}{rights}"
        self.secret = f"{self.key}-secret"
        self.last = HttpReply(0, b"")
        self._heard: dict[SocketId, list[dict[str, Any]]] = {}

    # --- REST ---------------------------------------------------------------------------------

    def send(self, method: str, path: str, query: str = "", **more: Any) -> Any:
        """One raw request."""
        request = HttpRequest(method=method, host=self.rest, path=path, query=query, **more)
        self.last = self.face.answer(request, self.clock.now)
        self._listen()
        return json.loads(self.last.body)

    def get(self, path: str, **asked: Any) -> Any:
        """A public request."""
        return self.send("GET", path, encoded(asked))

    def keyed(self, method: str, path: str) -> Any:
        """A request with the key alone."""
        return self.send(method, path, headers={"x-mbx-apikey": self.key})

    def signed(self, method: str, path: str, **asked: Any) -> Any:
        """A signed request; parameters in the query, or in the body of a POST or PUT."""
        query = signed_query({**asked, "timestamp": self.clock.ms}, self.secret)
        headers = {"x-mbx-apikey": self.key}
        if method in {"POST", "PUT"}:
            return self.send(method, path, body=query.encode(), headers=headers)
        return self.send(method, path, query, headers=headers)

    # --- sockets ------------------------------------------------------------------------------

    def dial(self, host: str, path: str, query: str = "") -> SocketId:
        """A socket that is let in."""
        socket = SocketId(next(_NUMBERS))
        refused = self.face.dial(Dial(socket, host, path, query), self.clock.now)
        assert refused is None, refused
        self._heard[socket] = []
        self._listen()
        return socket

    def refused(self, host: str, path: str, query: str = "") -> HttpReply:
        """A socket that is not let in."""
        dial = Dial(SocketId(next(_NUMBERS)), host, path, query)
        refused = self.face.dial(dial, self.clock.now)
        assert refused is not None
        return refused

    def say(self, socket: SocketId, row: dict[str, Any]) -> None:
        """One frame."""
        self.face.receive(socket, json.dumps(row), self.clock.now)
        self._listen()

    def ask(
        self, socket: SocketId, method: str, asked: dict[str, Any], *, signed: bool = False
    ) -> Any:
        """A request of the WebSocket API, and its answer."""
        number = next(_NUMBERS)
        if signed:
            asked = {**asked, "apiKey": self.key, "timestamp": self.clock.ms}
            asked["signature"] = socket_signature(asked, self.secret)
        self.say(socket, {"id": str(number), "method": method, "params": asked})
        return next(each for each in self._heard[socket] if each.get("id") == str(number))

    def heard(self, socket: SocketId) -> list[dict[str, Any]]:
        """Everything a socket was told so far."""
        self._listen()
        return self._heard[socket]

    def pass_ms(self, span: int) -> None:
        """Let time pass in steps of a tenth of a second, as the door does."""
        for _ in range(0, span, 100):
            self.clock.pass_ms(min(100, span))
            self.face.pass_time(self.clock.now)
            self._listen()

    def _listen(self) -> None:
        for frame in self.face.drain():
            self._heard.setdefault(frame.socket, []).append(json.loads(frame.text))

    def deposit(self, asset: str, amount: int) -> None:
        """Money from outside."""
        self.face.exchanges[self.environment].deposit(
            AccountId(self.key), Asset(asset), amount=Decimal(amount), now=self.clock.now
        )
        self.face.pass_time(self.clock.now)
        self._listen()


class SpotTalk(Talk):
    """A client of Binance spot."""

    venue, rest = "binance", "api.binance.com"

    def socket_api(self) -> SocketId:
        """A session of the WebSocket API."""
        return self.dial("ws-api.binance.com", "/ws-api/v3")

    def stream(self, names: str) -> SocketId:
        """A combined market socket."""
        return self.dial("stream.binance.com", "/stream", f"streams={names}")

    def trade(self, method: str, path: str, **asked: Any) -> Any:
        """A signed request in BTCUSDT."""
        return self.signed(method, f"/api/v3/{path}", **{"symbol": "BTCUSDT", **asked})


class UsdmTalk(Talk):
    """A client of Binance USD-M."""

    venue, rest = "binanceusdm", "fapi.binance.com"

    def trade(self, method: str, path: str, **asked: Any) -> Any:
        """A signed request in BTCUSDT."""
        return self.signed(method, f"/fapi/{path}", **{"symbol": "BTCUSDT", **asked})
