"""Owns a campaign of storms: many seeds on every core, what they covered, and the first that broke.

A schedule is known by its seed alone, so that a campaign is a range of seeds and any of them can be
replayed by itself. It must not know how one is played.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from multiprocessing import get_context
from os import cpu_count
from typing import Final

from absolute.desk.clock import stopwatch
from absolute.desk.storm_run import Outcomes, Schedule
from absolute.desk.storm_weather import FAULTS, HAPPENINGS
from absolute.domain.order import TRANSITIONS, Status, Step

CHUNK: Final = 50
KEPT: Final = 20
"""How many violations are told in full."""

OCCASIONS: Final = (
    "cancel_raced",
    "cancel_too_late",
    "crash_in_recovery",
    "duplicate_refused",
    "window_missed",
    "killed_at_K01",
    "killed_at_K02",
    "killed_at_K03",
    "killed_at_K05",
    "killed_at_K07",
    "killed_at_K19",
    "killed_at_send",
)
"""What is not drawn but comes of what is drawn; the points at which a process was killed."""

_ENDED: Final = (Status.CANCELLED, Status.EXPIRED, Status.FILLED, Status.REJECTED)
UNREACHED: Final = frozenset(
    {
        # The core asks again until an order is gone, and so never books that a cancel was refused.
        *(f"{status} {Step.REFUSE_CANCEL}" for status in TRANSITIONS),
        # What is booked as ended trades on only where a venue breaks a bound it stated.
        *(f"{status} {step}" for status in _ENDED for step in TRANSITIONS[status]),
        # A second yes is not booked, nor a second wish to cancel.
        f"{Status.OPEN} {Step.ACCEPT}",
        f"{Status.CANCEL_PENDING} {Step.ASK_CANCEL}",
        # An end that nobody asked for is an expiry; only after a part was filled it is the end.
        f"{Status.OPEN} {Step.CANCEL}",
        # Told to be accepted first, whatever is told about it next.
        f"{Status.IN_FLIGHT} {Step.EXPIRE}",
        f"{Status.UNKNOWN} {Step.EXPIRE}",
    }
)
"""Steps of an order's life that a storm does not take, with the reason."""

EDGES: Final = frozenset(
    {f"{status} {step}" for status, steps in TRANSITIONS.items() for step in steps} - UNREACHED
)
"""Steps of an order's life that a campaign must have taken."""

FIRED: Final = frozenset({*FAULTS, *HAPPENINGS, *OCCASIONS})
"""Faults that a campaign must have seen."""


@dataclass(slots=True)
class Campaign:
    """What came of many schedules. `broken` holds the first that broke an invariant."""

    schedules: int = 0
    events: int = 0
    violations: int = 0
    seconds: float = 0.0
    broken: list[Outcomes] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    edges: Counter[str] = field(default_factory=Counter)

    def add(self, part: "Campaign") -> None:
        """Take in some more of them."""
        self.schedules += part.schedules
        self.events += part.events
        self.violations += part.violations
        self.broken = [*self.broken, *part.broken][:KEPT]
        self.faults += part.faults
        self.edges += part.edges

    @property
    def schedules_per_minute(self) -> int:
        """How quickly it went."""
        return int(self.schedules * 60 / self.seconds) if self.seconds else 0

    @property
    def missing(self) -> tuple[str, ...]:
        """Faults and steps of an order's life that never came up: what they show is not shown."""
        faults = FIRED - {name for name, count in self.faults.items() if count}
        edges = EDGES - {name for name, count in self.edges.items() if count}
        return (*sorted(faults), *sorted(edges))


def campaign(
    schedules: int, *, seed: int, jobs: int | None = None, told: Callable[[int], None] | None = None
) -> Campaign:
    """Play so many schedules from `seed` on; `told` hears how many are done."""
    total, watch = Campaign(), stopwatch()
    for part in _parts(schedules, seed, min(jobs or cpu_count() or 1, schedules)):
        total.add(part)
        if told is not None:
            told(total.schedules)
    total.seconds = watch.seconds
    return total


def _parts(schedules: int, seed: int, jobs: int) -> Iterator[Campaign]:
    starts = range(seed, seed + schedules, CHUNK)
    end = seed + schedules
    work = partial(_play, end=end)
    if jobs <= 1:
        yield from map(work, starts)
        return
    # A fresh interpreter a worker: nothing of this process can leak into a schedule.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, starts)


def _play(start: int, *, end: int) -> Campaign:
    """One chunk of seeds."""
    return gathered(Schedule(seed).run() for seed in islice(range(start, end), CHUNK))


def gathered(outcomes: Iterable[Outcomes]) -> Campaign:
    """What came of these schedules."""
    part = Campaign()
    for each in outcomes:
        part.schedules += 1
        part.events += each.events
        part.faults += each.faults
        part.edges += each.edges
        if each.invariant:
            part.violations += 1
            part.broken.append(each)
    return part


def replayed(seed: int, tell: Callable[[str], None]) -> Outcomes:
    """Play one schedule and tell all that happens in it."""
    return Schedule(seed, trace=tell).run()
