"""Owns a door with an echo behind it and a client in front, for the tests of the door."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from absolute.desk.clock import WallClock, generator
from absolute.simex.certificates import Authority
from absolute.simex.fault_rules import rules_of
from absolute.simex.faults import FaultBook
from absolute.simex.network import Door, Venue
from absolute.venues.box import BoxAddress, box_session

from tests.echo_face import EchoFace


@dataclass
class EchoBox:
    """What a test holds: the face, the faults, the door, the address and a client."""

    face: EchoFace
    book: FaultBook
    door: Door
    address: BoxAddress
    client: aiohttp.ClientSession

    def url(self, path: str = "/") -> str:
        return f"https://{self.face.host}{path}"

    async def order(self, name: str, **options) -> aiohttp.ClientResponse:
        return await self.client.post(self.url("/order"), data=name, **options)

    async def listener(self, path: str = "/private") -> aiohttp.ClientWebSocketResponse:
        ws = await self.client.ws_connect(f"wss://{self.face.host}{path}", autoping=False)
        await ws.send_str("hello")
        assert await ws.receive_str(timeout=5) == "welcome"
        return ws


@asynccontextmanager
async def echo_box(
    place: Path, faults: Iterable[object] = (), *, venue: str = "bybit", **options
) -> AsyncIterator[EchoBox]:
    face = EchoFace()
    names = frozenset(face.hosts)
    authority = Authority(names)
    root = authority.write_root(place / "root.pem")
    book = FaultBook(generator(1), rules_of(tuple(faults)))
    door = Door((Venue(venue, face, **options),), WallClock(), book, authority)
    port = await door.open()
    address = BoxAddress("127.0.0.1", port, root, names)
    try:
        async with box_session(address) as client:
            yield EchoBox(face, book, door, address, client)
    finally:
        await door.close()
