"""Owns all that is ours as far as facts have told: orders, balances, positions, the last price.

`apply` takes a fact and is the only way to change it, with `sent` for what we send. Reading it is
the strategy's and risk's view of the world. Knows nothing of what should be done.
"""

from decimal import Decimal
from typing import assert_never

from absolute.domain.errors import IllegalStep, UnknownOrder
from absolute.domain.fill import Fee, Fill
from absolute.domain.ids import ClientOrderId, Role, TradeId
from absolute.domain.instrument import Side
from absolute.domain.ledger import Ledger, hold_used
from absolute.domain.messages import (
    BarClosed,
    CancelRefused,
    Event,
    FeeReported,
    FundingPaid,
    LevelReached,
    Liquidated,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderLost,
    OrderRejected,
    OrderUnsent,
    Paused,
    PriceSeen,
    Resumed,
    SignalChanged,
    Started,
    StopAsked,
    Submit,
    TimerFired,
    Transferred,
    VotesChanged,
)
from absolute.domain.order import Order, PositionSide, Step
from absolute.domain.position import Position
from absolute.domain.units import ZERO, Asset, Base, Nanos, Price, Qty, Quote


class Portfolio:
    """Our orders and our ledger.

    `live` holds the order of each role that may still trade; `held` is what our own trades left
    us with, in base units or contracts: what else lies in the wallet is not ours to sell.
    `fees_due` are the executions whose fee is still to come, with their time.
    """

    __slots__ = (
        "_trades",
        "fees_due",
        "held",
        "instrument",
        "ledger",
        "live",
        "orders",
        "price",
        "time",
    )

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.instrument = ledger.instrument
        self.orders: dict[ClientOrderId, Order] = {}
        self.live: dict[Role, Order] = {}
        self.price: Price | None = None
        self.time = Nanos(0)
        self.held = ZERO
        self.fees_due: dict[TradeId, Nanos] = {}
        self._trades: set[TradeId] = set()

    # --- reading --------------------------------------------------------------------------

    def order(self, role: Role) -> Order | None:
        """The order of a role that may still trade, if any."""
        return self.live.get(role)

    def total(self, asset: Asset) -> Decimal:
        """All that is owned of an asset."""
        return self.ledger.account.total(asset)

    def available(self, asset: Asset) -> Decimal:
        """What a new order may use of an asset."""
        return self.ledger.available(asset)

    def position(self, side: PositionSide = PositionSide.NET) -> Position:
        """The position of one side."""
        return self.ledger.position(side)

    def buying_power(self, price: Decimal) -> Quote:
        """The largest notional that could be bought now at a price, fees included."""
        return self.ledger.buying_power(price)

    def knows(self, trade_id: TradeId) -> bool:
        """True where this execution was booked already: a venue may tell one twice."""
        return trade_id in self._trades

    @property
    def fills_count(self) -> int:
        """How many executions were booked."""
        return len(self._trades)

    @property
    def fees_known(self) -> bool:
        """False while some fill has come without its fee."""
        return not self.fees_due

    # --- changing -------------------------------------------------------------------------

    def sent(self, command: Submit, time: Nanos, reserved: tuple[Asset, Decimal]) -> Order:
        """Write an order down before it leaves, with what `Ledger.reservation` says it needs."""
        asset, amount = reserved
        order = Order(command.client_id, command.terms, time, asset, amount)
        self.ledger.account.hold(asset, amount)
        order.take(Step.SEND)
        self.orders[command.client_id] = order
        self.live[command.terms.role] = order
        return order

    def cancelling(self, client_id: ClientOrderId) -> None:
        """Write down that a cancel leaves."""
        self._order(client_id).take(Step.ASK_CANCEL)

    def apply(self, event: Event) -> Order | None:
        """Take in one fact; returns the order it was about, if any.

        Raises `UnknownOrder` for an order we never wrote down and `IllegalStep` for a step its
        life does not have: both mean that the caller must reconcile.
        """
        self.time = event.time
        match event:
            case OrderFilled(fill=fill, done=done):
                return self._fill(fill, done=done)
            case OrderAccepted(client_id=client_id, venue_id=venue_id):
                order = self._order(client_id)
                order.take(Step.ACCEPT)
                order.venue_id = venue_id
                return order
            case OrderCancelled(client_id=client_id):
                return self._end(client_id, Step.CANCEL, None)
            case OrderRejected(client_id=client_id, reason=reason):
                return self._end(client_id, Step.REJECT, reason)
            case OrderExpired(client_id=client_id, reason=reason):
                return self._end(client_id, Step.EXPIRE, reason)
            case OrderUnsent(client_id=client_id, reason=reason):
                return self._end(client_id, Step.CANCEL, reason)
            case OrderLost(client_id=client_id):
                order = self._order(client_id)
                order.take(Step.LOSE)
                return order
            case CancelRefused(client_id=client_id):
                order = self._order(client_id)
                order.take(Step.REFUSE_CANCEL)
                return order
            case FeeReported(trade_id=trade_id, fee=fee):
                if trade_id in self.fees_due:
                    del self.fees_due[trade_id]
                    self.ledger.charge(fee)
                    self._hold(ZERO, fee)
            case FundingPaid(asset=asset, amount=amount) | Transferred(asset=asset, amount=amount):
                self.ledger.transfer(asset, amount)
            case Liquidated(side=side, qty=qty, price=price):
                self.ledger.liquidate(event)
                self.held += qty if side is Side.BUY else -qty
                self.price = price
            case (
                LevelReached(price=price)
                | SignalChanged(price=price)
                | PriceSeen(price=price)
                | VotesChanged(price=price)
                | Started(price=price)
            ):
                self.price = price
            case BarClosed(bar=bar):
                self.price = bar.close
            case TimerFired() | Paused() | Resumed() | StopAsked():
                pass
            case _:
                assert_never(event)
        return None

    def _order(self, client_id: ClientOrderId) -> Order:
        order = self.orders.get(client_id)
        if order is None:
            raise UnknownOrder(f"order {client_id} was never written down here")
        return order

    def _fill(self, fill: Fill, *, done: bool) -> Order:
        order = self._order(fill.client_id)
        ordered = order.terms.qty
        if ordered is not None and order.filled + fill.qty > ordered:
            raise IllegalStep(f"order {fill.client_id} filled beyond the {ordered} it asked for")
        late = order.terminal
        order.take(Step.FILL_ALL if done else Step.FILL_PART)
        self.ledger.fill(fill)
        self._trades.add(fill.trade_id)
        self._hold(fill.qty if fill.side is Side.BUY else -fill.qty, fill.fee)
        if fill.fee is None:
            self.fees_due[fill.trade_id] = fill.time
        order.filled = Qty(order.filled + fill.qty)
        order.paid = Quote(order.paid + self.instrument.notional(fill.qty, fill.price))
        order.worth = Base(order.worth + self.instrument.base_value(fill.qty, fill.price))
        self.price = fill.price
        if done:
            self._release(order, order.hold)
            if not late:
                self._retire(order)
        elif not late:
            self._release(order, self._used(order, fill))
        return order

    def _hold(self, qty: Decimal, fee: Fee | None) -> None:
        """Count what this bot's own trades left it with."""
        self.held += qty
        if fee is not None and fee.asset == self.instrument.base and not self.instrument.perpetual:
            self.held -= fee.amount

    def _used(self, order: Order, fill: Fill) -> Decimal:
        """The part of an order's reservation that a partial fill has used up."""
        qty = order.terms.qty
        if qty is None:
            return min(order.hold, self.instrument.notional(fill.qty, fill.price))
        return hold_used(order.hold, fill.qty, qty - order.filled + fill.qty)

    def _end(self, client_id: ClientOrderId, step: Step, reason: str | None) -> Order:
        order = self._order(client_id)
        was_live = not order.terminal
        order.take(step)
        order.reason = reason
        if was_live:
            self._release(order, order.hold)
            self._retire(order)
        return order

    def _release(self, order: Order, amount: Decimal) -> None:
        if amount:
            self.ledger.account.hold(order.hold_asset, -amount)
            order.hold -= amount

    def _retire(self, order: Order) -> None:
        role = order.terms.role
        if self.live.get(role) is order:
            del self.live[role]
