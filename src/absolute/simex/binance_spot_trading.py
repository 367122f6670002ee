"""Owns the spot endpoints that move or show orders: place, test, cancel, replace, query, list.

REST and WebSocket API share them. Sources: rest-api.md "Trading endpoints". It must not know
sockets, signatures or limits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Final

from absolute.domain.units import NANOS_PER_MS
from absolute.simex.binance_calls import Call, Route, Security, by_symbol
from absolute.simex.binance_faults import (
    ARCHIVED,
    BAD_REQUEST,
    CANCEL_UNKNOWN,
    ORDER_NONE,
    PERCENT_PRICE,
    BinanceRefused,
    Fault,
    either,
    invalid,
    spot_fault,
)
from absolute.simex.binance_listings import SPOT_PRICE_DOWN, SPOT_PRICE_UP
from absolute.simex.binance_market_calls import listing_named, rows_asked, span_asked
from absolute.simex.binance_spot_orders import (
    acknowledged_row,
    cancelled_row,
    client_id_asked,
    fills_of,
    placed_row,
    queried_row,
    spot_ask,
)
from absolute.simex.facts import Refused
from absolute.simex.listing import Category, Listing
from absolute.simex.market import DAY_NS
from absolute.simex.order_table import Scope
from absolute.simex.orders import BoxOrder, BoxStatus, OrderAsk, OrderNumber
from absolute.wire.binance_spot_rows import spot_order_json

ARCHIVED_AFTER_NS: Final = 90 * DAY_NS
CONFLICT: Final = 409
"""Status of a cancel-replace of which only one half worked (rest-api.md)."""
RESTRICTIONS: Final = {
    "ONLY_NEW": frozenset({BoxStatus.OPEN, BoxStatus.WAITING}),
    "ONLY_PARTIALLY_FILLED": frozenset({BoxStatus.PARTLY_FILLED}),
}
MODES: Final = ("STOP_ON_FAILURE", "ALLOW_FAILURE")
Row = dict[str, Any]


class SpotTrading:
    """The trading endpoints; it makes the ids of orders and cancels that bring none."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.cancel_ids: dict[OrderNumber, str] = {}

    def routes(self) -> Mapping[tuple[str, str], Route]:
        """REST."""
        trade, read = Security.TRADE, Security.READ
        return {
            ("POST", "/api/v3/order"): Route(self.place, 1, trade, order=True),
            ("POST", "/api/v3/order/test"): Route(self.test, 1, trade),
            ("DELETE", "/api/v3/order"): Route(self.cancel, 1, trade),
            ("GET", "/api/v3/order"): Route(self.query, 4, read),
            ("DELETE", "/api/v3/openOrders"): Route(self.cancel_open, 1, trade),
            ("GET", "/api/v3/openOrders"): Route(self.open_orders, by_symbol(6, 80), read),
            ("GET", "/api/v3/allOrders"): Route(self.all_orders, 20, read),
            ("POST", "/api/v3/order/cancelReplace"): Route(
                self.cancel_replace, 1, trade, order=True
            ),
            ("GET", "/api/v3/openOrderList"): Route(self.no_lists, 6, read),
        }

    def methods(self) -> Mapping[str, Route]:
        """WebSocket API."""
        trade, read = Security.TRADE, Security.READ
        return {
            "order.place": Route(self.place, 1, trade, order=True),
            "order.test": Route(self.test, 1, trade),
            "order.cancel": Route(self.cancel, 1, trade),
            "order.cancelReplace": Route(self.cancel_replace, 1, trade, order=True),
            "order.status": Route(self.query, 4, read),
            "openOrders.status": Route(self.open_orders, by_symbol(6, 80), read),
            "openOrders.cancelAll": Route(self.cancel_open, 1, trade),
            "allOrders": Route(self.all_orders, 20, read),
        }

    # --- new orders ---------------------------------------------------------------------------

    def place(self, call: Call) -> Row:
        """POST order."""
        ask, shape = self._asked(call)
        return self._answer(call, self._submitted(call, ask), shape)

    def test(self, call: Call) -> Row:
        """POST order/test: everything is checked, nothing is placed."""
        listing = listing_named(call)
        ask, _ = self._asked(call)
        refused = call.exchange.check(call.account, ask)
        if refused is not None:
            raise BinanceRefused(spot_fault(refused, market_order=ask.price is None))
        if not call.flag("computeCommissionRates"):
            return {}
        rates = {"maker": f"{listing.fees.maker:.8f}", "taker": f"{listing.fees.taker:.8f}"}
        none = {"maker": "0.00000000", "taker": "0.00000000"}
        return {
            "standardCommissionForOrder": rates,
            "specialCommissionForOrder": none,
            "taxCommissionForOrder": none,
            "discount": NO_DISCOUNT,
        }

    def _asked(self, call: Call) -> tuple[OrderAsk, str]:
        """What is asked for, and the kind of answer wanted."""
        listing = listing_named(call)
        client_id = client_id_asked(call) or self._id()
        ask = spot_ask(call, listing, client_id)
        last = call.exchange.market(listing.market).last
        low, high = last * SPOT_PRICE_DOWN, last * SPOT_PRICE_UP
        if ask.price is not None and not low <= ask.price <= high:
            raise BinanceRefused(PERCENT_PRICE)
        default = "FULL" if ask.notes["type"] in {"MARKET", "LIMIT"} else "ACK"
        shape = call.text("newOrderRespType") or default
        if shape not in {"ACK", "RESULT", "FULL"}:
            raise BinanceRefused(invalid("newOrderRespType"))
        return ask, shape

    def _submitted(self, call: Call, ask: OrderAsk) -> BoxOrder:
        order = call.exchange.submit(call.account, ask, call.now)
        if isinstance(order, Refused):
            raise BinanceRefused(spot_fault(order, market_order=ask.price is None))
        return order

    def _answer(self, call: Call, order: BoxOrder, shape: str) -> Row:
        if shape == "ACK":
            return spot_order_json(acknowledged_row(order))
        if shape == "RESULT":
            return spot_order_json(placed_row(order))
        executions = call.exchange.executions(call.account, _scope(order.ask.market.symbol))
        return spot_order_json(placed_row(order), fills_of(executions, order))

    def _id(self) -> str:
        """An id of ours, 22 characters as the venue's."""
        return f"box{next(self._numbers):019d}"

    # --- cancels ------------------------------------------------------------------------------

    def cancel(self, call: Call) -> Row:
        """DELETE order."""
        listing = listing_named(call)
        return self._cancelled(call, self._named(call, listing, CANCEL_UNKNOWN))

    def _cancelled(self, call: Call, order: BoxOrder, name: str = "newClientOrderId") -> Row:
        """Take one order back under the cancel's own id."""
        cancel_id = client_id_asked(call, name) or self._id()
        restriction = call.text("cancelRestrictions")
        if restriction is not None:
            if restriction not in RESTRICTIONS:
                raise BinanceRefused(Fault(-1145, "Invalid cancelRestrictions"))
            if order.status.alive and order.status not in RESTRICTIONS[restriction]:
                raise BinanceRefused(
                    Fault(-2011, "Order was not canceled due to cancel restrictions.")
                )
        self.cancel_ids[order.number] = cancel_id
        over = call.exchange.cancel(call.account, order.number, call.now)
        if isinstance(over, Refused):
            del self.cancel_ids[order.number]
            raise BinanceRefused(spot_fault(over))
        return spot_order_json(cancelled_row(over, cancel_id))

    def cancel_open(self, call: Call) -> list[Row]:
        """DELETE openOrders of one market; -2011 where there is none."""
        listing = listing_named(call)
        cancel_id = self._id()
        scope = _scope(listing.market.symbol)
        for order in call.exchange.open_orders(call.account, scope):
            self.cancel_ids[order.number] = cancel_id
        over = call.exchange.cancel_all(call.account, scope, call.now)
        if not over:
            raise BinanceRefused(CANCEL_UNKNOWN)
        return [spot_order_json(cancelled_row(each, cancel_id)) for each in over]

    def cancel_replace(self, call: Call) -> Row:
        """POST order/cancelReplace: cancel one, then place another, as the mode says."""
        listing, mode = listing_named(call), call.required("cancelReplaceMode")
        if mode not in MODES:
            raise BinanceRefused(invalid("cancelReplaceMode"))
        ask, shape = self._asked(call)
        cancelled, gone = self._try_cancel(call, listing)
        if not gone and mode == "STOP_ON_FAILURE":
            raise _half(-2022, "Order cancel-replace failed.", cancelled=cancelled, placed=None)
        try:
            placed = self._answer(call, self._submitted(call, ask), shape)
        except BinanceRefused as refused:
            code, text = (
                (-2021, "Order cancel-replace partially failed.")
                if gone
                else (-2022, "Order cancel-replace failed.")
            )
            raise _half(code, text, cancelled=cancelled, placed=_told(refused.fault)) from None
        if not gone:
            raise _half(
                -2021, "Order cancel-replace partially failed.", cancelled=cancelled, placed=placed
            )
        return {
            "cancelResult": "SUCCESS",
            "newOrderResult": "SUCCESS",
            "cancelResponse": cancelled,
            "newOrderResponse": placed,
        }

    def _try_cancel(self, call: Call, listing: Listing) -> tuple[Row, bool]:
        names = {"orderId": "cancelOrderId", "origClientOrderId": "cancelOrigClientOrderId"}
        given = {name: call.text(other) or "" for name, other in names.items()}
        if not any(given.values()):
            raise BinanceRefused(either(*names.values()))
        asked = replace(call, parameters={**call.parameters, **given})
        try:
            order = self._named(asked, listing, CANCEL_UNKNOWN)
            return self._cancelled(asked, order, "cancelNewClientOrderId"), True
        except BinanceRefused as refused:
            return _told(refused.fault), False

    # --- queries ------------------------------------------------------------------------------

    def query(self, call: Call) -> Row:
        """GET order."""
        order = self._named(call, listing_named(call), ORDER_NONE)
        unfilled = not order.status.alive and not order.filled
        if unfilled and call.now - order.updated > ARCHIVED_AFTER_NS:
            raise BinanceRefused(ARCHIVED)
        return spot_order_json(queried_row(order))

    def open_orders(self, call: Call) -> list[Row]:
        """GET openOrders of one market or all."""
        symbol = listing_named(call).market.symbol if call.text("symbol") else None
        rows = call.exchange.open_orders(call.account, _scope(symbol))
        return [spot_order_json(queried_row(each)) for each in rows]

    def all_orders(self, call: Call) -> list[Row]:
        """GET allOrders of one market, oldest first: from an id, of a span, or the last ones."""
        listing = listing_named(call)
        rows = call.exchange.orders(call.account, _scope(listing.market.symbol))
        return [spot_order_json(queried_row(each)) for each in orders_asked(call, rows)]

    def no_lists(self, _call: Call) -> list[Row]:
        """Order lists (OCO ...) are not served, so there are none."""
        return []

    def _named(self, call: Call, listing: Listing, missing: Fault) -> BoxOrder:
        """The order that `orderId` or `origClientOrderId` names; both must agree."""
        number, client_id = call.whole("orderId"), call.text("origClientOrderId")
        if number is None and client_id is None:
            raise BinanceRefused(either("origClientOrderId", "orderId"))
        order = order_named(call, listing, number, client_id=client_id)
        if order is None:
            raise BinanceRefused(missing)
        if client_id is not None and order.ask.client_id != client_id:
            raise BinanceRefused(Fault(-2039, "Client order ID is not correct for this order ID."))
        return order


NO_DISCOUNT: Final = {
    "enabledForAccount": False,
    "enabledForSymbol": False,
    "discountAsset": "BNB",
    "discount": "0.00000000",
}


def orders_asked(call: Call, rows: Sequence[BoxOrder]) -> Sequence[BoxOrder]:
    """The orders a listing call asks for by `orderId`, `startTime`, `endTime` and `limit`."""
    number = call.whole("orderId")
    since, until = span_asked(call)
    found = [
        row
        for row in rows
        if (number is None or row.number >= number)
        and (since is None or row.created // NANOS_PER_MS >= since)
        and (until is None or row.created // NANOS_PER_MS <= until)
    ]
    limit = rows_asked(call)
    return found[:limit] if number is not None or since is not None else found[-limit:]


def order_named(
    call: Call, listing: Listing, number: int | None, *, client_id: str | None
) -> BoxOrder | None:
    """An order of one market by its number, else the newest there that had the client id."""
    if number is not None:
        order = call.exchange.find(call.account, number=OrderNumber(number))
        return order if order is not None and order.ask.market == listing.market else None
    rows = call.exchange.orders(call.account, Scope(*listing.market))
    return next((row for row in reversed(rows) if row.ask.client_id == client_id), None)


def _scope(symbol: str | None) -> Scope:
    return Scope(Category.SPOT, symbol)


def _told(fault: Fault) -> Row:
    return {"code": fault.code, "msg": fault.message}


def _half(code: int, text: str, *, cancelled: Row, placed: Row | None) -> BinanceRefused:
    """A cancel-replace that did not wholly work."""

    def word(row: Row | None) -> str:
        if row is None:
            return "NOT_ATTEMPTED"
        return "FAILURE" if "code" in row else "SUCCESS"

    both = code == -2022
    return BinanceRefused(
        Fault(code, text, status=BAD_REQUEST if both else CONFLICT),
        data={
            "cancelResult": word(cancelled),
            "newOrderResult": word(placed),
            "cancelResponse": cancelled,
            "newOrderResponse": placed,
        },
    )
