"""Owns the picture of a running bot for people: copied out between steps, never written back."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from absolute.domain.fill import Fill
from absolute.domain.messages import OrderFilled
from absolute.domain.notes import DealClosed, Note
from absolute.domain.order import Order
from absolute.domain.units import ONE, ZERO, Price
from absolute.engine.session import Session
from absolute.kernels.feed import Row
from absolute.store.journal import MemoryJournal
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_orders import EXIT, rung_role

FILLS_SHOWN = 30
NOTES_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Rung:
    """One buy of the running deal: where it is, what it costs, how it stands.

    A rung that is done shows no price of its own: the fills do.
    """

    number: int
    price: Decimal | None
    value: Decimal
    state: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a view shows. Amounts are exact; `profit` counts closed deals only."""

    time: int
    price: Decimal
    phase: str
    deal: int
    average: Decimal | None
    held: Decimal
    cost: Decimal
    exit_price: Decimal | None
    rungs: tuple[Rung, ...]
    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]
    fills_count: int
    deals_closed: int
    profit: Decimal
    equity: Decimal
    capital: Decimal
    notes: tuple[Note, ...]


class Observer:
    """Follows one session and makes snapshots; reads the journal only forward."""

    def __init__(
        self, session: Session, ladder: Ladder, journal: MemoryJournal, capital: Decimal
    ) -> None:
        self._session = session
        self._ladder = ladder
        self._journal = journal
        self._capital = capital
        self._read = 0
        self._fills: list[Fill] = []
        self._notes: list[Note] = []
        self._closed = 0

    def snapshot(self, row: Row) -> Snapshot:
        """The picture after a bar."""
        self._catch_up()
        ladder, portfolio = self._ladder, self._session.engine.portfolio
        price = row.close * self._session.unit
        deal = ladder.deal
        exit_order = portfolio.live.get(EXIT)
        return Snapshot(
            time=row.end,
            price=price,
            phase=ladder.phase.value if not ladder.halted else "halted",
            deal=deal.number if deal is not None else ladder.deals,
            average=deal.average if deal is not None and deal.bought else None,
            held=deal.held if deal is not None else ZERO,
            cost=deal.spent if deal is not None else ZERO,
            exit_price=exit_order.terms.price if exit_order is not None else None,
            rungs=tuple(self._rungs()),
            orders=tuple(portfolio.live.values()),
            fills=tuple(self._fills[-FILLS_SHOWN:]),
            fills_count=len(self._fills),
            deals_closed=self._closed,
            profit=ladder.profit,
            equity=portfolio.ledger.equity(price),
            capital=self._capital,
            notes=tuple(self._notes[-NOTES_SHOWN:]),
        )

    def _catch_up(self) -> None:
        entries = self._journal.entries
        for event, outcome in entries[self._read :]:
            if isinstance(event, OrderFilled):
                self._fills.append(event.fill)
            self._notes.extend(outcome.notes)
            self._closed += sum(isinstance(note, DealClosed) for note in outcome.notes)
        self._read = len(entries)

    def _rungs(self) -> Iterator[Rung]:
        """Every order of the running deal: done, resting, or still to come."""
        ladder, deal = self._ladder, self._ladder.deal
        if deal is None:
            return
        resting = {terms.role: terms.price for terms in ladder.rungs}
        price = deal.last_price
        for number, drop in enumerate(ladder.orders.series.drops):
            value = ladder.orders.amount(number, deal.added)
            if number <= deal.rung:
                yield Rung(number, None, value, "done")
                continue
            price = Price(price * (ONE - drop))
            at = resting.get(rung_role(number))
            yield Rung(number, at or price, value, "waiting" if at is None else "resting")
