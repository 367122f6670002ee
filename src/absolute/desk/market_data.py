"""Owns the bringing together of a run's market: bars, mark price, funding and the instrument."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from absolute.desk.clock import generator
from absolute.desk.markets import Grid, market
from absolute.domain.errors import UserError
from absolute.domain.instrument import Instrument, Kind
from absolute.domain.units import Ratio
from absolute.kernels.synth import synth_tape
from absolute.kernels.tape import Tape
from absolute.lake.bars import BarFile, GapPolicy, read_bars, refuse_gaps
from absolute.lake.brackets import read_brackets, shipped_brackets
from absolute.lake.funding import align_mark, read_funding
from absolute.matching.margin import BracketTable
from absolute.matching.perpetual import FundingSchedule, check_coverage

__all__ = [
    "Found",
    "GapPolicy",
    "Source",
    "Wanted",
    "gather",
    "made_market",
    "refined",
]

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
DEMO_START_NS = 1_704_067_200_000_000_000
"""2024-01-01 00:00 UTC: a made market needs a date, and this one is nobody's."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user named."""

    data: Path
    start: str | None = None
    end: str | None = None
    symbol: str | None = None
    kind: Kind = Kind.SPOT
    gaps: GapPolicy = GapPolicy.KEEP
    grid: Grid = field(default_factory=Grid)
    finer: Path | None = None
    mark: Path | None = None
    funding: Path | None = None
    funding_venue: str | None = None
    brackets: Path | None = None
    allow_missing_funding: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bars come from: for the passport."""

    name: str
    sha256: str
    gaps: int
    missing_bars: int
    seed: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a run needs of its market."""

    tape: Tape
    source: Source
    instrument: Instrument
    funding: FundingSchedule | None = None
    brackets: BracketTable | None = None

    def over(self, tape: Tape) -> "Found":
        """The same market over other bars."""
        return replace(self, tape=tape)


def gather(wanted: Wanted) -> Found:
    """Read every file and check that they fit together; raises `UserError`."""
    bars = read_bars(wanted.data, start=wanted.start, end=wanted.end, symbol=wanted.symbol)
    if wanted.gaps is GapPolicy.REFUSE:
        refuse_gaps(bars)
    tape = bars.tape
    if wanted.finer is not None:
        tape = refined(tape, read_bars(wanted.finer, start=wanted.start, end=wanted.end).tape)
    unit = tape.price_unit  # before the mark, which may need a finer one
    if wanted.mark is not None:
        tape = align_mark(tape, wanted.mark, symbol=wanted.symbol)
    symbol = (
        wanted.symbol or bars.symbol or ("BTCUSD" if wanted.kind is Kind.INVERSE else "BTCUSDT")
    )
    instrument = market(symbol, wanted.kind, unit=unit, grid=wanted.grid)
    schedule = _funding(wanted, instrument, tape)
    return Found(tape, _source(bars), instrument, schedule, _brackets(wanted, instrument))


def made_market(*, seed: int, bars: int, first_price: Decimal) -> Found:
    """The built-in market: seeded one-minute bars."""
    tape = synth_tape(
        generator(seed),
        bars=bars,
        start_ns=DEMO_START_NS,
        bar_ns=MINUTE_NS,
        first_price=first_price,
        price_unit=Decimal("0.01"),
    )
    source = Source(f"synthetic seed {seed}", tape.sha256(), 0, 0, seed)
    return Found(
        tape, source, market("BTCUSDT", Kind.SPOT, unit=tape.price_unit, grid=Grid()), None
    )


def refined(tape: Tape, finer: Tape) -> Tape:
    """Replace every bar that finer bars cover whole by those bars, so that its path is known.

    The tape's bar length becomes the finer one; a coarse bar that stays keeps its own times.
    Raises `UserError` FINER_MISMATCH where the two do not fit.
    """
    if tape.bar_ns % finer.bar_ns or tape.price_unit != finer.price_unit:
        raise UserError(
            "FINER_MISMATCH",
            "The finer bars must divide the bars and share their price unit; choose such a file.",
        )
    steps = tape.bar_ns // finer.bar_ns
    first = np.searchsorted(finer.ts, tape.ts)
    last = np.searchsorted(finer.ts, tape.ts + tape.bar_ns)
    whole = last - first == steps
    if not whole.all():
        missing = int((~whole).sum())
        raise UserError(
            "FINER_MISMATCH",
            f"The finer bars do not cover {missing} of {len(tape)} bars; choose a covered range.",
        )
    return finer.slice(int(first[0]), int(last[-1]))


def _source(bars: BarFile) -> Source:
    missing = sum(gap.missing for gap in bars.gaps)
    return Source(bars.source, bars.sha256, len(bars.gaps), missing)


def _brackets(wanted: Wanted, instrument: Instrument) -> BracketTable | None:
    """The maintenance brackets of a perpetual: the user's file, or those that come along."""
    if not instrument.perpetual:
        return None
    symbol = str(instrument.id)
    if wanted.brackets is not None:
        return read_brackets(wanted.brackets, symbol)
    return shipped_brackets(symbol)


def _funding(wanted: Wanted, instrument: Instrument, tape: Tape) -> FundingSchedule | None:
    if not instrument.perpetual:
        if wanted.funding is not None:
            raise UserError(
                "FUNDING_ON_SPOT", "A spot market pays no funding; leave --funding out."
            )
        return None
    if wanted.funding is None:
        if wanted.allow_missing_funding:
            return None
        raise UserError(
            "FUNDING_MISSING",
            "A perpetual needs its funding rates: give --funding FILE, or --allow-missing-funding.",
        )
    series = read_funding(wanted.funding, symbol=wanted.symbol, exchange=wanted.funding_venue)
    start, end = int(tape.ts[0]), int(tape.ts[-1]) + tape.bar_ns
    schedule = FundingSchedule(
        # Venues stamp a settlement some milliseconds late: it is due at the whole second.
        tuple(time - time % SECOND_NS for time in series.ts.tolist()),
        tuple(Ratio(rate) for rate in series.rates),
    )
    if not wanted.allow_missing_funding:
        check_coverage(schedule, start, end)
    return schedule
