"""Owns the file of orders in doubt: written before an order leaves, and when its fate is known.

One JSON object to a line, synced before the call returns; a torn last line is an order that never
left. It must not know what an order means.
"""

import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Final

from absolute.desk.language import _
from absolute.domain.errors import JournalError, UserError
from absolute.domain.instrument import Side
from absolute.domain.units import Nanos
from absolute.venues.fleet_terms import SentOrder, Wanted

if sys.platform != "win32":
    import fcntl

MODE: Final = 0o600

_CLAIMED: Final[dict[Path, int]] = {}
"""The files this program has for itself, with what holds them; the system lets go at its end."""


class FileOrderLog:
    """Remembers the orders in doubt in a file, which is made with the first order."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def claim(self) -> None:
        """One program to a file: two would take each other's orders for their own."""
        path = self._path.resolve()
        if sys.platform == "win32" or path in _CLAIMED:
            return  # Windows has no such lock: there the user sees to it
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, MODE)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            message = _(
                "Another program sends orders from the folder {folder}; end it, or give this one "
                "its own: ExchangeConfigManager(config_dir)."
            )
            told = message.format(folder=path.parent)
            raise UserError("ORDER_LOG_BUSY", told) from error
        _CLAIMED[path] = handle

    def sent(self, order: SentOrder) -> None:
        """Durable before it returns."""
        self._append({"sent": _told(order)})

    def settled(self, client_id: str, outcome: str) -> None:
        """The fate of an order is known."""
        self._append({"settled": client_id, "outcome": outcome})

    def unsettled(self) -> list[SentOrder]:
        """Every order that was sent and never settled, oldest first."""
        open_orders: dict[str, SentOrder] = {}
        for row in self._rows():
            if "sent" in row:
                order = _order(row["sent"])
                open_orders[order.client_id] = order
            else:
                open_orders.pop(str(row["settled"]), None)
        return list(open_orders.values())

    def _rows(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        lines = self._path.read_text("utf-8").split("\n")
        rows: list[dict[str, Any]] = []
        for number, line in enumerate(lines, start=1):
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                if number == len(lines):
                    break  # what follows the last line break was never whole
                message = _("line {number} of {path} is damaged; look at the exchanges' orders")
                raise JournalError(message.format(number=number, path=self._path)) from error
        return rows

    def _append(self, row: dict[str, Any]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, MODE)
        except OSError as error:
            raise self._unwritable(error) from error
        with os.fdopen(handle, "r+b") as file:
            _mend(file)
            file.write(json.dumps(row).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _unwritable(self, error: OSError) -> UserError:
        message = _("Orders cannot be written to {path} ({reason}), so none is sent.")
        told = message.format(path=self._path, reason=error.strerror)
        return UserError("ORDER_LOG_UNWRITABLE", told)


def _mend(file: BinaryIO) -> None:
    """Cut a torn last line off: what it would have said was never acted upon."""
    size = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, size - (1 << 16)))
    data = file.read()
    whole = start + data.rfind(b"\n") + 1
    if whole < size:
        file.truncate(whole)
    file.seek(0, os.SEEK_END)


def _told(sent: SentOrder) -> dict[str, Any]:
    order = sent.order
    return {
        "exchange": sent.exchange,
        "client_id": sent.client_id,
        "sent_at": sent.sent_at,
        "symbol": order.symbol,
        "side": order.side.value,
        "amount": str(order.amount),
        "order_type": order.order_type,
        "price": None if order.price is None else str(order.price),
        "stop_price": None if order.stop_price is None else str(order.stop_price),
        "time_in_force": order.time_in_force,
    }


def _order(told: dict[str, Any]) -> SentOrder:
    price, stop = told["price"], told["stop_price"]
    return SentOrder(
        exchange=told["exchange"],
        client_id=told["client_id"],
        order=Wanted(
            symbol=told["symbol"],
            side=Side(told["side"]),
            amount=Decimal(told["amount"]),
            order_type=told["order_type"],
            price=None if price is None else Decimal(price),
            stop_price=None if stop is None else Decimal(stop),
            time_in_force=told["time_in_force"],
        ),
        sent_at=Nanos(told["sent_at"]),
    )
