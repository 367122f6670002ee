"""Owns what is heard without asking: sockets where a venue has them, polls where it has none.

Both bring the same reports. A gap always begins with `Disconnected` and ends with `Connected`, and
between two dials the wait grows, with luck in it so that many do not dial at once. It says what it
sees and decides nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import aiohttp
import numpy as np

from absolute.domain.units import Nanos
from absolute.engine.reports import (
    Connected,
    Disconnected,
    ExecutionSeen,
    OrderSeen,
    Priced,
    Report,
)
from absolute.venues.ccxt_client import PACE, Pace
from absolute.venues.dialect import Socket
from absolute.venues.error_table import VenueFault
from absolute.venues.limiter import Lane
from absolute.venues.parts import Parts, Surroundings
from absolute.venues.polling import Poll
from absolute.venues.rows import BAD_ROW, AskAgain, Item, Shown, StreamEnd, Tick, Traded
from absolute.venues.sockets import SocketEnded, hear

FIRST_WAIT_S = 0.25
KEY_ENDED = "-1125"
"""Binance: this listenKey does not exist. Other failures to renew are tried again in time."""
STEADY_S = 30.0
"""A socket that stood this long may be dialled again at once; one that flaps may not."""
LONGEST_WAIT_S = 30.0
SYNC_S = 10 * 60.0

POLL_PACE = Pace(Lane.QUESTION, 120_000_000_000)

Put = Callable[[Report], None]


class Voice(Protocol):
    """What the listener needs of its gateway: rows as reports, and two things to ask."""

    def order_seen(self, one: Shown, asked: Nanos) -> OrderSeen:
        """An order as shown, under our own id."""
        ...

    def execution_seen(self, traded: Traded) -> ExecutionSeen:
        """A trade under our own id."""
        ...

    async def late_fees(self) -> list[ExecutionSeen]:
        """Trades whose fee can be valued by now."""
        ...

    async def ask_about(self, client_id: str) -> Report:
        """A look-up that a frame gave a reason for."""
        ...

    async def sync(self) -> bool:
        """Measure the venue's clock."""
        ...


def wait_before(attempt: int, generator: np.random.Generator) -> float:
    """Seconds before the next dial: doubling, bounded, between half and all of it by luck."""
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * float(1 << min(attempt, 12)))
    return longest * (0.5 + 0.5 * float(generator.random()))


def _steady(begun: float) -> bool:
    return asyncio.get_running_loop().time() - begun > STEADY_S


def _no_news() -> None:
    """Prices that begin to come say so themselves."""


class Line:
    """Says that the private line came or went, each once."""

    def __init__(self, put: Put, now: Callable[[], Nanos]) -> None:
        self._put = put
        self._now = now
        self._up: bool | None = None

    @property
    def up(self) -> bool:
        """True while it stands."""
        return self._up is True

    def came(self) -> None:
        """It stands and is subscribed."""
        if self._up is not True:
            self._up = True
            self._put(Connected(self._now()))

    def went(self, detail: str) -> None:
        """It dropped, or could not be had."""
        if self._up is not False:
            self._up = False
            self._put(Disconnected(self._now(), detail))


class Listener:
    """Runs the sockets or the polls of one gateway."""

    def __init__(self, gateway: Voice, parts: Parts, around: Surroundings) -> None:
        self._gateway = gateway
        self._dialect = parts.dialect
        self._profile = parts.profile
        self._signed = parts.signed
        self._venue_clock = parts.clock
        self._session: aiohttp.ClientSession = parts.session
        self._around = around
        self._asking: set[asyncio.Task[None]] = set()
        self._stirred = asyncio.Event()
        self._hearing: asyncio.Task[None] | None = None
        self._ticks = 0

    def _now(self) -> Nanos:
        return self._around.clock.now_ns()

    async def run(self, put: Put) -> None:
        """Bring everything until cancelled."""
        line = Line(put, self._now)
        async with asyncio.TaskGroup() as group:
            if self._profile.streams is None:
                group.create_task(self._poll(line, put))
            else:
                group.create_task(self._public(put))
                group.create_task(self._ask_in_silence(put))
            group.create_task(self._every(SYNC_S, self._sync))
            if not self._signed:
                return
            if self._profile.streams is not None:
                group.create_task(self._private(line, put))
                group.create_task(self._every(self._around.renew_s, self._renew))
            group.create_task(self._every(self._around.fees_s, lambda: self._late_fees(put)))

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            await act()

    async def _sync(self) -> None:
        await self._gateway.sync()

    async def _renew(self) -> None:
        """Keep the stream's key alive; one that has ended in silence ends its socket here."""
        try:
            await self._dialect.renew()
        except VenueFault as fault:
            if fault.code == KEY_ENDED and self._hearing is not None:
                self._hearing.cancel()

    async def _late_fees(self, put: Put) -> None:
        for report in await self._gateway.late_fees():
            put(report)

    # --- sockets --------------------------------------------------------------------------------

    async def _private(self, line: Line, put: Put) -> None:
        attempt = 0
        while True:
            begun = asyncio.get_running_loop().time()
            try:
                detail = await self._private_once(line, put)
            except (SocketEnded, VenueFault) as ended:
                detail = str(ended)
            unheard = not line.up
            attempt = 0 if _steady(begun) else attempt + 1
            line.went(detail)
            if unheard:
                await self._gateway.sync()  # an unread clock is why a hello may be refused
            await asyncio.sleep(wait_before(attempt, self._around.generator))

    async def _private_once(self, line: Line, put: Put) -> str:
        """One private socket from dial to end; gives why it was left, raises why it broke."""
        socket = await self._dialect.private_socket()
        assert socket is not None
        hearing = asyncio.create_task(
            self._hear(socket, line.came, lambda item: self._told(item, put))
        )
        self._hearing = hearing
        try:
            await asyncio.wait({hearing})
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
        if not hearing.cancelled():
            hearing.result()
        return "the key of the stream has ended"

    async def _public(self, put: Put) -> None:
        attempt = 0
        socket = self._dialect.public_socket()
        assert socket is not None
        while True:
            begun = asyncio.get_running_loop().time()
            try:
                await self._price(put)
                await self._hear(socket, _no_news, lambda item: self._told(item, put))
            except (SocketEnded, VenueFault):
                attempt = 0 if _steady(begun) else attempt + 1
            await asyncio.sleep(wait_before(attempt, self._around.generator))

    async def _ask_in_silence(self, put: Put) -> None:
        """A market without trades, or a topic that died behind living pings, has a price too."""
        while True:
            before = self._ticks
            await asyncio.sleep(self._around.quiet_s)
            if self._ticks == before:
                with suppress(VenueFault):  # the next silence asks again
                    await self._price(put)

    async def _hear(
        self, socket: Socket, ready: Callable[[], None], put: Callable[[Item], None]
    ) -> None:
        self._profile.check_url(socket.url)
        patience = self._around.patience
        await hear(self._session, socket, ready=ready, put=put, patience=patience)

    def _told(self, item: Item, put: Put) -> None:
        match item:
            case Shown():
                if item.client_id:
                    put(self._gateway.order_seen(item, self._now()))
            case Traded():
                if item.client_id:
                    put(self._gateway.execution_seen(item))
            case Tick(price=price, time=time):
                self._ticks += 1
                put(Priced(self._now(), time, price))
            case AskAgain(client_id=client_id):
                if client_id:
                    task = asyncio.create_task(self._ask(client_id, put))
                    self._asking.add(task)
                    task.add_done_callback(self._asking.discard)
            case StreamEnd(reason=reason):
                raise SocketEnded(reason)

    async def _ask(self, client_id: str, put: Put) -> None:
        put(await self._gateway.ask_about(client_id))

    # --- polls ------------------------------------------------------------------------------------

    def stir(self) -> None:
        """An order went out: a polled venue is looked at now rather than later."""
        self._stirred.set()

    async def _poll(self, line: Line, put: Put) -> None:
        """The same reports from questions."""
        PACE.set(POLL_PACE)  # this task's own: it rather waits than call a full budget a gap
        poll = Poll(self._dialect, self._gateway, self._profile.facts, clock=self._venue_clock)
        pause = self._around.poll_s or self._profile.poll_s
        attempt = 0
        while True:
            if self._stirred.is_set():
                self._stirred.clear()
                poll.stir(self._now())
            try:
                await self._price(put)
                if self._signed:
                    await poll.look(self._now(), put)
                    line.came()
                attempt = 0
            except (VenueFault, *BAD_ROW) as error:
                attempt += 1
                if self._signed:
                    line.went(str(error) or repr(error))
            more = wait_before(attempt, self._around.generator) if attempt else 0.0
            with suppress(TimeoutError):  # nothing of ours went out meanwhile
                await asyncio.wait_for(self._stirred.wait(), max(pause, more))

    async def _price(self, put: Put) -> None:
        tick = await self._dialect.price()
        put(Priced(self._now(), tick.time, tick.price))
