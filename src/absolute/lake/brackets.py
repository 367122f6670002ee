"""Owns the files that hold leverage brackets: the shipped one, and one that a user gives.

A file names, by symbol and date, rows of (floor of position value, maintenance rate, largest
leverage); the shipped one is an example. What Binance answers to `leverageBracket` is read as well
and counts for all time. Values are in the settle asset. It must not know what the rows are for.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from importlib import resources
from pathlib import Path
from typing import Any, Final

from absolute.domain.errors import UserError
from absolute.domain.units import NANOS_PER_SECOND
from absolute.matching.margin import Brackets, BracketTable, brackets_of

SHIPPED: Final = "brackets.json"
FIELDS: Final = ("notionalFloor", "maintMarginRatio", "initialLeverage")
"""Binance USD-M `leverageBracket`: the deduction ("cum") follows from these."""


def shipped_brackets(symbol: str) -> BracketTable:
    """The brackets that come with the program; raises `UserError` BRACKETS_MISSING."""
    text = resources.files("absolute.lake").joinpath(SHIPPED).read_text("utf-8")
    return _table(json.loads(text), symbol, SHIPPED)


def read_brackets(path: str | Path, symbol: str) -> BracketTable:
    """The brackets of one market from a JSON file.

    Raises `UserError` DATA_FILE_MISSING, BRACKETS_MISSING or BRACKETS_INVALID.
    """
    try:
        text = Path(path).read_text("utf-8")
    except OSError as fault:
        raise UserError(
            "DATA_FILE_MISSING",
            f"The file '{path}' cannot be read ({fault.strerror}); give a JSON file of brackets.",
        ) from None
    try:
        document = json.loads(text, parse_float=str, parse_int=str)
    except ValueError as fault:
        raise UserError(
            "BRACKETS_INVALID", f"The file '{path}' is no JSON ({fault}); mend or replace it."
        ) from None
    return _table(document, symbol, str(path))


def _table(document: Any, symbol: str, source: str) -> BracketTable:  # noqa: ANN401 -- JSON enters
    """One market's versions in a document, oldest first."""
    versions = _versions(document, symbol)
    if versions is None:
        raise UserError(
            "BRACKETS_MISSING",
            f"The file '{source}' has no leverage brackets of {symbol}; name one that has, with "
            "--brackets.",
        )
    try:
        dated = sorted((_time(date), _brackets(rows)) for date, rows in versions.items())
        return BracketTable(tuple(time for time, _ in dated), tuple(rows for _, rows in dated))
    except (TypeError, ValueError, KeyError, InvalidOperation):
        raise UserError(
            "BRACKETS_INVALID",
            f"A date or a row of {symbol} in '{source}' is malformed; a version reads "
            '"2024-05-30": [["0", "0.004", "125"], ...].',
        ) from None


def _versions(document: Any, symbol: str) -> Mapping[str, Any] | None:  # noqa: ANN401 -- JSON enters
    if isinstance(document, list):
        named = [each for each in document if isinstance(each, dict)]
        found = next((each for each in named if each.get("symbol") == symbol), None)
        return {"1970-01-01": found.get("brackets")} if found is not None else None
    found = document.get(symbol) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else None


def _time(date: str) -> int:
    """The first nanosecond of a day, or of an instant that states its offset."""
    instant = datetime.fromisoformat(date)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return int(instant.timestamp()) * NANOS_PER_SECOND


def _brackets(rows: Iterable[Any]) -> Brackets:
    read = (
        tuple(row[name] for name in FIELDS) if isinstance(row, dict) else tuple(row) for row in rows
    )
    return brackets_of(
        (Decimal(floor), Decimal(rate), Decimal(leverage)) for floor, rate, leverage in read
    )
