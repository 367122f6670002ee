"""Owns the books of one deal: what was bought, what it cost, what is left, what it earned.

Money is kept as one signed flow in the settle asset, so profit is exact: what a deal earned is the
sum of its flows, and a remainder takes its share of the cost along. The average is for pricing
only. Knows nothing of orders to come.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from absolute.domain.fees import in_settle
from absolute.domain.fill import Fee, Fill
from absolute.domain.ids import TradeId
from absolute.domain.instrument import Instrument, Kind, Side
from absolute.domain.messages import Liquidated
from absolute.domain.units import ZERO, Nanos, Price, Quote, ledger_near


@dataclass(frozen=True, slots=True)
class Dust:
    """A remainder too small to sell, with the money it cost; the next deal takes it over."""

    qty: Decimal = ZERO
    cost: Decimal = ZERO


@dataclass(slots=True)
class Deal:
    """One deal. `held` counts what is left in order units, net of fees taken in the base coin.

    `paid`, `bought` and `kept` are the notional and the base value, before and after fees, of the
    buys that are still held: a sell takes its share of them along, so the average stays. `flow` is
    the signed settle-asset sum of everything, fees and funding included, `left` the part of it
    that bought what is still held, `cost` what all buys cost. `spent` is the gross notional of the
    buys, which the cap limits.
    """

    number: int
    opened: Nanos
    added: Quote
    held: Decimal = ZERO
    left: Decimal = ZERO
    paid: Decimal = ZERO
    bought: Decimal = ZERO
    kept: Decimal = ZERO
    flow: Decimal = ZERO
    cost: Decimal = ZERO
    spent: Decimal = ZERO
    fees: Decimal = ZERO
    rebuys: int = 0
    rung: int = 0
    last_price: Price = Price(ZERO)
    exit_price: Price = Price(ZERO)
    unpaid: dict[TradeId, Side] = field(default_factory=dict)

    def take_over(self, dust: Dust) -> None:
        """Start with what the last deal left behind."""
        self.held += dust.qty
        self.flow -= dust.cost
        self.cost += dust.cost
        self.left -= dust.cost
        self.paid += dust.cost
        self.bought += dust.qty
        self.kept += dust.qty

    def buy(self, fill: Fill, instrument: Instrument) -> None:
        """Book a fill that added to the deal."""
        notional = instrument.notional(fill.qty, fill.price)
        flow = instrument.flow(Side.BUY, fill.qty, fill.price)
        base = (
            fill.qty
            if instrument.kind is Kind.SPOT
            else instrument.base_value(fill.qty, fill.price)
        )
        self.held += fill.qty
        self.paid += notional
        self.spent += notional
        self.bought += base
        self.kept += base
        self.flow += flow
        self.cost += abs(flow)
        self.left += flow
        self._take_fee(fill, instrument)

    def sell(self, fill: Fill, instrument: Instrument) -> None:
        """Book a fill that closed some of the deal."""
        self._part_with(fill.qty)
        self.flow += instrument.flow(Side.SELL, fill.qty, fill.price)
        self.exit_price = fill.price
        self._take_fee(fill, instrument)

    def _part_with(self, qty: Decimal) -> None:
        """Let go of a share of everything that was bought: what is left keeps its average."""
        if qty == self.held:
            self.held = self.left = ZERO
            return
        share = (self.held - qty) / self.held
        self.left -= ledger_near(self.left * qty / self.held)
        self.paid *= share
        self.bought *= share
        self.kept *= share
        self.held -= qty

    def _take_fee(self, fill: Fill, instrument: Instrument) -> None:
        """Charge the fee of a fill, or remember that it is still to come."""
        if fill.fee is None:
            self.unpaid[fill.trade_id] = fill.side
        else:
            self.charge(fill.fee, instrument, buying=fill.side is Side.BUY)

    def fee_told(self, trade_id: TradeId, fee: Fee, instrument: Instrument) -> bool:
        """Charge a fee that came late, once; False where none was awaited."""
        side = self.unpaid.pop(trade_id, None)
        if side is None:
            return False
        self.charge(fee, instrument, buying=side is Side.BUY)
        return True

    def charge(self, fee: Fee, instrument: Instrument, *, buying: bool) -> None:
        """Book a fee: in the settle asset, in the coin bought, or in a third coin at its value."""
        charge = in_settle(fee, instrument)
        self.fees += charge
        if fee.asset == instrument.base and instrument.kind is Kind.SPOT:
            self.held -= fee.amount
            self.kept -= fee.amount
            return
        self.flow -= charge
        if buying:
            self.cost += charge
            self.left -= charge
            if instrument.kind is Kind.INVERSE:
                self.kept -= charge

    def funding(self, amount: Decimal) -> None:
        """Book funding: it moves the profit, not the average."""
        self.flow += amount

    def liquidated(self, event: Liquidated, instrument: Instrument) -> None:
        """Book a forced close."""
        self._part_with(event.qty)
        self.flow += instrument.flow(event.side, event.qty, event.price)
        self.flow += event.shortfall
        self.exit_price = event.price
        self.charge(event.fee, instrument, buying=False)

    @property
    def average(self) -> Price:
        """The mean price of the buys, weighted by quantity, without fees."""
        return Price(self.paid / self.bought)

    def basis(self, instrument: Instrument) -> Price:
        """What a unit that is really held cost, fees included."""
        spent = self.paid if instrument.kind is Kind.INVERSE else -self.left
        return Price(spent / self.kept)

    def close(self) -> tuple[Decimal, Dust]:
        """The profit in the settle asset, and what is left with its share of the cost."""
        return self.flow - self.left, Dust(self.held, -self.left)
