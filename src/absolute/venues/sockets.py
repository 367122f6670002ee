"""Owns one socket from dial to end: hello, answers, pings, the watch for silence, its last hour.

Whatever is not understood ends it, since a frame that cannot be read may have been a fill; whoever
called dials again and asks for what was missed. Knows nothing of orders.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp

from absolute.domain.errors import AbsoluteError
from absolute.venues.dialect import Socket
from absolute.venues.rows import BAD_ROW, Item, StreamEnd
from absolute.venues.wire_words import broken_by

FRAME_BYTES_MAX = 4 * 1024 * 1024
HEARTBEAT_S = 12.0


class SocketEnded(AbsoluteError):
    """The socket is over; the text says why."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take, in seconds: the hello, silence between frames, a whole socket.

    `silence` counts only where our own pings are answered by frames; elsewhere the protocol's own
    pings watch. A socket is left before the venue cuts it after 24 hours.
    """

    hello: float = 10.0
    ping: float = 15.0
    silence: float = 35.0
    life: float = 23 * 3600.0


async def hear(
    session: aiohttp.ClientSession,
    socket: Socket,
    *,
    ready: Callable[[], None],
    put: Callable[[Item], None],
    patience: Patience,
) -> None:
    """Dial, say hello, and hand on every item; always ends by raising SocketEnded."""
    try:
        async with session.ws_connect(
            socket.url,
            heartbeat=HEARTBEAT_S,
            max_msg_size=FRAME_BYTES_MAX,
            timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
        ) as wire:
            pinging = asyncio.create_task(_ping(wire, socket, patience.ping))
            try:
                await _listen(wire, socket, ready, put, patience)
            finally:
                pinging.cancel()
                with suppress(asyncio.CancelledError, ConnectionError):  # it was asked to end
                    await pinging
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise SocketEnded(broken_by(error)) from error


async def _ping(wire: aiohttp.ClientWebSocketResponse, socket: Socket, every: float) -> None:
    while socket.ping is not None:
        await asyncio.sleep(every)
        await wire.send_json(socket.ping)


async def _listen(
    wire: aiohttp.ClientWebSocketResponse,
    socket: Socket,
    ready: Callable[[], None],
    put: Callable[[Item], None],
    patience: Patience,
) -> None:
    hello = _Hello(deque(socket.hello()), socket.answers)
    if await hello.go_on(wire):
        ready()
    loop = asyncio.get_running_loop()
    started = loop.time()
    while True:
        limit = patience.silence if hello.done else patience.hello
        message = await _receive(wire, limit)
        if message is None and (not hello.done or socket.ping is not None):
            raise SocketEnded(f"silent for {limit:.0f} s")
        if loop.time() - started > patience.life:
            raise SocketEnded("planned rotation")
        if message is None:
            continue  # a quiet market; the protocol's own pings watch the line
        frame = _read(message)
        if not hello.done and socket.is_answer(frame):
            hello.answered(frame)
            if await hello.go_on(wire):
                ready()
        _hand_on(socket, frame, put)


async def _receive(wire: aiohttp.ClientWebSocketResponse, limit: float) -> aiohttp.WSMessage | None:
    try:
        return await asyncio.wait_for(wire.receive(), limit)
    except TimeoutError:
        return None


@dataclass(slots=True)
class _Hello:
    """The frames still to be sent, each after the answer to the one before."""

    frames: deque[Any]
    answers: int

    @property
    def done(self) -> bool:
        return self.answers <= 0 and not self.frames

    async def go_on(self, wire: aiohttp.ClientWebSocketResponse) -> bool:
        """Send the next frame; True once nothing is left to be sent or answered."""
        if self.frames:
            await wire.send_json(self.frames.popleft())
        return self.done

    def answered(self, frame: Any) -> None:  # noqa: ANN401 -- JSON enters
        said_no = frame.get("success") is False or frame.get("error") is not None
        if said_no or frame.get("status", 200) != 200:
            raise SocketEnded(f"refused: {json.dumps(frame, default=str)[:300]}")
        self.answers -= 1


def _read(message: aiohttp.WSMessage) -> dict[str, Any]:
    """The frame of a message; anything else ends the socket."""
    if message.type is aiohttp.WSMsgType.TEXT:
        try:
            frame = json.loads(message.data, parse_float=Decimal)
        except (ValueError, RecursionError) as error:
            raise SocketEnded(f"a frame that is no JSON: {error}") from error
        if isinstance(frame, dict):
            return frame
        raise SocketEnded("a frame that is no object")
    raise SocketEnded(f"closed: {message.type.name} {message.data} {message.extra or ''}".strip())


def _hand_on(socket: Socket, frame: dict[str, Any], put: Callable[[Item], None]) -> None:
    try:
        items = socket.items(frame)
    except BAD_ROW as error:
        raise SocketEnded(f"a frame that cannot be read: {error!r}") from error
    for item in items:
        if isinstance(item, StreamEnd):
            raise SocketEnded(item.reason)
        put(item)
