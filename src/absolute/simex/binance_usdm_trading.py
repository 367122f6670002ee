"""Owns the USD-M endpoints that move or show orders, plain and conditional.

REST and WebSocket API share them. Sources: Binance's USD-M pages as copied 2025-11, and
binance-connector-python (2026-08) for the algo endpoints. It must not know sockets or limits.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any, Final

from absolute.domain.units import NANOS_PER_MS, ZERO, Price, Qty, plain
from absolute.simex.binance_calls import Call, Route, Security
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
from absolute.simex.binance_market_calls import listing_named, rows_asked
from absolute.simex.binance_spot_trading import orders_asked
from absolute.simex.binance_usdm_orders import (
    ALGO_IDS_FROM,
    algo_ask,
    algo_row,
    client_id_asked,
    is_algo,
    is_plain,
    order_row,
    own_trade_row,
    plain_type,
    usdm_ask,
)
from absolute.simex.facts import Refused
from absolute.simex.listing import Category, Listing
from absolute.simex.order_table import Scope
from absolute.simex.orders import Amendment, BoxOrder, BoxStatus, EndCause, OrderAsk, OrderNumber
from absolute.wire.binance_usdm_rows import algo_order_json, usdm_order_json, usdm_trade_json

Row = dict[str, Any]
NO_BRACKET: Final = {
    "tpTriggerPrice": "0.000",
    "tpPrice": "0.000",
    "slTriggerPrice": "0.000",
    "slPrice": "0.000",
    "tpOrderType": "",
}
"""No take-profit or stop-loss hangs on a conditional order of the box."""
ALL_DONE: Final = {"code": 200, "msg": "The operation of cancel all open order is done."}


class UsdmTrading:
    """The trading endpoints; `rejected` orders were taken in by the core and denied to the client.

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
            ("GET", "/fapi/v1/openOrders"): Route(self.open_orders, 1, read),
            ("DELETE", "/fapi/v1/allOpenOrders"): Route(self.cancel_open, 1, trade),
            ("GET", "/fapi/v1/allOrders"): Route(self.all_orders, 5, read),
            ("GET", "/fapi/v1/userTrades"): Route(self.own_trades, 5, read),
            ("POST", "/fapi/v1/algoOrder"): Route(self.place_algo, 1, trade, order=True),
            ("GET", "/fapi/v1/algoOrder"): Route(self.query_algo, 1, read),
            ("DELETE", "/fapi/v1/algoOrder"): Route(self.cancel_algo, 1, trade),
            ("GET", "/fapi/v1/openAlgoOrders"): Route(self.open_algos, 1, read),
            ("DELETE", "/fapi/v1/algoOpenOrders"): Route(self.cancel_algos, 1, trade),
            ("GET", "/fapi/v1/allAlgoOrders"): Route(self.all_algos, 5, read),
        }

    def methods(self) -> Mapping[str, Route]:
        """WebSocket API."""
        trade, read = Security.TRADE, Security.READ
        return {
            "order.place": Route(self.place, 1, trade, order=True),
            "order.modify": Route(self.modify, 1, trade, order=True),
            "order.cancel": Route(self.cancel, 1, trade),
            "order.status": Route(self.query, 1, read),
            "algoOrder.place": Route(self.place_algo, 1, trade, order=True),
            "algoOrder.cancel": Route(self.cancel_algo, 1, trade),
        }

    # --- plain orders -------------------------------------------------------------------------

    def place(self, call: Call) -> Row:
        """POST order; ACK (the default) shows it as it came in, RESULT as it stands."""
        listing = listing_named(call)
        ask = usdm_ask(call, listing, client_id_asked(call) or self._id())
        shape = call.text("newOrderRespType") or "ACK"
        if shape not in {"ACK", "RESULT"}:
            raise BinanceRefused(invalid("newOrderRespType"))
        order = self._submitted(call, listing, ask)
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
            raise BinanceRefused(_fault(refused, listing))
        return {}

    def _submitted(self, call: Call, listing: Listing, ask: OrderAsk) -> BoxOrder:
        order = call.exchange.submit(call.account, ask, call.now)
        if isinstance(order, Refused):
            raise BinanceRefused(_fault(order, listing))
        return order

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
            raise BinanceRefused(_fault(after, listing))
        return usdm_order_json(order_row(after, queried=False))

    def cancel(self, call: Call) -> Row:
        """DELETE order."""
        order = self._plain(call, listing_named(call), CANCEL_UNKNOWN)
        row = order_row(self._cancelled(call, order), queried=False)
        return usdm_order_json(replace(row, avg_price=None))

    def _cancelled(self, call: Call, order: BoxOrder) -> BoxOrder:
        over = call.exchange.cancel(call.account, order.number, call.now)
        if isinstance(over, Refused):
            raise BinanceRefused(usdm_fault(over))
        return over

    def cancel_open(self, call: Call) -> Row:
        """DELETE allOpenOrders of one market; conditional ones stay."""
        for order in self._open(call, listing_named(call).market.symbol):
            if is_plain(order):
                self._cancelled(call, order)
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
        rows = self._open(call, self._symbol(call))
        return [usdm_order_json(order_row(each, queried=True)) for each in rows if is_plain(each)]

    def all_orders(self, call: Call) -> list[Row]:
        """GET allOrders of one market, oldest first."""
        rows = self._kept(call, listing_named(call).market.symbol)
        plain = [each for each in rows if is_plain(each)]
        return [
            usdm_order_json(order_row(each, queried=True)) for each in orders_asked(call, plain)
        ]

    def own_trades(self, call: Call) -> list[Row]:
        """GET userTrades of one market: of an order, from an id, of a span, or the last ones."""
        listing = listing_named(call)
        number, first = call.whole("orderId"), call.whole("fromId")
        since, until = call.whole("startTime"), call.whole("endTime")
        found = [
            each
            for each in call.exchange.executions(call.account, _scope(listing.market.symbol))
            if (number is None or each.order == number)
            and (first is None or each.trade >= first)
            and (since is None or each.time // NANOS_PER_MS >= since)
            and (until is None or each.time // NANOS_PER_MS <= until)
        ]
        limit = rows_asked(call)
        from_start = first is not None or since is not None
        chosen = found[:limit] if from_start else found[-limit:]
        return [usdm_trade_json(own_trade_row(each)) for each in chosen]

    # --- conditional orders -------------------------------------------------------------------

    def place_algo(self, call: Call) -> Row:
        """POST algoOrder."""
        listing = listing_named(call)
        client_id = client_id_asked(call, "clientAlgoId") or self._id()
        state = call.exchange.market(listing.market)
        order = self._submitted(call, listing, algo_ask(call, listing, client_id, state))
        return algo_order_json(algo_row(order, queried=False))

    def query_algo(self, call: Call) -> Row:
        """GET algoOrder."""
        order = self._algo(call, ORDER_NONE)
        return algo_order_json(algo_row(order, queried=True)) | {
            "actualType": plain_type(order),
            "actualQty": plain(order.filled),
            "tpOrderType": "",
        }

    def cancel_algo(self, call: Call) -> Row:
        """DELETE algoOrder; one whose trigger has come is a plain order and is not found here."""
        order = self._algo(call, CANCEL_UNKNOWN)
        if order.status is not BoxStatus.WAITING:
            raise BinanceRefused(CANCEL_UNKNOWN)
        over = self._cancelled(call, order)
        return {
            "algoId": ALGO_IDS_FROM + over.number,
            "clientAlgoId": over.ask.client_id,
            "code": "200",
            "msg": "success",
        }

    def open_algos(self, call: Call) -> list[Row]:
        """GET openAlgoOrders of one market or all."""
        return [
            algo_order_json(algo_row(each, queried=True)) | NO_BRACKET
            for each in self._open(call, self._symbol(call))
            if each.status is BoxStatus.WAITING
        ]

    def all_algos(self, call: Call) -> list[Row]:
        """GET allAlgoOrders of one market, oldest first."""
        rows = self._kept(call, listing_named(call).market.symbol)
        algos = [each for each in rows if is_algo(each)][-rows_asked(call) :]
        return [algo_order_json(algo_row(each, queried=True)) | NO_BRACKET for each in algos]

    def cancel_algos(self, call: Call) -> Row:
        """DELETE algoOpenOrders of one market."""
        for order in self._open(call, listing_named(call).market.symbol):
            if order.status is BoxStatus.WAITING:
                self._cancelled(call, order)
        return dict(ALL_DONE)

    # --- finding ------------------------------------------------------------------------------

    def _open(self, call: Call, symbol: str | None) -> list[BoxOrder]:
        return list(call.exchange.open_orders(call.account, _scope(symbol)))

    def _kept(self, call: Call, symbol: str) -> list[BoxOrder]:
        rows = call.exchange.orders(call.account, _scope(symbol))
        return [each for each in rows if each.number not in self.rejected]

    @staticmethod
    def _symbol(call: Call) -> str | None:
        return listing_named(call).market.symbol if call.text("symbol") else None

    def _plain(self, call: Call, listing: Listing, missing: Fault) -> BoxOrder:
        """The plain order that `orderId` or `origClientOrderId` names; the id goes first."""
        number, client_id = call.whole("orderId"), call.text("origClientOrderId")
        if number is None and client_id is None:
            raise BinanceRefused(either("origClientOrderId", "orderId"))
        order = call.exchange.find(
            call.account,
            number=OrderNumber(number) if number is not None else None,
            client_id=client_id,
        )
        if (
            order is None
            or order.number in self.rejected
            or not is_plain(order)
            or order.ask.market != listing.market
        ):
            raise BinanceRefused(missing)
        return order

    def _algo(self, call: Call, missing: Fault) -> BoxOrder:
        """The conditional order that `algoId` or `clientAlgoId` names."""
        number, client_id = call.whole("algoId"), call.text("clientAlgoId")
        if number is None and client_id is None:
            raise BinanceRefused(either("algoId", "clientAlgoId"))
        order = call.exchange.find(
            call.account,
            number=OrderNumber(number - ALGO_IDS_FROM) if number is not None else None,
            client_id=client_id,
        )
        if order is None or not is_algo(order):
            raise BinanceRefused(missing)
        return order

    def _id(self) -> str:
        return f"box{next(self._numbers):019d}"


def _scope(symbol: str | None) -> Scope:
    return Scope(Category.LINEAR, symbol)


def _fault(refused: Refused, listing: Listing) -> Fault:
    """A refusal with the limit of the market that some messages name."""
    smallest: Decimal = listing.instrument.min_notional
    return usdm_fault(refused, f"{smallest}")
