"""Owns how often a venue may be asked: one budget per venue and key, with lanes.

Cancels and exits may use all of it, entries leave them a reserve, and questions leave entries
theirs; nobody queues, so nothing waits behind anything. The core is pure and is handed the time;
`Gate` waits for it. Knows nothing of what is asked.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from absolute.domain.units import NANOS_PER_SECOND, Nanos
from absolute.venues.profiles import Family

S = NANOS_PER_SECOND
BAN_NS = 600 * S
"""How long to be silent after a ban without a stated end (Bybit: HTTP 403, wait 10 minutes)."""
BLOCK_NS = 1 * S


class Lane(IntEnum):
    """Who asks: the lower the number, the more of the budget it may use."""

    EXIT = 0
    ENTRY = 1
    QUESTION = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request costs: `weight` of requests, and orders where it places one."""

    weight: int = 1
    orders: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `capacity` in any span; each lane above the first leaves one more `reserve`."""

    span: int
    capacity: int
    reserve: int
    orders: bool = False

    def room(self, lane: Lane) -> int:
        """What a lane may use."""
        return self.capacity - self.reserve * lane

    def cost(self, cost: Cost) -> int:
        """What a request costs under this rule."""
        return cost.orders if self.orders else cost.weight


@dataclass(slots=True)
class Limiter:
    """The pure core: what was spent when, and until when all is closed."""

    rules: tuple[Rule, ...]
    closed_until: Nanos = Nanos(0)
    banned: bool = False
    _last: Nanos = Nanos(0)
    _spent: list[deque[tuple[Nanos, int]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Refuse a rule whose lanes have nothing left."""
        if any(rule.room(Lane.QUESTION) < 1 for rule in self.rules):
            raise ValueError("a reserve leaves a lane nothing")
        self._spent = [deque() for _ in self.rules]

    def take(self, lane: Lane, cost: Cost, now: Nanos) -> int:
        """Spend and return 0, or spend nothing and return how long to wait, in ns."""
        self._follow(now)
        wait = max(0, self.closed_until - now)
        for rule, spent in zip(self.rules, self._spent, strict=True):
            wait = max(wait, _wait(rule, spent, (lane, rule.cost(cost)), now))
        if wait == 0:
            self.banned = False
            for rule, spent in zip(self.rules, self._spent, strict=True):
                if rule.cost(cost):
                    spent.append((now, rule.cost(cost)))
        return wait

    def _follow(self, now: Nanos) -> None:
        """A clock that was set back takes all that is remembered with it, so that no span grows."""
        if now < self._last:
            back = self._last - now
            self.closed_until = Nanos(self.closed_until - back)
            self._spent = [
                deque((Nanos(time - back), amount) for time, amount in spent)
                for spent in self._spent
            ]
        self._last = now

    def close(self, now: Nanos, retry_after_s: int | None, *, ban: bool) -> None:
        """The venue said stop: nothing leaves until then, whatever the lane."""
        self._follow(now)
        default = BAN_NS if ban else BLOCK_NS
        span = default if retry_after_s is None else retry_after_s * S
        self.closed_until = max(self.closed_until, Nanos(now + span))
        self.banned = self.banned or ban


def _wait(rule: Rule, spent: deque[tuple[Nanos, int]], ask: tuple[Lane, int], now: Nanos) -> int:
    """How long until this request fits one rule; more than the room never fits and waits a span."""
    lane, cost = ask
    while spent and spent[0][0] <= now - rule.span:
        spent.popleft()
    room, used = rule.room(lane), sum(amount for _, amount in spent)
    if not cost or used + cost <= room:
        return 0
    for time, amount in spent:
        used -= amount
        if used + cost <= room:
            return max(1, time + rule.span - now)
    return rule.span


RULES: dict[Family, tuple[Rule, ...]] = {
    # Bybit V5 rate limits: 600 requests in 5 s by IP; create and cancel 10/s linear, 20/s spot.
    Family.BYBIT: (Rule(5 * S, 500, 60), Rule(S, 10, 3, orders=True)),
    # Binance spot limits: 6000 weight a minute by IP, 100 orders in 10 s.
    Family.BINANCE: (Rule(60 * S, 5400, 600), Rule(10 * S, 80, 20, orders=True)),
    # Binance USD-M limits: 2400 weight a minute by IP, 300 orders in 10 s.
    Family.BINANCE_USDM: (Rule(60 * S, 2200, 300), Rule(10 * S, 200, 50, orders=True)),
    # Assumption: no venue we know of allows less than one request a second.
    Family.UNIFIED: (Rule(3 * S, 9, 3), Rule(S, 3, 1, orders=True)),
}


VENUE_RULES: dict[str, tuple[Rule, ...]] = {
    # Kraken "API rate limits": a counter of 15 that falls by 0.33 a second on the lowest tier.
    "kraken": (Rule(45 * S, 15, 1), Rule(S, 3, 1, orders=True)),
    # Coinbase Advanced "REST rate limits": 30 private requests a second.
    "coinbase": (Rule(S, 25, 6), Rule(S, 15, 4, orders=True)),
    # OKX: 20 requests in 2 s on most account questions, 60 orders in 2 s.
    "okx": (Rule(2 * S, 18, 4), Rule(2 * S, 40, 10, orders=True)),
    # Assumption, below what these two state for the lowest tier.
    "kucoin": (Rule(3 * S, 60, 15), Rule(3 * S, 30, 8, orders=True)),
    "bitstamp": (Rule(S, 30, 6), Rule(S, 10, 3, orders=True)),
}


def rules_for(venue: str, family: Family) -> tuple[Rule, ...]:
    """The budget of one key: the venue's own where it is known, else its family's."""
    return VENUE_RULES.get(venue, RULES[family])


class Gate:
    """Waits for the budget; time comes from the clock it is handed."""

    def __init__(self, limiter: Limiter, now_ns: Callable[[], Nanos]) -> None:
        self.limiter = limiter
        self.nonce = 0
        self.turn = asyncio.Lock()
        self._now_ns = now_ns

    async def enter(self, lane: Lane, cost: Cost, patience_ns: int) -> bool:
        """True once it was spent; False, and nothing spent, where that would take too long."""
        end = self._now_ns() + patience_ns
        while True:
            now = self._now_ns()
            wait = self.limiter.take(lane, cost, now)
            if wait == 0:
                return True
            if now + wait > end:
                return False
            await asyncio.sleep(wait / S)
