"""Owns the difference between our clock and a venue's, from question and answer, corrected by half
the way there and back.

Every signature carries the venue's time as we reckon it. Knows nothing of who asks.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from absolute.domain.units import NANOS_PER_MS, NANOS_PER_SECOND, Nanos

SAMPLES = 8
DRIFT_MAX_NS = 10 * NANOS_PER_SECOND
"""A machine further off than this needs its clock mended, not corrected."""


class Clock(Protocol):
    """Tells the time of day of this machine."""

    def now_ns(self) -> Nanos:
        """Nanoseconds since 1970 UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One question for the time: `offset` is venue less ours, right to within half the trip."""

    offset: int
    trip: int


def sample(sent: Nanos, received: Nanos, venue: Nanos) -> Sample:
    """A sample from our two times and the venue's one, taken to be halfway."""
    return Sample(venue - (sent + received) // 2, received - sent)


@dataclass(slots=True)
class VenueClock:
    """The venue's time: ours plus the offset of the quickest recent answer."""

    clock: Clock
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=SAMPLES))

    def learn(self, one: Sample) -> None:
        """Take in a sample; one that contradicts all we knew shows a clock that was set."""
        best = self.best
        if best is not None and abs(one.offset - best.offset) > (one.trip + best.trip):
            self.samples.clear()
        self.samples.append(one)

    @property
    def best(self) -> Sample | None:
        """The sample with the shortest trip, the newest of equals."""
        return min(reversed(self.samples), key=lambda each: each.trip, default=None)

    @property
    def offset(self) -> int:
        """Venue less ours, in ns; zero until the first answer."""
        best = self.best
        return best.offset if best is not None else 0

    def at_least(self, ours: Nanos) -> Nanos:
        """A venue time that is surely not after this time of ours: where a list is to begin."""
        return Nanos(ours + min(self.offset, 0))

    @property
    def drifted(self) -> bool:
        """True where our clock is too far off to be corrected in silence."""
        return abs(self.offset) > DRIFT_MAX_NS

    def now_ns(self) -> Nanos:
        """The venue's time in nanoseconds since 1970 UTC."""
        return Nanos(self.clock.now_ns() + self.offset)

    def now_ms(self) -> int:
        """The venue's time in whole milliseconds, as signatures carry it."""
        return self.now_ns() // NANOS_PER_MS
