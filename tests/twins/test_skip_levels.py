"""The PowerTrader strategy skips to the same log: every drawn run, skipped, walked, or live."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.engine.votes import Count, Votes
from absolute.strategies.levels import Levels
from absolute.strategies.levels_settings import LevelsConfig

from tests.builders import D, Setting, fees, play, play_live, tape_of
from tests.drawn import settings_of_runs, tapes
from tests.drawn_levels import level_settings, votes_on

QUIET = (100, 101, 99.5, 100)


@settings(max_examples=300)
@given(tapes(), st.data())
def test_votes_skip_to_the_same_log(tape, data):
    setting = data.draw(settings_of_runs())
    config, votes = data.draw(level_settings()), data.draw(votes_on(len(tape)))
    runs = [
        play(tape, Levels(config), setting, skip=skip, agenda=votes()) for skip in (True, False)
    ]
    runs.append(play_live(tape, Levels(config), setting, agenda=votes()))
    assert len({run.sha for run in runs}) == 1
    assert len({str(run.ledger.account.totals()) for run in runs}) == 1
    assert runs[0].walked <= runs[1].walked == len(tape)


def test_a_quiet_market_is_skipped():
    """A vote, the entry, 2,000 bars between level and line, the line, the sale: few are seen."""
    rows = [100, *[QUIET] * 2_000, (100, 106, 100, 106), 105.5, *[QUIET] * 500]
    tape = tape_of(rows)
    setting = replace(Setting(), fees=fees("0", "0"))
    config = LevelsConfig(start_allocation_pct=D(1))
    runs = [
        play(tape, Levels(config), setting, skip=skip, agenda=Votes([0, 1], [Count(3, 0)] * 2))
        for skip in (True, False)
    ]
    assert runs[0].sha == runs[1].sha
    assert len(runs[0].fills) == 3  # the votes still stand, so the next deal begins at once
    assert runs[0].walked < 10
