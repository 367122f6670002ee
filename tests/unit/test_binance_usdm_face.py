"""The rules of the Binance USD-M face, told to it as its clients would."""

from decimal import Decimal
from itertools import pairwise

import pytest

from absolute.simex.binance_usdm import binance_usdm_face
from absolute.simex.binance_usdm_trading import forgotten
from absolute.simex.keys import default_keys
from absolute.simex.listing import ListingStatus
from absolute.simex.market import DAY_NS
from absolute.simex.orders import AccountId

from tests.binance_talk import UsdmTalk
from tests.box_clients import BoxClock, still_supply

BUY = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
STOP = {"algoType": "CONDITIONAL", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.01"}
HOUR_MS = 3_600_000


@pytest.fixture
def talk():
    return UsdmTalk(binance_usdm_face(default_keys(), still_supply()), BoxClock())


def best(talk):
    row = talk.get("/fapi/v1/ticker/bookTicker", symbol="BTCUSDT")
    return Decimal(row["bidPrice"]), Decimal(row["askPrice"])


def bought(talk, quantity="0.01", **more):
    asked = {"side": "BUY", "type": "MARKET", "newOrderRespType": "RESULT"}
    return talk.trade("POST", "v1/order", **asked, quantity=quantity, **more)


def followed(talk):
    key = talk.keyed("POST", "/fapi/v1/listenKey")["listenKey"]
    return talk.dial("fstream.binance.com", "/private/ws", f"listenKey={key}")


def named(talk, socket, name):
    return [each for each in talk.heard(socket) if each["e"] == name]


# --- orders ---------------------------------------------------------------------------------------


def test_an_acknowledgement_shows_an_order_as_it_came_and_a_result_as_it_is(talk):
    came = talk.trade("POST", "v1/order", side="BUY", type="MARKET", quantity="0.01")
    assert (came["status"], came["executedQty"]) == ("NEW", "0")
    assert talk.trade("GET", "v1/order", orderId=came["orderId"])["status"] == "FILLED"
    done = bought(talk)
    assert (done["status"], done["executedQty"]) == ("FILLED", "0.01")


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ({**BUY, "price": "58000.05"}, -1111, "Precision"),
        ({**BUY, "price": "58000", "quantity": "0.0101"}, -1111, "Precision"),
        ({**BUY, "price": "58000", "quantity": "0.001"}, -4164, "no smaller than 100"),
        ({**BUY, "price": "58000", "quantity": "1001"}, -4005, "max quantity"),
        ({**BUY, "price": "90000"}, -4016, "multiplier cap"),
        ({**BUY, "price": "58000", "quantity": "100"}, -2019, "Margin is insufficient"),
        ({**BUY, "price": "61500", "timeInForce": "GTX"}, -5022, "Post Only"),
        ({**BUY, "price": "58000", "timeInForce": "FOK"}, -5021, "FOK"),
        ({**BUY, "price": "58000", "timeInForce": "GTD"}, -1115, "timeInForce"),
        ({**BUY, "price": "58000", "positionSide": "LONG"}, -4061, "position side"),
        ({**BUY, "price": "58000", "reduceOnly": "true"}, -2022, "ReduceOnly"),
        ({**BUY, "price": "58000", "newClientOrderId": "x" * 37}, -4015, "36"),
        ({**BUY, "type": "STOP_MARKET", "stopPrice": "70000"}, -4120, "Algo Order API"),
        ({**BUY, "type": "TRAILING_STOP_MARKET", "callbackRate": "1"}, -4120, "Algo Order API"),
        ({**BUY, "type": "ICEBERG"}, -1116, "orderType"),
        ({**BUY}, -1102, "price"),
    ],
)
def test_what_is_wrong_is_refused_in_the_venues_words(talk, asked, code, said):
    answer = talk.trade("POST", "v1/order", **asked)
    assert (talk.last.status, answer["code"]) == (400, code)
    assert said in answer["msg"]
    assert talk.trade("GET", "v1/allOrders") == []


def test_a_halted_market_takes_no_orders_and_still_cancels(talk):
    order = talk.trade("POST", "v1/order", **BUY, price="59000")
    exchange = talk.face.exchanges[talk.environment]
    exchange.halt(exchange.listings()[0].market, ListingStatus.HALTED)
    assert talk.trade("POST", "v1/order", **BUY, price="59000")["code"] == -4141
    assert talk.get("/fapi/v1/exchangeInfo")["symbols"][0]["status"] == "BREAK"
    assert talk.trade("DELETE", "v1/order", orderId=order["orderId"])["status"] == "CANCELED"


def test_a_client_id_is_taken_while_its_order_is_open(talk):
    asked = {**BUY, "price": "59000", "newClientOrderId": "mine-1"}
    assert talk.trade("POST", "v1/order", **asked)["status"] == "NEW"
    assert talk.trade("POST", "v1/order", **asked)["code"] == -4116
    assert talk.trade("DELETE", "v1/order", origClientOrderId="mine-1")["status"] == "CANCELED"
    assert talk.trade("DELETE", "v1/order", origClientOrderId="mine-1")["code"] == -2011
    assert talk.trade("POST", "v1/order", **asked)["status"] == "NEW"


def test_a_fill_or_kill_that_is_refused_leaves_no_trace(talk):
    socket = followed(talk)
    refused = talk.trade("POST", "v1/order", **{**BUY, "timeInForce": "FOK"}, price="59000")
    assert refused["code"] == -5021
    assert talk.heard(socket) == []
    assert talk.trade("GET", "v1/openOrders") == []


def test_an_ended_order_is_forgotten_after_the_documented_time(talk):
    exchange, account = talk.face.exchanges[talk.environment], AccountId(talk.key)
    filled = exchange.find(account, number=bought(talk)["orderId"])
    resting = talk.trade("POST", "v1/order", **BUY, price="59000")
    alive = exchange.find(account, number=resting["orderId"])
    talk.trade("DELETE", "v1/order", orderId=resting["orderId"])
    cancelled = exchange.find(account, number=resting["orderId"])
    days = [DAY_NS * each for each in (2, 4, 89, 91)]
    assert [forgotten(filled, talk.clock.now + each) for each in days] == [False] * 3 + [True]
    assert [forgotten(cancelled, talk.clock.now + each) for each in days] == [False] + [True] * 3
    assert not forgotten(alive, talk.clock.now + days[-1])


def test_a_list_spans_seven_days_at_most(talk):
    order = talk.trade("POST", "v1/order", **BUY, price="59000")
    day = 86_400_000
    now = talk.clock.ms
    assert len(talk.trade("GET", "v1/allOrders")) == 1
    assert talk.trade("GET", "v1/allOrders", startTime=now - 8 * day) == []
    assert len(talk.trade("GET", "v1/allOrders", orderId=order["orderId"])) == 1
    long = talk.trade("GET", "v1/allOrders", startTime=now - 8 * day, endTime=now)
    assert long["code"] == -4165
    assert talk.trade("GET", "v1/userTrades", startTime=1, endTime=now)["code"] == -4165


def test_an_order_is_modified_in_place(talk):
    order = talk.trade("POST", "v1/order", **BUY, price="59000")
    asked = {"orderId": order["orderId"], "side": "BUY", "quantity": "0.02"}
    after = talk.trade("PUT", "v1/order", **asked, price="59100")
    assert (after["orderId"], after["price"], after["origQty"]) == (
        order["orderId"], "59100", "0.02",
    )  # fmt: skip
    same = talk.trade("PUT", "v1/order", **asked, price="59100")
    assert same["code"] == -5027


# --- conditional orders ---------------------------------------------------------------------------


def test_conditional_orders_live_apart_until_they_wake(talk):
    bought(talk)
    placed = talk.trade("POST", "v1/algoOrder", **STOP, triggerPrice="55000", reduceOnly="true")
    assert placed["algoStatus"] == "NEW"
    assert talk.trade("GET", "v1/openOrders") == []
    assert [each["algoId"] for each in talk.trade("GET", "v1/openAlgoOrders")] == [placed["algoId"]]
    talk.trade("DELETE", "v1/allOpenOrders")
    assert talk.trade("GET", "v1/algoOrder", algoId=placed["algoId"])["algoStatus"] == "NEW"
    gone = talk.trade("DELETE", "v1/algoOrder", algoId=placed["algoId"])
    assert (gone["code"], gone["clientAlgoId"]) == ("200", placed["clientAlgoId"])
    assert talk.trade("DELETE", "v1/algoOrder", algoId=placed["algoId"])["code"] == -2011
    assert talk.trade("GET", "v1/algoOrder", algoId=placed["algoId"])["algoStatus"] == "CANCELED"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({**STOP, "triggerPrice": "70000"}, -2021),
        ({**STOP, "type": "TAKE_PROFIT_MARKET", "triggerPrice": "55000"}, -2021),
        ({**STOP, "type": "LIMIT", "triggerPrice": "55000"}, -1116),
        ({**STOP}, -1102),
        ({**STOP, "triggerPrice": "55000", "closePosition": "true"}, -4137),
        ({**STOP, "algoType": "VP", "triggerPrice": "55000"}, -1102),
        ({**STOP, "triggerPrice": "55000", "workingType": "INDEX"}, -4031),
        ({**STOP, "type": "TRAILING_STOP_MARKET", "callbackRate": "11"}, -2007),
    ],
)
def test_a_wrong_conditional_order_is_refused(talk, asked, code):
    assert talk.trade("POST", "v1/algoOrder", **asked)["code"] == code


def test_a_stop_that_closes_the_position_wakes_trades_and_tells_its_story(talk):
    bought(talk, "0.02")
    socket = followed(talk)
    bid, _ = best(talk)
    asked = {key: value for key, value in STOP.items() if key != "quantity"}
    placed = talk.trade(
        "POST", "v1/algoOrder", **asked, triggerPrice=str(bid - 1), closePosition="true"
    )
    assert (placed["closePosition"], placed["quantity"]) == (True, "0")
    for _ in range(400):
        talk.pass_ms(5_000)
        if talk.trade("GET", "v1/algoOrder", algoId=placed["algoId"])["algoStatus"] == "FINISHED":
            break
    told = [each["o"]["X"] for each in named(talk, socket, "ALGO_UPDATE")]
    assert told == ["NEW", "TRIGGERED", "FINISHED"]
    updates = [each["o"] for each in named(talk, socket, "ORDER_TRADE_UPDATE")]
    assert updates[0]["x"] == "NEW"
    assert updates[-1]["X"] == "FILLED"
    assert (updates[-1]["o"], updates[-1]["ot"]) == ("MARKET", "STOP_MARKET")
    actual = talk.trade("GET", "v1/algoOrder", algoId=placed["algoId"])["actualOrderId"]
    assert actual == str(updates[-1]["i"])
    assert talk.trade("GET", "v1/order", orderId=actual)["status"] == "FILLED"
    assert talk.trade("GET", "v3/positionRisk") == []


def test_a_trailing_stop_follows_the_price_and_sells_after_it_turns(talk):
    bought(talk, "0.02")
    asked = {**STOP, "type": "TRAILING_STOP_MARKET", "callbackRate": "0.1"}
    placed = talk.trade("POST", "v1/algoOrder", **asked, workingType="MARK_PRICE")
    assert placed["workingType"] == "MARK_PRICE"
    triggers = []
    for _ in range(600):
        talk.pass_ms(5_000)
        now = talk.trade("GET", "v1/algoOrder", algoId=placed["algoId"])
        triggers.append(Decimal(now["triggerPrice"]))
        if now["algoStatus"] == "FINISHED":
            break
    assert now["algoStatus"] == "FINISHED"
    assert triggers == sorted(triggers), "the stop of a sell only rises"
    assert Decimal(now["actualPrice"]) < triggers[-1] * Decimal("1.001")


# --- money ----------------------------------------------------------------------------------------


def test_wallet_positions_and_stream_agree_to_the_last_unit(talk):
    socket = followed(talk)
    talk.trade("POST", "v1/leverage", leverage="10")
    order = bought(talk, "0.05")
    (position,) = talk.trade("GET", "v3/positionRisk")
    entry = Decimal(position["entryPrice"])
    assert entry == Decimal(order["avgPrice"])
    assert Decimal(position["initialMargin"]) == Decimal("0.05") * entry / 10
    fills = talk.trade("GET", "v1/userTrades")
    fees = sum(Decimal(each["commission"]) for each in fills)
    assert fees == sum(
        Decimal(each["o"]["n"])
        for each in named(talk, socket, "ORDER_TRADE_UPDATE")
        if each["o"]["x"] == "TRADE"
    )
    account = talk.trade("GET", "v3/account")
    assert Decimal(account["totalWalletBalance"]) == Decimal(10_000) - fees
    update = named(talk, socket, "ACCOUNT_UPDATE")[-1]["a"]
    assert (update["m"], update["B"][0]["a"]) == ("ORDER", "USDT")
    assert Decimal(update["B"][0]["wb"]) == Decimal(account["totalWalletBalance"])
    assert Decimal(update["P"][0]["pa"]) == Decimal("0.05")
    talk.trade("POST", "v1/order", side="SELL", type="MARKET", quantity="0.05", reduceOnly="true")
    rows = talk.trade("GET", "v1/userTrades")
    profit = sum(Decimal(each["realizedPnl"]) for each in rows)
    fees = sum(Decimal(each["commission"]) for each in rows)
    after = talk.trade("GET", "v2/balance")[0]
    assert Decimal(after["balance"]) == Decimal(10_000) + profit - fees
    assert after["availableBalance"] == after["balance"]


def test_leverage_is_bounded_told_and_may_be_set_twice(talk):
    socket = followed(talk)
    assert talk.trade("POST", "v1/leverage", leverage="25")["leverage"] == 25
    assert talk.trade("POST", "v1/leverage", leverage="25")["leverage"] == 25
    assert talk.trade("POST", "v1/leverage", leverage="126")["code"] == -4028
    assert talk.trade("GET", "v1/symbolConfig")[0]["leverage"] == 25
    assert [each["ac"] for each in named(talk, socket, "ACCOUNT_CONFIG_UPDATE")] == [
        {"s": "BTCUSDT", "l": 25}
    ]


def test_modes_that_are_set_need_no_change_and_others_are_not_shown(talk):
    assert talk.trade("POST", "v1/marginType", marginType="CROSSED")["code"] == -4046
    assert talk.trade("POST", "v1/marginType", marginType="ISOLATED")["code"] == -1020
    mode = talk.trade("POST", "v1/positionSide/dual", dualSidePosition="false")
    assert mode["code"] == -4059
    assert talk.trade("GET", "v1/positionSide/dual") == {"dualSidePosition": False}


def test_the_brackets_shown_join_without_gaps(talk):
    (row,) = talk.trade("GET", "v1/leverageBracket")
    rows = row["brackets"]
    assert rows[0]["notionalFloor"] == 0
    for lower, upper in pairwise(rows):
        assert lower["notionalCap"] == upper["notionalFloor"]
        assert lower["initialLeverage"] >= upper["initialLeverage"]


# --- sockets --------------------------------------------------------------------------------------


def test_the_old_paths_are_gone_and_the_split_ones_serve_their_own(talk):
    for path in ("/ws", "/ws/btcusdt@trade", "/stream"):
        assert talk.refused("fstream.binance.com", path).status == 410
    assert talk.refused("fstream.binance.com", "/elsewhere/ws").status == 404
    names = "streams=btcusdt@bookTicker/btcusdt@aggTrade"
    public = talk.dial("fstream.binance.com", "/public/stream", names)
    market = talk.dial("fstream.binance.com", "/market/stream", names)
    bought(talk)
    assert {each["data"]["e"] for each in talk.heard(public)} == {"bookTicker"}
    assert {each["data"]["e"] for each in talk.heard(market)} == {"aggTrade"}


def test_a_depth_event_names_the_one_before_it(talk):
    socket = talk.dial("fstream.binance.com", "/public/ws/btcusdt@depth@100ms")
    talk.pass_ms(30_000)
    told = talk.heard(socket)
    assert len(told) > 2
    for before, after in pairwise(told):
        assert after["pu"] == before["u"]
        assert after["U"] == before["u"] + 1


def test_a_listen_key_lives_an_hour_unless_it_is_kept(talk):
    socket = followed(talk)
    key = talk.keyed("POST", "/fapi/v1/listenKey")["listenKey"]
    talk.clock.pass_ms(50 * 60_000)
    assert talk.keyed("PUT", "/fapi/v1/listenKey") == {"listenKey": key}
    talk.clock.pass_ms(50 * 60_000)
    talk.face.pass_time(talk.clock.now)
    assert named(talk, socket, "listenKeyExpired") == []
    talk.clock.pass_ms(10 * 60_000)
    talk.face.pass_time(talk.clock.now)
    (expired,) = named(talk, socket, "listenKeyExpired")
    assert expired["listenKey"] == key
    count = len(talk.heard(socket))
    bought(talk)
    assert len(talk.heard(socket)) == count, "a socket outlives its key in silence"
    assert talk.keyed("PUT", "/fapi/v1/listenKey")["code"] == -1125
    fresh = talk.keyed("POST", "/fapi/v1/listenKey")["listenKey"]
    assert fresh != key
    gone = talk.refused("fstream.binance.com", "/private/ws", f"listenKey={key}")
    assert gone.status == 400


def test_the_socket_places_cancels_and_finds(talk):
    socket = talk.dial("ws-fapi.binance.com", "/ws-fapi/v1")
    asked = {"symbol": "BTCUSDT", **BUY, "price": "59000"}
    placed = talk.ask(socket, "order.place", asked, signed=True)["result"]
    named_so = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    assert talk.ask(socket, "order.status", named_so, signed=True)["result"]["status"] == "NEW"
    gone = talk.ask(socket, "order.cancel", named_so, signed=True)["result"]
    assert gone["status"] == "CANCELED"
    refused = talk.ask(socket, "order.place", {**asked, "price": "1"}, signed=True)
    assert (refused["status"], refused["error"]["code"]) == (400, -4164)
    started = talk.ask(socket, "userDataStream.start", {"apiKey": talk.key})["result"]
    assert talk.face.listen_keys[talk.environment].account_of(started["listenKey"]) == talk.key


def test_the_old_testnet_is_the_demo_world(talk):
    demo = UsdmTalk(talk.face, talk.clock, "demo")
    demo.rest = "testnet.binancefuture.com"
    assert demo.trade("POST", "v1/order", **BUY, price="59000")["status"] == "NEW"
    demo.rest = "demo-fapi.binance.com"
    assert len(demo.trade("GET", "v1/openOrders")) == 1
    assert talk.trade("GET", "v1/openOrders") == []
