"""Owns what the box's Binance lists: markets, filters, fees, and `exchangeInfo`.

Numbers come from the venue's recorded answers (2021 to 2026); where none was recorded a row is
marked. It must not know accounts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from absolute.domain.fees import FeeSchedule
from absolute.domain.ids import InstrumentId
from absolute.domain.instrument import Instrument, Kind
from absolute.domain.units import NANOS_PER_MS, Asset, Nanos, Price, Qty, Quote, Ratio
from absolute.matching.book import SelfTrade
from absolute.simex.binance_limits import SPOT_LIMITS, USDM_LIMITS
from absolute.simex.binance_market_rows import digits
from absolute.simex.bybit import Supply
from absolute.simex.exchange import Stall
from absolute.simex.listing import Caps, Category, Listing, ListingStatus, Market, VenueRules
from absolute.simex.price_path import PricePath

USDT: Final = Asset("USDT")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Grid:
    """The filters of one market."""

    tick: str
    lot: str
    min_notional: str
    max_qty: str
    max_market_qty: str
    leverage_max: int = 1


SPOT_GRIDS: Final[Mapping[str, Grid]] = {
    "BTC": Grid("0.01", "0.00001", "5", "9000", "112.2"),
    "ETH": Grid("0.01", "0.0001", "5", "9000", "1630.4"),
    "SOL": Grid("0.01", "0.001", "5", "90000", "20000"),
}
SPOT_GRID_ELSE: Final = Grid("0.0001", "0.01", "5", "900000", "90000")
"""Assumption: a coin without a recorded filter."""
USDM_GRIDS: Final[Mapping[str, Grid]] = {
    "BTC": Grid("0.1", "0.001", "100", "1000", "120", 125),
    "ETH": Grid("0.01", "0.001", "20", "10000", "2000", 100),
    "SOL": Grid("0.01", "0.01", "5", "1000000", "10000", 75),
}
USDM_GRID_ELSE: Final = Grid("0.0001", "1", "5", "10000000", "1000000", 75)
SPOT_FEES: Final = FeeSchedule(Ratio(Decimal("0.001")), Ratio(Decimal("0.001")))
USDM_FEES: Final = FeeSchedule(Ratio(Decimal("0.0002")), Ratio(Decimal("0.0004")))
SPOT_PRICE_UP: Final = Decimal(5)
SPOT_PRICE_DOWN: Final = Decimal("0.2")
"""PERCENT_PRICE_BY_SIDE, as recorded for both sides; measured at the last price (assumption)."""
USDM_BAND: Final = Decimal("0.05")
SPOT_RULES: Final = VenueRules(
    client_ids_forever=False,
    post_only_refused=True,
    spend_rest_fills=True,
    self_trade=SelfTrade.ALLOW,
    caps={Category.SPOT: Caps(open_per_market_max=200, triggers_per_market_max=5)},
)
"""Source: rest-api.md "New order" (`newClientOrderId`), filters.md; MAX_NUM as recorded."""
USDM_RULES: Final = VenueRules(
    client_ids_forever=False,
    post_only_refused=True,
    spend_rest_fills=True,
    self_trade=SelfTrade.ALLOW,
    caps={Category.LINEAR: Caps(open_per_market_max=200, triggers_per_market_max=10)},
    leverage_default=Decimal(20),
)
"""Reuse of a client id after its order ended is documented for spot; for USD-M an assumption."""

STATUS: Final = {
    ListingStatus.TRADING: "TRADING",
    ListingStatus.PRE_LAUNCH: "PENDING_TRADING",
    ListingStatus.HALTED: "BREAK",
}
SPOT_TYPES: Final = (
    "LIMIT LIMIT_MAKER MARKET STOP_LOSS STOP_LOSS_LIMIT TAKE_PROFIT TAKE_PROFIT_LIMIT".split()
)
USDM_TYPES: Final = (
    "LIMIT MARKET STOP STOP_MARKET TAKE_PROFIT TAKE_PROFIT_MARKET TRAILING_STOP_MARKET".split()
)
SELF_TRADE_MODES: Final = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
FOREVER_MS: Final = 4_133_404_800_000
ONBOARD_MS: Final = 1_569_398_400_000


def spot_stalls(supply: Supply) -> list[Stall]:
    """Each coin of the supply against USDT, spot."""
    return [_stall(supply, coin, Category.SPOT) for coin in supply.tapes]


def usdm_stalls(supply: Supply) -> list[Stall]:
    """Each coin of the supply as a perpetual in USDT."""
    return [_stall(supply, coin, Category.LINEAR) for coin in supply.tapes]


def _stall(supply: Supply, coin: Asset, category: Category) -> Stall:
    spot = category is Category.SPOT
    grids, other = (SPOT_GRIDS, SPOT_GRID_ELSE) if spot else (USDM_GRIDS, USDM_GRID_ELSE)
    grid = grids.get(coin, other)
    symbol = f"{coin}USDT"
    instrument = Instrument(
        id=InstrumentId(f"binance-{'spot' if spot else 'usdm'}-{symbol}"),
        kind=Kind.SPOT if spot else Kind.LINEAR,
        base=coin,
        quote=USDT,
        tick=Price(Decimal(grid.tick)),
        lot=Qty(Decimal(grid.lot)),
        min_qty=Qty(Decimal(grid.lot)),
        min_notional=Quote(Decimal(grid.min_notional)),
        max_qty=Qty(Decimal(grid.max_qty)),
        max_market_qty=Qty(Decimal(grid.max_market_qty)),
        max_notional=Quote(Decimal(9_000_000)) if spot else None,
    )
    listing = Listing(
        market=Market(category, symbol),
        instrument=instrument,
        fees=SPOT_FEES if spot else USDM_FEES,
        band=None if spot else USDM_BAND,
        leverage_max=Decimal(grid.leverage_max),
    )
    return Stall(listing, PricePath(supply.tapes[coin], supply.path), supply.house)


# --- exchangeInfo ---------------------------------------------------------------------------------


def spot_info(listings: Sequence[Listing], now: Nanos) -> Row:
    """Spot's `exchangeInfo`."""
    return {
        "timezone": "UTC",
        "serverTime": now // NANOS_PER_MS,
        "rateLimits": [each.row() for each in SPOT_LIMITS],
        "exchangeFilters": [],
        "symbols": [_spot_symbol(each) for each in listings],
        "sors": [],
    }


def _spot_symbol(listing: Listing) -> Row:
    instrument = listing.instrument
    return {
        "symbol": listing.market.symbol,
        "status": STATUS[listing.status],
        "baseAsset": instrument.base,
        "baseAssetPrecision": 8,
        "quoteAsset": instrument.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(SPOT_TYPES),
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": spot_filters(listing),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": list(SELF_TRADE_MODES),
    }


def spot_filters(listing: Listing) -> list[Row]:
    """The filters of one spot market (filters.md)."""
    instrument = listing.instrument
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": _eight(instrument.tick),
            "maxPrice": "1000000.00000000",
            "tickSize": _eight(instrument.tick),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": _eight(instrument.min_qty),
            "maxQty": _eight(instrument.max_qty),
            "stepSize": _eight(instrument.lot),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": "0.00000000",
            "maxQty": _eight(instrument.max_market_qty),
            "stepSize": "0.00000000",
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": _eight(instrument.min_notional),
            "applyMinToMarket": True,
            "maxNotional": _eight(instrument.max_notional),
            "applyMaxToMarket": True,
            "avgPriceMins": 0,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": f"{SPOT_PRICE_UP}",
            "bidMultiplierDown": f"{SPOT_PRICE_DOWN}",
            "askMultiplierUp": f"{SPOT_PRICE_UP}",
            "askMultiplierDown": f"{SPOT_PRICE_DOWN}",
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
    ]


def usdm_info(listings: Sequence[Listing], now: Nanos) -> Row:
    """USD-M's `exchangeInfo`."""
    return {
        "timezone": "UTC",
        "serverTime": now // NANOS_PER_MS,
        "rateLimits": [each.row() for each in USDM_LIMITS],
        "exchangeFilters": [],
        "assets": [{"asset": USDT, "marginAvailable": True, "autoAssetExchange": "0"}],
        "symbols": [_usdm_symbol(each) for each in listings],
    }


def _usdm_symbol(listing: Listing) -> Row:
    instrument = listing.instrument
    return {
        "symbol": listing.market.symbol,
        "pair": listing.market.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": FOREVER_MS,
        "onboardDate": ONBOARD_MS,
        "status": STATUS[listing.status],
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": instrument.base,
        "quoteAsset": instrument.quote,
        "marginAsset": instrument.settle,
        "pricePrecision": digits(instrument.tick),
        "quantityPrecision": digits(instrument.lot),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": f"{USDM_BAND}",
        "filters": usdm_filters(listing),
        "orderTypes": list(USDM_TYPES),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def usdm_filters(listing: Listing) -> list[Row]:
    """The filters of one USD-M market."""
    instrument = listing.instrument
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": f"{instrument.tick}",
            "maxPrice": "1000000",
            "tickSize": f"{instrument.tick}",
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": f"{instrument.min_qty}",
            "maxQty": f"{instrument.max_qty}",
            "stepSize": f"{instrument.lot}",
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": f"{instrument.min_qty}",
            "maxQty": f"{instrument.max_market_qty}",
            "stepSize": f"{instrument.lot}",
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": f"{instrument.min_notional}"},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": f"{1 + USDM_BAND}",
            "multiplierDown": f"{1 - USDM_BAND}",
            "multiplierDecimal": "4",
        },
    ]


def _eight(value: Decimal | None) -> str:
    return f"{value if value is not None else Decimal(0):.8f}"
