"""The network door: bytes pass unchanged, names decide, and no client brings it down."""

import asyncio
import json
import ssl

import aiohttp
import pytest
from yarl import URL

from absolute.simex.certificates import Authority
from absolute.simex.face import Frame
from absolute.venues.box import BoxAddress, HostRefused, RedirectRefused, box_session

from tests.echo_box import echo_box
from tests.echo_face import HOST, EchoFace


def test_query_and_body_arrive_as_the_client_sent_them(tmp_path):
    query, body = "b=2&a=%2f&symbol=BTC%2FUSDT&x=%7B+%7D", b'{"qty": 0.10,  "side":"Buy"}'

    async def run():
        async with echo_box(tmp_path) as box:
            url = URL(box.url(f"/v5/order/create?{query}"), encoded=True)
            reply = await box.client.post(url, data=body, headers={"X-BAPI-SIGN": "Aa"})
            return box.face.asked[0], reply.headers, await reply.read()

    asked, headers, _ = asyncio.run(run())
    assert (asked.method, asked.host, asked.path) == ("POST", HOST, "/v5/order/create")
    assert (asked.query, asked.body) == (query, body)
    assert asked.headers["x-bapi-sign"] == "Aa"
    assert asked.peer == "127.0.0.1"
    assert headers["X-Echo"] == "1"
    assert headers["Content-Type"] == "application/json"


def test_what_leaves_the_socket_is_what_the_face_said(tmp_path):
    frames = [json.dumps({"n": n, "é": "ü" * n}) for n in range(200)]

    async def run():
        async with echo_box(tmp_path) as box:
            ws = await box.listener()
            socket = box.face.listeners[0]
            box.face.outbox += [Frame(socket, text) for text in frames]
            return [await ws.receive_str(timeout=5) for _ in frames]

    assert asyncio.run(run()) == frames


def test_a_socket_is_dialled_heard_and_its_end_is_told(tmp_path):
    async def run():
        async with echo_box(tmp_path) as box:
            ws = await box.listener("/ws?streams=a@trade/b@trade")
            await ws.close()
            while not box.face.gone:
                await asyncio.sleep(0.005)
            return box.face

    face = asyncio.run(run())
    assert (face.dialled[0].path, face.dialled[0].query) == ("/ws", "streams=a@trade/b@trade")
    assert face.gone == [face.dialled[0].socket]


def test_a_face_may_refuse_a_socket_or_end_one(tmp_path):
    async def run():
        async with echo_box(tmp_path) as box:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await box.client.ws_connect(f"wss://{HOST}/nowhere")
            ws = await box.listener()
            await ws.send_str("bye")
            last = [await ws.receive(timeout=5) for _ in range(2)]
            return refused.value.status, last[0].data, last[1].data

    assert asyncio.run(run()) == (404, "bye", 4001)


def test_time_passes_and_never_runs_backwards(tmp_path):
    async def run():
        async with echo_box(tmp_path) as box:
            while len(box.face.times) < 5:
                await box.order("a")
                await asyncio.sleep(0.03)
            return box.face.times

    times = asyncio.run(run())
    assert times == sorted(times)


def test_a_host_the_box_does_not_show_is_refused_before_anything_is_sent(tmp_path):
    async def run():
        async with echo_box(tmp_path) as box:
            for url in ("https://api.bybit.com/", "https://127.0.0.1/", "https://[::1]/"):
                with pytest.raises(HostRefused, match="nothing was sent"):
                    await box.client.get(url)
            with pytest.raises(HostRefused):
                await box.client.ws_connect("wss://stream.bybit.com/v5/private")
            with pytest.raises(HostRefused, match="not encrypted"):
                await box.client.get(f"http://{HOST}/")
            with pytest.raises(HostRefused, match="proxy"):
                await box.client.get(box.url(), proxy="http://127.0.0.1:9")
            return box.face.asked

    assert asyncio.run(run()) == []


def test_a_redirect_out_of_the_box_is_refused(tmp_path):
    away = {"do": "status", "status": 302, "headers": {"Location": "https://api.bybit.com/"}}

    async def run():
        async with echo_box(tmp_path, [away]) as box:
            with pytest.raises(RedirectRefused):
                await box.client.get(box.url("/order"))
            return box.face.asked

    assert asyncio.run(run()) == []


def test_the_real_world_does_not_trust_the_box_nor_the_box_client_the_real_world(tmp_path):
    async def run():
        async with echo_box(tmp_path) as box:
            other = Authority([HOST]).write_root(tmp_path / "other.pem")
            stranger = BoxAddress("127.0.0.1", box.address.port, other, box.address.names)
            async with box_session(stranger) as client:
                with pytest.raises(aiohttp.ClientConnectorCertificateError):
                    await client.get(box.url())
            plain = ssl.create_default_context()
            with pytest.raises(ssl.SSLCertVerificationError):
                await asyncio.open_connection(
                    "127.0.0.1", box.address.port, ssl=plain, server_hostname=HOST
                )
            return box.face.asked

    assert asyncio.run(run()) == []


def test_a_handshake_for_another_name_fails_and_another_host_header_is_misdirected(tmp_path):
    async def run():
        async with echo_box(tmp_path) as box:
            trusting = ssl.create_default_context(cafile=str(box.address.ca_path))
            trusting.check_hostname = False
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                await asyncio.open_connection(
                    "127.0.0.1", box.address.port, ssl=trusting, server_hostname="api.bybit.com"
                )
            reply = await box.client.get(box.url(), headers={"Host": "api.bybit.com"})
            return reply.status, box.face.asked

    assert asyncio.run(run()) == (421, [])


GARBAGE = (
    b"\x00" * 64,
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: api.echo.example\r\nContent-Length: nine\r\n\r\n",
    b"GET http://api.bybit.com/ HTTP/1.1\r\nHost: api.echo.example\r\n\r\n",
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: api.echo.example\r\n\r\n",
    b"GET /private HTTP/1.1\r\nHost: api.echo.example\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: api.echo.example\r\nContent-Length: 50\r\n\r\nhalf",
    b"GET / HTTP/1.1\r\nHost: api.echo.example\r\nUpgrade: websocket\r\n\r\n\xff\xff\xff",
)


@pytest.mark.parametrize("number", range(len(GARBAGE)))
def test_the_door_survives_garbage(tmp_path, number):
    async def run():
        async with echo_box(tmp_path) as box:
            tls = ssl.create_default_context(cafile=str(box.address.ca_path))
            port = box.address.port
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=tls, server_hostname=HOST
            )
            writer.write(GARBAGE[number])
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.transport.abort()
            plain, bare = await asyncio.open_connection("127.0.0.1", port)
            bare.write(GARBAGE[number])
            await asyncio.wait_for(plain.read(), 5)
            bare.close()
            await box.order("alive")
            del reader
            return box.face.orders, len(box.face.dialled) == len(box.face.gone)

    assert asyncio.run(run()) == (["alive"], True)


def test_a_body_beyond_the_limit_is_refused(tmp_path):
    async def run():
        async with echo_box(tmp_path) as box:
            reply = await box.order("x" * (2 * 1024 * 1024))
            return reply.status, box.face.orders

    assert asyncio.run(run()) == (413, [])


def test_binary_and_giant_frames_end_their_socket_only(tmp_path):
    async def run():
        async with echo_box(tmp_path) as box:
            binary, giant = await box.listener(), await box.listener()
            await binary.send_bytes(b"\x00\x01")
            await giant.send_str("x" * (2 * 1024 * 1024))
            codes = [(await ws.receive(timeout=5)).data for ws in (binary, giant)]
            third = await box.listener()
            await box.order("alive")
            return codes, json.loads(await third.receive_str(timeout=5))["order"]

    assert asyncio.run(run()) == ([1003, 1009], "alive")


def test_a_client_that_never_reads_is_dropped_and_the_others_live(tmp_path):
    async def run():
        async with echo_box(tmp_path) as box:
            deaf, good = await box.listener(), await box.listener()
            socket = box.face.listeners[0]
            connection = deaf._response.connection
            assert connection is not None
            assert connection.transport is not None
            connection.transport.pause_reading()
            for _ in range(60):
                box.face.outbox += [Frame(socket, "x" * 1_000_000)]
                box.door.flush()
                await asyncio.sleep(0)
            while socket not in box.face.gone:
                await asyncio.sleep(0.01)
            await box.order("alive")
            return json.loads(await good.receive_str(timeout=5))["order"]

    assert asyncio.run(asyncio.wait_for(run(), 20)) == "alive"


def test_a_venues_pings_come_in_time(tmp_path):
    async def run():
        async with echo_box(tmp_path, ping_s=0.05) as box:
            ws = await box.listener()
            return (await ws.receive(timeout=5)).type

    assert asyncio.run(run()) is aiohttp.WSMsgType.PING


def test_a_clock_ahead_shows_in_the_time_the_face_is_told(tmp_path):
    async def run():
        async with echo_box(tmp_path, clock_ahead_ms=60_000) as ahead:
            await ahead.order("a")
            async with echo_box(tmp_path) as right:
                await right.order("b")
                return ahead.face.times[-1] - right.face.times[-1]

    assert asyncio.run(run()) == pytest.approx(60e9, abs=2e9)


def test_a_face_that_fails_stops_the_door_loudly(tmp_path):
    class Broken(EchoFace):
        def pass_time(self, now):
            raise ArithmeticError(f"at {now}")

    async def run():
        async with echo_box(tmp_path) as box:
            box.face.__class__ = Broken
            with pytest.raises(ArithmeticError):
                await asyncio.wait_for(box.door.stand(), 5)

    with pytest.raises(ArithmeticError):
        asyncio.run(run())


def test_a_request_in_which_a_face_broke_is_noted_and_the_door_stays_open(tmp_path):
    class Broken(EchoFace):
        def answer(self, request, now):
            raise ArithmeticError(request.path)

    async def run():
        async with echo_box(tmp_path) as box:
            await box.client.get(box.url("/nothing"))
            box.face.__class__ = Broken
            status = (await box.client.get(box.url("/broken?a=1"))).status
            box.face.__class__ = EchoFace
            await box.order("alive")
            return status, box.door.failures, box.face.orders

    expected = (500, [f"GET {HOST}/broken?a=1"], ["alive"])
    assert asyncio.run(run()) == expected
