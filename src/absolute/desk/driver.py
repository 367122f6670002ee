"""Owns the asynchronous drive of one live run: reports in, one step at a time, requests out.

One task steps the core; every request is performed by a task of its own and comes back as a
report. Prices are conflated while the core is busy, nothing else is ever left out. It must not
know what a report means, and decides nothing but when to stop.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol

from absolute.domain.messages import Event
from absolute.domain.units import NANOS_PER_SECOND, Nanos
from absolute.engine.alarms import Alarm
from absolute.engine.live import Live
from absolute.engine.reports import (
    Balances,
    Executions,
    Gateway,
    InDoubt,
    ListExecutions,
    ListOpen,
    LookUp,
    OpenOrders,
    Priced,
    ReadBalances,
    Report,
    Request,
    SendOrder,
    Unanswered,
)
from absolute.store.codec import jsonable

LOG: Final = logging.getLogger("absolute.live")
QUIET: Final = (LookUp, ListOpen, ListExecutions, ReadBalances, OpenOrders, Executions, Balances)
"""Questions and lists repeat all day: they are in the log only where it is asked for."""
SLEEP_MAX: Final = 1.0
SETTLE_SECONDS: Final = 15.0


class Clock(Protocol):
    """Tells the time."""

    def now_ns(self) -> Nanos:
        """Nanoseconds since 1970 UTC."""
        ...


class DriverFault(Exception):
    """A gateway broke its promise never to raise; the run stops and the cause is chained."""


CANCELLED: Final = DriverFault("a request was cancelled from within the door")


class Driver:
    """Drives one `Live` over one `Gateway` until it is stopped. `watch` is told after each step."""

    def __init__(
        self,
        live: Live,
        gateway: Gateway,
        clock: Clock,
        *,
        watch: Callable[[Nanos], None],
        alarm: Callable[[Alarm], None],
    ) -> None:
        self._live = live
        self._gateway = gateway
        self._clock = clock
        self._watch = watch
        self._alarm = alarm
        self._inbox: deque[tuple[Request | None, Report | Event]] = deque()
        self._price: Priced | None = None
        self._bell = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._leaving = False
        self._fault: BaseException | None = None

    # --- what others may ask --------------------------------------------------------------------

    def stop(self) -> None:
        """End in order: orders stay at the venue, what is under way is waited for."""
        self._stopping = True
        self._bell.set()

    def ask(self, event: Event) -> None:
        """Hand in what a person wants; it takes the same road as a price."""
        self._put(None, event)

    # --- the drive ------------------------------------------------------------------------------

    async def run(self) -> bool:
        """Trade until stopped; True where everything was settled with the venue at the end."""
        listening = asyncio.create_task(self._gateway.listen(self._hear))
        listening.add_done_callback(self._ended)
        try:
            while not self._stopping:
                await self._turn()
            settled = await self._settle()
        finally:
            ends = [listening, *self._tasks]
            for task in ends:
                task.cancel()
            # What they raise now is either their end, as asked, or known from `_ended`.
            await asyncio.gather(*ends, return_exceptions=True)
        if self._fault is not None:
            raise DriverFault("the venue's door broke its promise never to raise") from self._fault
        return settled

    async def _turn(self) -> None:
        """Take in what waits, let time pass, send what follows; then wait for more."""
        self._bell.clear()
        self._take_in()
        self._live.tick(self._clock.now_ns())
        self._dispatch()
        self._watch(self._clock.now_ns())
        if not self._inbox and self._price is None:
            with suppress(TimeoutError):  # nothing came: time itself is the news
                await asyncio.wait_for(self._bell.wait(), self._pause())

    async def _settle(self) -> bool:
        """Wait, for a while, until nothing is in doubt and no answer is outstanding.

        Prices tell no news any more: whoever stopped the run does not expect it to begin anything.
        """
        self._leaving = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SETTLE_SECONDS  # not the clock's: somebody may set that
        custody = self._live.custody
        custody.coverage.soon(self._clock.now_ns())
        while self._fault is None and loop.time() < deadline:
            await self._turn()
            if custody.settled and not self._tasks and not self._inbox:
                return True
        return False

    def _pause(self) -> float:
        due = self._live.next_time()
        if due is None:
            return SLEEP_MAX
        return min(max((due - self._clock.now_ns()) / NANOS_PER_SECOND, 0.0), SLEEP_MAX)

    # --- in ---------------------------------------------------------------------------------------

    def _hear(self, report: Report) -> None:
        """What a stream brings; of prices only the last one counts."""
        if isinstance(report, Priced):
            self._price = report
            self._bell.set()
        else:
            self._put(None, report)

    def _put(self, request: Request | None, report: Report | Event) -> None:
        self._inbox.append((request, report))
        self._bell.set()

    def _take_in(self) -> None:
        while self._inbox:
            request, item = self._inbox.popleft()
            _write_down("in", item)
            if request is not None:
                self._live.answered(request, item)  # type: ignore[arg-type]
            elif isinstance(item, Report):
                self._live.told(item)
            else:
                # It counts from now: it may have waited while this machine slept.
                self._live.asked(replace(item, time=self._clock.now_ns()))
            self._dispatch()
        price, self._price = self._price, None
        if price is not None and self._leaving and self._decided_on_one():
            self._live.custody.departure.priced(price.venue_time)
        elif price is not None:
            self._live.told(price)

    def _decided_on_one(self) -> bool:
        """False for a run that goes on after a stop and still needs the price of the moment."""
        return self._live.price is not None or self._live.engine.portfolio.price is None

    # --- out --------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        requests = self._live.requests
        while requests:
            request = requests.popleft()
            _write_down("out", request)
            task = asyncio.create_task(self._perform(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(self._ended)
        waiting = self._live.custody.alarms.waiting
        while waiting:
            self._alarm(waiting.popleft())

    async def _perform(self, request: Request) -> None:
        asking = asyncio.ensure_future(self._gateway.perform(request))
        try:
            await asyncio.wait({asking})
        finally:
            # Cancelled with the run: what has not left yet must not leave after it.
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        fault = CANCELLED if asking.cancelled() else asking.exception()
        if fault is None:
            self._put(request, asking.result())
            return
        # Whatever broke: an order may have left, so its fate is not known; a question is just open.
        now, detail = self._clock.now_ns(), f"{type(fault).__name__}: {fault}"
        if isinstance(request, SendOrder):
            self._put(request, InDoubt(now, request.client_id, detail))
        else:
            self._put(request, Unanswered(now, request, detail))
        self._fault = self._fault or fault
        self.stop()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task that dies takes the run with it, in order: nothing trades on half a door."""
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._fault = self._fault or fault
            self.stop()


def _write_down(way: str, item: Request | Report | Event) -> None:
    """One line in the log for everything that is said about an order."""
    level = logging.DEBUG if isinstance(item, QUIET) else logging.INFO
    if LOG.isEnabledFor(level):
        LOG.log(level, "%s %s", way, type(item).__name__, extra={"told": jsonable(item)})
