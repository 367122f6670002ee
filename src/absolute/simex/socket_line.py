"""Owns one WebSocket to one client: what waits for it, in order and bounded, and its faults.

A client that does not read is dropped rather than remembered. It must not know what a frame means.
"""

import asyncio
import contextlib
import json
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final, assert_never

from aiohttp import web

from absolute.simex.face import Dial, Frame
from absolute.simex.fault_rules import (
    FrameFault,
    FrameLate,
    FrameLost,
    FrameMerged,
    FrameSwapped,
    FrameTwice,
    PongMuted,
    SocketClosed,
)
from absolute.simex.faults import FaultBook, Seen

WAITING_MAX: Final = 10_000
"""Frames that may wait for a client before it is dropped."""
WAITING_BYTES_MAX: Final = 16 * 1024 * 1024
GOING_AWAY: Final = 1001
_RESET: Final = struct.pack("ii", 1, 0)
"""Linger of nought seconds: closing sends a reset instead of an orderly end."""


def cut_off(transport: asyncio.WriteTransport | None) -> None:
    """End a connection as a fallen host would: no goodbye, what waits is lost."""
    if transport is None:
        return
    plug: socket.socket | None = transport.get_extra_info("socket")
    if plug is not None:
        with contextlib.suppress(OSError):  # it is gone already, which is what was wanted
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


class Line:
    """The sending half of a socket; `tail` runs as a task of its own until the socket ends."""

    def __init__(self, venue: str, dial: Dial, book: FaultBook, ping_s: float | None) -> None:
        self.venue = venue
        self.dial = dial
        self.ws = web.WebSocketResponse(
            autoping=False, autoclose=True, compress=False, max_msg_size=1024 * 1024
        )
        self.transport: asyncio.Transport | None = None
        self._book = book
        self._ping_s = ping_s
        self._waiting: deque[Frame] = deque()
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._swapped: Frame | None = None
        self._merging: Frame | None = None
        self._ended = False

    def post(self, frame: Frame) -> None:
        """Take a frame to send, or do to it what a fault says."""
        if self._merging is not None and (both := _merged(self._merging, frame)) is not None:
            self._merging = None
            self._enqueue(both)
            return
        seen = self.seen(frame.text)
        if "pong" in frame.text[:200] and self._book.loses(seen, PongMuted):
            return
        fault = self._book.for_frame(seen)
        if fault is None:
            self._enqueue(frame)
        else:
            self._suffer(frame, fault)
        if self._swapped is not None and self._swapped is not frame:
            self._release()

    def seen(self, text: str) -> Seen:
        """What rules may look at in a frame of this socket."""
        return Seen(self.venue, self.dial.host, self.dial.path, text)

    def cut(self) -> None:
        """End it without a goodbye."""
        self._ended = True
        self._wake.set()
        cut_off(self.transport)

    async def pong(self, data: bytes) -> None:
        """Answer a client's protocol ping, unless a fault mutes it."""
        if not self._book.loses(self.seen("pong"), PongMuted):
            await self.ws.pong(data)

    async def tail(self) -> None:
        """Send what waits until the socket ends."""
        loop = asyncio.get_running_loop()
        due = loop.time() + (self._ping_s or 0)
        while not self._ended:
            if self._ping_s is not None and loop.time() >= due:
                due = loop.time() + self._ping_s
                await self.ws.ping()
            if self._waiting:
                await self._send(self._take())
                continue
            self._wake.clear()
            patience = None if self._ping_s is None else max(due - loop.time(), 0.001)
            with contextlib.suppress(TimeoutError):  # then it is time for a ping
                await asyncio.wait_for(self._wake.wait(), patience)

    def _take(self) -> Frame:
        frame = self._waiting.popleft()
        self._waiting_bytes -= len(frame.text)
        return frame

    async def _send(self, frame: Frame) -> None:
        if frame.text:
            await self.ws.send_str(frame.text)
        if frame.close is not None:
            self._ended = True
            await self.ws.close(code=frame.close)

    def _enqueue(self, frame: Frame) -> None:
        if self._ended:
            return
        self._waiting.append(frame)
        self._waiting_bytes += len(frame.text)
        self._wake.set()
        if len(self._waiting) > WAITING_MAX or self._waiting_bytes > WAITING_BYTES_MAX:
            self.cut()

    def _suffer(self, frame: Frame, fault: FrameFault) -> None:
        match fault:
            case FrameTwice():
                for _ in range(fault.times):
                    self._enqueue(frame)
            case FrameLost():
                return
            case FrameLate():
                self._later(fault.ms, lambda: self._enqueue(frame))
            case FrameSwapped():
                self._release()
                self._swapped = frame
                self._later(fault.ms, lambda: self._release(frame))
            case FrameMerged():
                self._part()
                self._merging = frame
                self._later(fault.ms, lambda: self._part(frame))
            case SocketClosed():
                self._close(frame, fault)
            case _:
                assert_never(fault)

    def _close(self, frame: Frame, fault: SocketClosed) -> None:
        if fault.code is None and not fault.delivered:
            self.cut()
        elif fault.code is None:
            self._enqueue(frame)
            self._later(20, self.cut)  # the frame is on its way by then
        else:
            self._enqueue(replace(frame, close=fault.code, text=frame.text * fault.delivered))

    def _release(self, only: Frame | None = None) -> None:
        """Send the frame that was held to be overtaken."""
        if self._swapped is not None and (only is None or only is self._swapped):
            held, self._swapped = self._swapped, None
            self._enqueue(held)

    def _part(self, only: Frame | None = None) -> None:
        """Send alone what was held to be merged."""
        if self._merging is not None and (only is None or only is self._merging):
            held, self._merging = self._merging, None
            self._enqueue(held)

    @staticmethod
    def _later(ms: int, action: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(ms / 1000, action)


def _merged(first: Frame, second: Frame) -> Frame | None:
    """Both as one frame, where they have rows of one topic; the second's other words stand."""
    try:
        older, newer = json.loads(first.text), json.loads(second.text)
    except ValueError:
        return None
    if not (isinstance(older, dict) and isinstance(newer, dict)):
        return None
    rows, more = older.get("data"), newer.get("data")
    if not (isinstance(rows, list) and isinstance(more, list)):
        return None
    if older.get("topic") != newer.get("topic"):
        return None
    return replace(second, text=json.dumps({**newer, "data": [*rows, *more]}))
