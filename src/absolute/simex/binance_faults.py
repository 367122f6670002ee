"""Owns every refusal of the Binance faces: code, message, HTTP status, and where it is documented.

The core's reasons become the venue's words by two tables, one per market. It must not decide
whether anything is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from absolute.domain.errors import AbsoluteError
from absolute.simex.facts import Refusal, Refused

SPOT: Final = "binance-spot-api-docs, errors.md"
REST: Final = "binance-spot-api-docs, rest-api.md"
FILTERS: Final = "binance-spot-api-docs, filters.md"
USDM: Final = "developers.binance.com, derivatives, usds-margined-futures, error-code"
ASSUMED: Final = "assumption"

BAD_REQUEST: Final = 400
UNAUTHORIZED: Final = 401
NOT_FOUND: Final = 404
GONE: Final = 410
BANNED: Final = 418
TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True)
class Fault:
    """One answer of the error table; `source` names the document, or "assumption"."""

    code: int
    message: str
    source: str = SPOT
    status: int = BAD_REQUEST


class BinanceRefused(AbsoluteError):
    """A request is refused with a fault; caught once, where the answer is written."""

    def __init__(
        self,
        fault: Fault,
        *,
        headers: Mapping[str, str] | None = None,
        data: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.headers = dict(headers or {})
        self.data = dict(data) if data is not None else None


# --- requests, both markets -----------------------------------------------------------------------

KEY_FORMAT: Final = Fault(-2014, "API-key format invalid.", status=UNAUTHORIZED)
KEY_REJECTED: Final = Fault(
    -2015, "Invalid API-key, IP, or permissions for action.", status=UNAUTHORIZED
)
SIGNATURE_WRONG: Final = Fault(-1022, "Signature for this request is not valid.")
TIME_BEHIND: Final = Fault(-1021, "Timestamp for this request is outside of the recvWindow.")
TIME_AHEAD: Final = Fault(
    -1021, "Timestamp for this request was 1000ms ahead of the server's time."
)
WINDOW_LARGE: Final = Fault(-1131, "recvWindow must be less than 60000.", REST)
SYMBOL_UNKNOWN: Final = Fault(-1121, "Invalid symbol.")
INTERVAL_UNKNOWN: Final = Fault(-1120, "Invalid interval.")
SIDE_UNKNOWN: Final = Fault(-1117, "Invalid side.")
TYPE_UNKNOWN: Final = Fault(-1116, "Invalid orderType.")
TIF_UNKNOWN: Final = Fault(-1115, "Invalid timeInForce.")
COMBINATION: Final = Fault(-1014, "Unsupported order combination.")
JSON_INVALID: Final = Fault(-1135, "Invalid JSON Request")
METHOD_UNKNOWN: Final = Fault(-1020, "This operation is not supported.")
NOT_SERVED: Final = Fault(-1020, "This operation is not supported.", ASSUMED, NOT_FOUND)
RETIRED: Final = Fault(
    -1020, "This operation is not supported.", f"{ASSUMED}: retired 2026-02-20", GONE
)
ORDER_NONE: Final = Fault(-2013, "Order does not exist.")
ARCHIVED: Final = Fault(
    -2026,
    "Order was canceled or expired with no executed qty over 90 days ago and has been archived.",
)
SPAN_LONG: Final = Fault(-1127, "More than 24 hours between startTime and endTime.")
SPAN_LONG_USDM: Final = Fault(-4165, "Maximum time interval is 7 days", USDM)
CANCEL_UNKNOWN: Final = Fault(-2011, "Unknown order sent.")
ID_LENGTH: Final = Fault(-4015, "Client order id length should not be more than 36 chars", USDM)
SUBSCRIBED: Final = Fault(-2035, "User Data Stream subscription already active.")
NOT_SUBSCRIBED: Final = Fault(-2036, "User Data Stream subscription not active.")
LISTEN_KEY_NONE: Final = Fault(
    -1125,
    "This listenKey does not exist. Please use POST /fapi/v1/listenKey to recreate listenKey",
    USDM,
)
ALGO_ONLY: Final = Fault(
    -4120,
    "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
    f"{ASSUMED}: no copy of the page that names it; Binance's change log of 2025-12",
)


def mandatory(name: str) -> Fault:
    """A parameter that is needed is missing, empty or of another kind."""
    return Fault(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def either(first: str, second: str) -> Fault:
    """One of two parameters is needed."""
    return Fault(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def not_required(name: str) -> Fault:
    """A parameter does not go with the others."""
    return Fault(-1106, f"Parameter '{name}' sent when not required.")


def illegal(name: str, legal: str) -> Fault:
    """A parameter has characters outside of its range."""
    return Fault(
        -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    )


def invalid(name: str) -> Fault:
    """A parameter's value is none of those allowed."""
    return Fault(-1130, f"Data sent for parameter '{name}' is not valid.")


def too_precise(name: str) -> Fault:
    """A number has more digits than the asset."""
    return Fault(-1111, f"Parameter '{name}' has too much precision.")


# --- the core's reasons in the words of spot ------------------------------------------------------


def _rejected(message: str, source: str = SPOT) -> Fault:
    return Fault(-2010, message, source)


def _filter(name: str) -> Fault:
    return Fault(-1013, f"Filter failure: {name}")


PERCENT_PRICE: Final = Fault(-1013, "Filter failure: PERCENT_PRICE_BY_SIDE", FILTERS)

SPOT_FAULTS: Final[Mapping[Refusal, Fault]] = {
    Refusal.MARKET_UNKNOWN: SYMBOL_UNKNOWN,
    Refusal.MARKET_CLOSED: _rejected("Market is closed."),
    Refusal.CLIENT_ID_TAKEN: _rejected("Duplicate order sent."),
    Refusal.FUNDS_SHORT: _rejected("Account has insufficient balance for requested action."),
    Refusal.TERMS_INVALID: COMBINATION,
    Refusal.PRICE_STEP: _filter("PRICE_FILTER"),
    Refusal.PRICE_LOW: PERCENT_PRICE,
    Refusal.PRICE_HIGH: PERCENT_PRICE,
    Refusal.QTY_STEP: _filter("LOT_SIZE"),
    Refusal.QTY_MIN: _filter("LOT_SIZE"),
    Refusal.QTY_MAX: _filter("LOT_SIZE"),
    Refusal.NOTIONAL_MIN: _filter("NOTIONAL"),
    Refusal.NOTIONAL_MAX: _filter("NOTIONAL"),
    Refusal.ORDERS_MAX: _filter("MAX_NUM_ORDERS"),
    Refusal.TRIGGERS_MAX: _filter("MAX_NUM_ALGO_ORDERS"),
    Refusal.TRIGGER_PASSED: _rejected("Order would trigger immediately."),
    Refusal.POST_ONLY_WOULD_TAKE: _rejected("Order would immediately match and take."),
    Refusal.REDUCE_ONLY: COMBINATION,
    Refusal.LIQUIDITY_NONE: _rejected("Order book liquidity is less than symbol minimum quantity."),
    Refusal.ORDER_UNKNOWN: CANCEL_UNKNOWN,
    Refusal.ORDER_DONE: CANCEL_UNKNOWN,
    Refusal.NOTHING_CHANGED: _rejected("The requested action would change no state; rejecting."),
    Refusal.LEVERAGE_RANGE: COMBINATION,
}

# --- and in the words of USD-M --------------------------------------------------------------------

FOK_REJECTED: Final = Fault(
    -5021,
    "Due to the order could not be filled immediately, the FOK order has been rejected.",
    USDM,
)
REDUCE_ONLY: Final = Fault(-2022, "ReduceOnly Order is rejected.", USDM)
NOTIONAL_SMALL: Final = (
    "Order's notional must be no smaller than {} (unless you choose reduce only)"
)
PRECISION: Final = Fault(-1111, "Precision is over the maximum defined for this asset.", USDM)
SIDE_MISMATCH: Final = Fault(-4061, "Order's position side does not match user's setting.", USDM)
MARGIN_TYPE_SAME: Final = Fault(-4046, "No need to change margin type.", USDM)
POSITION_MODE_SAME: Final = Fault(-4059, "No need to change position side.", USDM)

USDM_FAULTS: Final[Mapping[Refusal, Fault]] = {
    Refusal.MARKET_UNKNOWN: SYMBOL_UNKNOWN,
    Refusal.MARKET_CLOSED: Fault(-4141, "Symbol is closed", USDM),
    Refusal.CLIENT_ID_TAKEN: Fault(-4116, "clientOrderId is duplicated", USDM),
    Refusal.FUNDS_SHORT: Fault(-2019, "Margin is insufficient.", USDM),
    Refusal.TERMS_INVALID: COMBINATION,
    Refusal.PRICE_STEP: Fault(-4014, "Price not increased by tick size.", USDM),
    Refusal.PRICE_LOW: Fault(-4024, "Price is lower than mark price multiplier floor.", USDM),
    Refusal.PRICE_HIGH: Fault(-4016, "Price is higher than mark price multiplier cap.", USDM),
    Refusal.QTY_STEP: Fault(-4023, "Qty not increased by step size.", USDM),
    Refusal.QTY_MIN: Fault(-4004, "Quantity less than min quantity.", USDM),
    Refusal.QTY_MAX: Fault(-4005, "Quantity greater than max quantity.", USDM),
    Refusal.NOTIONAL_MIN: Fault(-4164, NOTIONAL_SMALL, USDM),
    Refusal.NOTIONAL_MAX: Fault(
        -2027, "Exceeded the maximum allowable position at current leverage.", USDM
    ),
    Refusal.ORDERS_MAX: Fault(-2025, "Reach max open order limit.", USDM),
    Refusal.TRIGGERS_MAX: Fault(-4045, "Reach max stop order limit.", USDM),
    Refusal.TRIGGER_PASSED: Fault(-2021, "Order would immediately trigger.", USDM),
    Refusal.POST_ONLY_WOULD_TAKE: Fault(
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected.",
        USDM,
    ),
    Refusal.REDUCE_ONLY: REDUCE_ONLY,
    Refusal.LIQUIDITY_NONE: Fault(
        -4131,
        "The counterparty's best price does not meet the PERCENT_PRICE filter limit",
        USDM,
    ),
    Refusal.ORDER_UNKNOWN: CANCEL_UNKNOWN,
    Refusal.ORDER_DONE: CANCEL_UNKNOWN,
    Refusal.NOTHING_CHANGED: Fault(-5027, "No need to modify the order.", USDM),
    Refusal.LEVERAGE_RANGE: Fault(-4028, "Leverage {} is not valid", USDM),
}


def spot_fault(refused: Refused, *, market_order: bool = False) -> Fault:
    """A refusal of the core as spot words it."""
    if market_order and refused.reason in {Refusal.QTY_MAX}:
        return _filter("MARKET_LOT_SIZE")
    return SPOT_FAULTS[refused.reason]


def usdm_fault(refused: Refused, value: str = "") -> Fault:
    """A refusal of the core as USD-M words it; `value` is the limit some messages name."""
    found = USDM_FAULTS[refused.reason]
    return Fault(found.code, found.message.format(value), found.source, found.status)
