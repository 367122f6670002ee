"""Owns nothing: the names PowerTraderAI+ programs import from here, from where they live."""

from absolute.desk.powertrader import MultiExchangeManager, config_utils
from absolute.desk.powertrader_config import ExchangeConfigManager

__all__ = ["ExchangeConfigManager", "MultiExchangeManager", "config_utils"]
