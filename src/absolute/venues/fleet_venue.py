"""Owns a venue of the house as a member of the fleet: prices by its client, orders by its gateway.

The client answers what the public and the account show; every order goes through the gateway, whose
reports alone decide what an error may claim. Where Coinbase sizes a market buy in dollars, a buy of
an amount is sent as a limit that may only trade at once, at most one percent beyond the book.
It must not know where keys are kept, nor how other members are reached.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, TypeVar

import aiohttp
import ccxt  # type: ignore[import-untyped]

from absolute.domain.ids import ClientOrderId, Role
from absolute.domain.instrument import Instrument, Side
from absolute.domain.order import OrderType, Terms, TimeInForce
from absolute.domain.units import NANOS_PER_MS, NANOS_PER_SECOND, ZERO, Nanos, Price, Qty
from absolute.engine.reports import (
    Acknowledged,
    Denied,
    Duplicate,
    Executions,
    ExecutionSeen,
    Gateway,
    ListExecutions,
    LookUp,
    NeverSent,
    NotFound,
    OrderSeen,
    Report,
    Request,
    Seen,
    SendOrder,
)
from absolute.venues import symbols
from absolute.venues.ccxt_client import open_client, open_session
from absolute.venues.clock_offset import VenueClock
from absolute.venues.credentials import Credentials
from absolute.venues.error_table import Meaning, VenueFault, meaning_of
from absolute.venues.fleet_errors import (
    ExchangeAuthenticationError,
    ExchangeConnectionError,
    ExchangeError,
    ExchangeNotSent,
    ExchangeOrderRejected,
    ExchangeRateLimitError,
    ExchangeUnavailable,
)
from absolute.venues.fleet_exchange import Absent, AbstractExchange, Finding, Found, Undecided
from absolute.venues.fleet_price import BookLevel, BookView
from absolute.venues.fleet_terms import (
    MarketData,
    OrderRequest,
    OrderResult,
    SentOrder,
    Wanted,
    exact,
    moment,
    wanted,
)
from absolute.venues.limiter import RULES, Gate, Limiter, Rule
from absolute.venues.market_filters import decimal_of
from absolute.venues.parts import Surroundings
from absolute.venues.profiles import Profile
from absolute.venues.regions import supported_regions
from absolute.venues.registry import open_gateway
from absolute.venues.self_trade import RestingOrder

Answer = TypeVar("Answer")

S: Final = NANOS_PER_SECOND
PUBLIC: Final = "public"
ACCOUNT: Final = "account"

# How often the venues that ccxt alone knows may be asked. Kraken ("Rate limits"): public once a
# second, private a counter of 15 that falls by one in three seconds. Coinbase ("Rate limits"): 10
# public and 30 private a second. The others keep the general rule.
PACES: Final = {
    ("kraken", PUBLIC): (Rule(20 * S, 20, 3),),
    ("kraken", ACCOUNT): (Rule(45 * S, 29, 2),),
    ("coinbase", PUBLIC): (Rule(S, 9, 1),),
    ("coinbase", ACCOUNT): (Rule(S, 25, 5),),
}
DEPTH: Final = 100
ROLE: Final = Role("fleet")
PAUSES: Final = (0.05, 0.15, 0.4, 0.8, 1.6)
"""How often a market order is looked at until it has ended: three seconds in all."""

BEYOND: Final = Decimal("0.01")
ONE_AT_A_TIME: Final = frozenset({"kraken"})
"""Their nonce must grow from call to call, so signed calls may not overtake each other."""

SIZED_IN_QUOTE: Final = frozenset({"coinbase"})

_TYPES: Final = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop": OrderType.STOP,
    "stop_limit": OrderType.STOP_LIMIT,
}
_LASTS: Final = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "PO": TimeInForce.POST_ONLY,
    "POST_ONLY": TimeInForce.POST_ONLY,
}
_WORDS: Final = {
    Seen.OPEN: "open",
    Seen.FILLED: "filled",
    Seen.CANCELLED: "cancelled",
    Seen.REJECTED: "rejected",
    Seen.EXPIRED: "expired",
    Seen.UNKNOWN: "unknown",
}


@dataclass(frozen=True, slots=True)
class Access:
    """The way to one account of one venue. `box`: led into the exchange in the box.

    `may_trade` of False: the profile moves real money and nobody typed its phrase.
    """

    profile: Profile
    credentials: Credentials | None
    around: Surroundings
    account: str = "default"
    may_trade: bool = False

    def gate(self, kind: str) -> Gate:
        """The budget of public questions, or that of the key: gateways find it under its owner."""
        profile, around = self.profile, self.around
        key = self.credentials.key if self.credentials and kind == ACCOUNT else ""
        rules = PACES.get((profile.venue, kind)) or RULES[profile.family]
        gate = Gate(Limiter(rules), around.clock.now_ns)
        return around.gates.setdefault(f"{profile.name}/{key}", gate)


@dataclass(slots=True)
class _Opened:
    """What belongs to one event loop. `account` of None: there is no key."""

    session: aiohttp.ClientSession
    public: Any = None
    account: Any = None
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    gateways: dict[str, Gateway] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class VenueExchange(AbstractExchange):
    """A venue reached through ccxt's client and our gateway."""

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access
        self._profile = access.profile
        self.venue = access.profile.venue
        self.account = access.account
        self._open: _Opened | None = None

    async def initialize(self) -> bool:
        """Open a session and read the markets; where that fails nothing stays open."""
        await self.close()
        ready = False
        try:
            await self._open_clients()
            ready = True
        finally:
            if not ready:
                await self.close()
        return ready

    async def _open_clients(self) -> None:
        around = self._access.around
        session, clock = open_session(around.box), VenueClock(around.clock)
        self._open = opened = _Opened(session)
        gate = self._access.gate(PUBLIC)
        public = open_client(self._profile, None, session=session, clock=clock, gate=gate)
        opened.public = public
        await self._ask(public.load_markets)
        keys = self._access.credentials
        if keys is not None:
            gate = self._access.gate(ACCOUNT)
            opened.account = open_client(
                self._profile, keys, session=session, clock=clock, gate=gate
            )
            # Each client reads the markets itself: ccxt keeps more of them than their list, and
            # without it Kraken's open orders would be passed over as of another market.
            await self._ask(opened.account.load_markets)

    async def close(self) -> None:
        """Let go of the gateways, the client and the session."""
        opened, self._open = self._open, None
        if opened is None or opened.loop is not asyncio.get_running_loop():
            return  # sockets of an event loop that is over are gone with it
        for gateway in opened.gateways.values():
            await gateway.close()
        for client in (opened.public, opened.account):
            if client is not None:
                await client.close()
        await opened.session.close()

    def get_supported_regions(self) -> list[str]:
        """The regions it serves."""
        return supported_regions(self.venue)

    def normalize_symbol(self, symbol: str) -> str:
        """The pair as the venue writes it."""
        return symbols.to_exchange_format(symbol, self.venue)

    # --- prices -----------------------------------------------------------------------------------

    async def get_market_data(self, symbol: str) -> MarketData:
        """Last price, best quotes and the volume of a day."""
        client, name = self._opened().public, self._name(symbol)
        ticker = await self._ask(lambda: client.fetch_ticker(name))
        bid, ask = _amount(ticker.get("bid")), _amount(ticker.get("ask"))
        if not bid or not ask:
            book = await self.get_order_book(symbol)
            bid = book.bids[0].price if book.bids else ZERO
            ask = book.asks[0].price if book.asks else ZERO
        time = ticker.get("timestamp")
        return MarketData(
            symbol=symbol,
            price=float(_amount(ticker.get("last")) or (bid + ask) / 2),
            bid=float(bid),
            ask=float(ask),
            volume=float(_amount(ticker.get("baseVolume"))),
            timestamp=moment(Nanos(int(time) * NANOS_PER_MS) if time else self._now()),
            exchange=self.venue,
            reason=f"priced in {name.partition('/')[2]}",
        )

    async def get_order_book(self, symbol: str, amount: Decimal | None = None) -> BookView:
        """The top of the book, as old as the moment it was asked for."""
        del amount
        client, name, asked_at = self._opened().public, self._name(symbol), self._now()
        book = await self._ask(lambda: client.fetch_order_book(name, DEPTH))
        return BookView(_levels(book["bids"]), _levels(book["asks"]), asked_at)

    async def taker_fee(self, symbol: str) -> Decimal | None:
        """What the account pays where the venue's list tells; else the list's own rate."""
        return decimal_of(self._market(symbol).get("taker"))

    # --- the account ------------------------------------------------------------------------------

    async def get_balance(self, asset: str | None = None) -> dict[str, float]:
        """What is free, by coin."""
        client = self._account_client()
        words = {"v3": True} if self.venue == "coinbase" else {}  # the older list shows no holds
        reply = await self._private(lambda: client.fetch_balance(words))
        free = {str(coin): float(_amount(part)) for coin, part in reply["free"].items()}
        return free if asset is None else {asset: free.get(asset, 0.0)}

    async def get_open_orders(self, symbol: str) -> list[RestingOrder]:
        """Our own open orders in a pair."""
        client, name = self._account_client(), self._name(symbol)
        rows = await self._private(lambda: client.fetch_open_orders(name))
        return [self._resting(row, symbol) for row in rows]

    def _resting(self, row: Any, symbol: str) -> RestingOrder:  # noqa: ANN401 -- JSON enters
        price = decimal_of(row.get("price"))
        return RestingOrder(
            venue=self.venue,
            account=self.account,
            symbol=symbols.standard(symbol),
            side=Side(str(row["side"])),
            price=price or None,
            order_id=str(row["id"]),
            post_only=bool(row.get("postOnly")),
        )

    # --- orders -----------------------------------------------------------------------------------

    async def place_order(self, order_request: OrderRequest) -> OrderResult:
        """Send it once through the gateway; an error with `no_order` is proof."""
        order, client_id = wanted(order_request), order_request.client_id
        if client_id is None:
            raise ExchangeOrderRejected("an order needs a client id; place it through the manager.")
        gateway, terms = await self._prepared(order)
        ours = ClientOrderId(client_id)
        report = await self._perform(gateway, SendOrder(ours, terms))
        match report:
            case Acknowledged() | Duplicate():
                venue_id = report.venue_id if isinstance(report, Acknowledged) else None
                sent = SentOrder(self.venue, client_id, order, report.time)
                ask = LookUp(ours, venue_id)
                return await self._result(gateway, sent, await self._ended(gateway, ask, order))
            case Denied():
                raise self._refused(report)
            case NeverSent():
                raise ExchangeNotSent(f"{self.venue}: {report.detail}")
            case _:
                detail = getattr(report, "detail", str(report))
                raise ExchangeConnectionError(f"{self.venue}: {detail}")

    async def find_order(self, sent: SentOrder) -> Finding:
        """Ask by the client id; absent only after it can no longer land nor come into view."""
        gateway = await self._gateway(sent.order.symbol)
        seen = await self._perform(gateway, LookUp(ClientOrderId(sent.client_id), None))
        match seen:
            case OrderSeen():
                if seen.status is Seen.REJECTED:
                    return Absent(f"it was rejected there: {seen.reason}")
                return Found(await self._result(gateway, sent, seen))
            case NotFound():
                facts = gateway.facts
                late = facts.window + facts.engine_timeout + facts.visibility + facts.clock_error
                if seen.asked_at > sent.sent_at + late:
                    return Absent("it knows no such order, and none can arrive any more")
                return Undecided("it does not know the order, which may still arrive")
            case _:
                return Undecided(f"no answer: {getattr(seen, 'detail', seen)}")

    async def _prepared(self, order: Wanted) -> tuple[Gateway, Terms]:
        """Everything an order needs before it is sent: a failure here is no order."""
        if not self._access.may_trade:
            raise ExchangeUnavailable(
                f"{self._profile.name} moves real money and is not enabled for orders; give its "
                f'configuration "allow_orders": "{self._profile.phrase}".'
            )
        try:
            gateway = await self._gateway(order.symbol)
            return gateway, await self._terms(order, gateway.instrument)
        except ExchangeError as fault:
            if fault.no_order:
                raise
            raise ExchangeNotSent(
                f"not sent, since a question before it failed: {fault}"
            ) from fault

    async def _terms(self, order: Wanted, instrument: Instrument) -> Terms:
        """The order on the venue's grid, never worse than it was meant."""
        if order.time_in_force not in _LASTS:
            known = ", ".join(_LASTS)
            said = f"time_in_force is {order.time_in_force}; write one of: {known}."
            raise ExchangeOrderRejected(said, "TIME_IN_FORCE")
        qty = instrument.qty_down(order.amount)
        if qty <= ZERO:
            said = f"{order.amount} is less than the smallest step {instrument.lot}"
            raise ExchangeOrderRejected(f"{self.venue}: {said}", "QTY_STEP")
        side, kind, price = order.side, _TYPES[order.order_type], order.price
        lasts = _LASTS[order.time_in_force]
        if kind is OrderType.MARKET:
            lasts = TimeInForce.GTC
        if kind is OrderType.MARKET and side is Side.BUY and self.venue in SIZED_IN_QUOTE:
            kind, lasts = OrderType.LIMIT, TimeInForce.IOC
            price = await self._far_price(order)
        return Terms(
            role=ROLE,
            side=side,
            type=kind,
            qty=Qty(qty),
            price=None if price is None else instrument.price_for(side, price),
            trigger=None if order.stop_price is None else _near(order.stop_price, instrument),
            time_in_force=lasts,
        )

    async def _far_price(self, order: Wanted) -> Price:
        """The price of the last level a buy would reach, and one percent more."""
        book = await self.get_order_book(order.symbol)
        left = order.amount
        for level in book.asks:
            left -= level.qty
            if left <= ZERO:
                return Price(level.price * (1 + BEYOND))
        raise ExchangeOrderRejected(f"{self.venue}: the book holds less than {order.amount}")

    async def _ended(self, gateway: Gateway, ask: LookUp, order: Wanted) -> Report:
        """A market order as it ended, where it ends soon; else as it was last seen."""
        seen = await self._perform(gateway, ask)
        for pause in PAUSES:
            if isinstance(seen, OrderSeen) and (seen.status is not Seen.OPEN or not order.takes):
                break
            await asyncio.sleep(pause)
            seen = await self._perform(gateway, ask)
        return seen

    async def _result(self, gateway: Gateway, sent: SentOrder, seen: Report) -> OrderResult:
        """What is known of an order that stands; its price and fees are those of its fills."""
        told: Report | None = None
        if not isinstance(seen, OrderSeen) or seen.filled > ZERO:
            since = Nanos(sent.sent_at - gateway.facts.overlap)
            told = await self._perform(gateway, ListExecutions(since))
        fills = _fills_of(told, sent.client_id)
        filled = sum((each.fill.qty for each in fills), ZERO)
        value = sum((each.fill.qty * each.fill.price for each in fills), ZERO)
        fees: dict[str, float] = {}
        for each in fills:
            if each.fill.fee is not None:
                coin = str(each.fill.fee.asset)
                fees[coin] = fees.get(coin, 0.0) + float(each.fill.fee.amount)
        known = max(filled, seen.filled) if isinstance(seen, OrderSeen) else filled
        status = _WORDS[seen.status] if isinstance(seen, OrderSeen) else "accepted"
        if status == "open" and known > ZERO:
            status = "partially_filled"
        late = known > filled
        return OrderResult(
            order_id=str(seen.venue_id) if isinstance(seen, OrderSeen) else "",
            status=status,
            filled_amount=float(known),
            remaining_amount=float(max(sent.order.amount - known, ZERO)),
            average_price=float(value / filled) if filled else 0.0,
            fees=fees,
            timestamp=moment(self._now()),
            exchange=self.venue,
            client_id=sent.client_id,
            reason="some fills are not told yet: price and fees are not complete" if late else "",
        )

    # --- the ways there ---------------------------------------------------------------------------

    async def _gateway(self, symbol: str) -> Gateway:
        self._account_client()
        gateways, name, access = self._opened().gateways, self._name(symbol), self._access
        if name not in gateways:
            gateways[name] = await self._private(
                lambda: open_gateway(self._profile, name, access.credentials, around=access.around)
            )
        return gateways[name]

    async def _perform(self, gateway: Gateway, request: Request) -> Report:
        """One request; a gateway never raises for a venue's fault."""
        if self.venue not in ONE_AT_A_TIME:
            return await gateway.perform(request)
        async with self._opened().turn:
            return await gateway.perform(request)

    async def _private(self, question: Callable[[], Awaitable[Answer]]) -> Answer:
        if self.venue not in ONE_AT_A_TIME:
            return await self._ask(question)
        async with self._opened().turn:
            return await self._ask(question)

    async def _ask(self, question: Callable[[], Awaitable[Answer]]) -> Answer:
        """One question; whatever is no answer becomes an error of the fleet."""
        try:
            return await question()
        except VenueFault as fault:
            raise self._translated(fault) from fault
        except ccxt.BadSymbol as fault:
            raise ExchangeUnavailable(f"{self.venue}: {fault}") from fault
        except ccxt.BaseError as fault:
            raise ExchangeConnectionError(f"{self.venue}: {fault}") from fault

    def _translated(self, fault: VenueFault) -> ExchangeError:
        said = f"{self.venue}: {fault.detail}"
        match meaning_of(self._profile.family, self.venue, fault):
            case Meaning.AUTH | Meaning.PERMISSION:
                return ExchangeAuthenticationError(f"{said}; check the key and its permissions.")
            case Meaning.RATE | Meaning.BAN:
                after = fault.retry_after
                return ExchangeRateLimitError(said, None if after is None else float(after))
            case _:
                return ExchangeConnectionError(said)

    def _refused(self, report: Denied) -> ExchangeError:
        """A no that is known to be one: of the keys, or of the order."""
        said = f"{self.venue} refused the order: {report.detail} ({report.code})"
        fault = VenueFault(report.detail, left=True, status=400, code=report.code)
        meaning = meaning_of(self._profile.family, self.venue, fault)
        if meaning in {Meaning.AUTH, Meaning.PERMISSION}:
            return ExchangeAuthenticationError(f"{said}; check the key and its permissions.")
        return ExchangeOrderRejected(said, report.code)

    def _opened(self) -> _Opened:
        if self._open is None:
            raise ExchangeConnectionError(f"{self.venue} is closed; initialize it first.")
        return self._open

    def _account_client(self) -> Any:  # noqa: ANN401 -- ccxt has no types
        if self._opened().account is None:
            raise ExchangeUnavailable(f"{self.venue} has no keys, so it shows prices only.")
        return self._opened().account

    def _name(self, symbol: str) -> str:
        """BTC-USD -> BTC/USD, or BTC/USDT where that is the book that is meant."""
        return "/".join(symbols.traded_pair(symbol, self.venue))

    def _market(self, symbol: str) -> Any:  # noqa: ANN401 -- ccxt has no types
        name, opened = self._name(symbol), self._opened()
        markets = (opened.account or opened.public).markets or {}
        if name not in markets:
            raise ExchangeUnavailable(f"{self.venue} has no market {name}.")
        return markets[name]

    def _now(self) -> Nanos:
        return self._access.around.clock.now_ns()


def _amount(value: object) -> Decimal:
    """A number of a reply; zero where it is missing."""
    return ZERO if value is None else exact(value, "a number of the reply")


def _levels(rows: Any) -> tuple[BookLevel, ...]:  # noqa: ANN401 -- JSON enters
    return tuple(BookLevel(_amount(row[0]), _amount(row[1])) for row in rows)


def _near(price: Decimal, instrument: Instrument) -> Price:
    """A trigger on the grid, at the nearest tick."""
    return Price((price / instrument.tick).to_integral_value() * instrument.tick)


def _fills_of(told: Report | None, client_id: str) -> list[ExecutionSeen]:
    if not isinstance(told, Executions):
        return []
    return [each for each in told.executions if each.fill.client_id == client_id]
