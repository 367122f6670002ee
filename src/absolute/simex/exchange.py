"""Owns one venue in one environment: its accounts, books, orders and executions, as one machine.

Commands and time go in; rows and facts come out. It is pure: no socket, clock or wire, and what a
face calls an order id, a code or a topic is the face's business alone.

    exchange = Exchange("bybit", Environment.DEMO, stalls=..., keys=..., rules=...)
    answer = exchange.submit(account, OrderAsk(...), now)      # BoxOrder, or Refused
    facts = exchange.drain()                                   # what streams have to tell
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from absolute.domain.units import Asset, Nanos
from absolute.simex.face import BoxKey, Environment
from absolute.simex.facts import Fact, PositionView, Refused
from absolute.simex.house import HouseStyle
from absolute.simex.listing import Listing, Market, VenueRules
from absolute.simex.market import MarketState
from absolute.simex.orders import (
    AccountId,
    Amendment,
    BoxOrder,
    Execution,
    OrderAsk,
    OrderNumber,
)
from absolute.simex.price_path import PricePath


@dataclass(frozen=True, slots=True)
class Stall:
    """One market with what moves it: its price path and the house's way of quoting."""

    listing: Listing
    path: PricePath
    house: HouseStyle = field(default_factory=HouseStyle)


@dataclass(frozen=True, slots=True)
class Balance:
    """One asset of one account; `held` of `total` is reserved by open orders."""

    asset: Asset
    total: Decimal
    held: Decimal

    @property
    def free(self) -> Decimal:
        """What new orders may use (position margin not yet taken off)."""
        return self.total - self.held


@dataclass(frozen=True, slots=True)
class Scope:
    """Which orders are meant: of one market, of one category, or (None, None) all."""

    category: str | None = None
    symbol: str | None = None


class Exchange:
    """One venue in one environment. API being filled in; signatures are meant to stay."""

    def __init__(
        self,
        venue: str,
        environment: Environment,
        *,
        stalls: Sequence[Stall],
        keys: Sequence[BoxKey],
        rules: VenueRules,
    ) -> None:
        raise NotImplementedError

    # --- who and what -------------------------------------------------------------------------

    def key(self, key: str) -> BoxKey | None:
        """The key of that name, if it belongs to this venue and environment."""
        raise NotImplementedError

    def listings(self) -> Sequence[Listing]:
        """Every market, in the order they were given."""
        raise NotImplementedError

    def listing(self, market: Market) -> Listing | None:
        """One market."""
        raise NotImplementedError

    def market(self, market: Market) -> MarketState:
        """What the public sees of it: last, day(), candles(), trades(), view(); KeyError."""
        raise NotImplementedError

    # --- commands: each may leave facts for `drain` -------------------------------------------

    def submit(self, account: AccountId, ask: OrderAsk, now: Nanos) -> BoxOrder | Refused:
        """Check, take in, match. The row returned is the order after everything that followed."""
        raise NotImplementedError

    def amend(
        self, account: AccountId, number: OrderNumber, *, change: Amendment, now: Nanos
    ) -> BoxOrder | Refused:
        """Change an open or waiting order."""
        raise NotImplementedError

    def cancel(self, account: AccountId, number: OrderNumber, now: Nanos) -> BoxOrder | Refused:
        """Take an order back."""
        raise NotImplementedError

    def cancel_all(self, account: AccountId, scope: Scope, now: Nanos) -> Sequence[BoxOrder]:
        """Take all orders of a scope back; those that ended, oldest first."""
        raise NotImplementedError

    def set_leverage(
        self, account: AccountId, market: Market, *, leverage: Decimal, now: Nanos
    ) -> Refused | None:
        """Leverage of one linear market; NOTHING_CHANGED if it is that already."""
        raise NotImplementedError

    def deposit(self, account: AccountId, asset: Asset, *, amount: Decimal, now: Nanos) -> None:
        """Money from outside (demo funds)."""
        raise NotImplementedError

    def pass_time(self, now: Nanos) -> None:
        """Move every market to `now`: trades, fills, triggers; forget what is too old."""
        raise NotImplementedError

    def drain(self) -> Sequence[Fact]:
        """Take the facts since the last call, in order."""
        raise NotImplementedError

    # --- reading ------------------------------------------------------------------------------

    def find(
        self, account: AccountId, *, number: OrderNumber | None = None, client_id: str | None = None
    ) -> BoxOrder | None:
        """One order, open or closed (a client id: the newest that had it); None: not known."""
        raise NotImplementedError

    def open_orders(self, account: AccountId, scope: Scope) -> Sequence[BoxOrder]:
        """Orders alive, triggers included, oldest first."""
        raise NotImplementedError

    def recent_orders(self, account: AccountId, scope: Scope) -> Sequence[BoxOrder]:
        """Open ones and the quick view's closed ones (at most `closed_recent_max`)."""
        raise NotImplementedError

    def orders(self, account: AccountId, scope: Scope) -> Sequence[BoxOrder]:
        """Every order still kept, oldest first."""
        raise NotImplementedError

    def executions(self, account: AccountId, scope: Scope) -> Sequence[Execution]:
        """Every execution still kept, oldest first."""
        raise NotImplementedError

    def balances(self, account: AccountId) -> Sequence[Balance]:
        """Every asset the account has or had."""
        raise NotImplementedError

    def positions(self, account: AccountId, scope: Scope) -> Sequence[PositionView]:
        """One row per linear market of the scope, flat ones included."""
        raise NotImplementedError
