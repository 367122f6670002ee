"""Owns the sittings of the command line with a live run: trade, look, bring in order.

Each opens the store and the way to the market, does one thing, and closes both again, whatever
happened. What went wrong with the disk or the venue becomes one sentence here.
"""

import asyncio
import json
import logging
import os
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

from absolute.desk.box import box_process
from absolute.desk.box_state import BoxState, read_state
from absolute.desk.dotenv import load_dotenv
from absolute.desk.driver import DriverFault
from absolute.desk.home import home
from absolute.desk.language import _
from absolute.desk.live_door import Way, gateway
from absolute.desk.live_run import (
    LiveRun,
    Summary,
    Wanted,
    begin,
    drive_until_interrupted,
    new_bot,
    resumable,
)
from absolute.desk.logs import hidden, log_settings, start_logging, stop_logging
from absolute.desk.recovery import Found, look
from absolute.domain.errors import (
    IllegalStep,
    JournalError,
    LedgerError,
    UnknownOrder,
    UserError,
)
from absolute.domain.messages import Resumed
from absolute.store.runs import Run, RunMode
from absolute.store.sql_store import Store, open_records, open_store
from absolute.store.sql_writer import NotKept
from absolute.strategies.ladder_plan import LadderConfig

LOG: Final = logging.getLogger("absolute.live")
Result = TypeVar("Result")
DEFAULT_ACCOUNT: Final = "default"


@dataclass(frozen=True, slots=True)
class Session:
    """What one `absolute run` was asked for."""

    config: LadderConfig
    way: Way
    phrase: str | None
    where: str
    capital: Decimal | None = None
    minutes: float | None = None
    go_on: bool = False
    new: bool = False


def trade(session: Session) -> Summary:
    """Run until the end of the time or the first Ctrl-C."""

    async def main() -> Summary:
        wanted = Wanted(
            session.config,
            session.way.profile,
            session.way.market,
            session.way.mode,
            session.capital,
        )
        with open_store(session.where) as store, box_for(session.way) as box:
            wanted = replace(wanted, assumed=place_mark(session.way, box))
            run = resumable(store, wanted, new=session.new)
            bot = new_bot() if run is None else run.bot
            async with gateway(session.way, bot, session.phrase, box=box) as market:
                run = run or await begin(store, wanted, market, bot=bot)
                live = LiveRun(store, run, market)
                if session.go_on:
                    live.driver.ask(Resumed(live.clock.now_ns(), "command line"))
                return await drive_until_interrupted(live, session.minutes)

    return carried_out(main())


def mend(where: str, run_id: str | None, way: Way, *, phrase: str | None) -> Summary:
    """Bring a run in order with its venue and leave it."""

    async def main() -> Summary:
        with open_store(where) as store:
            run = _run_of(store, run_id)
            async with gateway(way, run.bot, phrase) as market:
                return await drive_until_interrupted(LiveRun(store, run, market), 0)

    return carried_out(main())


def explain(where: str, run_id: str | None, way: Way) -> Found:
    """What a restart would find; sends nothing, writes nothing."""

    async def main() -> Found:
        with open_store(where) as store:
            run = _run_of(store, run_id)
            # Nothing is sent, so nothing has to be allowed.
            async with gateway(way, run.bot, way.phrase) as market:
                return await look(store, run, market)

    return carried_out(main())


@contextmanager
def box_for(way: Way) -> Iterator[BoxState | None]:
    """The exchange in the box: the one that runs, or one for as long as this run lasts."""
    if not way.box:
        yield None
        return
    try:
        yield read_state()
    except UserError as missing:
        if missing.code != "BOX_NOT_RUNNING":
            raise
        with box_process("--venue", "all", place=home()) as state:
            yield state


def place_mark(way: Way, box: BoxState | None) -> str:
    """What tells one place from another that shares no orders with it: the box, the account."""
    if box is not None:
        return json.dumps({"box": f"{box.pid}:{box.port}"})
    if way.paper or way.account == DEFAULT_ACCOUNT:
        return "{}"
    return json.dumps({"account": way.account})


def way_of(where: str, run_id: str | None, *, account: str, box: bool) -> Way:
    """The way a run was begun on; raises `UserError` where that is not the one that is meant."""
    run = _chosen(open_records(where).runs(), run_id)
    paper, boxed = run.mode is RunMode.PAPER, "box" in json.loads(run.assumed)
    if boxed and not box:
        message = _("Run {run} traded in the exchange in the box; add --box.")
        raise UserError("BOX_RUN", message.format(run=run.id))
    if box and not boxed:
        message = _("Run {run} did not trade in the exchange in the box; leave out --box.")
        raise UserError("NOT_A_BOX_RUN", message.format(run=run.id))
    if not boxed:
        own = _account_of(run, account)
        return Way(run.profile, run.symbol, account=own, paper=paper)
    way = Way(run.profile, run.symbol, box=True, paper=paper)
    if place_mark(way, read_state()) != run.assumed:
        message = _("The exchange in the box in which run {run} traded is gone, with its orders.")
        raise UserError("BOX_GONE", message.format(run=run.id))
    return way


def _account_of(run: Run, asked: str) -> str:
    """The account a run trades on: its orders would not be found on any other."""
    own = str(json.loads(run.assumed).get("account", DEFAULT_ACCOUNT))
    if asked not in {own, DEFAULT_ACCOUNT}:
        message = _("Run {run} trades on the account {own}, not on {asked}.")
        raise UserError("RUN_OTHER_ACCOUNT", message.format(run=run.id, own=own, asked=asked))
    return own


def _run_of(store: Store, run_id: str | None) -> Run:
    return _chosen(store.records.runs(), run_id)


def _chosen(runs: Sequence[Run], run_id: str | None) -> Run:
    """The run of an id, or the last one."""
    found = [run for run in runs if run_id in {None, run.id}]
    if not found:
        message = _("There is no run {run} here; absolute status lists them.")
        raise UserError("RUN_UNKNOWN", message.format(run=run_id or ""))
    return max(found, key=lambda run: run.created)


def carried_out(work: Coroutine[Any, Any, Result]) -> Result:
    """Do it with the log open, and say in one sentence what nobody here can mend."""
    try:
        load_dotenv(Path.cwd(), os.environ)
        start_logging(log_settings(os.environ))
    except UserError:
        work.close()  # it never began, and would complain of that
        raise
    try:
        return asyncio.run(work)
    except NotKept as fault:
        message = _(
            "The journal could not be written ({reason}), so nothing more was sent; free the "
            "disk and start again: the run goes on where it was."
        )
        raise UserError("JOURNAL_NOT_KEPT", message.format(reason=str(fault))) from fault
    except JournalError as fault:
        message = _("The journal cannot be gone on with ({reason}); nothing more is sent.")
        raise UserError("JOURNAL_DISAGREES", message.format(reason=str(fault))) from fault
    except (DriverFault, IllegalStep, LedgerError, UnknownOrder) as fault:
        LOG.critical("fault", exc_info=fault)
        message = _(
            "A fault of this program ended the run ({reason}); its orders stay at the venue, and "
            "the log tells more. Look at it with: recover --dry-run."
        )
        reason = hidden(repr(fault.__cause__ or fault))
        raise UserError("RUN_BROKE", message.format(reason=reason)) from fault
    finally:
        stop_logging()
