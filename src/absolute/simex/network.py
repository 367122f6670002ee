"""Owns the network door of the box: TLS on loopback, requests and sockets to the venue they name.

What a venue's face says goes out unchanged, byte for byte; what goes wrong on the way is the fault
book's choice. Time is handed in. It must not know any venue's protocol.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Protocol, assert_never

from aiohttp import WSMsgType, web

from absolute.domain.units import NANOS_PER_MS, Nanos
from absolute.simex.certificates import Authority
from absolute.simex.face import Dial, Face, Frame, HttpReply, HttpRequest, SocketId
from absolute.simex.fault_rules import (
    Code,
    Cut,
    Drip,
    EventsLate,
    EventsLost,
    Held,
    Late,
    RequestFault,
    RequestLost,
    Reset,
    Silence,
    Status,
    Twice,
)
from absolute.simex.faults import FaultBook, Seen, answers, frame_refusal, refusal, seen_in
from absolute.simex.socket_line import GOING_AWAY, Line, cut_off

LOOPBACK: Final = "127.0.0.1"
SOCKETS_MAX: Final = 2_000
TICK_S: Final = 0.02
FAILURES_KEPT: Final = 100
_LOG: Final = logging.getLogger(__name__)


class Clock(Protocol):
    """What shows the time."""

    def now_ns(self) -> Nanos:
        """Nanoseconds since 1970 UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Venue:
    """A face behind the door: its name, how often it pings its sockets, its clock's error."""

    name: str
    face: Face
    ping_s: float | None = None
    clock_ahead_ms: int = 0


@dataclass(slots=True)
class _Place:
    """A venue with its sockets; a frame goes to the socket that has its number."""

    venue: Venue
    lines: dict[SocketId, Line] = field(default_factory=dict)


class Door:
    """Serves venues under their real host names on one port of the loopback interface.

    `failures` names the requests and sockets in which a face itself broke: none, if all is well.
    """

    def __init__(
        self, venues: tuple[Venue, ...], clock: Clock, book: FaultBook, authority: Authority
    ) -> None:
        self._clock = clock
        self._book = book
        self._authority = authority
        self._places = {venue.name: _Place(venue) for venue in venues}
        self._by_host = {
            host.lower(): self._places[venue.name] for venue in venues for host in venue.face.hosts
        }
        self._ids = count(1)
        self._runner: web.ServerRunner | None = None
        self._pump: asyncio.Task[None] | None = None
        self.failures: list[str] = []

    async def open(self, port: int = 0) -> int:
        """Start to serve; gives the port. Raises OSError where the port is taken."""
        server = web.Server(self._handle, access_log=None, logger=_LOG)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, LOOPBACK, port, ssl_context=self._authority.server_tls(), backlog=1024
        )
        await site.start()
        self._pump = asyncio.create_task(self._let_time_pass())
        address: tuple[str, int] = self._runner.addresses[0]
        return address[1]

    async def close(self) -> None:
        """Say goodbye to everyone and stop; raises what stopped the pump, if anything did."""
        assert self._runner is not None, "the door was never opened"
        assert self._pump is not None
        self._pump.cancel()
        for line in self._lines():
            with contextlib.suppress(ConnectionError, TimeoutError):  # it is gone already
                await asyncio.wait_for(line.ws.close(code=GOING_AWAY), 0.2)
        await self._runner.cleanup()
        with contextlib.suppress(asyncio.CancelledError):  # we did that
            await self._pump

    async def stand(self) -> None:
        """Wait for as long as time passes; raises what stopped it."""
        assert self._pump is not None, "the door was never opened"
        await self._pump

    def cut_sockets(self, venue: str | None = None) -> int:
        """Cut every socket, or those of one venue, without a goodbye; gives how many."""
        found = [line for line in self._lines() if venue is None or line.venue == venue]
        for line in found:
            line.cut()
        return len(found)

    def flush(self) -> None:
        """Bring every frame that waits in a face to its socket."""
        for place in self._places.values():
            self._deliver(place, list(place.venue.face.drain()))

    def now(self, venue: Venue) -> Nanos:
        """The time as that venue's own clock shows it."""
        return Nanos(self._clock.now_ns() + venue.clock_ahead_ms * NANOS_PER_MS)

    async def _let_time_pass(self) -> None:
        while True:
            for place in self._places.values():
                place.venue.face.pass_time(self.now(place.venue))
            self.flush()
            await asyncio.sleep(TICK_S)

    def _lines(self) -> list[Line]:
        return [line for place in self._places.values() for line in place.lines.values()]

    @staticmethod
    def _deliver(place: _Place, frames: list[Frame]) -> None:
        for frame in frames:
            line = place.lines.get(frame.socket)
            if line is not None:  # else the client went while the face spoke
                line.post(frame)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        host = request.headers.get("Host", "").partition(":")[0].lower()
        place = self._by_host.get(host)
        if place is None or not request.raw_path.startswith("/"):
            return web.Response(status=421, text=f"{host or 'Nobody'} does not live in this box.\n")
        with self._watched(f"{request.method} {host}{request.raw_path}"):
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._socket(request, host, place)
            return await self._exchange(request, host, place)

    @contextlib.contextmanager
    def _watched(self, what: str) -> Iterator[None]:
        """Note what failed inside a face: its client only sees a 500 or a closed socket."""
        failed = True
        try:
            yield
            failed = False
        except (ConnectionError, asyncio.CancelledError, web.HTTPException):
            failed = False
            raise
        finally:
            if failed:
                self.failures = [*self.failures, what][-FAILURES_KEPT:]

    # ------------------------------------------------------------------------------ requests

    async def _exchange(
        self, request: web.BaseRequest, host: str, place: _Place
    ) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        asked = HttpRequest(
            method=request.method,
            host=host,
            path=path,
            query=query,
            headers=_headers(request),
            body=await request.read(),
            peer=request.remote or LOOPBACK,
        )
        fault = self._book.for_request(seen_in(place.venue.name, asked))
        if isinstance(fault, Held):
            await asyncio.sleep(fault.ms / 1000)
        reply = self._answer(place, asked, fault) if _reaches(fault) else None
        return await self._reply(request, place, reply, fault)

    def _answer(self, place: _Place, asked: HttpRequest, fault: RequestFault | None) -> HttpReply:
        """Let the venue answer, and bring the frames it caused on their way."""
        face = place.venue.face
        self._deliver(place, list(face.drain()))
        reply = face.answer(asked, self.now(place.venue))
        if isinstance(fault, Twice):
            face.answer(asked, self.now(place.venue))
        caused = list(face.drain())
        if isinstance(fault, EventsLate):
            loop = asyncio.get_running_loop()
            loop.call_later(fault.ms / 1000, self._deliver, place, caused)
        elif not isinstance(fault, EventsLost):
            self._deliver(place, caused)
        return reply

    async def _reply(
        self,
        request: web.BaseRequest,
        place: _Place,
        reply: HttpReply | None,
        fault: RequestFault | None,
    ) -> web.StreamResponse:
        """What the client gets to see of the answer."""
        match fault:
            case Reset():
                return _cut(request)
            case Silence():
                await asyncio.sleep(fault.ms / 1000)
                return _cut(request)
            case Status():
                headers = {"Content-Type": "text/html", **fault.headers}
                reply = HttpReply(fault.status, fault.body.encode(), headers)
            case Code():
                reply = refusal(place.venue.name, fault, self.now(place.venue))
            case Cut() | Drip():
                assert reply is not None
                return await _piecewise(request, reply, fault)
            case Late():
                await asyncio.sleep(fault.ms / 1000)
            case None | Held() | Twice() | EventsLate() | EventsLost():
                pass
            case _:
                assert_never(fault)
        assert reply is not None
        return web.Response(status=reply.status, body=reply.body, headers=_typed(reply))

    # ------------------------------------------------------------------------------- sockets

    async def _socket(
        self, request: web.BaseRequest, host: str, place: _Place
    ) -> web.StreamResponse:
        if sum(len(each.lines) for each in self._places.values()) >= SOCKETS_MAX:
            return web.Response(status=503)
        path, _, query = request.raw_path.partition("?")
        dial = Dial(
            socket=SocketId(next(self._ids)),
            host=host,
            path=path,
            query=query,
            headers=_headers(request),
            peer=request.remote or LOOPBACK,
        )
        fault = self._book.for_request(Seen(place.venue.name, host, path, query, "DIAL"))
        if isinstance(fault, Reset | Silence | Status | Code):
            return await self._reply(request, place, None, fault)
        if isinstance(fault, Held | Late):
            await asyncio.sleep(fault.ms / 1000)
        refused = place.venue.face.dial(dial, self.now(place.venue))
        if refused is not None:
            return web.Response(status=refused.status, body=refused.body, headers=_typed(refused))
        line = Line(place.venue.name, dial, self._book, place.venue.ping_s)
        await self._talk(request, place, line)
        return line.ws

    async def _talk(self, request: web.BaseRequest, place: _Place, line: Line) -> None:
        """Hold a conversation until either side ends it."""
        socket = line.dial.socket
        place.lines[socket] = line
        try:
            await line.ws.prepare(request)
            line.transport = request.transport
            self._deliver(place, list(place.venue.face.drain()))
            await self._listen(place, line)
        finally:
            del place.lines[socket]
            place.venue.face.closed(socket, self.now(place.venue))

    async def _listen(self, place: _Place, line: Line) -> None:
        with _sending(line):
            async for message in line.ws:
                match message.type:
                    case WSMsgType.TEXT:
                        self._hear(place, line, message.data)
                    case WSMsgType.PING:
                        await line.pong(message.data)
                    case WSMsgType.PONG:
                        continue
                    case _:
                        await line.ws.close(code=1003)

    def _hear(self, place: _Place, line: Line, text: str) -> None:
        if self._book.loses(line.seen(text), RequestLost):
            return
        face, socket = place.venue.face, line.dial.socket
        fault = self._book.for_socket_request(line.seen(text))
        if fault is None:
            face.receive(socket, text, self.now(place.venue))
            self._deliver(place, list(face.drain()))
            return
        refused = frame_refusal(place.venue.name, text, fault)
        if refused is None:
            return  # no request: there is nothing to refuse, and the frame is lost
        if fault.accepted:
            self._deliver(place, list(face.drain()))
            face.receive(socket, text, self.now(place.venue))
            caused = [
                each
                for each in face.drain()
                if each.socket != socket or not answers(place.venue.name, each.text, text)
            ]
            self._deliver(place, caused)
        self._deliver(place, [Frame(socket, refused)])


@contextlib.contextmanager
def _sending(line: Line) -> Iterator[None]:
    """The sending half runs while the client is listened to."""
    tail = asyncio.create_task(line.tail())
    tail.add_done_callback(_heard)
    try:
        yield
    finally:
        tail.cancel()


def _heard(tail: asyncio.Task[None]) -> None:
    """A client that went away while it was spoken to is no news; anything else is."""
    error = None if tail.cancelled() else tail.exception()
    if error is not None and not isinstance(error, ConnectionError):
        _LOG.error("the sending half of a socket ended", exc_info=error)


def _reaches(fault: RequestFault | None) -> bool:
    """True if the venue gets to see the request."""
    return fault.accepted if isinstance(fault, Reset | Silence | Status | Code) else True


def _headers(request: web.BaseRequest) -> Mapping[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _typed(reply: HttpReply) -> Mapping[str, str]:
    """JSON, unless the venue says otherwise."""
    if any(name.lower() == "content-type" for name in reply.headers):
        return reply.headers
    return {"Content-Type": "application/json", **reply.headers}


def _cut(request: web.BaseRequest) -> web.StreamResponse:
    cut_off(request.transport)
    return web.Response()  # goes nowhere


async def _piecewise(
    request: web.BaseRequest, reply: HttpReply, fault: Cut | Drip
) -> web.StreamResponse:
    """The promised length, and then too little of it, or little by little."""
    response = web.StreamResponse(status=reply.status, headers=dict(_typed(reply)))
    response.content_length = len(reply.body)
    await response.prepare(request)
    if isinstance(fault, Cut):
        await response.write(reply.body[: fault.size])
        if request.transport is not None:
            request.transport.close()
        return response
    for number in range(len(reply.body)):
        await response.write(reply.body[number : number + 1])
        await asyncio.sleep(1 / fault.bytes_per_second)
    await response.write_eof()
    return response
