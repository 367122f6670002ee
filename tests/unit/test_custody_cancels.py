"""A cancel is asked until the order is gone, and never taken for the end it asks for."""

# mypy: disable-error-code="arg-type, attr-defined, union-attr"

from dataclasses import replace

from absolute.domain.messages import Resumed
from absolute.domain.order import Status
from absolute.engine.reports import (
    CancelDenied,
    CancelInDoubt,
    CancelTaken,
    LookUp,
    SendCancel,
)

from tests.builders import D
from tests.custody_desk import BUY, EXIT, Bench

RUNG, SELLING = "b-1-rung1", "b-1-exit"


def unwanted(bench: Bench) -> Bench:
    """The strategy wants its orders no longer."""
    bench.strategy.targets = ()
    bench.live.asked(Resumed(bench.now, "anna"))
    return bench


def cancelling(terms=BUY) -> Bench:
    """An order stands, and its cancel is on the way."""
    bench = Bench(terms).ready()
    (client_id,) = bench.sent()
    unwanted(bench.accept(client_id))
    assert bench.cancels() == [client_id]
    return bench


def answer(bench: Bench, report) -> Bench:
    """Answer the cancel of the rung."""
    return bench.answered(SendCancel(RUNG, "v1"), report)


def test_a_cancel_that_was_taken_is_no_end():
    bench = answer(cancelling(), CancelTaken(0, RUNG))
    assert bench.order(RUNG).status is Status.CANCEL_PENDING


def test_the_venue_shows_the_end():
    bench = cancelling().show(RUNG, "cancelled", 0)
    assert bench.order(RUNG).status is Status.CANCELLED


def test_a_fill_that_raced_the_cancel_counts():
    bench = cancelling().trade(RUNG, 1).show(RUNG, "cancelled", 1)
    assert bench.order(RUNG).status is Status.CANCELLED
    assert bench.portfolio.held == 1


def test_the_end_of_a_raced_cancel_waits_for_the_fill():
    bench = cancelling().show(RUNG, "cancelled", 1)
    assert bench.order(RUNG).status is Status.CANCEL_PENDING
    assert bench.trade(RUNG, 1).order(RUNG).status is Status.CANCELLED


def test_a_cancel_that_came_too_late_is_no_end_the_order_is_looked_for():
    bench = answer(cancelling(), CancelDenied(0, RUNG, "110001", gone=True))
    assert bench.order(RUNG).status is Status.CANCEL_PENDING
    assert len(bench.asked(LookUp)) == 1


def test_a_cancel_too_late_since_the_order_had_filled():
    bench = answer(cancelling(), CancelDenied(0, RUNG, "110001", gone=True))
    bench.found(RUNG, "filled", 2).trade(RUNG, 2)
    assert bench.order(RUNG).status is Status.FILLED


def test_a_cancel_in_doubt_is_asked_again_while_the_order_stands():
    bench = answer(cancelling(), CancelInDoubt(0, RUNG, "timeout"))
    for _second in range(4):
        bench.later(1).found(RUNG)
    assert RUNG in bench.cancels()


def test_a_cancel_that_was_taken_and_did_nothing_is_asked_again():
    bench = answer(cancelling(), CancelTaken(0, RUNG))
    for _second in range(5):
        bench.later(1).found(RUNG)
    assert RUNG in bench.cancels()


def test_a_cancel_waits_for_the_answer_to_the_order():
    bench = Bench(BUY).ready()
    bench.sent()
    unwanted(bench)
    assert bench.cancels() == []
    assert bench.accept(RUNG).cancels() == [RUNG]


def test_a_cancel_goes_out_at_once_when_a_fill_shows_the_order_before_its_answer():
    bench = Bench(BUY).ready()
    bench.sent()
    unwanted(bench).trade(RUNG, 1)
    assert bench.cancels() == [RUNG]


def test_a_cancel_of_an_order_in_doubt_goes_out_when_it_is_found():
    bench = Bench(BUY).ready()
    bench.sent()
    unwanted(bench.doubt(RUNG))
    assert bench.cancels() == []
    assert bench.found(RUNG).cancels() == [RUNG]


def test_the_end_may_come_before_any_answer():
    bench = Bench(BUY).ready()
    bench.sent()
    unwanted(bench).show(RUNG, "cancelled", 0)
    assert bench.order(RUNG).status is Status.CANCELLED


def test_an_order_that_has_not_left_is_taken_back_here():
    bench = Bench(BUY).connect()
    bench.price()
    assert bench.sent() == []
    unwanted(bench)
    assert bench.order(RUNG).reason == "TAKEN_BACK_BEFORE_IT_LEFT"
    assert bench.lists().sent() == []


def test_the_next_exit_waits_until_the_last_one_is_gone():
    bench = Bench(EXIT).ready()
    bench.sent()
    bench.accept(SELLING)
    bench.strategy.targets = (replace(EXIT, price=D(111)),)
    bench.live.asked(Resumed(bench.now, "anna"))
    answered = bench.answered(SendCancel(SELLING, "v1"), CancelTaken(bench.now, SELLING))
    assert answered.sent() == []
    assert bench.show(SELLING, "cancelled", 0).sent() == ["b-2-exit"]
