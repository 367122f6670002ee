"""Owns what the tests of the spine are built from: markets, settings, drawn cases, whole runs.

Everything here goes through the same doors as the product; it must not know any law.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from absolute.domain.fees import FeeSchedule
from absolute.domain.ids import BotId, InstrumentId
from absolute.domain.instrument import Instrument, Kind
from absolute.domain.ledger import Ledger
from absolute.domain.messages import Event, OrderFilled, Started, TimerFired
from absolute.domain.notes import Note
from absolute.domain.order import Terms
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import Asset, Nanos
from absolute.engine.agenda import Agenda
from absolute.engine.loop import Loop
from absolute.engine.replay import replay
from absolute.engine.session import Session
from absolute.engine.step import Engine
from absolute.kernels.feed import TapeFeed
from absolute.kernels.tape import Tape
from absolute.matching.costs import FixedSlippage, Latency
from absolute.matching.fills import FillModel
from absolute.matching.path import Intrabar
from absolute.matching.venue import SimVenue, VenueRules
from absolute.risk.limits import Limits
from absolute.store.journal import MemoryJournal, log_sha256
from absolute.strategies.contract import ASLEEP, Plan, View, Wakes

MINUTE = 60_000_000_000
START = 1_704_067_200_000_000_000
"""2024-01-01 00:00 UTC."""

D: Any = Decimal
"""Amounts in tests carry no unit: which unit goes where is what tests/unit/test_units.py proves."""


def spot(*, tick="0.01", lot="0.00001", min_qty="0.00001", min_notional="5") -> Instrument:
    """A spot market of coin against USDT."""
    return Instrument(
        InstrumentId("COINUSDT"),
        Kind.SPOT,
        Asset("COIN"),
        Asset("USDT"),
        D(tick),
        D(lot),
        D(min_qty),
        D(min_notional),
    )


def fees(maker="0.001", taker="0.001", **rest) -> FeeSchedule:
    """A schedule of rates, given as text."""
    return FeeSchedule(D(maker), D(taker), **rest)


def tape_of(rows: Sequence, *, unit="0.01", bar_ns=MINUTE, times=None) -> Tape:
    """Bars from short rows: a price, or (open, high, low, close), or the same with a volume."""
    size = D(unit)
    columns: list[list] = [[], [], [], [], []]
    for row in rows:
        told = tuple(row) if isinstance(row, tuple | list) else (row,) * 4
        prices, volume = told[:4], told[4] if len(told) > 4 else 1000
        for column, price in zip(columns, prices, strict=False):
            ticks = D(str(price)) / size
            assert ticks == int(ticks), f"{price} is off the tape's grid {unit}"
            column.append(int(ticks))
        columns[4].append(float(volume))
    count = len(rows)
    ts = START + np.arange(count, dtype=np.int64) * bar_ns if times is None else np.array(times)
    opens, highs, lows, closes = (np.array(column, dtype=np.int64) for column in columns[:4])
    return Tape.of(
        ts=ts,
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=np.array(columns[4]),
        price_unit=size,
        bar_ns=bar_ns,
    )


@dataclass(frozen=True)
class Setting:
    """Everything about a run that is neither the market's path nor the strategy."""

    instrument: Instrument = field(default_factory=spot)
    fees: FeeSchedule = field(default_factory=fees)
    wallet: Mapping[Any, Any] = field(default_factory=lambda: {"USDT": D(10_000)})
    fills: FillModel = field(default_factory=FillModel)
    intrabar: Intrabar = Intrabar.PESSIMISTIC
    slippage_bps: Any = Decimal(0)
    submit_ms: tuple[int, int] = (0, 0)
    cancel_ms: tuple[int, int] = (0, 0)
    seed: int = 0
    limits: Limits = field(default_factory=Limits)

    def ledger(self) -> Ledger:
        """A ledger at the start."""
        return Ledger(self.instrument, dict(self.wallet), fees=self.fees)

    def venue(self, unit: Decimal) -> SimVenue:
        """A venue with a ledger of its own."""
        latency = None
        if self.submit_ms[1] or self.cancel_ms[1]:
            chance = np.random.Generator(np.random.PCG64(self.seed))
            latency = Latency(self.submit_ms, self.cancel_ms, chance)
        rules = VenueRules(self.fills, self.intrabar, FixedSlippage(self.slippage_bps), latency)
        return SimVenue(self.ledger(), unit=unit, rules=rules)


@dataclass
class Played:
    """A run and all its parts."""

    tape: Tape
    setting: Setting
    session: Session
    journal: MemoryJournal
    walked: int = 0

    @property
    def portfolio(self) -> Portfolio:
        return self.session.engine.portfolio

    @property
    def ledger(self) -> Ledger:
        return self.portfolio.ledger

    @property
    def strategy(self):
        return self.session.engine.strategy

    @property
    def sha(self) -> str:
        return log_sha256(self.journal.entries)

    @property
    def events(self) -> list[Event]:
        return [entry.event for entry in self.journal.entries]

    @property
    def fills(self) -> list[Any]:
        return [event.fill for event in self.events if isinstance(event, OrderFilled)]

    def notes(self, *kinds: type[Note]) -> list[Any]:
        """The notes of these kinds, in order."""
        return [
            note
            for entry in self.journal.entries
            for note in entry.outcome.notes
            if not kinds or isinstance(note, kinds)
        ]

    def bar_of(self, time: int) -> int:
        """The number of the bar a time lies in."""
        return int(np.searchsorted(self.tape.ts, time, side="right")) - 1


def seat(tape: Tape, strategy, setting: Setting | None = None, **more) -> Played:
    """A session that has not begun; `more` may hold a journal and an agenda."""
    setting = setting or Setting()
    journal = more.get("journal") or MemoryJournal()
    agenda: Agenda | None = more.get("agenda")
    engine = Engine(BotId("b"), Portfolio(setting.ledger()), strategy, setting.limits)
    venue = setting.venue(tape.price_unit)
    session = Session(engine, venue, journal, unit=tape.price_unit, agenda=agenda)
    return Played(tape, setting, session, journal)


def play(tape: Tape, strategy, setting: Setting | None = None, *, skip=True, **more) -> Played:
    """Replay a whole tape."""
    played = seat(tape, strategy, setting, **more)
    played.walked = replay(TapeFeed(tape), played.session, skip=skip)
    return played


def play_live(tape: Tape, strategy, setting: Setting | None = None, **more) -> Played:
    """The same market, bar by bar, through the inbox of the asynchronous loop."""
    played = seat(tape, strategy, setting, **more)
    feed = TapeFeed(tape)

    async def trade() -> None:
        loop = Loop(played.session, after=lambda _item: None)
        running = asyncio.create_task(loop.run())
        for number in range(len(feed)):
            await loop.put(feed.row(number))
        await loop.close()
        await running

    asyncio.run(trade())
    played.walked = len(feed)
    return played


@dataclass
class Scripted:
    """A strategy that wants what a script says: at each time another set of orders.

    An order that is done is no longer wanted, as every strategy must see to by itself.
    """

    script: Sequence[tuple[int, tuple[Terms, ...]]]
    wakes: Wakes = ASLEEP
    _wanted: tuple[Terms, ...] = ()
    _next: int = 0

    def on(self, event: Event, view: View) -> Plan | None:
        """Follow the script."""
        match event:
            case Started() | TimerFired():
                self._turn(event.time)
                return Plan(self._wanted)
            case OrderFilled(fill=fill, done=True):
                role = view.orders[fill.client_id].terms.role
                self._wanted = tuple(terms for terms in self._wanted if terms.role != role)
                return Plan(self._wanted)
            case _:
                return None

    def _turn(self, time: int) -> None:
        while self._next < len(self.script) and self.script[self._next][0] <= time:
            self._wanted = self.script[self._next][1]
            self._next += 1
        later = self.script[self._next][0] if self._next < len(self.script) else None
        self.wakes = Wakes(timer=None if later is None else Nanos(later))
