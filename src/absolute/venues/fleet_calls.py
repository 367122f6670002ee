"""Owns every question a fleet asks an exchange: made ready once per event loop, timed, translated.

Whatever a class raises becomes an error of the fleet, and the health of the exchange is kept from
it. Orders do not pass through here: a time limit on an order would make its fate unknown. When the
event loop ends, the exchanges let go of their sockets, since the printed examples never close.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Protocol, TypeVar

from absolute.domain.errors import UserError
from absolute.venues.fleet_errors import ExchangeConnectionError, ExchangeError, ExchangeUnavailable
from absolute.venues.fleet_exchange import AbstractExchange
from absolute.venues.fleet_health import Condition, Health
from absolute.venues.fleet_orders import Clock
from absolute.venues.fleet_watch import Listeners

Answer = TypeVar("Answer")
Question = Callable[[AbstractExchange], Awaitable[Answer]]


class Roster(Protocol):
    """Which exchanges a fleet has."""

    def names(self) -> list[str]:
        """Those that may be used here, in the order in which equal prices are decided."""
        ...

    def exchange(self, name: str) -> AbstractExchange:
        """One of them; raises ExchangeUnavailable with what to do about it."""
        ...

    def accounts_beside(self, name: str) -> list[str]:
        """Every usable account in the same world of the same venue, itself among them."""
        ...


class Calls:
    """Asks the exchanges of a roster."""

    def __init__(self, roster: Roster, clock: Clock, seconds_max: float) -> None:
        self._roster = roster
        self._clock = clock
        self._seconds_max = seconds_max
        self._ready: dict[str, AbstractExchange] = {}
        self._waking: dict[str, asyncio.Lock] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_end: AsyncGenerator[None, None] | None = None
        self.health: dict[str, Health] = {}
        self.connections = Listeners("connection")

    async def ready(self, name: str) -> AbstractExchange:
        """The exchange, initialized in this event loop; raises ExchangeConnectionError if not."""
        await self._enter_loop()
        async with self._waking.setdefault(name, asyncio.Lock()):
            exchange = self._ready.get(name)
            if exchange is None:
                exchange = self._roster.exchange(name)
                await self._wake(name, exchange)
                self._ready[name] = exchange
            return exchange

    async def _wake(self, name: str, exchange: AbstractExchange) -> None:
        if not await self._timed(name, exchange.initialize()):
            said = f"{name} could not be initialized; look at its configuration."
            await self._note(name, self._health(name).failed(said, self._clock.now_ns()))
            raise ExchangeConnectionError(said)

    async def ask(self, name: str, question: Question[Answer]) -> Answer:
        """One answer; raises an ExchangeError or a UserError and nothing else."""
        return await self._timed(name, question(await self.ready(name)))

    async def ask_all(
        self, names: list[str], question: Question[Answer]
    ) -> dict[str, Answer | ExchangeError | UserError]:
        """The answers of several, asked side by side; a failed one is its error."""

        async def one(name: str) -> Answer | ExchangeError | UserError:
            try:
                return await self.ask(name, question)
            except (ExchangeError, UserError) as fault:
                return fault

        answers = await asyncio.gather(*map(one, names))
        return dict(zip(names, answers, strict=True))

    async def close(self) -> None:
        """Let go of every socket; the next question opens new ones."""
        exchanges, self._ready = list(self._ready.values()), {}
        await asyncio.gather(*(each.close() for each in exchanges), return_exceptions=True)

    async def _timed(self, name: str, question: Awaitable[Answer]) -> Answer:
        loop = asyncio.get_running_loop()
        started = loop.time()
        (outcome,) = await asyncio.gather(
            asyncio.wait_for(question, self._seconds_max), return_exceptions=True
        )
        now, health = self._clock.now_ns(), self._health(name)
        if isinstance(outcome, ExchangeUnavailable | UserError):
            raise outcome  # a matter of the question, not of the connection
        if isinstance(outcome, BaseException):
            said = str(outcome) or type(outcome).__name__
            await self._note(name, health.failed(said, now))
            if isinstance(outcome, ExchangeError):
                raise outcome
            raise ExchangeConnectionError(f"{name}: {said}") from outcome
        await self._note(name, health.answered((loop.time() - started) * 1_000, now))
        return outcome

    def _health(self, name: str) -> Health:
        return self.health.get(name, Health())

    async def _note(self, name: str, health: Health) -> None:
        """Keep it, and tell who wants to know that a connection came or went."""
        before, self.health[name] = self._health(name).condition, health
        if health.condition is not before:
            await self.connections.tell(name, health.condition is Condition.ONLINE)

    async def _enter_loop(self) -> None:
        """Sockets belong to one event loop: in a new one every exchange is made ready anew."""
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        self._loop, self._ready, self._waking = loop, {}, {}
        self._loop_end = _until_the_loop_ends(self.close)
        await anext(self._loop_end)


async def _until_the_loop_ends(close: Callable[[], Awaitable[None]]) -> AsyncGenerator[None, None]:
    """`asyncio.run` closes the generators that are still open: the moment to close sockets."""
    try:
        yield
    finally:
        await close()
