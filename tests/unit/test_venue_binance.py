"""Binance, spot and USD-M: what leaves, what its codes mean, pages along trade ids, its streams."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from absolute.domain.ids import ClientOrderId, Role, VenueOrderId
from absolute.domain.instrument import Side
from absolute.domain.order import OrderType, PositionSide, Terms, TimeInForce
from absolute.domain.units import Nanos, Price, Qty, Quote
from absolute.engine.reports import (
    Acknowledged,
    Balances,
    CancelDenied,
    CancelTaken,
    Connected,
    Denied,
    Disconnected,
    Duplicate,
    Executions,
    ExecutionSeen,
    InDoubt,
    ListExecutions,
    ListOpen,
    LookUp,
    NotFound,
    OpenOrders,
    OrderSeen,
    Priced,
    ReadBalances,
    Seen,
    SendCancel,
    SendOrder,
    Unanswered,
)

from tests.binance_script import (
    binance,
    hello,
    now_ms,
    order,
    signature_fits,
    stream_signature_fits,
    trade,
    usdm,
)
from tests.scripted_venue import scene

D = Decimal
ID = ClientOrderId("bot-7-rung4")
SECRET = "secret-of-a-test"


def limit(**more: Any) -> Terms:
    given: dict[str, Any] = {
        "role": Role("rung 4"),
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "qty": Qty(D("0.001")),
        "price": Price(D("40000.10")),
    }
    return Terms(**given | more)


def perform(tmp_path, face, request, *, future=False, faults=()):
    async def run():
        name, symbol = ("binanceusdm", "BTC/USDT:USDT") if future else ("binance", "BTC/USDT")
        async with scene(tmp_path, face, name=f"{name}:demo", symbol=symbol, faults=faults) as held:
            return await held.gateway.perform(request)

    return asyncio.run(run())


# --- what leaves ------------------------------------------------------------------------------


def test_a_limit_order_leaves_exactly_and_signed_with_our_id(tmp_path):
    face = binance()
    report = perform(tmp_path, face, SendOrder(ID, limit()))
    assert isinstance(report, Acknowledged)
    assert report.venue_id == "28"
    [asked] = face.requests("POST /api/v3/order")
    assert signature_fits(asked, SECRET)
    words = asked.words
    assert (words["quantity"], words["price"], words["timeInForce"]) == ("0.001", "40000.1", "GTC")
    assert (words["newClientOrderId"], words["recvWindow"]) == (ID, "5000")


def test_a_spend_is_quote_order_qty_to_the_digit(tmp_path):
    face = binance()
    terms = Terms(Role("entry"), Side.BUY, OrderType.MARKET, spend=Quote(D("123.45678901")))
    perform(tmp_path, face, SendOrder(ID, terms))
    words = face.requests("POST /api/v3/order")[0].words
    assert words["quoteOrderQty"] == "123.45678901"
    assert "quantity" not in words


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"time_in_force": TimeInForce.POST_ONLY}, "LIMIT_MAKER"),
        ({"type": OrderType.STOP, "price": None, "trigger": Price(D(39000))}, "STOP_LOSS"),
        ({"type": OrderType.STOP_LIMIT, "trigger": Price(D(39000))}, "STOP_LOSS_LIMIT"),
        ({"type": OrderType.TAKE_PROFIT, "price": None, "trigger": Price(D(5000))}, "TAKE_PROFIT"),
    ],
)
def test_every_kind_of_spot_order_has_its_word(tmp_path, more, kind):
    face = binance()
    assert isinstance(perform(tmp_path, face, SendOrder(ID, limit(**more))), Acknowledged)
    words = face.requests("POST /api/v3/order")[0].words
    assert words["type"] == kind
    assert ("timeInForce" in words) == (kind == "STOP_LOSS_LIMIT")
    assert words.get("stopPrice") == (str(more["trigger"]) if "trigger" in more else None)


def test_a_future_post_only_is_gtx_and_a_stop_is_an_algo_order(tmp_path):
    face = usdm()
    terms = limit(time_in_force=TimeInForce.POST_ONLY, reduce_only=True)
    perform(tmp_path, face, SendOrder(ID, terms), future=True)
    words = face.requests("POST /fapi/v1/order")[0].words
    assert (words["timeInForce"], words["reduceOnly"]) == ("GTX", "true")

    row = {"algoId": 77, "clientAlgoId": ID, "algoStatus": "NEW", "updateTime": now_ms()}
    face = usdm(algo_place=row)
    stop = limit(side=Side.SELL, type=OrderType.STOP, price=None, trigger=Price(D(39000)))
    report = perform(tmp_path, face, SendOrder(ID, stop), future=True)
    assert report.venue_id == "algo:77"
    [asked] = face.requests("POST /fapi/v1/algoOrder")
    assert signature_fits(asked, SECRET)
    assert (asked.words["type"], asked.words["clientAlgoId"]) == ("STOP_MARKET", ID)
    assert not face.requests("POST /fapi/v1/order")


def test_a_leg_of_a_hedge_names_its_side_and_not_reduce_only(tmp_path):
    face = usdm()
    terms = limit(position_side=PositionSide.LONG, reduce_only=True)
    perform(tmp_path, face, SendOrder(ID, terms), future=True)
    words = face.requests("POST /fapi/v1/order")[0].words
    assert words["positionSide"] == "LONG"
    assert "reduceOnly" not in words


def test_a_future_is_the_perpetual_and_never_a_dated_one_of_the_same_pair(tmp_path):
    async def run():
        async with scene(tmp_path, usdm(), name="binanceusdm:demo", symbol="BTC/USDT:USDT") as held:
            return held.gateway.instrument

    instrument = asyncio.run(run())
    assert instrument.id == "BTCUSDT"
    assert (instrument.tick, instrument.lot, instrument.min_notional) == (
        D("0.01"),
        D("0.00001"),
        D(5),
    )


# --- what the codes mean ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "text", "kind"),
    [
        (400, -2010, "Duplicate order sent.", Duplicate),
        (400, -2010, "Account has insufficient balance for requested action.", Denied),
        (400, -2010, "Order would immediately match and take.", Denied),
        (400, -2010, "Something nobody documented.", InDoubt),
        (400, -1013, "Filter failure: NOTIONAL", Denied),
        (400, -1111, "Parameter 'price' has too much precision.", Denied),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", InDoubt),
        (400, -1000, "An unknown error occurred", InDoubt),
        (400, -1001, "Internal error", InDoubt),
        (400, -1006, "An unexpected response", InDoubt),
        (408, -1007, "Timeout waiting for response from backend server.", InDoubt),
        (429, -1003, "Too many requests queued.", InDoubt),
        (429, -1015, "Too many new orders.", InDoubt),
        (418, -1003, "Way too much request weight used", InDoubt),
        (400, -1016, "This service is no longer available.", InDoubt),
        (503, -1008, "Server is currently overloaded", InDoubt),
        (401, -2015, "Invalid API-key, IP, or permissions for action.", Denied),
        (400, -2014, "API-key format invalid.", Denied),
        (500, -2010, "Account has insufficient balance for requested action.", InDoubt),
    ],
)
def test_spot_codes_mean_what_the_venue_says_they_mean(tmp_path, status, code, text, kind):
    face = binance(place=(status, {"code": code, "msg": text}))
    assert isinstance(perform(tmp_path, face, SendOrder(ID, limit())), kind)
    assert len(face.requests("POST /api/v3/order")) == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((-2018, Denied), (-2019, Denied), (-2021, Denied), (-2022, Denied), (-2027, Denied)),
        *((-4014, Denied), (-4023, Denied), (-4131, Denied), (-4164, Denied), (-5021, Denied)),
        *((-5022, Denied), (-4116, Duplicate), (-1006, InDoubt), (-1007, InDoubt)),
    ],
)
def test_futures_codes_mean_what_the_venue_says_they_mean(tmp_path, code, kind):
    face = usdm(place=(400, {"code": code, "msg": "as documented"}))
    assert isinstance(perform(tmp_path, face, SendOrder(ID, limit()), future=True), kind)


def test_row_4_a_cancel_of_an_order_that_is_gone_says_so(tmp_path):
    face = binance(cancel=(400, {"code": -2011, "msg": "Unknown order sent."}))
    report = perform(tmp_path, face, SendCancel(ID, None))
    assert isinstance(report, CancelDenied)
    assert report.gone
    assert face.requests("DELETE /api/v3/order")[0].words["origClientOrderId"] == ID


def test_after_a_429_nothing_leaves_until_the_venue_allows_it(tmp_path):
    async def run():
        face = binance(open=(429, {"code": -1003, "msg": "Too many requests queued."}))
        rule = {
            "do": "status",
            "status": 429,
            "headers": {"Retry-After": "60"},
            "body": "{}",
            "when": {"path": "openOrders"},
        }
        async with scene(tmp_path, face, name="binance:demo", faults=[rule]) as held:
            assert isinstance(await held.gateway.perform(ListOpen()), Unanswered)
            before = len(face.asked)
            report = await held.gateway.perform(SendOrder(ID, limit()))
            return report, len(face.asked) - before

    report, asked = asyncio.run(run())
    assert type(report).__name__ == "NeverSent"
    assert asked == 0


# --- questions ------------------------------------------------------------------------------------


def test_a_look_up_is_by_our_id_and_not_found_needs_the_venues_own_word(tmp_path):
    row = order(ID, status="PARTIALLY_FILLED", executedQty="0.0004")
    seen = perform(tmp_path, binance(order=row), LookUp(ID, None))
    assert isinstance(seen, OrderSeen)
    assert (seen.status, seen.filled) == (Seen.OPEN, D("0.0004"))
    assert isinstance(perform(tmp_path, binance(), LookUp(ID, None)), NotFound)
    broken = binance(order=(400, {"code": -1001, "msg": "Internal error"}))
    assert isinstance(perform(tmp_path, broken, LookUp(ID, None)), Unanswered)
    other = binance(order=order("bot-1-exit"))
    assert isinstance(perform(tmp_path, other, LookUp(ID, None)), Unanswered)


def paged(rows):
    """Binance's own paging: by time or by id, oldest first, a thousand at a time."""

    def answer(asked):
        words = asked.words
        if "fromId" in words:
            assert "startTime" not in words
            found = [row for row in rows if row["id"] >= int(words["fromId"])]
        else:
            start, end = int(words["startTime"]), int(words["endTime"])
            assert end - start < 86_400_000
            found = [row for row in rows if start <= row["time"] <= end]
        return found[: int(words["limit"])]

    return answer


def test_trades_of_equal_time_across_pages_come_once_each_under_our_ids(tmp_path):
    moment = now_ms() - 5_000
    rows = [trade(number, 5, moment) for number in range(1, 1501)]
    face = binance(trades=paged(rows), order=order(ID, 5))
    since = Nanos((moment - 86_400_000 * 3) * 1_000_000)
    report = perform(tmp_path, face, ListExecutions(since))
    assert isinstance(report, Executions)
    assert [each.fill.trade_id for each in report.executions] == [str(n) for n in range(1, 1501)]
    assert {each.fill.client_id for each in report.executions} == {ID}
    assert len(face.requests("GET /api/v3/order")) == 1


def test_trades_before_the_time_asked_for_are_not_told(tmp_path):
    moment = now_ms()
    rows = [trade(1, 5, moment - 90_000), trade(2, 5, moment - 1_000)]
    face = binance(trades=paged(rows), order=order(ID, 5))
    report = perform(tmp_path, face, ListExecutions(Nanos((moment - 60_000) * 1_000_000)))
    assert [each.fill.trade_id for each in report.executions] == ["2"]


def test_a_trade_whose_order_cannot_be_named_leaves_the_question_unanswered(tmp_path):
    face = binance(trades=paged([trade(1, 5, now_ms())]))
    since = Nanos((now_ms() - 60_000) * 1_000_000)
    assert isinstance(perform(tmp_path, face, ListExecutions(since)), Unanswered)


def test_balances_are_free_and_locked(tmp_path):
    rows = [{"asset": "BTC", "free": "1.5", "locked": "0.5"}]
    report = perform(tmp_path, binance(account={"balances": rows}), ReadBalances())
    assert isinstance(report, Balances)
    assert (dict(report.totals), dict(report.free)) == ({"BTC": D(2)}, {"BTC": D("1.5")})


def algo(status="NEW", became=""):
    return {
        "algoId": 77,
        "clientAlgoId": ID,
        "algoStatus": status,
        "actualOrderId": became,
        "updateTime": now_ms(),
    }


def test_a_triggered_stop_is_known_by_the_name_it_began_with(tmp_path):
    def one(asked):
        if asked.words.get("orderId") == "900":
            return order("x-made-by-the-venue", 900, "FILLED", executedQty="0.001")
        return (400, {"code": -2013, "msg": "Order does not exist."})

    face = usdm(order=one, algo=algo("FINISHED", "900"))
    seen = perform(tmp_path, face, LookUp(ID, VenueOrderId("algo:77")), future=True)
    assert (seen.client_id, seen.status, seen.venue_id) == (ID, Seen.FILLED, "900")

    moment = now_ms()
    rows = [trade(1, 900, moment, side="BUY", maker=False)]
    face = usdm(order=one, algo_all=[algo("FINISHED", "900")], trades=rows)
    since = Nanos((moment - 60_000) * 1_000_000)
    [seen] = perform(tmp_path, face, ListExecutions(since), future=True).executions
    assert seen.fill.client_id == ID


def test_open_orders_of_a_future_are_in_two_places(tmp_path):
    face = usdm(open=[order("bot-8-exit", 5)], algo_open=[algo()])
    report = perform(tmp_path, face, ListOpen(), future=True)
    assert isinstance(report, OpenOrders)
    assert {each.client_id for each in report.orders} == {"bot-8-exit", ID}
    broken = usdm(algo_open=(500, {}))
    assert isinstance(perform(tmp_path, broken, ListOpen(), future=True), Unanswered)


def test_a_stop_is_cancelled_where_it_lives_also_after_it_triggered(tmp_path):
    face = usdm(algo=algo(), algo_cancel={"algoId": 77, "code": "200", "msg": "success"})
    assert isinstance(perform(tmp_path, face, SendCancel(ID, None), future=True), CancelTaken)
    assert face.requests("DELETE /fapi/v1/algoOrder")
    face = usdm(algo=algo("TRIGGERED", "900"))
    request = SendCancel(ID, VenueOrderId("algo:77"))
    assert isinstance(perform(tmp_path, face, request, future=True), CancelTaken)
    assert face.requests("DELETE /fapi/v1/order")[0].words["orderId"] == "900"


# --- streams --------------------------------------------------------------------------------------


def hear(tmp_path, face, play, *, future=False, **options):
    heard: list[Any] = []

    async def run():
        name, symbol = ("binanceusdm", "BTC/USDT:USDT") if future else ("binance", "BTC/USDT")
        async with scene(tmp_path, face, name=f"{name}:demo", symbol=symbol, **options) as held:
            listening = asyncio.create_task(held.gateway.listen(heard.append))
            try:
                async with asyncio.timeout(5):
                    await play(held, heard)
            finally:
                listening.cancel()
                ends = await asyncio.gather(listening, return_exceptions=True)
                assert isinstance(ends[0], asyncio.CancelledError), ends

    asyncio.run(run())
    return heard


def of(heard, kind):
    return [each for each in heard if isinstance(each, kind)]


async def until(true):
    while not true():
        await asyncio.sleep(0.01)


def spot_event(**more):
    event = {
        "e": "executionReport",
        "E": now_ms(),
        "s": "BTCUSDT",
        "c": ID,
        "C": "",
        "S": "BUY",
        "x": "NEW",
        "X": "NEW",
        "r": "NONE",
        "i": 28,
        "l": "0",
        "z": "0",
        "L": "0",
        "n": "0",
        "N": None,
        "T": now_ms(),
        "t": -1,
        "m": False,
    }
    return {"subscriptionId": 0, "event": event | more}


def test_the_spot_user_stream_is_subscribed_by_signature_and_tells_trades_first(tmp_path):
    face = binance()
    signed = []

    def heard_frame(script, path, told):
        if "params" in told and isinstance(told["params"], dict):
            signed.append(told["params"])
        return hello(script, path, told)

    face.heard = heard_frame

    async def play(held, heard):
        await until(lambda: bool(of(heard, Connected)))
        fill = {"x": "TRADE", "X": "FILLED", "l": "0.001", "z": "0.001", "L": "50000", "t": 9}
        held.face.say(spot_event(**fill, n="0.00000100", N="BTC"), "ws-api")
        cancel = {"c": "cancel-1", "C": "bot-8-exit", "x": "CANCELED", "X": "CANCELED"}
        held.face.say(spot_event(**cancel), "ws-api")
        await until(lambda: len(of(heard, OrderSeen)) == 2)

    heard = hear(tmp_path, face, play)
    assert stream_signature_fits(signed[0], SECRET)
    told = [each for each in heard if isinstance(each, ExecutionSeen | OrderSeen)]
    assert isinstance(told[0], ExecutionSeen)
    assert told[0].fill.fee is not None
    assert told[0].fill.fee.amount == D("0.000001")
    assert [each.client_id for each in of(heard, OrderSeen)] == [ID, "bot-8-exit"]
    assert of(heard, OrderSeen)[1].status is Seen.CANCELLED


@pytest.mark.parametrize("kind", ["eventStreamTerminated", "serverShutdown"])
def test_row_12_a_stream_that_the_venue_ends_is_dialled_again(tmp_path, kind):
    async def play(held, heard):
        await until(lambda: bool(of(heard, Connected)))
        held.face.say({"subscriptionId": 0, "event": {"e": kind, "E": now_ms()}}, "ws-api")
        await until(lambda: len(of(heard, Connected)) == 2)

    assert of(hear(tmp_path, binance(), play), Disconnected)[0].detail == kind


def test_row_12_an_expired_listen_key_is_made_anew(tmp_path):
    keys = iter(("lk1", "lk2"))
    face = usdm()
    face.routes["POST /fapi/v1/listenKey"] = lambda _: {"listenKey": next(keys)}

    async def play(held, heard):
        await until(lambda: bool(of(heard, Connected)))
        held.face.say({"e": "listenKeyExpired", "E": str(now_ms()), "listenKey": "lk1"}, "private")
        await until(lambda: len(of(heard, Connected)) == 2)

    hear(tmp_path, face, play, future=True)
    dialled = [dial.query for dial in face.dials if "private" in dial.path]
    assert dialled == ["listenKey=lk1", "listenKey=lk2"]


def test_row_12_a_listen_key_that_ended_in_silence_is_noticed_when_it_is_renewed(tmp_path):
    keys = iter(("lk1", "lk2", "lk3"))
    face = usdm()
    face.routes["POST /fapi/v1/listenKey"] = lambda _: {"listenKey": next(keys)}
    renewals = iter([{}, (400, {"code": -1125, "msg": "This listenKey does not exist."})])
    face.routes["PUT /fapi/v1/listenKey"] = lambda _: next(renewals, {})

    async def play(held, heard):
        await until(lambda: len(of(heard, Connected)) == 2)

    heard = hear(tmp_path, face, play, future=True, renew_s=0.2)
    assert "key of the stream" in of(heard, Disconnected)[0].detail
    dialled = [dial.query for dial in face.dials if "private" in dial.path]
    assert dialled == ["listenKey=lk1", "listenKey=lk2"]


def test_a_futures_trade_and_what_a_stop_became_are_told_under_our_id(tmp_path):
    row = {
        "s": "BTCUSDT",
        "c": "x-made-by-the-venue",
        "S": "SELL",
        "x": "TRADE",
        "X": "FILLED",
        "i": 900,
        "l": "0.001",
        "z": "0.001",
        "L": "39000",
        "n": "0.0195",
        "N": "USDT",
        "T": now_ms(),
        "t": 11,
        "m": False,
        "ps": "BOTH",
        "er": "0",
    }
    became = {"caid": ID, "aid": 77, "s": "BTCUSDT", "X": "TRIGGERED", "ai": "900", "rm": ""}

    async def play(held, heard):
        await until(lambda: bool(of(heard, Connected)))
        algo_event = {"e": "ALGO_UPDATE", "T": now_ms(), "E": now_ms(), "o": became}
        held.face.say(algo_event, "private")
        event = {"e": "ORDER_TRADE_UPDATE", "T": now_ms(), "E": now_ms(), "o": row}
        held.face.say(event, "private")
        await until(lambda: bool(of(heard, OrderSeen)))

    heard = hear(tmp_path, usdm(), play, future=True)
    [seen] = of(heard, ExecutionSeen)
    assert (seen.fill.client_id, seen.fill.price) == (ID, D(39000))
    assert of(heard, OrderSeen)[0].client_id == ID
    assert of(heard, Priced)
