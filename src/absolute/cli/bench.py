"""Owns the words of `bench`: its options, its progress and the table it prints.

It must not know how anything is measured.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from absolute.cli.output import print_json, progress
from absolute.desk.benchmark import (
    LIVE,
    TWIN,
    Failed,
    Measured,
    Results,
    bench,
    ratios,
    request_of,
    steps,
    system,
)
from absolute.desk.language import _, format_amount

_Only = Annotated[
    str | None, typer.Option("--only", metavar="CASE", help=_("One case: dca or sma."))
]
_Bars = Annotated[int, typer.Option("--bars", help=_("How many bars; slow programs get fewer."))]
_Repeat = Annotated[
    int | None, typer.Option("--repeat", help=_("Counted runs of each; the median is told."))
]
_Alone = Annotated[bool, typer.Option("--no-peers", help=_("Only our own engine."))]
_Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="FILE", help=_("Bars of a file, not the made-up market.")),
]
_Json = Annotated[bool, typer.Option("--json", help=_("Print one JSON object."))]

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(help=_("Measure the speed, beside other programs."))
def run(
    only: _Only = None,
    bars: _Bars = 1_000_000,
    repeat: _Repeat = None,
    no_peers: _Alone = False,
    data: _Data = None,
    as_json: _Json = False,
) -> None:
    """Measures, prints, and leaves with status 1 when our own result is missing or wrong."""
    request = request_of(only, bars=bars, repeat=repeat, peers=not no_peers, data=data)
    with progress(steps(request), _("Measuring"), silent=as_json) as tell:
        count = _Count(tell)
        found = bench(request, watch=count.begin, install=_say)
    if as_json:
        print_json({"system": system(), **{name: _told(each) for name, each in found.items()}})
    else:
        _print_tables(found)
    raise typer.Exit(0 if all(_is_sound(results[LIVE]) for results in found.values()) else 1)


class _Count:
    """Tells a progress bar how many programs have been measured when the next one begins."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._begun = 0

    def begin(self, what: str) -> None:
        del what
        self._tell(self._begun)
        self._begun += 1


def _say(sentence: str) -> None:
    """An installation takes a while and happens once, so that it is told even beside JSON."""
    print(f"absolute: {sentence}", file=sys.stderr, flush=True)


def _told(results: Results) -> dict[str, object]:
    """A case as JSON tells it: every program, and both of ours beside each peer."""
    twin = ratios(results, own=TWIN)
    return {**results, "ratios": ratios(results), "kernel_ratios": twin}


def _is_sound(own: Measured | Failed) -> bool:
    return isinstance(own, Measured) and own.agrees is not False


def _print_tables(found: Mapping[str, Results]) -> None:
    """The machine and the versions, then a table for each case and what it cannot hold."""
    console = Console(highlight=False, soft_wrap=True)
    versions = {name: each.version for name, each in _measured(found)}
    facts = {**system(), **versions}
    console.print(", ".join(f"{name} {fact}" for name, fact in facts.items()), style="dim")
    for name, results in found.items():
        console.print()
        console.print(_title(name), style="bold")
        console.print(_table(results))
        for remark in _remarks(results):
            console.print(remark)


def _measured(found: Mapping[str, Results]) -> Iterator[tuple[str, Measured]]:
    for results in found.values():
        for name, each in results.items():
            if isinstance(each, Measured):
                yield name, each


def _table(results: Results) -> Table:
    table = Table(box=None, padding=(0, 1), collapse_padding=True, pad_edge=False)
    table.add_column(_("program"), no_wrap=True)
    headings = (_("bars"), _("seconds"), _("M bars/s"), _("fills"), _("equity"))
    for heading in (*headings, _("agrees"), _("live is"), _("twin is")):
        table.add_column(heading, justify="right", no_wrap=True)
    faster, twin_faster = ratios(results), ratios(results, own=TWIN)
    for name, each in results.items():
        if isinstance(each, Measured):
            table.add_row(
                name,
                _whole(each.bars),
                format_amount(Decimal(repr(each.seconds)), 4),
                _three_digits(each.bars_per_second / 1e6, 3),
                _whole(each.fills),
                format_amount(each.final_equity, 0),
                _verdict(each),
                _times(faster.get(name)),
                _times(twin_faster.get(name)),
            )
    return table


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{_three_digits(ratio, 1 if ratio >= 1 else 3)} x"


def _three_digits(number: float, places: int) -> str:
    """Decimals only where they say something, so that the table stays narrow."""
    return format_amount(Decimal(repr(number)), 0 if number >= 100 else places)


def _remarks(results: Results) -> Iterator[str]:
    """Which of ours is which, why a program is missing, and how far one is off."""
    message = _("{live} is the live strategy class, {twin} its compiled twin.")
    yield message.format(live=LIVE, twin=TWIN)
    for name, each in results.items():
        if isinstance(each, Failed):
            message = _("{name} was not measured: {reason}")
            yield message.format(name=name, reason=each.error)
        elif each.reference is not None and not each.agrees:
            fills = each.fills - each.reference.fills
            equity = each.final_equity - each.reference.final_equity
            message = _("{name} is off by {fills} fills and {equity} of equity.")
            yield message.format(name=name, fills=f"{fills:+d}", equity=f"{equity:+.4f}")


def _title(name: str) -> str:
    titles = {
        "dca": _("The DCA ladder"),
        "sma": _("A cross of two averages, all in or out"),
    }
    return f"{name}: {titles[name]}"


def _verdict(each: Measured) -> str:
    verdicts = {True: _("yes"), False: _("no"), None: ""}
    return verdicts[each.agrees]


def _whole(number: float) -> str:
    return format_amount(Decimal(round(number)), 0)
