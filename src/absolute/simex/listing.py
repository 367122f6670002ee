"""Owns what a simulated venue states in advance: its markets, its rules, and nothing that moves.

Every rule that differs between venues is a field here, so the core asks no venue's name. It must
not know accounts, orders or time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from absolute.domain.fees import FeeSchedule
from absolute.domain.instrument import Instrument
from absolute.matching.book import SelfTrade


class Category(StrEnum):
    """The two kinds of market the box shows."""

    SPOT = "spot"
    LINEAR = "linear"


class Market(NamedTuple):
    """The name of one market inside a venue: the venue's own symbol, and its category."""

    category: Category
    symbol: str


class ListingStatus(StrEnum):
    """Whether a market trades; PRE_LAUNCH and HALTED take no orders, HALTED still cancels."""

    TRADING = "trading"
    PRE_LAUNCH = "pre_launch"
    HALTED = "halted"


@dataclass(frozen=True, slots=True)
class Listing:
    """One market as a venue lists it.

    `band` is the largest share by which a limit price may stand beyond the last price (a buy
    above, a sell below); None: no band. `leverage_max` counts for linear only.
    """

    market: Market
    instrument: Instrument
    fees: FeeSchedule
    status: ListingStatus = ListingStatus.TRADING
    band: Decimal | None = None
    leverage_max: Decimal = Decimal(100)


@dataclass(frozen=True, slots=True)
class Caps:
    """How many orders may be open: all together in a category, and waiting triggers per market."""

    open_max: int | None = None
    open_per_market_max: int | None = None
    triggers_per_market_max: int | None = None


@dataclass(frozen=True, slots=True)
class VenueRules:
    """What a venue does where venues differ.

    `client_ids_forever`: a client id is never taken twice (Bybit); else only while it is open
    (Binance), there per market. `post_only_refused`: an order that would take is refused
    (Binance) instead of accepted and cancelled (Bybit). `spend_rest_fills`: a market buy by value
    counts as filled although a rest too small for one lot remains (Binance); else the rest is
    cancelled (Bybit). `closed_recent_max`: how many closed orders stay in the quick view;
    `closed_kept_ns`: after how long closed orders and executions are forgotten, None: never.
    `forced_notes`: the face's words on an order by which the venue itself closes a position that
    its account cannot carry; None: it never does.
    """

    client_ids_forever: bool = True
    post_only_refused: bool = False
    spend_rest_fills: bool = False
    self_trade: SelfTrade = SelfTrade.ALLOW
    caps: Mapping[Category, Caps] = field(default_factory=dict)
    closed_recent_max: int = 500
    closed_kept_ns: int | None = None
    leverage_default: Decimal = Decimal(10)
    forced_notes: Mapping[str, str] | None = None
