"""Owns the words of `absolute backtest`: options become settings, a result becomes text or JSON.

It must not know how a run is made or a report is drawn.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from absolute.cli.dca import ladder_settings
from absolute.cli.numbers import ratio, span_ms, within
from absolute.cli.options import takes
from absolute.cli.output import default_place, print_json, progress
from absolute.desk.language import _, current_language
from absolute.domain.errors import UserError
from absolute.domain.instrument import Kind
from absolute.domain.ledger import MarginMode
from absolute.domain.units import LEDGER_UNIT, Bps, Price, Ratio

if TYPE_CHECKING:
    from absolute.desk.market_data import Wanted
    from absolute.desk.setup import Assumptions, FeeTerms

app = typer.Typer(
    help=_("Run a strategy over past market data."), rich_markup_mode=None, add_completion=False
)

ONE: Final = Decimal(1)
ZERO: Final = Decimal(0)


class Fill(StrEnum):
    """The fill models; their own home loads a compiler, which `--help` must not wait for."""

    TOUCH = "touch"
    THROUGH = "through"
    VOLUME = "volume"
    QUEUE = "queue"


class Policy(StrEnum):
    """Which extreme of a bar comes first."""

    PESSIMISTIC = "pessimistic"
    NEAREST = "nearest"


class Gaps(StrEnum):
    """What missing bars mean."""

    KEEP = "keep"
    REFUSE = "refuse"


@app.callback()
def backtest() -> None:
    """Run a strategy over past market data."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a back-test of the ladder can be told."""

    data: Annotated[Path, typer.Option(metavar="FILE", help=_("Bars: Parquet or CSV."))]
    start: Annotated[str | None, typer.Option("--from", help=_("First day, inclusive."))] = None
    end: Annotated[str | None, typer.Option("--to", help=_("Last day, exclusive."))] = None
    config: Annotated[Path | None, typer.Option(metavar="FILE", help=_("A strategy file."))] = None
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help=_("Change one setting; repeatable.")),
    ] = None
    market: Annotated[Kind, typer.Option(help=_("What is traded."))] = Kind.SPOT
    symbol: Annotated[str | None, typer.Option(help=_("The market, e.g. BTCUSDT."))] = None
    capital: Annotated[
        str | None, typer.Option(help=_("Money at the start: 10000 in quote, 1 in base."))
    ] = None
    maker: Annotated[str | None, typer.Option(help=_("Maker fee; item 4 if not given."))] = None
    taker: Annotated[str | None, typer.Option(help=_("Taker fee; item 4 if not given."))] = None
    fee_coin: Annotated[
        str, typer.Option(help=_("received, quote, or a coin: BNB:price:held."))
    ] = "received"
    fill: Annotated[Fill, typer.Option(help=_("When a resting order trades."))] = Fill.TOUCH
    volume_share: Annotated[str, typer.Option(help=_("Our share of a bar's volume."))] = "0.1"
    queue_ahead: Annotated[str, typer.Option(help=_("Quantity before us in the queue."))] = "0"
    intrabar: Annotated[Policy, typer.Option(help=_("Which extreme of a bar comes first."))] = (
        Policy.PESSIMISTIC
    )
    finer: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Finer bars: the path becomes exact."))
    ] = None
    slippage_bps: Annotated[str, typer.Option(help=_("How much worse a taker trades."))] = "0"
    impact_bps: Annotated[
        str, typer.Option(help=_("Impact of an order as large as its bar's volume; root law."))
    ] = "0"
    latency_ms: Annotated[str, typer.Option(help=_("Delay of an order, LOW:HIGH."))] = "0"
    cancel_ms: Annotated[str, typer.Option(help=_("Delay of a cancel, LOW:HIGH."))] = "0"
    seed: Annotated[int, typer.Option(min=0, help=_("Seed of the delays."))] = 0
    leverage: Annotated[str, typer.Option(help=_("Leverage of a perpetual."))] = "1"
    margin: Annotated[MarginMode, typer.Option(help=_("Cross or isolated."))] = MarginMode.CROSS
    funding: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Funding rates of a perpetual."))
    ] = None
    funding_venue: Annotated[
        str | None, typer.Option(help=_("The venue, in a funding file of several."))
    ] = None
    allow_missing_funding: Annotated[
        bool, typer.Option("--allow-missing-funding", help=_("Go on without funding rates."))
    ] = False
    brackets: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Leverage brackets of a perpetual, JSON."))
    ] = None
    mark: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Mark price bars of a perpetual."))
    ] = None
    equity_floor: Annotated[
        str | None, typer.Option(help=_("Buy nothing more once equity falls to this."))
    ] = None
    flatten: Annotated[
        bool, typer.Option("--flatten", help=_("At the floor also sell everything."))
    ] = False
    gaps: Annotated[Gaps, typer.Option(help=_("What missing bars mean."))] = Gaps.KEEP
    tick: Annotated[str | None, typer.Option(help=_("Price step of the market."))] = None
    lot: Annotated[str | None, typer.Option(help=_("Quantity step of the market."))] = None
    min_notional: Annotated[str | None, typer.Option(help=_("Smallest order value."))] = None
    no_skip: Annotated[
        bool, typer.Option("--no-skip", help=_("Walk every bar; the result is the same."))
    ] = False
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Where the HTML report goes."))
    ] = None
    no_report: Annotated[bool, typer.Option("--no-report", help=_("Write no HTML report."))] = False
    rows: Annotated[bool, typer.Option("--rows", help=_("With --json: all fills and deals."))] = (
        False
    )
    as_json: Annotated[bool, typer.Option("--json", help=_("Print one JSON object."))] = False


@app.command(help=_("Back-test the Trader Automata ladder on a file of bars."))
@takes(Options)
def dca(told: Options) -> None:
    """Back-test the Trader Automata ladder on a file of bars."""
    from absolute.desk.backtest import backtest_ladder
    from absolute.desk.market_data import gather
    from absolute.research.report_place import check_place

    if told.report is not None:
        check_place(told.report)
    ladder = ladder_settings(told.config, told.changes)
    assumed = _assumed(told, taxa=ladder.taxa)
    with progress(3, _("Back-test"), silent=told.as_json) as tell:
        found = gather(_wanted(told))
        tell(1)
        result = backtest_ladder(found, ladder, assumed=assumed, skip=not told.no_skip)
        tell(2)
        page = None if told.no_report else told.report or default_place(result, "backtest")
        if page is not None:
            from absolute.research.report_html import write

            write(result, page, language=current_language(), translate=_)
        tell(3)
    if told.as_json:
        print_json(result.to_json(report=None if page is None else str(page), rows=told.rows))
        return
    from absolute.research.report_text import render

    print(render(result, language=current_language(), translate=_), end="")
    if page is not None:
        print("\n" + _("Report: {file}").format(file=page))


def _assumed(told: Options, *, taxa: Ratio) -> "Assumptions":
    """What is believed of the market side."""
    from absolute.desk.setup import Assumptions
    from absolute.matching.fills import FillModel, FillRule
    from absolute.matching.path import Intrabar
    from absolute.risk.limits import Limits

    floor = told.equity_floor
    capital = told.capital or ("1" if told.market is Kind.INVERSE else "10000")
    if told.market is Kind.SPOT and (told.leverage != "1" or told.margin is not MarginMode.CROSS):
        message = _("Leverage and margin belong to a perpetual; leave them out on spot.")
        raise UserError("OPTION_ON_SPOT", message)
    if told.flatten and floor is None:
        raise UserError("USAGE", _("--flatten needs a floor: give --equity-floor as well."))
    money = within("--capital", capital, LEDGER_UNIT)
    lowest = None if floor is None else within("--equity-floor", floor, LEDGER_UNIT, money)
    return Assumptions(
        fees=_fees(told.maker, told.taker, told.fee_coin, taxa=taxa),
        capital=money,
        fills=FillModel(
            FillRule(told.fill),
            Ratio(ratio("--volume-share", told.volume_share, Decimal("0.0001"), ONE)),
            within("--queue-ahead", told.queue_ahead, ZERO),
        ),
        intrabar=Intrabar(told.intrabar),
        slippage_bps=Bps(within("--slippage-bps", told.slippage_bps, ZERO, Decimal(1000))),
        impact_bps=Bps(within("--impact-bps", told.impact_bps, ZERO, Decimal(10_000))),
        submit_ms=span_ms("--latency-ms", told.latency_ms),
        cancel_ms=span_ms("--cancel-ms", told.cancel_ms),
        seed=told.seed,
        leverage=within("--leverage", told.leverage, ONE, Decimal(125)),
        margin=told.margin,
        limits=Limits(equity_floor=lowest, flatten=told.flatten),
    )


def _wanted(told: Options) -> "Wanted":
    """Which files, which market."""
    from absolute.desk.market_data import GapPolicy, Wanted
    from absolute.desk.markets import Grid

    steps = (("--tick", told.tick), ("--lot", told.lot), ("--min-notional", told.min_notional))
    own = [None if text is None else within(name, text, LEDGER_UNIT) for name, text in steps]
    return Wanted(
        told.data,
        told.start,
        told.end,
        symbol=told.symbol,
        kind=told.market,
        gaps=GapPolicy(told.gaps),
        grid=Grid(*own),
        finer=told.finer,
        mark=told.mark,
        funding=told.funding,
        funding_venue=told.funding_venue,
        brackets=told.brackets,
        allow_missing_funding=told.allow_missing_funding,
    )


def _fees(maker: str | None, taker: str | None, coin: str, *, taxa: Ratio) -> "FeeTerms":
    """The fee terms; a maker rate may be negative, a rebate."""
    from absolute.desk.setup import FeeTerms
    from absolute.domain.fees import FeeCoin
    from absolute.domain.units import Asset

    low, high = Decimal("-0.01"), Decimal("0.05")
    made = taxa if maker is None else Ratio(ratio("--maker", maker, low, high))
    took = taxa if taker is None else Ratio(ratio("--taker", taker, ZERO, high))
    if coin in {FeeCoin.RECEIVED, FeeCoin.QUOTE}:
        return FeeTerms(made, took, FeeCoin(coin))
    words = coin.split(":")
    if len(words) != 3:
        message = _("--fee-coin {text}: write received, quote or COIN:PRICE:HELD, e.g. BNB:600:2.")
        raise UserError("USAGE", message.format(text=coin))
    name, price, held = words
    return FeeTerms(
        made,
        took,
        FeeCoin.THIRD,
        Asset(name.upper()),
        Price(within("--fee-coin", price, Decimal("1e-8"))),
        within("--fee-coin", held, ZERO),
    )
