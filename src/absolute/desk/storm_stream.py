"""Owns the streams of the storm: what is told unasked, and when it is lost, late, twice or silent.

A frame in flight dies with its connection. Knows nothing of requests.
"""

from absolute.desk.storm_network import Action, Line, Maker
from absolute.desk.storm_reports import execution_seen, order_seen
from absolute.desk.storm_venue import Trade, VenueOrder
from absolute.desk.storm_weather import MS, S
from absolute.domain.units import Nanos, Price
from absolute.engine.reports import Connected, Disconnected, Priced, Seen

Change = VenueOrder | Trade


class Stream:
    """The private and the public stream of one line. `link` numbers the private connections."""

    __slots__ = ("_line", "link", "up")

    def __init__(self, line: Line) -> None:
        self._line = line
        self.link = 0
        self.up = False

    def dial(self) -> None:
        """Connect the private stream; from now on changes are brought."""
        if self._line.cut_out or self._line.cut_in:
            self._line.time.after(
                self._line.chance.between(300 * MS, 2 * S), self.dial_again(self._line.life)
            )
            return
        self.up = True
        self.link += 1
        self._bring(Connected, self._line.chance.between(5 * MS, 50 * MS))

    def dial_again(self, life: int) -> Action:
        """Connect later, unless that process is gone by then or the stream is up."""
        return lambda: self.dial() if life == self._line.life and not self.up else None

    def drop(self, *, noticed_after: int) -> None:
        """The stream ends; who listens learns it after a while and dials again."""
        if not self.up:
            return
        self.up = False
        link = self.link = self.link + 1
        life = self._line.life

        def notice() -> None:
            if link == self.link and life == self._line.life:
                self._line.hear(None, lambda now: Disconnected(now, "dropped"))
                self._line.time.after(
                    self._line.chance.between(100 * MS, 3 * S), self.dial_again(life)
                )

        self._line.time.after(noticed_after, notice)

    def changed(self, change: Change) -> None:
        """Something of ours changed at the venue: the stream tells it."""
        if not self.up or self._line.cut_in:
            return
        make = self._frame(change)
        if self._line.luck.strikes("frame_lost"):
            return
        span = self._line.delay("frame_slow", 3 * S)
        if self._line.luck.strikes("frame_reordered"):
            span += self._line.chance.between(50 * MS, 800 * MS)
        self._bring(make, span)
        if self._line.luck.strikes("frame_twice"):
            self._bring(make, span + self._line.chance.between(0, 2 * S))

    def seen_as(self, order: VenueOrder, status: Seen) -> Maker:
        """A frame that shows an order in a state of our choice."""
        state = (self._line.time.now, status.value, order.filled)
        return lambda now: order_seen(order, state, now=now, asked_at=now)

    def _frame(self, change: Change) -> Maker:
        if isinstance(change, VenueOrder):
            order, state = change, change.states[-1]
            return lambda now: order_seen(order, state, now=now, asked_at=now)
        trade, told = change, not self._line.luck.strikes("fee_late")
        return lambda now: execution_seen(trade, now, fee_told=told)

    def _bring(self, make: Maker, span: int) -> None:
        link, life = self.link, self._line.life

        def arrive() -> None:
            if link == self.link and life == self._line.life:
                self._line.hear(None, make)

        self._line.time.after(span, arrive)

    def priced(self, *, frozen: bool) -> None:
        """The market moved: the public stream tells it."""
        if frozen or self._line.cut_in or self._line.luck.strikes("price_lost"):
            return
        price, venue_time, life = (
            Price(self._line.venue.price),
            Nanos(self._line.time.now),
            self._line.life,
        )
        if self._line.luck.strikes("price_bad"):
            price = Price(self._line.chance.pick((price * 0, -price)))

        def arrive() -> None:
            if life == self._line.life:
                self._line.hear(None, lambda now: Priced(now, venue_time, price))

        self._line.time.after(self._line.delay("price_slow", 10 * S), arrive)
