"""The PowerTrader strategy as short stories; each file under `levels/` is one.

The language is the ladder's (`teller.py`) with two lines more: `levels dca_multiplier=1` sets the
scene, and `votes 4 0` tells how many frames vote long and short from here on. A story without
people is also replayed, skipping, bar by bar and live, with the votes at the close of their bars:
all must write the same log.
"""

from pathlib import Path

import pytest

from absolute.domain.messages import VotesChanged
from absolute.domain.units import Nanos, Price, plain
from absolute.engine.votes import Count, Votes
from absolute.kernels.feed import TapeFeed
from absolute.strategies.levels import Levels
from absolute.strategies.levels_settings import levels_config

from tests.builders import START, play, play_live, seat
from tests.stories.teller import BAR, PEOPLE, Story, told_by

STORIES = sorted((Path(__file__).parent / "levels").glob("*.txt"))


def _scene(text):
    """The settings a story asks for, and the rest of it."""
    given: dict[str, str] = {}
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("levels "):
            given |= dict(pair.split("=") for pair in line.split("#")[0].split()[1:])
            lines[number] = ""
    return levels_config(given), Story("\n".join(lines))


def tell_levels(text):
    """Play a story; the first line that went otherwise fails."""
    config, story = _scene(text)
    told = seat(story.tape, Levels(config), story.setting())
    feed, seen, bars, alone = TapeFeed(story.tape), 0, 0, True
    votes: dict[int, Count] = {}
    for number, line, expected in story.lines:
        time = Nanos(feed.row(bars - 1).end if bars else START)
        if BAR.fullmatch(line):
            if not bars:
                told.session.start(feed.row(0))
            told.session.visit(feed.row(bars))
            bars += 1
        elif line.startswith("votes "):
            long, short = map(int, line.split()[1:])
            votes[bars - 1] = Count(long, short)
            close = Price(feed.row(bars - 1).close * story.tape.price_unit)
            told.session.deliver(VotesChanged(time, long, short, close))
        elif line in PEOPLE:
            alone = False
            told.session.deliver(PEOPLE[line](time))
        elif line == "it stands":
            assert _standing(told) == expected, f"line {number}: {line}"
            continue
        else:
            raise ValueError(f"no story says: {line}")
        happened = [
            sentence
            for entry in told.journal.entries[seen:]
            for about_orders, sentence in told_by(entry, told.portfolio.orders)
            if story.tells_orders or not about_orders
        ]
        seen = len(told.journal.entries)
        assert happened == expected, f"line {number}: {line}"
    if alone:
        _check_twins(config, story, votes, told)
    return told


def _check_twins(config, story, votes, told):
    def agenda():
        return Votes(list(votes), list(votes.values()))

    tape, setting = story.tape, story.setting()
    twins = [
        play(tape, Levels(config), setting, skip=skip, agenda=agenda()) for skip in (True, False)
    ]
    twins.append(play_live(tape, Levels(config), setting, agenda=agenda()))
    assert {twin.sha for twin in twins} == {told.sha}


def _standing(told):
    """Money, living orders, what it waits for."""
    levels = told.strategy
    totals = told.ledger.account.totals()
    lines = [f"{asset} {plain(amount)}" for asset, amount in sorted(totals.items())]
    for role, order in sorted(told.portfolio.live.items()):
        terms = order.terms
        price = "market" if terms.price is None else plain(terms.price)
        left = f"for {terms.spend}" if terms.qty is None else plain(terms.qty - order.filled)
        lines.append(f"{role}: {left} at {price}")
    for name in ("falls_to", "rises_to"):
        level = getattr(levels.wakes, name)
        if level is not None:
            lines.append(f"{name.replace('_', ' ')} {plain(level)}")
    lines.append(f"{levels.phase}, profit {plain(levels.profit)}")
    return lines


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_the_strategy_does_as_the_story_says(story):
    assert tell_levels(story.read_text("utf-8")).events


def test_there_are_stories():
    assert len(STORIES) >= 10


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_a_story_begins_with_what_it_is_about(story):
    assert story.read_text("utf-8").startswith("# ")


def test_a_story_that_is_not_true_fails():
    true = "levels start_allocation_pct=1\nbar 100\nvotes 3 0\nbar 100\n    entry buys 1 at 100"
    true = f"fees maker=0 taker=0\n{true} taker\n    deal 1 opens\n"
    tell_levels(true)
    with pytest.raises(AssertionError, match="line 5: bar 100"):
        tell_levels(true.replace("buys 1 ", "buys 2 "))
    with pytest.raises(AssertionError, match="line 5: bar 100"):
        tell_levels(true.replace("votes 3 0", "votes 2 0"))
