"""Owns where this program keeps what outlives a run: one folder, one database."""

import os
from pathlib import Path

from absolute.desk.dotenv import load_dotenv


def home() -> Path:
    """The folder of this user: `ABSOLUTE_HOME`, or `.absolute` in the home directory."""
    told = os.environ.get("ABSOLUTE_HOME")
    return Path(told).expanduser() if told else Path.home() / ".absolute"


def database(told: str | None = None) -> str:
    """Where runs are kept: what was told, `DATABASE_URL`, or a file in the folder of this user.

    The `.env` of this folder counts here as well: a database named there and passed over would let
    two runs trade without knowing of each other.
    """
    load_dotenv(Path.cwd(), os.environ)
    return told or os.environ.get("DATABASE_URL") or str(home() / "absolute.db")
