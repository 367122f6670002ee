"""Owns what a perpetual does to an account by itself: it takes funding, and it liquidates.

`MarginAccount` is the venue's view of one account beyond its balances. It says which mark prices
force it (`levels`), when time does (`next_time`), and it works out each payment and each step of a
liquidation, one at a time. Knows nothing of the path of a bar; the venue asks in path order.

Where a rule follows a venue's document, the document is named; where it does not, it says
"assumption". Documents: Binance "Futures Liquidation Protocols" and "Leverage and Margin", Bybit
"Liquidation Process" and "Position Margin".
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Final

from absolute.domain.errors import UserError
from absolute.domain.fill import Fee
from absolute.domain.instrument import Kind, Side
from absolute.domain.ledger import Ledger, MarginMode
from absolute.domain.messages import FundingPaid, Liquidated
from absolute.domain.order import Terms
from absolute.domain.position import Position, traded
from absolute.domain.units import (
    NANOS_PER_SECOND,
    ZERO,
    Nanos,
    Price,
    Qty,
    Quote,
    Ratio,
    ledger_down,
    ledger_up,
)
from absolute.kernels.skip import NEVER_DOWN, NEVER_UP
from absolute.matching.margin import (
    INFINITE,
    BracketTable,
    Pool,
    bracket_of,
    headroom,
    maintenance,
    pools,
    safe_prices,
    value_max,
)
from absolute.matching.resting import Resting

LIQUIDATION: Final = "LIQUIDATION"
"""Why an order is swept, or refused, while the venue liquidates."""

HOLE: Final = Fraction(3, 2)
"""An interval longer than this many times its larger neighbour lacks a payment."""
JITTER: Final = Fraction(1, 100)
"""How late or early a payment may be stamped, as a share of its interval."""

UNTOUCHED: Final = (NEVER_DOWN, NEVER_UP)


# --- funding ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FundingSchedule:
    """When funding is settled (UTC ns, rising) and at which rate; longs pay a positive rate."""

    times: tuple[int, ...]
    rates: tuple[Ratio, ...]

    def __post_init__(self) -> None:
        """Refuse times without rates and times that do not rise."""
        rising = all(earlier < later for earlier, later in pairwise(self.times))
        if len(self.times) != len(self.rates) or not rising:
            raise UserError("FUNDING_INVALID", "Funding needs one rate for each of rising times.")


def check_coverage(schedule: FundingSchedule, start: int, end: int) -> None:
    """Raise `UserError` FUNDING_MISSING with the first hole in a run from `start` to `end` (ns).

    No interval is assumed. A hole is an interval longer than one and a half times the larger of
    its neighbours, or a payment that the first or last interval would put inside the run.
    """
    times = schedule.times
    if len(times) < 2:
        raise _missing(start, end)
    steps = [later - earlier for earlier, later in pairwise(times)]
    if times[0] - steps[0] * (1 + JITTER) > start:
        raise _missing(start, times[0])
    for place, step in enumerate(steps):
        neighbours = steps[max(0, place - 1) : place] + steps[place + 1 : place + 2]
        inside = times[place] < end and times[place + 1] > start
        if inside and neighbours and step > HOLE * max(neighbours):
            raise _missing(times[place], times[place + 1])
    if times[-1] + steps[-1] * (1 + JITTER) < end:
        raise _missing(times[-1], end)


def _missing(start: int, end: int) -> UserError:
    first, last = _instant(start), _instant(end)
    return UserError(
        "FUNDING_MISSING",
        f"Funding rates are missing between {first} and {last}; give a file that covers the run, "
        "or allow missing funding.",
    )


def _instant(time: int) -> str:
    """A time as people write it, e.g. 2024-03-05 08:00 UTC."""
    return f"{datetime.fromtimestamp(time // NANOS_PER_SECOND, UTC):%Y-%m-%d %H:%M} UTC"


# --- the account --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PerpetualTerms:
    """What is assumed of a perpetual's venue.

    `liquidation_fee` is a share of the value closed by force; 1.25 % is what Binance USD-M
    `exchangeInfo` shows as "liquidationFee" for its large contracts. `marked`: the tape has mark
    price columns of its own; otherwise the last price is the mark.
    """

    brackets: BracketTable
    margin: MarginMode = MarginMode.CROSS
    funding: FundingSchedule | None = None
    liquidation_fee: Ratio = Ratio(Decimal("0.0125"))
    marked: bool = False


class MarginAccount:
    """One account on margin. `levels` are the mark prices, in tape units, that liquidate it.

    While `liquidating`, every new order is refused.
    """

    __slots__ = (
        "_brackets",
        "_change",
        "_ledger",
        "_paid",
        "_unit",
        "levels",
        "liquidating",
        "terms",
    )

    def __init__(self, ledger: Ledger, terms: PerpetualTerms, *, unit: Decimal) -> None:
        self.terms = terms
        self.levels: tuple[int, int] = UNTOUCHED
        self.liquidating = False
        self._ledger = ledger
        self._unit = unit
        self._paid = 0
        self._brackets = terms.brackets.at(0)
        self._change = terms.brackets.next_change(0)
        self.reckon()

    @property
    def holds(self) -> bool:
        """True while any position is open."""
        return any(each.qty for each in self._ledger.positions.values())

    # --- time ---------------------------------------------------------------------------------

    def next_time(self) -> int | None:
        """When funding or new brackets are due next; a flat account waits for neither."""
        if not self.holds:
            return None
        funding, due = self.terms.funding, self._change
        if funding is not None and self._paid < len(funding.times):
            time = funding.times[self._paid]
            due = time if due is None else min(due, time)
        return due

    def fall_due(self, time: int, ticks: int) -> Iterator[FundingPaid]:
        """What time brings, at the first price at or after it: new brackets, and funding.

        A position that is opened at that very price does not pay, and a flat account passes its
        payments over. Two payments that fall between the same two prices are made one by one.
        """
        if self._change is not None and time >= self._change:
            self._brackets = self.terms.brackets.at(time)
            self._change = self.terms.brackets.next_change(time)
            self.reckon()
        funding = self.terms.funding
        if funding is None:
            return
        if not self.holds:
            self._paid = bisect_right(funding.times, time, lo=self._paid)
        while self._paid < len(funding.times) and funding.times[self._paid] <= time:
            rate = funding.rates[self._paid]
            self._paid += 1
            yield self._pay(Nanos(time), rate, Price(ticks * self._unit))

    def _pay(self, time: Nanos, rate: Ratio, mark: Price) -> FundingPaid:
        """Long pays short: signed value * rate, of all positions together, rounded against us."""
        ledger, instrument = self._ledger, self._ledger.instrument
        owed = ZERO
        for position in ledger.positions.values():
            value = instrument.value(abs(position.qty), mark) * rate
            owed += value if position.qty > ZERO else -value
        amount = ledger_down(ZERO - owed)
        ledger.transfer(instrument.settle, amount)
        self.reckon()
        return FundingPaid(time, instrument.settle, amount, rate, mark)

    # --- the price that liquidates --------------------------------------------------------------

    def reckon(self) -> None:
        """Work `levels` out anew: whoever changes the wallet, a position or brackets calls this."""
        down, up = UNTOUCHED
        for pool in self._pools():
            low, high = safe_prices(
                pool, instrument=self._ledger.instrument, brackets=self._brackets
            )
            down, up = max(down, self._fallen(pool, low)), min(up, self._risen(pool, high))
        self.levels = down, up

    def _pools(self) -> tuple[Pool, ...]:
        return pools(self._ledger, self.terms.margin)

    def _fallen(self, pool: Pool, low: Decimal) -> int:
        """The highest whole price at or below which a pool is under water.

        A root is a rounded quotient, so that the price beside it decides by the exact rule.
        """
        bound = low / self._unit
        if bound >= NEVER_UP:
            return NEVER_UP
        ticks = int(bound)
        if self._under(pool, ticks + 1):
            return ticks + 1
        if ticks and not self._under(pool, ticks):
            ticks -= 1
        return ticks or NEVER_DOWN

    def _risen(self, pool: Pool, high: Decimal) -> int:
        """The lowest whole price at or above which a pool is under water."""
        bound = high / self._unit
        if bound >= NEVER_UP:
            return NEVER_UP
        ticks = max(1, int(bound))
        return ticks if self._under(pool, ticks) else ticks + 1

    def _under(self, pool: Pool, ticks: int) -> bool:
        mark, instrument = ticks * self._unit, self._ledger.instrument
        return headroom(pool, mark, instrument=instrument, brackets=self._brackets) <= ZERO

    def reached(self, ticks: int) -> bool:
        """True where a mark price liquidates."""
        down, up = self.levels
        return down >= ticks or up <= ticks

    def on_the_way(self, start: int, target: int) -> int | None:
        """The first mark from `start` to `target` that liquidates, or None."""
        down, up = self.levels
        if self.reached(start):
            return start
        if target <= down:
            return down
        return up if target >= up else None

    # --- liquidation ----------------------------------------------------------------------------

    def step(self, time: Nanos, ticks: int) -> Liquidated:
        """Carry out one step of a liquidation at a mark price; `liquidating` says if more follow.

        A position above the lowest bracket is reduced to the next lower one; in the lowest it is
        taken over whole (Bybit "Liquidation Process"; Binance reduces by one order likewise).
        Assumptions: the trade is made at the mark; of several positions in one pool the one that
        needs the most maintenance goes first; a fee that is more than what is left is charged in
        full and borne by the insurance fund as shortfall.
        """
        ledger, mark = self._ledger, Price(ticks * self._unit)
        instrument = ledger.instrument
        pool = next(each for each in self._pools() if self._under(each, ticks))
        side, position = max(pool.positions, key=lambda each: self._needed(each[1], mark))
        qty = self._excess(position, mark)
        closing = Side.SELL if position.qty > ZERO else Side.BUY
        after, realised = traded(position, instrument, side=closing, qty=qty, price=mark)
        amount = ledger_up(instrument.value(qty, mark) * self.terms.liquidation_fee)
        value = amount * mark if instrument.kind is Kind.INVERSE else amount
        gain = realised - amount
        shortfall = max(ZERO, self._least(pool, position, after) - gain)
        ledger.transfer(instrument.settle, gain + shortfall)
        ledger.positions[side] = after
        self.reckon()
        self.liquidating = self.reached(ticks)
        fee = Fee(amount, instrument.settle, Quote(value))
        return Liquidated(time, closing, qty, mark, fee, side, shortfall)

    def _needed(self, position: Position, mark: Decimal) -> Decimal:
        value = self._ledger.instrument.value(abs(position.qty), mark)
        return maintenance(self._brackets, value)

    def _excess(self, position: Position, mark: Price) -> Qty:
        """How much to close: down to the floor of its bracket, or all of it in the lowest."""
        instrument, held = self._ledger.instrument, abs(position.qty)
        floor = self._brackets[bracket_of(self._brackets, instrument.value(held, mark))].floor
        if not floor:
            return Qty(held)
        spend = floor * mark if instrument.kind is Kind.INVERSE else floor
        return Qty(held - instrument.qty_for(Quote(spend), mark))

    def _least(self, pool: Pool, before: Position, after: Position) -> Decimal:
        """The worst a step may do to the wallet; the insurance fund bears what goes beyond.

        Isolated: the margin of the part that was closed. Cross: the wallet ends at zero once
        nothing is held (Binance: the fund balances a negative wallet back to 0).
        """
        if self.terms.margin is MarginMode.ISOLATED:
            return -ledger_down(
                pool.money * (abs(before.flow) - abs(after.flow)) / abs(before.flow)
            )
        if after.qty or len(pool.positions) > 1:
            return -INFINITE
        return -pool.money

    # --- orders ---------------------------------------------------------------------------------

    def refusal(
        self, terms: Terms, price: Price, *, time: int, resting: Iterable[Resting]
    ) -> str | None:
        """Why an order is not taken: the venue liquidates, or its bracket forbids the leverage.

        Binance (error -2027) counts the position and the open orders of its side together.
        """
        if self.liquidating:
            return LIQUIDATION
        limit = value_max(self.terms.brackets.at(time), self._ledger.leverage)
        if limit == INFINITE or terms.reduce_only:
            return None
        held = self._ledger.position(terms.position_side).qty
        exposure = self._ledger.instrument.value(held if terms.side is Side.BUY else -held, price)
        exposure += self._value(terms, terms.qty, price)
        for order in resting:
            other = order.terms
            same = other.side is terms.side and other.position_side is terms.position_side
            if same and not other.reduce_only:
                exposure += self._value(other, Qty(order.left), price)
        return "LEVERAGE_TOO_HIGH" if exposure > limit else None

    def _value(self, terms: Terms, qty: Qty | None, price: Price) -> Decimal:
        """The value of an order at its own price, or at the market's where it has none."""
        instrument = self._ledger.instrument
        at = terms.price or terms.trigger or price
        if terms.spend is not None:
            qty = instrument.qty_for(terms.spend, at)
        return instrument.value(qty if qty is not None else ZERO, at)

    def available(self, price: Decimal) -> Decimal:
        """What a new order may reserve: cross lends out no open profit and counts open losses.

        An isolated loss stays inside its margin, which is not available anyway.
        """
        ledger = self._ledger
        free = ledger.available(ledger.instrument.settle)
        if self.terms.margin is MarginMode.CROSS:
            free += min(ZERO, ledger.unrealised(price))
        return max(ZERO, free)
