"""Owns the seam between the gateway and one venue's way of being asked: one method per question.

A dialect raises `VenueFault` for whatever is no proper answer, and `Unfit` for an order the venue
could never take, before anything is sent. It decides nothing and keeps no state of orders.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import aiohttp

from absolute.domain.errors import AbsoluteError
from absolute.domain.ids import VenueOrderId
from absolute.domain.instrument import Instrument
from absolute.domain.order import OrderType, PositionSide, Terms
from absolute.domain.units import Asset, Nanos
from absolute.venues.error_table import VenueFault
from absolute.venues.profiles import Profile
from absolute.venues.rows import Item, Row, Shown, Tick, Traded


class Unfit(AbsoluteError):
    """An order this venue could never take; nothing was sent."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Holding:
    """What an account owns of one asset, and what of it is free."""

    asset: Asset
    total: Decimal
    free: Decimal


@dataclass(frozen=True, slots=True)
class Socket:
    """How one socket is opened and read.

    `hello` makes the frames to send once it is open, `ready` counts the frames that say yes to
    them (`answers` of those make it complete), `ping` is sent in silence, `renew` keeps it alive.
    """

    url: str
    hello: Callable[[], tuple[Row, ...]]
    items: Callable[[Row], tuple[Item, ...]]
    is_answer: Callable[[Row], bool]
    answers: int
    ping: Row | None = None


class Dialect(Protocol):
    """Speaks to one account in one market of one venue."""

    @property
    def instrument(self) -> Instrument:
        """The market with its live filters."""
        ...

    async def place(self, form: str, terms: Terms) -> VenueOrderId:
        """Send one order, once."""
        ...

    async def cancel(self, form: str, venue_id: VenueOrderId | None) -> None:
        """Ask for one order back."""
        ...

    async def look_up(self, form: str, venue_id: VenueOrderId | None) -> Shown | None:
        """One order; None only where every place that could hold it was asked and answered."""
        ...

    async def open_orders(self) -> list[Shown]:
        """Every open order of this market."""
        ...

    async def executions(self, since: Nanos, now: Nanos) -> list[Traded]:
        """Every execution since then, each once, oldest first."""
        ...

    async def holdings(self) -> list[Holding]:
        """What the account owns."""
        ...

    async def price(self) -> Tick:
        """The last price and its time."""
        ...

    async def price_of(self, asset: Asset) -> Decimal | None:
        """The price of a third coin in quote money; None where there is no such market."""
        ...

    async def server_time(self) -> Nanos:
        """The venue's clock."""
        ...

    async def private_socket(self) -> Socket | None:
        """How to hear of our orders; None for a venue that must be polled."""
        ...

    def public_socket(self) -> Socket | None:
        """How to hear prices; None for a venue that must be polled."""
        ...

    async def renew(self) -> None:
        """Keep the private stream alive, where it needs that."""
        ...

    async def close(self) -> None:
        """Let go of what it opened."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """What every dialect is handed: the ccxt object, its profile and its session."""

    client: Any
    profile: Profile
    session: aiohttp.ClientSession

    async def ask(self, api: str, what: str, params: Row) -> Any:  # noqa: ANN401 -- JSON enters
        """One request such as "GET v5/market/time" through ccxt's signing; raises VenueFault."""
        method, _, path = what.partition(" ")
        return await self.client.fetch2(path, [api], method, dict(params), {})


def check_terms(profile: Profile, instrument: Instrument, terms: Terms) -> None:
    """Refuse what the venue could never take or what breaks its filters."""
    if terms.trail is not None or terms.type is OrderType.TRAILING:
        raise Unfit("TYPE_NOT_SUPPORTED", "a trailing stop cannot rest at this venue")
    if terms.type in {OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT}:
        if not profile.stops or terms.trigger is None:
            raise Unfit("TYPE_NOT_SUPPORTED", "a stop cannot rest at this venue")
        if terms.trigger % instrument.tick:
            raise Unfit("PRICE_STEP", f"the trigger {terms.trigger} is not on the tick")
    if terms.spend is not None and (terms.type is not OrderType.MARKET or instrument.perpetual):
        raise Unfit("SPEND_NOT_SUPPORTED", "only a spot market buy spends quote money")
    if terms.position_side is not PositionSide.NET and not instrument.perpetual:
        raise Unfit("POSITION_SIDE_NOT_SUPPORTED", "a spot market has no position sides")
    _check_size(instrument, terms)


def _check_size(instrument: Instrument, terms: Terms) -> None:
    qty, price = terms.qty, terms.price
    if price is not None and (price % instrument.tick or price <= 0):
        raise Unfit("PRICE_STEP", f"the price {price} is not on the tick {instrument.tick}")
    if terms.spend is not None:
        if terms.spend <= 0 or terms.spend < instrument.min_notional:
            raise Unfit("NOTIONAL_MIN", f"{terms.spend} is less than {instrument.min_notional}")
        return
    if qty is None or qty <= 0 or qty % instrument.lot:
        raise Unfit("QTY_STEP", f"the quantity {qty} is not on the lot {instrument.lot}")
    if qty < instrument.min_qty:
        raise Unfit("QTY_MIN", f"{qty} is less than {instrument.min_qty}")
    market = terms.type in {OrderType.MARKET, OrderType.STOP, OrderType.TAKE_PROFIT}
    most = instrument.max_market_qty if market else instrument.max_qty
    if most is not None and qty > most:
        raise Unfit("QTY_MAX", f"{qty} is more than {most}")
    if price is None or terms.reduce_only:
        return
    notional = instrument.notional(qty, price)
    if notional < instrument.min_notional:
        raise Unfit("NOTIONAL_MIN", f"{notional} is less than {instrument.min_notional}")
    if instrument.max_notional is not None and notional > instrument.max_notional:
        raise Unfit("NOTIONAL_MAX", f"{notional} is more than {instrument.max_notional}")


def malformed(error: Exception) -> VenueFault:
    """A reply that came and cannot be read: no answer."""
    return VenueFault(f"a reply that cannot be read: {error!r}", left=True, status=200)
