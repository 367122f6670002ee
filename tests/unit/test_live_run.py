"""A live run finds itself again: in the store, after a stop, with its orders and its money."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from absolute.desk.clock import WallClock
from absolute.desk.live_door import Way
from absolute.desk.live_run import (
    LiveRun,
    Wanted,
    begin,
    bring_back,
    known_since,
    new_bot,
    phase_of,
    resumable,
)
from absolute.desk.live_session import place_mark, way_of
from absolute.domain.errors import UserError
from absolute.domain.fill import Fee, Fill, Liquidity
from absolute.domain.ids import CLIENT_ID_CHARS_MAX, Role, TradeId, VenueOrderId, client_order_id
from absolute.domain.instrument import Kind, Side
from absolute.domain.messages import OrderAccepted, OrderFilled, Paused, Resumed, Started, StopAsked
from absolute.domain.units import Asset, Nanos, Quote
from absolute.engine.reports import Balances
from absolute.store.runs import RunMode
from absolute.store.sql_store import open_store
from absolute.strategies.ladder_plan import SEED_DEFAULTS

from tests.unit.test_paper_gateway import INSTRUMENT, SeededPrices

D = Decimal
WANTED = Wanted(SEED_DEFAULTS, "made:demo", "BTCUSDT", RunMode.PAPER, Decimal(10_000))


def drive(where, prices, wanted=WANTED, **choice):
    async def main():
        with open_store(where) as store:
            run = resumable(store, wanted, **choice)
            run = run or await begin(store, wanted, prices, bot=new_bot())
            live = LiveRun(store, run, prices)

            async def end():
                await prices.told.wait()
                live.stop()

            ending = asyncio.create_task(end())
            summary = await live.drive()
            await ending
            return run, summary

    return asyncio.run(main())


def test_a_run_goes_on_where_it_was_left(tmp_path):
    where = tmp_path / "runs.db"
    first, before = drive(where, SeededPrices(500))
    second, after = drive(where, SeededPrices(900))
    assert first == second
    assert before.reconciled
    assert after.reconciled
    assert after.fills > before.fills > 0
    assert after.orders > before.orders
    assert set(before.alarms) == set()


def test_what_a_run_kept_gives_the_same_state_again(tmp_path):
    where = tmp_path / "runs.db"
    run, summary = drive(where, SeededPrices(600))
    with open_store(where) as store:
        engine, ladder = bring_back(store, run)
        prices = list(store.records.prices(run.id))
    assert engine.portfolio.fills_count == summary.fills
    assert ladder.deals == summary.deals
    assert ladder.profit == summary.profit
    assert {str(each.client_id) for each in engine.portfolio.live.values()} == set(
        summary.open_orders
    )
    assert prices


def test_other_settings_beside_a_run_that_holds_something_are_refused(tmp_path):
    where = tmp_path / "runs.db"
    _, summary = drive(where, SeededPrices(500))
    assert summary.open_orders
    other = replace(WANTED, config=replace(SEED_DEFAULTS, limite_recompras=3))
    with pytest.raises(UserError) as refused:
        drive(where, SeededPrices(10), other)
    assert refused.value.code == "RUN_OPEN"


def test_every_bot_has_a_name_of_its_own_that_fits_every_venue():
    names = {new_bot() for _ in range(200)}
    assert len(names) == 200
    longest = max((client_order_id(name, Role("rung 20"), 99_999) for name in names), key=len)
    assert len(longest) <= CLIENT_ID_CHARS_MAX
    assert all(longest.startswith(name) or name in names for name in names)


class Wallet(SeededPrices):
    """A venue with so much free money; it answers nothing else."""

    def __init__(self, free: str) -> None:
        super().__init__(0)
        self.free = Decimal(free)

    async def perform(self, request):
        now = WallClock().now_ns()
        told = ((INSTRUMENT.quote, self.free),)
        return Balances(now, now, told, told)


def begun(where, market, **changes):
    wanted = replace(WANTED, **({"mode": RunMode.LIVE} | changes))

    async def main():
        with open_store(where) as store:
            return await begin(store, wanted, market, bot=new_bot())

    return asyncio.run(main())


def test_a_perpetual_is_refused_before_anything_is_asked_or_kept(tmp_path):
    prices = SeededPrices(0)
    prices.instrument = replace(INSTRUMENT, kind=Kind.LINEAR)
    with pytest.raises(UserError) as refused:
        begun(tmp_path / "runs.db", prices)
    assert refused.value.code == "MARKET_NOT_LIVE"


@pytest.mark.parametrize("symbol", ["BTC/USDT:USDT", "btc-usdt:usdt", "BTCUSDT:USDT"])
def test_a_perpetual_has_a_name_that_is_not_its_pairs(symbol):
    assert Way("bybit:demo", symbol).market == "BTC/USDT:USDT"
    assert Way("bybit:demo", symbol.partition(":")[0]).market == "BTC/USDT"


@pytest.mark.parametrize(("free", "capital"), [("99.99", D(100)), ("0", None), ("0", D(1))])
def test_capital_that_the_venue_does_not_have_free_is_refused(tmp_path, free, capital):
    with pytest.raises(UserError) as refused:
        begun(tmp_path / "runs.db", Wallet(free), capital=capital)
    assert refused.value.code == "CAPITAL_MISSING"


@pytest.mark.parametrize(("capital", "owns"), [(None, D(100)), (D(40), D(40))])
def test_a_run_owns_its_capital_or_all_that_is_free(tmp_path, capital, owns):
    assert begun(tmp_path / "runs.db", Wallet("100"), capital=capital).capital == owns


def test_a_run_is_never_gone_on_with_on_another_account(tmp_path):
    where = tmp_path / "runs.db"
    mine, other = (Way("bybit:demo", "BTCUSDT", account=each) for each in ("default", "second"))
    run = begun(where, Wallet("20000"), assumed=place_mark(other, None), profile="bybit:demo")
    wanted = replace(WANTED, mode=RunMode.LIVE, profile="bybit:demo")
    with open_store(where) as store:
        assert resumable(store, replace(wanted, assumed=place_mark(mine, None))) is None
        assert resumable(store, replace(wanted, assumed=place_mark(other, None))) == run
    assert way_of(str(where), run.id, account="default", box=False).account == "second"
    with pytest.raises(UserError) as refused:
        way_of(str(where), run.id, account="third", box=False)
    assert refused.value.code == "RUN_OTHER_ACCOUNT"


def told_of(where, run, prices, *, fee):
    """A run of which the first order was filled, with a fee; and its first order."""
    with open_store(where) as store:
        engine, _ladder = bring_back(store, run)
        journal = store.journal(run.id)
        now = WallClock().now_ns()
        price = INSTRUMENT.price_down(D(60_000))

        def take(event):
            outcome = engine.step(event)
            journal.append(event, outcome)

        take(Started(now, price))
        order = next(iter(engine.portfolio.orders.values()))
        take(OrderAccepted(now, order.client_id, VenueOrderId("v1")))
        fill = Fill(
            trade_id=TradeId("t1"),
            client_id=order.client_id,
            side=Side.BUY,
            price=price,
            qty=order.terms.qty or INSTRUMENT.qty_down(D(str(order.terms.spend)) / price),
            liquidity=Liquidity.TAKER,
            fee=fee,
            time=now,
        )
        take(OrderFilled(now, fill, done=True))
        return fill, LiveRun(store, run, prices).summary(reconciled=True)


def test_a_fee_in_a_third_coin_lowers_what_a_run_is_worth(tmp_path):
    where, prices = tmp_path / "runs.db", Wallet("10000")
    run = begun(where, prices)
    fee = Fee(D("0.02"), Asset("BNB"), Quote(D(12)))
    _fill, summary = told_of(where, run, prices, fee=fee)
    assert summary.equity == run.capital - 12


def test_a_fill_that_cost_more_than_the_run_had_is_booked_and_not_its_end(tmp_path):
    where, prices = tmp_path / "runs.db", Wallet("10000")
    run = begun(where, prices)
    fee = Fee(D(20_000), INSTRUMENT.quote, Quote(D(20_000)))
    fill, summary = told_of(where, run, prices, fee=fee)
    assert summary.fills == 1
    assert summary.held == fill.qty
    assert summary.equity == run.capital - 20_000


def test_after_a_clock_that_ran_ahead_everything_is_asked_for_again(tmp_path):
    where = tmp_path / "runs.db"
    run, _summary = drive(where, SeededPrices(300))
    with open_store(where) as store:
        portfolio = bring_back(store, run)[0].portfolio
    hour = 3600 * 1_000_000_000
    assert run.created <= known_since(portfolio, run, Nanos(portfolio.time + 1)) <= portfolio.time
    assert known_since(portfolio, run, Nanos(portfolio.time - hour)) < run.created - hour


def test_a_run_that_waits_for_a_person_says_so(tmp_path):
    where = tmp_path / "runs.db"
    run, _ = drive(where, SeededPrices(300))
    with open_store(where) as store:
        engine, ladder = bring_back(store, run)
    now = engine.portfolio.time
    assert phase_of(engine, ladder) == str(ladder.phase)
    engine.step(Paused(now, "test"))
    assert phase_of(engine, ladder) == "paused"
    engine.step(Resumed(now, "test"))
    engine.step(StopAsked(now, "test", flatten=False))
    assert phase_of(engine, ladder) == "stopped"
