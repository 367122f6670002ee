"""Executions count once and in any order, and an end waits for the last of them."""

# mypy: disable-error-code="arg-type, attr-defined, union-attr"

from absolute.domain.order import Status
from absolute.engine.reports import ExecutionSeen, ListExecutions, LookUp

from tests.builders import D
from tests.custody_desk import BUY, ENTRY, EXIT, FACTS, Bench, S

RUNG, BUYING, SELLING = "b-1-rung1", "b-1-entry", "b-1-exit"


def resting() -> Bench:
    """A rung stands at the venue."""
    bench = Bench(BUY).ready()
    assert bench.sent() == [RUNG]
    return bench.accept(RUNG)


def entering() -> Bench:
    """A market buy by value was accepted."""
    bench = Bench(ENTRY).ready()
    assert bench.sent() == [BUYING]
    return bench.accept(BUYING)


def test_an_execution_told_twice_counts_once():
    bench = resting().trade(RUNG, 1, trade="t1").trade(RUNG, 1, trade="t1")
    assert bench.order(RUNG).filled == 1
    assert bench.kinds().count("OrderFilled") == 1


def test_an_execution_told_by_the_stream_and_the_list_counts_once():
    bench = resting().trade(RUNG, 1, trade="t1").later(60)
    again = [bench.fill(RUNG, 1, trade="t1"), bench.fill(RUNG, 1, trade="t2")]
    bench.lists((RUNG, "open", 2), trades=again)
    assert bench.order(RUNG).filled == 2


def test_executions_may_come_in_any_order():
    bench = resting()
    first, second = bench.fill(RUNG, "0.5", trade="t1"), bench.fill(RUNG, "1.5", trade="t2")
    for each in (second, first):
        bench.told(ExecutionSeen(bench.now, each))
    assert bench.order(RUNG).status is Status.FILLED


def test_a_fill_may_come_before_the_answer():
    bench = Bench(BUY).ready()
    bench.trade(RUNG, 1)
    assert bench.order(RUNG).status is Status.PARTLY_FILLED
    assert bench.accept(RUNG).order(RUNG).venue_id == "v1"


def test_a_fill_that_completes_an_order_may_come_before_the_answer():
    bench = Bench(BUY).ready().trade(RUNG, 2)
    bench.accept(RUNG)
    assert bench.order(RUNG).status is Status.FILLED
    assert bench.kinds().count("OrderAccepted") == 0


def test_an_end_waits_until_every_execution_before_it_was_told():
    bench = resting().show(RUNG, "cancelled", 1)
    assert bench.order(RUNG).status is Status.OPEN
    assert not bench.custody.settled
    bench.trade(RUNG, 1)
    assert bench.order(RUNG).status is Status.EXPIRED
    assert bench.order(RUNG).filled == 1


def test_an_execution_that_the_stream_kept_back_is_asked_for():
    bench = resting()
    bench.asked(ListExecutions)
    bench.show(RUNG, "filled", 2).later(1)
    (_asked_at, request), *_rest = bench.asked(ListExecutions)
    assert request.since < bench.now - FACTS.overlap


def test_an_execution_that_never_comes_is_a_matter_for_a_person():
    bench = resting().show(RUNG, "cancelled", 1)
    for _second in range(10):
        bench.later(1).lists()
    assert bench.alarms == ["EXECUTIONS_MISSING"]
    assert bench.order(RUNG).status is Status.OPEN


def test_an_execution_is_not_missed_before_the_lists_can_show_the_newest_state():
    """A list that was too early for the last part says nothing, however old the first part is."""
    bench = resting().show(RUNG, "open", "0.5").later(6)
    bench.show(RUNG, "open", 1).later(0.5)
    bench.lists((RUNG, "open", 1), trades=[bench.fill(RUNG, "0.5")])
    assert bench.alarms == []


def test_an_older_state_does_not_undo_a_newer_one():
    bench = resting().trade(RUNG, 1).show(RUNG, "cancelled", 1).show(RUNG, "open", 0)
    assert bench.order(RUNG).status is Status.EXPIRED


def test_a_market_buy_by_value_may_end_cancelled_with_a_rest():
    bench = entering().trade(BUYING, "0.9", 100).show(BUYING, "cancelled", "0.9")
    assert bench.order(BUYING).status is Status.CANCELLED
    assert bench.order(BUYING).filled == D("0.9")
    assert bench.kinds()[-1] == "OrderCancelled"


def test_a_market_buy_by_value_may_end_before_its_executions_come():
    bench = entering().show(BUYING, "filled", "0.9")
    assert bench.order(BUYING).status is Status.OPEN
    bench.trade(BUYING, "0.4", 100).trade(BUYING, "0.5", 100)
    assert bench.order(BUYING).status is Status.FILLED


def test_a_market_buy_that_traded_nothing_has_expired():
    bench = entering().show(BUYING, "cancelled", 0, reason="no liquidity")
    assert bench.order(BUYING).status is Status.EXPIRED
    assert bench.order(BUYING).reason == "no liquidity"


def test_an_overfill_is_not_booked_and_stops_the_bot():
    bench = resting().trade(RUNG, 1).trade(RUNG, "1.5")
    assert bench.order(RUNG).filled == 1
    assert bench.alarms == ["OVERFILLED"]
    assert bench.engine.governor.mode == "stopped"


def test_an_execution_after_a_market_order_was_complete_is_not_booked():
    bench = entering().show(BUYING, "filled", 1).trade(BUYING, 1, 100).trade(BUYING, 1, 100)
    assert bench.order(BUYING).filled == 1
    assert bench.alarms == ["FILL_AFTER_END"]


def test_a_trade_beyond_the_limit_is_booked_and_stops_the_bot():
    bench = resting().trade(RUNG, 1, 95)
    assert bench.order(RUNG).filled == 1
    assert bench.alarms == ["BEYOND_LIMIT"]


def test_nonsense_is_not_booked():
    bench = resting().trade(RUNG, "-1")
    bench.trade(RUNG, 1, 0)
    assert bench.order(RUNG).filled == 0
    assert set(bench.alarms) == {"EXECUTION_UNFIT"}


def test_a_fee_that_comes_late_is_asked_for_and_charged_once():
    bench = resting().trade(RUNG, 2, fee=None, trade="t1")
    assert not bench.custody.settled
    bench.asked(ListExecutions)
    bench.later(2)
    (_asked_at, request), *_rest = bench.asked(ListExecutions)
    assert request.since <= bench.now - FACTS.overlap
    told = bench.fill(RUNG, 2, trade="t1", fee="0.02", fee_asset="COIN")
    for _twice in range(2):
        bench.told(ExecutionSeen(bench.now, told))
    assert bench.portfolio.held == D("1.98")
    assert bench.kinds().count("FeeReported") == 1


def test_a_fee_in_a_coin_that_the_bot_knows_nothing_of_is_booked():
    bench = resting().trade(RUNG, 2, fee="0.001", fee_asset="BNB")
    assert bench.order(RUNG).status is Status.FILLED
    assert bench.portfolio.total("BNB") == D("-0.001")


def test_a_fee_that_never_comes_is_a_matter_for_a_person():
    bench = resting().trade(RUNG, 2, fee=None).later(70)
    assert bench.alarms == ["FEE_MISSING"]


def test_an_exit_is_cancelled_by_the_venue_and_is_not_sent_again_by_itself():
    bench = Bench(EXIT).ready()
    bench.sent()
    bench.accept(SELLING).show(SELLING, "cancelled", 0)
    assert bench.order(SELLING).status is Status.EXPIRED
    assert bench.sent() == []


def test_an_order_may_be_refused_after_it_was_accepted():
    bench = resting().show(RUNG, "rejected", 0, reason="post only")
    assert bench.order(RUNG).status is Status.EXPIRED
    assert bench.order(RUNG).reason == "post only"


def test_a_rejection_on_the_stream_before_any_answer_is_a_rejection():
    bench = Bench(BUY).ready().show(RUNG, "rejected", 0, reason="no")
    assert bench.order(RUNG).status is Status.REJECTED


def test_a_trade_that_was_lost_in_a_gap_is_found_by_the_list():
    bench = resting()
    bench.told(_dropped(bench)).later(3)
    bench.connect()
    bench.lists(trades=[bench.fill(RUNG, 2)])
    assert bench.order(RUNG).status is Status.FILLED


def test_a_trade_that_the_stream_swallowed_is_found_by_the_audit():
    bench = resting().lists().later(61)
    assert bench.asked(LookUp) == []
    bench.lists(trades=[bench.fill(RUNG, 2)])
    assert bench.order(RUNG).status is Status.FILLED


def test_an_audit_comes_at_least_every_minute():
    bench = resting().later(10).lists((RUNG,))
    began = bench.now
    bench.later(61)
    times = [asked_at for asked_at, _request in bench.asked(ListExecutions)]
    assert times
    assert min(times) - began <= 60 * S


def _dropped(bench):
    from absolute.engine.reports import Disconnected

    return Disconnected(bench.now, "closed")
