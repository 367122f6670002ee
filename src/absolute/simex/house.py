"""Owns the stranger who makes the market: a ladder of quotes round a moving price, and a crowd.

At each point of the price path the crowd trades up or down to the new price through whatever
stands in the way, clients' orders first in their turn, and the ladder is quoted afresh round it.
The same seed does the same. It must not know accounts or money.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from absolute.domain.instrument import Instrument, Side
from absolute.domain.order import TimeInForce
from absolute.domain.units import ZERO
from absolute.matching.book import Book, Change, SelfTrade, Ticket

HOUSE_OWNER: Final = 0
FIRST_HOUSE_TICKET: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class HouseStyle:
    """How the house quotes: levels each side, share of the price between them, quote value each."""

    levels: int = 25
    gap: Decimal = Decimal("0.0001")
    level_value: Decimal = Decimal(20_000)
    seed: int = 1


class House:
    """The house in one market's book."""

    def __init__(self, book: Book, instrument: Instrument, style: HouseStyle) -> None:
        self._book = book
        self._instrument = instrument
        self._style = style
        self._rng = np.random.Generator(np.random.PCG64(style.seed))
        self._ticket = FIRST_HOUSE_TICKET

    def quote(self, price: Decimal) -> list[Change]:
        """Quote the ladder round a price; a client's order that is better than it trades."""
        changes: list[Change] = []
        wanted = self._ladder(price)
        kept: dict[Side, set[int]] = {Side.BUY: set(), Side.SELL: set()}
        for side in Side:
            for standing in list(self._book.standing(side)):
                if standing.ticket.owner != HOUSE_OWNER:
                    continue
                if standing.ticks in wanted[side] and standing.ticks not in kept[side]:
                    kept[side].add(standing.ticks)
                else:
                    changes += self._book.cancel(standing.ticket.id)
        for side in Side:
            for ticks, lots in wanted[side].items():
                if ticks not in kept[side]:
                    changes += self._book.place(self._order(side, lots, ticks=ticks))
        return changes

    def move(self, price: Decimal, volume: Decimal, *, last: Decimal) -> list[Change]:
        """Trade to a price, then quote round it."""
        ticks = self._ticks(price)
        heads = bool(self._rng.integers(2))
        down = price < last or (price == last and heads)
        taker = Side.SELL if down else Side.BUY
        maker = taker.opposite
        changes: list[Change] = []
        for standing in list(self._book.standing(maker)):
            better = standing.ticks >= ticks if down else standing.ticks <= ticks
            if better and standing.ticket.owner == HOUSE_OWNER:
                changes += self._book.cancel(standing.ticket.id)
        lots = max(1, int(volume // self._instrument.lot))
        changes += self._book.place(self._order(maker, lots, ticks=ticks))
        crowd = self._order(taker, lots, ticks=ticks, time_in_force=TimeInForce.IOC)
        changes += self._book.place(crowd)
        return changes + self.quote(price)

    def withdraw(self) -> list[Change]:
        """Take every quote away: an empty market."""
        changes: list[Change] = []
        for side in Side:
            for standing in list(self._book.standing(side)):
                if standing.ticket.owner == HOUSE_OWNER:
                    changes += self._book.cancel(standing.ticket.id)
        return changes

    def _ladder(self, price: Decimal) -> dict[Side, dict[int, int]]:
        """Lots by level of both sides."""
        style, here = self._style, self._ticks(price)
        gap = max(1, int(here * style.gap))
        value = price * self._instrument.lot * self._instrument.contract
        mean = max(ZERO, style.level_value / value)
        shares = self._rng.integers(50, 151, size=(2, style.levels))
        ladder: dict[Side, dict[int, int]] = {side: {} for side in Side}
        for row, side in enumerate(Side):
            sign = -1 if side is Side.BUY else 1
            for level in range(style.levels):
                ticks = here + sign * gap * (level + 1)
                if ticks > 0:
                    lots = int(mean * int(shares[row, level]) / 100)
                    ladder[side][ticks] = max(1, lots)
        return ladder

    def _ticks(self, price: Decimal) -> int:
        return max(1, int((price / self._instrument.tick).to_integral_value()))

    def _order(
        self, side: Side, lots: int, *, ticks: int, time_in_force: TimeInForce = TimeInForce.GTC
    ) -> Ticket:
        self._ticket += 1
        return Ticket(self._ticket, HOUSE_OWNER, side, lots, ticks, time_in_force, SelfTrade.ALLOW)
