"""Owns paper trading: the ladder over a market that passes at a chosen pace, watched live.

The engine is the one that back-tests; only the bars come one by one, through the inbox of the
asynchronous loop. A view is told after each bar and cannot hold trading up.
"""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from absolute.desk.backtest import Run, result_of
from absolute.desk.clock import stopwatch
from absolute.desk.market_data import Found
from absolute.desk.setup import Assumptions, wire
from absolute.desk.snapshot import Observer, Snapshot
from absolute.domain.errors import UserError
from absolute.domain.messages import Event
from absolute.engine.loop import Loop
from absolute.kernels.feed import Row, TapeFeed
from absolute.research.result import BacktestResult
from absolute.store.journal import FileJournal, KeptJournal, MemoryJournal
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig, ladder_mapping

View = Callable[[Snapshot], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the market passes: bars a second; None is as fast as it can."""

    bars_per_second: float | None = None


@dataclass(slots=True)
class Paper:
    """One bot on paper. `stop` ends the market after the bar in hand; the bot's orders stay.

    `journal` may keep the run on disk as well (`store.journal.KeptJournal`).
    """

    found: Found
    config: LadderConfig
    assumed: Assumptions
    pace: Pace = field(default_factory=Pace)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    _stopping: bool = False
    _loop: Loop | None = None

    def stop(self) -> None:
        """Let no further bar in."""
        self._stopping = True

    async def tell(self, event: Event) -> None:
        """Hand in what a person wants: it takes the same road as a price."""
        if self._loop is not None:
            await self._loop.put(event)

    async def run(self, view: View) -> BacktestResult:
        """Trade until the market ends or someone stops it; returns the result so far."""
        self.assumed.check()
        journal, ladder = self.journal, Ladder(self.config)
        desk = wire(self.found, ladder, assumed=self.assumed, journal=journal)
        observer = Observer(desk.session, ladder, journal, self.assumed.capital)
        watch = stopwatch()
        seen = 0

        def after(item: Row | Event) -> None:
            nonlocal seen
            if isinstance(item, Row):
                seen = item.number + 1
                view(observer.snapshot(item))

        self._loop = loop = Loop(desk.session, after=after)
        trading = asyncio.create_task(loop.run())
        await self._feed(desk.feed, loop)
        await loop.close()
        await trading
        return self._result(Run(desk, journal, watch.seconds, seen), seen)

    async def _feed(self, feed: TapeFeed, loop: Loop) -> None:
        """Bring the bars, one by one, at the pace."""
        pause = 0.0 if self.pace.bars_per_second is None else 1 / self.pace.bars_per_second
        for number in range(len(feed)):
            if self._stopping:
                return
            await loop.put(feed.row(number))
            await asyncio.sleep(pause)

    def _result(self, finished: Run, seen: int) -> BacktestResult:
        """The result over the bars that passed."""
        tape = self.found.tape.slice(0, max(seen, 1))
        parameters = {name: str(value) for name, value in ladder_mapping(self.config).items()}
        result = result_of(
            finished, self.found.over(tape), assumed=self.assumed, parameters=parameters
        )
        return replace(result, paper=True)


def run_until_interrupted(paper: Paper, view: View) -> BacktestResult:
    """Run on paper; the first Ctrl-C ends it in order, with its result."""

    async def main() -> BacktestResult:
        running = asyncio.get_running_loop()
        # Windows has no signal handlers in its event loop: there Ctrl-C reaches the caller.
        with suppress(NotImplementedError):
            for number in (signal.SIGINT, signal.SIGTERM):
                running.add_signal_handler(number, paper.stop)
        return await paper.run(view)

    return asyncio.run(main())


def new_journal(path: Path | None) -> MemoryJournal:
    """The journal of a run: in memory, and in a new file where the user names one."""
    if path is None:
        return MemoryJournal()
    if path.exists():
        raise UserError(
            "JOURNAL_EXISTS", f"The journal {path} exists already; name a new file for a new run."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return KeptJournal(FileJournal(path))
    except OSError as fault:
        raise UserError(
            "JOURNAL_NOT_WRITABLE",
            f"The journal {path} cannot be written: {fault.strerror}; choose another place.",
        ) from fault
