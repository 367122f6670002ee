"""Owns the benchmark: which cases there are, who works them, and how the results are compared.

Everyone is handed the same market and the same rules and is timed in the same way (the words are
in benchmarks/README.md), and everyone's fills and final equity are held against a plain reference.
It must not know how a peer is installed, nor how a result is printed.
"""

import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

from absolute import __version__
from absolute.desk.benchmark_market import (
    BARS_MIN,
    Market,
    made_up_market,
    read_market,
    save_market,
)
from absolute.desk.benchmark_own import (
    LOT,
    Outcome,
    OwnRun,
    run_ours_dca,
    run_ours_sma,
    run_twin_dca,
    run_twin_sma,
)
from absolute.desk.benchmark_peers import (
    HOUSE,
    PEERS,
    REFERENCE,
    Peer,
    PeerRun,
    Unmeasured,
    Watch,
    run_peer,
)
from absolute.desk.language import _
from absolute.domain.errors import UserError
from absolute.domain.units import ONE, Quote, Ratio
from absolute.kernels.tape import Tape

LIVE: Final = "absolute"
TWIN: Final = "absolute_kernel"
"""Our two rows: the strategy class that trades live, and the compiled kernel equal to it."""

CASH: Final = Quote(Decimal(10_000))
BARS_MAX: Final = 10_000_000
REPEAT_MAX: Final = 100
OWN_REPEAT: Final = 3

EQUITY_TOLERANCE: Final = Decimal("1e-6")
"""Of the equity: a double, or a ledger of 1e-8, may be off by that much, a missed fill never is."""


@dataclass(frozen=True, slots=True)
class LadderRules:
    """The ladder of the comparison: the seed's defaults, with nothing reinvested."""

    fee: Ratio = Ratio(Decimal("0.001"))
    cap: Quote = Quote(Decimal(5_000))
    drop: Ratio = Ratio(Decimal("0.01"))
    rebuys: int = 20

    def orders(self) -> Iterator[Decimal]:
        """The quote spent at each rung."""
        return _series(Decimal(300), Decimal("1.02"), (Decimal(50), Decimal(600)), self.rebuys)

    def targets(self) -> Iterator[Decimal]:
        """The profit target after each number of rebuys."""
        clamps = Decimal("0.005"), Decimal("0.05")
        return _series(Decimal("0.035"), Decimal("0.95"), clamps, self.rebuys)


LADDER: Final = LadderRules()
CROSS_FEE: Final = Ratio(Decimal("0.0001"))
"""A tenth of the ladder's: twenty thousand fees of 0.1 % would leave nothing to trade with."""


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison: our own run, its compiled twin, and the peers by name."""

    name: str
    fee: Ratio
    own: OwnRun
    twin: OwnRun
    peers: tuple[str, ...]


CASES: Final = (
    Case(
        "dca",
        LADDER.fee,
        own=run_ours_dca,
        twin=run_twin_dca,
        peers=("vectorbt", "nautilus", "backtesting"),
    ),
    Case(
        "sma",
        CROSS_FEE,
        own=run_ours_sma,
        twin=run_twin_sma,
        peers=("vectorbt", "vectorbt_numba", "nautilus", "backtesting"),
    ),
)


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be measured; no `repeat` means each one's own, no `data` the made-up market."""

    cases: tuple[Case, ...] = CASES
    bars: int = 1_000_000
    repeat: int | None = None
    peers: bool = True
    data: Path | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """What the reference came to over the same bars."""

    fills: int
    final_equity: Quote


@dataclass(frozen=True, slots=True)
class Measured:
    """One program in one case; `seconds` is the median run, `agrees` None without a reference."""

    bars: int
    seconds: float
    bars_per_second: float
    fills: int
    final_equity: Quote
    version: str
    agrees: bool | None
    reference: Check | None


@dataclass(frozen=True, slots=True)
class Failed:
    """A program that could not be measured, and why."""

    error: str


Entry = Measured | Failed
Results = Mapping[str, Entry]


def request_of(
    only: str | None, *, bars: int, repeat: int | None, peers: bool, data: Path | None
) -> Request:
    """The request in order, or UserError BENCH_CASE, BENCH_BARS or BENCH_REPEAT."""
    cases = tuple(case for case in CASES if only in {None, case.name})
    if not cases:
        known = ", ".join(case.name for case in CASES)
        message = _("There is no case {name}; choose one of: {known}.")
        raise UserError("BENCH_CASE", message.format(name=only, known=known))
    if not BARS_MIN <= bars <= BARS_MAX:
        message = _("{bars} bars cannot be compared; choose from {least} to {most}.")
        values = {"bars": bars, "least": BARS_MIN, "most": BARS_MAX}
        raise UserError("BENCH_BARS", message.format(**values))
    if repeat is not None and not 1 <= repeat <= REPEAT_MAX:
        message = _("{count} runs cannot be made; choose from 1 to {most}.")
        raise UserError("BENCH_REPEAT", message.format(count=repeat, most=REPEAT_MAX))
    return Request(cases, bars, repeat, peers, data)


def steps(request: Request) -> int:
    """How often `bench` will tell that it begins something."""
    return sum(2 + len(case.peers) * request.peers for case in request.cases)


def bench(request: Request, *, watch: Watch, install: Watch) -> dict[str, Results]:
    """Measure every case, one program after the other; `watch` is told each that begins."""
    data, bars = request.data, request.bars
    market = made_up_market(bars) if data is None else read_market(data, bars)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "market.npz"
        save_market(market, file)
        desk = _Desk(request, market, file, install)
        return {case.name: _measure(case, desk, watch) for case in request.cases}


def ratios(results: Results, *, own: str = LIVE) -> dict[str, float]:
    """How many times more bars a second one of ours does than each peer that was measured."""
    ours = results.get(own)
    if not isinstance(ours, Measured):
        return {}
    return {
        name: ours.bars_per_second / each.bars_per_second
        for name, each in results.items()
        if isinstance(each, Measured) and name not in {LIVE, TWIN}
    }


def system() -> dict[str, object]:
    """The machine and the versions the numbers belong to."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "platform": platform.platform(terse=True),
        "python": platform.python_version(),
        "absolute": __version__,
        "numpy": version("numpy"),
        "numba": version("numba"),
    }


# -------------------------------------------------------------------------------------- measuring


@dataclass(frozen=True, slots=True)
class _Desk:
    """What every case is worked with."""

    request: Request
    market: Market
    file: Path
    install: Watch


def _measure(case: Case, desk: _Desk, watch: Watch) -> dict[str, Entry]:
    """Both of ours first, then the peers; each is held against the reference over as many bars."""
    checks: dict[int, Check | None] = {}
    found: dict[str, Entry] = {}
    for name, own in ((LIVE, case.own), (TWIN, _careful(case.twin))):
        watch(f"{case.name}: {name}")
        found[name] = _entry(partial(_own_run, own, case, desk), case, desk, checks)
    for peer in PEERS if desk.request.peers else ():
        if peer.name in case.peers:
            watch(f"{case.name}: {peer.name}")
            found[peer.name] = _entry(partial(_peer_run, peer, case, desk), case, desk, checks)
    return found


def _entry(
    run: Callable[[], PeerRun], case: Case, desk: _Desk, checks: dict[int, Check | None]
) -> Entry:
    """The run as a result that was checked, or why there is none."""
    try:
        done = run()
    except Unmeasured as error:
        return Failed(str(error))
    if done.bars not in checks:
        checks[done.bars] = _check(case, desk, done.bars)
    check = checks[done.bars]
    seconds = median(done.runs)
    return Measured(
        bars=done.bars,
        seconds=seconds,
        bars_per_second=done.bars / seconds,
        fills=done.fills,
        final_equity=done.final_equity,
        version=done.version,
        agrees=None if check is None else agrees(done.fills, done.final_equity, check),
        reference=check,
    )


def agrees(fills: int, final_equity: Quote, check: Check) -> bool:
    """As many fills, and the same equity but for the last digits of a double."""
    off = abs(final_equity - check.final_equity)
    return fills == check.fills and off <= EQUITY_TOLERANCE * abs(check.final_equity)


def _careful(twin: OwnRun) -> OwnRun:
    """A twin whose refusal, such as of too much money, is a result as a peer's is."""

    def run(market: Market, *, cash: Quote, fee: Ratio) -> Outcome:
        try:
            return twin(market, cash=cash, fee=fee)
        except (ValueError, OverflowError) as error:
            raise Unmeasured(str(error)) from error

    return run


def _own_run(own: OwnRun, case: Case, desk: _Desk) -> PeerRun:
    """Our own runs after one that is not counted, since kernels are compiled in it."""
    repeat = desk.request.repeat or OWN_REPEAT
    once = partial(own, desk.market, cash=CASH, fee=case.fee)
    once()
    done = [once() for _run in range(repeat)]
    runs = tuple(each.seconds for each in done)
    last = done[-1]
    return PeerRun(len(desk.market.tape), runs, last.fills, last.final_equity, __version__)


def _peer_run(peer: Peer, case: Case, desk: _Desk) -> PeerRun:
    bars = min(len(desk.market.tape), peer.bars_max)
    counts = {"repeat": desk.request.repeat or peer.repeat, "warm_up": peer.warm_up}
    rules = _rules(case, desk.market.tape) | {"bars": bars, **counts}
    return run_peer(peer, desk.file, rules, watch=desk.install)


def _check(case: Case, desk: _Desk, bars: int) -> Check | None:
    """What the reference comes to; None in an installation without the source tree."""
    if not HOUSE.is_dir():
        return None
    rules = _rules(case, desk.market.tape) | {"bars": bars, "repeat": 1, "warm_up": 0}
    run = run_peer(REFERENCE, desk.file, rules, watch=desk.install)
    return Check(run.fills, run.final_equity)


# --------------------------------------------------------------------------------------- the rules


def _rules(case: Case, tape: Tape) -> dict[str, object]:
    """The rules of a case as the runners read them: amounts are decimal strings."""
    return {
        "name": case.name,
        "bar_ns": tape.bar_ns,
        "cash": f"{CASH:f}",
        "fee": f"{case.fee:f}",
        "tick": f"{tape.price_unit:f}",
        "lot": f"{LOT:f}",
        "cap": f"{LADDER.cap:f}",
        "drop": f"{LADDER.drop:f}",
        "orders": [f"{order.quantize(Decimal('1e-8')):f}" for order in LADDER.orders()],
        "targets": [f"{target.quantize(Decimal('1e-12')):f}" for target in LADDER.targets()],
        "list_fills": False,
    }


def _series(
    first: Decimal, multiplier: Decimal, clamps: tuple[Decimal, Decimal], rebuys: int
) -> Iterator[Decimal]:
    """The first value and one for every rebuy, each from the clamped one before it."""
    low, high = clamps
    value, factor = first, ONE
    for _rung in range(rebuys + 1):
        value = min(max(value * factor, low), high)
        factor = multiplier
        yield value


def _cpu() -> str:
    """The name of the processor, as far as the system tells it."""
    file = Path("/proc/cpuinfo")
    if file.is_file():
        for line in file.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
