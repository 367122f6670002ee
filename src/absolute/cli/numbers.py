"""Owns the reading of a number from an option: typed, ranged, and refused in one sentence."""

from decimal import Decimal
from typing import Final

from absolute.desk.amounts import parse_plain
from absolute.desk.language import _
from absolute.domain.errors import UserError
from absolute.domain.units import plain

LARGEST: Final = Decimal(10**12)


def within(option: str, text: str, low: Decimal, high: Decimal = LARGEST) -> Decimal:
    """The number of an option between two bounds, both allowed."""
    value = parse_plain(text)
    if not low <= value <= high:
        message = _("{option} {text}: it must lie between {low} and {high}; write such a number.")
        words = {"low": plain(low), "high": plain(high)}
        raise UserError("USAGE", message.format(option=option, text=text, **words))
    return value


def ratio(option: str, text: str, low: Decimal, high: Decimal) -> Decimal:
    """A ratio, or a percent with its sign: 0.001 and 0.1% are the same."""
    if text.strip().endswith("%"):
        return within(option, text.strip()[:-1], low * 100, high * 100) / 100
    return within(option, text, low, high)


def span_ms(option: str, text: str) -> tuple[int, int]:
    """`20` or `20:80`: a delay in milliseconds, or its two bounds."""
    first, colon, second = text.partition(":")
    low = within(option, first, Decimal(0), Decimal(60_000))
    high = within(option, second, low, Decimal(60_000)) if colon else low
    if low % 1 or high % 1:
        message = _("{option} {text}: a delay is a whole number of milliseconds.")
        raise UserError("USAGE", message.format(option=option, text=text))
    return int(low), int(high)
