"""What must hold for every market, every vote and every setting of the PowerTrader strategy."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from absolute.domain.fees import FeeCoin
from absolute.domain.instrument import Side
from absolute.domain.messages import LevelReached, OrderFilled, Submit, VotesChanged
from absolute.domain.notes import DealClosed, DealOpened, DustKept
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import Asset
from absolute.engine.step import Engine
from absolute.engine.votes import Bounds, Count, Votes, count_votes
from absolute.store.journal import log_sha256
from absolute.strategies.ladder_orders import ENTRY, EXIT, rung_of
from absolute.strategies.levels import DAY, Levels
from absolute.strategies.levels_plan import Account, worst_case
from absolute.strategies.levels_settings import LevelsConfig, levels_config, levels_mapping

from tests.builders import D, Setting, play, spot
from tests.drawn import _tape, _thrown, settings_of_runs, tapes
from tests.drawn_levels import level_settings, votes_on


@st.composite
def runs(draw, coins=tuple(FeeCoin)):
    """A played run of the strategy in a drawn market."""
    tape = draw(tapes())
    setting = draw(settings_of_runs(coins=coins))
    votes = draw(votes_on(len(tape)))
    return play(tape, Levels(draw(level_settings())), setting, agenda=votes())


class Reader:
    """Follows a log and keeps what a law asks about: votes, the deal's buys, the highest price."""

    def __init__(self):
        self.votes, self.paid, self.bought, self.rebuys = Count(0, 0), D(0), D(0), 0
        self.times, self.highest = [], D(0)

    @property
    def average(self):
        return self.paid / self.bought

    def read(self, event, notes, role):
        match event:
            case VotesChanged(long=long, short=short):
                self.votes = Count(long, short)
            case LevelReached(price=price):
                self.highest = max(self.highest, price)
            case OrderFilled(fill=fill, done=done) if fill.side is Side.BUY:
                self.paid += fill.qty * fill.price
                self.bought += fill.qty
                if done and role != ENTRY:
                    self.rebuys += 1
                    self.times.append(event.time)
            case _:
                pass
        if any(isinstance(note, DealClosed) for note in notes):
            self.paid = self.bought = self.highest = D(0)
            self.times, self.rebuys = [], 0


def told(run):
    """Every step with the reader as it stood before it, and the role of a fill."""
    reader = Reader()
    for event, outcome in run.journal.entries:
        role = None
        if isinstance(event, OrderFilled):
            role = run.portfolio.orders[event.fill.client_id].terms.role
        yield event, outcome, reader, role
        reader.read(event, outcome.notes, role)


def submits(outcome):
    return [each.command for each in outcome.commands if isinstance(each.command, Submit)]


@settings(max_examples=200)
@given(runs())
def test_a_deal_is_only_asked_for_while_the_votes_ask_for_it(run):
    config = run.strategy.config
    for event, outcome, reader, _ in told(run):
        now = reader.votes
        if isinstance(event, VotesChanged):
            now = Count(event.long, event.short)
        if any(each.terms.role == ENTRY for each in submits(outcome)):
            assert now.long >= config.trade_start_level
            assert now.short == 0


@settings(max_examples=200)
@given(runs())
def test_a_rebuy_is_only_made_where_its_level_or_the_votes_allow_it(run):
    """Where dust of the deal before weighs in, the average is the strategy's own matter."""
    assume(not run.notes(DustKept))
    config, tick = run.strategy.config, run.setting.instrument.tick
    slip = 1 + run.setting.slippage_bps / 10_000
    for event, _, reader, role in told(run):
        if role is None or event.fill.side is Side.SELL or role == ENTRY or not reader.bought:
            continue
        terms = run.portfolio.orders[event.fill.client_id].terms
        assert event.fill.price <= terms.price * slip + tick
        partial = run.portfolio.orders[event.fill.client_id].filled != event.fill.qty
        if partial:
            continue
        drop, stage = config.drop(rung_of(role)), config.stage_level(rung_of(role))
        if drop is None or terms.price > reader.average * (1 - drop):
            assert stage is not None
            assert terms.price < reader.average


@settings(max_examples=200)
@given(runs())
def test_no_day_sees_more_rebuys_than_the_settings_allow(run):
    limit = run.strategy.config.max_dca_buys_per_24h
    for event, _, reader, role in told(run):
        bought = role is not None and role not in (ENTRY, EXIT) and event.fill.side is Side.BUY
        if not bought or not limit:
            assert not bought
            continue
        recent = [time for time in reader.times if time + DAY > event.time]
        # One that was resting already when a late fill ended the one before it may still fill.
        assert len(recent) < limit + 1


@settings(max_examples=200)
@given(runs())
def test_nothing_is_sold_before_the_profit_line_was_reached(run):
    assume(not run.notes(DustKept))
    config = run.strategy.config
    for event, outcome, reader, _ in told(run):
        for each in submits(outcome):
            if each.terms.role == EXIT and isinstance(event, LevelReached):
                least = min(config.pm_start_pct_no_dca, config.pm_start_pct_with_dca)
                assert reader.highest >= reader.average * (1 + least / 100)


@settings(max_examples=150)
@given(tapes(), st.data())
def test_what_it_did_not_buy_is_never_touched(tape, data):
    setting = data.draw(settings_of_runs())
    setting = replace(setting, wallet={**setting.wallet, "COIN": D(777)})
    votes = data.draw(votes_on(len(tape)))
    run = play(tape, Levels(data.draw(level_settings())), setting, agenda=votes())
    totals = run.ledger.account.totals()
    assert totals[Asset("COIN")] == 777 + run.portfolio.held
    assert run.portfolio.held >= 0
    venue: Any = run.session.venue
    assert totals == venue.ledger.account.totals()


@settings(max_examples=100)
@given(runs())
def test_every_state_comes_back_from_the_events_alone(run):
    """A restart reads the journal: the same wishes, the same trailing peak, the same wakes."""
    again = Levels(run.strategy.config)
    portfolio = Portfolio(run.setting.ledger())
    engine = Engine(run.session.engine.bot, portfolio, again, run.setting.limits)
    for event, outcome in run.journal.entries:
        assert engine.step(event) == outcome
    for name in ("phase", "deal", "peak", "wakes", "exit", "buy", "again", "rebuy_times", "dust"):
        assert getattr(again, name) == getattr(run.strategy, name)


@settings(max_examples=100)
@given(runs(coins=(FeeCoin.RECEIVED, FeeCoin.QUOTE)))
def test_profit_is_what_the_money_says(run):
    """Booked profit, and the flow of what is still held, are all that moved the quote money."""
    strategy = run.strategy
    moved = run.ledger.account.total(Asset("USDT")) - run.setting.wallet["USDT"]
    still = strategy.deal.flow if strategy.deal is not None else -strategy.dust.cost
    assert moved == strategy.profit + still
    assert strategy.profit == sum(note.profit for note in run.notes(DealClosed))


@given(level_settings())
def test_settings_survive_their_own_mapping(config):
    assert levels_config(levels_mapping(config)) == config


@given(level_settings(), st.sampled_from([None, 100, 10_000]))
def test_the_worst_case_adds_up(config, value):
    case = worst_case(config, None if value is None else Account(D(value)))
    paid = D(0)
    for buy in case.buys:
        paid += buy.size_pct
        assert abs(paid - buy.cumulative_pct) < D("1e-15") * max(1, paid)
        assert buy.affordable is (buy.cumulative_pct <= 100)
    for before, after in pairwise(case.buys):
        assert after.price <= before.average
        assert after.cumulative_pct >= before.cumulative_pct
    fits = [buy.number for buy in case.buys if buy.affordable]
    assert case.money_ends_at == (None if len(fits) == len(case.buys) else len(fits))


@given(
    st.lists(st.tuples(st.integers(1, 200), st.integers(0, 50)), max_size=7), st.integers(1, 250)
)
def test_votes_are_counted_one_frame_one_vote(frames, price):
    bounds = [Bounds(D(low), D(low + width)) for low, width in frames]
    count = count_votes(bounds, D(price))
    assert count.long == len([1 for low, _ in frames if price < low])
    assert count.short == len([1 for low, width in frames if price > low + width])
    assert count.long + count.short <= len(frames)


def test_these_laws_are_about_something():
    """A long seeded market: deals open, are bought again, close, and one day's limit bites."""
    tape = _tape(_thrown(np.random.Generator(np.random.PCG64(7)), 4_000), D("0.01"))
    config = LevelsConfig(
        dca_levels=(D("-1"),),
        pm_start_pct_no_dca=D(1),
        pm_start_pct_with_dca=D("0.5"),
        start_allocation_pct=D("0.5"),
    )
    run = play(tape, Levels(config), Setting(instrument=spot()), agenda=Votes([1], [Count(4, 0)]))
    closed = run.notes(DealClosed)
    assert len(run.notes(DealOpened)) > 5
    assert len(closed) > 5
    assert any(note.rebuys for note in closed)
    assert log_sha256(run.journal.entries) == run.sha


@pytest.mark.parametrize(("pct", "ends"), [("0.005", None), ("0.5", 6), ("2.5", 4), ("5.0", 3)])
def test_money_ends_where_the_study_says(pct, ends):
    case = worst_case(levels_config({"start_allocation_pct": pct}, preview=True))
    assert case.money_ends_at == ends
