"""Owns what Binance USD-M does differently: conditional orders in their own place, listen keys.

Sources: Binance USD-M "New Order", "New Algo Order", "Query Algo Order", "Start User Data Stream".
"""

from dataclasses import replace
from typing import Any, Final

from absolute.domain.errors import UserError
from absolute.domain.ids import VenueOrderId
from absolute.domain.instrument import Instrument
from absolute.domain.order import OrderType, PositionSide, Terms, TimeInForce
from absolute.domain.units import NANOS_PER_MS, Asset, Nanos
from absolute.venues import binance_rows
from absolute.venues.binance_dialect import DAY_NS, BinanceDialect, Places, found
from absolute.venues.binance_rows import ALGO
from absolute.venues.dialect import Holding, Line, Socket, Unfit, malformed
from absolute.venues.market_filters import amount_of, binance_instrument, exact
from absolute.venues.rows import BAD_ROW, Item, Row, Shown, Traded

USDM: Final = Places("fapiPrivate", "fapiPublic", "userTrades", 7 * DAY_NS)
BALANCES: Final = "fapiPrivateV3"
ALGO_TYPES: Final = {
    OrderType.STOP: "STOP_MARKET",
    OrderType.STOP_LIMIT: "STOP",
    OrderType.TAKE_PROFIT: "TAKE_PROFIT_MARKET",
}


def order_params(instrument: Instrument, form: str, terms: Terms) -> dict[str, Any]:
    """The parameters of POST order or, for a conditional one, of POST algoOrder."""
    if terms.qty is None:
        raise Unfit("SPEND_NOT_SUPPORTED", "a future is bought by its quantity")
    params: dict[str, Any] = {
        "symbol": str(instrument.id),
        "side": terms.side.value.upper(),
        "quantity": exact(terms.qty),
    }
    if terms.position_side is not PositionSide.NET:
        params["positionSide"] = terms.position_side.value.upper()
    elif terms.reduce_only:
        params["reduceOnly"] = "true"
    if terms.type in {OrderType.LIMIT, OrderType.STOP_LIMIT}:
        if terms.price is None:
            raise Unfit("PRICE_MISSING", "a limit order needs a price")
        only_makes = terms.time_in_force is TimeInForce.POST_ONLY
        params["price"] = exact(terms.price)
        params["timeInForce"] = "GTX" if only_makes else terms.time_in_force.value.upper()
    kind = ALGO_TYPES.get(terms.type)
    if kind is None:
        plain = {"type": terms.type.value.upper(), "newClientOrderId": form}
        return params | plain | {"newOrderRespType": "ACK"}
    if terms.trigger is None:
        raise Unfit("TYPE_NOT_SUPPORTED", "a conditional order needs a trigger")
    return params | {
        "algoType": "CONDITIONAL",
        "type": kind,
        "triggerPrice": exact(terms.trigger),
        "workingType": "CONTRACT_PRICE",
        "clientAlgoId": form,
    }


class UsdmDialect(BinanceDialect):
    """One market of one USD-M account."""

    places = USDM

    def __init__(self, line: Line, instrument: Instrument) -> None:
        super().__init__(line, instrument)
        self._listen_key: str | None = None

    # --- orders ---------------------------------------------------------------------------------

    async def place(self, form: str, terms: Terms) -> VenueOrderId:
        """POST order, or POST algoOrder for one that waits for a trigger; once."""
        params = order_params(self.instrument, form, terms)
        if "algoType" not in params:
            return self._placed(await self._ask("POST", "order", params), form)
        reply = await self._ask("POST", "algoOrder", params)
        return self._read_algo(reply, form).venue_id

    def _read_algo(self, row: Row, form: str | None = None) -> Shown:
        try:
            one = binance_rows.shown_algo(row)
            became = str(row.get("actualOrderId") or "")
        except BAD_ROW as error:
            raise malformed(error) from error
        if form is not None and one.client_id != form:
            raise malformed(ValueError(f"asked for {form}, was shown {one.client_id}"))
        if became not in {"", "0"}:
            self._client_ids[became] = one.client_id
        return one

    async def cancel(self, form: str, venue_id: VenueOrderId | None) -> None:
        """DELETE where it lives: a conditional order that has triggered is an order by now."""
        if venue_id is None:
            row = await self._or_none("algoOrder", {"clientAlgoId": form})
            venue_id = self._read_algo(row, form).venue_id if row is not None else None
        if venue_id is None or not venue_id.startswith(ALGO):
            await super().cancel(form, venue_id)
            return
        algo = await self._or_none("algoOrder", {"algoId": venue_id.removeprefix(ALGO)})
        became = str((algo or {}).get("actualOrderId") or "")
        if became in {"", "0"}:
            algo_id = venue_id.removeprefix(ALGO)
            await self._ask("DELETE", "algoOrder", {"algoId": algo_id})
        else:
            await super().cancel(form, VenueOrderId(became))

    # --- questions ------------------------------------------------------------------------------

    async def look_up(self, form: str, venue_id: VenueOrderId | None) -> Shown | None:
        """Both places: orders, then conditional ones and what they became."""
        if venue_id is None or not venue_id.startswith(ALGO):
            one = await super().look_up(form, venue_id)
            if one is not None:
                return one
        row = await self._or_none("algoOrder", {"clientAlgoId": form})
        if row is None:
            return None
        one = self._read_algo(row, form)
        became = str(row.get("actualOrderId") or "")
        if became in {"", "0"}:
            return one
        order = await self._ask("GET", "order", self._symbol | {"orderId": became})
        return self._read(order)

    async def open_orders(self) -> list[Shown]:
        """Both places; what a conditional order became keeps the name it began with."""
        rows = await self._ask("GET", "openAlgoOrders", self._symbol)
        orders = await self._ask("GET", "openOrders", self._symbol)
        if not isinstance(rows, list) or not isinstance(orders, list):
            raise malformed(ValueError("open orders are no list"))
        waiting = [self._read_algo(row) for row in rows]
        if any(str(row.get("orderId")) not in self._client_ids for row in orders):
            await self._learn_algos({})
        return waiting + [self._read(row) for row in orders]

    async def _learn_algos(self, times: Row) -> None:
        """Which orders conditional ones have become."""
        params = self._symbol | {"limit": 1000} | dict(times)
        for row in await self._ask("GET", "allAlgoOrders", params):
            self._read_algo(row)

    async def _learn_ids(self, since: Nanos, venue_ids: set[str]) -> None:
        """An order that a conditional one became is known by the conditional one's id."""
        missing = venue_ids - self._client_ids.keys()
        if missing:
            await self._learn_algos({"startTime": since // NANOS_PER_MS})
        await super()._learn_ids(since, venue_ids)

    async def holdings(self) -> list[Holding]:
        """GET balance."""
        rows = await self._line.ask(BALANCES, "GET balance", {})
        try:
            return [
                Holding(
                    Asset(str(row["asset"])),
                    amount_of(row["balance"]),
                    amount_of(row["availableBalance"]),
                )
                for row in rows
            ]
        except BAD_ROW as error:
            raise malformed(error) from error

    # --- sockets --------------------------------------------------------------------------------

    async def private_socket(self) -> Socket | None:
        """A socket named by a listen key, which is made anew for each."""
        streams = self._line.profile.streams
        assert streams is not None
        reply = await self._ask("POST", "listenKey", {})
        try:
            self._listen_key = str(reply["listenKey"])
        except BAD_ROW as error:
            raise malformed(error) from error
        url = f"{streams.private}?listenKey={self._listen_key}"
        return Socket(
            url=url,
            hello=tuple,
            items=self._items,
            is_answer=lambda _: False,
            answers=0,
        )

    def _items(self, frame: Row) -> tuple[Item, ...]:
        """The items of a frame, with what conditional orders became under their first name."""
        row = frame.get("o")
        if frame.get("e") == "ALGO_UPDATE" and isinstance(row, dict):
            became = str(row.get("ai") or "")
            if became not in {"", "0"}:
                self._client_ids[became] = str(row["caid"])
        return tuple(self._named(item) for item in super()._items(frame))

    def _named(self, item: Item) -> Item:
        if isinstance(item, Shown | Traded):
            return replace(item, client_id=self._client_ids.get(item.venue_id, item.client_id))
        return item

    async def renew(self) -> None:
        """A listen key lives for an hour; it is kept alive every twenty minutes."""
        if self._listen_key is not None:
            await self._ask("PUT", "listenKey", {})


async def open_usdm(line: Line, symbol: str) -> UsdmDialect:
    """Find the perpetual of a symbol such as BTC/USDT:USDT and read its filters."""
    reply = await line.ask(USDM.public, "GET exchangeInfo", {})
    row = found(reply["symbols"], symbol, linear=True)
    if row is None:
        raise UserError("MARKET_UNKNOWN", f"{line.profile.name} has no market {symbol}.")
    return UsdmDialect(line, binance_instrument(row, linear=True))
