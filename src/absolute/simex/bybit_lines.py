"""Owns what one Bybit socket is: its kind, whose it is, its topics, and what it was shown last.

It must not know the market or the protocol's words.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from absolute.domain.units import Nanos
from absolute.simex.bybit_worlds import World
from absolute.simex.face import BoxKey, SocketId
from absolute.simex.listing import Category

Levels = dict[str, str]


class LineKind(StrEnum):
    """What a socket is for, by the path it was dialled under."""

    SPOT = "/v5/public/spot"
    LINEAR = "/v5/public/linear"
    INVERSE = "/v5/public/inverse"
    OPTION = "/v5/public/option"
    PRIVATE = "/v5/private"
    TRADE = "/v5/trade"

    @property
    def public(self) -> bool:
        """Whether it needs no key."""
        return self not in {LineKind.PRIVATE, LineKind.TRADE}

    @property
    def category(self) -> Category | None:
        """The markets a public one shows; None: none of them is here."""
        if self is LineKind.SPOT:
            return Category.SPOT
        return Category.LINEAR if self is LineKind.LINEAR else None


@dataclass(slots=True)
class Line:
    """One socket. `shown`: by topic, what a delta starts from."""

    socket: SocketId
    kind: LineKind
    world: World
    alive_at: Nanos
    key: BoxKey | None = None
    topics: dict[str, None] = field(default_factory=dict)
    books: dict[str, tuple[Levels, Levels]] = field(default_factory=dict)
    tickers: dict[str, dict[str, Any]] = field(default_factory=dict)
    candles: dict[str, Nanos] = field(default_factory=dict)
    requests: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The venue's name of the connection."""
        return f"box-{self.socket}"
