"""Whatever a client says, a face answers: it never breaks, and it never makes or loses money."""

import hashlib
import hmac
import json
from itertools import count
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.desk.box_venues import MarketWanted, made_venues
from absolute.domain.units import NANOS_PER_MS, NANOS_PER_SECOND, Nanos
from absolute.simex.face import Dial, HttpReply, HttpRequest, SocketId

T0 = Nanos(1_760_000_000 * NANOS_PER_SECOND)
TICKS = count(1)

BYBIT = [
    "order/create", "order/amend", "order/cancel", "order/cancel-all", "order/create-batch",
    "order/realtime", "order/history", "execution/list", "account/wallet-balance",
    "position/list", "position/set-leverage", "position/trading-stop", "market/kline",
    "market/tickers", "market/orderbook", "market/instruments-info", "user/query-api",
    "account/demo-apply-money", "asset/coin/query-info", "market/time", "nowhere",
]  # fmt: skip
SPOT = [
    "order", "order/test", "openOrders", "allOrders", "myTrades", "account", "exchangeInfo",
    "klines", "ticker/24hr", "depth", "order/cancelReplace", "userDataStream", "time", "nowhere",
]  # fmt: skip
USDM = [
    "order", "openOrders", "allOrders", "userTrades", "allOpenOrders", "algoOrder",
    "openAlgoOrders", "listenKey", "leverage", "marginType", "positionSide/dual", "exchangeInfo",
    "klines", "ticker/24hr", "depth", "openOrder", "nowhere",
]  # fmt: skip

PLACES = {
    "bybit": ("api-demo.bybit.com", [f"/v5/{each}" for each in BYBIT]),
    "binance": ("demo-api.binance.com", [f"/api/v3/{each}" for each in SPOT]),
    "binanceusdm": ("demo-fapi.binance.com", [f"/fapi/v1/{each}" for each in USDM]),
    "kraken": (
        "api.kraken.com",
        [f"/0/p{each}" for each in ("ublic/Ticker", "ublic/Depth", "rivate/AddOrder")],
    ),
    "coinbase": ("api.coinbase.com", [f"/api/v3/brokerage/{each}" for each in ("orders", "time")]),
    "robinhood": (
        "trading.robinhood.com",
        [f"/api/v2/crypto/trading/{each}/" for each in ("orders", "accounts")],
    ),
}

NAMES = st.sampled_from(
    "category symbol side orderType type qty quantity price timeInForce orderLinkId orderId "
    "newClientOrderId origClientOrderId triggerPrice stopPrice quoteOrderQty limit cursor "
    "startTime endTime interval reduceOnly marketUnit leverage buyLeverage algoType request "
    "listenKey newOrderRespType "
    "cancelReplaceMode fromId recvWindow coin accountType settleCoin".split()
)
VALUES = st.one_of(
    st.sampled_from(
        "spot linear BTCUSDT ETHUSDT Buy BUY Sell SELL Limit LIMIT Market MARKET GTC IOC FOK "
        "PostOnly 0.01 60000 57000.5 -1 0 1e5 NaN Infinity 99999999999999999999 true false 1 5 D "
        "UNIFIED USDT "
        "STOP_MARKET TAKE_PROFIT LIMIT_MAKER CONDITIONAL quoteCoin STOP_ON_FAILURE".split()
    ),
    st.text(max_size=12),
)
WORDS = st.dictionaries(NAMES, VALUES, max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
SOUND = {
    "bybit": {
        "category": "spot",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.001",
        "price": "50000",
    },
    "binance": {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "0.001",
        "price": "50000",
        "timeInForce": "GTC",
    },
}
SOUND["binanceusdm"] = {**SOUND["binance"], "quantity": "0.003"}
"""An order that would be taken: what is drawn is laid over it, so that it also fails late."""
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"])


@pytest.fixture(scope="module")
def shown():
    """Every venue of the box, begun."""
    found = {each.name: each for each in made_venues(MarketWanted(seed=11), "all")}
    for each in found.values():
        each.face.pass_time(T0)
    return found


def later():
    """A time that goes on with every request, so that limits of orders by time let some through."""
    return Nanos(T0 + next(TICKS) * 300 * NANOS_PER_MS)


def signed(venue, method, words, *, body, now):
    """A request's query, body and headers, signed as that venue wants it, where it is simple."""
    key, now_ms = f"box-{venue}-demo", now // NANOS_PER_MS
    secret = f"{key}-secret".encode()
    if venue == "bybit":
        query = urlencode(words) if method == "GET" else ""
        text = query if method == "GET" else body
        payload = f"{now_ms}{key}5000{text}"
        sign = hmac.new(secret, payload.encode(), hashlib.sha256).hexdigest()
        headers = {"x-bapi-api-key": key, "x-bapi-timestamp": str(now_ms), "x-bapi-sign": sign}
        return query, body, headers | {"x-bapi-recv-window": "5000"}
    query = urlencode({**words, "timestamp": now_ms, "recvWindow": 5000})
    sign = hmac.new(secret, query.encode(), hashlib.sha256).hexdigest()
    return f"{query}&signature={sign}", "", {"x-mbx-apikey": key}


@pytest.mark.parametrize("venue", PLACES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_request_breaks_a_face(shown, venue, data):
    host, paths = PLACES[venue]
    method, path, words = data.draw(METHODS), data.draw(st.sampled_from(paths)), data.draw(WORDS)
    if data.draw(st.booleans()):
        words = {**SOUND.get(venue, {}), **words}
    body = json.dumps(data.draw(st.one_of(st.just(words), WORDS, JSON)))
    now = later()
    query, body, headers = signed(venue, method, words, body=body, now=now)
    raw = data.draw(st.one_of(st.just(body.encode()), st.binary(max_size=40)))
    if data.draw(st.booleans()):
        raw = body.encode()
    face = shown[venue].face
    request = HttpRequest(
        method, host, path, query, headers, raw, data.draw(st.sampled_from(PEERS))
    )
    reply = face.answer(request, now)
    assert isinstance(reply, HttpReply)
    assert 200 <= reply.status < 600
    assert reply.status != 500
    list(face.drain())
    for inside in shown[venue].insides:
        assert inside.exchange.sums() == {}


@pytest.mark.parametrize("venue", SOUND)
def test_the_order_that_draws_are_laid_over_would_be_taken(shown, venue):
    host, [path, *_] = PLACES[venue]
    now, text = Nanos(later() + 3600 * NANOS_PER_SECOND), json.dumps(SOUND[venue])
    query, body, headers = signed(venue, "POST", SOUND[venue], body=text, now=now)
    request = HttpRequest("POST", host, path, query, headers, body.encode(), "10.8.8.8")
    told = json.loads(shown[venue].face.answer(request, now).body)
    assert told.get("retCode") == 0 or told.get("orderId"), told


PEERS = [f"10.0.{high}.{low}" for high in range(64) for low in range(64)]
"""Enough addresses that limits by IP do not answer in everyone's place."""

SOCKETS = [
    ("bybit", "stream-demo.bybit.com", "/v5/private"),
    ("bybit", "stream.bybit.com", "/v5/public/spot"),
    ("bybit", "stream.bybit.com", "/v5/trade"),
    ("binance", "demo-ws-api.binance.com", "/ws-api/v3"),
    ("binance", "demo-stream.binance.com", "/ws"),
    ("binanceusdm", "fstream.binancefuture.com", "/public/ws"),
    ("binanceusdm", "fstream.binancefuture.com", "/private/stream"),
    ("binanceusdm", "testnet.binancefuture.com", "/ws-fapi/v1"),
]
FRAMES = st.one_of(
    st.text(max_size=30),
    JSON.map(json.dumps),
    st.fixed_dictionaries(
        {},
        optional={
            "op": st.sampled_from(
                "auth subscribe unsubscribe ping order.create order.cancel".split()
            ),
            "method": st.sampled_from(
                "SUBSCRIBE UNSUBSCRIBE LIST_SUBSCRIPTIONS order.place order.status time "
                "session.logon userDataStream.subscribe userDataStream.start ping".split()
            ),
            "args": JSON,
            "params": JSON,
            "id": JSON,
            "reqId": JSON,
            "req_id": JSON,
            "header": JSON,
        },
    ).map(json.dumps),
)


@pytest.mark.parametrize(("venue", "host", "path"), SOCKETS)
@settings(max_examples=100, deadline=None)
@given(texts=st.lists(FRAMES, max_size=6))
def test_no_frame_breaks_a_face(shown, venue, host, path, texts):
    face, socket = shown[venue].face, SocketId(7)
    refused = face.dial(Dial(socket, host, path, peer="10.9.9.9"), T0)
    if refused is None:
        for text in texts:
            face.receive(socket, text, T0)
        frames = list(face.drain())
        face.closed(socket, T0)
        assert all(json.loads(each.text) is not None for each in frames if each.socket == socket)
    else:
        assert refused.status >= 400
