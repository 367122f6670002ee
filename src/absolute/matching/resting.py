"""Owns one order as the simulated venue keeps it: what is left of it and which price wakes it."""

from dataclasses import dataclass
from decimal import Decimal

from absolute.domain.ids import ClientOrderId
from absolute.domain.instrument import Side
from absolute.domain.order import OrderType, Terms, TimeInForce
from absolute.domain.units import ZERO, Asset, Price
from absolute.kernels.feed import ticks_down, ticks_up
from absolute.kernels.skip import NEVER_DOWN, NEVER_UP
from absolute.matching.fills import FillModel, limit_level, trigger_level

IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


@dataclass(slots=True, eq=False)
class Resting:
    """An accepted order. `down` and `up` are the tape levels that wake it.

    It takes part from bar `active` on; `spent` is the last bar that used up its one chance.
    `born` is the price it was sent at, in tape units.
    `now`: it must trade or end at the first price it meets. `limit` is the live limit price, None
    while a stop waits; `extreme` is the best price a trailing stop has seen, in tape units.
    """

    client_id: ClientOrderId
    terms: Terms
    left: Decimal
    hold_asset: Asset
    hold: Decimal
    active: int
    born: int
    sequence: int
    down: int = NEVER_DOWN
    up: int = NEVER_UP
    spent: int = -1
    now: bool = False
    limit: Price | None = None
    extreme: int | None = None
    queue: Decimal = ZERO

    def arm(self, model: FillModel, unit: Decimal) -> None:
        """Work out the levels of the state it is in."""
        terms = self.terms
        kind = terms.type
        if kind is OrderType.MARKET:
            self.now = True
        elif self.limit is not None:
            self.now = terms.time_in_force in IMMEDIATE
            self.queue = model.queue_ahead
            self.down, self.up = limit_level(terms.side, self.limit, unit, beyond=model.beyond())
        elif kind is OrderType.TRAILING:
            self._arm_trailing(unit)
        elif terms.trigger is not None:
            falling = (terms.side is Side.SELL) is (kind is not OrderType.TAKE_PROFIT)
            self.down, self.up = trigger_level(terms.trigger, unit, falling=falling)

    def reached(self, ticks: int) -> bool:
        """True where a price wakes it."""
        return self.down >= ticks or self.up <= ticks

    def _arm_trailing(self, unit: Decimal) -> None:
        """A trailing stop wakes at its stop, and one unit beyond its extreme to move it."""
        trail, extreme = self.terms.trail, self.extreme
        if trail is None or extreme is None:
            return
        stop = self.stop_price(unit)
        if self.terms.side is Side.SELL:
            self.down, self.up = ticks_down(stop, unit), extreme + 1
        else:
            self.down, self.up = extreme - 1, ticks_up(stop, unit)

    def stop_price(self, unit: Decimal) -> Decimal:
        """The price at which a waiting stop fires."""
        if self.terms.trigger is not None and self.extreme is None:
            return self.terms.trigger
        if self.extreme is None or self.terms.trail is None:
            raise ValueError(f"order {self.client_id} is no stop")
        best = self.extreme * unit
        return best - self.terms.trail if self.terms.side is Side.SELL else best + self.terms.trail
