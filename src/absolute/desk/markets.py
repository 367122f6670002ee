"""Owns the markets a run can name without asking a venue: their grids as of late 2024.

A real venue's filters come with its own connection; these serve back-tests and paper. Sources:
Binance spot and USD-M `exchangeInfo`, Bybit V5 `instruments-info` (BTCUSDT, BTCUSD).
"""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from absolute.domain.errors import UserError
from absolute.domain.ids import InstrumentId
from absolute.domain.instrument import Instrument, Kind
from absolute.domain.units import Asset, Price, Qty, Quote

QUOTES: Final = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "EUR", "BRL", "USD", "BTC", "ETH", "BNB")


@dataclass(frozen=True, slots=True)
class Grid:
    """A user's own filters; None keeps the market's."""

    tick: Decimal | None = None
    lot: Decimal | None = None
    min_notional: Decimal | None = None


def split_symbol(symbol: str) -> tuple[Asset, Asset]:
    """Base and quote of `BTCUSDT`, `BTC-USDT`, `BTC/USDT`; raises `UserError` where unclear."""
    plain = symbol.upper().strip()
    if re.fullmatch(r"[A-Z0-9]+[/_-]?[A-Z0-9]*", plain) is None:
        plain = ""
    for mark in ("/", "-", "_"):
        if mark in plain:
            base, _, quote = plain.partition(mark)
            quote = quote.removesuffix("PERP") or "USDT"
            if base != quote:
                return Asset(base), Asset(quote)
    for quote in QUOTES:
        if plain.isalnum() and plain.endswith(quote) and len(plain) > len(quote):
            return Asset(plain.removesuffix(quote)), Asset(quote)
    raise UserError(
        "SYMBOL_UNKNOWN", f"'{symbol}' is no market we can split; write it as BASE/QUOTE."
    )


def market(symbol: str, kind: Kind, *, unit: Decimal, grid: Grid) -> Instrument:
    """The instrument of a symbol, on the data's own price unit unless the user gives a tick."""
    base, quote = split_symbol(symbol)
    tick = grid.tick if grid.tick is not None else unit
    if tick % unit:
        raise UserError(
            "TICK_OFF_GRID",
            f"The tick {tick} is no whole multiple of the data's price unit {unit}.",
        )
    known = _FILTERS[kind]
    found = replace(
        known, id=InstrumentId(f"{base}{quote}"), base=base, quote=quote, tick=Price(tick)
    )
    if grid.lot is not None:
        found = replace(found, lot=Qty(grid.lot), min_qty=Qty(grid.lot))
    if grid.min_notional is not None:
        found = replace(found, min_notional=Quote(grid.min_notional))
    return found


_BTC, _USDT = Asset("BTC"), Asset("USDT")
_FILTERS: Final = {
    Kind.SPOT: Instrument(
        InstrumentId("BTCUSDT"),
        Kind.SPOT,
        _BTC,
        _USDT,
        tick=Price(Decimal("0.01")),
        lot=Qty(Decimal("0.00001")),
        min_qty=Qty(Decimal("0.00001")),
        min_notional=Quote(Decimal(5)),
        max_qty=Qty(Decimal(9000)),
        max_notional=Quote(Decimal(9_000_000)),
    ),
    Kind.LINEAR: Instrument(
        InstrumentId("BTCUSDT"),
        Kind.LINEAR,
        _BTC,
        _USDT,
        tick=Price(Decimal("0.1")),
        lot=Qty(Decimal("0.001")),
        min_qty=Qty(Decimal("0.001")),
        min_notional=Quote(Decimal(5)),
        max_qty=Qty(Decimal(1000)),
        max_market_qty=Qty(Decimal(120)),
    ),
    Kind.INVERSE: Instrument(
        InstrumentId("BTCUSD"),
        Kind.INVERSE,
        _BTC,
        Asset("USD"),
        tick=Price(Decimal("0.1")),
        lot=Qty(Decimal(1)),
        min_qty=Qty(Decimal(1)),
        min_notional=Quote(Decimal(1)),
        max_qty=Qty(Decimal(25_000_000)),
        max_market_qty=Qty(Decimal(5_000_000)),
    ),
}
