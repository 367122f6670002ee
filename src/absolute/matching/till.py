"""Owns the money side of the orders at a simulated venue: what each reserves, what a trade costs.

A new order passes the filters of the instrument and reserves what it may need; a trade pays its
fee, uses up its part of the reservation and moves the ledger, all or nothing. Knows nothing of
books, queues or the path of the price.
"""

from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Protocol

from absolute.domain.fill import Fee, Fill, Liquidity
from absolute.domain.ids import ClientOrderId, TradeId
from absolute.domain.instrument import Side, size_fault
from absolute.domain.ledger import Ledger, hold_used
from absolute.domain.order import Terms
from absolute.domain.units import ZERO, Asset, Nanos, Price, Qty


class Reserving(Protocol):
    """What is wanted of an order: whose it is, and what of `hold_asset` it still reserves."""

    client_id: ClientOrderId
    terms: Terms
    hold_asset: Asset
    hold: Decimal


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade of one of our orders; `left` is what the order still wanted before it."""

    price: Price
    qty: Qty
    left: Decimal
    liquidity: Liquidity
    time: Nanos


class Till:
    """The ledger of one account, with the running number of its trades."""

    __slots__ = ("_trades", "ledger")

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._trades = count(1)

    def fault(self, terms: Terms, price: Decimal | None) -> str | None:
        """Why a new order cannot be taken, or None. `price` stands in where it names none."""
        instrument = self.ledger.instrument
        at = terms.price or terms.trigger or price
        if at is None:
            return "NO_PRICE"
        qty = terms.qty
        if qty is None and terms.spend is not None and terms.side is Side.BUY:
            qty = instrument.qty_for(terms.spend, at)
        if qty is None:
            return "QTY_MISSING"
        fault = size_fault(instrument, qty, at, market=terms.price is None)
        # A closing order may be smaller than the venue's minimum value.
        if fault is not None and not (fault == "NOTIONAL_MIN" and terms.reduce_only):
            return fault
        asset, hold = self.ledger.reservation(terms, price)
        return "INSUFFICIENT_BALANCE" if hold > self.ledger.available(asset) else None

    def reserve(self, terms: Terms, price: Decimal | None) -> tuple[Asset, Decimal]:
        """Hold what an order without fault needs; asset and amount."""
        asset, hold = self.ledger.reservation(terms, price)
        self.ledger.account.hold(asset, hold)
        return asset, hold

    def release(self, order: Reserving) -> None:
        """Give back all that an order still reserves."""
        if order.hold:
            self.ledger.account.hold(order.hold_asset, -order.hold)
            order.hold = ZERO

    def book(self, order: Reserving, trade: Trade) -> Fill | str:
        """Post a trade and give its fill, or say why it cannot be paid; then nothing changed."""
        terms, ledger = order.terms, self.ledger
        fee = ledger.fee_of(terms.side, trade.qty, price=trade.price, liquidity=trade.liquidity)
        if not self._covered(order, trade, fee):
            return "INSUFFICIENT_BALANCE"
        fill = Fill(
            TradeId(f"t{next(self._trades)}"),
            order.client_id,
            terms.side,
            trade.price,
            trade.qty,
            trade.liquidity,
            fee,
            trade.time,
            terms.position_side,
        )
        self._use(order, trade)
        ledger.fill(fill)
        return fill

    def _covered(self, order: Reserving, trade: Trade, fee: Fee) -> bool:
        """A spot trade must be covered by its own reservation and by what is free besides."""
        account, instrument = self.ledger.account, self.ledger.instrument
        if instrument.perpetual:
            return True
        if order.terms.side is Side.SELL:
            return True
        charge = fee.amount if fee.asset == instrument.quote else ZERO
        cost = instrument.notional(trade.qty, trade.price) + charge
        return cost <= order.hold + account.free(instrument.quote)

    def _use(self, order: Reserving, trade: Trade) -> None:
        """Free the part of a reservation that a trade uses up, just as the portfolio does.

        A spend never waits, so what it reserves is freed at its end.
        """
        if trade.qty == trade.left:
            self.release(order)
        elif order.terms.qty is not None:
            freed = hold_used(order.hold, trade.qty, trade.left)
            self.ledger.account.hold(order.hold_asset, -freed)
            order.hold -= freed
