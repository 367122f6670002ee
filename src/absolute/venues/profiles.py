"""Owns the worlds of the venues: which hosts, keys and habits belong together, and that none mix.

A venue's main, demo and testnet are distinct objects: a profile, a host, a key and a stream agree
or nothing is sent. Real money needs a typed phrase. Knows nothing of sessions or orders.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from absolute.domain.errors import UserError
from absolute.engine.reports import VenueFacts
from absolute.venues.credentials import Credentials


class Environment(StrEnum):
    """Which of a venue's worlds a host or a key belongs to; they share nothing."""

    MAIN = "main"
    DEMO = "demo"
    TESTNET = "testnet"


class Family(StrEnum):
    """Whose protocol it speaks: two we know to the last field, the rest through ccxt's words."""

    BYBIT = "bybit"
    BINANCE = "binance"
    BINANCE_USDM = "binanceusdm"
    UNIFIED = "unified"


@dataclass(frozen=True, slots=True)
class IdRule:
    """What a venue takes as our own id of an order; `encoding` turns ours into its form.

    "plain": as it is. "letters": where only letters and digits are taken. "uuid": a digest in the
    form of a UUID, where the venue takes nothing else that is long enough.
    """

    pattern: str
    encoding: str = "plain"
    source: str = ""

    def allows(self, text: str) -> bool:
        """True for an id in the venue's own form."""
        return re.fullmatch(self.pattern, text) is not None


@dataclass(frozen=True, slots=True)
class Streams:
    """Where its sockets are; None of them for a venue that is polled."""

    private: str
    public_spot: str
    public_linear: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One world of one venue. `facts` carry what its proofs rest on, `sources` where that is from.

    `rest` and `streams` are its addresses, `hosts` the only names a byte may go to.
    `order_days` is how long it remembers an order, None where it does not say; `poll_s` how often a
    venue without streams is looked at, in seconds.
    """

    venue: str
    environment: Environment
    ccxt_id: str
    family: Family
    hosts: frozenset[str]
    facts: VenueFacts
    ids: IdRule
    streams: Streams | None = None
    spot: bool = True
    linear: bool = False
    stops: bool = True
    stream_trade: bool = False
    order_days: int | None = None
    poll_s: float = 2.0
    sources: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As people write it: "bybit:demo"."""
        return f"{self.venue}:{self.environment}"

    @property
    def phrase(self) -> str | None:
        """What a person must type before real money moves; None where none does."""
        if self.environment is not Environment.MAIN:
            return None
        return f"trade real money on {self.venue}"

    def check_url(self, url: str) -> None:
        """Raise UserError for a URL outside this world, or one that is not encrypted."""
        parts = urlsplit(url)
        if parts.scheme not in {"https", "wss"}:
            raise UserError(
                "URL_NOT_ENCRYPTED", f"{self.name}: {parts.scheme} is refused; use https or wss."
            )
        if (parts.hostname or "").lower() not in self.hosts or parts.username is not None:
            raise UserError(
                "HOST_NOT_ALLOWED",
                f"{parts.hostname} is no host of {self.name}; nothing was sent to it.",
            )

    def check_key(self, credentials: Credentials) -> None:
        """Raise UserError for a key that was made for another venue or world."""
        if credentials.made_for != self.name:
            raise UserError(
                "KEY_OF_OTHER_PROFILE",
                f"the key was made for {credentials.made_for} and cannot be used for {self.name};"
                f" add a key that was made there.",
            )
        if not credentials.key or not credentials.secret:
            raise UserError(
                "KEY_EMPTY", f"the key for {self.name} has an empty part; add it again."
            )


def require_phrase(profile: Profile, given: str | None) -> None:
    """Raise UserError unless the phrase that allows real money was typed, where one is needed."""
    wanted = profile.phrase
    if wanted is not None and (given or "").strip().lower() != wanted:
        raise UserError(
            "PHRASE_NEEDED", f'{profile.name} moves real money; type "{wanted}" to allow it.'
        )


Table = dict[tuple[str, Environment], Profile]


def parse_name(text: str) -> tuple[str, Environment]:
    """Read "bybit:demo"; raises UserError for a form or a world that does not exist."""
    venue, colon, world = text.strip().lower().partition(":")
    try:
        return venue, Environment(world)
    except ValueError:
        said = f"{world} is no environment" if colon else "the environment is missing"
        raise UserError(
            "PROFILE_INVALID",
            f"{text}: {said}; write venue:environment with main, demo or testnet.",
        ) from None


def choose(text: str, table: Table, other: Callable[[str, Environment], Profile | None]) -> Profile:
    """The profile of a name, from the table or made by `other`; raises UserError with the list."""
    venue, environment = parse_name(text)
    found = table.get((venue, environment)) or other(venue, environment)
    if found is not None:
        return found
    worlds = [each.environment for each in table.values() if each.venue == venue]
    if worlds:
        known = ", ".join(f"{venue}:{each}" for each in worlds)
        raise UserError("PROFILE_UNKNOWN", f"{venue} has no {environment} world; it has {known}.")
    known = ", ".join(each.name for each in table.values())
    raise UserError(
        "PROFILE_UNKNOWN",
        f"{text} is not known; choose {known}, or any other venue that ccxt knows.",
    )
