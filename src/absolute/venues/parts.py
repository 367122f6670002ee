"""Owns what a gateway is handed: time, luck and the box from outside, its parts from its maker."""

from dataclasses import dataclass, field

import aiohttp
import numpy as np

from absolute.venues.box import BoxAddress
from absolute.venues.clock_offset import Clock, VenueClock
from absolute.venues.dialect import Dialect
from absolute.venues.limiter import Gate
from absolute.venues.profiles import Profile
from absolute.venues.sockets import Patience


@dataclass(slots=True)
class Surroundings:
    """What a gateway is handed from outside: time, luck, the box's address, the bot's name.

    `patience` of sockets, and how often a polled venue and late fees are asked for and a stream's
    key is kept alive, in seconds; `poll_s` of None: as the profile says. After `quiet_s` without a
    trade on the public stream the price is asked for.
    `gates` are shared by all gateways made with the same surroundings: one key has one budget.
    """

    clock: Clock
    generator: np.random.Generator
    box: BoxAddress | None = None
    bot: str = ""
    patience: Patience = field(default_factory=Patience)
    poll_s: float | None = None
    fees_s: float = 5.0
    renew_s: float = 20 * 60.0
    quiet_s: float = 20.0
    gates: dict[str, Gate] = field(default_factory=dict)


@dataclass(slots=True)
class Parts:
    """What a gateway is put together from. `signed`: it has a key and hears of its own orders."""

    profile: Profile
    dialect: Dialect
    session: aiohttp.ClientSession
    clock: VenueClock
    gate: Gate
    signed: bool
