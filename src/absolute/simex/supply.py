"""Owns what the markets of a box are made of: tapes by base coin, speed, and the house's style."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from absolute.domain.units import Asset
from absolute.kernels.tape import Tape
from absolute.simex.house import HouseStyle
from absolute.simex.price_path import PathStyle


@dataclass(frozen=True, slots=True)
class Supply:
    """What moves the box's markets: one tape per base coin, how fast, and how the house quotes."""

    tapes: Mapping[Asset, Tape]
    path: PathStyle = field(default_factory=PathStyle)
    house: HouseStyle = field(default_factory=HouseStyle)
