"""Owns what the tests of perpetuals are built from: markets, bars, a desk, a restless strategy.

Everything goes through the same doors as the product; it must not know any law.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from absolute.domain.approved import Approved
from absolute.domain.fees import FeeSchedule
from absolute.domain.ids import BotId, ClientOrderId, InstrumentId, Role
from absolute.domain.instrument import Instrument, Kind, Side
from absolute.domain.ledger import Ledger, MarginMode
from absolute.domain.messages import (
    Cancel,
    Event,
    Liquidated,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    Started,
    Submit,
    TimerFired,
)
from absolute.domain.order import OrderType, PositionSide, Terms
from absolute.domain.portfolio import Portfolio
from absolute.domain.position import Position
from absolute.domain.units import Nanos
from absolute.engine.replay import replay
from absolute.engine.session import Session
from absolute.engine.step import Engine
from absolute.kernels.feed import Row, TapeFeed
from absolute.kernels.tape import Tape
from absolute.matching.costs import Latency
from absolute.matching.fills import FillModel
from absolute.matching.margin import BracketTable, brackets_of
from absolute.matching.path import Intrabar
from absolute.matching.perpetual import FundingSchedule, PerpetualTerms
from absolute.matching.venue import SimVenue, VenueRules
from absolute.risk.limits import Limits
from absolute.store.journal import MemoryJournal
from absolute.strategies.contract import ASLEEP, Plan, View, Wakes

D: Any = Decimal
MINUTE = 60_000_000_000
HOUR = 60 * MINUTE
START: Any = 1_704_067_200_000_000_000
"""2024-01-01 00:00 UTC."""
UNIT = D("0.1")
LONG, SHORT, NET = PositionSide.LONG, PositionSide.SHORT, PositionSide.NET


def perpetual(kind=Kind.LINEAR, **more) -> Any:
    """BTCUSDT in thousandths of a coin, or BTCUSD in contracts of one dollar, in tenths."""
    linear = kind is Kind.LINEAR
    lot = D("0.001") if linear else D(1)
    given: Any = {
        "id": InstrumentId("BTCUSDT" if linear else "BTCUSD"),
        "kind": kind,
        "base": "BTC",
        "quote": "USDT" if linear else "USD",
        "tick": UNIT,
        "lot": lot,
        "min_qty": lot,
        "min_notional": D(1),
    }
    return Instrument(**(given | more))


LINEAR, INVERSE = perpetual(), perpetual(Kind.INVERSE)


def table(*rows) -> BracketTable:
    """One version of brackets for all time, rows of (floor, rate, leverage)."""
    return BracketTable((0,), (brackets_of(tuple(tuple(map(D, row)) for row in rows)),))


TWO = table(("0", "0.004", "125"), ("50000", "0.005", "100"))
"""The two lowest brackets of Binance BTCUSDT in 2024: 0.4 %, above 50,000 0.5 % less 50."""


def schedule(*payments) -> FundingSchedule:
    """Funding from pairs of (ns after the start, rate)."""
    return FundingSchedule(
        tuple(START + after for after, _ in payments), tuple(D(rate) for _, rate in payments)
    )


# --- by hand -------------------------------------------------------------------------------------


class Desk:
    """One account, moved by hand: a venue with a portfolio beside it, bars of a minute.

    After every event the money of the two must be the same.
    """

    def __init__(self, capital, *, instrument=LINEAR, leverage=10, rules=None, fees=("0", "0")):
        terms = rules if isinstance(rules, VenueRules) else VenueRules(perpetual=rules)
        charges = FeeSchedule(*map(D, fees))
        wallet = {instrument.settle: D(capital)}
        ledgers = [
            Ledger(instrument, dict(wallet), fees=charges, leverage=D(leverage)) for _ in "ab"
        ]
        self.venue = SimVenue(ledgers[0], unit=UNIT, rules=terms)
        self.portfolio = Portfolio(ledgers[1])
        self.instrument = instrument
        self.number = 0
        self.log: list[Event] = []
        self.react: Any = lambda _event: None

    @property
    def time(self):
        return START + self.number * MINUTE

    @property
    def wallet(self):
        return self.venue.ledger.account.total(self.instrument.settle)

    def qty(self, side=NET):
        return self.venue.ledger.position(side).qty

    def stand(self, price):
        """Stand before the next bar, at its opening price."""
        ticks = _ticks(price)
        self.venue.seek(self._row((ticks,) * 4, None))
        self.take(Started(self.time, D(str(price))))

    def send(self, name, side, qty, price=None, **more):
        """Send an order; a market order without a price."""
        kind = more.pop("type", OrderType.MARKET if price is None else OrderType.LIMIT)
        at = None if price is None else D(str(price))
        terms = Terms(Role(name), Side(side), kind, qty=D(str(qty)), price=at, **more)
        ledger = self.portfolio.ledger
        reserved = ledger.reservation(terms, self.portfolio.price)
        submit = Submit(ClientOrderId(name), terms)
        self.portfolio.sent(submit, self.time, reserved)
        return [self.take(each) for each in self.venue.send(Approved(submit), self.time)]

    def cancel(self, name):
        command = Cancel(ClientOrderId(name))
        self.portfolio.cancelling(command.client_id)
        return [self.take(each) for each in self.venue.send(Approved(command), self.time)]

    def bar(self, *prices, marks=None, skip=0):
        """Let a bar of (open, high, low, close) pass, or a flat one; `skip` leaves bars out."""
        self.number += skip
        told = prices if len(prices) == 4 else prices * 4
        row = self._row(tuple(_ticks(price) for price in told), marks)
        events = [self.take(event) for event in self.venue.walk(row)]
        self.number += 1
        return events

    def opened(self, side, qty, price, **more):
        """Take a position at a price, in a bar of its own."""
        self.stand(price)
        told = self.send(f"open {self.number}", side, qty, **more)
        assert said(told) == [f"open {self.number} OrderAccepted"], told
        return self.bar(price)

    def _row(self, ticks, marks):
        opening, high, low, close = ticks
        lowest, highest = (_ticks(mark) for mark in marks) if marks else (low, high)
        start = self.time
        return Row(
            self.number, start, start + MINUTE, opening, high, low, close, 1000.0, lowest, highest
        )

    def take(self, event):
        self.portfolio.apply(event)
        self.log.append(event)
        agree(self.venue.ledger, self.portfolio.ledger)
        self.react(event)
        return event


def agree(theirs: Ledger, ours: Ledger) -> None:
    """The venue's money is the bot's, to the last unit."""
    assert theirs.account.totals() == ours.account.totals()
    assert opened(theirs) == opened(ours)


def opened(ledger: Ledger) -> dict[PositionSide, Position]:
    """The open positions."""
    return {side: each for side, each in ledger.positions.items() if each.qty}


def _ticks(price) -> int:
    ticks = D(str(price)) / UNIT
    assert ticks == int(ticks), price
    return int(ticks)


def said(events) -> list[str]:
    """Events as short words: what a test compares."""
    words = []
    for event in events:
        match event:
            case OrderFilled(fill=fill):
                words.append(f"{fill.client_id} {fill.qty} @ {fill.price}")
            case OrderRejected() | OrderExpired():
                words.append(f"{event.client_id} {type(event).__name__} {event.reason}")
            case Liquidated():
                words.append(f"{event.side} {event.qty} @ {event.price}")
            case _ if hasattr(event, "client_id"):
                words.append(f"{event.client_id} {type(event).__name__}")
            case _:
                words.append(type(event).__name__)
    return words


FIVE = ((0, "0.004", 125), (1, "0.005", 100), (4, "0.01", 60), (10, "0.015", 45), (30, "0.02", 40))
"""Brackets in multiples of the capital."""


# --- by dice -------------------------------------------------------------------------------------


def wild_tape(seed: int, bars: int, *, marked: bool) -> Tape:
    """Minutes around 50,000 that calm down, run wild, jump, gap and go missing."""
    dice = np.random.Generator(np.random.PCG64(seed))
    wild = np.repeat(dice.choice([0.0005, 0.002, 0.006], size=bars // 40 + 1), 40)[:bars]
    moves = dice.standard_normal(bars) * wild
    moves += np.where(dice.random(bars) < 0.01, dice.standard_normal(bars) * 0.04, 0)
    gaps = np.where(dice.random(bars) < 0.03, dice.standard_normal(bars) * 0.02, 0)
    close = 50_000 * np.exp(np.clip(np.cumsum(moves + gaps), -1.2, 1.2))
    start = close * np.exp(-moves)
    high = np.maximum(start, close) * (1 + np.abs(dice.standard_normal(bars)) * wild)
    low = np.minimum(start, close) * (1 - np.abs(dice.standard_normal(bars)) * wild)
    steps = np.where(dice.random(bars) < 0.02, dice.integers(2, 90, bars), 1)
    columns: dict[str, Any] = {"open": start, "high": high, "low": low, "close": close}
    if marked:
        columns["mark_close"] = close * (1 + dice.standard_normal(bars) * 0.002)
        columns["mark_high"] = np.maximum(columns["mark_close"], high * 0.998)
        columns["mark_low"] = np.minimum(columns["mark_close"], low * 1.002)
    whole = {name: np.rint(each * 10).astype(np.int64) for name, each in columns.items()}
    return Tape.of(
        ts=START + np.cumsum(steps) * MINUTE,
        volume=dice.random(bars) * 20,
        price_unit=UNIT,
        bar_ns=MINUTE,
        **whole,
    )


def wild_funding(seed: int, end: int) -> FundingSchedule:
    """Payments every half hour to three hours, some stamped late, up to half a percent."""
    dice = np.random.Generator(np.random.PCG64(seed))
    times, time = [], START
    while time < end:
        time += int(dice.integers(1, 7)) * HOUR // 2
        times.append(time + int(dice.integers(0, 2)) * 5_000_000)
    rates = tuple(D(int(each)) / 100_000 for each in dice.integers(-500, 501, len(times)))
    return FundingSchedule(tuple(times), rates)


class Leg(NamedTuple):
    """One position of a cycle: which, how large, where it is added to and where it takes profit."""

    book: PositionSide
    side: Side
    share: Decimal
    add: Decimal
    take: Decimal
    stop: Decimal | None


@dataclass
class Restless:
    """Opens the legs of one cycle after another, adds to losers, takes profit, comes back.

    What is swept or refused is not wanted again in this cycle; after a part was taken by force it
    wants its exit anew.
    """

    cycles: tuple[tuple[Leg, ...], ...]
    pause: int = 3 * MINUTE
    wakes: Wakes = ASLEEP
    _cycle: int = 0
    _wanted: dict[Role, Terms] = field(default_factory=dict)

    def on(self, event: Event, view: View) -> Plan | None:
        """Follow the cycles."""
        match event:
            case Started() | TimerFired():
                self._open(view)
            case OrderFilled(fill=fill, done=done):
                role = view.orders[fill.client_id].terms.role
                if done:
                    self._wanted.pop(role, None)
                if role.startswith(("entry", "add")) and done:
                    self._guard(view, first=role.startswith("entry"))
            case OrderCancelled() | OrderExpired() | OrderRejected():
                order = view.orders[event.client_id]
                if self._wanted.get(order.terms.role) is order.terms:
                    del self._wanted[order.terms.role]
            case Liquidated():
                self._guard(view, first=False)
            case _:
                return None
        opening = any(role.startswith("entry") for role in self._wanted)
        if not opening and not self._held(view):
            self._wanted.clear()
            self.wakes = Wakes(timer=Nanos(event.time + self.pause))
        return Plan(tuple(self._wanted.values()))

    def _held(self, view: View) -> bool:
        return any(view.position(book).qty for book in PositionSide)

    def _legs(self) -> tuple[Leg, ...]:
        return self.cycles[self._cycle % len(self.cycles)]

    def _open(self, view: View) -> None:
        self.wakes = ASLEEP
        if self._held(view) or view.price is None:
            return
        self._cycle += 1
        power = view.buying_power(view.price)
        for leg in self._legs():
            qty = view.instrument.qty_for(D(power * leg.share), view.price)
            if qty:
                role = Role(f"entry {leg.book} {self._cycle}")
                self._wanted[role] = Terms(
                    role, leg.side, OrderType.MARKET, qty=qty, position_side=leg.book
                )

    def _guard(self, view: View, *, first: bool) -> None:
        """Want the exits of all legs as they stand, and once the order that adds."""
        instrument = view.instrument
        for leg in self._legs():
            position = view.position(leg.book)
            entry = position.entry(instrument)
            roles = [Role(f"{name} {leg.book}") for name in ("take", "stop", "add")]
            if entry is None:
                for role in roles:
                    self._wanted.pop(role, None)
                continue
            way, back = (1 if leg.side is Side.BUY else -1), leg.side.opposite
            guard: Any = {"qty": abs(position.qty), "reduce_only": True, "position_side": leg.book}
            price = instrument.price_for(back, entry * (1 + way * leg.take))
            self._wanted[roles[0]] = Terms(roles[0], back, OrderType.LIMIT, price=price, **guard)
            if leg.stop is not None:
                level = instrument.price_for(back, entry * (1 - way * leg.stop))
                self._wanted[roles[1]] = Terms(
                    roles[1], back, OrderType.STOP, trigger=level, **guard
                )
            if first and leg.add:
                price = instrument.price_for(leg.side, entry * (1 - way * leg.add))
                qty = instrument.qty_down(abs(position.qty) / 2) or instrument.lot
                self._wanted[roles[2]] = Terms(
                    roles[2], leg.side, OrderType.LIMIT, qty=qty, price=price,
                    position_side=leg.book,
                )  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A run of a strategy over a wild market, but for the strategy."""

    seed: int
    kind: Kind = Kind.LINEAR
    bars: int = 1500
    margin: MarginMode = MarginMode.CROSS
    leverage: Decimal = D(20)
    marked: bool = False
    fee: Decimal = D("0.0005")
    liquidation_fee: Decimal = D("0.0125")
    fills: FillModel = field(default_factory=FillModel)
    intrabar: Intrabar = Intrabar.PESSIMISTIC
    delay_ms: int = 0

    @property
    def instrument(self) -> Instrument:
        return LINEAR if self.kind is Kind.LINEAR else INVERSE

    @property
    def capital(self) -> Decimal:
        return D(100_000) if self.kind is Kind.LINEAR else D(2)

    @property
    def brackets(self) -> BracketTable:
        """Five brackets of the account's size, and from the sixth hour on dearer ones."""
        versions = [
            brackets_of(
                (self.capital * D(floor), D(rate) * dearer, D(most)) for floor, rate, most in FIVE
            )
            for dearer in (1, D("1.2"))
        ]
        return BracketTable((START, START + 6 * HOUR), tuple(versions))

    def ledger(self) -> Ledger:
        wallet = {self.instrument.settle: self.capital}
        charges = FeeSchedule(D("-0.0001"), self.fee)  # type: ignore[arg-type]
        return Ledger(self.instrument, wallet, fees=charges, leverage=self.leverage)

    def rules(self, end: int) -> VenueRules:
        terms = PerpetualTerms(
            self.brackets,
            self.margin,
            wild_funding(self.seed, end),
            self.liquidation_fee,  # type: ignore[arg-type]
            self.marked,
        )
        latency = None
        if self.delay_ms:
            dice = np.random.Generator(np.random.PCG64(self.seed))
            latency = Latency((0, self.delay_ms), (0, 0), dice)
        return VenueRules(self.fills, self.intrabar, latency=latency, perpetual=terms)


@dataclass
class Played:
    """A run and its parts."""

    case: Case
    tape: Tape
    session: Session
    journal: Any
    walked: int

    @property
    def events(self) -> list[Event]:
        return [entry.event for entry in self.journal.entries]

    def count(self, kind: type) -> int:
        """How many events of a kind there were."""
        return sum(isinstance(event, kind) for event in self.events)


def play(case: Case, strategy, *, skip=True, journal=None) -> Played:
    """Replay a case; a journal that watches is told whom by its `over`."""
    tape = wild_tape(case.seed, case.bars, marked=case.marked)
    feed = TapeFeed(tape)
    venue = SimVenue(case.ledger(), unit=UNIT, rules=case.rules(int(tape.ts[-1])))
    engine = Engine(BotId("b"), Portfolio(case.ledger()), strategy, Limits())
    kept = journal or MemoryJournal()
    if journal is not None:
        journal.over(venue, engine.portfolio)
    session = Session(engine, venue, kept, unit=UNIT)
    walked = replay(feed, session, skip=skip)
    return Played(case, tape, session, kept, walked)


def restless(seed: int) -> Restless:
    """Cycles by dice: long, short, or both legs of a hedge; calm or all in."""
    dice = np.random.Generator(np.random.PCG64(seed + 1_000))

    def leg(book: PositionSide, side: Side, most: float) -> Leg:
        return Leg(
            book,
            side,
            D(str(round(float(dice.uniform(0.05, most)), 3))),
            D(str(round(float(dice.choice([0, 0.002, 0.01])), 4))),
            D(str(round(float(dice.uniform(0.002, 0.05)), 4))),
            None if dice.random() < 0.7 else D("0.02"),
        )

    def cycle() -> tuple[Leg, ...]:
        fate = dice.integers(0, 5)
        if fate == 0:
            return leg(LONG, Side.BUY, 0.45), leg(SHORT, Side.SELL, 0.45)
        return (leg(NET, Side.BUY if fate < 3 else Side.SELL, 0.9),)

    return Restless(tuple(cycle() for _ in range(8)))
