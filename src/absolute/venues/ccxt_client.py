"""Owns the ccxt object: built with every habit that money needs, and its one way to the wire.

ccxt signs, knows the URLs and parses the lesser venues. The request itself is ours: one attempt,
no redirect, a bounded body, only hosts of the profile, the venue's own time in the signature, and a
fault that carries status, raw code and Retry-After instead of a class of ccxt's. Knows nothing of
orders.
"""

import asyncio
import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import aiohttp
import yarl

from absolute.domain.errors import UserError
from absolute.domain.units import NANOS_PER_MS
from absolute.venues.box import BoxAddress, HostRefused, box_session, no_redirects
from absolute.venues.clock_offset import VenueClock
from absolute.venues.credentials import Credentials, without_parts
from absolute.venues.error_table import VenueFault
from absolute.venues.limiter import Cost, Gate, Lane
from absolute.venues.profile_table import WINDOW_MS
from absolute.venues.profiles import Environment, Family, Profile
from absolute.venues.wire_words import broken_by

BODY_BYTES_MAX = 32 * 1024 * 1024
TIMEOUT_S = 10
TEXT_CHARS_MAX = 300
AGENT = "absolute-trader"
NOT_WRITTEN = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    HostRefused,
)
"""Raised while dialling: no byte of the request has been written."""


WEIGHTS = {
    "account": 20,
    "allAlgoOrders": 5,
    "balance": 5,
    "exchangeInfo": 20,
    "myTrades": 20,
    "openOrders": 6,
    "order": 4,
    "ticker/24hr": 2,
    "userTrades": 5,
}
"""Request weights that are not one: Binance REST pages; other venues count requests."""


KRAKEN_WEIGHTS = {"TradesHistory": 2, "ClosedOrders": 2, "AddOrder": 0, "CancelOrder": 0}
KRAKEN_PUBLIC = frozenset({"Time", "Ticker", "Assets", "AssetPairs", "SystemStatus", "Depth"})
"""Kraken counts history twice, orders by a limit of their own, and the public by address."""


def _cost(venue: str, path: str, lane: Lane) -> Cost:
    orders = 0 if lane is Lane.QUESTION else 1
    if venue == "kraken":
        public = path in KRAKEN_PUBLIC
        return Cost(0 if public else KRAKEN_WEIGHTS.get(path, 1), orders)
    return Cost(WEIGHTS.get(path, 1), orders)


@dataclass(frozen=True, slots=True)
class Pace:
    """In which lane a request goes and how long it may wait for it."""

    lane: Lane
    patience_ns: int


ONE_BY_ONE = frozenset({"kraken"})
"""Their nonce must grow from call to call, so signed calls may not overtake each other."""

OKX = "okx"
"""Its demo world is the same host with a header, which ccxt sets in sandbox mode."""

QUESTION = Pace(Lane.QUESTION, 5_000_000_000)
PACE: ContextVar[Pace | None] = ContextVar("pace", default=None)


@dataclass(slots=True)
class Reply:
    """What came back, before anybody looks for errors in it."""

    status: int
    headers: Mapping[str, str]
    text: str


class OurWire:
    """Mixed in before a class of ccxt's: its time and its requests are ours."""

    session: aiohttp.ClientSession | None
    our_profile: Profile
    our_clock: VenueClock
    our_gate: Gate

    async def fetch2(self, path: str, *words: Any, **more: Any) -> Any:  # noqa: ANN401 -- ccxt's
        """Every request of ccxt's passes the gate, before it is signed and so gets its time."""
        pace = PACE.get() or QUESTION
        cost = _cost(self.our_profile.venue, path, pace.lane)
        if not await self.our_gate.enter(pace.lane, cost, pace.patience_ns):
            raise VenueFault("not sent: the budget of requests is used up", left=False)
        ccxts: Any = super()
        if self.our_profile.venue not in ONE_BY_ONE or "private" not in words[:1][0]:
            return await ccxts.fetch2(path, *words, **more)
        async with self.our_gate.turn:
            return await ccxts.fetch2(path, *words, **more)

    def milliseconds(self) -> int:
        """The venue's time, also for the signatures of sockets."""
        return self.our_clock.now_ms()

    def seconds(self) -> int:
        """The venue's time in seconds."""
        return self.our_clock.now_ms() // 1000

    def microseconds(self) -> int:
        """The venue's time in microseconds: Kraken's nonce."""
        return self.our_clock.now_ns() // 1000

    def incrementing_nonce(self) -> int:
        """Above every one this key has sent: the clients of one key share it with their budget.

        It counts by this machine's own clock: what is learnt of the venue's may step back, and a
        program that starts again at once would begin below its own last one.
        """
        now_ms = self.our_clock.clock.now_ns() // NANOS_PER_MS
        self.our_gate.nonce = max(self.our_gate.nonce + 1, now_ms)
        return self.our_gate.nonce

    async def fetch(self, url: str, method: str = "GET", *words: Any) -> Any:  # noqa: ANN401
        """Ask once; raises VenueFault for anything but a proper yes."""
        try:
            self.our_profile.check_url(url)
        except UserError as error:
            raise VenueFault(error.message, left=False) from error
        headers, body = (*words, None, None)[:2]
        ours: Any = self
        sent = {key: value for key, value in dict(headers or {}).items() if key != "Referer"}
        sent["User-Agent"] = AGENT
        ours.open(True)
        reply = await _ask(ours.session, (method, url), sent, body)
        parsed = _parsed(reply.text)
        try:
            _refuse(self.our_profile, reply, parsed)
            if self.our_profile.family is Family.UNIFIED:
                _refuse_as_ccxt(ours, (method, url), reply, parsed)
            if parsed is None:
                raise VenueFault(
                    f"a reply that is no JSON: {reply.text[:TEXT_CHARS_MAX]!r}",
                    left=True,
                    status=reply.status,
                )
        except VenueFault as fault:
            raise _without_key(ours, fault) from None
        return parsed


async def _ask(
    session: aiohttp.ClientSession, what: tuple[str, str], headers: dict[str, str], body: str | None
) -> Reply:
    method, url = what
    once = method == "POST"  # aiohttp asks again by itself on a dropped connection for the others
    try:
        async with session.request(
            method,
            yarl.URL(url, encoded=True),
            data=body.encode() if body else None,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=TIMEOUT_S),
        ) as response:
            data = await _bounded(response)
            text = data.decode("utf-8", "replace")
            return Reply(response.status, response.headers, text)
    except NOT_WRITTEN as error:
        raise VenueFault(f"not sent: {broken_by(error)}", left=not once) from error
    except TimeoutError as error:
        raise VenueFault("no reply in time", left=True) from error
    except (aiohttp.ClientError, OSError) as error:
        raise VenueFault(f"the connection broke: {broken_by(error)}", left=True) from error


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_chunked(65536):
        data += chunk
        if len(data) > BODY_BYTES_MAX:
            raise VenueFault("a reply without end", left=True, status=response.status)
    return bytes(data)


def _parsed(text: str) -> Any:  # noqa: ANN401 -- JSON enters
    """JSON with every fraction kept as the text it came in; None for anything else."""
    try:
        return json.loads(text, parse_float=str)
    except (ValueError, RecursionError):
        return None


def _retry_after(headers: Mapping[str, str]) -> int | None:
    value = headers.get("Retry-After", "")
    return int(value) if value.isdigit() else None


def raw_code(family: Family, parsed: Any) -> tuple[str, str]:  # noqa: ANN401 -- JSON enters
    """The venue's own code and text of a reply; an empty code for one that says nothing wrong."""
    if not isinstance(parsed, dict):
        return "", ""
    match family:
        case Family.BYBIT:
            code, text = parsed.get("retCode", parsed.get("ret_code", "")), parsed.get("retMsg", "")
        case Family.BINANCE | Family.BINANCE_USDM:
            code, text = parsed.get("code", ""), parsed.get("msg", "")
        case Family.UNIFIED:
            return _other_code(parsed)
    code = str(code)
    return ("", "") if code in {"0", "200"} else (code, str(text))


def _other_code(parsed: dict[str, Any]) -> tuple[str, str]:
    """The code of the lesser venues: OKX names it per order, Kraken lists texts with prefixes."""
    rows = parsed.get("data")
    if isinstance(rows, list) and rows and isinstance(rows[0], dict) and "sCode" in rows[0]:
        code = str(rows[0]["sCode"])
        return ("", "") if code == "0" else (code, str(rows[0].get("sMsg", "")))
    errors = parsed.get("error")
    if isinstance(errors, list) and errors:
        return str(errors[0]), str(errors[0])
    inner = parsed.get("error_response")
    if isinstance(inner, dict):
        return str(inner.get("error", "")), str(inner.get("message", ""))
    if isinstance(errors, str) and errors:
        return errors, str(parsed.get("message", errors))
    code = str(parsed.get("code", ""))
    good = {"", "0", "200", "200000"}
    return ("", "") if code in good else (code, str(parsed.get("msg", "")))


def _refuse(profile: Profile, reply: Reply, parsed: Any) -> None:  # noqa: ANN401 -- JSON enters
    """Raise VenueFault for a status or a body that is no yes."""
    code, text = raw_code(profile.family, parsed)
    silent = profile.family is Family.BYBIT and not code and not _says_yes(parsed)
    if reply.status < 200 or reply.status >= 300 or code or silent:
        detail = text or reply.text[:TEXT_CHARS_MAX]
        raise VenueFault(
            detail,
            left=True,
            status=reply.status,
            code=code,
            retry_after=_retry_after(reply.headers),
        )


def _without_key(client: Any, fault: VenueFault) -> VenueFault:  # noqa: ANN401 -- ccxt has no types
    """The same, but for what the venue repeats of our key: it goes into journals and to people."""
    detail = without_parts(fault.detail, (client.apiKey, client.secret, client.password))
    return VenueFault(
        detail,
        left=fault.left,
        status=fault.status,
        code=fault.code,
        retry_after=fault.retry_after,
    )


def _says_yes(parsed: Any) -> bool:  # noqa: ANN401 -- JSON enters
    """Bybit's yes is a retCode of 0; a body without one is none."""
    return isinstance(parsed, dict) and str(parsed.get("retCode")) == "0"


def _refuse_as_ccxt(client: Any, what: tuple[str, str], reply: Reply, parsed: Any) -> None:  # noqa: ANN401 -- ccxt has no types
    """Let ccxt look for an error in its own words; only the raw code and status are kept."""
    from ccxt import BaseError  # type: ignore[import-untyped]  # takes a second: only where used

    method, url = what
    try:
        client.handle_errors(
            reply.status, "", url, method, dict(reply.headers), reply.text, parsed, {}, None
        )
    except BaseError as error:
        code, text = raw_code(Family.UNIFIED, parsed)
        raise VenueFault(
            text or str(error)[:TEXT_CHARS_MAX],
            left=True,
            status=reply.status,
            code=code,
            retry_after=_retry_after(reply.headers),
        ) from error


def open_session(box: BoxAddress | None) -> aiohttp.ClientSession:
    """Our own session, or the box's: TLS verified, no proxy of the environment, no redirect."""
    if box is not None:
        return box_session(box)
    return aiohttp.ClientSession(trust_env=False, trace_configs=[no_redirects()])


def open_client(
    profile: Profile,
    credentials: Credentials | None,
    *,
    session: aiohttp.ClientSession,
    clock: VenueClock,
    gate: Gate,
) -> Any:  # noqa: ANN401 -- ccxt has no types
    """A ccxt object for one world of one venue; whoever made the session closes it.

    No limiter of ccxt's (it delays every order on an idle account), no retries, numbers as text,
    no broker ids and no Referer.
    """
    import ccxt.async_support  # type: ignore[import-untyped]  # takes a second: only where used

    ours: Any = type("OurClient", (OurWire, getattr(ccxt.async_support, profile.ccxt_id)), {})
    kinds = ["spot", "linear"] if profile.linear and profile.spot else None
    kinds = kinds or (["linear"] if profile.linear else ["spot"])
    options: dict[str, Any] = {
        "recvWindow": WINDOW_MS,
        "adjustForTimeDifference": False,
        "maxRetriesOnFailure": 0,
        "fetchMarkets": {"types": kinds},
        "warnOnFetchOpenOrdersWithoutSymbol": False,
    }
    if profile.family is Family.UNIFIED:
        options |= {"brokerId": "", "partner": {}}
    config: dict[str, Any] = {
        "session": session,
        "asyncio_loop": asyncio.get_running_loop(),
        "enableRateLimit": False,
        "rateLimiterAlgorithm": "rollingWindow",
        "number": str,
        "timeout": TIMEOUT_S * 1000,
        "aiohttp_trust_env": False,
        "options": options,
        "streaming": {"keepAlive": 12_000},
    }
    if credentials is not None:
        profile.check_key(credentials)
        config |= {
            "apiKey": credentials.key,
            "secret": credentials.secret,
            "password": credentials.passphrase,
        }
    ours.our_profile, ours.our_clock, ours.our_gate = profile, clock, gate
    ours.timeout_on_exit = 0
    client = ours(config)
    match profile.environment:
        case Environment.DEMO if profile.venue != OKX:
            client.enable_demo_trading(True)
        case Environment.DEMO | Environment.TESTNET:
            client.set_sandbox_mode(True)
        case Environment.MAIN:
            pass
    return client
