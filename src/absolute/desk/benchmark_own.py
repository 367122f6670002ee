"""Owns our own side of the benchmark: one counted run of each case, live class and compiled twin.

The first is the strategy class that trades live in the exact engine; the second the kernel that
tests hold equal to it. A run is timed from a market in memory to the finished result, as a peer is:
building the skip
index counts, making or reading the market does not. It must not know of peers or repetitions.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from time import perf_counter
from typing import Final, Protocol

import numpy as np

from absolute.desk.backtest import uncollected
from absolute.desk.benchmark_market import Market
from absolute.domain.fees import FeeCoin, FeeSchedule
from absolute.domain.ids import BotId, InstrumentId
from absolute.domain.instrument import Instrument, Kind
from absolute.domain.ledger import Ledger
from absolute.domain.messages import OrderFilled
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import ONE, ZERO, Asset, Price, Qty, Quote, Ratio
from absolute.engine.agenda import Agenda, Signals
from absolute.engine.replay import replay
from absolute.engine.session import Session
from absolute.engine.step import Engine
from absolute.kernels.feed import TapeFeed
from absolute.kernels.ladder import LadderShape, LadderTerms, run_ladder
from absolute.kernels.signal import SignalTerms, run_signals
from absolute.kernels.skip import SkipIndex
from absolute.kernels.tape import Tape
from absolute.matching.venue import SimVenue, VenueRules
from absolute.risk.limits import Limits
from absolute.store.journal import MemoryJournal
from absolute.strategies.contract import Strategy
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import (
    SEED_DEFAULTS,
    LadderConfig,
    TargetMode,
    ladder_plan,
)
from absolute.strategies.signal import SignalFollower

LOT: Final = Qty(Decimal("0.00001"))
BASE, QUOTE = Asset("BTC"), Asset("USDT")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds of the run alone, and what it came to at the last close."""

    seconds: float
    fills: int
    final_equity: Quote


class OwnRun(Protocol):
    """One counted run of a case over a market; fees are charged in quote."""

    def __call__(self, market: Market, *, cash: Quote, fee: Ratio) -> Outcome: ...


def run_ours_dca(market: Market, *, cash: Quote, fee: Ratio) -> Outcome:
    """The seed's ladder without reinvestment, by the strategy class that trades live."""
    return _timed(market.tape, Ladder(_config(fee)), cash, fee=fee, agenda=None)


def run_twin_dca(market: Market, *, cash: Quote, fee: Ratio) -> Outcome:
    """The same ladder by its compiled twin; raises ValueError or OverflowError as that does."""
    tape, shape = market.tape, ladder_shape(_config(fee))
    instrument, fees = _instrument(tape), _fees(fee)
    started = perf_counter()
    terms = LadderTerms.of(
        shape, instrument=instrument, fees=fees, cash=cash, price_unit=tape.price_unit
    )
    done = run_ladder(tape.open, SkipIndex.over(tape.low, tape.high), terms)
    seconds = perf_counter() - started
    return Outcome(seconds, len(done.fills), done.equity(tape.price(tape.close.item(-1))))


def run_ours_sma(market: Market, *, cash: Quote, fee: Ratio) -> Outcome:
    """All in or out at the open after the signal changed."""
    changes = np.flatnonzero(np.diff(market.signals, prepend=False))
    values = [ONE if signal else ZERO for signal in market.signals[changes]]
    agenda = Signals(changes.tolist(), values)
    return _timed(market.tape, SignalFollower(), cash, fee=fee, agenda=agenda)


def run_twin_sma(market: Market, *, cash: Quote, fee: Ratio) -> Outcome:
    """The same cross by the compiled twin; raises ValueError or OverflowError as that does."""
    tape, instrument = market.tape, _instrument(market.tape)
    started = perf_counter()
    terms = SignalTerms.of(
        cash=cash,
        price_unit=tape.price_unit,
        lot=instrument.lot,
        fee=fee,
        min_notional=instrument.min_notional,
    )
    done = run_signals(tape.open, tape.close, market.signals, terms)
    seconds = perf_counter() - started
    return Outcome(seconds, len(done.fills), Quote(done.equity(terms, tape.close.item(-1))))


def ladder_shape(config: LadderConfig) -> LadderShape:
    """What the compiled twin needs of a ladder's settings; ValueError for one it does not do."""
    known = {"target_mode": TargetMode.GROSS, "resting_rebuys": 1, "cool_down_s": 0}
    for name, value in known.items():
        if getattr(config, name) != value:
            raise ValueError(f"the compiled twin needs {name} = {value}")
    plan = ladder_plan(config)
    return LadderShape(
        orders=plan.orders,
        drops=plan.drops,
        targets=plan.targets,
        clamps=(config.qty_minima, config.qty_maxima),
        cap=config.saldo_limite,
        reinvest=config.lucro_reaplicar,
    )


def _config(fee: Ratio) -> LadderConfig:
    return replace(SEED_DEFAULTS, lucro_reaplicar=False, taxa=fee)


def _timed(
    tape: Tape, strategy: Strategy, cash: Quote, *, fee: Ratio, agenda: Agenda | None
) -> Outcome:
    """Replay the tape with skipping; the journal is kept whole, as in every back-test."""
    journal = MemoryJournal()
    with uncollected():
        started = perf_counter()
        engine = Engine(BotId("bench"), Portfolio(_ledger(tape, cash, fee)), strategy, Limits())
        venue = SimVenue(_ledger(tape, cash, fee), unit=tape.price_unit, rules=VenueRules())
        session = Session(engine, venue, journal, unit=tape.price_unit, agenda=agenda)
        replay(TapeFeed(tape), session)
        seconds = perf_counter() - started
    fills = sum(isinstance(entry.event, OrderFilled) for entry in journal.entries)
    equity = venue.ledger.equity(tape.price(tape.close.item(-1)))
    return Outcome(seconds, fills, Quote(equity))


def _ledger(tape: Tape, cash: Quote, fee: Ratio) -> Ledger:
    return Ledger(_instrument(tape), {QUOTE: cash}, fees=_fees(fee))


def _fees(fee: Ratio) -> FeeSchedule:
    return FeeSchedule(fee, fee, FeeCoin.QUOTE)


def _instrument(tape: Tape) -> Instrument:
    """A spot market over the tape's ticks; what a venue might refuse is out of reach."""
    return Instrument(
        id=InstrumentId("BTCUSDT"),
        kind=Kind.SPOT,
        base=BASE,
        quote=QUOTE,
        tick=Price(tape.price_unit),
        lot=LOT,
        min_qty=LOT,
        min_notional=Quote(ONE),
    )
