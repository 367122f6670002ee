"""Owns the way from prices as a file writes them to whole price units, exactly.

It knows nothing of bars or files. Text is read digit by digit. A binary float is taken to mean the
decimal number it is nearest to: the unit is the coarsest 10**-k, k at most 10, of which every price
is a whole multiple to the last bit. Where a computation left noise in the last bits, the unit is
the coarsest one that every price meets within 1e-9 of itself and a hundredth of a unit, and the
prices that moved are counted. Nothing else is ever rounded: where
no unit fits, the finest is taken and the prices that are no multiple of it are marked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

MOST_DECIMALS: Final = 10
FINEST: Final = Decimal(1).scaleb(-MOST_DECIMALS)
NOISE: Final = 1e-9
NOISE_UNITS: Final = 0.01
EXACT: Final = 2.0**53
PLAIN: Final = r"^[+-]?(?:\d+\.?\d*|\.\d+)$"
SCIENTIFIC: Final = r"^[+-]?(?:\d+\.?\d*|\.\d+)[eE][+-]?\d{1,3}$"

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Ticks:
    """Prices in whole units: `ticks` int64[columns, n], 0 where not `readable` bool[columns, n].

    `misfit` bool[columns, n] marks readable prices that are no whole multiple of the unit (0 in
    `ticks`); `rounded` counts prices that carried float noise.
    """

    unit: Decimal
    ticks: NDArray[np.int64]
    readable: Mask
    misfit: Mask
    rounded: int


def read_ticks(columns: list[pl.Series], unit: Decimal | None) -> Ticks:
    """Prices of several columns in one unit: `unit` if given, else the coarsest that fits."""
    if any(c.dtype == pl.String or c.dtype.is_decimal() or c.dtype == pl.Float32 for c in columns):
        texts = [_plain(c.cast(pl.String)) for c in columns]
        exact = _from_texts(texts, unit)
        if exact is not None:
            return exact
        columns = texts
    values = np.stack([c.cast(pl.Float64).fill_null(np.nan).to_numpy() for c in columns])
    readable = np.isfinite(values)
    prices = np.where(readable, values, 0.0)
    return _in_unit(prices, readable, unit) if unit else _in_coarsest_unit(prices, readable)


def _plain(column: pl.Series) -> pl.Series:
    """Numbers as plain digits; None where the text is no number."""
    text = column.str.strip_chars()
    plain = text.str.contains(PLAIN).fill_null(False)
    if plain.all():
        return text
    tiny = text.str.contains(SCIENTIFIC).fill_null(False)
    spelled = [
        None if value is None else value if ok else format(Decimal(value), "f")
        for value, ok in zip(text.set(~(plain | tiny), None), plain, strict=True)
    ]
    return pl.Series(column.name, spelled, dtype=pl.String)


def _from_texts(columns: list[pl.Series], unit: Decimal | None) -> Ticks | None:
    """Digits to integers; None where they go deeper than the finest unit or past int64."""
    fractions = [c.str.extract(r"\.(\d*)$").fill_null("").str.strip_chars_end("0") for c in columns]
    depth = max(int(f.str.len_bytes().max() or 0) for f in fractions)  # type: ignore[arg-type]
    wanted = -int(unit.normalize().as_tuple().exponent) if unit else 0
    depth = max(depth, wanted, 0)
    if depth > MOST_DECIMALS:
        return None
    whole = [c.str.extract(r"^\+?(-?\d*)") for c in columns]
    digits = [w + f.str.pad_end(depth, "0") for w, f in zip(whole, fractions, strict=True)]
    numbers = [d.cast(pl.Int64, strict=False) for d in digits]
    if any(n.null_count() > c.null_count() for n, c in zip(numbers, columns, strict=True)):
        return None
    readable = np.stack([n.is_not_null().to_numpy() for n in numbers])
    ticks = np.stack([n.fill_null(0).to_numpy() for n in numbers])
    found = Decimal(1).scaleb(-depth)
    misfit = np.zeros_like(readable)
    if unit is not None:
        every = int(unit / found)
        misfit = ticks % every != 0
        ticks //= every
    return Ticks(unit or found, ticks, readable, misfit, rounded=0)


def _in_coarsest_unit(prices: Floats, readable: Mask) -> Ticks:
    for unit in _units_that_may_fit(prices):
        found = _in_unit(prices, readable, unit)
        if not found.misfit.any():
            return found
    return _in_unit(prices, readable, FINEST)


def _units_that_may_fit(prices: Floats) -> Iterator[Decimal]:
    """Units from 1 down, first those that fit to the last bit; a sample rules most out cheaply."""
    sample = prices[:, :: max(1, prices.shape[1] // 500)]
    units = [Decimal(1).scaleb(-k) for k in range(MOST_DECIMALS + 1)]
    everything = np.ones_like(sample, dtype=np.bool_)
    fitting = [u for u in units if not _in_unit(sample, everything, u).misfit.any()]
    for unit in fitting:
        if _is_exact(sample, unit) and _is_exact(prices, unit):
            yield unit
    yield from fitting


def _is_exact(prices: Floats, unit: Decimal) -> bool:
    over, under = unit.as_integer_ratio()
    return bool((np.rint(prices * (under / over)) * over / under == prices).all())


def _in_unit(prices: Floats, readable: Mask, unit: Decimal) -> Ticks:
    """Floats to whole units; a misfit is further off than noise, or too long for a float."""
    ratio = Fraction(unit)
    scaled = prices * (ratio.denominator / ratio.numerator)
    ticks = np.rint(scaled)
    back = ticks * ratio.numerator / ratio.denominator
    off = np.abs(scaled - ticks)
    near = off <= np.minimum(NOISE * np.abs(scaled), NOISE_UNITS)
    fits = ((back == prices) | near) & (np.abs(ticks) < EXACT)
    return Ticks(
        unit,
        np.where(fits, ticks, 0).astype(np.int64),
        readable,
        readable & ~fits,
        rounded=int((readable & fits & (back != prices)).sum()),
    )
