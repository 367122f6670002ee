"""What is heard: every private frame once and in order, every gap said, dead lines noticed."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from absolute.domain.ids import ClientOrderId
from absolute.engine.reports import (
    Connected,
    Disconnected,
    ExecutionSeen,
    OrderSeen,
    Priced,
    Seen,
)
from absolute.venues.listening import FIRST_WAIT_S, LONGEST_WAIT_S, wait_before
from absolute.venues.sockets import Patience

from tests.bybit_script import bybit, execution, hello, no, now_ms, order, page
from tests.scripted_venue import scene

D = Decimal
ID = ClientOrderId("bot-7-rung4")
QUICK = Patience(hello=1.0, ping=0.1, silence=0.5)


async def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


def hear(tmp_path, face, play, *, faults=(), **options):
    """Listen while `play` acts; everything that was heard."""
    heard: list[Any] = []

    async def run():
        given = {"patience": QUICK} | options
        async with scene(tmp_path, face, name="bybit:demo", faults=faults, **given) as held:
            listening = asyncio.create_task(held.gateway.listen(heard.append))
            try:
                await play(held, heard)
            finally:
                listening.cancel()
                ends = await asyncio.gather(listening, return_exceptions=True)
                assert isinstance(ends[0], asyncio.CancelledError), ends

    asyncio.run(run())
    return heard


def of(heard, kind):
    return [each for each in heard if isinstance(each, kind)]


def frame(topic, *rows):
    return {"topic": topic, "id": "1", "creationTime": now_ms(), "data": list(rows)}


def test_connected_is_said_only_once_orders_and_executions_are_subscribed(tmp_path):
    refusing = bybit()

    def half(face, path, told):
        if told.get("op") == "subscribe" and "private" in path:
            return [{"success": False, "ret_msg": "no such topic", "op": "subscribe"}]
        return hello(face, path, told)

    refusing.heard = half

    async def play(held, heard):
        await until(lambda: bool(of(heard, Disconnected)))

    heard = hear(tmp_path, refusing, play)
    assert not of(heard, Connected)
    assert "no such topic" in of(heard, Disconnected)[0].detail


def test_private_frames_become_reports_in_order_and_exact(tmp_path):
    async def play(held, heard):
        await until(lambda: bool(of(heard, Connected)))
        held.face.say(frame("order", order(ID, "New")), "private")
        held.face.say(frame("execution", execution(ID, "e1")), "private")
        held.face.say(frame("order", order(ID, "Filled", cumExecQty="0.001614")), "private")
        await until(lambda: len(of(heard, OrderSeen)) == 2)

    heard = hear(tmp_path, bybit(), play)
    told: list[Any] = [each for each in heard if isinstance(each, OrderSeen | ExecutionSeen)]
    assert [type(each).__name__ for each in told] == ["OrderSeen", "ExecutionSeen", "OrderSeen"]
    assert (told[0].status, told[2].status, told[2].filled) == (
        Seen.OPEN,
        Seen.FILLED,
        D("0.001614"),
    )
    assert told[1].fill.qty == D("0.001614")
    assert told[1].fill.fee.amount == D("0.000001614")


def test_updates_that_arrive_while_nobody_waits_are_all_kept(tmp_path):
    async def play(held, heard):
        await until(lambda: bool(of(heard, Connected)))
        for number in range(50):
            held.face.say(frame("execution", execution(ID, f"e{number}")), "private")
        await until(lambda: len(of(heard, ExecutionSeen)) == 50)

    heard = hear(tmp_path, bybit(), play)
    assert [each.fill.trade_id for each in of(heard, ExecutionSeen)] == [f"e{n}" for n in range(50)]


def test_other_markets_and_orders_without_our_id_are_left_aside(tmp_path):
    async def play(held, heard):
        await until(lambda: bool(of(heard, Connected)))
        held.face.say(frame("order", order(ID, symbol="ETHUSDT"), order("")), "private")
        held.face.say(frame("order", order(ID, category="linear")), "private")
        held.face.say(frame("order", order("bot-8-exit")), "private")
        await until(lambda: bool(of(heard, OrderSeen)))

    heard = hear(tmp_path, bybit(), play)
    assert [each.client_id for each in of(heard, OrderSeen)] == ["bot-8-exit"]


def test_a_dropped_socket_is_said_and_dialled_again(tmp_path):
    async def play(held, heard):
        await until(lambda: bool(of(heard, Connected)))
        held.face.hang_up("private")
        await until(lambda: len(of(heard, Connected)) == 2)

    heard = hear(tmp_path, bybit(), play)
    line = [each for each in heard if isinstance(each, Connected | Disconnected)]
    assert [type(each) for each in line] == [Connected, Disconnected, Connected]


def test_a_line_that_is_cut_without_a_goodbye_is_noticed(tmp_path):
    async def play(held, heard):
        await until(lambda: bool(of(heard, Connected)))
        held.door.cut_sockets()
        await until(lambda: len(of(heard, Connected)) == 2)

    assert len(of(hear(tmp_path, bybit(), play), Disconnected)) == 1


def test_muted_pongs_end_a_socket_within_the_silence_allowed(tmp_path):
    rule = {"do": "pong_muted", "when": {"path": "private"}}

    def mute(face, path, told):
        return [] if told.get("op") == "ping" else hello(face, path, told)

    face = bybit()
    face.heard = mute

    async def play(held, heard):
        await until(lambda: bool(of(heard, Disconnected)), 3)

    heard = hear(tmp_path, face, play, faults=[rule])
    assert "silent" in of(heard, Disconnected)[0].detail


def test_a_socket_is_left_before_the_venue_cuts_it(tmp_path):
    async def play(held, heard):
        await until(lambda: len(of(heard, Connected)) == 2)

    short = Patience(hello=1.0, ping=0.05, silence=1.0, life=0.2)
    heard = hear(tmp_path, bybit(), play, patience=short)
    assert of(heard, Disconnected)[0].detail == "planned rotation"


@pytest.mark.parametrize(
    "text", ["{", "[1]", "null", "[" * 5000, '{"topic": "order", "data": [{"symbol": "BTCUSDT"}]}']
)
def test_a_frame_that_cannot_be_read_ends_the_socket_so_that_all_is_asked_for_again(tmp_path, text):
    async def play(held, heard):
        await until(lambda: bool(of(heard, Connected)))
        held.face.say(text, "private")
        await until(lambda: len(of(heard, Connected)) == 2)

    assert len(of(hear(tmp_path, bybit(), play), Disconnected)) == 1


def test_a_giant_frame_ends_the_socket_and_not_the_program(tmp_path):
    async def play(held, heard):
        await until(lambda: bool(of(heard, Connected)))
        held.face.say('{"x": "' + "y" * (5 * 1024 * 1024) + '"}', "private")
        await until(lambda: len(of(heard, Connected)) == 2)

    assert len(of(hear(tmp_path, bybit(), play), Disconnected)) == 1


def test_a_duplicate_frame_is_reported_as_it_came_for_custody_to_count_once(tmp_path):
    rule = {"do": "frame_twice", "when": {"path": "private", "text": "execution.*e1"}}

    async def play(held, heard):
        await until(lambda: bool(of(heard, Connected)))
        held.face.say(frame("execution", execution(ID, "e1")), "private")
        await until(lambda: len(of(heard, ExecutionSeen)) == 2)

    heard = hear(tmp_path, bybit(), play, faults=[rule])
    assert {each.fill.trade_id for each in of(heard, ExecutionSeen)} == {"e1"}


def test_public_trades_are_prices_with_the_venues_time(tmp_path):
    moment = now_ms()
    trade = {"T": moment, "s": "BTCUSDT", "S": "Buy", "v": "0.1", "p": "50123.45", "i": "t"}

    async def play(held, heard):
        await until(lambda: any("public" in dial.path for dial in held.face.sockets.values()))
        await until(lambda: bool(of(heard, Connected)))
        await asyncio.sleep(0.1)
        held.face.say({"topic": "publicTrade.BTCUSDT", "data": [trade]}, "public")
        await until(lambda: any(each.price == D("50123.45") for each in of(heard, Priced)))

    prices = of(hear(tmp_path, bybit(), play), Priced)
    assert prices[0].price == D("50000.5")  # asked for at the start: a quiet market has a price
    assert prices[-1].venue_time == moment * 1_000_000


def test_a_public_stream_in_silence_is_helped_by_questions(tmp_path):
    face = bybit()

    async def play(held, heard):
        await until(lambda: len(of(heard, Priced)) >= 4)

    prices = of(hear(tmp_path, face, play, quiet_s=0.1), Priced)
    assert [each.venue_time for each in prices] == sorted({each.venue_time for each in prices})


def test_a_late_fee_is_told_again_once_its_coin_has_a_price(tmp_path):
    prices: dict[str, str] = {"BTCUSDT": "50000"}

    def tickers(asked):
        price = prices.get(asked.words["symbol"])
        return page([{"lastPrice": price}]) if price else no(10001)

    async def play(held, heard):
        await until(lambda: bool(of(heard, Connected)))
        row = execution(ID, "e1", execFee="0.8", feeCurrency="MNT")
        held.face.say(frame("execution", row), "private")
        await until(lambda: bool(of(heard, ExecutionSeen)))
        prices["MNTUSDT"] = "1.25"
        await until(lambda: len(of(heard, ExecutionSeen)) == 2)

    first, second = of(hear(tmp_path, bybit(tickers=tickers), play, fees_s=0.1), ExecutionSeen)
    assert first.fill.fee is None
    assert (second.fill.trade_id, second.fill.fee.value) == ("e1", D("1.0"))


def test_a_venue_that_takes_and_drops_sockets_is_not_stormed(tmp_path):
    def flap(face, path, told):
        if told.get("op") == "subscribe" and "private" in path:
            face.hang_up("private")
        return hello(face, path, told)

    face = bybit()
    face.heard = flap

    async def play(held, heard):
        await asyncio.sleep(2.5)

    hear(tmp_path, face, play)
    # 0.5, 1, 2 ... seconds, or half of each with luck
    assert 2 <= len([dial for dial in face.dials if "private" in dial.path]) <= 5


def test_the_wait_between_dials_grows_within_bounds_and_has_luck_in_it():
    luck = np.random.Generator(np.random.PCG64(5))
    for attempt in range(20):
        waits = [wait_before(attempt, luck) for _ in range(50)]
        longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt)
        assert all(longest / 2 <= wait <= longest for wait in waits)
        assert len(set(waits)) > 40
