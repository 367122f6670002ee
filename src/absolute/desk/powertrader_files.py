"""Owns the files of the PowerTrader strategy: its settings as strict JSON, its votes as a table.

Settings that PowerTrader keeps in the same file for other parts of the program are left to them; a
name nobody knows is refused. Votes are told when they were made: they hold from the close of the
first bar that ends at or after their time, and so do bounds, from which votes are counted at every
close. It must not know what a setting means.
"""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from absolute.desk.language import _
from absolute.domain.errors import UserError
from absolute.domain.units import ZERO
from absolute.engine.votes import Count, Told, Votes, votes_at_closes
from absolute.kernels.feed import ticks_down, ticks_up
from absolute.kernels.tape import Tape
from absolute.lake.instants import read_instants
from absolute.lake.table import TIME_SPELLINGS, Schema, Table, read_table
from absolute.strategies.levels_settings import FRAMES, LevelsConfig, LevelsRefused, levels_config

SIZE_MAX: Final = 64 * 1024
ELSEWHERE: Final = frozenset({"primary_exchange", "region", "price_comparison_enabled"})
"""Settings of the same file that belong to the exchanges, not to the strategy."""

VOTES_SCHEMA: Final = Schema(
    spellings={
        "ts": TIME_SPELLINGS,
        "long": ("long", "long_level", "long_signal", "long_dca_signal"),
        "short": ("short", "short_level", "short_signal", "short_dca_signal"),
    },
    needed=("ts", "long", "short"),
    bare={},
)
BOUNDS_SCHEMA: Final = Schema(
    spellings={
        "ts": TIME_SPELLINGS,
        "frame": ("frame", "timeframe", "tf"),
        "low": ("low", "low_bound", "lower"),
        "high": ("high", "high_bound", "upper"),
    },
    needed=("ts", "frame", "low", "high"),
    bare={},
)


def load_levels(
    path: Path, changes: Mapping[str, object], *, preview: bool = False
) -> LevelsConfig:
    """The settings of a file with some changes on top; raises UserError for whatever is wrong."""
    told = {**_settings(path), **changes}
    try:
        return levels_config(told, preview=preview)
    except LevelsRefused as refusal:
        text = LevelsRefused(refusal.problems, _).message
        raise UserError(refusal.code, f"{path}: {text}") from None


def _settings(path: Path) -> dict[str, object]:
    try:
        data = path.read_bytes()
    except OSError as fault:
        message = _("{file}: the file cannot be read ({reason}); check its name and rights.")
        text = message.format(file=path, reason=fault.strerror)
        raise UserError("LEVELS_FILE_READ", text) from fault
    if len(data) > SIZE_MAX:
        message = _("{file}: larger than {limit} bytes; this is no settings file.")
        raise UserError("LEVELS_FILE_TOO_LARGE", message.format(file=path, limit=SIZE_MAX))
    try:
        told = json.loads(
            data.decode("utf-8-sig"),
            parse_int=Decimal,
            parse_float=Decimal,
            object_pairs_hook=_once,
        )
    except (ValueError, RecursionError) as fault:
        message = _("{file}: not a settings file ({reason}); write one JSON object.")
        text = message.format(file=path, reason=fault)
        raise UserError("LEVELS_FILE_SYNTAX", text) from fault
    if not isinstance(told, dict):
        message = _("{file}: not a settings file ({reason}); write one JSON object.")
        text = message.format(file=path, reason="no object")
        raise UserError("LEVELS_FILE_SYNTAX", text)
    return {name: value for name, value in told.items() if name not in ELSEWHERE}


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose names stand once each."""
    told = dict(pairs)
    if len(told) != len(pairs):
        names = [name for name, _value in pairs]
        raise ValueError(f"{max(names, key=names.count)} is set twice")
    return told


def read_votes(path: Path, tape: Tape) -> Votes:
    """The votes of a file over a tape: CSV or Parquet with a time, long and short (0 to 7).

    Raises UserError VOTES_INVALID, VOTES_ORDER, VOTES_ELSEWHERE, or as `lake.table.read_table`.
    """
    table = read_table(path, VOTES_SCHEMA)
    cells = table.frame
    times = read_instants(cells["ts"])
    torn = frozenset(table.torn)
    counts: list[Count] = []
    for at, row in enumerate(cells["row"].to_list()):
        long, short = (_count(cells[name][at]) for name in ("long", "short"))
        whole = long is not None and short is not None and long + short <= FRAMES
        if not whole or not times.usable[at] or row in torn or long is None or short is None:
            raise _refusal(table, row, "a time, and two counts of at most 7 together, are needed")
        counts.append(Count(long, short))
    _check_order(table, times.ns)
    return _placed(times.ns, counts, tape, table)


def read_bounds(path: Path, tape: Tape) -> Votes:
    """The votes that the bounds of a file make over a tape: time, frame, low and high.

    A frame's bounds hold until its next row; at most seven frames. Raises as `read_votes`.
    """
    table = read_table(path, BOUNDS_SCHEMA)
    cells = table.frame
    times = read_instants(cells["ts"])
    torn = frozenset(table.torn)
    ends = np.searchsorted(tape.ts + tape.bar_ns, times.ns, side="left").tolist()
    told: list[Told] = []
    for at, row in enumerate(cells["row"].to_list()):
        low, high = (_bound(cells[name][at]) for name in ("low", "high"))
        if low is None or high is None or low > high or not times.usable[at] or row in torn:
            raise _refusal(table, row, "a time, and a low not above its high, are needed")
        unit, name = tape.price_unit, str(cells["frame"][at]).strip()
        told.append(Told(ends[at], name, ticks_up(low, unit), ticks_down(high, unit)))
    _check_order(table, times.ns)
    if len({each.frame for each in told}) > FRAMES:
        raise _refusal(table, 1, f"more than {FRAMES} frames are named")
    within = [each for each in told if each.number < len(tape)]
    if not within:
        _refuse_elsewhere(table)
    return votes_at_closes(tape.close, within)


def _bound(cell: object) -> Decimal | None:
    """A price, or None."""
    try:
        price = Decimal(str(cell).strip())
    except InvalidOperation:
        return None
    return price if price.is_finite() and price >= ZERO else None


def _check_order(table: Table, times: NDArray[np.int64]) -> None:
    back = np.diff(times, prepend=times[:1]) < 0
    if back.any():
        row = table.frame["row"][int(back.argmax())]
        message = _("The file '{file}', data row {row}: earlier than the row above; sort it.")
        raise UserError("VOTES_ORDER", message.format(file=table.source, row=row))


def _refuse_elsewhere(table: Table) -> NoReturn:
    message = _("No vote of '{file}' lies before the end of the bars; give votes of that time.")
    raise UserError("VOTES_ELSEWHERE", message.format(file=table.source))


def _placed(times: NDArray[np.int64], counts: list[Count], tape: Tape, table: Table) -> Votes:
    """Every vote at the close of the first bar that ends no earlier; the last of a bar holds.

    Votes from before the tape hold from its first close, later ones are left out.
    """
    numbers = np.searchsorted(tape.ts + tape.bar_ns, times, side="left").tolist()
    by_bar = {
        number: count for number, count in zip(numbers, counts, strict=True) if number < len(tape)
    }
    if not by_bar:
        _refuse_elsewhere(table)
    return Votes(list(by_bar), list(by_bar.values()))


def _count(cell: object) -> int | None:
    """A whole number of frames, or None."""
    text = str(cell).strip().removesuffix(".0")
    return int(text) if text.isascii() and text.isdigit() and len(text) == 1 else None


def _refusal(table: Table, row: int, problem: str) -> UserError:
    return UserError("VOTES_INVALID", f"The file '{table.source}', data row {row}: {problem}.")
