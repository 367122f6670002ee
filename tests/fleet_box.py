"""Owns a box for the fleet's tests: four venues in a thread of their own, on a real socket.

The printed examples start and end their own event loops, so the box cannot live in theirs.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from absolute.desk.box_state import BoxState, write_state
from absolute.desk.box_venues import MarketWanted, Shown, made_venues, trading_keys
from absolute.desk.clock import WallClock, generator
from absolute.simex.certificates import Authority
from absolute.simex.exchange import Scope
from absolute.simex.fault_rules import rules_of
from absolute.simex.faults import FaultBook
from absolute.simex.network import LOOPBACK, Door, Venue
from absolute.simex.orders import AccountId, BoxOrder

VENUES = ("robinhood", "kraken", "coinbase", "binance")


@dataclass(frozen=True)
class FleetBox:
    """A box that serves: where its state lies, and how to look into it and make it fail."""

    place: Path
    state: BoxState
    loop: asyncio.AbstractEventLoop
    book: FaultBook
    shown: tuple[Shown, ...]
    rules: list[int] = field(default_factory=list)

    def inside(self, look: Callable[[], Any]) -> Any:
        """Calls `look` in the box's own thread."""

        async def looked() -> Any:
            return look()

        return asyncio.run_coroutine_threadsafe(looked(), self.loop).result(10)

    def faults(self, *rules: dict[str, Any]) -> None:
        """Replaces what goes wrong from now on."""
        self.inside(lambda: self.book.replace(rules_of(rules)))
        self.rules[:] = [len(rules)]

    def fired(self) -> int:
        """How often the present faults have fired; one that never fired proves nothing."""
        (count,) = self.rules
        present = self.inside(self.book.report)[-count:] if count else ()
        return sum(each.fired for each in present)

    def orders(self, venue: str) -> list[BoxOrder]:
        """Every order of the venue's trading key, oldest first, as the venue itself keeps them."""
        (shown,) = (each for each in self.shown if each.name == venue)
        (exchange,) = (world for name, world in shown.face.exchanges.items() if str(name) == "main")
        account = AccountId(f"box-{venue}-main")
        return self.inside(lambda: list(exchange.orders(account, Scope())))

    def environment(self) -> dict[str, str]:
        """What points a program at this box and nowhere else."""
        return {
            "ABSOLUTE_BOX": str(self.place),
            "ABSOLUTE_HOME": str(self.place),
            "ABSOLUTE_REGION": "global",
        }


@contextmanager
def fleet_box(place: Path) -> Iterator[FleetBox]:
    """A box that serves while the block runs."""
    ready: list[FleetBox] = []
    opened, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(place, ready, opened, stop)))
    thread.start()
    try:
        opened.wait(30)
        assert ready, "the box did not open"
        yield ready[0]
    finally:
        stop.set()
        thread.join(30)


async def _serve(
    place: Path, ready: list[FleetBox], opened: threading.Event, stop: threading.Event
) -> None:
    try:
        shown = tuple(each for name in VENUES for each in made_venues(MarketWanted(), name))
        names = frozenset(host for each in shown for host in each.face.hosts)
        authority, book = Authority(names), FaultBook(generator(1))
        door = Door(
            tuple(Venue(each.name, each.face, each.ping_s) for each in shown),
            WallClock(),
            book,
            authority,
        )
        port = await door.open(0)
        state = BoxState(
            pid=os.getpid(),
            host=LOOPBACK,
            port=port,
            proxy_port=0,
            ca=str(authority.write_root(place / "box.ca")),
            hosts={each.name: tuple(each.face.hosts) for each in shown},
            keys=trading_keys(shown),
        )
        write_state(state, place)
        ready.append(FleetBox(place, state, asyncio.get_running_loop(), book, shown))
    finally:
        opened.set()
    while not stop.is_set():
        await asyncio.sleep(0.02)
    await door.close()
