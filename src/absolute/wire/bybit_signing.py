"""Owns how a request to Bybit V5 is signed: HMAC-SHA256, lower-case hex.

REST signs time, key, receive window and the payload, which is the raw query string of a GET or the
raw body of a POST: exactly the bytes that are sent (docs/v5/guide.mdx, "Authentication"). A socket
signs `GET/realtime` and the instant at which the signature ends (docs/v5/ws/connect.mdx). Dry: no
clock, no socket; times are handed in, milliseconds since 1970.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

KEY_HEADER: Final = "X-BAPI-API-KEY"
TIME_HEADER: Final = "X-BAPI-TIMESTAMP"
WINDOW_HEADER: Final = "X-BAPI-RECV-WINDOW"
SIGN_HEADER: Final = "X-BAPI-SIGN"

AHEAD_MS: Final = 1_000
"""A request may carry a time less than this ahead of the venue's own."""


@dataclass(frozen=True, slots=True)
class BybitSigned:
    """What a REST signature covers; times and windows as the text that is sent."""

    key: str
    timestamp: str
    window: str
    payload: bytes

    def signature(self, secret: str) -> str:
        """The signature of these parts."""
        head = f"{self.timestamp}{self.key}{self.window}".encode()
        return _hmac(secret, head + self.payload)

    def headers(self, secret: str) -> Mapping[str, str]:
        """The headers of a signed request."""
        return {
            KEY_HEADER: self.key,
            TIME_HEADER: self.timestamp,
            WINDOW_HEADER: self.window,
            SIGN_HEADER: self.signature(secret),
        }


def socket_signature(secret: str, expires: str) -> str:
    """The third argument of a socket's `auth`; `expires` as the text of the number."""
    return _hmac(secret, f"GET/realtime{expires}".encode())


def same(first: str, second: str) -> bool:
    """Whether two signatures agree, told in a time that does not depend on where they differ."""
    return hmac.compare_digest(first.encode(), second.encode())


def in_window(timestamp_ms: int, window_ms: int, *, server_ms: int) -> bool:
    """`server - window <= timestamp < server + 1000` (docs/v5/guide.mdx, receive window)."""
    return server_ms - window_ms <= timestamp_ms < server_ms + AHEAD_MS


def _hmac(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
