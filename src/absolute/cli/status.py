"""Owns the words of `absolute status`: every run that is kept, and what waits for a person."""

from typing import Annotated

import typer

from absolute.cli.output import print_json
from absolute.desk.language import _, format_amount

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(help=_("Show every run: what it holds, what is open, what it asks."))
def status(
    database: Annotated[
        str | None, typer.Option("--db", metavar="URL", help=_("A database file or URL."))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("Print one JSON object."))] = False,
) -> None:
    """Show every run that the store holds, the newest first."""
    from absolute.desk.home import database as place
    from absolute.desk.run_status import statuses

    found = statuses(place(database))
    if as_json:
        print_json({"runs": found})
        return
    for each in found:
        line = _(
            "{run}  {mode}  {profile}  {symbol}: {fills} fills, {closed} of {deals} deals closed"
        )
        told = line.format(
            run=each.run,
            mode=each.mode,
            profile=each.profile,
            symbol=each.symbol,
            fills=each.fills,
            closed=each.deals_closed,
            deals=each.deals,
        )
        print(told)
        if each.last is not None:
            print("  " + _("last step {time} UTC").format(time=f"{each.last:%Y-%m-%d %H:%M:%S}"))
        profit = format_amount(each.profit)
        print("  " + _("profit {profit}, held {held}").format(profit=profit, held=each.held))
        for order in each.open_orders:
            print("  " + _("open: {order}").format(order=order))
        if each.asks is not None:
            print("  " + _("asks: {question}").format(question=each.asks))
