"""Owns the words of `absolute exchange`: serve the exchange in the box, tell how to reach it."""

import asyncio
import json
import os
import shlex
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from absolute.cli.output import called_as, print_json
from absolute.desk.language import _

if TYPE_CHECKING:
    from absolute.desk.box_state import BoxState

app = typer.Typer(
    help=_("Serve the exchange in the box."),
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)

SEED = 186


class Venues(StrEnum):
    """Which venues the box shows."""

    BYBIT = "bybit"
    BINANCE = "binance"
    KRAKEN = "kraken"
    COINBASE = "coinbase"
    ROBINHOOD = "robinhood"
    ALL = "all"


@app.command(help=_("Serve a local exchange that speaks the venues' own protocols."))
def serve(
    venue: Annotated[Venues, typer.Option(help=_("Which venues it shows."))] = Venues.ALL,
    faults: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("What shall go wrong: YAML or JSON."))
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Bars that move the price."))
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(metavar="NAME", help=_("The market, e.g. BTCUSDT."))
    ] = None,
    synth: Annotated[
        int, typer.Option(min=0, metavar="SEED", help=_("The seed of a made-up market."))
    ] = SEED,
    speed: Annotated[
        float, typer.Option(min=0.01, max=10_000, help=_("How much faster the market passes."))
    ] = 1.0,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help=_("The port; 0 takes a free one."))
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print one JSON object."))] = False,
) -> None:
    """Serve until interrupted."""
    from absolute.desk.box import PARENT, BoxWanted, serve_box
    from absolute.desk.box_venues import MarketWanted

    market = MarketWanted(data, symbol, seed=synth, speed=Decimal(str(speed)))
    told = os.environ.get(PARENT, "")
    parent = int(told) if told.isdecimal() else None
    wanted = BoxWanted(venue.value, market, port=port, faults=faults, parent=parent)
    report = asyncio.run(serve_box(wanted, _ready_json if as_json else _ready))
    for each in report:
        line = _("{name}: met {met} times, fired {fired} times")
        if not as_json:
            print(line.format(name=each.name, met=each.met, fired=each.fired))


@app.command(help=_("Print what an unmodified program needs to reach the running box."))
def env(
    as_json: Annotated[bool, typer.Option("--json", help=_("Print one JSON object."))] = False,
) -> None:
    """Print the variables of the running box."""
    from absolute.desk.box_state import read_state

    variables = read_state().environment()
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")


def _ready_json(state: "BoxState") -> None:
    """One line, so that whoever waits can read it while the box runs."""
    print(json.dumps(state.to_json(), ensure_ascii=False), flush=True)


def _ready(state: "BoxState") -> None:
    """What a person needs next."""
    address = state.to_json()["address"]
    print(_("The exchange in the box serves on {address}.").format(address=address))
    for venue, names in state.hosts.items():
        print(f"  {venue}: {', '.join(names)}")
    print(_("Keys (fake, they open nothing else):"))
    for world, pair in state.keys.items():
        print(f"  {world}  {pair['key']}  {pair['secret']}")
    hint = _('Another program reaches it after: eval "$({me} exchange env)"')
    print(hint.format(me=called_as()))
    print(_("Ctrl-C ends it."), flush=True)
