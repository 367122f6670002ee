"""Owns the bringing together of a box: tapes, venues, faults, door and proxy, from start to end.

It runs in this process or in one of its own; either way it listens on the loopback interface only
and is reached under the venues' real host names. It must not know any venue's protocol.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from absolute.desk.box_state import BoxState, clear_state, state_of, write_state
from absolute.desk.box_venues import MarketWanted, made_venues, trading_keys
from absolute.desk.clock import WallClock, generator
from absolute.desk.dotenv import KEYS
from absolute.desk.home import home
from absolute.desk.language import _
from absolute.domain.errors import UserError
from absolute.simex.certificates import Authority
from absolute.simex.control import CONTROL_HOST, ControlFace
from absolute.simex.fault_rules import FaultFile, Rule, read_faults
from absolute.simex.faults import FaultBook, Firing
from absolute.simex.network import LOOPBACK, Door, Venue
from absolute.simex.proxy import Proxy

CONTROL: Final = "box"
END_S: Final = 20.0
PARENT: Final = "ABSOLUTE_BOX_PARENT"
"""Names the process whose end is the end of the box as well."""
PARENT_S: Final = 0.5
_SEQUENCE: Final = count(1)
_PROGRAM: Final = (
    "import sys; from absolute.cli.main import status_of; "
    "sys.exit(status_of(sys.argv[1:], commands=(('exchange', 'absolute.cli.exchange:app', ''),)))"
)


@dataclass(frozen=True, slots=True)
class BoxWanted:
    """What a box shall be. `rules` come before those of the faults file.

    `parent`: a served box ends with this process, however that ends.
    """

    venues: str = "all"
    market: MarketWanted = field(default_factory=MarketWanted)
    port: int = 0
    faults: Path | None = None
    rules: tuple[Rule, ...] = ()
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A box that runs in this process: how to reach it, and how to move and audit it."""

    state: BoxState
    door: Door
    book: FaultBook
    control: ControlFace


@asynccontextmanager
async def running_box(wanted: BoxWanted, place: Path | None = None) -> AsyncIterator[Box]:
    """A box that serves while the block runs. Its authority's file lies in `place`.

    Raises UserError for a faults file or data that cannot be used, or a port that is taken.
    """
    folder = place or home()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = read_faults(wanted.faults) if wanted.faults is not None else FaultFile()
    file = file.model_copy(update={"rules": (*wanted.rules, *file.rules)})
    book = FaultBook.of_file(file, generator(file.seed))
    shown = made_venues(wanted.market, wanted.venues)
    insides = [inside for each in shown for inside in each.insides]
    control = ControlFace(insides, book, file.steps)
    names = frozenset(host for each in shown for host in each.face.hosts) | {CONTROL_HOST}
    authority = Authority(names)
    venues = [
        Venue(each.name, each.face, each.ping_s, file.clocks.get(each.name, 0)) for each in shown
    ]
    door = Door((*venues, Venue(CONTROL, control)), WallClock(), book, authority)
    control.cut_sockets = door.cut_sockets
    control.failures = lambda: door.failures
    root = authority.write_root(folder / f"box-{os.getpid()}-{next(_SEQUENCE)}.ca")
    try:
        async with _served(door, names, wanted.port) as (port, proxy_port):
            state = BoxState(
                pid=os.getpid(),
                host=LOOPBACK,
                port=port,
                proxy_port=proxy_port,
                ca=str(root),
                hosts={each.name: tuple(each.face.hosts) for each in shown}
                | {CONTROL: (CONTROL_HOST,)},
                keys=trading_keys(shown),
            )
            yield Box(state, door, book, control)
    finally:
        root.unlink(missing_ok=True)


@asynccontextmanager
async def _served(door: Door, names: frozenset[str], port: int) -> AsyncIterator[tuple[int, int]]:
    """The door and the proxy in front of it, open; their ports."""
    try:
        door_port = await door.open(port)
    except OSError as error:
        message = _("Port {port} cannot be used here: {reason}. Choose another, or 0 for any.")
        reason = error.strerror or str(error)
        raise UserError("PORT_TAKEN", message.format(port=port, reason=reason)) from error
    proxy = Proxy(names, door_port)
    try:
        proxy_port = await proxy.open()
        try:
            yield door_port, proxy_port
        finally:
            await proxy.close()
    finally:
        await door.close()


async def serve_box(wanted: BoxWanted, ready: Callable[[BoxState], None]) -> tuple[Firing, ...]:
    """Serve until SIGINT or SIGTERM; `ready` is told once all answers. What the faults did."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Windows has no signal handlers in its event loop: there Ctrl-C reaches the caller.
    with suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    async with running_box(wanted) as box:
        write_state(box.state)
        try:
            ready(box.state)
            standing = asyncio.create_task(box.door.stand())
            stopping = asyncio.create_task(stop.wait())
            orphaned = asyncio.create_task(_outlived(wanted.parent))
            ends = {standing, stopping, orphaned}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            orphaned.cancel()
            if standing.done():
                standing.result()
            standing.cancel()
            return box.book.report()
        finally:
            clear_state(box.state)


async def _outlived(parent: int | None) -> None:
    """Wait until the parent is gone; for ever where there is none to wait for."""
    while parent is None or os.getppid() == parent:
        await asyncio.sleep(PARENT_S)


def _is_secret(name: str) -> bool:
    """True for what leads to a real key or a real store, neither of which is a box's business."""
    return KEYS.fullmatch(name) is not None or name in {"VAULT_PASSWORD_FILE", "DATABASE_URL"}


@contextmanager
def box_process(*words: str, place: Path) -> Iterator[BoxState]:
    """A box in a process of its own, whose folder is `place`; ended in order with the block.

    `words` are those of `absolute exchange serve`. Raises UserError BOX_NOT_STARTED.
    """
    command = [sys.executable, "-c", _PROGRAM, "exchange", "serve", "--json", *words]
    inherited = {name: value for name, value in os.environ.items() if not _is_secret(name)}
    environment = {**inherited, "ABSOLUTE_HOME": str(place), PARENT: str(os.getpid())}
    with subprocess.Popen(  # noqa: S603 -- our own program, its words are ours
        command, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line.startswith("{"):
                message = _("The exchange in the box did not start.")
                raise UserError("BOX_NOT_STARTED", message)
            yield state_of(json.loads(line))
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
