"""Owns how a fleet places an order: once, written down first, and never again while in doubt.

The seeds' callers retry on any error and go on to the next exchange. That is safe here since every
call begins with the orders whose fate is unknown: the same order is answered with what became of
the first one, and nothing else is sent in that pair until it is known. Going on to another exchange
needs proof that no order stands at the first.

It must not know prices, nor how an exchange is spoken to.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import aiohttp

from absolute.domain.errors import UserError
from absolute.domain.units import NANOS_PER_SECOND, Nanos
from absolute.venues.fleet_errors import (
    ExchangeError,
    ExchangeNotSent,
    ExchangeOrderUnknown,
    ExchangeUnavailable,
)
from absolute.venues.fleet_exchange import Absent, AbstractExchange, Finding, Found, Undecided
from absolute.venues.fleet_terms import OrderRequest, OrderResult, SentOrder, Wanted, wanted

_log = logging.getLogger(__name__)

SAME_ORDER_NS: Final = 600 * NANOS_PER_SECOND
"""A request with equal terms within this span of one in doubt is a retry of it, not a new wish."""


class Clock(Protocol):
    """Tells the time."""

    def now_ns(self) -> Nanos:
        """Nanoseconds since 1970 UTC."""
        ...


class OrderLog(Protocol):
    """Remembers the orders in doubt, also after a crash."""

    def claim(self) -> None:
        """Make it this program's alone; raises UserError where another one uses it."""
        ...

    def sent(self, order: SentOrder) -> None:
        """Durable before it returns; the order leaves after that."""
        ...

    def settled(self, client_id: str, outcome: str) -> None:
        """The fate of an order is known."""
        ...

    def unsettled(self) -> list[SentOrder]:
        """Every order that was sent and never settled, oldest first."""
        ...


class MemoryOrderLog:
    """Remembers as long as the program lives."""

    def __init__(self) -> None:
        self._open: dict[str, SentOrder] = {}

    def claim(self) -> None:
        """Nobody else can see it."""

    def sent(self, order: SentOrder) -> None:
        """Remember it."""
        self._open[order.client_id] = order

    def settled(self, client_id: str, outcome: str) -> None:
        """Forget it."""
        del outcome
        self._open.pop(client_id, None)

    def unsettled(self) -> list[SentOrder]:
        """What is open."""
        return list(self._open.values())


@dataclass(frozen=True, slots=True)
class Candidate:
    """An exchange an order may go to, why, and what must hold before it is sent there."""

    name: str
    exchange: AbstractExchange
    reason: str
    guard: Callable[[Wanted], Awaitable[None]]


Choose = Callable[[Wanted], Awaitable[Sequence[Candidate]]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What placing needs from outside: the time, fresh client ids, a memory."""

    clock: Clock
    fresh_id: Callable[[], str]
    log: OrderLog
    pauses: tuple[float, ...] = (0.1, 0.4, 1.0, 2.0)


class OrderPlacing:
    """Places the orders of one fleet, one at a time."""

    def __init__(
        self, around: Surroundings, exchange: Callable[[str], Awaitable[AbstractExchange]]
    ) -> None:
        self._around = around
        self._exchange = exchange
        self._owed = {each.client_id: each for each in around.log.unsettled()}
        self._requests: dict[str, OrderRequest] = {}
        self._issued: set[str] = set(self._owed)
        self._reusable: set[str] = set()
        self._chosen: set[str] = set()
        self._done: dict[str, OrderResult] = {}
        self._turn: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    def in_doubt(self) -> list[SentOrder]:
        """The orders whose fate is unknown, oldest first."""
        return list(self._owed.values())

    def settle_by_hand(self, client_id: str, outcome: str) -> None:
        """A person has looked at the exchange and says what became of an order in doubt."""
        if client_id not in self._owed:
            raise UserError("ORDER_NOT_IN_DOUBT", f"no order {client_id} is in doubt here.")
        self._settle(client_id, f"by hand: {outcome}")

    async def place(self, request: OrderRequest, choose: Choose) -> OrderResult:
        """Place one order at the first candidate that takes it.

        Raises ExchangeOrderUnknown where nobody knows; after any other error none stands.
        """
        order = wanted(request)
        async with self._one_at_a_time():
            known = self._done.get(request.client_id or "")
            if known is not None:
                return known
            self._recall()
            earlier = await self._earlier(request, order)
            if earlier is not None:
                return earlier
            return await self._first_that_takes(request, order, await choose(order))

    def _recall(self) -> None:
        """Know of every order in doubt, also of those another manager or an earlier run sent."""
        self._around.log.claim()
        self._owed = {each.client_id: each for each in self._around.log.unsettled()}
        self._issued |= self._owed.keys()

    async def _first_that_takes(
        self, request: OrderRequest, order: Wanted, candidates: Sequence[Candidate]
    ) -> OrderResult:
        refusals: list[ExchangeError | UserError] = []
        for candidate in candidates:
            try:
                return await self._send(candidate, request, order)
            except (ExchangeError, UserError) as fault:
                if not proves_no_order(fault):
                    raise
                _log.warning("%s did not take the order: %s", candidate.name, fault)
                refusals.append(fault)
        if len(refusals) == 1:
            raise refusals[0]
        if not refusals:
            raise ExchangeUnavailable(f"no exchange can take a {order.side} of {order.symbol}")
        raise ExchangeNotSent("; ".join(map(str, refusals))) from refusals[-1]

    async def _send(
        self, candidate: Candidate, request: OrderRequest, order: Wanted
    ) -> OrderResult:
        await candidate.guard(order)
        client_id = self._id_for(request)
        sent = SentOrder(candidate.name, client_id, order, self._around.clock.now_ns())
        self._around.log.sent(sent)
        # From here on the order counts as sent, also if this task is cancelled or the program ends.
        self._owed[client_id] = sent
        self._requests[client_id] = request
        request.client_id = client_id
        (outcome,) = await asyncio.gather(
            candidate.exchange.place_order(request), return_exceptions=True
        )
        if isinstance(outcome, BaseException):
            outcome = await self._after_failure(sent, outcome)
        self._settle(client_id, "placed")
        return self._kept(_named(outcome, sent, candidate.reason))

    async def _after_failure(self, sent: SentOrder, fault: BaseException) -> OrderResult:
        """The order all the same, or the error that says what is known."""
        if proves_no_order(fault):
            self._settle(sent.client_id, f"refused: {fault}")
            if sent.client_id in self._chosen:
                self._reusable.add(sent.client_id)
            if isinstance(fault, aiohttp.ClientError):
                raise ExchangeNotSent(f"{sent.exchange} was not reached: {fault}") from fault
            raise fault
        _log.error("The reply to order %s at %s was lost: %r", sent.client_id, sent.exchange, fault)
        for pause in self._around.pauses:
            await asyncio.sleep(pause)
            match await self._ask(sent):
                case Found(result):
                    return replace(result, reason="the reply was lost; found by its client id")
                case Absent(detail):
                    self._free(sent)
                    raise ExchangeNotSent(f"{sent.exchange}: {detail}") from fault
                case Undecided():
                    continue
        raise _unknown(sent, str(fault) or repr(fault)) from fault

    async def _earlier(self, request: OrderRequest, order: Wanted) -> OrderResult | None:
        """What became of this very order, if it was sent before; nothing may be in doubt after."""
        mine: OrderResult | None = None
        for sent in self.in_doubt():
            if sent.order.symbol != order.symbol:
                continue
            match await self._ask(sent):
                case Found(result):
                    is_mine = self._is_retry(request, order, sent)
                    self._settle(sent.client_id, "found")
                    if is_mine:
                        said = "sent before; found by its client id"
                        mine = self._kept(_named(result, sent, said))
                case Absent():
                    self._free(sent)
                case Undecided(detail):
                    raise _unknown(sent, detail)
        return mine

    def _is_retry(self, request: OrderRequest, order: Wanted, sent: SentOrder) -> bool:
        if self._requests.get(sent.client_id) is request:
            return True
        age = self._around.clock.now_ns() - sent.sent_at
        return sent.order == order and age < SAME_ORDER_NS

    async def _ask(self, sent: SentOrder) -> Finding:
        """What the exchange knows of an order; a failed question is no answer."""

        async def asked() -> Finding:
            return await (await self._exchange(sent.exchange)).find_order(sent)

        (finding,) = await asyncio.gather(asked(), return_exceptions=True)
        if isinstance(finding, BaseException):
            return Undecided(f"{sent.exchange} could not be asked: {finding}")
        return finding

    def _id_for(self, request: OrderRequest) -> str:
        """The client id of the next sending: the user's own where one was given, else a fresh one.

        An id that is proved to have never arrived is used again: should the proof be wrong, the
        exchange would rather refuse the second than fill both.
        """
        given = request.client_id
        if given is not None and given in self._reusable:
            self._reusable.discard(given)
            return given
        if given is not None and given not in self._issued:
            self._issued.add(given)
            self._chosen.add(given)
            return given
        fresh = self._around.fresh_id()
        self._issued.add(fresh)
        return fresh

    def _kept(self, result: OrderResult) -> OrderResult:
        """The same; under an id the user chose it also answers every later call with that id."""
        if result.client_id in self._chosen:
            self._done[result.client_id] = result
        return result

    def _free(self, sent: SentOrder) -> None:
        self._settle(sent.client_id, "absent")
        self._reusable.add(sent.client_id)

    def _settle(self, client_id: str, outcome: str) -> None:
        self._around.log.settled(client_id, outcome)
        self._owed.pop(client_id, None)
        self._requests.pop(client_id, None)

    def _one_at_a_time(self) -> asyncio.Lock:
        """A lock of the running loop: a program may run several, one after the other."""
        loop = asyncio.get_running_loop()
        if self._turn is None or self._turn[0] is not loop:
            self._turn = (loop, asyncio.Lock())
        return self._turn[1]


def proves_no_order(fault: BaseException) -> bool:
    """True where an error raised while placing is proof that no order stands.

    A connection that never came to be carried nothing; a mistake of the user is found before.
    """
    if isinstance(fault, ExchangeError):
        return fault.no_order
    return isinstance(fault, UserError | aiohttp.ClientConnectorError)


def _named(result: OrderResult, sent: SentOrder, reason: str) -> OrderResult:
    return replace(
        result,
        exchange=result.exchange or sent.exchange,
        client_id=result.client_id or sent.client_id,
        reason=result.reason or reason,
    )


def _unknown(sent: SentOrder, detail: str) -> ExchangeOrderUnknown:
    order = sent.order
    return ExchangeOrderUnknown(
        f"The {order.side} of {order.amount} {order.symbol} at {sent.exchange} was sent as "
        f"{sent.client_id} and its state is unknown ({detail}). Call place_order again with the "
        f"same request: it first asks for that order. Or look at {sent.exchange} and tell "
        f"settle_by_hand. Nothing else is sent for {order.symbol} until then.",
        exchange=sent.exchange,
        symbol=order.symbol,
        client_id=sent.client_id,
    )
