"""Owns the bringing together of a run's market: bars, mark price, funding and the instrument."""

import hashlib
import re
from collections.abc import Mapping
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
MARK_APART_MAX = 0.05
FINER_APART_MAX = 0.001
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
    """Where the bars come from: for the passport. `inputs` are the hashes of all else read."""

    name: str
    sha256: str
    gaps: int
    missing_bars: int
    seed: int | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)


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
    _check_options(wanted)
    bars = read_bars(wanted.data, start=wanted.start, end=wanted.end, symbol=wanted.symbol)
    if wanted.gaps is GapPolicy.REFUSE:
        refuse_gaps(bars)
    tape, inputs = bars.tape, {}
    if wanted.finer is not None:
        finer = read_bars(wanted.finer, start=wanted.start, end=wanted.end, symbol=wanted.symbol)
        tape, inputs["finer"] = refined(tape, finer.tape), finer.sha256
    unit = tape.price_unit  # before the mark, which may need a finer one
    if wanted.mark is not None:
        tape = align_mark(tape, wanted.mark, symbol=wanted.symbol)
        inputs["mark"] = tape.sha256()
        _check_mark(tape)
    symbol = wanted.symbol or bars.symbol or symbol_of(wanted.data, wanted.kind)
    instrument = market(symbol, wanted.kind, unit=unit, grid=wanted.grid)
    schedule = _funding(wanted, instrument, tape)
    brackets = _brackets(wanted, instrument)
    for name, part in (("funding", schedule), ("brackets", brackets)):
        if part is not None:
            inputs[name] = hashlib.sha256(repr(part).encode()).hexdigest()
    return Found(tape, replace(_source(bars), inputs=inputs), instrument, schedule, brackets)


def symbol_of(path: Path, kind: Kind) -> str:
    """The market a file's own name tells, as in `ethusdt_1m.parquet`; else Bitcoin's."""
    word = re.split(r"[^A-Za-z0-9]", path.name, maxsplit=1)[0].upper()
    known = re.fullmatch(r"([A-Z]{2,6})(USDT|USDC|USD|BTC)", word)
    base = known[1] if known else "BTC"
    if kind is Kind.INVERSE:
        return f"{base}USD"
    return f"{base}{known[2] if known else 'USDT'}"


def _check_options(wanted: Wanted) -> None:
    """Refuse what means nothing for the market asked for, before anything is read."""
    if wanted.kind is not Kind.SPOT:
        return
    for option, given in (("--brackets", wanted.brackets), ("--mark", wanted.mark)):
        if given is not None:
            raise UserError(
                "OPTION_ON_SPOT", f"{option} belongs to a perpetual; leave it out on spot."
            )


def _check_mark(tape: Tape) -> None:
    """A mark price follows its market: most closes lie within a twentieth of each other."""
    if tape.mark_close is None:
        return
    apart = float(np.median(np.abs(tape.mark_close / tape.close - 1.0)))
    if apart > MARK_APART_MAX:
        raise UserError(
            "DATA_MARK_OTHER_MARKET",
            f"The mark price lies {apart:.0%} from the bars; give the mark of the same market.",
        )


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
    """The finer bars that make up the bars, so that the path inside each is known.

    Raises `UserError` FINER_MISMATCH where they do not cover every bar or are another market's.
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
    apart = np.abs(finer.close[last - 1] / tape.close - 1.0)
    if float(np.median(apart)) > FINER_APART_MAX:
        raise UserError(
            "FINER_MISMATCH",
            f"The finer bars close {float(np.median(apart)):.1%} away; give the same market.",
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
