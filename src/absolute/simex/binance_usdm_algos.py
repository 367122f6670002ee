"""Owns the USD-M endpoints of conditional ("algo") orders: place, cancel, query, list.

All stops and take-profits go here since 2025-12. Source: binance-connector-python (2026-08). It
must not know plain orders' endpoints, sockets or limits.
"""

from collections.abc import Mapping
from itertools import count
from typing import Any, Final

from absolute.domain.units import plain
from absolute.simex.binance_calls import Call, Route, Security
from absolute.simex.binance_faults import (
    CANCEL_UNKNOWN,
    ORDER_NONE,
    BinanceRefused,
    Fault,
    either,
)
from absolute.simex.binance_market_calls import listing_named, rows_asked
from absolute.simex.binance_usdm_orders import (
    ALGO_IDS_FROM,
    algo_ask,
    algo_row,
    client_id_asked,
    is_algo,
    plain_type,
)
from absolute.simex.binance_usdm_trading import (
    ALL_DONE,
    cancelled,
    open_rows,
    submitted,
    symbol_asked,
    usdm_scope,
)
from absolute.simex.orders import BoxOrder, BoxStatus, OrderNumber
from absolute.wire.binance_usdm_rows import algo_order_json

Row = dict[str, Any]
NO_BRACKET: Final = {
    "tpTriggerPrice": "0.000",
    "tpPrice": "0.000",
    "slTriggerPrice": "0.000",
    "slPrice": "0.000",
    "tpOrderType": "",
}
"""No take-profit or stop-loss hangs on a conditional order of the box."""


class UsdmAlgos:
    """The endpoints of conditional orders; it makes the ids of those that bring none."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def routes(self) -> Mapping[tuple[str, str], Route]:
        """REST."""
        trade, read = Security.TRADE, Security.READ
        return {
            ("POST", "/fapi/v1/algoOrder"): Route(self.place, 1, trade, order=True),
            ("GET", "/fapi/v1/algoOrder"): Route(self.query, 1, read),
            ("DELETE", "/fapi/v1/algoOrder"): Route(self.cancel, 1, trade),
            ("GET", "/fapi/v1/openAlgoOrders"): Route(self.open_orders, 1, read),
            ("DELETE", "/fapi/v1/algoOpenOrders"): Route(self.cancel_open, 1, trade),
            ("GET", "/fapi/v1/allAlgoOrders"): Route(self.all_orders, 5, read),
        }

    def methods(self) -> Mapping[str, Route]:
        """WebSocket API."""
        return {
            "algoOrder.place": Route(self.place, 1, Security.TRADE, order=True),
            "algoOrder.cancel": Route(self.cancel, 1, Security.TRADE),
        }

    def place(self, call: Call) -> Row:
        """POST algoOrder."""
        listing = listing_named(call)
        client_id = client_id_asked(call, "clientAlgoId") or self._id()
        state = call.exchange.market(listing.market)
        order = submitted(call, listing, algo_ask(call, listing, client_id, state=state))
        return algo_order_json(algo_row(order, queried=False))

    def query(self, call: Call) -> Row:
        """GET algoOrder."""
        order = self._algo(call, ORDER_NONE)
        return algo_order_json(algo_row(order, queried=True)) | {
            "actualType": plain_type(order),
            "actualQty": plain(order.filled),
            "tpOrderType": "",
        }

    def cancel(self, call: Call) -> Row:
        """DELETE algoOrder; one whose trigger has come is a plain order and is not found here."""
        order = self._algo(call, CANCEL_UNKNOWN)
        if order.status is not BoxStatus.WAITING:
            raise BinanceRefused(CANCEL_UNKNOWN)
        over = cancelled(call, order)
        return {
            "algoId": ALGO_IDS_FROM + over.number,
            "clientAlgoId": over.ask.client_id,
            "code": "200",
            "msg": "success",
        }

    def open_orders(self, call: Call) -> list[Row]:
        """GET openAlgoOrders of one market or all."""
        return [
            algo_order_json(algo_row(each, queried=True)) | NO_BRACKET
            for each in open_rows(call, symbol_asked(call))
            if each.status is BoxStatus.WAITING
        ]

    def all_orders(self, call: Call) -> list[Row]:
        """GET allAlgoOrders of one market, oldest first."""
        rows = call.exchange.orders(call.account, usdm_scope(listing_named(call).market.symbol))
        algos = [each for each in rows if is_algo(each)][-rows_asked(call) :]
        return [algo_order_json(algo_row(each, queried=True)) | NO_BRACKET for each in algos]

    def cancel_open(self, call: Call) -> Row:
        """DELETE algoOpenOrders of one market."""
        for order in open_rows(call, listing_named(call).market.symbol):
            if order.status is BoxStatus.WAITING:
                cancelled(call, order)
        return dict(ALL_DONE)

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
        return f"boxalgo{next(self._numbers):015d}"
