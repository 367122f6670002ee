"""Owns the simulated venue over a replayed order book: commands in, events out, each in its time.

`send` is the door for commands, `apply` lets one update of the market pass; whoever drives it
reacts to each event before taking the next. A message may need time to the venue, and its answer
time back: then an event's `time` is when we learn of it, while a fill keeps the time at which it
happened. How our orders meet the market is the business of `shadow`; funding and liquidation are
nobody's here.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count
from typing import assert_never

from absolute.domain.approved import Approved
from absolute.domain.ledger import Ledger
from absolute.domain.messages import Cancel, Command, Event, LevelReached, Submit
from absolute.domain.units import NANOS_PER_MS, Nanos, Price
from absolute.kernels.skip import NEVER_DOWN, NEVER_UP
from absolute.matching.costs import Latency, Uniform
from absolute.matching.depth import DepthUpdate, MarketUpdate, TradePrint
from absolute.matching.queueing import QueueModel
from absolute.matching.shadow import ShadowBook

UNTOUCHED = (NEVER_DOWN, NEVER_UP)


@dataclass(slots=True)
class AnswerDelay:
    """How long the venue's word takes to us, uniform between two bounds, by a seeded generator."""

    answer_ms: tuple[int, int]
    generator: Uniform

    def answer_ns(self) -> int:
        """The next delay in nanoseconds."""
        low, high = (bound * NANOS_PER_MS for bound in self.answer_ms)
        return low + int((high - low) * self.generator.random())


@dataclass(frozen=True, slots=True)
class DepthRules:
    """Every assumption about the market side, stated once; None is a message without delay."""

    queue: QueueModel = QueueModel.TRADES_ONLY
    latency: Latency | None = None
    answers: AnswerDelay | None = None


class DepthVenue:
    """One account in one market; prices of updates are ticks of its instrument, sizes its lots.

    `watch` are the trade prices (falling to, rising to), in ticks, at which to say `LevelReached`.
    """

    __slots__ = ("_arrivals", "_numbers", "_outbox", "_rules", "_tick", "ledger", "shadow", "watch")

    def __init__(self, ledger: Ledger, rules: DepthRules = DepthRules()) -> None:
        self.ledger = ledger
        self.shadow = ShadowBook(ledger, rules.queue)
        self.watch: tuple[int, int] = UNTOUCHED
        self._rules = rules
        self._tick = ledger.instrument.tick
        self._numbers = count(1)
        self._arrivals: list[tuple[int, int, Command]] = []
        self._outbox: deque[Event] = deque()

    def send(self, approved: Approved, time: Nanos) -> tuple[Event, ...]:
        """Take a command: its events at once, or none yet where messages need their time."""
        command, latency = approved.command, self._rules.latency
        if latency is None:
            return tuple(self._told(self._receive(command, time)))
        delay = latency.submit_ns() if isinstance(command, Submit) else latency.cancel_ns()
        heappush(self._arrivals, (time + delay, next(self._numbers), command))
        return ()

    def apply(self, update: MarketUpdate) -> Iterator[Event]:
        """Let one update pass, after every message that was due before it."""
        yield from self.advance(update.time)
        match update:
            case DepthUpdate():
                yield from self._told(self.shadow.shown(update))
            case TradePrint():
                yield from self._told(self.shadow.traded(update))
                yield from self._told(self._watched(update))
            case _:
                assert_never(update)

    def advance(self, time: Nanos) -> Iterator[Event]:
        """Let messages reach the venue, and its answers reach us, up to a time."""
        while (due := self.next_time()) is not None and due <= time:
            if self._outbox and self._outbox[0].time == due:
                yield self._outbox.popleft()
            else:
                _, _, command = heappop(self._arrivals)
                yield from self._told(self._receive(command, Nanos(due)))

    def next_time(self) -> int | None:
        """When the next message arrives, there or here, in ns, or None."""
        dues = [self._arrivals[0][0]] if self._arrivals else []
        if self._outbox:
            dues.append(self._outbox[0].time)
        return min(dues, default=None)

    def _receive(self, command: Command, time: Nanos) -> list[Event]:
        match command:
            case Submit(client_id=client_id, terms=terms):
                return self.shadow.submit(client_id, terms, time)
            case Cancel(client_id=client_id):
                return self.shadow.cancel(client_id, time)
            case _:
                assert_never(command)

    def _told(self, events: Iterable[Event]) -> Iterator[Event]:
        """Events that reach us at once; those that need their time wait in the outbox, in order."""
        answers = self._rules.answers
        for event in events:
            if answers is None:
                yield event
                continue
            due = event.time + answers.answer_ns()
            if self._outbox:
                due = max(due, self._outbox[-1].time)
            self._outbox.append(replace(event, time=Nanos(due)))

    def _watched(self, trade: TradePrint) -> Iterator[Event]:
        down, up = self.watch
        if trade.ticks <= down or trade.ticks >= up:
            self.watch = UNTOUCHED
            yield LevelReached(trade.time, Price(trade.ticks * self._tick))
