"""Owns how one row of Binance's JSON maps to one record of ours: a table read in both directions.

A record class lists its columns: the key on the wire, the field, and the kind of value. Unknown
keys are ignored and a missing mandatory key raises `RowMalformed`, never a default that could be
mistaken for money. It must not know any particular row.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Final, TypeVar

from absolute.domain.errors import AbsoluteError
from absolute.domain.units import plain

Row = dict[str, Any]
Record = TypeVar("Record")


class RowMalformed(AbsoluteError):
    """A row lacks a key, or a value is not of the kind the venue documents."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a value is written and read."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _amount(value: object) -> Decimal:
    """A number that arrives as text or bare; "" and "None" are no numbers."""
    amount = Decimal(str(value))
    if not amount.is_finite():
        raise ValueError(f"{value!r} is no amount")
    return amount


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _flag(value: object) -> bool:
    match value:
        case bool():
            return value
        case "true" | "false":
            return value == "true"
        case _:
            raise ValueError(f"{value!r} is neither true nor false")


def _whole(value: object) -> int:
    if isinstance(value, bool | float):
        raise TypeError(f"{value!r} is no whole number")
    return int(str(value))


def _eight(value: Decimal) -> str:
    return f"{value:.8f}"


def _same(value: object) -> object:
    return value


TEXT: Final = Kind(_same, _text)
WHOLE: Final = Kind(_same, _whole)
FLAG: Final = Kind(_same, _flag)
EIGHT: Final = Kind(_eight, _amount)
"""An amount as spot writes it: eight digits after the point."""
PLAIN: Final = Kind(plain, _amount)
"""An amount as USD-M writes it."""
NUMBER_TEXT: Final = Kind(str, _whole)
"""A whole number that is written as text."""


@dataclass(frozen=True, slots=True)
class Column:
    """One key of a row; a field that is None is left out, unless the key is `always` there."""

    key: str
    field: str
    kind: Kind = TEXT
    always: bool = False


def written(record: object, columns: tuple[Column, ...]) -> Row:
    """A record as the venue writes it."""
    row: Row = {}
    for column in columns:
        value = getattr(record, column.field)
        if isinstance(value, Enum):
            value = value.value
        if value is not None:
            row[column.key] = column.kind.write(value)
        elif column.always:
            row[column.key] = None
    return row


def read(record: type[Record], columns: tuple[Column, ...], row: Mapping[str, Any]) -> Record:
    """A record from what the venue wrote; raises `RowMalformed`.

    A default stands in for a missing key only where it is a word or a number of no weight: an
    amount or a flag of an order is never guessed.
    """
    optional = {
        each.name
        for each in fields(record)  # type: ignore[arg-type]
        if each.default is not MISSING and not isinstance(each.default, bool | Decimal)
    }
    values: dict[str, Any] = {}
    for column in columns:
        value = row.get(column.key)
        if value is None:
            if column.field in optional:
                continue
            raise RowMalformed(f"{record.__name__}: the key '{column.key}' is missing")
        try:
            values[column.field] = column.kind.read(value)
        except (ValueError, TypeError, InvalidOperation):
            raise RowMalformed(
                f"{record.__name__}: '{column.key}' has the value {value!r}"
            ) from None
    return record(**values)
