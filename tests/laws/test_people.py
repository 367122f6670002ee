"""Laws of what people decide: whatever the market does, a stop stops and a flatten ends flat.

Facts of people are drawn between bars of drawn markets; every run is audited step by step.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.domain.instrument import Side
from absolute.domain.messages import Paused, Resumed, StopAsked, Submit
from absolute.domain.notes import Halted
from absolute.domain.units import Nanos
from absolute.kernels.feed import TapeFeed
from absolute.risk.limits import Limits
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig

from tests.audit import LadderAudit
from tests.builders import D, Played, Setting, fees, seat, spot, tape_of
from tests.drawn import ladders, settings_of_runs, tapes

PATIENCE = 16
"""Bars after which every message of a drawn run has long arrived."""

SAYS: dict[str, Any] = {
    "pause": lambda time: Paused(time, "ann"),
    "resume": lambda time: Resumed(time, "ann"),
    "stop": lambda time: StopAsked(time, "ann", flatten=False),
    "flatten": lambda time: StopAsked(time, "ann", flatten=True),
}


@dataclass
class Watched:
    """A run with people in it, and what they want of it at the moment."""

    run: Played
    paused: bool = False
    stopped: bool = False
    flat_by: int | None = None
    said: list[str] = field(default_factory=list)

    def says(self, word: str, number: int) -> None:
        """Someone speaks after this bar."""
        feed = TapeFeed(self.run.tape)
        self.paused = word == "pause" or (self.paused and word != "resume")
        self.stopped = word in {"stop", "flatten"} or (self.stopped and word != "resume")
        if word != "pause":
            self.flat_by = number + PATIENCE if word == "flatten" else None
        self._take(lambda: self.run.session.deliver(SAYS[word](Nanos(feed.row(number).end))))

    def passes(self, number: int) -> None:
        """A bar passes."""
        self._take(lambda: self.run.session.visit(TapeFeed(self.run.tape).row(number)))
        if self.flat_by is not None and number >= self.flat_by:
            self._check_flat(number)

    def _take(self, act) -> None:
        """Look at every wish that follows."""
        seen = len(self.run.journal.entries)
        act()
        for entry in self.run.journal.entries[seen:]:
            for approved in entry.outcome.commands:
                if isinstance(approved.command, Submit):
                    terms = approved.command.terms
                    assert not self.stopped or terms.side is Side.SELL, "a buy after a stop"
                    assert not self.paused or terms.role != "entry", "a new deal in a pause"

    def _check_flat(self, number: int) -> None:
        """No buy lives, and what is held could not be sold: below the lot or the least value."""
        run, market = self.run, self.run.setting.instrument
        assert all(order.terms.side is Side.SELL for order in run.portfolio.live.values())
        low = run.tape.price(run.tape.low[max(0, number - PATIENCE) : number + 1].min())
        left = market.qty_down(run.portfolio.held)
        assert left < market.min_qty or left * low < market.min_notional * 2


def watched(tape, config, setting, people) -> Watched:
    journal = LadderAudit()
    run = journal.run = seat(tape, Ladder(config), setting, journal=journal)
    story = Watched(run)
    run.session.start(TapeFeed(tape).row(0))
    for number in range(len(tape)):
        story.passes(number)
        for word in people.get(number, ()):
            story.says(word, number)
    return story


# A stop straight after a flatten is left out: see below.
WORDS = st.one_of(
    st.sampled_from(list(SAYS)).map(lambda word: [word]),
    st.sampled_from([["pause", "resume"], ["flatten", "resume"], ["stop", "flatten"]]),
)


@settings(max_examples=200)
@given(st.data())
def test_whatever_people_say_the_bot_obeys_and_its_books_hold(data):
    tape, config = data.draw(tapes()), data.draw(ladders())
    setting = data.draw(settings_of_runs())
    moments = st.integers(0, len(tape) - 1)
    people = data.draw(st.dictionaries(moments, WORDS, max_size=5))
    flattened = False
    for number in sorted(people):  # a plain stop counts only where nothing is being flattened
        words = [word for word in people[number] if not (flattened and word == "stop")]
        last = [word for word in words if word != "pause"][-1:]
        flattened = last == ["flatten"] or (flattened and last != ["resume"])
        people[number] = words
    if data.draw(st.booleans()):
        floor = setting.ledger().equity(D(0)) - config.qty_inicial * D("0.02")
        limits = Limits(equity_floor=floor, flatten=data.draw(st.booleans()))
        setting = replace(setting, limits=limits)
    story = watched(tape, config, setting, people)
    assert story.run.journal.entries


def test_a_stop_does_not_take_a_flatten_back():
    """Ann flattens; the cancels are under way when Bob, who did not see it, stops the bot too."""
    setting = Setting(fees=fees("0", "0"), submit_ms=(5_000, 5_000), cancel_ms=(5_000, 5_000))
    tape = tape_of([100] * 24)
    story = watched(tape, LadderConfig(), setting, {3: ["flatten", "stop"]})
    assert story.run.portfolio.held == 0


def test_a_first_order_that_the_venue_will_never_take_halts_and_says_so():
    """The venue wants 700 at least, the clamp is 600."""
    story = watched(
        tape_of([100] * 3), LadderConfig(), Setting(instrument=spot(min_notional="700")), {}
    )
    assert story.run.notes(Halted)


def test_flattening_what_is_too_small_to_sell_at_the_market_keeps_its_exit():
    """Half a coin of 100 is worth 50 and rests for sale at 103.5 = 51.75; at 98 it is worth 49,
    and the venue wants 50: it cannot be sold now, so the exit must stay."""
    config = LadderConfig(qty_inicial=D(50), qty_minima=D(50), limite_recompras=0)
    setting = Setting(instrument=spot(min_notional="50"), fees=fees("0", "0"))
    story = watched(tape_of([100, 98, 98, 98]), config, setting, {1: ["flatten"]})
    assert list(story.run.portfolio.live) == ["exit"]
