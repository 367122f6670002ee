"""Binance's signatures: the venue's own vectors, and bytes as they came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from absolute.wire.binance_signing import (
    Value,
    encoded,
    parsed,
    percent_decoded,
    percent_encoded,
    request_is_signed,
    signed_query,
    socket_is_signed,
    socket_signature,
    unsigned_payload,
)

# rest-api.md and web-socket-api.md print these; they open nothing.
KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
ORDER: dict[str, Value] = {
    "symbol": "LTCBTC",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": 1,
    "price": "0.1",
    "recvWindow": 5000,
    "timestamp": 1499827319559,
}
ORDER_SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"


def test_the_documented_order_gets_the_documented_signature():
    assert signed_query(ORDER, SECRET) == f"{encoded(ORDER)}&signature={ORDER_SIGNATURE}"


@pytest.mark.parametrize(
    ("order", "signature"),
    [
        (
            ("BTCUSDT", "SELL", "52000.00", "0.01000000", 100),
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        (
            ("１２３４５６", "BUY", "0.10000000", "1.00000000", 5000),
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
    ],
)  # fmt: skip
def test_the_documented_socket_requests_get_their_signatures(order, signature):
    symbol, side, price, quantity, window = order
    asked = {
        "symbol": symbol,
        "side": side,
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": quantity,
        "price": price,
        "recvWindow": window,
        "timestamp": 1645423376532,
        "apiKey": KEY,
    }
    assert socket_signature(asked, SECRET) == signature
    assert socket_is_signed(SECRET, {**asked, "signature": signature})
    assert not socket_is_signed(SECRET, {**asked, "signature": signature, "price": "1"})


def test_the_documented_mix_of_query_and_body_is_signed_without_a_separator():
    query = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
    signature = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"
    body = "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    assert unsigned_payload(query, f"{body}&signature={signature}") == (query + body, signature)
    assert request_is_signed(SECRET, query, f"{body}&signature={signature}")


def test_the_signature_may_stand_anywhere():
    head, _, tail = encoded(ORDER).partition("&")
    # What is left after the signature is taken out is what was signed.
    assert request_is_signed(SECRET, f"{head}&signature={ORDER_SIGNATURE}&{tail}", "")
    assert request_is_signed(SECRET, encoded(ORDER), f"signature={ORDER_SIGNATURE}")


def test_a_signature_covers_the_bytes_and_not_their_meaning():
    query = signed_query({"symbol": "BTCUSDT", "note": "a b"}, SECRET)
    assert request_is_signed(SECRET, query, "")
    assert not request_is_signed(SECRET, query.replace("%20", "+"), "")
    assert not request_is_signed(SECRET, "symbol=BTCUSDT", "")


def test_booleans_are_signed_in_lower_case():
    assert encoded({"a": True, "b": False}) == "a=true&b=false"


@given(st.text())
def test_what_is_encoded_is_decoded_again(text):
    assert percent_decoded(percent_encoded(text)) == text


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_parameters_survive_the_wire(asked):
    assert parsed(encoded(asked)) == asked
