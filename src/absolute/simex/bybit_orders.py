"""Owns orders between Bybit's words and the core's: requests read, rows told.

docs/v5/order/create-order and docs/v5/enum. What the box does not show (margin spot, attached
TP/SL, hedge mode, value-sized sells) is refused, never ignored. It must not know
requests or sockets.
"""

import re
from decimal import Decimal
from typing import Final

from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.domain.units import NANOS_PER_MS, ZERO, Price, Qty, Quote
from absolute.matching.book import SelfTrade
from absolute.simex.bybit_calls import BAD_PARAMETER, Call, Problem
from absolute.simex.bybit_worlds import World
from absolute.simex.facts import PositionView
from absolute.simex.listing import Category, Listing
from absolute.simex.orders import (
    BoxOrder,
    BoxStatus,
    EndCause,
    Execution,
    OrderAsk,
    Trigger,
)
from absolute.wire.bybit_rows import SIDES_READ, BybitExecution, BybitOrder, BybitPosition

LINK_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,36}")
RULES: Final = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "PostOnly": TimeInForce.POST_ONLY,
}
RULES_TOLD: Final = {rule: word for word, rule in RULES.items()}
SELF_TRADES: Final = {
    "": SelfTrade.ALLOW,
    "None": SelfTrade.ALLOW,
    "CancelMaker": SelfTrade.EXPIRE_MAKER,
    "CancelTaker": SelfTrade.EXPIRE_TAKER,
    "CancelBoth": SelfTrade.EXPIRE_BOTH,
}
SELF_TRADES_TOLD: Final = {rule: word for word, rule in SELF_TRADES.items() if word}
NOT_SHOWN: Final = ("takeProfit", "stopLoss", "tpslMode", "bboSideType", "slippageToleranceType")
FILTERS: Final = frozenset({"Order", "StopOrder", "tpslOrder"})
STOP_KINDS: Final = {"StopOrder": "Stop", "tpslOrder": "tpslOrder"}

REJECTS: Final = {
    EndCause.USER: "EC_PerCancelRequest",
    EndCause.UNFILLED: "EC_CancelForNoFullFill",
    EndCause.SPEND_REST: "EC_CancelForNoFullFill",
    EndCause.FOK_UNFILLABLE: "EC_CancelForNoFullFill",
    EndCause.POST_ONLY_WOULD_TAKE: "EC_PostOnlyWillTakeLiquidity",
    EndCause.SELF_TRADE: "EC_BySelfMatch",
}
CANCELS: Final = {
    EndCause.USER: "CancelByUser",
    EndCause.REDUCE_ONLY: "CancelByReduceOnly",
    EndCause.SELF_TRADE: "CancelBySmp",
    EndCause.TRIGGER_FUNDS: "CancelByCannotAffordOrderCost",
    EndCause.POSITION_GONE: "CancelByTpSlTsClear",
    EndCause.VENUE: "CancelByAdmin",
}


# --- requests -----------------------------------------------------------------------------------


def ask_of(call: Call) -> OrderAsk:
    """The order that a create request asks for."""
    listing = call.listing()
    _refuse_unshown(call)
    side = SIDES_READ.get(call.needed("side"))
    kind = call.needed("orderType")
    if side is None:
        raise _invalid(listing, 170117, "side")
    if kind not in {"Market", "Limit"}:
        raise _invalid(listing, 170116, "orderType")
    market = kind == "Market"
    link = call.text("orderLinkId")
    if link and not LINK_ID.fullmatch(link):
        raise Problem(BAD_PARAMETER, "params error: OrderLinkId invalid")
    qty, spend = _amounts(call, listing, side, market=market)
    price = None if market else call.number("price")
    if not market and price is None:
        raise _invalid(listing, 170130, "price")
    smp = call.text("smpType")
    if smp not in SELF_TRADES:
        raise Problem(BAD_PARAMETER, "params error: smpType invalid")
    trigger = _trigger(call, listing)
    reduce_only = call.flag("reduceOnly") or call.flag("closeOnTrigger")
    return OrderAsk(
        market=listing.market,
        side=side,
        qty=Qty(_whole(call, qty)) if qty is not None else None,
        spend=Quote(spend) if spend is not None else None,
        price=Price(price) if price is not None else None,
        time_in_force=_rule(call, listing, market=market),
        client_id=link,
        reduce_only=reduce_only and listing.market.category is Category.LINEAR,
        trigger=trigger,
        self_trade=SELF_TRADES[smp],
        notes={"stop": _stop_kind(call, listing, trigger)},
    )


def _refuse_unshown(call: Call) -> None:
    """Turn down what the box does not show."""
    for name in NOT_SHOWN:
        if call.text(name) not in {"", "0", "UNKNOWN"}:
            raise Problem(BAD_PARAMETER, f"params error: {name} is not supported")
    if call.whole("isLeverage", 0) != 0:
        raise Problem(170036, "You haven't enabled Cross Margin Trading yet.")
    if call.whole("positionIdx", 0) != 0:
        raise Problem(BAD_PARAMETER, "position idx not match position mode")


def _amounts(
    call: Call, listing: Listing, side: Side, *, market: bool
) -> tuple[Decimal | None, Decimal | None]:
    """Quantity or value: a spot market buy counts in quote unless it says otherwise."""
    amount = call.number("qty")
    if amount is None:
        raise _invalid(listing, 170130, "qty")
    unit = call.text("marketUnit")
    if listing.market.category is not Category.SPOT or not market:
        return amount, None
    by_value = unit == "quoteCoin" or (not unit and side is Side.BUY)
    if by_value and side is Side.SELL:
        raise Problem(BAD_PARAMETER, "params error: marketUnit of a sell is not supported")
    return (None, amount) if by_value else (amount, None)


def _whole(call: Call, qty: Decimal) -> Decimal:
    """Zero with both closing flags means the whole position."""
    if qty or not (call.flag("reduceOnly") and call.flag("closeOnTrigger")):
        return qty
    return abs(call.world.exchange.position(call.account, call.listing().market).qty)


def _rule(call: Call, listing: Listing, *, market: bool) -> TimeInForce:
    word = call.text("timeInForce") or ("IOC" if market else "GTC")
    rule = RULES.get(word)
    if rule is None:
        raise _invalid(listing, 170115, "timeInForce")
    if market:
        return TimeInForce.FOK if rule is TimeInForce.FOK else TimeInForce.IOC
    return rule


def _trigger(call: Call, listing: Listing) -> Trigger | None:
    """The trigger: linear says its direction, spot's follows from where the price is."""
    price = call.number("triggerPrice")
    wanted = call.text("orderFilter") or "Order"
    if listing.market.category is Category.SPOT:
        if wanted not in FILTERS:
            raise Problem(170201, "Invalid orderFilter parameter")
        if wanted == "Order":
            return None
        if price is None:
            raise Problem(170202, "Please enter the TP/SL price.")
        last = call.world.exchange.market(listing.market).last
        return Trigger(Price(price), rising=price > last, holds=wanted == "tpslOrder")
    if price is None or not price:
        return None
    direction = call.whole("triggerDirection", 0)
    if direction not in {1, 2}:
        raise Problem(BAD_PARAMETER, "params error: TriggerDirection invalid")
    return Trigger(Price(price), rising=direction == 1)


def _stop_kind(call: Call, listing: Listing, trigger: Trigger | None) -> str:
    if trigger is None:
        return ""
    if listing.market.category is Category.LINEAR:
        return "Stop"
    return STOP_KINDS[call.text("orderFilter")]


def _invalid(listing: Listing, spot_code: int, name: str) -> Problem:
    """A parameter that cannot be: spot has codes of its own."""
    if listing.market.category is Category.SPOT:
        return Problem(spot_code, f"Data sent for parameter '{name}' is not valid.")
    return Problem(BAD_PARAMETER, f"params error: {name} invalid")


# --- rows ---------------------------------------------------------------------------------------


def status_of(row: BoxOrder) -> str:
    """The venue's word for where an order stands."""
    match row.status:
        case BoxStatus.WAITING:
            return "Untriggered"
        case BoxStatus.OPEN:
            return "New"
        case BoxStatus.PARTLY_FILLED:
            return "PartiallyFilled"
        case BoxStatus.FILLED:
            return "Filled"
        case BoxStatus.CANCELLED if row.ask.trigger is not None and not row.awake:
            return "Deactivated"
        case BoxStatus.CANCELLED:
            partly = row.filled and row.ask.market.category is Category.SPOT
            return "PartiallyFilledCanceled" if partly else "Cancelled"


def wire_order(world: World, row: BoxOrder) -> BybitOrder:
    """An order as the venue tells it."""
    ask, dead = row.ask, not row.status.alive
    trigger = ask.trigger
    value_left = row.spend_left if ask.spend is not None else row.left * (ask.price or ZERO)
    left = ZERO if dead else row.left
    return BybitOrder(
        category=ask.market.category,
        symbol=ask.market.symbol,
        order_id=world.order_id(ask.market, row.number),
        link_id=ask.client_id,
        side=ask.side,
        market=ask.price is None,
        status=status_of(row),
        qty=ask.qty if ask.qty is not None else (ask.spend or ZERO),
        filled=row.filled,
        value=row.value,
        left=left,
        left_value=value_left if ask.spend is not None or not dead else ZERO,
        created_ms=row.created // NANOS_PER_MS,
        updated_ms=row.updated // NANOS_PER_MS,
        price=ask.price,
        average=row.average,
        fees={str(coin): fee for coin, fee in row.fees.items()},
        time_in_force=RULES_TOLD[ask.time_in_force],
        by_value=ask.spend is not None,
        trigger=trigger.price if trigger is not None else None,
        trigger_direction=_direction(trigger),
        stop_type=ask.notes.get("stop", ""),
        reduce_only=ask.reduce_only,
        reject_reason=REJECTS.get(row.end, "EC_NoError") if row.end else "EC_NoError",
        cancel_type=CANCELS.get(row.end, "UNKNOWN") if row.end else "UNKNOWN",
        last_on_creation=row.last_at_creation,
        self_trade=SELF_TRADES_TOLD[ask.self_trade or SelfTrade.ALLOW],
        create_type=_create_type(ask),
    )


def _create_type(ask: OrderAsk) -> str:
    return ask.notes.get("create", "CreateByUser")


def _direction(trigger: Trigger | None) -> int:
    if trigger is None:
        return 0
    return 1 if trigger.rising else 2


def wire_execution(world: World, execution: Execution, row: BoxOrder) -> BybitExecution:
    """An execution as the venue tells it; `row` is its order."""
    ask = row.ask
    return BybitExecution(
        category=execution.market.category,
        symbol=execution.market.symbol,
        execution_id=world.execution_id(execution.market, execution.number),
        order_id=world.order_id(execution.market, execution.order),
        link_id=execution.client_id,
        side=execution.side,
        price=execution.price,
        qty=execution.qty,
        value=execution.value,
        fee=execution.fee.amount,
        fee_coin=execution.fee.asset,
        fee_rate=execution.fee_rate,
        maker=execution.liquidity == "maker",
        time_ms=execution.time // NANOS_PER_MS,
        order_price=ask.price if ask.price is not None else ZERO,
        order_qty=ask.qty if ask.qty is not None else (ask.spend or ZERO),
        left=execution.left,
        market=ask.price is None,
        closed=execution.closed,
        profit=execution.realised,
        mark=execution.price if execution.market.category is Category.LINEAR else None,
        by_value=ask.spend is not None,
        stop_type=ask.notes.get("stop", ""),
        sequence=execution.trade,
        create_type=_create_type(ask),
        type="BustTrade" if "create" in ask.notes else "Trade",
    )


def wire_position(view: PositionView, guards: dict[str, Decimal]) -> BybitPosition:
    """A position as the venue tells it; `guards` are its stops by kind."""
    return BybitPosition(
        symbol=view.market.symbol,
        size=view.qty,
        entry=view.entry,
        mark=view.mark,
        leverage=view.leverage,
        unrealised=view.unrealised,
        realised=view.realised,
        margin=view.margin,
        value=abs(view.qty) * (view.entry or ZERO),
        created_ms=view.created // NANOS_PER_MS,
        updated_ms=view.updated // NANOS_PER_MS,
        sequence=view.sequence,
        take_profit=guards.get("TakeProfit", ZERO),
        stop_loss=guards.get("StopLoss", ZERO),
        trailing=guards.get("TrailingStop", ZERO),
    )
