"""Owns what happens at a time of its own in a storm: crashes, cuts, people, moods of the venue.

One entry per name in `storm_weather.HAPPENINGS`. Knows no rule of the core.
"""

from collections.abc import Callable
from typing import Final

from absolute.desk.storm_host import Host
from absolute.desk.storm_venue import VenueOrder
from absolute.desk.storm_weather import MS, S
from absolute.domain.messages import Paused, Resumed, StopAsked
from absolute.engine.reports import Broken, Seen


class Happenings:
    """Makes things happen to one process and its exchange."""

    __slots__ = ("chance", "frozen_until", "host", "line", "stream")

    def __init__(self, host: Host) -> None:
        self.host = host
        self.line = host.line
        self.stream = host.stream
        self.chance = host.line.chance
        self.frozen_until = 0

    def happen(self, name: str) -> None:
        """Let it happen, now."""
        self.host.tell(f"fault: {name}")
        self.line.seen[name] += 1
        TABLE[name](self)

    def standing(self) -> VenueOrder | None:
        """Some order that stands at the venue."""
        standing = [each for each in self.line.venue.orders if each.state == "open"]
        return self.chance.pick(standing) if standing else None

    def lasts(self, flag: str, most: int) -> None:
        """Raise a flag of the line, and lower it after a while."""
        line = self.line
        setattr(line, flag, True)
        line.time.after(self.chance.between(1 * S, most), lambda: setattr(line, flag, False))


# --- the stream and the way ---------------------------------------------------------


def _stream_dropped(at: Happenings) -> None:
    at.stream.drop(noticed_after=at.chance.between(1 * MS, 50 * MS))


def _stream_silent(at: Happenings) -> None:
    at.stream.drop(noticed_after=at.chance.between(2 * S, 8 * S))


def _stream_flaps(at: Happenings) -> None:
    at.stream.drop(noticed_after=1 * MS)
    again = at.stream.dial_again(at.line.life)
    at.line.time.after(at.chance.between(200 * MS, 400 * MS), again)


def _price_frozen(at: Happenings) -> None:
    at.frozen_until = at.line.time.now + at.chance.between(20 * S, 120 * S)


# --- the process --------------------------------------------------------------------


def _crash(at: Happenings) -> None:
    if at.host.live is not None:
        at.host.crash()


def _crash_soon(at: Happenings) -> None:
    at.host.fuse.left = at.chance.between(0, 9)


def _clock_jump(at: Happenings) -> None:
    error = at.line.weather.rules.facts.clock_error
    at.line.skew = at.chance.between(-error, error)


def _stall(at: Happenings) -> None:
    """The whole process stands still, as on a machine that sleeps; then all comes at once."""
    now, calm_at = at.line.time.now, at.line.weather.calm_at
    if at.host.stalled_until <= now:
        at.host.stalled_until = min(now + at.chance.between(1 * S, 30 * S), calm_at)


# --- the venue ----------------------------------------------------------------------


def _venue_cancels(at: Happenings) -> None:
    order = at.standing()
    if order is not None:
        at.line.venue.expire(order, at.line.time.now)


def _foreign_order(at: Happenings) -> None:
    foreign = at.line.venue.foreign
    foreign.append(f"f{len(foreign) + 1}")


def _venue_broken(at: Happenings) -> None:
    at.host.hear(None, lambda now: Broken(now, "KEYS_REFUSED", "refused"))


def _unknown_status(at: Happenings) -> None:
    """The stream says a word that nobody knows."""
    order = at.standing()
    if order is not None:
        at.host.hear(None, at.stream.seen_as(order, Seen.UNKNOWN))


def _stop(at: Happenings, *, flatten: bool) -> None:
    at.host.person(StopAsked(at.line.local, "anna", flatten=flatten))


TABLE: Final[dict[str, Callable[[Happenings], None]]] = {
    "stream_dropped": _stream_dropped,
    "stream_silent": _stream_silent,
    "stream_flaps": _stream_flaps,
    "cut_out": lambda at: at.lasts("cut_out", 12 * S),
    "cut_in": lambda at: at.lasts("cut_in", 12 * S),
    "refusing": lambda at: at.lasts("refusing", 15 * S),
    "price_frozen": _price_frozen,
    "crash": _crash,
    "crash_soon": _crash_soon,
    "clock_jump": _clock_jump,
    "stall": _stall,
    "venue_cancels": _venue_cancels,
    "foreign_order": _foreign_order,
    "venue_broken": _venue_broken,
    "unknown_status": _unknown_status,
    "person_pauses": lambda at: at.host.person(Paused(at.line.local, "anna")),
    "person_resumes": lambda at: at.host.person(Resumed(at.line.local, "anna")),
    "person_stops": lambda at: _stop(at, flatten=False),
    "person_flattens": lambda at: _stop(at, flatten=True),
}
"""What each name does."""
