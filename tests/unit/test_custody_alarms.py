"""What cannot be is a matter for a person: told once, never adopted, never swallowed."""

# mypy: disable-error-code="arg-type, attr-defined, union-attr"

from absolute.domain.messages import Paused, Resumed, StopAsked
from absolute.domain.order import Status
from absolute.engine.reports import (
    Balances,
    Broken,
    ExecutionSeen,
    ForeignOrder,
    ListOpen,
    OpenOrders,
    ReadBalances,
)

from tests.builders import D
from tests.custody_desk import BUY, Bench

RUNG = "b-1-rung1"


def resting() -> Bench:
    bench = Bench(BUY).ready()
    bench.sent()
    return bench.accept(RUNG).later(1).lists((RUNG,))


def foreign(bench: Bench) -> Bench:
    """The list shows an order that is not ours."""
    bench.later(61)
    for asked_at, request in bench.asked(ListOpen):
        other = ForeignOrder("web", "f1")
        shown = (bench.seen(RUNG, asked_at=asked_at),) if bench.portfolio.live else ()
        bench.answered(request, OpenOrders(bench.now, asked_at, shown, (other,)))
    return bench


def balances(bench: Bench, owned) -> Bench:
    """The wallet holds so much."""
    for asked_at, request in bench.asked(ReadBalances):
        told = (("COIN", D(owned)),)
        bench.answered(request, Balances(bench.now, asked_at, told, told))
    return bench


def holding() -> Bench:
    """Two coins were bought, and all is settled."""
    return resting().trade(RUNG, 2).lists().later(70).price().lists()


def test_a_foreign_order_pauses_and_is_asked_about_once():
    bench = foreign(foreign(resting()))
    assert bench.alarms == ["FOREIGN_ORDER"]
    assert [type(each) for each in bench.events].count(Paused) == 1
    assert bench.cancels() == []


def test_an_order_with_our_name_that_the_journal_does_not_have_stops_the_bot():
    bench = resting().show("b-77-rung3")
    assert bench.alarms == ["ORDER_NOT_IN_JOURNAL"]
    assert isinstance(bench.events[-1], StopAsked)


def test_a_trade_with_our_name_that_the_journal_does_not_have_stops_the_bot():
    bench = resting()
    bench.told(ExecutionSeen(bench.now, bench.fill("b-77-rung3", 1)))
    assert bench.alarms == ["ORDER_NOT_IN_JOURNAL"]


def test_an_order_of_a_bot_whose_name_begins_like_ours_is_not_ours():
    assert resting().show("b-2-3-rung1").show("bb-3-rung1").show("b-entry").alarms == []


def test_an_unknown_word_of_the_venue_pauses_and_concludes_nothing():
    bench = resting().show(RUNG, "unknown", reason="Frozen")
    assert bench.alarms == ["STATUS_UNKNOWN"]
    assert bench.order(RUNG).status is Status.OPEN


def test_an_order_that_is_not_shown_yet_has_not_vanished():
    bench = Bench(BUY).ready().accept(RUNG).later(1).lists()
    assert bench.not_found().alarms == []
    assert bench.order(RUNG).status is Status.OPEN


def test_an_order_that_the_venue_no_longer_has_is_ended_with_an_alarm():
    bench = resting().later(61)
    for _second in range(30):
        bench.lists().not_found().later(1)
    assert bench.alarms == ["ORDER_VANISHED"]
    assert bench.order(RUNG).status is Status.EXPIRED
    assert bench.sent() == []


def test_an_order_that_vanished_because_it_had_filled_is_filled():
    bench = resting().later(61)
    bench.lists(trades=[bench.fill(RUNG, 2)])
    assert bench.order(RUNG).status is Status.FILLED
    assert bench.alarms == []


def test_an_order_that_one_place_shows_has_not_vanished():
    bench = resting().later(61)
    for _second in range(60):
        bench.lists((RUNG,)).not_found().later(1)
    assert bench.order(RUNG).status is Status.OPEN
    assert bench.alarms == []


def test_an_order_that_stands_after_its_end_is_taken_back():
    bench = resting().show(RUNG, "cancelled", 0).later(61).lists((RUNG,)).later(61)
    bench.lists((RUNG,))
    bench.asked(ListOpen)
    bench.later(61)
    for asked_at, request in bench.asked(ListOpen):
        bench.later(1)
        seen = bench.seen(RUNG, asked_at=asked_at)
        bench.answered(request, OpenOrders(bench.now, asked_at, (seen,)))
    assert bench.alarms == ["STANDS_AFTER_END"]
    assert RUNG in bench.cancels()


def test_a_late_frame_of_an_ended_order_means_nothing():
    bench = resting().show(RUNG, "cancelled", 0).later(60).show(RUNG, "open")
    assert bench.alarms == []
    assert bench.cancels() == []


def test_an_ended_order_that_turns_out_to_have_traded_more_is_completed():
    bench = resting().trade(RUNG, 1, trade="t1").show(RUNG, "cancelled", 1)
    assert bench.order(RUNG).status is Status.EXPIRED
    bench.show(RUNG, "cancelled", 2)
    assert not bench.custody.settled
    bench.trade(RUNG, 1, trade="t2")
    assert bench.order(RUNG).filled == 2
    assert bench.custody.settled


def test_one_reading_of_a_wallet_that_lacks_something_says_nothing():
    bench = balances(holding().later(61), 1)
    assert bench.alarms == []


def test_a_wallet_that_still_lacks_it_when_all_is_seen_pauses():
    bench = holding().later(61)
    for _second in range(20):
        balances(bench, 1).lists().later(1)
    assert bench.alarms == ["WALLET_SHORT"]
    assert isinstance(bench.events[-1], Paused)


def test_a_wallet_that_lacks_what_was_just_sold_is_no_theft():
    bench = holding().later(61)
    balances(bench, 1).lists()
    bench.strategy.targets = ()
    bench.portfolio.held -= 1  # the sell is told a moment later
    for _second in range(20):
        balances(bench, 1).lists().later(1)
    assert bench.alarms == []


def test_a_wallet_may_hold_more_than_is_ours():
    assert balances(holding().later(61), 500).alarms == []


def test_what_is_broken_again_after_a_person_went_on_is_told_again():
    bench = resting()
    for _twice in range(2):
        bench.told(Broken(bench.now, "KEYS_REFUSED", "10003"))
        bench.told(Broken(bench.now, "KEYS_REFUSED", "10003"))
        bench.live.asked(Resumed(bench.now, "anna"))
    assert bench.alarms == ["KEYS_REFUSED", "KEYS_REFUSED"]


def test_a_run_that_was_paused_before_its_first_price_still_begins():
    bench = Bench(BUY).connect()
    for asked_at, request in bench.asked(ListOpen):
        other = ForeignOrder("web", "f1")
        bench.answered(request, OpenOrders(bench.now, asked_at, (), (other,)))
    bench.price()
    assert "Started" in bench.kinds()
