"""Owns what any venue's row says in our words: an order as shown, a trade, or a reason to ask.

Numbers, times and words are taken strictly: a thing that cannot be read raises ValueError or
KeyError, and a status nobody knows is `UNKNOWN`, never a default. Knows no venue.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from absolute.domain.fill import Fee, Fill, Liquidity
from absolute.domain.ids import ClientOrderId, TradeId, VenueOrderId
from absolute.domain.instrument import Instrument, Side
from absolute.domain.order import PositionSide
from absolute.domain.units import Asset, Nanos, Price, Qty, Quote
from absolute.engine.reports import Seen
from absolute.venues.market_filters import decimal_of

Row = Mapping[str, Any]
BAD_ROW = (KeyError, ValueError, TypeError, IndexError, AttributeError, ArithmeticError)
"""What reading a malformed row raises."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An order as a venue showed it; `client_id` in the venue's form, empty where it has none."""

    client_id: str
    venue_id: VenueOrderId
    status: Seen
    filled: Qty
    updated: Nanos
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Traded:
    """One execution; `fee` of None: not told."""

    trade_id: TradeId
    venue_id: VenueOrderId
    client_id: str
    side: Side
    price: Price
    qty: Qty
    maker: bool
    fee: Decimal | None
    fee_asset: Asset
    time: Nanos
    position_side: PositionSide = PositionSide.NET


@dataclass(frozen=True, slots=True)
class AskAgain:
    """A frame that says something changed without saying how the order stands now."""

    client_id: str


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """A frame that says the stream is over: dial again and reconcile."""

    reason: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A public trade."""

    price: Price
    time: Nanos


Item = Shown | Traded | AskAgain | StreamEnd | Tick


def required(value: Any) -> Decimal:  # noqa: ANN401 -- JSON enters
    """A number that must be there; raises ValueError where it is not."""
    number = decimal_of(value)
    if number is None:
        raise ValueError("a number is missing")
    return number


def positive(value: Any) -> Decimal:  # noqa: ANN401 -- JSON enters
    """A price or a traded quantity; raises ValueError for anything not above zero."""
    number = required(value)
    if number <= 0:
        raise ValueError(f"{number} is not above zero")
    return number


def not_negative(value: Any) -> Decimal:  # noqa: ANN401 -- JSON enters
    """A cumulative quantity; raises ValueError below zero."""
    number = required(value)
    if number < 0:
        raise ValueError(f"{number} is below zero")
    return number


def nanos_of(value: Any) -> Nanos:  # noqa: ANN401 -- JSON enters
    """A venue's time in ns, whether it wrote milli-, micro- or nanoseconds; else ValueError.

    The ranges of the three units for the years 2001 to 2286 do not overlap.
    """
    number = int(value)
    for scale in (1_000_000, 1_000, 1):
        nanos = number * scale
        if 10**18 <= nanos < 10**19:
            return Nanos(nanos)
    raise ValueError(f"{value!r} is no time")


def side_of(value: Any) -> Side:  # noqa: ANN401 -- JSON enters
    """A side in any spelling; raises ValueError for any other word."""
    return Side(str(value).lower())


def fill_of(traded: Traded, client_id: ClientOrderId, fee: Fee | None) -> Fill:
    """A trade as a fill of one of our orders."""
    return Fill(
        trade_id=traded.trade_id,
        client_id=client_id,
        side=traded.side,
        price=traded.price,
        qty=traded.qty,
        liquidity=Liquidity.MAKER if traded.maker else Liquidity.TAKER,
        fee=fee,
        time=traded.time,
        position_side=traded.position_side,
    )


def fee_of(traded: Traded, instrument: Instrument, third_price: Decimal | None) -> Fee | None:
    """The fee of a trade with its value in quote; None where it or its price is not known."""
    if traded.fee is None:
        return None
    if not traded.fee:
        return Fee(traded.fee, instrument.quote, Quote(traded.fee))
    if traded.fee_asset == instrument.quote:
        value = traded.fee
    elif traded.fee_asset == instrument.base:
        value = traded.fee * traded.price
    elif third_price is not None:
        value = traded.fee * third_price
    else:
        return None
    return Fee(traded.fee, traded.fee_asset, Quote(value))
