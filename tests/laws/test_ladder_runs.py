"""Laws of whole ladder runs over drawn markets, ladders, fees, filters and fill models.

`tests/audit.py` checks after every step: the bot's ledger is the venue's; what is held is the sum
of the fills; booked profit is the change of the wallet; one exit, within what is held; the cap.
"""

# mypy: disable-error-code="arg-type, dict-item, union-attr, comparison-overlap"
# Ids, times and assets are plain literals here; that the product cannot mix them: test_units.py.

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.desk.backtest import result_of
from absolute.desk.backtest import run as backtest
from absolute.desk.books import equity_at_closes, read_log
from absolute.desk.market_data import Found, Source
from absolute.desk.setup import Assumptions, FeeTerms
from absolute.domain.fees import FeeCoin
from absolute.domain.instrument import Side
from absolute.domain.messages import OrderFilled, Submit
from absolute.domain.notes import DealClosed, DealOpened, Halted, LadderCapped
from absolute.domain.order import Status
from absolute.domain.portfolio import Portfolio
from absolute.engine.replay import replay
from absolute.kernels.feed import TapeFeed
from absolute.store.codec import decode, encode
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig

from tests.audit import LadderAudit, audited
from tests.builders import D, Setting, fees, play, seat, spot, tape_of
from tests.drawn import ladders, settings_of_runs, tapes


@st.composite
def cases(draw, **setting):
    """A market, a ladder, assumptions."""
    return draw(tapes()), draw(ladders()), draw(settings_of_runs(**setting))


@settings(max_examples=500)
@given(cases())
def test_every_law_holds_after_every_step(case):
    tape, config, setting = case
    run = audited(tape, config, setting)
    assert run.journal.entries


@settings(max_examples=120)
@given(cases())
def test_what_is_owned_is_what_was_there_and_what_was_earned(case):
    """equity(price) = initial + booked profit + value of what is held - what it cost."""
    tape, config, setting = case
    run = audited(tape, config, setting)
    ladder, account = run.strategy, run.ledger.account
    held = account.total("COIN")
    cost = -ladder.deal.flow if ladder.deal is not None else ladder.dust.cost
    start = setting.ledger().equity(D(0))
    for at in (D("0.01"), D("99.37"), D(100_000)):
        assert run.ledger.equity(at) == start + ladder.profit + held * at - cost


@settings(max_examples=80)
@given(cases())
def test_the_log_alone_rebuilds_the_portfolio(case):
    """Every event and command, through their bytes, into a fresh portfolio: the same state."""
    tape, config, setting = case
    run = play(tape, Ladder(config), setting)
    fresh = Portfolio(setting.ledger())
    for entry in run.journal.entries:
        fresh.apply(decode(encode(entry.event)))
        for approved in entry.outcome.commands:
            command = decode(encode(approved.command))
            if isinstance(command, Submit):
                reserved = fresh.ledger.reservation(command.terms, fresh.price)
                fresh.sent(command, entry.event.time, reserved)
            else:
                fresh.cancelling(command.client_id)
    ours = run.portfolio
    assert fresh.orders == ours.orders
    assert fresh.live.keys() == ours.live.keys()
    assert fresh.ledger.account.totals() == ours.ledger.account.totals()
    for asset in ours.ledger.account.totals():
        assert fresh.available(asset) == ours.available(asset)
    assert (fresh.price, fresh.time) == (ours.price, ours.time)


@settings(max_examples=60)
@given(cases())
def test_the_same_inputs_give_the_same_bytes(case):
    tape, config, setting = case
    once, again = (play(tape, Ladder(config), setting) for _ in range(2))
    assert once.sha == again.sha
    assert once.walked == again.walked


@settings(max_examples=60)
@given(cases())
def test_deals_are_told_in_order_and_their_profits_add_up(case):
    tape, config, setting = case
    run = play(tape, Ladder(config), setting)
    opened = [note.deal for note in run.notes(DealOpened)]
    closed = run.notes(DealClosed)
    assert opened == list(range(1, len(opened) + 1))
    assert [note.deal for note in closed] == opened[: len(closed)]
    assert sum((note.profit for note in closed), D(0)) == run.strategy.profit
    assert all(note.rebuys <= config.limite_recompras for note in closed)


@settings(max_examples=60)
@given(cases())
def test_buys_are_on_the_grid_and_inside_their_clamps(case):
    """Price on the tick, quantity on the lot, no buy above the largest order, none out of order."""
    tape, config, setting = case
    run = play(tape, Ladder(config), setting)
    market = setting.instrument
    for order in run.portfolio.orders.values():
        terms = order.terms
        assert terms.price is None or terms.price % market.tick == 0
        assert terms.qty is None or terms.qty % market.lot == 0
        if terms.side is Side.BUY and terms.qty is not None:
            assert market.notional(terms.qty, terms.price) <= config.qty_maxima
            assert market.notional(terms.qty, terms.price) >= market.min_notional
        assert order.status is not Status.NEW


@settings(max_examples=60)
@given(cases(slippage=False, latency=False))
def test_rebuys_step_down_and_exits_stand_above_the_average(case):
    """Inside a deal each rebuy is cheaper than the buy before it, and no exit sells at a loss."""
    tape, config, setting = case
    run = play(tape, Ladder(config), setting)
    last, paid, bought = None, D(0), D(0)
    for entry in run.journal.entries:
        if not isinstance(entry.event, OrderFilled):
            continue
        fill = entry.event.fill
        role = run.portfolio.orders[fill.client_id].terms.role
        if role == "entry":
            last, paid, bought = None, D(0), D(0)
        if fill.side is Side.BUY:
            resting = run.portfolio.orders[fill.client_id]
            assert last is None or fill.price <= last
            last = fill.price if resting.filled == resting.terms.qty or role == "entry" else last
            paid, bought = paid + fill.price * fill.qty, bought + fill.qty
        elif bought and run.setting.fees.coin is FeeCoin.QUOTE:
            assert fill.price > paid / bought or config.target_mode == "net"


# --- the curve of equity -------------------------------------------------------------------------


def _found(tape, instrument):
    return Found(tape, Source("drawn", tape.sha256(), 0, 0), instrument, None)


@settings(max_examples=40)
@given(cases())
def test_equity_at_every_close_is_what_a_walk_through_the_fills_says(case):
    tape, config, setting = case
    run = play(tape, Ladder(config), setting)
    books = read_log(run.journal.entries, setting.ledger(), int(tape.ts[0]))
    curve = equity_at_closes(tape, books.steps, setting.instrument)
    ledger, fills = setting.ledger(), list(run.fills)
    for number in range(len(tape)):
        while fills and fills[0].time < tape.ts[number] + tape.bar_ns:
            ledger.fill(fills.pop(0))
        exact = ledger.equity(tape.price(tape.close[number]))
        assert float(exact) == pytest.approx(curve[number], abs=1e-6)
    assert not fills


def test_the_curve_ends_where_the_ledger_ends():
    tape = tape_of([100, (100, 104, 99.5, 104), 104, 104])
    terms = FeeTerms(D("0.001"), D("0.001"))
    assumed = Assumptions(terms, capital=D(1_000))
    found = _found(tape, spot())
    finished = backtest(found, Ladder(LadderConfig()), assumed=assumed)
    result = result_of(finished, found, assumed=assumed, parameters={})
    assert result.equity[-1] == pytest.approx(float(result.final_equity), abs=1e-9)


def test_the_curve_ends_where_the_ledger_ends_with_fees_in_a_third_coin():
    """Buy 3 at 100: fee 0.001 * 300 = 0.30 USDT = 0.0012 BNB at 250."""
    tape = tape_of([100, 100])
    terms = FeeTerms(D("0.001"), D("0.001"), FeeCoin.THIRD, "BNB", D(250), D(4))
    assumed = Assumptions(terms, capital=D(1_000))
    found = _found(tape, spot())
    finished = backtest(found, Ladder(LadderConfig()), assumed=assumed)
    result = result_of(finished, found, assumed=assumed, parameters={})
    assert result.final_equity == D("1999.7000")
    assert result.equity[-1] == pytest.approx(1999.70, abs=1e-9)


# --- breaches that were found, each as small as it gets ------------------------------------------


def test_profit_is_the_change_of_the_wallet_to_the_last_unit_in_a_third_coin():
    """One BNB is 611.37. The fee of the entry is 0.30 USDT = 0.00049070... -> 0.00049071 BNB."""
    schedule = fees(coin=FeeCoin.THIRD, third="BNB", third_price=D("611.37"))
    setting = Setting(fees=schedule, wallet={"USDT": D(10_000), "BNB": D(10)})
    run = play(tape_of([100, (100, 104, 100, 104)]), Ladder(LadderConfig()), setting)
    account = run.ledger.account
    worth = account.total("USDT") + (account.total("BNB") - 10) * D("611.37")
    assert len(run.notes(DealClosed)) == 1
    assert worth - 10_000 == run.strategy.profit


def two_rebuys_race():
    """The exit fills, both rebuys of the old deal and then the new deal's fill during cancels."""
    config = LadderConfig(
        limite_recompras=2, resting_rebuys=2, saldo_limite=D(900), multiplicador_qty=D(1),
        lucro_reaplicar=False,
    )  # fmt: skip
    setting = Setting(fees=fees("0", "0"), cancel_ms=(600_001, 600_001), wallet={"USDT": D(10_000)})
    rows = [100, (100, 104, 100, 104), (104, 104, 98.9, 99), (99, 99, 95, 95), (95, 95, 90, 90)]
    return tape_of([*rows, 90, 90]), config, setting


def test_the_cap_holds_when_rebuys_race_their_cancels():
    run = audited(*two_rebuys_race())
    assert run.strategy.deal.spent <= 900


def test_rebuys_that_race_never_count_beyond_the_ladder():
    tape, config, setting = two_rebuys_race()
    run = play(tape, Ladder(replace(config, saldo_limite=D(0))), setting)
    assert run.strategy.deal.rebuys <= 2


def test_a_run_that_breaks_a_law_is_caught():
    """The auditor itself can fail: a venue that owes us a coin is noticed at the next step."""
    tape = tape_of([100, 100, (100, 104, 100, 104)])
    with pytest.raises(AssertionError):
        _tampered(tape)


def _tampered(tape):
    journal = LadderAudit()
    run = journal.run = seat(tape, Ladder(LadderConfig()), Setting(), journal=journal)
    run.ledger.account.post((("COIN", D(1)),))
    replay(TapeFeed(tape), run.session)


def test_drawn_runs_are_worth_drawing():
    """Over fixed seeds things happen: rebuys, exits, caps. Else the laws above say little."""
    waves = [round(100 + 6 * math.sin(number / 15), 2) for number in range(500)]
    rows = [(a, max(a, b), min(a, b), b) for a, b in pairwise(waves)]
    run = audited(tape_of(rows), LadderConfig(saldo_limite=D(1000)), Setting())
    assert len(run.notes(DealClosed)) >= 2
    assert len(run.fills) >= 9
    assert run.notes(LadderCapped)
    assert not run.notes(Halted)
