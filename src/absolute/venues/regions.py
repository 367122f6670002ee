"""Owns which exchange serves which region, as the PowerTraderAI+ document tells it.

A region is what a person says of where they live; it keeps an exchange that would not serve them
out of every automatic choice. It must not know configurations, and it gives no legal advice: the
exchange itself has the last word.
"""

from collections.abc import Mapping
from typing import Final

from absolute.domain.errors import UserError

REGIONS: Final = ("us", "eu", "global")

# Robinhood, Kraken and Binance are printed in the document; the others are what the exchanges say
# of themselves, and an assumption as far as the document goes.
SUPPORTED: Final[Mapping[str, tuple[str, ...]]] = {
    "robinhood": ("us",),
    "kraken": ("us", "eu", "global"),
    "binance": ("eu", "global"),
    "coinbase": ("us", "eu", "global"),
    "kucoin": ("global",),
    "bitstamp": ("us", "eu", "global"),
    "bybit": ("eu", "global"),
    "okx": ("eu", "global"),
}


def check_region(region: str) -> str:
    """The region as we write it; raises UserError REGION_UNKNOWN."""
    found = region.strip().lower()
    if found not in REGIONS:
        known = ", ".join(REGIONS)
        raise UserError("REGION_UNKNOWN", f"region {region!r} is not known; write one of: {known}.")
    return found


def supported_regions(exchange: str) -> list[str]:
    """The regions an exchange serves; an exchange we do not know serves none."""
    return list(SUPPORTED.get(exchange, ()))


def recommended(region: str) -> list[str]:
    """The exchanges that serve a region, in the order in which equal prices are decided."""
    asked = check_region(region)
    return [name for name, regions in SUPPORTED.items() if asked in regions]
