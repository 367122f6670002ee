"""Owns the proof rule for an order of which nobody says how it stands.

A doubt ends in two ways only. Somebody shows the order: it is there. Or three questions, each
asked after the last moment at which it could still have arrived and shown up, find nothing: the
look-up by our own id, the list of open orders and the list of executions. Time alone, errors and
counts of tries prove nothing.
"""

from dataclasses import dataclass

from absolute.domain.units import Nanos
from absolute.engine.reports import VenueFacts

FIRST_WAIT = 500_000_000
LONGEST_WAIT = 30_000_000_000


@dataclass(slots=True)
class Doubt:
    """What is proven of one order so far. Times of questions are when they left, not came back.

    `sent` is the earliest time at which it may have left, `deadline` the time from which an empty
    answer means something. `vanished`: the venue had it once, and no longer shows it.
    """

    sent: Nanos
    deadline: Nanos
    vanished: bool = False
    looked_up: bool = False
    unlisted: bool = False
    untraded: bool = False

    @property
    def proven_absent(self) -> bool:
        """True once every place that could show the order was asked late enough and did not."""
        return self.looked_up and self.unlisted and self.untraded

    def not_found(self, asked_at: Nanos) -> None:
        """The look-up by our own id knows no such order."""
        self.looked_up = self.looked_up or asked_at >= self.deadline

    def not_listed(self, asked_at: Nanos) -> None:
        """The complete list of open orders does not hold it."""
        self.unlisted = self.unlisted or asked_at >= self.deadline

    def not_traded(self, asked_at: Nanos, since: Nanos) -> None:
        """The complete list of executions since then does not hold it."""
        late = asked_at >= self.deadline and since <= self.sent
        self.untraded = self.untraded or late


def look_back(sent: Nanos, facts: VenueFacts) -> Nanos:
    """From when on the venue's own clock may date what came of an order that left at `sent`."""
    return Nanos(sent - facts.overlap - facts.clock_error)


def shown_by(time: Nanos, facts: VenueFacts) -> Nanos:
    """From when on every list that is asked for shows what happened at `time`."""
    return Nanos(time + facts.visibility + facts.clock_error)


def doubt_from(sent: Nanos, left_by: Nanos, facts: VenueFacts) -> Doubt:
    """The doubt of an order that may have left between `sent` and `left_by`.

    The venue takes it in up to one receive window after it was signed, may hold it for as long as
    its engine waits, and may show it later still; the two clocks differ by `clock_error` at most.
    """
    latest = Nanos(left_by + facts.window + facts.engine_timeout)
    return Doubt(look_back(sent, facts), shown_by(latest, facts))


def vanished_from(sent: Nanos, now: Nanos, facts: VenueFacts) -> Doubt:
    """The doubt of an order that was there and is not found any more."""
    return Doubt(look_back(sent, facts), shown_by(now, facts), vanished=True)


def next_wait(wait: int) -> int:
    """Twice as long as the last time, within bounds; zero begins."""
    return min(max(2 * wait, FIRST_WAIT), LONGEST_WAIT)
