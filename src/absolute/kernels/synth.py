"""Owns the made-up market: bars with regimes, fat tails, clustered volatility and jumps.

It knows nothing of seeds, clocks or files: the generator is handed in, and the same generator
state gives the same tape. To give the same bytes on every machine, the only powers and exponents
are made of additions and multiplications, and every log return is rounded to a grid of 2**-36
before it is added up in whole numbers; the last bit of a maths library is lost in that rounding.

The model: log returns are `sigma * m * z` over a few steps inside each bar, with normal `z`, a mix
`m` that makes the return of a bar Student t, and a sigma that is the product of a Markov regime,
two mean-reverting log volatilities (one fast, one slow) and the hour of the day. Jumps are compound
Poisson with exponential sizes of either sign. The price is folded back at e**4 times and at
e**-4 times the first price, so that it stays positive and finite over any number of bars.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NotRequired, TypedDict, Unpack

import numpy as np

from absolute.kernels.tape import Floats, Tape, Ticks

DAY_NS: Final = 86_400 * 1_000_000_000
YEAR_DAYS: Final = 365
STEPS: Final = 6
"""Points walked inside a bar; high and low are the extremes of the open and these."""

GRID: Final = 2.0**36
BAND: Final = 4 * 2**36
"""The fold, in grid steps of log price on either side of the first price."""

LEAST_TICKS: Final = 1_000
"""A first price of fewer units would lose its shape to rounding near the lower fold."""

CHUNK: Final = 1 << 15
VOLUME_STEPS: Final = 100_000.0
"""Volumes are whole multiples of 0.00001."""

SERIES: Final = tuple(1 / math.factorial(n) for n in range(14))

HOURS: Final = (
    *(0.98, 0.88, 0.84, 0.80, 0.76, 0.74, 0.78, 0.88, 0.96, 0.98, 0.98, 0.98),
    *(1.06, 1.26, 1.48, 1.50, 1.38, 1.20, 1.08, 1.00, 0.96, 0.90, 0.80, 0.82),
)
"""Activity by hour UTC around one: quiet in the small hours, busy when New York opens."""


@dataclass(frozen=True, slots=True)
class Regime:
    """One mood: how often it is drawn, how long it lasts, and what it does to the price."""

    name: str
    weight: float
    mean_days: float
    volatility: float
    trend: float


REGIMES: Final = (
    Regime("calm", 0.40, 2.0, 0.55, 0.0),
    Regime("rising", 0.22, 1.5, 0.95, 1.0),
    Regime("falling", 0.20, 1.2, 1.10, -1.0),
    Regime("stormy", 0.18, 0.3, 2.60, 0.0),
)


@dataclass(frozen=True, slots=True)
class Nature:
    """The character of a made-up market; the defaults resemble Bitcoin against the dollar.

    `annual_volatility` and `trend_per_year` are log returns per 365 days (0.60 = 60 percent);
    `tail_df` above 2; `jump_scale` is the mean size of a jump in log price;
    `daily_volume` in base units.
    """

    annual_volatility: float = 0.60
    tail_df: float = 5.0
    fast_days: float = 0.1
    fast_spread: float = 0.35
    slow_days: float = 8.0
    slow_spread: float = 0.35
    trend_per_year: float = 2.5
    jumps_per_day: float = 0.4
    jump_scale: float = 0.008
    daily_volume: float = 30_000.0


class Frame(TypedDict):
    """What `synth_tape` takes, by name; `first_price` in quote per base, times in ns."""

    bars: int
    start_ns: int
    bar_ns: int
    first_price: Decimal
    price_unit: Decimal
    nature: NotRequired[Nature]


@dataclass(frozen=True, slots=True)
class _Mood:
    """Per bar: standard deviation and drift of the log return, and activity for the volume."""

    sigma: Floats
    drift: Floats
    activity: Floats


def synth_tape(rng: np.random.Generator, **frame: Unpack[Frame]) -> Tape:
    """A seeded market of `bars` bars without gaps, opening at `first_price` to the nearest unit.

    Raises ValueError for no bars, a first price below 1,000 price units or too large for exact
    floats, or jumps that alone exceed the volatility.
    """
    nature = frame.get("nature", Nature())
    bars, bar_ns, unit = frame["bars"], frame["bar_ns"], frame["price_unit"]
    first = int((frame["first_price"] / unit).to_integral_value())
    if bars < 1 or bar_ns < 1:
        raise ValueError("bars and bar_ns must be at least one")
    if not LEAST_TICKS <= first <= 2**46:
        raise ValueError(f"first_price must be {LEAST_TICKS} to 2**46 price units, not {first}")
    ts = frame["start_ns"] + bar_ns * np.arange(bars, dtype=np.int64)
    mood = _mood(rng, ts, bar_ns, nature)
    jumps = _jumps(rng, bars, bar_ns, nature)
    high, low, close = _walk(rng, mood, jumps, tail_df=nature.tail_df)
    closes = _ticks(close, first)
    opens = np.concatenate(([first], closes[:-1]))
    highs, lows = _ticks(high, first), _ticks(low, first)
    return Tape.of(
        ts=ts,
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=_volume(rng, mood, (high - low) / GRID, nature.daily_volume * bar_ns / DAY_NS),
        price_unit=unit,
        bar_ns=bar_ns,
    )


def _mood(rng: np.random.Generator, ts: Ticks, bar_ns: int, nature: Nature) -> _Mood:
    """Volatility, drift and activity of each bar; the mean variance is `annual_volatility`**2."""
    bar_days = bar_ns / DAY_NS
    jump_variance = nature.jumps_per_day * YEAR_DAYS * 2 * nature.jump_scale**2
    variance = nature.annual_volatility**2 - jump_variance
    if variance <= 0:
        raise ValueError("the jumps alone exceed annual_volatility")
    regime = _regimes(rng, len(ts), bar_days)
    share = np.array([r.weight * r.mean_days for r in REGIMES])
    volatilities = np.array([r.volatility for r in REGIMES])
    fast = _reverting(rng, len(ts), nature.fast_days / bar_days) * nature.fast_spread
    slow = _reverting(rng, len(ts), nature.slow_days / bar_days) * nature.slow_spread
    hours = _activity(ts, bar_ns)
    swing = volatilities[regime] * exponent(fast + slow) * np.sqrt(hours)
    spread = 2 * (nature.fast_spread**2 + nature.slow_spread**2)
    mean_square = (share * volatilities**2).sum() / share.sum() * exponent(np.array([spread]))[0]
    scale = np.sqrt(variance / YEAR_DAYS * bar_days / mean_square)
    trend = np.array([r.trend for r in REGIMES]) * nature.trend_per_year / YEAR_DAYS * bar_days
    return _Mood(sigma=swing * scale, drift=trend[regime], activity=hours * np.sqrt(swing))


def _regimes(rng: np.random.Generator, bars: int, bar_days: float) -> Ticks:
    """The index of the regime of each bar: a Markov chain, each stay exponentially long."""
    weights = np.cumsum([r.weight for r in REGIMES])
    kinds: list[int] = []
    stays: list[int] = []
    left = bars
    while left > 0:
        kind = int(np.searchsorted(weights, rng.random() * weights[-1], side="right"))
        stay = 1 + int(rng.standard_exponential() * REGIMES[kind].mean_days / bar_days)
        kinds.append(kind)
        stays.append(min(stay, left))
        left -= stay
    return np.repeat(np.array(kinds, dtype=np.int64), stays)


def _reverting(rng: np.random.Generator, bars: int, memory: float) -> Floats:
    """A first-order autoregression with unit variance that forgets over `memory` bars.

    Each doubling adds the past of the next power of two, so no bar waits for the one before.
    """
    keep = memory / (memory + 1)
    x = rng.standard_normal(bars)
    x[1:] *= np.sqrt(1 - keep * keep)
    reach = 1
    while reach < bars and keep > 1e-18:
        x[reach:] += keep * x[:-reach]
        keep *= keep
        reach *= 2
    return x


def _activity(ts: Ticks, bar_ns: int) -> Floats:
    """Activity around one by the hour of the bar's open, between hours in a straight line."""
    if bar_ns >= DAY_NS:
        return np.ones(len(ts))
    hour = (ts % DAY_NS) / (DAY_NS // 24)
    shape = np.array(HOURS) / (sum(HOURS) / len(HOURS))
    left = hour.astype(np.int64)
    part = hour - left
    return (1 - part) * shape[left] + part * shape[(left + 1) % len(HOURS)]


def _jumps(rng: np.random.Generator, bars: int, bar_ns: int, nature: Nature) -> Ticks:
    """The jump of each bar in grid steps of log price: mostly zero."""
    count = int(rng.poisson(nature.jumps_per_day * (bar_ns / DAY_NS) * bars))
    where = rng.integers(0, bars, count)
    sign = 2 * rng.integers(0, 2, count) - 1
    size = np.rint(rng.standard_exponential(count) * nature.jump_scale * GRID).astype(np.int64)
    jumps = np.zeros(bars, dtype=np.int64)
    np.add.at(jumps, where, sign * size)
    return jumps


def _walk(
    rng: np.random.Generator, mood: _Mood, jumps: Ticks, *, tail_df: float
) -> tuple[Ticks, Ticks, Ticks]:
    """High, low and close of each bar in grid steps of log price away from the first price."""
    bars = len(jumps)
    high, low, close = (np.empty(bars, dtype=np.int64) for _ in range(3))
    gamma = rng.standard_gamma(tail_df / 2, bars)
    per_step = mood.sigma * np.sqrt((tail_df - 2) / 2 / gamma) * (GRID / np.sqrt(STEPS))
    drift = mood.drift * (GRID / STEPS)
    at = 0
    for start in range(0, bars, CHUNK):
        part = slice(start, min(start + CHUNK, bars))
        noise = rng.standard_normal((STEPS, part.stop - start))
        noise *= per_step[part]
        noise += drift[part]
        steps = np.rint(noise, out=noise).astype(np.int64)
        steps[STEPS // 2] += jumps[part]
        moves = steps.sum(axis=0)
        ends = at + np.cumsum(moves)
        point = ends - moves
        top = bottom = _fold(point)
        for step in steps:
            point = point + step
            folded = _fold(point)
            top, bottom = np.maximum(top, folded), np.minimum(bottom, folded)
        high[part], low[part], close[part] = top, bottom, _fold(ends)
        at = int(ends[-1])
    return high, low, close


def _fold(point: Ticks) -> Ticks:
    """Reflect the walk at both ends of the band, as often as it takes."""
    if point.min() >= -BAND and point.max() <= BAND:
        return point
    return BAND - np.abs((point + BAND) % (4 * BAND) - 2 * BAND)


def _ticks(point: Ticks, first: int) -> Ticks:
    ticks = np.empty(len(point), dtype=np.int64)
    for start in range(0, len(point), CHUNK):
        part = slice(start, start + CHUNK)
        ticks[part] = np.rint(first * exponent(point[part] / GRID))
    return ticks


def _volume(rng: np.random.Generator, mood: _Mood, reach: Floats, mean: float) -> Floats:
    """Base units traded: more in busy hours, in storms and in bars that travelled far."""
    travel = 0.4 + 0.6 * reach / mood.sigma
    noise = exponent(0.4 * rng.standard_normal(len(reach)) - 0.08)
    return np.maximum(np.rint(mean * mood.activity * travel * noise * VOLUME_STEPS), 1) / (
        VOLUME_STEPS
    )


def exponent(x: Floats) -> Floats:
    """e**x for |x| < 700 within 1e-15 relative, by additions and multiplications alone.

    Cody and Waite's reduction `x = k ln 2 + r`, then the Taylor series of e**r to r**13.
    """
    k = np.rint(x * 1.4426950408889634)
    r = x - k * 0.693147180369123816490
    r -= k * 1.90821492927058770002e-10
    total = np.full_like(r, SERIES[-1])
    for coefficient in SERIES[-2::-1]:
        total *= r
        total += coefficient
    return np.ldexp(total, k.astype(np.int64))
