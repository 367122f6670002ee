"""The Bybit face has the shapes of the venue's own pages: keys and JSON types, frame by frame.

What differs is written down in bybit_deviations.txt, each line with its reason; a deviation that is
not written, or a line that no longer holds, fails.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from absolute.simex.bybit_codes import TABLES
from absolute.simex.bybit_limits import PER_SECOND
from absolute.simex.face import Environment
from absolute.wire.bybit_rows import execution_read, order_read, position_read

from tests.box_markets import path_tape
from tests.bybit_box import Client, face

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "wire"
DEVIATIONS = Path(__file__).with_name("bybit_deviations.txt")

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the recorded wire facts are not here")

LINEAR = {"category": "linear", "symbol": "BTCUSDT"}
BUY = {**LINEAR, "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": "49000"}


def shape(value: Any, path: str = "") -> set[tuple[str, str]]:
    """Every path of a value with its JSON type; elements of a list share one path."""
    match value:
        case dict():
            inner = {(path, "object")}
            return inner.union(*(shape(each, f"{path}.{key}") for key, each in value.items()))
        case list():
            return {(path, "array")}.union(*(shape(each, f"{path}[]") for each in value))
        case bool():
            return {(path, "boolean")}
        case int() | float():
            return {(path, "number")}
        case str():
            return {(path, "string")}
        case None:
            return {(path, "null")}
        case _:
            raise TypeError(path)


def differences(name: str, ours: Any, theirs: Any, also: frozenset[str]) -> set[str]:
    """What the venue's example has and ours has not, and the other way round.

    `also`: last names of keys that the page's table of parameters allows beyond its example.
    """
    mine, wanted = dict(shape(ours)), dict(shape(theirs))
    found = {f"{name} missing {path}" for path in wanted if path not in mine}
    for path, kind in mine.items():
        if path in wanted:
            if kind != wanted[path]:
                found.add(f"{name} type {path} {kind} for {wanted[path]}")
        elif path.rsplit(".", 1)[-1].removesuffix("[]") not in also:
            found.add(f"{name} extra {path}")
    return found


@cache
def documented() -> dict[tuple[str, str], dict[str, Any]]:
    rows = json.loads((DATA / "bybit_v5_rest.json").read_text("utf-8"))["endpoints"]
    return {(row["method"], row["path"]): row for row in rows}


def example(method: str, path: str, label: str | None = None) -> Any:
    for response in documented()[method, path]["responses"]:
        if label is None or response["label"] == label:
            return response["json"]
    raise KeyError(label)


def allowed(method: str, path: str) -> frozenset[str]:
    rows = documented()[method, path]["response_parameters"]
    return frozenset(row["name"].rsplit(".", 1)[-1] for row in rows)


def lived() -> Client:
    """A client with an open, a filled and a cancelled order, a position and trades."""
    client = Client(face(path_tape(["50000", "50400", "49800"])))
    client.order(**{**BUY, "orderType": "Market", "orderLinkId": "in"})
    client.order(**{**BUY, "orderLinkId": "open"})
    client.order(**{**BUY, "orderLinkId": "gone"})
    client.post("/v5/order/cancel", **LINEAR, orderLinkId="gone")
    client.wait(90)
    return client


CALLS: list[tuple[str, str, str | None, dict[str, Any]]] = [
    ("GET", "/v5/market/time", None, {}),
    ("GET", "/v5/market/instruments-info", "Linear", {"category": "linear"}),
    ("GET", "/v5/market/instruments-info", "Spot", {"category": "spot"}),
    ("GET", "/v5/market/kline", None, {**LINEAR, "interval": "1"}),
    ("GET", "/v5/market/tickers", "Inverse", LINEAR),
    ("GET", "/v5/market/tickers", "Spot", {"category": "spot"}),
    ("GET", "/v5/market/orderbook", None, LINEAR),
    ("GET", "/v5/market/recent-trade", None, LINEAR),
    ("GET", "/v5/system/status", None, {}),
    ("GET", "/v5/asset/coin/query-info", None, {}),
    ("GET", "/v5/user/query-api", None, {}),
    ("GET", "/v5/account/info", None, {}),
    ("GET", "/v5/account/wallet-balance", None, {"accountType": "UNIFIED"}),
    ("GET", "/v5/account/fee-rate", None, LINEAR),
    ("POST", "/v5/order/create", None, BUY),
    ("POST", "/v5/order/amend", None, {**LINEAR, "orderLinkId": "open", "price": "48000"}),
    ("GET", "/v5/order/realtime", None, LINEAR),
    ("GET", "/v5/order/history", None, LINEAR),
    ("GET", "/v5/execution/list", None, LINEAR),
    ("GET", "/v5/position/list", None, LINEAR),
    (
        "POST",
        "/v5/position/set-leverage",
        None,
        {**LINEAR, "buyLeverage": "7", "sellLeverage": "7"},
    ),
    (
        "POST",
        "/v5/position/trading-stop",
        None,
        {**LINEAR, "tpslMode": "Full", "positionIdx": 0, "stopLoss": "40000"},
    ),
    ("POST", "/v5/order/create-batch", None, {"category": "linear", "request": [BUY]}),
    (
        "POST",
        "/v5/order/cancel-batch",
        None,
        {"category": "linear", "request": [{"symbol": "BTCUSDT", "orderLinkId": "open"}]},
    ),
    ("POST", "/v5/order/cancel-all", None, LINEAR),
]


def rest_differences() -> set[str]:
    client = lived()
    found: set[str] = set()
    for method, path, label, words in CALLS:
        told = client.get(path, **words) if method == "GET" else client.post(path, **words)
        assert told["retCode"] == 0, (path, told)
        name = f"{method} {path}" + (f" {label}" if label else "")
        found |= differences(name, told, example(method, path, label), allowed(method, path))
    return found


def _names(page: dict[str, Any]) -> frozenset[str]:
    """The last names of all parameters of a page."""
    rows = [row for table in page["parameters"] for row in table["rows"]]
    return frozenset(row["name"].rsplit(".", 1)[-1] for row in rows)


@cache
def frames_documented() -> list[dict[str, Any]]:
    pages = json.loads((DATA / "bybit_v5_ws.json").read_text("utf-8"))["pages"]
    return [{**each, "allowed": _names(page)} for page in pages for each in page["examples"]]


def frame_documented(topic: str, label: str | None) -> dict[str, Any]:
    """The page's example of a push."""
    return next(
        each
        for each in frames_documented()
        if each.get("topic") == topic and label in {None, each.get("label")}
    )


PUSHES = {
    "tickers.BTCUSDT": ("tickers.BTCUSDT", "Linear"),
    "kline.1.BTCUSDT": ("kline.5.BTCUSDT", None),
    "publicTrade.BTCUSDT": ("publicTrade.BTCUSDT", None),
    "orderbook.50.BTCUSDT": ("orderbook.50.BTCUSDT", "Snapshot"),
    "order": ("order", None),
    "execution": ("execution", None),
    "execution.fast": ("execution.fast", None),
    "position": ("position", None),
    "wallet": ("wallet", None),
}


def stream_differences() -> set[str]:
    client = lived()
    public = client.dial("/v5/public/linear")
    topics = [topic for topic in PUSHES if "." in topic and not topic.startswith("execution")]
    frames = client.send(public, op="subscribe", args=topics)
    client.wait(5)
    frames += client.frames(public)
    private = client.dial("/v5/private", auth=True)
    client.send(private, op="subscribe", args=[t for t in PUSHES if t not in topics])
    client.order(**{**BUY, "orderType": "Market"})
    frames += client.frames(private)
    found: set[str] = set()
    for topic, (page_topic, label) in PUSHES.items():
        wanted = frame_documented(page_topic, label)
        told = next(f for f in frames if f.get("topic") == topic and f.get("type") != "delta")
        found |= differences(f"push {topic}", told, wanted["json"], wanted["allowed"])
    return found


def spot_stream_differences() -> set[str]:
    client = lived()
    socket = client.dial("/v5/public/spot")
    frames = client.send(socket, op="subscribe", args=["tickers.BTCUSDT"])
    wanted = frame_documented("tickers.BTCUSDT", "Spot")
    return differences("push tickers spot", frames[1], wanted["json"], wanted["allowed"])


def written() -> set[str]:
    lines = DEVIATIONS.read_text("utf-8").splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def test_every_reply_and_frame_has_the_documented_shape_but_for_what_is_written_down():
    found = rest_differences() | stream_differences() | spot_stream_differences()
    assert sorted(found - written()) == []
    assert sorted(written() - found) == []


def test_every_code_we_answer_with_is_a_documented_one_or_marked_an_assumption():
    rows = json.loads((DATA / "bybit_v5_errors.json").read_text("utf-8"))["errors"]
    known = {str(row["code"]) for row in rows}
    for table in TABLES.values():
        for reason, code in table.items():
            assert str(code.code) in known, reason
            assert code.source in {"docs/v5/error", "assumption"}


def test_the_rates_are_the_documented_ones():
    rows = json.loads((DATA / "bybit_v5_rate_limits.json").read_text("utf-8"))["limits"]
    compared = 0
    for row in rows:
        ours = PER_SECOND.get(row["path"])
        for place, category in enumerate(("linear", "spot")):
            told = row.get(f"uta2.0 pro / {category}", "-")
            if ours is not None and told != "-":
                assert f"{ours[place]}/s" == told, row
                compared += 1
    assert compared >= 20


def test_order_rows_are_read_as_the_venue_writes_them():
    (order,) = example("GET", "/v5/order/history")["result"]["list"]
    read = order_read(order, "linear")
    assert (read.final, read.reject_reason) == (True, "EC_PostOnlyWillTakeLiquidity")
    (execution,) = example("GET", "/v5/execution/list")["result"]["list"]
    assert str(execution_read(execution, "linear").fee) == "0.071409"
    (position,) = example("GET", "/v5/position/list")["result"]["list"]
    assert position_read(position).size == -300


def test_the_main_world_answers_under_its_recorded_host():
    assert face().hosts["api.bybit.com"] is Environment.MAIN
