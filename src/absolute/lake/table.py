"""Owns the opening of a table file: from bytes to named columns, row by row as they lie there.

It reads Parquet, Arrow (feather), CSV and JSON arrays, and these inside gzip or a one-file zip.
It knows how exchanges spell a column and nothing of what makes a value right: text stays text, so
that a price can be read exactly later.
"""

import functools
import gzip
import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from absolute.domain.errors import UserError

TIME_SPELLINGS: Final = (
    *("ts", "timestamp", "open_time", "opentime", "open_timestamp", "start_time", "starttime"),
    *("start", "start_at", "time_open", "unix", "datetime", "date", "time"),
)
SYMBOL_SPELLINGS: Final = ("symbol", "pair", "instrument", "ticker", "series")
SEPARATORS: Final = ",;\t"
QUOTED: Final = r'^\s*"([^"]*)"\s*$'
DATUM: Final = re.compile(r"[\s\"]*\d{4}")
"""A first field that begins like this is a time: the file has no header."""

Spellings = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Schema:
    """Which columns a kind of file has, how they are spelled, and their order without a header."""

    spellings: Spellings
    needed: tuple[str, ...]
    bare: Mapping[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Table:
    """A file's columns under our names, with the number of each data row, from 1, in `row`.

    `torn` are the numbers of CSV rows with more fields than the first line; they are cut to fit.
    """

    source: str
    sha256: str
    frame: pl.DataFrame
    torn: tuple[int, ...]


def read_table(path: Path, schema: Schema) -> Table:
    """Open a file and name its columns.

    Raises UserError DATA_FILE_MISSING, DATA_FORMAT_UNKNOWN, DATA_COLUMN_MISSING,
    DATA_ROW_MALFORMED or DATA_EMPTY.
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            "DATA_FILE_MISSING",
            f"The file '{path}' does not exist; give the path of a Parquet or CSV file.",
        ) from None
    except OSError as fault:
        reason = fault.strerror
        raise UserError(
            "DATA_FILE_MISSING",
            f"The file '{path}' cannot be read ({reason}); give a Parquet or CSV file.",
        ) from None
    digest = hashlib.sha256(data).hexdigest()
    frame, torn = _parsed(_unpacked(data, path.name), path.name, schema)
    if frame.is_empty():
        raise UserError("DATA_EMPTY", f"The file '{path}' holds no rows; give one with data.")
    found = _found(frame.columns, path.name, schema)
    named = frame.select(pl.col(theirs).alias(ours) for ours, theirs in found.items())
    return Table(path.name, digest, named.with_row_index("row", offset=1), torn)


def names_in(table: Table, column: str) -> list[str]:
    """What a naming column (symbol, exchange) holds, in order of appearance."""
    if column not in table.frame.columns:
        return []
    return [str(n) for n in table.frame[column].unique(maintain_order=True).drop_nulls()]


def only(table: Table, column: str, wanted: str | None) -> Table:
    """The rows of one name; a choice is needed only where a file holds several.

    A file that names nothing is taken at the word of whoever asks.

    Raises UserError DATA_<COLUMN>_NEEDED or DATA_<COLUMN>_UNKNOWN.
    """
    if column not in table.frame.columns:
        return table
    names = names_in(table, column)
    listed = ", ".join(names[:20])
    if wanted is None and len(names) > 1:
        raise UserError(
            f"DATA_{column.upper()}_NEEDED",
            f"The file '{table.source}' holds several: {listed}; choose one (--{column}).",
        )
    if wanted is not None and wanted not in names:
        raise UserError(
            f"DATA_{column.upper()}_UNKNOWN",
            f"The file '{table.source}' does not name '{wanted}'; it names: {listed}. Choose one "
            "of these, or none.",
        )
    if wanted is None:
        return table
    return replace(table, frame=table.frame.filter(pl.col(column).cast(pl.String) == wanted))


def _unknown(source: str, why: str) -> UserError:
    return UserError(
        "DATA_FORMAT_UNKNOWN",
        f"The file '{source}' {why}; readable are Parquet, feather, CSV and JSON arrays, "
        "also as .gz or as a .zip of one file.",
    )


def _unpacked(data: bytes, source: str) -> bytes:
    """The bytes inside a gzip or a zip of one file, or the bytes themselves."""
    try:
        if data.startswith(b"\x1f\x8b"):
            return gzip.decompress(data)
        if data.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if len(archive.namelist()) != 1:
                    raise _unknown(source, f"is a zip of {len(archive.namelist())} files")
                return archive.read(archive.namelist()[0])
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        raise _unknown(source, f"is packed and cannot be unpacked ({error})") from None
    return data


def _parsed(data: bytes, source: str, schema: Schema) -> tuple[pl.DataFrame, tuple[int, ...]]:
    try:
        if data.startswith(b"PAR1"):
            columns = _found(pl.read_parquet_schema(io.BytesIO(data)), source, schema).values()
            return pl.read_parquet(io.BytesIO(data), columns=list(columns)), ()
        if data.startswith(b"ARROW1"):
            return pl.read_ipc(io.BytesIO(data)), ()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unknown(source, f"is damaged ({str(error).splitlines()[0]})") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _unknown(source, "is neither a table format nor UTF-8 text") from None
    if text.lstrip().startswith("[["):
        return _json_arrays(text, source, schema), ()
    return _csv(text.lstrip("\r\n"), source, schema)


def _json_arrays(text: str, source: str, schema: Schema) -> pl.DataFrame:
    """A list of rows as exchanges answer and freqtrade saves; numbers are kept as their text."""
    try:
        rows = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (json.JSONDecodeError, RecursionError):
        raise _unknown(source, "looks like JSON but is damaged") from None
    width = len(rows[0])
    for number, row in enumerate(rows, 1):
        if not isinstance(row, list) or len(row) != width:
            raise UserError(
                "DATA_ROW_MALFORMED",
                f"The file '{source}', data row {number}: not a list of {width} values; mend it.",
            )
    names = _bare_names(width, source, schema)
    texts = [
        [None if value is None else str(value) for value in column]
        for column in zip(*rows, strict=True)
    ]
    return pl.DataFrame(
        dict(zip(names, texts, strict=True)), schema=dict.fromkeys(names, pl.String)
    )


def _csv(text: str, source: str, schema: Schema) -> tuple[pl.DataFrame, tuple[int, ...]]:
    """All fields as text; a row too long for the first line is cut and told."""
    first = text.split("\n", 1)[0].rstrip("\r")
    separator = max(SEPARATORS, key=first.count)
    fields = [field.strip().strip('"') for field in first.split(separator)]
    if "\x00" in text or len(fields) < 2:
        raise _unknown(source, "is no table")
    bare = DATUM.match(fields[0]) is not None
    names = _bare_names(len(fields), source, schema) if bare else tuple(fields)
    if len(set(names)) != len(names):
        raise _unknown(source, "names a column twice")
    read = functools.partial(
        pl.read_csv,
        text.encode(),
        has_header=not bare,
        new_columns=list(names),
        separator=separator,
        infer_schema=False,
        quote_char=None,  # a stray quotation mark would swallow rows
    )
    try:
        return _trimmed(read()), ()
    except pl.exceptions.NoDataError:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String)), ()
    except pl.exceptions.PolarsError:
        torn = _torn_rows(text, separator, headed=not bare)
        return _trimmed(read(truncate_ragged_lines=True)), torn


def _torn_rows(text: str, separator: str, *, headed: bool) -> tuple[int, ...]:
    """Numbers of the CSV rows with too many fields; only asked when there is one."""
    marks = [line.count(separator) for line in text.split("\n")]
    return tuple(row for row, count in enumerate(marks[headed:], start=1) if count > marks[0])


def _trimmed(frame: pl.DataFrame) -> pl.DataFrame:
    """Free quoted fields, and drop empty lines at the end; one in the middle stays, as a fault."""
    filled = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series().arg_true()
    frame = frame.head(int(filled[-1]) + 1 if len(filled) else 0)
    return frame.with_columns(pl.all().str.replace(QUOTED, "$1"))


def _bare_names(width: int, source: str, schema: Schema) -> tuple[str, ...]:
    if width not in schema.bare:
        known = ", ".join(str(n) for n in schema.bare)
        raise UserError(
            "DATA_COLUMN_MISSING",
            f"The file '{source}' has no header and {width} columns; without a header there must "
            f"be {known}. Add a line with the column names.",
        )
    return schema.bare[width]


def _found(columns: Iterable[str], source: str, schema: Schema) -> dict[str, str]:
    """Our name of each column the file has, with the file's own spelling."""
    lower = {name.strip().lower().replace(" ", "_").replace("-", "_"): name for name in columns}
    found: dict[str, str] = {}
    for ours, spellings in schema.spellings.items():
        theirs = next((lower[s] for s in spellings if s in lower), None)
        if theirs is not None:
            found[ours] = theirs
    missing = ", ".join(name for name in schema.needed if name not in found)
    if missing:
        present = ", ".join(lower.values())
        raise UserError(
            "DATA_COLUMN_MISSING",
            f"The file '{source}' has no column for: {missing}; it has: {present}. Name each "
            "column by the word that is missing.",
        )
    return found
