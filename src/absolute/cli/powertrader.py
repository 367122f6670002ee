"""Owns the words of `absolute powertrader`: the worst case shown, a file checked, a back-test run.

Options become settings and a result becomes text or JSON. It must not know how the strategy
trades or how its worst case is reckoned.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from absolute.cli.numbers import ratio, within
from absolute.cli.output import default_place, print_json, progress
from absolute.desk.language import _, current_language, format_amount, format_percent
from absolute.domain.errors import UserError
from absolute.domain.units import HUNDRED, LEDGER_UNIT, ZERO, Bps, Price, Quote, Ratio, plain
from absolute.strategies.levels_plan import Account, Buy, WorstCase, worst_case
from absolute.strategies.levels_settings import (
    DEFAULTS,
    LevelsConfig,
    LevelsRefused,
    levels_config,
    levels_mapping,
)

if TYPE_CHECKING:
    from rich.table import Table

    from absolute.desk.setup import Assumptions
    from absolute.engine.votes import Votes
    from absolute.kernels.tape import Tape
    from absolute.research.result import BacktestResult

app = typer.Typer(
    help=_("The PowerTrader strategy: its worst case, its settings, its back-test."),
    rich_markup_mode=None,
    add_completion=False,
)

_WIDTH_OF_A_PIPE: Final = 110
_FEE_MAX: Final = Decimal("0.05")

_Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help=_("Change one setting; repeatable.")),
]
_Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help=_("A settings file, JSON."))
]
_Json = Annotated[bool, typer.Option("--json", help=_("Print one JSON object."))]
_Confirmed = Annotated[
    bool,
    typer.Option("--confirm-worst-case", help=_("The worst case was read: allow more than 1 %.")),
]


@app.callback()
def powertrader() -> None:
    """The PowerTrader strategy: its worst case, its settings, its back-test."""


@app.command(help=_("Show what every buy would cost, and at which one the money ends."))
def preflight(
    changes: _Changes = None,
    config: _Config = None,
    capital: Annotated[str | None, typer.Option(help=_("The account, in quote."))] = None,
    least_order: Annotated[str, typer.Option(help=_("The venue's least order, in quote."))] = "0",
    price: Annotated[str, typer.Option(help=_("The price of the first buy."))] = "100",
    as_json: _Json = False,
) -> None:
    """Show the worst case of the settings: every rebuy at its level, without a bounce."""
    wanted = levels_settings(config, changes, preview=True)
    account = None
    least = Quote(within("--least-order", least_order, ZERO))
    if capital is not None:
        account = Account(Quote(within("--capital", capital, LEDGER_UNIT)), least)
    first = Price(within("--price", price, LEDGER_UNIT))
    case = worst_case(wanted, account, first_price=first)
    if as_json:
        print_json(worst_case_report(wanted, case))
    else:
        _show(wanted, case)


@app.command(help=_("Check a settings file and say where its money ends."))
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=_("The file to check."))],
    as_json: _Json = False,
) -> None:
    """Read a file strictly; every mistake is told in one go."""
    config = levels_settings(file, None)
    case = worst_case(config)
    if as_json:
        print_json({"file": str(file), "ok": True, **worst_case_report(config, case)})
    else:
        print(_("{file}: in order. {sentence}").format(file=file, sentence=_verdict(case)))


@app.command(help=_("Back-test the strategy on a file of bars and a file of votes."))
def backtest(  # noqa: PLR0913, RUF100 -- what a back-test can be told
    data: Annotated[Path, typer.Option(metavar="FILE", help=_("Bars: Parquet or CSV."))],
    votes: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Votes: ts, long, short."))
    ] = None,
    bounds: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Bounds instead: ts, frame, low, high."))
    ] = None,
    changes: _Changes = None,
    config: _Config = None,
    start: Annotated[str | None, typer.Option("--from", help=_("First day, inclusive."))] = None,
    end: Annotated[str | None, typer.Option("--to", help=_("Last day, exclusive."))] = None,
    symbol: Annotated[str | None, typer.Option(help=_("The market, e.g. BTCUSDT."))] = None,
    capital: Annotated[str, typer.Option(help=_("Money at the start."))] = "10000",
    maker: Annotated[str, typer.Option(help=_("Maker fee."))] = "0.001",
    taker: Annotated[str, typer.Option(help=_("Taker fee."))] = "0.001",
    slippage_bps: Annotated[str, typer.Option(help=_("How much worse a taker trades."))] = "0",
    confirmed: _Confirmed = False,
    no_skip: Annotated[
        bool, typer.Option("--no-skip", help=_("Walk every bar; the result is the same."))
    ] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Where the HTML report goes."))
    ] = None,
    no_report: Annotated[
        bool, typer.Option("--no-report", help=_("Write no HTML report."))
    ] = False,
    rows: Annotated[bool, typer.Option("--rows", help=_("With --json: all fills and deals."))] = (
        False
    ),
    as_json: _Json = False,
) -> None:
    """Back-test the PowerTrader strategy."""
    from absolute.desk.market_data import Wanted, gather
    from absolute.desk.powertrader_run import backtest_levels
    from absolute.research.report_place import check_place

    if report is not None:
        check_place(report)
    wanted = levels_settings(config, changes, confirmed=confirmed)
    assumed = _assumed(capital, maker, taker, slippage_bps)
    with progress(3, _("Back-test"), silent=as_json) as tell:
        found = gather(Wanted(data, start, end, symbol=symbol))
        agenda = _votes(votes, bounds, found.tape)
        tell(1)
        result = backtest_levels(found, wanted, agenda, assumed=assumed, skip=not no_skip)
        tell(2)
        page = None if no_report else report or default_place(result, "powertrader")
        if page is not None:
            from absolute.research.report_html import write

            write(result, page, language=current_language(), translate=_)
        tell(3)
    _tell(result, page, rows=rows, as_json=as_json)


def _votes(votes: Path | None, bounds: Path | None, tape: "Tape") -> "Votes":
    """The votes of a file, or those that a file of bounds makes."""
    from absolute.desk.powertrader_files import read_bounds, read_votes

    if votes is not None and bounds is None:
        return read_votes(votes, tape)
    if bounds is not None and votes is None:
        return read_bounds(bounds, tape)
    raise UserError("USAGE", _("Give one of --votes FILE and --bounds FILE."))


def _tell(result: "BacktestResult", page: Path | None, *, rows: bool, as_json: bool) -> None:
    if as_json:
        print_json(result.to_json(report=None if page is None else str(page), rows=rows))
        return
    from absolute.research.report_text import render

    print(render(result, language=current_language(), translate=_), end="")
    if page is not None:
        print("\n" + _("Report: {file}").format(file=page))


def _assumed(capital: str, maker: str, taker: str, slippage_bps: str) -> "Assumptions":
    from absolute.desk.setup import Assumptions, FeeTerms

    made = Ratio(ratio("--maker", maker, Decimal("-0.01"), _FEE_MAX))
    took = Ratio(ratio("--taker", taker, ZERO, _FEE_MAX))
    return Assumptions(
        fees=FeeTerms(made, took),
        capital=within("--capital", capital, LEDGER_UNIT),
        slippage_bps=Bps(within("--slippage-bps", slippage_bps, ZERO, Decimal(1000))),
    )


def levels_settings(
    file: Path | None,
    changes: Sequence[str] | None,
    *,
    confirmed: bool = False,
    preview: bool = False,
) -> LevelsConfig:
    """The settings of a file, or the defaults, with the changes of `--set` on top."""
    told: dict[str, object] = dict(map(_change, changes or ()))
    if confirmed:
        told["worst_case_confirmed"] = True
    if file is not None:
        from absolute.desk.powertrader_files import load_levels

        return load_levels(file, told, preview=preview)
    try:
        return levels_config(told, DEFAULTS, preview=preview)
    except LevelsRefused as refusal:
        raise LevelsRefused(refusal.problems, _) from None


def _change(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        message = _("--set {text}: no value; write --set key=value.")
        raise UserError("USAGE", message.format(text=text))
    return name, value


# --- showing -----------------------------------------------------------------------------------


def worst_case_report(config: LevelsConfig, case: WorstCase) -> dict[str, object]:
    """The worst case as a program reads it: percents of the account, amounts in quote or null."""
    last = case.affordable[-1] if case.affordable else None
    return {
        "buys": [_buy_report(buy) for buy in case.buys],
        "money_ends_at": case.money_ends_at,
        "last_affordable": None if last is None else last.number,
        "worst_pct": _exact(case.buys[-1].cumulative_pct),
        "first_pct": _exact(case.first_pct),
        "confirmation_needed": bool(config.validate()),
        "sentence": _verdict(case),
        "settings": levels_mapping(config),
    }


def _buy_report(buy: Buy) -> dict[str, object]:
    return {
        "buy": buy.number,
        "level_pct": None if buy.level is None else plain(buy.level),
        "price": _exact(buy.price),
        "drop": _exact(buy.drop),
        "size_pct": _exact(buy.size_pct),
        "size": _exact(buy.size),
        "position_value_pct": _exact(buy.position_value_pct),
        "position_value": _exact(buy.position_value),
        "average": _exact(buy.average),
        "cumulative_pct": _exact(buy.cumulative_pct),
        "cumulative": _exact(buy.cumulative),
        "affordable": buy.affordable,
    }


def _exact(value: Decimal | None) -> str | None:
    """A number to eight places; null where no account was named."""
    return None if value is None else plain(value.quantize(LEDGER_UNIT, ROUND_HALF_EVEN))


def _show(config: LevelsConfig, case: WorstCase) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_OF_A_PIPE)
    console.print(_table(case))
    console.print(_verdict(case))
    if config.validate():
        console.print(_("Above 1 % for the first buy: confirm it, or choose a smaller one."))


def _table(case: WorstCase) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in (
        _("buy"),
        _("level"),
        _("price"),
        _("drop"),
        _("size"),
        _("position"),
        _("average"),
        _("of the account"),
        _("fits"),
    ):
        table.add_column(heading, justify="right")
    for buy in case.buys:
        table.add_row(*_cells(buy), style=None if buy.affordable else "dim")
    return table


def _cells(buy: Buy) -> tuple[str, ...]:
    return (
        str(buy.number),
        "" if buy.level is None else f"{plain(buy.level)}%",
        format_amount(buy.price, 4),
        format_percent(-buy.drop),
        _share(buy.size_pct, buy.size),
        _share(buy.position_value_pct, buy.position_value),
        format_amount(buy.average, 4),
        format_percent(buy.cumulative_pct / HUNDRED, 3),
        _("yes") if buy.affordable else _("no"),
    )


def _share(percent: Decimal, amount: Quote | None) -> str:
    """An amount where an account was named, else the share of it."""
    return format_percent(percent / HUNDRED, 3) if amount is None else format_amount(amount, 2)


def _verdict(case: WorstCase) -> str:
    """Where the money ends, in one sentence."""
    if case.money_ends_at is None:
        last = case.buys[-1]
        text = _(
            "After {count} rebuys the deal holds {share} of the account, {drop} below the start."
        )
        return text.format(
            count=last.number,
            share=format_percent(last.cumulative_pct / HUNDRED),
            drop=format_percent(last.drop),
        )
    short = case.buys[case.money_ends_at]
    text = _(
        "The money ends at rebuy {number}, {level}% from the average and {drop} below the start."
    )
    return text.format(
        number=short.number, level=plain(short.level or ZERO), drop=format_percent(short.drop)
    )
