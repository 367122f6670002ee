"""Owns the words of `absolute data`: audit a bar file, describe it, make one up.

It must not know how a file is read, judged or written.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Annotated, Final

import typer

from absolute.cli.output import print_json, progress
from absolute.desk.datasets import (
    MAKING_STEPS,
    AuditReport,
    Finding,
    MarketWish,
    examine,
    make_market,
    moment_text,
)
from absolute.desk.language import _, mark, plural, translate_sentence
from absolute.domain.units import plain

app = typer.Typer(
    help=_("Audit market data, or make some."), add_completion=False, rich_markup_mode=None
)

FINDINGS: Final = 1
SHOWN: Final = 5
"""Findings of each kind that a person sees without --all."""

_Checked = Annotated[Path, typer.Argument(metavar="FILE", help=_("A file of bars."))]
_All = Annotated[bool, typer.Option("--all", help=_("List every finding that was kept."))]
_Json = Annotated[bool, typer.Option("--json", help=_("Print one JSON object."))]
_Out = Annotated[
    Path, typer.Option("--out", metavar="FILE", help=_("The .parquet or .csv file to write."))
]
_Seed = Annotated[int | None, typer.Option(help=_("The same seed makes the same market."))]
_Bars = Annotated[int | None, typer.Option(help=_("How many bars."))]
_Days = Annotated[int | None, typer.Option(help=_("How many days instead; 30 if neither."))]
_Timeframe = Annotated[str, typer.Option(help=_("The length of a bar: 1m, 5m, 1h, 1d."))]
_Start = Annotated[str, typer.Option(help=_("The first bar's time, in UTC."))]
_Price = Annotated[str, typer.Option(help=_("The first price."))]
_Force = Annotated[bool, typer.Option("--force", help=_("Overwrite an existing file."))]

LABELS: Final[Mapping[str, str]] = {
    "malformed": mark("unreadable rows"),
    "time_range": mark("times out of range"),
    "price_not_positive": mark("prices not above zero"),
    "price_unit": mark("prices without a common unit"),
    "volume_negative": mark("negative volumes"),
    "ohlc_violation": mark("high or low does not enclose open and close"),
    "duplicate": mark("duplicate bars"),
    "restated": mark("restated bars"),
    "out_of_order": mark("rows out of order"),
    "overlap": mark("overlapping bars"),
    "bar_length": mark("unknown bar length"),
    "spike": mark("spikes"),
    "periodic_holes": mark("holes on a schedule"),
    "gap": mark("gaps"),
    "off_grid": mark("bars off the grid"),
    "zero_volume": mark("bars without trade"),
}

# Sentences and parts of them that the lake makes in English; here so that the catalogue has them.
LAKE_SENTENCES: Final = (
    mark("The file '{source}' is clean."),
    mark("The file '{source}' is usable; bars are missing or lie off the grid."),
    mark(
        "The file '{source}' does not look like a market; compare it with a second source before "
        "any use."
    ),
    mark(
        "The file '{source}' breaks the rules of bars; every command refuses the rows named here."
    ),
    mark("the row has more fields than the first line"),
    mark("a value is missing or unreadable ({cells})"),
    mark("the time {time} is not between 2009 and 2100"),
    mark("a price is not above zero ({cells})"),
    mark("a price is no whole multiple of {unit} ({cells})"),
    mark("the volume {volume} is negative"),
    mark("high or low do not enclose open and close ({cells})"),
    mark("the time stands in an earlier row already"),
    mark("the time lies before that of the row above"),
    mark("the bar opens before the one above ends"),
    mark("the same bar as in row {row}"),
    mark("row {row} gives the same bar otherwise: {values}"),
    mark("the times follow no common step"),
    mark("nothing was traded in this bar"),
    mark("bars missing: {missing}, until {end} ({length})"),
    mark("the next bar opens {length} late"),
    mark("{times} times {bars} bars are followed by a hole of {missing} bars"),
    mark("bars that open {shift} before the grid: {count}"),
    mark("bars that open {shift} after the grid: {count}"),
    mark("the close jumps by {change} and the next bar takes it back"),
    mark("the rate {rate} is no fraction, such as 0.0001 for 0.01 %"),
    mark("is a zip of {count} files"),
    mark("is packed and cannot be unpacked ({reason})"),
    mark("is damaged ({reason})"),
    mark("is neither a table format nor UTF-8 text"),
    mark("looks like JSON but is damaged"),
    mark("is no table"),
    mark("names a column twice"),
)


@app.command(help=_("Name everything odd in a file of bars; status 1 when there is something."))
def audit(file: _Checked, every: _All = False, as_json: _Json = False) -> None:
    """Print the findings of a file, or say that it is clean."""
    report = examine(file)
    if as_json:
        print_json(
            {
                "file": str(file),
                "clean": report.clean,
                "verdict": report.verdict,
                "sentence": report.sentence,
                "sha256": report.sha256,
                "rows": report.rows,
                "counts": report.counts,
                "markets": report.markets,
                "findings": report.findings,
            }
        )
    else:
        _print_findings(report, None if every else SHOWN)
        print(translate_sentence(report.sentence))
    if not report.clean:
        raise typer.Exit(FINDINGS)


@app.command(help=_("Say what a file of bars holds: markets, range, bar length, gaps."))
def info(file: _Checked, as_json: _Json = False) -> None:
    """Print the figures of each market of a file."""
    report = examine(file)
    if as_json:
        print_json(
            {
                "file": str(file),
                "sha256": report.sha256,
                "rows": report.rows,
                "verdict": report.verdict,
                "markets": report.markets,
            }
        )
        return
    _print_markets(report)
    print(f"sha256 {report.sha256}")
    print(translate_sentence(report.sentence))


@app.command(help=_("Make up a market: regimes, fat tails, clustered volatility and jumps."))
def synth(
    out: _Out,
    seed: _Seed = None,
    bars: _Bars = None,
    days: _Days = None,
    timeframe: _Timeframe = "1m",
    start: _Start = "2024-01-01",
    price: _Price = "60000",
    force: _Force = False,
    as_json: _Json = False,
) -> None:
    """Write a seeded market to a file and say what is in it."""
    wish = MarketWish(
        seed=seed, bars=bars, days=days, timeframe=timeframe, start=start, price=price
    )
    with progress(MAKING_STEPS, _("Making a market"), silent=as_json) as tell:
        made = make_market(out, wish, force=force, tell=tell)
    if as_json:
        print_json(made)
    else:
        message = _("{file}: {bars} bars of {timeframe} from {first} to {last}, seed {seed}.")
        print(
            message.format(
                file=made.file,
                bars=made.bars,
                timeframe=made.timeframe,
                first=moment_text(made.first),
                last=moment_text(made.last),
                seed=made.seed,
            )
        )


def _print_markets(report: AuditReport) -> None:
    for market in report.markets:
        message = _("{name}: {rows} rows from {first} to {last}")
        name = market.symbol or report.source
        first, last = _time(market.first), _time(market.last)
        print(message.format(name=name, rows=market.rows, first=first, last=last))
        length = _("unknown") if market.bar_length is None else market.bar_length
        message = _(
            "  bar length {length}, price unit {unit}, pieces {pieces}, missing bars {missing}"
        )
        unit = plain(market.price_unit)
        print(
            message.format(length=length, unit=unit, pieces=market.pieces, missing=market.missing)
        )
        if market.prices_rounded:
            count = market.prices_rounded
            message = plural(
                "  {count} price carried noise in its last digits",
                "  {count} prices carried noise in their last digits",
                count,
            )
            print(message.format(count=count))


def _time(moment: datetime | None) -> str:
    return _("unknown") if moment is None else moment_text(moment)


def _print_findings(report: AuditReport, shown: int | None) -> None:
    """One line for each kind with its count, then the first findings of it."""
    _print_markets(report)
    by_kind = sorted(report.findings, key=lambda found: list(LABELS).index(found.kind))
    for kind, group in groupby(by_kind, key=lambda found: found.kind):
        found = list(group)
        print(f"{_(LABELS[kind])}: {report.counts[kind]}")
        for each in found[:shown]:
            print(f"  {_line(each)}")
        if len(found[:shown]) < len(found):
            message = _("  ... and {count} more (--all lists them)")
            print(message.format(count=len(found) - len(found[:shown])))


def _line(found: Finding) -> str:
    place = [found.symbol] if found.symbol else []
    if found.row is not None:
        place.append(_("row {row}").format(row=found.row))
    if found.time is not None:
        place.append(moment_text(found.time))
    detail = translate_sentence(found.detail)
    return f"{', '.join(place)}: {detail}" if place else detail
