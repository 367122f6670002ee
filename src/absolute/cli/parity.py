"""Owns the words of `absolute parity`: which run, which market, and the ledger told.

Options become a run and a market; a ledger becomes text or JSON. It must not know how a
difference is divided.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from absolute.cli.dca import ladder_settings
from absolute.cli.demo import DAY, FIRST_PRICE, SEED
from absolute.cli.numbers import within
from absolute.cli.options import takes
from absolute.cli.output import print_json
from absolute.desk.language import _, format_amount, mark
from absolute.domain.units import LEDGER_UNIT, ZERO, Bps

if TYPE_CHECKING:
    from absolute.desk.market_data import Found
    from absolute.desk.parity import Parity, Record

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_BPS_PLACES: Final = 4

PARTS: Final = {
    "fee": mark("fee"),
    "slippage": mark("slippage"),
    "fill": mark("fill"),
    "timing": mark("timing"),
    "funding": mark("funding"),
    "data": mark("data"),
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the parity ledger can be told."""

    run: Annotated[
        str, typer.Argument(metavar="RUN", help=_("A run's id, or the file of its journal."))
    ]
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=_("Bars to replay over; else what the run saw.")),
    ] = None
    start: Annotated[str | None, typer.Option("--from", help=_("First day, inclusive."))] = None
    end: Annotated[str | None, typer.Option("--to", help=_("Last day, exclusive."))] = None
    symbol: Annotated[str | None, typer.Option(help=_("The market, e.g. BTCUSDT."))] = None
    seen: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=_("A journal file: bars the run saw, if not --data.")),
    ] = None
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("A journal file: its strategy file."))
    ] = None
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help=_("A journal file: a changed setting.")),
    ] = None
    capital: Annotated[str, typer.Option(help=_("A journal file: its money at the start."))] = (
        "10000"
    )
    seed: Annotated[
        int, typer.Option(min=0, help=_("A journal file: the seed of its built-in market."))
    ] = SEED
    days: Annotated[
        int, typer.Option(min=1, max=365, help=_("A journal file: the days of that market."))
    ] = 7
    interrupted: Annotated[
        bool, typer.Option("--interrupted", help=_("The run ended early: stop at its last event."))
    ] = False
    slippage_bps: Annotated[str, typer.Option(help=_("Slippage the model expects."))] = "0"
    database: Annotated[
        str | None, typer.Option("--db", metavar="URL", help=_("A database file or URL."))
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help=_("Print one JSON object."))] = False


@app.command(help=_("Say why a run ended otherwise than its back-test, in basis points."))
@takes(Options)
def parity(told: Options) -> None:
    """Say why a run ended otherwise than its back-test, in basis points."""
    from absolute.desk.parity import compare, expected, until_last

    record, found = _from_file(told) if Path(told.run).is_file() else _from_store(told)
    if told.interrupted:
        record, found = until_last(record, found)
    slippage = Bps(within("--slippage-bps", told.slippage_bps, ZERO, Decimal(1000)))
    ledger = compare(record, found, replace(expected(record), slippage_bps=slippage))
    if told.as_json:
        print_json(ledger.to_json())
    else:
        _tell(ledger)


def _from_file(told: Options) -> "tuple[Record, Found]":
    """A journal file with what it does not tell itself."""
    from absolute.desk.market_data import Wanted, gather, made_market
    from absolute.desk.parity import record_of_file

    config = ladder_settings(told.config, told.changes)
    if told.data is None:
        found = made_market(seed=told.seed, bars=told.days * DAY, first_price=FIRST_PRICE)
    else:
        found = gather(Wanted(told.data, told.start, told.end, symbol=told.symbol))
    seen = None
    if told.seen is not None:
        seen = gather(Wanted(told.seen, told.start, told.end, symbol=told.symbol)).tape
    money = within("--capital", told.capital, LEDGER_UNIT)
    record = record_of_file(Path(told.run), config, found, capital=money, seen=seen)
    return record, found


def _from_store(told: Options) -> "tuple[Record, Found]":
    """A run out of the database, over the prices it saw or over other bars."""
    from absolute.desk.home import database
    from absolute.desk.market_data import Wanted, gather
    from absolute.desk.parity import found_as_seen, stored_run, within_run

    record = stored_run(database(told.database), told.run)
    if told.data is None:
        return record, found_as_seen(record)
    wanted = Wanted(told.data, told.start, told.end, symbol=told.symbol)
    return record, within_run(record, gather(wanted))


def _tell(ledger: "Parity") -> None:
    """One line a part, the whole below."""
    from absolute.desk.parity import parts_in_order

    text = _("Run {run}: {actual} at its end, {modelled} in its back-test.")
    words = {
        "actual": format_amount(ledger.actual_equity),
        "modelled": format_amount(ledger.modelled_equity),
    }
    print(text.format(run=ledger.run, **words))
    lines = [(_(PARTS[part]), amount) for part, amount in parts_in_order(ledger)]
    lines.append((_("unexplained"), ledger.split.unexplained))
    lines.append((_("total"), ledger.split.total))
    width = max(len(name) for name, _amount in lines)
    for name, amount in lines:
        bps = format_amount(ledger.bps(amount), _BPS_PLACES)
        print(_("  {name}  {bps} bps of the capital").format(name=name.ljust(width), bps=bps))
    lone = len(ledger.split.only_actual) + len(ledger.split.only_modelled)
    text = _("{matched} trades were made by both, {lone} by only one of them.")
    print(text.format(matched=ledger.split.matched, lone=lone))
