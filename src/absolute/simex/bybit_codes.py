"""Owns which code of Bybit says which refusal: one table, each row with its source.

Codes and texts are those of docs/v5/error ("UTA" for derivatives, "Spot Trade" for spot); where
that page has no row for a case, the row says `assumption`. It must not know what was refused.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from absolute.simex.bybit_calls import Problem
from absolute.simex.facts import Refusal, Refused
from absolute.simex.listing import Category


class Code(NamedTuple):
    """A code with its text; `{}` takes the detail."""

    code: int
    text: str
    source: str = "docs/v5/error"


_ASSUMED: Final = "assumption"
_R = Refusal

LINEAR: Final[Mapping[Refusal, Code]] = {
    _R.MARKET_UNKNOWN: Code(10001, "params error: symbol invalid {}"),
    _R.MARKET_CLOSED: Code(110074, "This contract is not live"),
    _R.CLIENT_ID_TAKEN: Code(110072, "OrderLinkedID is duplicate"),
    _R.FUNDS_SHORT: Code(110007, "ab not enough for new order"),
    _R.TERMS_INVALID: Code(10001, "params error: {}"),
    _R.PRICE_STEP: Code(10001, "params error: price is not on the tick, {}", _ASSUMED),
    _R.PRICE_LOW: Code(110003, "Order price exceeds the allowable range."),
    _R.PRICE_HIGH: Code(110003, "Order price exceeds the allowable range."),
    _R.QTY_STEP: Code(10001, "Qty invalid", _ASSUMED),
    _R.QTY_MIN: Code(10001, "The number of contracts exceeds minimum limit allowed", _ASSUMED),
    _R.QTY_MAX: Code(10001, "The number of contracts exceeds maximum limit allowed", _ASSUMED),
    _R.NOTIONAL_MIN: Code(110094, "Order notional value below the lower limit"),
    _R.NOTIONAL_MAX: Code(10001, "params error: order value too large, {}", _ASSUMED),
    _R.ORDERS_MAX: Code(110020, "Not allowed to have more than 500 active orders."),
    _R.TRIGGERS_MAX: Code(110009, "The number of stop orders exceeds the maximum allowable limit"),
    _R.TRIGGER_PASSED: Code(110092, "expect Rising or Falling, but {}"),
    _R.POST_ONLY_WOULD_TAKE: Code(110103, "Only Post-Only orders are available", _ASSUMED),
    _R.REDUCE_ONLY: Code(110017, "orderQty will be truncated to zero"),
    _R.LIQUIDITY_NONE: Code(
        110118, "Unable to retrieve a price of the market order due to low liquidity"
    ),
    _R.ORDER_UNKNOWN: Code(110001, "order not exists or too late to cancel"),
    _R.ORDER_DONE: Code(110001, "order not exists or too late to cancel"),
    _R.NOTHING_CHANGED: Code(10001, "The order remains unchanged", _ASSUMED),
    _R.LEVERAGE_RANGE: Code(110013, "Cannot set leverage due to risk limit level."),
}

SPOT: Final[Mapping[Refusal, Code]] = {
    _R.MARKET_UNKNOWN: Code(170121, "Invalid symbol."),
    _R.MARKET_CLOSED: Code(170151, "The trading pair is not open yet"),
    _R.CLIENT_ID_TAKEN: Code(170141, "Duplicate clientOrderId"),
    _R.FUNDS_SHORT: Code(170131, "Insufficient balance."),
    _R.TERMS_INVALID: Code(170130, "Data sent for parameter '{}' is not valid."),
    _R.PRICE_STEP: Code(170134, "Order price has too many decimals."),
    _R.PRICE_LOW: Code(170194, "Sell order price cannot be lower than {}."),
    _R.PRICE_HIGH: Code(170193, "Buy order price cannot be higher than {}."),
    _R.QTY_STEP: Code(170137, "Order quantity has too many decimals."),
    _R.QTY_MIN: Code(170136, "Order quantity exceeded lower limit."),
    _R.QTY_MAX: Code(170381, "Order quantity too large."),
    _R.NOTIONAL_MIN: Code(170140, "Order value exceeded lower limit."),
    _R.NOTIONAL_MAX: Code(170124, "Order amount too large."),
    _R.ORDERS_MAX: Code(
        170810, "Cannot exceed maximum of 500 conditional, TP/SL and active orders."
    ),
    _R.TRIGGERS_MAX: Code(170810, "Cannot exceed maximum of TP/SL orders per symbol.", _ASSUMED),
    _R.TRIGGER_PASSED: Code(
        170130, "Data sent for parameter 'triggerPrice' is not valid.", _ASSUMED
    ),
    _R.POST_ONLY_WOULD_TAKE: Code(170218, "The LIMIT-MAKER order is rejected.", _ASSUMED),
    _R.REDUCE_ONLY: Code(170130, "Data sent for parameter 'reduceOnly' is not valid.", _ASSUMED),
    _R.LIQUIDITY_NONE: Code(170210, "New order rejected.", _ASSUMED),
    _R.ORDER_UNKNOWN: Code(170213, "Order does not exist."),
    _R.ORDER_DONE: Code(170213, "Order does not exist."),
    _R.NOTHING_CHANGED: Code(10001, "The order remains unchanged", _ASSUMED),
    _R.LEVERAGE_RANGE: Code(10001, "params error: category invalid", _ASSUMED),
}

TABLES: Final = {Category.SPOT: SPOT, Category.LINEAR: LINEAR}

FALLING_PASSED: Final = 110093
"""TRIGGER_PASSED of a falling trigger on linear (docs/v5/error)."""


def problem_of(refused: Refused, category: Category) -> Problem:
    """The venue's code for a refusal."""
    row = TABLES[category][refused.reason]
    return Problem(row.code, row.text.format(refused.detail))
