"""Foreign clients against the Bybit face: their own signatures, their own reading of replies."""

import asyncio
import io
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import ccxt.async_support as ccxt  # type: ignore[import-untyped]
import pytest
import requests
from pybit.exceptions import InvalidRequestError  # type: ignore[import-untyped]
from pybit.unified_trading import HTTP  # type: ignore[import-untyped]
from requests.adapters import HTTPAdapter

from absolute.domain.units import Nanos
from absolute.simex.bybit import BybitFace
from absolute.simex.face import Environment, HttpReply, HttpRequest
from absolute.simex.keys import default_key

from tests.box_markets import D
from tests.bybit_box import face


def asked(box: BybitFace, url: str, method: str, headers: Any, body: bytes) -> HttpReply:
    """Hand a client's request to the face as the network door would."""
    parts = urlsplit(url)
    lower = {name.lower(): str(value) for name, value in dict(headers or {}).items()}
    host = parts.hostname or ""
    request = HttpRequest(method, host, parts.path, parts.query, lower, body)
    return box.answer(request, Nanos(time.time_ns()))


class BoxedCcxt(ccxt.bybit):  # type: ignore[misc]
    """ccxt's Bybit with the face in the place of its transport."""

    box: BybitFace

    async def fetch(self, url, method="GET", headers=None, body=None):
        payload = body.encode() if isinstance(body, str) else body or b""
        reply = asked(self.box, url, method, headers, payload)
        text = reply.body.decode()
        told = json.loads(text) if text.startswith("{") else None
        self.last_response_headers = dict(reply.headers)
        self.handle_errors(
            reply.status, "", url, method, dict(reply.headers), text, told, headers, body
        )
        return told


class BoxAdapter(HTTPAdapter):
    """A transport of `requests` that asks the face."""

    def __init__(self, box: BybitFace) -> None:
        super().__init__()
        self.box = box

    def send(self, request, *args, **kwargs):
        body = request.body or b""
        payload = body.encode() if isinstance(body, str) else body
        reply = asked(self.box, request.url, request.method, request.headers, payload)
        response = requests.Response()
        response.status_code = reply.status
        response.headers.update(reply.headers)
        response.raw = io.BytesIO(reply.body)
        response.url = request.url
        response.request = request
        response.encoding = "utf-8"
        return response


def with_ccxt(environment: Environment, story: Callable[[Any, BybitFace], Awaitable[None]]) -> None:
    """Run a story with a ccxt client of one world."""
    box, key = face(past=120), default_key("bybit", environment)

    async def run() -> None:
        client = BoxedCcxt(
            {
                "apiKey": key.key,
                "secret": key.secret,
                "enableRateLimit": False,
                "number": str,
                "options": {"fetchMarkets": {"types": ["spot", "linear"]}},
            }
        )
        client.box = box
        if environment is Environment.DEMO:
            client.enable_demo_trading(True)
        if environment is Environment.TESTNET:
            client.set_sandbox_mode(True)
        try:
            await story(client, box)
        finally:
            await client.close()

    asyncio.run(run())


@pytest.mark.parametrize("environment", list(Environment))
def test_ccxt_loads_markets_trades_and_reads_back_what_happened(environment):
    async def story(client: Any, box: BybitFace) -> None:
        markets = await client.load_markets()
        assert {"BTC/USDT", "BTC/USDT:USDT"} <= set(markets)
        assert markets["BTC/USDT"]["precision"]["amount"] == "0.000001"
        placed = await client.create_order(
            "BTC/USDT", "limit", "buy", "0.001", "49500", {"clientOrderId": "ccxt-1"}
        )
        (open_order,) = await client.fetch_open_orders("BTC/USDT")
        assert (open_order["id"], open_order["clientOrderId"]) == (placed["id"], "ccxt-1")
        assert open_order["symbol"] == "BTC/USDT"
        balance = await client.fetch_balance()
        assert D(balance["USDT"]["used"]) == D("49.5")
        await client.cancel_order(placed["id"], "BTC/USDT")
        bought = await client.create_order("BTC/USDT", "market", "buy", "100", "1")
        orders = await client.fetch_canceled_and_closed_orders("BTC/USDT")
        (done,) = [each for each in orders if each["id"] == bought["id"]]
        assert done["status"] == "closed"
        (fill,) = await client.fetch_my_trades("BTC/USDT")
        assert fill["fee"]["currency"] == "BTC"
        assert D(fill["amount"]) == D(done["filled"])
        audit = box.exchanges[environment].audit(client.apiKey)
        assert [row.ask.client_id for row in audit.orders] == ["ccxt-1", ""]

    with_ccxt(environment, story)


def test_ccxt_reads_positions_prices_and_books():
    async def story(client: Any, box: BybitFace) -> None:
        del box
        await client.load_markets()
        await client.create_order("BTC/USDT:USDT", "market", "buy", "0.01")
        (position,) = await client.fetch_positions(["BTC/USDT:USDT"])
        assert (position["side"], D(position["contracts"])) == ("long", D("0.01"))
        ticker = await client.fetch_ticker("BTC/USDT:USDT")
        assert D(ticker["last"]) == D(position["entryPrice"])
        book = await client.fetch_order_book("BTC/USDT")
        assert book["bids"][0][0] < book["asks"][0][0]
        candles = await client.fetch_ohlcv("BTC/USDT", "1m", limit=5)
        assert len(candles) == 5
        assert candles[0][0] < candles[-1][0]
        await client.set_leverage(5, "BTC/USDT:USDT")
        assert await client.fetch_time() > 0
        (trade, *_) = await client.fetch_trades("BTC/USDT")
        assert trade["symbol"] == "BTC/USDT"

    with_ccxt(Environment.MAIN, story)


def test_ccxt_raises_its_own_exceptions_for_our_codes():
    async def story(client: Any, box: BybitFace) -> None:
        del box
        await client.load_markets()
        with pytest.raises(ccxt.InsufficientFunds):
            await client.create_order("BTC/USDT", "limit", "buy", "1", "49500")
        with pytest.raises(ccxt.OrderNotFound):
            await client.cancel_order("17", "BTC/USDT")
        order = ("BTC/USDT", "limit", "buy", "0.001", "49500", {"clientOrderId": "a"})
        await client.create_order(*order)
        with pytest.raises(ccxt.InvalidOrder):
            await client.create_order(*order)
        client.secret = "wrong"
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_balance()

    with_ccxt(Environment.MAIN, story)


def test_pybit_signs_with_blanks_in_its_json_and_is_understood():
    box, key = face(), default_key("bybit", Environment.TESTNET)
    session = HTTP(testnet=True, api_key=key.key, api_secret=key.secret)
    session.client.mount("https://", BoxAdapter(box))
    order = {
        "category": "spot",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Market",
        "qty": "300",
        "orderLinkId": "pybit-1",
    }
    assert session.place_order(**order)["retMsg"] == "OK"
    (row,) = session.get_open_orders(category="spot", orderLinkId="pybit-1")["result"]["list"]
    assert row["orderStatus"] == "PartiallyFilledCanceled"
    wallet = session.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]
    assert {each["coin"] for each in wallet["coin"]} == {"BTC", "USDT"}
    with pytest.raises(InvalidRequestError) as refused:
        session.place_order(**order)
    assert refused.value.status_code == 170141
    session.client.close()
