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
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from absolute.desk.box import box_process
from absolute.desk.box_state import BoxState
from absolute.desk.clock import generator
from absolute.desk.kill_audit import Verdict, audit_of, judge
from absolute.desk.live_door import Way, gateway
from absolute.desk.live_run import LiveRun, Summary, Wanted, begin, new_bot, resumable
from absolute.domain.instrument import Instrument
from absolute.domain.units import NANOS_PER_MS, Ratio
from absolute.engine.reports import Gateway, Report, Request, SendOrder, VenueFacts
from absolute.store.runs import RunMode
from absolute.store.sql_store import open_store
from absolute.strategies.ladder_plan import SEED_DEFAULTS

POINTS: Final = ("K01", "K03", "K04", "K05", "K07", "K19", "any moment")
"""Before a step is kept; kept and not sent; sent and not answered; answered and not taken in; a
fill read and not kept; the journal read and the venue not asked; and wherever it happens to be."""

PROFILES: Final = ("bybit:demo", "binance:demo", "bybit:testnet", "binance:testnet")
"""One lane each: Bybit's ids are unique for ever, Binance's only while an order is open."""

SYMBOL: Final = "BTC/USDT"
CAPITAL: Final = Decimal(10_000)
SPEED: Final = "600"
LIFE_S: Final = 2.0
LAST_LIFE_S: Final = 8.0

QUICK: Final = replace(
    SEED_DEFAULTS,
    lucro_alvo_inicial=Ratio(Decimal("0.002")),
    lucro_alvo_minimo=Ratio(Decimal("0.001")),
    recompra_queda_inicial=Ratio(Decimal("0.001")),
    recompra_queda_minimo=Ratio(Decimal("0.0005")),
)
"""A ladder that trades every few seconds, so that there is always something to be killed at."""

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
    draws = generator(lane.seed)
    with tempfile.TemporaryDirectory(prefix="absolute-kills-") as folder:
        venue, profile = lane.profile.partition(":")[0], lane.profile
        words = ("--venue", venue, "--synth", str(lane.seed), "--speed", SPEED)
        with box_process(*words, place=Path(folder)) as box:
            where = str(Path(folder) / "runs.db")
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["absolute.desk.kills", "ccxt.pro"])
            died: Counter[str] = Counter()
            tries = 0
            while sum(died.values()) < lane.kills and tries < 3 * lane.kills + 20:
                tries += 1
                point = POINTS[int(draws.integers(len(POINTS)))]
                nth = int(draws.integers(1, 6)) if point != "K19" else 1
                death = Death(point, nth, float(draws.uniform(0.05, LIFE_S)))
                bot = context.Process(target=_live, args=(where, profile, box, death))
                bot.start()
                bot.join()
                if bot.exitcode == -signal.SIGKILL:
                    died[point] += 1
                elif bot.exitcode:
                    return Verdict(dict(died), failed=f"a bot ended with status {bot.exitcode}")
            last = asyncio.run(_sit(where, profile, box, None))
            account = asyncio.run(audit_of(box, box.keys[profile]["key"]))
            return replace(judge(where, account), died=dict(died), settled=last.reconciled)


def _live(where: str, profile: str, box: BoxState, death: Death) -> None:
    """The life of one bot, in a process of its own."""
    asyncio.run(_sit(where, profile, box, death))


async def _sit(where: str, profile: str, box: BoxState, death: Death | None) -> Summary:
    way = Way(profile, SYMBOL, box=True, facts=BOX_FACTS)
    loop = asyncio.get_running_loop()
    if death is not None and death.point == POINTS[-1]:
        loop.call_later(death.after_s, _die)
    reaper = Reaper(death)
    with open_store(where) as store:
        wanted = Wanted(QUICK, profile, way.market, RunMode.BOX, CAPITAL)
        run = resumable(store, wanted)
        bot = new_bot() if run is None else run.bot
        async with gateway(way, bot, box=box) as market:
            run = run or await begin(store, wanted, market, bot=bot)
            live = LiveRun(store, run, Watched(market, reaper), probe=reaper.passes)
            loop.call_later(LAST_LIFE_S if death is None else LIFE_S, live.stop)
            return await live.drive()


class Reaper:
    """Counts how often a point is passed, and kills at the right time."""

    def __init__(self, death: Death | None) -> None:
        self._death = death
        self._passed: Counter[str] = Counter()

    def passes(self, point: str) -> None:
        """The bot comes by a point of its work."""
        self._passed[point] += 1
        death = self._death
        if death is not None and point == death.point and self._passed[point] >= death.nth:
            _die()


class Watched:
    """A gateway that tells the reaper when an order is on its way and not answered yet."""

    def __init__(self, gateway: Gateway, reaper: Reaper) -> None:
        self._gateway = gateway
        self._reaper = reaper

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
            asyncio.get_running_loop().call_later(0.004, self._reaper.passes, "K04")
        return await self._gateway.perform(request)

    async def listen(self, put: Callable[[Report], None]) -> None:
        """Bring the streams."""
        await self._gateway.listen(put)

    async def close(self) -> None:
        """Let go of every socket."""
        await self._gateway.close()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


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
