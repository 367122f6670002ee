"""Owns how far we have seen: whether a stream brings everything, and how old the lists are.

A gap is a time in which something may have happened unseen. It is closed by asking for the open
orders and the executions after it; only then may anything that adds risk leave.
"""

from dataclasses import dataclass

from absolute.domain.units import Nanos
from absolute.engine.reports import ListExecutions, ListOpen, ReadBalances, Request, VenueFacts

LONG_AGO = Nanos(-1)
AUDIT_NS = 60_000_000_000
AUDIT_BLIND_NS = 5_000_000_000
RETRY_NS = 1_000_000_000


@dataclass(slots=True)
class Coverage:
    """`changed`: when the stream last came or went. `listed`, `traded`: when each list was asked.

    `complete_to` is the venue time up to which every execution is known.
    """

    facts: VenueFacts
    complete_to: Nanos
    connected: bool = False
    changed: Nanos = LONG_AGO
    listed: Nanos = LONG_AGO
    traded: Nanos = LONG_AGO
    due: Nanos = Nanos(0)
    asked: frozenset[type] = frozenset()

    @property
    def seeing(self) -> bool:
        """True while nothing can have been missed: what is known is what is."""
        return self.connected and self.audited

    @property
    def audited(self) -> bool:
        """True where both lists were asked for after the stream last came or went."""
        return min(self.listed, self.traded) >= self.changed > LONG_AGO

    def stream(self, now: Nanos, *, up: bool) -> None:
        """The private stream came or went: a gap begins, and is to be closed at once."""
        self.connected, self.changed, self.due = up, now, now

    def questions(self, now: Nanos, since: Nanos | None = None) -> tuple[Request, ...]:
        """What to ask now; nothing while it is not due or an answer is still outstanding."""
        if now < self.due or self.changed == LONG_AGO:
            return ()
        period = AUDIT_NS if self.connected else AUDIT_BLIND_NS
        self.due = Nanos(now + (period if self.audited else RETRY_NS))
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

    def soon(self, now: Nanos) -> None:
        """Something does not fit: ask again without waiting for the next audit."""
        self.due = min(self.due, now)

    def answered(self, request: Request) -> None:
        """A question is no longer outstanding, whatever came back."""
        self.asked -= {type(request)}

    def saw_open(self, asked_at: Nanos) -> None:
        """The list of open orders came."""
        self.listed = max(self.listed, asked_at)

    def saw_executions(self, asked_at: Nanos, since: Nanos) -> None:
        """The list of executions came: all is known up to shortly before it was asked for."""
        self.traded = max(self.traded, asked_at)
        if since <= self.complete_to:
            known = Nanos(asked_at - self.facts.visibility - self.facts.clock_error)
            self.complete_to = max(self.complete_to, known)
