"""Owns a USD-M order in Binance's words: parameters to what the core is asked, and its rows.

Plain orders and conditional ("algo") orders are two kinds at the venue and one in the core: an
order with a trigger is an algo order until it wakes. One-way positions only. It must not know
sockets or who may place an order.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from absolute.domain.fill import Liquidity
from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.domain.units import HUNDRED, NANOS_PER_MS, ZERO, Price, Qty
from absolute.matching.book import SelfTrade
from absolute.simex.binance_calls import Call
from absolute.simex.binance_faults import (
    ALGO_ONLY,
    COMBINATION,
    ID_LENGTH,
    PRECISION,
    SIDE_MISMATCH,
    SIDE_UNKNOWN,
    TIF_UNKNOWN,
    TYPE_UNKNOWN,
    USDM,
    BinanceRefused,
    Fault,
    illegal,
    mandatory,
    not_required,
)
from absolute.simex.binance_market_rows import digits
from absolute.simex.listing import Listing
from absolute.simex.market import MarketState
from absolute.simex.orders import BoxOrder, BoxStatus, EndCause, Execution, OrderAsk, Trigger
from absolute.wire.binance_usdm_rows import AlgoOrderRow, UsdmOrderRow, UsdmTradeRow

ALGO_IDS_FROM: Final = 2_000_000
"""An algo order's id is the order's number beyond this, so the two kinds are told apart."""
AVERAGE_UNIT: Final = Decimal("1e-8")
_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]+")
ID_CHARS_MAX: Final = 36
PLAIN_TYPES: Final = frozenset({"LIMIT", "MARKET"})
ALGO_TYPES: Final[Mapping[str, bool]] = {
    "STOP": True,
    "TAKE_PROFIT": True,
    "STOP_MARKET": False,
    "TAKE_PROFIT_MARKET": False,
    "TRAILING_STOP_MARKET": False,
}
"""Conditional types, and whether they have a limit price."""
_TIF: Final = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "GTX": TimeInForce.POST_ONLY,
}
SELF_TRADES: Final = {
    "NONE": SelfTrade.ALLOW,
    "EXPIRE_TAKER": SelfTrade.EXPIRE_TAKER,
    "EXPIRE_MAKER": SelfTrade.EXPIRE_MAKER,
    "EXPIRE_BOTH": SelfTrade.EXPIRE_BOTH,
}
STATUSES: Final = {
    BoxStatus.WAITING: "NEW",
    BoxStatus.OPEN: "NEW",
    BoxStatus.PARTLY_FILLED: "PARTIALLY_FILLED",
    BoxStatus.FILLED: "FILLED",
}
ENDS: Final = {EndCause.USER: "CANCELED", EndCause.SELF_TRADE: "EXPIRED_IN_MATCH"}
"""Every other end is EXPIRED."""


def usdm_ask(call: Call, listing: Listing, client_id: str) -> OrderAsk:
    """What POST order asks for; raises `BinanceRefused`."""
    side, kind = _side(call), call.required("type")
    if kind in ALGO_TYPES:
        raise BinanceRefused(ALGO_ONLY)
    if kind not in PLAIN_TYPES:
        raise BinanceRefused(TYPE_UNKNOWN)
    quantity = _quantity(call, listing)
    price = _price(call, listing, "price") if kind == "LIMIT" else None
    if kind == "MARKET":
        for name in ("price", "timeInForce"):
            if call.text(name) is not None:
                raise BinanceRefused(not_required(name))
    in_force = call.required("timeInForce") if kind == "LIMIT" else "GTC"
    return _ask(call, listing, side, (kind, in_force, client_id), (quantity, price))


def algo_ask(call: Call, listing: Listing, client_id: str, *, state: MarketState) -> OrderAsk:
    """What POST algoOrder asks for; raises `BinanceRefused`."""
    if call.required("algoType") != "CONDITIONAL":
        raise BinanceRefused(mandatory("algoType"))
    side, kind = _side(call), call.required("type")
    if kind not in ALGO_TYPES:
        raise BinanceRefused(TYPE_UNKNOWN)
    closes = call.flag("closePosition")
    if closes and call.text("quantity") is not None:
        raise BinanceRefused(_QUANTITY_WITH_CLOSE)
    largest = listing.instrument.max_market_qty or listing.instrument.max_qty
    quantity = largest if closes and largest is not None else _quantity(call, listing)
    price = _price(call, listing, "price") if ALGO_TYPES[kind] else None
    trailing = kind == "TRAILING_STOP_MARKET"
    trigger = _trailing(call, listing, side, state) if trailing else _stop(call, listing, side)
    in_force = call.text("timeInForce") or "GTC"
    asked = _ask(call, listing, side, (kind, in_force, client_id), (quantity, price))
    notes = {
        **asked.notes,
        "algo": "true",
        "closePosition": str(closes).lower(),
        "callbackRate": call.text("callbackRate") or "",
        "activatePrice": call.text("activatePrice") or "",
    }
    return OrderAsk(
        market=asked.market,
        side=side,
        qty=asked.qty,
        price=asked.price,
        time_in_force=asked.time_in_force,
        client_id=client_id,
        reduce_only=asked.reduce_only or closes,
        trigger=trigger,
        self_trade=asked.self_trade,
        notes=notes,
    )


_QUANTITY_WITH_CLOSE: Final = Fault(
    -4137, "Quantity must be zero with closePosition equals true", USDM
)


def _ask(
    call: Call,
    listing: Listing,
    side: Side,
    words: tuple[str, str, str],
    numbers: tuple[Decimal, Decimal | None],
) -> OrderAsk:
    kind, in_force, client_id = words
    quantity, price = numbers
    if in_force not in _TIF:
        raise BinanceRefused(TIF_UNKNOWN)
    if (call.text("positionSide") or "BOTH") != "BOTH":
        raise BinanceRefused(SIDE_MISMATCH)
    if (call.text("priceMatch") or "NONE") != "NONE":
        raise BinanceRefused(COMBINATION)
    mode = call.text("selfTradePreventionMode") or "NONE"
    if mode not in SELF_TRADES:
        raise BinanceRefused(Fault(-5039, "Invalid self trade prevention mode", USDM))
    return OrderAsk(
        market=listing.market,
        side=side,
        qty=Qty(quantity),
        price=Price(price) if price is not None else None,
        time_in_force=_TIF[in_force],
        client_id=client_id,
        reduce_only=call.flag("reduceOnly"),
        self_trade=SELF_TRADES[mode],
        notes={
            "type": kind,
            "timeInForce": in_force,
            "selfTrade": mode,
            "workingType": _working_type(call),
            "priceProtect": str(call.flag("priceProtect")).lower(),
        },
    )


def _working_type(call: Call) -> str:
    """Which price wakes a conditional order; both are the last price in the box (assumption)."""
    found = call.text("workingType") or "CONTRACT_PRICE"
    if found not in {"CONTRACT_PRICE", "MARK_PRICE"}:
        raise BinanceRefused(Fault(-4031, f"Invalid parameter working type: {found}", USDM))
    return found


def client_id_asked(call: Call, name: str = "newClientOrderId") -> str | None:
    """A client id from the parameters, once its characters are checked."""
    found = call.text(name)
    if found is None:
        return None
    if len(found) > ID_CHARS_MAX:
        raise BinanceRefused(ID_LENGTH)
    if not _ID.fullmatch(found):
        raise BinanceRefused(illegal(name, "^[\\.A-Z\\:/a-z0-9_-]{1,36}$"))
    return found


def _side(call: Call) -> Side:
    match call.required("side"):
        case "BUY":
            return Side.BUY
        case "SELL":
            return Side.SELL
        case _:
            raise BinanceRefused(SIDE_UNKNOWN)


def _quantity(call: Call, listing: Listing) -> Decimal:
    found = _number(call, "quantity")
    if found <= ZERO:
        raise BinanceRefused(Fault(-4003, "Quantity less than zero.", USDM))
    if digits(found) > digits(listing.instrument.lot):
        raise BinanceRefused(PRECISION)
    return found


def _price(call: Call, listing: Listing, name: str) -> Decimal:
    found = _number(call, name)
    if found <= ZERO:
        raise BinanceRefused(Fault(-4001, "Price less than 0.", USDM))
    if digits(found) > digits(listing.instrument.tick):
        raise BinanceRefused(PRECISION)
    return found


def _number(call: Call, name: str) -> Decimal:
    found = call.amount(name)
    if found is None:
        raise BinanceRefused(mandatory(name))
    return found


def _stop(call: Call, listing: Listing, side: Side) -> Trigger:
    """A stop wakes against its side, a take profit with it; nothing is locked meanwhile."""
    price = _price(call, listing, "triggerPrice")
    rising = (side is Side.BUY) == call.required("type").startswith("STOP")
    return Trigger(Price(price), rising=rising)


def _trailing(call: Call, listing: Listing, side: Side, state: MarketState) -> Trigger:
    """Follows the price at a distance that is fixed when it is placed (assumption)."""
    rate = _number(call, "callbackRate")
    if not Decimal("0.1") <= rate <= Decimal(10):
        raise BinanceRefused(Fault(-2007, "Invalid callBack rate", "assumption"))
    start = call.amount("activatePrice") or state.last
    instrument = listing.instrument
    distance = max(instrument.tick, instrument.price_down(start * rate / HUNDRED))
    rising = side is Side.BUY
    price = start + distance if rising else start - distance
    return Trigger(instrument.price_for(side, price), rising=rising, trail=distance)


# --- rows -----------------------------------------------------------------------------------------


def is_algo(order: BoxOrder) -> bool:
    """Whether an order came in as a conditional one."""
    return "algo" in order.ask.notes


def is_plain(order: BoxOrder) -> bool:
    """Whether an order is to be seen among plain ones: it came so, or its trigger has come."""
    return not is_algo(order) or order.awake


def status_of(order: BoxOrder) -> str:
    """Binance's status of a plain order."""
    if order.status is BoxStatus.CANCELLED:
        return ENDS.get(order.end or EndCause.USER, "EXPIRED")
    return STATUSES[order.status]


def plain_type(order: BoxOrder) -> str:
    """The type of an order in the book."""
    return "MARKET" if order.ask.price is None else "LIMIT"


def average_of(order: BoxOrder) -> Decimal:
    """The mean price of the fills, zero where there is none."""
    average = order.average
    return average.quantize(AVERAGE_UNIT) if average is not None else ZERO


def order_row(order: BoxOrder, *, queried: bool) -> UsdmOrderRow:
    """An order in an answer; a query has its time, the others have `cumQty`."""
    ask, notes = order.ask, order.ask.notes
    return UsdmOrderRow(
        symbol=ask.market.symbol,
        order_id=order.number,
        client_order_id=ask.client_id,
        status=status_of(order),
        side=ask.side.name,
        type=plain_type(order),
        orig_type=notes["type"],
        time_in_force=notes["timeInForce"],
        price=ask.price or ZERO,
        orig_qty=ask.qty or ZERO,
        executed_qty=order.filled,
        update_time=order.updated // NANOS_PER_MS,
        avg_price=average_of(order),
        cum_qty=None if queried else order.filled,
        cum_quote=order.value,
        reduce_only=ask.reduce_only,
        close_position=notes.get("closePosition") == "true",
        stop_price=ask.trigger.price if ask.trigger is not None else ZERO,
        self_trade_prevention=notes["selfTrade"],
        working_type=notes["workingType"],
        price_protect=notes["priceProtect"] == "true",
        time=order.created // NANOS_PER_MS if queried else None,
    )


def algo_status(order: BoxOrder) -> str:
    """Where a conditional order stands."""
    if order.awake:
        return "TRIGGERED" if order.status.alive else "FINISHED"
    if order.status is BoxStatus.WAITING:
        return "NEW"
    return "CANCELED" if order.end in {None, EndCause.USER} else "REJECTED"


def algo_row(order: BoxOrder, *, queried: bool) -> AlgoOrderRow:
    """A conditional order in an answer; the answer to a new one has other fields than a query."""
    ask, notes = order.ask, order.ask.notes
    return AlgoOrderRow(
        algo_id=ALGO_IDS_FROM + order.number,
        client_algo_id=ask.client_id,
        order_type=notes["type"],
        symbol=ask.market.symbol,
        side=ask.side.name,
        time_in_force=notes["timeInForce"],
        quantity=ZERO if notes["closePosition"] == "true" else (ask.qty or ZERO),
        algo_status=algo_status(order),
        trigger_price=ask.trigger.price if ask.trigger is not None else ZERO,
        price=ask.price or ZERO,
        create_time=order.created // NANOS_PER_MS,
        update_time=order.updated // NANOS_PER_MS,
        actual_order_id=(str(order.number) if order.awake else "") if queried else None,
        actual_price=average_of(order) if queried else None,
        activate_price=None if queried else notes["activatePrice"],
        callback_rate=None if queried else notes["callbackRate"],
        self_trade_prevention=notes["selfTrade"],
        working_type=notes["workingType"],
        price_protect=notes["priceProtect"] == "true",
        close_position=notes["closePosition"] == "true",
        reduce_only=ask.reduce_only,
        trigger_time=order.updated // NANOS_PER_MS if order.awake else 0,
    )


def own_trade_row(execution: Execution) -> UsdmTradeRow:
    """An execution as `userTrades` lists it."""
    buyer = execution.side is Side.BUY
    return UsdmTradeRow(
        symbol=execution.market.symbol,
        id=execution.trade,
        order_id=execution.order,
        side=execution.side.name,
        price=execution.price,
        qty=execution.qty,
        quote_qty=execution.value,
        realized_profit=execution.realised,
        commission=execution.fee.amount,
        commission_asset=execution.fee.asset,
        time=execution.time // NANOS_PER_MS,
        buyer=buyer,
        maker=execution.liquidity is Liquidity.MAKER,
    )
