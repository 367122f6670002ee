"""Owns what happens at a time of its own in a storm: crashes, cuts, people, moods of the venue.

One method per name in `storm_weather.HAPPENINGS`. Knows no rule of the core.
"""

from absolute.desk.storm_host import Host
from absolute.desk.storm_venue import VenueOrder
from absolute.desk.storm_weather import MS, S
from absolute.domain.messages import Event, Paused, Resumed, StopAsked
from absolute.engine.reports import Broken, Seen


class Happenings:
    """Makes things happen to one process and its exchange."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._line = host.line
        self._chance = host.line.chance
        self.frozen_until = 0

    def happen(self, name: str) -> None:
        """Let it happen, now."""
        self._host.tell(f"fault: {name}")
        self._line.seen[name] += 1
        getattr(self, f"_{name}")()

    # --- the stream and the way -------------------------------------------------------------------

    def _stream_dropped(self) -> None:
        self._line.drop(noticed_after=self._chance.between(1 * MS, 50 * MS))

    def _stream_silent(self) -> None:
        self._line.drop(noticed_after=self._chance.between(2 * S, 8 * S))

    def _stream_flaps(self) -> None:
        line = self._line
        line.drop(noticed_after=1 * MS)
        line.time.after(self._chance.between(200 * MS, 400 * MS), line.dial_again(line.life))

    def _cut_out(self) -> None:
        self._line.cut_out = True
        self._line.time.after(self._chance.between(1 * S, 12 * S), self._mend_out)

    def _mend_out(self) -> None:
        self._line.cut_out = False

    def _cut_in(self) -> None:
        self._line.cut_in = True
        self._line.time.after(self._chance.between(1 * S, 12 * S), self._mend_in)

    def _mend_in(self) -> None:
        self._line.cut_in = False

    def _refusing(self) -> None:
        """Nobody takes a connection for a while."""
        self._line.refusing = True
        self._line.time.after(self._chance.between(1 * S, 15 * S), self._mend_refusing)

    def _mend_refusing(self) -> None:
        self._line.refusing = False

    def _price_frozen(self) -> None:
        self.frozen_until = self._line.time.now + self._chance.between(20 * S, 120 * S)

    # --- the process ------------------------------------------------------------------------------

    def _crash(self) -> None:
        if self._host.live is not None:
            self._host.crash()

    def _crash_soon(self) -> None:
        self._host.fuse.left = self._chance.between(0, 9)

    def _clock_jump(self) -> None:
        error = self._line.weather.rules.facts.clock_error
        self._line.skew = self._chance.between(-error, error)

    def _stall(self) -> None:
        """The whole process stands still, as on a machine that sleeps; then all comes at once."""
        now, calm_at = self._line.time.now, self._line.weather.calm_at
        if self._host.stalled_until <= now:
            until = now + self._chance.between(1 * S, 30 * S)
            self._host.stalled_until = min(until, calm_at)

    # --- people -----------------------------------------------------------------------------------

    def _person(self, event: Event) -> None:
        self._host.person(event)

    def _person_pauses(self) -> None:
        self._person(Paused(self._line.local, "anna"))

    def _person_resumes(self) -> None:
        self._person(Resumed(self._line.local, "anna"))

    def _person_stops(self) -> None:
        self._person(StopAsked(self._line.local, "anna", flatten=False))

    def _person_flattens(self) -> None:
        self._person(StopAsked(self._line.local, "anna", flatten=True))

    # --- the venue --------------------------------------------------------------------------------

    def _standing(self) -> VenueOrder | None:
        standing = [each for each in self._line.venue.orders if each.state == "open"]
        return self._chance.pick(standing) if standing else None

    def _venue_cancels(self) -> None:
        order = self._standing()
        if order is not None:
            self._line.venue.expire(order, self._line.time.now)

    def _foreign_order(self) -> None:
        foreign = self._line.venue.foreign
        foreign.append(f"f{len(foreign) + 1}")

    def _venue_broken(self) -> None:
        self._host.hear(None, lambda now: Broken(now, "KEYS_REFUSED", "refused"))

    def _unknown_status(self) -> None:
        """The stream says a word that nobody knows."""
        order = self._standing()
        if order is not None:
            self._host.hear(None, self._line.seen_as(order, Seen.UNKNOWN))
