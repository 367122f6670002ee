"""Owns how a gateway is put together for a profile, a market and a key, and checked before use."""

from collections.abc import Awaitable, Callable

from absolute.domain.errors import UserError
from absolute.engine.reports import Gateway
from absolute.venues.binance_dialect import open_binance
from absolute.venues.bybit_dialect import open_bybit
from absolute.venues.ccxt_client import open_client, open_session
from absolute.venues.clock_offset import VenueClock
from absolute.venues.credentials import Credentials
from absolute.venues.dialect import Dialect, Line
from absolute.venues.error_table import VenueFault
from absolute.venues.gateway import CcxtGateway
from absolute.venues.limiter import Gate, Limiter, rules_for
from absolute.venues.parts import Parts, Surroundings
from absolute.venues.profiles import Family, Profile
from absolute.venues.rows import BAD_ROW
from absolute.venues.usdm_dialect import open_usdm


async def open_unified(line: Line, symbol: str) -> Dialect:
    """Any other venue, in ccxt's words."""
    from absolute.venues import unified_dialect  # stands on ccxt, which takes a second to import

    return await unified_dialect.open_unified(line, symbol)


Opener = Callable[[Line, str], Awaitable[Dialect]]
OPENERS: dict[Family, Opener] = {
    Family.BYBIT: open_bybit,
    Family.BINANCE: open_binance,
    Family.BINANCE_USDM: open_usdm,
    Family.UNIFIED: open_unified,
}
CLOCK_SAMPLES = 3


async def open_gateway(
    profile: Profile, symbol: str, credentials: Credentials | None, *, around: Surroundings
) -> Gateway:
    """The gateway of one market, such as BTC/USDT or BTC/USDT:USDT: filters read, clock set.

    Without credentials only public questions are answered. Raises UserError where the venue cannot
    be reached, the market does not exist, or profile and key do not agree.
    """
    if credentials is not None:
        profile.check_key(credentials)
    clock = VenueClock(around.clock)
    owner = f"{profile.name}/{credentials.key if credentials else ''}"
    gate = around.gates.setdefault(
        owner, Gate(Limiter(rules_for(profile.venue, profile.family)), clock.clock.now_ns)
    )
    session = open_session(around.box)
    client = open_client(profile, credentials, session=session, clock=clock, gate=gate)
    line = Line(client, profile, session)
    try:
        dialect = await OPENERS[profile.family](line, symbol)
        gateway = CcxtGateway(
            Parts(profile, dialect, session, clock, gate, credentials is not None), around
        )
        for _ in range(CLOCK_SAMPLES):
            await gateway.sync()
    except (UserError, VenueFault, *BAD_ROW) as error:
        await line.client.close()
        await session.close()
        if isinstance(error, UserError):
            raise
        detail = error.detail if isinstance(error, VenueFault) else repr(error)
        raise UserError(
            "VENUE_UNREACHABLE",
            f"{profile.name} did not tell of {symbol} ({detail}); check the connection and that "
            "the venue is up, then try again.",
        ) from error
    return gateway
