"""Owns the proof by killing: a bot that is really killed again and again, and what is left then.

A lane is one exchange in the box, one database and one bot after the other. Each bot goes on where
the last was killed, at a named point of its work or at a random moment, always by SIGKILL. At the
end a bot is let live until all is settled, and the exchange's own books are compared with the
journal. It must not know how a bot recovers.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from absolute.desk.box import box_process
from absolute.desk.box_state import BoxState
from absolute.desk.clock import generator
from absolute.desk.kill_audit import Verdict, audit_of, halt_market, judge
from absolute.desk.live_door import Way, gateway
from absolute.desk.live_run import LiveRun, Summary, Wanted, begin, new_bot, resumable
from absolute.domain.errors import UserError
from absolute.domain.instrument import Instrument
from absolute.domain.units import NANOS_PER_MS, Ratio
from absolute.engine.live import Probe, nothing_happens
from absolute.engine.reports import Gateway, Report, Request, SendOrder, VenueFacts
from absolute.store.runs import RunMode
from absolute.store.sql_store import open_store
from absolute.strategies.ladder_plan import SEED_DEFAULTS

ANY: Final = "any moment"
POINTS: Final = ("K01", "K03", "K04", "K05", "K07", "K19", ANY)
"""Before a step is kept; kept and not sent; sent and not answered; answered and not taken in; a
fill read and not kept; the journal read and the venue not asked; and wherever it happens to be."""

PROFILES: Final = ("bybit:demo", "binance:demo", "bybit:testnet", "binance:testnet")
"""One lane each: Bybit's ids are unique for ever, Binance's only while an order is open."""

SYMBOL: Final = "BTC/USDT"
CAPITAL: Final = Decimal(10_000)
SPEED: Final = "300"
NTH_MAX: Final = 3
TRIES: Final = 5
UNREACHED: Final = 3
"""The exit status of a bot that could not reach its venue: it is not dead, it never lived."""
LIFE_S: Final = 6.0
LAST_LIFE_S: Final = 6.0
QUIET_S: Final = 3.0

QUICK: Final = replace(
    SEED_DEFAULTS,
    lucro_alvo_inicial=Ratio(Decimal("0.0004")),
    lucro_alvo_minimo=Ratio(Decimal("0.0002")),
    recompra_queda_inicial=Ratio(Decimal("0.0004")),
    recompra_queda_minimo=Ratio(Decimal("0.0002")),
)
"""A ladder that trades every second (at a loss, after fees): always something to be killed at."""

BOX_FACTS: Final = VenueFacts(
    window=1000 * NANOS_PER_MS,
    engine_timeout=200 * NANOS_PER_MS,
    visibility=300 * NANOS_PER_MS,
    clock_error=100 * NANOS_PER_MS,
    overlap=1000 * NANOS_PER_MS,
    ids_unique_for_ever=True,
)
"""The box answers at once and shows what it took at once, so its proofs need not wait as long."""


@dataclass(frozen=True, slots=True)
class Death:
    """Where a bot is to die: the `nth` time it comes by a point, or after some time."""

    point: str
    nth: int
    after_s: float


@dataclass(frozen=True, slots=True)
class Lane:
    """One line of bots: how often to kill, and from which seed."""

    profile: str
    kills: int
    seed: int


def run_kills(
    count: int, *, seed: int = 1, told: Callable[[int], None] | None = None
) -> dict[str, object]:
    """Kill `count` bots; what was lost, doubled or left behind, and where they died."""
    lanes = len(PROFILES)
    plans = [
        Lane(profile, count // lanes + (number < count % lanes), seed + number)
        for number, profile in enumerate(PROFILES)
    ]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(lanes, mp_context=context) as pool:
        verdicts = []
        for verdict in pool.map(run_lane, plans):
            verdicts.append(verdict)
            if told is not None:
                told(sum(sum(each.died.values()) for each in verdicts))
    return _summed(verdicts)


def run_lane(lane: Lane) -> Verdict:
    """One lane from its first bot to the comparison of the books."""
    draws, profile = generator(lane.seed), lane.profile
    with tempfile.TemporaryDirectory(prefix="absolute-kills-") as folder:
        words = ("--venue", profile.partition(":")[0], "--synth", str(lane.seed), "--speed", SPEED)
        with box_process(*words, place=Path(folder)) as box:
            where = str(Path(folder) / "runs.db")
            died: Counter[str] = Counter()
            tries = 0
            while died.total() < lane.kills and tries < 2 * lane.kills + 20:
                tries += 1
                point = POINTS[int(draws.integers(len(POINTS)))]
                nth = int(draws.integers(1, NTH_MAX + 1)) if point != "K19" else 1
                death = Death(point, nth, float(draws.uniform(0.05, LIFE_S / 2)))
                status, where_it_died = _bot((where, profile, box, death))
                if status == -signal.SIGKILL:
                    died[where_it_died] += 1
                elif status != UNREACHED:
                    return Verdict(dict(died), failed=f"a bot ended with status {status}")
            last = _last(where, profile, box)
            account = asyncio.run(audit_of(box, box.keys[profile]["key"]))
            return replace(judge(where, account), died=dict(died), settled=last.reconciled)


def _bot(words: tuple[str, str, BoxState, Death]) -> tuple[int | None, str]:
    """One bot from its birth to its death: its exit status, and where it died."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["absolute.desk.kills", "ccxt.async_support"])
    here, there = context.Pipe(duplex=False)
    with here:
        bot = context.Process(target=_live, args=(*words, there))
        bot.start()
        there.close()
        bot.join()
        try:
            return bot.exitcode, here.recv()
        except EOFError:  # it ended without having said where
            return bot.exitcode, "unknown"


def _live(where: str, profile: str, box: BoxState, death: Death, line: Connection) -> None:
    """The life of one bot, in a process of its own; it always ends by a kill."""
    try:
        asyncio.run(_sit(where, profile, box, reaper=Reaper(death, line)))
    except UserError as fault:
        if fault.code != "VENUE_UNREACHABLE":
            raise
        sys.exit(UNREACHED)


def _last(where: str, profile: str, box: BoxState) -> Summary:
    """Let a bot live until all is settled; on a busy machine the box may answer late."""
    for left in reversed(range(TRIES)):
        try:
            summary = asyncio.run(_sit(where, profile, box))
        except UserError as fault:
            if fault.code != "VENUE_UNREACHABLE" or not left:
                raise
            continue
        if summary.reconciled or not left:
            return summary
    raise AssertionError("the last try always returns or raises")


async def _sit(
    where: str, profile: str, box: BoxState, *, reaper: "Reaper | None" = None
) -> Summary:
    """Trade: until the reaper comes, or, where there is none, for a last while."""
    way = Way(profile, SYMBOL, box=True, facts=BOX_FACTS)
    loop = asyncio.get_running_loop()
    passes = nothing_happens if reaper is None else reaper.passes
    if reaper is not None and reaper.death.point == ANY:
        loop.call_later(reaper.death.after_s, reaper.come, ANY)
    with open_store(where) as store:
        wanted = Wanted(QUICK, profile, way.market, RunMode.BOX, CAPITAL)
        run = resumable(store, wanted)
        bot = new_bot() if run is None else run.bot
        async with gateway(way, bot, box=box) as market:
            run = run or await begin(store, wanted, market, bot=bot)
            live = LiveRun(store, run, Watched(market, passes), probe=passes)
            if reaper is not None:
                loop.call_later(LIFE_S, reaper.come, ANY)
                return await live.drive()
            ending = asyncio.create_task(_end(live, box))
            summary = await live.drive()
            await ending
            return summary


async def _end(live: LiveRun, box: BoxState) -> None:
    """Stand the market still before the last bot leaves: the books are compared after it."""
    await asyncio.sleep(LAST_LIFE_S)
    await halt_market(box, live.run.profile, live.run.symbol.replace("/", ""))
    await asyncio.sleep(QUIET_S)
    live.stop()


class Reaper:
    """Counts how often a point is passed, and kills at the right time; it says where it was."""

    def __init__(self, death: Death, line: Connection) -> None:
        self.death = death
        self._line = line
        self._passed: Counter[str] = Counter()

    def passes(self, point: str) -> None:
        """The bot comes by a point of its work."""
        self._passed[point] += 1
        if point == self.death.point and self._passed[point] >= self.death.nth:
            self.come(point)

    def come(self, point: str) -> None:
        """The end."""
        self._line.send(point)
        os.kill(os.getpid(), signal.SIGKILL)


class Watched:
    """A gateway that tells the reaper when an order is on its way and not answered yet."""

    def __init__(self, gateway: Gateway, passes: Probe) -> None:
        self._gateway = gateway
        self._passes = passes

    @property
    def instrument(self) -> Instrument:
        """The market, with the venue's live filters."""
        return self._gateway.instrument

    @property
    def facts(self) -> VenueFacts:
        """What its proofs rest on."""
        return self._gateway.facts

    async def perform(self, request: Request) -> Report:
        """Do one thing; while an order is under way the reaper may come."""
        if isinstance(request, SendOrder):
            asyncio.get_running_loop().call_later(0.004, self._passes, "K04")
        return await self._gateway.perform(request)

    async def listen(self, put: Callable[[Report], None]) -> None:
        """Bring the streams."""
        await self._gateway.listen(put)

    async def close(self) -> None:
        """Let go of every socket."""
        await self._gateway.close()


def _summed(verdicts: list[Verdict]) -> dict[str, object]:
    died: Counter[str] = Counter()
    for verdict in verdicts:
        died.update(verdict.died)
    return {
        "kills": sum(died.values()),
        "lost_fills": sum(each.lost_fills for each in verdicts),
        "double_orders": sum(each.double_orders for each in verdicts),
        "orphans": sum(each.orphans for each in verdicts),
        "wrong_money": sum(each.wrong_money for each in verdicts),
        "unsettled": sum(not each.settled for each in verdicts),
        "failed": [each.failed for each in verdicts if each.failed],
        "orders": sum(each.orders for each in verdicts),
        "fills": sum(each.fills for each in verdicts),
        "deals": sum(each.deals for each in verdicts),
        "points": dict(sorted(died.items())),
    }
