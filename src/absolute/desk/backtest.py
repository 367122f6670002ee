"""Owns one back-test from its settings to its result; only the run itself is timed."""

import gc
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from absolute import __version__
from absolute.desk.books import Books, equity_at_closes, read_log
from absolute.desk.clock import stopwatch
from absolute.desk.language import _
from absolute.desk.market_data import Found
from absolute.desk.setup import Assumptions, Desk, new_ledger, wire
from absolute.domain.instrument import Kind
from absolute.domain.notes import Halted, LadderCapped, RungSkipped
from absolute.domain.units import ZERO, ledger_down, plain
from absolute.engine.agenda import Agenda
from absolute.engine.metrics import Curve, measure
from absolute.engine.replay import replay
from absolute.kernels.skip import SkipIndex
from absolute.kernels.tape import Tape
from absolute.research.result import BacktestResult, Passport
from absolute.store.journal import MemoryJournal, log_sha256
from absolute.strategies.contract import Strategy
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig, ladder_mapping


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A finished run, before its result is worked out."""

    desk: Desk
    journal: MemoryJournal
    seconds: float
    walked: int


def run(
    found: Found,
    strategy: Strategy,
    *,
    assumed: Assumptions,
    skip: bool = True,
    agenda: Agenda | None = None,
) -> Run:
    """Replay a market; `seconds` runs from the bars in memory to the last event, index included."""
    assumed.check()
    journal = MemoryJournal()
    SkipIndex.over(found.tape.low[:1], found.tape.high[:1]).first(0, 0, 0)  # load the kernel
    with uncollected():
        watch = stopwatch()
        desk = wire(found, strategy, assumed=assumed, journal=journal, agenda=agenda)
        walked = replay(desk.feed, desk.session, skip=skip)
        seconds = watch.seconds
    return Run(desk, journal, seconds, walked)


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the cyclic garbage collector away: messages hold no cycles, and the log only grows."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def backtest_ladder(
    found: Found, config: LadderConfig, *, assumed: Assumptions, skip: bool = True
) -> BacktestResult:
    """Back-test the ladder that trades live."""
    finished = run(found, Ladder(config), assumed=assumed, skip=skip)
    parameters = {name: str(value) for name, value in ladder_mapping(config).items()}
    return result_of(finished, found, assumed=assumed, parameters=parameters)


def result_of(
    finished: Run, found: Found, *, assumed: Assumptions, parameters: Mapping[str, object]
) -> BacktestResult:
    """Everything a finished run has to tell."""
    instrument = found.instrument
    tape = found.tape
    ledger = finished.desk.portfolio.ledger
    books = read_log(finished.journal.entries, new_ledger(instrument, assumed), int(tape.ts[0]))
    third = assumed.fees.third_held * (assumed.fees.third_price or 0)
    initial = assumed.capital + third
    final = ledger.equity(_last_price(tape))
    if instrument.inverse:
        final = ledger_down(final)  # a quotient; every other equity is exact
    equity = equity_at_closes(tape, books.steps, instrument)
    close = tape.closes()
    held = float(initial) * (
        close / close[0] if instrument.kind is not Kind.INVERSE else np.ones(len(close))
    )
    profits = np.array([float(deal.profit) for deal in books.deals if deal.profit is not None])
    curve = Curve(tape.ts, equity, float(initial), tape.bar_ns)
    perpetual = instrument.perpetual
    return BacktestResult(
        instrument=str(instrument.id),
        settle=str(instrument.settle),
        initial_capital=initial,
        final_equity=final,
        net_profit=final - initial,
        fees=books.fees,
        fills=tuple(books.fills),
        deals=tuple(books.deals),
        bar_ns=tape.bar_ns,
        ts=tape.ts,
        close=close,
        equity=equity,
        benchmark=held,
        metrics=measure(curve, trades=profits, benchmark=held, risk_free=0.0),
        passport=_passport(finished, found, assumed, parameters),
        seconds=finished.seconds,
        funding=books.funding if perpetual else None,
        liquidations=books.liquidations if perpetual else None,
        notes=_notes(books),
    )


def _last_price(tape: Tape) -> Decimal:
    marks = tape.mark_close
    last = tape.close if marks is None else marks
    return last.item(-1) * tape.price_unit


def _passport(
    finished: Run, found: Found, assumed: Assumptions, parameters: Mapping[str, object]
) -> Passport:
    tape, source, floor = found.tape, found.source, assumed.limits.equity_floor
    fees = assumed.fees
    told = {
        **parameters,
        "capital": plain(assumed.capital),
        "slippage_bps": plain(assumed.slippage_bps),
        "impact_bps": plain(assumed.impact_bps),
        "submit_ms": list(assumed.submit_ms),
        "cancel_ms": list(assumed.cancel_ms),
        "volume_share": plain(assumed.fills.volume_share),
        "queue_ahead": plain(assumed.fills.queue_ahead),
        "leverage": plain(assumed.leverage),
        "margin": assumed.margin.value,
        "equity_floor": None if floor is None else plain(floor),
        "flatten": assumed.limits.flatten,
        "tick": plain(found.instrument.tick),
        "lot": plain(found.instrument.lot),
        "min_notional": plain(found.instrument.min_notional),
        "inputs": dict(source.inputs),
    }
    told_fees = {"maker": plain(fees.maker), "taker": plain(fees.taker), "coin": fees.coin.value}
    if fees.third is not None:
        told_fees["coin"] = str(fees.third)
        told_fees["price"] = plain(fees.third_price or ZERO)
        told_fees["held"] = plain(fees.third_held)
    return Passport(
        version=__version__,
        data_sha256=source.sha256,
        data_name=source.name,
        bars=len(tape),
        first_ts=int(tape.ts[0]),
        last_ts=int(tape.ts[-1]),
        gaps=source.gaps,
        missing_bars=source.missing_bars,
        parameters=told,
        seed=source.seed if source.seed is not None else assumed.seed,
        fill_model=assumed.fills.rule.value,
        intrabar=assumed.intrabar.value,
        fees=told_fees,
        python=platform.python_version(),
        event_log_sha256=log_sha256(finished.journal.entries),
    )


def _notes(books: Books) -> tuple[str, ...]:
    """What a reader of the result must know: rungs capped or skipped, and why it stopped."""
    capped = [note for note in books.notes if isinstance(note, LadderCapped)]
    skipped = [note for note in books.notes if isinstance(note, RungSkipped)]
    lines = []
    if capped:
        deepest = min(note.rung for note in capped)
        text = _("The cap ended {count} ladders, the first at rung {rung}.")
        lines.append(text.format(count=len(capped), rung=deepest))
    if skipped:
        text = _("{count} rungs were skipped: below the venue's minimum.")
        lines.append(text.format(count=len(skipped)))
    halted = _("Halted: {code}: {detail}.")
    lines.extend(
        halted.format(code=note.code, detail=note.detail)
        for note in books.notes
        if isinstance(note, Halted)
    )
    return tuple(lines)
