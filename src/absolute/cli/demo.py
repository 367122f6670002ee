"""Owns the words of `absolute demo`: the built-in market, the ladder on paper, the live picture."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from absolute.cli.output import called_as, default_place, print_json
from absolute.desk.language import _, current_language

if TYPE_CHECKING:
    from absolute.desk.market_data import Found
    from absolute.desk.paper import Paper
    from absolute.research.result import BacktestResult
    from absolute.strategies.ladder_plan import LadderConfig

app = typer.Typer(rich_markup_mode=None, add_completion=False)

SEED: Final = 186
DAY: Final = 1440
WATCHED: Final = 20.0
"""Bars a second where somebody looks: a day in 72 seconds."""
BOT: Final = "trader-automata"
FRAMES_PER_SECOND: Final = 10
CAPITAL: Final = Decimal(10_000)
FIRST_PRICE: Final = Decimal(60_000)


@app.command(help=_("Watch the ladder trade on a built-in market."))
def demo(
    once: Annotated[
        bool, typer.Option("--once", help=_("Play one seeded day at full speed, then end."))
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, help=_("The same seed and length make the same market."))
    ] = SEED,
    days: Annotated[
        int, typer.Option(min=1, max=365, help=_("How many days the market lasts."))
    ] = 7,
    speed: Annotated[
        float, typer.Option(min=0.1, max=1000, help=_("Market minutes a second."))
    ] = WATCHED,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Where the HTML report goes."))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print one JSON object."))] = False,
) -> None:
    """Watch the ladder trade on a built-in market."""
    from absolute.desk.market_data import made_market
    from absolute.research.report_place import check_place
    from absolute.strategies.ladder_plan import SEED_DEFAULTS

    if report is not None:
        check_place(report)
    found = made_market(seed=seed, bars=(1 if once else days) * DAY, first_price=FIRST_PRICE)
    pace = None if once or as_json else speed
    result = play(found, SEED_DEFAULTS, capital=CAPITAL, speed=pace, journal=None, silent=as_json)
    show(result, report, name="demo", as_json=as_json)


def play(  # noqa: PLR0913, RUF100 -- what a run on paper can be told
    found: "Found",
    config: "LadderConfig",
    *,
    capital: Decimal,
    speed: float | None,
    journal: Path | None,
    silent: bool,
) -> "BacktestResult":
    """Run a ladder on paper, watched live where somebody looks."""
    from absolute.desk.paper import Pace, Paper, new_journal
    from absolute.desk.setup import Assumptions, FeeTerms

    fees = FeeTerms(maker=config.taxa, taker=config.taxa)
    assumed = Assumptions(fees=fees, capital=capital)
    paper = Paper(found, config, assumed, Pace(speed), new_journal(journal))
    return _watched(paper, silent=silent or speed is None)


def show(result: "BacktestResult", report: Path | None, *, name: str, as_json: bool) -> None:
    """Write the report and tell how it went."""
    from absolute.research.report_html import write

    page = report or default_place(result, name)
    write(result, page, language=current_language(), translate=_)
    if as_json:
        print_json(summary(result, page))
    else:
        tell(result, page)


def _watched(paper: "Paper", *, silent: bool) -> "BacktestResult":
    """Run with the live picture, or without any where nobody looks."""
    from rich.console import Console
    from rich.live import Live

    from absolute.cli.live_view import LiveView
    from absolute.desk.paper import run_until_interrupted

    console = Console()
    if silent or not console.is_terminal:
        return run_until_interrupted(paper, lambda _shot: None)
    picture = LiveView(f"Absolute Trader · {_('PAPER')}", width=console.width)
    with Live(console=console, screen=True, refresh_per_second=FRAMES_PER_SECOND) as live:
        return run_until_interrupted(paper, lambda shot: live.update(picture.render(shot)))


def summary(result: "BacktestResult", page: Path) -> dict[str, object]:
    """What other programs read of a demo."""
    told = result.to_json(report=str(page))
    keys = (
        "bars",
        "fills",
        "deals",
        "deals_closed",
        "final_equity",
        "net_profit",
        "fees",
        "event_log_sha256",
        "report",
    )
    return {"bot": BOT, **{key: told[key] for key in keys}}


def tell(result: "BacktestResult", page: Path) -> None:
    """How it went, and what to try next."""
    from absolute.research.report_text import render

    print(render(result, language=current_language(), translate=_))
    print(_("Report: {file}").format(file=page))
    hint = _("Next: {me} dca (plan your own ladder), {me} backtest dca --data FILE")
    print(hint.format(me=called_as()))
