"""Owns what may be asked of a database: runs, orders, fills, deals, notes, prices, stories.

It reads what is committed, from any process, beside the one that writes, and can change nothing.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import CompoundSelect, Engine, Select, Table, select

from absolute.domain.errors import UserError
from absolute.domain.fees import FeeSchedule
from absolute.domain.ids import BotId, ClientOrderId
from absolute.domain.instrument import Instrument
from absolute.domain.messages import Command, Event
from absolute.domain.order import TERMINAL
from absolute.domain.units import Nanos, Price
from absolute.store.codec import decode, record
from absolute.store.runs import Run, RunMode
from absolute.store.sql_database import readable
from absolute.store.sql_journal import Line, line_of, read_lines, steps_of
from absolute.store.sql_tables import (
    AUDIT,
    DEALS,
    FILLS,
    JOURNAL,
    MENTIONS,
    NOTES,
    ORDERS,
    PRICES,
    RUNS,
)

Numbers = Select[tuple[int]] | CompoundSelect[Any]
Row = Mapping[str, Any]
"""One row of a read model by column name; amounts are exact text, times are nanoseconds."""


@dataclass(frozen=True, slots=True)
class Story:
    """Everything about one order or one deal: its journal lines in order, and its rows."""

    run: Run
    lines: tuple[Line, ...]
    orders: tuple[Row, ...]
    fills: tuple[Row, ...]
    deals: tuple[Row, ...]


class Records:
    """The questions; every one is answered from a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- runs ---------------------------------------------------------------------------------

    def runs(self) -> tuple[Run, ...]:
        """Every run, the newest first."""
        rows = self._rows(select(RUNS).order_by(RUNS.c.created.desc(), RUNS.c.id.desc()))
        return tuple(_run(row) for row in rows)

    def find_run(self, run_id: str) -> Run:
        """The run of an id; raises `UserError` where there is none."""
        rows = self._rows(select(RUNS).where(RUNS.c.id == run_id))
        if not rows:
            raise UserError(
                "RUN_UNKNOWN", f"There is no run {run_id} here; see which there are and try again."
            )
        return _run(rows[0])

    # --- the journal --------------------------------------------------------------------------

    def lines(self, run_id: str) -> Iterator[Line]:
        """Every line of a run, checked; raises `JournalError` at the first damage."""
        return read_lines(self._engine, self.find_run(run_id))

    def steps(self, run_id: str) -> Iterator[tuple[Event, tuple[Command, ...]]]:
        """Every fact of a run with what was asked for after it, checked: what `replay` takes."""
        return steps_of(self.lines(run_id))

    def events(self, run_id: str) -> Iterator[Event]:
        """Every fact of a run, checked."""
        return (line.event for line in self.lines(run_id))

    # --- read models --------------------------------------------------------------------------

    def orders(self, run_id: str, *, living: bool = False) -> tuple[Row, ...]:
        """The orders of a run as they were sent, or those that may still trade."""
        query = select(ORDERS).where(ORDERS.c.run == run_id)
        if living:
            query = query.where(ORDERS.c.status.not_in([each.value for each in TERMINAL]))
        return self._rows(query.order_by(ORDERS.c.sent_at, ORDERS.c.client_id))

    def fills(self, run_id: str) -> tuple[Row, ...]:
        """The executions of a run in the order they were booked."""
        return self._of(FILLS, run_id, "number")

    def deals(self, run_id: str) -> tuple[Row, ...]:
        """The deals of a run."""
        return self._of(DEALS, run_id, "deal")

    def notes(self, run_id: str) -> tuple[Any, ...]:
        """What the strategy decided that no order shows, as notes."""
        return tuple(decode(row["body"]) for row in self._of(NOTES, run_id, "number", "place"))

    def commands(self, run_id: str | None = None) -> tuple[Row, ...]:
        """What people asked for, of one run or of all."""
        query = select(AUDIT).order_by(AUDIT.c.id)
        return self._rows(query if run_id is None else query.where(AUDIT.c.run == run_id))

    def prices(
        self, run_id: str, since: int = 0, until: int | None = None
    ) -> Iterator[tuple[Nanos, Price]]:
        """The prices a run has seen, in the order they came."""
        query = select(PRICES.c.time, PRICES.c.price).where(
            PRICES.c.run == run_id, PRICES.c.time >= since
        )
        if until is not None:
            query = query.where(PRICES.c.time < until)
        with readable(), self._engine.connect() as connection:
            for row in connection.execute(query.order_by(PRICES.c.id)):
                yield Nanos(row.time), Price(Decimal(row.price))

    # --- stories ------------------------------------------------------------------------------

    def order_story(self, client_id: str, run_id: str | None = None) -> Story:
        """All that was ever said of one order, by our id or the venue's; raises `UserError`."""
        query = select(ORDERS).where(
            (ORDERS.c.client_id == client_id) | (ORDERS.c.venue_id == client_id)
        )
        found = self._rows(query if run_id is None else query.where(ORDERS.c.run == run_id))
        if not found:
            raise UserError("ORDER_UNKNOWN", f"There is no order {client_id} here; check the id.")
        order = found[-1]
        own, run = ClientOrderId(order["client_id"]), self.find_run(order["run"])
        numbers = select(MENTIONS.c.number).where(
            MENTIONS.c.run == run.id, MENTIONS.c.client_id == own
        )
        fills = select(FILLS).where(FILLS.c.run == run.id, FILLS.c.client_id == own)
        return Story(
            run,
            self._lines_of(run, numbers),
            (order,),
            self._rows(fills.order_by(FILLS.c.number)),
            self._rows(select(DEALS).where(DEALS.c.run == run.id, DEALS.c.deal == order["deal"])),
        )

    def deal_story(self, run_id: str, deal: int) -> Story:
        """All that was ever said of one deal and of its orders; raises `UserError`."""
        run = self.find_run(run_id)
        deals = self._rows(select(DEALS).where(DEALS.c.run == run.id, DEALS.c.deal == deal))
        if not deals:
            raise UserError("DEAL_UNKNOWN", f"The run {run.id} has no deal {deal}; check it.")
        own = select(ORDERS.c.client_id).where(ORDERS.c.run == run.id, ORDERS.c.deal == deal)
        of_orders = select(MENTIONS.c.number).where(
            MENTIONS.c.run == run.id, MENTIONS.c.client_id.in_(own)
        )
        of_notes = select(NOTES.c.number).where(NOTES.c.run == run.id, NOTES.c.deal == deal)
        orders = select(ORDERS).where(ORDERS.c.run == run.id, ORDERS.c.deal == deal)
        fills = select(FILLS).where(FILLS.c.run == run.id, FILLS.c.deal == deal)
        return Story(
            run,
            self._lines_of(run, of_orders.union(of_notes)),
            self._rows(orders.order_by(ORDERS.c.sent_at, ORDERS.c.client_id)),
            self._rows(fills.order_by(FILLS.c.number)),
            deals,
        )

    def _lines_of(self, run: Run, numbers: Numbers) -> tuple[Line, ...]:
        rows = self._rows(
            select(JOURNAL)
            .where(JOURNAL.c.run == run.id, JOURNAL.c.number.in_(numbers))
            .order_by(JOURNAL.c.number)
        )
        return tuple(
            line_of(row["body"], run, number=row["number"], time=row["time"]) for row in rows
        )

    def _of(self, table: Table, run_id: str, *order: str) -> tuple[Row, ...]:
        query = select(table).where(table.c.run == run_id)
        return self._rows(query.order_by(*(table.c[name] for name in order)))

    def _rows(self, query: Select[Any]) -> tuple[Row, ...]:
        with readable(), self._engine.connect() as connection:
            return tuple(dict(row) for row in connection.execute(query).mappings())


def _run(row: Row) -> Run:
    return Run(
        row["id"],
        BotId(row["bot"]),
        Nanos(row["created"]),
        RunMode(row["mode"]),
        row["profile"],
        row["symbol"],
        row["config"],
        Decimal(row["capital"]),
        record(Instrument, json.loads(row["instrument"])),
        record(FeeSchedule, json.loads(row["fees"])),
        row["assumed"],
    )
