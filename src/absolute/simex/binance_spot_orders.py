"""Owns a spot order in Binance's words: parameters to what the core is asked, its row and back.

Rules are those of rest-api.md "New order"; what is not stated there is marked as an assumption. It
must not know sockets or who may place an order.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from absolute.domain.fill import Liquidity
from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.domain.units import NANOS_PER_MS, ZERO, Price, Qty, Quote
from absolute.matching.book import SelfTrade
from absolute.simex.binance_calls import Call
from absolute.simex.binance_faults import (
    COMBINATION,
    SIDE_UNKNOWN,
    TIF_UNKNOWN,
    TYPE_UNKNOWN,
    BinanceRefused,
    Fault,
    either,
    illegal,
    not_required,
)
from absolute.simex.listing import Listing
from absolute.simex.orders import BoxOrder, BoxStatus, EndCause, Execution, OrderAsk, Trigger
from absolute.wire.binance_spot_rows import SpotFillRow, SpotOrderRow, SpotTradeRow

ID_LEGAL: Final = "^[\\.A-Z\\:/a-z0-9_-]{1,36}$"
_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
NOT_WORKING: Final = -1
"""`workingTime` of an order that waits for its trigger (assumption)."""
SELF_TRADES: Final = {
    "NONE": SelfTrade.ALLOW,
    "EXPIRE_TAKER": SelfTrade.EXPIRE_TAKER,
    "EXPIRE_MAKER": SelfTrade.EXPIRE_MAKER,
    "EXPIRE_BOTH": SelfTrade.EXPIRE_BOTH,
}
SELF_TRADE_NOT_ALLOWED: Final = Fault(
    -1013,
    "This symbol does not allow the specified self-trade prevention mode.",
    "assumption",
)
_TIF: Final = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}

NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "LIMIT": ("timeInForce", "quantity", "price"),
    "LIMIT_MAKER": ("quantity", "price"),
    "MARKET": (),
    "STOP_LOSS": ("quantity", "stopPrice"),
    "STOP_LOSS_LIMIT": ("timeInForce", "quantity", "price", "stopPrice"),
    "TAKE_PROFIT": ("quantity", "stopPrice"),
    "TAKE_PROFIT_LIMIT": ("timeInForce", "quantity", "price", "stopPrice"),
}
"""The table "Additional mandatory parameters based on type"."""
_OPTIONAL: Final = ("timeInForce", "quantity", "price", "stopPrice", "quoteOrderQty")

STATUSES: Final = {
    BoxStatus.WAITING: "NEW",
    BoxStatus.OPEN: "NEW",
    BoxStatus.PARTLY_FILLED: "PARTIALLY_FILLED",
    BoxStatus.FILLED: "FILLED",
}
ENDS: Final[Mapping[EndCause, tuple[str, str | None]]] = {
    EndCause.USER: ("CANCELED", None),
    EndCause.UNFILLED: ("EXPIRED", "INSUFFICIENT_LIQUIDITY"),
    EndCause.SPEND_REST: ("EXPIRED", "INSUFFICIENT_LIQUIDITY"),
    EndCause.FOK_UNFILLABLE: ("EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED"),
    EndCause.POST_ONLY_WOULD_TAKE: ("EXPIRED", "REJECTED"),
    EndCause.SELF_TRADE: ("EXPIRED_IN_MATCH", None),
    EndCause.REDUCE_ONLY: ("EXPIRED", "REJECTED"),
    EndCause.TRIGGER_FUNDS: ("EXPIRED", "REJECTED"),
    EndCause.VENUE: ("EXPIRED", "EXCHANGE_CANCELED"),
}
"""How an ended order is shown, and its `expiryReason` (user-data-stream.md)."""


def spot_ask(call: Call, listing: Listing, client_id: str) -> OrderAsk:
    """What the parameters ask for; raises `BinanceRefused`."""
    side, kind = _side(call), call.required("type")
    if kind not in NEEDS:
        raise BinanceRefused(TYPE_UNKNOWN)
    _check_presence(call, kind)
    quantity, spend = call.amount("quantity"), call.amount("quoteOrderQty")
    price = call.amount("price")
    if quantity is not None and quantity <= ZERO:
        raise BinanceRefused(Fault(-1013, "Invalid quantity.", "assumption"))
    if price is not None and price <= ZERO:
        raise BinanceRefused(Fault(-1013, "Invalid price.", "assumption"))
    if spend is not None and side is Side.SELL:
        raise BinanceRefused(_SELL_BY_VALUE)
    mode = call.text("selfTradePreventionMode") or "NONE"
    if mode not in SELF_TRADES:
        raise BinanceRefused(SELF_TRADE_NOT_ALLOWED)
    in_force = call.text("timeInForce") or "GTC"
    return OrderAsk(
        market=listing.market,
        side=side,
        qty=Qty(quantity) if quantity is not None else None,
        spend=Quote(spend) if spend is not None else None,
        price=Price(price) if price is not None else None,
        time_in_force=TimeInForce.POST_ONLY if kind == "LIMIT_MAKER" else _TIF[in_force],
        client_id=client_id,
        trigger=_trigger(call, kind, side),
        self_trade=SELF_TRADES[mode],
        notes={"type": kind, "timeInForce": in_force, "selfTrade": mode, **_labels(call)},
    )


_SELL_BY_VALUE: Final = Fault(
    -1014,
    "Unsupported order combination.",
    "assumption: the box sells by quantity only (the venue also sells by quote quantity)",
)


def client_id_asked(call: Call, name: str = "newClientOrderId") -> str | None:
    """A client id from the parameters, once its characters are checked."""
    found = call.text(name)
    if found is not None and not _ID.fullmatch(found):
        raise BinanceRefused(illegal(name, ID_LEGAL))
    return found


def _side(call: Call) -> Side:
    match call.required("side"):
        case "BUY":
            return Side.BUY
        case "SELL":
            return Side.SELL
        case _:
            raise BinanceRefused(SIDE_UNKNOWN)


def _check_presence(call: Call, kind: str) -> None:
    """What a type needs is there, and nothing that does not go with it."""
    needed = NEEDS[kind]
    for name in needed:
        call.required(name)
    for name in ("icebergQty", "trailingDelta", "pegPriceType"):
        if call.text(name) is not None:
            raise BinanceRefused(COMBINATION)
    if kind == "MARKET":
        given = [each for each in ("quantity", "quoteOrderQty") if call.text(each) is not None]
        if not given:
            raise BinanceRefused(either("quantity", "quoteOrderQty"))
        if len(given) == 2:
            raise BinanceRefused(COMBINATION)
    for name in _OPTIONAL:
        if call.text(name) is None or name in needed:
            continue
        if kind == "MARKET" and name in {"quantity", "quoteOrderQty"}:
            continue
        raise BinanceRefused(not_required(name))
    if "timeInForce" in needed and call.text("timeInForce") not in _TIF:
        raise BinanceRefused(TIF_UNKNOWN)


def _trigger(call: Call, kind: str, side: Side) -> Trigger | None:
    """A stop loss wakes against its side, a take profit with it; funds are locked meanwhile."""
    stop = call.amount("stopPrice")
    if stop is None:
        return None
    rising = (side is Side.BUY) == kind.startswith("STOP_LOSS")
    return Trigger(Price(stop), rising=rising, holds=True)


def _labels(call: Call) -> dict[str, str]:
    """Numbers a client may put on its orders."""
    found: dict[str, str] = {}
    for name in ("strategyId", "strategyType"):
        if call.text(name) is not None:
            found[name] = call.required(name)
    if int(found.get("strategyType", "1000000")) < 1_000_000:
        raise BinanceRefused(Fault(-1134, "strategyType was less than 1000000."))
    return found


def status_of(order: BoxOrder) -> tuple[str, str | None]:
    """Binance's status of an order, and why it expired."""
    if order.status is BoxStatus.CANCELLED:
        return ENDS[order.end or EndCause.USER]
    return STATUSES[order.status], None


def _first_fields(order: BoxOrder) -> SpotOrderRow:
    notes = order.ask.notes
    status, reason = status_of(order)
    waiting = order.status is BoxStatus.WAITING
    stop = order.ask.trigger
    quantity = order.ask.qty if order.ask.qty is not None else order.filled
    working = order.updated if order.awake else order.created
    return SpotOrderRow(
        symbol=order.ask.market.symbol,
        order_id=order.number,
        client_order_id=order.ask.client_id,
        price=order.ask.price or ZERO,
        orig_qty=quantity,
        executed_qty=order.filled,
        orig_quote_order_qty=order.ask.spend or ZERO,
        cumulative_quote_qty=order.value,
        status=status,
        time_in_force=notes["timeInForce"],
        type=notes["type"],
        side=order.ask.side.name,
        stop_price=stop.price if stop is not None else None,
        working_time=NOT_WORKING if waiting else working // NANOS_PER_MS,
        self_trade_prevention=notes["selfTrade"],
        expiry_reason=reason,
        strategy_id=int(notes["strategyId"]) if "strategyId" in notes else None,
        strategy_type=int(notes["strategyType"]) if "strategyType" in notes else None,
    )


def placed_row(order: BoxOrder) -> SpotOrderRow:
    """The RESULT answer to a new order."""
    return replace(_first_fields(order), transact_time=order.updated // NANOS_PER_MS)


def acknowledged_row(order: BoxOrder) -> SpotOrderRow:
    """The ACK answer to a new order."""
    return SpotOrderRow(
        symbol=order.ask.market.symbol,
        order_id=order.number,
        client_order_id=order.ask.client_id,
        transact_time=order.created // NANOS_PER_MS,
    )


def cancelled_row(order: BoxOrder, cancel_id: str) -> SpotOrderRow:
    """The answer to a cancel: the cancel's own id, and the order's."""
    return replace(
        _first_fields(order),
        orig_client_order_id=order.ask.client_id,
        client_order_id=cancel_id,
        transact_time=order.updated // NANOS_PER_MS,
        working_time=None,
    )


def queried_row(order: BoxOrder) -> SpotOrderRow:
    """An order as a query shows it."""
    first = _first_fields(order)
    return replace(
        first,
        stop_price=first.stop_price or ZERO,
        iceberg_qty=ZERO,
        time=order.created // NANOS_PER_MS,
        update_time=order.updated // NANOS_PER_MS,
        is_working=order.status is not BoxStatus.WAITING,
    )


def fill_row(execution: Execution) -> SpotFillRow:
    """A fill in a FULL answer."""
    return SpotFillRow(
        execution.price,
        execution.qty,
        execution.fee.amount,
        execution.fee.asset,
        execution.trade,
    )


def own_trade_row(execution: Execution) -> SpotTradeRow:
    """An execution as `myTrades` lists it."""
    return SpotTradeRow(
        symbol=execution.market.symbol,
        id=execution.trade,
        order_id=execution.order,
        price=execution.price,
        qty=execution.qty,
        quote_qty=execution.value,
        commission=execution.fee.amount,
        commission_asset=execution.fee.asset,
        time=execution.time // NANOS_PER_MS,
        is_buyer=execution.side is Side.BUY,
        is_maker=execution.liquidity is Liquidity.MAKER,
    )


def fills_of(executions: Iterable[Execution], order: BoxOrder) -> tuple[SpotFillRow, ...]:
    """The fills of one order."""
    return tuple(fill_row(each) for each in executions if each.order == order.number)
