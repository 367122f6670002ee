"""Owns how Binance is asked, on spot: parameters, pages, sockets; USD-M builds on it.

Sources: Binance spot REST API, WebSocket API (user data stream) and stream pages. Knows nothing of
what answers mean for our orders.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from absolute.domain.errors import UserError
from absolute.domain.ids import VenueOrderId
from absolute.domain.instrument import Instrument
from absolute.domain.order import OrderType, Terms, TimeInForce
from absolute.domain.units import NANOS_PER_MS, Asset, Nanos, Price
from absolute.venues import binance_rows
from absolute.venues.dialect import Holding, Line, Socket, Unfit, malformed
from absolute.venues.error_table import Meaning, VenueFault, meaning_of
from absolute.venues.market_filters import amount_of, binance_instrument, exact, spend_down
from absolute.venues.profile_table import WINDOW_MS
from absolute.venues.rows import BAD_ROW, Item, Row, Shown, Tick, Traded, nanos_of, positive

DAY_NS: Final = 86_400 * 1_000_000_000
AHEAD_NS: Final = 60 * 1_000_000_000
LONG_NS: Final = 30 * DAY_NS
"""A span longer than this is read from the first trade of all instead of day by day."""
PAGE: Final = 1000
SPEND_UNIT: Final = Decimal("1e-8")
ED25519_CHARS_MAX: Final = 120
"""A private key in text that is longer than this is an RSA key."""


@dataclass(frozen=True, slots=True)
class Places:
    """What differs between the two: ccxt's section names, the trades' path and its window."""

    private: str
    public: str
    trades: str
    window: int


SPOT: Final = Places("private", "public", "myTrades", DAY_NS)


def order_params(instrument: Instrument, form: str, terms: Terms) -> dict[str, Any]:
    """The parameters of POST /api/v3/order; a spend goes out as quoteOrderQty, to the digit."""
    params: dict[str, Any] = {
        "symbol": str(instrument.id),
        "side": terms.side.value.upper(),
        "type": _type(terms),
        "newClientOrderId": form,
        "newOrderRespType": "ACK",
    }
    if terms.qty is not None:
        params["quantity"] = exact(terms.qty)
    elif terms.spend is not None:
        params["quoteOrderQty"] = exact(spend_down(terms.spend, SPEND_UNIT))
    if terms.price is not None and terms.type in {OrderType.LIMIT, OrderType.STOP_LIMIT}:
        params["price"] = exact(terms.price)
        if params["type"] != "LIMIT_MAKER":
            params["timeInForce"] = _in_force(terms)
    if terms.trigger is not None:
        params["stopPrice"] = exact(terms.trigger)
    return params


def _type(terms: Terms) -> str:
    match terms.type:
        case OrderType.MARKET:
            return "MARKET"
        case OrderType.LIMIT | OrderType.STOP_LIMIT if terms.price is None:
            raise Unfit("PRICE_MISSING", "a limit order needs a price")
        case OrderType.LIMIT:
            return "LIMIT_MAKER" if terms.time_in_force is TimeInForce.POST_ONLY else "LIMIT"
        case OrderType.STOP:
            return "STOP_LOSS"
        case OrderType.STOP_LIMIT:
            return "STOP_LOSS_LIMIT"
        case OrderType.TAKE_PROFIT:
            return "TAKE_PROFIT"
        case _:
            raise Unfit("TYPE_NOT_SUPPORTED", f"{terms.type} cannot rest at this venue")


def _in_force(terms: Terms) -> str:
    if terms.time_in_force is TimeInForce.POST_ONLY:
        raise Unfit("TYPE_NOT_SUPPORTED", "a stop that only makes cannot rest at this venue")
    return terms.time_in_force.value.upper()


class BinanceDialect:
    """One market of one spot account."""

    places = SPOT

    def __init__(self, line: Line, instrument: Instrument) -> None:
        self._line = line
        self.instrument = instrument
        self._symbol: dict[str, Any] = {"symbol": str(instrument.id)}
        self._client_ids: dict[str, str] = {}

    async def _ask(self, method: str, path: str, params: Row) -> Any:  # noqa: ANN401 -- JSON enters
        return await self._line.ask(self.places.private, f"{method} {path}", params)

    async def _ask_public(self, path: str, params: Row) -> Any:  # noqa: ANN401 -- JSON enters
        return await self._line.ask(self.places.public, f"GET {path}", params)

    async def _or_none(self, path: str, params: Row) -> Any:  # noqa: ANN401 -- JSON enters
        """One row, or None where the venue says that there is no such thing."""
        try:
            return await self._ask("GET", path, params)
        except VenueFault as fault:
            profile = self._line.profile
            if meaning_of(profile.family, profile.venue, fault) is Meaning.GONE:
                return None
            raise

    # --- orders ---------------------------------------------------------------------------------

    async def place(self, form: str, terms: Terms) -> VenueOrderId:
        """POST order, once."""
        params = order_params(self.instrument, form, terms)
        return self._placed(await self._ask("POST", "order", params), form)

    def _placed(self, reply: Row, form: str) -> VenueOrderId:
        try:
            said, venue_id = str(reply["clientOrderId"]), str(reply["orderId"])
        except BAD_ROW as error:
            raise malformed(error) from error
        if said != form:
            raise malformed(ValueError(f"the answer to {form} speaks of {said}"))
        self._client_ids[venue_id] = form
        return VenueOrderId(venue_id)

    async def cancel(self, form: str, venue_id: VenueOrderId | None) -> None:
        """DELETE order, by the venue's id where it is known, since ours may be taken again."""
        await self._ask("DELETE", "order", self._symbol | self._name(form, venue_id))

    def _name(self, form: str, venue_id: VenueOrderId | None) -> dict[str, Any]:
        return {"orderId": venue_id} if venue_id is not None else {"origClientOrderId": form}

    # --- questions ------------------------------------------------------------------------------

    async def look_up(self, form: str, venue_id: VenueOrderId | None) -> Shown | None:
        """GET order: open and closed ones are in one place."""
        del venue_id  # our own id is asked for; the answer is checked
        row = await self._or_none("order", self._symbol | {"origClientOrderId": form})
        if row is None:
            return None
        one = self._read(row)
        if one.client_id != form:
            raise malformed(ValueError(f"asked for {form}, was shown {one.client_id}"))
        return one

    def _read(self, row: Row) -> Shown:
        try:
            one = binance_rows.shown(row)
        except BAD_ROW as error:
            raise malformed(error) from error
        known = self._client_ids.setdefault(one.venue_id, one.client_id)
        return replace(one, client_id=known)

    async def open_orders(self) -> list[Shown]:
        """GET openOrders: all of a symbol in one reply."""
        rows = await self._ask("GET", "openOrders", self._symbol)
        if not isinstance(rows, list):
            raise malformed(ValueError("open orders are no list"))
        return [self._read(row) for row in rows]

    async def executions(self, since: Nanos, now: Nanos) -> list[Traded]:
        """The first trade at or after `since`, then page by page along the trade ids."""
        first = 0 if now - since > LONG_NS else await self._first_trade(since, now)
        if first is None:
            return []
        rows: dict[int, Row] = {}
        while True:
            page = await self._trades({"fromId": first, "limit": PAGE})
            fresh = {int(row["id"]): row for row in page if int(row["id"]) not in rows}
            rows |= fresh
            if len(page) < PAGE or not fresh:
                break
            first = max(rows) + 1
        wanted = [rows[each] for each in sorted(rows) if nanos_of(rows[each]["time"]) >= since]
        await self._learn_ids(since, {str(row["orderId"]) for row in wanted})
        try:
            return [
                binance_rows.traded(row, self._client_ids[str(row["orderId"])]) for row in wanted
            ]
        except BAD_ROW as error:
            raise malformed(error) from error

    async def _trades(self, params: Row) -> list[Row]:
        rows = await self._ask("GET", self.places.trades, self._symbol | dict(params))
        if not isinstance(rows, list) or any("id" not in row or "time" not in row for row in rows):
            raise malformed(ValueError("trades are no list of trades"))
        return rows

    async def _first_trade(self, since: Nanos, now: Nanos) -> int | None:
        """The id of the oldest trade since then; a full window is halved until it is not full."""
        start, end = since // NANOS_PER_MS, (now + AHEAD_NS) // NANOS_PER_MS
        window = self.places.window // NANOS_PER_MS - 1
        span = window
        while start <= end:
            times = {"startTime": start, "endTime": min(start + span, end), "limit": PAGE}
            rows = await self._trades(times)
            if len(rows) >= PAGE and span > 0:
                span //= 2
            elif rows:
                return min(int(row["id"]) for row in rows)
            else:
                start, span = start + span + 1, window
        return None

    async def _learn_ids(self, since: Nanos, venue_ids: set[str]) -> None:
        """A trade does not name our id: ask for the orders that are not known yet."""
        del since
        for venue_id in sorted(venue_ids - self._client_ids.keys()):
            self._read(await self._ask("GET", "order", self._symbol | {"orderId": venue_id}))

    async def holdings(self) -> list[Holding]:
        """GET account."""
        reply = await self._ask("GET", "account", {"omitZeroBalances": "true"})
        try:
            return [_holding(row) for row in reply["balances"]]
        except BAD_ROW as error:
            raise malformed(error) from error

    async def price(self) -> Tick:
        """GET ticker/24hr."""
        reply = await self._ask_public("ticker/24hr", self._symbol)
        try:
            return Tick(Price(positive(reply["lastPrice"])), nanos_of(reply["closeTime"]))
        except BAD_ROW as error:
            raise malformed(error) from error

    async def price_of(self, asset: Asset) -> Decimal | None:
        """The ticker of a coin against our quote."""
        pair = {"symbol": f"{asset}{self.instrument.quote}"}
        reply = await self._ask_public("ticker/24hr", pair)
        try:
            return positive(reply["lastPrice"])
        except BAD_ROW:
            return None

    async def server_time(self) -> Nanos:
        """GET time."""
        reply = await self._ask_public("time", {})
        try:
            return nanos_of(reply["serverTime"])
        except BAD_ROW as error:
            raise malformed(error) from error

    # --- sockets --------------------------------------------------------------------------------

    async def private_socket(self) -> Socket | None:
        """The user stream of the WebSocket API; the listen keys of old have ended."""
        streams = self._line.profile.streams
        assert streams is not None
        return self._socket(streams.private, self._hello, self._items)

    def _items(self, frame: Row) -> tuple[Item, ...]:
        return tuple(binance_rows.private_items(frame, self.instrument))

    def _socket(
        self,
        url: str,
        hello: Callable[[], tuple[Row, ...]],
        items: Callable[[Row], tuple[Item, ...]],
    ) -> Socket:
        return Socket(
            url=url,
            hello=hello,
            items=items,
            is_answer=lambda frame: "id" in frame and "e" not in frame,
            answers=1,
        )

    def _hello(self) -> tuple[Row, ...]:
        signed = _signed(self._line.client)
        return ({"id": "1", "method": "userDataStream.subscribe.signature", "params": signed},)

    def public_socket(self) -> Socket | None:
        """The public trades, by a SUBSCRIBE frame."""
        streams = self._line.profile.streams
        assert streams is not None
        topic = f"{self.instrument.id.lower()}@trade"
        return self._socket(
            streams.public_linear if self.instrument.perpetual else streams.public_spot,
            lambda: ({"method": "SUBSCRIBE", "params": [topic], "id": 1},),
            lambda frame: tuple(binance_rows.public_items(frame)),
        )

    async def renew(self) -> None:
        """The subscription lasts as long as its socket."""

    async def close(self) -> None:
        """Let go of the ccxt object."""
        await self._line.client.close()


def _signed(client: Any) -> dict[str, Any]:  # noqa: ANN401 -- ccxt has no types
    """The parameters of a WebSocket API call, signed in their sorted order by ccxt's own means."""
    words = {
        "apiKey": client.apiKey,
        "recvWindow": WINDOW_MS,
        "timestamp": client.milliseconds(),
    }
    secret, text = client.secret, client.rawencode(words)
    if "PRIVATE KEY" not in secret:
        signature = client.hmac(client.encode(text), client.encode(secret), hashlib.sha256)
    elif len(secret) > ED25519_CHARS_MAX:
        signature = client.rsa(text, secret, "sha256")
    else:
        signature = client.eddsa(client.encode(text), secret, "ed25519")
    return words | {"signature": signature}


def _holding(row: Row) -> Holding:
    free = amount_of(row["free"])
    return Holding(Asset(str(row["asset"])), free + amount_of(row["locked"]), free)


def market_id(symbol: str) -> str:
    """BTC/USDT and BTC/USDT:USDT are both BTCUSDT here."""
    base, _, quote = symbol.partition(":")[0].partition("/")
    return f"{base}{quote}"


def found(rows: list[Row], symbol: str, *, linear: bool) -> Row | None:
    """The row of exchangeInfo that is this market, and not a dated future of the same pair."""
    base, _, quote = symbol.partition(":")[0].partition("/")
    for row in rows:
        perpetual = row.get("contractType") == "PERPETUAL"
        if (row["baseAsset"], row["quoteAsset"]) == (base, quote) and (perpetual or not linear):
            return row
    return None


async def open_binance(line: Line, symbol: str) -> BinanceDialect:
    """Find the spot market of a symbol such as BTC/USDT and read its filters."""
    if ":" in symbol:
        raise UserError("MARKET_UNKNOWN", f"{symbol} is a future; use the profile binanceusdm.")
    params = {"symbol": market_id(symbol)}
    reply = await line.ask(SPOT.public, "GET exchangeInfo", params)
    row = found(reply["symbols"], symbol, linear=False)
    if row is None:
        raise UserError("MARKET_UNKNOWN", f"{line.profile.name} has no market {symbol}.")
    return BinanceDialect(line, binance_instrument(row, linear=False))
