"""Owns the text form of every message: plain JSON, decimals as strings, the class by name.

The form is canonical (sorted keys, no spaces), so equal messages have equal bytes and a log has a
hash. Reading gives back equal messages. Knows nothing of files.
"""

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache, partial
from types import UnionType
from typing import Any, NewType, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from absolute.domain.approved import Refused
from absolute.domain.errors import JournalError
from absolute.domain.messages import Command, Event
from absolute.domain.notes import Note
from absolute.domain.units import plain

Reader = Callable[[Any], Any]
Record = TypeVar("Record")

MESSAGES: dict[str, type] = {
    member.__name__: member
    for member in (*get_args(Event), *get_args(Command), *get_args(Note), Refused)
}


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind))


def jsonable(value: object) -> Any:
    """A message as JSON's own types; a message class is told by the key `_`."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, tuple):
        return [jsonable(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        told = {name: jsonable(getattr(value, name)) for name in _names(kind)}
        if kind.__name__ in MESSAGES:
            told["_"] = kind.__name__
        return told
    raise JournalError(f"a {type(value).__name__} has no place in a journal")


def encode(value: object) -> bytes:
    """The canonical bytes of a message."""
    return json.dumps(jsonable(value), sort_keys=True, separators=(",", ":")).encode()


def decode(text: bytes | str) -> Any:
    """The message of canonical bytes; raises `JournalError` where it is none of ours."""
    try:
        told = json.loads(text)
    except ValueError as fault:
        raise JournalError(f"not a journal entry: {fault}") from fault
    return message(told)


def message(told: Any) -> Any:
    """The message of an already parsed JSON object."""
    name = told.get("_") if isinstance(told, dict) else None
    kind = MESSAGES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise JournalError(f"not a message of ours: {told!r:.80}")
    return _build(kind, told)


def record(kind: type[Record], told: Any) -> Record:
    """A dataclass that is no message, from its JSON; what it works out itself is passed over."""
    if isinstance(told, dict):
        made = {each.name for each in fields(cast(type[Any], kind)) if not each.init}
        told = {name: value for name, value in told.items() if name not in made}
    return cast(Record, _build(kind, told))


def _build(kind: type, told: Any) -> Any:
    if not isinstance(told, dict):
        raise JournalError(f"{kind.__name__} is an object, not {told!r:.80}")
    readers = _readers(kind)
    given = {name: value for name, value in told.items() if name != "_"}
    if given.keys() != readers.keys():
        raise JournalError(f"{kind.__name__} has the fields {sorted(readers)}, not {sorted(given)}")
    return kind(**{name: read(given[name]) for name, read in readers.items()})


@cache
def _readers(kind: type) -> dict[str, Reader]:
    hints, given = get_type_hints(kind), {each.name for each in fields(kind) if each.init}
    return {name: _reader(hint) for name, hint in hints.items() if name in given}


def _reader(hint: Any) -> Reader:
    """How to read one field of this declared type; it raises `JournalError` for any other value."""
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    if get_origin(hint) in {Union, UnionType}:
        return _reader_of_union(hint)
    if hint is Decimal:
        return _decimal
    if isinstance(hint, type) and issubclass(hint, Enum):
        return partial(_member, hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return partial(_build, hint)
    return partial(_exactly, hint)


def _decimal(told: Any) -> Decimal:
    try:
        number = Decimal(told) if isinstance(told, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise JournalError(f"not a decimal: {told!r:.80}")
    return number


def _member(kind: type[Enum], told: Any) -> Enum:
    try:
        return kind(told)
    except ValueError as fault:
        raise JournalError(f"not a {kind.__name__}: {told!r:.80}") from fault


def _exactly(kind: type, told: Any) -> Any:
    if type(told) is not kind:
        raise JournalError(f"not a {kind.__name__}: {told!r:.80}")
    return told


def _reader_of_union(hint: Any) -> Reader:
    members = [member for member in get_args(hint) if member is not type(None)]
    if len(members) == 1:
        inner = _reader(members[0])
        return lambda told: None if told is None else inner(told)
    return message
