"""Owns the orders the PowerTrader strategy wants for a deal as it stands, and its trailing line.

A rebuy rests as a limit: at its level (it fills exactly when the profit is at or below it), or one
tick below the average while the votes allow it (it fills exactly when the profit is below zero).
Pure arithmetic over a deal's books and the view; remembers nothing.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from absolute.domain.instrument import Instrument, Side
from absolute.domain.notes import LadderCapped, RungSkipped
from absolute.domain.order import OrderType, Terms
from absolute.domain.units import HUNDRED, ONE, ZERO, Nanos, Price, Qty, Quote
from absolute.strategies.contract import View
from absolute.strategies.deal import Deal
from absolute.strategies.ladder_orders import ENTRY, EXIT, least_value, rung_role, sellable
from absolute.strategies.levels_settings import UNCONFIRMED_MAX, LevelsConfig

REACH: Final = Decimal("1.05")
"""A limit that would take at once stands at most this far above the last price: a bound on what
a thin book can cost, well inside the price band of `risk`."""


class Rebuy(NamedTuple):
    """The rebuy to rest now, or why there is none."""

    terms: Terms | None
    note: RungSkipped | LadderCapped | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """The trailing line: it starts at the profit line and follows the peak, never below it."""

    profit: Decimal
    gap: Decimal
    step: Decimal

    @classmethod
    def of(cls, config: LevelsConfig, average: Price, *, again: bool) -> "Line":
        """The line of a deal: average cost plus the profit asked for; `again`: after a rebuy."""
        percent = config.pm_start_pct_with_dca if again else config.pm_start_pct_no_dca
        profit = average * (ONE + percent / HUNDRED)
        return cls(profit, config.trailing_gap_pct / HUNDRED, config.trailing_step_pct / HUNDRED)

    def stop(self, peak: Decimal) -> Decimal:
        """The price below which everything is sold once the peak was reached."""
        return max(self.profit, peak * (ONE - self.gap))

    def falls_to(self, peak: Decimal, instrument: Instrument) -> Price:
        """The highest price on the grid below the stop."""
        stop = self.stop(peak)
        price = instrument.price_down(stop)
        return Price(price - instrument.tick) if price == stop else price

    def rises_to(self, peak: Decimal | None, instrument: Instrument) -> Price:
        """The next price worth writing down: the profit line, then one step above the peak."""
        if peak is None:
            return instrument.price_up(self.profit)
        return Price(max(instrument.price_up(peak * (ONE + self.step)), peak + instrument.tick))


def account_value(view: View, price: Price) -> Quote:
    """All that is owned in the market's two coins, in quote."""
    instrument = view.instrument
    return Quote(view.total(instrument.quote) + view.total(instrument.base) * price)


def entry(config: LevelsConfig, price: Price, view: View) -> tuple[Terms, str | None]:
    """The market buy that opens a deal, and why it must not be sent, where so.

    Raised to the least the venue takes, but never above the share of the account that would need
    a confirmation.
    """
    value = account_value(view, price)
    spend = max(value * config.start_allocation_pct / HUNDRED, config.min_order_quote)
    least = least_value(price, view)
    if spend < least:
        # One lot more: the price may have moved before the order is there.
        spend = least + view.instrument.notional(view.instrument.lot, price)
    highest = max(config.start_allocation_pct, UNCONFIRMED_MAX)
    fault = None
    if spend * HUNDRED > value * highest and not config.worst_case_confirmed:
        fault = f"the least order is above {highest} % of the account"
    terms = Terms(ENTRY, Side.BUY, OrderType.MARKET, spend=Quote(spend))
    return terms, fault


def rebuy(config: LevelsConfig, deal: Deal, view: View, *, long: int, now: Nanos) -> Rebuy:
    """The next rebuy: the position times the multiplier, where its price or the votes allow it."""
    number, instrument = deal.rebuys + 1, view.instrument
    price = rebuy_price(config, deal, view, long=long)
    qty = instrument.qty_down(deal.held * config.dca_multiplier)
    if price is None or qty <= ZERO:
        return Rebuy(None)
    value, least = instrument.notional(qty, price), least_value(price, view)
    if qty < instrument.min_qty or value < least:
        return Rebuy(None, RungSkipped(now, deal.number, number, value, least))
    room = room_for(price, view)
    if value > room:
        return Rebuy(None, LadderCapped(now, deal.number, number, value, room))
    role = rung_role(number)
    return Rebuy(Terms(role, Side.BUY, OrderType.LIMIT, qty=qty, price=price))


def rebuy_price(config: LevelsConfig, deal: Deal, view: View, *, long: int) -> Price | None:
    """The highest price of the next rebuy, or None where nothing allows it."""
    number, instrument, average = deal.rebuys + 1, view.instrument, deal.average
    allowed: list[Decimal] = []
    drop, stage = config.drop(number), config.stage_level(number)
    if drop is not None:
        allowed.append(instrument.price_down(average * (ONE - drop)))
    if stage is not None and long >= stage:
        below = instrument.price_down(average)
        allowed.append(below - instrument.tick if below == average else below)
    if not allowed:
        return None
    price = max(allowed)
    if view.price is not None:
        price = min(price, instrument.price_up(view.price * REACH))
    return Price(price) if price > ZERO else None


def room_for(price: Price, view: View) -> Quote:
    """What may be spent: what is free, and what our own resting rebuy reserves."""
    room = view.buying_power(price)
    for role, order in view.live.items():
        terms = order.terms
        if role != EXIT and terms.qty is not None and terms.price is not None:
            room = Quote(room + view.instrument.notional(terms.qty - order.filled, terms.price))
    return room


def exit_now(deal: Deal, view: View) -> Terms | None:
    """The market sell of everything sellable, or of as much as one order may hold."""
    instrument, price = view.instrument, view.price
    qty = sellable(deal, view)
    if qty is None or price is None:
        return None
    if instrument.max_market_qty is not None:
        qty = Qty(min(qty, instrument.qty_down(instrument.max_market_qty)))
    if instrument.notional(qty, price) < instrument.min_notional:
        return None
    return Terms(EXIT, Side.SELL, OrderType.MARKET, qty=qty)


def window_opens(
    times: tuple[Nanos, ...], config: LevelsConfig, *, now: Nanos, span: int
) -> Nanos | None:
    """When the next rebuy may be made by the number of them a day; None: now."""
    limit = config.max_dca_buys_per_24h
    recent = [time for time in times if time + span > now]
    return Nanos(recent[-limit] + span) if limit and len(recent) >= limit else None
