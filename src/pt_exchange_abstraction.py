"""Owns nothing: the names PowerTraderAI+ programs import from here, from where they live.

See docs/fleet.md for what is safe by default and how to point a program at the box.
"""

from absolute.desk.powertrader_exchanges import ExchangeFactory
from absolute.venues.fleet_errors import (
    ExchangeAuthenticationError,
    ExchangeConnectionError,
    ExchangeError,
    ExchangeNotSent,
    ExchangeOrderError,
    ExchangeOrderRejected,
    ExchangeOrderUnknown,
    ExchangeRateLimitError,
    ExchangeUnavailable,
)
from absolute.venues.fleet_exchange import AbstractExchange
from absolute.venues.fleet_terms import ExchangeType, MarketData, OrderRequest, OrderResult

__all__ = [
    "AbstractExchange",
    "ExchangeAuthenticationError",
    "ExchangeConnectionError",
    "ExchangeError",
    "ExchangeFactory",
    "ExchangeNotSent",
    "ExchangeOrderError",
    "ExchangeOrderRejected",
    "ExchangeOrderUnknown",
    "ExchangeRateLimitError",
    "ExchangeType",
    "ExchangeUnavailable",
    "MarketData",
    "OrderRequest",
    "OrderResult",
]
