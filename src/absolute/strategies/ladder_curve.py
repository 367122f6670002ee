"""Owns the two shapes a series of a ladder can take; knows nothing of what the series counts.

Geometric is the seed's rule: each value is the *already clamped* value before it times the
multiplier, clamped again. Power is the readable meaning of the seed's spline example: a way from
the first value to an end, bent by an exponent. docs/ladder.md has both with their arithmetic.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import NamedTuple

from absolute.domain.units import ONE


class Band(NamedTuple):
    """A first value, the multiplier that carries it on, its clamps and the grain it is told in."""

    first: Decimal
    multiplier: Decimal
    low: Decimal
    high: Decimal
    grain: Decimal

    def clamp(self, value: Decimal) -> Decimal:
        """The nearest value inside the clamps."""
        return max(self.low, min(value, self.high))

    def end(self) -> Decimal:
        """Where the multiplier is heading: the upper clamp, the lower one, or nowhere."""
        if self.multiplier == ONE:
            return self.clamp(self.first)
        return self.high if self.multiplier > ONE else self.low


@lru_cache(maxsize=256)
def curve(band: Band, count: int, exponent: Decimal | None = None) -> tuple[Decimal, ...]:
    """`count` values from the first to the last, each in the clamps and a multiple of the grain.

    Without an exponent the series is geometric, with one it is a power curve. Only what is told
    is rounded: the next value is reckoned from the unrounded one.
    """
    values = _geometric(band, count) if exponent is None else _power(band, count, exponent)
    return tuple(value.quantize(band.grain, ROUND_HALF_EVEN) for value in values)


def _geometric(band: Band, count: int) -> list[Decimal]:
    values: list[Decimal] = []
    value = band.first
    for _rung in range(count):
        value = band.clamp(value)
        values.append(value)
        value *= band.multiplier
    return values


def _power(band: Band, count: int, exponent: Decimal) -> list[Decimal]:
    """Value k is first + (end - first) * (k / (count - 1)) ** exponent."""
    first = band.clamp(band.first)
    span = band.end() - first
    steps = max(count - 1, 1)
    return [first + span * (Decimal(rung) / steps) ** exponent for rung in range(count)]
