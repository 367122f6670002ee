"""What must hold of the parity ledger whatever was planted: its parts are the whole, exactly."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.desk.backtest import run as backtest
from absolute.desk.market_data import Found, Source
from absolute.desk.parity import Record, compare
from absolute.desk.setup import BOT, Assumptions, FeeTerms
from absolute.domain.fees import FeeCoin
from absolute.domain.instrument import Side
from absolute.matching.fills import FillModel, FillRule
from absolute.research.parity_split import Account, Part, Trade, split
from absolute.strategies.ladder import Ladder

from tests.builders import D, spot
from tests.drawn import ladders, tapes

RATES = st.sampled_from([D(0), D("0.001"), D("0.0025")])


@st.composite
def beliefs(draw):
    """What the market side of a run may be."""
    rate, coin = draw(RATES), draw(st.sampled_from([FeeCoin.QUOTE, FeeCoin.RECEIVED]))
    delay = draw(st.sampled_from([(0, 0), (15_000, 90_000)]))
    return Assumptions(
        fees=FeeTerms(rate, draw(RATES), coin),
        fills=FillModel(draw(st.sampled_from([FillRule.TOUCH, FillRule.THROUGH]))),
        slippage_bps=draw(st.sampled_from([D(0), D(3), D(50)])),
        submit_ms=delay,
        cancel_ms=delay,
        seed=draw(st.integers(0, 3)),
    )


def market_of(tape):
    instrument = spot(tick=str(tape.price_unit))
    return Found(tape, Source("drawn", tape.sha256(), 0, 0), instrument)


def lived(market, config, terms):
    done = backtest(market, Ladder(config), assumed=terms)
    facts = tuple(entry.event for entry in done.journal.entries)
    schedule = terms.fees.schedule()
    record = Record(
        "r", BOT, config, market.instrument, terms.capital, schedule, facts, market.tape
    )
    return record, done


@settings(max_examples=100)
@given(tapes(), ladders(), beliefs())
def test_a_run_over_its_own_market_and_beliefs_differs_in_nothing(tape, config, terms):
    market = market_of(tape)
    record, _ = lived(market, config, terms)
    parity = compare(record, market, terms)
    assert parity.split.total == 0
    assert not any(parity.split.parts.values())
    assert not parity.split.only_actual
    assert not parity.split.only_modelled


@settings(max_examples=150)
@given(tapes(), tapes(), ladders(), beliefs(), beliefs())
def test_the_parts_are_the_whole(tape, other, config, was, thought):
    saw = market_of(tape)
    replayed = replace(market_of(other), instrument=saw.instrument)
    record, done = lived(saw, config, was)
    parity = compare(record, replayed, replace(thought, capital=was.capital))
    told: dict[str, Any] = parity.to_json()
    bps = [told[f"{part}_bps"] for part in (*Part, "unexplained")]
    assert sum(bps) == told["total_bps"]
    last = tape.price(tape.close.item(-1))
    assert parity.actual_equity == done.desk.portfolio.ledger.equity(last)
    assert parity.split.total == parity.actual_equity - parity.modelled_equity


SIZES = st.decimals("0.1", "20", places=3)
PRICES = st.decimals("50", "150", places=2)


@st.composite
def accounts(draw):
    """An account whose equity is exactly what its trades say."""
    last, equity, trades = D(100), D(10_000), []
    for deal, role, side in ((1, "entry", Side.BUY), (1, "rung 1", Side.BUY),
                             (1, "exit", Side.SELL), (2, "entry", Side.BUY)):  # fmt: skip
        if draw(st.booleans()):
            continue
        qty, price = draw(SIZES), draw(PRICES)
        trade = Trade(
            deal,
            role,
            side,
            qty,
            price,
            time=draw(st.integers(0, 9)),
            taker=draw(st.booleans()),
            base_fee=draw(RATES) * qty,
            quote_fee=draw(RATES) * qty * price,
            full=draw(st.booleans()),
        )
        trades.append(trade)
        equity += trade.sign * qty * (last - price) - trade.base_fee * last - trade.quote_fee
    return Account(tuple(trades), equity, equity, last, D(0), lambda time, _near: D(95 + time))


@settings(max_examples=200)
@given(accounts())
def test_two_equal_accounts_have_no_parts(account):
    parts = split(account, account, contract=D(1))
    assert parts.total == 0
    assert not any(parts.parts.values())


@settings(max_examples=200)
@given(accounts())
def test_what_only_one_of_the_two_traded_is_a_fill(account):
    nothing = Account((), D(10_000), D(10_000), D(100), D(0), account.price_at)
    for ours, theirs in ((account, nothing), (nothing, account)):
        parts = split(ours, theirs, contract=D(1))
        assert abs(parts.parts[Part.FILL] - parts.total) < D("1e-10")
        assert abs(parts.unexplained) < D("1e-10")


@settings(max_examples=200)
@given(accounts(), RATES)
def test_another_fee_alone_is_a_fee(account, rate):
    """The same trades at another quote fee: no price, no quantity moved."""
    dearer = tuple(
        replace(each, quote_fee=each.quote_fee + rate * each.qty * each.price)
        for each in account.trades
    )
    more = sum((rate * each.qty * each.price for each in account.trades), D(0))
    other = replace(account, trades=dearer, equity=account.equity - more,
                    remarked=account.remarked - more)  # fmt: skip
    parts = split(other, account, contract=D(1))
    assert parts.total == -more
    assert abs(parts.parts[Part.FEE] - parts.total) < D("1e-10")
    assert abs(parts.unexplained) < D("1e-10")
