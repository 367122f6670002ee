"""Owns what a Bybit request is once it was let in: who asks, its words, the answer's envelope.

It must not know what any endpoint does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote

from absolute.domain.errors import AbsoluteError
from absolute.domain.units import NANOS_PER_MS, Nanos
from absolute.simex.bybit_worlds import World
from absolute.simex.exchange import account_of
from absolute.simex.face import BoxKey
from absolute.simex.listing import Category, Listing, Market
from absolute.simex.orders import AccountId

Json = dict[str, Any]

BAD_PARAMETER: Final = 10001
NO_DEMO: Final = 10032
"""What the demo does not offer is answered with this; assumption, the error page has no row."""
CATEGORIES: Final = frozenset({"spot", "linear", "inverse", "option"})


class Problem(AbsoluteError):
    """A request that is answered with a code of the venue."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint says inside the envelope; `extra` is retExtInfo."""

    result: Json = field(default_factory=dict)
    message: str = "OK"
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One request: its world, its key (None for public ones), its words, and the time."""

    world: World
    words: Json
    now: Nanos
    key: BoxKey | None = None

    @property
    def account(self) -> AccountId:
        """Whose request it is."""
        if self.key is None:
            raise Problem(10003, "API key is invalid.")
        return account_of(self.key)

    @property
    def now_ms(self) -> int:
        """The time, as the venue writes it."""
        return self.now // NANOS_PER_MS

    def text(self, name: str) -> str:
        """A word, empty if absent."""
        value = self.words.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        """A truth value; JSON's own or its text."""
        return self.text(name).lower() == "true"

    def needed(self, name: str) -> str:
        """A word that must be there."""
        value = self.text(name)
        if not value:
            raise Problem(BAD_PARAMETER, f"params error: {name} is required")
        return value

    def number(self, name: str) -> Decimal | None:
        """A decimal, None if absent or empty."""
        value = self.text(name)
        if not value:
            return None
        try:
            number = Decimal(value)
        except InvalidOperation as error:
            raise Problem(BAD_PARAMETER, f"params error: {name} invalid") from error
        if not number.is_finite():
            raise Problem(BAD_PARAMETER, f"params error: {name} invalid")
        return number

    def whole(self, name: str, default: int) -> int:
        """A whole number."""
        value = self.text(name)
        if not value:
            return default
        if not value.lstrip("-").isdigit():
            raise Problem(BAD_PARAMETER, f"params error: {name} invalid")
        return int(value)

    def limit(self, default: int, most: int) -> int:
        """How many rows are asked for."""
        limit = self.whole("limit", default)
        if limit < 1:
            raise Problem(BAD_PARAMETER, "params error: limit invalid")
        return min(limit, most)

    def category(self) -> str:
        """The kind of market; inverse and option are known, but hold nothing here."""
        category = self.needed("category")
        if category not in CATEGORIES:
            raise Problem(BAD_PARAMETER, "params error: category invalid")
        return category

    def shown(self) -> Category | None:
        """The category, or None for one that holds nothing."""
        category = self.category()
        return Category(category) if category in set(Category) else None

    def listing(self) -> Listing:
        """The market that a request is about."""
        category, symbol = self.shown(), self.needed("symbol")
        listing = None
        if category is not None:
            listing = self.world.exchange.listing(Market(category, symbol))
        if listing is None:
            spot = category is Category.SPOT
            raise Problem(
                170121 if spot else BAD_PARAMETER,
                "Invalid symbol." if spot else "params error: symbol invalid " + symbol,
            )
        return listing


def words_of(query: str) -> Json:
    """The parameters of a raw query."""
    return dict(parse_qsl(query, keep_blank_values=True))


def page_of(
    rows: list[tuple[int, Json]], call: Call, *, default: int, most: int
) -> tuple[list[Json], str]:
    """One page of numbered rows, newest first, and the cursor of the next; empty at the end."""
    limit = call.limit(default, most)
    ordered = sorted(rows, key=lambda row: -row[0])
    cursor = unquote(call.text("cursor"))
    if cursor:
        number = cursor.removeprefix("before=").removesuffix("&")
        if not number.isdigit():
            raise Problem(BAD_PARAMETER, "params error: cursor invalid")
        ordered = [row for row in ordered if row[0] < int(number)]
    page = ordered[:limit]
    more = len(ordered) > limit
    return [row for _, row in page], quote(f"before={page[-1][0]}&") if more else ""


def envelope(answer: Answer, call_ms: int) -> Json:
    """The whole reply of a request that went well."""
    return {
        "retCode": 0,
        "retMsg": answer.message,
        "result": answer.result,
        "retExtInfo": answer.extra,
        "time": call_ms,
    }


def refusal_envelope(problem: Problem, call_ms: int) -> Json:
    """The whole reply of a request that was turned down."""
    return {
        "retCode": problem.code,
        "retMsg": problem.message,
        "result": {},
        "retExtInfo": {},
        "time": call_ms,
    }


def part(call: Call, words: Mapping[str, Any]) -> Call:
    """The same request about other words: one of a batch."""
    return Call(call.world, dict(words), call.now, call.key)
