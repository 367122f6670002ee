"""Owns the way to Robinhood's crypto API: signed, limited, one attempt, and what a failure proves.

The official API alone (docs.robinhood.com/crypto/trading): an Ed25519 key, no user name, no
password. Quotes are signed too. It must not know orders, nor where keys are kept.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import yarl

from absolute.domain.units import NANOS_PER_SECOND
from absolute.venues.ccxt_client import NOT_WRITTEN
from absolute.venues.credentials import without_parts
from absolute.venues.fleet_errors import (
    ExchangeAuthenticationError,
    ExchangeConnectionError,
    ExchangeNotSent,
    ExchangeOrderRejected,
    ExchangeRateLimitError,
)
from absolute.venues.fleet_orders import Clock
from absolute.venues.limiter import Cost, Gate, Lane, Limiter, Rule
from absolute.wire.robinhood_signing import RobinhoodSigner, SignedParts

HOST: Final = "trading.robinhood.com"
TIMEOUT_S: Final = 15
BODY_BYTES_MAX: Final = 8 * 1024 * 1024
PAGES_MAX: Final = 100
S = NANOS_PER_SECOND

# "100 requests per minute per user account, bursts up to 300": we never burst.
LIMITS: Final = (Rule(60 * S, 100, 10),)
PATIENCE_NS: Final = 30 * S


@dataclass(frozen=True, slots=True)
class RobinhoodSurroundings:
    """What the connector needs from outside.

    `may_trade` of False: its only world is the real one and nobody typed its phrase.
    """

    clock: Clock
    open_session: Callable[[], aiohttp.ClientSession]
    may_trade: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `body` of None: a GET."""

    path: str
    body: Mapping[str, object] | None = None
    lane: Lane = Lane.QUESTION

    @property
    def method(self) -> str:
        """A body, even an empty one, is posted."""
        return "GET" if self.body is None else "POST"


class RobinhoodLine:
    """Asks Robinhood; sockets belong to the event loop they were opened in."""

    def __init__(self, signer: RobinhoodSigner, around: RobinhoodSurroundings) -> None:
        self._signer = signer
        self._around = around
        self._gate = Gate(Limiter(LIMITS), around.clock.now_ns)
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def ask(self, asked: Asked) -> Any:  # noqa: ANN401 -- JSON enters
        """One answer. Raises an ExchangeError; `no_order` on it is proof that nothing was taken."""
        if not await self._gate.enter(asked.lane, Cost(), PATIENCE_NS):
            raise ExchangeRateLimitError(
                "robinhood: our own limit of 100 requests a minute is used up.", no_order=True
            )
        body = b"" if not asked.body else json.dumps(asked.body).encode()
        seconds = self._around.clock.now_ns() // NANOS_PER_SECOND
        parts = SignedParts(self._signer.key, seconds, asked.path, asked.method, body)
        headers = {**self._signer.headers(parts), "Content-Type": "application/json; charset=utf-8"}
        status, retry_after, text = await self._exchange(asked, headers, body)
        if status >= 300:
            raise _fault(status, retry_after, without_parts(text, (self._signer.key,)))
        return _parsed(text)

    async def pages(self, path: str) -> list[Any]:
        """Every row of a list, all pages; raises rather than giving a part of it."""
        rows: list[Any] = []
        for _ in range(PAGES_MAX):
            page = await self.ask(Asked(path))
            if not isinstance(page, dict) or not isinstance(page.get("results"), list):
                raise ExchangeConnectionError(f"robinhood: no list came for {path}")
            rows += page["results"]
            following = page.get("next")
            if not following:
                return rows
            path = yarl.URL(str(following), encoded=True).raw_path_qs
        raise ExchangeConnectionError(f"robinhood: the list of {path} has no end")

    async def close(self) -> None:
        """Let go of the socket; the next question opens another."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(
        self, asked: Asked, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, float | None, str]:
        try:
            async with self._open().request(
                asked.method,
                _url(asked.path),
                data=body or None,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            ) as response:
                data = await response.content.read(BODY_BYTES_MAX)
                while len(data) < BODY_BYTES_MAX and not response.content.at_eof():
                    data += await response.content.read(BODY_BYTES_MAX - len(data))
                wait = response.headers.get("Retry-After", "")
                after = float(wait) if wait.isdigit() else None
                return response.status, after, data.decode("utf-8", "replace")
        except NOT_WRITTEN as fault:
            raise ExchangeNotSent(f"robinhood was not reached: {fault}") from fault
        except (aiohttp.ClientError, OSError, TimeoutError) as fault:
            said = str(fault) or type(fault).__name__
            raise ExchangeConnectionError(f"robinhood: the reply was lost: {said}") from fault

    def _open(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._session, self._loop = self._around.open_session(), loop
        return self._session


def _url(path: str) -> yarl.URL:
    """The URL of a path; what a reply named must not lead anywhere else with our signature."""
    url = yarl.URL(f"https://{HOST}{path}", encoded=True)
    if not path.startswith("/") or url.host != HOST or url.user is not None:
        raise ExchangeNotSent("robinhood: a reply named another host; nothing was sent there")
    return url


def _parsed(text: str) -> Any:  # noqa: ANN401 -- JSON enters
    """JSON with every fraction kept as the text it came in; the cancel's plain words as they are.

    A list or an object that was cut off raises: half an answer is none.
    """
    try:
        return json.loads(text, parse_float=str)
    except (ValueError, RecursionError) as fault:
        if text.lstrip()[:1] in {"{", "["}:
            raise ExchangeConnectionError(f"robinhood: a broken reply: {text[:200]!r}") from fault
        return text


# 400 validation_error, 401 and 403 keys, 404 to 415: refused before anything was taken. Whoever is
# limited (429) or met a fault of the server (5xx) knows nothing (docs, "Error responses").
_REFUSED: Final = frozenset({400, 404, 405, 406, 415})


def _fault(
    status: int, retry_after: float | None, text: str
) -> (
    ExchangeConnectionError
    | ExchangeAuthenticationError
    | ExchangeRateLimitError
    | ExchangeOrderRejected
):
    said = f"robinhood: {_detail(text)} (HTTP {status})"
    if status in {401, 403}:
        return ExchangeAuthenticationError(
            f"{said}; check the key, its permissions and this machine's clock, or wait a minute: "
            f"Robinhood also answers so when it is asked too often."
        )
    if status in _REFUSED:
        return ExchangeOrderRejected(said, str(status))
    if status == 429:
        return ExchangeRateLimitError(said, retry_after)
    return ExchangeConnectionError(said)


def _detail(text: str) -> str:
    try:
        errors = json.loads(text)["errors"]
        return "; ".join(f"{each['attr'] or 'error'}: {each['detail']}" for each in errors)
    except (ValueError, KeyError, TypeError, RecursionError):
        return text[:200] or "no reason given"
