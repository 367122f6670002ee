"""Owns how far we have seen: whether a stream brings everything, and how old the lists are.

A gap is a time in which something may have happened unseen. It is closed by asking for the open
orders and the executions after it, late enough for the lists to show it; only then may anything
that adds risk leave.
"""

from dataclasses import dataclass

from absolute.domain.units import Nanos
from absolute.engine.doubt import shown_by
from absolute.engine.reports import ListExecutions, ListOpen, ReadBalances, Request, VenueFacts

LONG_AGO = Nanos(-1)
AUDIT_NS = 60_000_000_000
AUDIT_BLIND_NS = 5_000_000_000
RETRY_NS = 1_000_000_000


@dataclass(slots=True)
class Coverage:
    """`changed`: when the stream last came or went. `listed`, `traded`: when each list was asked.

    `complete_to` is the venue time up to which every execution is known; a list that was asked
    for from `closes` on closes the last gap.
    """

    facts: VenueFacts
    complete_to: Nanos
    connected: bool = False
    changed: Nanos = LONG_AGO
    closes: Nanos = LONG_AGO
    listed: Nanos = LONG_AGO
    traded: Nanos = LONG_AGO
    asked_last: Nanos = LONG_AGO
    due: Nanos = Nanos(0)
    asked: frozenset[type] = frozenset()

    @property
    def seeing(self) -> bool:
        """True while nothing can have been missed: what is known is what is."""
        return self.connected and self.audited and min(self.listed, self.traded) >= self.closes

    @property
    def audited(self) -> bool:
        """True where both lists were asked for after the stream last came or went."""
        return min(self.listed, self.traded) >= self.changed > LONG_AGO

    def stream(self, now: Nanos, *, up: bool, exposed: bool = True) -> None:
        """The private stream came or went: a gap begins, and is to be closed soon.

        Where nothing of ours stood at the venue (`exposed` is false), nothing can have been missed
        that only shows up later.
        """
        self.connected, self.changed = up, now
        self.due = max(now, Nanos(self.asked_last + RETRY_NS))
        self.asked = frozenset()  # what was asked before cannot close this gap
        self.closes = shown_by(now, self.facts) if exposed else now

    def questions(
        self, now: Nanos, since: Nanos | None = None, *, pressing: bool = False
    ) -> tuple[Request, ...]:
        """What to ask now; nothing while it is not due or an answer is still outstanding.

        `pressing`: something waits for the lists, so that they are asked for as often as allowed.
        """
        if pressing:
            self.due = min(self.due, Nanos(self.asked_last + RETRY_NS))
        if now < self.due or self.changed == LONG_AGO:
            return ()
        self.asked_last = now
        self.due = self._next_due(now)
        start = self.complete_to - self.facts.overlap
        if since is not None:
            start = min(start, since)
        wanted: tuple[Request, ...] = (
            ListOpen(),
            ListExecutions(Nanos(max(start, 0))),
            ReadBalances(),
        )
        wanted = tuple(each for each in wanted if type(each) not in self.asked)
        self.asked |= {type(each) for each in wanted}
        return wanted

    def _next_due(self, now: Nanos) -> Nanos:
        if not self.audited:
            return Nanos(now + RETRY_NS)
        if not self.connected:
            return Nanos(now + AUDIT_BLIND_NS)
        return Nanos(now + AUDIT_NS if self.seeing else max(self.closes, now + RETRY_NS))

    def soon(self, now: Nanos) -> None:
        """Something does not fit: ask again without waiting for the next audit."""
        self.due = min(self.due, now)

    def answered(self, request: Request) -> None:
        """A question is no longer outstanding, whatever came back."""
        self.asked -= {type(request)}

    def saw_open(self, asked_at: Nanos) -> None:
        """The list of open orders came."""
        self.listed = max(self.listed, asked_at)
        self._again_for_the_gap()

    def saw_executions(self, asked_at: Nanos, since: Nanos) -> None:
        """The list of executions came: all is known up to shortly before it was asked for."""
        if since > self.complete_to:
            return  # it does not reach back to what is known: it closes nothing
        self.traded = max(self.traded, asked_at)
        known = Nanos(asked_at - self.facts.visibility - self.facts.clock_error)
        self.complete_to = max(self.complete_to, known)
        self._again_for_the_gap()

    def _again_for_the_gap(self) -> None:
        """What was seen too early to close the gap is asked for again when it can."""
        if self.connected and self.audited and not self.seeing:
            self.soon(max(self.closes, Nanos(self.asked_last + RETRY_NS)))
