"""An order leaves once, and what is said of it is what is known: the failure modes row by row.

The rows are those of the table of failure modes that a bot must survive: the venue's own codes and
the facts of the transport, over real sockets.
"""

import asyncio
import json
from decimal import Decimal

import pytest

from absolute.domain.ids import ClientOrderId, Role, VenueOrderId
from absolute.domain.instrument import Side
from absolute.domain.order import OrderType, Terms, TimeInForce
from absolute.domain.units import Price, Qty, Quote
from absolute.engine.reports import (
    Acknowledged,
    CancelDenied,
    CancelInDoubt,
    CancelTaken,
    Denied,
    Duplicate,
    InDoubt,
    NeverSent,
    SendCancel,
    SendOrder,
)

from tests.bybit_script import bybit, no, signature, yes
from tests.scripted_venue import scene

D = Decimal
ID = ClientOrderId("bot-7-rung4")


def limit(side=Side.BUY, qty="0.001", price="40000", **more):
    more = {"role": Role("rung 4")} | more
    return Terms(side=side, type=OrderType.LIMIT, qty=Qty(D(qty)), price=Price(D(price)), **more)


def spend(amount):
    return Terms(Role("entry"), Side.BUY, OrderType.MARKET, spend=Quote(D(amount)))


def submit(tmp_path, face, terms=None, *, symbol="BTC/USDT", faults=()):
    """Send one order through a gateway; the report and the face."""

    async def run():
        async with scene(tmp_path, face, name="bybit:demo", symbol=symbol, faults=faults) as held:
            return await held.gateway.perform(SendOrder(ID, terms or limit()))

    return asyncio.run(run())


def created(face):
    return face.requests("POST /v5/order/create")


def test_an_order_is_acknowledged_under_our_id_and_signed_over_its_bytes(tmp_path):
    face = bybit()
    report = submit(tmp_path, face)
    assert isinstance(report, Acknowledged)
    assert report.venue_id == f"v-{ID}"
    [asked] = created(face)
    assert asked.raw.headers["x-bapi-sign"] == signature(asked, "secret-of-a-test")
    assert asked.raw.headers["x-bapi-recv-window"] == "5000"
    assert "referer" not in asked.raw.headers
    assert json.loads(asked.raw.body) == {
        "category": "spot",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.001",
        "price": "40000",
        "timeInForce": "GTC",
        "orderLinkId": ID,
        "isLeverage": 0,
    }


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "reset", "accepted": True},
        {"do": "reset", "accepted": False},
        {"do": "cut", "size": 20},
        {"do": "status", "status": 502, "accepted": True},
        {"do": "status", "status": 503, "accepted": True},
        {"do": "status", "status": 504, "body": ""},
        {"do": "status", "status": 200, "body": "<html>all is well</html>"},
        {"do": "status", "status": 200, "body": "{}"},
        {"do": "status", "status": 429, "body": "{}"},
        {"do": "status", "status": 403, "body": "access too frequent"},
        {"do": "status", "status": 302, "headers": {"Location": "https://api.bybit.com/x"}},
        {"do": "code", "code": 10000},
        {"do": "code", "code": 10016},
        {"do": "code", "code": 10006},
        {"do": "code", "code": 170001},
        {"do": "code", "code": 170007},
        {"do": "code", "code": 170032},
        {"do": "code", "code": 170146},
        {"do": "code", "code": 999999},
    ],
    ids=lambda fault: "-".join(map(str, fault.values()))[:40],
)
def test_rows_1_6_13_what_is_no_known_no_leaves_the_order_in_doubt_and_is_sent_once(
    tmp_path, fault
):
    rule = fault | {"when": {"path": "order/create"}}
    face = bybit()
    report = submit(tmp_path, face, faults=[rule])
    assert isinstance(report, InDoubt), report
    assert len(created(face)) <= 1


@pytest.mark.parametrize("code", [110072, 170141])
def test_row_2_a_repeated_id_is_proof_that_the_first_arrived(tmp_path, code):
    assert isinstance(submit(tmp_path, bybit(create=no(code))), Duplicate)


@pytest.mark.parametrize(
    "code",
    [
        *(170134, 170136, 170137, 170140, 110094, 170131, 110007, 110004, 110012, 170810, 110020),
        *(10003, 10004, 10005, 10010, 33004, 10009, 10001),
    ],
)
def test_rows_5_7_14_16_17_a_known_no_is_a_no(tmp_path, code):
    report = submit(tmp_path, bybit(create=no(code, "as documented")))
    assert isinstance(report, Denied)
    assert report.code == str(code)


def test_row_5_an_order_refused_for_its_time_is_looked_for_and_the_clock_is_set(tmp_path):
    face = bybit(create=no(10002, "the time is outside of the window"))

    async def run():
        async with scene(tmp_path, face, name="bybit:demo") as held:
            before = len(face.requests("GET /v5/market/time"))
            report = await held.gateway.perform(SendOrder(ID, limit()))
            return report, len(face.requests("GET /v5/market/time")) - before

    report, asked = asyncio.run(run())
    assert isinstance(report, InDoubt)
    assert asked == 1
    assert len(created(face)) == 1


def test_a_wrong_time_with_a_status_of_5xx_is_still_a_doubt(tmp_path):
    assert isinstance(submit(tmp_path, bybit(create=(500, no(10002)))), InDoubt)


def test_a_known_no_with_a_status_of_5xx_is_still_a_doubt(tmp_path):
    assert isinstance(submit(tmp_path, bybit(create=(500, no(170131)))), InDoubt)


def test_an_answer_that_speaks_of_another_order_is_no_answer(tmp_path):
    said = yes({"orderId": "1", "orderLinkId": "bot-6-rung3"})
    assert isinstance(submit(tmp_path, bybit(create=said)), InDoubt)


def test_nothing_is_sent_where_the_venue_cannot_be_dialled(tmp_path):
    async def run():
        async with scene(tmp_path, bybit(), name="bybit:demo") as held:
            await held.door.close()
            await held.door.open()  # on another port: the old one refuses
            await asyncio.sleep(0.1)
            return await held.gateway.perform(SendOrder(ID, limit()))

    assert isinstance(asyncio.run(run()), NeverSent)


def test_a_spend_goes_out_as_quote_money_to_the_digit_and_never_as_a_price_guess(tmp_path):
    face = bybit()
    submit(tmp_path, face, spend("123.456789"))
    body = created(face)[0].words
    assert body["qty"] == "123.456789"
    assert body["marketUnit"] == "quoteCoin"
    assert "price" not in body


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (limit(price="40000.126"), "PRICE_STEP"),
        (limit(qty="0.0010000001"), "QTY_STEP"),
        (limit(qty="0.00001"), "QTY_MIN"),
        (limit(qty="84"), "QTY_MAX"),
        (limit(qty="0.0001"), "NOTIONAL_MIN"),
        (spend("4.99"), "NOTIONAL_MIN"),
        (limit(price="0"), "PRICE_STEP"),
    ],
)
def test_row_7_a_filter_that_would_break_is_refused_here_and_nothing_is_sent(tmp_path, terms, code):
    face = bybit()
    report = submit(tmp_path, face, terms)
    assert isinstance(report, Denied)
    assert report.code == code
    assert not created(face)


def test_post_only_and_immediate_orders_say_so(tmp_path):
    for force, word in ((TimeInForce.POST_ONLY, "PostOnly"), (TimeInForce.IOC, "IOC")):
        face = bybit()
        submit(tmp_path, face, limit(time_in_force=force))
        assert created(face)[0].words["timeInForce"] == word


@pytest.mark.parametrize(
    ("side", "kind", "direction"),
    [
        (Side.SELL, OrderType.STOP, 2),
        (Side.BUY, OrderType.STOP, 1),
        (Side.SELL, OrderType.TAKE_PROFIT, 1),
        (Side.BUY, OrderType.TAKE_PROFIT, 2),
    ],
)
def test_a_linear_stop_names_the_direction_in_which_it_triggers(tmp_path, side, kind, direction):
    face = bybit()
    terms = Terms(
        Role("stop"), side, kind, qty=Qty(D("0.01")), trigger=Price(D(39000)), reduce_only=True
    )
    assert isinstance(submit(tmp_path, face, terms, symbol="BTC/USDT:USDT"), Acknowledged)
    body = created(face)[0].words
    assert body["triggerDirection"] == direction
    assert body["triggerPrice"] == "39000"
    assert body["reduceOnly"] is True
    assert body["category"] == "linear"


def test_a_spot_stop_is_a_stop_order(tmp_path):
    face = bybit()
    terms = Terms(
        Role("stop"), Side.SELL, OrderType.STOP, qty=Qty(D("0.01")), trigger=Price(D(39000))
    )
    submit(tmp_path, face, terms)
    body = created(face)[0].words
    assert body["orderFilter"] == "StopOrder"
    assert body["marketUnit"] == "baseCoin"


def cancel(tmp_path, face, venue_id=None, faults=()):
    async def run():
        async with scene(tmp_path, face, name="bybit:demo", faults=faults) as held:
            return await held.gateway.perform(SendCancel(ID, venue_id))

    return asyncio.run(run())


def test_a_cancel_goes_by_our_id_until_the_venues_is_known(tmp_path):
    face = bybit()
    assert isinstance(cancel(tmp_path, face), CancelTaken)
    assert face.requests("POST /v5/order/cancel")[0].words["orderLinkId"] == ID
    face = bybit()
    cancel(tmp_path, face, VenueOrderId("v-9"))
    assert face.requests("POST /v5/order/cancel")[0].words["orderId"] == "v-9"


@pytest.mark.parametrize("code", [110001, 170213, 110008, 110010, 170142])
def test_row_4_a_cancel_that_came_too_late_says_gone(tmp_path, code):
    report = cancel(tmp_path, bybit(cancel=no(code)))
    assert isinstance(report, CancelDenied)
    assert report.gone


def test_a_cancel_that_was_not_answered_is_in_doubt(tmp_path):
    rule = {"do": "reset", "when": {"path": "order/cancel"}}
    assert isinstance(cancel(tmp_path, bybit(), faults=[rule]), CancelInDoubt)


def test_an_id_the_venue_would_not_take_is_refused_here(tmp_path):
    face = bybit()

    async def run():
        async with scene(tmp_path, face, name="bybit:demo") as held:
            return await held.gateway.perform(SendOrder(ClientOrderId("b t-1-x"), limit()))

    report = asyncio.run(run())
    assert isinstance(report, Denied)
    assert report.code == "CLIENT_ID_INVALID"
    assert not created(face)
