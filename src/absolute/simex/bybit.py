"""Owns the Bybit V5 face of the box: hosts, REST endpoints and WebSockets over the pure exchange.

It must not open a socket, read a clock, or decide what a trade does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from absolute.domain.units import Asset
from absolute.kernels.tape import Tape
from absolute.simex.exchange import Exchange
from absolute.simex.face import BoxKey, Environment, Face
from absolute.simex.house import HouseStyle
from absolute.simex.price_path import PathStyle

HOSTS: Final[Mapping[str, Environment]] = {
    "api.bybit.com": Environment.MAIN,
    "api.bytick.com": Environment.MAIN,
    "stream.bybit.com": Environment.MAIN,
    "api-testnet.bybit.com": Environment.TESTNET,
    "stream-testnet.bybit.com": Environment.TESTNET,
    "api-demo.bybit.com": Environment.DEMO,
    "stream-demo.bybit.com": Environment.DEMO,
}


@dataclass(frozen=True, slots=True)
class Supply:
    """What moves the box's markets: one tape per base coin, how fast, and how the house quotes."""

    tapes: Mapping[Asset, Tape]
    path: PathStyle = field(default_factory=PathStyle)
    house: HouseStyle = field(default_factory=HouseStyle)


class BybitFace(Face):
    """All of Bybit: main, testnet and demo, each with its own exchange (`exchanges`)."""

    exchanges: Mapping[Environment, Exchange]


def bybit_face(keys: Iterable[BoxKey], supply: Supply) -> BybitFace:
    """Bybit as the box shows it; keys of other venues are left aside."""
    raise NotImplementedError
