"""Owns the trading floor of a simulated venue: books, houses, triggers, and what a match changes.

It turns what a book says into rows, money and facts, in the order in which it happened. What may
come in at all is decided in `intake`; it must not know any wire.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, assert_never

from absolute.domain.fill import Liquidity
from absolute.domain.instrument import Side
from absolute.domain.ledger import hold_used
from absolute.domain.order import TimeInForce
from absolute.domain.units import ZERO, Asset, Nanos, Price, Qty, Quote
from absolute.matching.book import (
    Book,
    Change,
    End,
    Ended,
    Reduced,
    Refused,
    Rested,
    Ticket,
    Traded,
)
from absolute.simex.accounts import NO_FEE, Bank, Hold, Leg, closable
from absolute.simex.facts import (
    BalanceChanged,
    Cause,
    Executed,
    Fact,
    OrderChanged,
    PositionChanged,
)
from absolute.simex.house import FIRST_HOUSE_TICKET, House, HouseStyle
from absolute.simex.listing import Listing, ListingStatus, Market, VenueRules
from absolute.simex.market import MarketState
from absolute.simex.order_table import OrderTable
from absolute.simex.orders import (
    AccountId,
    BoxOrder,
    BoxStatus,
    EndCause,
    Execution,
    OrderNumber,
)
from absolute.simex.price_path import Point, PricePath

CAUSES: Final[Mapping[End, EndCause]] = {
    End.CANCELLED: EndCause.USER,
    End.UNFILLED: EndCause.UNFILLED,
    End.FOK_UNFILLABLE: EndCause.FOK_UNFILLABLE,
    End.POST_ONLY_WOULD_TAKE: EndCause.POST_ONLY_WOULD_TAKE,
    End.SELF_TRADE: EndCause.SELF_TRADE,
}


@dataclass(frozen=True, slots=True)
class Stall:
    """One market with what moves it: its price path and the house's way of quoting."""

    listing: Listing
    path: PricePath
    house: HouseStyle = field(default_factory=HouseStyle)


class Pit:
    """One market at work."""

    def __init__(self, stall: Stall) -> None:
        instrument = stall.listing.instrument
        self.listing = stall.listing
        self.path = stall.path
        self.book = Book()
        self.house = House(self.book, instrument, stall.house)
        ticks = (stall.path.first_price() / instrument.tick).to_integral_value()
        last = Price(max(Decimal(1), ticks) * instrument.tick)
        self.state = MarketState(stall.listing.market, instrument, book=self.book, last=last)


class Floor:
    """All markets of a venue with the orders and the money in them."""

    def __init__(self, stalls: Sequence[Stall], rules: VenueRules) -> None:
        self.rules = rules
        self.pits = {stall.listing.market: Pit(stall) for stall in stalls}
        self.table = OrderTable(rules)
        self.bank = Bank(lambda market: self.pits[market].state.last, rules.leverage_default)
        self.owners: dict[AccountId, int] = {}
        self._facts: list[Fact] = []
        self._dirty: dict[Market, None] = {}
        self._changed: dict[OrderNumber, None] = {}
        self._moved: dict[tuple[AccountId, Market], None] = {}

    def admit(self, account: AccountId, balances: Mapping[Asset, Decimal]) -> None:
        """A new account."""
        self.owners[account] = len(self.owners) + 1
        self.bank.open(account, balances)

    # --- the public market ----------------------------------------------------------------------

    def begin(self, now: Nanos) -> None:
        """Show the past and quote every market."""
        for pit in self.pits.values():
            pit.state.remember(pit.path.begin(now), bar_ns=pit.path.bar_ns)
            self.settle(pit, pit.house.quote(pit.state.last), now)

    def step(self, pit: Pit, point: Point) -> None:
        """Move one market to the next point of its path; a halted one stands still."""
        if pit.listing.status is ListingStatus.HALTED:
            return
        changes = pit.house.move(point.price, point.volume, last=pit.state.last)
        self.settle(pit, changes, point.time)

    # --- orders ---------------------------------------------------------------------------------

    def enter(self, row: BoxOrder, hold: Hold, *, lots: int, ticks: int | None) -> BoxOrder:
        """Let an order meet the book: its funds are reserved, then it trades, waits or ends."""
        pit, now = self.pits[row.ask.market], row.updated
        self.bank.hold(row.account, row.number, hold)
        self.table.put(row)
        self._facts.append(OrderChanged(now, row))
        ask = row.ask
        rule = ask.time_in_force
        if ask.price is None and rule is not TimeInForce.FOK:
            rule = TimeInForce.IOC
        ticket = Ticket(
            row.number,
            self.owners[row.account],
            ask.side,
            lots,
            ticks,
            rule,
            ask.self_trade or self.rules.self_trade,
        )
        self.settle(pit, pit.book.place(ticket), now)
        return self._spent(row.number, now)

    def wait(self, row: BoxOrder, hold: Hold) -> BoxOrder:
        """Let an order wait for its trigger."""
        self.bank.hold(row.account, row.number, hold)
        self._facts.append(OrderChanged(row.updated, self.table.put(row)))
        return row

    def _spent(self, number: OrderNumber, now: Nanos) -> BoxOrder:
        """End a market buy by value whose rest buys nothing more."""
        row = self.table.row(number)
        if row.ask.spend is None or not row.status.alive:
            return row
        if not self.rules.spend_rest_fills:
            return self.finish(number, EndCause.SPEND_REST, now)
        self.bank.release(row.account, number, None)
        return self.change(replace(row, status=BoxStatus.FILLED))

    def finish(self, number: OrderNumber, cause: EndCause, now: Nanos) -> BoxOrder:
        """End an order outside the book: release what it holds, tell it."""
        row = self.table.row(number)
        if not row.status.alive:
            return row
        self.bank.release(row.account, number, None)
        over = replace(row, status=BoxStatus.CANCELLED, end=cause, updated=now)
        self.table.put(over)
        self._facts.append(OrderChanged(now, over))
        return over

    def amend(self, row: BoxOrder, hold: Hold, *, lots: int, ticks: int) -> BoxOrder:
        """Let an order stand with other terms; it may trade at once."""
        pit = self.pits[row.ask.market]
        self.bank.release(row.account, row.number, None)
        self.bank.hold(row.account, row.number, hold)
        self._facts.append(OrderChanged(row.updated, self.table.put(row)))
        changes = pit.book.amend(row.number, lots=lots, ticks=ticks)
        self.settle(pit, changes, row.updated)
        return self.table.row(row.number)

    def change(self, row: BoxOrder) -> BoxOrder:
        """A new row of a waiting order."""
        self._facts.append(OrderChanged(row.updated, self.table.put(row)))
        return row

    def withdraw(self, row: BoxOrder, cause: EndCause, now: Nanos) -> BoxOrder:
        """Take an order off, wherever it is."""
        pit = self.pits[row.ask.market]
        if row.status is not BoxStatus.WAITING:
            pit.book.cancel(row.number)
            self._dirty[row.ask.market] = None
        return self.finish(row.number, cause, now)

    # --- what a match changes -------------------------------------------------------------------

    def settle(self, pit: Pit, changes: Iterable[Change], now: Nanos) -> None:
        """Carry out what a book said, then trim orders that may only reduce."""
        self._dirty[pit.listing.market] = None
        for change in changes:
            match change:
                case Traded():
                    self._trade(pit, change, now)
                case Ended(order=order, reason=reason):
                    if order < FIRST_HOUSE_TICKET and reason is not End.AMENDED:
                        self._changed.pop(OrderNumber(order), None)
                        self.finish(OrderNumber(order), self._cause(order, reason), now)
                case Rested() | Reduced() | Refused():
                    pass
                case _:
                    assert_never(change)
        changed, self._changed = self._changed, {}
        for number in changed:
            self._facts.append(OrderChanged(now, self.table.row(number)))
        moved, self._moved = self._moved, {}
        for account, market in moved:
            view = self.bank.view(account, self.pits[market].listing)
            self._facts.append(PositionChanged(now, account, view))
            self._trim(account, market, now)

    def _cause(self, order: int, reason: End) -> EndCause:
        row = self.table.row(OrderNumber(order))
        if reason is End.UNFILLED and row.ask.spend is not None:
            return EndCause.SPEND_REST
        return CAUSES[reason]

    def _trade(self, pit: Pit, trade: Traded, now: Nanos) -> None:
        instrument = pit.listing.instrument
        price, qty = Price(trade.ticks * instrument.tick), Qty(trade.lots * instrument.lot)
        fact = pit.state.trade(price, qty, taker_side=trade.taker_side, now=now)
        self._facts.append(fact)
        for order, liquidity in (
            (trade.maker, Liquidity.MAKER),
            (trade.taker, Liquidity.TAKER),
        ):
            if order < FIRST_HOUSE_TICKET:
                row = self.table.row(OrderNumber(order))
                leg = Leg(row.account, pit.listing, row.ask.side, qty, price, NO_FEE, now)
                self._fill(row, leg, liquidity, trade=fact.number)

    def _fill(self, row: BoxOrder, leg: Leg, liquidity: Liquidity, *, trade: int) -> None:
        fee = self.bank.fee_of(leg, liquidity)
        self._release_share(row, leg)
        closed, realised = self.bank.trade(replace(leg, fee=fee))
        fees = dict(row.fees)
        fees[fee.asset] = fees.get(fee.asset, ZERO) + fee.amount
        after = replace(
            row,
            filled=Qty(row.filled + leg.qty),
            value=Quote(row.value + leg.qty * leg.price),
            fees=fees,
            updated=leg.time,
            status=BoxStatus.PARTLY_FILLED,
        )
        if _complete(after):
            after = replace(after, status=BoxStatus.FILLED)
            self.bank.release(row.account, row.number, None)
        execution = Execution(
            number=self.table.next_execution(),
            trade=trade,
            order=row.number,
            client_id=row.ask.client_id,
            account=row.account,
            market=row.ask.market,
            side=row.ask.side,
            price=leg.price,
            qty=leg.qty,
            liquidity=liquidity,
            fee=fee,
            fee_rate=leg.listing.fees.rate(liquidity),
            time=leg.time,
            left=after.left,
            closed=closed,
            realised=realised,
        )
        self.table.executed(execution)
        self.table.put(after)
        self._facts.append(Executed(leg.time, execution, after))
        self._changed[row.number] = None
        if leg.listing.instrument.perpetual:
            self._moved[row.account, row.ask.market] = None

    def _release_share(self, row: BoxOrder, leg: Leg) -> None:
        """Set free what a fill no longer needs."""
        hold = self.bank.wallet(row.account).holds.get(row.number)
        if hold is None:
            return
        if row.ask.spend is not None:
            self.bank.release(row.account, row.number, leg.qty * leg.price)
        else:
            share = hold_used(hold.amount, leg.qty, row.left)
            self.bank.release(row.account, row.number, share)

    def _trim(self, account: AccountId, market: Market, now: Nanos) -> None:
        """Cut down what may only reduce to what there is to reduce, oldest first."""
        pit, held = self.pits[market], self.bank.position(account, market).qty
        room = {side: closable(held, side) for side in Side}
        for row in self.table.alive(account):
            ask = row.ask
            if not ask.reduce_only or ask.market != market:
                continue
            if row.status is BoxStatus.WAITING:
                guards = ask.trigger is not None and ask.trigger.with_position
                if guards and closable(held, ask.side) <= ZERO:
                    self.finish(row.number, EndCause.POSITION_GONE, now)
                continue
            allowed = min(row.left, room[ask.side])
            room[ask.side] -= allowed
            if allowed <= ZERO:
                self.withdraw(row, EndCause.REDUCE_ONLY, now)
            elif allowed < row.left:
                pit.book.amend(row.number, lots=int(allowed / pit.listing.instrument.lot))
                qty = Qty(row.filled + allowed)
                self.change(replace(row, ask=replace(ask, qty=qty), updated=now))

    # --- what is told ---------------------------------------------------------------------------

    def publish(self, now: Nanos) -> None:
        """Add what changed in balances and books to the facts."""
        for (account, asset), change in self.bank.touched().items():
            money = self.bank.wallet(account).account
            cause = Cause.TRADE if change else Cause.HOLD
            self._facts.append(
                BalanceChanged(
                    now, account, asset, money.total(asset), money.held(asset), change, cause
                )
            )
        dirty, self._dirty = self._dirty, {}
        for market in dirty:
            fact = self.pits[market].state.book_changes(now)
            if fact is not None:
                self._facts.append(fact)

    def tell(self, fact: Fact) -> None:
        """One more fact."""
        self._facts.append(fact)

    def drain(self) -> deque[Fact]:
        """Take the facts."""
        facts, self._facts = deque(self._facts), []
        return facts


def _complete(row: BoxOrder) -> bool:
    """Whether nothing of an order is left, as its venue counts it."""
    if row.ask.qty is not None:
        return row.filled >= row.ask.qty
    return not row.spend_left
