"""Owns the words of `absolute run` and `absolute recover`: a ladder live, on paper, in the box.

It turns options into what is wanted and hands it on. It must not know how a venue is reached, how
a run is found again, or what is done about an order in doubt.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from absolute.cli.numbers import within
from absolute.cli.output import called_as, print_json
from absolute.desk.language import _, format_amount, mark
from absolute.domain.units import LEDGER_UNIT

if TYPE_CHECKING:
    from absolute.desk.live_door import Way
    from absolute.desk.live_run import Summary
    from absolute.desk.recovery import Found

app = typer.Typer(rich_markup_mode=None, add_completion=False)
recover_app = typer.Typer(rich_markup_mode=None, add_completion=False)

MINUTES_MAX: Final = 60 * 24 * 366
WAITING: Final = {
    "halted": mark("halted"),
    "paused": mark("paused"),
    "stopped": mark("stopped"),
    "reducing": mark("reducing"),
}
"""Phases in which a person is asked."""

_Profile = Annotated[
    str,
    typer.Option(
        metavar="VENUE:WORLD", help=_("Where: bybit:demo, binance:testnet, kraken:main ...")
    ),
]
_Symbol = Annotated[str, typer.Option(help=_("The market, such as BTC/USDT."))]
_Box = Annotated[bool, typer.Option("--box", help=_("Trade against the exchange in the box."))]
_Account = Annotated[str, typer.Option(help=_("Which of the stored keys; see absolute keys."))]
_Database = Annotated[
    str | None, typer.Option("--db", metavar="URL", help=_("A database file or URL."))
]
_Json = Annotated[bool, typer.Option("--json", help=_("Print one JSON object."))]


@app.command(help=_("Run a ladder: live, in the box, or on paper over real prices."))
def run(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help=_("A strategy file; the defaults without it.")),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help=_("Change one setting; repeatable.")),
    ] = None,
    profile: _Profile = "bybit:demo",
    symbol: _Symbol = "BTC/USDT",
    paper: Annotated[
        bool, typer.Option("--paper", help=_("Real prices, simulated fills: no order leaves."))
    ] = False,
    box: _Box = False,
    account: _Account = "default",
    capital: Annotated[
        str | None, typer.Option(help=_("Money for this run; all that is free without it."))
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, max=MINUTES_MAX, help=_("End after so many minutes."))
    ] = None,
    go_on: Annotated[
        bool, typer.Option("--go-on", help=_("Lift a pause or a stop of this run."))
    ] = False,
    new: Annotated[
        bool, typer.Option("--new", help=_("Begin a new run where the last one is flat."))
    ] = False,
    phrase: Annotated[
        str | None, typer.Option(help=_("The words that allow real money; asked for otherwise."))
    ] = None,
    database: _Database = None,
    as_json: _Json = False,
) -> None:
    """Trade until Ctrl-C or the end of the time; the run can go on later where it was left."""
    from absolute.cli.dca import ladder_settings
    from absolute.desk.home import database as place
    from absolute.desk.live_door import Way
    from absolute.desk.live_session import Session, trade

    money = None if capital is None else within("--capital", capital, LEDGER_UNIT)
    way = Way(profile, symbol, account=account, box=box, paper=paper)
    typed = _phrase(way, phrase)
    session = Session(
        ladder_settings(file, changes), way, typed, place(database), money, minutes, go_on, new
    )
    if sys.stderr.isatty():
        begun = _("Trading {symbol} on {profile}; Ctrl-C ends it in order.")
        print(begun.format(symbol=symbol, profile=profile), file=sys.stderr)
    summary = trade(session)
    if as_json:
        print_json(summary)
    else:
        _tell(summary)


@recover_app.command(help=_("Compare a run with its venue, and bring it in order."))
def recover(
    run_id: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help=_("A run of absolute status; the last one without it.")),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=_("Ask and explain only; send and write nothing."))
    ] = False,
    box: _Box = False,
    account: _Account = "default",
    phrase: Annotated[
        str | None, typer.Option(help=_("The words that allow real money; asked for otherwise."))
    ] = None,
    database: _Database = None,
    as_json: _Json = False,
) -> None:
    """Explain what a restart would find; without --dry-run do it, and end once all is settled."""
    from absolute.desk.home import database as place
    from absolute.desk.live_door import Way
    from absolute.desk.live_session import explain, mend, way_of

    where = place(database)
    way: Way = way_of(where, run_id, account=account, box=box)
    if not dry_run:
        summary = mend(where, run_id, way, phrase=_phrase(way, phrase))
        print_json(summary) if as_json else _tell(summary)
        return
    found = explain(where, run_id, way)
    print_json(found) if as_json else _explain(found)


def _phrase(way: "Way", given: str | None) -> str | None:
    """The words that real money needs, asked for where somebody is there to type them."""
    wanted = way.phrase
    if wanted is None or given is not None or not sys.stdin.isatty():
        return given
    question = _('This moves real money. Type "{words}" to go on').format(words=wanted)
    answer: str = typer.prompt(question, err=True)
    return answer


def _tell(summary: "Summary") -> None:
    """How a run stands now it was left, and how to go on."""
    line = _("Run {run} on {profile}: {orders} orders, {fills} fills, {closed} deals closed")
    print(
        line.format(
            run=summary.run,
            profile=summary.profile,
            orders=summary.orders,
            fills=summary.fills,
            closed=summary.deals_closed,
        )
    )
    profit = format_amount(summary.profit)
    if summary.equity is None:  # no price was seen: a figure would be made up
        print(_("Profit {profit}, equity unknown: no price was seen").format(profit=profit))
    else:
        equity = format_amount(summary.equity)
        print(_("Profit {profit}, equity {equity}").format(profit=profit, equity=equity))
    for order in summary.open_orders:
        print("  " + _("open: {order}").format(order=order))
    for alarm in summary.alarms:
        print("  " + _("look at this: {alarm}").format(alarm=alarm))
    if summary.alarms:
        print(_("Once that is in order: run again with --go-on, which lifts the pause or stop."))
    if summary.phase in WAITING:
        hint = _("It is {phase} and waits for you: {me} status tells why, --go-on lets it go on.")
        print(hint.format(phase=_(WAITING[summary.phase]), me=called_as()))
    if summary.reconciled:
        print(_("Everything is settled with the venue."))
    else:
        hint = _("Not everything is settled with the venue; see {me} recover --dry-run.")
        print(hint.format(me=called_as()))


def _explain(found: "Found") -> None:
    """What a restart would find."""
    line = _("Run {run}: {steps} steps in the journal, phase {phase}, held {held}")
    print(line.format(run=found.run, steps=found.steps, phase=found.phase, held=found.held))
    groups = (
        (_("open in the journal: {order}"), found.open_in_journal),
        (_("in doubt, perhaps never sent: {order}"), found.in_doubt),
        (_("open after a look at the venue: {order}"), found.open_after),
        (_("a restart would send: {order}"), found.would_send),
        (_("a restart would cancel: {order}"), found.would_cancel),
        (_("look at this: {order}"), found.alarms),
    )
    for text, orders in groups:
        for order in orders:
            print("  " + text.format(order=order))
    missed = _("{facts} facts are not in the journal yet, {fills} of them fills.")
    print(missed.format(facts=found.missed, fills=found.missed_fills))
