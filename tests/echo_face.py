"""Owns a venue that is none: it answers what it was asked, so that the door itself can be tested.

An order it accepts is told on every socket that said hello.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from absolute.domain.units import Nanos
from absolute.simex.face import Dial, Environment, Frame, HttpReply, HttpRequest, SocketId

HOST = "api.echo.example"


@dataclass
class EchoFace:
    """Counts its requests; `orders` holds what it accepted."""

    host: str = HOST
    asked: list[HttpRequest] = field(default_factory=list)
    dialled: list[Dial] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    gone: list[SocketId] = field(default_factory=list)
    listeners: list[SocketId] = field(default_factory=list)
    outbox: list[Frame] = field(default_factory=list)
    times: list[Nanos] = field(default_factory=list)

    @property
    def hosts(self) -> Mapping[str, Environment]:
        return {self.host: Environment.MAIN}

    def answer(self, request: HttpRequest, now: Nanos) -> HttpReply:
        self.asked.append(request)
        self.times.append(now)
        if request.path == "/order" and request.method == "POST":
            name = request.body.decode()
            self.orders.append(name)
            self.tell({"topic": "order", "order": name})
        if request.path == "/orders":
            return HttpReply(200, json.dumps(self.orders).encode())
        told = {"path": request.path, "query": request.query, "body": request.body.decode()}
        return HttpReply(200, json.dumps(told).encode(), {"X-Echo": str(len(self.asked))})

    def dial(self, dial: Dial, now: Nanos) -> HttpReply | None:
        self.dialled.append(dial)
        self.times.append(now)
        return HttpReply(404, b'{"no":"socket"}') if dial.path == "/nowhere" else None

    def receive(self, socket: SocketId, text: str, now: Nanos) -> None:
        self.heard.append(text)
        self.times.append(now)
        if text == "hello":
            self.listeners.append(socket)
        answers = {"hello": "welcome", "ping": '{"op":"pong"}'}
        self.outbox.append(Frame(socket, answers.get(text, text)))
        if text == "bye":
            self.outbox.append(Frame(socket, "", close=4001))

    def closed(self, socket: SocketId, now: Nanos) -> None:
        self.times.append(now)
        self.gone.append(socket)
        self.listeners = [each for each in self.listeners if each != socket]

    def pass_time(self, now: Nanos) -> None:
        self.times.append(now)

    def drain(self) -> Iterable[Frame]:
        frames, self.outbox = self.outbox, []
        return frames

    def tell(self, news: dict) -> None:
        text = json.dumps(news)
        self.outbox += [Frame(socket, text) for socket in self.listeners]
