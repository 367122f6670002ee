"""Owns the assumptions about when a resting order trades, from optimistic to honest.

Over bars: `TOUCH` fills when the price reaches the limit; `THROUGH` only when it goes beyond;
`VOLUME` like through, but no more than a share of the bar's volume; `QUEUE` waits until the
volume that was ahead of it has traded, or the price goes through. Levels are whole price units
of the tape, so that comparing is exact.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from absolute.domain.instrument import Side
from absolute.domain.units import ZERO, Ratio
from absolute.kernels.feed import ticks_down, ticks_up
from absolute.kernels.skip import NEVER_DOWN, NEVER_UP


class FillRule(StrEnum):
    """The honesty ladder."""

    TOUCH = "touch"
    THROUGH = "through"
    VOLUME = "volume"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class FillModel:
    """A rule with its numbers: our share of the volume, the quantity ahead in the queue."""

    rule: FillRule = FillRule.TOUCH
    volume_share: Ratio = Ratio(Decimal("0.1"))
    queue_ahead: Decimal = ZERO

    @property
    def bounded(self) -> bool:
        """True where a bar's volume limits a fill."""
        return self.rule in {FillRule.VOLUME, FillRule.QUEUE}

    def beyond(self) -> bool:
        """True where touching the limit is not enough."""
        return self.rule in {FillRule.THROUGH, FillRule.VOLUME}


def limit_level(side: Side, price: Decimal, unit: Decimal, *, beyond: bool) -> tuple[int, int]:
    """The (down, up) level at which a limit trades; one of the two is a never-level.

    A buy trades at low <= floor(price), or, beyond, low < price; a sell mirrors it.
    """
    if side is Side.BUY:
        return (ticks_up(price, unit) - 1 if beyond else ticks_down(price, unit)), NEVER_UP
    return NEVER_DOWN, (ticks_down(price, unit) + 1 if beyond else ticks_up(price, unit))


def trigger_level(price: Decimal, unit: Decimal, *, falling: bool) -> tuple[int, int]:
    """The (down, up) level of a stop that waits for a fall or for a rise."""
    if falling:
        return ticks_down(price, unit), NEVER_UP
    return NEVER_DOWN, ticks_up(price, unit)
