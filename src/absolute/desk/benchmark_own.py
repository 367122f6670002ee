"""Owns our own side of the benchmark: one counted run of each case, by the engine that trades live.

A run is timed from a market in memory to the finished result, as a peer's is: building the skip
index counts, making or reading the market does not. It must not know of peers or repetitions.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from time import perf_counter
from typing import Final, Protocol

import numpy as np

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
from absolute.kernels.tape import Tape
from absolute.matching.venue import SimVenue, VenueRules
from absolute.risk.limits import Limits
from absolute.store.journal import MemoryJournal
from absolute.strategies.contract import Strategy
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import SEED_DEFAULTS
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
    ladder = Ladder(replace(SEED_DEFAULTS, lucro_reaplicar=False, taxa=fee))
    return _timed(market.tape, ladder, cash, fee=fee, agenda=None)


def run_ours_sma(market: Market, *, cash: Quote, fee: Ratio) -> Outcome:
    """All in or out at the open after the signal changed."""
    changes = np.flatnonzero(np.diff(market.signals, prepend=False))
    values = [ONE if signal else ZERO for signal in market.signals[changes]]
    agenda = Signals(changes.tolist(), values)
    return _timed(market.tape, SignalFollower(), cash, fee=fee, agenda=agenda)


def _timed(
    tape: Tape, strategy: Strategy, cash: Quote, *, fee: Ratio, agenda: Agenda | None
) -> Outcome:
    """Replay the tape with skipping; the journal is kept whole, as in every back-test."""
    journal = MemoryJournal()
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
    """A spot account over the tape's ticks; what a venue might refuse is out of reach."""
    instrument = Instrument(
        id=InstrumentId("BTCUSDT"),
        kind=Kind.SPOT,
        base=BASE,
        quote=QUOTE,
        tick=Price(tape.price_unit),
        lot=LOT,
        min_qty=LOT,
        min_notional=Quote(ONE),
    )
    return Ledger(instrument, {QUOTE: cash}, fees=FeeSchedule(fee, fee, FeeCoin.QUOTE))
