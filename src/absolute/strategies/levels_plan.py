"""Owns the table a person reads before the PowerTrader strategy may spend: its worst case.

Each rebuy is reckoned at its own level below the average of what is then held, as if the price fell
without a bounce; fees are left out. Pure arithmetic: knows of no venue, file or language.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from absolute.domain.units import (
    HUNDRED,
    ONE,
    ZERO,
    Percent,
    Price,
    Quote,
    Ratio,
    percent_from_ratio,
)
from absolute.strategies.levels_settings import LevelsConfig

REBUYS_SHOWN: Final = 7
START_PRICE: Final = Price(HUNDRED)


@dataclass(frozen=True, slots=True)
class Account:
    """Whose money it is: all of it in quote, and the smallest order the venue takes."""

    value: Quote
    least_order: Quote = Quote(ZERO)


@dataclass(frozen=True, slots=True)
class Buy:
    """One line of the table; buy 0 opens the deal. Percents are of the account.

    `level` is the profit against the average that allows it; `drop` is measured from the first
    price; `position_value` is what is held after the buy, at its price. Amounts in quote are None
    where no account was named.
    """

    number: int
    level: Percent | None
    price: Price
    drop: Ratio
    size_pct: Percent
    size: Quote | None
    position_value_pct: Percent
    position_value: Quote | None
    average: Price
    cumulative_pct: Percent
    cumulative: Quote | None
    affordable: bool


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The table; `money_ends_at` is the first rebuy the account cannot pay, None where all fit."""

    buys: tuple[Buy, ...]
    first_pct: Percent
    money_ends_at: int | None

    @property
    def affordable(self) -> tuple[Buy, ...]:
        """The buys the account can pay."""
        return tuple(buy for buy in self.buys if buy.affordable)


def first_size_pct(config: LevelsConfig, account: Account | None) -> Percent:
    """The first buy in percent of the account: the allocation, or the least order if larger."""
    if account is None:
        return config.start_allocation_pct
    wanted = account.value * config.start_allocation_pct / HUNDRED
    least = max(config.min_order_quote, account.least_order)
    return percent_from_ratio(Ratio(max(wanted, least) / account.value))


@dataclass(slots=True)
class _Fall:
    """A deal on its way down: `held` and `paid` in percent of the account (held: per price)."""

    first_price: Decimal
    account: Account | None
    price: Decimal
    held: Decimal
    paid: Decimal

    def buy(self, number: int, level: Percent | None, size: Decimal) -> Buy:
        """The line of the buy that brought it here."""
        value = self.held * self.price
        return Buy(
            number,
            level,
            Price(self.price),
            Ratio(ONE - self.price / self.first_price),
            Percent(size),
            self._quote(size),
            Percent(value),
            self._quote(value),
            Price(self.paid / self.held) if self.held else Price(self.price),
            Percent(self.paid),
            self._quote(self.paid),
            self.paid <= HUNDRED,
        )

    def _quote(self, percent: Decimal) -> Quote | None:
        return None if self.account is None else Quote(self.account.value * percent / HUNDRED)


def worst_case(
    config: LevelsConfig, account: Account | None = None, *, first_price: Price = START_PRICE
) -> WorstCase:
    """The first buy and its rebuys, `REBUYS_SHOWN` or one for every level; the last one repeats.

    No rebuys where they are switched off: no level, a multiplier or a number a day of zero.
    """
    first = first_size_pct(config, account)
    fall = _Fall(first_price, account, first_price, first / first_price, first)
    buys = [fall.buy(0, None, first)]
    for number in range(1, _rebuys(config, first) + 1):
        drop = config.drop(number) or Ratio(ZERO)
        fall.price = fall.paid / fall.held * (ONE - drop)
        qty = fall.held * config.dca_multiplier
        fall.held, fall.paid = fall.held + qty, fall.paid + qty * fall.price
        buys.append(fall.buy(number, Percent(-drop * HUNDRED), qty * fall.price))
    ends = next((buy.number for buy in buys if not buy.affordable), None)
    return WorstCase(tuple(buys), first, ends)


def _rebuys(config: LevelsConfig, first: Percent) -> int:
    """How many rebuys the table shows."""
    off = not config.max_dca_buys_per_24h or not config.dca_multiplier or not first
    return 0 if off or not config.dca_levels else max(REBUYS_SHOWN, len(config.dca_levels))
