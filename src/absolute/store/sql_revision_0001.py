"""Owns the first revision of the database: it makes every table of the live path.

A revision is history: once released it is never changed, also where `sql_tables` moves on.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None

_ROW_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _make_runs()
    _make_journal()
    _make_orders()
    _make_deals()
    _make_asides()


def downgrade() -> None:
    """Take the tables away."""
    for name in (
        "audit", "prices", "notes", "deals", "fills", "orders", "mentions", "journal", "heads",
        "runs",
    ):  # fmt: skip
        op.drop_table(name)


def _run() -> "sa.Column[str]":
    return sa.Column("run", sa.Text, sa.ForeignKey("runs.id"), primary_key=True)


def _number(name: str, *, key: bool = False) -> "sa.Column[int]":
    if key:
        return sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)
    return sa.Column(name, sa.BigInteger, nullable=False)


def _text(*names: str) -> "list[sa.Column[str]]":
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _perhaps(*names: str) -> "list[sa.Column[str]]":
    return [sa.Column(name, sa.Text) for name in names]


def _make_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        *_text("bot"),
        _number("created"),
        *_text("mode", "profile", "symbol", "config", "capital", "instrument", "fees", "assumed"),
    )


def _make_journal() -> None:
    op.create_table("heads", _run(), _number("number"), *_text("chain"))
    op.create_table(
        "journal", _run(), _number("number", key=True), _number("time"), *_text("body", "chain")
    )
    op.create_table(
        "mentions",
        _run(),
        sa.Column("client_id", sa.Text, primary_key=True),
        _number("number", key=True),
    )


def _make_orders() -> None:
    op.create_table(
        "orders",
        _run(),
        sa.Column("client_id", sa.Text, primary_key=True),
        *_perhaps("venue_id"),
        sa.Column("deal", sa.BigInteger),
        *_text("role", "side", "type"),
        *_perhaps("qty", "spend", "price", "trigger", "trail"),
        *_text("time_in_force"),
        sa.Column("reduce_only", sa.Boolean, nullable=False),
        *_text("position_side", "status", "filled"),
        *_perhaps("reason"),
        _number("sent_at"),
        _number("changed_at"),
    )
    op.create_index("orders_by_deal", "orders", ["run", "deal"])
    op.create_table(
        "fills",
        _run(),
        sa.Column("trade_id", sa.Text, primary_key=True),
        _number("number"),
        *_text("client_id"),
        sa.Column("deal", sa.BigInteger),
        _number("time"),
        *_text("side", "price", "qty", "liquidity"),
        *_perhaps("fee_amount", "fee_asset", "fee_value"),
        *_text("position_side"),
    )
    op.create_index("fills_by_deal", "fills", ["run", "deal"])


def _make_deals() -> None:
    op.create_table(
        "deals",
        _run(),
        _number("deal", key=True),
        _number("opened"),
        sa.Column("closed", sa.BigInteger),
        *_text("status"),
        sa.Column("rebuys", sa.BigInteger),
        *_perhaps("cost", "average", "exit_price", "profit", "fees"),
    )
    op.create_table(
        "notes",
        _run(),
        _number("number", key=True),
        _number("place", key=True),
        _number("time"),
        *_text("kind"),
        sa.Column("deal", sa.BigInteger),
        *_text("body"),
    )
    op.create_index("notes_by_deal", "notes", ["run", "deal"])


def _make_asides() -> None:
    op.create_table(
        "prices",
        sa.Column("id", _ROW_NUMBER, primary_key=True),
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id"), nullable=False),
        _number("time"),
        *_text("price"),
    )
    op.create_index("prices_by_time", "prices", ["run", "time"])
    op.create_table(
        "audit",
        sa.Column("id", _ROW_NUMBER, primary_key=True),
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id")),
        _number("time"),
        *_text("who", "action", "detail"),
    )
    op.create_index("audit_by_time", "audit", ["time"])
