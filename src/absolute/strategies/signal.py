"""Owns the step from a number to a position: above the threshold all in, else out.

The number comes from outside, at the close of a bar; where it comes from (two averages, a model)
is not known here. Spot: buys with all that is free and sells all that it bought, nothing else. A
signal that turns while an order is under way is followed as soon as that order is done.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from absolute.domain.ids import Role
from absolute.domain.instrument import Side
from absolute.domain.messages import (
    Event,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    SignalChanged,
)
from absolute.domain.order import OrderType, Terms
from absolute.domain.units import ZERO, Price, Qty, Quote
from absolute.strategies.contract import ASLEEP, Plan, View, Wakes

ENTER: Final = Role("enter")
LEAVE: Final = Role("leave")
NOTHING: Final = Plan(())


@dataclass(slots=True)
class SignalFollower:
    """Long while the signal is above `threshold`; `share` is how much of the free money it uses."""

    threshold: Decimal = ZERO
    share: Decimal = Decimal(1)
    wakes: Wakes = ASLEEP
    _long: bool = False

    def on(self, event: Event, view: View) -> Plan | None:
        """Follow a change of the signal; a done order is no longer wanted."""
        match event:
            case SignalChanged(value=value, price=price):
                wanted = value > self.threshold
                if wanted is self._long:
                    return None
                self._long = wanted
                return self._follow(view, price) if not view.live else None
            case OrderFilled(fill=fill, done=True):
                return self._follow(view, fill.price)
            case OrderRejected() | OrderExpired() | OrderCancelled():
                return NOTHING
            case _:
                return None

    def _follow(self, view: View, price: Price) -> Plan:
        """Enter, leave, or stay as the signal wants it now."""
        qty = self._sellable(view)
        if self._long:
            return NOTHING if qty else self._enter(view, price)
        if not qty:
            return NOTHING
        return Plan((Terms(LEAVE, Side.SELL, OrderType.MARKET, qty=qty),))

    def _enter(self, view: View, price: Price) -> Plan:
        spend = Quote(view.buying_power(price) * self.share)
        return Plan((Terms(ENTER, Side.BUY, OrderType.MARKET, spend=spend),))

    def _sellable(self, view: View) -> Qty:
        """What it bought, in whole lots; zero below the venue's minimum."""
        instrument = view.instrument
        qty = instrument.qty_down(view.held)
        return qty if qty >= instrument.min_qty else Qty(ZERO)
