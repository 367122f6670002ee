"""Owns what the box's small venues share: one real-money world, dollar markets, REST and no socket.

Kraken, Coinbase and Robinhood are shown as far as the fleet needs them: markets, prices, balances
and orders. A path outside that is answered as unknown. It must not know any wire's words.
"""

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol

from absolute.domain.fees import FeeCoin, FeeSchedule
from absolute.domain.ids import InstrumentId
from absolute.domain.instrument import Instrument, Kind
from absolute.domain.units import Asset, Nanos, Price, Qty, Quote, Ratio
from absolute.simex.bybit import Supply
from absolute.simex.exchange import Exchange, Stall
from absolute.simex.face import (
    BoxKey,
    Dial,
    Environment,
    Face,
    Frame,
    HttpReply,
    HttpRequest,
    SocketId,
)
from absolute.simex.listing import Category, Listing, Market, VenueRules
from absolute.simex.orders import AccountId
from absolute.simex.price_path import PricePath

USD: Final = Asset("USD")
START: Final[Mapping[Asset, Decimal]] = {USD: Decimal(10_000), Asset("BTC"): Decimal("0.5")}


@dataclass(frozen=True, slots=True)
class Grid:
    """The filters of one dollar market."""

    tick: str
    lot: str
    min_qty: str
    min_notional: str
    max_qty: str = "1000000"


@dataclass(frozen=True, slots=True)
class PlainVenue:
    """How one small venue trades: its name, symbols, grids by base coin, and rates."""

    name: str
    symbol: Callable[[Asset], str]
    grids: Mapping[Asset, Grid]
    maker: Decimal
    taker: Decimal
    rules: VenueRules = field(
        default_factory=lambda: VenueRules(client_ids_forever=False, post_only_refused=True)
    )


def plain_listing(venue: PlainVenue, base: Asset) -> Listing:
    """The dollar market of one coin."""
    grid, symbol = venue.grids[base], venue.symbol(base)
    instrument = Instrument(
        id=InstrumentId(symbol),
        kind=Kind.SPOT,
        base=base,
        quote=USD,
        tick=Price(Decimal(grid.tick)),
        lot=Qty(Decimal(grid.lot)),
        min_qty=Qty(Decimal(grid.min_qty)),
        min_notional=Quote(Decimal(grid.min_notional)),
        max_qty=Qty(Decimal(grid.max_qty)),
    )
    fees = FeeSchedule(Ratio(venue.maker), Ratio(venue.taker), FeeCoin.QUOTE)
    return Listing(Market(Category.SPOT, symbol), instrument, fees)


def plain_exchange(venue: PlainVenue, keys: Iterable[BoxKey], supply: Supply) -> Exchange:
    """The machine behind the face: every coin that has both a grid and a tape.

    Each venue quotes by its own seed, so that no two books are the same.
    """
    seed = supply.house.seed + int.from_bytes(seed_of(venue.name)[:2], "big")
    house = replace(supply.house, seed=seed)
    return Exchange(
        venue.name,
        Environment.MAIN,
        stalls=[
            Stall(plain_listing(venue, base), PricePath(tape, supply.path), house)
            for base, tape in supply.tapes.items()
            if base in venue.grids
        ],
        keys=[each for each in keys if each.venue == venue.name],
        rules=venue.rules,
    )


def seed_of(name: str) -> bytes:
    """32 bytes made of a key's name: what the fake secrets of the small venues are made of."""
    return hashlib.sha256(name.encode()).digest()


class Encode(Protocol):
    """Writes the 32 bytes of a fake secret as a venue's client expects it."""

    def __call__(self, seed: bytes) -> str:
        """The secret as text."""
        ...


def plain_keys(venue: str, encode: Encode) -> tuple[BoxKey, ...]:
    """One key that trades and one that reads; `box-VENUE-main`, with -read behind."""
    name = f"box-{venue}-main"
    return tuple(
        BoxKey(
            venue=venue,
            environment=Environment.MAIN,
            key=each,
            secret=encode(seed_of(each)),
            balances=START,
            permissions=frozenset(permissions),
        )
        for each, permissions in ((name, {"read", "trade"}), (f"{name}-read", {"read"}))
    )


class PlainFace(Face):
    """A venue with REST alone: sockets are refused, facts are asked for and never told."""

    def __init__(self, host: str, exchange: Exchange) -> None:
        self._host = host
        self.exchange = exchange

    @property
    def hosts(self) -> Mapping[str, Environment]:
        """The one host it answers under."""
        return {self._host: Environment.MAIN}

    @property
    def exchanges(self) -> Mapping[Environment, Exchange]:
        """Its one world."""
        return {Environment.MAIN: self.exchange}

    @abstractmethod
    def answer(self, request: HttpRequest, now: Nanos) -> HttpReply:
        """One HTTP request, fully handled."""

    def dial(self, dial: Dial, now: Nanos) -> HttpReply | None:
        """No socket is shown."""
        del dial, now
        return HttpReply(404, b"{}")

    def receive(self, socket: SocketId, text: str, now: Nanos) -> None:
        """Never called: it has no sockets."""

    def closed(self, socket: SocketId, now: Nanos) -> None:
        """Never called: it has no sockets."""

    def pass_time(self, now: Nanos) -> None:
        """Move the markets."""
        self.exchange.pass_time(now)

    def drain(self) -> Iterable[Frame]:
        """Facts have no stream here; they are let go so that they do not pile up."""
        self.exchange.drain()
        return ()

    def account(self, key: BoxKey) -> AccountId:
        """Whose orders and money a key shows."""
        return AccountId(key.key)


def iso(time: Nanos) -> str:
    """A time as these venues write it: 2026-01-02T03:04:05.678901Z."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time // 1_000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
