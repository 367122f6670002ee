"""One scenario, three drivers: skipping, bar by bar, and the asynchronous loop write one log."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.domain.messages import Paused, Resumed, StopAsked
from absolute.domain.units import Nanos
from absolute.engine.loop import Loop
from absolute.kernels.feed import TapeFeed
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig

from tests.builders import Setting, play, play_live, seat, spot, tape_of
from tests.drawn import ladders, scripts, settings_of_runs, tapes

ROWS = [100, (100, 100, 98.5, 99), (99, 99, 97, 98), (98, 104, 98, 104), 104, (104, 104, 102, 103)]


@settings(max_examples=100)
@given(tapes(), st.data())
def test_three_drivers_write_one_log(tape, data):
    setting = data.draw(settings_of_runs())
    config = data.draw(ladders())
    runs = [play(tape, Ladder(config), setting, skip=skip) for skip in (True, False)]
    runs.append(play_live(tape, Ladder(config), setting))
    assert len({run.sha for run in runs}) == 1
    assert len({str(run.ledger.account.totals()) for run in runs}) == 1


def _by_hand(people):
    """The session driven bar by bar, with people's facts after the bar they are named with."""
    run = seat(tape_of(ROWS), Ladder(LadderConfig()), Setting())
    feed = TapeFeed(run.tape)
    run.session.start(feed.row(0))
    for number in range(len(feed)):
        run.session.visit(feed.row(number))
        for event in people.get(number, ()):
            run.session.deliver(event(Nanos(feed.row(number).end)))
    return run


def _by_loop(people):
    run = seat(tape_of(ROWS), Ladder(LadderConfig()), Setting())
    feed = TapeFeed(run.tape)
    taken: list[object] = []

    async def trade():
        loop = Loop(run.session, after=taken.append)
        running = asyncio.create_task(loop.run())
        for number in range(len(feed)):
            await loop.put(feed.row(number))
            for event in people.get(number, ()):
                await loop.put(event(Nanos(feed.row(number).end)))
        await loop.close()
        await running

    asyncio.run(trade())
    assert len(taken) == len(ROWS) + sum(len(each) for each in people.values())
    return run


PEOPLE = {
    "nobody": {},
    "a pause": {1: [lambda time: Paused(time, "ann")], 4: [lambda time: Resumed(time, "ann")]},
    "a stop": {2: [lambda time: StopAsked(time, "ann", flatten=False)]},
    "a stop that flattens": {2: [lambda time: StopAsked(time, "ann", flatten=True)]},
}


@pytest.mark.parametrize("people", PEOPLE)
def test_what_people_want_takes_the_same_road(people):
    by_hand, by_loop = _by_hand(PEOPLE[people]), _by_loop(PEOPLE[people])
    assert by_hand.sha == by_loop.sha
    assert by_hand.events


def test_people_change_the_log():
    """Else the comparison above would be empty."""
    assert len({_by_hand(people).sha for people in PEOPLE.values()}) == len(PEOPLE)


def test_a_fact_that_comes_while_a_bar_waits_is_taken_in_after_it():
    """The inbox is one line: nothing overtakes."""
    order = []
    run = seat(tape_of([100, 100]), Ladder(LadderConfig()), Setting())
    feed = TapeFeed(run.tape)

    async def trade():
        loop = Loop(run.session, after=lambda item: order.append(type(item).__name__))
        for item in (feed.row(0), Paused(Nanos(feed.row(0).end), "ann"), feed.row(1)):
            await loop.put(item)
        await loop.close()
        await loop.run()

    asyncio.run(trade())
    assert order == ["Row", "Paused", "Row"]


@settings(max_examples=50)
@given(tapes(unit="0.01"), st.data())
def test_scripts_run_alike_live(tape, data):
    from tests.builders import Scripted

    setting = replace(data.draw(settings_of_runs(latency=False)), instrument=spot())
    script = data.draw(scripts(len(tape)))
    assert (
        play(tape, Scripted(script), setting).sha == play_live(tape, Scripted(script), setting).sha
    )
