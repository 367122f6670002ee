"""The Bybit face: who is let in, what each endpoint answers, and the venue's traps."""

import itertools
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from absolute.simex.bybit_codes import TABLES
from absolute.simex.face import Dial, Environment, SocketId
from absolute.simex.facts import Refusal
from absolute.simex.keys import default_keys
from absolute.simex.listing import Category
from absolute.wire.bybit_rows import order_read
from absolute.wire.bybit_signing import socket_signature

from tests.box_markets import START, D, path_tape
from tests.bybit_box import Client, face


@pytest.fixture
def client() -> Client:
    return Client(face())


def demo() -> Client:
    return Client(face(), Environment.DEMO)


# --- who is let in ------------------------------------------------------------------------------


def test_a_signature_covers_the_bytes_as_they_came(client):
    request = client.signed("POST", "/v5/order/create", {"category": "spot", "symbol": "BTCUSDT"})
    tampered = replace(request, body=request.body.replace(b": ", b":"))
    told = json.loads(client.box.answer(tampered, client.now).body)
    assert told["retCode"] == 10004


def test_a_key_of_another_world_is_unknown():
    box = face()
    stranger = Client(box, Environment.DEMO, key=Client(box).key)
    assert stranger.get("/v5/account/info")["retCode"] == 10003


@pytest.mark.parametrize(
    ("skew_ms", "window", "code"),
    [(-5000, "5000", 0), (-5001, "5000", 10002), (999, "5000", 0), (1000, "5000", 10002)],
)
def test_the_receive_window_has_its_documented_edges(client, skew_ms, window, code):
    client.skew_ms, client.window = skew_ms, window
    assert client.get("/v5/account/info")["retCode"] == code


def test_a_reading_key_may_not_trade():
    keys = {key.key: key for key in default_keys()}
    client = Client(face(), key=keys["box-bybit-main-read"])
    assert client.order(qty="0.001", price="49000")["retCode"] == 10005
    told = client.get("/v5/user/query-api")["result"]
    assert told["readOnly"] == 1
    assert told["permissions"]["Spot"] == []
    rich = Client(face(), key=keys["box-bybit-main-withdraw"])
    assert "Withdraw" in rich.get("/v5/user/query-api")["result"]["permissions"]["Wallet"]


def test_the_eleventh_linear_order_of_a_second_is_turned_away(client):
    replies = [
        client.reply(
            "POST",
            "/v5/order/create",
            {
                "category": "linear",
                "symbol": "BTCUSDT",
                "side": "Buy",
                "orderType": "Limit",
                "qty": "0.001",
                "price": "49000",
            },
        )
        for _ in range(11)
    ]
    codes = [json.loads(reply.body)["retCode"] for reply in replies]
    assert codes == [0] * 10 + [10006]
    assert [reply.headers["X-Bapi-Limit-Status"] for reply in replies[:2]] == ["9", "8"]
    assert replies[-1].status == 200
    assert int(replies[-1].headers["X-Bapi-Limit-Reset-Timestamp"]) == START // 10**6 + 1000
    client.wait(1)
    assert client.order(category="linear", qty="0.001", price="49000")["retCode"] == 0


def test_an_address_that_asks_too_often_is_shut_out_for_ten_minutes(client):
    statuses = [client.reply("GET", "/v5/market/time", {}).status for _ in range(601)]
    assert statuses == [200] * 600 + [403]
    client.wait(599)
    assert client.reply("GET", "/v5/market/time", {}).status == 403
    client.wait(2)
    assert client.reply("GET", "/v5/market/time", {}).status == 200


def test_every_refusal_has_a_code_for_both_kinds_of_market():
    for category in Category:
        assert set(TABLES[category]) == set(Refusal)


# --- orders -------------------------------------------------------------------------------------


def test_a_market_buy_without_a_unit_is_by_value_and_ends_partly_filled_cancelled(client):
    told = client.order(orderType="Market", qty="50.03", orderLinkId="a")
    assert told["retCode"] == 0
    assert set(told["result"]) == {"orderId", "orderLinkId"}
    row = client.one(orderLinkId="a")
    assert row["orderStatus"] == "PartiallyFilledCanceled"
    assert row["rejectReason"] == "EC_CancelForNoFullFill"
    assert D("49.9") < D(row["cumExecValue"]) < D("50.03")
    assert D(row["leavesValue"]) == D("50.03") - D(row["cumExecValue"])
    assert row["cumFeeDetail"] == {"BTC": str(D(row["cumExecQty"]) / 1000).rstrip("0")}


def test_a_market_buy_in_coins_buys_coins(client):
    client.order(orderType="Market", qty="0.001", marketUnit="baseCoin", orderLinkId="a")
    row = client.one(orderLinkId="a")
    assert (row["orderStatus"], row["cumExecQty"]) == ("Filled", "0.001")


def test_a_spot_order_has_no_tpsl_mode_and_a_linear_one_has(client):
    client.order(qty="0.001", price="49000", orderLinkId="s")
    client.order(category="linear", qty="0.001", price="49000", orderLinkId="l")
    assert "tpslMode" not in client.one(orderLinkId="s")
    assert "tpslMode" in client.one("linear", orderLinkId="l")


def test_a_client_id_is_never_taken_twice(client):
    for category, code in (("spot", 170141), ("linear", 110072)):
        words: dict[str, Any] = {
            "category": category,
            "qty": "0.001",
            "price": "49000",
            "orderLinkId": category,
        }
        assert client.order(**words)["retCode"] == 0
        cancelled = client.post(
            "/v5/order/cancel", category=category, symbol="BTCUSDT", orderLinkId=category
        )
        assert cancelled["retCode"] == 0
        assert client.order(**words)["retCode"] == code


def test_a_cancel_of_what_is_over_says_that_it_does_not_exist(client):
    for category, code in (("spot", 170213), ("linear", 110001)):
        for name in ({"orderLinkId": "none"}, {"orderId": "17"}):
            told = client.post("/v5/order/cancel", category=category, symbol="BTCUSDT", **name)
            assert told["retCode"] == code


def test_filters_and_funds_have_the_venue_s_codes(client):
    cases: list[tuple[dict[str, Any], int]] = [
        ({"qty": "0.001", "price": "49000.01"}, 170134),
        ({"qty": "0.00001234567", "price": "49000"}, 170137),
        ({"qty": "0.00001", "price": "49000"}, 170136),
        ({"qty": "0.00005", "price": "49000"}, 170140),
        ({"qty": "1", "price": "49000"}, 170131),
        ({"qty": "0.001", "price": "60000"}, 170193),
        ({"qty": "0.001", "price": "49000", "category": "linear", "symbol": "XUSDT"}, 10001),
        ({"qty": "0.001", "price": "1000", "category": "linear"}, 110094),
        ({"qty": "100", "price": "49000", "category": "linear"}, 110007),
        ({"qty": "0.001", "category": "linear", "orderType": "Market", "reduceOnly": True}, 110017),
        ({"qty": "0.001", "price": "49000", "takeProfit": "1"}, 10001),
        ({"qty": "x", "price": "49000"}, 10001),
    ]
    for words, code in cases:
        assert client.order(**words)["retCode"] == code, words
    audit = client.box.exchanges[Environment.MAIN].audit(client.key.key)
    assert not audit.orders


def test_post_only_that_would_cross_is_taken_and_then_cancelled(client):
    told = client.order(qty="0.001", price="50100", timeInForce="PostOnly", orderLinkId="a")
    assert told["retCode"] == 0
    row = client.one(orderLinkId="a")
    assert row["orderStatus"] == "Cancelled"
    assert row["rejectReason"] == "EC_PostOnlyWillTakeLiquidity"


def test_an_order_can_be_amended_and_cancelled_by_either_id(client):
    told = client.order(qty="0.001", price="49000", orderLinkId="a")["result"]
    changed = client.post(
        "/v5/order/amend", category="spot", symbol="BTCUSDT", orderLinkId="a", price="48000"
    )
    assert changed["result"] == told
    assert client.one(orderId=told["orderId"])["price"] == "48000"
    client.post("/v5/order/cancel", category="spot", symbol="BTCUSDT", orderId=told["orderId"])
    assert client.one(orderLinkId="a")["orderStatus"] == "Cancelled"


def test_realtime_shows_open_ones_and_by_id_closed_ones_too(client):
    client.order(qty="0.001", price="49000", orderLinkId="open")
    client.order(orderType="Market", qty="60", orderLinkId="done")
    listed = client.get("/v5/order/realtime", category="spot")["result"]["list"]
    assert [row["orderLinkId"] for row in listed] == ["open"]
    assert client.one(orderLinkId="done")["orderLinkId"] == "done"
    closed = client.get("/v5/order/realtime", category="spot", openOnly=1)["result"]["list"]
    assert [row["orderLinkId"] for row in closed] == ["done"]
    past = client.get("/v5/order/history", category="spot")["result"]["list"]
    assert [row["orderLinkId"] for row in past] == ["done"]
    assert client.get("/v5/order/realtime", category="linear")["retCode"] == 10001


def test_after_a_restart_closed_orders_are_in_the_history_only(client):
    client.order(orderType="Market", qty="60", orderLinkId="done")
    client.box.exchanges[Environment.MAIN].restart()
    found = client.get("/v5/order/realtime", category="spot", orderLinkId="done")
    assert found["result"]["list"] == []
    past = client.get("/v5/order/history", category="spot", orderLinkId="done")
    assert len(past["result"]["list"]) == 1


def test_pages_give_every_execution_once(client):
    for _ in range(7):
        client.order(orderType="Market", qty="60")
    seen: list[str] = []
    cursor = ""
    while True:
        told = client.get("/v5/execution/list", category="spot", limit=3, cursor=cursor)["result"]
        seen += [row["execId"] for row in told["list"]]
        cursor = told["nextPageCursor"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen, reverse=True)


def test_batches_answer_for_each_order(client):
    told = client.post(
        "/v5/order/create-batch",
        category="linear",
        request=[
            {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": qty, "price": "49000"}
            for qty in ("0.001", "100")
        ],
    )
    assert [row["code"] for row in told["retExtInfo"]["list"]] == [0, 110007]
    assert [bool(row["orderId"]) for row in told["result"]["list"]] == [True, False]
    assert demo().post("/v5/order/create-batch", category="spot", request=[{}])["retCode"] == 10032


def test_cancel_all_of_linear_needs_a_market_and_spot_does_not(client):
    assert client.post("/v5/order/cancel-all", category="linear")["retCode"] == 10001
    client.order(qty="0.001", price="49000", orderLinkId="a")
    told = client.post("/v5/order/cancel-all", category="spot")["result"]
    assert [row["orderLinkId"] for row in told["list"]] == ["a"]
    assert told["success"] == "1"


def test_a_conditional_order_waits_triggers_and_fills():
    client = Client(face(path_tape(["50000", "49000", "49000"])))
    client.order(
        category="linear", orderType="Market", qty="0.01", orderLinkId="in", timeInForce="IOC"
    )
    told = client.order(
        category="linear",
        side="Sell",
        orderType="Market",
        qty="0.01",
        triggerPrice="49500",
        triggerDirection=2,
        reduceOnly=True,
        orderLinkId="stop",
    )
    assert told["retCode"] == 0
    row = client.one("linear", orderLinkId="stop")
    assert (row["orderStatus"], row["stopOrderType"]) == ("Untriggered", "Stop")
    client.wait(60)
    assert client.one("linear", orderLinkId="stop")["orderStatus"] == "Filled"
    passed = client.order(
        category="linear", orderType="Market", qty="0.01", triggerPrice="49500", triggerDirection=2
    )
    assert passed["retCode"] == 110093


def test_a_conditional_order_that_is_cancelled_before_is_deactivated(client):
    told = client.order(
        orderType="Market", qty="60", triggerPrice="51000", orderFilter="StopOrder", orderLinkId="a"
    )
    assert told["retCode"] == 0
    client.post("/v5/order/cancel", category="spot", symbol="BTCUSDT", orderLinkId="a")
    assert client.one(orderLinkId="a")["orderStatus"] == "Deactivated"


# --- account ------------------------------------------------------------------------------------


def coin(client: Client, name: str) -> dict[str, str]:
    told = client.get("/v5/account/wallet-balance", accountType="UNIFIED")["result"]
    (row,) = [each for each in told["list"][0]["coin"] if each["coin"] == name]
    return row


def test_the_wallet_tells_what_is_locked_and_what_margin_takes(client):
    client.order(qty="0.01", price="49000")
    client.order(category="linear", qty="0.01", price="49000")
    row = coin(client, "USDT")
    assert row["walletBalance"] == "10000"
    assert row["locked"] == "490"
    assert D(row["totalOrderIM"]) == D("49") + D("490") * D("0.00055")
    assert "free" not in row


def test_leverage_mode_and_stops_of_a_position(client):
    words = {"category": "linear", "symbol": "BTCUSDT"}
    five = {"buyLeverage": "5", "sellLeverage": "5"}
    assert client.post("/v5/position/set-leverage", **words, **five)["retCode"] == 0
    assert client.post("/v5/position/set-leverage", **words, **five)["retCode"] == 110043
    assert client.post("/v5/position/switch-mode", **words, mode=0)["retCode"] == 110025
    stops = {"tpslMode": "Full", "positionIdx": 0, "takeProfit": "52000", "stopLoss": "48000"}
    assert client.post("/v5/position/trading-stop", **words, **stops)["retCode"] == 10001
    client.order(category="linear", orderType="Market", qty="0.01")
    assert client.post("/v5/position/trading-stop", **words, **stops)["retCode"] == 0
    (row,) = client.get("/v5/position/list", **words)["result"]["list"]
    assert (row["side"], row["size"], row["leverage"]) == ("Buy", "0.01", "5")
    assert (row["takeProfit"], row["stopLoss"]) == ("52000", "48000")
    client.order(category="linear", side="Sell", orderType="Market", qty="0.01", reduceOnly=True)
    open_rows = client.get("/v5/order/realtime", **words)["result"]["list"]
    assert open_rows == []
    assert (
        client.get("/v5/position/list", category="linear", settleCoin="USDT")["result"]["list"]
        == []
    )


def test_demo_funds_come_once_a_minute_and_only_in_the_demo():
    words = {"adjustType": 0, "utaDemoApplyMoney": [{"coin": "USDT", "amountStr": "500"}]}
    client = demo()
    assert client.post("/v5/account/demo-apply-money", **words)["retCode"] == 0
    assert coin(client, "USDT")["walletBalance"] == "10500"
    assert client.post("/v5/account/demo-apply-money", **words)["retCode"] == 10006
    client.wait(60)
    assert client.post("/v5/account/demo-apply-money", **words)["retCode"] == 0
    assert Client(face()).post("/v5/account/demo-apply-money", **words)["retCode"] != 0


def test_the_worlds_have_their_own_accounts_but_the_same_prices():
    box = face(path_tape(["50000", "50400", "49800"]))
    main, other = Client(box), Client(box, Environment.DEMO)
    other.order(orderType="Market", qty="500")
    main.wait(90)
    other.now = main.now
    tickers = [
        each.get("/v5/market/tickers", category="spot", symbol="BTCUSDT")["result"]["list"][0]
        for each in (main, other)
    ]
    assert tickers[0]["lastPrice"] == tickers[1]["lastPrice"]
    assert coin(main, "USDT")["walletBalance"] == "10000"
    assert coin(other, "USDT")["walletBalance"] != "10000"


# --- public -------------------------------------------------------------------------------------


def test_candles_come_newest_first_and_join_the_past_without_a_hole():
    client = Client(face(path_tape([str(50_000 + 10 * n) for n in range(40)]), past=20))
    client.get("/v5/market/time")
    client.wait(150)
    told = client.get("/v5/market/kline", category="spot", symbol="BTCUSDT", interval="1")
    times = [int(row[0]) for row in told["result"]["list"]]
    assert times == sorted(times, reverse=True)
    assert {a - b for a, b in itertools.pairwise(times)} == {60_000}
    assert len(times) >= 22
    five = client.get("/v5/market/kline", category="spot", symbol="BTCUSDT", interval="5", limit=2)
    assert len(five["result"]["list"]) == 2


def test_a_spot_ticker_has_an_index_price_and_a_linear_one_has_not(client):
    for category, there in (("spot", True), ("linear", False)):
        told = client.get("/v5/market/tickers", category=category, symbol="BTCUSDT")
        assert ("usdIndexPrice" in told["result"]["list"][0]) is there


def test_instruments_are_paged_and_prelaunch_ones_are_apart(client):
    first = client.get("/v5/market/instruments-info", category="linear", limit=1)["result"]
    after = client.get(
        "/v5/market/instruments-info",
        category="linear",
        limit=1,
        cursor=first["nextPageCursor"],
    )["result"]
    names = [page["list"][0]["symbol"] for page in (first, after)]
    assert names == ["BTCUSDT", "ETHUSDT"]
    assert after["nextPageCursor"] == ""
    early = client.get("/v5/market/instruments-info", category="linear", status="PreLaunch")
    assert early["result"]["list"] == []
    for category in ("inverse", "option"):
        told = client.get("/v5/market/instruments-info", category=category)
        assert told["retCode"] == 0


# --- sockets ------------------------------------------------------------------------------------


def test_a_fill_is_told_on_the_private_stream(client):
    socket = client.dial("/v5/private", auth=True)
    topics = ["order", "execution", "wallet", "position.linear"]
    (told,) = client.send(socket, op="subscribe", args=topics, req_id="1")
    assert (told["success"], told["req_id"]) == (True, "1")
    client.order(orderType="Market", qty="60", orderLinkId="a")
    frames = {frame["topic"]: frame["data"] for frame in client.frames(socket)}
    assert set(frames) == {"order", "execution", "wallet"}
    (order,) = frames["order"]
    assert (order["orderStatus"], order["category"]) == ("PartiallyFilledCanceled", "spot")
    (execution,) = frames["execution"]
    assert execution["feeCurrency"] == "BTC"
    assert order_read(order) == order_read(client.one(orderLinkId="a"), "spot")


def test_a_topic_by_category_tells_only_its_own(client):
    socket = client.dial("/v5/private", auth=True)
    client.send(socket, op="subscribe", args=["order.linear"])
    client.order(qty="0.001", price="49000")
    assert client.frames(socket) == []
    client.order(category="linear", qty="0.001", price="49000")
    (frame,) = client.frames(socket)
    assert frame["topic"] == "order.linear"


def test_a_socket_is_authorised_by_text_or_number_and_not_by_a_wrong_sign(client):
    for expires in (START // 10**6 + 5000, str(START // 10**6 + 5000)):
        socket = client.dial("/v5/private")
        sign = socket_signature(client.key.secret, str(expires))
        (told,) = client.send(socket, op="auth", args=[client.key.key, expires, sign])
        assert told["success"] is True
    (told,) = client.send(socket, op="auth", args=[client.key.key, 99, "x"])
    assert told["success"] is False
    lone = client.dial("/v5/private")
    (told,) = client.send(lone, op="subscribe", args=["order"])
    assert told["success"] is False


def test_pings_are_answered_in_three_shapes(client):
    (told,) = client.send(client.dial("/v5/public/spot"), op="ping")
    assert (told["success"], told["ret_msg"], told["op"]) == (True, "pong", "ping")
    (told,) = client.send(client.dial("/v5/private"), op="ping", req_id="7")
    assert (told["op"], told["req_id"]) == ("pong", "7")
    (told,) = client.send(client.dial("/v5/trade"), op="ping")
    assert (told["op"], told["retCode"]) == ("pong", 0)


def test_the_demo_has_private_streams_only():
    client = demo()
    for path in ("/v5/trade", "/v5/public/spot"):
        refused = client.box.dial(Dial(SocketId(9), client.stream, path), client.now)
        assert refused is not None
        assert refused.status == 404
    client.dial("/v5/private", auth=True)


def test_an_idle_private_socket_is_cut_after_ten_minutes(client):
    socket = client.dial("/v5/private", auth=True)
    client.wait(599)
    assert not [each for each in client.box.drain() if each.close]
    client.wait(2)
    assert [each.socket for each in client.box.drain() if each.close] == [socket]


def test_the_book_topic_rebuilds_the_book():
    client = Client(face(path_tape(["50000", "50400", "49800"])))
    socket = client.dial("/v5/public/spot")
    frames = client.send(
        socket, op="subscribe", args=["orderbook.50.BTCUSDT"], callerMethodName="x"
    )
    sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}
    kinds = []
    for _ in range(30):
        for frame in frames:
            if frame.get("topic") != "orderbook.50.BTCUSDT":
                continue
            kinds.append(frame["type"])
            for name, side in sides.items():
                for price, size in frame["data"][name]:
                    side[price] = size
                    if size == "0":
                        del side[price]
        client.wait(4)
        frames = client.frames(socket)
    told = client.get("/v5/market/orderbook", category="spot", symbol="BTCUSDT", limit=50)
    if not frames:
        assert dict(told["result"]["b"]) == sides["b"]
    assert kinds[0] == "snapshot"
    assert set(kinds[1:]) == {"delta"}
    assert len(sides["b"]) == len(sides["a"]) == 25


def test_public_topics_tell_trades_candles_and_tickers():
    client = Client(face(path_tape(["50000", "50400", "49800"])))
    socket = client.dial("/v5/public/linear")
    topics = ["publicTrade.BTCUSDT", "kline.1.BTCUSDT", "tickers.BTCUSDT"]
    client.send(socket, op="subscribe", args=topics)
    told: dict[str, list[dict]] = {topic: [] for topic in topics}
    for _ in range(20):
        client.wait(5)
        for frame in client.frames(socket):
            told[frame["topic"]].append(frame)
    assert all(told.values())
    confirmed = [row for f in told["kline.1.BTCUSDT"] for row in f["data"] if row["confirm"]]
    starts = [row["start"] for row in confirmed]
    assert len(starts) == len(set(starts)) >= 1
    assert told["tickers.BTCUSDT"][-1]["type"] == "delta"


def test_topics_that_are_unknown_or_taken_are_refused(client):
    socket = client.dial("/v5/public/spot")
    for args in (["nothing.BTCUSDT"], ["tickers.XUSDT"], [f"kline.{n}.BTCUSDT" for n in range(11)]):
        (told,) = client.send(socket, op="subscribe", args=args)
        assert told["success"] is False
    first, _ = client.send(socket, op="subscribe", args=["tickers.BTCUSDT"])
    again = client.send(socket, op="subscribe", args=["tickers.BTCUSDT"])[0]
    assert (first["success"], again["success"]) == (True, False)
    assert "already subscribed" in again["ret_msg"]


def test_orders_go_through_the_trade_socket(client):
    socket = client.dial("/v5/trade", auth=True)
    header = {"X-BAPI-TIMESTAMP": str(client.now // 10**6), "X-BAPI-RECV-WINDOW": "5000"}
    words = {
        "category": "spot",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.001",
        "price": "49000",
        "orderLinkId": "ws",
    }
    (told,) = client.send(socket, op="order.create", reqId="1", header=header, args=[words])
    assert (told["retCode"], told["reqId"], told["data"]["orderLinkId"]) == (0, "1", "ws")
    assert told["header"]["X-Bapi-Limit"] == "20"
    name = {"category": "spot", "symbol": "BTCUSDT", "orderLinkId": "ws"}
    (told,) = client.send(socket, op="order.cancel", reqId="2", header=header, args=[name])
    assert told["retCode"] == 0
    late = {**header, "X-BAPI-TIMESTAMP": "1"}
    (told,) = client.send(socket, op="order.cancel", reqId="3", header=late, args=[name])
    assert told["retCode"] == 10002
    (told,) = client.send(socket, op="order.nothing", reqId="4", header=header, args=[name])
    assert told["retCode"] == 10404


def test_the_audit_holds_all_that_the_venue_told(client):
    for number in range(3):
        client.order(orderType="Market", qty="60", orderLinkId=f"a{number}")
    audit = client.box.exchanges[Environment.MAIN].audit(client.key.key)
    assert [row.ask.client_id for row in audit.orders] == ["a0", "a1", "a2"]
    filled = sum((row.filled for row in audit.orders), Decimal(0))
    assert filled == sum((each.qty for each in audit.executions), Decimal(0))


def test_nobody_hears_of_another_account(client):
    keys = {key.key: key for key in default_keys()}
    stranger = Client(client.box, key=keys["box-bybit-main-read"])
    socket = stranger.dial("/v5/private", auth=True)
    topics = ["order", "execution", "execution.fast", "wallet", "position"]
    stranger.send(socket, op="subscribe", args=topics)
    client.order(orderType="Market", qty="60")
    client.order(category="linear", orderType="Market", qty="0.01")
    assert client.frames(socket) == []
    assert stranger.get("/v5/order/history", category="spot")["result"]["list"] == []


def test_a_forced_close_is_told_as_a_bust_trade():
    client = Client(face(path_tape(["50000", "44000", "44000"])))
    words = {"category": "linear", "symbol": "BTCUSDT"}
    client.post("/v5/position/set-leverage", **words, buyLeverage="20", sellLeverage="20")
    client.order(category="linear", orderType="Market", qty="2", orderLinkId="big")
    client.wait(60)
    rows = client.get("/v5/execution/list", category="linear", execType="BustTrade")
    assert {row["createType"] for row in rows["result"]["list"]} == {"CreateByLiq"}
    assert client.get("/v5/position/list", **words)["result"]["list"][0]["size"] == "0"


def test_a_topic_is_silent_where_nothing_that_it_shows_has_changed(client):
    socket = client.dial("/v5/public/linear")
    client.send(socket, op="subscribe", args=["orderbook.1.BTCUSDT", "tickers.BTCUSDT"])
    client.wait(0.001)
    client.frames(socket)
    client.order(category="linear", qty="0.01", price="48000.3")
    assert client.frames(socket) == []
    client.order(category="linear", qty="0.01", price="49999.9")
    assert {frame["topic"] for frame in client.frames(socket)} == {
        "orderbook.1.BTCUSDT",
        "tickers.BTCUSDT",
    }
