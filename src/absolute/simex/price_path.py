"""Owns how a tape becomes a price that moves in the box's own time, at a chosen speed.

Bars are walked open, nearer extreme, other extreme, close, in equal steps. At its end the tape is
walked backwards, and so on, so that the price never jumps and never ends. Bars before the
beginning become the past that charts show. It must not know books or accounts.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from absolute.domain.units import NANOS_PER_SECOND, ONE, Nanos
from absolute.kernels.tape import Tape

LEG_STEPS_MAX: Final = 4
POINTS_PER_SECOND_MAX: Final = 20


class Point(NamedTuple):
    """The price at an instant, and the base units that trade on the way to it."""

    time: Nanos
    price: Decimal
    volume: Decimal


class PastBar(NamedTuple):
    """A bar from before the beginning, dated to end where the beginning is."""

    time: Nanos
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True, slots=True)
class PathStyle:
    """`speed`: how much faster than the tape time goes by; `past_bars`: bars shown as history."""

    speed: Decimal = ONE
    past_bars: int = 1_000


class PricePath:
    """One market's price over time. It begins with the first `begin`."""

    def __init__(self, tape: Tape, style: PathStyle = PathStyle()) -> None:
        past = min(style.past_bars, max(0, len(tape) - 1))
        self._tape = tape
        self._past = past
        self._bar_ns = max(1, int(tape.bar_ns / style.speed))
        steps = self._bar_ns * POINTS_PER_SECOND_MAX // (3 * NANOS_PER_SECOND)
        self._leg_steps = min(LEG_STEPS_MAX, max(1, steps))
        self._bar = past
        self._forward = True
        self._bar_start: int | None = None
        self._points: Iterator[Point] = iter(())
        self._next: Point | None = None

    @property
    def bar_ns(self) -> int:
        """How long one bar of the past is; the tape's own bar, whatever the speed."""
        return self._tape.bar_ns

    def first_price(self) -> Decimal:
        """The price before anything moved: the open of the first bar that is played."""
        return self._tape.price(self._tape.open.item(self._past))

    def begin(self, now: Nanos) -> list[PastBar]:
        """Start the clock; the past, oldest first, the last bar ending on a whole bar."""
        self._bar_start = now
        self._points = self._walk(now)
        self._next = next(self._points, None)
        tape, end = self._tape, now - now % self._tape.bar_ns
        return [
            PastBar(
                Nanos(end - (self._past - number) * tape.bar_ns),
                tape.price(tape.open.item(number)),
                tape.price(tape.high.item(number)),
                tape.price(tape.low.item(number)),
                tape.price(tape.close.item(number)),
                Decimal(repr(float(tape.volume[number]))),
            )
            for number in range(self._past)
        ]

    def until(self, now: Nanos) -> Iterator[Point]:
        """The points since the last call, up to and with `now`."""
        while self._next is not None and self._next.time <= now:
            point = self._next
            self._next = next(self._points, None)
            yield point
            if self._next is None:
                self._turn()

    def _turn(self) -> None:
        """On to the next bar, or back at either end."""
        step = 1 if self._forward else -1
        if not 0 <= self._bar + step < len(self._tape):
            self._forward = not self._forward
        else:
            self._bar += step
        start = Nanos((self._bar_start or 0) + self._bar_ns)
        self._bar_start = start
        self._points = self._walk(start)
        self._next = next(self._points, None)

    def _walk(self, start: Nanos) -> Iterator[Point]:
        """The points of one bar."""
        tape, number = self._tape, self._bar
        first, last = tape.open.item(number), tape.close.item(number)
        if not self._forward:
            first, last = last, first
        high, low = tape.high.item(number), tape.low.item(number)
        corners = (
            (first, low, high, last) if first - low <= high - first else (first, high, low, last)
        )
        steps = self._leg_steps
        ticks = [first]
        for here, there in itertools.pairwise(corners):
            ticks += [here + (there - here) * step // steps for step in range(1, steps + 1)]
        share = Decimal(repr(float(tape.volume[number]))) / len(ticks)
        for place, level in enumerate(ticks):
            time = Nanos(start + self._bar_ns * place // len(ticks))
            yield Point(time, tape.price(level), share)
