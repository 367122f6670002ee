"""Kraken, Coinbase and Robinhood in the box refuse what the venues refuse: keys, times, words.

The faces are spoken to without a network; ccxt's own signing makes the requests.
"""

import base64
import hashlib
import hmac
import json
from urllib.parse import urlencode

import ccxt  # type: ignore[import-untyped]
import pytest

from absolute.domain.units import NANOS_PER_SECOND, Nanos
from absolute.simex.coinbase import coinbase_face, coinbase_keys
from absolute.simex.face import Dial, HttpRequest, SocketId
from absolute.simex.kraken import kraken_face, kraken_keys
from absolute.simex.robinhood import robinhood_face, robinhood_keys
from absolute.wire.robinhood_signing import SignedParts, signer

from tests.box_clients import START_NS, still_supply

SECONDS = START_NS // NANOS_PER_SECOND


def opened(make, keys):
    face = make(keys, still_supply())
    face.pass_time(START_NS)
    return face


# --- Kraken ---------------------------------------------------------------------------------------


class Kraken:
    """A client that signs as docs.kraken.com says."""

    def __init__(self, which: int = 0) -> None:
        self.face = opened(kraken_face, kraken_keys())
        self.key = kraken_keys()[which]
        self.nonce = 1

    def ask(self, method: str, *, secret="", nonce=None, **words):
        self.nonce += 1
        path = f"/0/private/{method}"
        given = str(self.nonce if nonce is None else nonce)
        body = urlencode({"nonce": given, **words}).encode()
        digest = path.encode() + hashlib.sha256(given.encode() + body).digest()
        key = base64.b64decode(secret or self.key.secret)
        sign = base64.b64encode(hmac.new(key, digest, hashlib.sha512).digest()).decode()
        headers = {"api-key": self.key.key, "api-sign": sign}
        request = HttpRequest("POST", "api.kraken.com", path, "", headers, body)
        reply = self.face.answer(request, START_NS)
        assert reply.status == 200
        told = json.loads(reply.body)
        return told["error"] or told["result"]


ORDER = {"pair": "XBTUSD", "type": "buy", "ordertype": "market", "volume": "0.001"}


def test_kraken_takes_a_signed_order_and_shows_it_by_our_id():
    kraken = Kraken()
    taken = kraken.ask("AddOrder", **ORDER, cl_ord_id="ours")
    (txid,) = taken["txid"]
    assert taken["descr"]["order"] == "buy 0.00100000 XBTUSD @ market"
    assert kraken.ask("QueryOrders", txid=txid)[txid]["status"] == "closed"
    closed = kraken.ask("ClosedOrders", cl_ord_id="ours")
    assert list(closed["closed"]) == [txid]
    assert kraken.ask("ClosedOrders", cl_ord_id="another")["count"] == 0
    (trade,) = kraken.ask("TradesHistory")["trades"].values()
    assert (trade["ordertxid"], trade["vol"]) == (txid, "0.001")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"volume": "0.00001"}, "EOrder:Order minimum not met"),
        ({"volume": "9"}, "EOrder:Insufficient funds"),
        ({"volume": "none"}, "EGeneral:Invalid arguments:volume"),
        ({"pair": "XBTEUR"}, "EQuery:Unknown asset pair"),
        ({"ordertype": "limit", "price": "50000.01"}, "EOrder:Tick size check failed"),
        ({"ordertype": "iceberg"}, "EGeneral:Invalid arguments:ordertype"),
        ({"timeinforce": "GTX"}, "EGeneral:Invalid arguments:timeinforce"),
    ],
)
def test_kraken_refuses_in_its_own_words(words, error):
    assert Kraken().ask("AddOrder", **{**ORDER, **words}) == [error]


def test_kraken_knows_a_wrong_signature_an_old_nonce_and_a_key_that_may_not_trade():
    kraken = Kraken()
    assert kraken.ask("BalanceEx", secret="AAAA") == ["EAPI:Invalid signature"]
    assert "ZUSD" in kraken.ask("BalanceEx", nonce=100)
    assert kraken.ask("BalanceEx", nonce=100) == ["EAPI:Invalid nonce"]
    reader = Kraken(which=1)
    assert "ZUSD" in reader.ask("BalanceEx")
    assert reader.ask("AddOrder", **ORDER) == ["EGeneral:Permission denied"]
    assert reader.ask("Withdraw") == ["EGeneral:Unknown method"]


# --- Coinbase -------------------------------------------------------------------------------------


def coinbase(method: str, path: str, body: dict | None = None, *, which: int = 0, **wrong):
    """A request signed by ccxt's own Coinbase client, perhaps for another time or path."""
    face = wrong.pop("face", None) or opened(coinbase_face, coinbase_keys())
    key = coinbase_keys()[which]
    client = ccxt.coinbase({"apiKey": key.key, "secret": key.secret})
    url = f"https://api.coinbase.com{wrong.get('signed_path', path)}"
    token = client.create_auth_token(SECONDS + wrong.get("late", 0), method, url, True)
    request = HttpRequest(
        method,
        "api.coinbase.com",
        path.partition("?")[0],
        path.partition("?")[2],
        {"authorization": f"Bearer {wrong.get('token', token)}"},
        b"" if body is None else json.dumps(body).encode(),
    )
    reply = face.answer(request, START_NS)
    return reply.status, json.loads(reply.body)


ACCOUNTS = "/api/v3/brokerage/accounts"
ORDERS = "/api/v3/brokerage/orders"


def bought(client_order_id: str = "ours", **terms) -> dict:
    return {
        "client_order_id": client_order_id,
        "product_id": "BTC-USD",
        "side": "BUY",
        "order_configuration": {"market_market_ioc": terms or {"quote_size": "60"}},
    }


def test_coinbase_takes_a_token_for_this_path_and_time_only():
    assert coinbase("GET", ACCOUNTS)[0] == 200
    for wrong in ({"signed_path": ORDERS}, {"late": 10}, {"late": -200}, {"token": "a.b.c"}):
        assert coinbase("GET", ACCOUNTS, **wrong)[0] == 401
    assert coinbase("POST", ORDERS, bought(), which=1)[0] == 403
    assert coinbase("GET", "/api/v3/brokerage/portfolios")[0] == 404


def test_coinbase_answers_a_known_id_with_the_order_it_belongs_to():
    face = opened(coinbase_face, coinbase_keys())
    first = coinbase("POST", ORDERS, bought(), face=face)[1]
    again = coinbase("POST", ORDERS, bought(quote_size="70"), face=face)[1]
    assert first["success"]
    assert first["success_response"]["order_id"] == again["success_response"]["order_id"]
    listed = coinbase("GET", f"{ORDERS}/historical/batch?order_status=FILLED", face=face)[1]
    assert [each["client_order_id"] for each in listed["orders"]] == ["ours"]


def test_coinbase_says_no_inside_a_yes():
    status, told = coinbase("POST", ORDERS, bought(base_size="5"))
    assert (status, told["success"]) == (200, False)
    assert told["error_response"]["error"] == "INSUFFICIENT_FUND"
    assert coinbase("POST", ORDERS, bought(base_size="1", quote_size="1"))[0] == 400
    assert coinbase("POST", ORDERS, {"client_order_id": "x"})[0] == 400


# --- Robinhood ------------------------------------------------------------------------------------


def robinhood(face, method: str, path: str, body: dict | None = None, *, which: int = 0, late=0):
    key = robinhood_keys()[which]
    raw = b"" if body is None else json.dumps(body).encode()
    parts = SignedParts(key.key, SECONDS + late, path, method, raw)
    headers = signer(key.key, key.secret).headers(parts)
    place, _, query = path.partition("?")
    request = HttpRequest(method, "trading.robinhood.com", place, query, headers, raw)
    return face.answer(request, START_NS)


def test_robinhood_refuses_old_signatures_foreign_accounts_and_readers_orders():
    face = opened(robinhood_face, robinhood_keys())
    accounts = "/api/v2/crypto/trading/accounts/"
    assert robinhood(face, "GET", accounts).status == 200
    assert robinhood(face, "GET", accounts, late=-31).status == 401
    orders = "/api/v2/crypto/trading/orders/"
    assert robinhood(face, "GET", f"{orders}?account_number=another").status == 400
    reader = robinhood_keys()[1].key
    posted = robinhood(face, "POST", f"{orders}?account_number={reader}", {}, which=1)
    assert posted.status == 403
    nonsense = robinhood(face, "POST", f"{orders}?account_number={robinhood_keys()[0].key}", {})
    assert json.loads(nonsense.body)["type"] == "validation_error"
    assert robinhood(face, "GET", "/api/v1/crypto/trading/accounts/").status == 404


def test_robinhood_throttles_beyond_its_burst():
    face = opened(robinhood_face, robinhood_keys())
    answers = [robinhood(face, "GET", "/api/v2/crypto/trading/accounts/") for _ in range(301)]
    assert [each.status for each in answers] == [200] * 300 + [429]


@pytest.mark.parametrize(
    ("make", "keys"),
    [
        (kraken_face, kraken_keys),
        (coinbase_face, coinbase_keys),
        (robinhood_face, robinhood_keys),
    ],
)
def test_no_socket_is_shown(make, keys):
    face = opened(make, keys())
    refused = face.dial(Dial(SocketId(1), next(iter(face.hosts)), "/"), Nanos(START_NS))
    assert refused is not None
    assert refused.status == 404
    assert list(face.drain()) == []
