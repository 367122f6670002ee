"""Owns what is known in advance to happen at the close of certain bars: closed bars, signals.

The replay driver asks for the next such bar, so that it never skips one. Signal values are given
as they stood at each close; only changes are events.
"""

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from absolute.domain.market import Bar
from absolute.domain.messages import BarClosed, Event, SignalChanged
from absolute.domain.units import Nanos, Price
from absolute.kernels.feed import Row


class Agenda(Protocol):
    """Events at the close of bars."""

    def next(self, start: int) -> int | None:
        """The first bar from `start` on at whose close something is due, or None."""
        ...

    def due(self, row: Row, unit: Decimal) -> Event | None:
        """What is due at the close of this bar, if anything."""
        ...


class Signals:
    """A signal that changes at the close of some bars: `numbers` rise, one value each."""

    __slots__ = ("_changes", "_numbers")

    def __init__(self, numbers: Sequence[int], values: Sequence[Decimal]) -> None:
        self._numbers = list(numbers)
        self._changes = dict(zip(self._numbers, values, strict=True))

    def next(self, start: int) -> int | None:
        """The first bar from `start` on at whose close the signal changes."""
        place = bisect_left(self._numbers, start)
        return self._numbers[place] if place < len(self._numbers) else None

    def due(self, row: Row, unit: Decimal) -> Event | None:
        """The change at the close of this bar."""
        value = self._changes.get(row.number)
        if value is None:
            return None
        return SignalChanged(Nanos(row.end), value, Price(row.close * unit))


class BarReader(Protocol):
    """Bars of a longer time frame, read off a feed."""

    def closing(self, start: int, frame_ns: int) -> int | None:
        """The first bar from `start` on whose end completes a bar of the frame."""
        ...

    def closed(self, row: Row, frame_ns: int) -> Bar | None:
        """The bar of the frame that this bar completes, if it does."""
        ...


class Closes:
    """Every closed bar of a time frame, for a strategy that asked for it."""

    __slots__ = ("_feed", "_frame_ns")

    def __init__(self, feed: BarReader, frame_ns: int) -> None:
        self._feed = feed
        self._frame_ns = frame_ns

    def next(self, start: int) -> int | None:
        """The first bar from `start` on that completes a bar of the frame."""
        return self._feed.closing(start, self._frame_ns)

    def due(self, row: Row, unit: Decimal) -> Event | None:
        """The bar of the frame that just closed."""
        bar = self._feed.closed(row, self._frame_ns)
        return None if bar is None else BarClosed(Nanos(row.end), bar)
