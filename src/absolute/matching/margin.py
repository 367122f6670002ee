"""Owns the margin of a perpetual as arithmetic: brackets, maintenance, the prices of liquidation.

An account is safe at a mark price where its equity is above the maintenance margin of what it
holds; `headroom` says by how much, `safe_prices` turns the question round. Everything here is a
pure function of balances, positions and brackets. Knows nothing of orders, paths or events.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Final, NamedTuple

from absolute.domain.errors import UserError
from absolute.domain.instrument import Instrument, Kind
from absolute.domain.ledger import Ledger, MarginMode
from absolute.domain.market import Bracket
from absolute.domain.order import PositionSide
from absolute.domain.position import Position
from absolute.domain.units import ONE, ZERO, Ratio, ledger_down, ledger_up

Brackets = tuple[Bracket, ...]

INFINITE: Final = Decimal("Infinity")


class Fault(StrEnum):
    """What can be wrong with a list of brackets."""

    EMPTY = "there is no bracket"
    START = "the first bracket must begin at 0 with deduction 0"
    ORDER = "from bracket to bracket the floor must rise, no rate fall and no leverage rise"
    RATE = "a rate must lie between 0 and 1, and a leverage be at least 1"
    DEDUCTION = "a deduction is not the one before + floor * (rate - the rate before)"


# --- brackets -----------------------------------------------------------------------------------


def brackets_of(rows: Iterable[tuple[Decimal, Decimal, Decimal]]) -> Brackets:
    """Brackets from rows of (floor, rate, largest leverage); the deductions follow from them.

    deduction(n) = deduction(n-1) + floor(n) * (rate(n) - rate(n-1)), so that maintenance does not
    jump at a floor. Source: Binance USD-M leverage brackets, field "cum".
    """
    brackets: list[Bracket] = []
    for floor, rate, leverage in rows:
        deduction = ZERO
        if brackets:
            deduction = brackets[-1].deduction + floor * (rate - brackets[-1].rate)
        brackets.append(Bracket(floor, Ratio(rate), deduction, leverage))
    return tuple(brackets)


def fault_in(brackets: Brackets) -> Fault | None:
    """The first rule that a list of brackets breaks, or None."""
    if not brackets:
        return Fault.EMPTY
    if brackets[0].floor or brackets[0].deduction:
        return Fault.START
    if any(not ZERO < each.rate < ONE or each.leverage_max < ONE for each in brackets):
        return Fault.RATE
    for lower, upper in pairwise(brackets):
        rising = lower.floor < upper.floor and lower.rate <= upper.rate
        if not rising or lower.leverage_max < upper.leverage_max:
            return Fault.ORDER
        if upper.deduction != lower.deduction + upper.floor * (upper.rate - lower.rate):
            return Fault.DEDUCTION
    return None


@dataclass(frozen=True, slots=True)
class BracketTable:
    """The brackets of one market over time: `versions[i]` is in force from `times[i]` (UTC ns) on.

    Before the first date the first version counts: the oldest known is the best guess. Raises
    `UserError` BRACKETS_INVALID where a version or the order of the dates cannot be meant.
    """

    times: tuple[int, ...]
    versions: tuple[Brackets, ...]

    def __post_init__(self) -> None:
        """Refuse a table in which no margin could be looked up."""
        if len(self.times) != len(self.versions) or not self.times:
            raise UserError("BRACKETS_INVALID", "Leverage brackets need a date for each version.")
        if any(later <= earlier for earlier, later in pairwise(self.times)):
            raise UserError("BRACKETS_INVALID", "The dates of leverage brackets must rise.")
        for number, version in enumerate(self.versions, start=1):
            fault = fault_in(version)
            if fault is not None:
                raise UserError(
                    "BRACKETS_INVALID", f"Leverage brackets, version {number}: {fault}."
                )

    def at(self, time: int) -> Brackets:
        """The brackets in force at a time."""
        return self.versions[max(0, bisect_right(self.times, time) - 1)]

    def next_change(self, time: int) -> int | None:
        """The first time after `time` at which other brackets come into force, or None."""
        later = max(1, bisect_right(self.times, time))
        return self.times[later] if later < len(self.times) else None


def bracket_of(brackets: Brackets, value: Decimal) -> int:
    """The number of the bracket of a position value: above its floor, up to the next one's."""
    number = 0
    for index, bracket in enumerate(brackets):
        if bracket.floor >= value:
            break
        number = index
    return number


def maintenance(brackets: Brackets, value: Decimal) -> Decimal:
    """What must be left to back a position of this value: value * rate - deduction."""
    bracket = brackets[bracket_of(brackets, value)]
    return value * bracket.rate - bracket.deduction


def value_max(brackets: Brackets, leverage: Decimal) -> Decimal:
    """The largest position value that a leverage allows; infinite where none is too large."""
    for bracket in brackets:
        if bracket.leverage_max < leverage:
            return bracket.floor
    return INFINITE


# --- what backs what ----------------------------------------------------------------------------


class Pool(NamedTuple):
    """Open positions that stand or fall together, and the money that backs them."""

    positions: tuple[tuple[PositionSide, Position], ...]
    money: Decimal


def pools(ledger: Ledger, mode: MarginMode) -> tuple[Pool, ...]:
    """Who backs whom: cross puts the whole wallet behind all positions, isolated parts them.

    The wallet counts whole, what orders reserve included: a reservation shields neither the money
    nor the position (features C2: equity = wallet + unrealised). An isolated position has its
    initial margin at entry behind it and nothing else. Funding and fees move the wallet and touch
    that margin only when the wallet has no more than the margins need; then all give alike
    (Bybit, "Position Margin": funding takes the available balance first, then position margin).
    """
    opened = tuple((side, each) for side, each in ledger.positions.items() if each.qty)
    if not opened:
        return ()
    wallet = ledger.account.total(ledger.instrument.settle)
    if mode is MarginMode.CROSS:
        return (Pool(opened, wallet),)
    margins = [ledger_up(abs(position.flow) / ledger.leverage) for _, position in opened]
    needed = sum(margins, ZERO)
    if wallet < needed:
        margins = [ledger_down(wallet * margin / needed) for margin in margins]
    return tuple(Pool((each,), margin) for each, margin in zip(opened, margins, strict=True))


def headroom(pool: Pool, mark: Decimal, *, instrument: Instrument, brackets: Brackets) -> Decimal:
    """Equity less maintenance at a mark price; at zero or below, the venue liquidates.

    Sources: Binance, "Futures Liquidation Protocols" (margin ratio = maintenance margin / margin
    balance, reached at 100 %); maintenance is reckoned on the value at the mark.
    """
    left = pool.money
    for _, position in pool.positions:
        value = instrument.value(abs(position.qty), mark)
        left += position.unrealised(instrument, mark) - maintenance(brackets, value)
    return left


# --- the prices of liquidation ------------------------------------------------------------------


def safe_prices(
    pool: Pool, *, instrument: Instrument, brackets: Brackets
) -> tuple[Decimal, Decimal]:
    """The open interval (low, high) of mark prices at which a pool has headroom.

    A low of 0 means that no fall liquidates, an infinite high that no rise does; low >= high means
    that no price is safe. In x = mark (linear) or x = 1 / mark (inverse) the value of a position
    is size * x and its bracketed maintenance is a convex chain of straight lines, so headroom is
    concave: one interval, bounded by the roots of the lines it crosses zero on.
    """
    inverse = instrument.kind is Kind.INVERSE
    sizes = [
        (abs(each.qty) * instrument.contract, (each.qty > ZERO) is not inverse)
        for _, each in pool.positions
    ]
    capital = pool.money + sum((each.flow for _, each in pool.positions), ZERO)
    corners = {bracket.floor / size for bracket in brackets for size, _ in sizes}
    low, high = INFINITE, ZERO
    for start, end in pairwise([*sorted(corners), INFINITE]):
        constant, slope = _line(start, sizes, brackets)
        left, right = _above_zero(capital + constant, slope)
        left, right = max(left, start), min(right, end)
        if left < right:
            low, high = min(low, left), max(high, right)
    if not inverse or low >= high:
        return low, high
    return ONE / high, ONE / low if low else INFINITE


def _line(
    start: Decimal, sizes: list[tuple[Decimal, bool]], brackets: Brackets
) -> tuple[Decimal, Decimal]:
    """Constant and slope of profit less maintenance right of a corner."""
    constant = slope = ZERO
    for size, gains in sizes:
        bracket = brackets[0]
        for each in brackets:
            if each.floor / size > start:
                break
            bracket = each
        constant += bracket.deduction
        slope += (size if gains else -size) - bracket.rate * size
    return constant, slope


def _above_zero(constant: Decimal, slope: Decimal) -> tuple[Decimal, Decimal]:
    """Where constant + slope * x is above zero."""
    if not slope:
        return (-INFINITE, INFINITE) if constant > ZERO else (INFINITE, -INFINITE)
    root = -constant / slope
    return (root, INFINITE) if slope > ZERO else (-INFINITE, root)
