"""Owns the compiled run of a ladder over a tape; knows nothing of settings, files or live orders.

It is the fast twin of `strategies.ladder.Ladder` in the exact engine, for spot, fill model touch,
the pessimistic path, no slippage, no latency, the default limits of risk, one resting rebuy, a
gross target, no cool-down, and fees in quote or in the coin received. Everything is whole numbers:
money and coins count ledger units, quantities lots, prices price units, so its fills are the
engine's to the last unit.

A product too long for 63 bits is divided by a float and mended by the exact remainder. The engine
rounds an average to 28 digits before it multiplies; where that could move an exit to another tick
the kernel stops and asks `_exact_exit`, which is the engine's own arithmetic. What it cannot do as
the engine does it refuses: ValueError where a filter of the venue could matter, OverflowError where
an amount outgrows it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from absolute.domain.fees import FeeCoin, FeeSchedule
from absolute.domain.instrument import Instrument, Kind
from absolute.domain.units import LEDGER_UNIT, ONE, ZERO, Quote, Ratio
from absolute.kernels.signal import FILL, LARGEST, Whole
from absolute.kernels.skip import NEVER_DOWN, SkipIndex, first_hit

GRAIN: Final = 10**12
"""Ratios count in these: drops and targets are told to twelve places."""
AMOUNT_MAX: Final = 2**52
"""Of money and of coins, in ledger units: what a float still counts one by one."""
DROP_MAX: Final = Ratio(Decimal("0.49"))
TICKS_MIN: Final = 100
"""A larger drop, or its rounding at a lower price, could leave the price band of risk (a half)."""
SPARE_LOTS: Final = 3
"""So many lots above the venue's minimum, no filter matters and every rebuy moves the exit."""

NONE: Final = 0
ASKED: Final = -1
DONE, ASKS, OUTGROWN, BEYOND = range(4)


class Fill(Protocol):
    """One row of `FILL` as compiled code sees it."""

    bar: int
    lots: int
    ticks: int
    fee: int


class Book(Protocol):
    """The account and the books of the deal, as `strategies.deal.Deal` keeps them.

    `bar` and `at`: where the last fill was, and what the market stood at. `exit` is a price, or
    NONE while nothing is held, or ASKED while only the engine can say. `lower` and `lots` are the
    next rebuy.
    """

    bar: int
    at: int
    count: int
    cash: int
    held: int
    paid: int
    bought: int
    cost: int
    spent: int
    rung: int
    added: int
    exit: int
    lower: int
    lots: int


BOOK: Final = np.dtype([(name, np.int64) for name in Book.__annotations__])


@dataclass(frozen=True, slots=True)
class LadderShape:
    """One deal's plan: order, drop and target of every rung, the clamps of an order and the cap.

    A cap of zero is none; `reinvest` spreads the profit of a deal over the orders of the next.
    """

    orders: Sequence[Quote]
    drops: Sequence[Ratio]
    targets: Sequence[Ratio]
    clamps: tuple[Quote, Quote]
    cap: Quote
    reinvest: bool


class LadderTerms(NamedTuple):
    """The plan, the market and the money in whole numbers.

    `grain` is what a lot is worth per price unit and `coins` what it holds, in ledger units; money
    over coins times `over / under` is a price. A fee is `taker / share` or `maker / share`, and a
    buy reserves `reserve / share`. `keeps` and `grows` are 1 - drop and 1 + target in `GRAIN`.
    """

    orders: Whole
    keeps: Whole
    grows: Whole
    least: int
    most: int
    cap: int
    reinvest: bool
    cash: int
    grain: int
    coins: int
    over: int
    under: int
    maker: int
    taker: int
    share: int
    received: bool
    reserve: int
    min_lots: int
    min_value: int
    max_lots: int
    max_value: int

    @classmethod
    def of(
        cls,
        shape: LadderShape,
        *,
        instrument: Instrument,
        fees: FeeSchedule,
        cash: Quote,
        price_unit: Decimal,
    ) -> "LadderTerms":
        """Whole numbers of exact ones; raises ValueError for what this kernel does not do."""
        _refuse_market(instrument, fees, price_unit)
        if not len(shape.orders) == len(shape.drops) == len(shape.targets) > 0:
            raise ValueError("orders, drops and targets must be equally many")
        if any(drop > DROP_MAX for drop in shape.drops):
            raise ValueError(f"drops above {DROP_MAX} are not for this kernel")
        grain, coins = _units(instrument.tick * instrument.lot), _units(instrument.lot)
        common = math.gcd(grain, coins)
        share = math.lcm(*(rate.as_integer_ratio()[1] for rate in (fees.maker, fees.taker)))
        received = fees.coin is FeeCoin.RECEIVED
        taker = int(fees.taker * share)
        limits = [each for each in (instrument.max_qty, instrument.max_market_qty) if each]
        money, under = _units(cash), grain // common
        if money > min(AMOUNT_MAX, LARGEST // (coins // common)) or share > GRAIN:
            raise ValueError("so much money, or so fine a fee, does not fit this kernel")
        return cls(
            orders=np.array([_units(order) for order in shape.orders]),
            keeps=np.array([_grains(ONE - drop) for drop in shape.drops]),
            grows=np.array([_grains(ONE + target) for target in shape.targets]),
            least=_units(shape.clamps[0]),
            most=_units(shape.clamps[1]),
            cap=_units(shape.cap),
            reinvest=shape.reinvest,
            cash=money,
            grain=grain,
            coins=coins,
            over=coins // common,
            under=under,
            maker=int(fees.maker * share),
            taker=taker,
            share=share,
            received=received,
            reserve=0 if received else taker,
            min_lots=-int(-instrument.min_qty // instrument.lot),
            min_value=_units(instrument.min_notional),
            max_lots=min(
                [AMOUNT_MAX // under // coins, *(int(q // instrument.lot) for q in limits)]
            ),
            max_value=_units(instrument.max_notional) if instrument.max_notional else LARGEST,
        )


@dataclass(frozen=True, slots=True, eq=False)
class LadderRun:
    """What a run came to: its fills, and the money and coins (ledger units) it ended with.

    The fee of a fill counts ledger units of the coin that paid it: with fees in the coin received
    that is the base of a buy and the quote of a sell.
    """

    fills: NDArray[np.void]
    cash: int
    held: int

    def equity(self, price: Decimal) -> Quote:
        """Everything at a price, in quote."""
        return Quote((self.cash + self.held * price) * LEDGER_UNIT)


def run_ladder(opens: Whole, index: SkipIndex, terms: LadderTerms) -> LadderRun:
    """Let the ladder trade from the open of the first bar on; `opens` int64[n] price units.

    Raises ValueError or OverflowError for what it could not do as the exact engine does.
    """
    fills = np.empty(len(opens), FILL)
    book = np.zeros(1, BOOK)
    book["bar"], book["cash"] = -1, terms.cash
    if len(opens):
        _refuse_filters(index, terms)
    columns = index.low, index.high, index.minima, index.maxima
    while (end := _run(opens, columns, fills, book, terms)) == ASKS:
        book["exit"] = _exact_exit(book, terms)
    if end == OUTGROWN:
        raise OverflowError("the account outgrew the whole numbers of this kernel")
    if end == BEYOND:
        raise ValueError("the venue might refuse an exit of this ladder: ask the exact engine")
    count = book["count"].item()
    return LadderRun(fills[:count].copy(), book["cash"].item(), book["held"].item())


# ------------------------------------------------------------------------------------ the refusals


def _units(amount: Decimal) -> int:
    whole, rest = divmod(amount, LEDGER_UNIT)
    if rest:
        raise ValueError(f"{amount} is no whole number of ledger units")
    return int(whole)


def _grains(ratio: Decimal) -> int:
    whole, rest = divmod(ratio * GRAIN, ONE)
    if rest:
        raise ValueError(f"{ratio} is finer than this kernel counts")
    return int(whole)


def _refuse_market(instrument: Instrument, fees: FeeSchedule, price_unit: Decimal) -> None:
    if instrument.kind is not Kind.SPOT or instrument.contract != ONE:
        raise ValueError("this kernel trades spot only")
    if instrument.tick != price_unit:
        raise ValueError("the tape must count prices in the tick of the market")
    if fees.coin is FeeCoin.THIRD or not ZERO <= fees.maker <= fees.taker:
        raise ValueError("third coins, rebates and makers above takers are not for this kernel")


def _refuse_filters(index: SkipIndex, terms: LadderTerms) -> None:
    """No buy may come near a filter of the venue, whatever price of the tape it meets."""
    lowest, highest = int(index.minima.min()), int(index.maxima.max())
    if lowest < TICKS_MIN:
        raise ValueError(f"prices below {TICKS_MIN} ticks are not for this kernel")
    lot_most, lot_least = highest * terms.grain, lowest // 2 * terms.grain
    smallest = min(int(terms.orders.min()), terms.cap or LARGEST)
    largest = min(terms.most, terms.cap or LARGEST)
    if smallest < max(terms.min_value, terms.min_lots * lot_most) + SPARE_LOTS * lot_most:
        raise ValueError("the orders are too close to the smallest ones the venue takes")
    if largest > terms.max_value or largest // lot_least > terms.max_lots:
        raise ValueError("the orders are too close to the largest ones the venue takes")


def _exact_exit(book: NDArray[np.void], terms: LadderTerms) -> int:
    """The price of the exit as the engine reckons it, in 28 digits."""
    average = Decimal(book["paid"].item()) / Decimal(book["bought"].item())
    growth = Decimal(terms.grows[book["rung"].item()].item()) / GRAIN
    tick = Decimal(terms.under) / terms.over
    whole, rest = divmod(average * growth, tick)
    return int(whole) + (1 if rest else 0)


# ------------------------------------------------------------------------------------- the compiled


@njit(cache=True)
def _times_over(a: int, b: int, by: int) -> tuple[int, int]:
    """`divmod(a * b, by)` of whole numbers that are not negative, with a * b below 2**113.

    The float is off by so little that what is left over still fits, and wrapping does not hurt it.
    """
    guess = int(np.float64(a) * np.float64(b) / np.float64(by))
    left = int(np.int64(np.uint64(a) * np.uint64(b) - np.uint64(guess) * np.uint64(by)))
    more = left // by
    return guess + more, left - more * by


@njit(cache=True)
def _part_up(amount: int, over: int, under: int) -> int:
    """A share of an amount, rounded up: a fee."""
    whole, rest = _times_over(amount, over, under)
    return whole + (1 if rest > 0 else 0)


@njit(cache=True)
def _exit_ticks(paid: int, bought: int, grow: int, terms: LadderTerms) -> int:
    """The average times `grow`, rounded up to the tick; ASKED where 28 digits might decide.

    The average is whole + rest / under. Times grow, its whole ticks are counted, and what is left
    is (r * under + p * GRAIN + s) / (GRAIN * under): a float says on which side of a tick it lies,
    and near a tick its exact numerator does.
    """
    under = bought * terms.under
    whole = paid * terms.over // under
    rest = paid * terms.over - whole * under
    ticks, r = _times_over(whole, grow, GRAIN)
    p, s = _times_over(rest, grow, GRAIN)
    ticks += p // under
    p %= under
    part = r / GRAIN + p / under + s / GRAIN / under
    near = int(part + 0.5)
    if abs(part - near) > 1e-9:
        return ticks + int(part) + 1
    left = np.int64(
        np.uint64(r) * np.uint64(under)
        + np.uint64(p - near * under) * np.uint64(GRAIN)
        + np.uint64(s)
    )
    ticks += near
    if left == 0 and rest == 0:
        return ticks
    if abs(left) <= 4e-27 * ticks * GRAIN * under:
        return ASKED
    return ticks + (1 if left > 0 else 0)


@njit(cache=True)
def _amount(rung: int, added: int, terms: LadderTerms) -> int:
    """The quote value of an order with the profit put on it."""
    amount: int = terms.orders[rung] + added
    return max(terms.least, min(amount, terms.most))


@njit(cache=True)
def _power(cash: int, terms: LadderTerms) -> int:
    """The largest notional the cash can buy with its fee."""
    return _times_over(cash, terms.share, terms.share + terms.reserve)[0]


@njit(cache=True)
def _buy(book: Book, ticks: int, lots: int, taker: bool, terms: LadderTerms) -> int:
    """Book a buy; returns its fee."""
    value, coins = lots * ticks * terms.grain, lots * terms.coins
    rate = terms.taker if taker else terms.maker
    fee = _part_up(coins if terms.received else value, rate, terms.share)
    outlay, got = (value, coins - fee) if terms.received else (value + fee, coins)
    book.cash -= outlay
    book.cost += outlay
    book.paid += value
    book.spent += value
    book.bought += coins
    book.held += got
    return fee


@njit(cache=True)
def _arm(book: Book, ticks: int, terms: LadderTerms) -> None:
    """Want the exit of all that is held, and the next rebuy inside the cap and the wallet."""
    book.exit = _exit_ticks(book.paid, book.bought, terms.grows[book.rung], terms)
    book.lower, rung = NEVER_DOWN, book.rung + 1
    if rung == len(terms.orders):
        return
    room = _power(book.cash, terms)
    if terms.cap:
        room = min(room, terms.cap - book.spent)
    amount = _amount(rung, book.added, terms)
    price = _times_over(ticks, terms.keeps[rung], GRAIN)[0]
    if amount <= room and price > 0:
        book.lower, book.lots = price, amount // (price * terms.grain)


@njit(cache=True)
def _sell(book: Book, ticks: int, lots: int, taker: bool, terms: LadderTerms) -> int:
    """Book the sell of all whole lots and open the books of the next deal; returns the fee."""
    value = lots * ticks * terms.grain
    fee = _part_up(value, terms.taker if taker else terms.maker, terms.share)
    book.cash += value - fee
    sold, rest = _times_over(book.cost, lots * terms.coins, book.held)
    if 2 * rest > book.held or (2 * rest == book.held and sold % 2 == 1):
        sold += 1
    dust, share = book.held - lots * terms.coins, book.cost - sold
    profit = value - fee - sold
    if terms.reinvest:
        book.added = max(profit, 0) // len(terms.orders)
    book.held = book.bought = dust
    book.cost = book.paid = share
    book.spent = book.rung = book.exit = 0
    return fee


@njit(cache=True)
def _enter(opens: Whole, book: Book, row: Fill, terms: LadderTerms) -> bool:
    """The market buy that opens a deal, at the next open; False where there is none."""
    spend, bar = _amount(0, book.added, terms), book.bar + 1
    if terms.cap and spend > terms.cap:
        spend = terms.cap
    if bar == len(opens) or spend > _power(book.cash, terms):
        return False
    ticks = opens[bar]
    row.bar, row.ticks, row.lots = bar, ticks, spend // (ticks * terms.grain)
    book.at = ticks
    row.fee = _buy(book, ticks, row.lots, True, terms)
    _arm(book, ticks, terms)
    return True


@njit(cache=True)
def _meet(opened: int, low: int, book: Book, row: Fill, terms: LadderTerms) -> None:
    """The fill of the bar in `row`, which reaches an order: at the open, else down, else up.

    Both orders take part from the bar after the last fill on. There, one that was marketable when
    it was sent, at the price `at`, takes an open that satisfies it; else a fill is at the limit.
    """
    selling = opened >= book.exit or low > book.lower
    level = book.exit if selling else book.lower
    if selling:
        gapped, was_marketable = opened >= level, book.at >= level
    else:
        gapped, was_marketable = opened <= level, book.at <= level
    taker = gapped and was_marketable and row.bar == book.bar + 1
    ticks = opened if taker else level
    book.at = opened if gapped else level
    row.ticks = ticks
    if selling:
        lots = book.held // terms.coins
        row.lots = -lots
        row.fee = _sell(book, ticks, lots, taker, terms)
    else:
        row.lots = book.lots
        book.rung += 1
        row.fee = _buy(book, ticks, book.lots, taker, terms)
        _arm(book, ticks, terms)


@njit(cache=True)
def _is_outgrown(book: Book, terms: LadderTerms) -> bool:
    money = min(AMOUNT_MAX, LARGEST // terms.over)
    return (
        book.cash > money
        or book.paid > money
        or book.bought > AMOUNT_MAX // terms.under
        or book.held // terms.coins > LARGEST // terms.grain // max(book.exit, 1)
    )


@njit(cache=True)
def _is_beyond(book: Book, terms: LadderTerms) -> bool:
    """Whether a filter of the venue could refuse the exit, or it would cross the rebuy."""
    lots = book.held // terms.coins
    value = lots * book.exit * terms.grain
    small = lots < terms.min_lots or value < terms.min_value
    large = lots > terms.max_lots or value > terms.max_value
    return small or large or book.exit <= book.lower


@njit(cache=True)
def _run(
    opens: Whole,
    index: tuple[Whole, Whole, Whole, Whole],
    fills: NDArray[np.void],
    books: NDArray[np.void],
    terms: LadderTerms,
) -> int:
    """From one fill to the next, until the tape or the money ends or somebody must be asked."""
    low, high, minima, maxima = index
    book: Book = books[0]
    while True:
        if book.exit == NONE:
            if book.bar + 1 == len(opens) or not _enter(opens, book, fills[book.count], terms):
                return DONE
        else:
            if _is_outgrown(book, terms):
                return OUTGROWN
            if _is_beyond(book, terms):
                return BEYOND
            bar = first_hit(low, high, minima, maxima, book.bar + 1, book.lower, book.exit)
            if bar == len(opens):
                return DONE
            row: Fill = fills[book.count]
            row.bar = bar
            _meet(opens[bar], low[bar], book, row, terms)
        book.bar = fills[book.count].bar
        book.count += 1
        if book.exit == ASKED:
            return ASKS
