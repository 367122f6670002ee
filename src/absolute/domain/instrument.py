"""Owns what a venue says about one market: its kind, its grid and its limits.

These are the only functions that quantise a price or a quantity. Buying rounds the price down and
selling rounds it up, so rounding never makes an order worse than it was meant. Knows nothing of
orders, accounts or time.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from absolute.domain.errors import UserError
from absolute.domain.ids import InstrumentId
from absolute.domain.units import ONE, ZERO, Asset, Base, Price, Qty, Quote, ledger_down


class Kind(StrEnum):
    """How a fill turns into money."""

    SPOT = "spot"
    LINEAR = "linear"
    INVERSE = "inverse"


class Side(StrEnum):
    """Which way an order trades; `sign` is +1 for a buy."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


@dataclass(frozen=True, slots=True)
class Instrument:
    """One market. Quantities count base units (spot, linear) or contracts (inverse).

    `contract` is the size of one contract: base units for linear, quote value for inverse.
    `max_qty`, `max_market_qty` and `max_notional` of None mean the venue states no limit.
    """

    id: InstrumentId
    kind: Kind
    base: Asset
    quote: Asset
    tick: Price
    lot: Qty
    min_qty: Qty
    min_notional: Quote
    max_qty: Qty | None = None
    max_market_qty: Qty | None = None
    max_notional: Quote | None = None
    contract: Decimal = ONE
    settle: Asset = field(init=False)
    """The asset in which profit, margin and funding are paid."""
    perpetual: bool = field(init=False)
    """True where a fill opens a position instead of moving two balances."""
    inverse: bool = field(init=False)
    """True where contracts are counted in quote and settled in base."""

    def __post_init__(self) -> None:
        """Refuse a grid nothing could be quantised on; work out what every fill asks."""
        object.__setattr__(self, "inverse", self.kind is Kind.INVERSE)
        object.__setattr__(self, "perpetual", self.kind is not Kind.SPOT)
        object.__setattr__(self, "settle", self.base if self.inverse else self.quote)
        for name in ("tick", "lot", "contract"):
            if getattr(self, name) <= ZERO:
                raise UserError(
                    "INSTRUMENT_INVALID", f"{self.id}: {name} must be above zero; check the filter."
                )

    def price_down(self, price: Decimal) -> Price:
        """The nearest price on the grid at or below: for a buy."""
        return Price(price // self.tick * self.tick)

    def price_up(self, price: Decimal) -> Price:
        """The nearest price on the grid at or above: for a sell."""
        floor = price // self.tick * self.tick
        return Price(floor if floor == price else floor + self.tick)

    def price_for(self, side: Side, price: Decimal) -> Price:
        """The price on the grid that is no worse for an order of this side."""
        return self.price_down(price) if side is Side.BUY else self.price_up(price)

    def qty_down(self, qty: Decimal) -> Qty:
        """The nearest quantity on the grid at or below."""
        return Qty(qty // self.lot * self.lot)

    def notional(self, qty: Decimal, price: Decimal) -> Quote:
        """The quote value of a quantity: exact, unrounded."""
        if self.inverse:
            return Quote(qty * self.contract)
        return Quote(qty * price * self.contract)

    def base_value(self, qty: Decimal, price: Decimal) -> Base:
        """The base value of a quantity: exact but for an inverse contract, which divides."""
        if self.inverse:
            return Base(qty * self.contract / price)
        return Base(qty * self.contract)

    def qty_for(self, spend: Quote, price: Decimal) -> Qty:
        """The largest quantity on the grid whose notional does not exceed `spend`."""
        if self.inverse:
            return self.qty_down(spend / self.contract)
        return self.qty_down(spend / (price * self.contract))

    def flow(self, side: Side, qty: Decimal, price: Decimal) -> Decimal:
        """The signed settle-asset flow of a fill; the flows of a closed trade sum to its profit.

        Linear and spot: a buy pays its notional. Inverse: a buy of contracts pays out base at the
        entry price and takes it back at the exit price, profit = N * (1/entry - 1/exit), each leg
        rounded to the ledger unit against us.
        """
        if self.inverse:
            value = qty * self.contract / price
            return ledger_down(value if side is Side.BUY else -value)
        value = qty * price * self.contract
        return ledger_down(-value if side is Side.BUY else value)

    def value(self, qty: Decimal, price: Decimal) -> Decimal:
        """The settle-asset value of a quantity at a price: what margin and fees are reckoned on."""
        if self.inverse:
            return qty * self.contract / price
        return qty * price * self.contract


def size_fault(instrument: Instrument, qty: Decimal, price: Decimal, *, market: bool) -> str | None:
    """The first filter an order of this size would break (QTY_MIN, PRICE_STEP ...), or None."""
    if qty < instrument.min_qty:
        return "QTY_MIN"
    limit = instrument.max_market_qty if market else instrument.max_qty
    if limit is not None and qty > limit:
        return "QTY_MAX"
    if qty % instrument.lot:
        return "QTY_STEP"
    if not market and price % instrument.tick:
        return "PRICE_STEP"
    notional = instrument.notional(qty, price)
    if notional < instrument.min_notional:
        return "NOTIONAL_MIN"
    if instrument.max_notional is not None and notional > instrument.max_notional:
        return "NOTIONAL_MAX"
    return None
