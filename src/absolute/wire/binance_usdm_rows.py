"""Owns the rows of Binance USD-M orders and trades, conditional ones included, to and from JSON.

Sources: binance-connector-python (2026-08) and Binance's USD-M pages as copied 2025-11. Times are
milliseconds. It must not know accounts, markets or sockets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from absolute.domain.units import ZERO
from absolute.wire.binance_rows import FLAG, PLAIN, WHOLE, Column, Row, read, written

OPEN_STATUSES: Final = frozenset({"NEW", "PARTIALLY_FILLED"})
FINAL_STATUSES: Final = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"})
ALGO_OPEN_STATUSES: Final = frozenset({"NEW", "TRIGGERING", "TRIGGERED"})


@dataclass(frozen=True, slots=True)
class UsdmOrderRow:
    """An order in an answer of place, cancel or query."""

    symbol: str
    order_id: int
    client_order_id: str
    status: str
    side: str
    type: str
    orig_type: str
    time_in_force: str
    price: Decimal
    orig_qty: Decimal
    executed_qty: Decimal
    update_time: int
    avg_price: Decimal | None = None
    cum_qty: Decimal | None = None
    cum_quote: Decimal | None = None
    position_side: str = "BOTH"
    reduce_only: bool = False
    close_position: bool = False
    stop_price: Decimal = ZERO
    working_type: str = "CONTRACT_PRICE"
    price_protect: bool = False
    price_match: str = "NONE"
    self_trade_prevention: str = "NONE"
    good_till_date: int = 0
    time: int | None = None


ORDER_COLUMNS: Final = (
    Column("orderId", "order_id", WHOLE),
    Column("symbol", "symbol"),
    Column("status", "status"),
    Column("clientOrderId", "client_order_id"),
    Column("price", "price", PLAIN),
    Column("avgPrice", "avg_price", PLAIN),
    Column("origQty", "orig_qty", PLAIN),
    Column("executedQty", "executed_qty", PLAIN),
    Column("cumQty", "cum_qty", PLAIN),
    Column("cumQuote", "cum_quote", PLAIN),
    Column("timeInForce", "time_in_force"),
    Column("type", "type"),
    Column("reduceOnly", "reduce_only", FLAG),
    Column("closePosition", "close_position", FLAG),
    Column("side", "side"),
    Column("positionSide", "position_side"),
    Column("stopPrice", "stop_price", PLAIN),
    Column("workingType", "working_type"),
    Column("priceProtect", "price_protect", FLAG),
    Column("origType", "orig_type"),
    Column("priceMatch", "price_match"),
    Column("selfTradePreventionMode", "self_trade_prevention"),
    Column("goodTillDate", "good_till_date", WHOLE),
    Column("time", "time", WHOLE),
    Column("updateTime", "update_time", WHOLE),
)


def usdm_order_row(row: Mapping[str, Any]) -> UsdmOrderRow:
    """An order from the venue's answer; raises `RowMalformed`."""
    return read(UsdmOrderRow, ORDER_COLUMNS, row)


def usdm_order_json(order: UsdmOrderRow) -> Row:
    """An order as the venue answers it."""
    return written(order, ORDER_COLUMNS)


@dataclass(frozen=True, slots=True)
class OrderTradeUpdate:
    """One `ORDER_TRADE_UPDATE`: what happened (`execution`) and how the order stands."""

    event_time: int
    transaction_time: int
    symbol: str
    client_order_id: str
    side: str
    type: str
    time_in_force: str
    qty: Decimal
    price: Decimal
    execution: str
    status: str
    order_id: int
    trade_time: int
    orig_type: str
    average_price: Decimal = ZERO
    stop_price: Decimal = ZERO
    last_qty: Decimal = ZERO
    filled: Decimal = ZERO
    last_price: Decimal = ZERO
    commission_asset: str | None = None
    commission: Decimal | None = None
    trade_id: int = 0
    bids_notional: Decimal = ZERO
    asks_notional: Decimal = ZERO
    maker: bool = False
    reduce_only: bool = False
    working_type: str = "CONTRACT_PRICE"
    position_side: str = "BOTH"
    close_position: bool = False
    price_protect: bool = False
    ignored_si: int = 0
    ignored_ss: int = 0
    realized_profit: Decimal = ZERO
    self_trade_prevention: str = "NONE"
    price_match: str = "NONE"
    good_till_date: int = 0
    expiry_reason: str = "0"


UPDATE_COLUMNS: Final = (
    Column("s", "symbol"),
    Column("c", "client_order_id"),
    Column("S", "side"),
    Column("o", "type"),
    Column("f", "time_in_force"),
    Column("q", "qty", PLAIN),
    Column("p", "price", PLAIN),
    Column("ap", "average_price", PLAIN),
    Column("sp", "stop_price", PLAIN),
    Column("x", "execution"),
    Column("X", "status"),
    Column("i", "order_id", WHOLE),
    Column("l", "last_qty", PLAIN),
    Column("z", "filled", PLAIN),
    Column("L", "last_price", PLAIN),
    Column("N", "commission_asset"),
    Column("n", "commission", PLAIN),
    Column("T", "trade_time", WHOLE),
    Column("t", "trade_id", WHOLE),
    Column("b", "bids_notional", PLAIN),
    Column("a", "asks_notional", PLAIN),
    Column("m", "maker", FLAG),
    Column("R", "reduce_only", FLAG),
    Column("wt", "working_type"),
    Column("ot", "orig_type"),
    Column("ps", "position_side"),
    Column("cp", "close_position", FLAG),
    Column("rp", "realized_profit", PLAIN),
    Column("pP", "price_protect", FLAG),
    Column("si", "ignored_si", WHOLE),
    Column("ss", "ignored_ss", WHOLE),
    Column("V", "self_trade_prevention"),
    Column("pm", "price_match"),
    Column("gtd", "good_till_date", WHOLE),
    Column("er", "expiry_reason"),
)
_TIMES: Final = (
    Column("E", "event_time", WHOLE),
    Column("T", "transaction_time", WHOLE),
)


def order_trade_update(event: Mapping[str, Any]) -> OrderTradeUpdate:
    """An order update from its event; raises `RowMalformed`."""
    flat = {**event["o"], "event_E": event.get("E"), "event_T": event.get("T")}
    columns = (
        Column("event_E", "event_time", WHOLE),
        Column("event_T", "transaction_time", WHOLE),
        *UPDATE_COLUMNS,
    )
    return read(OrderTradeUpdate, columns, flat)


def order_trade_update_json(update: OrderTradeUpdate) -> Row:
    """An order update as the venue sends it."""
    return {
        "e": "ORDER_TRADE_UPDATE",
        **written(update, _TIMES),
        "o": written(update, UPDATE_COLUMNS),
    }


@dataclass(frozen=True, slots=True)
class AlgoOrderRow:
    """A conditional order in an answer; `actual_order_id` is "" until it has triggered."""

    algo_id: int
    client_algo_id: str
    order_type: str
    symbol: str
    side: str
    time_in_force: str
    quantity: Decimal
    algo_status: str
    trigger_price: Decimal
    price: Decimal
    create_time: int
    update_time: int
    algo_type: str = "CONDITIONAL"
    position_side: str = "BOTH"
    actual_order_id: str | None = None
    actual_price: Decimal | None = None
    activate_price: str | None = None
    callback_rate: str | None = None
    iceberg_quantity: str = "None"
    self_trade_prevention: str = "NONE"
    working_type: str = "CONTRACT_PRICE"
    price_match: str = "NONE"
    close_position: bool = False
    price_protect: bool = False
    reduce_only: bool = False
    trigger_time: int = 0
    good_till_date: int = 0


ALGO_COLUMNS: Final = (
    Column("algoId", "algo_id", WHOLE),
    Column("clientAlgoId", "client_algo_id"),
    Column("algoType", "algo_type"),
    Column("orderType", "order_type"),
    Column("symbol", "symbol"),
    Column("side", "side"),
    Column("positionSide", "position_side"),
    Column("timeInForce", "time_in_force"),
    Column("quantity", "quantity", PLAIN),
    Column("algoStatus", "algo_status"),
    Column("actualOrderId", "actual_order_id"),
    Column("actualPrice", "actual_price", PLAIN),
    Column("triggerPrice", "trigger_price", PLAIN),
    Column("price", "price", PLAIN),
    Column("icebergQuantity", "iceberg_quantity"),
    Column("selfTradePreventionMode", "self_trade_prevention"),
    Column("workingType", "working_type"),
    Column("priceMatch", "price_match"),
    Column("closePosition", "close_position", FLAG),
    Column("priceProtect", "price_protect", FLAG),
    Column("reduceOnly", "reduce_only", FLAG),
    Column("activatePrice", "activate_price"),
    Column("callbackRate", "callback_rate"),
    Column("createTime", "create_time", WHOLE),
    Column("updateTime", "update_time", WHOLE),
    Column("triggerTime", "trigger_time", WHOLE),
    Column("goodTillDate", "good_till_date", WHOLE),
)


def algo_order_row(row: Mapping[str, Any]) -> AlgoOrderRow:
    """A conditional order from the venue's answer; raises `RowMalformed`."""
    return read(AlgoOrderRow, ALGO_COLUMNS, row)


def algo_order_json(order: AlgoOrderRow) -> Row:
    """A conditional order as the venue answers it."""
    return written(order, ALGO_COLUMNS)


@dataclass(frozen=True, slots=True)
class AlgoUpdate:
    """One `ALGO_UPDATE`: how a conditional order stands; `actual_order_id` once it triggered."""

    event_time: int
    transaction_time: int
    client_algo_id: str
    algo_id: int
    order_type: str
    symbol: str
    side: str
    time_in_force: str
    quantity: Decimal
    status: str
    trigger_price: Decimal
    price: Decimal
    algo_type: str = "CONDITIONAL"
    position_side: str = "BOTH"
    actual_order_id: str = ""
    average_price: Decimal = ZERO
    executed_qty: Decimal = ZERO
    actual_type: str = "0"
    self_trade_prevention: str = "NONE"
    working_type: str = "CONTRACT_PRICE"
    price_match: str = "NONE"
    close_position: bool = False
    price_protect: bool = False
    reduce_only: bool = False
    trigger_time: int = 0
    good_till_date: int = 0
    reason: str = ""


ALGO_UPDATE_COLUMNS: Final = (
    Column("caid", "client_algo_id"),
    Column("aid", "algo_id", WHOLE),
    Column("at", "algo_type"),
    Column("o", "order_type"),
    Column("s", "symbol"),
    Column("S", "side"),
    Column("ps", "position_side"),
    Column("f", "time_in_force"),
    Column("q", "quantity", PLAIN),
    Column("X", "status"),
    Column("ai", "actual_order_id"),
    Column("ap", "average_price", PLAIN),
    Column("aq", "executed_qty", PLAIN),
    Column("act", "actual_type"),
    Column("tp", "trigger_price", PLAIN),
    Column("p", "price", PLAIN),
    Column("V", "self_trade_prevention"),
    Column("wt", "working_type"),
    Column("pm", "price_match"),
    Column("cp", "close_position", FLAG),
    Column("pP", "price_protect", FLAG),
    Column("R", "reduce_only", FLAG),
    Column("tt", "trigger_time", WHOLE),
    Column("gtd", "good_till_date", WHOLE),
    Column("rm", "reason"),
)


def algo_update(event: Mapping[str, Any]) -> AlgoUpdate:
    """A conditional order's update from its event; raises `RowMalformed`."""
    flat = {**event["o"], "E": event.get("E"), "T": event.get("T")}
    return read(AlgoUpdate, (*_TIMES, *ALGO_UPDATE_COLUMNS), flat)


def algo_update_json(update: AlgoUpdate) -> Row:
    """A conditional order's update as the venue sends it."""
    return {
        "e": "ALGO_UPDATE",
        **written(update, _TIMES),
        "o": written(update, ALGO_UPDATE_COLUMNS),
    }


@dataclass(frozen=True, slots=True)
class UsdmTradeRow:
    """One of the account's executions, as `userTrades` lists it."""

    symbol: str
    id: int
    order_id: int
    side: str
    price: Decimal
    qty: Decimal
    quote_qty: Decimal
    realized_profit: Decimal
    commission: Decimal
    commission_asset: str
    time: int
    buyer: bool
    maker: bool
    position_side: str = "BOTH"
    margin_asset: str | None = None


TRADE_COLUMNS: Final = (
    Column("symbol", "symbol"),
    Column("id", "id", WHOLE),
    Column("orderId", "order_id", WHOLE),
    Column("side", "side"),
    Column("price", "price", PLAIN),
    Column("qty", "qty", PLAIN),
    Column("realizedPnl", "realized_profit", PLAIN),
    Column("marginAsset", "margin_asset"),
    Column("quoteQty", "quote_qty", PLAIN),
    Column("commission", "commission", PLAIN),
    Column("commissionAsset", "commission_asset"),
    Column("time", "time", WHOLE),
    Column("positionSide", "position_side"),
    Column("buyer", "buyer", FLAG),
    Column("maker", "maker", FLAG),
)


def usdm_trade_row(row: Mapping[str, Any]) -> UsdmTradeRow:
    """A trade of ours from `userTrades`; raises `RowMalformed`."""
    return read(UsdmTradeRow, TRADE_COLUMNS, row)


def usdm_trade_json(trade: UsdmTradeRow) -> Row:
    """A trade as `userTrades` lists it."""
    return written(trade, TRADE_COLUMNS)
