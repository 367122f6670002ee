"""What may leave, and when: exits once the lists are known, growth only while all is seen."""

# mypy: disable-error-code="arg-type, attr-defined, union-attr"

from dataclasses import replace

from absolute.domain.ids import Role
from absolute.domain.messages import OrderUnsent, Paused, Resumed, StopAsked
from absolute.domain.order import Status
from absolute.engine.reports import Denied, Disconnected, NeverSent, Priced

from tests.builders import D
from tests.custody_desk import BUY, ENTRY, EXIT, Bench, S

RUNG, BUYING, SELLING = "b-1-rung1", "b-1-entry", "b-1-exit"


def test_nothing_leaves_before_the_lists_are_known():
    bench = Bench(EXIT, BUY).connect().price()
    assert bench.sent() == []
    assert bench.lists().sent() == [SELLING, "b-2-rung1"]


def test_what_leaves_is_in_the_journal_first():
    bench = Bench(BUY).ready()
    commands = [each.command for entry in bench.journal.entries for each in entry.outcome.commands]
    assert bench.sent() == [command.client_id for command in commands]


def test_exits_leave_while_the_stream_is_down_and_growth_does_not():
    bench = Bench().ready()
    bench.told(Disconnected(bench.now, "closed")).lists()
    bench.strategy.targets = (EXIT, BUY)
    bench.live.asked(Resumed(bench.now, "anna"))
    assert bench.sent() == [SELLING]


def test_growth_leaves_again_when_the_gap_is_closed():
    bench = Bench().ready()
    bench.told(Disconnected(bench.now, "closed")).lists()
    bench.strategy.targets = (BUY,)
    bench.live.asked(Resumed(bench.now, "anna"))
    bench.later(1).connect()
    assert bench.sent() == []
    assert bench.lists().sent() == [RUNG]


def test_with_orders_at_the_venue_a_gap_is_closed_only_by_lists_that_can_show_it():
    bench = Bench(EXIT).ready()
    bench.sent()
    bench.accept(SELLING)
    bench.told(Disconnected(bench.now, "closed")).later(1).connect().lists((SELLING,))
    bench.strategy.targets = (EXIT, BUY)
    bench.live.asked(Resumed(bench.now, "anna"))
    assert bench.sent() == []
    for _second in range(7):
        bench.later(1).lists((SELLING,))
    assert bench.sent() == ["b-2-rung1"]


def test_growth_does_not_leave_on_an_old_price():
    bench = Bench().ready().later(61).lists()
    bench.strategy.targets = (BUY,)
    bench.live.asked(Resumed(bench.now, "anna"))
    assert bench.sent() == []
    assert bench.price().sent() == [RUNG]


def test_the_age_of_a_price_is_told_by_the_venue_not_by_its_arrival():
    bench = Bench(BUY).connect().lists().price(age=61)
    assert bench.events == []
    assert bench.price().sent() == [RUNG]


def test_what_is_no_price_is_no_news():
    bench = Bench(BUY).connect().lists()
    for nonsense in ("0", "-1", "NaN", "Infinity"):
        bench.told(Priced(bench.now, bench.now, D(nonsense)))
    assert bench.events == []


def test_a_price_of_a_time_to_come_does_not_hide_those_after_it():
    bench = Bench().ready()
    bench.price(105, age=-3600).later(1).price(101)
    assert bench.live.price == 101


def test_an_older_price_does_not_replace_a_newer_one():
    bench = Bench().ready()
    bench.price(99).price(101, age=1)
    assert bench.live.price == 99


def test_a_market_order_that_waited_too_long_is_wished_for_anew():
    bench = Bench(ENTRY).connect().price().later(11).price().lists()
    assert bench.order(BUYING).reason == "TOO_OLD_TO_SEND"
    assert bench.sent() == ["b-2-entry"]


def test_a_limit_order_that_waited_keeps_its_price_and_leaves():
    bench = Bench(BUY).connect().price().later(11).price().lists()
    assert bench.sent() == [RUNG]


def test_an_order_that_never_left_is_wished_for_again_after_a_pause():
    bench = Bench(BUY).ready()
    bench.sent()
    bench.answer_order(RUNG, NeverSent(bench.now, RUNG, "refused"))
    assert isinstance(bench.events[-1], OrderUnsent)
    assert bench.sent() == []
    assert bench.later(1).sent() == ["b-2-rung1"]


def test_an_order_that_was_seen_cannot_have_never_left():
    bench = Bench(BUY).ready().show(RUNG)
    bench.answer_order(RUNG, NeverSent(bench.now, RUNG, "refused"))
    assert not isinstance(bench.events[-1], OrderUnsent)
    assert bench.order(RUNG).status is Status.OPEN
    assert bench.later(30).sent() == [RUNG]


def test_the_pause_grows_while_nothing_can_be_sent():
    bench = Bench(BUY).ready()
    left = 0
    for _second in range(60):
        for client_id in bench.sent():
            left += 1
            bench.answer_order(client_id, NeverSent(bench.now, client_id, "refused"))
        bench.price().lists().later(1)
    assert 4 <= left <= 9


def test_a_known_no_is_a_rejection_and_not_sent_again():
    bench = Bench(BUY).ready()
    bench.sent()
    bench.answer_order(RUNG, Denied(bench.now, RUNG, "170131", "balance"))
    assert bench.order(RUNG).status is Status.REJECTED
    assert bench.later(30).sent() == []


def test_a_no_for_an_order_that_was_seen_is_not_believed():
    bench = Bench(BUY).ready().show(RUNG)
    bench.answer_order(RUNG, Denied(bench.now, RUNG, "170131", "balance"))
    assert bench.order(RUNG).status is Status.OPEN


def test_growth_that_still_waits_does_not_leave_after_a_stop():
    bench = Bench(EXIT, BUY).connect().price()
    bench.live.asked(StopAsked(bench.now, "anna", flatten=False))
    assert bench.lists().sent() == [SELLING]


def test_growth_that_still_waits_is_wished_for_anew_after_a_pause_of_a_person():
    bench = Bench(BUY).connect().price()
    bench.live.asked(Paused(bench.now, "anna"))
    assert bench.order(RUNG).reason == "TAKEN_BACK_BEFORE_IT_LEFT"
    assert bench.lists().sent() == ["b-2-rung1"]


def test_a_second_growth_waits_behind_a_doubt_and_an_exit_does_not():
    bench = Bench(BUY).ready()
    bench.sent()
    bench.doubt(RUNG)
    bench.strategy.targets = (EXIT, BUY, replace(BUY, role=Role("rung 2")))
    bench.live.asked(Resumed(bench.now, "anna"))
    assert bench.sent() == ["b-2-exit"]


def test_what_a_person_wants_counts_from_when_it_is_taken():
    bench = Bench().ready().later(10)
    bench.live.asked(Paused(bench.now - 9 * S, "anna"))
    assert bench.events[-1].time == bench.now


def test_a_stop_counts_after_a_person_went_on_while_a_flatten_was_still_in_doubt():
    bench = Bench().ready()
    bench.strategy.targets = (replace(BUY, price=D(99)),)
    bench.live.asked(Resumed(bench.now, "anna"))
    (bought,) = bench.sent()
    bench.accept(bought).trade(bought, 2, 99)
    bench.live.asked(StopAsked(bench.now, "anna", flatten=True))
    (sold,) = bench.sent()
    bench.doubt(sold)
    bench.live.asked(Resumed(bench.now, "anna"))
    bench.live.asked(StopAsked(bench.now, "anna", flatten=False))
    assert bench.engine.governor.mode == "stopped"
