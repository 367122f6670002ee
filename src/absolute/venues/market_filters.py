"""Owns a market's filters as the venue states them, made into an `Instrument`; and amounts as text.

Only the venue's own strings are read: no default grid, no float. A filter that is missing where
orders need it is a refusal, not a guess. Knows nothing of sessions.
"""

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any

from absolute.domain.errors import UserError
from absolute.domain.ids import InstrumentId
from absolute.domain.instrument import Instrument, Kind
from absolute.domain.units import ZERO, Asset, Price, Qty, Quote, plain

Row = Mapping[str, Any]


def exact(amount: Decimal) -> str:
    """An amount as it goes out: every digit, no exponent."""
    return plain(amount)


def decimal_of(value: Any) -> Decimal | None:  # noqa: ANN401 -- JSON enters
    """A finite number of a venue's reply; None for nothing, raises ValueError for anything else."""
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is no number") from error
    if not number.is_finite():
        raise ValueError(f"{value!r} is no number")
    return number


def amount_of(value: Any) -> Decimal:  # noqa: ANN401 -- JSON enters
    """A finite number of a venue's reply, zero where it says nothing."""
    return decimal_of(value) or ZERO


def _above(value: Any, name: str, market: str) -> Decimal:  # noqa: ANN401 -- JSON enters
    number = decimal_of(value)
    if number is None or number <= ZERO:
        raise UserError(
            "FILTER_MISSING", f"{market}: the venue states no {name}; orders cannot be checked."
        )
    return number


def _limit(value: Any) -> Qty | None:  # noqa: ANN401 -- JSON enters
    number = decimal_of(value)
    return Qty(number) if number else None


def bybit_instrument(row: Row, *, linear: bool) -> Instrument:
    """A row of /v5/market/instruments-info."""
    market, lots = str(row["symbol"]), row["lotSizeFilter"]
    lot = lots["qtyStep"] if linear else lots["basePrecision"]
    most = lots.get("maxOrderQty") if linear else lots.get("maxLimitOrderQty")
    at_market = lots.get("maxMktOrderQty") if linear else lots.get("maxMarketOrderQty")
    least = lots.get("minNotionalValue") if linear else lots.get("minOrderAmt")
    most_value = None if linear else decimal_of(lots.get("maxOrderAmt"))
    return Instrument(
        id=InstrumentId(market),
        kind=Kind.LINEAR if linear else Kind.SPOT,
        base=Asset(str(row["baseCoin"])),
        quote=Asset(str(row["quoteCoin"])),
        tick=Price(_above(row["priceFilter"]["tickSize"], "tick size", market)),
        lot=Qty(_above(lot, "lot size", market)),
        min_qty=Qty(amount_of(lots.get("minOrderQty"))),
        min_notional=Quote(amount_of(least)),
        max_qty=_limit(most or lots.get("maxOrderQty")),
        max_market_qty=_limit(at_market),
        max_notional=Quote(most_value) if most_value else None,
    )


def binance_instrument(row: Row, *, linear: bool) -> Instrument:
    """A row of exchangeInfo, spot or USD-M."""
    market = str(row["symbol"])
    filters = {str(each["filterType"]): each for each in row["filters"]}
    price, lots = filters.get("PRICE_FILTER", {}), filters.get("LOT_SIZE", {})
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    most_value = decimal_of(notional.get("maxNotional"))
    return Instrument(
        id=InstrumentId(market),
        kind=Kind.LINEAR if linear else Kind.SPOT,
        base=Asset(str(row["baseAsset"])),
        quote=Asset(str(row["quoteAsset"])),
        tick=Price(_above(price.get("tickSize"), "tick size", market)),
        lot=Qty(_above(lots.get("stepSize"), "lot size", market)),
        min_qty=Qty(amount_of(lots.get("minQty"))),
        min_notional=Quote(amount_of(notional.get("minNotional") or notional.get("notional"))),
        max_qty=_limit(lots.get("maxQty")),
        max_market_qty=_limit(filters.get("MARKET_LOT_SIZE", {}).get("maxQty")),
        max_notional=Quote(most_value) if most_value else None,
    )


def unified_instrument(market: Row, *, step_is_digits: bool) -> Instrument:
    """A market in ccxt's words. `step_is_digits`: its precision counts decimals, not a step."""
    name, precision, limits = str(market["symbol"]), market["precision"], market["limits"]
    if market.get("inverse") or not (market.get("spot") or market.get("linear")):
        raise UserError("MARKET_NOT_SUPPORTED", f"{name}: only spot and linear markets are traded.")
    amounts, costs = limits.get("amount") or {}, limits.get("cost") or {}
    most_value = decimal_of(costs.get("max"))
    contract = decimal_of(market.get("contractSize")) if market.get("linear") else None
    return Instrument(
        id=InstrumentId(str(market["id"])),
        kind=Kind.LINEAR if market.get("linear") else Kind.SPOT,
        base=Asset(str(market["base"])),
        quote=Asset(str(market["quote"])),
        tick=Price(_step(precision.get("price"), name, digits=step_is_digits)),
        lot=Qty(_step(precision.get("amount"), name, digits=step_is_digits)),
        min_qty=Qty(amount_of(amounts.get("min"))),
        min_notional=Quote(amount_of(costs.get("min"))),
        max_qty=_limit(amounts.get("max")),
        max_notional=Quote(most_value) if most_value else None,
        contract=contract or Decimal(1),
    )


def _step(value: Any, market: str, *, digits: bool) -> Decimal:  # noqa: ANN401 -- JSON enters
    if digits and value is not None:
        return Decimal(1).scaleb(-int(value))
    return _above(value, "step", market)


def spend_down(spend: Decimal, unit: Decimal) -> Decimal:
    """Quote money to spend, no finer than the venue takes it: never more than was meant."""
    return spend.quantize(unit, ROUND_FLOOR)
