"""Owns the compiled run of a signal over a tape: all in, all out, at the next open.

It is the fast twin of `strategies.signal.SignalFollower` in the exact engine (spot, touch, no
slippage, no latency, fee in quote) for sweeps over many signals. Everything is whole numbers: money
counts ledger units, quantities lots, prices price units, so its fills are the engine's to the last
unit. Where a number would not fit into 63 bits it refuses to start or stops.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from absolute.domain.units import LEDGER_UNIT, Ratio

LARGEST: Final = 2**62
FILL: Final = np.dtype(
    [("bar", np.int64), ("lots", np.int64), ("ticks", np.int64), ("fee", np.int64)]
)
"""One fill: bar number, signed lots, price units, fee in ledger units."""

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SignalTerms:
    """The market and the money in whole numbers.

    `grain` is what one lot is worth per price unit, in ledger units; the fee is `over / under`.
    """

    cash: int
    grain: int
    fee_over: int
    fee_under: int
    min_lots: int
    min_value: int

    @classmethod
    def of(
        cls, *, cash: Decimal, price_unit: Decimal, lot: Decimal, fee: Ratio, min_notional: Decimal
    ) -> "SignalTerms":
        """Whole numbers of exact ones; raises ValueError where one is not whole or too large."""
        grain = price_unit * lot / LEDGER_UNIT
        money, least = cash / LEDGER_UNIT, min_notional / LEDGER_UNIT
        if any(part % 1 for part in (grain, money, least)):
            raise ValueError("price unit times lot, cash and minimum must be whole ledger units")
        over, under = fee.as_integer_ratio()
        if over < 0 or int(money) * under > LARGEST:
            raise ValueError("a rebate, or so much money at such a fee, does not fit this kernel")
        return cls(int(money), int(grain), over, under, 1, int(least))


@dataclass(frozen=True, slots=True, eq=False)
class SignalRun:
    """What a run came to: its fills, and the cash (ledger units) and lots it ended with."""

    fills: NDArray[np.void]
    cash: int
    lots: int

    def equity(self, terms: SignalTerms, ticks: int) -> Decimal:
        """Everything at a price, in quote."""
        return (self.cash + self.lots * ticks * terms.grain) * LEDGER_UNIT


def run_signals(
    opens: Whole, closes: Whole, signals: NDArray[np.bool_], terms: SignalTerms
) -> SignalRun:
    """Trade the changes of `signals` bool[n], each at the open of the bar after its close.

    `opens` and `closes` are int64[n] price units. Raises OverflowError where a sum would not fit.
    """
    changes = np.flatnonzero(signals[1:] != signals[:-1]) + 1
    if len(signals) and signals[0]:
        changes = np.concatenate((np.zeros(1, np.int64), changes))
    fills = np.zeros(len(changes), FILL)
    count, cash, lots = _run(
        opens,
        closes,
        changes,
        signals,
        fills,
        (
            terms.cash,
            terms.grain,
            terms.fee_over,
            terms.fee_under,
            terms.min_lots,
            terms.min_value,
        ),
    )
    if count < 0:
        raise OverflowError("the account outgrew the whole numbers of this kernel")
    return SignalRun(fills[:count], cash, lots)


Numbers = tuple[int, int, int, int, int, int]


@njit(cache=True)
def _run(  # noqa: PLR0917, RUF100 -- numba takes no keywords
    opens: Whole,
    closes: Whole,
    changes: Whole,
    signals: NDArray[np.bool_],
    fills: NDArray[np.void],
    terms: Numbers,
) -> tuple[int, int, int]:
    cash, grain, over, under, min_lots, min_value = terms
    lots, count, last = 0, 0, len(opens) - 1
    for number in changes:
        if cash > LARGEST // (under + over) or lots > LARGEST // grain // closes[number]:
            return -1, cash, lots
        seen = closes[number] * grain
        if signals[number]:
            spend = cash * under // (under + over)
            qty = spend // seen
        else:
            spend = 0
            qty = lots
        if number == last or qty < min_lots or qty * seen < min_value:
            continue
        ticks = opens[number + 1]
        price = ticks * grain
        if signals[number]:
            qty = spend // price
            if qty < 1:
                continue
        value = qty * price
        fee = -(-value * over // under)
        if signals[number]:
            cash -= value + fee
            lots += qty
        else:
            cash += value - fee
            lots -= qty
        row = fills[count]
        row.bar = number + 1
        row.lots = qty if signals[number] else -qty
        row.ticks = ticks
        row.fee = fee
        count += 1
    return count, cash, lots
