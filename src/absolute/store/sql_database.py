"""Owns how a database is opened: SQLite in a file, or PostgreSQL, for one writer or for reading.

SQLite runs with a write-ahead log and `synchronous = FULL`: a commit that returned survives a power
cut. Only the writer ever checkpoints; readers open the file read-only. PostgreSQL must not have its
own durability switched off. Knows no table but the count of lines it is asked to compare.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from absolute.domain.errors import JournalError, UserError

BUSY_MS: Final = 5000
"""How long to wait for a lock of SQLite's own, which only another program could hold."""
ADVISORY_KEY: Final = 0x4162_736F_6C75_7465
"""The number of our lock in PostgreSQL: the word Absolute, as bytes."""
POSTGRES_OPTIONS: Final = {"application_name": f"absolute {os.getpid()}", "connect_timeout": 10}


def database_url(where: str | Path) -> URL:
    """The URL of a database: of a file's path, or as the user wrote it.

    Raises `UserError` for a URL of another kind of database, or for none at all.
    """
    told = str(where)
    if "://" not in told:
        return URL.create("sqlite", database=str(Path(told).expanduser()))
    try:
        url = make_url(told)
    except ArgumentError as fault:
        raise UserError("DATABASE_URL_INVALID", _url_sentence()) from fault
    if url.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database:
        return url
    raise UserError("DATABASE_URL_INVALID", _url_sentence())


def _url_sentence() -> str:
    return (
        "DATABASE_URL names no database this program can use; write "
        "postgresql://user:password@host/name, or the path of an SQLite file."
    )


def named(url: URL) -> str:
    """How people are told of a database: never with its password, which may be an option too."""
    if is_file(url):
        return str(url.database)
    return url.set(query={}).render_as_string(hide_password=True)


def is_file(url: URL) -> bool:
    """True for a database in a file."""
    return url.drivername == "sqlite"


def file_of(url: URL) -> Path:
    """The file of an SQLite database."""
    return Path(str(url.database))


def writing_engine(url: URL) -> Engine:
    """The engine of the one writer: one connection, every transaction begun at once and durable."""
    if not is_file(url):
        return create_engine(url, connect_args=POSTGRES_OPTIONS, poolclass=StaticPool)
    engine = create_engine(
        url, poolclass=StaticPool, connect_args={"timeout": BUSY_MS / 1000, "isolation_level": None}
    )
    event.listen(engine, "connect", _prepare_file)
    event.listen(engine, "begin", _begin_at_once)
    return engine


def reading_engine(url: URL) -> Engine:
    """An engine that cannot change anything; every connection is a fresh one."""
    if not is_file(url):
        options = {**POSTGRES_OPTIONS, "options": "-c default_transaction_read_only=on"}
        return create_engine(url, connect_args=options, poolclass=NullPool)
    path = file_of(url).absolute()

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_MS / 1000, check_same_thread=False
        )

    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


def check_durable(connection: Connection) -> None:
    """Refuse a database that does not keep what it says it keeps; switch on what we may."""
    if connection.dialect.name == "sqlite":
        mode = connection.execute(text("PRAGMA journal_mode")).scalar()
        if mode != "wal":
            raise UserError(
                "DATABASE_UNSAFE",
                f"The database file cannot have a write-ahead log here (it says {mode}); put it "
                "on a disk of this machine, not on a network share.",
            )
        return
    for setting in ("fsync", "full_page_writes"):
        if connection.execute(text(f"SHOW {setting}")).scalar() != "on":
            raise UserError(
                "DATABASE_UNSAFE",
                f"PostgreSQL runs with {setting} off and would lose orders in a power cut; set "
                f"{setting} = on in its configuration.",
            )
    connection.execute(text("SET SESSION synchronous_commit = on"))


def take_advisory_lock(connection: Connection, url: URL) -> None:
    """Become the one writer of a PostgreSQL database, for as long as this connection lives."""
    key = {"key": ADVISORY_KEY}
    if connection.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar():
        return
    holder = connection.execute(
        text(
            "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
            "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
            "AND (l.classid::bigint << 32 | l.objid::bigint) = :key "
            "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ),
        key,
    ).scalar()
    process = str(holder or "").removeprefix("absolute ") or "of unknown number"
    raise UserError(
        "DATABASE_IN_USE",
        f"The database {named(url)} is being written by process {process}; stop that one first, "
        "or name another database.",
    )


@contextmanager
def told_to_the_user(url: URL) -> Iterator[None]:
    """Tell the user in one sentence where a database cannot be opened."""
    try:
        yield
    except SQLAlchemyError as fault:
        raise UserError(
            "DATABASE_NOT_OPENED",
            f"The database {named(url)} cannot be opened ({reason_of(fault)}); check that it is "
            "there, and that this user may use it.",
        ) from fault


@contextmanager
def readable() -> Iterator[None]:
    """Tell damage of the database itself as what it is to us: a journal that cannot be read."""
    try:
        yield
    except SQLAlchemyError as fault:
        raise JournalError(f"the database cannot be read ({reason_of(fault)})") from fault


def reason_of(fault: SQLAlchemyError) -> str:
    """What the database said, in one line, without statement or values."""
    cause = getattr(fault, "orig", None) or fault
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[0] if lines else 'no words'}"


def _prepare_file(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "trusted_schema = OFF",
        f"busy_timeout = {BUSY_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_at_once(connection: Connection) -> None:
    """SQLite's own driver begins too late, and never round a CREATE TABLE."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
