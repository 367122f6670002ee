"""Owns one schedule of the storm: a bot, an exchange, a network, and everything that happens.

Chaos first, then quiet. The process may die at any point of any step, also while it recovers: its
memory is lost, the durable part of the journal stays, and a fresh engine goes on from there. The
same seed gives the same schedule on any machine. Knows no rule of the core.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final

from absolute.desk.storm_chance import Chance, Luck
from absolute.desk.storm_check import Checker, Violated
from absolute.desk.storm_happenings import Happenings
from absolute.desk.storm_host import BOT, SOUND, Fuse, Host, Parts
from absolute.desk.storm_network import Timeline
from absolute.desk.storm_stream import Stream
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
from absolute.domain.ledger import Ledger
from absolute.domain.portfolio import Portfolio
from absolute.engine.live import replay
from absolute.engine.step import Engine
from absolute.risk.limits import Limits
from absolute.strategies.ladder import Ladder

QUIET: Final = 75 * S
EVENTS_MAX: Final = 20_000


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
        self.luck = Luck(chance, dict(weather.shares))
        self.venue = Exchange(weather.rules, self.luck)
        self.checker = Checker(self.venue, weather)
        fuse = Fuse()
        journal = parts.journal(self.checker, fuse, self._book)
        line = parts.line(self.time, self.venue, weather, self.luck, lambda _r, _m: None)
        self.line = line
        self.stream = Stream(line)
        self.host = Host(line, self.checker, journal, fuse, parts, self.stream, trace=trace)
        line.hear = self.host.hear
        self.venue.tell = self._changed
        self.happenings = Happenings(self.host)

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
            self.luck.seen,
            self.checker.edges,
            invariant,
            detail,
        )

    # --- the two phases -------------------------------------------------------------------------

    def _play(self) -> int:
        weather, time = self.weather, self.time
        self.line.skew = self.chance.between(-(S // 2), S // 2)
        for at, name in weather.times:
            time.after(at - START, partial(self.happenings.happen, name))
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
        self.stream.priced(frozen=self.time.now < self.happenings.frozen_until)
        span = 9 * S if calm else chance.between(250 * MS, 1600 * MS)
        self.time.after(span, self._tick)

    def _calm(self) -> None:
        """From here on nothing goes wrong any more."""
        self.host.tell("calm")
        line = self.line
        self.luck.shares.clear()
        line.cut_in = line.cut_out = line.refusing = False
        self.happenings.frozen_until = 0
        self.host.fuse.left = None
        self.venue.foreign.clear()
        if self.host.live is not None and not self.stream.up and self.chance.flip(0.5):
            self.stream.dial()

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

    def _changed(self, change: VenueOrder | Trade) -> None:
        if isinstance(change, VenueOrder):
            self.host.tell(f"venue: {change.client_id} {change.state} {change.filled}")
            self.checker.changed(change)
        self.stream.changed(change)

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
        digest.update(f"{self.time.now} {sorted(self.luck.seen.items())}".encode())
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
