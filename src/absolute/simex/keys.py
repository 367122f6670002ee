"""Owns the fake keys of the box: whom it knows from the start, and with what money.

They open nothing anywhere else, and are printed freely. It must not know any venue's protocol.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from absolute.domain.units import Asset
from absolute.simex.face import BoxKey, Environment

VENUES: Final = ("bybit", "binance", "binanceusdm")
START: Final[Mapping[Asset, Decimal]] = {Asset("USDT"): Decimal(10_000)}


def default_keys() -> tuple[BoxKey, ...]:
    """For each venue and environment: one that trades, one that reads, one that may withdraw.

    Named box-VENUE-ENVIRONMENT, with -read and -withdraw behind; the secret is the name with
    -secret behind it.
    """
    keys: list[BoxKey] = []
    for venue in VENUES:
        for environment in Environment:
            name = f"box-{venue}-{environment}"
            keys += [
                _key(name, venue, environment, {"read", "trade"}),
                _key(f"{name}-read", venue, environment, {"read"}),
                _key(f"{name}-withdraw", venue, environment, {"read", "trade", "withdraw"}),
            ]
    return tuple(keys)


def default_key(venue: str, environment: Environment) -> BoxKey:
    """The trading key of one venue and environment; raises KeyError for a venue not shown."""
    for key in default_keys():
        if key.venue == venue and key.environment is environment:
            return key
    raise KeyError(venue)


def _key(name: str, venue: str, environment: Environment, permissions: set[str]) -> BoxKey:
    return BoxKey(
        venue=venue,
        environment=environment,
        key=name,
        secret=f"{name}-secret",
        balances=START,
        permissions=frozenset(permissions),
    )
