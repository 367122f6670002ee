"""Owns a venue that says what a test tells it to, behind the box's door under real host names."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from absolute.desk.clock import WallClock, generator
from absolute.domain.units import Nanos
from absolute.simex.certificates import Authority
from absolute.simex.face import Dial, Environment, Frame, HttpReply, HttpRequest, SocketId
from absolute.simex.fault_rules import rules_of
from absolute.simex.faults import FaultBook
from absolute.simex.network import Door, Venue
from absolute.venues.box import BoxAddress
from absolute.venues.credentials import Credentials
from absolute.venues.parts import Surroundings
from absolute.venues.profile_table import profile
from absolute.venues.registry import open_gateway
from absolute.venues.sockets import Patience


@dataclass
class Asked:
    """One request as it came: method, path and parameters of query and body together."""

    raw: HttpRequest
    words: dict[str, Any]

    @property
    def what(self) -> str:
        return f"{self.raw.method} {self.raw.path}"


def words_of(request: HttpRequest) -> dict[str, Any]:
    """Query and body as one dictionary of text, or the body's own JSON."""
    words: dict[str, Any] = dict(parse_qsl(request.query, keep_blank_values=True))
    text = request.body.decode()
    if text.startswith("{"):
        return words | json.loads(text)
    return words | dict(parse_qsl(text))


@dataclass
class ScriptedFace:
    """Answers by a table "METHOD /path" -> function of the request, or a body, or (status, body).

    `heard` answers a frame with frames; `say` sends one to every open socket of a path.
    """

    host_names: Iterable[str]
    routes: dict[str, Any]
    heard: Callable[["ScriptedFace", str, dict[str, Any]], Iterable[Any]] | None = None
    asked: list[Asked] = field(default_factory=list)
    sockets: dict[SocketId, Dial] = field(default_factory=dict)
    dials: list[Dial] = field(default_factory=list)
    out: list[Frame] = field(default_factory=list)

    @property
    def hosts(self) -> Mapping[str, Environment]:
        return dict.fromkeys(self.host_names, Environment.DEMO)

    def answer(self, request: HttpRequest, now: Nanos) -> HttpReply:
        asked = Asked(request, words_of(request))
        self.asked.append(asked)
        said = self.routes.get(asked.what, (404, {"missing": asked.what}))
        if callable(said):
            said = said(asked)
        status, body = said if isinstance(said, tuple) else (200, said)
        headers: dict[str, str] = {}
        if isinstance(body, HttpReply):
            return body
        return HttpReply(status, json.dumps(body).encode(), headers)

    def requests(self, what: str) -> list[Asked]:
        return [each for each in self.asked if each.what == what]

    def dial(self, dial: Dial, now: Nanos) -> HttpReply | None:
        self.sockets[dial.socket] = dial
        self.dials.append(dial)
        return None

    def receive(self, socket: SocketId, text: str, now: Nanos) -> None:
        if self.heard is not None:
            frame = json.loads(text)
            for each in self.heard(self, self.sockets[socket].path, frame):
                self.out.append(Frame(socket, json.dumps(each)))

    def say(self, frame: Any, path: str = "") -> None:
        text = frame if isinstance(frame, str) else json.dumps(frame)
        for socket, dial in self.sockets.items():
            if path in dial.path:
                self.out.append(Frame(socket, text))

    def hang_up(self, path: str = "") -> None:
        for socket, dial in list(self.sockets.items()):
            if path in dial.path:
                self.out.append(Frame(socket, "{}", close=1001))

    def closed(self, socket: SocketId, now: Nanos) -> None:
        self.sockets.pop(socket, None)

    def pass_time(self, now: Nanos) -> None:
        return

    def drain(self) -> Iterable[Frame]:
        out, self.out = self.out, []
        return out


@dataclass
class Scene:
    """What a test holds."""

    face: ScriptedFace
    door: Door
    address: BoxAddress
    gateway: Any
    around: Surroundings


@asynccontextmanager
async def scene(
    place: Path,
    face: ScriptedFace,
    *,
    name: str,
    symbol: str = "BTC/USDT",
    faults: Iterable[object] = (),
    signed: bool = True,
    **options: Any,
) -> AsyncIterator[Scene]:
    """A gateway of a profile whose venue is the script."""
    names = frozenset(face.hosts)
    authority = Authority(names)
    root = authority.write_root(place / "root.pem")
    book = FaultBook(generator(1), rules_of(tuple(faults)))
    door = Door((Venue("bybit", face),), WallClock(), book, authority)
    port = await door.open()
    address = BoxAddress("127.0.0.1", port, root, names)
    patience = options.pop("patience", Patience(hello=2.0, ping=0.2, silence=2.0))
    around = Surroundings(
        options.pop("clock", WallClock()), generator(2), box=address, patience=patience, **options
    )
    gateway = None
    try:
        key = Credentials(name, "key-of-a-test", "secret-of-a-test", "phrase")
        gateway = await open_gateway(profile(name), symbol, key if signed else None, around=around)
        yield Scene(face, door, address, gateway, around)
    finally:
        if gateway is not None:
            await gateway.close()
        await door.close()
