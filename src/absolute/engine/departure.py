"""Owns whether an order may leave now: what is seen, how old the price is, whether sending works.

What lowers risk leaves once the lists are known, the rest only when all is seen. While any order
is in doubt nothing that adds risk leaves (it counts as filled), and nothing is decided on an old
price. Knows no order's life.
"""

from typing import Final

from absolute.domain.instrument import Instrument, Side
from absolute.domain.order import Terms
from absolute.domain.units import Nanos
from absolute.engine.coverage import Coverage
from absolute.engine.doubt import next_wait

MARKET_AGE_MAX: Final = 10_000_000_000
PRICE_AGE_MAX: Final = 60_000_000_000


class Departure:
    """The door through which orders leave. `quiet_until`: when sending is tried again."""

    __slots__ = ("_coverage", "_perpetual", "_priced", "_wait", "quiet_until")

    def __init__(self, instrument: Instrument, coverage: Coverage) -> None:
        self._perpetual = instrument.perpetual
        self._coverage = coverage
        self._priced = Nanos(-PRICE_AGE_MAX - 1)
        self._wait = 0
        self.quiet_until = Nanos(0)

    def priced(self, venue_time: Nanos) -> None:
        """A price was seen that the venue dates so."""
        self._priced = max(self._priced, venue_time)

    def failed(self, now: Nanos) -> None:
        """An order could not be sent at all: the next waits, longer each time."""
        self._wait = next_wait(self._wait)
        self.quiet_until = Nanos(now + self._wait)

    def worked(self) -> None:
        """The venue has answered an order."""
        self._wait = 0

    def adds_risk(self, terms: Terms) -> bool:
        """False for what can only make smaller what is held."""
        return not (terms.reduce_only or (terms.side is Side.SELL and not self._perpetual))

    def may_leave(self, terms: Terms, now: Nanos, *, doubted: bool) -> bool:
        """Whether this may go out now; `doubted`: some order is in doubt."""
        if now < self.quiet_until:
            return False
        if not self.adds_risk(terms):
            return self._coverage.audited
        fresh = now - self._priced <= PRICE_AGE_MAX
        return self._coverage.seeing and fresh and not doubted


def too_old(terms: Terms, wished: Nanos, now: Nanos) -> bool:
    """True for a market order that was wished for at a price of long ago."""
    return terms.price is None and now - wished >= MARKET_AGE_MAX
