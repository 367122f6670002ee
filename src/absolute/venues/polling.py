"""Owns what is heard of a venue without streams: the same reports, from as few questions as needed.

The open orders are asked for every time; the trades only when something of ours may have traded: an
order went out, an open one changed or is gone, or a while has passed. It decides nothing.
"""

from collections.abc import Callable
from typing import Protocol

from absolute.domain.ids import TradeId, VenueOrderId
from absolute.domain.units import NANOS_PER_SECOND, Nanos
from absolute.engine.reports import ExecutionSeen, OrderSeen, Report, VenueFacts
from absolute.venues.clock_offset import VenueClock
from absolute.venues.dialect import Dialect
from absolute.venues.rows import Shown, Traded

AUDIT_NS = 60 * NANOS_PER_SECOND
NEVER = Nanos(-1)

Put = Callable[[Report], None]


class Words(Protocol):
    """What turns rows into reports under our own ids."""

    def order_seen(self, one: Shown, asked: Nanos) -> OrderSeen:
        """An order as shown."""
        ...

    def execution_seen(self, traded: Traded) -> ExecutionSeen:
        """A trade."""
        ...


class Poll:
    """One account in one market, looked at again and again."""

    def __init__(
        self, dialect: Dialect, words: Words, facts: VenueFacts, *, clock: VenueClock
    ) -> None:
        self._dialect = dialect
        self._clock = clock
        self._words = words
        self._facts = facts
        self._since = Nanos(clock.clock.now_ns() - facts.overlap)
        self._asked_trades = NEVER
        self._stirred_until = NEVER
        self._orders: dict[VenueOrderId, Shown] = {}
        self._told: dict[TradeId, Nanos] = {}

    def stir(self, now: Nanos) -> None:
        """An order went out: what it trades may show up for as long as the venue is slow."""
        self._stirred_until = Nanos(now + self._facts.visibility)

    async def look(self, now: Nanos, put: Put) -> None:
        """Ask what there is to ask; trades are told before how the orders stand after them."""
        stand = {each.venue_id: each for each in await self._dialect.open_orders()}
        gone = [each for venue_id, each in self._orders.items() if venue_id not in stand]
        moved = [
            each
            for venue_id, each in stand.items()
            if each.client_id and self._orders.get(venue_id) != each
        ]
        stirred = now <= self._stirred_until or self._asked_trades == NEVER
        if gone or moved or stirred or now - self._asked_trades > AUDIT_NS:
            await self._trades(now, put)
        for before in gone:
            ended = await self._dialect.look_up(before.client_id, before.venue_id)
            if ended is not None:
                put(self._words.order_seen(ended, now))
        for one in moved:
            put(self._words.order_seen(one, now))
        self._orders = {key: one for key, one in stand.items() if one.client_id}

    async def _trades(self, now: Nanos, put: Put) -> None:
        begin = Nanos(max(self._clock.at_least(self._since), 0))
        for traded in await self._dialect.executions(begin, self._clock.now_ns()):
            if traded.client_id and traded.trade_id not in self._told:
                self._told[traded.trade_id] = traded.time
                put(self._words.execution_seen(traded))
        self._asked_trades = now
        self._since = Nanos(now - self._facts.overlap)
        oldest = begin - self._facts.overlap
        self._told = {key: time for key, time in self._told.items() if time >= oldest}
