"""Owns one process of the storm: it is fed, it sends, it dies at any point, and it comes back.

Its memory is an engine and the custody of its orders; only the durable part of its journal outlives
it. A crash may strike before an entry is written, after it, between two requests, or anywhere in
the recovery from the last one. Knows nothing of why it is killed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from absolute.desk.storm_check import Checker, Violated
from absolute.desk.storm_network import Line, Maker
from absolute.desk.storm_stream import Stream
from absolute.desk.storm_weather import CAPITAL, FEES, MARKET, MS, START, S
from absolute.domain.errors import AbsoluteError
from absolute.domain.ids import BotId
from absolute.domain.ledger import Ledger
from absolute.domain.messages import Command, Event, Submit
from absolute.domain.order import Terms
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import Nanos
from absolute.engine.custody import Custody
from absolute.engine.live import Live, replay
from absolute.engine.reports import Report, Request, SendOrder
from absolute.engine.step import Engine, Outcome
from absolute.risk.limits import Limits
from absolute.strategies.ladder import Ladder

BOT: Final = BotId("bot")
ENTRIES_MAX: Final = 3_000
FAULTS: Final = (
    AbsoluteError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""Whatever the core may die of by itself: each is a violation."""


class Killed(Exception):
    """The process is gone, in the middle of whatever it did."""


class Fuse:
    """Kills the process after a number of steps of its own, once it is lit."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left: int | None = None

    def burn(self, point: str) -> None:
        """One step more."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise Killed(point)


class StormJournal:
    """A journal that keeps a durable prefix; what was not synced is lost with the process."""

    def __init__(self, checker: Checker, fuse: Fuse, book: Callable[[], Portfolio]) -> None:
        self.entries: list[tuple[Event, tuple[Command, ...]]] = []
        self.durable = 0
        self._checker = checker
        self._fuse = fuse
        self._book = book

    def append(self, event: Event, outcome: Outcome) -> None:
        """Write one step; when this returns, it is kept."""
        self._fuse.burn("K01")
        commands = tuple(approved.command for approved in outcome.commands)
        self.entries.append((event, commands))
        self.sync()
        self._checker.wrote(event, outcome, book=self._book())
        self._fuse.burn("K02")
        if len(self.entries) > ENTRIES_MAX:
            raise Violated("V14", f"more than {ENTRIES_MAX} journal entries: nothing calms down")

    def sync(self) -> None:
        """Make all that was written durable."""
        self.durable = len(self.entries)

    def crash(self) -> None:
        """Lose what was not durable."""
        del self.entries[self.durable :]

    def submits(self) -> dict[str, tuple[int, Terms]]:
        """Every order that is written down, and when it was wished for."""
        return {
            str(command.client_id): (event.time, command.terms)
            for event, commands in self.entries
            for command in commands
            if isinstance(command, Submit)
        }


@dataclass(frozen=True, slots=True)
class Parts:
    """What a schedule is made of; a planted mutant replaces one of them."""

    custody: Callable[..., Custody] = Custody
    live: Callable[..., Live] = Live
    journal: Callable[..., StormJournal] = StormJournal
    line: Callable[..., Line] = Line


SOUND: Final = Parts()


@dataclass(slots=True)
class Host:
    """One process: an engine and the custody of its orders, alive or dead."""

    line: Line
    checker: Checker
    journal: StormJournal
    fuse: Fuse
    parts: Parts
    stream: Stream
    alarms: set[str] = field(default_factory=set)
    trace: Callable[[str], None] | None = None
    live: Live | None = None
    wake_at: int = -1
    stalled_until: int = 0

    # --- life and death -------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, or begin again from the journal."""
        line, weather = self.line, self.line.weather
        line.life += 1
        self.stream.up = False
        self.wake_at = -1
        self.tell("the process starts")

        def begin() -> None:
            ladder = Ladder(weather.config)
            portfolio = Portfolio(Ledger(MARKET, {MARKET.quote: CAPITAL}, fees=FEES))
            engine = Engine(BOT, portfolio, ladder, Limits())
            replay(engine, self.journal.entries)
            self.fuse.burn("K19")
            since = Nanos(portfolio.time or line.local)
            custody = self.parts.custody(BOT, portfolio, weather.rules.facts, since)
            self.live = self.parts.live(engine, custody, self.journal, probe=self.fuse.burn)
            self.live.resume(line.local)

        self.do(begin)
        if self.live is not None:
            self.stream.dial()

    def crash(self) -> None:
        """Die: memory and sockets are gone, what was sent is sent."""
        line, chance = self.line, self.line.chance
        self.tell("the process is killed")
        self.live = None
        self.fuse.left = None
        self.journal.crash()
        events = tuple(event for event, _commands in self.journal.entries)
        self.checker.lost(events, self.journal.submits())
        self.stalled_until = 0
        line.life += 1
        self.stream.link += 1
        self.stream.up = False
        error = line.weather.rules.facts.clock_error
        line.skew = chance.between(-error, error)
        line.time.after(chance.between(50 * MS, 6 * S), self.revive)

    def revive(self) -> None:
        """Start again, unless somebody did; die again at once, now and then."""
        if self.live is None:
            if self.line.time.now < self.line.weather.calm_at and self.line.chance.flip(0.25):
                self.line.seen["crash_in_recovery"] += 1
                self.fuse.left = self.line.chance.between(0, 12)
            self.start()

    # --- steps ----------------------------------------------------------------------------------

    def do(self, action: Callable[[], None]) -> None:
        """One step of the process and all that it sends."""
        try:
            action()
            self._dispatch()
        except Killed as killed:
            self.line.seen[f"killed_at_{killed}"] += 1
            self.crash()
            return
        except FAULTS as fault:
            raise Violated("CRASHED", f"{type(fault).__name__}: {fault}") from fault
        self._wake()

    def hear(self, request: Request | None, make: Maker) -> None:
        """Something arrives."""
        live = self.live
        if live is None or self._stands(lambda: self.hear(request, make)):
            return
        report = make(self.line.local)
        self.tell(f"<- {report}")
        if type(report).__name__ == "Priced":
            self._priced(report)
        if request is None:
            self.do(lambda: live.told(report))
        else:
            self.do(lambda: live.answered(request, report))

    def person(self, event: Event) -> None:
        """A person wants something."""
        live = self.live
        if live is not None and not self._stands(lambda: self.person(event)):
            self.tell(f"person: {event}")
            self.do(lambda: live.asked(replace(event, time=self.line.local)))

    def _stands(self, action: Callable[[], None]) -> bool:
        """Whether it stands still; then it does this when it goes on, if it still lives."""
        rest = self.stalled_until - self.line.time.now
        if rest <= 0:
            return False
        life = self.line.life
        self.line.time.after(rest, lambda: action() if life == self.line.life else None)
        return True

    def _priced(self, report: Report) -> None:
        price, told = getattr(report, "price", Decimal(0)), getattr(report, "venue_time", 0)
        if price > 0:
            self.checker.priced_at = max(self.checker.priced_at or 0, told)

    def _dispatch(self) -> None:
        live, line = self.live, self.line
        if live is None:
            return
        while live.requests:
            self.fuse.burn("send")
            request = live.requests.popleft()
            self.tell(f"-> {request}")
            self.checker.asked(line.time.now)
            if isinstance(request, SendOrder):
                self.checker.left(
                    str(request.client_id), request.terms, now=line.local, at=line.time.now
                )
            line.perform(request)
        waiting = live.custody.alarms.waiting
        while waiting:
            alarm = waiting.popleft()
            self.tell(f"alarm: {alarm}")
            self.alarms.add(alarm.code)
            if alarm.code not in line.weather.alarms:
                raise Violated("FALSE_ALARM", f"{alarm.code}: {alarm.detail}")

    def _wake(self) -> None:
        """Be woken when the core wants to be, or at once where that has passed."""
        live, line = self.live, self.line
        due = live.next_time() if live is not None else None
        if due is None:
            return
        at = max(due - line.skew, line.time.now + MS)
        if self.wake_at <= line.time.now or at < self.wake_at:
            self.wake_at = at
            life = line.life
            line.time.after(at - line.time.now, lambda: self._woken(at, life))

    def _woken(self, at: int, life: int) -> None:
        live = self.live
        if self._stands(lambda: self._woken(at, life)):
            return
        if live is not None and at == self.wake_at and life == self.line.life:
            self.do(lambda: live.tick(self.line.local))

    def tell(self, text: str) -> None:
        """Tell whoever reads along."""
        if self.trace is not None:
            self.trace(f"{(self.line.time.now - START) / S:9.3f} s  {text}")
