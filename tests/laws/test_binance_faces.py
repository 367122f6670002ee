"""No request, however wild, breaks a Binance face: it is answered, and no money is made or lost."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from absolute.simex.binance_spot import binance_spot_face
from absolute.simex.binance_usdm import binance_usdm_face
from absolute.simex.keys import default_keys

from tests.binance_talk import SpotTalk, UsdmTalk
from tests.box_clients import BoxClock, still_supply

WORDS = st.sampled_from(
    "BTCUSDT ETHUSDT NONE BUY SELL LIMIT MARKET LIMIT_MAKER STOP_LOSS STOP_LOSS_LIMIT STOP_MARKET "
    "TAKE_PROFIT TRAILING_STOP_MARKET CONDITIONAL GTC IOC FOK GTX true false 1 2 0 -1 0.001 0.01 "
    "59000 61000 70000 1e5 NaN 2000001 mine-1 mine-2 ACK RESULT FULL STOP_ON_FAILURE "
    "ALLOW_FAILURE EXPIRE_TAKER EXPIRE_BOTH ONLY_NEW 10 100 1d 1m CROSSED".split()
)
VALUES = WORDS | st.text(max_size=5)
NAMES = st.sampled_from(
    "symbol side type timeInForce quantity quoteOrderQty price stopPrice triggerPrice algoType "
    "newClientOrderId origClientOrderId orderId algoId clientAlgoId reduceOnly closePosition "
    "callbackRate leverage marginType limit startTime endTime fromId interval symbols "
    "newOrderRespType cancelReplaceMode cancelOrderId selfTradePreventionMode recvWindow "
    "cancelRestrictions strategyType workingType".split()
)
ORDERS = st.fixed_dictionaries(
    {"symbol": st.just("BTCUSDT"), "side": st.sampled_from(["BUY", "SELL"])},
    optional={
        "type": st.sampled_from(["LIMIT", "MARKET", "LIMIT_MAKER", "STOP_LOSS"]),
        "timeInForce": st.sampled_from(["GTC", "IOC", "FOK"]),
        "quantity": st.sampled_from(["0.01", "0.002", "0.1"]),
        "price": st.sampled_from(["59000", "61130", "61200", "63000"]),
        "newClientOrderId": st.sampled_from(["mine-1", "mine-2"]),
        "reduceOnly": st.sampled_from(["true", "false"]),
    },
)
ASKED = st.dictionaries(NAMES, VALUES, max_size=8) | ORDERS


def routes(face):
    found = {route for each in face._routes.values() for route in each}
    return st.sampled_from(sorted(found))


def methods(face):
    found = {name for each in face._apis.values() for name in [*each._methods, *each._own]}
    return st.sampled_from(sorted(found))


def check(talk, api_host, api_path, data):
    socket = talk.dial(api_host, api_path)
    for _ in range(data.draw(st.integers(1, 25))):
        asked = data.draw(ASKED)
        if data.draw(st.booleans()):
            method, path = data.draw(routes(talk.face))
            talk.signed(method, path, **asked)
            assert talk.last.status in {200, 400, 401, 404, 409, 410, 418, 429}
        else:
            answer = talk.ask(socket, data.draw(methods(talk.face)), asked, signed=True)
            assert ("result" in answer) != ("error" in answer)
        talk.pass_ms(data.draw(st.sampled_from([0, 100, 3_000])))
    talk.face.receive(socket, data.draw(st.text(max_size=20)), talk.clock.now)
    for frame in talk.heard(socket):
        assert json.dumps(frame)
    for exchange in talk.face.exchanges.values():
        assert exchange.sums() == {}


quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(st.data())
def test_spot_answers_everything_and_keeps_its_books(data):
    talk = SpotTalk(binance_spot_face(default_keys(), still_supply()), BoxClock())
    check(talk, "ws-api.binance.com", "/ws-api/v3", data)


@quick
@given(st.data())
def test_usdm_answers_everything_and_keeps_its_books(data):
    talk = UsdmTalk(binance_usdm_face(default_keys(), still_supply()), BoxClock())
    check(talk, "ws-fapi.binance.com", "/ws-fapi/v1", data)
