"""Owns the rows of Binance spot: orders, executions, trades, balances, to and from JSON.

Sources: binance-spot-api-docs, rest-api.md, web-socket-api.md and user-data-stream.md. Times are
milliseconds. It must not know accounts, markets or sockets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from absolute.domain.units import ZERO
from absolute.wire.binance_rows import EIGHT, FLAG, TEXT, WHOLE, Column, Row, read, written

NO_LIST: Final = -1
"""`orderListId` of an order that stands alone."""
OPEN_STATUSES: Final = frozenset({"NEW", "PARTIALLY_FILLED", "PENDING_NEW", "PENDING_CANCEL"})
FINAL_STATUSES: Final = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"})


@dataclass(frozen=True, slots=True)
class SpotFillRow:
    """One entry of `fills` in a FULL answer."""

    price: Decimal
    qty: Decimal
    commission: Decimal
    commission_asset: str
    trade_id: int


FILL_COLUMNS: Final = (
    Column("price", "price", EIGHT),
    Column("qty", "qty", EIGHT),
    Column("commission", "commission", EIGHT),
    Column("commissionAsset", "commission_asset"),
    Column("tradeId", "trade_id", WHOLE),
)


@dataclass(frozen=True, slots=True)
class SpotOrderRow:
    """An order in an answer: ACK has the first fields only, a query has its times."""

    symbol: str
    order_id: int
    client_order_id: str
    order_list_id: int = NO_LIST
    orig_client_order_id: str | None = None
    transact_time: int | None = None
    price: Decimal | None = None
    orig_qty: Decimal | None = None
    executed_qty: Decimal | None = None
    orig_quote_order_qty: Decimal | None = None
    cumulative_quote_qty: Decimal | None = None
    status: str | None = None
    time_in_force: str | None = None
    type: str | None = None
    side: str | None = None
    stop_price: Decimal | None = None
    iceberg_qty: Decimal | None = None
    time: int | None = None
    update_time: int | None = None
    is_working: bool | None = None
    working_time: int | None = None
    self_trade_prevention: str | None = None
    expiry_reason: str | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None
    prevented_match_id: int | None = None
    prevented_quantity: Decimal | None = None


ORDER_COLUMNS: Final = (
    Column("symbol", "symbol"),
    Column("origClientOrderId", "orig_client_order_id"),
    Column("orderId", "order_id", WHOLE),
    Column("orderListId", "order_list_id", WHOLE),
    Column("clientOrderId", "client_order_id"),
    Column("transactTime", "transact_time", WHOLE),
    Column("price", "price", EIGHT),
    Column("origQty", "orig_qty", EIGHT),
    Column("executedQty", "executed_qty", EIGHT),
    Column("origQuoteOrderQty", "orig_quote_order_qty", EIGHT),
    Column("cummulativeQuoteQty", "cumulative_quote_qty", EIGHT),
    Column("status", "status"),
    Column("timeInForce", "time_in_force"),
    Column("type", "type"),
    Column("side", "side"),
    Column("stopPrice", "stop_price", EIGHT),
    Column("icebergQty", "iceberg_qty", EIGHT),
    Column("time", "time", WHOLE),
    Column("updateTime", "update_time", WHOLE),
    Column("isWorking", "is_working", FLAG),
    Column("workingTime", "working_time", WHOLE),
    Column("selfTradePreventionMode", "self_trade_prevention"),
    Column("expiryReason", "expiry_reason"),
    Column("strategyId", "strategy_id", WHOLE),
    Column("strategyType", "strategy_type", WHOLE),
    Column("preventedMatchId", "prevented_match_id", WHOLE),
    Column("preventedQuantity", "prevented_quantity", EIGHT),
)


def spot_order_row(row: Mapping[str, Any]) -> SpotOrderRow:
    """An order from the venue's answer; raises `RowMalformed`."""
    return read(SpotOrderRow, ORDER_COLUMNS, row)


def spot_order_json(order: SpotOrderRow, fills: tuple[SpotFillRow, ...] | None = None) -> Row:
    """An order as the venue answers it, with its fills where it is a FULL answer."""
    row = written(order, ORDER_COLUMNS)
    if fills is not None:
        row["fills"] = [written(each, FILL_COLUMNS) for each in fills]
    return row


def spot_fill_rows(row: Mapping[str, Any]) -> tuple[SpotFillRow, ...]:
    """The fills of a FULL answer; none where it is a shorter one."""
    return tuple(read(SpotFillRow, FILL_COLUMNS, each) for each in row.get("fills", ()))


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """One `executionReport` of the user stream: what happened (`execution`) and how it stands."""

    event_time: int
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
    transaction_time: int
    execution_id: int
    order_time: int
    order_list_id: int = NO_LIST
    stop_price: Decimal = ZERO
    iceberg_qty: Decimal = ZERO
    orig_client_order_id: str = ""
    reject_reason: str = "NONE"
    last_qty: Decimal = ZERO
    filled: Decimal = ZERO
    last_price: Decimal = ZERO
    commission: Decimal = ZERO
    commission_asset: str | None = None
    trade_id: int = -1
    prevented_match_id: int = 0
    on_book: bool = False
    maker: bool = False
    ignored: bool = False
    paid: Decimal = ZERO
    last_paid: Decimal = ZERO
    quote_order_qty: Decimal = ZERO
    working_time: int | None = None
    self_trade_prevention: str = "NONE"
    expiry_reason: str | None = None


_COMMISSION: Final = Column("n", "commission", EIGHT)
REPORT_COLUMNS: Final = (
    Column("E", "event_time", WHOLE),
    Column("s", "symbol"),
    Column("c", "client_order_id"),
    Column("S", "side"),
    Column("o", "type"),
    Column("f", "time_in_force"),
    Column("q", "qty", EIGHT),
    Column("p", "price", EIGHT),
    Column("P", "stop_price", EIGHT),
    Column("F", "iceberg_qty", EIGHT),
    Column("g", "order_list_id", WHOLE),
    Column("C", "orig_client_order_id"),
    Column("x", "execution"),
    Column("X", "status"),
    Column("r", "reject_reason"),
    Column("i", "order_id", WHOLE),
    Column("l", "last_qty", EIGHT),
    Column("z", "filled", EIGHT),
    Column("L", "last_price", EIGHT),
    _COMMISSION,
    Column("N", "commission_asset", TEXT, always=True),
    Column("T", "transaction_time", WHOLE),
    Column("t", "trade_id", WHOLE),
    Column("v", "prevented_match_id", WHOLE),
    Column("I", "execution_id", WHOLE),
    Column("w", "on_book", FLAG),
    Column("m", "maker", FLAG),
    Column("M", "ignored", FLAG),
    Column("O", "order_time", WHOLE),
    Column("Z", "paid", EIGHT),
    Column("Y", "last_paid", EIGHT),
    Column("Q", "quote_order_qty", EIGHT),
    Column("W", "working_time", WHOLE),
    Column("V", "self_trade_prevention"),
    Column("er", "expiry_reason"),
)


def execution_report(event: Mapping[str, Any]) -> ExecutionReport:
    """An execution report from its event; raises `RowMalformed`."""
    return read(ExecutionReport, REPORT_COLUMNS, event)


def execution_report_json(report: ExecutionReport) -> Row:
    """An execution report as the venue sends it."""
    row: Row = {"e": "executionReport", **written(report, REPORT_COLUMNS)}
    if report.prevented_match_id == 0:
        del row["v"]  # "Prevented Match Id; only visible if the order expired due to STP"
    if report.commission == ZERO:
        row["n"] = "0"
    return row


@dataclass(frozen=True, slots=True)
class SpotTradeRow:
    """One of the account's executions, as `myTrades` lists it."""

    symbol: str
    id: int
    order_id: int
    price: Decimal
    qty: Decimal
    quote_qty: Decimal
    commission: Decimal
    commission_asset: str
    time: int
    is_buyer: bool
    is_maker: bool
    order_list_id: int = NO_LIST
    is_best_match: bool = True


TRADE_COLUMNS: Final = (
    Column("symbol", "symbol"),
    Column("id", "id", WHOLE),
    Column("orderId", "order_id", WHOLE),
    Column("orderListId", "order_list_id", WHOLE),
    Column("price", "price", EIGHT),
    Column("qty", "qty", EIGHT),
    Column("quoteQty", "quote_qty", EIGHT),
    Column("commission", "commission", EIGHT),
    Column("commissionAsset", "commission_asset"),
    Column("time", "time", WHOLE),
    Column("isBuyer", "is_buyer", FLAG),
    Column("isMaker", "is_maker", FLAG),
    Column("isBestMatch", "is_best_match", FLAG),
)


def spot_trade_row(row: Mapping[str, Any]) -> SpotTradeRow:
    """A trade of ours from `myTrades`; raises `RowMalformed`."""
    return read(SpotTradeRow, TRADE_COLUMNS, row)


def spot_trade_json(trade: SpotTradeRow) -> Row:
    """A trade as `myTrades` lists it."""
    return written(trade, TRADE_COLUMNS)


@dataclass(frozen=True, slots=True)
class SpotBalanceRow:
    """What an account has of one asset; the total is both together."""

    asset: str
    free: Decimal
    locked: Decimal


BALANCE_COLUMNS: Final = (
    Column("asset", "asset"),
    Column("free", "free", EIGHT),
    Column("locked", "locked", EIGHT),
)
POSITION_COLUMNS: Final = (
    Column("a", "asset"),
    Column("f", "free", EIGHT),
    Column("l", "locked", EIGHT),
)


def spot_balance_rows(account: Mapping[str, Any]) -> tuple[SpotBalanceRow, ...]:
    """The balances of an `account` answer; raises `RowMalformed`."""
    return tuple(read(SpotBalanceRow, BALANCE_COLUMNS, each) for each in account["balances"])


def spot_balance_json(balance: SpotBalanceRow) -> Row:
    """A balance as `account` lists it."""
    return written(balance, BALANCE_COLUMNS)


def account_position_rows(event: Mapping[str, Any]) -> tuple[SpotBalanceRow, ...]:
    """The balances of an `outboundAccountPosition`; raises `RowMalformed`."""
    return tuple(read(SpotBalanceRow, POSITION_COLUMNS, each) for each in event["B"])


def account_position_json(
    balances: tuple[SpotBalanceRow, ...], *, event_time: int, update_time: int
) -> Row:
    """An `outboundAccountPosition` as the venue sends it."""
    return {
        "e": "outboundAccountPosition",
        "E": event_time,
        "u": update_time,
        "B": [written(each, POSITION_COLUMNS) for each in balances],
    }
