"""Owns nothing: the names PowerTraderAI+ programs import from here, from where they live."""

from absolute.desk.powertrader_exchanges import (
    BinanceExchange,
    BitstampExchange,
    BybitExchange,
    CoinbaseExchange,
    KrakenExchange,
    KuCoinExchange,
    OKXExchange,
    RobinhoodExchange,
)
from absolute.venues import symbols as symbol_utils

__all__ = [
    "BinanceExchange",
    "BitstampExchange",
    "BybitExchange",
    "CoinbaseExchange",
    "KrakenExchange",
    "KuCoinExchange",
    "OKXExchange",
    "RobinhoodExchange",
    "symbol_utils",
]
