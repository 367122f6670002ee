"""A live run finds itself again: in the store, after a stop, with its orders and its money."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from absolute.desk.live_run import LiveRun, Wanted, begin, bring_back, new_bot, resumable
from absolute.domain.errors import UserError
from absolute.domain.ids import CLIENT_ID_CHARS_MAX, Role, client_order_id
from absolute.store.runs import RunMode
from absolute.store.sql_store import open_store
from absolute.strategies.ladder_plan import SEED_DEFAULTS

from tests.unit.test_paper_gateway import SeededPrices

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
