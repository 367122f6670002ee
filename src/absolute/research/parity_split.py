"""Owns the arithmetic of the parity ledger: what made two runs of one strategy end differently.

Two accounts go in, the run as it was and the same settings replayed through the back-test, each as
trades and a final equity; out come exact amounts, one a cause. Whatever no rule explains stays
`unexplained`: it is what is left, never a part that was fitted. docs/parity.md derives the rules.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from absolute.domain.instrument import Side
from absolute.domain.units import ZERO

PriceAt = Callable[[int, Decimal], Decimal]
"""The market's price at a time, and nearest to a price where a bar leaves a range open."""


class Part(StrEnum):
    """The causes of a difference."""

    FEE = "fee"
    SLIPPAGE = "slippage"
    FILL = "fill"
    TIMING = "timing"
    FUNDING = "funding"
    DATA = "data"


GRAIN: Final = Decimal("1e-12")
"""What a part is told to; it is a quotient of amounts, which are told to 1e-8."""
Amounts = dict[Part, Decimal]
Key = tuple[int, str]
"""The number of a deal and the role of an order in it."""


@dataclass(frozen=True, slots=True)
class Trade:
    """All that one order of a deal traded: its fills in sequence, as one.

    `price` is their mean, `time` the first; fees in base and in quote money are kept apart;
    `full` where the order filled to its end.
    """

    deal: int
    role: str
    side: Side
    qty: Decimal
    price: Decimal
    time: int
    taker: bool
    base_fee: Decimal = ZERO
    quote_fee: Decimal = ZERO
    full: bool = True

    @property
    def key(self) -> Key:
        """What it is matched by."""
        return self.deal, self.role

    @property
    def sign(self) -> int:
        """+1 for a buy."""
        return 1 if self.side is Side.BUY else -1

    @property
    def net(self) -> Decimal:
        """What it left the deal with, its fee in base taken off; negative for a sell."""
        return self.sign * self.qty - self.base_fee


@dataclass(frozen=True, slots=True)
class Account:
    """One run's end: its trades in order, what funding brought, its equity at `mark`.

    `remarked` is its equity at the mark of the other one. `price_at` is the market it saw.
    """

    trades: tuple[Trade, ...]
    equity: Decimal
    remarked: Decimal
    mark: Decimal
    funding: Decimal
    price_at: PriceAt


@dataclass(frozen=True, slots=True)
class Split:
    """The difference of the final equities and its parts, in money; they sum to it exactly."""

    total: Decimal
    parts: Mapping[Part, Decimal]
    matched: int
    only_actual: tuple[Key, ...]
    only_modelled: tuple[Key, ...]

    @property
    def unexplained(self) -> Decimal:
        """What no rule explains."""
        return self.total - sum(self.parts.values(), ZERO)


@dataclass(slots=True)
class _Deal:
    """What of the buys of one deal must be known to explain what follows from them.

    `moved` is how much of a buy's price difference each cause made, `held` how much of the
    difference in what is held; both in the deal's own units.
    """

    buys: list[tuple[Trade, Trade, Amounts]] = field(default_factory=list)
    held: Amounts = field(default_factory=dict)
    torn: bool = False

    def price_moved(self, modelled: Trade) -> Amounts:
        """What moved a limit that was set from earlier buys: the exit from their average, a rung
        from the last of them, each in proportion.
        """
        told = self.buys[-1:] if modelled.side is Side.BUY else self.buys
        weight = sum((theirs.qty for _, theirs, _ in told), ZERO)
        if not weight:
            return {}
        mean = sum((theirs.qty * theirs.price for _, theirs, _ in told), ZERO) / weight
        moved: Amounts = {}
        for _, theirs, parts in told:
            for part, amount in parts.items():
                share = amount * theirs.qty / weight * modelled.price / mean
                moved[part] = moved.get(part, ZERO) + share
        return moved


def split(actual: Account, modelled: Account, *, contract: Decimal) -> Split:
    """Explain `actual.equity` less `modelled.equity`; `contract` is the size of one contract."""
    return _Splitter(actual, modelled, contract).split()


class _Splitter:
    """Walks the trades of both runs in order and books what each pair says."""

    def __init__(self, actual: Account, modelled: Account, contract: Decimal) -> None:
        self._actual = actual
        self._modelled = modelled
        self._contract = contract
        self._parts: Amounts = dict.fromkeys(Part, ZERO)
        self._deals: dict[int, _Deal] = {}

    def split(self) -> Split:
        ours, theirs = (_by_key(each.trades) for each in (self._actual, self._modelled))
        only_actual = tuple(key for key in ours if key not in theirs)
        only_modelled = tuple(key for key in theirs if key not in ours)
        for key in (*only_actual, *only_modelled):
            self._deal(key[0]).torn = True
        for trade, sign in _in_order(ours, theirs):
            if trade.key not in theirs:
                self._alone(trade, 1)
            elif trade.key not in ours:
                self._alone(trade, -1)
            elif sign > 0:
                self._pair(trade, theirs[trade.key])
        self._parts[Part.FUNDING] += self._actual.funding - self._modelled.funding
        self._parts[Part.DATA] += self._actual.equity - self._actual.remarked
        total = self._actual.equity - self._modelled.equity
        matched = len(ours) - len(only_actual)
        parts = {part: amount.quantize(GRAIN) for part, amount in self._parts.items()}
        return Split(total, parts, matched, only_actual, only_modelled)

    def _deal(self, number: int) -> _Deal:
        return self._deals.setdefault(number, _Deal())

    def _book(self, part: Part, amount: Decimal) -> None:
        self._parts[part] += amount

    def _alone(self, trade: Trade, sign: int) -> None:
        """A trade only one of the two made: all that it moved, and what it held, is a fill's."""
        mark = self._modelled.mark
        gain = trade.sign * trade.qty * (mark - trade.price) * self._contract
        self._book(Part.FILL, sign * (gain - trade.base_fee * mark - trade.quote_fee))
        if trade.side is Side.BUY:
            held = self._deal(trade.deal).held
            held[Part.FILL] = held.get(Part.FILL, ZERO) + sign * trade.net

    def _pair(self, ours: Trade, theirs: Trade) -> None:
        """A trade both made: its price, its quantity, its fee."""
        deal = self._deal(ours.deal)
        if not (ours.full and theirs.full):
            deal.torn = True
        moved = self._moved(ours, theirs, deal)
        sized = self._sized(ours, theirs, deal, moved)
        mark, sign, contract = self._modelled.mark, ours.sign, self._contract
        base_rate, quote_rate = theirs.base_fee / theirs.qty, self._quote_rate(theirs)
        for part, amount in moved.items():
            self._book(part, -(sign + quote_rate) * contract * ours.qty * amount)
        for part, amount in sized.items():
            gain = sign * contract * amount * (mark - theirs.price)
            self._book(part, gain - base_rate * amount * mark)
            self._book(part, -quote_rate * contract * theirs.price * amount)
        dearer = ours.base_fee - base_rate * ours.qty
        value = ours.qty * ours.price * contract
        self._book(Part.FEE, -dearer * mark - (ours.quote_fee - quote_rate * value))
        if ours.side is Side.BUY:
            deal.buys.append((ours, theirs, moved))
            for part, amount in sized.items():
                deal.held[part] = deal.held.get(part, ZERO) + (1 - base_rate) * amount
            deal.held[Part.FEE] = deal.held.get(Part.FEE, ZERO) - dearer

    def _quote_rate(self, trade: Trade) -> Decimal:
        return trade.quote_fee / (trade.qty * trade.price * self._contract)

    def _moved(self, ours: Trade, theirs: Trade, deal: _Deal) -> Amounts:
        """The price difference by cause; what no cause made is left out, or a torn deal's."""
        apart = ours.price - theirs.price
        if not (ours.taker or theirs.taker):
            moved = deal.price_moved(theirs)
            if deal.torn:
                rest = apart - sum(moved.values(), ZERO)
                moved[Part.FILL] = moved.get(Part.FILL, ZERO) + rest
            return moved
        seen = there = ours.price
        if ours.taker:
            seen = self._actual.price_at(ours.time, ours.price)
            there = self._modelled.price_at(ours.time, ours.price)
        then = theirs.price
        if theirs.taker:
            then = self._modelled.price_at(theirs.time, theirs.price)
        data, timing = seen - there, there - then
        return {
            Part.DATA: data,
            Part.TIMING: timing,
            Part.SLIPPAGE: apart - data - timing,
        }

    def _sized(self, ours: Trade, theirs: Trade, deal: _Deal, moved: Amounts) -> Amounts:
        """The difference in quantity by cause: a buy spends a sum, a sell sells what is held."""
        apart = ours.qty - theirs.qty
        if ours.side is Side.BUY:
            sized = {part: -ours.qty * amount / theirs.price for part, amount in moved.items()}
        else:
            sized, deal.held = dict(deal.held), {}
        if deal.torn:
            rest = apart - sum(sized.values(), ZERO)
            sized[Part.FILL] = sized.get(Part.FILL, ZERO) + rest
        return sized


def _by_key(trades: Iterable[Trade]) -> dict[Key, Trade]:
    return {trade.key: trade for trade in trades}


def _in_order(
    ours: Mapping[Key, Trade], theirs: Mapping[Key, Trade]
) -> Iterable[tuple[Trade, int]]:
    """Every trade of both, deal by deal, buys before sells, by time; +1 marks the run's own."""
    told = [(trade, 1) for trade in ours.values()]
    told += [(trade, -1) for trade in theirs.values() if trade.key not in ours]
    return sorted(told, key=lambda each: (each[0].deal, -each[0].sign, each[0].time))
