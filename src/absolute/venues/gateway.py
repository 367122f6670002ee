"""Owns the door to one account in one market of one venue: requests in, exactly one report out.

It sends an order once and says what is known of it: yes, a no that is known to be one, a duplicate,
nothing written, or doubt. Questions are asked again once where the clock was wrong, and errors are
no answers. What an answer means for our orders is the business of custody.
"""

import re
from collections.abc import Awaitable, Callable
from typing import TypeVar, assert_never

from absolute.domain.ids import ClientOrderId
from absolute.domain.instrument import Instrument, Side
from absolute.domain.units import NANOS_PER_SECOND, Nanos
from absolute.engine.reports import (
    Acknowledged,
    Balances,
    Broken,
    CancelDenied,
    CancelInDoubt,
    CancelTaken,
    Denied,
    Duplicate,
    Executions,
    ExecutionSeen,
    ForeignOrder,
    InDoubt,
    ListExecutions,
    ListOpen,
    LookUp,
    NeverSent,
    NotFound,
    OpenOrders,
    OrderSeen,
    ReadBalances,
    Report,
    Request,
    SendCancel,
    SendOrder,
    Unanswered,
    VenueFacts,
)
from absolute.venues.ccxt_client import PACE, QUESTION, Pace
from absolute.venues.client_ids import ClientIds
from absolute.venues.clock_offset import sample
from absolute.venues.dialect import Unfit, check_terms, malformed
from absolute.venues.error_table import (
    DEFINITIVE,
    FATAL,
    Judged,
    Meaning,
    VenueFault,
    judge,
)
from absolute.venues.fee_values import FeeValues
from absolute.venues.limiter import Lane
from absolute.venues.listening import Listener
from absolute.venues.parts import Parts, Surroundings
from absolute.venues.rows import BAD_ROW, Shown, Traded

S = NANOS_PER_SECOND
ORDER_PATIENCE = 2 * S
"""An order that cannot leave within this is refused unsent: its price would be old."""
EXIT_PATIENCE = 10 * S
OUR_SHAPE = re.compile(r"[^-].*-\d+-.+")
"""Bot, running number, role: what our ids look like when the bot's name is not told."""

Answer = TypeVar("Answer")


class CcxtGateway:
    """Implements the port `Gateway` over a dialect. No method raises for a venue's fault."""

    def __init__(self, parts: Parts, around: Surroundings) -> None:
        self._profile = parts.profile
        self._dialect = parts.dialect
        self._session = parts.session
        self._venue_clock = parts.clock
        self._gate = parts.gate
        self._clock = around.clock
        self._bot = around.bot
        self._ids = ClientIds(parts.profile.ids)
        self._fees = FeeValues(parts.dialect, around.clock)
        self._put: Callable[[Report], None] | None = None
        self._unsaid: list[Report] = []
        self._listener = Listener(self, parts, around)

    @property
    def instrument(self) -> Instrument:
        """The market, with the venue's live filters."""
        return self._dialect.instrument

    @property
    def facts(self) -> VenueFacts:
        """What its proofs rest on."""
        return self._profile.facts

    async def perform(self, request: Request) -> Report:
        """Do one thing and say what came of it; a network or venue fault is a report as well."""
        match request:
            case SendOrder():
                return await self._send(request)
            case SendCancel():
                return await self._cancel(request)
            case LookUp():
                return await self._question(request, lambda asked: self._look_up(request, asked))
            case ListOpen():
                return await self._question(request, self._list_open)
            case ListExecutions(since=since):
                return await self._question(request, lambda asked: self._executions(since, asked))
            case ReadBalances():
                return await self._question(request, self._balances)
            case _:
                assert_never(request)

    async def listen(self, put: Callable[[Report], None]) -> None:
        """Bring private and public streams until cancelled; re-dials by itself, and says so."""
        self._put = put
        for report in self._unsaid:
            put(report)
        self._unsaid.clear()
        try:
            await self._listener.run(put)
        finally:
            self._put = None

    async def close(self) -> None:
        """Let go of every socket."""
        await self._dialect.close()
        await self._session.close()

    # --- orders ---------------------------------------------------------------------------------

    async def _send(self, request: SendOrder) -> Report:
        """One order, once: no retry of any kind."""
        client_id, terms = request.client_id, request.terms
        form = self._ids.out(client_id)
        if form is None:
            detail = f"{self._profile.venue} does not take {client_id} as an id"
            return Denied(self._now, client_id, "CLIENT_ID_INVALID", detail)
        exits = terms.reduce_only or (terms.side is Side.SELL and not self.instrument.perpetual)
        lane = Pace(Lane.EXIT if exits else Lane.ENTRY, ORDER_PATIENCE)
        try:
            check_terms(self._profile, self.instrument, terms)
            venue_id = await self._paced(lane, lambda: self._dialect.place(form, terms))
        except Unfit as unfit:
            return Denied(self._now, client_id, unfit.code, unfit.detail)
        except VenueFault as fault:
            return await self._not_sent(client_id, fault)
        finally:
            self._listener.stir()
        return Acknowledged(self._now, client_id, venue_id)

    async def _not_sent(self, client_id: ClientOrderId, fault: VenueFault) -> Report:
        """What is known of an order that got no yes."""
        judged = self._note(fault)
        if not fault.left:
            return NeverSent(self._now, client_id, fault.detail)
        if judged.meaning is Meaning.CLOCK:
            # A word about this copy of the request only. Should anything on the way have made a
            # second one that came in time, the order stands: it is looked for, with the clock set.
            await self.sync()
            return InDoubt(self._now, client_id, f"{judged.code}: {judged.detail}")
        if judged.meaning in DEFINITIVE:
            return Denied(self._now, client_id, judged.code, judged.detail)
        if judged.meaning is Meaning.DUPLICATE:
            return Duplicate(self._now, client_id)
        return InDoubt(self._now, client_id, f"{judged.code}: {judged.detail}")

    async def _cancel(self, request: SendCancel) -> Report:
        client_id = request.client_id
        form = self._ids.out(client_id)
        if form is None:
            return CancelDenied(self._now, client_id, "CLIENT_ID_INVALID", gone=False)
        lane = Pace(Lane.EXIT, EXIT_PATIENCE)
        try:
            await self._paced(lane, lambda: self._dialect.cancel(form, request.venue_id))
        except VenueFault as fault:
            judged = self._note(fault)
            if judged.meaning is Meaning.GONE:
                return CancelDenied(self._now, client_id, judged.code, gone=True)
            if judged.meaning in DEFINITIVE:
                return CancelDenied(self._now, client_id, judged.code, gone=False)
            return CancelInDoubt(self._now, client_id, f"{judged.code}: {judged.detail}")
        return CancelTaken(self._now, client_id)

    async def _paced(self, pace: Pace, act: Callable[[], Awaitable[Answer]]) -> Answer:
        token = PACE.set(pace)
        try:
            return await act()
        except BAD_ROW as error:
            raise malformed(error) from error
        finally:
            PACE.reset(token)

    # --- questions ------------------------------------------------------------------------------

    async def _question(
        self, request: Request, ask: Callable[[Nanos], Awaitable[Report]]
    ) -> Report:
        """Ask; where the clock was wrong set it and ask once more. An error is no answer."""
        for last in (False, True):
            try:
                return await self._paced(QUESTION, lambda: ask(self._now))
            except VenueFault as fault:
                judged = self._note(fault)
                if last or judged.meaning is not Meaning.CLOCK or not await self.sync():
                    return Unanswered(self._now, request, f"{judged.code}: {judged.detail}")
        raise AssertionError("the second try always returns")

    async def _look_up(self, request: LookUp, asked: Nanos) -> Report:
        form = self._ids.out(request.client_id)
        if form is None:
            detail = f"{self._profile.venue} never takes this id"
            return Unanswered(self._now, request, detail)
        one = await self._dialect.look_up(form, request.venue_id)
        if one is None:
            return NotFound(self._now, asked, request.client_id)
        return self.order_seen(one, asked)

    async def _list_open(self, asked: Nanos) -> Report:
        ours, foreign = [], []
        for one in await self._dialect.open_orders():
            seen = self.order_seen(one, asked)
            if self._is_ours(seen.client_id):
                ours.append(seen)
            else:
                foreign.append(ForeignOrder(one.client_id, one.venue_id))
        return OpenOrders(self._now, asked, tuple(ours), tuple(foreign))

    async def _executions(self, since: Nanos, asked: Nanos) -> Report:
        begin = self._venue_clock.at_least(since)
        trades = await self._dialect.executions(begin, self._venue_clock.now_ns())
        seen = []
        for each in trades:
            if each.client_id:
                await self._fees.learn(each)
                seen.append(self.execution_seen(each))
        return Executions(self._now, asked, since, tuple(seen))

    async def _balances(self, asked: Nanos) -> Report:
        rows = await self._dialect.holdings()
        totals = tuple((row.asset, row.total) for row in rows)
        free = tuple((row.asset, row.free) for row in rows)
        return Balances(self._now, asked, totals, free)

    # --- what the listener shares -----------------------------------------------------------------

    def order_seen(self, one: Shown, asked: Nanos) -> OrderSeen:
        """An order as shown, under our own id."""
        return OrderSeen(
            time=self._now,
            asked_at=asked,
            client_id=self._ids.back(one.client_id),
            venue_id=one.venue_id,
            status=one.status,
            filled=one.filled,
            updated=one.updated,
            reason=one.reason,
        )

    def execution_seen(self, traded: Traded) -> ExecutionSeen:
        """A trade under our own id, with its fee where that is known by now."""
        fill = self._fees.fill(traded, self._ids.back(traded.client_id))
        return ExecutionSeen(self._now, fill)

    async def late_fees(self) -> list[ExecutionSeen]:
        """Trades whose fee could not be valued when they came, and can be now."""
        return [self.execution_seen(each) for each in await self._fees.settle()]

    async def ask_about(self, client_id: str) -> Report:
        """A look-up that a frame gave a reason for; by the venue's form of our id."""
        request = LookUp(self._ids.back(client_id), None)
        return await self.perform(request)

    async def sync(self) -> bool:
        """Measure the venue's clock; False where it does not answer."""
        sent = self._now
        try:
            venue = await self._dialect.server_time()
        except VenueFault as fault:
            self._note(fault)
            return False
        self._venue_clock.learn(sample(sent, self._now, venue))
        if self._venue_clock.drifted:
            seconds = self._venue_clock.offset // S
            self._say(Broken(self._now, "CLOCK_DRIFT", f"this machine's clock is {seconds} s off"))
        return True

    # --- faults -----------------------------------------------------------------------------------

    def _note(self, fault: VenueFault) -> Judged:
        """Take from a fault what concerns more than the request that met it."""
        judged = judge(self._profile.family, self._profile.venue, fault)
        if judged.meaning in {Meaning.RATE, Meaning.BAN}:
            ban = judged.meaning is Meaning.BAN
            self._gate.limiter.close(self._now, fault.retry_after, ban=ban)
        if judged.meaning in FATAL:
            self._say(Broken(self._now, f"VENUE_{judged.meaning.upper()}", judged.detail))
        return judged

    def _say(self, report: Report) -> None:
        if self._put is not None:
            self._put(report)
        else:
            self._unsaid.append(report)

    def _is_ours(self, client_id: str) -> bool:
        if self._bot:
            return client_id.startswith(f"{self._bot}-")
        return OUR_SHAPE.fullmatch(client_id) is not None

    @property
    def _now(self) -> Nanos:
        return self._clock.now_ns()
