"""Owns a scripted Binance, spot and USD-M: one market, documented shapes, its streams' hello."""

import hashlib
import hmac
import time
from typing import Any
from urllib.parse import urlencode

from tests.scripted_venue import Asked, ScriptedFace

SPOT_HOSTS = ("demo-api.binance.com", "demo-stream.binance.com", "demo-ws-api.binance.com")
USDM_HOSTS = ("demo-fapi.binance.com", "fstream.binancefuture.com")
FILTERS = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
    {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": "128.5", "stepSize": "0"},
    {"filterType": "NOTIONAL", "minNotional": "5", "maxNotional": "9000000"},
]
MARKET = {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "filters": FILTERS}
PERPETUAL = MARKET | {"contractType": "PERPETUAL"}
DATED = MARKET | {"contractType": "CURRENT_QUARTER", "symbol": "BTCUSDT_261225"}
GONE = (400, {"code": -2013, "msg": "Order does not exist."})


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def order(client_id: str, number: int = 1, status: str = "NEW", **more: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "orderId": number,
        "clientOrderId": client_id,
        "executedQty": "0.00000000",
        "status": status,
        "updateTime": now_ms(),
    } | more


def trade(number: int, order_id: int, at_ms: int, **more: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "id": number,
        "orderId": order_id,
        "price": "50000.00",
        "qty": "0.00100",
        "commission": "0.00000100",
        "commissionAsset": "BTC",
        "time": at_ms,
        "isBuyer": True,
        "isMaker": False,
    } | more


def placed(asked: Asked) -> dict[str, Any]:
    return {"symbol": "BTCUSDT", "orderId": 28, "clientOrderId": asked.words["newClientOrderId"]}


def hello(face: ScriptedFace, path: str, frame: dict[str, Any]) -> list[Any]:
    if frame.get("method") == "userDataStream.subscribe.signature":
        return [{"id": frame["id"], "status": 200, "result": {"subscriptionId": 0}}]
    if frame.get("method") == "SUBSCRIBE":
        return [{"id": frame["id"], "result": None}]
    return []


def binance(**routes: Any) -> ScriptedFace:
    """Spot, with no orders and no trades; `routes` by short names."""
    names = {
        "place": "POST /api/v3/order",
        "cancel": "DELETE /api/v3/order",
        "order": "GET /api/v3/order",
        "open": "GET /api/v3/openOrders",
        "trades": "GET /api/v3/myTrades",
        "account": "GET /api/v3/account",
    }
    table: dict[str, Any] = {
        "GET /api/v3/exchangeInfo": {"symbols": [MARKET]},
        "GET /api/v3/time": lambda _: {"serverTime": now_ms()},
        "GET /api/v3/ticker/24hr": lambda _: {"lastPrice": "50000.5", "closeTime": now_ms()},
        names["place"]: placed,
        names["cancel"]: lambda asked: order("x", status="CANCELED"),
        names["order"]: GONE,
        names["open"]: [],
        names["trades"]: [],
    }
    given = {names[key]: value for key, value in routes.items()}
    return ScriptedFace(SPOT_HOSTS, table | given, hello)


def usdm(**routes: Any) -> ScriptedFace:
    """USD-M, with no orders and no trades; `routes` by short names."""
    names = {
        "place": "POST /fapi/v1/order",
        "cancel": "DELETE /fapi/v1/order",
        "order": "GET /fapi/v1/order",
        "open": "GET /fapi/v1/openOrders",
        "trades": "GET /fapi/v1/userTrades",
        "algo_place": "POST /fapi/v1/algoOrder",
        "algo_cancel": "DELETE /fapi/v1/algoOrder",
        "algo": "GET /fapi/v1/algoOrder",
        "algo_open": "GET /fapi/v1/openAlgoOrders",
        "algo_all": "GET /fapi/v1/allAlgoOrders",
        "balance": "GET /fapi/v3/balance",
    }
    table: dict[str, Any] = {
        "GET /fapi/v1/exchangeInfo": {"symbols": [DATED, PERPETUAL]},
        "GET /fapi/v1/time": lambda _: {"serverTime": now_ms()},
        "GET /fapi/v1/ticker/24hr": lambda _: {"lastPrice": "50000.5", "closeTime": now_ms()},
        "POST /fapi/v1/listenKey": {"listenKey": "lk1"},
        "PUT /fapi/v1/listenKey": {},
        names["place"]: placed,
        names["cancel"]: lambda asked: order("x", status="CANCELED"),
        names["order"]: GONE,
        names["algo"]: GONE,
        names["open"]: [],
        names["algo_open"]: [],
        names["algo_all"]: [],
        names["trades"]: [],
    }
    given = {names[key]: value for key, value in routes.items()}
    return ScriptedFace(USDM_HOSTS, table | given, hello)


def signature_fits(asked: Asked, secret: str) -> bool:
    """Binance's signature over the bytes as they came, wherever the parameters are."""
    text = asked.raw.body.decode() or asked.raw.query
    payload, _, given = text.rpartition("&signature=")
    return given == hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def stream_signature_fits(params: dict[str, Any], secret: str) -> bool:
    """The signature of a WebSocket API call: over its sorted parameters."""
    payload = urlencode(sorted((k, str(v)) for k, v in params.items() if k != "signature"))
    given = params["signature"]
    return bool(given == hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest())
