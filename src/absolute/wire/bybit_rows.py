"""Owns the rows of Bybit V5, both ways: orders, executions, coins and positions as JSON objects.

Reading takes what REST and the private stream send, and ignores what it does not know; writing
gives the venue's shapes, with its trap that a spot order has no `tpslMode`. Amounts are exact
decimals, times whole milliseconds. Dry: no clock, no socket.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from absolute.domain.errors import AbsoluteError
from absolute.domain.instrument import Side
from absolute.domain.units import ZERO, plain

Json = dict[str, Any]

SIDES: Final = {Side.BUY: "Buy", Side.SELL: "Sell"}
SIDES_READ: Final = {word: side for side, word in SIDES.items()}
OPEN_STATUSES: Final = frozenset({"New", "PartiallyFilled", "Untriggered", "Triggered"})
"""Every other status of an order is final (docs/v5/enum.mdx, orderStatus)."""


class BybitRowUnreadable(AbsoluteError):
    """A row of the venue lacks something or holds a word nobody knows."""


@dataclass(frozen=True, slots=True)
class BybitOrder:
    """One order. `price` and `trigger` of None: there is none; `qty` in quote where `by_value`."""

    category: str
    symbol: str
    order_id: str
    link_id: str
    side: Side
    market: bool
    status: str
    qty: Decimal
    filled: Decimal
    value: Decimal
    left: Decimal
    left_value: Decimal
    created_ms: int
    updated_ms: int
    price: Decimal | None = None
    average: Decimal | None = None
    fees: Mapping[str, Decimal] = field(default_factory=dict)
    time_in_force: str = "GTC"
    by_value: bool = False
    trigger: Decimal | None = None
    trigger_direction: int = 0
    stop_type: str = ""
    reduce_only: bool = False
    reject_reason: str = "EC_NoError"
    cancel_type: str = "UNKNOWN"
    last_on_creation: Decimal | None = None
    self_trade: str = "None"
    create_type: str = "CreateByUser"

    @property
    def final(self) -> bool:
        """Nothing more comes of it."""
        return self.status not in OPEN_STATUSES


@dataclass(frozen=True, slots=True)
class BybitExecution:
    """One fill. `fee` below zero is a rebate; `fee_coin` is empty where the venue does not say."""

    category: str
    symbol: str
    execution_id: str
    order_id: str
    link_id: str
    side: Side
    price: Decimal
    qty: Decimal
    value: Decimal
    fee: Decimal
    fee_coin: str
    fee_rate: Decimal
    maker: bool
    time_ms: int
    order_price: Decimal
    order_qty: Decimal
    left: Decimal
    market: bool = False
    type: str = "Trade"
    closed: Decimal = ZERO
    profit: Decimal = ZERO
    mark: Decimal | None = None
    by_value: bool = False
    stop_type: str = ""
    sequence: int = 0
    create_type: str = "CreateByUser"


@dataclass(frozen=True, slots=True)
class BybitCoin:
    """One coin of the unified wallet; free = wallet - locked - margins of orders and positions."""

    coin: str
    wallet: Decimal
    locked: Decimal = ZERO
    order_margin: Decimal = ZERO
    position_margin: Decimal = ZERO
    unrealised: Decimal = ZERO
    realised: Decimal = ZERO
    usd: Decimal = ZERO

    @property
    def free(self) -> Decimal:
        """What new orders may use."""
        return self.wallet - self.locked - self.order_margin - self.position_margin


@dataclass(frozen=True, slots=True)
class BybitPosition:
    """One position; `size` is signed, below zero for a short."""

    symbol: str
    size: Decimal
    entry: Decimal | None
    mark: Decimal
    leverage: Decimal
    unrealised: Decimal
    realised: Decimal
    margin: Decimal
    value: Decimal
    created_ms: int
    updated_ms: int
    sequence: int = 0
    take_profit: Decimal = ZERO
    stop_loss: Decimal = ZERO
    trailing: Decimal = ZERO


# --- reading ------------------------------------------------------------------------------------


def order_read(row: Json, category: str = "") -> BybitOrder:
    """An order of REST or of the stream; `category` where the row has none (REST)."""
    market = row["orderType"] == "Market"
    fees = row.get("cumFeeDetail") or {}
    return BybitOrder(
        category=row.get("category") or category,
        symbol=row["symbol"],
        order_id=row["orderId"],
        link_id=row.get("orderLinkId", ""),
        side=_side(row),
        market=market,
        status=row["orderStatus"],
        qty=amount(row, "qty"),
        filled=amount(row, "cumExecQty"),
        value=amount(row, "cumExecValue"),
        left=amount(row, "leavesQty"),
        left_value=amount(row, "leavesValue"),
        created_ms=int(row["createdTime"]),
        updated_ms=int(row["updatedTime"]),
        price=None if market else _maybe(row, "price"),
        average=_maybe(row, "avgPrice"),
        fees={coin: _number(coin, fee) for coin, fee in fees.items()},
        time_in_force=row.get("timeInForce", ""),
        by_value=row.get("marketUnit") == "quoteCoin",
        trigger=_maybe(row, "triggerPrice"),
        trigger_direction=int(row.get("triggerDirection") or 0),
        stop_type=_word(row, "stopOrderType"),
        reduce_only=bool(row.get("reduceOnly", False)),
        reject_reason=row.get("rejectReason") or "EC_NoError",
        cancel_type=row.get("cancelType") or "UNKNOWN",
        last_on_creation=_maybe(row, "lastPriceOnCreated"),
        self_trade=row.get("smpType") or "None",
        create_type=row.get("createType") or "CreateByUser",
    )


def execution_read(row: Json, category: str = "") -> BybitExecution:
    """An execution of REST or of the stream."""
    return BybitExecution(
        category=row.get("category") or category,
        symbol=row["symbol"],
        execution_id=row["execId"],
        order_id=row["orderId"],
        link_id=row.get("orderLinkId", ""),
        side=_side(row),
        price=amount(row, "execPrice"),
        qty=amount(row, "execQty"),
        value=amount(row, "execValue"),
        fee=amount(row, "execFee"),
        fee_coin=row.get("feeCurrency", ""),
        fee_rate=amount(row, "feeRate"),
        maker=bool(row.get("isMaker", False)),
        time_ms=int(row["execTime"]),
        order_price=amount(row, "orderPrice"),
        order_qty=amount(row, "orderQty"),
        left=amount(row, "leavesQty"),
        market=row.get("orderType") == "Market",
        type=row.get("execType", "Trade"),
        closed=amount(row, "closedSize"),
        profit=amount(row, "execPnl"),
        mark=_maybe(row, "markPrice"),
        by_value=row.get("marketUnit") == "quoteCoin",
        stop_type=_word(row, "stopOrderType"),
        sequence=int(row.get("seq") or 0),
        create_type=row.get("createType") or "CreateByUser",
    )


def coin_read(row: Json) -> BybitCoin:
    """One entry of a wallet's `coin`."""
    return BybitCoin(
        coin=row["coin"],
        wallet=amount(row, "walletBalance"),
        locked=amount(row, "locked"),
        order_margin=amount(row, "totalOrderIM"),
        position_margin=amount(row, "totalPositionIM"),
        unrealised=amount(row, "unrealisedPnl"),
        realised=amount(row, "cumRealisedPnl"),
        usd=amount(row, "usdValue"),
    )


def position_read(row: Json) -> BybitPosition:
    """A position of REST (`avgPrice`) or of the stream (`entryPrice`)."""
    size = amount(row, "size")
    entry = amount(row, "entryPrice" if "entryPrice" in row else "avgPrice")
    return BybitPosition(
        symbol=row["symbol"],
        size=-size if row.get("side") == "Sell" else size,
        entry=entry if size else None,
        mark=amount(row, "markPrice"),
        leverage=amount(row, "leverage"),
        unrealised=amount(row, "unrealisedPnl"),
        realised=amount(row, "cumRealisedPnl"),
        margin=amount(row, "positionIM"),
        value=amount(row, "positionValue"),
        created_ms=int(row.get("createdTime") or 0),
        updated_ms=int(row.get("updatedTime") or 0),
        sequence=int(row.get("seq") or 0),
        take_profit=amount(row, "takeProfit"),
        stop_loss=amount(row, "stopLoss"),
        trailing=amount(row, "trailingStop"),
    )


def amount(row: Json, name: str) -> Decimal:
    """A decimal of a row; absent and empty mean zero, as the venue writes it."""
    text = row.get(name)
    return ZERO if text in {None, ""} else _number(name, text)


def _maybe(row: Json, name: str) -> Decimal | None:
    """A decimal that is not there when empty or zero."""
    return amount(row, name) or None


def _number(name: str, text: object) -> Decimal:
    try:
        number = Decimal(str(text))
    except InvalidOperation as error:
        raise BybitRowUnreadable(f"{name} is {text!r}, not a number") from error
    if not number.is_finite():
        raise BybitRowUnreadable(f"{name} is {text!r}, not a finite number")
    return number


def _word(row: Json, name: str) -> str:
    """A word whose absence the venue writes as UNKNOWN."""
    word = row.get(name) or ""
    return "" if word == "UNKNOWN" else str(word)


def _side(row: Json) -> Side:
    side = SIDES_READ.get(row["side"])
    if side is None:
        raise BybitRowUnreadable(f"side is {row['side']!r}")
    return side


# --- writing ------------------------------------------------------------------------------------


def order_written(order: BybitOrder) -> Json:
    """An order as the open list tells it; history and stream add keys of their own."""
    row: Json = {
        "orderId": order.order_id,
        "orderLinkId": order.link_id,
        "blockTradeId": "",
        "symbol": order.symbol,
        "price": plain(order.price) if order.price is not None else "0",
        "qty": plain(order.qty),
        "side": SIDES[order.side],
        "isLeverage": "0" if order.category == "spot" else "",
        "positionIdx": 0,
        "orderStatus": order.status,
        "createType": order.create_type,
        "cancelType": order.cancel_type,
        "rejectReason": order.reject_reason,
        "avgPrice": plain(_eight(order.average)) if order.average is not None else "",
        "leavesQty": plain(order.left),
        "leavesValue": plain(order.left_value),
        "cumExecQty": plain(order.filled),
        "cumExecValue": plain(order.value),
        "cumExecFee": plain(sum(order.fees.values(), ZERO)),
        "cumFeeDetail": {coin: plain(fee) for coin, fee in order.fees.items()},
        "timeInForce": order.time_in_force,
        "orderType": "Market" if order.market else "Limit",
        "stopOrderType": order.stop_type,
        "orderIv": "",
        "marketUnit": "quoteCoin" if order.by_value else "",
        "triggerPrice": plain(order.trigger) if order.trigger is not None else "0",
        "takeProfit": "",
        "stopLoss": "",
        "tpTriggerBy": "",
        "slTriggerBy": "",
        "triggerDirection": order.trigger_direction,
        "triggerBy": "LastPrice" if order.trigger is not None else "",
        "lastPriceOnCreated": (
            plain(order.last_on_creation) if order.last_on_creation is not None else ""
        ),
        "reduceOnly": order.reduce_only,
        "closeOnTrigger": False,
        "placeType": "",
        "smpType": order.self_trade,
        "smpGroup": 0,
        "smpOrderId": "",
        "tpLimitPrice": "",
        "slLimitPrice": "",
        "createdTime": str(order.created_ms),
        "updatedTime": str(order.updated_ms),
    }
    if order.category != "spot":
        row["tpslMode"] = ""
    return row


def history_order_written(order: BybitOrder) -> Json:
    """An order as the history tells it."""
    return {
        **order_written(order),
        "extraFees": "",
        "slippageToleranceType": "UNKNOWN",
        "slippageTolerance": "",
        "rpiTakerAccess": False,
        "rpiMatchedQty": "0",
    }


def stream_order_written(order: BybitOrder) -> Json:
    """An order as the private stream tells it."""
    coins = list(order.fees)
    return {
        **order_written(order),
        "category": order.category,
        "closedPnl": "0",
        "rpiTakerAccess": False,
        "rpiMatchedQty": "0",
        "feeCurrency": coins[0] if coins else "",
    }


def execution_written(execution: BybitExecution) -> Json:
    """An execution as REST tells it."""
    mark = execution.mark
    return {
        "symbol": execution.symbol,
        "orderType": "Market" if execution.market else "Limit",
        "underlyingPrice": "",
        "orderLinkId": execution.link_id,
        "side": SIDES[execution.side],
        "indexPrice": "",
        "orderId": execution.order_id,
        "stopOrderType": execution.stop_type or "UNKNOWN",
        "leavesQty": plain(execution.left),
        "execTime": str(execution.time_ms),
        "feeCurrency": execution.fee_coin,
        "isMaker": execution.maker,
        "execFee": plain(execution.fee),
        "feeRate": plain(execution.fee_rate),
        "execId": execution.execution_id,
        "tradeIv": "",
        "blockTradeId": "",
        "markPrice": plain(mark) if mark is not None else "",
        "execPrice": plain(execution.price),
        "markIv": "",
        "orderQty": plain(execution.order_qty),
        "orderPrice": plain(execution.order_price),
        "execValue": plain(execution.value),
        "execType": execution.type,
        "execQty": plain(execution.qty),
        "closedSize": plain(execution.closed),
        "extraFees": "",
        "createType": execution.create_type,
        "seq": execution.sequence,
    }


def stream_execution_written(execution: BybitExecution) -> Json:
    """An execution as the private stream tells it."""
    return {
        **execution_written(execution),
        "category": execution.category,
        "isLeverage": "0",
        "marketUnit": "quoteCoin" if execution.by_value else "",
        "execPnl": plain(execution.profit),
        "extraFees": [],
    }


def coin_written(coin: BybitCoin) -> Json:
    """One entry of a wallet's `coin`."""
    equity = coin.wallet + coin.unrealised
    return {
        "coin": coin.coin,
        "equity": plain(equity),
        "usdValue": plain(_eight(coin.usd)),
        "walletBalance": plain(coin.wallet),
        "locked": plain(coin.locked),
        "availableToWithdraw": "",
        "availableToBorrow": "",
        "borrowAmount": "0",
        "accruedInterest": "0",
        "totalOrderIM": plain(coin.order_margin),
        "totalPositionIM": plain(coin.position_margin),
        "totalPositionMM": "0",
        "unrealisedPnl": plain(_eight(coin.unrealised)),
        "cumRealisedPnl": plain(coin.realised),
        "bonus": "0",
        "collateralSwitch": True,
        "marginCollateral": True,
        "spotHedgingQty": "0",
        "spotBorrow": "0",
    }


def position_written(position: BybitPosition) -> Json:
    """A position as REST tells it; a flat one has no side and an empty value."""
    size, entry = position.size, position.entry
    side = "" if not size else ("Buy" if size > ZERO else "Sell")
    margin = plain(_eight(position.margin))
    return {
        "positionIdx": 0,
        "riskId": 1,
        "riskLimitValue": "2000000",
        "symbol": position.symbol,
        "side": side,
        "size": plain(abs(size)),
        "avgPrice": plain(_eight(entry)) if entry is not None else "0",
        "positionValue": plain(_eight(position.value)) if size else "",
        "tradeMode": 0,
        "positionStatus": "Normal",
        "autoAddMargin": 0,
        "adlRankIndicator": 2 if size else 0,
        "leverage": plain(position.leverage),
        "breakEvenPrice": plain(_eight(entry)) if entry is not None else "",
        "positionBalance": margin,
        "markPrice": plain(position.mark),
        "liqPrice": "",
        "bustPrice": "",
        "positionMM": "0",
        "positionMMByMp": "0",
        "positionIM": margin,
        "positionIMByMp": margin,
        "tpslMode": "Full",
        "takeProfit": plain(position.take_profit),
        "stopLoss": plain(position.stop_loss),
        "trailingStop": plain(position.trailing),
        "unrealisedPnl": plain(_eight(position.unrealised)) if size else "",
        "curRealisedPnl": plain(_eight(position.realised)),
        "cumRealisedPnl": plain(_eight(position.realised)),
        "seq": position.sequence,
        "isReduceOnly": False,
        "mmrSysUpdateTime": "",
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "sessionAvgPrice": "",
        "createdTime": str(position.created_ms),
        "updatedTime": str(position.updated_ms),
    }


def stream_position_written(position: BybitPosition) -> Json:
    """A position as the private stream tells it: `entryPrice` instead of `avgPrice`."""
    row = position_written(position)
    row["entryPrice"] = row.pop("avgPrice")
    row.pop("mmrSysUpdateTime")
    return {**row, "category": "linear"}


def _eight(number: Decimal) -> Decimal:
    """At most eight places, as averages are shown."""
    return number.quantize(Decimal("1e-8"))
