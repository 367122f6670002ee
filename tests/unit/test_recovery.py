"""A look before a restart: what would be found and sent is told, and nothing is touched."""

import asyncio
from decimal import Decimal

import pytest

from absolute.desk.clock import WallClock
from absolute.desk.live_run import bring_back
from absolute.desk.recovery import look
from absolute.desk.run_status import statuses
from absolute.desk.self_trade_gateway import GuardedGateway
from absolute.domain.fill import Fee
from absolute.domain.ids import ClientOrderId, Role, VenueOrderId
from absolute.domain.instrument import Side
from absolute.domain.messages import OrderFilled
from absolute.domain.order import OrderType, Terms
from absolute.domain.units import Price, Qty, Quote
from absolute.engine.reports import Acknowledged, Denied, SendOrder
from absolute.store.sql_store import open_store

from tests.unit.test_live_run import Wallet, begun, drive, told_of
from tests.unit.test_paper_gateway import INSTRUMENT, SeededPrices


def looked_at(where, run):
    async def main():
        with open_store(where) as store:
            before = list(store.records.lines(run.id))
            found = await look(store, run, SeededPrices(0))
            assert list(store.records.lines(run.id)) == before
            return found

    return asyncio.run(main())


def test_a_look_at_a_run_in_order_finds_it_in_order_and_writes_nothing(tmp_path):
    where = tmp_path / "runs.db"
    run, summary = drive(where, SeededPrices(500))
    found = looked_at(where, run)
    assert found.settled
    assert found.missed == found.missed_fills == 0
    assert len(found.open_in_journal) == len(summary.open_orders)
    assert {each.split(" ")[0] for each in found.open_after} == set(summary.open_orders)
    assert found.would_send == found.would_cancel == found.alarms == ()


def test_the_status_of_a_run_equals_what_its_engine_holds(tmp_path):
    where = tmp_path / "runs.db"
    run, summary = drive(where, SeededPrices(700))
    (status,) = statuses(str(where))
    with open_store(where) as store:
        engine, ladder = bring_back(store, run)
        fills = sum(isinstance(each, OrderFilled) for each in store.records.events(run.id))
    assert status.run == run.id
    assert status.fills == fills == summary.fills
    assert status.held == engine.portfolio.held
    assert status.profit == ladder.profit
    assert {each.split(" ")[0] for each in status.open_orders} == set(summary.open_orders)
    assert status.asks is None


class Open(SeededPrices):
    """A venue that takes every order."""

    async def perform(self, request):
        now = WallClock().now_ns()
        return Acknowledged(now, request.client_id, VenueOrderId("v1"))


def test_an_order_that_would_meet_one_of_another_run_of_ours_does_not_leave(tmp_path):
    where = tmp_path / "runs.db"
    run, summary = drive(where, SeededPrices(500))
    assert summary.open_orders
    with open_store(where) as store:
        engine, _ = bring_back(store, run)
        exits = [each for each in engine.portfolio.live.values() if each.terms.side is Side.SELL]
        assert exits
        theirs = exits[0].terms.price or Price(Decimal(0))
        records, portfolio = store.records, engine.portfolio
        guarded = GuardedGateway(Open(1), records, run, portfolio, WallClock())

        def sent(price, order_type=OrderType.LIMIT):
            terms = Terms(
                Role("other"), Side.BUY, order_type, qty=Qty(Decimal("0.001")), price=price
            )
            return asyncio.run(guarded.perform(SendOrder(ClientOrderId("x-1-other"), terms)))

        assert isinstance(sent(Price(theirs)), Denied)
        assert sent(Price(theirs)).code == "SELF_TRADE"
        assert isinstance(sent(Price(theirs - INSTRUMENT.tick)), Acknowledged)


@pytest.mark.parametrize(
    ("assumed", "meets"), [('{"account":"second"}', True), ("{}", True), ('{"box":"1:2"}', False)]
)
def test_an_order_of_another_account_of_ours_is_met_and_one_of_another_box_is_not(
    tmp_path, assumed, meets
):
    where, market = tmp_path / "runs.db", Wallet("10000")
    other = begun(where, market, assumed=assumed)
    told_of(where, other, market, fee=Fee(Decimal(0), INSTRUMENT.quote, Quote(Decimal(0))))
    run = begun(where, market)
    with open_store(where) as store:
        (resting,) = (
            Decimal(each["price"])
            for each in store.records.orders(other.id, living=True)
            if each["side"] == "sell"
        )
        portfolio = bring_back(store, run)[0].portfolio
        guarded = GuardedGateway(Open(1), store.records, run, portfolio, WallClock())
        qty, price = Qty(Decimal("0.001")), Price(resting)
        terms = Terms(Role("other"), Side.BUY, OrderType.LIMIT, qty=qty, price=price)
        report = asyncio.run(guarded.perform(SendOrder(ClientOrderId("x-1-other"), terms)))
    assert isinstance(report, Denied if meets else Acknowledged)
