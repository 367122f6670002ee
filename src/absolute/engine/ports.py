"""Owns the seams of the engine: what it needs from a feed, a venue and a journal, and no more."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Protocol

from absolute.domain.approved import Approved
from absolute.domain.messages import Event
from absolute.domain.units import Nanos
from absolute.engine.step import Outcome
from absolute.kernels.feed import Row


class Journal(Protocol):
    """Where every event and what followed from it is written down, in order."""

    def append(self, event: Event, outcome: Outcome) -> None:
        """Write one step; when this returns, it is kept."""
        ...


class Feed(Protocol):
    """Bars in order, and the next one at which anything can happen."""

    unit: Decimal

    def __len__(self) -> int: ...

    def row(self, number: int) -> Row:
        """Bar `number`."""
        ...

    def first(self, start: int, levels: tuple[int, int], marks: tuple[int, int]) -> int:
        """The first bar from `start` on that reaches one of the levels, or the length."""
        ...

    def at_time(self, time: int) -> int:
        """The first bar that ends at or after `time`, or the length."""
        ...

    def opening(self, time: int) -> int:
        """The first bar that opens at or after `time`, or the length."""
        ...


class Venue(Protocol):
    """A market that bars pass through: takes approved commands, gives events."""

    watch: tuple[int, int]

    def seek(self, row: Row) -> None:
        """Stand before a bar: what is sent now takes part in it."""
        ...

    def send(self, approved: Approved, time: Nanos) -> tuple[Event, ...]:
        """Take a command; what it causes at once."""
        ...

    def walk(self, row: Row) -> Iterator[Event]:
        """Let one bar pass."""
        ...

    def levels(self) -> tuple[int, int]:
        """The highest price from below and the lowest from above at which anything can happen."""
        ...

    def mark_levels(self) -> tuple[int, int]:
        """The same for the mark price."""
        ...

    def next_time(self) -> int | None:
        """The next time at which something is due, in ns."""
        ...

    def next_bar_matters(self) -> bool:
        """True where an order meets the very next price."""
        ...
