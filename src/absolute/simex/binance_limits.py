"""Owns the rate limits of a Binance face: request weight by address, new orders by account.

Windows are fixed spans of the clock, as Binance's intervals are. Whoever goes on after 429 is
banned (418). Sources: binance-spot-api-docs rest-api.md "LIMITS"; what is not stated there is
marked. It must not know what a request does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from absolute.domain.units import NANOS_PER_MS, NANOS_PER_SECOND, Nanos
from absolute.simex.binance_faults import BANNED, TOO_MANY, BinanceRefused, Fault

WEIGHT: Final = "REQUEST_WEIGHT"
ORDERS: Final = "ORDERS"
_SECONDS: Final = {"SECOND": 1, "MINUTE": 60, "DAY": 86_400}

REFUSALS_BEFORE_BAN: Final = 20
"""Assumption: the document only says that repeated violations are banned."""
BAN_S: Final = 120
"""The shortest ban of the document: "from 2 minutes to 3 days"."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One row of `rateLimits`: so many per `count` intervals."""

    kind: str
    interval: str
    count: int
    limit: int

    @property
    def span(self) -> int:
        """Length in ns."""
        return _SECONDS[self.interval] * self.count * NANOS_PER_SECOND

    @property
    def name(self) -> str:
        """As it ends a header: 1M, 10S, 1D."""
        return f"{self.count}{self.interval[0]}"

    def row(self) -> dict[str, str | int]:
        """As `exchangeInfo` states it."""
        return {
            "rateLimitType": self.kind,
            "interval": self.interval,
            "intervalNum": self.count,
            "limit": self.limit,
        }


SPOT_LIMITS: Final = (
    Limit(WEIGHT, "MINUTE", 1, 6_000),
    Limit(ORDERS, "SECOND", 10, 50),
    Limit(ORDERS, "DAY", 1, 160_000),
)
"""The numbers of the document's examples."""
USDM_LIMITS: Final = (
    Limit(WEIGHT, "MINUTE", 1, 2_400),
    Limit(ORDERS, "SECOND", 10, 300),
    Limit(ORDERS, "MINUTE", 1, 1_200),
)


@dataclass(slots=True)
class _Window:
    """What was used in the span that began at `start`."""

    start: int = -1
    used: int = 0


@dataclass(slots=True)
class Meter:
    """Counts for one environment; raises `BinanceRefused` 429 or 418."""

    limits: tuple[Limit, ...]
    _windows: dict[tuple[str, Limit], _Window] = field(default_factory=dict)
    _refused: dict[str, int] = field(default_factory=dict)
    _banned_until: dict[str, Nanos] = field(default_factory=dict)

    def weigh(self, peer: str, weight: int, now: Nanos) -> None:
        """Book the weight of a request."""
        banned = self._banned_until.get(peer, Nanos(0))
        if now < banned:
            raise self._ban(banned, now)
        for limit in self.limits:
            if limit.kind == WEIGHT and self._add(peer, limit, weight=weight, now=now):
                self._refused[peer] = self._refused.get(peer, 0) + 1
                if self._refused[peer] > REFUSALS_BEFORE_BAN:
                    self._refused[peer] = 0
                    until = Nanos(now + BAN_S * NANOS_PER_SECOND)
                    self._banned_until[peer] = until
                    raise self._ban(until, now)
                raise BinanceRefused(
                    Fault(
                        -1003,
                        f"Too much request weight used; current limit is {limit.limit} request "
                        f"weight per {limit.count} {limit.interval}. Please use WebSocket Streams "
                        "for live updates to avoid polling the API.",
                        status=TOO_MANY,
                    ),
                    headers={"Retry-After": str(self._rest_s(limit, now))},
                )

    def count_order(self, account: str, now: Nanos) -> None:
        """Book a new order; filled ones are not given back (assumption)."""
        for limit in self.limits:
            if limit.kind == ORDERS and self._add(account, limit, weight=1, now=now):
                raise BinanceRefused(
                    Fault(
                        -1015,
                        f"Too many new orders; current limit is {limit.limit} orders per "
                        f"{limit.count} {limit.interval}.",
                        status=TOO_MANY,
                    )
                )

    def headers(self, peer: str, account: str | None, now: Nanos) -> Mapping[str, str]:
        """What an answer says of both; order counts only where there is an account."""
        found: dict[str, str] = {}
        for limit in self.limits:
            if limit.kind == WEIGHT:
                used = str(self._used(peer, limit, now))
                found["X-MBX-USED-WEIGHT"] = used
                found[f"X-MBX-USED-WEIGHT-{limit.name}"] = used
            elif account is not None:
                used = str(self._used(account, limit, now))
                found[f"X-MBX-ORDER-COUNT-{limit.name}"] = used
        return found

    def rows(self, peer: str, account: str | None, now: Nanos) -> list[dict[str, str | int]]:
        """The `rateLimits` of a WebSocket API answer; orders first, where there is an account."""
        orders = [
            {**each.row(), "count": self._used(account, each, now)}
            for each in self.limits
            if each.kind == ORDERS and account is not None
        ]
        weights = [
            {**each.row(), "count": self._used(peer, each, now)}
            for each in self.limits
            if each.kind == WEIGHT
        ]
        return [*orders, *weights]

    def _window(self, who: str, limit: Limit, now: Nanos) -> _Window:
        window = self._windows.setdefault((who, limit), _Window())
        start = now // limit.span
        if window.start != start:
            window.start, window.used = start, 0
        return window

    def _used(self, who: str | None, limit: Limit, now: Nanos) -> int:
        return 0 if who is None else self._window(who, limit, now).used

    def _add(self, who: str, limit: Limit, *, weight: int, now: Nanos) -> bool:
        """Book, and whether that was too much (it counts all the same)."""
        window = self._window(who, limit, now)
        window.used += weight
        return window.used > limit.limit

    @staticmethod
    def _rest_s(limit: Limit, now: Nanos) -> int:
        """Seconds until a limit's span ends, at least one."""
        return max(1, -(-(limit.span - now % limit.span) // NANOS_PER_SECOND))

    @staticmethod
    def _ban(until: Nanos, now: Nanos) -> BinanceRefused:
        until_ms = until // NANOS_PER_MS
        return BinanceRefused(
            Fault(
                -1003,
                f"Way too much request weight used; IP banned until {until_ms}. Please use "
                "WebSocket Streams for live updates to avoid bans.",
                status=BANNED,
            ),
            headers={"Retry-After": str(max(1, (until - now) // NANOS_PER_SECOND))},
            data={"serverTime": now // NANOS_PER_MS, "retryAfter": until_ms},
        )
