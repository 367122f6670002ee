"""What is said of a connection that broke never carries a key, a signature or a stream key."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest

from absolute.venues.dialect import Socket
from absolute.venues.sockets import Patience, SocketEnded, hear
from absolute.venues.wire_words import broken_by

SECRETS = ("thekey", "thesignature", "thelistenkey")


@asynccontextmanager
async def server(reply):
    async def answer(reader, writer):
        await reader.read(10)
        writer.write(reply)
        await writer.drain()
        writer.close()

    served = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield served.sockets[0].getsockname()[1]
    finally:
        served.close()
        await served.wait_closed()


@pytest.mark.parametrize(
    "reply", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", b""]
)
def test_a_reply_that_is_none_is_told_without_the_request(reply):
    async def main():
        async with server(reply) as port, aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{port}/order?signature=thesignature"
            try:
                await session.post(url, headers={"X-MBX-APIKEY": "thekey"})
            except aiohttp.ClientError as error:
                return broken_by(error)
            raise AssertionError("such a reply is an error")

    told = asyncio.run(main())
    assert told
    assert not any(secret in told for secret in SECRETS)


def test_a_url_that_is_none_is_not_repeated():
    told = broken_by(aiohttp.InvalidURL("wss://x/ws?listenKey=thelistenkey"))
    assert told == "InvalidURL"


def test_a_stream_that_is_refused_is_told_without_its_name():
    async def main():
        reply = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
        async with server(reply) as port, aiohttp.ClientSession() as session:
            socket = Socket(
                url=f"ws://127.0.0.1:{port}/ws?listenKey=thelistenkey",
                hello=tuple,
                items=lambda _frame: (),
                is_answer=lambda _frame: False,
                answers=0,
            )
            with pytest.raises(SocketEnded) as ended:
                await hear(
                    session, socket, ready=lambda: None, put=lambda _: None, patience=Patience()
                )
            return str(ended.value)

    told = asyncio.run(main())
    assert "403" in told
    assert not any(secret in told for secret in SECRETS)
