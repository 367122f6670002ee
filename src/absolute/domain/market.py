"""Owns the rows of market data: what was seen, when, in exact decimals."""

from dataclasses import dataclass
from decimal import Decimal

from absolute.domain.units import Base, Nanos, Price, Ratio


@dataclass(frozen=True, slots=True)
class Bar:
    """One candle, known at `close_time`; `open_time` names it."""

    open_time: Nanos
    close_time: Nanos
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Base


@dataclass(frozen=True, slots=True)
class Bracket:
    """One maintenance bracket: for position values above `floor`, in the settle asset.

    maintenance = value * rate - deduction (Binance leverage brackets, "cum"); `leverage_max` is
    the largest leverage at which such a position may be opened.
    """

    floor: Decimal
    rate: Ratio
    deduction: Decimal
    leverage_max: Decimal
