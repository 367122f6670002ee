"""Owns the arithmetic of one perpetual position: averaging in, realising out, crossing over."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from absolute.domain.instrument import Instrument, Kind, Side
from absolute.domain.units import ZERO, Price, Qty, ledger_near


@dataclass(frozen=True, slots=True)
class Position:
    """A signed quantity and the settle-asset flow that opened what is left of it.

    Keeping the flow instead of a rounded entry price makes profit exact: what was realised and
    what remains always sum to what was paid.
    """

    qty: Qty
    flow: Decimal

    def entry(self, instrument: Instrument) -> Price | None:
        """The average entry price, or None when flat."""
        if not self.qty:
            return None
        size = abs(self.qty) * instrument.contract
        if instrument.kind is Kind.INVERSE:
            return Price(size / abs(self.flow))
        return Price(abs(self.flow) / size)

    def unrealised(self, instrument: Instrument, mark: Decimal) -> Decimal:
        """Profit in the settle asset if all were closed at `mark`, before fees."""
        if not self.qty:
            return ZERO
        value = instrument.value(abs(self.qty), mark)
        long = self.qty > ZERO
        if instrument.kind is Kind.INVERSE:
            long = not long
        return self.flow + (value if long else -value)


FLAT: Final = Position(Qty(ZERO), ZERO)


def traded(
    position: Position, instrument: Instrument, *, side: Side, qty: Decimal, price: Decimal
) -> tuple[Position, Decimal]:
    """The position after a trade, and the profit it realised in the settle asset (before fees)."""
    signed = qty if side is Side.BUY else -qty
    held = position.qty
    if held * signed >= ZERO:
        flow = position.flow + instrument.flow(side, qty, price)
        return Position(Qty(held + signed), flow), ZERO
    closing = min(qty, abs(held))
    if closing == abs(held):
        portion, rest = position.flow, ZERO
    else:
        portion = ledger_near(position.flow * closing / abs(held))
        rest = position.flow - portion
    realised = portion + instrument.flow(side, closing, price)
    if closing == qty:
        return Position(Qty(held + signed), rest), realised
    opening = qty - closing
    opened = Position(Qty(held + signed), instrument.flow(side, opening, price))
    return opened, realised
