"""Owns the look at a run without touching it: what the journal holds, what the venue says.

The same replay and the same custody as in a real restart run here over a copy in memory, and the
venue is only asked questions: whatever would have been sent is listed instead.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from absolute.desk.clock import SteadyClock
from absolute.desk.driver import Driver
from absolute.desk.live_run import bring_back, known_since, phase_of
from absolute.desk.paper_gateway import PaperGateway
from absolute.domain.instrument import Instrument
from absolute.domain.order import Order, Status
from absolute.engine.alarms import Alarm
from absolute.engine.custody import Custody
from absolute.engine.live import Live
from absolute.engine.reports import (
    Gateway,
    Report,
    Request,
    SendCancel,
    SendOrder,
    Unanswered,
    VenueFacts,
)
from absolute.store.journal import MemoryJournal
from absolute.store.runs import Run, RunMode
from absolute.store.sql_store import Store


@dataclass(frozen=True, slots=True)
class Found:
    """What a restart would find. `missed` counts the facts that the journal does not hold yet."""

    run: str
    steps: int
    phase: str
    held: Decimal
    open_in_journal: tuple[str, ...]
    in_doubt: tuple[str, ...]
    open_after: tuple[str, ...]
    missed: int
    missed_fills: int
    would_send: tuple[str, ...]
    would_cancel: tuple[str, ...]
    alarms: tuple[str, ...]
    settled: bool


class QuestionsOnly:
    """A gateway that asks but never sends; what would have been sent is kept in `unsent`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.unsent: list[SendOrder | SendCancel] = []

    @property
    def instrument(self) -> Instrument:
        """The market, with the venue's live filters."""
        return self._gateway.instrument

    @property
    def facts(self) -> VenueFacts:
        """What its proofs rest on."""
        return self._gateway.facts

    async def perform(self, request: Request) -> Report:
        """Answer a question; of everything else only keep the wish."""
        if isinstance(request, SendOrder | SendCancel):
            self.unsent.append(request)
            return Unanswered(SteadyClock().now_ns(), request, "a look sends nothing")
        return await self._gateway.perform(request)

    async def listen(self, put: Callable[[Report], None]) -> None:
        """Bring the streams."""
        await self._gateway.listen(put)

    async def close(self) -> None:
        """Let go of every socket."""
        await self._gateway.close()


async def look(store: Store, run: Run, gateway: Gateway) -> Found:
    """Compare a run's journal with its venue; nothing is sent and nothing is written."""
    engine, ladder = bring_back(store, run)
    portfolio = engine.portfolio
    steps = sum(1 for _step in store.records.steps(run.id))
    before = [each for each in portfolio.orders.values() if not each.terminal]
    names, doubts = _names(before), _names(each for each in before if each.venue_id is None)
    clock = SteadyClock()
    if run.mode is RunMode.PAPER:
        gateway = PaperGateway(gateway, portfolio, run.fees, clock)
    fills, asking, journal = portfolio.fills_count, QuestionsOnly(gateway), MemoryJournal()
    custody = Custody(run.bot, portfolio, asking.facts, known_since(portfolio, run, clock.now_ns()))
    alarms: list[Alarm] = []
    live = Live(engine, custody, journal)
    driver = Driver(live, asking, clock, watch=lambda _now: None, alarm=alarms.append)
    live.resume(clock.now_ns())
    asyncio.get_running_loop().call_soon(driver.stop)
    settled = await driver.run()
    return Found(
        run=run.id,
        steps=steps,
        phase=phase_of(engine, ladder),
        held=portfolio.held,
        open_in_journal=names,
        in_doubt=doubts,
        open_after=_names(
            each for each in portfolio.live.values() if each.status is not Status.IN_FLIGHT
        ),
        missed=len(journal.entries),
        missed_fills=portfolio.fills_count - fills,
        would_send=tuple(
            str(each.client_id) for each in asking.unsent if isinstance(each, SendOrder)
        ),
        would_cancel=tuple(
            str(each.client_id) for each in asking.unsent if isinstance(each, SendCancel)
        ),
        alarms=tuple(f"{each.code}: {each.detail}" for each in alarms),
        settled=settled,
    )


def _names(orders: Iterable[Order]) -> tuple[str, ...]:
    return tuple(f"{each.client_id} ({each.status})" for each in orders)
