"""Owns the tables as they are now: their names, columns and keys.

Amounts and prices are text, exact to the last digit; times are UTC nanoseconds. The journal is what
is true; every other table but `runs` and `prices` is worked out from it, in the same transaction.
How an older database becomes this one is the business of the revisions.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

METADATA: Final = MetaData()

ROW_NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the type is spelled INTEGER."""


def _run() -> Column[str]:
    return Column("run", Text, ForeignKey("runs.id"), primary_key=True)


RUNS: Final = Table(
    "runs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("bot", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("mode", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("capital", Text, nullable=False),
    Column("instrument", Text, nullable=False),
    Column("fees", Text, nullable=False),
    Column("assumed", Text, nullable=False),
)

HEADS: Final = Table(
    "heads",
    METADATA,
    _run(),
    Column("number", BigInteger, nullable=False),
    Column("chain", Text, nullable=False),
)
"""The last line of each journal, so that lines cut off at its end are missed."""

JOURNAL: Final = Table(
    "journal",
    METADATA,
    _run(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("chain", Text, nullable=False),
)

MENTIONS: Final = Table(
    "mentions",
    METADATA,
    _run(),
    Column("client_id", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
)
"""Which journal lines speak of an order: its whole story under one id."""

ORDERS: Final = Table(
    "orders",
    METADATA,
    _run(),
    Column("client_id", Text, primary_key=True),
    Column("venue_id", Text),
    Column("deal", BigInteger),
    Column("role", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("qty", Text),
    Column("spend", Text),
    Column("price", Text),
    Column("trigger", Text),
    Column("trail", Text),
    Column("time_in_force", Text, nullable=False),
    Column("reduce_only", Boolean, nullable=False),
    Column("position_side", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("filled", Text, nullable=False),
    Column("reason", Text),
    Column("sent_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Index("orders_by_deal", "run", "deal"),
)

FILLS: Final = Table(
    "fills",
    METADATA,
    _run(),
    Column("trade_id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("deal", BigInteger),
    Column("time", BigInteger, nullable=False),
    Column("side", Text, nullable=False),
    Column("price", Text, nullable=False),
    Column("qty", Text, nullable=False),
    Column("liquidity", Text, nullable=False),
    Column("fee_amount", Text),
    Column("fee_asset", Text),
    Column("fee_value", Text),
    Column("position_side", Text, nullable=False),
    Index("fills_by_deal", "run", "deal"),
)

DEALS: Final = Table(
    "deals",
    METADATA,
    _run(),
    Column("deal", BigInteger, primary_key=True, autoincrement=False),
    Column("opened", BigInteger, nullable=False),
    Column("closed", BigInteger),
    Column("status", Text, nullable=False),
    Column("rebuys", BigInteger),
    Column("cost", Text),
    Column("average", Text),
    Column("exit_price", Text),
    Column("profit", Text),
    Column("fees", Text),
)

NOTES: Final = Table(
    "notes",
    METADATA,
    _run(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("deal", BigInteger),
    Column("body", Text, nullable=False),
    Index("notes_by_deal", "run", "deal"),
)

PRICES: Final = Table(
    "prices",
    METADATA,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("run", Text, ForeignKey("runs.id"), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("price", Text, nullable=False),
    Index("prices_by_time", "run", "time"),
)

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("run", Text, ForeignKey("runs.id")),
    Column("time", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("audit_by_time", "time"),
)
"""What people asked of a run, and who they were."""
