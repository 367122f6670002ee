"""Owns the Bybit V5 face of the box: hosts, REST endpoints and WebSockets over the pure exchange.

It must not open a socket, read a clock, or decide what a trade does.
"""

from collections.abc import Iterable, Mapping

from absolute.domain.units import Nanos
from absolute.simex.bybit_limits import Limits
from absolute.simex.bybit_rest import answered
from absolute.simex.bybit_sockets import Sockets
from absolute.simex.bybit_worlds import HOSTS, World, worlds
from absolute.simex.exchange import Exchange
from absolute.simex.face import (
    BoxKey,
    Dial,
    Environment,
    Face,
    Frame,
    HttpReply,
    HttpRequest,
    SocketId,
)
from absolute.simex.supply import Supply

__all__ = ["BybitFace", "Supply", "bybit_face"]


class BybitFace(Face):
    """All of Bybit: main, testnet and demo, each with its own exchange (`exchanges`)."""

    def __init__(self, found: Mapping[Environment, World]) -> None:
        self._worlds = found
        self._limits = Limits()
        self._sockets = Sockets(self._limits)

    @property
    def hosts(self) -> Mapping[str, Environment]:
        """The real host names it answers under."""
        return HOSTS

    @property
    def exchanges(self) -> Mapping[Environment, Exchange]:
        """What stands behind each world."""
        return {environment: world.exchange for environment, world in self._worlds.items()}

    def answer(self, request: HttpRequest, now: Nanos) -> HttpReply:
        """One HTTP request, fully handled."""
        environment = HOSTS.get(request.host)
        if environment is None or not request.host.startswith("api"):
            return HttpReply(404, b"")
        self._move(now)
        reply = answered(self._worlds[environment], self._limits, request, now=now)
        self._tell(now)
        return reply

    def dial(self, dial: Dial, now: Nanos) -> HttpReply | None:
        """Open a socket; a reply instead of None refuses it."""
        environment = HOSTS.get(dial.host)
        if environment is None or not dial.host.startswith("stream"):
            return HttpReply(404, b"")
        self._move(now)
        return self._sockets.dial(dial, self._worlds[environment], now)

    def receive(self, socket: SocketId, text: str, now: Nanos) -> None:
        """One text frame from a client."""
        self._move(now)
        self._sockets.receive(socket, text, now)
        self._tell(now)

    def closed(self, socket: SocketId, now: Nanos) -> None:
        """The client is gone."""
        del now
        self._sockets.closed(socket)

    def pass_time(self, now: Nanos) -> None:
        """Let time pass: the markets move, idle sockets are cut."""
        self._move(now)
        self._sockets.cut_idle(now)

    def drain(self) -> Iterable[Frame]:
        """Take the frames that wait, in order."""
        return self._sockets.drain()

    def _move(self, now: Nanos) -> None:
        """Every world moves at once, so that their prices agree."""
        for world in self._worlds.values():
            world.exchange.pass_time(now)
        self._tell(now)

    def _tell(self, now: Nanos) -> None:
        for world in self._worlds.values():
            self._sockets.tell(world, world.exchange.drain(), now)


def bybit_face(keys: Iterable[BoxKey], supply: Supply) -> BybitFace:
    """Bybit as the box shows it; keys of other venues are left aside."""
    return BybitFace(worlds(keys, supply))
