"""Owns the seam between the network door of the box and the venues it shows: requests, replies.

A face is one venue's protocol as a pure state machine: bytes and the time go in, bytes come out.
It never opens a socket, waits or reads a clock, so a test can speak to it without a network, and
faults are the business of the door alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NewType, Protocol

from absolute.domain.units import Asset, Nanos

SocketId = NewType("SocketId", int)


class Environment(StrEnum):
    """Which of a venue's worlds a host or a key belongs to; they share nothing."""

    MAIN = "main"
    DEMO = "demo"
    TESTNET = "testnet"


@dataclass(frozen=True, slots=True)
class BoxKey:
    """A key of a simulated account: who it is, where it works, what it starts with.

    `permissions` holds of "read", "trade" and "withdraw". A fake secret: it opens nothing real.
    """

    venue: str
    environment: Environment
    key: str
    secret: str
    balances: Mapping[Asset, Decimal]
    permissions: frozenset[str] = frozenset({"read", "trade"})
    ip_bound: bool = False


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it was received: raw query and raw body, since signatures cover the bytes.

    `path` has no query; header names are lower-case; `peer` names the client for limits by IP.
    """

    method: str
    host: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class HttpReply:
    """The answer; JSON unless its headers say otherwise."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Frame:
    """One text frame for one socket; `close` of a code ends the socket after it."""

    socket: SocketId
    text: str
    close: int | None = None


@dataclass(frozen=True, slots=True)
class Dial:
    """A client asks for a WebSocket."""

    socket: SocketId
    host: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    peer: str = "127.0.0.1"


class Face(Protocol):
    """One venue's protocol. Every call may leave frames in the outbox; `drain` takes them."""

    @property
    def hosts(self) -> Mapping[str, Environment]:
        """The real host names it answers under."""
        ...

    def answer(self, request: HttpRequest, now: Nanos) -> HttpReply:
        """One HTTP request, fully handled."""
        ...

    def dial(self, dial: Dial, now: Nanos) -> HttpReply | None:
        """Open a socket; a reply instead of None refuses it (404, 410 ...)."""
        ...

    def receive(self, socket: SocketId, text: str, now: Nanos) -> None:
        """One text frame from a client."""
        ...

    def closed(self, socket: SocketId, now: Nanos) -> None:
        """The client is gone."""
        ...

    def pass_time(self, now: Nanos) -> None:
        """Let time pass: the market moves, keys expire, old orders are forgotten."""
        ...

    def drain(self) -> Iterable[Frame]:
        """Take the frames that wait, in order."""
        ...
