"""Owns the read models: orders, fills, deals, notes and people's commands, as the journal tells.

One step at a time, inside the transaction that keeps the step; they can be thrown away and worked
out again. The status of an order moves by the same table as the engine's. Nothing is decided from
them.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from absolute.domain.errors import UnknownOrder
from absolute.domain.fill import Fee
from absolute.domain.ids import ClientOrderId, TradeId, VenueOrderId
from absolute.domain.messages import (
    Cancel,
    CancelRefused,
    Event,
    FeeReported,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderLost,
    OrderRejected,
    OrderUnsent,
    Paused,
    Resumed,
    StopAsked,
    Submit,
)
from absolute.domain.notes import DealClosed, DealOpened, Note
from absolute.domain.order import Order, Status, Step, Terms
from absolute.domain.units import ZERO, Asset, Nanos, Qty, plain
from absolute.engine.step import Outcome
from absolute.store.codec import encode, jsonable, record
from absolute.store.sql_tables import AUDIT, DEALS, FILLS, MENTIONS, NOTES, ORDERS

TERMS: Final = tuple(Terms.__dataclass_fields__)
NO_ASSET: Final = Asset("")
ENDS: Final[dict[type, Step]] = {
    OrderCancelled: Step.CANCEL,
    OrderUnsent: Step.CANCEL,
    OrderRejected: Step.REJECT,
    OrderExpired: Step.EXPIRE,
}
SAID: Final[dict[type, str]] = {Paused: "pause", Resumed: "resume", StopAsked: "stop"}


def order_of(row: Mapping[str, Any]) -> Order:
    """An order as its row tells it; what it reserves is not kept here."""
    terms = record(Terms, {name: row[name] for name in TERMS})
    order = Order(ClientOrderId(row["client_id"]), terms, Nanos(row["sent_at"]), NO_ASSET, ZERO)
    order.status = Status(row["status"])
    order.venue_id = None if row["venue_id"] is None else VenueOrderId(row["venue_id"])
    order.filled = Qty(Decimal(row["filled"]))
    order.reason = row["reason"]
    return order


class Projection:
    """The read models of one run while it is written; holds the orders that still live."""

    def __init__(self, connection: Connection, run: str) -> None:
        self._run = run
        self._orders: dict[ClientOrderId, tuple[Order, int | None]] = {}
        row = connection.execute(
            select(DEALS.c.deal, DEALS.c.closed)
            .where(DEALS.c.run == run)
            .order_by(DEALS.c.deal.desc())
            .limit(1)
        ).first()
        self._deal: int | None = None if row is None else row.deal
        self._in_deal = row is not None and row.closed is None

    def take(self, connection: Connection, number: int, *, event: Event, outcome: Outcome) -> None:
        """Work one step into the tables."""
        for place, note in enumerate(outcome.notes):
            self._note(connection, number, place, note)
        mentioned = {self._fact(connection, number, event)}
        for approved in outcome.commands:
            command = approved.command
            mentioned.add(command.client_id)
            if isinstance(command, Submit):
                self._submit(connection, command, event.time)
            else:
                self._cancel(connection, command, event.time)
        mentioned |= {refused.command.client_id for refused in outcome.refusals}
        for client_id in mentioned - {None}:
            values = {"run": self._run, "client_id": client_id, "number": number}
            connection.execute(insert(MENTIONS).values(values))

    # --- facts --------------------------------------------------------------------------------

    def _fact(self, connection: Connection, number: int, event: Event) -> ClientOrderId | None:
        """Book the fact; returns the order it was about."""
        match event:
            case OrderFilled(fill=fill):
                self._fill(connection, number, event)
                return fill.client_id
            case OrderAccepted(client_id=client_id, venue_id=venue_id):
                order, deal = self._order(connection, client_id)
                order.take(Step.ACCEPT)
                order.venue_id = venue_id
                self._write(connection, order, deal, event.time)
                return client_id
            case OrderCancelled() | OrderUnsent() | OrderRejected() | OrderExpired():
                order, deal = self._order(connection, event.client_id)
                order.take(ENDS[type(event)])
                order.reason = getattr(event, "reason", None)
                self._write(connection, order, deal, event.time)
                return event.client_id
            case OrderLost(client_id=client_id):
                self._move(connection, client_id, Step.LOSE, event.time)
                return client_id
            case CancelRefused(client_id=client_id):
                self._move(connection, client_id, Step.REFUSE_CANCEL, event.time)
                return client_id
            case FeeReported(trade_id=trade_id, fee=fee):
                return self._fee(connection, trade_id, fee)
            case Paused(who=who) | Resumed(who=who) | StopAsked(who=who):
                values = {"run": self._run, "time": event.time, "who": who}
                values |= {"action": SAID[type(event)], "detail": encode(event).decode()}
                connection.execute(insert(AUDIT).values(values))
                return None
            case _:
                return None  # prices, timers and money moves are no business of an order

    def _move(
        self, connection: Connection, client_id: ClientOrderId, step: Step, time: Nanos
    ) -> None:
        """Move an order along the table."""
        order, deal = self._order(connection, client_id)
        order.take(step)
        self._write(connection, order, deal, time)

    def _fill(self, connection: Connection, number: int, event: OrderFilled) -> None:
        fill = event.fill
        same = (FILLS.c.run == self._run) & (FILLS.c.trade_id == fill.trade_id)
        if connection.execute(select(FILLS.c.number).where(same)).first() is not None:
            return  # a venue may tell one twice
        order, deal = self._order(connection, fill.client_id)
        deal = deal or self._deal
        order.take(Step.FILL_ALL if event.done else Step.FILL_PART)
        order.filled = Qty(order.filled + fill.qty)
        values = {"run": self._run, "number": number, "deal": deal, **_fee_values(fill.fee)}
        told = jsonable(fill)
        values |= {name: told[name] for name in told if name != "fee"}
        connection.execute(insert(FILLS).values(values))
        self._write(connection, order, deal, event.time)

    def _fee(self, connection: Connection, trade_id: TradeId, fee: Fee) -> ClientOrderId | None:
        same = (FILLS.c.run == self._run) & (FILLS.c.trade_id == trade_id)
        row = connection.execute(select(FILLS.c.client_id, FILLS.c.fee_asset).where(same)).first()
        if row is None:
            return None
        if row.fee_asset is None:
            connection.execute(update(FILLS).where(same).values(_fee_values(fee)))
        return ClientOrderId(row.client_id)

    # --- wishes and notes ---------------------------------------------------------------------

    def _submit(self, connection: Connection, command: Submit, time: Nanos) -> None:
        order = Order(command.client_id, command.terms, time, NO_ASSET, ZERO)
        order.take(Step.SEND)
        deal = self._deal if self._in_deal else None
        values = {"run": self._run, "client_id": command.client_id, "sent_at": time}
        values |= jsonable(command.terms) | _state(order, deal, time)
        connection.execute(insert(ORDERS).values(values))
        self._orders[command.client_id] = order, deal

    def _cancel(self, connection: Connection, command: Cancel, time: Nanos) -> None:
        self._move(connection, command.client_id, Step.ASK_CANCEL, time)

    def _note(self, connection: Connection, number: int, place: int, note: Note) -> None:
        values = {"run": self._run, "number": number, "place": place, "time": note.time}
        values |= {"kind": type(note).__name__, "deal": getattr(note, "deal", None)}
        connection.execute(insert(NOTES).values({**values, "body": encode(note).decode()}))
        match note:
            case DealOpened(deal=deal, time=time):
                self._deal, self._in_deal = deal, True
                values = {"run": self._run, "deal": deal, "opened": time, "status": "open"}
                connection.execute(insert(DEALS).values(values))
            case DealClosed(deal=deal):
                self._in_deal = False
                connection.execute(
                    update(DEALS)
                    .where(DEALS.c.run == self._run, DEALS.c.deal == deal)
                    .values(_closed(note))
                )
            case _:
                pass  # the others change no deal

    # --- orders -------------------------------------------------------------------------------

    def _order(self, connection: Connection, client_id: ClientOrderId) -> tuple[Order, int | None]:
        found = self._orders.get(client_id)
        if found is not None:
            return found
        same = (ORDERS.c.run == self._run) & (ORDERS.c.client_id == client_id)
        row = connection.execute(select(ORDERS).where(same)).mappings().first()
        if row is None:
            raise UnknownOrder(f"order {client_id} was never written down here")
        return order_of(dict(row)), row["deal"]

    def _write(self, connection: Connection, order: Order, deal: int | None, time: Nanos) -> None:
        same = (ORDERS.c.run == self._run) & (ORDERS.c.client_id == order.client_id)
        connection.execute(update(ORDERS).where(same).values(_state(order, deal, time)))
        if order.terminal:
            self._orders.pop(order.client_id, None)
        else:
            self._orders[order.client_id] = order, deal


def _state(order: Order, deal: int | None, time: Nanos) -> dict[str, Any]:
    """What of an order's row moves."""
    return {
        "venue_id": order.venue_id,
        "deal": deal,
        "status": order.status.value,
        "filled": plain(order.filled),
        "reason": order.reason,
        "changed_at": time,
    }


def _fee_values(fee: Fee | None) -> dict[str, str | None]:
    if fee is None:
        return {"fee_amount": None, "fee_asset": None, "fee_value": None}
    return {
        "fee_amount": plain(fee.amount),
        "fee_asset": fee.asset,
        "fee_value": plain(fee.value),
    }


def _closed(note: DealClosed) -> dict[str, Any]:
    return {
        "closed": note.time,
        "status": "liquidated" if note.forced else "closed",
        "rebuys": note.rebuys,
        "cost": plain(note.cost),
        "average": plain(note.average),
        "exit_price": plain(note.exit_price),
        "profit": plain(note.profit),
        "fees": plain(note.fees),
    }
