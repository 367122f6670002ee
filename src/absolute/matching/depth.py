"""Owns the displayed book of a market, level by level (L2), as its updates have told it.

Prices are whole ticks, sizes whole lots: both are exact and cheap to compare. A level's size is
replaced by every update that names it, and lots of zero remove it. Knows nothing of single orders,
of ours least of all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from absolute.domain.instrument import Side
from absolute.domain.units import Nanos
from absolute.matching.prices import Prices

Level = tuple[int, int]
"""A price in ticks and the lots that stand there."""


@dataclass(frozen=True, slots=True)
class DepthUpdate:
    """What the named levels hold from `time` on; a snapshot also removes all it does not name."""

    time: Nanos
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    snapshot: bool = False
    last_id: int = 0


@dataclass(frozen=True, slots=True)
class TradePrint:
    """One trade of the market, in ticks and lots. `buyer_is_maker`: the aggressor sold."""

    time: Nanos
    ticks: int
    lots: int
    buyer_is_maker: bool

    @property
    def maker_side(self) -> Side:
        """The side that waited."""
        return Side.BUY if self.buyer_is_maker else Side.SELL


MarketUpdate = DepthUpdate | TradePrint


@dataclass(frozen=True, slots=True)
class LevelsView:
    """The best levels of both sides, best first."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Depth:
    """Displayed lots by price, both sides."""

    __slots__ = ("_lots", "_prices")

    def __init__(self) -> None:
        self._lots: dict[Side, dict[int, int]] = {side: {} for side in Side}
        self._prices = {side: Prices(side) for side in Side}

    def apply(self, update: DepthUpdate) -> None:
        """Take in one update, all of its levels at once."""
        if update.snapshot:
            self._lots = {side: {} for side in Side}
            self._prices = {side: Prices(side) for side in Side}
        for ticks, lots in update.bids:
            self.show(Side.BUY, ticks, lots)
        for ticks, lots in update.asks:
            self.show(Side.SELL, ticks, lots)

    def show(self, side: Side, ticks: int, lots: int) -> None:
        """A level now holds so many lots."""
        levels = self._lots[side]
        if lots:
            if ticks not in levels:
                self._prices[side].add(ticks)
            levels[ticks] = lots
        elif levels.pop(ticks, None) is not None:
            self._prices[side].remove(ticks)

    def take(self, side: Side, ticks: int, lots: int) -> None:
        """Lots leave a level; more than it holds empties it."""
        self.show(side, ticks, max(0, self.lots(side, ticks) - lots))

    def lots(self, side: Side, ticks: int) -> int:
        """What a level holds."""
        return self._lots[side].get(ticks, 0)

    def best(self, side: Side) -> int | None:
        """The best price of a side, if it has any."""
        return self._prices[side].best

    def levels(self, side: Side) -> Iterator[Level]:
        """A side from its best level outward; it must not change meanwhile."""
        lots = self._lots[side]
        return ((ticks, lots[ticks]) for ticks in self._prices[side])

    def view(self, count: int) -> LevelsView:
        """The best `count` levels of both sides."""
        bids, asks = (tuple(islice(self.levels(side), count)) for side in (Side.BUY, Side.SELL))
        return LevelsView(bids, asks)

    @property
    def crossed(self) -> bool:
        """True where the best bid is not below the best ask."""
        bid, ask = self.best(Side.BUY), self.best(Side.SELL)
        return bid is not None and ask is not None and bid >= ask
