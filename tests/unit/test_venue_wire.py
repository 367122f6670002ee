"""The one way to the wire: no redirect, no proxy of the environment, no endless body, no bad TLS.

Keys are looked at by the same way.
"""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from absolute.desk.clock import ManualClock, WallClock, generator
from absolute.domain.errors import UserError
from absolute.domain.ids import ClientOrderId, Role
from absolute.domain.instrument import Side
from absolute.domain.order import OrderType, Terms
from absolute.domain.units import Price, Qty
from absolute.engine.reports import (
    Broken,
    ListExecutions,
    ListOpen,
    OpenOrders,
    SendOrder,
    Unanswered,
)
from absolute.simex.certificates import Authority
from absolute.simex.face import HttpReply
from absolute.simex.fault_rules import rules_of
from absolute.simex.faults import FaultBook
from absolute.simex.network import Door, Venue
from absolute.venues.box import BoxAddress
from absolute.venues.ccxt_client import BODY_BYTES_MAX, open_client, open_session
from absolute.venues.clock_offset import VenueClock
from absolute.venues.credentials import Credentials
from absolute.venues.error_table import VenueFault
from absolute.venues.key_check import check_key
from absolute.venues.limiter import Gate, Limiter, Rule
from absolute.venues.parts import Surroundings
from absolute.venues.profile_table import TABLE, profile
from absolute.venues.registry import open_gateway

from tests.binance_script import binance
from tests.bybit_script import bybit, no, now_ms, page, yes
from tests.scripted_venue import scene

D = Decimal


def ask_open(tmp_path, face, *, name="bybit:demo", faults=()):
    async def run():
        async with scene(tmp_path, face, name=name, faults=faults) as held:
            return await held.gateway.perform(ListOpen())

    return asyncio.run(run())


def test_a_redirect_is_not_followed_even_to_an_allowed_host(tmp_path):
    face = bybit(history=page([]))
    there = {"Location": "https://api-demo.bybit.com/v5/order/history"}
    rule = {
        "do": "status",
        "status": 302,
        "headers": there,
        "when": {"path": "order/realtime"},
    }
    assert isinstance(ask_open(tmp_path, face, faults=[rule]), Unanswered)
    assert not face.requests("GET /v5/order/history")


def test_a_reply_without_end_is_cut_off(tmp_path):
    huge = HttpReply(200, b'{"retCode": 0, "x": "' + b"y" * BODY_BYTES_MAX + b'"}')
    report = ask_open(tmp_path, bybit(realtime=lambda _: huge))
    assert isinstance(report, Unanswered)
    assert "without end" in report.detail


@pytest.mark.parametrize("body", [b"[" * 100_000, b"\xff\xfe", b"", b"null", b"[]", b"0"])
def test_a_body_that_is_no_answer_is_none(tmp_path, body):
    report = ask_open(tmp_path, bybit(realtime=lambda _: HttpReply(200, body)))
    assert isinstance(report, Unanswered)


def test_fractions_are_kept_as_the_text_they_came_in(tmp_path):
    async def run():
        body = json.dumps(yes({"list": [{"lastPrice": "PRICE"}]})).replace(
            '"PRICE"', "50000.100000000000000001"
        )
        face = bybit(tickers=lambda _: HttpReply(200, body.encode()))
        async with scene(tmp_path, face, name="bybit:demo") as held:
            tick = await held.gateway._dialect.price()
            return tick.price

    assert asyncio.run(run()) == D("50000.100000000000000001")


def test_a_proxy_of_the_environment_is_not_used(tmp_path, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "WSS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert isinstance(ask_open(tmp_path, bybit()), OpenOrders)


def test_a_certificate_of_another_authority_is_refused_and_nothing_is_sent(tmp_path):
    async def run():
        face = bybit()
        names = frozenset(face.hosts)
        book = FaultBook(generator(1), rules_of(()))
        door = Door((Venue("bybit", face),), WallClock(), book, Authority(names))
        port = await door.open()
        other = Authority(names).write_root(tmp_path / "other.pem")
        around = Surroundings(
            WallClock(), generator(2), box=BoxAddress("127.0.0.1", port, other, names)
        )
        key = Credentials("bybit:demo", "k", "s")
        try:
            with pytest.raises(UserError) as caught:
                await open_gateway(profile("bybit:demo"), "BTC/USDT", key, around=around)
        finally:
            await door.close()
        return caught.value.code, face.asked

    code, asked = asyncio.run(run())
    assert code == "VENUE_UNREACHABLE"
    assert asked == []


def test_a_host_outside_the_box_is_refused_before_anything_is_sent(tmp_path):
    face = bybit()
    face.host_names = ("stream-demo.bybit.com", "stream.bybit.com")
    with pytest.raises(UserError) as caught:
        ask_open(tmp_path, face)
    assert caught.value.code == "VENUE_UNREACHABLE"
    assert face.asked == []


def test_a_market_that_does_not_exist_is_a_mistake_the_user_can_mend(tmp_path):
    async def run():
        async with scene(tmp_path, bybit(), name="bybit:demo", symbol="XYZ/USDT"):
            return

    with pytest.raises(UserError) as caught:
        asyncio.run(run())
    assert caught.value.code == "MARKET_UNKNOWN"


@pytest.mark.parametrize("name", [each.name for each in TABLE.values()])
def test_every_client_is_built_with_the_habits_that_money_needs(name):
    async def run():
        one = profile(name)
        session = open_session(None)
        clock = VenueClock(ManualClock(1_800_000_000_000_000_000))
        gate = Gate(Limiter((Rule(10**9, 10, 1),)), clock.now_ns)
        key = Credentials(name, "key", "secret", "phrase")
        client = open_client(one, key, session=session, clock=clock, gate=gate)
        try:
            assert client.number is str
            assert client.enableRateLimit is False
            assert client.options["maxRetriesOnFailure"] == 0
            assert client.options["recvWindow"] == 5_000
            assert client.session is session
            assert session.trust_env is False
            assert client.milliseconds() == 1_800_000_000_000
            if name == "okx:demo":
                assert client.headers["x-simulated-trading"] == "1"
            with pytest.raises(VenueFault, match="no host"):
                await client.fetch("https://evil.example/")
        finally:
            await client.close()
            await session.close()

    asyncio.run(run())


@pytest.mark.parametrize("ahead_ms", [-60_000, -1_500, 3_000, 60_000])
def test_signatures_carry_the_venues_time_and_a_large_drift_is_told(tmp_path, ahead_ms):
    told: list[Any] = []

    async def run():
        clock = ManualClock((now_ms() - ahead_ms) * 1_000_000)
        face = bybit()
        async with scene(tmp_path, face, name="bybit:demo", clock=clock) as held:
            await held.gateway.perform(ListOpen())
            listening = asyncio.create_task(held.gateway.listen(told.append))
            await asyncio.sleep(0.1)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            return int(face.requests("GET /v5/order/realtime")[0].raw.headers["x-bapi-timestamp"])

    assert abs(asyncio.run(run()) - now_ms()) < 1_000 + 600
    drifts = [each for each in told if isinstance(each, Broken) and each.code == "CLOCK_DRIFT"]
    assert bool(drifts) == (abs(ahead_ms) > 10_000)


def test_with_a_clock_far_ahead_executions_are_still_asked_from_the_moment_that_was_meant(
    tmp_path,
):
    async def run():
        clock = ManualClock((now_ms() + 60_000) * 1_000_000)
        face = bybit()
        async with scene(tmp_path, face, name="bybit:demo", clock=clock) as held:
            await held.gateway.perform(ListExecutions(clock.now_ns()))
            return int(face.requests("GET /v5/execution/list")[0].words["startTime"])

    assert asyncio.run(run()) <= now_ms()


def test_without_a_key_prices_are_heard_and_nothing_private_is_tried(tmp_path):
    heard: list[Any] = []

    async def run():
        face = bybit()
        async with scene(tmp_path, face, name="bybit:demo", signed=False) as held:
            listening = asyncio.create_task(held.gateway.listen(heard.append))
            await asyncio.sleep(0.3)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            return [dial.path for dial in face.dials]

    assert asyncio.run(run()) == ["/v5/public/spot"]
    assert {type(each).__name__ for each in heard} == {"Priced"}


def test_two_gateways_of_one_key_share_one_budget(tmp_path):
    async def run():
        async with scene(tmp_path, bybit(), name="bybit:demo") as held:
            key = Credentials("bybit:demo", "key-of-a-test", "secret-of-a-test")
            second = await open_gateway(
                profile("bybit:demo"), "BTC/USDT:USDT", key, around=held.around
            )
            terms = Terms(
                Role("rung"), Side.BUY, OrderType.LIMIT, qty=Qty(D(1)), price=Price(D(40000))
            )
            sent = [
                held.gateway.perform(SendOrder(ClientOrderId(f"bot-{n}-rung"), terms))
                if n % 2
                else second.perform(SendOrder(ClientOrderId(f"bot-{n}-rung"), terms))
                for n in range(30)
            ]
            reports = await asyncio.gather(*sent)
            await second.close()
            times = sorted(
                int(each.raw.headers["x-bapi-timestamp"])
                for each in held.face.requests("POST /v5/order/create")
            )
            return reports, times

    reports, times = asyncio.run(run())
    left = [each for each in reports if type(each).__name__ == "Acknowledged"]
    unsent = [each for each in reports if type(each).__name__ == "NeverSent"]
    assert len(left) + len(unsent) == 30
    assert len(left) == len(times)
    assert len(left) >= 7
    for first in times:  # seven of ten: three are kept for exits
        assert sum(first <= each < first + 990 for each in times) <= 7


# --- keys -------------------------------------------------------------------------------------


def look(tmp_path, face, name="bybit:demo"):
    async def run():
        async with scene(tmp_path, face, name=name) as held:
            key = Credentials(name, "k", "s")
            return await check_key(profile(name), key, held.around)

    return asyncio.run(run())


def bybit_key(wallet=(), ips=("1.2.3.4",), spot=("SpotTrade",)):
    permissions = {"Wallet": list(wallet), "Spot": list(spot), "ContractTrade": []}
    return yes({"readOnly": 0, "permissions": permissions, "ips": list(ips)})


def test_a_key_that_may_withdraw_is_refused(tmp_path):
    with pytest.raises(UserError) as caught:
        look(tmp_path, bybit(key=bybit_key(wallet=("AccountTransfer", "Withdraw"))))
    assert caught.value.code == "KEY_CAN_WITHDRAW"


def test_a_good_key_has_no_warning_and_one_for_everywhere_has(tmp_path):
    facts = look(tmp_path, bybit(key=bybit_key()))
    assert (facts.trades, facts.withdraws, facts.ip_bound, facts.warnings) == (
        True,
        False,
        True,
        (),
    )
    assert look(tmp_path, bybit(key=bybit_key(ips=("*",)))).warnings == ("NO_IP_RESTRICTION",)
    assert look(tmp_path, bybit(key=bybit_key(spot=()))).warnings == ("CANNOT_TRADE",)


def test_a_demo_world_without_the_question_is_asked_another(tmp_path):
    wallet = yes({"list": [{"coin": []}]})
    facts = look(tmp_path, bybit(key=no(10017, "Route not found"), wallet=wallet))
    assert facts.withdraws is False


@pytest.mark.parametrize("code", [10003, 10004, 10010, 33004])
def test_a_refused_key_says_why(tmp_path, code):
    with pytest.raises(UserError) as caught:
        look(tmp_path, bybit(key=no(code, "as documented")))
    assert caught.value.code == "KEY_REFUSED"
    assert str(code) in caught.value.message


def test_a_venue_that_does_not_answer_says_nothing_of_a_key(tmp_path):
    with pytest.raises(UserError) as caught:
        look(tmp_path, bybit(key=(502, {})))
    assert caught.value.code == "KEY_UNCHECKED"


def test_a_key_of_another_world_is_not_even_tried(tmp_path):
    face = binance()

    async def run():
        async with scene(tmp_path, face, name="binance:demo") as held:
            before = len(face.asked)
            key = Credentials("binance:main", "k", "s")
            with pytest.raises(UserError) as caught:
                await check_key(profile("binance:demo"), key, held.around)
            return caught.value.code, len(face.asked) - before

    assert asyncio.run(run()) == ("KEY_OF_OTHER_PROFILE", 0)
