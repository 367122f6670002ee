"""Owns how any other venue is asked, in ccxt's words: what it cannot answer is no answer.

Each venue is polled. A look-up by our own id goes to the venue's own question for it where ccxt
has one, else through its lists of open and closed orders. Sources: ccxt 4.5.90 and the venues'
order pages; these venues were not tried against their real hosts.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final

import ccxt  # type: ignore[import-untyped]

from absolute.domain.errors import UserError
from absolute.domain.ids import TradeId, VenueOrderId
from absolute.domain.instrument import Instrument, Side
from absolute.domain.order import OrderType, PositionSide, Terms, TimeInForce
from absolute.domain.units import NANOS_PER_MS, Asset, Nanos, Price, Qty
from absolute.engine.reports import Seen
from absolute.venues.dialect import Holding, Line, Socket, Unfit, malformed
from absolute.venues.error_table import Meaning, VenueFault, meaning_of
from absolute.venues.market_filters import amount_of, decimal_of, exact, unified_instrument
from absolute.venues.rows import (
    BAD_ROW,
    Row,
    Shown,
    Tick,
    Traded,
    nanos_of,
    not_negative,
    positive,
    side_of,
)

STATUS: Final = {
    "open": Seen.OPEN,
    "closed": Seen.FILLED,
    "canceled": Seen.CANCELLED,
    "cancelled": Seen.CANCELLED,
    "expired": Seen.EXPIRED,
    "rejected": Seen.REJECTED,
}
ASKS_BY_OUR_ID: Final = frozenset({"okx", "kucoin", "bitstamp"})
"""Their order question takes our id, in ccxt's fetch_order."""
CANCELS_BY_OUR_ID: Final = frozenset({"okx", "kucoin", "bitstamp", "kraken"})
ID_WORD: Final = {"coinbase": "client_order_id", "bitstamp": "client_order_id"}
"""What they call our id where ccxt hands it through as it is."""
PAGE: Final = 100
SHORT_PAGE: Final = 20
"""No venue we know of cuts its pages this short: one that is shorter is the last."""
LIST_PAGES_MAX: Final = 200


class UnifiedDialect:
    """One market of one account, in ccxt's words."""

    def __init__(self, line: Line, symbol: str, instrument: Instrument) -> None:
        self._line = line
        self._symbol = symbol
        self.instrument = instrument
        self._client: Any = line.client
        self._venue = line.profile.venue
        self._client_ids: dict[str, str] = {}

    async def _call(self, method: Callable[..., Awaitable[Any]], *words: Any, **more: Any) -> Any:  # noqa: ANN401
        """One call of ccxt's; its own refusals before sending are Unfit, its readings faults."""
        try:
            return await method(*words, **more)
        except (ccxt.NotSupported, ccxt.ArgumentsRequired) as error:
            raise VenueFault(f"ccxt cannot ask this venue so: {error}", left=False) from error
        except (ccxt.BaseError, *BAD_ROW) as error:
            raise VenueFault(f"ccxt could not read the reply: {error!r}", left=True) from error

    # --- orders ---------------------------------------------------------------------------------

    async def place(self, form: str, terms: Terms) -> VenueOrderId:
        """One order, once; a spend only where the venue itself takes quote money."""
        if terms.position_side is not PositionSide.NET:
            raise Unfit("POSITION_SIDE_NOT_SUPPORTED", "only the one-way mode is spoken here")
        params = self._params(form, terms)
        kind = "limit" if terms.type in {OrderType.LIMIT, OrderType.STOP_LIMIT} else "market"
        if terms.spend is not None:
            if not self._client.has.get("createMarketBuyOrderWithCost"):
                raise Unfit("SPEND_NOT_SUPPORTED", "this venue sells by quantity only")
            cost = exact(terms.spend)
            buy = self._client.create_market_buy_order_with_cost
            row = await self._call(buy, self._symbol, cost, params)
        else:
            assert terms.qty is not None
            price = exact(terms.price) if kind == "limit" and terms.price is not None else None
            order = (self._symbol, kind, terms.side.value, exact(terms.qty), price, params)
            row = await self._call(self._client.create_order, *order)
        venue_id = str((row or {}).get("id") or "")
        if not venue_id:
            raise malformed(ValueError("the answer to an order has no id"))
        self._client_ids[venue_id] = form
        return VenueOrderId(venue_id)

    def _params(self, form: str, terms: Terms) -> dict[str, Any]:
        params: dict[str, Any] = {ID_WORD.get(self._venue, "clientOrderId"): form}
        match terms.time_in_force:
            case TimeInForce.POST_ONLY:
                params["postOnly"] = True
            case TimeInForce.IOC | TimeInForce.FOK:
                params["timeInForce"] = terms.time_in_force.value.upper()
            case _:
                pass
        if terms.reduce_only and self.instrument.perpetual:
            params["reduceOnly"] = True
        if terms.trigger is not None:
            word = "takeProfitPrice" if terms.type is OrderType.TAKE_PROFIT else "stopLossPrice"
            params[word] = exact(terms.trigger)
        return params

    async def cancel(self, form: str, venue_id: VenueOrderId | None) -> None:
        """By the venue's id; by ours where the venue takes it."""
        if venue_id is not None:
            await self._call(self._client.cancel_order, venue_id, self._symbol)
        elif self._venue in CANCELS_BY_OUR_ID:
            params = {ID_WORD.get(self._venue, "clientOrderId"): form}
            await self._call(self._client.cancel_order, None, self._symbol, params)
        else:
            one = await self.look_up(form, None)
            if one is None:
                raise VenueFault("no such order is found", left=False)
            await self._call(self._client.cancel_order, one.venue_id, self._symbol)

    # --- questions ------------------------------------------------------------------------------

    async def look_up(self, form: str, venue_id: VenueOrderId | None) -> Shown | None:
        """By the venue's id, by ours, or through every list of orders it has."""
        try:
            if venue_id is not None:
                row = await self._call(self._client.fetch_order, venue_id, self._symbol)
                return self._checked(row, form)
            if self._venue in ASKS_BY_OUR_ID:
                params = {ID_WORD.get(self._venue, "clientOrderId"): form}
                row = await self._call(self._client.fetch_order, None, self._symbol, params)
                return self._checked(row, form)
        except VenueFault as fault:
            if meaning_of(self._line.profile.family, self._venue, fault) is Meaning.GONE:
                return None
            raise
        return await self._listed(form)

    def _checked(self, row: Row, form: str) -> Shown:
        one = self._read(row)
        known = self._client_ids.get(one.venue_id)
        if one.client_id not in {form, ""} or known not in {form, None, ""}:
            raise malformed(ValueError(f"asked for {form}, was shown {one.client_id}"))
        self._client_ids[one.venue_id] = form
        return Shown(form, one.venue_id, one.status, one.filled, one.updated, one.reason)

    async def _listed(self, form: str) -> Shown | None:
        names = ("fetch_open_orders", "fetch_closed_orders", "fetch_canceled_orders")
        features = ("fetchOpenOrders", "fetchClosedOrders", "fetchCanceledOrders")
        asked = 0
        for name, feature in zip(names, features, strict=True):
            if self._client.has.get(feature):
                asked += 1
                for row in await self._call(getattr(self._client, name), self._symbol):
                    if self._read(row).client_id == form:
                        return self._read(row)
        if asked < 2:
            raise VenueFault("this venue cannot be asked for closed orders", left=False)
        return None

    def _read(self, row: Row) -> Shown:
        try:
            status = STATUS.get(str(row["status"]), Seen.UNKNOWN)
            filled = Qty(not_negative(row.get("filled") or 0))
            left = decimal_of(row.get("remaining"))
            if status is Seen.FILLED and filled == 0 and left:
                status = Seen.CANCELLED  # "closed" is said of both
            venue_id = VenueOrderId(str(row["id"]))
            time = row.get("lastUpdateTimestamp") or row.get("timestamp")
            return Shown(
                client_id=self._client_ids.get(venue_id) or str(row.get("clientOrderId") or ""),
                venue_id=venue_id,
                status=status,
                filled=filled,
                updated=nanos_of(time) if time else Nanos(0),
            )
        except BAD_ROW as error:
            raise malformed(error) from error

    async def open_orders(self) -> list[Shown]:
        """The open orders of the market."""
        rows = await self._call(self._client.fetch_open_orders, self._symbol)
        return [self._read(row) for row in rows]

    async def executions(self, since: Nanos, now: Nanos) -> list[Traded]:
        """Forward from `since`, then backward from what was found, until nothing new comes."""
        del now
        rows: dict[str, Row] = {}
        start = since // NANOS_PER_MS
        await self._walk(rows, lambda: max((_ms(row) for row in rows.values()), default=start))
        if len(rows) >= SHORT_PAGE:
            await self._walk(rows, lambda: start, backward=True)
        wanted = [row for row in rows.values() if nanos_of(row["timestamp"]) >= since]
        for row in wanted:
            order_id = str(row.get("order") or "")
            if order_id and order_id not in self._client_ids:
                order = await self._call(self._client.fetch_order, order_id, self._symbol)
                self._client_ids[order_id] = str(order.get("clientOrderId") or "")
        try:
            return sorted((self._traded(row) for row in wanted), key=lambda each: each.time)
        except BAD_ROW as error:
            raise malformed(error) from error

    async def _walk(
        self, rows: dict[str, Row], since: Callable[[], int], *, backward: bool = False
    ) -> None:
        """Ask page after page; the ends of a page are asked for again: nothing falls between."""
        for _ in range(LIST_PAGES_MAX):
            params = {"until": min(map(_ms, rows.values()))} if backward else {}
            ask = self._client.fetch_my_trades
            page = await self._call(ask, self._symbol, since(), PAGE, params)
            fresh = {str(row["id"]): row for row in page if str(row["id"]) not in rows}
            if not fresh:
                return
            rows.update(fresh)
            if len(page) < SHORT_PAGE:
                return
        raise malformed(ValueError("pages without end"))

    def _traded(self, row: Row) -> Traded:
        fee = row.get("fee") or {}
        side = side_of(row["side"])
        coin = fee.get("currency") or self.instrument.quote
        order_id = str(row.get("order") or "")
        return Traded(
            trade_id=TradeId(str(row["id"])),
            venue_id=VenueOrderId(order_id),
            client_id=self._client_ids.get(order_id, ""),
            side=Side(side),
            price=Price(positive(row["price"])),
            qty=Qty(positive(row["amount"])),
            maker=row.get("takerOrMaker") == "maker",
            fee=decimal_of(fee.get("cost")),
            fee_asset=Asset(str(coin)),
            time=nanos_of(row["timestamp"]),
        )

    async def holdings(self) -> list[Holding]:
        """Totals and free parts."""
        reply = await self._call(self._client.fetch_balance)
        try:
            free = reply["free"]
            return [
                Holding(Asset(str(coin)), amount_of(total), amount_of(free.get(coin)))
                for coin, total in reply["total"].items()
            ]
        except BAD_ROW as error:
            raise malformed(error) from error

    async def price(self) -> Tick:
        """The ticker."""
        row = await self._call(self._client.fetch_ticker, self._symbol)
        try:
            time = row.get("timestamp") or self._client.milliseconds()
            return Tick(Price(positive(row["last"])), nanos_of(time))
        except BAD_ROW as error:
            raise malformed(error) from error

    async def price_of(self, asset: Asset) -> Decimal | None:
        """The ticker of a coin against our quote."""
        try:
            row = await self._call(self._client.fetch_ticker, f"{asset}/{self.instrument.quote}")
            return positive(row["last"])
        except BAD_ROW:
            return None

    async def server_time(self) -> Nanos:
        """The venue's clock; raises VenueFault where it does not tell."""
        if not self._client.has.get("fetchTime"):
            raise VenueFault("this venue does not tell its time", left=False)
        try:
            return nanos_of(await self._call(self._client.fetch_time))
        except BAD_ROW as error:
            raise malformed(error) from error

    # --- sockets --------------------------------------------------------------------------------

    async def private_socket(self) -> Socket | None:
        """None: polled."""
        return None

    def public_socket(self) -> Socket | None:
        """None: polled."""
        return None

    async def renew(self) -> None:
        """Nothing to keep alive."""

    async def close(self) -> None:
        """Let go of the ccxt object."""
        await self._client.close()


def _ms(row: Row) -> int:
    return int(row["timestamp"])


async def open_unified(line: Line, symbol: str) -> UnifiedDialect:
    """Load the venue's markets and find one of them by its unified name."""
    try:
        await line.client.load_markets()
        market = line.client.market(symbol)
    except ccxt.BadSymbol:
        raise UserError("MARKET_UNKNOWN", f"{line.profile.name} has no market {symbol}.") from None
    except ccxt.BaseError as error:
        raise VenueFault(f"the markets could not be read: {error}", left=True) from error
    if line.client.precisionMode == ccxt.SIGNIFICANT_DIGITS:
        raise UserError(
            "MARKET_NOT_SUPPORTED",
            f"{line.profile.venue} counts digits, not steps; it is not traded.",
        )
    digits = line.client.precisionMode == ccxt.DECIMAL_PLACES
    return UnifiedDialect(line, symbol, unified_instrument(market, step_is_digits=digits))
