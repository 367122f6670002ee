"""Owns the units of numbers: a percent is not a ratio, quote money is not base money.

The types are free at run time and checked by mypy: passing one unit where another is expected
does not type-check. Arithmetic gives a bare `Decimal` back, so every change of unit is visible
as a conversion or a constructor call. Knows nothing of instruments or rounding to a tick.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Final, NewType

Asset = NewType("Asset", str)
Nanos = NewType("Nanos", int)

Ratio = NewType("Ratio", Decimal)
Percent = NewType("Percent", Decimal)
Bps = NewType("Bps", Decimal)

Price = NewType("Price", Decimal)
Quote = NewType("Quote", Decimal)
Base = NewType("Base", Decimal)
Qty = NewType("Qty", Decimal)
"""What an order counts in: base units (spot, linear) or contracts (inverse)."""

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)
HUNDRED: Final = Decimal(100)
TEN_THOUSAND: Final = Decimal(10_000)

LEDGER_UNIT: Final = Decimal("1e-8")
"""The smallest amount any account holds; every posting is a whole multiple of it."""

NANOS_PER_SECOND: Final = 1_000_000_000
NANOS_PER_MS: Final = 1_000_000


def ratio_from_percent(percent: Percent) -> Ratio:
    """3.5 percent is the ratio 0.035."""
    return Ratio(percent / HUNDRED)


def ratio_from_bps(bps: Bps) -> Ratio:
    """10 basis points are the ratio 0.001."""
    return Ratio(bps / TEN_THOUSAND)


def percent_from_ratio(ratio: Ratio) -> Percent:
    """The ratio 0.035 is 3.5 percent."""
    return Percent(ratio * HUNDRED)


def ledger_down(amount: Decimal) -> Decimal:
    """Round toward minus infinity to the ledger unit: what we receive."""
    return amount.quantize(LEDGER_UNIT, ROUND_FLOOR)


def ledger_up(amount: Decimal) -> Decimal:
    """Round toward plus infinity to the ledger unit: what we pay."""
    return amount.quantize(LEDGER_UNIT, ROUND_CEILING)


def ledger_near(amount: Decimal) -> Decimal:
    """Round half to even to the ledger unit: a share of a cost, where neither side is favoured."""
    return amount.quantize(LEDGER_UNIT, ROUND_HALF_EVEN)


def plain(amount: Decimal) -> str:
    """A decimal as people write it: no exponent, no trailing zeros after the point."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
