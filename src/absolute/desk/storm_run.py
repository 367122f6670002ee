"""Owns one schedule of the storm: a bot, an exchange, a network, and everything that happens.

Chaos first, then quiet. The process may die at any point of any step, also while it recovers: its
memory is lost, the durable part of the journal stays, and a fresh engine goes on from there. The
same seed gives the same schedule on any machine. Knows no rule of the core.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from absolute.desk.storm_chance import Chance
from absolute.desk.storm_check import Checker, Violated
from absolute.desk.storm_network import Line, Maker, Timeline
from absolute.desk.storm_venue import Exchange, Trade, VenueOrder
from absolute.desk.storm_weather import (
    CAPITAL,
    FEES,
    MARKET,
    MS,
    START,
    S,
    Weather,
    draw_weather,
)
from absolute.domain.errors import AbsoluteError
from absolute.domain.ids import BotId
from absolute.domain.ledger import Ledger
from absolute.domain.messages import Command, Event, Paused, Resumed, StopAsked, Submit
from absolute.domain.order import Terms
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import Nanos
from absolute.engine.custody import Custody
from absolute.engine.live import Live, replay
from absolute.engine.reports import Broken, OrderSeen, Report, Request, Seen, SendOrder
from absolute.engine.step import Engine, Outcome
from absolute.risk.limits import Limits
from absolute.strategies.ladder import Ladder

BOT: Final = BotId("bot")
QUIET: Final = 75 * S
EVENTS_MAX: Final = 20_000
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

    def burn(self, _point: str = "") -> None:
        """One step more."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise Killed


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
        self._checker.wrote(event, commands, outcome.notes, self._book())
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


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What came of one schedule."""

    seed: int
    events: int
    digest: str
    faults: Counter[str]
    edges: Counter[str]
    invariant: str = ""
    detail: str = ""


@dataclass(slots=True)
class Host:
    """One process: an engine and the custody of its orders, alive or dead."""

    line: Line
    checker: Checker
    journal: StormJournal
    fuse: Fuse
    parts: Parts
    alarms: set[str] = field(default_factory=set)
    trace: Callable[[str], None] | None = None
    live: Live | None = None
    wake_at: int = -1

    # --- life and death -------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, or begin again from the journal."""
        line, weather = self.line, self.line.weather
        line.life += 1
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
            line.dial()

    def crash(self) -> None:
        """Die: memory and sockets are gone, what was sent is sent."""
        line, chance = self.line, self.line.chance
        self.tell("the process is killed")
        self.live = None
        self.fuse.left = None
        self.journal.crash()
        events = tuple(event for event, _commands in self.journal.entries)
        self.checker.lost(events, self.journal.submits())
        line.life += 1
        line.link += 1
        line.up = False
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

    # --- steps ----------------------------------------------------------------------------------------

    def do(self, action: Callable[[], None]) -> None:
        """One step of the process and all that it sends."""
        try:
            action()
            self._dispatch()
        except Killed:
            self.crash()
            return
        except FAULTS as fault:
            raise Violated("CRASHED", f"{type(fault).__name__}: {fault}") from fault
        self._wake()

    def hear(self, request: Request | None, make: Maker) -> None:
        """Something arrives."""
        live = self.live
        if live is None:
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
        if live is not None:
            self.tell(f"person: {event}")
            self.do(lambda: live.asked(event))

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
                self.checker.left(str(request.client_id), request.terms, now=line.local)
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
        if live is not None and at == self.wake_at and life == self.line.life:
            self.do(lambda: live.tick(self.line.local))

    def tell(self, text: str) -> None:
        """Tell whoever reads along."""
        if self.trace is not None:
            self.trace(f"{(self.line.time.now - START) / S:9.3f} s  {text}")


class Schedule:
    """One seed, from the first event to the last check."""

    def __init__(
        self, seed: int, *, parts: Parts = SOUND, trace: Callable[[str], None] | None = None
    ) -> None:
        self.seed = seed
        self.chance = Chance(seed)
        self.weather: Weather = draw_weather(self.chance)
        weather, chance = self.weather, self.chance
        self.time = Timeline()
        self.venue = Exchange(weather.rules, dict(weather.shares), chance)
        self.seen: Counter[str] = Counter()
        self.checker = Checker(self.venue, weather)
        fuse = Fuse()
        journal = parts.journal(self.checker, fuse, self._book)
        line = parts.line(
            self.time, self.venue, weather, chance, self.seen, lambda _r, _m: None
        )
        line.shares = dict(weather.shares)
        self.line = line
        self.host = Host(line, self.checker, journal, fuse, parts, trace=trace)
        line.hear = self.host.hear
        self.venue.tell = self._changed
        self._frozen_until = 0

    def run(self) -> Outcomes:
        """Play it; a broken invariant ends it."""
        invariant = detail = ""
        events = 0
        try:
            events = self._play()
        except Violated as fault:
            invariant, detail = fault.invariant, fault.detail
        return Outcomes(
            self.seed,
            events,
            self._digest(),
            self.seen,
            self.checker.edges,
            invariant,
            detail,
        )

    # --- the two phases -------------------------------------------------------------------------------

    def _play(self) -> int:
        weather, time = self.weather, self.time
        self.line.skew = self.chance.between(-(S // 2), S // 2)
        for at, name in weather.times:
            time.after(at - START, lambda name=name: self._happen(name))  # type: ignore[misc]
        time.after(300 * MS, self._tick)
        self.host.start()
        events = self._until(weather.calm_at)
        self._calm()
        events += self._until(weather.calm_at + QUIET)
        self._judge()
        return events

    def _until(self, end: int) -> int:
        events, step = 0, self.time.step
        while step(end):
            events += 1
            if events > EVENTS_MAX:
                raise Violated("V14", f"more than {EVENTS_MAX} events: nothing calms down")
        return events

    def _tick(self) -> None:
        """The market moves, and the public stream tells it; in the calm it stands."""
        chance, calm = self.chance, self.time.now >= self.weather.calm_at
        if not calm:
            size = 260 if chance.flip(0.06) else 55
            step = chance.between(-size, size) * MARKET.tick
            self.venue.move(max(self.venue.price + step, Decimal(20)), self.time.now)
        self.line.priced(frozen=self.time.now < self._frozen_until)
        span = 9 * S if calm else chance.between(250 * MS, 1600 * MS)
        self.time.after(span, self._tick)

    def _calm(self) -> None:
        """From here on nothing goes wrong any more."""
        self.host.tell("calm")
        line = self.line
        line.shares.clear()
        line.cut_in = line.cut_out = False
        self._frozen_until = 0
        self.host.fuse.left = None
        self.venue.foreign.clear()
        if self.host.live is not None and not line.up and self.chance.flip(0.5):
            line.dial()

    def _judge(self) -> None:
        """When all is quiet, the books, the venue and a replay agree."""
        live = self.host.live
        if live is None:
            raise Violated("V14", "no process is alive")
        if not live.custody.settled:
            raise Violated("V14", "a minute after the last fault something is not settled")
        self.checker.quiet(live.engine.portfolio)
        ladder = Ladder(self.weather.config)
        portfolio = Portfolio(Ledger(MARKET, {MARKET.quote: CAPITAL}, fees=FEES))
        again = Engine(BOT, portfolio, ladder, Limits())
        replay(again, self.host.journal.entries)
        if standing(again) != standing(live.engine):
            raise Violated("V7", "a replay of the journal ends in another state")

    # --- what happens at a time -----------------------------------------------------------------------

    def _happen(self, name: str) -> None:
        line, chance, now = self.line, self.chance, self.line.local
        self.host.tell(f"fault: {name}")
        self.seen[name] += 1
        match name:
            case "stream_dropped":
                line.drop(noticed_after=chance.between(1 * MS, 50 * MS))
            case "stream_silent":
                line.drop(noticed_after=chance.between(2 * S, 8 * S))
            case "stream_flaps":
                line.drop(noticed_after=1 * MS)
                line.time.after(chance.between(200 * MS, 400 * MS), line.dial_if_alive)
            case "cut_out" | "cut_in":
                setattr(line, name, True)
                span = chance.between(1 * S, 12 * S)
                line.time.after(span, lambda: setattr(line, name, False))
            case "crash":
                if self.host.live is not None:
                    self.host.crash()
            case "crash_soon":
                self.host.fuse.left = chance.between(0, 9)
            case "clock_jump":
                error = self.weather.rules.facts.clock_error
                line.skew = chance.between(-error, error)
            case "price_frozen":
                self._frozen_until = self.time.now + chance.between(20 * S, 90 * S)
            case "venue_cancels":
                standing = [each for each in self.venue.orders if each.state == "open"]
                if standing:
                    self.venue.expire(chance.pick(standing), self.time.now)
            case "person_pauses":
                self.host.person(Paused(now, "anna"))
            case "person_resumes":
                self.host.person(Resumed(now, "anna"))
            case "person_stops" | "person_flattens":
                flatten = name == "person_flattens"
                self.host.person(StopAsked(now, "anna", flatten=flatten))
            case "foreign_order":
                self.venue.foreign.append(f"f{len(self.venue.foreign) + 1}")
            case "venue_broken":
                self.host.hear(None, lambda at: Broken(at, "KEYS_REFUSED", "refused"))
            case "unknown_status":
                self._unknown_status()
            case _:
                raise ValueError(name)

    def _unknown_status(self) -> None:
        """The stream says a word that nobody knows."""
        standing = [each for each in self.venue.orders if each.state == "open"]
        if not standing:
            return
        order = self.chance.pick(standing)
        shown = self.line.seen_as(order, Seen.UNKNOWN)
        self.host.hear(None, shown)

    def _changed(self, change: VenueOrder | Trade) -> None:
        if isinstance(change, VenueOrder):
            self.host.tell(f"venue: {change.client_id} {change.state} {change.filled}")
            self.checker.changed(change)
        self.line.changed(change)

    def _book(self) -> Portfolio:
        live = self.host.live
        assert live is not None
        return live.engine.portfolio

    def _digest(self) -> str:
        """Equal schedules have equal digests, in any process."""
        digest = hashlib.sha256()
        for event, commands in self.host.journal.entries:
            digest.update(f"{type(event).__name__} {event.time} {len(commands)};".encode())
        for trade in self.venue.trades:
            digest.update(f"{trade.id} {trade.client_id} {trade.qty} {trade.price};".encode())
        digest.update(f"{self.time.now} {sorted(self.seen.items())}".encode())
        return digest.hexdigest()


def standing(engine: Engine) -> object:
    """All that two engines must agree on."""
    portfolio, ladder = engine.portfolio, engine.strategy
    orders = [
        (each.client_id, each.status, each.filled, each.paid, each.hold, each.venue_id)
        for each in portfolio.orders.values()
    ]
    return (
        portfolio.ledger.account.totals(),
        portfolio.held,
        orders,
        engine.wanted,
        engine.governor.mode,
        repr(ladder),
    )
