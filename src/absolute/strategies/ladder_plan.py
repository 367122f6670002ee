"""Owns the arithmetic of a ladder before any price is known: its orders, drops and targets.

From the settings it makes the plan of one deal, the table a person reads before starting, the
pre-flight card and the price of the exit. Every function is pure; nothing here knows of a venue,
a tick (unless one is given for a table), a fill or a language.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, takewhile
from typing import Final

from absolute.domain.errors import UserError
from absolute.domain.units import HUNDRED, ONE, ZERO, Price, Quote, Ratio, ledger_down
from absolute.strategies.ladder_curve import curve
from absolute.strategies.ladder_reading import ladder_config, ladder_mapping
from absolute.strategies.ladder_settings import (
    SEED_DEFAULTS,
    LadderConfig,
    LadderRefused,
    OnExitPartial,
    OnExitRace,
    Problem,
    Shape,
    TargetMode,
    Translate,
)

__all__ = [
    "SEED_DEFAULTS",
    "LadderConfig",
    "LadderPlan",
    "LadderRefused",
    "OnExitPartial",
    "OnExitRace",
    "Preflight",
    "Problem",
    "Rung",
    "Shape",
    "TargetMode",
    "budget",
    "ladder_config",
    "ladder_mapping",
    "ladder_plan",
    "ladder_table",
    "preflight",
    "reinvestment",
    "target_price",
]

NOTHING: Final = Quote(ZERO)
HUNDRED_EACH: Final = Price(HUNDRED)
"""The first price of a table nobody named a price for: drops then read as percents."""


def _(text: str) -> str:
    """Mark a sentence for the catalogue; who shows it translates it."""
    return text


@dataclass(frozen=True, slots=True)
class LadderPlan:
    """The three series of one deal, each `limite_recompras` + 1 long; index 0 is the first order.

    `orders[k]` is spent at rung k, `drops[k]` lies between buy k - 1 and buy k (the first is 0),
    `targets[k]` holds once k rebuys have filled.
    """

    orders: tuple[Quote, ...]
    drops: tuple[Ratio, ...]
    targets: tuple[Ratio, ...]


def ladder_plan(config: LadderConfig, added: Quote = NOTHING) -> LadderPlan:
    """The plan of one deal; `added` is put on every order before the clamp (see `reinvestment`).

    Orders are told to 1e-8 and ratios to 1e-12; the settings are taken as they are, unvalidated.
    """
    count = config.limite_recompras + 1
    sizes = config.size_band()
    orders = curve(sizes, count, config.exponent)
    drops = curve(config.drop_band(), count - 1, config.exponent)
    return LadderPlan(
        orders=tuple(Quote(sizes.clamp(order + added)) for order in orders),
        drops=(Ratio(ZERO), *(Ratio(drop) for drop in drops)),
        targets=_targets(config),
    )


def reinvestment(config: LadderConfig, last_profit: Quote) -> Quote:
    """What item 6 adds to each order of the next deal: last profit / (limite_recompras + 1).

    Only the last deal counts, a loss adds nothing, and it is rounded down to 1e-8.
    """
    if not config.lucro_reaplicar or last_profit <= ZERO:
        return NOTHING
    return Quote(ledger_down(last_profit / (config.limite_recompras + 1)))


def target_price(
    config: LadderConfig, average_price: Decimal, *, cost_basis_price: Decimal, target: Ratio
) -> Price:
    """The exit price of a deal whose target is `target`, unrounded.

    Gross: average * (1 + target). Net: the price at which what the sell brings after its fee is
    the cost basis (all fees of the buys included, per unit held) times (1 + target):
    cost_basis * (1 + target) / (1 - taxa).
    """
    growth = ONE + target
    if config.target_mode is TargetMode.GROSS:
        return Price(average_price * growth)
    return Price(cost_basis_price * growth / (ONE - config.taxa))


def _targets(config: LadderConfig) -> tuple[Ratio, ...]:
    targets = curve(config.target_band(), config.limite_recompras + 1, config.exponent)
    return tuple(Ratio(target) for target in targets)


@dataclass(frozen=True, slots=True)
class Rung:
    """One line of the table: the deal as it stands when this buy was the last to fill.

    `drop` is measured from the first price and `bounce_needed` from this rung's price to the
    exit; `net_target` and `profit` are what is left of the exit after the fees on both sides.
    """

    rung: int
    price: Price
    drop: Ratio
    order: Quote
    cumulative: Quote
    average: Price
    target: Ratio
    sell_price: Price
    bounce_needed: Ratio
    net_target: Ratio
    profit: Quote
    affordable: bool


def ladder_table(
    config: LadderConfig,
    plan: LadderPlan,
    *,
    first_price: Price = HUNDRED_EACH,
    tick: Price | None = None,
    free_balance: Quote | None = None,
) -> tuple[Rung, ...]:
    """The ladder rung by rung from a first price; fees are taken as on spot, in the coin bought.

    With a tick, buys are rounded down to it and exits up. Raises UserError for a first price or
    a rung without a price.
    """
    prices = tuple(_prices(plan, first_price, tick))
    bought = accumulate(order / price for order, price in zip(plan.orders, prices, strict=True))
    limit = budget(config, free_balance)
    kept = ONE - config.taxa
    rungs: list[Rung] = []
    for k, (cumulative, base) in enumerate(zip(accumulate(plan.orders), bought, strict=True)):
        average = Price(cumulative / base)
        exit_price = target_price(
            config, average, cost_basis_price=average / kept, target=plan.targets[k]
        )
        sell_price = Price(_tick_up(exit_price, tick))
        profit = Quote(sell_price * base * kept * kept - cumulative)
        rungs.append(
            Rung(
                rung=k,
                price=prices[k],
                drop=Ratio(ONE - prices[k] / first_price),
                order=plan.orders[k],
                cumulative=Quote(cumulative),
                average=average,
                target=plan.targets[k],
                sell_price=sell_price,
                bounce_needed=Ratio(sell_price / prices[k] - ONE),
                net_target=Ratio(profit / cumulative),
                profit=profit,
                affordable=limit is None or cumulative <= limit,
            )
        )
    return tuple(rungs)


def _prices(plan: LadderPlan, first_price: Price, tick: Price | None) -> Iterator[Price]:
    """The buy price of each rung, every one reckoned from the buy before it."""
    price = Decimal(first_price)
    for k, drop in enumerate(plan.drops):
        price *= ONE - drop
        if k and tick is not None:
            price = price // tick * tick
        if price <= ZERO:
            raise UserError(
                "LADDER_PRICE",
                f"The price of rung {k} is {price}: start from a price above zero, "
                "with a finer tick or smaller drops.",
            )
        yield Price(price)


def _tick_up(price: Decimal, tick: Price | None) -> Decimal:
    if tick is None:
        return price
    below = price // tick * tick
    return below if below == price else below + tick


def budget(config: LadderConfig, free_balance: Quote | None = None) -> Quote | None:
    """What the deal may spend: the smaller of the cap and the free balance, None without either."""
    limits = [Quote(config.saldo_limite)] if config.saldo_limite else []
    if free_balance is not None:
        limits.append(free_balance)
    return min(limits) if limits else None


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the whole ladder costs and how much of it fits; `next_cost` is the first that does not.

    `limit` is None where neither a cap nor a balance bounds the deal.
    """

    orders: int
    total_cost: Quote
    affordable_orders: int
    affordable_cost: Quote
    next_cost: Quote | None
    limit: Quote | None

    def sentence(
        self,
        translate: Translate = str,
        amount: Callable[[Decimal, int], str] = "{0:,.{1}f}".format,
        *,
        quote: str = "USDT",
        places: int = 2,
    ) -> str:
        """The pre-flight card in one sentence; `amount` writes a number to some places."""
        limit = self.limit or NOTHING
        whole = limit == limit.to_integral_value()
        words = {
            "orders": self.orders,
            "total": amount(self.total_cost, places),
            "quote": quote,
            "count": self.affordable_orders,
            "cost": amount(self.affordable_cost, places),
            "limit": amount(limit, 0 if whole else places),
        }
        return ", ".join(translate(clause).format(**words) for clause in self._clauses())

    def _clauses(self) -> tuple[str, str]:
        """What it costs, and how much of that is covered."""
        one = self.orders == 1
        cost = (
            _("1 order costs {total} {quote}") if one else _("{orders} orders cost {total} {quote}")
        )
        if self.limit is None:
            return cost, _("no limit is set")
        if not self.affordable_orders:
            return cost, _("not even the first fits in {limit}")
        if self.next_cost is None:
            return cost, _("it fits in {limit}") if one else _("all fit in {limit}")
        if self.affordable_orders == 1:
            return cost, _("1 order for {cost} fits in {limit}")
        return cost, _("{count} orders for {cost} fit in {limit}")


def preflight(
    config: LadderConfig, plan: LadderPlan, *, free_balance: Quote | None = None
) -> Preflight:
    """The cost of the plan against the cap and the free balance, where one is known."""
    costs = tuple(accumulate(plan.orders))
    limit = budget(config, free_balance)
    fitting = costs if limit is None else tuple(takewhile(lambda cost: cost <= limit, costs))
    return Preflight(
        orders=len(costs),
        total_cost=Quote(costs[-1]),
        affordable_orders=len(fitting),
        affordable_cost=Quote(fitting[-1] if fitting else ZERO),
        next_cost=Quote(costs[len(fitting)]) if len(fitting) < len(costs) else None,
        limit=limit,
    )
