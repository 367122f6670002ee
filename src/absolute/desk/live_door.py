"""Owns the way from a profile's name to a market that can be traded: keys, box, gateway.

A way that leads to real money needs its phrase before a socket is opened, and the box's fake keys
lead nowhere but into the box. It must not know what is traded.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from absolute.desk.box_state import BoxState, read_state
from absolute.desk.clock import SteadyClock, fresh_seed, generator
from absolute.desk.keys import key_desk, place_of
from absolute.desk.language import _
from absolute.desk.logs import register_secret
from absolute.desk.markets import split_symbol
from absolute.domain.errors import UserError
from absolute.domain.ids import BotId
from absolute.engine.reports import Gateway, VenueFacts
from absolute.store.runs import RunMode
from absolute.venues.credentials import Credentials
from absolute.venues.key_check import check_key
from absolute.venues.parts import Surroundings
from absolute.venues.profile_table import profile as profile_of
from absolute.venues.profiles import Profile, require_phrase
from absolute.venues.registry import open_gateway

LOG: Final = logging.getLogger("absolute.live")


@dataclass(frozen=True, slots=True)
class Way:
    """Where a run trades, as the user wrote it. `facts` replaces what proofs rest on (tests)."""

    profile: str
    symbol: str
    account: str = "default"
    box: bool = False
    paper: bool = False
    facts: VenueFacts | None = None

    @property
    def mode(self) -> RunMode:
        """Simulated fills, the box, or a real venue."""
        if self.paper:
            return RunMode.PAPER
        return RunMode.BOX if self.box else RunMode.LIVE

    @property
    def market(self) -> str:
        """The symbol in one spelling: BTC/USDT, or BTC/USDT:USDT for a perpetual."""
        pair, colon, settle = self.symbol.partition(":")
        return "/".join(split_symbol(pair)) + colon + settle.upper()

    @property
    def phrase(self) -> str | None:
        """What must be typed before this way is gone; None where no real money moves."""
        return profile_of(self.profile).phrase if self.mode is RunMode.LIVE else None


@asynccontextmanager
async def gateway(
    way: Way, bot: BotId, phrase: str | None = None, *, box: BoxState | None = None
) -> AsyncIterator[Gateway]:
    """The market of a way, open while it is used. Raises `UserError` where it may not be gone."""
    profile = profile_of(way.profile)
    if way.facts is not None:
        profile = replace(profile, facts=way.facts)
    if way.mode is RunMode.LIVE:
        require_phrase(profile, phrase)
    state = (box or read_state()) if way.box else None
    keys = _fake_keys(profile, state) if state is not None else _keys(profile, way)
    around = Surroundings(
        SteadyClock(),
        generator(fresh_seed()),
        box=None if state is None else state.address,
        bot=str(bot),
    )
    if way.mode is RunMode.LIVE and keys is not None:
        await allow_key(profile, keys, around)
    opened = await open_gateway(profile, way.market, keys, around=around)
    try:
        yield opened
    finally:
        await opened.close()


async def allow_key(profile: Profile, keys: Credentials, around: Surroundings) -> None:
    """Ask the venue what a key may do; raises `UserError` for one that withdraws or cannot trade.

    A venue that does not say leaves it open, so that a restart is not held up; it is in the log.
    """
    try:
        facts = await check_key(profile, keys, around)
    except UserError as fault:
        if fault.code != "KEY_UNCHECKED":
            raise
        LOG.warning("key not checked", extra={"profile": profile.name, "reason": fault.message})
        return
    for warning in facts.warnings:
        LOG.warning("key %s", warning, extra={"profile": profile.name})
    if facts.trades is False:
        message = _("The key for {profile} may not trade; make one that may.")
        raise UserError("KEY_CANNOT_TRADE", message.format(profile=profile.name))


def _fake_keys(profile: Profile, state: BoxState) -> Credentials:
    told = state.keys.get(profile.name)
    if told is None:
        message = _("The exchange in the box does not show {profile}; it shows {known}.")
        known = ", ".join(sorted(state.keys))
        raise UserError("BOX_VENUE_MISSING", message.format(profile=profile.name, known=known))
    return Credentials(profile.name, told["key"], told["secret"])


def _keys(profile: Profile, way: Way) -> Credentials | None:
    """The stored key; on paper only prices are read, which needs none."""
    if way.paper:
        return None
    found = key_desk().find(place_of(profile.name, way.account))
    own = found.credentials
    for secret in (own.key, own.secret, own.passphrase):
        if secret:
            register_secret(secret)
    LOG.info("key", extra={"profile": profile.name, "source": found.source})
    return found.credentials
