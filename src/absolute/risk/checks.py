"""Owns the gates a command must pass, in order; the first that says no ends the matter.

This is the only place where `Approved` is made. A gate is a small pure function of the command
and the portfolio. Lowering risk (a cancel, a closing order) passes every gate that speaks of
growing.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from absolute.domain.approved import Approved, Refused
from absolute.domain.instrument import Side, size_fault
from absolute.domain.messages import Cancel, Submit
from absolute.domain.order import Terms
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import ZERO, Asset
from absolute.risk.limits import Limits

Fault = tuple[str, str, str]
"""The gate, the value it saw, the threshold it compared with."""
Reserved = tuple[Asset, Decimal]
"""What the order would reserve: worked out once, compared here, held by the portfolio."""
Gate = Callable[[Submit, Portfolio, Limits], Fault | None]


def closes(terms: Terms, portfolio: Portfolio) -> bool:
    """True where an order can only make what is held smaller: on spot every sell does."""
    if terms.reduce_only or not portfolio.instrument.perpetual:
        return terms.reduce_only or terms.side is Side.SELL
    held = portfolio.position(terms.position_side).qty
    signed = terms.qty if terms.side is Side.BUY else -(terms.qty or ZERO)
    return signed is not None and held * signed < ZERO and abs(signed) <= abs(held)


def open_orders(command: Submit, portfolio: Portfolio, limits: Limits) -> Fault | None:
    """No more orders at once than the limit; an exit is always let through."""
    count = len(portfolio.live)
    if count >= limits.open_orders_max and not closes(command.terms, portfolio):
        return "OPEN_ORDERS_MAX", str(count), str(limits.open_orders_max)
    return None


def price_band(command: Submit, portfolio: Portfolio, limits: Limits) -> Fault | None:
    """No limit price far from the last known price: a slipped digit does not reach a venue.

    An exit may stand as far away as it likes on the side where it earns.
    """
    terms, last = command.terms, portfolio.price
    price = terms.price
    if price is None or last is None:
        return None
    away = price - last
    if price > ZERO and abs(away) <= last * limits.price_band:
        return None
    earning = away > ZERO if terms.side is Side.SELL else away < ZERO
    if price > ZERO and earning and closes(terms, portfolio):
        return None
    return "PRICE_BAND", str(price), f"{last} +- {limits.price_band}"


def size(command: Submit, portfolio: Portfolio, limits: Limits) -> Fault | None:
    """The venue's own filters, and the largest order we allow."""
    terms, instrument = command.terms, portfolio.instrument
    price = terms.price or terms.trigger or portfolio.price
    qty = terms.qty
    if price is None:
        return "PRICE_UNKNOWN", "none", "a price"
    if qty is None and terms.spend is not None:
        qty = instrument.qty_for(terms.spend, price)
    if qty is None:
        return "QTY_MISSING", "none", "a quantity or a spend"
    fault = size_fault(instrument, qty, price, market=terms.price is None)
    if fault is not None and not (fault == "NOTIONAL_MIN" and terms.reduce_only):
        return fault, str(qty), str(instrument.id)
    notional = instrument.notional(qty, price)
    above = limits.notional_max is not None and notional > limits.notional_max
    if above and not closes(terms, portfolio):
        return "NOTIONAL_LIMIT", str(notional), str(limits.notional_max)
    return None


def balance(reserved: Reserved, portfolio: Portfolio) -> Fault | None:
    """What the order reserves must be free; a closing order reserves nothing."""
    asset, needed = reserved
    free = portfolio.ledger.available(asset)
    if needed and needed > free:
        return "INSUFFICIENT_BALANCE", f"{needed} {asset}", f"{free} {asset}"
    return None


GATES: Final[tuple[Gate, ...]] = (open_orders, price_band, size)


def review(
    command: Submit, portfolio: Portfolio, limits: Limits, *, reserved: Reserved
) -> Approved | Refused:
    """Pass a wish through every gate."""
    for gate in GATES:
        fault = gate(command, portfolio, limits)
        if fault is not None:
            return Refused(command, *fault)
    fault = balance(reserved, portfolio)
    return Approved(command) if fault is None else Refused(command, *fault)


def consent(command: Cancel) -> Approved:
    """A cancel lowers risk: it always passes."""
    return Approved(command)
