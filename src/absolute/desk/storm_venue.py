"""Owns an omniscient little exchange: one market, one account, and every change with its time.

It is written from the venues' documents, apart from the core and from the exchange in the box, so
that a mistake of theirs is not repeated here. What it answers may be asked as of an earlier time;
what is true is in `orders` and `trades`. Knows nothing of networks or of who trades.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import Final

from absolute.desk.storm_chance import Luck
from absolute.desk.storm_weather import CAPITAL, FIRST_PRICE, MARKET, RATE, SPARE, VenueRules

ZERO: Final = Decimal(0)
UNIT: Final = Decimal("1e-8")
LOT, TICK = MARKET.lot, MARKET.tick


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution, as the venue's ledger has it."""

    id: str
    client_id: str
    buys: bool
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    time: int


@dataclass(slots=True)
class VenueOrder:
    """One order and all its states: (time, state, filled). `price` of None: at the market.

    No list shows it before `hidden_until`, whatever becomes of it.
    """

    client_id: str
    venue_id: str
    buys: bool
    qty: Decimal | None
    spend: Decimal | None
    price: Decimal | None
    arrived: int
    filled: Decimal = ZERO
    hidden_until: int = 0
    states: list[tuple[int, str, Decimal]] = field(default_factory=list)

    @property
    def state(self) -> str:
        """open, filled, cancelled, rejected or expired."""
        return self.states[-1][1]

    @property
    def rest(self) -> Decimal:
        """What may still trade of an order by quantity."""
        return (self.qty or ZERO) - self.filled

    def at(self, time: int) -> tuple[int, str, Decimal] | None:
        """The state as of a time, or None before it arrived."""
        for state in reversed(self.states):
            if state[0] <= time:
                return state
        return None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks for."""

    client_id: str
    buys: bool
    qty: Decimal | None
    spend: Decimal | None
    price: Decimal | None


class Exchange:
    """One market. `tell` hears of every change of an order and of every trade, at once."""

    def __init__(self, rules: VenueRules, luck: Luck) -> None:
        self.rules = rules
        self.price = FIRST_PRICE
        self.orders: list[VenueOrder] = []
        self.by_id: dict[str, VenueOrder] = {}
        self.trades: list[Trade] = []
        self.foreign: list[str] = []
        self.refused: dict[str, str] = {}
        self.totals = {"COIN": SPARE, "USDT": CAPITAL * 10}
        self.tell: Callable[[VenueOrder | Trade], None] = lambda _change: None
        self._luck = luck

    # --- what clients ask -----------------------------------------------------------------------

    def place(self, wish: Wish, now: int) -> tuple[bool, str]:
        """Take an order in: (True, its id at the venue) or (False, a code that means no)."""
        before = self.by_id.get(wish.client_id)
        if before is not None and (self.rules.ids_unique or before.state == "open"):
            return False, "DUPLICATE"
        fault = self.refused.get(wish.client_id) or self._filter(wish)
        if fault is not None:
            self.refused[wish.client_id] = fault
            return False, fault
        order = VenueOrder(
            wish.client_id,
            f"v{len(self.orders) + 1}",
            wish.buys,
            wish.qty,
            wish.spend,
            wish.price,
            now,
        )
        if self._luck.strikes("shows_late"):
            order.hidden_until = now + self._luck.chance.between(0, self.rules.facts.visibility)
        self.orders.append(order)
        self.by_id[wish.client_id] = order
        self._change(order, "open", now)
        return True, order.venue_id

    def begin(self, order: VenueOrder, now: int) -> None:
        """Let an accepted order meet the market for the first time."""
        if order.state != "open":
            return
        if self._luck.strikes("rejected_late"):
            self._change(order, "rejected", now)
        elif order.price is None:
            self._take(order, now)
        elif self._meets(order):
            self._fill(order, now, maker=False)

    def cancel(self, client_id: str, now: int) -> bool:
        """Take an order back; False where there is none that stands."""
        order = self.by_id.get(client_id)
        if order is None or order.state != "open":
            return False
        self._change(order, "cancelled", now)
        return True

    # --- what the venue does --------------------------------------------------------------------

    def move(self, price: Decimal, now: int) -> None:
        """The market moves; what stands in its way trades, at its own price."""
        self.price = price
        for order in [each for each in self.orders if each.state == "open"]:
            if order.price is not None and self._meets(order):
                self._fill(order, now, maker=True)

    def expire(self, order: VenueOrder, now: int) -> None:
        """The venue ends an order by a rule of its own."""
        self._change(order, "expired", now)

    def _filter(self, wish: Wish) -> str | None:
        price = self.price if wish.price is None else wish.price
        qty = wish.qty if wish.qty is not None else (wish.spend or ZERO) / price // LOT * LOT
        if qty <= ZERO or price <= ZERO or qty % LOT or price % TICK:
            return "FILTER"
        if qty * price < MARKET.min_notional:
            return "NOTIONAL"
        return "DENIED" if self._luck.strikes("denied") else None

    def _meets(self, order: VenueOrder) -> bool:
        limit = order.price or ZERO
        return self.price <= limit if order.buys else self.price >= limit

    def _fill(self, order: VenueOrder, now: int, *, maker: bool) -> None:
        """Trade the rest of a limit order, or a part of it."""
        qty = self._part(order.rest)
        self._trade(order, qty, order.price or self.price, now=now, maker=maker)
        self._change(order, "filled" if not order.rest else "open", now)

    def _take(self, order: VenueOrder, now: int) -> None:
        """Trade a market order at once, in one part or several; a rest is cancelled."""
        whole = order.qty
        if order.spend is not None:
            whole = order.spend / self.price // LOT * LOT
        left = whole or ZERO
        ends = self._luck.strikes("spend_rest_cancelled")
        while left:
            part = self._part(left)
            self._trade(order, part, self.price, now=now, maker=False)
            left -= part
            if ends and left:
                break
            if left:
                self._change(order, "open", now)
        self._change(order, "cancelled" if left or ends else "filled", now)

    def _part(self, qty: Decimal) -> Decimal:
        if qty <= LOT or not self._luck.strikes("fill_in_parts"):
            return qty
        lots = int(qty / LOT)
        return self._luck.chance.between(1, lots) * LOT

    def _trade(
        self, order: VenueOrder, qty: Decimal, price: Decimal, *, now: int, maker: bool
    ) -> None:
        worth = qty * price
        gained = qty if order.buys else worth
        fee = (gained * RATE).quantize(UNIT, ROUND_CEILING)
        asset = "COIN" if order.buys else "USDT"
        sign = 1 if order.buys else -1
        self.totals["COIN"] += sign * qty
        self.totals["USDT"] -= sign * worth
        self.totals[asset] -= fee
        order.filled += qty
        number = f"t{len(self.trades) + 1}"
        trade = Trade(
            number, order.client_id, order.buys, price, qty, fee, asset, maker=maker, time=now
        )
        self.trades.append(trade)
        self.tell(trade)

    def _change(self, order: VenueOrder, state: str, now: int) -> None:
        order.states.append((now, state, order.filled))
        self.tell(order)

    # --- what it answers, as of a time ----------------------------------------------------------

    def lookup(self, client_id: str, at: int, *, forgetful: bool) -> VenueOrder | None:
        """One order, unless it is not to be seen yet, or has ended and is forgotten."""
        order = self.by_id.get(client_id)
        state = order.at(at) if order is not None else None
        if state is None or (forgetful and state[1] != "open"):
            return None
        return order

    def standing(self, at: int) -> list[VenueOrder]:
        """Every order that stood as of a time."""
        told = [(order, order.at(at)) for order in self.orders]
        return [order for order, state in told if state is not None and state[1] == "open"]

    def traded(self, since: int, at: int) -> list[Trade]:
        """Every execution from `since` to `at`."""
        return [trade for trade in self.trades if since <= trade.time <= at]

    def owned(self, at: int) -> dict[str, Decimal]:
        """The totals as of a time."""
        totals = dict(self.totals)
        for trade in reversed(self.trades):
            if trade.time <= at:
                break
            sign = 1 if trade.buys else -1
            totals["COIN"] -= sign * trade.qty
            totals["USDT"] += sign * trade.qty * trade.price
            totals[trade.fee_asset] += trade.fee
        return totals
