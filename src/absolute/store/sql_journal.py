"""Owns the journal of one run in the database: numbered, chained, durable when `append` returns.

A step, what it changes in the read models and the new head of the chain are kept in one
transaction. Reading checks the chain from its beginning to its head; what does not follow is
refused, never repaired.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self

from sqlalchemy import Connection, Engine, func, insert, select, update

from absolute.domain.approved import Refused
from absolute.domain.errors import JournalError
from absolute.domain.messages import Command, Event
from absolute.domain.notes import Note
from absolute.domain.units import Nanos
from absolute.engine.step import Outcome
from absolute.store.codec import message
from absolute.store.journal import body_text, link
from absolute.store.runs import Run
from absolute.store.sql_database import readable
from absolute.store.sql_projection import Projection
from absolute.store.sql_tables import HEADS, JOURNAL
from absolute.store.sql_writer import Writer
from absolute.store.writer_lock import WriterLock

LINES_AT_ONCE = 2000

Step = tuple[Event, Outcome]


class Line(NamedTuple):
    """One step as it was kept: the fact, and what followed from it."""

    number: int
    time: Nanos
    event: Event
    commands: tuple[Command, ...]
    refusals: tuple[Refused, ...]
    notes: tuple[Note, ...]


class SqlJournal:
    """The journal of one run, open for writing by the one writer of its database."""

    def __init__(self, writer: Writer, run: Run, lock: WriterLock | None) -> None:
        self.run = run
        self._writer = writer
        self._lock = lock
        self._closed = False
        self._projection: Projection | None = None
        with writer.transaction() as connection:
            self.number, self._chain = checked_head(connection, run)

    def append(self, event: Event, outcome: Outcome) -> None:
        """Keep one step; raises `NotKept` where it could not be, and keeps nothing of it."""
        self.append_many(((event, outcome),))

    def append_many(self, steps: Sequence[Step]) -> None:
        """Keep several steps by one sync: all of them, or none."""
        if self._closed:
            raise JournalError(f"the journal of run {self.run.id} is closed")
        number, chain = self.number, self._chain
        projection, self._projection = self._projection, None
        with self._writer.transaction() as connection:
            if projection is None:
                projection = Projection(connection, self.run.id)
            for event, outcome in steps:
                number += 1
                text = body_text(number, event, outcome)
                chain = link(chain, text.encode())
                values = {"run": self.run.id, "number": number, "time": event.time}
                connection.execute(insert(JOURNAL).values({**values, "body": text, "chain": chain}))
                projection.take(connection, number, event=event, outcome=outcome)
            connection.execute(
                update(HEADS)
                .where(HEADS.c.run == self.run.id)
                .values({"number": number, "chain": chain})
            )
        # Only now is it kept: a projection whose transaction failed was dropped above.
        self._projection = projection
        if self._lock is not None:
            self._lock.kept(number - self.number)
        self.number, self._chain = number, chain

    def close(self) -> None:
        """Take nothing more in; the database stays open."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def begin_journal(connection: Connection, run: Run) -> None:
    """Give a new run its empty journal."""
    connection.execute(insert(HEADS).values({"run": run.id, "number": 0, "chain": run.genesis}))


def checked_head(connection: Connection, run: Run) -> tuple[int, str]:
    """The number and chain a journal ends with; raises where its end is not what it says."""
    head = connection.execute(
        select(HEADS.c.number, HEADS.c.chain).where(HEADS.c.run == run.id)
    ).one()
    last = connection.execute(
        select(JOURNAL.c.number, JOURNAL.c.chain)
        .where(JOURNAL.c.run == run.id)
        .order_by(JOURNAL.c.number.desc())
        .limit(1)
    ).first()
    found = (0, run.genesis) if last is None else (last.number, last.chain)
    if found != (head.number, head.chain):
        raise JournalError(
            f"the journal of run {run.id} ends with line {found[0]} and says that it ends with "
            f"line {head.number}, or with another text"
        )
    return head.number, head.chain


def count_lines(connection: Connection) -> int:
    """How many lines all journals say they have."""
    return int(connection.execute(select(func.coalesce(func.sum(HEADS.c.number), 0))).scalar_one())


def read_lines(engine: Engine, run: Run) -> Iterator[Line]:
    """Every line of a run in order, up to where it ended when this began to read.

    Raises `JournalError` at the first line that does not follow from the one before it.
    """
    with readable(), engine.connect() as connection:
        head = connection.execute(
            select(HEADS.c.number, HEADS.c.chain).where(HEADS.c.run == run.id)
        ).one()
        number, chain = 0, run.genesis
        while number < head.number:
            rows = connection.execute(
                select(JOURNAL)
                .where(JOURNAL.c.run == run.id, JOURNAL.c.number > number)
                .order_by(JOURNAL.c.number)
                .limit(min(LINES_AT_ONCE, head.number - number))
            ).all()
            if not rows:
                break
            for row in rows:
                chain = link(chain, row.body.encode("utf-8", "surrogatepass"))
                number += 1
                if row.number != number or row.chain != chain:
                    raise JournalError(_broken(run, number))
                yield line_of(row.body, run, number=number, time=row.time)
        if (number, chain) != (head.number, head.chain):
            raise JournalError(_broken(run, number + 1))


def line_of(body: str, run: Run, *, number: int, time: int) -> Line:
    """The line of a kept text; raises `JournalError` where it is not what its row says."""
    try:
        told = json.loads(body)
        event: Event = message(told["event"])
        if told["number"] != number or event.time != time:
            raise JournalError(_broken(run, number))
        return Line(
            number,
            Nanos(time),
            event,
            tuple(message(each) for each in told["commands"]),
            tuple(message(each) for each in told["refusals"]),
            tuple(message(each) for each in told["notes"]),
        )
    except (ValueError, KeyError, TypeError) as fault:
        raise JournalError(_broken(run, number)) from fault


def steps_of(lines: Iterable[Line]) -> Iterator[tuple[Event, tuple[Command, ...]]]:
    """What a replay needs of every line."""
    return ((line.event, line.commands) for line in lines)


def _broken(run: Run, number: int) -> str:
    return f"line {number} of run {run.id} does not follow from the line before it"
