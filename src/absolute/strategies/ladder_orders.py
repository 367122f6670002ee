"""Owns the orders a ladder wants for a deal as it stands: the exit of what is held, the next rungs.

Pure arithmetic over a deal's books and the view; it remembers nothing. The ladder's machine decides
when to ask.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from absolute.domain.ids import Role
from absolute.domain.instrument import Side
from absolute.domain.notes import LadderCapped, RungSkipped
from absolute.domain.order import OrderType, Terms
from absolute.domain.units import ONE, ZERO, Nanos, Price, Qty, Quote
from absolute.strategies.contract import View
from absolute.strategies.deal import Deal
from absolute.strategies.ladder_curve import Band
from absolute.strategies.ladder_plan import LadderConfig, LadderPlan, ladder_plan, target_price

ENTRY: Final = Role("entry")
EXIT: Final = Role("exit")
RUNG: Final = "rung "


def rung_role(rung: int) -> Role:
    """The role of a rebuy."""
    return Role(f"{RUNG}{rung}")


def rung_of(role: Role) -> int:
    """The rung of a rebuy's role; 0 for the entry."""
    return int(role[len(RUNG) :]) if role.startswith(RUNG) else 0


def sellable(deal: Deal, view: View) -> Qty | None:
    """What is held in whole lots; None below the minimum, and while a fee is unknown."""
    instrument = view.instrument
    qty = instrument.qty_down(deal.held)
    return qty if ZERO < qty >= instrument.min_qty and view.fees_known else None


def shortage(deal: Deal, view: View) -> str | None:
    """Why the account does not really hold what the deal holds, or None where it does."""
    instrument = view.instrument
    perpetual = instrument.perpetual
    owned = abs(view.position().qty) if perpetual else view.total(instrument.base)
    if owned >= deal.held:
        return None
    return f"the deal holds {deal.held}, the account only {owned}"


def collects(wanted: Terms, current: Terms, view: View) -> bool:
    """Whether a partly filled rung has added too little to move the exit for yet."""
    if wanted.qty is None or current.qty is None:
        return False
    resting = view.live.get(EXIT)
    more = wanted.qty - current.qty + (resting.filled if resting is not None else ZERO)
    partial = any(order.filled for role, order in view.live.items() if role != EXIT)
    small = more < view.instrument.min_qty or wanted.price == current.price
    return partial and more > ZERO and small


def least_value(price: Price, view: View) -> Quote:
    """The smallest value on the lot grid that the venue takes at a price."""
    instrument = view.instrument
    lots: Decimal = instrument.min_notional // instrument.notional(instrument.lot, price)
    least = Qty(max(instrument.min_qty, lots * instrument.lot))
    if instrument.notional(least, price) < instrument.min_notional:
        least = Qty(least + instrument.lot)
    return instrument.notional(least, price)


class Rungs(NamedTuple):
    """The rebuys to rest now, and what could not be."""

    terms: tuple[Terms, ...]
    notes: tuple[RungSkipped | LadderCapped, ...]


@dataclass(frozen=True, slots=True)
class LadderOrders:
    """The three series of a ladder, worked out once: only reinvested profit changes an order."""

    config: LadderConfig
    series: LadderPlan
    band: Band

    @classmethod
    def of(cls, config: LadderConfig) -> "LadderOrders":
        """The orders of a ladder's settings."""
        return cls(config, ladder_plan(config), config.size_band())

    def amount(self, rung: int, added: Quote) -> Quote:
        """The quote value of an order: the plan's, plus reinvested profit, inside the clamps."""
        amount = self.series.orders[rung]
        return Quote(self.band.clamp(amount + added)) if added else amount

    def entry(self, added: Quote, price: Price, view: View) -> Terms:
        """The market buy that opens a deal: raised to the venue's minimum inside the clamp and
        the cap, never above the cap.
        """
        amount, cap = self.amount(0, added), self.config.saldo_limite
        least = least_value(price, view)
        if amount < least:
            # One lot more: the price may have moved before the order is there.
            roomy = Quote(least + view.instrument.notional(view.instrument.lot, price))
            amount = roomy if roomy <= self.config.qty_maxima else amount
        spend = cap if cap and amount > cap else amount
        return Terms(ENTRY, Side.BUY, OrderType.MARKET, spend=spend)

    def exit(self, deal: Deal, view: View) -> Terms | None:
        """The sell of everything sellable at the target, or None while it cannot be placed."""
        instrument = view.instrument
        qty = sellable(deal, view)
        if qty is None:
            return None
        target = target_price(
            self.config,
            deal.average,
            cost_basis_price=deal.basis(instrument),
            target=self.series.targets[deal.rebuys],
        )
        price = instrument.price_up(target)
        perpetual = instrument.perpetual
        if not perpetual and instrument.notional(qty, price) < instrument.min_notional:
            return None
        return Terms(EXIT, Side.SELL, OrderType.LIMIT, qty=qty, price=price, reduce_only=perpetual)

    def exit_now(self, deal: Deal, view: View) -> Terms | None:
        """The market sell of everything sellable."""
        instrument = view.instrument
        qty, perpetual = sellable(deal, view), instrument.perpetual
        if qty is None:
            return None
        if not perpetual and instrument.notional(qty, deal.last_price) < instrument.min_notional:
            return None
        return Terms(EXIT, Side.SELL, OrderType.MARKET, qty=qty, reduce_only=perpetual)

    def rungs(self, deal: Deal, view: View, now: Nanos) -> Rungs:
        """The next rebuys below the last executed buy, inside the cap and the wallet."""
        config, instrument = self.config, view.instrument
        terms: list[Terms] = []
        notes: list[RungSkipped | LadderCapped] = []
        price, rung = deal.last_price, deal.rung + 1
        room = self.room(deal, view)
        while rung <= config.limite_recompras and len(terms) < config.resting_rebuys:
            price = instrument.price_down(price * (ONE - self.series.drops[rung]))
            amount = self.amount(rung, deal.added)
            if amount > room or not price:
                notes.append(LadderCapped(now, deal.number, rung, amount, room))
                break
            qty, least = self._qty(amount, price, room, view)
            if qty:
                terms.append(
                    Terms(rung_role(rung), Side.BUY, OrderType.LIMIT, qty=qty, price=price)
                )
                room = Quote(room - instrument.notional(qty, price))
            else:
                notes.append(RungSkipped(now, deal.number, rung, amount, least))
            rung += 1
        return Rungs(tuple(terms), tuple(notes))

    def room(self, deal: Deal, view: View) -> Quote:
        """What the deal may still spend: the cap less what it spent, and never more than is free.

        What its own rebuys reserve, and what of them has filled, counts as free: they are wanted
        anew, and `Ladder` places nothing new while one that is not wanted again may still fill.
        """
        power, spent = view.buying_power(deal.last_price), deal.spent
        for role, order in view.live.items():
            terms = order.terms
            if role != EXIT and terms.qty is not None and terms.price is not None:
                power = Quote(power + view.instrument.notional(terms.qty, terms.price))
                spent -= order.paid
        cap = self.config.saldo_limite
        return Quote(min(cap - spent, power)) if cap else power

    def _qty(self, amount: Quote, price: Price, room: Quote, view: View) -> tuple[Qty, Quote]:
        """How much to buy at a rung, and the least value the venue takes.

        An order below the venue's minimum is raised to it inside the cap and the clamp, else it
        is nothing.
        """
        instrument = view.instrument
        qty = instrument.qty_for(amount, price)
        value = instrument.notional(qty, price)
        if qty >= instrument.min_qty and value >= instrument.min_notional:
            return qty, value
        value = least_value(price, view)
        least = instrument.qty_for(value, price)
        allowed = value <= room and value <= self.config.qty_maxima
        return (least if allowed else Qty(ZERO)), value
