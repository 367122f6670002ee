"""Owns the table of venues: addresses, habits and the numbers that proofs rest on, with sources.

A number without a source is an assumption and says so. Where ccxt describes a world for any other
venue it is offered, and none is claimed otherwise. Knows nothing of sessions or orders.
"""

from dataclasses import replace
from typing import Any

from absolute.domain.units import NANOS_PER_SECOND
from absolute.engine.reports import VenueFacts
from absolute.venues.profiles import (
    Environment,
    Family,
    IdRule,
    Profile,
    Streams,
    Table,
    choose,
)

S = NANOS_PER_SECOND
MAIN, DEMO, TESTNET = Environment.MAIN, Environment.DEMO, Environment.TESTNET

WINDOW_MS = 5_000
"""The receive window sent with every signed request: it bounds how late an order can land."""

BYBIT_FACTS = VenueFacts(
    window=5 * S,
    engine_timeout=10 * S,
    visibility=5 * S,
    clock_error=1 * S,
    overlap=10 * S,
    ids_unique_for_ever=True,
)
BYBIT_SOURCES = (
    "window: sent by us, Bybit V5 guide, X-BAPI-RECV-WINDOW (default 5000 ms)",
    "clock_error: Bybit V5 guide, timestamp < server time + 1000 ms",
    "ids_unique_for_ever: Bybit V5 place order, orderLinkId is always unique; 110072, 170141",
    "engine_timeout, visibility, overlap: assumption",
)
BINANCE_FACTS = VenueFacts(
    window=5 * S,
    engine_timeout=10 * S,
    visibility=5 * S,
    clock_error=1 * S,
    overlap=10 * S,
    ids_unique_for_ever=False,
)
BINANCE_SOURCES = (
    "window: sent by us, Binance general information, recvWindow (default 5000 ms)",
    "engine_timeout: Binance REST API, -1007 after 10 s without an answer of the engine",
    "clock_error: Binance timing security, timestamp < server time + 1000 ms",
    "ids: Binance place order, a client id is taken again once the first order is filled",
    "visibility, overlap: assumption",
)
OTHER_FACTS = VenueFacts(
    window=60 * S,
    engine_timeout=30 * S,
    visibility=15 * S,
    clock_error=2 * S,
    overlap=30 * S,
    ids_unique_for_ever=False,
)
OTHER_SOURCES = ("all spans: assumption, generous, since no receive window is sent",)
SIGNED_FOR: dict[str, tuple[int, str]] = {
    "coinbase": (120 * S, "window: Coinbase API key authentication, a token lives two minutes"),
    "okx": (30 * S, "window: OKX REST authentication, a request expires after 30 s"),
    "kucoin": (5 * S, "window: KuCoin authentication, a timestamp is taken for 5 s"),
    "bitstamp": (150 * S, "window: Bitstamp authentication, a timestamp is taken for 150 s"),
    "kraken": (60 * S, "window: assumption; a nonce that was overtaken is refused"),
}
"""How long after it was signed a request may still be taken in, with where that is from."""

BYBIT_IDS = IdRule(r"[A-Za-z0-9_-]{1,36}", source="Bybit V5 place order, orderLinkId")
BINANCE_IDS = IdRule(r"[\.A-Z:/a-z0-9_-]{1,36}", source="Binance new order, newClientOrderId")
KRAKEN_IDS = IdRule(r"[0-9a-f-]{36}", "uuid", "Kraken add order, cl_ord_id")
COINBASE_IDS = IdRule(r"[\x21-\x7e]{1,128}", source="assumption")
KUCOIN_IDS = IdRule(r"[A-Za-z0-9_-]{1,40}", source="KuCoin add order, clientOid")
BITSTAMP_IDS = IdRule(r"[\x21-\x7e]{1,100}", source="assumption")
OKX_IDS = IdRule(r"[A-Za-z0-9]{1,32}", "letters", "OKX place order, clOrdId")
ANY_IDS = IdRule(r"[A-Za-z0-9_-]{1,36}", source="assumption")


def _bybit(world: Environment) -> Profile:
    """Bybit V5; the demo world has its own private stream and takes the real public one."""
    tail = {MAIN: "", DEMO: "-demo", TESTNET: "-testnet"}[world]
    public = "stream-testnet.bybit.com" if world is TESTNET else "stream.bybit.com"
    private = f"stream{tail}.bybit.com"
    return Profile(
        venue="bybit",
        environment=world,
        ccxt_id="bybit",
        family=Family.BYBIT,
        hosts=frozenset({f"api{tail}.bybit.com", private, public}),
        facts=BYBIT_FACTS,
        ids=BYBIT_IDS,
        streams=Streams(
            f"wss://{private}/v5/private",
            f"wss://{public}/v5/public/spot",
            f"wss://{public}/v5/public/linear",
        ),
        linear=True,
        stream_trade=world is not DEMO,
        order_days=7 if world is DEMO else None,
        sources=(*BYBIT_SOURCES, "demo: Bybit V5 demo trading page, orders kept 7 days"),
    )


_BINANCE_HOSTS = {
    MAIN: ("api.binance.com", "stream.binance.com:9443", "ws-api.binance.com:443"),
    DEMO: ("demo-api.binance.com", "demo-stream.binance.com", "demo-ws-api.binance.com"),
    TESTNET: (
        "testnet.binance.vision",
        "stream.testnet.binance.vision",
        "ws-api.testnet.binance.vision",
    ),
}


def _binance(world: Environment) -> Profile:
    """Binance spot; the user stream lives on the WebSocket API since 2026-02."""
    hosts = _BINANCE_HOSTS[world]
    return Profile(
        venue="binance",
        environment=world,
        ccxt_id="binance",
        family=Family.BINANCE,
        hosts=frozenset(each.partition(":")[0] for each in hosts),
        facts=BINANCE_FACTS,
        ids=BINANCE_IDS,
        streams=Streams(f"wss://{hosts[2]}/ws-api/v3", f"wss://{hosts[1]}/ws", ""),
        stream_trade=True,
        sources=BINANCE_SOURCES,
    )


def _usdm(world: Environment) -> Profile:
    """Binance USD-M futures; its old testnet is retired, so there is none here."""
    rest, stream = {
        MAIN: ("fapi.binance.com", "fstream.binance.com"),
        DEMO: ("demo-fapi.binance.com", "fstream.binancefuture.com"),
    }[world]
    extra = {"api.binance.com"} if world is MAIN else set()
    return Profile(
        venue="binanceusdm",
        environment=world,
        ccxt_id="binanceusdm",
        family=Family.BINANCE_USDM,
        hosts=frozenset({rest, stream, *extra}),
        facts=BINANCE_FACTS,
        ids=BINANCE_IDS,
        streams=Streams(f"wss://{stream}/private/ws", "", f"wss://{stream}/public/ws"),
        spot=False,
        linear=True,
        stream_trade=True,
        sources=(*BINANCE_SOURCES, "ids on USD-M: -4116 seen, reuse after a fill is an assumption"),
    )


def _other(
    venue: str,
    ids: IdRule,
    hosts: frozenset[str],
    *,
    stops: bool = True,
    world: Environment = MAIN,
) -> Profile:
    """A venue spoken to in ccxt's words and polled; only OKX has a rehearsal world of its own."""
    return Profile(
        venue=venue,
        environment=world,
        ccxt_id=venue,
        family=Family.UNIFIED,
        hosts=hosts,
        facts=replace(OTHER_FACTS, window=SIGNED_FOR[venue][0]),
        ids=ids,
        stops=stops,
        poll_s=8.0 if venue == "kraken" else 2.0,
        sources=(SIGNED_FOR[venue][1], *OTHER_SOURCES),
    )


_OKX = frozenset({"www.okx.com"})
_LISTED = (
    *(_bybit(each) for each in Environment),
    *(_binance(each) for each in Environment),
    *(_usdm(each) for each in (MAIN, DEMO)),
    _other("kraken", KRAKEN_IDS, frozenset({"api.kraken.com"})),
    _other("coinbase", COINBASE_IDS, frozenset({"api.coinbase.com"})),
    _other("kucoin", KUCOIN_IDS, frozenset({"api.kucoin.com"})),
    _other("bitstamp", BITSTAMP_IDS, frozenset({"www.bitstamp.net"}), stops=False),
    _other("okx", OKX_IDS, _OKX),
    _other("okx", OKX_IDS, _OKX, world=DEMO),
)
TABLE: Table = {(each.venue, each.environment): each for each in _LISTED}


def profile(name: str) -> Profile:
    """The profile of a name such as "bybit:demo"; raises UserError with the list of known ones."""
    return choose(name, TABLE, described)


def described(venue: str, environment: Environment) -> Profile | None:
    """Any other venue by ccxt's id, in the worlds that ccxt itself describes for it.

    A world to rehearse in never has a host of the real one: where ccxt names the same, an order
    meant for play could trade real money without its phrase.
    """
    import ccxt  # type: ignore[import-untyped]  # takes a second; only an unlisted venue needs it

    known = any(each.venue == venue for each in TABLE.values())
    if known or venue not in ccxt.exchanges:
        return None
    words: dict[str, Any] = getattr(ccxt, venue)().describe()
    urls = words.get("urls", {})
    section = {MAIN: "api", DEMO: "demo", TESTNET: "test"}[environment]
    hostname = words.get("hostname") or ""
    hosts = frozenset(_hosts(urls.get(section), hostname))
    if environment is not MAIN:
        hosts -= _hosts(urls.get("api"), hostname)
    if not hosts:
        return None
    return Profile(
        venue=venue,
        environment=environment,
        ccxt_id=venue,
        family=Family.UNIFIED,
        hosts=hosts,
        facts=OTHER_FACTS,
        ids=ANY_IDS,
        sources=OTHER_SOURCES,
    )


def _hosts(urls: Any, hostname: str) -> set[str]:  # noqa: ANN401 -- ccxt nests as it likes
    """Every host named anywhere in ccxt's nest of URLs."""
    if isinstance(urls, dict):
        return {host for each in urls.values() for host in _hosts(each, hostname)}
    if not isinstance(urls, str):
        return set()
    place = urls.replace("{hostname}", hostname).partition("://")[2]
    return {place.partition("/")[0].partition(":")[0].lower()} - {""}
