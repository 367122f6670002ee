"""Owns how a ladder is shown: as a table with its pre-flight card, or as one JSON object.

Programs get exact decimal strings, people get rounded numbers in their own notation. It must not
reckon anything: every figure comes from strategies.ladder_plan.
"""

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from rich.console import Console
from rich.table import Table

from absolute.desk.language import _, format_amount, format_percent
from absolute.domain.units import LEDGER_UNIT, ONE, ZERO, Price, Quote, plain
from absolute.strategies.ladder_plan import (
    HUNDRED_EACH,
    LadderConfig,
    Preflight,
    Rung,
    ladder_mapping,
    ladder_plan,
    ladder_table,
    preflight,
)

_WIDTH_OF_A_PIPE: Final = 110
_WIDE: Final = 100


def ladder_report(
    config: LadderConfig, *, price: Price = HUNDRED_EACH, free: Quote | None = None
) -> dict[str, object]:
    """The ladder as a program reads it; ratios are ratios (0.035), amounts decimal strings."""
    plan = ladder_plan(config)
    card = preflight(config, plan, free_balance=free)
    rungs = ladder_table(config, plan, first_price=price, free_balance=free)
    places = money_places(config)
    return {
        "rungs": [_rung_report(rung) for rung in rungs],
        "orders": card.orders,
        "total_cost": _rounded(card.total_cost, places),
        "affordable_orders": card.affordable_orders,
        "affordable_cost": _rounded(card.affordable_cost, places),
        "next_cost": None if card.next_cost is None else _rounded(card.next_cost, places),
        "limit": None if card.limit is None else _rounded(card.limit, places),
        "sentence": sentence(config, card),
        "strategy": ladder_mapping(config),
    }


def print_ladder(
    config: LadderConfig, *, price: Price = HUNDRED_EACH, free: Quote | None = None
) -> None:
    """The ladder as a person reads it: one line a rung, then what it costs and what is covered."""
    plan = ladder_plan(config)
    card = preflight(config, plan, free_balance=free)
    rungs = ladder_table(config, plan, first_price=price, free_balance=free)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_OF_A_PIPE)
    console.print(_table(config, rungs, gap=2 if console.width >= _WIDE else 1))
    for line in _verdicts(config, card, rungs):
        console.print(line)


def _verdicts(config: LadderConfig, card: Preflight, rungs: tuple[Rung, ...]) -> Iterator[str]:
    """What the table means, in sentences: cost and cover, the way back, what fees leave."""
    yield sentence(config, card) + "."
    if card.next_cost is not None:
        text = _("The order after those would bring the cost to {cost}, above the limit.")
        yield text.format(cost=format_amount(card.next_cost, money_places(config)))
    first, last = rungs[0], rungs[-1]
    text = _("From the last rung ({drop} below the first) a rise of {bounce} reaches the exit.")
    yield text.format(drop=format_percent(last.drop), bounce=format_percent(last.bounce_needed))
    text = _("After fees the targets leave {first} at the first rung and {last} at the last.")
    yield text.format(
        first=format_percent(first.net_target, 3), last=format_percent(last.net_target, 3)
    )
    if any(rung.profit < ZERO for rung in rungs):
        yield _("Some exits would lose money after fees: raise the smallest target.")


def sentence(config: LadderConfig, card: Preflight) -> str:
    """The pre-flight card in the language spoken now."""
    return card.sentence(_, format_amount, places=money_places(config))


def money_places(config: LadderConfig) -> int:
    """Two places for amounts, eight where orders are smaller than one unit of quote."""
    return 2 if config.qty_minima >= ONE else 8


def _table(config: LadderConfig, rungs: tuple[Rung, ...], *, gap: int) -> Table:
    """One line a rung; numbers never wrap, headings may."""
    money = money_places(config)
    digits = max(2, 3 - rungs[0].price.adjusted())
    rows = [
        (
            str(rung.rung),
            format_amount(rung.price, digits),
            format_percent(-rung.drop),
            format_amount(rung.order, money),
            format_amount(rung.cumulative, money),
            format_amount(rung.average, digits),
            format_percent(rung.target, 3),
            format_amount(rung.sell_price, digits),
            format_percent(rung.bounce_needed),
            _("yes") if rung.affordable else _("no"),
        )
        for rung in rungs
    ]
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for heading, cells in zip(_headings(), zip(*rows, strict=True), strict=True):
        table.add_column(heading, justify="right", min_width=max(map(len, cells)))
    for rung, row in zip(rungs, rows, strict=True):
        table.add_row(*row, style=None if rung.affordable else "dim")
    return table


def _headings() -> tuple[str, ...]:
    return (
        _("rung"),
        _("price"),
        _("drop"),
        _("order"),
        _("total cost"),
        _("average"),
        _("target"),
        _("sell price"),
        _("bounce needed"),
        _("fits"),
    )


def _rung_report(rung: Rung) -> dict[str, object]:
    """One rung for a program: orders exact, prices and ratios to eight places."""
    return {
        "rung": rung.rung,
        "price": _exact(rung.price),
        "drop": _exact(rung.drop),
        "order": _exact(rung.order),
        "cumulative": _exact(rung.cumulative),
        "average": _exact(rung.average),
        "target": _exact(rung.target),
        "sell_price": _exact(rung.sell_price),
        "bounce_needed": _exact(rung.bounce_needed),
        "net_target": _exact(rung.net_target),
        "profit": _exact(rung.profit),
        "affordable": rung.affordable,
    }


def _exact(value: Decimal) -> str:
    return plain(value.quantize(LEDGER_UNIT, ROUND_HALF_EVEN))


def _rounded(value: Decimal, places: int) -> str:
    return str(value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN))
