"""An order that was sent and never answered: found, or proven absent, and nothing in between."""

# mypy: disable-error-code="arg-type, attr-defined, union-attr"

from dataclasses import replace

import pytest

from absolute.domain.ids import Role
from absolute.domain.messages import Resumed
from absolute.domain.order import Status
from absolute.engine.reports import (
    Duplicate,
    Executions,
    ListExecutions,
    ListOpen,
    LookUp,
    NotFound,
    OpenOrders,
)

from tests.builders import D
from tests.custody_desk import BUY, DEADLINE, FACTS, Bench, S

RUNG = "b-1-rung1"
SECOND = replace(BUY, role=Role("rung 2"), price=D(80))


def in_doubt() -> Bench:
    """A rung was sent, and its answer never came."""
    bench = Bench(BUY).ready()
    assert bench.sent() == [RUNG]
    return bench.doubt(RUNG)


def prove(bench: Bench) -> Bench:
    """Let the venue answer every question from now on: there is nothing."""
    for _second in range(5):
        bench.not_found().lists().later(1)
    return bench


def test_an_unanswered_order_is_lost_and_looked_for_at_once():
    bench = in_doubt()
    assert bench.order(RUNG).status is Status.UNKNOWN
    assert [request.client_id for _time, request in bench.asked(LookUp)] == [RUNG]


def test_a_look_up_that_finds_it_ends_the_doubt():
    bench = in_doubt().found(RUNG)
    assert bench.order(RUNG).status is Status.OPEN
    assert bench.order(RUNG).venue_id == "v1"
    assert bench.custody.settled


def test_the_stream_ends_a_doubt_as_well():
    assert in_doubt().show(RUNG).order(RUNG).status is Status.OPEN


def test_an_execution_ends_a_doubt_as_well():
    bench = in_doubt().trade(RUNG, 2)
    assert bench.order(RUNG).status is Status.FILLED


def test_absence_is_proven_by_questions_after_the_deadline_in_all_three_places():
    bench = prove(in_doubt().later(DEADLINE))
    assert bench.kinds().count("OrderUnsent") == 1
    assert bench.order(RUNG).status is Status.CANCELLED
    assert bench.order(RUNG).reason == "PROVEN_ABSENT"


def test_what_is_proven_absent_is_wished_for_again_under_another_id():
    bench = prove(in_doubt().later(DEADLINE))
    assert bench.sent() == ["b-2-rung1"]


def test_no_number_of_empty_answers_before_the_deadline_proves_anything():
    bench = in_doubt()
    for _half_second in range(2 * DEADLINE - 2):
        bench.not_found().lists().later(0.5)
    assert bench.order(RUNG).status is Status.UNKNOWN
    assert bench.sent() == []


@pytest.mark.parametrize("silent", [LookUp, ListOpen, ListExecutions])
def test_two_of_the_three_places_prove_nothing(silent):
    bench = in_doubt().later(DEADLINE)
    for _second in range(40):
        bench.unanswered(silent)
        bench.not_found().lists().later(1)
    assert bench.order(RUNG).status is Status.UNKNOWN


def test_an_answer_counts_from_when_it_was_asked_not_from_when_it_came():
    """The stale negative: asked before the order arrived, delivered long after the deadline."""
    bench = in_doubt()
    looked = bench.asked(LookUp)
    bench.later(DEADLINE + 5)
    for asked_at, request in looked:
        bench.answered(request, NotFound(bench.now, asked_at, RUNG))
    bench.asked(LookUp)
    for asked_at, request in bench.asked(ListOpen):
        bench.answered(request, OpenOrders(bench.now, asked_at, ()))
    for asked_at, request in bench.asked(ListExecutions):
        bench.answered(request, Executions(bench.now, asked_at, request.since, ()))
    assert bench.order(RUNG).status is Status.UNKNOWN


def test_a_list_of_executions_that_begins_too_late_proves_nothing():
    bench = in_doubt().later(DEADLINE)
    for _second in range(5):
        bench.not_found()
        for asked_at, request in bench.asked(ListOpen):
            bench.answered(request, OpenOrders(bench.now, asked_at, ()))
        for asked_at, request in bench.asked(ListExecutions):
            bench.answered(request, Executions(bench.now, asked_at, bench.now, ()))
        bench.later(1)
    assert bench.order(RUNG).status is Status.UNKNOWN


def test_the_list_of_executions_is_asked_from_before_the_order_left():
    bench = in_doubt()
    left = bench.now
    bench.later(DEADLINE + 1).not_found().later(1)
    (_asked_at, request), *_rest = bench.asked(ListExecutions)
    assert request.since <= left - FACTS.overlap - FACTS.clock_error


def test_errors_prove_nothing_however_many():
    bench = in_doubt()
    for _second in range(300):
        for kind in (LookUp, ListOpen, ListExecutions):
            bench.unanswered(kind)
        bench.later(1)
    assert bench.order(RUNG).status is Status.UNKNOWN


def test_the_questions_of_a_doubt_do_not_hammer():
    bench = in_doubt()
    asked = 0
    for _second in range(60):
        for kind in (LookUp, ListOpen, ListExecutions):
            asked += len(bench.asked(kind))
            bench.unanswered(kind)
        bench.later(1)
    assert asked <= 60


def test_nothing_that_adds_risk_leaves_while_an_order_is_in_doubt():
    bench = in_doubt()
    bench.strategy.targets = (BUY, SECOND)
    bench.price(99).told(bench.seen("someone-else"))
    bench.live.asked(Resumed(bench.now, "anna"))
    assert bench.sent() == []
    bench.found(RUNG)
    assert bench.sent() == ["b-2-rung2"]


def test_a_duplicate_where_ids_are_unique_for_ever_is_proof_that_it_arrived():
    bench = Bench(BUY, facts=replace(FACTS, ids_unique_for_ever=True)).ready()
    bench.sent()
    bench.answer_order(RUNG, Duplicate(bench.now, RUNG))
    assert bench.order(RUNG).status is Status.IN_FLIGHT
    bench.found(RUNG, "open")
    assert bench.order(RUNG).status is Status.OPEN


def test_a_duplicate_where_ids_are_free_again_leaves_a_doubt():
    bench = Bench(BUY).ready()
    bench.sent()
    bench.answer_order(RUNG, Duplicate(bench.now, RUNG))
    assert bench.order(RUNG).status is Status.UNKNOWN


def test_what_was_proven_absent_and_appears_stops_the_bot_and_is_taken_back():
    bench = prove(in_doubt().later(DEADLINE))
    bench.asked(LookUp)
    bench.show(RUNG)
    assert bench.alarms == ["PROOF_VIOLATED"]
    assert bench.cancels() == [RUNG]
    assert bench.engine.governor.mode == "stopped"


def test_what_was_proven_absent_and_traded_is_booked():
    bench = prove(in_doubt().later(DEADLINE))
    bench.trade(RUNG, 2)
    assert bench.order(RUNG).filled == 2
    assert bench.portfolio.held == 2
    assert "PROOF_VIOLATED" in bench.alarms


def test_a_doubt_is_decided_within_seconds_of_its_deadline():
    bench = in_doubt()
    began = bench.now
    while bench.order(RUNG).status is Status.UNKNOWN:
        bench.not_found().lists().later(0.1)
    assert bench.now - began <= (DEADLINE + 2) * S
