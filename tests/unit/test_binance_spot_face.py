"""The rules of the Binance spot face, told to it as its clients would."""

from decimal import Decimal

import pytest

from absolute.simex.binance_spot import binance_spot_face
from absolute.simex.keys import default_keys
from absolute.wire.binance_signing import encoded, signed_query

from tests.binance_talk import SpotTalk
from tests.box_clients import BoxClock, still_supply

BUY = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}


@pytest.fixture
def talk():
    return SpotTalk(binance_spot_face(default_keys(), still_supply()), BoxClock())


def best(talk):
    row = talk.get("/api/v3/ticker/bookTicker", symbol="BTCUSDT")
    return Decimal(row["bidPrice"]), Decimal(row["askPrice"])


def free(talk, asset):
    rows = {each["asset"]: each for each in talk.trade("GET", "account")["balances"]}
    return Decimal(rows[asset]["free"]), Decimal(rows[asset]["locked"])


# --- who is let in --------------------------------------------------------------------------------


def test_a_request_is_let_in_by_key_signature_and_time_alone(talk):
    asked = {"symbol": "BTCUSDT", "timestamp": talk.clock.ms}
    headers = {"x-mbx-apikey": talk.key}
    good = signed_query(asked, talk.secret)
    assert talk.send("GET", "/api/v3/openOrders", good, headers=headers) == []
    for query, sent, status, code in (
        (good, {}, 401, -2014),
        (good, {"x-mbx-apikey": "no such key"}, 401, -2014),
        (good, {"x-mbx-apikey": "nobody"}, 401, -2015),
        (good, {"x-mbx-apikey": "box-binance-demo"}, 401, -2015),
        (signed_query(asked, "guessed"), headers, 400, -1022),
        (encoded(asked), headers, 400, -1102),
        (signed_query({"symbol": "BTCUSDT"}, talk.secret), headers, 400, -1102),
    ):
        assert talk.send("GET", "/api/v3/openOrders", query, headers=sent)["code"] == code
        assert talk.last.status == status


@pytest.mark.parametrize(
    ("behind_ms", "window", "code"),
    [(5_000, None, None), (5_001, None, -1021), (-999, None, None), (-1_000, None, -1021),
     (300, 250, -1021), (200, 250, None), (0, 60_001, -1131)],
)  # fmt: skip
def test_a_timestamp_must_lie_within_the_window(talk, behind_ms, window, code):
    asked = {"timestamp": talk.clock.ms - behind_ms}
    if window is not None:
        asked["recvWindow"] = window
    query = signed_query(asked, talk.secret)
    headers = {"x-mbx-apikey": talk.key}
    answer = talk.send("GET", "/api/v3/account", query, headers=headers)
    assert answer.get("code") == code


def test_an_order_may_come_wholly_in_the_query_or_in_the_body(talk):
    asked = {"symbol": "BTCUSDT", **BUY, "quantity": "0.001", "price": "50000",
             "timestamp": talk.clock.ms}  # fmt: skip
    headers = {"x-mbx-apikey": talk.key}
    query = signed_query(asked, talk.secret)
    first = talk.send("POST", "/api/v3/order", query, headers=headers)
    second = talk.send("POST", "/api/v3/order", body=query.encode(), headers=headers)
    assert (first["status"], second["status"]) == ("NEW", "NEW")


def test_a_key_that_only_reads_does_not_trade(talk):
    reader = SpotTalk(talk.face, talk.clock, rights="-read")
    assert reader.trade("GET", "account")["canTrade"] is False
    assert reader.trade("POST", "order", **BUY, quantity="1", price="1")["code"] == -2015
    rights = reader.signed("GET", "/sapi/v1/account/apiRestrictions")
    assert (rights["enableSpotAndMarginTrading"], rights["enableWithdrawals"]) == (False, False)
    withdrawer = SpotTalk(talk.face, talk.clock, rights="-withdraw")
    assert withdrawer.signed("GET", "/sapi/v1/account/apiRestrictions")["enableWithdrawals"]


def test_the_listen_key_of_spot_is_retired_and_unknown_paths_are_none(talk):
    assert talk.keyed("POST", "/api/v3/userDataStream")["code"] == -1020
    assert talk.last.status == 410
    talk.get("/api/v3/nothing")
    assert talk.last.status == 404


# --- limits ---------------------------------------------------------------------------------------


def test_weight_is_told_refused_with_retry_after_and_then_banned(talk):
    for _ in range(300):
        talk.get("/api/v3/exchangeInfo")
    assert talk.last.status == 200
    assert talk.last.headers["X-MBX-USED-WEIGHT-1M"] == "6000"
    assert talk.get("/api/v3/exchangeInfo")["code"] == -1003
    assert talk.last.status == 429
    assert 1 <= int(talk.last.headers["Retry-After"]) <= 60
    for _ in range(20):
        talk.get("/api/v3/ping")
    assert talk.last.status == 418
    talk.clock.pass_ms(60_000)
    assert "banned until" in talk.get("/api/v3/ping")["msg"]
    talk.clock.pass_ms(61_000)
    assert talk.get("/api/v3/ping") == {}


@pytest.mark.parametrize(
    ("path", "asked", "weight"),
    [
        ("depth", {"symbol": "BTCUSDT"}, 5),
        ("depth", {"symbol": "BTCUSDT", "limit": "500"}, 25),
        ("depth", {"symbol": "BTCUSDT", "limit": "5000"}, 250),
        ("ticker/24hr", {"symbol": "BTCUSDT"}, 2),
        ("ticker/24hr", {}, 80),
        ("ping", {}, 1),
    ],
)
def test_a_request_weighs_what_the_document_says(talk, path, asked, weight):
    talk.get(f"/api/v3/{path}", **asked)
    assert talk.last.headers["X-MBX-USED-WEIGHT-1M"] == str(weight)


def test_a_list_spans_a_day_at_most(talk):
    talk.trade("POST", "order", side="BUY", type="MARKET", quantity="0.01")
    day, now = 86_400_000, talk.clock.ms
    for path in ("allOrders", "myTrades"):
        assert len(talk.trade("GET", path, startTime=now - day, endTime=now)) >= 1
        assert talk.trade("GET", path, startTime=now - day - 1, endTime=now)["code"] == -1127


def test_more_than_fifty_orders_in_ten_seconds_are_too_many(talk):
    for _ in range(50):
        talk.trade("POST", "order", **BUY, quantity="0.001", price="1")
    assert talk.last.headers["X-MBX-ORDER-COUNT-10S"] == "50"
    late = talk.trade("POST", "order", **BUY, quantity="0.001", price="50000")
    assert (talk.last.status, late["code"]) == (429, -1015)
    talk.clock.pass_ms(10_000)
    assert talk.trade("POST", "order", **BUY, quantity="0.001", price="50000")["status"] == "NEW"


# --- orders ---------------------------------------------------------------------------------------


def test_a_client_id_is_taken_only_while_its_order_is_open(talk):
    named = {**BUY, "quantity": "0.001", "newClientOrderId": "mine-1"}
    first = talk.trade("POST", "order", **named, price="50000")
    again = talk.trade("POST", "order", **named, price="50000")
    assert again == {"code": -2010, "msg": "Duplicate order sent."}
    talk.trade("DELETE", "order", origClientOrderId="mine-1")
    _, ask = best(talk)
    filled = talk.trade("POST", "order", **named, price=str(ask + 10))
    assert filled["status"] == "FILLED"
    third = talk.trade("POST", "order", **named, price="50000")
    assert third["status"] == "NEW"
    assert len({first["orderId"], filled["orderId"], third["orderId"]}) == 3
    found = talk.trade("GET", "order", origClientOrderId="mine-1")
    assert found["orderId"] == third["orderId"]


def test_a_client_id_is_looked_up_in_the_market_that_is_asked(talk):
    named = {**BUY, "newClientOrderId": "mine-1"}
    first = talk.trade("POST", "order", **named, quantity="0.001", price="50000")
    second = talk.trade("POST", "order", **named, symbol="ETHUSDT", quantity="0.01", price="2500")
    assert talk.trade("GET", "order", origClientOrderId="mine-1")["orderId"] == first["orderId"]
    gone = talk.trade("DELETE", "order", symbol="ETHUSDT", origClientOrderId="mine-1")
    assert gone["orderId"] == second["orderId"]
    assert talk.trade("GET", "order", orderId=second["orderId"])["code"] == -2013


def test_a_buy_pays_its_commission_in_base_and_a_sell_in_quote(talk):
    bought = talk.trade("POST", "order", side="BUY", type="MARKET", quantity="0.01")
    commission = sum(Decimal(each["commission"]) for each in bought["fills"])
    assert {each["commissionAsset"] for each in bought["fills"]} == {"BTC"}
    assert commission == Decimal("0.00001")
    assert free(talk, "BTC") == (Decimal("0.00999"), 0)
    sold = talk.trade("POST", "order", side="SELL", type="MARKET", quantity="0.00999")
    assert {each["commissionAsset"] for each in sold["fills"]} == {"USDT"}
    assert talk.trade("GET", "myTrades")[-1]["isBuyer"] is False


def test_a_market_buy_by_value_is_filled_although_a_rest_is_left(talk):
    bought = talk.trade("POST", "order", side="BUY", type="MARKET", quoteOrderQty="100")
    assert bought["status"] == "FILLED"
    assert Decimal(99) < Decimal(bought["cummulativeQuoteQty"]) <= Decimal(100)
    paid = sum(Decimal(each["price"]) * Decimal(each["qty"]) for each in bought["fills"])
    assert paid == Decimal(bought["cummulativeQuoteQty"])


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ({**BUY, "quantity": "0.001", "price": "50000.001"}, -1013, "PRICE_FILTER"),
        ({**BUY, "quantity": "0.0000101", "price": "50000"}, -1013, "LOT_SIZE"),
        ({**BUY, "quantity": "0.00001", "price": "50000"}, -1013, "NOTIONAL"),
        ({**BUY, "quantity": "9001", "price": "50000"}, -1013, "LOT_SIZE"),
        ({**BUY, "quantity": "0.123456789", "price": "50000"}, -1111, "precision"),
        ({**BUY, "quantity": "1", "price": "50000"}, -2010, "insufficient balance"),
        ({**BUY, "quantity": "0.1", "price": "12000"}, -1013, "PERCENT_PRICE_BY_SIDE"),
        ({**BUY, "quantity": "0.01", "price": "400000"}, -1013, "PERCENT_PRICE_BY_SIDE"),
        ({**BUY, "quantity": "one", "price": "50000"}, -1100, "quantity"),
        ({**BUY, "price": "50000"}, -1102, "quantity"),
        ({"side": "BUY", "type": "MARKET"}, -1102, "quoteOrderQty"),
        ({"side": "BUY", "type": "MARKET", "quantity": "1", "price": "1"}, -1106, "price"),
        ({"side": "HOLD", "type": "MARKET", "quantity": "1"}, -1117, "side"),
        ({"side": "BUY", "type": "ICEBERG", "quantity": "1"}, -1116, "orderType"),
        ({**BUY, "timeInForce": "GTX", "quantity": "1", "price": "1"}, -1115, "timeInForce"),
        ({**BUY, "quantity": "1", "price": "1", "newClientOrderId": "a b"}, -1100, "newClient"),
        ({"symbol": "NONEUSDT", **BUY, "quantity": "1", "price": "1"}, -1121, "symbol"),
        ({"side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.001", "price": "70000"}, -2010,
         "immediately match and take"),
        ({"side": "SELL", "type": "STOP_LOSS", "quantity": "0.001", "stopPrice": "70000"}, -2010,
         "trigger immediately"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_in_the_venues_words(talk, asked, code, said):
    answer = talk.trade("POST", "order", **asked)
    assert (talk.last.status, answer["code"]) == (400, code)
    assert said in answer["msg"]
    tested = talk.trade("POST", "order/test", **asked)
    assert tested["code"] == code
    assert talk.trade("GET", "allOrders") == []


def test_a_test_order_is_checked_and_never_placed(talk):
    assert talk.trade("POST", "order/test", **BUY, quantity="0.001", price="50000") == {}
    assert talk.trade("GET", "openOrders") == []
    assert free(talk, "USDT") == (Decimal(10_000), 0)


def test_a_cancel_brings_the_money_back_and_cannot_be_had_twice(talk):
    order = talk.trade("POST", "order", **BUY, quantity="0.1", price="50000")
    assert free(talk, "USDT") == (Decimal(5_000), Decimal(5_000))
    gone = talk.trade("DELETE", "order", orderId=order["orderId"], newClientOrderId="away-1")
    assert (gone["status"], gone["clientOrderId"]) == ("CANCELED", "away-1")
    assert gone["origClientOrderId"] == order["clientOrderId"]
    assert free(talk, "USDT") == (Decimal(10_000), 0)
    assert talk.trade("DELETE", "order", orderId=order["orderId"])["code"] == -2011
    assert talk.trade("GET", "order", orderId=order["orderId"])["status"] == "CANCELED"
    assert talk.trade("GET", "order", orderId="4711")["code"] == -2013
    assert talk.trade("DELETE", "openOrders")["code"] == -2011


def test_a_fill_or_kill_that_cannot_fill_expires_untouched(talk):
    asked = {**BUY, "timeInForce": "FOK", "quantity": "0.1", "price": "50000"}
    answer = talk.trade("POST", "order", **asked)
    assert (answer["status"], answer["executedQty"]) == ("EXPIRED", "0.00000000")
    assert answer["expiryReason"] == "UNFILLED_FOK_ORDER_EXPIRED"


def test_a_cancel_replace_stops_where_its_mode_says(talk):
    order = talk.trade("POST", "order", **BUY, quantity="0.001", price="50000")
    asked = {**BUY, "quantity": "0.002", "price": "50000", "cancelReplaceMode": "STOP_ON_FAILURE"}
    done = talk.trade("POST", "order/cancelReplace", **asked, cancelOrderId=order["orderId"])
    assert done["cancelResult"] == done["newOrderResult"] == "SUCCESS"
    again = talk.trade("POST", "order/cancelReplace", **asked, cancelOrderId=order["orderId"])
    assert (talk.last.status, again["code"]) == (400, -2022)
    assert again["data"]["newOrderResult"] == "NOT_ATTEMPTED"
    half = {**asked, "cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": order["orderId"]}
    placed = talk.trade("POST", "order/cancelReplace", **half)
    assert (talk.last.status, placed["code"]) == (409, -2021)
    assert placed["data"]["newOrderResponse"]["status"] == "NEW"
    assert len(talk.trade("GET", "openOrders")) == 2


def test_an_order_that_meets_its_own_account_ends_as_it_asked(talk):
    talk.trade("POST", "order", side="BUY", type="MARKET", quantity="0.01")
    bid, ask = best(talk)
    inside = str(((bid + ask) / 2).quantize(Decimal("0.01")))
    talk.trade("POST", "order", **BUY, quantity="0.005", price=inside)
    sell = {"side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.005"}
    met = talk.trade("POST", "order", **sell, price=inside, selfTradePreventionMode="EXPIRE_TAKER")
    assert met["status"] == "EXPIRED_IN_MATCH"
    assert len(talk.trade("GET", "openOrders")) == 1


# --- the user stream ------------------------------------------------------------------------------


def followed(talk):
    socket = talk.socket_api()
    assert talk.ask(socket, "userDataStream.subscribe.signature", {}, signed=True)["result"] == {
        "subscriptionId": 0
    }
    return socket


def events(talk, socket, name="executionReport"):
    told = [each["event"] for each in talk.heard(socket) if "event" in each]
    return [each for each in told if each["e"] == name]


def test_an_orders_whole_story_is_told_in_order(talk):
    socket = followed(talk)
    bought = talk.trade("POST", "order", side="BUY", type="MARKET", quoteOrderQty="100")
    told = events(talk, socket)
    assert [each["x"] for each in told] == ["NEW"] + ["TRADE"] * len(bought["fills"])
    assert told[-1]["X"] == "FILLED"
    assert sum(Decimal(each["l"]) for each in told) == Decimal(bought["executedQty"])
    assert {each["i"] for each in told} == {bought["orderId"]}
    position = events(talk, socket, "outboundAccountPosition")[-1]
    assert {row["a"] for row in position["B"]} == {"BTC", "USDT"}
    rows = {row["a"]: Decimal(row["f"]) for row in position["B"]}
    assert rows["USDT"] == free(talk, "USDT")[0]


def test_a_cancel_is_told_with_both_ids(talk):
    socket = followed(talk)
    named = {**BUY, "quantity": "0.001", "price": "50000", "newClientOrderId": "mine-1"}
    talk.trade("POST", "order", **named)
    talk.trade("DELETE", "order", origClientOrderId="mine-1", newClientOrderId="away-1")
    last = events(talk, socket)[-1]
    assert (last["x"], last["X"], last["c"], last["C"]) == (
        "CANCELED", "CANCELED", "away-1", "mine-1",
    )  # fmt: skip


def test_money_from_outside_is_told_as_such(talk):
    socket = followed(talk)
    talk.deposit("USDT", 25)
    (update,) = events(talk, socket, "balanceUpdate")
    assert (update["a"], update["d"]) == ("USDT", "25")


def test_a_stop_waits_wakes_and_trades(talk):
    talk.trade("POST", "order", side="BUY", type="MARKET", quantity="0.01")
    socket = followed(talk)
    bid, _ = best(talk)
    stop = {"side": "SELL", "type": "STOP_LOSS", "quantity": "0.005"}
    placed = talk.trade("POST", "order", **stop, stopPrice=str(bid - 1), newOrderRespType="RESULT")
    assert (placed["status"], placed["workingTime"]) == ("NEW", -1)
    assert free(talk, "BTC")[1] == Decimal("0.005")
    for _ in range(400):
        talk.pass_ms(5_000)
        if talk.trade("GET", "order", orderId=placed["orderId"])["status"] == "FILLED":
            break
    told = [each for each in events(talk, socket) if each["i"] == placed["orderId"]]
    assert [each["x"] for each in told][:2] == ["NEW", "NEW"]
    assert [each["w"] for each in told][:2] == [False, True]
    assert told[-1]["X"] == "FILLED"


def test_a_stream_is_followed_once_and_ends_with_a_word(talk):
    socket = followed(talk)
    again = talk.ask(socket, "userDataStream.subscribe.signature", {}, signed=True)
    assert again["error"]["code"] == -2035
    assert talk.ask(socket, "session.subscriptions", {})["result"] == [{"subscriptionId": 0}]
    assert talk.ask(socket, "userDataStream.unsubscribe", {})["result"] == {}
    assert events(talk, socket, "eventStreamTerminated")
    talk.trade("POST", "order", **BUY, quantity="0.001", price="50000")
    assert events(talk, socket) == []
    assert talk.ask(socket, "userDataStream.unsubscribe", {})["error"]["code"] == -2036


def test_a_session_that_logged_on_signs_no_more(talk):
    socket = talk.socket_api()
    assert talk.ask(socket, "userDataStream.subscribe", {})["error"]["code"] == -2015
    assert talk.ask(socket, "session.logon", {}, signed=True)["result"]["apiKey"] == talk.key
    assert talk.ask(socket, "userDataStream.subscribe", {})["result"] == {"subscriptionId": 0}
    asked = {"symbol": "BTCUSDT", **BUY, "quantity": "0.001", "price": "50000",
             "timestamp": talk.clock.ms}  # fmt: skip
    assert talk.ask(socket, "order.place", asked)["result"]["status"] == "NEW"
    assert talk.ask(socket, "session.logout", {})["result"]["apiKey"] is None
    assert talk.ask(socket, "order.place", asked)["status"] == 401


def test_the_socket_answers_with_its_limits_and_its_errors(talk):
    socket = talk.socket_api()
    placed = talk.ask(
        socket, "order.place",
        {"symbol": "BTCUSDT", **BUY, "quantity": 0.001, "price": "1"}, signed=True,
    )  # fmt: skip
    assert (placed["status"], placed["error"]["code"]) == (400, -1013)
    assert {each["rateLimitType"] for each in placed["rateLimits"]} == {"ORDERS", "REQUEST_WEIGHT"}
    assert talk.ask(socket, "no.such", {})["error"]["code"] == -1020
    talk.face.receive(socket, "not json", talk.clock.now)
    assert talk.heard(socket)[-1]["error"]["code"] == -1135


def test_a_stream_that_the_venue_ends_says_so_and_falls_silent(talk):
    socket = followed(talk)
    talk.face.end_user_streams(talk.environment, talk.clock.now)
    assert len(events(talk, socket, "eventStreamTerminated")) == 1
    talk.trade("POST", "order", **BUY, quantity="0.001", price="50000")
    assert events(talk, socket) == []
    again = talk.ask(socket, "userDataStream.subscribe.signature", {}, signed=True)
    assert again["result"] == {"subscriptionId": 1}


def test_another_account_hears_nothing(talk):
    other = SpotTalk(talk.face, talk.clock, rights="-withdraw")
    socket = followed(other)
    talk.trade("POST", "order", side="BUY", type="MARKET", quoteOrderQty="100")
    assert events(other, socket) == []


def test_a_shutdown_is_announced_on_every_socket(talk):
    api, public = talk.socket_api(), talk.stream("btcusdt@trade")
    talk.face.shut_down(talk.environment, talk.clock.now)
    assert talk.heard(api)[-1]["event"]["e"] == "serverShutdown"
    assert talk.heard(public)[-1]["e"] == "serverShutdown"


# --- market streams -------------------------------------------------------------------------------


def test_the_diff_stream_and_the_snapshot_make_one_book(talk):
    socket = talk.stream("btcusdt@depth@100ms")
    talk.pass_ms(20_000)
    snapshot = talk.get("/api/v3/depth", symbol="BTCUSDT", limit=5000)
    talk.pass_ms(20_000)
    books = {key: {row[0]: row[1] for row in snapshot[f"{key}s"]} for key in ("bid", "ask")}
    last = snapshot["lastUpdateId"]
    applied = 0
    for frame in talk.heard(socket):
        event = frame["data"]
        if event["u"] <= last:
            continue
        assert event["U"] <= last + 1, "an update is missing"
        last, applied = event["u"], applied + 1
        for side, key in (("bid", "b"), ("ask", "a")):
            for price, qty in event[key]:
                books[side].pop(price, None)
                if Decimal(qty):
                    books[side][price] = qty
    assert applied
    talk.pass_ms(100)
    now = talk.get("/api/v3/depth", symbol="BTCUSDT", limit=5000)
    if now["lastUpdateId"] == last:
        assert books["bid"] == {row[0]: row[1] for row in now["bids"]}
        assert books["ask"] == {row[0]: row[1] for row in now["asks"]}
    else:
        pytest.fail("the market moved after the last event was due")


def test_streams_are_followed_left_and_listed(talk):
    socket = talk.dial("stream.binance.com", "/ws/0")
    talk.say(socket, {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1})
    talk.trade("POST", "order", side="BUY", type="MARKET", quantity="0.01")
    heard = talk.heard(socket)
    assert heard[0] == {"result": None, "id": 1}
    assert heard[1]["e"] == "trade"
    talk.say(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 2})
    assert "btcusdt@trade" in talk.heard(socket)[-1]["result"]
    talk.say(socket, {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 3})
    count = len(talk.heard(socket))
    talk.trade("POST", "order", side="BUY", type="MARKET", quantity="0.01")
    assert len(talk.heard(socket)) == count
    talk.say(socket, {"method": "SHOUT", "id": 4})
    assert talk.heard(socket)[-1]["error"]["code"] == 2


def test_a_candle_closes_once_when_its_minute_is_over(talk):
    socket = talk.stream("btcusdt@kline_1m")
    talk.pass_ms(130_000)
    candles = [frame["data"]["k"] for frame in talk.heard(socket)]
    closed = [each["t"] for each in candles if each["x"]]
    assert closed
    assert closed == sorted(set(closed))
    assert {each["t"] for each in candles} >= set(closed)


def test_worlds_share_nothing(talk):
    demo = SpotTalk(talk.face, talk.clock, "demo")
    demo.rest = "demo-api.binance.com"
    talk.trade("POST", "order", side="BUY", type="MARKET", quantity="0.01")
    assert demo.trade("GET", "myTrades") == []
    assert free(demo, "USDT") == (Decimal(10_000), 0)
    demo.signed("GET", "/sapi/v1/capital/config/getall")
    assert demo.last.status == 404
