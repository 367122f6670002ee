"""Owns time and chance: the only file that reads a clock or draws a seed.

Everything else is handed an instant, a clock or a generator, so that any run can be repeated. It
must not know what is timed or drawn.
"""

import secrets
import time
from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np

from absolute.domain.units import Nanos

SEED_BITS: Final = 48
"""A seed fits the whole numbers that every JSON reader keeps."""


def _passed_ns() -> int:
    """Time since some fixed moment, never set back; with the time asleep where it is told."""
    asleep_too = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic_ns() if asleep_too is None else time.clock_gettime_ns(asleep_too)


class WallClock:
    """The time of day of this machine."""

    def now_ns(self) -> Nanos:
        """Nanoseconds since 1970 UTC."""
        return Nanos(time.time_ns())


class SteadyClock:
    """The time of day as it was when this process first asked, and what has passed since.

    It follows the machine's rate but none of its jumps: somebody may set the clock, or a summer
    time, and no order is suddenly an hour old. Sleep counts, where the system counts it.
    """

    _ahead: ClassVar[int] = time.time_ns() - _passed_ns()

    def now_ns(self) -> Nanos:
        """Nanoseconds since 1970 UTC."""
        return Nanos(self._ahead + _passed_ns())


class ManualClock:
    """A clock that stands until it is moved, and moves forward only."""

    def __init__(self, now_ns: int) -> None:
        self._now = now_ns

    def now_ns(self) -> Nanos:
        """Nanoseconds since 1970 UTC."""
        return Nanos(self._now)

    def move_to(self, now_ns: int) -> None:
        """Set the time; raises ValueError for a time before the present one."""
        if now_ns < self._now:
            raise ValueError(f"the clock shows {self._now} and cannot go back to {now_ns}")
        self._now = now_ns

    def advance(self, span_ns: int) -> None:
        """Move forward by a span; raises ValueError for a negative one."""
        self.move_to(self._now + span_ns)


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Runs from the moment it is made; unlike the time of day it never jumps."""

    started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started


def stopwatch() -> Stopwatch:
    """A stopwatch that runs from now."""
    return Stopwatch()


def generator(seed: int) -> np.random.Generator:
    """The generator of a seed: the same numbers on every machine with the same numpy."""
    return np.random.Generator(np.random.PCG64(seed))


def fresh_seed() -> int:
    """A seed nobody chose; write it down to repeat the run."""
    return secrets.randbits(SEED_BITS)


def random_bytes(count: int) -> bytes:
    """Bytes nobody can guess, for keys, nonces and salts; never for a run that must repeat."""
    return secrets.token_bytes(count)


def wait(seconds: float) -> None:
    """Let so much time pass."""
    time.sleep(seconds)
