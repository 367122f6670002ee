"""Owns what identifies a run: which bot, where, on what terms, and everything it was told.

It is written once, before the first journal line, and never changed: the chain of the journal
begins with its hash. Knows nothing of databases.
"""

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from absolute.domain.fees import FeeSchedule
from absolute.domain.ids import BotId
from absolute.domain.instrument import Instrument
from absolute.domain.units import Nanos
from absolute.store.codec import jsonable


class RunMode(StrEnum):
    """Where a run trades: simulated fills, a real venue, or the exchange in the box."""

    PAPER = "paper"
    LIVE = "live"
    BOX = "box"


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `profile` is such as bybit:demo; `config` and `assumed` are JSON objects as text.

    `config` is the strategy's settings, `assumed` whatever else must be known to start it again.
    """

    id: str
    bot: BotId
    created: Nanos
    mode: RunMode
    profile: str
    symbol: str
    config: str
    capital: Decimal
    instrument: Instrument
    fees: FeeSchedule
    assumed: str = "{}"

    @property
    def genesis(self) -> str:
        """The hash the journal begins with: a line cannot move to a run on other terms."""
        return hashlib.sha256(canonical(jsonable(self)).encode()).hexdigest()


def canonical(told: object) -> str:
    """JSON with sorted keys and no spaces."""
    return json.dumps(told, sort_keys=True, separators=(",", ":"))
