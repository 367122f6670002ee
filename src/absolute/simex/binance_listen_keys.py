"""Owns USD-M's listen keys: one per account, 60 minutes of life, told when it is over.

Source: Binance's USD-M pages "User Data Streams" (validity, one key per account, `-1125`). It must
not know sockets.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from absolute.domain.units import NANOS_PER_SECOND, Nanos
from absolute.simex.binance_calls import Call, Route, Security
from absolute.simex.binance_faults import LISTEN_KEY_NONE, BinanceRefused

LIFE_NS: Final = 60 * 60 * NANOS_PER_SECOND


@dataclass(slots=True)
class _Life:
    """A key and when it ends."""

    key: str
    ends: Nanos


class Ended(NamedTuple):
    """A listen key that is over, and whose it was."""

    account: str
    key: str


class ListenKeys:
    """The keys of one environment."""

    def __init__(self) -> None:
        self._lives: dict[str, _Life] = {}
        self._made = 0

    def routes(self) -> Mapping[tuple[str, str], Route]:
        """REST: the key header only, unsigned."""
        path, key = "/fapi/v1/listenKey", Security.KEY
        return {
            ("POST", path): Route(self.start, 1, key),
            ("PUT", path): Route(self.keep, 1, key),
            ("DELETE", path): Route(self.stop, 1, key),
        }

    def methods(self) -> Mapping[str, Route]:
        """WebSocket API."""
        return {
            "userDataStream.start": Route(self.start, 5, Security.KEY),
            "userDataStream.ping": Route(self.keep, 1, Security.KEY),
            "userDataStream.stop": Route(self.stop, 1, Security.KEY),
        }

    def start(self, call: Call) -> dict[str, str]:
        """A new key; the one there is lives on from now, if there is one."""
        life = self._lives.get(call.account)
        if life is None:
            self._made += 1
            text = hashlib.sha256(f"{call.account} {self._made}".encode()).hexdigest()
            life = self._lives[call.account] = _Life(text, call.now)
        life.ends = Nanos(call.now + LIFE_NS)
        return {"listenKey": life.key}

    def keep(self, call: Call) -> dict[str, str]:
        """Another 60 minutes; -1125 where there is no key."""
        life = self._lives.get(call.account)
        if life is None:
            raise BinanceRefused(LISTEN_KEY_NONE)
        life.ends = Nanos(call.now + LIFE_NS)
        return {"listenKey": life.key}

    def stop(self, call: Call) -> dict[str, str]:
        """End the key."""
        if self._lives.pop(call.account, None) is None:
            raise BinanceRefused(LISTEN_KEY_NONE)
        return {}

    def account_of(self, key: str) -> str | None:
        """Whose key it is, while it lives."""
        for account, life in self._lives.items():
            if life.key == key:
                return account
        return None

    def expire(self, now: Nanos) -> list[Ended]:
        """Forget the keys whose time is over."""
        over = [
            Ended(account, life.key) for account, life in self._lives.items() if life.ends <= now
        ]
        for each in over:
            del self._lives[each.account]
        return over

    def end_all(self) -> None:
        """End every key at once, as a fault: on the next `expire` all are told."""
        for life in self._lives.values():
            life.ends = Nanos(0)
