"""Owns the names of things: typed, so that an order's id cannot be passed as a deal's."""

from typing import NewType

InstrumentId = NewType("InstrumentId", str)
ClientOrderId = NewType("ClientOrderId", str)
VenueOrderId = NewType("VenueOrderId", str)
TradeId = NewType("TradeId", str)
BotId = NewType("BotId", str)
Role = NewType("Role", str)
"""The stable name of a wanted order inside one strategy: "entry", "exit", "rung 4"."""

CLIENT_ID_CHARS_MAX = 36
"""The shortest limit among the venues we speak to (Bybit `orderLinkId`, Binance spot)."""


def client_order_id(bot: BotId, role: Role, sequence: int) -> ClientOrderId:
    """Our own id of an order: bot, running number, role; a long bot name is cut, nothing else."""
    tail = f"-{sequence}-{role.replace(' ', '')}"
    return ClientOrderId(bot[: CLIENT_ID_CHARS_MAX - len(tail)] + tail)
