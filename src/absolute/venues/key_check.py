"""Owns the look at a key before its use: does it open its world, may it withdraw, who may use it.

One harmless signed question. A key that may withdraw is refused; one that works from anywhere gets
a warning, and so does a venue that does not tell what a key may do.
"""

from dataclasses import dataclass
from typing import Any

from absolute.domain.errors import UserError
from absolute.venues.ccxt_client import open_client, open_session
from absolute.venues.clock_offset import VenueClock, sample
from absolute.venues.credentials import Credentials
from absolute.venues.dialect import Line
from absolute.venues.error_table import Meaning, VenueFault, judge
from absolute.venues.limiter import Gate, Limiter, rules_for
from absolute.venues.parts import Surroundings
from absolute.venues.profiles import Environment, Family, Profile
from absolute.venues.rows import BAD_ROW, nanos_of

UNTOLD = "PERMISSIONS_UNKNOWN"
ANYWHERE = "NO_IP_RESTRICTION"
NO_TRADE = "CANNOT_TRADE"


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What the venue says of a key; None where it does not say. `warnings` are codes."""

    profile: str
    trades: bool | None
    withdraws: bool | None
    ip_bound: bool | None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should mend, though it works."""
        found = []
        if self.withdraws is None:
            found.append(UNTOLD)
        if self.ip_bound is False:
            found.append(ANYWHERE)
        if self.trades is False:
            found.append(NO_TRADE)
        return tuple(found)


async def check_key(profile: Profile, credentials: Credentials, around: Surroundings) -> KeyFacts:
    """Sign one question; raises UserError for a key refused, or one that may withdraw."""
    profile.check_key(credentials)
    clock = VenueClock(around.clock)
    gate = Gate(Limiter(rules_for(profile.venue, profile.family)), around.clock.now_ns)
    session = open_session(around.box)
    client = open_client(profile, credentials, session=session, clock=clock, gate=gate)
    try:
        facts = await _ask(Line(client, profile, session), clock)
    except VenueFault as fault:
        raise _refused(profile, fault) from fault
    except BAD_ROW as error:
        raise UserError(
            "KEY_UNCHECKED", f"{profile.name} told of the key in words nobody knows: {error!r}."
        ) from error
    finally:
        await client.close()
        await session.close()
    if facts.withdraws:
        raise UserError(
            "KEY_CAN_WITHDRAW",
            f"the key for {profile.name} may withdraw money; make one that only reads and trades.",
        )
    return facts


def _refused(profile: Profile, fault: VenueFault) -> UserError:
    judged = judge(profile.family, profile.venue, fault)
    if judged.meaning in {Meaning.AUTH, Meaning.PERMISSION} or fault.status in {401, 403}:
        return UserError(
            "KEY_REFUSED",
            f"{profile.name} refused the key ({judged.code}: {judged.detail}); check that it was"
            f" made there, that it is complete, and which addresses may use it.",
        )
    return UserError(
        "KEY_UNCHECKED", f"{profile.name} could not be asked: {judged.code}: {judged.detail}"
    )


async def _ask(line: Line, clock: VenueClock) -> KeyFacts:
    match line.profile.family:
        case Family.BYBIT:
            await _set_clock(line, clock, ("public", "v5/market/time"))
            return await _bybit(line)
        case Family.BINANCE:
            await _set_clock(line, clock, ("public", "time"))
            return await _binance(line, "private", "account")
        case Family.BINANCE_USDM:
            await _set_clock(line, clock, ("fapiPublic", "time"))
            return await _binance(line, "fapiPrivateV3", "balance")
        case Family.UNIFIED if line.profile.venue == "okx":
            return await _okx(line)
        case Family.UNIFIED:
            await line.client.fetch_balance()
            return KeyFacts(line.profile.name, None, None, None)


async def _set_clock(line: Line, clock: VenueClock, place: tuple[str, str]) -> None:
    sent = clock.clock.now_ns()
    reply = await line.ask(place[0], f"GET {place[1]}", {})
    told = reply.get("serverTime") or reply["result"]["timeNano"]
    clock.learn(sample(sent, clock.clock.now_ns(), nanos_of(told)))


async def _bybit(line: Line) -> KeyFacts:
    """GET /v5/user/query-api; the demo world may not have it, and its money cannot leave."""
    name = line.profile.name
    try:
        reply = await line.ask("private", "GET v5/user/query-api", {})
    except VenueFault as fault:
        judged = judge(line.profile.family, line.profile.venue, fault)
        known = judged.meaning not in {Meaning.UNKNOWN, Meaning.DENIED}
        if known or line.profile.environment is not Environment.DEMO:
            raise
        words = {"accountType": "UNIFIED"}
        await line.ask("private", "GET v5/account/wallet-balance", words)
        return KeyFacts(name, None, False, None)
    row: dict[str, Any] = reply["result"]
    told = row.get("permissions")
    allowed = {each for group in (told or {}).values() for each in group}
    ips = set(row.get("ips") or ())
    return KeyFacts(
        profile=name,
        trades=str(row.get("readOnly")) == "0" and bool(allowed & {"SpotTrade", "Order"}),
        withdraws="Withdraw" in allowed if told else None,
        ip_bound=bool(ips) and "*" not in ips,
    )


async def _binance(line: Line, api: str, path: str) -> KeyFacts:
    """GET sapi/v1/account/apiRestrictions; the play worlds have none and nothing to withdraw."""
    name = line.profile.name
    if line.profile.environment is not Environment.MAIN:
        reply = await line.ask(api, f"GET {path}", {})
        trades = reply.get("canTrade") if isinstance(reply, dict) else None
        return KeyFacts(name, trades, False, None)
    row = await line.ask("sapi", "GET account/apiRestrictions", {})
    futures = line.profile.family is Family.BINANCE_USDM
    return KeyFacts(
        profile=name,
        trades=bool(row["enableFutures" if futures else "enableSpotAndMarginTrading"]),
        withdraws=bool(row["enableWithdrawals"]),
        ip_bound=bool(row["ipRestrict"]),
    )


async def _okx(line: Line) -> KeyFacts:
    """GET account/config names what a key may do and from where."""
    reply = await line.ask("private", "GET account/config", {})
    row = reply["data"][0]
    told = str(row.get("perm") or "")
    allowed = {each.strip() for each in told.split(",")}
    withdraws = "withdraw" in allowed if told else None
    return KeyFacts(line.profile.name, "trade" in allowed, withdraws, bool(row.get("ip")))
