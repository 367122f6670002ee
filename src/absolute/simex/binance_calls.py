"""Owns how a request to a Binance face is let in: parameters, key, signature, time, and the route.

REST and WebSocket API end in the same `Call`, so an order placed either way runs the same code.
It must not know what any endpoint does.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from absolute.domain.units import NANOS_PER_MS, Nanos
from absolute.simex.binance_faults import (
    KEY_FORMAT,
    KEY_REJECTED,
    SIGNATURE_WRONG,
    TIME_AHEAD,
    TIME_BEHIND,
    WINDOW_LARGE,
    BinanceRefused,
    illegal,
    mandatory,
    too_precise,
)
from absolute.simex.binance_limits import Meter
from absolute.simex.exchange import Exchange
from absolute.simex.face import BoxKey, HttpRequest
from absolute.simex.orders import AccountId
from absolute.wire.binance_signing import SIGNATURE, parsed, request_is_signed, socket_is_signed

KEY_HEADER: Final = "x-mbx-apikey"
WINDOW_MS: Final = Decimal(5_000)
WINDOW_MS_MAX: Final = Decimal(60_000)
AHEAD_MS_MAX: Final = 1_000
MICROSECONDS_FROM: Final = 10**14
"""A timestamp at least this large is in microseconds (rest-api.md: either unit is taken)."""
DIGITS_MAX: Final = 8
_KEY: Final = re.compile(r"[A-Za-z0-9_\-]{1,128}")
_AMOUNT: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
AMOUNT_LEGAL: Final = "^([0-9]{1,20})(\\.[0-9]{1,20})?$"


class Security(StrEnum):
    """What an endpoint asks for (rest-api.md, "Request security")."""

    NONE = "none"
    KEY = "key"
    READ = "read"
    TRADE = "trade"


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was let in."""

    parameters: Mapping[str, str]
    exchange: Exchange
    meter: Meter
    now: Nanos
    peer: str
    path: str = ""
    key: BoxKey | None = None

    @property
    def account(self) -> AccountId:
        """Whose account; only routes that need a key ask."""
        if self.key is None:
            raise BinanceRefused(KEY_FORMAT)
        return AccountId(self.key.key)

    @property
    def now_ms(self) -> int:
        """The venue's time."""
        return self.now // NANOS_PER_MS

    def text(self, name: str) -> str | None:
        """A parameter, or None where it is missing or empty."""
        return self.parameters.get(name) or None

    def required(self, name: str) -> str:
        """A parameter that must be there."""
        found = self.text(name)
        if found is None:
            raise BinanceRefused(mandatory(name))
        return found

    def whole(self, name: str) -> int | None:
        """A whole number."""
        found = self.text(name)
        if found is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,19}", found):
            raise BinanceRefused(illegal(name, "^[0-9]{1,20}$"))
        return int(found)

    def amount(self, name: str) -> Decimal | None:
        """A decimal number of at most eight digits after the point."""
        found = self.text(name)
        if found is None:
            return None
        if not _AMOUNT.fullmatch(found):
            raise BinanceRefused(illegal(name, AMOUNT_LEGAL))
        if len(found.partition(".")[2].rstrip("0")) > DIGITS_MAX:
            raise BinanceRefused(too_precise(name))
        return Decimal(found)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """True or false, in any case."""
        found = self.text(name)
        if found is None:
            return default
        if found.lower() not in {"true", "false"}:
            raise BinanceRefused(mandatory(name))
        return found.lower() == "true"


Handler = Callable[[Call], Any]
Weight = int | Callable[[Mapping[str, str]], int]
"""What a request costs; some cost by their parameters."""


def by_symbol(one: int, every: int) -> Weight:
    """Dearer for all markets than for one."""
    return lambda asked: one if asked.get("symbol") else every


def by_order(one: int, every: int) -> Weight:
    """Cheaper for one order."""
    return lambda asked: one if asked.get("orderId") else every


def by_limit(steps: tuple[tuple[int, int], ...], default: int) -> Weight:
    """Dearer for more rows: the first step (rows, weight) that suffices."""

    def weight(asked: Mapping[str, str]) -> int:
        text = asked.get("limit", "")
        rows = int(text) if text.isascii() and text.isdecimal() else default
        return next((cost for most, cost in steps if rows <= most), steps[-1][1])

    return weight


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint: what it does, what it weighs, who may use it, whether it counts as an order."""

    handler: Handler
    weight: Weight = 1
    security: Security = Security.NONE
    order: bool = False

    def costs(self, asked: Mapping[str, str]) -> int:
        """What a request with these parameters costs."""
        return self.weight if isinstance(self.weight, int) else self.weight(asked)


def parameters_of(request: HttpRequest) -> dict[str, str]:
    """Query and form body together; the query wins (rest-api.md, "General information")."""
    return {**parsed(_body(request)), **parsed(request.query)}


def admitted(request: HttpRequest, route: Route, call: Call) -> Call:
    """The call with its key, once key, permission, time and signature are right."""
    if route.security is Security.NONE:
        return call
    key = known_key(call.exchange, request.headers.get(KEY_HEADER, ""), route.security)
    if route.security is not Security.KEY:
        check_time(call)
        call.required(SIGNATURE)
        if not request_is_signed(key.secret, request.query, _body(request)):
            raise BinanceRefused(SIGNATURE_WRONG)
    return replace(call, key=key)


def admitted_frame(route: Route, call: Call, session: BoxKey | None) -> Call:
    """The same for a WebSocket API request; a session that logged on signs no more."""
    if route.security is Security.NONE:
        return call
    name = call.text("apiKey")
    if session is not None and name is None:
        key = known_key(call.exchange, session.key, route.security)
        check_time(call)
        return replace(call, key=key)
    key = known_key(call.exchange, name or "", route.security)
    if route.security is not Security.KEY:
        check_time(call)
        call.required(SIGNATURE)
        if not socket_is_signed(key.secret, call.parameters):
            raise BinanceRefused(SIGNATURE_WRONG)
    return replace(call, key=key)


def known_key(exchange: Exchange, name: str, security: Security) -> BoxKey:
    """The key of that name, if it works here and may do this."""
    if not _KEY.fullmatch(name):
        raise BinanceRefused(KEY_FORMAT)
    key = exchange.key(name)
    needed = "trade" if security is Security.TRADE else "read"
    if key is None or needed not in key.permissions:
        raise BinanceRefused(KEY_REJECTED)
    return key


def check_time(call: Call) -> None:
    """`sent < now + 1000 and now - sent <= recvWindow` (rest-api.md, "Timing security")."""
    call.required("timestamp")
    sent = call.whole("timestamp") or 0
    try:
        window = Decimal(call.text("recvWindow") or WINDOW_MS)
    except InvalidOperation:
        raise BinanceRefused(mandatory("recvWindow")) from None
    if not window.is_finite():
        raise BinanceRefused(mandatory("recvWindow"))
    if window > WINDOW_MS_MAX:
        raise BinanceRefused(WINDOW_LARGE)
    unit = 1_000 if sent >= MICROSECONDS_FROM else NANOS_PER_MS
    behind = Decimal(call.now - sent * unit) / NANOS_PER_MS
    if behind <= -AHEAD_MS_MAX:
        raise BinanceRefused(TIME_AHEAD)
    if behind > window:
        raise BinanceRefused(TIME_BEHIND)


def _body(request: HttpRequest) -> str:
    return request.body.decode("utf-8", "replace")
