"""Owns the words of `absolute dca`: the menu, and the ladder printed, saved, checked and run.

It turns options into settings and hands them on. It must not know how a ladder is reckoned, how
a file is written, or how a menu speaks.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from absolute.cli.dca_table import ladder_report, print_ladder
from absolute.cli.demo import SEED
from absolute.cli.numbers import within
from absolute.cli.output import print_json
from absolute.desk.language import _
from absolute.desk.strategy_files import load_strategy, save_strategy
from absolute.domain.errors import UserError
from absolute.domain.units import LEDGER_UNIT, ZERO, Price, Quote
from absolute.strategies.ladder_plan import (
    HUNDRED_EACH,
    SEED_DEFAULTS,
    LadderConfig,
    LadderRefused,
    ladder_config,
)

app = typer.Typer(
    help=_("Plan, save and run a DCA ladder; alone: the menu."),
    rich_markup_mode=None,
    add_completion=False,
)

_File = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help=_("A strategy file; the defaults without it.")),
]
_Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help=_("Change one setting; repeatable.")),
]
_Json = Annotated[bool, typer.Option("--json", help=_("Print one JSON object."))]
_Price = Annotated[str | None, typer.Option(help=_("The price of the first order, if not 100."))]
_Free = Annotated[str | None, typer.Option(help=_("The free balance, in quote."))]
_Target = Annotated[Path, typer.Argument(metavar="FILE", help=_("The file to write."))]
_Source = Annotated[
    Path | None, typer.Option("--from", metavar="FILE", help=_("Start from this file."))
]
_Force = Annotated[bool, typer.Option("--force", help=_("Overwrite an existing file."))]
_Checked = Annotated[Path, typer.Argument(metavar="FILE", help=_("The file to check."))]
_Draft = Annotated[Path | None, typer.Option(metavar="DRAFT", help=_("Go on with a kept draft."))]


@app.callback(invoke_without_command=True)
def menu(ctx: typer.Context, resume: _Draft = None) -> None:
    """Without a sub-command: ask items 1 to 10 of the seed, and run what they describe."""
    if ctx.invoked_subcommand is not None:
        return
    from absolute.cli.dca_menu import run_menu

    config = run_menu(resume)
    if config is not None:
        run_on_paper(config)


@app.command("print", help=_("Show the ladder: every rung, its cost, exit and bounce needed."))
def print_(
    file: _File = None,
    price: _Price = None,
    free: _Free = None,
    changes: _Changes = None,
    as_json: _Json = False,
) -> None:
    """Show the ladder of a file, or of the defaults."""
    config = ladder_settings(file, changes)
    first = HUNDRED_EACH if price is None else Price(within("--price", price, LEDGER_UNIT))
    balance = None if free is None else Quote(within("--free", free, ZERO))
    if as_json:
        print_json(ladder_report(config, price=first, free=balance))
    else:
        print_ladder(config, price=first, free=balance)


@app.command(help=_("Save a ladder to a .js, .json or .yaml file."))
def save(
    file: _Target,
    changes: _Changes = None,
    source: _Source = None,
    force: _Force = False,
    as_json: _Json = False,
) -> None:
    """Write the defaults, or another file, with the changes asked for."""
    config = ladder_settings(source, changes)
    save_strategy(file, config, force=force)
    if as_json:
        print_json({"file": str(file), **ladder_report(config)})
    else:
        print(_("Saved: {file}").format(file=file))


@app.command(help=_("Check a strategy file and say what it costs."))
def check(file: _Checked, as_json: _Json = False) -> None:
    """Read a file strictly and tell what its ladder costs."""
    report = ladder_report(load_strategy(file))
    if as_json:
        print_json({"file": str(file), "ok": True, **report})
    else:
        print(_("{file}: in order. {sentence}.").format(file=file, sentence=report["sentence"]))


@app.command(help=_("Run a ladder on paper, over a built-in market or your own bars."))
def run(
    file: _File = None,
    changes: _Changes = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Bars to rehearse on: Parquet or CSV."))
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help=_("First day, inclusive."))] = None,
    end: Annotated[str | None, typer.Option("--to", help=_("Last day, exclusive."))] = None,
    seed: Annotated[int, typer.Option(min=0, help=_("Seed of the built-in market."))] = SEED,
    days: Annotated[
        int, typer.Option(min=1, max=365, help=_("How many days the built-in market lasts."))
    ] = 7,
    speed: Annotated[
        float | None,
        typer.Option(min=0, max=1000, help=_("Bars a second; 20 where watched, 0 at full speed.")),
    ] = None,
    capital: Annotated[str, typer.Option(help=_("Money at the start."))] = "10000",
    journal: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Keep every event in this file."))
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Where the HTML report goes."))
    ] = None,
    as_json: _Json = False,
) -> None:
    """Run a file, or the defaults, with the changes asked for."""
    from absolute.cli.demo import DAY, FIRST_PRICE, WATCHED, play, show
    from absolute.desk.market_data import Wanted, gather, made_market
    from absolute.research.report_place import check_place

    if report is not None:
        check_place(report)
    config = ladder_settings(file, changes)
    money = within("--capital", capital, LEDGER_UNIT)
    if data is None:
        found = made_market(seed=seed, bars=days * DAY, first_price=FIRST_PRICE)
    else:
        found = gather(Wanted(data, start, end))
    if speed is None and sys.stdout.isatty() and not as_json:
        speed = WATCHED
    result = play(
        found, config, capital=money, speed=speed or None, journal=journal, silent=as_json
    )
    show(result, report, name="paper", as_json=as_json)


def run_on_paper(config: LadderConfig) -> None:
    """Run on paper over the built-in market, watched live; imported only now."""
    from absolute.cli.demo import CAPITAL, DAY, FIRST_PRICE, WATCHED, play, show
    from absolute.desk.market_data import made_market

    found = made_market(seed=SEED, bars=DAY, first_price=FIRST_PRICE)
    speed = WATCHED if sys.stdout.isatty() else None
    result = play(found, config, capital=CAPITAL, speed=speed, journal=None, silent=False)
    show(result, None, name="paper", as_json=False)


def ladder_settings(file: Path | None, changes: Sequence[str] | None) -> LadderConfig:
    """The settings of a file, or the defaults, with the changes of `--set` on top."""
    base = SEED_DEFAULTS if file is None else load_strategy(file)
    try:
        return ladder_config(dict(map(_change, changes or ())), base)
    except LadderRefused as refusal:
        raise LadderRefused(refusal.problems, _) from None


def _change(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        message = _("--set {text}: no value; write --set key=value.")
        raise UserError("USAGE", message.format(text=text))
    return name, value
