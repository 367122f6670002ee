"""The step from a number to a position: above the threshold all in, else out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from absolute.domain.fees import FeeCoin
from absolute.domain.instrument import Side
from absolute.engine.agenda import Signals
from absolute.strategies.signal import SignalFollower

from tests.builders import D, Setting, fees, play, tape_of

FREE = Setting(fees=fees("0", "0"))


def follow(prices, changes, setting=FREE, **strategy):
    """Play a signal; `changes` is {bar: value at its close}."""
    agenda = Signals(list(changes), [D(str(value)) for value in changes.values()])
    return play(tape_of(prices), SignalFollower(**strategy), setting, agenda=agenda)


def trades(run):
    return [(fill.side.value, fill.qty, fill.price) for fill in run.fills]


def test_it_enters_at_the_next_open_and_leaves_at_the_next_open():
    """10,000 at 50 are 200 coins; sold at 55 they are 11,000."""
    run = follow([49, 50, 52, 55, 56], {0: 1, 2: -1})
    assert trades(run) == [("buy", 200, 50), ("sell", 200, 55)]
    assert run.ledger.account.totals() == {"USDT": 11_000}


def test_a_number_at_the_threshold_is_not_above_it():
    assert trades(follow([50, 50, 50], {0: 1}, threshold=D(1))) == []
    assert len(trades(follow([50, 50, 50], {0: 1.001}, threshold=D(1)))) == 1


def test_a_change_on_the_same_side_changes_nothing():
    run = follow([50] * 6, {0: 1, 1: 2, 2: 0.5, 3: -1, 4: -2})
    assert [side for side, *_ in trades(run)] == ["buy", "sell"]


def test_it_uses_its_share_of_the_free_money():
    """A quarter of 10,000 at 50: 50 coins."""
    assert trades(follow([50, 50], {0: 1}, share=D("0.25"))) == [("buy", 50, 50)]


@pytest.mark.parametrize("capital", ["10000", "9999.99", "123.45", "1000.01", "77777.77777777"])
@pytest.mark.parametrize("taker", ["0.001", "0.0007", "0.00075", "0.003"])
def test_all_in_is_affordable_with_fees_on_top(capital, taker):
    """A buy of everything leaves room for its fee in quote, to the last unit."""
    setting = Setting(fees=fees("0", taker, coin=FeeCoin.QUOTE), wallet={"USDT": D(capital)})
    run = follow([50, 50], {0: 1}, setting)
    assert [side for side, *_ in trades(run)] == ["buy"]
    left = run.ledger.account.total("USDT")
    assert 0 <= left < D("0.001") * 50  # not worth another lot and its fee


def test_it_leaves_with_what_the_fee_left_it():
    """200 coins less 0.2 coins fee: 199.8 sold."""
    setting = Setting(fees=fees("0", "0.001"))
    assert trades(follow([50] * 5, {0: 1, 2: -1}, setting))[1] == ("sell", D("199.8"), 50)


def test_a_remainder_below_the_minimum_is_not_sold():
    setting = Setting(fees=fees("0", "0"), wallet={"USDT": D(10_000), "COIN": D("0.000001")})
    run = follow([50] * 4, {0: -1, 1: 1, 2: -1}, setting)
    assert [side for side, *_ in trades(run)] == ["buy", "sell"]
    assert run.ledger.account.total("COIN") == D("0.000001")


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_it_is_long_exactly_while_the_signal_is_above(ups):
    """One change per bar; a bar later the position follows."""
    changes = {number: (1 if up else -1) for number, up in enumerate(ups)}
    run = follow([50] * (len(ups) + 1), changes)
    assert (run.ledger.account.total("COIN") > 0) is ups[-1]
    sides = [fill.side for fill in run.fills]
    assert sides == [Side.BUY, Side.SELL] * (len(sides) // 2) + [Side.BUY] * (len(sides) % 2)


def test_a_signal_that_turns_while_the_entry_is_under_way_ends_out():
    """Up at the first close; the order arrives 90 s later; down meanwhile."""
    setting = Setting(fees=fees("0", "0"), submit_ms=(90_001, 90_001), cancel_ms=(90_001, 90_001))
    run = follow([50] * 10, {0: 1, 1: -1}, setting)
    assert run.ledger.account.total("COIN") == 0


def test_a_signal_that_turns_while_the_exit_is_under_way_ends_in():
    setting = Setting(fees=fees("0", "0"), submit_ms=(90_001, 90_001), cancel_ms=(90_001, 90_001))
    run = follow([50] * 16, {0: 1, 5: -1, 6: 1}, setting)
    assert run.ledger.account.total("COIN") == 200


def test_coins_that_were_there_before_are_not_sold():
    setting = Setting(fees=fees("0", "0"), wallet={"USDT": D(10_000), "COIN": D(7)})
    run = follow([50] * 5, {0: 1, 2: -1}, setting)
    assert run.ledger.account.total("COIN") == 7
