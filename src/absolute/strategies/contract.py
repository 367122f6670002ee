"""Owns the contract of a strategy: facts and a view go in, the orders it wants come out.

A strategy is a pure plan plus a small state. It never sees the tape, the clock or the venue, and
cannot know whether the market is real. No base class has to be inherited.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from absolute.domain.ids import ClientOrderId, Role
from absolute.domain.instrument import Instrument
from absolute.domain.messages import Event
from absolute.domain.notes import Note
from absolute.domain.order import Order, PositionSide, Terms
from absolute.domain.position import Position
from absolute.domain.units import Asset, Nanos, Price, Quote


class View(Protocol):
    """A read-only picture of its own portfolio and the last known price."""

    @property
    def instrument(self) -> Instrument:
        """The market it trades in."""
        ...

    @property
    def price(self) -> Price | None:
        """The last known price, None before the first."""
        ...

    @property
    def orders(self) -> Mapping[ClientOrderId, Order]:
        """Every order it ever placed."""
        ...

    @property
    def live(self) -> Mapping[Role, Order]:
        """Its orders that may still trade, by role."""
        ...

    @property
    def held(self) -> Decimal:
        """What its own trades left it with, in base units or contracts."""
        ...

    @property
    def fees_known(self) -> bool:
        """False while some fill has come without its fee."""
        ...

    def total(self, asset: Asset) -> Decimal:
        """All that is owned of an asset."""
        ...

    def position(self, side: PositionSide = PositionSide.NET) -> Position:
        """The position of one side."""
        ...

    def buying_power(self, price: Decimal) -> Quote:
        """The largest notional that could be bought now at a price, fees included."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What a strategy wants from now on: all of its orders, most protective first, and notes."""

    targets: tuple[Terms, ...]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Wakes:
    """What wakes a strategy besides its own fills and order updates, which always do.

    `timer`: not before this time. `falls_to`, `rises_to`: a price level, once. `bars`: the close
    of every bar of this many ns.
    """

    timer: Nanos | None = None
    falls_to: Price | None = None
    rises_to: Price | None = None
    bars: int | None = None


ASLEEP = Wakes()


class Strategy(Protocol):
    """Anything with these two members trades."""

    @property
    def wakes(self) -> Wakes:
        """What it wants to be woken by from now on."""
        ...

    def on(self, event: Event, view: View) -> Plan | None:
        """Take in one fact; a plan replaces the last one, None leaves it as it is."""
        ...
