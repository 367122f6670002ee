"""Owns instants in files and options: from their many spellings to nanoseconds since 1970 UTC.

It knows nothing of bars. A time without a zone is UTC. A bare number is read as seconds,
milliseconds, microseconds or nanoseconds by its size: between 2009 and 2100 the four ranges do
not overlap, so each value is judged alone and a file that changes its unit half-way is read right.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from absolute.domain.errors import UserError

SECOND_NS: Final = 1_000_000_000
FIRST_S: Final = 1_230_768_000
"""2009-01-01, two days before the first bitcoin block."""
LAST_S: Final = 4_102_444_800
"""2100-01-01, exclusive."""

PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
SPELLING: Final = (
    r"^\s*(\d{4})[-/.](\d{2})[-/.](\d{2})"
    r"(?:[T ]+(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?\s*$"
)
NUMBER: Final = r"^\s*\d+(?:\.\d+)?\s*$"


@dataclass(frozen=True, slots=True)
class Instants:
    """Times of a column: `ns` int64[n] (0 where unusable), and masks that say why."""

    ns: NDArray[np.int64]
    unreadable: NDArray[np.bool_]
    out_of_range: NDArray[np.bool_]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Where `ns` holds a time."""
        return ~(self.unreadable | self.out_of_range)

    def only(self, keep: NDArray[np.bool_]) -> "Instants":
        """The times where `keep` holds."""
        return Instants(self.ns[keep], self.unreadable[keep], self.out_of_range[keep])


def read_instants(column: pl.Series) -> Instants:
    """The times of a column of datetimes, dates, numbers or text; never raises for a bad row."""
    kind = column.dtype
    if isinstance(kind, pl.Datetime):
        physical = column.to_physical()
        return _from_units(physical, np.full(len(column), PER_SECOND[kind.time_unit]))
    if kind == pl.Date:
        return _from_units(column.to_physical().cast(pl.Int64) * 86_400, np.ones(len(column), int))
    if kind.is_numeric():
        return _from_numbers(column.cast(pl.Float64), column.cast(pl.Int64, strict=False))
    return _from_text(column.cast(pl.String, strict=False))


def _from_text(column: pl.Series) -> Instants:
    as_number = column.filter(column.str.contains(NUMBER).fill_null(False))
    if len(as_number) == len(column):
        whole = column.str.strip_chars().str.extract(r"^(\d+)").cast(pl.Int64, strict=False)
        return _from_numbers(column.str.strip_chars().cast(pl.Float64, strict=False), whole)
    if len(as_number) == 0:
        return _from_calendar(column)
    numeric = column.str.contains(NUMBER).fill_null(False)
    numbers = _from_text(column.set(~numeric, None).fill_null("0"))
    calendar = _from_calendar(column)
    pick = numeric.to_numpy()
    return Instants(
        ns=np.where(pick, numbers.ns, calendar.ns),
        unreadable=np.where(pick, numbers.unreadable, calendar.unreadable),
        out_of_range=np.where(pick, numbers.out_of_range, calendar.out_of_range),
    )


def _from_numbers(value: pl.Series, whole: pl.Series) -> Instants:
    """Each number by its size; a fraction is added in the unit found, to the nanosecond."""
    size = value.fill_null(np.nan).to_numpy()
    per_second = np.ones(len(size), dtype=np.int64)
    for per in PER_SECOND.values():
        per_second[(size >= FIRST_S * per) & (size < LAST_S * per)] = per
    base = _from_units(whole, per_second)
    fraction = np.nan_to_num(size - np.floor(size), posinf=0.0, neginf=0.0)
    extra = np.where(fraction > 0, np.rint(fraction * (SECOND_NS / per_second)), 0)
    return Instants(
        ns=base.ns + np.where(base.usable, extra, 0).astype(np.int64),
        unreadable=base.unreadable,
        out_of_range=base.out_of_range,
    )


def _from_units(whole: pl.Series, per_second: NDArray[np.int64]) -> Instants:
    unreadable = whole.is_null().to_numpy()
    count = whole.fill_null(0).to_numpy().astype(np.int64)
    inside = (count >= FIRST_S * per_second) & (count < LAST_S * per_second)
    ns = np.where(inside, count, 0) * (SECOND_NS // per_second)
    return Instants(ns=ns, unreadable=unreadable, out_of_range=~unreadable & ~inside)


def _from_calendar(column: pl.Series) -> Instants:
    """Text such as 2024-01-31, 2024-01-31 10:00, 2024-01-31T10:00:00.5+02:00."""
    names = ["year", "month", "day", "hour", "minute", "second", "fraction", "zone"]
    parts = column.str.extract_groups(SPELLING).struct.rename_fields(names).struct.unnest()
    hour, minute, second = (pl.col(name).cast(pl.Int64).fill_null(0) for name in names[3:6])
    table = parts.select(
        days=pl.when((hour < 24) & (minute < 60) & (second < 60)).then(
            pl.concat_str("year", "month", "day", separator="-")
            .str.to_date("%Y-%m-%d", strict=False)
            .cast(pl.Int32)
            .cast(pl.Int64)
        ),
        of_day=hour * 3600 + minute * 60 + second,
        nanos=pl.col("fraction").str.pad_end(9, "0").cast(pl.Int64).fill_null(0),
        offset=_offset_seconds(pl.col("zone")),
    )
    seconds = table["days"] * 86_400 + table["of_day"] - table["offset"]
    base = _from_units(seconds, np.ones(len(column), dtype=np.int64))
    nanos = np.where(base.usable, table["nanos"].to_numpy(), 0)
    return Instants(base.ns + nanos, base.unreadable, base.out_of_range)


def _offset_seconds(zone: pl.Expr) -> pl.Expr:
    """Seconds east of Greenwich of +02:00, -0330 or +02; none and letters are zero."""
    digits = zone.str.replace(":", "")
    hours = digits.str.slice(1, 2).cast(pl.Int64, strict=False).fill_null(0)
    minutes = digits.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0)
    sign = pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    return sign * (hours * 3600 + minutes * 60)


def parse_instant(text: str) -> int:
    """Nanoseconds since 1970 of a date or an ISO time as a person types it; naive is UTC.

    Raises UserError TIME_NOT_UNDERSTOOD.
    """
    found = read_instants(pl.Series([text]))
    if not found.usable[0]:
        raise UserError(
            "TIME_NOT_UNDERSTOOD",
            f"'{text}' is not a time between 2009 and 2100; write it as 2024-03-05 or "
            "2024-03-05T14:30 (UTC).",
        )
    return int(found.ns[0])


def parse_timeframe(text: str) -> int:
    """The length in ns of a bar named as exchanges do: 30s, 1m, 5m, 1h, 4h, 1d, 1w.

    Raises UserError TIMEFRAME_UNKNOWN.
    """
    spelled = re.fullmatch(r"([1-9]\d{0,3})([smhdw])", text.strip())
    if spelled is None:
        raise UserError(
            "TIMEFRAME_UNKNOWN", f"'{text}' is no length of a bar; write one such as 1m, 4h or 1d."
        )
    return int(spelled[1]) * UNITS_S[spelled[2]] * SECOND_NS


def moment(ns: int) -> datetime:
    """An instant as an aware UTC datetime, to the microsecond."""
    seconds, nanos = divmod(int(ns), SECOND_NS)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=nanos // 1_000)


def moment_text(time: datetime) -> str:
    """A time as people read it: 2024-03-05 14:30:00 UTC, with milliseconds where there are."""
    shown = time.isoformat(" ", "milliseconds" if time.microsecond else "seconds")
    return shown.removesuffix("+00:00") + " UTC"


def instant_text(ns: int) -> str:
    """Nanoseconds since 1970 as people read them."""
    return moment_text(moment(ns))


def span_text(ns: int) -> str:
    """A length of time as people say it: 13 h 22 min, 1 min 45.211 s."""
    if ns < 0:
        return "-" + span_text(-ns)
    days, rest = divmod(int(ns), 86_400 * SECOND_NS)
    hours, rest = divmod(rest, 3_600 * SECOND_NS)
    minutes, rest = divmod(rest, 60 * SECOND_NS)
    seconds = f"{rest / SECOND_NS:.3f}".rstrip("0").rstrip(".")
    parts = [f"{days} d" * (days > 0), f"{hours} h" * (hours > 0), f"{minutes} min" * (minutes > 0)]
    return " ".join([p for p in parts if p] + ([f"{seconds} s"] if rest else [])) or "0 s"
