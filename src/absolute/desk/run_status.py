"""Owns the picture of every run in the store, worked out from what is kept, with nobody asked."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from absolute.domain.messages import Event, Paused, Resumed, StopAsked
from absolute.domain.notes import Halted
from absolute.domain.units import NANOS_PER_SECOND, ZERO, Nanos
from absolute.store.runs import Run
from absolute.store.sql_records import Records
from absolute.store.sql_store import open_records


@dataclass(frozen=True, slots=True)
class RunStatus:
    """One run. `held` are base units, `profit` counts closed deals; `asks` is an open question."""

    run: str
    mode: str
    profile: str
    symbol: str
    created: datetime
    last: datetime | None
    steps: int
    fills: int
    deals: int
    deals_closed: int
    profit: Decimal
    held: Decimal
    open_orders: tuple[str, ...]
    asks: str | None


def statuses(where: str) -> tuple[RunStatus, ...]:
    """Every run in a database, the newest first; raises `UserError` where there is none."""
    records = open_records(where)
    runs = sorted(records.runs(), key=lambda each: each.created, reverse=True)
    return tuple(status_of(records, run) for run in runs)


def status_of(records: Records, run: Run) -> RunStatus:
    """One run, from its journal and read models."""
    steps, last, asks, held = 0, None, None, ZERO
    for line in records.lines(run.id):
        steps, last = line.number, line.time
        asks = _question(line.event, asks)
        for note in line.notes:
            if isinstance(note, Halted):
                asks = f"{note.code}: {note.detail}"
    for fill in records.fills(run.id):
        qty = Decimal(fill["qty"])
        held += qty if fill["side"] == "buy" else -qty
        if fill["fee_asset"] == run.instrument.base and not run.instrument.perpetual:
            held -= Decimal(fill["fee_amount"])
    deals = records.deals(run.id)
    closed = [each for each in deals if each["closed"] is not None]
    living = records.orders(run.id, living=True)
    return RunStatus(
        run=run.id,
        mode=str(run.mode),
        profile=run.profile,
        symbol=run.symbol,
        created=_instant(run.created),
        last=None if last is None else _instant(last),
        steps=steps,
        fills=len(records.fills(run.id)),
        deals=len(deals),
        deals_closed=len(closed),
        profit=sum((Decimal(each["profit"]) for each in closed), ZERO),
        held=held,
        open_orders=tuple(f"{each['client_id']} ({each['status']})" for each in living),
        asks=asks,
    )


def _question(event: Event, before: str | None) -> str | None:
    """What waits for a person after this event."""
    match event:
        case Paused(who=who):
            return f"paused by {who}"
        case StopAsked(who=who):
            return f"stopped by {who}"
        case Resumed():
            return None
        case _:
            return before


def _instant(time: Nanos) -> datetime:
    return datetime.fromtimestamp(time // NANOS_PER_SECOND, UTC)
