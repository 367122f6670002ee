"""Owns a scripted Bybit: one spot market, the documented shapes of its rows, its streams' hello."""

import hashlib
import hmac
import time
from typing import Any

from tests.scripted_venue import Asked, ScriptedFace

HOSTS = ("api-demo.bybit.com", "stream-demo.bybit.com", "stream.bybit.com")
MARKET = {
    "symbol": "BTCUSDT",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "status": "Trading",
    "lotSizeFilter": {
        "basePrecision": "0.000001",
        "quotePrecision": "0.00000001",
        "minOrderQty": "0.000011",
        "maxOrderQty": "83",
        "minOrderAmt": "5",
        "maxOrderAmt": "8000000",
        "maxLimitOrderQty": "83",
        "maxMarketOrderQty": "41.5",
    },
    "priceFilter": {"tickSize": "0.01"},
}
LINEAR = {
    "symbol": "BTCUSDT",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "settleCoin": "USDT",
    "contractType": "LinearPerpetual",
    "lotSizeFilter": {
        "qtyStep": "0.001",
        "minOrderQty": "0.001",
        "maxOrderQty": "1190",
        "maxMktOrderQty": "500",
        "minNotionalValue": "5",
    },
    "priceFilter": {"tickSize": "0.1"},
}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def yes(result: Any) -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now_ms()}


def no(code: int, text: str = "no") -> dict[str, Any]:
    return {"retCode": code, "retMsg": text, "result": {}, "retExtInfo": {}, "time": now_ms()}


def page(rows: list[Any], cursor: str = "") -> dict[str, Any]:
    return yes({"list": rows, "nextPageCursor": cursor, "category": "spot"})


def order(client_id: str, status: str = "New", **more: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "orderId": f"v-{client_id}",
        "orderLinkId": client_id,
        "side": "Buy",
        "orderType": "Limit",
        "orderStatus": status,
        "cumExecQty": "0",
        "updatedTime": str(now_ms()),
        "rejectReason": "EC_NoError",
    } | more


def execution(client_id: str, number: str, **more: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "orderId": f"v-{client_id}",
        "orderLinkId": client_id,
        "side": "Buy",
        "execId": number,
        "execPrice": "50000",
        "execQty": "0.001614",
        "execFee": "0.000001614",
        "feeCurrency": "BTC",
        "isMaker": False,
        "execType": "Trade",
        "execTime": str(now_ms()),
    } | more


def accepted(asked: Asked) -> dict[str, Any]:
    return yes(
        {"orderId": f"v-{asked.words['orderLinkId']}", "orderLinkId": asked.words["orderLinkId"]}
    )


def hello(face: ScriptedFace, path: str, frame: dict[str, Any]) -> list[Any]:
    """The venue's side of auth, subscriptions and pings."""
    match frame.get("op"):
        case "auth":
            return [{"success": True, "ret_msg": "", "op": "auth", "conn_id": "c"}]
        case "subscribe":
            return [{"success": True, "ret_msg": "", "op": "subscribe", "conn_id": "c"}]
        case "ping" if "private" in path:
            return [{"op": "pong", "args": ["1"], "conn_id": "c"}]
        case "ping":
            return [{"success": True, "ret_msg": "pong", "op": "ping", "conn_id": "c"}]
    return []


def bybit(**routes: Any) -> ScriptedFace:
    """A venue with a market, a clock, a price and no orders; `routes` by short names."""
    names = {
        "create": "POST /v5/order/create",
        "cancel": "POST /v5/order/cancel",
        "realtime": "GET /v5/order/realtime",
        "history": "GET /v5/order/history",
        "executions": "GET /v5/execution/list",
        "wallet": "GET /v5/account/wallet-balance",
        "tickers": "GET /v5/market/tickers",
        "clock": "GET /v5/market/time",
        "key": "GET /v5/user/query-api",
    }
    table: dict[str, Any] = {
        "GET /v5/market/instruments-info": lambda asked: page(
            [LINEAR if asked.words["category"] == "linear" else MARKET]
        ),
        names["clock"]: lambda _: yes({"timeNano": str(time.time_ns())}),
        names["tickers"]: lambda _: page([{"lastPrice": "50000.5"}]),
        names["create"]: accepted,
        names["cancel"]: lambda asked: yes({}),
        names["realtime"]: page([]),
        names["history"]: page([]),
        names["executions"]: page([]),
    }
    return ScriptedFace(HOSTS, table | {names[key]: value for key, value in routes.items()}, hello)


def signature(asked: Asked, secret: str) -> str:
    """Bybit's signature over the bytes as they came."""
    raw, heads = asked.raw, asked.raw.headers
    text = heads["x-bapi-timestamp"] + heads["x-bapi-api-key"] + heads["x-bapi-recv-window"]
    text += raw.body.decode() if raw.method == "POST" else raw.query
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
