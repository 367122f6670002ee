"""Owns how Bybit V5 is asked, spot and linear: parameters, pages, places to look, sockets.

Sources: Bybit V5 pages of the endpoints named in the code. Knows nothing of what answers mean for
our orders.
"""

import hashlib
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, Final

from absolute.domain.errors import UserError
from absolute.domain.ids import VenueOrderId
from absolute.domain.instrument import Instrument, Side
from absolute.domain.order import OrderType, PositionSide, Terms, TimeInForce
from absolute.domain.units import NANOS_PER_MS, Asset, Nanos, Price
from absolute.venues import bybit_rows
from absolute.venues.dialect import Holding, Line, Socket, Unfit, malformed
from absolute.venues.error_table import Meaning, VenueFault, meaning_of
from absolute.venues.market_filters import amount_of, bybit_instrument, exact, spend_down
from absolute.venues.rows import BAD_ROW, Row, Shown, Tick, Traded, nanos_of, positive

WEEK_NS: Final = 7 * 86_400 * 1_000_000_000
AHEAD_NS: Final = 60 * 1_000_000_000
"""The last window ends after now, so that a trade of this moment is inside."""
HISTORY_NS: Final = 730 * 86_400 * 1_000_000_000
"""Trade history goes back two years."""
SPEND_UNIT: Final = Decimal("1e-8")
IN_FORCE: Final = {
    TimeInForce.GTC: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
    TimeInForce.POST_ONLY: "PostOnly",
}
RISES, FALLS = 1, 2


def order_params(instrument: Instrument, form: str, terms: Terms) -> dict[str, Any]:
    """The body of /v5/order/create; the market unit of a market buy is always stated."""
    if terms.position_side is not PositionSide.NET:
        raise Unfit("POSITION_SIDE_NOT_SUPPORTED", "only the one-way position mode is spoken here")
    market = terms.type not in {OrderType.LIMIT, OrderType.STOP_LIMIT}
    params: dict[str, Any] = {
        "category": "linear" if instrument.perpetual else "spot",
        "symbol": str(instrument.id),
        "side": terms.side.value.capitalize(),
        "orderType": "Market" if market else "Limit",
        "qty": exact(terms.qty) if terms.qty is not None else _spend(terms),
        "orderLinkId": form,
    }
    if not market:
        if terms.price is None:
            raise Unfit("PRICE_MISSING", "a limit order needs a price")
        params["price"] = exact(terms.price)
        params["timeInForce"] = IN_FORCE[terms.time_in_force]
    if instrument.perpetual:
        params["positionIdx"] = 0
        if terms.reduce_only:
            params["reduceOnly"] = True
    else:
        params["isLeverage"] = 0
        if market:
            params["marketUnit"] = "baseCoin" if terms.spend is None else "quoteCoin"
    if terms.trigger is not None:
        params |= _trigger(instrument, terms)
    return params


def _spend(terms: Terms) -> str:
    if terms.spend is None:
        raise Unfit("QTY_STEP", "an order needs a quantity or a spend")
    return exact(spend_down(terms.spend, SPEND_UNIT))


def _trigger(instrument: Instrument, terms: Terms) -> dict[str, Any]:
    assert terms.trigger is not None
    params: dict[str, Any] = {"triggerPrice": exact(terms.trigger)}
    if not instrument.perpetual:
        return params | {"orderFilter": "StopOrder"}
    # A stop trades with the move, a take-profit against it.
    up = (terms.side is Side.BUY) is (terms.type is not OrderType.TAKE_PROFIT)
    return params | {"triggerDirection": RISES if up else FALLS, "triggerBy": "LastPrice"}


class BybitDialect:
    """One market of one unified account."""

    def __init__(self, line: Line, instrument: Instrument) -> None:
        self._line = line
        self.instrument = instrument
        self._market: dict[str, Any] = {
            "category": "linear" if instrument.perpetual else "spot",
            "symbol": str(instrument.id),
        }

    # --- orders ---------------------------------------------------------------------------------

    async def place(self, form: str, terms: Terms) -> VenueOrderId:
        """POST /v5/order/create, once."""
        params = order_params(self.instrument, form, terms)
        reply = await self._line.ask("private", "POST v5/order/create", params)
        try:
            said = str(reply["result"].get("orderLinkId") or form)
            venue_id = VenueOrderId(str(reply["result"]["orderId"]))
        except BAD_ROW as error:
            raise malformed(error) from error
        if said != form or not venue_id:
            raise malformed(ValueError(f"the answer to {form} speaks of {said}"))
        return venue_id

    async def cancel(self, form: str, venue_id: VenueOrderId | None) -> None:
        """POST /v5/order/cancel, by the venue's id where it is known, else by ours."""
        params = self._market | self._name(form, venue_id)
        await self._line.ask("private", "POST v5/order/cancel", params)

    def _name(self, form: str, venue_id: VenueOrderId | None) -> dict[str, Any]:
        return {"orderId": venue_id} if venue_id is not None else {"orderLinkId": form}

    # --- questions ------------------------------------------------------------------------------

    async def look_up(self, form: str, venue_id: VenueOrderId | None) -> Shown | None:
        """The open list, which also holds what closed lately, then the history; ids are checked."""
        del venue_id  # our own id is asked for: ids are unique for ever, and the answer is checked
        for path in ("v5/order/realtime", "v5/order/history"):
            rows = await self._rows_or_none(path, self._market | {"orderLinkId": form})
            found = [each for each in rows if each.get("orderLinkId") == form]
            if rows and not found:
                raise malformed(ValueError(f"asked for {form}, was shown another order"))
            if found:
                # A triggered stop and its order carry the same id; the later one tells.
                newest = max(found, key=lambda row: int(row["updatedTime"]))
                return _read(newest)
        return None

    async def _rows_or_none(self, path: str, params: Row) -> list[dict[str, Any]]:
        try:
            return [row async for row in self._pages(path, params, 50)]
        except VenueFault as fault:
            meaning = meaning_of(self._line.profile.family, "bybit", fault)
            if meaning is Meaning.GONE:
                return []
            raise

    async def _pages(self, path: str, params: Row, limit: int) -> AsyncIterator[dict[str, Any]]:
        """All pages; a cursor marks a place, so rows of equal time are neither lost nor doubled."""
        cursor, seen = "", set[str]()
        while True:
            page = {**params, "limit": limit} | ({"cursor": cursor} if cursor else {})
            reply = await self._line.ask("private", f"GET {path}", page)
            try:
                rows, after = reply["result"]["list"], reply["result"].get("nextPageCursor") or ""
            except BAD_ROW as error:
                raise malformed(error) from error
            if not isinstance(rows, list):
                raise malformed(ValueError("a list that is none"))
            for row in rows:
                yield row
            if not after or not rows:
                return
            if after in seen:
                raise malformed(ValueError("pages without end"))
            seen.add(after)
            cursor = after

    async def open_orders(self) -> list[Shown]:
        """GET /v5/order/realtime, all pages; on spot conditional orders are asked for as well."""
        found: dict[str, Shown] = {}
        filters: tuple[Row, ...] = ({"openOnly": 0},)
        if not self.instrument.perpetual:
            filters = (*filters, {"openOnly": 0, "orderFilter": "StopOrder"})
        for each in filters:
            async for row in self._pages("v5/order/realtime", self._market | dict(each), 50):
                one = _read(row)
                found[one.venue_id] = one
        return list(found.values())

    async def executions(self, since: Nanos, now: Nanos) -> list[Traded]:
        """GET /v5/execution/list in windows of seven days, all pages."""
        found: dict[str, Traded] = {}
        start = max(since, Nanos(now - HISTORY_NS))
        while start <= now + AHEAD_NS:
            end = Nanos(min(start + WEEK_NS, now + AHEAD_NS))
            times = {"startTime": start // NANOS_PER_MS, "endTime": end // NANOS_PER_MS}
            async for row in self._pages("v5/execution/list", self._market | times, 100):
                try:
                    if bybit_rows.is_trade(row):
                        one = bybit_rows.traded(row, self.instrument)
                        found[one.trade_id] = one
                except BAD_ROW as error:
                    raise malformed(error) from error
            start = Nanos(end + 1)
        return sorted(found.values(), key=lambda each: each.time)

    async def holdings(self) -> list[Holding]:
        """GET /v5/account/wallet-balance; the free part is what neither locks nor margin hold."""
        reply = await self._line.ask(
            "private", "GET v5/account/wallet-balance", {"accountType": "UNIFIED"}
        )
        try:
            return [_holding(row) for each in reply["result"]["list"] for row in each["coin"]]
        except BAD_ROW as error:
            raise malformed(error) from error

    async def price(self) -> Tick:
        """GET /v5/market/tickers."""
        reply = await self._line.ask("public", "GET v5/market/tickers", self._market)
        try:
            last = positive(reply["result"]["list"][0]["lastPrice"])
            return Tick(Price(last), nanos_of(reply["time"]))
        except BAD_ROW as error:
            raise malformed(error) from error

    async def price_of(self, asset: Asset) -> Decimal | None:
        """The spot ticker of a coin against our quote."""
        params = {"category": "spot", "symbol": f"{asset}{self.instrument.quote}"}
        reply = await self._line.ask("public", "GET v5/market/tickers", params)
        try:
            return positive(reply["result"]["list"][0]["lastPrice"])
        except BAD_ROW:
            return None

    async def server_time(self) -> Nanos:
        """GET /v5/market/time."""
        reply = await self._line.ask("public", "GET v5/market/time", {})
        try:
            return nanos_of(reply["result"].get("timeNano") or reply["time"])
        except BAD_ROW as error:
            raise malformed(error) from error

    # --- sockets --------------------------------------------------------------------------------

    async def private_socket(self) -> Socket | None:
        """The private stream: auth, then orders and executions."""
        streams = self._line.profile.streams
        assert streams is not None
        return Socket(
            url=streams.private,
            hello=self._hello,
            items=lambda frame: tuple(bybit_rows.private_items(frame, self.instrument)),
            is_answer=lambda frame: frame.get("op") in {"auth", "subscribe"},
            answers=2,
            ping={"op": "ping"},
        )

    def _hello(self) -> tuple[Row, ...]:
        """Auth is signed over GET/realtime and the time until which it holds."""
        client = self._line.client
        expires = client.milliseconds() + 10_000
        signature = client.hmac(
            client.encode(f"GET/realtime{expires}"),
            client.encode(client.secret),
            hashlib.sha256,
            "hex",
        )
        auth = {"op": "auth", "args": [client.apiKey, expires, signature]}
        return auth, {"op": "subscribe", "args": ["order", "execution"]}

    def public_socket(self) -> Socket | None:
        """The public trades."""
        streams = self._line.profile.streams
        assert streams is not None
        linear = self.instrument.perpetual
        topic = f"publicTrade.{self.instrument.id}"
        return Socket(
            url=streams.public_linear if linear else streams.public_spot,
            hello=lambda: ({"op": "subscribe", "args": [topic]},),
            items=lambda frame: tuple(bybit_rows.public_items(frame)),
            is_answer=lambda frame: frame.get("op") == "subscribe",
            answers=1,
            ping={"op": "ping"},
        )

    async def renew(self) -> None:
        """Pings are enough."""

    async def close(self) -> None:
        """Nothing of its own is open."""
        await self._line.client.close()


def _read(row: Row) -> Shown:
    try:
        return bybit_rows.shown(row)
    except BAD_ROW as error:
        raise malformed(error) from error


def _holding(row: Row) -> Holding:
    total = amount_of(row["walletBalance"])
    used = sum(amount_of(row.get(each)) for each in ("locked", "totalOrderIM", "totalPositionIM"))
    return Holding(Asset(str(row["coin"])), total, total - used)


async def open_bybit(line: Line, symbol: str) -> BybitDialect:
    """Find the market of a symbol such as BTC/USDT or BTC/USDT:USDT and read its filters."""
    pair, colon, settle = symbol.partition(":")
    base, _, quote = pair.partition("/")
    params: dict[str, Any] = {"category": "linear" if colon else "spot"}
    if colon:
        params |= {"baseCoin": base, "limit": 1000}
    else:
        params["symbol"] = f"{base}{quote}"
    reply = await line.ask("public", "GET v5/market/instruments-info", params)
    for row in reply["result"]["list"]:
        same = (row["baseCoin"], row["quoteCoin"]) == (base, quote)
        perpetual = row.get("contractType") == "LinearPerpetual" and row.get("settleCoin") == settle
        if same and (perpetual if colon else True):
            return BybitDialect(line, bybit_instrument(row, linear=bool(colon)))
    raise UserError("MARKET_UNKNOWN", f"{line.profile.name} has no market {symbol}.")
