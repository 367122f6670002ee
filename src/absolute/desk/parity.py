"""Owns the parity ledger of one run: its journal on one side, its back-test on the other.

The journal is stepped through the engine again, the same settings are replayed over the market,
and `research.parity_split` says what made the two end differently. It must not know how a
difference is divided.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Final

import numpy as np

from absolute.desk.language import _
from absolute.desk.market_data import Found, Source
from absolute.desk.setup import BOT, Assumptions, Desk, FeeTerms, wire
from absolute.domain.errors import IllegalStep, JournalError, LedgerError, UnknownOrder, UserError
from absolute.domain.fees import FeeSchedule, in_settle
from absolute.domain.fill import Fee, Fill, Liquidity
from absolute.domain.ids import BotId, TradeId
from absolute.domain.instrument import Instrument, Kind
from absolute.domain.ledger import Ledger
from absolute.domain.messages import (
    Event,
    FeeReported,
    FundingPaid,
    LevelReached,
    Liquidated,
    OrderFilled,
    Paused,
    PriceSeen,
    Resumed,
    Started,
    StopAsked,
    Transferred,
)
from absolute.domain.notes import DealOpened, Note
from absolute.domain.order import Order, Status
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import TEN_THOUSAND, ZERO, Nanos, Price
from absolute.engine.replay import replay
from absolute.engine.step import Engine
from absolute.kernels.tape import Tape
from absolute.lake.brackets import shipped_brackets
from absolute.matching.perpetual import FundingSchedule
from absolute.research.parity_split import Account, Key, Part, PriceAt, Split, Trade, split
from absolute.risk.limits import Limits
from absolute.store.journal import MemoryJournal, events
from absolute.store.runs import Run
from absolute.store.sql_store import open_records
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig, ladder_config

PLACES: Final = Decimal("1e-6")
DIGITS: Final = 50
"""Digits to divide with: a quotient of amounts must not show in the eighth place."""
PLENTY: Final = 1e12
LIQUIDATION: Final = "liquidation"
PEOPLE: Final = (Paused, Resumed, StopAsked)
Told = Iterable[tuple[Event, tuple[Note, ...]]]


@dataclass(frozen=True, slots=True)
class Record:
    """A run as it was: who, on what terms, every fact, and the market it saw."""

    name: str
    bot: BotId
    config: LadderConfig
    instrument: Instrument
    capital: Decimal
    fees: FeeSchedule
    events: tuple[Event, ...]
    seen: Tape


@dataclass(frozen=True, slots=True)
class Parity:
    """The difference of a run and its model, whole and in parts; bps are of the capital."""

    run: str
    capital: Decimal
    actual_equity: Decimal
    modelled_equity: Decimal
    split: Split

    def bps(self, amount: Decimal) -> Decimal:
        """An amount in basis points of the initial capital, to six places."""
        with localcontext(prec=DIGITS):
            return (amount / self.capital * TEN_THOUSAND).quantize(PLACES)

    def to_json(self) -> dict[str, object]:
        """The ledger for other programs; the parts sum to `total_bps` exactly."""
        total = self.bps(self.split.total)
        parts = {part: self.bps(amount) for part, amount in self.split.parts.items()}
        return {
            "run": self.run,
            "basis": "initial capital",
            "capital": self.capital,
            "actual_equity": self.actual_equity,
            "modelled_equity": self.modelled_equity,
            "matched": self.split.matched,
            "only_actual": [f"{deal} {role}" for deal, role in self.split.only_actual],
            "only_modelled": [f"{deal} {role}" for deal, role in self.split.only_modelled],
            "total_bps": total,
            **{f"{part}_bps": amount for part, amount in parts.items()},
            "unexplained_bps": total - sum(parts.values(), ZERO),
        }


def record_of_file(
    path: Path, config: LadderConfig, found: Found, *, capital: Decimal, seen: Tape | None = None
) -> Record:
    """A run whose journal is a file; what the file does not tell is told with it."""
    try:
        facts = tuple(events(path))
    except OSError as fault:
        message = _("The journal {file} cannot be read ({reason}); check its name and rights.")
        text = message.format(file=path, reason=fault.strerror)
        raise UserError("JOURNAL_UNREADABLE", text) from fault
    except (JournalError, ValueError, KeyError, TypeError) as fault:
        message = _("The journal {file} is damaged ({reason}); take an undamaged copy.")
        text = message.format(file=path, reason=fault)
        raise UserError("JOURNAL_DAMAGED", text) from fault
    fees = FeeSchedule(config.taxa, config.taxa)
    tape = found.tape if seen is None else seen
    return Record(path.name, BOT, config, found.instrument, capital, fees, facts, tape)


def stored_run(where: str, run_id: str) -> Record:
    """A run out of the database, whole; raises `UserError` where it is not there or damaged."""
    records = open_records(where)
    run = records.find_run(run_id)
    config = ladder_config(json.loads(run.config))
    try:
        facts, prices = records.events(run_id), records.prices(run_id)
        return record_of_run(run, config, facts, prices=prices)
    except JournalError as fault:
        message = _("The journal {file} is damaged ({reason}); take an undamaged copy.")
        raise UserError("JOURNAL_DAMAGED", message.format(file=run_id, reason=fault)) from fault


def record_of_run(
    run: Run,
    config: LadderConfig,
    facts: Iterable[Event],
    *,
    prices: Iterable[tuple[Nanos, Price]],
) -> Record:
    """A run out of the store, with the prices that it saw."""
    told = tuple(facts)
    seen = sorted([*_proved(told), *prices], key=lambda each: each[0])
    tape = tape_of_prices(seen, run.instrument)
    return Record(run.id, run.bot, config, run.instrument, run.capital, run.fees, told, tape)


def _proved(facts: Iterable[Event]) -> Iterator[tuple[Nanos, Price]]:
    """The prices that a journal proves besides those that were kept, which are one a second.

    Where a resting order of ours traded, the market was; what a taker paid is no market's price.
    """
    for fact in facts:
        match fact:
            case Started(time=time, price=price) | PriceSeen(time=time, price=price):
                yield time, price
            case LevelReached(time=time, price=price):
                yield time, price
            case OrderFilled(fill=fill) if fill.liquidity is Liquidity.MAKER:
                yield fill.time, fill.price
            case _:
                pass


def tape_of_prices(prices: Sequence[tuple[Nanos, Price]], instrument: Instrument) -> Tape:
    """Single prices as bars of an instant; of two at one time the second comes a moment later."""
    rising: list[tuple[int, int]] = []
    for time, price in prices:
        ticks = int(price // instrument.tick)
        if not rising:
            rising.append((time, ticks))
        elif ticks != rising[-1][1] or time > rising[-1][0]:
            rising.append((max(time, rising[-1][0] + 1), ticks))
    if not rising:
        message = _("The run has seen no price yet; nothing can be compared.")
        raise UserError("PARITY_NO_PRICES", message)
    ts, column = (np.array(each, dtype=np.int64) for each in zip(*rising, strict=True))
    return Tape.of(
        ts=ts,
        open=column,
        high=column,
        low=column,
        close=column,
        volume=np.full(len(ts), PLENTY),
        price_unit=instrument.tick,
        bar_ns=1,
    )


def found_as_seen(record: Record) -> Found:
    """The market a run saw, as the market to replay it over, with the funding it was told of."""
    tape, instrument = record.seen, record.instrument
    source = Source(f"prices seen by {record.name}", tape.sha256(), 0, 0)
    if not instrument.perpetual:
        return Found(tape, source, instrument)
    rates = {each.time: each.rate for each in record.events if isinstance(each, FundingPaid)}
    funding = FundingSchedule(tuple(sorted(rates)), tuple(rates[time] for time in sorted(rates)))
    return Found(tape, source, instrument, funding, shipped_brackets(str(instrument.id)))


def until_last(record: Record, found: Found) -> tuple[Record, Found]:
    """A run that was interrupted, and its market, no further than its last fact."""
    last = record.events[-1].time if record.events else 0
    count = max(1, int(np.searchsorted(found.tape.ts, last, side="right")))
    seen = max(1, int(np.searchsorted(record.seen.ts, last, side="right")))
    cut = replace(record, seen=record.seen.slice(0, seen))
    return cut, found.over(found.tape.slice(0, count))


def within_run(record: Record, found: Found) -> Found:
    """Another market over the time of the run, with the run's own filters."""
    tape, seen = found.tape, record.seen
    first = int(np.searchsorted(tape.ts + tape.bar_ns, seen.ts[0], side="right"))
    last = int(np.searchsorted(tape.ts, seen.ts[-1], side="right"))
    if first >= last:
        message = _("The data of '{data}' do not cover the time of run {run}; give data that do.")
        text = message.format(data=found.source.name, run=record.name)
        raise UserError("PARITY_DATA_ELSEWHERE", text)
    return replace(found.over(tape.slice(first, last)), instrument=record.instrument)


def expected(record: Record) -> Assumptions:
    """What the model assumes where nothing else is said: the fees the run was told, no more."""
    fees = record.fees
    terms = FeeTerms(fees.maker, fees.taker, fees.coin, fees.third, fees.third_price)
    return Assumptions(fees=terms, capital=record.capital)


def compare(record: Record, found: Found, assumed: Assumptions) -> Parity:
    """Replay a run's settings over a market and say why it ended as it did."""
    instrument = record.instrument
    if instrument.kind is Kind.INVERSE:
        message = _("{market} settles in its base coin; the parity ledger counts in quote.")
        raise UserError("PARITY_INVERSE", message.format(market=instrument.id))
    portfolio, told = _lived(record)
    people = [event for event in record.events if isinstance(event, PEOPLE)]
    journal = MemoryJournal()
    desk = wire(found, Ladder(record.config), assumed=assumed, journal=journal)
    _replayed(desk, people)
    modelled_told = [(entry.event, entry.outcome.notes) for entry in journal.entries]
    marks = _last(record.seen), _last(found.tape)
    # Only here: an engine that reckoned with more digits would not be the one that ran.
    with localcontext(prec=DIGITS):
        actual = _account(told, portfolio, marks, price_at(record.seen))
        modelled = _account(modelled_told, desk.portfolio, marks[::-1], price_at(found.tape))
        parts = split(actual, modelled, contract=instrument.contract)
    return Parity(record.name, record.capital, actual.equity, modelled.equity, parts)


def _lived(record: Record) -> tuple[Portfolio, Told]:
    """The run's own portfolio and what its strategy said, from its events alone."""
    balances = {record.instrument.settle: record.capital}
    portfolio = Portfolio(Ledger(record.instrument, balances, fees=record.fees))
    engine = Engine(record.bot, portfolio, Ladder(record.config), Limits())
    told: list[tuple[Event, tuple[Note, ...]]] = []
    try:
        told.extend((event, engine.step(event).notes) for event in record.events)
    except (UnknownOrder, IllegalStep, LedgerError) as fault:
        message = _(
            "The journal of {run} does not follow from these settings ({reason}); give the "
            "settings, the capital and the market that it ran with."
        )
        text = message.format(run=record.name, reason=fault)
        raise UserError("PARITY_OTHER_SETTINGS", text) from fault
    return portfolio, told


def _replayed(desk: Desk, people: Sequence[Event]) -> None:
    """The back-test, with what people asked for at its time."""
    if not people:
        replay(desk.feed, desk.session)
        return
    waiting = sorted(people, key=lambda event: event.time)
    desk.session.start(desk.feed.row(0))
    for number in range(len(desk.feed)):
        row = desk.feed.row(number)
        while waiting and waiting[0].time <= row.time:
            desk.session.deliver(waiting.pop(0))
        desk.session.visit(row)
    for event in waiting:
        desk.session.deliver(event)


def _account(
    told: Told, portfolio: Portfolio, marks: tuple[Decimal, Decimal], market: PriceAt
) -> Account:
    """One run's end; money that came in or went out by hand is no part of it."""
    reader = _Reader(portfolio)
    for event, notes in told:
        reader.read(event, notes)
    ledger, (mark, other) = portfolio.ledger, marks
    at_mark = ledger.equity(mark) - reader.transferred(mark)
    at_other = ledger.equity(other) - reader.transferred(other)
    trades = tuple(reader.trades.values())
    return Account(trades, at_mark, at_other, mark, reader.funding, market)


class _Reader:
    """Gathers the trades of a log, one for each deal and role."""

    def __init__(self, portfolio: Portfolio) -> None:
        self.trades: dict[Key, Trade] = {}
        self.funding = ZERO
        self._portfolio = portfolio
        self._instrument = portfolio.instrument
        self._moved: list[Transferred] = []
        self._unpaid: dict[TradeId, Key] = {}
        self._deal = 0

    def read(self, event: Event, notes: tuple[Note, ...]) -> None:
        """Take in one fact and what the strategy said to it."""
        for note in notes:
            if isinstance(note, DealOpened):
                self._deal = note.deal
        match event:
            case OrderFilled(fill=fill):
                self._fill(fill, self._portfolio.orders[fill.client_id])
            case FeeReported(trade_id=trade_id, fee=fee):
                key = self._unpaid.pop(trade_id, None)
                if key is not None:
                    self.trades[key] = self._charged(self.trades[key], fee)
            case FundingPaid(amount=amount):
                self.funding += amount
            case Transferred():
                self._moved.append(event)
            case Liquidated(side=side, qty=qty, price=price, fee=fee, time=time):
                trade = Trade(self._deal, LIQUIDATION, side, qty, price, time, taker=True)
                self._take(self._charged(trade, fee))
            case _:
                pass

    def transferred(self, mark: Decimal) -> Decimal:
        """What was moved by hand, at a mark price."""
        quote = self._instrument.settle
        return sum(
            (each.amount if each.asset == quote else each.amount * mark for each in self._moved),
            ZERO,
        )

    def _fill(self, fill: Fill, order: Order) -> None:
        key = self._deal, str(order.terms.role)
        full = order.status is Status.FILLED
        taker = fill.liquidity is Liquidity.TAKER
        trade = Trade(*key, fill.side, fill.qty, fill.price, fill.time, taker, full=full)
        if fill.fee is None:
            self._unpaid[fill.trade_id] = key
        self._take(trade if fill.fee is None else self._charged(trade, fill.fee))

    def _take(self, more: Trade) -> None:
        """Put a fill to those of its role."""
        before = self.trades.get(more.key)
        if before is None:
            self.trades[more.key] = more
            return
        qty = before.qty + more.qty
        self.trades[more.key] = replace(
            before,
            qty=qty,
            price=(before.qty * before.price + more.qty * more.price) / qty,
            base_fee=before.base_fee + more.base_fee,
            quote_fee=before.quote_fee + more.quote_fee,
            full=more.full,
        )

    def _charged(self, trade: Trade, fee: Fee) -> Trade:
        instrument = self._instrument
        if fee.asset == instrument.base and instrument.kind is Kind.SPOT:
            return replace(trade, base_fee=trade.base_fee + fee.amount)
        return replace(trade, quote_fee=trade.quote_fee + in_settle(fee, instrument))


def price_at(tape: Tape) -> PriceAt:
    """The market of a tape: the open at a bar's own time, inside it the price nearest to one asked
    for, after it its close; before the first bar its open.
    """

    def at(time: int, near: Decimal) -> Decimal:
        place = int(np.searchsorted(tape.ts, time, side="right")) - 1
        if place < 0 or int(tape.ts[place]) == time:
            return tape.price(tape.open.item(max(place, 0)))
        if time >= int(tape.ts[place]) + tape.bar_ns:
            return tape.price(tape.close.item(place))
        low, high = (tape.price(column.item(place)) for column in (tape.low, tape.high))
        return min(max(near, low), high)

    return at


def _last(tape: Tape) -> Decimal:
    return tape.price(tape.close.item(-1))


def parts_in_order(parity: Parity) -> Iterator[tuple[Part, Decimal]]:
    """Every part with its amount, as they are shown."""
    return ((part, parity.split.parts[part]) for part in Part)
