"""Owns the way from a client to the exchange in the box: the venues' real names, led to loopback.

A client keeps the URLs of the venue, since rewritten ones change how client libraries behave; only
the name is resolved differently and only the box's own authority is trusted. It fails closed: a
host the box does not show is refused before anything is sent, so a fake key cannot leave and a
live configuration cannot be half simulated.

It must not know any venue's protocol, nor how the box is made.
"""

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

SECURE_SCHEMES = frozenset({"https", "wss"})


class HostRefused(aiohttp.ClientConnectionError, OSError):
    """The box does not show this host; nothing was sent anywhere."""


class RedirectRefused(aiohttp.ClientError):
    """A venue pointed somewhere else; what was meant for it does not go there."""


async def _refuse_redirect(
    _session: aiohttp.ClientSession, _context: object, seen: aiohttp.TraceRequestRedirectParams
) -> None:
    raise RedirectRefused(f"{seen.url.host} redirects, which is not followed.")


def no_redirects() -> aiohttp.TraceConfig:
    """For a session: also its sockets, which have no switch for it, follow no redirect."""
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse_redirect)
    return trace


@dataclass(frozen=True, slots=True)
class BoxAddress:
    """Where a box listens, whom it vouches for, and the venues' names that it answers under."""

    host: str
    port: int
    ca_path: Path
    names: frozenset[str]

    def check(self, name: str) -> None:
        """Raises HostRefused for a name the box does not show."""
        if name.lower() not in self.names:
            raise HostRefused(
                f"{name} is no host of the exchange in the box, so nothing was sent to it."
            )


def box_tls(address: BoxAddress) -> ssl.SSLContext:
    """Verifies as strictly as ever, but trusts the box's authority and nobody else."""
    return ssl.create_default_context(cafile=str(address.ca_path))


class BoxResolver(AbstractResolver):
    """Leads every name the box shows to its port, and no other name anywhere."""

    def __init__(self, address: BoxAddress) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """One address; the port asked for gives way to the box's."""
        self._address.check(host)
        return [
            ResolveResult(
                hostname=host,
                host=self._address.host,
                port=self._address.port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""


class BoxConnector(aiohttp.TCPConnector):
    """Dials the box alone; also a bare IP address, which no resolver ever sees, is refused."""

    def __init__(self, address: BoxAddress) -> None:
        super().__init__(resolver=BoxResolver(address), ssl=box_tls(address), family=socket.AF_INET)
        self._address = address

    async def connect(
        self, req: "ClientRequest", traces: "list[Trace]", timeout: aiohttp.ClientTimeout
    ) -> "Connection":
        """Refuses before dialling what is not a secure URL of a host the box shows."""
        self._address.check(req.url.host or "")
        if req.url.scheme not in SECURE_SCHEMES:
            raise HostRefused(f"{req.url.scheme} is not encrypted, so nothing was sent.")
        if req.proxy is not None:
            raise HostRefused("A proxy leads out of the box, so nothing was sent.")
        return await super().connect(req, traces, timeout)


def box_session(address: BoxAddress) -> aiohttp.ClientSession:
    """A session for a client library; whoever makes it closes it. No proxy of the environment."""
    return aiohttp.ClientSession(
        connector=BoxConnector(address), trust_env=False, trace_configs=[no_redirects()]
    )
