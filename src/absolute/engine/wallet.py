"""Owns the doubt about the wallet: whether what our own trades left us with is really there.

Balances are read at another moment than trades are told, so one reading that lacks something says
nothing. A second one does, if it was asked for after everything that explains the first would have
been seen, and nothing has been booked between the two. More than is ours is not ours.
"""

from decimal import Decimal

from absolute.domain.portfolio import Portfolio
from absolute.domain.units import ZERO, Nanos
from absolute.engine.doubt import shown_by
from absolute.engine.reports import Balances, VenueFacts


class Wallet:
    """Compares what the venue holds for us with what we booked, on a spot market."""

    __slots__ = ("_facts", "_portfolio", "_suspected")

    def __init__(self, portfolio: Portfolio, facts: VenueFacts) -> None:
        self._portfolio = portfolio
        self._facts = facts
        self._suspected: tuple[Nanos, Decimal] | None = None

    @property
    def look_again(self) -> Nanos | None:
        """When a second reading settles what the first one raised, or None."""
        return None if self._suspected is None else self._suspected[0]

    def lacks(self, report: Balances, *, settled: bool, known_to: Nanos) -> Decimal | None:
        """What the venue holds where that is proven to be too little, else None.

        `known_to`: both lists were asked for at this time or later.
        """
        portfolio = self._portfolio
        instrument, held = portfolio.instrument, portfolio.held
        owned = dict(report.totals).get(instrument.base, ZERO)
        if instrument.perpetual or not portfolio.fees_known or owned >= held:
            self._suspected = None
            return None
        if not settled:
            return None
        if self._suspected is None or self._suspected[1] != held:
            self._suspected = (shown_by(report.time, self._facts), held)
            return None
        proven = min(report.asked_at, known_to) >= self._suspected[0]
        return owned if proven else None
