"""Owns a live run as one pure step: reports, prices, people and time in, requests out.

    report -> custody -> event -> engine.step -> journal, durable -> custody -> requests

Whoever drives it performs the requests after the step has returned and brings back the answers;
it never calls out. A crash at any point loses nothing but what `resume` finds again: what is in
the journal was decided, what is not never left.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from absolute.domain.errors import JournalError
from absolute.domain.messages import (
    Command,
    Event,
    LevelReached,
    OrderUnsent,
    Paused,
    PriceSeen,
    Resumed,
    Started,
    StopAsked,
    TimerFired,
)
from absolute.domain.units import ZERO, Nanos, Price
from absolute.engine.custody import Custody
from absolute.engine.departure import PRICE_AGE_MAX
from absolute.engine.ports import Journal
from absolute.engine.reports import ExecutionSeen, Priced, Report, Request
from absolute.engine.step import Engine

DECIDING: Final = (TimerFired, Resumed, OrderUnsent)
"""Facts after which something is decided on the price of the moment."""

HOLDING: Final = (Paused, StopAsked)
"""Facts after which nothing that adds risk and still waits may leave."""

Probe = Callable[[str], None]


def nothing_happens(_point: str) -> None:
    """The probe of a run that nobody tries to kill."""


class Live:
    """One engine, the custody of its orders, and the journal. Requests wait in `requests`."""

    __slots__ = ("_inbox", "_now", "_price", "_priced_at", "_probe", "custody", "engine", "journal")

    def __init__(
        self,
        engine: Engine,
        custody: Custody,
        journal: Journal,
        *,
        probe: Probe = nothing_happens,
    ) -> None:
        self.engine = engine
        self.custody = custody
        self.journal = journal
        self._inbox: deque[Event] = deque()
        self._price: Price | None = None
        self._priced_at = Nanos(0)
        self._now = Nanos(0)
        self._probe = probe

    @property
    def requests(self) -> deque[Request]:
        """What is to be performed, in this order."""
        return self.custody.requests

    @property
    def price(self) -> Price | None:
        """The last price that was told."""
        return self._price

    # --- what comes in ----------------------------------------------------------------------------

    def resume(self, now: Nanos) -> None:
        """Go on after a stop: the engine is as the journal left it."""
        self._now = now
        self._follow(self.custody.resume(now))

    def told(self, report: Report) -> None:
        """Take what a stream brought."""
        self._now = max(self._now, report.time)
        if isinstance(report, ExecutionSeen):
            self._probe("K07")
        if isinstance(report, Priced) and not self._usable(report):
            return
        if isinstance(report, Priced):
            self._priced(report)
        self._follow(self.custody.take(report))

    def answered(self, request: Request, report: Report) -> None:
        """Take the answer to a request."""
        self._now = max(self._now, report.time)
        self._probe("K05")
        self._follow(self.custody.answered(request, report))

    def asked(self, event: Event) -> None:
        """Take what a person wants; it counts from when it is taken, however long it waited."""
        self._now = max(self._now, event.time)
        self._deliver(replace(event, time=self._now))
        self._follow(self.custody.tick(self._now))

    def tick(self, now: Nanos) -> None:
        """Let time pass."""
        self._now = max(self._now, now)
        timer = self.engine.strategy.wakes.timer
        if timer is not None and timer <= self._now and self._price is not None:
            self._deliver(TimerFired(self._now))
        self._follow(self.custody.tick(self._now))

    def next_time(self) -> Nanos | None:
        """When `tick` has something to do."""
        times = [self.custody.next_time()]
        if self._price is not None:
            times.append(self.engine.strategy.wakes.timer)  # without a price it does not fire
        return min((each for each in times if each is not None), default=None)

    # --- what follows -----------------------------------------------------------------------------

    def _usable(self, report: Priced) -> bool:
        """False for what is no price, older than one that is known, or of a time to come."""
        good = report.price.is_finite() and report.price > ZERO
        return good and self._priced_at <= report.venue_time <= self._now + PRICE_AGE_MAX

    def _priced(self, report: Priced) -> None:
        """A new price: the run begins with the first; a level that it reached is told.

        Nothing is decided on an old one.
        """
        price, now = report.price, self._now
        self._priced_at = report.venue_time
        if now - report.venue_time > PRICE_AGE_MAX:
            return
        self._price = price
        if self.engine.portfolio.price is None:
            self._deliver(Started(now, price))
            return
        down, up = self.engine.levels()
        if (down is not None and price <= down) or (up is not None and price >= up):
            self._deliver(LevelReached(now, price))

    def _follow(self, events: Iterable[Event]) -> None:
        """Book what custody concludes, one by one, until nothing more follows from it."""
        while self._booked(events):
            events = self.custody.tick(self._now)

    def _booked(self, events: Iterable[Event]) -> bool:
        """Deliver events, each before the next is drawn; whether there were any."""
        some = False
        for event in events:
            some = True
            self._deliver(event)
        return some

    def _deliver(self, event: Event) -> None:
        """Take one fact and everything that follows from it at once."""
        price, known = self._price, self.engine.portfolio.price
        if isinstance(event, DECIDING) and price is not None and price != known:
            self._inbox.append(PriceSeen(event.time, price))
        self._inbox.append(event)
        if isinstance(event, Resumed):
            self.custody.alarms.resumed()
        while self._inbox:
            fact = self._inbox.popleft()
            outcome = self.engine.step(fact)
            self._probe("K01")
            self.journal.append(fact, outcome)
            self._probe("K03")
            for approved in outcome.commands:
                self.custody.send(approved, self._now)
            if isinstance(fact, HOLDING):
                self.custody.recall()


def replay(engine: Engine, steps: Iterable[tuple[Event, tuple[Command, ...]]]) -> int:
    """Bring a fresh engine to where a journal left it; returns the number of steps.

    Raises `JournalError` where a step no longer asks for what was written down: then this is
    another program or another configuration, and nothing may be concluded from the journal.
    """
    done = 0
    for event, commands in steps:
        done += 1
        outcome = engine.step(event)
        if tuple(approved.command for approved in outcome.commands) != commands:
            raise JournalError(
                f"journal step {done} asks for other orders now; run the version that wrote it"
            )
    return done
