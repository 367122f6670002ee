"""Owns the USD-M endpoints that move or show plain orders, and the executions of all.

REST and WebSocket API share them. Source: Binance's USD-M pages as copied 2025-11. It must not
know sockets or limits.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any, Final

from absolute.domain.units import NANOS_PER_MS, ZERO, Nanos, Price, Qty
from absolute.simex.binance_calls import Call, Route, Security, by_symbol
from absolute.simex.binance_faults import (
    CANCEL_UNKNOWN,
    FOK_REJECTED,
    ORDER_NONE,
    BinanceRefused,
    Fault,
    either,
    invalid,
    mandatory,
    usdm_fault,
)
from absolute.simex.binance_market_calls import listing_named, rows_asked, week_asked
from absolute.simex.binance_spot_trading import order_named
from absolute.simex.binance_usdm_orders import (
    client_id_asked,
    is_plain,
    order_row,
    own_trade_row,
    usdm_ask,
)
from absolute.simex.facts import Refused
from absolute.simex.listing import Category, Listing
from absolute.simex.market import DAY_NS
from absolute.simex.order_table import Scope
from absolute.simex.orders import Amendment, BoxOrder, BoxStatus, EndCause, OrderAsk, OrderNumber
from absolute.wire.binance_usdm_rows import usdm_order_json, usdm_trade_json

Row = dict[str, Any]
FOUND_NS: Final = 90 * DAY_NS
FOUND_UNFILLED_NS: Final = 3 * DAY_NS
ALL_DONE: Final = {"code": 200, "msg": "The operation of cancel all open order is done."}


class UsdmTrading:
    """The plain endpoints; `rejected` orders were taken in by the core and denied to the client.

    A FOK order that cannot fill is such a one: USD-M answers -5021 and never lists it.
    """

    def __init__(self) -> None:
        self._numbers = count(1)
        self.rejected: set[OrderNumber] = set()

    def routes(self) -> Mapping[tuple[str, str], Route]:
        """REST."""
        trade, read = Security.TRADE, Security.READ
        return {
            ("POST", "/fapi/v1/order"): Route(self.place, 1, trade, order=True),
            ("POST", "/fapi/v1/order/test"): Route(self.test, 1, trade),
            ("PUT", "/fapi/v1/order"): Route(self.modify, 1, trade, order=True),
            ("GET", "/fapi/v1/order"): Route(self.query, 1, read),
            ("DELETE", "/fapi/v1/order"): Route(self.cancel, 1, trade),
            ("GET", "/fapi/v1/openOrder"): Route(self.query_open, 1, read),
            ("GET", "/fapi/v1/openOrders"): Route(self.open_orders, by_symbol(1, 40), read),
            ("DELETE", "/fapi/v1/allOpenOrders"): Route(self.cancel_open, 1, trade),
            ("GET", "/fapi/v1/allOrders"): Route(self.all_orders, 5, read),
            ("GET", "/fapi/v1/userTrades"): Route(self.own_trades, 5, read),
        }

    def methods(self) -> Mapping[str, Route]:
        """WebSocket API."""
        trade, read = Security.TRADE, Security.READ
        return {
            "order.place": Route(self.place, 1, trade, order=True),
            "order.modify": Route(self.modify, 1, trade, order=True),
            "order.cancel": Route(self.cancel, 1, trade),
            "order.status": Route(self.query, 1, read),
        }

    # --- plain orders -------------------------------------------------------------------------

    def place(self, call: Call) -> Row:
        """POST order; ACK (the default) shows it as it came in, RESULT as it stands."""
        listing = listing_named(call)
        ask = usdm_ask(call, listing, client_id_asked(call) or self._id())
        shape = call.text("newOrderRespType") or "ACK"
        if shape not in {"ACK", "RESULT"}:
            raise BinanceRefused(invalid("newOrderRespType"))
        order = submitted(call, listing, ask)
        if order.end is EndCause.FOK_UNFILLABLE:
            self.rejected.add(order.number)
            raise BinanceRefused(FOK_REJECTED)
        if shape == "ACK":
            order = replace(
                order, status=BoxStatus.OPEN, filled=Qty(ZERO), value=type(order.value)(ZERO)
            )
        return usdm_order_json(order_row(order, queried=False))

    def test(self, call: Call) -> Row:
        """POST order/test: everything is checked, nothing is placed."""
        listing = listing_named(call)
        ask = usdm_ask(call, listing, client_id_asked(call) or self._id())
        refused = call.exchange.check(call.account, ask)
        if refused is not None:
            raise BinanceRefused(usdm_refusal(refused, listing))
        return {}

    def modify(self, call: Call) -> Row:
        """PUT order: price and quantity of an open limit order."""
        listing = listing_named(call)
        order = self._plain(call, listing, ORDER_NONE)
        price, quantity = call.amount("price"), call.amount("quantity")
        if price is None or quantity is None:
            raise BinanceRefused(mandatory("price" if price is None else "quantity"))
        change = Amendment(qty=Qty(quantity), price=Price(price))
        after = call.exchange.amend(call.account, order.number, change=change, now=call.now)
        if isinstance(after, Refused):
            raise BinanceRefused(usdm_refusal(after, listing))
        return usdm_order_json(order_row(after, queried=False))

    def cancel(self, call: Call) -> Row:
        """DELETE order."""
        order = self._plain(call, listing_named(call), CANCEL_UNKNOWN)
        row = order_row(cancelled(call, order), queried=False)
        return usdm_order_json(replace(row, avg_price=None))

    def cancel_open(self, call: Call) -> Row:
        """DELETE allOpenOrders of one market; conditional ones stay."""
        for order in open_rows(call, listing_named(call).market.symbol):
            if is_plain(order):
                cancelled(call, order)
        return dict(ALL_DONE)

    def query(self, call: Call) -> Row:
        """GET order."""
        order = self._plain(call, listing_named(call), ORDER_NONE)
        return usdm_order_json(order_row(order, queried=True))

    def query_open(self, call: Call) -> Row:
        """GET openOrder: one that is open."""
        order = self._plain(call, listing_named(call), ORDER_NONE)
        if not order.status.alive:
            raise BinanceRefused(ORDER_NONE)
        return usdm_order_json(order_row(order, queried=True))

    def open_orders(self, call: Call) -> list[Row]:
        """GET openOrders of one market or all."""
        rows = open_rows(call, symbol_asked(call))
        return [usdm_order_json(order_row(each, queried=True)) for each in rows if is_plain(each)]

    def all_orders(self, call: Call) -> list[Row]:
        """GET allOrders of one market, oldest first."""
        rows = self._kept(call, listing_named(call).market.symbol)
        number, limit = call.whole("orderId"), rows_asked(call)
        first, last = (0, call.now_ms) if number is not None else week_asked(call)
        found = [
            each
            for each in rows
            if is_plain(each)
            and each.number >= (number or 0)
            and first <= each.created // NANOS_PER_MS <= last
        ]
        from_start = number is not None or call.text("startTime") is not None
        chosen = found[:limit] if from_start else found[-limit:]
        return [usdm_order_json(order_row(each, queried=True)) for each in chosen]

    def own_trades(self, call: Call) -> list[Row]:
        """GET userTrades of one market: of an order, from an id, of a span, or the last ones."""
        listing = listing_named(call)
        number, first = call.whole("orderId"), call.whole("fromId")
        by_id = number is not None or first is not None
        since, until = (0, call.now_ms) if by_id else week_asked(call)
        found = [
            each
            for each in call.exchange.executions(call.account, usdm_scope(listing.market.symbol))
            if (number is None or each.order == number)
            and (first is None or each.trade >= first)
            and since <= each.time // NANOS_PER_MS <= until
        ]
        limit = rows_asked(call)
        from_start = first is not None or call.text("startTime") is not None
        chosen = found[:limit] if from_start else found[-limit:]
        return [usdm_trade_json(own_trade_row(each)) for each in chosen]

    # --- finding ------------------------------------------------------------------------------

    def _kept(self, call: Call, symbol: str) -> list[BoxOrder]:
        rows = call.exchange.orders(call.account, usdm_scope(symbol))
        return [
            each
            for each in rows
            if each.number not in self.rejected and not forgotten(each, call.now)
        ]

    def _plain(self, call: Call, listing: Listing, missing: Fault) -> BoxOrder:
        """The plain order that `orderId` or `origClientOrderId` names; the id goes first."""
        number, client_id = call.whole("orderId"), call.text("origClientOrderId")
        if number is None and client_id is None:
            raise BinanceRefused(either("origClientOrderId", "orderId"))
        order = order_named(call, listing, number, client_id=client_id)
        if (
            order is None
            or order.number in self.rejected
            or forgotten(order, call.now)
            or not is_plain(order)
        ):
            raise BinanceRefused(missing)
        return order

    def _id(self) -> str:
        return f"box{next(self._numbers):019d}"


def forgotten(order: BoxOrder, now: Nanos) -> bool:
    """Whether an ended order is not found any more: after 3 days if nothing filled, else after 90.

    Source: "Query Order" of Binance's USD-M pages.
    """
    if order.status.alive:
        return False
    age = now - order.created
    return age > FOUND_NS or (not order.filled and age > FOUND_UNFILLED_NS)


def usdm_scope(symbol: str | None) -> Scope:
    """The orders of one market, or of all."""
    return Scope(Category.LINEAR, symbol)


def submitted(call: Call, listing: Listing, ask: OrderAsk) -> BoxOrder:
    """Place an order; raises `BinanceRefused`."""
    order = call.exchange.submit(call.account, ask, call.now)
    if isinstance(order, Refused):
        raise BinanceRefused(usdm_refusal(order, listing))
    return order


def cancelled(call: Call, order: BoxOrder) -> BoxOrder:
    """Take an order back; raises `BinanceRefused`."""
    over = call.exchange.cancel(call.account, order.number, call.now)
    if isinstance(over, Refused):
        raise BinanceRefused(usdm_fault(over))
    return over


def open_rows(call: Call, symbol: str | None) -> list[BoxOrder]:
    """The open orders of one market or all, plain and conditional."""
    return list(call.exchange.open_orders(call.account, usdm_scope(symbol)))


def symbol_asked(call: Call) -> str | None:
    """The market that a listing call names, if it names one."""
    return listing_named(call).market.symbol if call.text("symbol") else None


def usdm_refusal(refused: Refused, listing: Listing) -> Fault:
    """A refusal with the limit of the market that some messages name."""
    smallest: Decimal = listing.instrument.min_notional
    return usdm_fault(refused, f"{smallest}")
