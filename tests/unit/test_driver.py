"""The drive of a live run: what leaves when it ends, and what happens when its door breaks."""

import asyncio

import pytest

from absolute.desk.clock import WallClock
from absolute.desk.driver import Driver, DriverFault
from absolute.desk.paper_gateway import PaperGateway
from absolute.engine.custody import Custody
from absolute.engine.live import Live
from absolute.engine.reports import SendOrder
from absolute.store.journal import MemoryJournal

from tests.unit.test_paper_gateway import BOT, FEES, SeededPrices, new_engine


class Watched(PaperGateway):
    """Paper on which every order is counted; `before` is awaited before it is taken."""

    def __init__(self, market, portfolio, before=None):
        super().__init__(market, portfolio, FEES, WallClock())
        self.sent = []
        self.before = before

    async def perform(self, request):
        if isinstance(request, SendOrder):
            if self.before is not None:
                await self.before(request)
            self.sent.append(request.client_id)
        return await super().perform(request)


def driven(play, *, prices=None, before=None):
    """A drive over paper, ended as `play` says; its gateway and journal, and what it raised."""

    async def main():
        engine, _ladder = new_engine()
        market = prices or SeededPrices(300)
        gateway = Watched(market, engine.portfolio, before)
        custody = Custody(BOT, engine.portfolio, gateway.facts, WallClock().now_ns())
        journal = MemoryJournal()
        live = Live(engine, custody, journal)
        driver = Driver(
            live, gateway, WallClock(), watch=lambda _now: None, alarm=lambda _alarm: None
        )
        fault = None
        playing = asyncio.create_task(play(driver, market))
        try:
            await asyncio.wait_for(driver.run(), 20)
        except DriverFault as raised:
            fault = raised
        await playing
        await asyncio.sleep(0.2)  # whatever was left behind gets its turn
        return gateway, journal, fault

    return asyncio.run(main())


def test_a_run_that_was_stopped_begins_nothing_on_prices_that_come_later():
    async def play(driver, _prices):
        driver.stop()

    gateway, journal, fault = driven(play)
    assert fault is None
    assert gateway.sent == []
    assert list(journal.entries) == []


class Broken(Exception):
    """What no door should raise."""


class Breaks(SeededPrices):
    """A market whose stream breaks as soon as it is told to."""

    def __init__(self, count):
        super().__init__(count)
        self.end = asyncio.Event()

    async def listen(self, put):
        telling = asyncio.create_task(super().listen(put))
        try:
            await self.end.wait()
        finally:
            telling.cancel()
        raise Broken("the stream died")


def test_an_order_that_waits_before_a_door_that_breaks_does_not_leave_after_the_end():
    async def before(_request):
        prices.end.set()
        await asyncio.sleep(0.1)

    async def play(_driver, _prices):
        return

    prices = Breaks(300)
    gateway, journal, fault = driven(play, prices=prices, before=before)
    assert isinstance(fault, DriverFault)
    assert isinstance(fault.__cause__, Broken)
    assert gateway.sent == []
    assert journal.entries


@pytest.mark.parametrize("end", [Broken("no report"), asyncio.CancelledError()])
def test_a_door_that_breaks_over_an_order_ends_the_run_with_its_cause(end):
    async def before(_request):
        raise end

    async def play(_driver, _prices):
        return

    gateway, _journal, fault = driven(play, before=before)
    assert isinstance(fault, DriverFault)
    assert fault.__cause__ is not None
    assert gateway.sent == []
