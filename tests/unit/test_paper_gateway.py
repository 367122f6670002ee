"""Paper behind the port of a venue: the live core trades on real prices and simulated fills."""

import asyncio
from collections import Counter
from decimal import Decimal

from absolute.desk.clock import WallClock, generator
from absolute.desk.driver import Driver
from absolute.desk.markets import Grid, market
from absolute.desk.paper_gateway import PAPER_FACTS, PaperGateway
from absolute.domain.fees import FeeSchedule
from absolute.domain.ids import BotId
from absolute.domain.instrument import Kind
from absolute.domain.ledger import Ledger
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import Ratio
from absolute.engine.alarms import Alarm
from absolute.engine.custody import Custody
from absolute.engine.live import Live, replay
from absolute.engine.reports import Priced
from absolute.engine.step import Engine
from absolute.risk.limits import Limits
from absolute.store.journal import MemoryJournal
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import SEED_DEFAULTS

INSTRUMENT = market("BTCUSDT", Kind.SPOT, unit=Decimal("0.01"), grid=Grid())
FEES = FeeSchedule(Ratio(Decimal("0.001")), Ratio(Decimal("0.001")))
BOT = BotId("paper1")


class SeededPrices:
    """A market that only tells prices: a seeded walk, then silence."""

    instrument = INSTRUMENT
    facts = PAPER_FACTS

    def __init__(self, count: int) -> None:
        steps = generator(3).standard_normal(count) * 0.004
        self.prices = [
            Decimal(repr(round(60_000 * float(each), 2))) for each in (1 + steps).cumprod()
        ]
        self.told = asyncio.Event()

    async def perform(self, request):
        raise AssertionError(f"paper asked the real market for {request}")

    async def listen(self, put):
        clock = WallClock()
        for price in self.prices:
            now = clock.now_ns()
            put(Priced(now, now, INSTRUMENT.price_down(price)))
            await asyncio.sleep(0)
            await asyncio.sleep(0.0002)
        self.told.set()
        await asyncio.Event().wait()

    async def close(self):
        """Nothing is held."""


def new_engine() -> tuple[Engine, Ladder]:
    ledger = Ledger(INSTRUMENT, {INSTRUMENT.quote: Decimal(10_000)}, fees=FEES)
    ladder = Ladder(SEED_DEFAULTS)
    return Engine(BOT, Portfolio(ledger), ladder, Limits()), ladder


async def trade(engine, journal, prices, *, resumed=False):
    gateway = PaperGateway(prices, engine.portfolio, FEES, WallClock())
    custody = Custody(BOT, engine.portfolio, gateway.facts, WallClock().now_ns())
    live = Live(engine, custody, journal)
    alarms: list[Alarm] = []
    driver = Driver(live, gateway, WallClock(), watch=lambda _: None, alarm=alarms.append)
    if resumed:
        live.resume(WallClock().now_ns())

    async def end():
        await prices.told.wait()
        driver.stop()

    ending = asyncio.create_task(end())
    settled = await driver.run()
    await ending
    assert not alarms
    return settled, gateway


def test_a_ladder_on_paper_trades_deal_after_deal_and_ends_settled():
    async def main():
        (engine, ladder), journal = new_engine(), MemoryJournal()
        settled, gateway = await trade(engine, journal, SeededPrices(1500))
        kinds = Counter(type(entry.event).__name__ for entry in journal.entries)
        assert settled
        assert ladder.deals > 3
        assert kinds["OrderFilled"] > 10
        ours = engine.portfolio.ledger.account.totals()
        assert ours == gateway._ledger.account.totals()

    asyncio.run(main())


def test_a_paper_run_goes_on_after_a_stop_with_the_same_orders_and_money():
    async def main():
        (engine, ladder), journal = new_engine(), MemoryJournal()
        await trade(engine, journal, SeededPrices(700))
        open_before = {role: order.client_id for role, order in engine.portfolio.live.items()}
        again, going_on = new_engine()
        steps = [
            (entry.event, tuple(each.command for each in entry.outcome.commands))
            for entry in journal.entries
        ]
        assert replay(again, steps) == len(journal.entries)
        assert again.portfolio.ledger.account.totals() == engine.portfolio.ledger.account.totals()
        assert {role: each.client_id for role, each in again.portfolio.live.items()} == open_before
        settled, gateway = await trade(again, journal, SeededPrices(1200), resumed=True)
        assert settled
        assert going_on.deals > ladder.deals
        ours = again.portfolio.ledger.account.totals()
        assert ours == gateway._ledger.account.totals()

    asyncio.run(main())
