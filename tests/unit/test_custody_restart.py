"""Begin again after a kill: every open order is looked for, and nothing is sent a second time."""

# mypy: disable-error-code="arg-type, attr-defined, union-attr"

import pytest

from absolute.domain.messages import Resumed
from absolute.domain.order import Status
from absolute.engine.reports import ListExecutions, LookUp, SendCancel

from tests.custody_desk import BUY, DEADLINE, EXIT, FACTS, Bench, S

RUNG = "b-1-rung1"


def in_flight() -> Bench:
    bench = Bench(BUY).ready()
    assert bench.sent() == [RUNG]
    return bench


def waiting() -> Bench:
    return Bench(BUY).connect().price()


def unknown() -> Bench:
    return in_flight().doubt(RUNG)


def standing() -> Bench:
    return in_flight().accept(RUNG)


def partly_filled() -> Bench:
    return standing().trade(RUNG, 1)


def filled_before_the_answer() -> Bench:
    return in_flight().trade(RUNG, 1)


def cancel_pending() -> Bench:
    bench = standing()
    bench.strategy.targets = ()
    bench.live.asked(Resumed(bench.now, "anna"))
    return bench


def cancelled_in_flight() -> Bench:
    bench = in_flight()
    bench.strategy.targets = ()
    bench.live.asked(Resumed(bench.now, "anna"))
    return bench


ALIVE = [
    waiting,
    in_flight,
    unknown,
    standing,
    partly_filled,
    filled_before_the_answer,
    cancel_pending,
    cancelled_in_flight,
]


@pytest.mark.parametrize("before", ALIVE)
def test_every_open_order_is_looked_for_and_none_is_sent_again(before):
    bench = before().restart()
    assert [request.client_id for _time, request in bench.asked(LookUp)] == [RUNG]
    assert bench.sent() == []


@pytest.mark.parametrize("before", ALIVE)
def test_an_order_that_filled_meanwhile_is_booked(before):
    bench = before().restart()
    rest = 2 - bench.order(RUNG).filled
    bench.found(RUNG, "filled", 2).lists(trades=[bench.fill(RUNG, rest)])
    assert bench.order(RUNG).status is Status.FILLED
    assert bench.portfolio.held == 2


@pytest.mark.parametrize("before", [waiting, in_flight, unknown, cancelled_in_flight])
def test_an_order_that_may_have_left_is_in_doubt_from_now_on(before):
    bench = before().restart(seconds=100)
    for _half_second in range(2 * DEADLINE - 2):
        bench.not_found().lists().later(0.5)
    assert not bench.order(RUNG).terminal
    for _second in range(5):
        bench.not_found().lists().later(1)
    assert bench.order(RUNG).reason == "PROVEN_ABSENT"


def test_an_order_that_stands_stays():
    bench = standing().restart().found(RUNG).lists((RUNG,)).later(1)
    assert bench.order(RUNG).status is Status.OPEN
    assert bench.sent() == bench.cancels() == []


def test_a_cancel_that_was_asked_is_asked_again():
    bench = cancel_pending().restart(seconds=3).found(RUNG)
    assert bench.cancels() == [RUNG]


def test_a_cancel_of_an_order_in_flight_goes_out_when_it_is_found():
    bench = cancelled_in_flight().restart().found(RUNG)
    assert bench.cancels() == [RUNG]


@pytest.mark.parametrize("before", ALIVE)
def test_a_kill_in_the_middle_of_the_recovery_changes_nothing(before):
    bench = before().restart().restart().restart()
    bench.found(RUNG, "filled", 2)
    bench.lists(trades=[bench.fill(RUNG, 2 - bench.order(RUNG).filled)])
    assert bench.order(RUNG).status is Status.FILLED


def test_executions_are_asked_for_from_before_the_oldest_open_order():
    bench = standing()
    left = bench.now
    again = bench.later(500).restart()
    (_asked_at, request), *_rest = again.asked(ListExecutions)
    assert request.since <= left - FACTS.overlap


def test_the_lists_are_asked_for_even_while_the_stream_does_not_come_up():
    bench = standing().restart(connect=False).later(0)
    assert bench.asked(ListExecutions)
    bench.lists((RUNG,))
    bench.strategy.targets = (EXIT, BUY)
    bench.live.asked(Resumed(bench.now, "anna"))
    assert bench.found(RUNG).sent() in (["b-2-exit"], [])


def test_a_clock_that_stands_before_the_journal_stops_the_bot():
    bench = standing().later(100).trade(RUNG, 1)
    assert bench.restart(seconds=-60).alarms == ["CLOCK_BACK"]


def test_an_order_that_ended_leaves_nothing_to_look_for():
    bench = standing().show(RUNG, "cancelled", 0).restart()
    assert bench.asked(LookUp) == []


def test_a_timer_without_a_price_wakes_nobody():
    from absolute.strategies.contract import Wakes

    bench = Bench()
    bench.strategy.wakes = Wakes(timer=bench.now - S)
    assert bench.live.next_time() is None
    bench.ready()
    assert bench.live.next_time() is not None


def test_cancels_of_the_last_life_reach_the_venue_by_our_own_id():
    bench = cancelled_in_flight().restart()
    bench.trade(RUNG, 1)
    ((_time, request),) = bench.asked(SendCancel)
    assert (request.client_id, request.venue_id) == (RUNG, None)
