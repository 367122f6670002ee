"""Laws of what people decide over the PowerTrader strategy: it obeys, and its books hold."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.domain.messages import Submit
from absolute.kernels.feed import TapeFeed
from absolute.strategies.ladder_orders import EXIT
from absolute.strategies.levels import Levels

from tests.builders import seat
from tests.drawn import settings_of_runs, tapes
from tests.drawn_levels import level_settings, votes_on
from tests.laws.test_people import WORDS, Watched


@settings(max_examples=250)
@given(tapes(), st.data())
def test_whatever_people_say_the_strategy_obeys(tape, data):
    setting = data.draw(settings_of_runs())
    votes = data.draw(votes_on(len(tape)))
    run = seat(tape, Levels(data.draw(level_settings())), setting, agenda=votes())
    moments = st.integers(0, len(tape) - 1)
    people = data.draw(st.dictionaries(moments, WORDS, max_size=5))
    story, flattened = Watched(run), False
    run.session.start(TapeFeed(tape).row(0))
    for number in range(len(tape)):
        story.passes(number)
        for word in people.get(number, ()):
            if word == "stop" and flattened:  # a plain stop does not take a flatten back
                continue
            flattened = word == "flatten" or (flattened and word != "resume")
            story.says(word, number)
    venue: Any = run.session.venue
    assert run.ledger.account.totals() == venue.ledger.account.totals()
    assert run.portfolio.held >= 0


@settings(max_examples=150)
@given(tapes(), st.data())
def test_nothing_has_two_exits_and_no_exit_sells_more_than_is_held(tape, data):
    setting = data.draw(settings_of_runs())
    run = seat(
        tape,
        Levels(data.draw(level_settings())),
        setting,
        agenda=data.draw(votes_on(len(tape)))(),
    )
    feed = TapeFeed(tape)
    run.session.start(feed.row(0))
    for number in range(len(tape)):
        run.session.visit(feed.row(number))
        exits = [order for role, order in run.portfolio.live.items() if role == EXIT]
        assert len(exits) <= 1
        for order in exits:
            assert order.terms.qty is not None
            assert order.terms.qty - order.filled <= run.portfolio.held
    for _, outcome in run.journal.entries:
        placed = [each.command for each in outcome.commands if isinstance(each.command, Submit)]
        assert len([each for each in placed if each.terms.role == EXIT]) <= 1
