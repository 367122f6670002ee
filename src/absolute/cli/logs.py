"""Owns the words of `absolute logs`: the log, or the whole story of one order or one deal.

It must not know how either is kept.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from absolute.cli.output import UNSEEN, print_json
from absolute.desk.language import _
from absolute.domain.errors import UserError

if TYPE_CHECKING:
    from absolute.desk.log_reading import Told, Wanted

app = typer.Typer(rich_markup_mode=None, add_completion=False)

LOOK_S: Final = 0.5


@app.command(help=_("Show the log, or the whole story of one order or one deal."))
def logs(
    order: Annotated[
        str | None, typer.Option(metavar="ID", help=_("An order, by our id or the venue's."))
    ] = None,
    deal: Annotated[int | None, typer.Option(min=1, help=_("A deal, by its number."))] = None,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help=_("Of this run; the newest without it."))
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help=_("Go on as more comes, until Ctrl-C."))
    ] = False,
    lines: Annotated[
        int, typer.Option(min=0, max=100_000, help=_("How many lines of the log to begin with."))
    ] = 50,
    database: Annotated[
        str | None, typer.Option("--db", metavar="URL", help=_("A database file or URL."))
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help=_("Check the chain of the security log."))
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help=_("Print JSON; of the log one object a line."))
    ] = False,
) -> None:
    """Tell a story from the journal and the log, or show the log."""
    from absolute.desk.dotenv import load_dotenv
    from absolute.desk.log_reading import Wanted

    load_dotenv(Path.cwd(), os.environ)
    if verify:
        _verify(as_json=as_json)
    elif order is None and deal is None and run is None:
        _show_log(lines, follow=follow, as_json=as_json)
    else:
        _tell(Wanted(order, deal, run), database, follow=follow, as_json=as_json)


def _tell(wanted: "Wanted", place: str | None, *, follow: bool, as_json: bool) -> None:
    """Print a story; with `follow` also what comes to it later."""
    from absolute.desk.clock import wait
    from absolute.desk.log_reading import records_at, since, story_of, tell

    records = records_at(place)
    story = story_of(records, wanted)
    told = tell(story, _log_file())
    if as_json and not follow:
        print_json(
            {
                "run": story.run.id,
                "orders": story.orders,
                "fills": story.fills,
                "deals": story.deals,
                "lines": [each.to_json() for each in told],
            }
        )
        return
    _print_told(told, as_json=as_json)
    number = story.lines[-1].number if story.lines else 0
    while follow:
        wait(LOOK_S)
        story = since(story_of(records, wanted), number)
        number = story.lines[-1].number if story.lines else number
        _print_told(tell(story, None), as_json=as_json)


def _print_told(told: "list[Told]", *, as_json: bool) -> None:
    from absolute.desk.log_reading import instant

    for each in told:
        if as_json:
            _print_line(each.to_json())
        else:
            text = each.text.translate(UNSEEN)
            print(f"{instant(each.time)}  {each.source:<12} {text}", flush=True)


def _show_log(count: int, *, follow: bool, as_json: bool) -> None:
    """Print the end of the log; with `follow` also what comes."""
    from absolute.desk.clock import wait
    from absolute.desk.log_reading import Follower, tail

    log = _log_file()
    if log is None or (not log.exists() and not follow):
        message = _("There is no log {path} yet; LOG_FILE says where it is.")
        raise UserError("LOG_MISSING", message.format(path=log or "-"))
    follower = Follower(log)
    _print_lines(tail(log, count), as_json=as_json)
    while follow:
        _print_lines(follower.fresh(), as_json=as_json)
        wait(LOOK_S)


def _print_lines(lines: list[dict[str, Any]], *, as_json: bool) -> None:
    own = ("time", "level", "logger", "message")
    for told in lines:
        if as_json:
            _print_line(told)
            continue
        rest = " ".join(f"{name}={told[name]}" for name in told if name not in own)
        head = f"{told.get('time', '')}  {told.get('level', ''):<8} {told.get('message', '')}"
        print(f"{head}  {rest}".rstrip().translate(UNSEEN), flush=True)


def _print_line(told: dict[str, Any]) -> None:
    """One object on a line of its own, seen at once by whoever reads the other end."""
    print(json.dumps(told), flush=True)


def _verify(*, as_json: bool) -> None:
    """Check the log of what touched keys and rights, line by line."""
    from absolute.desk.home import home
    from absolute.desk.security_log import verify
    from absolute.domain.errors import JournalError

    path = home() / "security.log"
    try:
        count = sum(1 for _event in verify(path))
    except JournalError as fault:
        message = _("The security log {path} was changed: {detail}.")
        words = {"path": path, "detail": fault}
        raise UserError("SECURITY_LOG_DAMAGED", message.format(**words)) from fault
    if as_json:
        print_json({"lines": count, "whole": True})
    else:
        print(_("{count} lines, each follows from the one before it.").format(count=count))


def _log_file() -> Path | None:
    from absolute.desk.logs import log_settings

    return log_settings(os.environ).file
