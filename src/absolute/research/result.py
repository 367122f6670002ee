"""Owns the finished result of one back-test as frozen rows and arrays; computes nothing new.

The desk's back-test fills it, the reports read it, and `to_json` is the form other programs read.
Its keys are a contract: amounts are decimal strings in plain notation, instants are ISO 8601 in
UTC, ratios are numbers. Nothing here depends on when or where the run took place but `seconds`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from absolute.engine.metrics import Curve, Metrics

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

AMOUNTS: Final = frozenset({"average_win", "average_loss", "largest_win", "largest_loss"})
"""The metrics that are money; they leave as decimal strings."""

AMOUNT_PLACES: Final = 8


@dataclass(frozen=True, slots=True)
class FillRow:
    """One fill. `ts` ns UTC; `side` buy or sell; `notional` and `price` in quote; `qty` in base."""

    ts: int
    side: str
    price: Decimal
    qty: Decimal
    notional: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: str
    role: str
    deal: int


@dataclass(frozen=True, slots=True)
class DealRow:
    """One deal from its first buy to its exit. Times ns UTC; None = still open."""

    number: int
    opened: int
    closed: int | None
    rebuys: int
    cost: Decimal
    average: Decimal
    exit_price: Decimal | None
    profit: Decimal | None
    fees: Decimal
    status: str


@dataclass(frozen=True, slots=True)
class Passport:
    """What one needs to make the very same result again; holds no wall-clock time.

    `parameters` and `fees` may hold Decimal, text, numbers, lists and mappings of these.
    """

    version: str
    data_sha256: str
    data_name: str
    bars: int
    first_ts: int
    last_ts: int
    gaps: int
    missing_bars: int
    parameters: Mapping[str, object]
    seed: int | None
    fill_model: str
    intrabar: str
    fees: Mapping[str, object]
    python: str
    event_log_sha256: str

    def to_json(self) -> dict[str, Json]:
        """The fields under their own names; instants as ISO 8601."""
        row = _row(self)
        row["first_ts"], row["last_ts"] = iso(self.first_ts), iso(self.last_ts)
        return row


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BacktestResult:
    """Everything one back-test has to tell. Amounts in the `settle` asset.

    `ts` int64[n] bar open times, ns UTC; `close` and `equity` float64[n] at each bar's close;
    `benchmark` float64[n] is what the initial capital, bought at the first close and held, is
    worth at each close (None: no such line). `seconds` is the wall time of the run; `funding`
    (negative = paid) and `liquidations` are None on spot.
    """

    instrument: str
    settle: str
    initial_capital: Decimal
    final_equity: Decimal
    net_profit: Decimal
    fees: Decimal
    fills: tuple[FillRow, ...]
    deals: tuple[DealRow, ...]
    bar_ns: int
    ts: NDArray[np.int64]
    close: NDArray[np.float64]
    equity: NDArray[np.float64]
    benchmark: NDArray[np.float64] | None
    metrics: Metrics
    passport: Passport
    seconds: float
    funding: Decimal | None = None
    liquidations: int | None = None
    notes: tuple[str, ...] = ()
    paper: bool = False

    @property
    def booked_profit(self) -> Decimal:
        """What the closed deals earned."""
        return sum((deal.profit for deal in self.deals if deal.profit is not None), Decimal(0))

    @property
    def open_profit(self) -> Decimal:
        """What the open deal and carried dust stand at, at the last close: not booked."""
        return self.net_profit - self.booked_profit

    @property
    def curve(self) -> Curve:
        """The equity with all that drawdowns and months need."""
        return Curve(self.ts, self.equity, float(self.initial_capital), self.bar_ns)

    @property
    def closed_deals(self) -> tuple[DealRow, ...]:
        """The deals that ended before the data did."""
        return tuple(deal for deal in self.deals if deal.closed is not None)

    def to_json(self, *, report: str | None = None, rows: bool = False) -> dict[str, Json]:
        """The result for other programs; `report` is the path of its page, `rows` adds all rows.

        `deals` counts every deal opened, `deals_closed` those of them that ended.
        """
        answer: dict[str, Json] = {
            "instrument": self.instrument,
            "settle": self.settle,
            "bars": int(self.ts.size),
            "fills": len(self.fills),
            "deals": len(self.deals),
            "deals_closed": len(self.closed_deals),
            "initial_capital": plain(self.initial_capital),
            "final_equity": plain(self.final_equity),
            "net_profit": plain(self.net_profit),
            "booked_profit": plain(self.booked_profit),
            "open_profit": plain(self.open_profit),
            "fees": plain(self.fees),
            "event_log_sha256": self.passport.event_log_sha256,
            "seconds": self.seconds,
            "bars_per_second": self.ts.size / self.seconds if self.seconds > 0 else None,
            "metrics": metrics_json(self.metrics),
            "passport": self.passport.to_json(),
            "notes": list(self.notes),
            "report": report,
        }
        if self.funding is not None:
            answer["funding"] = plain(self.funding)
        if self.liquidations is not None:
            answer["liquidations"] = self.liquidations
        if rows:
            answer["fill_rows"] = [_timed(fill, "ts") for fill in self.fills]
            answer["deal_rows"] = [_timed(deal, "opened", "closed") for deal in self.deals]
        return answer


def metrics_json(metrics: Metrics) -> dict[str, Json]:
    """The figures under their own names; money as decimal strings, undefined as null."""
    row = _row(metrics)
    for name in AMOUNTS:
        value = getattr(metrics, name)
        row[name] = None if value is None else amount(value)
    return row


def amount(value: float) -> str:
    """A computed amount as a decimal string, rounded to eight places."""
    rounded = round(Decimal(str(value)), AMOUNT_PLACES).normalize()
    return format(rounded + 0, "f")


def plain(value: Decimal) -> str:
    """A decimal in plain notation, never with an exponent."""
    return format(value, "f")


def iso(ts_ns: int) -> str:
    """An instant in UTC, with a fraction of a second only where there is one."""
    seconds, rest = divmod(ts_ns, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:09d}".rstrip("0") + "Z" if rest else text + "Z"


def json_value(value: object) -> Json:
    """`value` in the types JSON has; decimals as strings. Raises TypeError for any other type."""
    match value:
        case Decimal():
            return plain(value)
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(key): json_value(item) for key, item in value.items()}
        case Sequence():
            return [json_value(item) for item in value]
        case _:
            raise TypeError(f"a result cannot hold a {type(value).__name__}")


def _row(record: FillRow | DealRow | Passport | Metrics) -> dict[str, Json]:
    return {field.name: json_value(getattr(record, field.name)) for field in fields(record)}


def _timed(record: FillRow | DealRow, *names: str) -> dict[str, Json]:
    row = _row(record)
    for name in names:
        value = getattr(record, name)
        row[name] = None if value is None else iso(value)
    return row
