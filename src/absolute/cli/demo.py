"""Owns the words of `absolute demo`: the built-in market, the ladder on paper, the live picture."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from absolute.cli.output import print_json
from absolute.desk.language import _, current_language

if TYPE_CHECKING:
    from absolute.desk.paper import Paper
    from absolute.research.result import BacktestResult
    from absolute.strategies.ladder_plan import LadderConfig

app = typer.Typer(rich_markup_mode=None, add_completion=False)

SEED: Final = 7
DAY: Final = 1440
BOT: Final = "trader-automata"
FRAMES_PER_SECOND: Final = 10


@app.command(help=_("Watch the ladder trade on a built-in market."))
def demo(
    once: Annotated[
        bool, typer.Option("--once", help=_("Play one seeded day at full speed, then end."))
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, help=_("The same seed makes the same market."))
    ] = SEED,
    days: Annotated[
        int, typer.Option(min=1, max=365, help=_("How many days the market lasts."))
    ] = 7,
    speed: Annotated[
        float, typer.Option(min=0.1, max=1000, help=_("Market minutes a second."))
    ] = 20.0,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Where the HTML report goes."))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print one JSON object."))] = False,
) -> None:
    """Watch the ladder trade on a built-in market."""
    from absolute.strategies.ladder_plan import SEED_DEFAULTS

    play(
        SEED_DEFAULTS,
        seed=seed,
        days=1 if once else days,
        speed=None if once or as_json else speed,
        report=report,
        as_json=as_json,
    )


def play(  # noqa: PLR0913 -- the options of a command
    config: "LadderConfig",
    *,
    seed: int = SEED,
    days: int = 7,
    speed: float | None = 20.0,
    report: Path | None = None,
    as_json: bool = False,
) -> None:
    """Run a ladder on paper over the built-in market and tell how it went."""
    from absolute.desk.market_data import made_market
    from absolute.desk.paper import Pace, Paper
    from absolute.desk.setup import Assumptions, FeeTerms
    from absolute.research.report_html import write

    found = made_market(seed=seed, bars=days * DAY, first_price=Decimal(60_000))
    fees = FeeTerms(maker=config.taxa, taker=config.taxa)
    paper = Paper(found, config, Assumptions(fees=fees), Pace(speed))
    result = _watched(paper, silent=as_json or speed is None)
    page = report or Path("reports") / f"demo-{result.passport.event_log_sha256[:12]}.html"
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
    picture = LiveView(f"Absolute Trader · {_('PAPER, made market')}")
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
    print(_("Next: absolute dca (plan your own ladder), absolute backtest dca --data FILE"))
