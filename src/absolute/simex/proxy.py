"""Owns the way in for programs that only know a proxy: CONNECT to a venue's name, and nothing else.

It carries bytes between a client and the door's port and never dials anywhere else. It must not
know what is inside.
"""

import asyncio
import contextlib
from typing import Final

from absolute.simex.socket_line import cut_off

HEAD_MAX: Final = 16 * 1024
HEAD_S: Final = 10.0
PIECE: Final = 64 * 1024
LOOPBACK: Final = "127.0.0.1"


class Proxy:
    """A CONNECT proxy on the loopback interface whose whole world is one port."""

    def __init__(self, names: frozenset[str], door_port: int) -> None:
        self._names = names
        self._door_port = door_port
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def open(self, port: int = 0) -> int:
        """Start to serve; gives the port. Raises OSError where the port is taken."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, port, limit=HEAD_MAX)
        address: tuple[str, int] = self._server.sockets[0].getsockname()
        return address[1]

    async def close(self) -> None:
        """End every tunnel and stop."""
        assert self._server is not None, "the proxy was never opened"
        self._server.close()
        for task in list(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            await self._speak(reader, writer)
        except OSError:
            cut_off(writer.transport)  # what fell at one end falls at the other
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            writer.transport.abort()
        finally:
            self._clients.discard(task)
            writer.close()

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_S)
        words = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
        if len(words) != 3 or words[0] != "CONNECT":
            await _refuse(writer, "405 Method Not Allowed", "Only CONNECT is served here.")
            return
        host = words[1].rpartition(":")[0].lower()
        if host not in self._names:
            await _refuse(writer, "403 Forbidden", "The box does not show this host.")
            return
        inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, self._door_port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await _both_ways((reader, writer), (inner_reader, inner_writer))
        finally:
            inner_writer.close()


async def _refuse(writer: asyncio.StreamWriter, status: str, sentence: str) -> None:
    body = (sentence + "\n").encode()
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


_Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _both_ways(client: _Ends, door: _Ends) -> None:
    """Until either side ends; a cut on one side is a cut on the other."""
    ways = [
        asyncio.create_task(_carry(client[0], door[1])),
        asyncio.create_task(_carry(door[0], client[1])),
    ]
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        with contextlib.suppress(TimeoutError):  # the other side has nothing more to say
            await asyncio.wait_for(asyncio.shield(asyncio.gather(*ways)), 0.2)
        for way in done:
            way.result()
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while piece := await source.read(PIECE):
        sink.write(piece)
        await sink.drain()
    with contextlib.suppress(OSError):  # the other end was quicker
        sink.write_eof()
