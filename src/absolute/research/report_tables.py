"""Owns the two tables of the HTML report: returns by month and the deals, in the reader's language.

It knows nothing of HTML; a cell's tone is a word that the page's style gives a colour.
"""

import math
from dataclasses import dataclass
from typing import Final

from absolute.engine.metrics import DAY_NS, monthly_returns
from absolute.research.result import BacktestResult, DealRow
from absolute.research.wording import Wording

DEALS_SHOWN: Final = 500
HEAT_FULL: Final = 0.10
"""A monthly return of ten per cent has the strongest colour."""

HEAT_LEVELS: Final = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """One table cell; `tone` is a style class: a heat level, `up`, `down` or nothing."""

    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Head and rows; the first cell of each row names the row."""

    title: str
    note: str
    head: list[str]
    rows: list[list[Cell]]


def month_table(result: BacktestResult, words: Wording) -> Table:
    """Monthly returns, a row for each year, with the year's total compounded."""
    _ = words.translate
    months, returns = monthly_returns(result.curve)
    by_month = dict(zip(months.tolist(), returns.tolist(), strict=True))
    # Steps of 31 days from New Year's Day fall into each of the twelve months once.
    names = [words.instant(month * 31 * DAY_NS, "LLL") for month in range(12)]
    years = range(min(by_month) // 12, max(by_month) // 12 + 1)
    rows = []
    for year in years:
        row = [by_month.get(12 * year + month) for month in range(12)]
        total = math.prod(1.0 + one for one in row if one is not None) - 1.0
        cells = [_heat(one, words) for one in [*row, total]]
        rows.append([Cell(str(1970 + year)), *cells])
    return Table(
        title=_("Monthly returns"),
        note=_("Months in UTC; the first and the last may be incomplete."),
        head=[_("Year"), *names, _("Total")],
        rows=rows,
    )


def _heat(value: float | None, words: Wording) -> Cell:
    if value is None:
        return Cell("")
    if math.isnan(value):
        return Cell(words.undefined)
    level = min(HEAT_LEVELS, math.ceil(abs(value) / HEAT_FULL * HEAT_LEVELS))
    tone = f"{'gain' if value > 0 else 'loss'}-{level}" if level else ""
    return Cell(words.number(100 * value, 2, signed=True), tone)


def deal_table(result: BacktestResult, words: Wording) -> Table:
    """The latest deals, one row each."""
    _ = words.translate
    shown = result.deals[-DEALS_SHOWN:]
    note = _("All deals: {count}. Times in UTC, amounts in {asset}.")
    if len(shown) < len(result.deals):
        note = _("The latest {shown} of {count} deals. Times in UTC, amounts in {asset}.")
    return Table(
        title=_("Deals"),
        note=note.format(
            shown=words.count(len(shown)),
            count=words.count(len(result.deals)),
            asset=result.settle,
        ),
        head=[
            _("Deal"),
            _("Opened"),
            _("Closed"),
            _("Rebuys"),
            _("Cost"),
            _("Average"),
            _("Exit"),
            _("Profit"),
            _("Fees"),
            _("Status"),
        ],
        rows=[_deal(deal, words) for deal in shown],
    )


def _deal(deal: DealRow, words: Wording) -> list[Cell]:
    _ = words.translate
    statuses = {
        "open": _("open"),
        "closed": _("closed"),
        "liquidated": _("liquidated"),
        "flattened": _("flattened"),
    }
    profit = deal.profit
    tone = "" if not profit else "up" if profit > 0 else "down"
    return [
        Cell(words.count(deal.number)),
        Cell(words.minute(deal.opened)),
        Cell("" if deal.closed is None else words.minute(deal.closed)),
        Cell(words.count(deal.rebuys)),
        Cell(words.amount(deal.cost)),
        Cell(words.price(deal.average)),
        Cell("" if deal.exit_price is None else words.price(deal.exit_price)),
        Cell("" if profit is None else words.amount(profit, signed=True), tone),
        Cell(words.amount(deal.fees)),
        Cell(statuses.get(deal.status, deal.status)),
    ]
