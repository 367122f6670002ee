"""Skipping changes nothing: every drawn run, skipped through and bar by bar, writes the same log.

Ladders, scripts with every type of order, signals, closed bars and limits on equity, each with and
without messages that need time.
"""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.domain.ids import Role
from absolute.domain.instrument import Side
from absolute.domain.messages import BarClosed, LevelReached
from absolute.domain.order import OrderType, Terms
from absolute.engine.agenda import Closes, Signals
from absolute.kernels.feed import TapeFeed
from absolute.risk.limits import Limits
from absolute.strategies.contract import ASLEEP, Plan
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig
from absolute.strategies.signal import SignalFollower

from tests.builders import MINUTE, START, D, Scripted, Setting, fees, play, spot, tape_of
from tests.drawn import ladders, scripts, settings_of_runs, tapes

WALLET = {"USDT": D(1_000_000), "COIN": D(1_000), "BNB": D(1_000)}


def check_twins(tape, strategy, setting, agenda=None):
    """Run both ways; the skipping run, for a closer look."""
    runs = [
        play(tape, strategy(), setting, skip=skip, agenda=agenda and agenda())
        for skip in (True, False)
    ]
    skipped, walked = runs
    assert walked.walked == len(tape)
    assert skipped.walked <= walked.walked
    assert skipped.sha == walked.sha
    assert skipped.ledger.account.totals() == walked.ledger.account.totals()
    return skipped


@settings(max_examples=300)
@given(tapes(), st.data())
def test_a_ladder_skips_to_the_same_log(tape, data):
    setting = data.draw(settings_of_runs())
    config = data.draw(ladders())
    check_twins(tape, lambda: Ladder(config), setting)


@settings(max_examples=300)
@given(tapes(unit="0.01"), st.data())
def test_every_type_of_order_skips_to_the_same_log(tape, data):
    setting = replace(data.draw(settings_of_runs()), instrument=spot(), wallet=WALLET)
    script = data.draw(scripts(len(tape)))
    check_twins(tape, lambda: Scripted(script), setting)


@settings(max_examples=100)
@given(tapes(unit="0.01"), st.data())
def test_a_signal_skips_to_the_same_log(tape, data):
    numbers = sorted(data.draw(st.sets(st.integers(0, len(tape) - 1))))
    values = [D(1 - 2 * (place % 2)) for place in range(len(numbers))]
    setting = replace(data.draw(settings_of_runs()), instrument=spot())
    check_twins(tape, SignalFollower, setting, lambda: Signals(numbers, values))


@settings(max_examples=150)
@given(tapes(unit="0.01"), st.data())
def test_a_floor_under_equity_skips_to_the_same_log(tape, data):
    config = data.draw(ladders())
    setting = data.draw(settings_of_runs())
    worth = setting.wallet["USDT"] + setting.wallet.get("BNB", D(0)) * (
        setting.fees.third_price or 0
    )
    floor = worth - config.qty_inicial * data.draw(st.sampled_from([D("0.001"), D("0.01"), D(0)]))
    limits = Limits(equity_floor=floor, flatten=data.draw(st.booleans()))
    check_twins(tape, lambda: Ladder(config), replace(setting, limits=limits))


class Watcher:
    """Writes down every closed bar and level it is told of, and asks for the next level."""

    def __init__(self):
        self.wakes = ASLEEP
        self.seen = []

    def on(self, event, view):
        if isinstance(event, BarClosed | LevelReached):
            self.seen.append(event)
        return Plan(()) if isinstance(event, BarClosed) else None


@settings(max_examples=60)
@given(tapes(unit="0.01"), st.sampled_from([1, 3, 5]))
def test_closed_bars_skip_to_the_same_log(tape, minutes):
    feed = TapeFeed(tape)
    run = check_twins(tape, Watcher, Setting(), lambda: Closes(feed, minutes * MINUTE))
    expected = [n for n in range(len(tape)) if (tape.ts[n] + MINUTE) % (minutes * MINUTE) == 0]
    assert [event.time for event in run.strategy.seen] == [
        int(tape.ts[n]) + MINUTE for n in expected
    ]


def test_a_quiet_market_is_skipped():
    """An entry, 1,000 bars in which nothing can happen, the exit: three bars are looked at."""
    tape = tape_of([100, *[(100, 101, 99.5, 100)] * 1_000, (100, 104, 100, 104), 104])
    run = check_twins(tape, lambda: Ladder(LadderConfig()), Setting())
    assert run.walked == 3


def test_a_message_due_at_the_very_end_of_a_bar_skips_to_the_same_log():
    """Sent at 0:00, due at 2:00, the end of the second bar: it takes part in the third."""
    setting = Setting(fees=fees("0", "0"), submit_ms=(120_000, 120_000))
    check_twins(tape_of([100] * 6), lambda: Ladder(LadderConfig()), setting)


def test_a_trailing_stop_moves_through_bars_that_are_skipped():
    """It follows the high of 110 and fires 5 below: at 105, whatever lies between."""
    calm = [(100, 100.5, 99.6, 100)] * 300
    tape = tape_of(
        [*calm, (100, 110, 100, 109), *[(109, 109.5, 108, 109)] * 300, (109, 109, 90, 90)]
    )
    terms = Terms(Role("stop"), Side.SELL, OrderType.TRAILING, qty=D(1), trail=D(5))
    setting = Setting(fees=fees("0", "0"), wallet=WALLET)
    run = check_twins(tape, lambda: Scripted([(START, (terms,))]), setting)
    assert [fill.price for fill in run.fills] == [105]
    assert run.walked < 20
