"""Owns a limit order book: who stands where in the queue, and who trades with whom.

Price first, then time: the best price trades before any worse one, and at one price whoever came
first. Prices are whole ticks, quantities whole lots. Every command gives the tuple of what it
changed, in order; those messages alone are enough to rebuild the book. It never calls out, and it
knows nothing of money, accounts' balances, clocks or wires.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice

from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.matching.depth import Level, LevelsView
from absolute.matching.prices import Prices, no_worse


class SelfTrade(StrEnum):
    """What happens when an order would meet one of the same owner; the incoming order decides.

    `ALLOW`: they trade. `EXPIRE_TAKER`: what is left of the incoming order ends. `EXPIRE_MAKER`:
    the resting order ends and matching goes on. `EXPIRE_BOTH`: both end.
    """

    ALLOW = "allow"
    EXPIRE_TAKER = "expire_taker"
    EXPIRE_MAKER = "expire_maker"
    EXPIRE_BOTH = "expire_both"


class End(StrEnum):
    """Why an order left the book, or never entered it, with lots untraded."""

    CANCELLED = "cancelled"
    AMENDED = "amended"
    UNFILLED = "unfilled"
    FOK_UNFILLABLE = "fok_unfillable"
    POST_ONLY_WOULD_TAKE = "post_only_would_take"
    SELF_TRADE = "self_trade"


class Refusal(StrEnum):
    """Why a command was not carried out; the book is as it was."""

    ORDER_UNKNOWN = "order_unknown"
    ORDER_STANDS = "order_stands"
    LOTS_INVALID = "lots_invalid"
    PRICE_INVALID = "price_invalid"
    TERMS_INVALID = "terms_invalid"


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order as it comes in. `ticks` of None is a market order, which never waits."""

    id: int
    owner: int
    side: Side
    lots: int
    ticks: int | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    self_trade: SelfTrade = SelfTrade.ALLOW


# --- what a command changed ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Traded:
    """Two orders traded at the maker's price; `left` of zero means that an order is done."""

    taker: int
    maker: int
    taker_side: Side
    ticks: int
    lots: int
    taker_left: int
    maker_left: int


@dataclass(frozen=True, slots=True)
class Rested:
    """An order stands in the book with these lots, last in the queue at its price."""

    order: int
    side: Side
    ticks: int
    lots: int


@dataclass(frozen=True, slots=True)
class Reduced:
    """An order stands with these lots now; its place in the queue is as it was."""

    order: int
    lots: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more comes of an order; `lots` of it were not traded."""

    order: int
    lots: int
    reason: End


@dataclass(frozen=True, slots=True)
class Refused:
    """A command was not carried out."""

    order: int
    reason: Refusal


Change = Traded | Rested | Reduced | Ended | Refused


@dataclass(slots=True, eq=False)
class Standing:
    """An order in the book: what it came in as, and what is left of it."""

    ticket: Ticket
    ticks: int
    lots: int


@dataclass(slots=True, eq=False)
class _Queue:
    """The orders at one price, first come first; `lots` is their sum."""

    lots: int = 0
    orders: OrderedDict[int, Standing] = field(default_factory=OrderedDict)


class Book:
    """One market. Only orders that stand in it are known; an id may be used again after its end."""

    __slots__ = ("_prices", "_queues", "_standing")

    def __init__(self) -> None:
        self._queues: dict[Side, dict[int, _Queue]] = {side: {} for side in Side}
        self._prices = {side: Prices(side) for side in Side}
        self._standing: dict[int, Standing] = {}

    # --- commands -----------------------------------------------------------------------------

    def place(self, ticket: Ticket) -> tuple[Change, ...]:
        """Match an order and let what is left of it wait, as its time in force says."""
        refusal = self._refusal(ticket)
        if refusal is not None:
            return (Refused(ticket.id, refusal),)
        changes: list[Change] = []
        self._enter(ticket, changes)
        return tuple(changes)

    def cancel(self, order: int) -> tuple[Change, ...]:
        """Take an order out."""
        standing = self._standing.get(order)
        if standing is None:
            return (Refused(order, Refusal.ORDER_UNKNOWN),)
        self._remove(standing)
        return (Ended(order, standing.lots, End.CANCELLED),)

    def amend(self, order: int, *, lots: int, ticks: int | None = None) -> tuple[Change, ...]:
        """Let an order stand with `lots` left, at `ticks` if given.

        Fewer lots at the same price keep the place in the queue. Anything else is a cancel and a
        new order with the old terms: it queues again, and may trade or end at once.
        """
        standing = self._standing.get(order)
        if standing is None:
            return (Refused(order, Refusal.ORDER_UNKNOWN),)
        price = standing.ticks if ticks is None else ticks
        if lots <= 0 or price <= 0:
            return (Refused(order, Refusal.LOTS_INVALID if lots <= 0 else Refusal.PRICE_INVALID),)
        if price == standing.ticks and lots <= standing.lots:
            self._reduce(standing, standing.lots - lots)
            return (Reduced(order, lots),)
        self._remove(standing)
        changes: list[Change] = [Ended(order, standing.lots, End.AMENDED)]
        self._enter(replace(standing.ticket, lots=lots, ticks=price), changes)
        return tuple(changes)

    # --- reading ------------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many orders stand."""
        return len(self._standing)

    def order(self, order: int) -> Standing | None:
        """An order that stands, to be read only."""
        return self._standing.get(order)

    def best(self, side: Side) -> int | None:
        """The best price of a side, if anybody stands there."""
        return self._prices[side].best

    def levels(self, side: Side) -> Iterator[Level]:
        """A side from its best price outward; the book must not change meanwhile."""
        queues = self._queues[side]
        return ((ticks, queues[ticks].lots) for ticks in self._prices[side])

    def standing(self, side: Side) -> Iterator[Standing]:
        """The orders of a side in the order in which they would trade."""
        queues = self._queues[side]
        for ticks in self._prices[side]:
            yield from queues[ticks].orders.values()

    def view(self, count: int) -> LevelsView:
        """The best `count` levels of both sides."""
        bids, asks = (tuple(islice(self.levels(side), count)) for side in (Side.BUY, Side.SELL))
        return LevelsView(bids, asks)

    def sha256(self) -> str:
        """Hash of every order and its place: two books that will act alike have the same."""
        digest = hashlib.sha256()
        for side in Side:
            for each in self.standing(side):
                ticket = each.ticket
                terms = f"{ticket.time_in_force.value} {ticket.self_trade.value}"
                row = f"{side.value} {each.ticks} {each.lots} {ticket.id} {ticket.owner} {terms}\n"
                digest.update(row.encode())
        return digest.hexdigest()

    # --- matching -----------------------------------------------------------------------------

    def _refusal(self, ticket: Ticket) -> Refusal | None:
        if ticket.id in self._standing:
            return Refusal.ORDER_STANDS
        if ticket.lots <= 0:
            return Refusal.LOTS_INVALID
        if ticket.ticks is None:
            post_only = ticket.time_in_force is TimeInForce.POST_ONLY
            return Refusal.TERMS_INVALID if post_only else None
        return Refusal.PRICE_INVALID if ticket.ticks <= 0 else None

    def _enter(self, ticket: Ticket, changes: list[Change]) -> None:
        """Match what can be matched, then rest or end."""
        rule = ticket.time_in_force
        if rule is TimeInForce.POST_ONLY and self._meets(ticket) is not None:
            changes.append(Ended(ticket.id, ticket.lots, End.POST_ONLY_WOULD_TAKE))
            return
        if rule is TimeInForce.FOK and not self._fillable(ticket):
            changes.append(Ended(ticket.id, ticket.lots, End.FOK_UNFILLABLE))
            return
        left, stopped = self._match(ticket, changes)
        if not left:
            return
        if stopped:
            changes.append(Ended(ticket.id, left, End.SELF_TRADE))
        elif ticket.ticks is None or rule in {TimeInForce.IOC, TimeInForce.FOK}:
            changes.append(Ended(ticket.id, left, End.UNFILLED))
        else:
            self._rest(Standing(ticket, ticket.ticks, left))
            changes.append(Rested(ticket.id, ticket.side, ticket.ticks, left))

    def _meets(self, ticket: Ticket) -> int | None:
        """The best opposite price, if the order accepts it."""
        best = self._prices[ticket.side.opposite].best
        if best is None or ticket.ticks is None or no_worse(ticket.side, best, ticket.ticks):
            return best
        return None

    def _fillable(self, ticket: Ticket) -> bool:
        """Whether the whole order can trade at once, its owner's own orders counted as they act."""
        wanted = ticket.lots
        for each in self.standing(ticket.side.opposite):
            limit = ticket.ticks
            if limit is not None and not no_worse(ticket.side, each.ticks, limit):
                return False
            if each.ticket.owner == ticket.owner and ticket.self_trade is not SelfTrade.ALLOW:
                if ticket.self_trade is SelfTrade.EXPIRE_MAKER:
                    continue
                return False
            wanted -= each.lots
            if wanted <= 0:
                return True
        return False

    def _match(self, ticket: Ticket, changes: list[Change]) -> tuple[int, bool]:
        """Trade with whoever stands first; what is left, and whether a self-trade stopped it."""
        left = ticket.lots
        queues = self._queues[ticket.side.opposite]
        while left and (price := self._meets(ticket)) is not None:
            maker = next(iter(queues[price].orders.values()))
            own = maker.ticket.owner == ticket.owner
            if own and ticket.self_trade is not SelfTrade.ALLOW:
                if ticket.self_trade is not SelfTrade.EXPIRE_TAKER:
                    self._remove(maker)
                    changes.append(Ended(maker.ticket.id, maker.lots, End.SELF_TRADE))
                if ticket.self_trade is not SelfTrade.EXPIRE_MAKER:
                    return left, True
                continue
            lots = min(left, maker.lots)
            left -= lots
            self._reduce(maker, lots)
            changes.append(
                Traded(ticket.id, maker.ticket.id, ticket.side, price, lots, left, maker.lots)
            )
        return left, False

    # --- the queues ---------------------------------------------------------------------------

    def _rest(self, standing: Standing) -> None:
        """Stand last at a price."""
        side, ticks = standing.ticket.side, standing.ticks
        queue = self._queues[side].get(ticks)
        if queue is None:
            queue = self._queues[side][ticks] = _Queue()
            self._prices[side].add(ticks)
        queue.orders[standing.ticket.id] = standing
        queue.lots += standing.lots
        self._standing[standing.ticket.id] = standing

    def _reduce(self, standing: Standing, lots: int) -> None:
        """Lots leave an order; it leaves with the last of them."""
        if lots == standing.lots:
            self._remove(standing)
        else:
            self._queues[standing.ticket.side][standing.ticks].lots -= lots
        standing.lots -= lots

    def _remove(self, standing: Standing) -> None:
        """Leave the queue, and close it behind the last."""
        side, ticks = standing.ticket.side, standing.ticks
        queue = self._queues[side][ticks]
        del queue.orders[standing.ticket.id]
        del self._standing[standing.ticket.id]
        queue.lots -= standing.lots
        if not queue.orders:
            del self._queues[side][ticks]
            self._prices[side].remove(ticks)
