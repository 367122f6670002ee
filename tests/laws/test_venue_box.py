"""The same story at every venue of the box: what a gateway reports is what the exchange did."""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from absolute.desk.clock import WallClock, generator
from absolute.domain.ids import ClientOrderId, Role
from absolute.domain.instrument import Side
from absolute.domain.order import OrderType, Terms, TimeInForce
from absolute.domain.units import Asset, Nanos, Price, Qty, Quote
from absolute.engine.reports import (
    Acknowledged,
    Balances,
    CancelDenied,
    CancelTaken,
    Connected,
    Denied,
    Executions,
    ExecutionSeen,
    InDoubt,
    ListExecutions,
    ListOpen,
    LookUp,
    NotFound,
    OpenOrders,
    OrderSeen,
    Priced,
    ReadBalances,
    Seen,
    SendCancel,
    SendOrder,
)
from absolute.simex.binance_spot import binance_spot_face
from absolute.simex.binance_usdm import binance_usdm_face
from absolute.simex.bybit import bybit_face
from absolute.simex.certificates import Authority
from absolute.simex.coinbase import coinbase_face, coinbase_keys
from absolute.simex.face import BoxKey, Environment
from absolute.simex.fault_rules import rules_of
from absolute.simex.faults import FaultBook
from absolute.simex.kraken import kraken_face, kraken_keys
from absolute.simex.network import Door, Venue
from absolute.simex.supply import Supply
from absolute.venues.box import BoxAddress
from absolute.venues.credentials import Credentials
from absolute.venues.key_check import check_key
from absolute.venues.limiter import Gate, Limiter, Rule
from absolute.venues.parts import Surroundings
from absolute.venues.profile_table import profile
from absolute.venues.registry import open_gateway

from tests.box_markets import flat_tape

D = Decimal
FACES: dict[str, Any] = {
    "bybit": bybit_face,
    "binance": binance_spot_face,
    "binanceusdm": binance_usdm_face,
    "kraken": kraken_face,
    "coinbase": coinbase_face,
}
PLACES = [
    ("bybit:demo", "BTC/USDT"),
    ("bybit:testnet", "BTC/USDT"),
    ("bybit:demo", "BTC/USDT:USDT"),
    ("binance:demo", "BTC/USDT"),
    ("binance:testnet", "BTC/USDT"),
    ("binanceusdm:demo", "BTC/USDT:USDT"),
]
POLLED = pytest.mark.parametrize("name", ["kraken:main", "coinbase:main"])
VENUES = pytest.mark.parametrize(("name", "symbol"), PLACES, ids=lambda each: each)


@asynccontextmanager
async def boxed(place, name, symbol, **options):
    """A gateway to the box, its face, its address and what its listener heard."""
    venue, _, world = name.partition(":")
    money = {Asset("USDT"): D(10_000), Asset("BTC"): D(1)}
    terms = {"permissions": options.pop("permissions", frozenset({"read", "trade"}))}
    made = BoxKey(venue, Environment(world), "k" * 18, "s" * 36, money, **terms)
    key = {"kraken": kraken_keys, "coinbase": coinbase_keys}.get(venue, lambda: [made])()[0]
    face = FACES[venue]([key], Supply({Asset("BTC"): flat_tape()}))
    names = frozenset(face.hosts)
    authority = Authority(names)
    root = authority.write_root(place / "root.pem")
    book = FaultBook(generator(1), rules_of(options.pop("faults", ())))
    door = Door((Venue(venue, face),), WallClock(), book, authority)
    port = await door.open()
    address = BoxAddress("127.0.0.1", port, root, names)
    around = Surroundings(WallClock(), generator(3), box=address, bot="bot", poll_s=0.05)
    credentials = Credentials(name, key.key, key.secret)
    wide = Limiter((Rule(1_000_000_000, 1000, 100),))  # the venues' own would take minutes here
    around.gates[f"{name}/{key.key}"] = Gate(wide, around.clock.now_ns)
    try:
        yield face, around, credentials
    finally:
        await door.close()


async def until(true, seconds=5.0):
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


def of(heard, kind):
    return [each for each in heard if isinstance(each, kind)]


def order(role, side, price=None, **more):
    kind = OrderType.LIMIT if price is not None else OrderType.MARKET
    limit = Price(D(price)) if price is not None else None
    return Terms(Role(role), side, kind, price=limit, **more)


async def tell(gateway, heard, symbol):
    """Buy, rest, look, cancel; every report is kept for the test to judge."""
    said: dict[str, Any] = {}
    entry, rung = ClientOrderId("bot-1-entry"), ClientOrderId("bot-2-rung1")
    begun = Nanos(WallClock().now_ns() - 5_000_000_000)
    spot = ":" not in symbol
    size = {"spend": Quote(D(1000))} if spot else {"qty": Qty(D("0.02"))}
    said["bought"] = await gateway.perform(SendOrder(entry, order("entry", Side.BUY, **size)))
    await until(lambda: bool(of(heard, ExecutionSeen)))
    terms = order("rung 1", Side.BUY, "40000", qty=Qty(D("0.01")))
    said["rested"] = await gateway.perform(SendOrder(rung, terms))
    await until(lambda: any(each.client_id == rung for each in of(heard, OrderSeen)))
    said["open"] = await gateway.perform(ListOpen())
    said["looked"] = await gateway.perform(LookUp(rung, None))
    said["cancelled"] = await gateway.perform(SendCancel(rung, None))
    await until(
        lambda: any(
            each.client_id == rung and each.status is Seen.CANCELLED
            for each in of(heard, OrderSeen)
        )
    )
    said["again"] = await gateway.perform(SendCancel(rung, None))
    said["ended"] = await gateway.perform(LookUp(rung, None))
    said["never"] = await gateway.perform(LookUp(ClientOrderId("bot-9-rung9"), None))
    said["traded"] = await gateway.perform(ListExecutions(begun))
    said["owned"] = await gateway.perform(ReadBalances())
    return said


@VENUES
def test_what_is_reported_is_what_the_exchange_did(tmp_path, name, symbol):
    heard: list[Any] = []

    async def run():
        async with boxed(tmp_path, name, symbol) as (_, around, credentials):
            gateway = await open_gateway(profile(name), symbol, credentials, around=around)
            listening = asyncio.create_task(gateway.listen(heard.append))
            try:
                await until(lambda: bool(of(heard, Connected)) and bool(of(heard, Priced)))
                return await tell(gateway, heard, symbol)
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
                await gateway.close()

    said = asyncio.run(run())
    kinds = {
        "bought": Acknowledged,
        "rested": Acknowledged,
        "open": OpenOrders,
        "looked": OrderSeen,
        "cancelled": CancelTaken,
        "again": CancelDenied,
        "ended": OrderSeen,
        "never": NotFound,
        "traded": Executions,
        "owned": Balances,
    }
    assert {key: type(report) for key, report in said.items()} == kinds, said
    assert [each.client_id for each in said["open"].orders] == ["bot-2-rung1"]
    assert said["open"].orders[0].venue_id == said["rested"].venue_id
    assert (said["looked"].status, said["ended"].status) == (Seen.OPEN, Seen.CANCELLED)
    assert said["again"].gone
    streamed = {each.fill.trade_id: each.fill for each in of(heard, ExecutionSeen)}
    listed = {each.fill.trade_id: each.fill for each in said["traded"].executions}
    assert streamed == listed  # one trade is the same fill by both ways, to the last digit
    assert {fill.client_id for fill in listed.values()} == {"bot-1-entry"}
    assert all(fill.fee is not None for fill in listed.values())
    if ":" not in symbol:
        bought = sum((fill.qty for fill in listed.values()), D(0))
        fees = sum((f.fee.amount for f in listed.values() if f.fee.asset == "BTC"), D(0))
        assert dict(said["owned"].totals)["BTC"] == 1 + bought - fees


LOST = [
    {"do": "reset", "accepted": True},
    {"do": "reset", "accepted": False},
    {"do": "cut", "size": 15},
    {"do": "status", "status": 502, "accepted": True},
    {"do": "status", "status": 504, "accepted": False},
]


@pytest.mark.parametrize("fault", LOST, ids=lambda each: f"{each['do']}-{each.get('accepted')}")
@VENUES
def test_an_order_whose_answer_was_lost_is_in_doubt_and_then_found_or_not(
    tmp_path, name, symbol, fault
):
    async def run():
        rule = fault | {"when": {"method": "POST", "path": "order"}}
        async with boxed(tmp_path, name, symbol, faults=[rule]) as (_, around, credentials):
            gateway = await open_gateway(profile(name), symbol, credentials, around=around)
            try:
                rung = ClientOrderId("bot-2-rung1")
                terms = order("rung 1", Side.BUY, "40000", qty=Qty(D("0.01")))
                report = await gateway.perform(SendOrder(rung, terms))
                looked = await gateway.perform(LookUp(rung, None))
                return report, looked, await gateway.perform(ListOpen())
            finally:
                await gateway.close()

    report, looked, listed = asyncio.run(run())
    assert isinstance(report, InDoubt), report
    arrived = fault.get("accepted", True)
    assert isinstance(looked, OrderSeen if arrived else NotFound), looked
    assert len(listed.orders) == (1 if arrived else 0)  # one at most: it was sent once


@VENUES
def test_a_post_only_order_that_would_take_never_trades(tmp_path, name, symbol):
    heard: list[Any] = []

    async def run():
        async with boxed(tmp_path, name, symbol) as (_, around, credentials):
            gateway = await open_gateway(profile(name), symbol, credentials, around=around)
            listening = asyncio.create_task(gateway.listen(heard.append))
            try:
                await until(lambda: bool(of(heard, Connected)))
                only = {"qty": Qty(D("0.01")), "time_in_force": TimeInForce.POST_ONLY}
                terms = order("entry", Side.BUY, "50900", **only)
                report = await gateway.perform(SendOrder(ClientOrderId("bot-1-entry"), terms))
                if isinstance(report, Acknowledged):  # Bybit takes it in and cancels it
                    ended = {Seen.CANCELLED, Seen.REJECTED, Seen.EXPIRED}
                    await until(lambda: any(each.status in ended for each in of(heard, OrderSeen)))
                return report
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
                await gateway.close()

    report = asyncio.run(run())
    assert isinstance(report, Acknowledged if name.startswith("bybit") else Denied)
    assert not of(heard, ExecutionSeen)


@VENUES
def test_a_stop_rests_is_listed_and_can_be_taken_back(tmp_path, name, symbol):
    async def run():
        async with boxed(tmp_path, name, symbol) as (_, around, credentials):
            gateway = await open_gateway(profile(name), symbol, credentials, around=around)
            try:
                stop = ClientOrderId("bot-1-stop")
                terms = Terms(
                    Role("stop"),
                    Side.SELL,
                    OrderType.STOP,
                    qty=Qty(D("0.01")),
                    trigger=Price(D(40000)),
                )
                report: Any = await gateway.perform(SendOrder(stop, terms))
                listed = await gateway.perform(ListOpen())
                looked = await gateway.perform(LookUp(stop, None))
                cancelled = await gateway.perform(SendCancel(stop, report.venue_id))
                return report, listed, looked, cancelled, await gateway.perform(ListOpen())
            finally:
                await gateway.close()

    report, listed, looked, cancelled, after = asyncio.run(run())
    assert isinstance(report, Acknowledged), report
    assert [each.client_id for each in listed.orders] == ["bot-1-stop"]
    assert looked.status is Seen.OPEN
    assert isinstance(cancelled, CancelTaken), cancelled
    assert after.orders == ()


@VENUES
def test_a_key_is_checked_by_one_harmless_question(tmp_path, name, symbol):
    async def run():
        async with boxed(tmp_path, name, symbol) as (_, around, credentials):
            return await check_key(profile(name), credentials, around)

    facts = asyncio.run(run())
    assert facts.profile == name
    assert not facts.withdraws


@POLLED
def test_a_polled_venue_brings_the_same_reports_as_a_stream_would(tmp_path, name):
    heard: list[Any] = []
    said: dict[str, Any] = {}

    async def run():
        async with boxed(tmp_path, name, "BTC/USD") as (_, around, credentials):
            gateway = await open_gateway(profile(name), "BTC/USD", credentials, around=around)
            listening = asyncio.create_task(gateway.listen(heard.append))
            try:
                await until(lambda: bool(of(heard, Connected)) and bool(of(heard, Priced)), 10)
                begun = Nanos(WallClock().now_ns() - 60_000_000_000)
                entry, rung = ClientOrderId("bot-1-entry"), ClientOrderId("bot-2-rung1")
                terms = order("entry", Side.BUY, "50500", qty=Qty(D("0.01")))
                said["bought"] = await gateway.perform(SendOrder(entry, terms))
                await until(lambda: bool(of(heard, ExecutionSeen)), 10)
                terms = order("rung 1", Side.BUY, "40000", qty=Qty(D("0.01")))
                said["rested"] = await gateway.perform(SendOrder(rung, terms))
                await until(lambda: any(each.client_id == rung for each in of(heard, OrderSeen)))
                said["open"] = await gateway.perform(ListOpen())
                said["looked"] = await gateway.perform(LookUp(rung, None))
                said["cancelled"] = await gateway.perform(SendCancel(rung, None))
                await until(lambda: of(heard, OrderSeen)[-1].status is Seen.CANCELLED)
                said["never"] = await gateway.perform(LookUp(ClientOrderId("bot-9-x"), None))
                said["traded"] = await gateway.perform(ListExecutions(begun))
                said["owned"] = await gateway.perform(ReadBalances())
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
                await gateway.close()

    asyncio.run(run())
    assert isinstance(said["bought"], Acknowledged), said
    assert isinstance(said["rested"], Acknowledged), said
    assert [each.client_id for each in said["open"].orders] == ["bot-2-rung1"]
    assert (said["looked"].status, said["looked"].client_id) == (Seen.OPEN, "bot-2-rung1")
    assert isinstance(said["cancelled"], CancelTaken), said
    assert isinstance(said["never"], NotFound), said
    fills = {each.fill.trade_id: each.fill for each in said["traded"].executions}
    assert {each.fill.trade_id: each.fill for each in of(heard, ExecutionSeen)} == fills
    assert {fill.client_id for fill in fills.values()} == {"bot-1-entry"}
    assert all(fill.fee is not None for fill in fills.values())
    assert said["owned"].totals
