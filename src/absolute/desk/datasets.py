"""Owns what the terminal may do with bar files: judge one, and make one up.

It wires the lake to the generator of made-up markets; it must not know how either works.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from absolute.desk.amounts import parse_plain
from absolute.desk.clock import fresh_seed, generator, stopwatch
from absolute.desk.language import _
from absolute.domain.errors import UserError
from absolute.kernels.synth import DAY_NS, synth_tape
from absolute.lake.audit import AuditReport, Finding, audit
from absolute.lake.instants import (
    LAST_S,
    SECOND_NS,
    moment,
    moment_text,
    parse_instant,
    parse_timeframe,
)
from absolute.lake.writing import check_target, write_bars

__all__ = [  # the faces may not open the lake, so what they need of it is handed on here
    "AuditReport",
    "Finding",
    "MadeMarket",
    "MarketWish",
    "examine",
    "make_market",
    "moment_text",
]

BARS_MAX: Final = 10_000_000
PRICE_MIN: Final = Decimal("0.0001")
PRICE_MAX: Final = Decimal(1_000_000_000)
FIGURES: Final = 6
"""Places after the first figure of the first price that its unit keeps: 60000 gives 0.01."""

MAKING_STEPS: Final = 2


@dataclass(frozen=True, slots=True)
class MarketWish:
    """A made-up market as a person asks for it; None leaves the choice to us."""

    seed: int | None = None
    bars: int | None = None
    days: int | None = None
    timeframe: str = "1m"
    start: str = "2024-01-01"
    price: str = "60000"


@dataclass(frozen=True, slots=True)
class MadeMarket:
    """A made-up market as it was written: enough to make it again."""

    file: str
    seed: int
    bars: int
    timeframe: str
    first: datetime
    last: datetime
    first_price: Decimal
    last_price: Decimal
    price_unit: Decimal
    tape_sha256: str
    seconds: float


def examine(path: Path) -> AuditReport:
    """Everything odd in a bar file, and its figures; raises UserError where it holds no rows."""
    return audit(path)


def make_market(
    path: Path, wish: MarketWish, *, force: bool, tell: Callable[[int], None]
) -> MadeMarket:
    """Make a seeded market and write it; `tell` hears how many of MAKING_STEPS are done.

    Raises UserError SYNTH_RANGE, SYNTH_PRICE, SYNTH_SEED, or as the lake's reading and writing.
    """
    watch = stopwatch()
    check_target(path, force=force)
    bar_ns, start_ns = parse_timeframe(wish.timeframe), parse_instant(wish.start)
    bars = _bars(wish, bar_ns, start_ns)
    price = _price(wish.price)
    seed = fresh_seed() if wish.seed is None else wish.seed
    if seed < 0:
        raise UserError("SYNTH_SEED", _("The seed must not be negative; write 0 or more."))
    tape = synth_tape(
        generator(seed),
        bars=bars,
        start_ns=start_ns,
        bar_ns=bar_ns,
        first_price=price,
        price_unit=Decimal(1).scaleb(price.adjusted() - FIGURES),
    )
    tell(1)
    write_bars(tape, path, force=force)
    tell(2)
    return MadeMarket(
        file=str(path),
        seed=seed,
        bars=bars,
        timeframe=wish.timeframe,
        first=moment(int(tape.ts[0])),
        last=moment(int(tape.ts[-1])),
        first_price=tape.price(int(tape.open[0])),
        last_price=tape.price(int(tape.close[-1])),
        price_unit=tape.price_unit,
        tape_sha256=tape.sha256(),
        seconds=watch.seconds,
    )


def _bars(wish: MarketWish, bar_ns: int, start_ns: int) -> int:
    if wish.bars is not None and wish.days is not None:
        raise UserError("SYNTH_RANGE", _("Give --bars or --days, not both."))
    bars = wish.bars
    if bars is None:
        bars = (30 if wish.days is None else wish.days) * DAY_NS // bar_ns
    if not 1 <= bars <= BARS_MAX:
        message = _("{bars} bars cannot be made; choose 1 to {most}.")
        raise UserError("SYNTH_RANGE", message.format(bars=bars, most=BARS_MAX))
    if start_ns + bars * bar_ns > LAST_S * SECOND_NS:
        message = _("{bars} bars from {start} reach beyond 2099; choose fewer or an earlier start.")
        raise UserError("SYNTH_RANGE", message.format(bars=bars, start=wish.start))
    return bars


def _price(text: str) -> Decimal:
    price = parse_plain(text)
    if not PRICE_MIN <= price <= PRICE_MAX:
        message = _("The first price {price} must lie between {least} and {most}.")
        raise UserError("SYNTH_PRICE", message.format(price=text, least=PRICE_MIN, most=PRICE_MAX))
    return price
