"""Every fault of the box, as the client on the other side of a real socket sees it."""

import asyncio
import json
import re
from pathlib import Path
from time import perf_counter

import aiohttp
import pytest

from absolute.desk.clock import generator
from absolute.domain.errors import UserError
from absolute.simex.fault_rules import FaultFile, read_faults, rules_of, seeded_rules
from absolute.simex.faults import FaultBook, Seen

from tests.echo_box import echo_box

ORDER = {"method": "POST", "path": "^/order$"}
NEWS = {"path": "/private", "text": "topic"}


def played(tmp_path, rules, play, **options):
    """What `play` gives against a box with these rules."""

    async def run():
        async with echo_box(tmp_path, rules, **options) as box:
            return await asyncio.wait_for(play(box), 20)

    return asyncio.run(run())


async def names(ws, count):
    """The orders that the next `count` frames of a listener tell of."""
    return [json.loads(await ws.receive_str(timeout=5))["order"] for _ in range(count)]


@pytest.mark.parametrize(("accepted", "orders"), [(True, ["a"]), (False, [])])
def test_a_reset_hides_whether_the_order_arrived(tmp_path, accepted, orders):
    async def play(box):
        with pytest.raises(aiohttp.ClientConnectionError):
            await box.order("a")
        return box.face.orders

    rule = {"do": "reset", "when": ORDER, "accepted": accepted}
    assert played(tmp_path, [rule], play) == orders


@pytest.mark.parametrize(("accepted", "orders"), [(True, ["a"]), (False, [])])
def test_silence_ends_in_the_clients_own_patience(tmp_path, accepted, orders):
    async def play(box):
        with pytest.raises(asyncio.TimeoutError):
            await box.order("a", timeout=aiohttp.ClientTimeout(total=0.2))
        return box.face.orders

    rule = {"do": "silence", "when": ORDER, "accepted": accepted, "ms": 1000}
    assert played(tmp_path, [rule], play) == orders


def test_a_late_answer_belongs_to_an_order_that_was_accepted_at_once(tmp_path):
    async def play(box):
        started = perf_counter()
        waiting = asyncio.create_task(box.order("a"))
        while not box.face.orders:
            await asyncio.sleep(0.005)
        accepted = perf_counter() - started
        status = (await waiting).status
        return status, accepted < 0.2, perf_counter() - started >= 0.3

    rule = {"do": "late", "when": ORDER, "ms": 300}
    assert played(tmp_path, [rule], play) == (200, True, True)


def test_a_held_order_arrives_after_its_client_gave_up(tmp_path):
    async def play(box):
        with pytest.raises(asyncio.TimeoutError):
            await box.order("a", timeout=aiohttp.ClientTimeout(total=0.1))
        before = list(box.face.orders)
        await asyncio.sleep(0.4)
        return before, box.face.orders

    assert played(tmp_path, [{"do": "held", "when": ORDER, "ms": 250}], play) == ([], ["a"])


def test_a_negative_answer_may_be_stale_when_it_arrives(tmp_path):
    async def play(box):
        looking = asyncio.create_task(box.client.get(box.url("/orders")))
        await asyncio.sleep(0.1)
        await box.order("a")
        return await (await looking).json(), box.face.orders

    assert played(tmp_path, [{"do": "late", "when": {"path": "s$"}, "ms": 300}], play) == (
        [],
        ["a"],
    )


def test_a_cut_answer_promises_more_than_it_brings(tmp_path):
    async def play(box):
        reply = await box.order("a")
        with pytest.raises(aiohttp.ClientPayloadError):
            await reply.read()
        return box.face.orders

    assert played(tmp_path, [{"do": "cut", "when": ORDER, "size": 5}], play) == ["a"]


def test_a_slow_answer_drips(tmp_path):
    async def play(box):
        started = perf_counter()
        text = await (await box.client.get(box.url("/orders"))).text()
        return text, perf_counter() - started >= 0.08

    assert played(tmp_path, [{"do": "drip", "bytes_per_second": 10}], play) == ("[]", True)


def test_a_replayed_request_reaches_the_venue_twice(tmp_path):
    async def play(box):
        return (await box.order("a")).status, box.face.orders

    assert played(tmp_path, [{"do": "twice", "when": ORDER}], play) == (200, ["a", "a"])


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (502, "<html>Bad Gateway</html>", {}),
        (503, "", {}),
        (429, "", {"Retry-After": "7"}),
        (429, "{}", {"Content-Type": "application/json"}),
        (418, '{"code":-1003,"msg":"banned"}', {"Content-Type": "application/json"}),
        (403, "access too frequent", {}),
    ],
)
def test_a_gateway_answers_before_or_after_the_venue(tmp_path, accepted, status, body, headers):
    async def play(box):
        reply = await box.order("a")
        said = {name: reply.headers[name] for name in headers}
        return reply.status, await reply.text(), said, box.face.orders

    rule = {"do": "status", "when": ORDER, "status": status, "body": body}
    rule |= {"headers": headers, "accepted": accepted}
    expected = (status, body, headers, ["a"] if accepted else [])
    assert played(tmp_path, [rule], play) == expected


@pytest.mark.parametrize(
    ("venue", "status", "told"),
    [
        ("bybit", 200, {"retCode": 10016, "retMsg": 'a "b"', "result": {}, "retExtInfo": {}}),
        ("binance", 400, {"code": 10016, "msg": 'a "b"'}),
    ],
)
def test_any_code_is_told_in_the_venues_own_words(tmp_path, venue, status, told):
    async def play(box):
        reply = await box.order("a")
        return reply.status, await reply.json(), box.face.orders

    rule = {"do": "code", "when": ORDER, "code": 10016, "message": 'a "b"', "accepted": True}
    seen, body, orders = played(tmp_path, [rule], play, venue=venue)
    assert body.pop("time", 1) > 0
    assert (seen, body, orders) == (status, told, ["a"])


def test_the_answer_may_come_before_its_event(tmp_path):
    async def play(box):
        ws = await box.listener()
        await box.order("a")
        with pytest.raises(asyncio.TimeoutError):
            await ws.receive_str(timeout=0.1)
        return await names(ws, 1)

    rule = {"do": "events_late", "when": ORDER, "ms": 250}
    assert played(tmp_path, [rule], play) == ["a"]


def test_the_event_may_come_before_its_answer(tmp_path):
    async def play(box):
        ws = await box.listener()
        answer = asyncio.create_task(box.order("a"))
        told = await names(ws, 1)
        early = not answer.done()
        await answer
        return told, early

    assert played(tmp_path, [{"do": "late", "when": ORDER, "ms": 300}], play) == (["a"], True)


def test_the_answer_may_come_without_its_event(tmp_path):
    async def play(box):
        ws = await box.listener()
        await box.order("a")
        await box.order("b")
        return await names(ws, 1), box.face.orders

    rule = {"do": "events_lost", "when": ORDER, "count": 1}
    assert played(tmp_path, [rule], play) == (["b"], ["a", "b"])


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"do": "frame_twice", "times": 3}, ["a", "a", "a", "b", "c"]),
        ({"do": "frame_lost"}, ["b", "c"]),
        ({"do": "frame_late", "ms": 200}, ["b", "c", "a"]),
        ({"do": "frame_swapped", "ms": 5_000}, ["b", "a", "c"]),
    ],
)
def test_frames_are_doubled_lost_late_or_swapped(tmp_path, rule, told):
    async def play(box):
        ws = await box.listener()
        for name in "abc":
            await box.order(name)
        return await names(ws, len(told))

    assert played(tmp_path, [{**rule, "when": NEWS, "count": 1}], play) == told


def test_a_swapped_frame_without_a_successor_still_arrives(tmp_path):
    async def play(box):
        ws = await box.listener()
        await box.order("a")
        return await names(ws, 1)

    assert played(tmp_path, [{"do": "frame_swapped", "when": NEWS, "ms": 50}], play) == ["a"]


def test_rows_of_one_topic_may_arrive_in_one_frame_and_nothing_else_is_merged(tmp_path):
    async def play(box):
        ws = await box.listener()
        for topic, row in (("order", 1), ("wallet", 2), ("order", 3)):
            box.face.tell({"topic": topic, "data": [row]})
        box.door.flush()
        box.face.tell({"topic": "order", "data": [4]})
        await asyncio.sleep(0)
        told = [json.loads(await ws.receive_str(timeout=5)) for _ in range(3)]
        return [(each["topic"], each["data"]) for each in told]

    rule = {"do": "frame_merged", "when": {"text": "order"}, "count": 1, "ms": 5_000}
    told = [("wallet", [2]), ("order", [1, 3]), ("order", [4])]
    assert played(tmp_path, [rule], play) == told


def test_a_frame_that_waits_for_another_in_vain_arrives_alone(tmp_path):
    async def play(box):
        ws = await box.listener()
        await box.order("a")
        return await names(ws, 1)

    assert played(tmp_path, [{"do": "frame_merged", "when": NEWS, "ms": 50}], play) == ["a"]


def test_a_topic_may_be_dead_while_its_pongs_live(tmp_path):
    async def play(box):
        ws = await box.listener()
        await box.order("a")
        await ws.send_str("ping")
        return await ws.receive_str(timeout=5), box.face.orders

    assert played(tmp_path, [{"do": "frame_lost", "when": NEWS}], play) == ('{"op":"pong"}', ["a"])


def test_pongs_may_be_mute_while_topics_live(tmp_path):
    async def play(box):
        ws = await box.listener()
        await ws.ping()
        await ws.send_str("ping")
        await box.order("a")
        return await names(ws, 1), box.face.heard

    assert played(tmp_path, [{"do": "pong_muted"}], play) == (["a"], ["hello", "ping"])


def test_a_protocol_ping_is_answered_with_what_it_carried(tmp_path):
    async def play(box):
        ws = await box.listener()
        await ws.ping(b"17")
        message = await ws.receive(timeout=5)
        return message.type, message.data

    assert played(tmp_path, [], play) == (aiohttp.WSMsgType.PONG, b"17")


def test_a_clients_frame_may_go_lost(tmp_path):
    async def play(box):
        ws = await box.listener()
        await ws.send_str("subscribe a")
        await ws.send_str("subscribe b")
        return await ws.receive_str(timeout=5)

    rule = {"do": "request_lost", "when": {"text": "subscribe"}, "count": 1}
    assert played(tmp_path, [rule], play) == "subscribe b"


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize(
    ("venue", "asked", "told"),
    [
        (
            "bybit",
            {"reqId": "7", "op": "order.create"},
            {"reqId": "7", "retCode": 10019, "retMsg": "m", "op": "order.create"},
        ),
        (
            "binance",
            {"id": "7", "method": "order.place"},
            {"id": "7", "status": 400, "error": {"code": 10019, "msg": "m"}},
        ),
    ],
)
def test_a_request_over_a_socket_may_be_answered_with_a_code(
    tmp_path, venue, asked, told, accepted
):
    async def play(box):
        ws = await box.listener()
        await ws.send_str(json.dumps(asked))
        first = json.loads(await ws.receive_str(timeout=5))
        await ws.send_str("again")
        return {name: first[name] for name in told}, box.face.heard, await ws.receive_str(timeout=5)

    rule = {"do": "frame_code", "code": 10019, "message": "m", "when": {"text": "order"}}
    answer, heard, then = played(tmp_path, [{**rule, "accepted": accepted}], play, venue=venue)
    assert answer == told
    assert heard == ["hello", *([json.dumps(asked)] if accepted else []), "again"]
    assert then == "again"


@pytest.mark.parametrize(
    ("rule", "kinds"),
    [
        ({"code": 1001, "delivered": True}, ["TEXT", "CLOSE"]),
        ({"code": 1001}, ["CLOSE"]),
        ({"delivered": True}, ["TEXT", "CLOSED"]),
        ({}, ["CLOSED"]),
    ],
)
def test_a_socket_closes_at_a_fill_and_the_fill_stands(tmp_path, rule, kinds):
    async def play(box):
        ws = await box.listener()
        await box.order("a")
        seen = [(await ws.receive(timeout=5)).type for _ in kinds]
        again = await box.listener()
        await box.order("b")
        return [kind.name.replace("ERROR", "CLOSED") for kind in seen], await names(again, 1)

    told = {"do": "socket_closed", "when": NEWS, "count": 1, **rule}
    assert played(tmp_path, [told], play) == (kinds, ["b"])


def test_every_socket_can_be_cut_at_will(tmp_path):
    async def play(box):
        sockets = [await box.listener() for _ in range(3)]
        cut = box.door.cut_sockets("elsewhere"), box.door.cut_sockets("bybit")
        ends = [(await ws.receive(timeout=5)).type for ws in sockets]
        return cut, all(end is not aiohttp.WSMsgType.TEXT for end in ends)

    assert played(tmp_path, [], play) == ((0, 3), True)


def test_a_dial_may_be_refused_by_a_gateway(tmp_path):
    async def play(box):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await box.listener()
        return refused.value.status, box.face.dialled, await names(await _after(box), 1)

    async def _after(box):
        ws = await box.listener()
        await box.order("a")
        return ws

    rule = {"do": "status", "status": 429, "when": {"method": "DIAL"}, "count": 1}
    status, dialled, told = played(tmp_path, [rule], play)
    assert (status, len(dialled), told) == (429, 1, ["a"])


# ------------------------------------------------------------------------------------ conditions

ALIKE = [Seen("bybit", "api.bybit.com", "/v5/order/create", "", "POST")] * 10


def fired(rule, seen):
    book = FaultBook(generator(7), rules_of([rule]))
    return [book.for_request(each) is not None for each in seen]


@pytest.mark.parametrize(
    ("when", "count", "expected"),
    [
        ({"nth": 3}, None, "0010000000"),
        ({"every": 4}, None, "0001000100"),
        ({}, 2, "1100000000"),
        ({"method": "get"}, None, "0000000000"),
        ({"method": "post", "venue": "bybit"}, None, "1111111111"),
        ({"host": "binance"}, None, "0000000000"),
        ({"probability": 0}, None, "0000000000"),
    ],
)
def test_a_rule_fires_when_its_whole_condition_holds(when, count, expected):
    told = fired({"do": "reset", "when": when, "count": count}, ALIKE)
    assert "".join(str(int(each)) for each in told) == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"symbol":"BTCUSDT", "orderLinkId": "abs-1"}',
        "symbol=BTCUSDT&newClientOrderId=abs-1&side=BUY",
        "origClientOrderId=abs-1",
    ],
)
def test_a_rule_finds_the_client_id_where_either_venue_has_it(text):
    rule = {"do": "reset", "when": {"client_id": "abs-"}}
    others = text.replace("abs-1", "other"), "symbol=abs-1"
    seen = [Seen("binance", "h", "/p", each, "POST") for each in (text, *others)]
    assert fired(rule, seen) == [True, False, False]


def test_the_same_seed_and_traffic_give_the_same_faults():
    def run(seed):
        book = FaultBook(generator(seed), seeded_rules(0.1))
        return [book.for_request(each) for each in ALIKE * 20], book.report()

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_what_fired_is_counted_also_after_the_rules_were_replaced():
    book = FaultBook(
        generator(1), rules_of([{"do": "reset", "name": "gone", "when": {"every": 5}}])
    )
    for each in ALIKE:
        book.for_request(each)
    book.replace(rules_of([{"do": "cut"}]))
    told = [(each.name, each.met, each.fired) for each in book.report()]
    assert told == [("gone", 10, 2), ("cut", 0, 0)]


def test_seeded_rules_are_of_every_kind_that_moves_orders_and_fire_in_a_storm():
    book = FaultBook.of_file(FaultFile(seeded=0.2), generator(3))
    news = Seen("bybit", "stream.bybit.com", "/v5/private", '{"topic":"execution"}')
    for each in ALIKE * 100:
        book.for_request(each)
        book.for_frame(news)
    assert all(each.fired for each in book.report())


# ------------------------------------------------------------------------------------ the file


def test_a_faults_file_is_read(tmp_path):
    place = tmp_path / "faults.yaml"
    place.write_text(
        "seed: 7\nclocks: {bybit: 5000}\nrules:\n"
        "  - {do: late, ms: 800, when: {path: /order/create, nth: 2}, count: 1}\n"
    )
    file = read_faults(place)
    assert (file.seed, file.clocks, file.rules[0].do) == (7, {"bybit": 5000}, "late")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("rules: [{do: explode}]", "explode"),
        ("rules: [{do: late, milliseconds: 5}]", "milliseconds"),
        ("rules: [{do: late, when: {path: '('}}]", "regular expression"),
        ("rules: [{do: late, when: {probability: 2}}]", "probability"),
        ("rules: {", "cannot be read"),
        ("- 1", "valid dictionary"),
    ],
)
def test_a_mistake_in_a_faults_file_is_one_sentence(tmp_path, text, word):
    place = tmp_path / "faults.yaml"
    place.write_text(text)
    with pytest.raises(UserError, match=word) as mistake:
        read_faults(place)
    assert mistake.value.code in {"FAULTS_FILE", "FAULTS_UNKNOWN"}
    assert "\n" not in mistake.value.message


def test_a_missing_faults_file_is_told(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_faults(tmp_path / "none.yaml")


def test_every_fault_and_every_word_of_it_is_in_the_documents():
    text = (Path(__file__).resolve().parents[2] / "docs" / "box.md").read_text("utf-8")
    told = {each.group(1) for each in re.finditer(r"`(\w+)[:`]", text)}
    kinds = [each.get("properties", {}) for each in FaultFile.model_json_schema()["$defs"].values()]
    words = {word for kind in kinds for word in kind}
    for each in (kind["do"] for kind in kinds if "do" in kind):
        words |= set(each.get("enum", [each.get("const")]))
    assert words - {"do"} <= told, words - told
