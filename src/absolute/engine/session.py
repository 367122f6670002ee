"""Owns the one loop of a bot: deliver a fact, send what follows, deliver what that causes.

Back-test, paper and live share it; they differ in who brings the bars. One inbox, one writer:
facts are taken strictly in order, and each step is in the journal before its commands leave.
"""

from collections import deque
from decimal import Decimal

from absolute.domain.messages import Event, Started, TimerFired
from absolute.domain.units import Nanos, Price
from absolute.engine.agenda import Agenda
from absolute.engine.ports import Journal, Venue
from absolute.engine.step import Engine
from absolute.kernels.feed import Row, ticks_down, ticks_up
from absolute.kernels.skip import NEVER_DOWN, NEVER_UP


class Session:
    """An engine, the venue it trades at and the journal it writes."""

    __slots__ = ("_inbox", "_levels", "agenda", "engine", "journal", "unit", "venue")

    def __init__(
        self,
        engine: Engine,
        venue: Venue,
        journal: Journal,
        *,
        unit: Decimal,
        agenda: Agenda | None = None,
    ) -> None:
        self.agenda = agenda
        self.engine = engine
        self.venue = venue
        self.journal = journal
        self.unit = unit
        self._inbox: deque[Event] = deque()
        self._levels: tuple[Price | None, Price | None] = (None, None)

    def start(self, row: Row) -> None:
        """Begin before the first bar."""
        self.venue.seek(row)
        self.deliver(Started(Nanos(row.time), Price(row.open * self.unit)))

    def visit(self, row: Row) -> None:
        """Let one bar pass: timers that are due first, then the bar's own path."""
        timer = self.engine.strategy.wakes.timer
        if timer is not None and timer <= row.time:
            self.venue.seek(row)
            self.deliver(TimerFired(Nanos(row.time)))
        for event in self.venue.walk(row):
            self.deliver(event)
        if self.agenda is not None and (due := self.agenda.due(row, self.unit)) is not None:
            self.deliver(due)

    def deliver(self, event: Event) -> None:
        """Take one fact and everything that follows from it at once."""
        inbox = self._inbox
        inbox.append(event)
        while inbox:
            fact = inbox.popleft()
            outcome = self.engine.step(fact)
            self.journal.append(fact, outcome)
            for approved in outcome.commands:
                inbox.extend(self.venue.send(approved, fact.time))
        self._watch()

    def _watch(self) -> None:
        """Ask the venue's path for the price levels that the engine must be woken at."""
        levels = self.engine.levels()
        if levels == self._levels:
            return
        self._levels = down, up = levels
        self.venue.watch = (
            NEVER_DOWN if down is None else ticks_down(down, self.unit),
            NEVER_UP if up is None else ticks_up(up, self.unit),
        )
