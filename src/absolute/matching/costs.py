"""Owns what trading costs beyond the fee: slippage of a taker and the latency of a message."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from absolute.domain.instrument import Side
from absolute.domain.units import NANOS_PER_MS, ZERO, Bps, Ratio, ratio_from_bps


class Slippage(Protocol):
    """How much worse than the last price a taker trades."""

    def share(self, qty: Decimal, bar_volume: Decimal) -> Ratio:
        """The price change against the taker as a ratio of the price."""
        ...


@dataclass(frozen=True, slots=True)
class FixedSlippage:
    """The same share for every taker: half the spread and a little more."""

    bps: Bps

    def share(self, qty: Decimal, bar_volume: Decimal) -> Ratio:
        """A constant."""
        return ratio_from_bps(self.bps)


@dataclass(frozen=True, slots=True)
class ImpactSlippage:
    """A square-root law: `bps_at_volume` when the order is as large as the bar's whole volume.

    Source: the square-root impact law, e.g. Almgren, Thum, Hauptmann and Li (2005).
    """

    bps_at_volume: Bps

    def share(self, qty: Decimal, bar_volume: Decimal) -> Ratio:
        """Grows with the root of the order's share of the volume; a dry bar counts as full."""
        part = min(qty / bar_volume, Decimal(1)) if bar_volume > ZERO else Decimal(1)
        return Ratio(ratio_from_bps(self.bps_at_volume) * part.sqrt())


NO_SLIPPAGE: Final = FixedSlippage(Bps(ZERO))


def slipped(price: Decimal, side: Side, share: Decimal) -> Decimal:
    """The price a taker gets, before rounding to the tick."""
    if not share:
        return price
    return price * (1 + share) if side is Side.BUY else price * (1 - share)


class Uniform(Protocol):
    """The one thing wanted of a random generator: a number in [0, 1)."""

    def random(self) -> float:
        """The next number."""
        ...


@dataclass(slots=True)
class Latency:
    """How long a message takes to the venue, uniform between two bounds, by a seeded generator."""

    submit_ms: tuple[int, int]
    cancel_ms: tuple[int, int]
    generator: Uniform

    def submit_ns(self) -> int:
        """The next delay of an order in nanoseconds."""
        return self._between(self.submit_ms)

    def cancel_ns(self) -> int:
        """The next delay of a cancel in nanoseconds."""
        return self._between(self.cancel_ms)

    def _between(self, bounds: tuple[int, int]) -> int:
        low, high = (bound * NANOS_PER_MS for bound in bounds)
        return low + int((high - low) * self.generator.random())
