"""Owns the second opinion after the kills: the exchange's own books against the journal's.

It reads the exchange's audit and the rows of the store, and nothing of what the bot concluded.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from absolute.desk.box_state import BoxState
from absolute.domain.errors import UserError
from absolute.domain.units import ZERO
from absolute.simex.control import CONTROL_HOST
from absolute.simex.orders import BoxStatus
from absolute.store.runs import Run
from absolute.store.sql_records import Row
from absolute.store.sql_store import open_records
from absolute.venues.box import box_session

OK: Final = 200
ALIVE: Final = frozenset(str(each) for each in BoxStatus if each.alive)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One lane's end. `failed` says why a lane could not be judged; then nothing counts."""

    died: Mapping[str, int] = field(default_factory=dict)
    lost_fills: int = 0
    double_orders: int = 0
    orphans: int = 0
    wrong_money: int = 0
    orders: int = 0
    fills: int = 0
    deals: int = 0
    settled: bool = False
    failed: str = ""


async def audit_of(box: BoxState, key: str) -> Mapping[str, Any]:
    """Everything one account ever did, as the exchange itself keeps it."""
    async with (
        box_session(box.address) as session,
        session.get(f"https://{CONTROL_HOST}/audit", params={"key": key}) as reply,
    ):
        found: list[Mapping[str, Any]] = await reply.json()
    (account,) = found
    return account


async def halt_market(box: BoxState, profile: str, symbol: str) -> None:
    """Let nothing trade any more in a market, so that two books can be compared at leisure."""
    venue, _, environment = profile.partition(":")
    step = {"do": "halt", "venue": venue, "environment": environment, "symbol": symbol}
    async with (
        box_session(box.address) as session,
        session.post(f"https://{CONTROL_HOST}/steer", json=step) as reply,
    ):
        if reply.status != OK:
            raise UserError("BOX_NOT_STEERED", f"{profile} was not halted: {await reply.text()}")


def judge(where: str, account: Mapping[str, Any]) -> Verdict:
    """Compare one account's books with the one run of a database that traded on it."""
    records = open_records(where)
    (run,) = records.runs()
    orders, fills = records.orders(run.id), records.fills(run.id)
    theirs = account["orders"]
    sent = Counter(each["client_id"] for each in theirs)
    journalled = {each["client_id"]: each for each in orders}
    doubled = sum(count - 1 for count in sent.values())
    unknown = [each for each in theirs if each["client_id"] not in journalled]
    return Verdict(
        lost_fills=_unequal_fills(account["executions"], fills),
        double_orders=doubled + _oversold(account),
        orphans=len(unknown) + _orphans(theirs, journalled),
        wrong_money=_wrong_money(run, account, fills),
        orders=len(orders),
        fills=len(fills),
        deals=sum(each["closed"] is not None for each in records.deals(run.id)),
    )


def _unequal_fills(theirs: Sequence[Mapping[str, Any]], ours: Sequence[Row]) -> int:
    """Executions that only one of the two knows, or knows with other numbers."""

    def key(each: Mapping[str, Any]) -> tuple[str, str, Decimal, Decimal]:
        price, qty = Decimal(each["price"]), Decimal(each["qty"])
        return each["client_id"], str(each["side"]), price.normalize(), qty.normalize()

    there, here = Counter(map(key, theirs)), Counter(map(key, ours))
    return ((there - here) + (here - there)).total()


def _orphans(theirs: Sequence[Mapping[str, Any]], ours: Mapping[str, Row]) -> int:
    """Orders that are open on one side only."""
    there = {each["client_id"] for each in theirs if each["status"] in ALIVE}
    ended = {"filled", "cancelled", "rejected", "expired"}
    here = {name for name, each in ours.items() if each["status"] not in ended}
    return len(there ^ here)


def _oversold(account: Mapping[str, Any]) -> int:
    """One where the open sells together want more than the account has: two exits for one."""
    owned = {asset: Decimal(each["total"]) for asset, each in account["balances"].items()}
    wanted = sum(
        (
            Decimal(each["qty"]) - Decimal(each["filled"])
            for each in account["orders"]
            if each["status"] in ALIVE and each["side"] == "sell"
        ),
        ZERO,
    )
    return int(wanted > owned.get("BTC", ZERO))


def _wrong_money(run: Run, account: Mapping[str, Any], fills: Sequence[Row]) -> int:
    """How many of the two balances differ from what the journal's fills make of the start."""
    quote, base = run.capital, ZERO
    for each in fills:
        qty, price = Decimal(each["qty"]), Decimal(each["price"])
        sign = 1 if each["side"] == "buy" else -1
        quote, base = quote - sign * qty * price, base + sign * qty
        fee = Decimal(each["fee_amount"])
        if each["fee_asset"] == run.instrument.base:
            base -= fee
        else:
            quote -= fee
    totals = account["balances"]
    told = {asset: Decimal(each["total"]) for asset, each in totals.items()}
    there = told.get(run.instrument.quote, ZERO), told.get(run.instrument.base, ZERO)
    return int(there[0] != quote) + int(there[1] != base)
