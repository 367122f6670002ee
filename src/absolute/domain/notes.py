"""Owns the closed union of notes: what a strategy decided that no order shows.

Notes are journalled beside events and shown to people; nothing is ever decided from one.
"""

from dataclasses import dataclass
from decimal import Decimal

from absolute.domain.units import Asset, Base, Nanos, Price, Quote


@dataclass(frozen=True, slots=True)
class DealOpened:
    """A deal began with its first fill; `added` is the reinvested profit per order."""

    time: Nanos
    deal: int
    added: Quote


@dataclass(frozen=True, slots=True)
class DealClosed:
    """A deal is out: `cost`, `profit` (net of every fee and funding) and `fees` are in settle."""

    time: Nanos
    deal: int
    opened: Nanos
    rebuys: int
    cost: Decimal
    average: Price
    exit_price: Price
    profit: Decimal
    fees: Decimal
    forced: bool


@dataclass(frozen=True, slots=True)
class RungSkipped:
    """A rung cannot be placed: its value is below the venue's minimum and may not be raised."""

    time: Nanos
    deal: int
    rung: int
    value: Quote
    minimum: Quote


@dataclass(frozen=True, slots=True)
class RungRefused:
    """The venue did not take a rung; it is tried again after the next fill."""

    time: Nanos
    deal: int
    rung: int
    reason: str


@dataclass(frozen=True, slots=True)
class LadderCapped:
    """The next rung would break the cap: the deal stops growing here."""

    time: Nanos
    deal: int
    rung: int
    value: Quote
    room: Quote


@dataclass(frozen=True, slots=True)
class DustKept:
    """A remainder too small to sell is carried into the next deal with its own cost."""

    time: Nanos
    deal: int
    asset: Asset
    qty: Base
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Halted:
    """The bot stopped by itself and asks a person; `code` is documented."""

    time: Nanos
    code: str
    detail: str


Note = DealOpened | DealClosed | RungSkipped | RungRefused | LadderCapped | DustKept | Halted
