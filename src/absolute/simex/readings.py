"""Owns what may be read from a simulated venue: orders, executions, money, markets, and the audit.

It changes nothing. It must not know any wire.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from absolute.domain.units import Asset, Nanos
from absolute.simex.facts import PositionView, Refused
from absolute.simex.floor import Floor
from absolute.simex.intake import entry, refusal
from absolute.simex.listing import Category, Listing, Market
from absolute.simex.market import MarketState
from absolute.simex.order_table import RefusedAsk, Scope
from absolute.simex.orders import AccountId, BoxOrder, Execution, OrderAsk, OrderNumber


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
class Audit:
    """Everything there ever was of one account, forgotten or not: an independent oracle.

    `refused`: the requests for orders that were turned down, with the reason.
    """

    orders: tuple[BoxOrder, ...]
    executions: tuple[Execution, ...]
    refused: tuple[RefusedAsk, ...]
    balances: tuple[Balance, ...]
    positions: tuple[PositionView, ...]


class Readings:
    """The reading half of an exchange."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._now = Nanos(0)

    def listings(self) -> Sequence[Listing]:
        """Every market, in the order they were given."""
        return [pit.listing for pit in self._floor.pits.values()]

    def listing(self, market: Market) -> Listing | None:
        """One market."""
        pit = self._floor.pits.get(market)
        return pit.listing if pit is not None else None

    def market(self, market: Market) -> MarketState:
        """What the public sees of a market; raises KeyError for one that is not listed."""
        return self._floor.pits[market].state

    def find(
        self, account: AccountId, *, number: OrderNumber | None = None, client_id: str | None = None
    ) -> BoxOrder | None:
        """One order, open or closed (a client id: the newest that had it); None: not known."""
        return self._floor.table.find(account, number, client_id, now=self._now)

    def check(self, account: AccountId, ask: OrderAsk) -> Refused | None:
        """Whether an order would be let in now, without letting it in (a test order)."""
        refused = refusal(self._floor, account, ask)
        if refused is not None or (ask.trigger is not None and not ask.trigger.holds):
            return refused
        told = entry(self._floor, account, ask)
        return told if isinstance(told, Refused) else None

    def open_orders(self, account: AccountId, scope: Scope) -> Sequence[BoxOrder]:
        """Orders alive, triggers included, oldest first."""
        return [row for row in self._floor.table.alive(account) if scope.holds(row.ask.market)]

    def recent_orders(self, account: AccountId, scope: Scope) -> Sequence[BoxOrder]:
        """Open ones and the quick view's closed ones (at most `closed_recent_max`)."""
        rows = self._floor.table.recent(account, now=self._now)
        return [row for row in rows if scope.holds(row.ask.market)]

    def orders(self, account: AccountId, scope: Scope) -> Sequence[BoxOrder]:
        """Every order still kept, oldest first."""
        rows = self._floor.table.kept(account, now=self._now)
        return [row for row in rows if scope.holds(row.ask.market)]

    def executions(self, account: AccountId, scope: Scope) -> Sequence[Execution]:
        """Every execution still kept, oldest first."""
        rows = self._floor.table.executions(account, now=self._now)
        return [row for row in rows if scope.holds(row.market)]

    def balances(self, account: AccountId) -> Sequence[Balance]:
        """Every asset the account has, in the order of their names."""
        money = self._floor.bank.wallet(account).account
        return [
            Balance(asset, money.total(asset), money.held(asset))
            for asset in sorted(money.totals())
        ]

    def reserved(self, account: AccountId, category: Category) -> dict[Asset, Decimal]:
        """What orders of one category reserve, by asset."""
        found: dict[Asset, Decimal] = {}
        for number, hold in self._floor.bank.wallet(account).holds.items():
            if self._floor.table.row(number).ask.market.category is category:
                found[hold.asset] = found.get(hold.asset, Decimal(0)) + hold.amount
        return found

    def available(self, account: AccountId, asset: Asset) -> Decimal:
        """What a new order may reserve, position margin and open losses taken off."""
        return self._floor.bank.available(account, asset)

    def position(self, account: AccountId, market: Market) -> PositionView:
        """One linear position; raises KeyError for a market that is not listed."""
        return self._floor.bank.view(account, self._floor.pits[market].listing)

    def positions(self, account: AccountId, scope: Scope) -> Sequence[PositionView]:
        """One row per linear market of the scope, flat ones included."""
        return [
            self._floor.bank.view(account, pit.listing)
            for market, pit in self._floor.pits.items()
            if market.category is Category.LINEAR and scope.holds(market)
        ]

    def sums(self) -> dict[Asset, Decimal]:
        """All accounts, the house and the fees together: empty, or money was made or lost."""
        return self._floor.bank.sums()

    def audit(self, account: AccountId) -> Audit:
        """Everything there ever was of one account."""
        table = self._floor.table
        return Audit(
            orders=tuple(table.all_of(account)),
            executions=tuple(table.executions(account, now=None)),
            refused=tuple(each for each in table.refused if each.account == account),
            balances=tuple(self.balances(account)),
            positions=tuple(self.positions(account, Scope())),
        )
