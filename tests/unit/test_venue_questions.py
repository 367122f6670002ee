"""What a venue is asked and what counts as an answer: look-ups, lists with all pages, money."""

import asyncio
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from absolute.domain.ids import ClientOrderId
from absolute.domain.units import Nanos
from absolute.engine.reports import (
    Balances,
    Broken,
    Executions,
    ListExecutions,
    ListOpen,
    LookUp,
    NotFound,
    OpenOrders,
    OrderSeen,
    ReadBalances,
    Seen,
    Unanswered,
)

from tests.bybit_script import bybit, execution, no, now_ms, order, page, yes
from tests.scripted_venue import scene

D = Decimal
ID = ClientOrderId("bot-7-rung4")


def ask(tmp_path, face, request, *, faults=(), symbol="BTC/USDT", **options):
    async def run():
        async with scene(
            tmp_path, face, name="bybit:demo", faults=faults, symbol=symbol, **options
        ) as held:
            return await held.gateway.perform(request)

    return asyncio.run(run())


def by_link_id(rows):
    return lambda asked: page(
        [row for row in rows if row["orderLinkId"] == asked.words["orderLinkId"]]
    )


def test_row_3_a_look_up_asks_by_the_venues_own_word_for_our_id(tmp_path):
    face = bybit(realtime=by_link_id([order(ID, "PartiallyFilled", cumExecQty="0.4")]))
    seen = ask(tmp_path, face, LookUp(ID, None))
    assert isinstance(seen, OrderSeen)
    assert (seen.status, seen.filled, seen.venue_id) == (Seen.OPEN, D("0.4"), f"v-{ID}")
    assert face.requests("GET /v5/order/realtime")[0].words["orderLinkId"] == ID


def test_row_3_another_order_in_the_answer_is_no_answer(tmp_path):
    face = bybit(realtime=page([order("bot-6-rung3")]))
    assert isinstance(ask(tmp_path, face, LookUp(ID, None)), Unanswered)


def test_an_order_that_has_closed_is_found_in_the_history(tmp_path):
    face = bybit(history=by_link_id([order(ID, "Cancelled", rejectReason="EC_PerCancelRequest")]))
    seen = ask(tmp_path, face, LookUp(ID, None))
    assert (seen.status, seen.reason) == (Seen.CANCELLED, "EC_PerCancelRequest")


def test_not_found_is_said_only_after_every_place_answered(tmp_path):
    face = bybit()
    report = ask(tmp_path, face, LookUp(ID, None))
    assert isinstance(report, NotFound)
    assert len(face.requests("GET /v5/order/realtime")) == 1
    assert len(face.requests("GET /v5/order/history")) == 1


@pytest.mark.parametrize("path", ["order/realtime", "order/history"])
@pytest.mark.parametrize(
    "fault",
    [
        {"do": "reset"},
        {"do": "cut", "size": 9},
        {"do": "status", "status": 502},
        {"do": "status", "status": 200, "body": '{"retCode": 0}'},
        {"do": "code", "code": 10000},
    ],
    ids=lambda fault: fault["do"] + str(fault.get("status", "")),
)
def test_an_error_in_any_place_is_never_not_found(tmp_path, path, fault):
    rule = fault | {"when": {"path": path}}
    assert isinstance(ask(tmp_path, bybit(), LookUp(ID, None), faults=[rule]), Unanswered)


@pytest.mark.parametrize("rows", [None, {}, "", False, {"0": 1}, [None], ["x"]])
def test_a_list_that_is_none_is_never_not_found(tmp_path, rows):
    face = bybit(realtime=yes({"list": rows, "nextPageCursor": ""}))
    assert isinstance(ask(tmp_path, face, LookUp(ID, None)), Unanswered)


def test_the_time_of_a_question_is_when_it_left_not_when_the_answer_came(tmp_path):
    rule = {"do": "late", "ms": 300, "when": {"path": "order/history"}}
    report = ask(tmp_path, bybit(), LookUp(ID, None), faults=[rule])
    assert report.time - report.asked_at >= 300_000_000


def test_a_status_nobody_knows_is_unknown_and_says_its_word(tmp_path):
    face = bybit(realtime=by_link_id([order(ID, "Teleported")]))
    seen = ask(tmp_path, face, LookUp(ID, None))
    assert (seen.status, seen.reason) == (Seen.UNKNOWN, "Teleported")


def test_row_9_a_spend_that_ends_with_a_rest_too_small_to_trade_is_filled(tmp_path):
    row = order(
        ID,
        "PartiallyFilledCanceled",
        orderType="Market",
        marketUnit="quoteCoin",
        cumExecQty="0.001",
        rejectReason="EC_CancelForNoFullFill",
    )
    seen = ask(tmp_path, bybit(realtime=by_link_id([row])), LookUp(ID, None))
    assert (seen.status, seen.filled) == (Seen.FILLED, D("0.001"))


def test_row_8_a_cancelled_rest_keeps_what_was_filled(tmp_path):
    row = order(ID, "PartiallyFilledCanceled", side="Sell", cumExecQty="0.001")
    seen = ask(tmp_path, bybit(realtime=by_link_id([row])), LookUp(ID, None))
    assert (seen.status, seen.filled) == (Seen.CANCELLED, D("0.001"))


def test_open_orders_come_from_every_page_and_foreign_ones_are_told_apart(tmp_path):
    pages = {
        "": ([order("bot-1-exit"), order("")], "a"),
        "a": ([order("web_77"), order("bot-2-rung1")], ""),
    }

    def realtime(asked):
        return page(*pages[asked.words.get("cursor", "")])

    report = ask(tmp_path, bybit(realtime=realtime), ListOpen())
    assert isinstance(report, OpenOrders)
    assert {each.client_id for each in report.orders} == {"bot-1-exit", "bot-2-rung1"}
    assert {each.client_id for each in report.foreign} == {"", "web_77"}


def test_with_the_bots_name_another_bots_orders_are_foreign(tmp_path):
    face = bybit(realtime=page([order("bot-1-exit"), order("other-1-exit")]))
    report = ask(tmp_path, face, ListOpen(), bot="bot")
    assert [each.client_id for each in report.orders] == ["bot-1-exit"]
    assert [each.client_id for each in report.foreign] == ["other-1-exit"]


def test_pages_without_end_are_no_answer(tmp_path):
    face = bybit(realtime=page([order(ID)], "again"))
    assert isinstance(ask(tmp_path, face, ListOpen()), Unanswered)


def test_executions_of_equal_time_at_a_page_boundary_are_neither_lost_nor_doubled(tmp_path):
    moment = str(now_ms())
    rows = [execution(ID, f"e{number}", execTime=moment) for number in range(7)]

    def executions(asked):
        if int(asked.words["endTime"]) < int(moment):
            return page([])
        start = int(asked.words.get("cursor", "0"))
        # pages overlap by one row, as they may while new ones come in
        return page(rows[max(0, start - 1) : start + 3], str(start + 3) if start + 3 < 7 else "")

    since = Nanos((now_ms() - 10 * 86_400_000) * 1_000_000)
    report = ask(tmp_path, bybit(executions=executions), ListExecutions(since))
    assert isinstance(report, Executions)
    assert report.since == since
    assert [each.fill.trade_id for each in report.executions] == [f"e{n}" for n in range(7)]


def test_windows_of_seven_days_cover_the_whole_span(tmp_path):
    face = bybit()
    since = (now_ms() - 30 * 86_400_000) * 1_000_000
    ask(tmp_path, face, ListExecutions(Nanos(since)))
    spans = [
        (int(each.words["startTime"]), int(each.words["endTime"]))
        for each in face.requests("GET /v5/execution/list")
    ]
    assert spans[0][0] * 1_000_000 <= since
    assert spans[-1][1] >= now_ms()
    assert all(end - start <= 7 * 86_400_000 for start, end in spans)
    assert all(after[0] <= before[1] + 1 for before, after in pairwise(spans))


def test_row_10_a_fee_in_base_coin_is_valued_at_the_price_of_the_fill(tmp_path):
    face = bybit(executions=page([execution(ID, "e1")]))
    [seen] = ask(tmp_path, face, ListExecutions(Nanos(now_ms() * 1_000_000))).executions
    fee = seen.fill.fee
    assert (fee.amount, fee.asset) == (D("0.000001614"), "BTC")
    assert fee.value == D("0.000001614") * 50000
    assert seen.fill.qty == D("0.001614")


def test_a_fee_in_a_third_coin_is_valued_at_its_own_price(tmp_path):
    def tickers(asked):
        price = {"MNTUSDT": "1.25", "BTCUSDT": "50000"}[asked.words["symbol"]]
        return page([{"lastPrice": price}])

    row = execution(ID, "e1", execFee="0.8", feeCurrency="MNT")
    face = bybit(executions=page([row]), tickers=tickers)
    [seen] = ask(tmp_path, face, ListExecutions(Nanos(now_ms() * 1_000_000))).executions
    assert (seen.fill.fee.asset, seen.fill.fee.value) == ("MNT", D("1.0"))


def test_a_fee_whose_coin_has_no_price_is_told_later_not_guessed(tmp_path):
    row = execution(ID, "e1", execFee="0.8", feeCurrency="XYZ")
    face = bybit(executions=page([row]), tickers=no(10001))
    [seen] = ask(tmp_path, face, ListExecutions(Nanos(now_ms() * 1_000_000))).executions
    assert seen.fill.fee is None


def test_a_rebate_stays_negative_and_funding_is_no_trade(tmp_path):
    rows = [
        execution(ID, "e1", execFee="-0.01", feeCurrency="USDT", isMaker=True),
        execution("", "f1", execType="Funding"),
    ]
    face = bybit(executions=page(rows))
    [seen] = ask(tmp_path, face, ListExecutions(Nanos(now_ms() * 1_000_000))).executions
    assert seen.fill.fee.amount == D("-0.01")
    assert seen.fill.liquidity == "maker"


@pytest.mark.parametrize(
    "row",
    [
        execution(ID, "e1", execPrice="NaN"),
        execution(ID, "e1", execPrice="-1"),
        execution(ID, "e1", execQty="0"),
        execution(ID, "e1", execTime="yesterday"),
        execution(ID, "e1", side="Sideways"),
        {"symbol": "BTCUSDT"},
    ],
)
def test_a_row_that_cannot_be_read_is_no_answer(tmp_path, row):
    face = bybit(executions=page([row]))
    report = ask(tmp_path, face, ListExecutions(Nanos(now_ms() * 1_000_000)))
    assert isinstance(report, Unanswered)


def test_the_free_balance_is_what_neither_locks_nor_margin_hold(tmp_path):
    coin = {
        "coin": "USDT",
        "walletBalance": "1000.5",
        "locked": "100",
        "totalOrderIM": "20",
        "totalPositionIM": "",
    }
    face = bybit(wallet=yes({"list": [{"coin": [coin]}]}))
    report = ask(tmp_path, face, ReadBalances())
    assert isinstance(report, Balances)
    assert dict(report.totals) == {"USDT": D("1000.5")}
    assert dict(report.free) == {"USDT": D("880.5")}


def test_row_5_a_wrong_clock_is_set_and_a_question_asked_once_more(tmp_path):
    answers = [no(10002, "time window"), page([order(ID)])]
    face = bybit(realtime=lambda _: answers.pop(0) if len(answers) > 1 else answers[0])
    report = ask(tmp_path, face, LookUp(ID, None))
    assert isinstance(report, OrderSeen)
    assert len(face.requests("GET /v5/order/realtime")) == 2


def test_row_5_a_clock_that_stays_wrong_is_asked_only_once_more(tmp_path):
    face = bybit(realtime=no(10002, "time window"))
    assert isinstance(ask(tmp_path, face, LookUp(ID, None)), Unanswered)
    assert len(face.requests("GET /v5/order/realtime")) == 2


@pytest.mark.parametrize(("code", "word"), [(10003, "VENUE_AUTH"), (10010, "VENUE_PERMISSION")])
def test_row_14_a_refused_key_is_told_to_a_person_and_not_tried_again(tmp_path, code, word):
    heard: list[Any] = []

    async def run():
        face = bybit(realtime=no(code, "as documented"))
        async with scene(tmp_path, face, name="bybit:demo") as held:
            report = await held.gateway.perform(ListOpen())
            listening = asyncio.create_task(held.gateway.listen(heard.append))
            await asyncio.sleep(0.2)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            return report, len(face.requests("GET /v5/order/realtime"))

    report, times = asyncio.run(run())
    assert isinstance(report, Unanswered)
    assert times == 1
    assert [each.code for each in heard if isinstance(each, Broken)] == [word]
