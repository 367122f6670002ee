"""Owns one venue in one environment: its accounts, books, orders and executions, as one machine.

Commands and time go in; rows and facts come out. It is pure: no socket, clock or wire, and what a
face calls an order id, a code or a topic is the face's business alone.

    exchange = Exchange("bybit", Environment.DEMO, stalls=..., keys=..., rules=...)
    answer = exchange.submit(account, OrderAsk(...), now)      # BoxOrder, or Refused
    facts = exchange.drain()                                   # what streams have to tell
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from absolute.domain.units import ONE, ZERO, Asset, Nanos, Price
from absolute.simex.accounts import Hold
from absolute.simex.face import BoxKey, Environment
from absolute.simex.facts import Fact, PositionChanged, Refusal, Refused
from absolute.simex.floor import Floor, Pit, Stall
from absolute.simex.intake import Entry, entry, grid_fault, refusal
from absolute.simex.liquidation import liquidate_the_broke
from absolute.simex.listing import Listing, ListingStatus, Market, VenueRules
from absolute.simex.order_table import RefusedAsk, Scope
from absolute.simex.orders import (
    AccountId,
    Amendment,
    BoxOrder,
    BoxStatus,
    EndCause,
    OrderAsk,
    OrderNumber,
)
from absolute.simex.price_path import Point
from absolute.simex.readings import Audit, Balance, Readings

__all__ = ["Audit", "Balance", "Exchange", "Scope", "Stall"]


class Exchange(Readings):
    """One venue in one environment. Each key of it is an account of its own (`account_of`).

    Every command first lets time pass up to `now`; a time before the last one counts as the last.
    """

    def __init__(
        self,
        venue: str,
        environment: Environment,
        *,
        stalls: Sequence[Stall],
        keys: Iterable[BoxKey],
        rules: VenueRules,
    ) -> None:
        super().__init__(Floor(stalls, rules))
        self.venue = venue
        self.environment = environment
        self.begun: Nanos | None = None
        self._keys: dict[str, BoxKey] = {}
        for key in keys:
            if key.venue == venue and key.environment is environment:
                self._keys[key.key] = key
                self._floor.admit(account_of(key), key.balances)

    def key(self, key: str) -> BoxKey | None:
        """The key of that name, if it belongs to this venue and environment."""
        return self._keys.get(key)

    # --- commands: each may leave facts for `drain` -------------------------------------------

    def submit(self, account: AccountId, ask: OrderAsk, now: Nanos) -> BoxOrder | Refused:
        """Check, take in, match. The row returned is the order after everything that followed."""
        now = self._pass(now)
        answer = self._submitted(account, ask, now)
        if isinstance(answer, Refused):
            self._floor.table.refused.append(RefusedAsk(now, account, ask, answer))
        self._react(now)
        return answer

    def amend(
        self, account: AccountId, number: OrderNumber, *, change: Amendment, now: Nanos
    ) -> BoxOrder | Refused:
        """Change an open or waiting order."""
        now = self._pass(now)
        row = self._alive(account, number)
        if isinstance(row, Refused):
            return row
        answer = self._amended(row, change, now)
        self._react(now)
        return answer

    def cancel(self, account: AccountId, number: OrderNumber, now: Nanos) -> BoxOrder | Refused:
        """Take an order back."""
        now = self._pass(now)
        row = self._alive(account, number)
        if isinstance(row, Refused):
            return row
        over = self._floor.withdraw(row, EndCause.USER, now)
        self._react(now)
        return over

    def cancel_all(self, account: AccountId, scope: Scope, now: Nanos) -> Sequence[BoxOrder]:
        """Take all orders of a scope back; those that ended, oldest first."""
        now = self._pass(now)
        rows = self.open_orders(account, scope)
        over = [self._floor.withdraw(row, EndCause.USER, now) for row in rows]
        self._react(now)
        return over

    def set_leverage(
        self, account: AccountId, market: Market, *, leverage: Decimal, now: Nanos
    ) -> Refused | None:
        """Leverage of one linear market; NOTHING_CHANGED if it is that already."""
        now = self._pass(now)
        pit = self._floor.pits.get(market)
        if pit is None:
            return Refused(Refusal.MARKET_UNKNOWN, market.symbol)
        if not ONE <= leverage <= pit.listing.leverage_max:
            return Refused(Refusal.LEVERAGE_RANGE, f"1 to {pit.listing.leverage_max}")
        if self._floor.bank.leverage(account, market) == leverage:
            return Refused(Refusal.NOTHING_CHANGED, f"{leverage}")
        self._floor.bank.wallet(account).leverage[market] = leverage
        self._floor.tell(PositionChanged(now, account, self.position(account, market)))
        return None

    def deposit(self, account: AccountId, asset: Asset, *, amount: Decimal, now: Nanos) -> None:
        """Money from outside (demo funds); a negative amount takes it away."""
        now = self._pass(now)
        self._floor.bank.deposit(account, asset, amount)
        self._floor.publish(now)

    def halt(self, market: Market, status: ListingStatus) -> None:
        """Change whether a market trades; orders that stand stay."""
        pit = self._floor.pits[market]
        pit.listing = replace(pit.listing, status=status)

    def restart(self) -> None:
        """The venue restarts: closed orders leave the quick view."""
        self._floor.table.restart()

    def pass_time(self, now: Nanos) -> None:
        """Move every market to `now`: trades, fills, triggers; forget what is too old."""
        self._pass(now)

    def drain(self) -> Sequence[Fact]:
        """Take the facts since the last call, in order."""
        return self._floor.drain()

    # --- time ---------------------------------------------------------------------------------

    def _pass(self, now: Nanos) -> Nanos:
        """Let time pass; the time that counts."""
        now = max(now, self._now)
        self._now = now
        if self.begun is None:
            self.begun = now
            self._floor.begin(now)
        pits = list(self._floor.pits.values())
        moved = False
        streams = (_stamped(place, pit, now) for place, pit in enumerate(pits))
        for _, _, pit, point in heapq.merge(*streams, key=lambda each: each[:2]):
            moved = True
            self._floor.step(pit, point)
            self._follow(point.time)
        if moved:
            self._floor.publish(now)
        return now

    def _react(self, now: Nanos) -> None:
        """What follows from a command, then what there is to tell."""
        self._follow(now)
        self._floor.publish(now)

    def _follow(self, now: Nanos) -> None:
        """Triggers, then those who cannot carry their positions."""
        self._wake(now)
        liquidate_the_broke(self._floor, now)

    def _wake(self, now: Nanos) -> None:
        """Let orders go whose trigger has come, until none is left."""
        while woken := _triggered(self._floor):
            for row in woken:
                self._go(row, now)

    def _go(self, row: BoxOrder, now: Nanos) -> None:
        """One triggered order meets the book, or ends for want of money."""
        floor = self._floor
        told = entry(floor, row.account, row.ask, replacing=row.number)
        floor.bank.release(row.account, row.number, None)
        if isinstance(told, Refused):
            only = told.reason is Refusal.REDUCE_ONLY
            cause = EndCause.REDUCE_ONLY if only else EndCause.TRIGGER_FUNDS
            floor.finish(row.number, cause, now)
            return
        qty = row.ask.qty
        if row.ask.reduce_only and qty is not None:
            lot = floor.pits[row.ask.market].listing.instrument.lot
            row = replace(row, ask=replace(row.ask, qty=type(qty)(told.lots * lot)))
        live = replace(row, status=BoxStatus.OPEN, awake=True, updated=now)
        floor.enter(live, told.hold, lots=told.lots, ticks=told.ticks)

    # --- orders -------------------------------------------------------------------------------

    def _submitted(self, account: AccountId, ask: OrderAsk, now: Nanos) -> BoxOrder | Refused:
        floor = self._floor
        refused = refusal(floor, account, ask)
        if refused is not None:
            return refused
        pit = floor.pits[ask.market]
        told = _entry(floor, account, ask)
        if isinstance(told, Refused):
            return told
        lot = pit.listing.instrument.lot
        if ask.reduce_only and ask.qty is not None and ask.trigger is None:
            ask = replace(ask, qty=type(ask.qty)(told.lots * lot))
        waits = ask.trigger is not None
        row = BoxOrder(
            number=floor.table.next_number(),
            account=account,
            ask=ask,
            created=now,
            updated=now,
            status=BoxStatus.WAITING if waits else BoxStatus.OPEN,
            last_at_creation=pit.state.last,
        )
        if waits:
            return floor.wait(row, told.hold)
        return floor.enter(row, told.hold, lots=told.lots, ticks=told.ticks)

    def _amended(self, row: BoxOrder, change: Amendment, now: Nanos) -> BoxOrder | Refused:
        floor, ask = self._floor, row.ask
        if ask.spend is not None:
            return Refused(Refusal.TERMS_INVALID, "a market buy by value is over at once")
        qty = change.qty if change.qty is not None else ask.qty
        price = change.price if change.price is not None and ask.price is not None else ask.price
        trigger = ask.trigger
        if change.trigger is not None and trigger is not None:
            trigger = replace(trigger, price=change.trigger)
        terms = replace(ask, qty=qty, price=price, trigger=trigger)
        if terms == ask:
            return Refused(Refusal.NOTHING_CHANGED)
        if qty is None or qty <= row.filled:
            return Refused(Refusal.QTY_MIN, f"{row.filled} of it has traded")
        pit = floor.pits[ask.market]
        if pit.listing.status is not ListingStatus.TRADING:
            return Refused(Refusal.MARKET_CLOSED, pit.listing.status)
        fault = grid_fault(pit, terms)
        if fault is not None:
            return fault
        if row.status is BoxStatus.WAITING:
            return _amended_waiting(floor, replace(row, ask=terms, updated=now))
        rest = replace(terms, qty=type(qty)(qty - row.filled))
        told = entry(floor, row.account, rest, replacing=row.number)
        if isinstance(told, Refused):
            return told
        if told.ticks is None:
            return Refused(Refusal.TERMS_INVALID, "a market order cannot be changed")
        after = replace(row, ask=terms, updated=now)
        return floor.amend(after, told.hold, lots=told.lots, ticks=told.ticks)

    def _alive(self, account: AccountId, number: OrderNumber) -> BoxOrder | Refused:
        """An order that may still be changed."""
        row = self.find(account, number=number)
        if row is None:
            return Refused(Refusal.ORDER_UNKNOWN, f"{number}")
        if not row.status.alive:
            return Refused(Refusal.ORDER_DONE, row.status)
        return row


def relist(exchange: Exchange, listing: Listing) -> None:
    """List a market on other terms from now on; its grid stays, orders that stand stay."""
    exchange._floor.pits[listing.market].listing = listing


def jump(exchange: Exchange, market: Market, *, price: Price, volume: Decimal, now: Nanos) -> None:
    """Let a market trade to a price at once; the path goes on from where it was."""
    now = exchange._pass(now)
    floor = exchange._floor
    floor.step(floor.pits[market], Point(now, price, volume))
    exchange._react(now)


def account_of(key: BoxKey) -> AccountId:
    """The account a key belongs to: its own."""
    return AccountId(key.key)


def _stamped(place: int, pit: Pit, now: Nanos) -> Iterator[tuple[Nanos, int, Pit, Point]]:
    """The next points of a market, to be merged with those of others by time."""
    for point in pit.path.until(now):
        yield point.time, place, pit, point


def _triggered(floor: Floor) -> list[BoxOrder]:
    """Waiting orders whose trigger has come; trailing ones follow the price first."""
    found: list[BoxOrder] = []
    for row in floor.table.waiting():
        trigger, last = row.ask.trigger, floor.pits[row.ask.market].state.last
        if trigger is None:
            continue
        if trigger.trail is not None:
            best = last + trigger.trail if trigger.rising else last - trigger.trail
            better = best < trigger.price if trigger.rising else best > trigger.price
            if better:
                trigger = replace(trigger, price=Price(best))
                floor.table.put(replace(row, ask=replace(row.ask, trigger=trigger)))
        if last >= trigger.price if trigger.rising else last <= trigger.price:
            found.append(floor.table.row(row.number))
    return found


def _entry(floor: Floor, account: AccountId, ask: OrderAsk) -> Entry | Refused:
    """What a new order reserves; one that waits without holding reserves nothing yet."""
    if ask.trigger is not None and not ask.trigger.holds:
        settle = floor.pits[ask.market].listing.instrument.settle
        return Entry(Hold(settle, ZERO), 1, None)
    return entry(floor, account, ask)


def _amended_waiting(floor: Floor, row: BoxOrder) -> BoxOrder | Refused:
    """A waiting order with other terms; one that holds its funds holds what it needs now."""
    trigger = row.ask.trigger
    if trigger is not None and trigger.holds:
        told = entry(floor, row.account, row.ask, replacing=row.number)
        if isinstance(told, Refused):
            return told
        floor.bank.release(row.account, row.number, None)
        floor.bank.hold(row.account, row.number, told.hold)
    return floor.change(row)
