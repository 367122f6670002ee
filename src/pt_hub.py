"""Owns nothing: the names PowerTraderAI+ programs import from here, from where they live."""

from absolute.desk.powertrader_settings import PowerTraderHub

__all__ = ["PowerTraderHub"]
