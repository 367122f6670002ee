"""Owns how often Bybit lets somebody ask: per account and endpoint each second, per IP in all.

Figures: docs/v5/rate-limit ("600 requests per 5 s per IP"; "uta2.0 pro" columns per second). That
an IP stays shut for ten minutes is the same page's advice. It must not know what is asked.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from absolute.domain.units import NANOS_PER_MS, NANOS_PER_SECOND, Nanos
from absolute.simex.orders import AccountId

IP_MAX: Final = 600
IP_SPAN_NS: Final = 5 * NANOS_PER_SECOND
IP_SHUT_NS: Final = 600 * NANOS_PER_SECOND

PER_SECOND: Final[Mapping[str, tuple[int, int]]] = {
    "/v5/order/create": (10, 20),
    "/v5/order/amend": (10, 10),
    "/v5/order/cancel": (10, 20),
    "/v5/order/cancel-all": (10, 20),
    "/v5/order/create-batch": (10, 20),
    "/v5/order/cancel-batch": (10, 20),
    "/v5/order/realtime": (50, 50),
    "/v5/order/history": (50, 50),
    "/v5/execution/list": (50, 50),
    "/v5/position/list": (50, 50),
    "/v5/position/set-leverage": (10, 10),
    "/v5/position/switch-mode": (10, 10),
    "/v5/position/trading-stop": (10, 10),
    "/v5/account/wallet-balance": (50, 50),
    "/v5/account/info": (50, 50),
    "/v5/account/fee-rate": (5, 5),
    "/v5/asset/coin/query-info": (5, 5),
    "/v5/user/query-api": (10, 10),
}
"""Endpoint: requests per second for linear and for spot."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of an endpoint's second."""

    limit: int
    left: int
    reset_ms: int
    allowed: bool

    def headers(self) -> dict[str, str]:
        """As the venue's headers tell it."""
        return {
            "X-Bapi-Limit": str(self.limit),
            "X-Bapi-Limit-Status": str(self.left),
            "X-Bapi-Limit-Reset-Timestamp": str(self.reset_ms),
        }


class Limits:
    """Who asked when."""

    def __init__(self) -> None:
        self._asked: dict[tuple[AccountId, str, str], deque[int]] = {}
        self._peers: dict[str, deque[int]] = {}
        self._shut: dict[str, int] = {}

    def quota(self, account: AccountId, path: str, *, category: str, now: Nanos) -> Quota | None:
        """Count one request; None for an endpoint without a limit of its own."""
        rates = PER_SECOND.get(path)
        if rates is None:
            return None
        limit = rates[1 if category == "spot" else 0]
        asked = self._asked.setdefault((account, path, category), deque())
        while asked and asked[0] <= now - NANOS_PER_SECOND:
            asked.popleft()
        allowed = len(asked) < limit
        if allowed:
            asked.append(now)
        reset = (asked[0] + NANOS_PER_SECOND) // NANOS_PER_MS
        return Quota(
            limit, limit - len(asked), reset if not allowed else now // NANOS_PER_MS, allowed
        )

    def shut(self, peer: str, now: Nanos) -> bool:
        """Count one request of an address; whether it is shut out."""
        if now < self._shut.get(peer, 0):
            return True
        asked = self._peers.setdefault(peer, deque())
        while asked and asked[0] <= now - IP_SPAN_NS:
            asked.popleft()
        asked.append(now)
        if len(asked) <= IP_MAX:
            return False
        self._shut[peer] = now + IP_SHUT_NS
        asked.clear()
        return True
