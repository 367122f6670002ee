"""Every reply and event of the Binance faces has the keys and JSON types of the venue's documents.

What differs is listed in `binance_deviations.txt` beside this file, one line each with its reason;
a difference that is not listed fails, and so does a line that is not needed any more.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from absolute.simex import binance_faults
from absolute.simex.binance_faults import SPOT_FAULTS, USDM_FAULTS, Fault
from absolute.simex.binance_spot import binance_spot_face
from absolute.simex.binance_usdm import binance_usdm_face
from absolute.simex.face import SocketId
from absolute.simex.keys import default_keys
from absolute.wire.binance_spot_rows import (
    account_position_rows,
    execution_report,
    spot_balance_rows,
    spot_order_row,
    spot_trade_row,
)
from absolute.wire.binance_usdm_account_rows import (
    account_update,
    usdm_balance_row,
    usdm_position_row,
)
from absolute.wire.binance_usdm_rows import (
    algo_order_row,
    algo_update,
    order_trade_update,
    usdm_order_row,
    usdm_trade_row,
)

from tests.binance_talk import SpotTalk, UsdmTalk
from tests.box_clients import BoxClock, still_supply

WIRE = Path(__file__).resolve().parents[3] / "shared" / "data" / "wire"
DEVIATIONS = Path(__file__).with_name("binance_deviations.txt")

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="the venues' documents are not here")


# --- shapes ---------------------------------------------------------------------------------------


def paths(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Every key path of a JSON value with the type of what stands there."""
    match value:
        case bool():
            yield at, "bool"
        case None:
            yield at, "null"
        case int() | float():
            yield at, "number"
        case str():
            yield at, "text"
        case list():
            yield at, "list"
            for each in value:
                yield from paths(each, f"{at}[]")
        case dict():
            yield at, "object"
            for key, each in value.items():
                yield from paths(each, f"{at}.{key}")


def shape(value: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path, kind in paths(value):
        found.setdefault(path, set()).add(kind)
    return found


def differences(ours: Any, documented: list[Any]) -> Iterator[str]:
    """How a reply differs from all documented ones: key paths, and types."""
    mine, theirs = shape(ours), [shape(each) for each in documented]
    allowed: dict[str, set[str]] = {}
    for each in theirs:
        for path, kinds in each.items():
            allowed.setdefault(path, set()).update(kinds)
    required = set.intersection(*(set(each) for each in theirs))
    empty = {path for path, kinds in mine.items() if kinds == {"list"} and f"{path}[]" not in mine}
    for path in sorted(required - set(mine)):
        if not any(path.startswith(f"{each}[]") for each in empty):
            yield f"missing {path}"
    for path in sorted(set(mine) - set(allowed)):
        parents = [each for each in allowed if path.startswith(f"{each}[]")]
        unknown = [each for each in parents if f"{each}[]" not in allowed]
        parent = path.rpartition(".")[0]
        elided = parent.endswith("[]") and not any(
            each.startswith(f"{parent}.") for each in allowed
        )
        if not unknown and not elided:
            yield f"extra {path}"
    for path in sorted(set(mine) & set(allowed)):
        if mine[path] - allowed[path]:
            yield f"type {path} {'/'.join(sorted(mine[path]))}"


# --- documents ------------------------------------------------------------------------------------


@cache
def document(name: str) -> Any:
    return json.loads((WIRE / name).read_text("utf-8"))


def spot_rest(method: str, path: str, label: str = "") -> list[Any]:
    return [
        response["json"]
        for each in document("binance_spot_rest.json")["endpoints"]
        if (each["method"], each["path"]) == (method, path)
        for response in each["responses"]
        if label in response["label"]
    ]


def spot_method(name: str, index: int | None = None) -> list[Any]:
    found = [
        example["json"]
        for each in document("binance_spot_ws.json")["websocket_api"]
        if each["methods"] == [name] and "example" not in each["title"]
        for example in each["examples"]
        if example["role"] == "response"
    ]
    return found if index is None else [found[index]]


def spot_stream(name: str) -> list[Any]:
    return [
        example["json"]
        for each in document("binance_spot_ws.json")["market_streams"]
        if name in each["stream_names"]
        for example in each["examples"]
    ]


def spot_event(name: str) -> list[Any]:
    return [
        example["json"]
        for each in document("binance_spot_ws.json")["user_data_events"]
        for example in each["examples"]
        if example.get("event") == name
    ]


def usdm_rest(method: str, path: str) -> list[Any]:
    return [
        response["json"]
        for each in document("binance_usdm.json")["rest"]
        if (each["method"], each["path"]) == (method, path)
        for response in each["responses"]
    ]


def usdm_list(method: str, path: str) -> list[Any]:
    return [each for each in usdm_rest(method, path) if isinstance(each, list)]


def usdm_row(method: str, path: str) -> list[Any]:
    return [each for each in usdm_rest(method, path) if isinstance(each, dict)]


def usdm_method(name: str) -> list[Any]:
    return [
        response["json"]
        for each in document("binance_usdm.json")["websocket_api"]
        if each["method"] == name
        for response in each["responses"]
    ]


def usdm_stream(name: str) -> list[Any]:
    return [
        example["json"]
        for each in document("binance_usdm.json")["market_streams"]
        if each["stream"] == name
        for example in each["examples"]
    ]


def usdm_event(name: str) -> list[Any]:
    return [
        example["json"]
        for each in document("binance_usdm.json")["user_data_events"]
        if each["event"] == name
        for example in each["examples"]
        if example["source"].startswith("docs")
    ]


# --- what the faces say ---------------------------------------------------------------------------

Compared = tuple[str, Any, list[Any]]


def spot_talk() -> SpotTalk:
    return SpotTalk(binance_spot_face(default_keys(), still_supply()), BoxClock(), "main")


LIMIT = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "50000.00"}


def spot_said() -> Iterator[Compared]:
    talk = spot_talk()
    private = talk.socket_api()
    yield from spot_session_said(talk, private)
    yield from spot_public_said(talk)
    yield from spot_orders_said(talk)
    yield from spot_replaced_said(talk)
    yield from spot_socket_said(talk, private)
    yield from spot_events_said(talk, private)
    yield from spot_streams_said()


def spot_session_said(talk: SpotTalk, private: SocketId) -> Iterator[Compared]:
    subscribed = talk.ask(private, "userDataStream.subscribe.signature", {}, signed=True)
    yield (
        "ws userDataStream.subscribe.signature",
        subscribed,
        spot_method("userDataStream.subscribe.signature"),
    )
    yield "ws ping", talk.ask(private, "ping", {}), spot_method("ping")
    yield "ws time", talk.ask(private, "time", {}), spot_method("time")


def spot_public_said(talk: SpotTalk) -> Iterator[Compared]:
    market = {"symbol": "BTCUSDT"}
    for path, asked, label in (
        ("ping", {}, ""),
        ("time", {}, ""),
        ("exchangeInfo", {}, ""),
        ("depth", market, ""),
        ("trades", market, ""),
        ("aggTrades", market, ""),
        ("avgPrice", market, ""),
        ("klines", {**market, "interval": "1m"}, ""),
        ("ticker/price", market, "Response:"),
        ("ticker/bookTicker", market, "Response:"),
        ("ticker/24hr", market, "FULL"),
        ("ticker/24hr", {**market, "type": "MINI"}, "MINI"),
    ):
        if path in {"trades", "aggTrades"}:
            talk.trade("POST", "order", side="BUY", type="MARKET", quantity="0.01")
        reply = talk.get(f"/api/v3/{path}", **asked)
        yield (f"GET /api/v3/{path} {label}", reply, spot_rest("GET", f"/api/v3/{path}", label))


def spot_orders_said(talk: SpotTalk) -> Iterator[Compared]:
    for shape_name in ("ACK", "RESULT"):
        reply = talk.trade("POST", "order", **LIMIT, quantity="0.001", newOrderRespType=shape_name)
        yield (f"POST order {shape_name}", reply, spot_rest("POST", "/api/v3/order", shape_name))
    filled = talk.trade("POST", "order", side="BUY", type="MARKET", quoteOrderQty="100")
    yield "POST order FULL", filled, spot_rest("POST", "/api/v3/order", "FULL")
    yield (
        "POST order/test",
        talk.trade("POST", "order/test", **LIMIT, quantity="0.001"),
        spot_rest("POST", "/api/v3/order/test", "Without"),
    )
    rates = talk.trade(
        "POST", "order/test", **LIMIT, quantity="0.001", computeCommissionRates="true"
    )
    yield "POST order/test rates", rates, spot_rest("POST", "/api/v3/order/test", "With c")
    for method, path, asked in (
        ("GET", "order", {"orderId": filled["orderId"]}),
        ("GET", "openOrders", {}),
        ("GET", "allOrders", {}),
        ("GET", "myTrades", {}),
        ("GET", "account", {}),
        ("GET", "account/commission", {}),
        ("GET", "rateLimit/order", {}),
    ):
        yield (
            f"{method} {path}",
            talk.trade(method, path, **asked),
            spot_rest(method, f"/api/v3/{path}"),
        )


def spot_replaced_said(talk: SpotTalk) -> Iterator[Compared]:
    order = talk.trade("POST", "order", **LIMIT, quantity="0.001")
    replaced = talk.trade(
        "POST",
        "order/cancelReplace",
        **LIMIT,
        quantity="0.002",
        cancelOrderId=order["orderId"],
        cancelReplaceMode="STOP_ON_FAILURE",
    )
    yield (
        "POST order/cancelReplace",
        replaced,
        spot_rest("POST", "/api/v3/order/cancelReplace", "Response SUCCESS"),
    )
    for mode, label in (("STOP_ON_FAILURE", "STOP_ON"), ("ALLOW_FAILURE", "ALLOW_FAILURE and")):
        failed = talk.trade(
            "POST",
            "order/cancelReplace",
            **LIMIT,
            quantity="0.001",
            newOrderRespType="ACK",
            cancelOrderId="999",
            cancelReplaceMode=mode,
        )
        yield (
            f"POST order/cancelReplace {mode}",
            failed,
            spot_rest("POST", "/api/v3/order/cancelReplace", label)[:1],
        )
    cancelled = talk.trade("DELETE", "order", orderId=replaced["newOrderResponse"]["orderId"])
    yield "DELETE order", cancelled, spot_rest("DELETE", "/api/v3/order", "Response")
    yield (
        "DELETE openOrders",
        talk.trade("DELETE", "openOrders"),
        [each[:2] for each in spot_rest("DELETE", "/api/v3/openOrders")],
    )


def spot_socket_said(talk: SpotTalk, private: SocketId) -> Iterator[Compared]:
    market = {"symbol": "BTCUSDT"}
    placed = talk.ask(
        private,
        "order.place",
        {**market, **LIMIT, "quantity": "0.001", "newOrderRespType": "RESULT"},
        signed=True,
    )
    yield "ws order.place", placed, spot_method("order.place", 1)
    named = {**market, "orderId": placed["result"]["orderId"]}
    for method in ("order.status", "openOrders.status", "account.status"):
        yield (f"ws {method}", talk.ask(private, method, named, signed=True), spot_method(method))
    gone = talk.ask(private, "order.cancel", named, signed=True)
    yield "ws order.cancel", gone, spot_method("order.cancel", 0)


def spot_events_said(talk: SpotTalk, private: SocketId) -> Iterator[Compared]:
    talk.deposit("USDT", 5)
    ended = talk.ask(private, "userDataStream.unsubscribe", {})
    yield ("ws userDataStream.unsubscribe", ended, spot_method("userDataStream.unsubscribe"))
    events: dict[str, list[Any]] = {}
    for frame in talk.heard(private):
        if "event" in frame:
            events.setdefault(frame["event"]["e"], []).append(frame)
    assert set(events) >= {
        "executionReport",
        "outboundAccountPosition",
        "balanceUpdate",
        "eventStreamTerminated",
    }
    for name, frames in events.items():
        for frame in frames:
            yield f"event {name}", frame, spot_event(name)


def spot_streams_said() -> Iterator[Compared]:
    talk = spot_talk()
    public = talk.stream(
        "btcusdt@trade/btcusdt@aggTrade/btcusdt@depth@100ms/btcusdt@depth5/btcusdt@bookTicker/"
        "btcusdt@miniTicker/btcusdt@ticker/btcusdt@kline_1m"
    )
    talk.trade("POST", "order", side="BUY", type="MARKET", quantity="0.01")
    talk.pass_ms(3_000)
    names = {
        "trade": "<symbol>@trade",
        "aggTrade": "<symbol>@aggTrade",
        "depth": "<symbol>@depth@100ms",
        "depth5": "<symbol>@depth<levels>",
        "bookTicker": "<symbol>@bookTicker",
        "miniTicker": "<symbol>@miniTicker",
        "ticker": "<symbol>@ticker",
        "kline_1m": "<symbol>@kline_<interval>",
    }
    heard = {}
    for frame in talk.heard(public):
        heard[frame["stream"].partition("@")[2].partition("@")[0]] = frame["data"]
    assert set(heard) == set(names)
    for kind, frame in heard.items():
        yield f"stream {kind}", frame, spot_stream(names[kind])


MARKET = {"symbol": "BTCUSDT"}
RESTING = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "59000"}
ALGO = {
    "algoType": "CONDITIONAL",
    "side": "SELL",
    "type": "STOP_MARKET",
    "quantity": "0.01",
    "triggerPrice": "55000",
}


def usdm_said() -> Iterator[Compared]:
    talk = UsdmTalk(binance_usdm_face(default_keys(), still_supply()), BoxClock(), "main")
    started = talk.keyed("POST", "/fapi/v1/listenKey")
    yield "POST listenKey", started, usdm_rest("POST", "/fapi/v1/listenKey")
    yield (
        "PUT listenKey",
        talk.keyed("PUT", "/fapi/v1/listenKey"),
        usdm_rest("PUT", "/fapi/v1/listenKey"),
    )
    private = talk.dial("fstream.binance.com", "/private/ws", f"listenKey={started['listenKey']}")
    yield from usdm_public_said(talk)
    yield from usdm_orders_said(talk)
    yield from usdm_algos_said(talk)
    yield from usdm_socket_said(talk)
    yield from usdm_streams_said(talk)
    yield from usdm_events_said(talk, private)


def usdm_public_said(talk: UsdmTalk) -> Iterator[Compared]:
    market = MARKET
    bought = talk.trade(
        "POST", "v1/order", side="BUY", type="MARKET", quantity="0.01", newOrderRespType="RESULT"
    )
    yield "POST order", bought, usdm_rest("POST", "/fapi/v1/order")
    for path, asked in (
        ("v1/time", {}),
        ("v1/depth", market),
        ("v1/trades", market),
        ("v1/aggTrades", market),
        ("v1/klines", {**market, "interval": "1m"}),
        ("v1/exchangeInfo", {}),
        ("v1/ticker/24hr", market),
        ("v1/ticker/price", market),
        ("v2/ticker/price", market),
        ("v1/ticker/bookTicker", market),
        ("v1/premiumIndex", market),
    ):
        documents = usdm_rest if path in {"v1/trades", "v1/aggTrades", "v1/klines"} else usdm_row
        yield (
            f"GET /fapi/{path}",
            talk.get(f"/fapi/{path}", **asked),
            documents("GET", f"/fapi/{path}"),
        )


def usdm_orders_said(talk: UsdmTalk) -> Iterator[Compared]:
    order = talk.trade("POST", "v1/order", **RESTING, quantity="0.01")
    yield "POST order ACK", order, usdm_rest("POST", "/fapi/v1/order")
    changed = talk.trade(
        "PUT",
        "v1/order",
        **{**RESTING, "price": "59100"},
        quantity="0.02",
        orderId=order["orderId"],
    )
    yield "PUT order", changed, usdm_rest("PUT", "/fapi/v1/order")
    for path, asked in (
        ("v1/order", {"orderId": order["orderId"]}),
        ("v1/openOrder", {"orderId": order["orderId"]}),
        ("v1/openOrders", {}),
        ("v1/allOrders", {}),
        ("v1/userTrades", {}),
        ("v1/commissionRate", {}),
        ("v1/symbolConfig", {}),
        ("v1/accountConfig", {}),
        ("v1/rateLimit/order", {}),
        ("v1/positionSide/dual", {}),
        ("v1/multiAssetsMargin", {}),
        ("v2/account", {}),
        ("v3/account", {}),
        ("v2/balance", {}),
        ("v3/balance", {}),
        ("v2/positionRisk", {}),
        ("v3/positionRisk", {}),
    ):
        yield (
            f"GET /fapi/{path}",
            talk.trade("GET", path, **asked),
            usdm_rest("GET", f"/fapi/{path}"),
        )
    yield (
        "GET leverageBracket",
        talk.trade("GET", "v1/leverageBracket"),
        usdm_list("GET", "/fapi/v1/leverageBracket"),
    )
    yield (
        "POST leverage",
        talk.trade("POST", "v1/leverage", leverage="25"),
        usdm_rest("POST", "/fapi/v1/leverage"),
    )
    yield (
        "DELETE order",
        talk.trade("DELETE", "v1/order", orderId=order["orderId"]),
        usdm_rest("DELETE", "/fapi/v1/order"),
    )


def usdm_algos_said(talk: UsdmTalk) -> Iterator[Compared]:
    placed = talk.trade("POST", "v1/algoOrder", **ALGO)
    yield "POST algoOrder", placed, usdm_rest("POST", "/fapi/v1/algoOrder")
    for path, asked in (
        ("v1/algoOrder", {"algoId": placed["algoId"]}),
        ("v1/openAlgoOrders", {}),
        ("v1/allAlgoOrders", {}),
    ):
        yield (f"GET {path}", talk.trade("GET", path, **asked), usdm_rest("GET", f"/fapi/{path}"))
    yield (
        "DELETE algoOrder",
        talk.trade("DELETE", "v1/algoOrder", algoId=placed["algoId"]),
        usdm_rest("DELETE", "/fapi/v1/algoOrder"),
    )
    for path in ("v1/allOpenOrders", "v1/algoOpenOrders"):
        yield (f"DELETE {path}", talk.trade("DELETE", path), usdm_rest("DELETE", f"/fapi/{path}"))


def usdm_socket_said(talk: UsdmTalk) -> Iterator[Compared]:
    api = talk.dial("ws-fapi.binance.com", "/ws-fapi/v1")
    by_socket = talk.ask(api, "order.place", {**MARKET, **RESTING, "quantity": "0.01"}, signed=True)
    yield "ws order.place", by_socket, usdm_method("order.place")
    named = {**MARKET, "orderId": by_socket["result"]["orderId"]}
    for method in ("order.status", "order.cancel"):
        yield (f"ws {method}", talk.ask(api, method, named, signed=True), usdm_method(method))
    waiting = talk.ask(api, "algoOrder.place", {**MARKET, **ALGO}, signed=True)
    yield "ws algoOrder.place", waiting, usdm_method("algoOrder.place")
    back = talk.ask(api, "algoOrder.cancel", {"algoId": waiting["result"]["algoId"]}, signed=True)
    yield "ws algoOrder.cancel", back, usdm_method("algoOrder.cancel")
    for method in (
        "account.status",
        "v2/account.status",
        "account.balance",
        "v2/account.balance",
        "account.position",
        "v2/account.position",
    ):
        yield (f"ws {method}", talk.ask(api, method, MARKET, signed=True), usdm_method(method))


def usdm_streams_said(talk: UsdmTalk) -> Iterator[Compared]:
    public = talk.dial(
        "fstream.binance.com",
        "/public/stream",
        "streams=btcusdt@depth@100ms/btcusdt@depth5@100ms/btcusdt@bookTicker",
    )
    other = talk.dial(
        "fstream.binance.com",
        "/market/stream",
        "streams=btcusdt@aggTrade/btcusdt@miniTicker/btcusdt@ticker/"
        "btcusdt@kline_1m/btcusdt@markPrice@1s",
    )
    talk.trade("POST", "v1/order", side="BUY", type="MARKET", quantity="0.01")
    talk.pass_ms(3_000)
    heard = {}
    for socket in (public, other):
        for frame in talk.heard(socket):
            heard[frame["stream"].partition("@")[2].partition("@")[0]] = frame["data"]
    names = {
        "aggTrade": "<symbol>@aggTrade",
        "depth": "<symbol>@depth@<updateSpeed>",
        "depth5": "<symbol>@depth<levels>@<updateSpeed>",
        "ticker": "<symbol>@ticker",
        "bookTicker": "<symbol>@bookTicker",
        "miniTicker": "<symbol>@miniTicker",
        "kline_1m": "<symbol>@kline_<interval>",
        "markPrice": "<symbol>@markPrice@<updateSpeed>",
    }
    assert set(heard) == set(names)
    for kind, frame in heard.items():
        yield f"stream {kind}", frame, usdm_stream(names[kind])


def usdm_events_said(talk: UsdmTalk, private: SocketId) -> Iterator[Compared]:
    talk.clock.pass_ms(61 * 60_000)
    talk.face.pass_time(talk.clock.now)
    events: dict[str, list[Any]] = {}
    for frame in talk.heard(private):
        events.setdefault(frame["e"], []).append(frame)
    assert set(events) == {
        "ORDER_TRADE_UPDATE",
        "ACCOUNT_UPDATE",
        "ALGO_UPDATE",
        "ACCOUNT_CONFIG_UPDATE",
        "listenKeyExpired",
    }
    for name, frames in events.items():
        for frame in frames:
            yield f"event {name}", frame, usdm_event(name)


def rows(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def usdm_events_all(name: str) -> list[Any]:
    return [
        example["json"]
        for each in document("binance_usdm.json")["user_data_events"]
        if each["event"] == name
        for example in each["examples"]
    ]


def test_our_codecs_read_every_documented_example():
    read = 0
    for method, path in (("POST", "order"), ("GET", "order"), ("DELETE", "order"),
                         ("GET", "openOrders"), ("GET", "allOrders")):  # fmt: skip
        for example in spot_rest(method, f"/api/v3/{path}"):
            for row in rows(example):
                if "code" not in row:
                    order = spot_order_row(row)
                    assert (order.order_id, order.symbol) == (row["orderId"], row["symbol"])
                    assert order.status == row.get("status")
                    read += 1
    for row in spot_rest("GET", "/api/v3/myTrades")[0]:
        assert spot_trade_row(row).id == row["id"]
    for account in spot_rest("GET", "/api/v3/account"):
        assert len(spot_balance_rows(account)) == len(account["balances"])
    for example in spot_event("executionReport"):
        report = execution_report(example["event"])
        assert (report.execution, report.status) == (example["event"]["x"], example["event"]["X"])
    for example in spot_event("outboundAccountPosition"):
        assert len(account_position_rows(example["event"])) == len(example["event"]["B"])
    for example in usdm_events_all("ORDER_TRADE_UPDATE"):
        update = order_trade_update(example)
        assert str(update.filled) == example["o"]["z"]
        assert update.order_id == example["o"]["i"]
        read += 1
    for example in usdm_events_all("ALGO_UPDATE"):
        assert algo_update(example).status == example["o"]["X"]
    for example in usdm_events_all("ACCOUNT_UPDATE"):
        assert len(account_update(example).wallets) == len(example["a"]["B"])
    for path, reader in (("v1/order", usdm_order_row), ("v1/openOrders", usdm_order_row),
                         ("v1/allOrders", usdm_order_row), ("v1/algoOrder", algo_order_row),
                         ("v1/openAlgoOrders", algo_order_row), ("v1/userTrades", usdm_trade_row),
                         ("v3/balance", usdm_balance_row), ("v2/balance", usdm_balance_row),
                         ("v3/positionRisk", usdm_position_row)):  # fmt: skip
        for method in ("GET", "POST"):
            for example in usdm_rest(method, f"/fapi/{path}"):
                for row in rows(example):
                    reader(row)  # raises where a key or a kind is not as documented
                    read += 1
    assert read > 30


def faults() -> Iterator[Fault]:
    """Every fault that stands in a table or by itself."""
    yield from SPOT_FAULTS.values()
    yield from USDM_FAULTS.values()
    for each in vars(binance_faults).values():
        if isinstance(each, Fault):
            yield each


def told(source: str) -> dict[int, set[str]]:
    """The documented messages by code, in small letters without trailing points."""
    found: dict[int, set[str]] = {}
    for each in document(source)["errors"]:
        texts = {plain_text(text) for text in each["messages"]}
        found.setdefault(each["code"], set()).update(texts)
    return found


def plain_text(text: str) -> str:
    return text.strip().strip('".').replace(" ; ", "; ").lower()


def test_every_fault_is_documented_or_says_that_it_is_assumed():
    spot, usdm = told("binance_spot_errors.json"), told("binance_usdm.json")
    tables = document("binance_spot_errors.json")["message_tables"]
    words = {
        plain_text(str(row["error message"]).strip('"')) for each in tables for row in each["rows"]
    }
    checked = 0
    for fault in faults():
        if fault.source.startswith(binance_faults.ASSUMED) or fault.source == binance_faults.REST:
            continue
        if fault.source == binance_faults.FILTERS:
            filters = {each["filter"] for each in document("binance_spot_filters.json")["filters"]}
            assert fault.message.removeprefix("Filter failure: ") in filters
            continue
        documented = usdm if fault.source.startswith(binance_faults.USDM) else spot
        assert fault.code in documented, fault
        texts = documented[fault.code] | (words if documented is spot else set())
        mine = plain_text(fault.message)
        assert any(
            mine in each or re.fullmatch(re.escape(each).replace("%s", ".+"), mine)
            for each in texts
        ), fault
        checked += 1
    assert checked > 40


def listed() -> set[str]:
    lines = DEVIATIONS.read_text("utf-8").splitlines()
    return {line.partition("  #")[0].strip() for line in lines if line and line[0] != "#"}


def test_every_reply_and_event_has_the_documented_shape_or_a_listed_deviation():
    found: set[str] = set()
    for market, said in (("spot", spot_said()), ("usdm", usdm_said())):
        for name, ours, examples in said:
            assert examples, f"{market} {name} is not documented"
            found |= {f"{market} {name}: {each}" for each in differences(ours, examples)}
    assert found == listed(), "\n".join(
        [f"not listed: {each}" for each in sorted(found - listed())]
        + [f"not needed: {each}" for each in sorted(listed() - found)]
    )
