"""Owns the rows of all orders and executions of a venue, and who may still see which.

Nothing is ever thrown away, since `audit` shows all of it; what a venue has forgotten is merely
not found any more. It must not know money or books.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from absolute.domain.units import Nanos
from absolute.simex.facts import Refused
from absolute.simex.listing import Market, VenueRules
from absolute.simex.orders import (
    AccountId,
    BoxOrder,
    BoxStatus,
    Execution,
    ExecutionNumber,
    OrderAsk,
    OrderNumber,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which orders are meant: of one market, of one category, or (None, None) all."""

    category: str | None = None
    symbol: str | None = None

    def holds(self, market: Market) -> bool:
        """Whether a market is meant."""
        return self.category in {None, market.category} and self.symbol in {None, market.symbol}


@dataclass(frozen=True, slots=True)
class RefusedAsk:
    """A request for an order that the venue turned down."""

    time: Nanos
    account: AccountId
    ask: OrderAsk
    refused: Refused


class OrderTable:
    """Every order, by number and by client id."""

    def __init__(self, rules: VenueRules) -> None:
        self._rules = rules
        self._rows: dict[OrderNumber, BoxOrder] = {}
        self._alive: dict[OrderNumber, None] = {}
        self._clients: dict[tuple[AccountId, str], list[OrderNumber]] = {}
        self._recent: dict[AccountId, deque[OrderNumber]] = {}
        self._executions: list[Execution] = []
        self.refused: list[RefusedAsk] = []

    # --- writing --------------------------------------------------------------------------------

    def next_number(self) -> OrderNumber:
        """The number of the next order."""
        return OrderNumber(len(self._rows) + 1)

    def next_execution(self) -> ExecutionNumber:
        """The number of the next execution."""
        return ExecutionNumber(len(self._executions) + 1)

    def put(self, row: BoxOrder) -> BoxOrder:
        """The newest row of an order."""
        if row.number not in self._rows and row.ask.client_id:
            at = (row.account, row.ask.client_id)
            self._clients.setdefault(at, []).append(row.number)
        self._rows[row.number] = row
        if row.status.alive:
            self._alive[row.number] = None
            return row
        self._alive.pop(row.number, None)
        kept = self._rules.closed_recent_max
        closed = self._recent.setdefault(row.account, deque(maxlen=kept))
        if row.number not in closed:
            closed.append(row.number)
        return row

    def executed(self, execution: Execution) -> None:
        """One more fill."""
        self._executions.append(execution)

    def restart(self) -> None:
        """The venue restarts: closed orders leave the quick view (Bybit open-order page)."""
        self._recent.clear()

    # --- reading --------------------------------------------------------------------------------

    def row(self, number: OrderNumber) -> BoxOrder:
        """An order that is known to be there."""
        return self._rows[number]

    def taken(self, account: AccountId, client_id: str, market: Market) -> bool:
        """Whether a client id may not be used."""
        for number in self._clients.get((account, client_id), ()):
            row = self._rows[number]
            if self._rules.client_ids_forever:
                return True
            if row.status.alive and row.ask.market == market:
                return True
        return False

    def find(
        self,
        account: AccountId,
        number: OrderNumber | None,
        client_id: str | None,
        *,
        now: Nanos,
    ) -> BoxOrder | None:
        """One order still kept; of several with one client id the newest."""
        if number is None:
            numbers = self._clients.get((account, client_id or ""), [])
            number = numbers[-1] if numbers else None
        row = self._rows.get(number) if number is not None else None
        if row is None or row.account != account or not self._kept(row, now):
            return None
        return row

    def alive(self, account: AccountId | None = None) -> list[BoxOrder]:
        """Orders that may still trade, oldest first."""
        rows = (self._rows[number] for number in self._alive)
        return [row for row in rows if account in {None, row.account}]

    def waiting(self) -> list[BoxOrder]:
        """Orders whose trigger has not come, oldest first."""
        return [row for row in self.alive() if row.status is BoxStatus.WAITING]

    def recent(self, account: AccountId, *, now: Nanos) -> list[BoxOrder]:
        """Those alive and the last closed ones, oldest first."""
        closed = (self._rows[number] for number in self._recent.get(account, ()))
        kept = [row for row in closed if self._kept(row, now)]
        return sorted(self.alive(account) + kept, key=lambda row: row.number)

    def kept(self, account: AccountId, *, now: Nanos) -> Iterator[BoxOrder]:
        """All that are not forgotten, oldest first."""
        rows = (row for row in self._rows.values() if row.account == account)
        return (row for row in rows if self._kept(row, now))

    def executions(self, account: AccountId, *, now: Nanos | None) -> Sequence[Execution]:
        """Executions not forgotten (None: all), oldest first."""
        own = [each for each in self._executions if each.account == account]
        span = self._rules.closed_kept_ns
        if span is None or now is None:
            return own
        return [each for each in own if each.time >= now - span]

    def all_of(self, account: AccountId) -> Iterable[BoxOrder]:
        """Every order there ever was."""
        return [row for row in self._rows.values() if row.account == account]

    def _kept(self, row: BoxOrder, now: Nanos) -> bool:
        span = self._rules.closed_kept_ns
        return row.status.alive or span is None or row.updated >= now - span
