"""The way in for programs that only know a proxy: to the box, and to nowhere else."""

import asyncio
import ssl

import pytest

from absolute.simex.proxy import HEAD_MAX, Proxy

from tests.echo_box import echo_box
from tests.echo_face import HOST


async def said(port, head):
    """The whole answer to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    answer = await asyncio.wait_for(reader.read(), 15)
    writer.close()
    return answer


def behind(tmp_path, play):
    """What `play` gives with a proxy in front of the echo."""

    async def run():
        async with echo_box(tmp_path) as box:
            proxy = Proxy(box.address.names, box.address.port)
            port = await proxy.open()
            try:
                return await asyncio.wait_for(play(box, port), 20)
            finally:
                await proxy.close()

    return asyncio.run(run())


@pytest.mark.parametrize("port_asked", [443, 9443])
def test_a_tunnel_leads_to_the_box_whatever_port_the_venue_uses(tmp_path, port_asked):
    async def play(box, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"CONNECT {HOST}:{port_asked} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        await writer.start_tls(
            ssl.create_default_context(cafile=str(box.address.ca_path)), server_hostname=HOST
        )
        writer.write(f"GET /a?b=1 HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        return answer.rpartition(b"\r\n")[2]

    assert behind(tmp_path, play) == b'{"path": "/a", "query": "b=1", "body": ""}'


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"CONNECT api.bybit.com:443 HTTP/1.1\r\n\r\n", b"403"),
        (b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n", b"403"),
        (b"CONNECT api.echo.example HTTP/1.1\r\n\r\n", b"403"),
        (b"GET http://api.echo.example/ HTTP/1.1\r\n\r\n", b"405"),
        (b"\r\n\r\n", b"405"),
        (b"\xff\xfe\r\n\r\n", b""),
        (b"a" * (HEAD_MAX + 10), b""),
    ],
)
def test_everything_else_is_refused_and_nothing_reaches_a_venue(tmp_path, head, status):
    async def play(box, port):
        try:
            answer = await said(port, head)
        except ConnectionResetError:
            answer = b""
        return answer.partition(b" ")[2][:3], box.face.asked

    assert behind(tmp_path, play) == (status, [])


def test_a_client_may_use_the_environments_proxy_through_the_whole_way(tmp_path):
    async def play(box, port):
        from aiohttp import ClientSession

        tls = ssl.create_default_context(cafile=str(box.address.ca_path))
        proxy = f"http://127.0.0.1:{port}"
        async with ClientSession() as client:
            reply = await client.post(f"https://{HOST}/order", data="a", ssl=tls, proxy=proxy)
            ws = await client.ws_connect(f"wss://{HOST}/private", ssl=tls, proxy=proxy)
            await ws.send_str("hello")
            welcome = await ws.receive_str(timeout=5)
            box.door.cut_sockets()
            end = await ws.receive(timeout=5)
            return reply.status, box.face.orders, welcome, end.type.name != "TEXT"

    assert behind(tmp_path, play) == (200, ["a"], "welcome", True)
