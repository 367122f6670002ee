"""Owns how well each exchange of a fleet answers: its state, its latency, its last error.

Filled from the calls that are made anyway. It must not know what was asked.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from absolute.domain.units import Nanos


class Condition(StrEnum):
    """How an exchange stands."""

    UNKNOWN = "unknown"
    ONLINE = "online"
    ERROR = "error"
    UNCONFIGURED = "unconfigured"


@dataclass(frozen=True, slots=True)
class Health:
    """What the last calls showed. `latency_ms` is of the last one that was answered."""

    condition: Condition = Condition.UNKNOWN
    latency_ms: float | None = None
    last_error: str | None = None
    seen_at: Nanos | None = None

    def answered(self, latency_ms: float, now: Nanos) -> "Health":
        """After a call that was answered; an old error is over."""
        return replace(
            self,
            condition=Condition.ONLINE,
            latency_ms=round(latency_ms, 1),
            last_error=None,
            seen_at=now,
        )

    def failed(self, detail: str, now: Nanos) -> "Health":
        """After a call that failed."""
        return replace(self, condition=Condition.ERROR, last_error=detail, seen_at=now)


def overall(conditions: list[Condition]) -> str:
    """One word for all: healthy, degraded, down, or unknown while nothing was asked."""
    online = conditions.count(Condition.ONLINE)
    asked = len(conditions) - conditions.count(Condition.UNKNOWN)
    if not asked:
        return "unknown"
    if online == len(conditions):
        return "healthy"
    return "degraded" if online else "down"
