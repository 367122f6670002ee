"""Owns what a person must be told: each thing once, with what the bot does about it meanwhile."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from absolute.domain.messages import Event, Paused, StopAsked
from absolute.domain.units import Nanos

WHO: Final = "custody"

PAUSING: Final = frozenset({"FOREIGN_ORDER", "WALLET_SHORT", "STATUS_UNKNOWN"})
"""What only asks a question: no new deals until it is answered. All else stops what adds risk."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a person must look at; `code` is documented."""

    time: Nanos
    code: str
    detail: str


class Alarms:
    """Alarms that wait to be told; the driver takes them from `waiting`."""

    __slots__ = ("_passing", "_told", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Alarm] = deque()
        self._told: set[tuple[str, str]] = set()
        self._passing: set[tuple[str, str]] = set()

    def ring(
        self, now: Nanos, code: str, *, about: str, detail: str, passing: bool = False
    ) -> tuple[Event, ...]:
        """Tell it, unless it was told already; the event that lowers what the bot may do.

        `passing`: it is about no one order or trade, and may come again after it was mended.
        """
        if (code, about) in self._told:
            return ()
        self._told.add((code, about))
        if passing:
            self._passing.add((code, about))
        self.waiting.append(Alarm(now, code, detail))
        who = f"{WHO}: {code}"
        if code in PAUSING:
            return (Paused(now, who),)
        return (StopAsked(now, who, flatten=False),)

    def resumed(self) -> None:
        """A person has looked and goes on: what is broken once more is told once more."""
        self._told -= self._passing
        self._passing.clear()
