"""Owns the numbers risk compares with: what is never exceeded, and the equity that stops it all."""

from dataclasses import dataclass
from decimal import Decimal

from absolute.domain.instrument import Kind
from absolute.domain.ledger import Ledger
from absolute.domain.units import ZERO, Price, Quote, Ratio


@dataclass(frozen=True, slots=True)
class Limits:
    """Pre-trade limits; None means unlimited.

    `price_band`: how far a limit may lie from the last known price, as a ratio. `equity_floor`:
    the equity (settle asset; quote for spot) at which nothing new may be risked; `flatten` also
    sells what is held.
    """

    notional_max: Quote | None = None
    open_orders_max: int = 50
    price_band: Ratio = Ratio(Decimal("0.5"))
    equity_floor: Decimal | None = None
    flatten: bool = False


def floor_price(ledger: Ledger, floor: Decimal) -> tuple[Price | None, Price | None]:
    """The prices (when falling, when rising) at which equity reaches the floor, positions constant.

    Spot and linear: equity is a straight line in the price. Inverse: wallet + flow - N / price
    for a long of N quote. Where no positive price does it, there is none.
    """
    instrument = ledger.instrument
    if instrument.kind is Kind.SPOT:
        slope = ledger.account.total(instrument.base)
        third, worth = ledger.fees.third, ledger.fees.third_price
        coin = ledger.account.total(third) * worth if third and worth else ZERO
        constant = ledger.account.total(instrument.quote) + coin
    else:
        slope = sum((each.qty for each in ledger.positions.values()), ZERO) * instrument.contract
        flows = sum((each.flow for each in ledger.positions.values()), ZERO)
        constant = ledger.account.total(instrument.settle) + flows
    if not slope:
        return None, None
    if instrument.kind is Kind.INVERSE:
        room = constant - floor
        price = slope / room if room else ZERO
    else:
        price = (floor - constant) / slope
    if price <= ZERO:
        return None, None
    return (Price(price), None) if slope > ZERO else (None, Price(price))
