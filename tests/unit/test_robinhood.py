"""Robinhood's crypto API: signed as its documents print it, and one id is one order.

The key, the request and the signature of the first test are the published sample of
docs.robinhood.com/crypto/trading. Its signature is over the body as Python shows a dict, with
single quotes; what we send is JSON, signed as it is sent.
"""

import asyncio
import base64
import json
from dataclasses import dataclass
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from absolute.desk.clock import WallClock
from absolute.domain.errors import UserError
from absolute.domain.instrument import Side
from absolute.domain.units import NANOS_PER_SECOND, Nanos
from absolute.venues.box import box_session
from absolute.venues.fleet_errors import (
    ExchangeAuthenticationError,
    ExchangeConnectionError,
    ExchangeOrderRejected,
    ExchangeRateLimitError,
)
from absolute.venues.fleet_exchange import Absent, Found, Undecided
from absolute.venues.fleet_terms import OrderRequest, SentOrder, wanted
from absolute.venues.robinhood import VISIBLE_NS, RobinhoodVenue, check_config
from absolute.venues.robinhood_line import LIMITS, RobinhoodSurroundings
from absolute.wire.robinhood_signing import SignedParts, signer, verified

from tests.fleet_box import fleet_box

SAMPLE_KEY = "rh-api-6148effc-c0b1-486c-8940-a1d099456be6"
SAMPLE_PRIVATE = "xQnTJVeQLmw1/Mg2YimEViSpw/SdJcgNXZ5kQkAXNPU="
SAMPLE_PUBLIC = "jPItx4TLjcnSUnmnXQQyAKL4eJj3+oWNNMmmm2vATqk="
SAMPLE_BODY = {
    "client_order_id": "131de903-5a9c-4260-abc1-28d562a5dcf0",
    "side": "buy",
    "symbol": "BTC-USD",
    "type": "market",
    "market_order_config": {"asset_quantity": "0.1"},
}
SAMPLE_SIGNATURE = (
    "q/nEtxp/P2Or3hph3KejBqnw5o9qeuQ+hYRnB56FaHbjDsNUY9KhB1asMxohDnzdVFSD7StaTqjSd9U9HvaRAw=="
)
SAMPLE = SignedParts(
    SAMPLE_KEY,
    1_698_708_981,
    "/api/v1/crypto/trading/orders/",
    "POST",
    str(SAMPLE_BODY).encode(),
)


def test_the_published_sample_is_signed_as_published():
    ours = signer(SAMPLE_KEY, SAMPLE_PRIVATE)
    assert ours.public() == SAMPLE_PUBLIC
    assert ours.headers(SAMPLE) == {
        "x-api-key": SAMPLE_KEY,
        "x-timestamp": "1698708981",
        "x-signature": SAMPLE_SIGNATURE,
    }
    assert verified(SAMPLE, SAMPLE_SIGNATURE, SAMPLE_PUBLIC)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("key", "rh-api-another"),
        ("seconds", 1_698_708_982),
        ("path", "/api/v2/crypto/trading/orders/"),
        ("method", "GET"),
        ("body", b"{}"),
    ],
)
def test_a_signature_covers_every_part(name, other):
    parts = {each: getattr(SAMPLE, each) for each in ("key", "seconds", "path", "method", "body")}
    assert not verified(SignedParts(**{**parts, name: other}), SAMPLE_SIGNATURE, SAMPLE_PUBLIC)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=60), st.integers(0, 2**33))
def test_what_one_key_signs_only_its_public_half_verifies(seed, body, seconds):
    private = Ed25519PrivateKey.from_private_bytes(seed)
    both = seed + private.public_key().public_bytes_raw()
    parts = SignedParts("k", seconds, "/p?q=1", "POST", body)
    for form in (seed, both):
        ours = signer("k", base64.b64encode(form).decode())
        signature = ours.headers(parts)["x-signature"]
        assert verified(parts, signature, ours.public())
        assert seed == bytes.fromhex("00") * 32 or not verified(parts, signature, SAMPLE_PUBLIC)


def test_a_key_never_shows_itself():
    assert SAMPLE_PRIVATE not in repr(signer(SAMPLE_KEY, SAMPLE_PRIVATE))
    for broken in ("", "c2hvcnQ=", "not base64!"):
        with pytest.raises(UserError, match="base64 Ed25519 seed") as refused:
            signer(SAMPLE_KEY, broken)
        assert broken == "" or broken not in str(refused.value)


def test_user_name_and_password_are_answered_with_why_and_what_to_do():
    with pytest.raises(
        UserError, match=r"no official interface.*api_key and api_secret"
    ) as refused:
        check_config({"username": "me", "password": "hunter2"})
    assert refused.value.code == "ROBINHOOD_PASSWORD"
    assert "hunter2" not in str(refused.value)
    with pytest.raises(UserError, match="ROBINHOOD_API_KEY"):
        check_config({})


def test_we_stay_under_a_hundred_requests_a_minute():
    (rule,) = LIMITS
    assert (rule.span, rule.capacity) == (60 * NANOS_PER_SECOND, 100)


# --- against the box ------------------------------------------------------------------------------


@dataclass
class Shifted:
    """The time of day, moved."""

    by: int = 0

    def now_ns(self) -> Nanos:
        return Nanos(WallClock().now_ns() + self.by)


@pytest.fixture(scope="module")
def shared_box(tmp_path_factory):
    with fleet_box(tmp_path_factory.mktemp("box")) as box:
        yield box


@pytest.fixture
def box(shared_box):
    shared_box.faults()
    return shared_box


def told(box, act, *, by: int = 0, key: str = "robinhood:main"):
    """What `act` makes of the connector, with a clock that may be wrong."""

    async def story():
        keys = box.state.keys[key]
        config = {"api_key": keys["key"], "api_secret": keys["secret"]}
        around = RobinhoodSurroundings(
            Shifted(by), lambda: box_session(box.state.address), may_trade=True
        )
        venue = RobinhoodVenue(config, around)
        try:
            await venue.initialize()
            return await act(venue)
        finally:
            await venue.close()

    return asyncio.run(story())


def order(kind: str = "market", price=None, stop=None, client_id="one") -> OrderRequest:
    return OrderRequest("BTC-USD", "buy", 0.001, kind, price, "GTC", stop, client_id)


def test_an_account_shows_money_prices_and_fees(box):
    async def act(venue):
        return (
            await venue.get_balance(),
            await venue.get_market_data("BTC-USD"),
            await venue.taker_fee("BTC-USD"),
            await venue.get_order_book("BTC-USD", Decimal("0.5")),
        )

    balance, shown, fee, book = told(box, act)
    assert balance["USD"] > 0
    assert shown.bid < shown.price < shown.ask
    assert fee == Decimal("0.0055")
    assert book.asks[0].qty == Decimal("0.5")
    assert book.asks[0].price >= Decimal(str(shown.ask))  # half a coin reaches deeper


def test_a_market_order_trades_and_one_id_is_one_order(box):
    before = len(box.orders("robinhood"))

    async def act(venue):
        return [await venue.place_order(order(client_id="twice")) for _ in range(2)]

    first, second = told(box, act)
    assert (first.status, first.filled_amount, first.remaining_amount) == ("filled", 0.001, 0.0)
    assert first.fees["USD"] == pytest.approx(first.average_price * 0.001 * 0.0055, abs=1e-6)
    assert first.order_id == second.order_id
    assert len(box.orders("robinhood")) == before + 1


@pytest.mark.parametrize(
    ("kind", "price", "stop"),
    [("limit", 20_000.009, None), ("stop", 90_000.0, None), ("stop_limit", 91_000.0, 90_000.0)],
)
def test_waiting_orders_rest_and_are_shown_to_the_guard(box, kind, price, stop):
    client_id = f"rests-{kind}"

    async def act(venue):
        placed = await venue.place_order(order(kind, price, stop, client_id))
        open_orders = await venue.get_open_orders("BTC-USD")
        await venue.cancel_order(placed.order_id)
        return placed, open_orders, await venue.get_open_orders("BTC-USD")

    placed, shown, later = told(box, act)
    assert placed.status == "open"
    mine = next(each for each in shown if each.order_id == placed.order_id)
    wanted_price = {"limit": Decimal("20000"), "stop": None, "stop_limit": Decimal("91000")}[kind]
    assert (mine.side, mine.price) == (Side.BUY, wanted_price)
    assert placed.order_id not in {each.order_id for each in later}


def test_a_lost_reply_is_found_by_its_id(box):
    box.faults(
        {
            "do": "reset",
            "accepted": True,
            "when": {"path": "orders/$", "method": "POST"},
            "count": 1,
        }
    )

    async def act(venue):
        request = order(client_id="lost")
        with pytest.raises(ExchangeConnectionError) as lost:
            await venue.place_order(request)
        sent = SentOrder("robinhood", "lost", wanted(request), WallClock().now_ns())
        return lost.value, await venue.find_order(sent)

    lost, found = told(box, act)
    assert box.fired() == 1
    assert not lost.no_order
    assert isinstance(found, Found)
    assert found.result.status == "filled"


def test_absence_is_proved_only_when_the_signature_is_void(box):
    async def act(venue):
        now = WallClock().now_ns()
        return [
            await venue.find_order(
                SentOrder("robinhood", "never", wanted(order()), Nanos(now - age))
            )
            for age in (0, VISIBLE_NS + NANOS_PER_SECOND)
        ]

    fresh, old = told(box, act)
    assert isinstance(fresh, Undecided)
    assert isinstance(old, Absent)


def test_what_cannot_be_an_order_is_refused_before_it_is_sent(box):
    before = len(box.orders("robinhood"))

    async def act(venue):
        small = OrderRequest("BTC-USD", "buy", 0.0000001, "market", client_id="small")
        odd = OrderRequest("BTC-USD", "buy", 0.001, "limit", 1.0, "IOC", client_id="odd")
        for request in (small, odd, order(client_id=None)):
            with pytest.raises(ExchangeOrderRejected) as refused:
                await venue.place_order(request)
            assert refused.value.no_order

    told(box, act)
    assert len(box.orders("robinhood")) == before


def test_a_no_of_the_venue_is_proof_and_doubt_is_not(box):
    async def act(venue):
        rich = OrderRequest("BTC-USD", "buy", 5.0, "market", client_id="rich")
        with pytest.raises(ExchangeOrderRejected) as refused:
            await venue.place_order(rich)
        assert refused.value.no_order
        for status, error in ((503, ExchangeConnectionError), (429, ExchangeRateLimitError)):
            when = {"path": "orders/$", "method": "POST"}
            rule = {"do": "status", "status": status, "when": when}
            await asyncio.to_thread(box.faults, rule)
            with pytest.raises(error) as doubt:
                await venue.place_order(order(client_id=f"s{status}"))
            assert not doubt.value.no_order

    told(box, act)
    assert box.fired() == 1


def test_a_clock_that_is_wrong_is_refused_as_a_key_would_be(box):
    async def act(venue):
        return await venue.fetch_account()

    with pytest.raises(ExchangeAuthenticationError, match="clock"):
        told(box, act, by=-60 * NANOS_PER_SECOND)


def test_every_page_of_a_list_is_read(box):
    following = "/api/v2/crypto/trading/holdings/?cursor=2"
    pages = [
        {"next": f"https://trading.robinhood.com{following}", "results": [{"n": 1}]},
        {"next": None, "results": [{"n": 2}]},
    ]
    box.faults(
        *(
            {"do": "status", "status": 200, "body": json.dumps(page), "when": when}
            for page, when in zip(
                pages,
                ({"path": "holdings", "text": "account"}, {"path": "holdings", "text": "cursor=2"}),
                strict=True,
            )
        )
    )

    async def act(venue):
        return await venue._line.pages("/api/v2/crypto/trading/holdings/?account_number=1")

    assert told(box, act) == [{"n": 1}, {"n": 2}]


def test_half_a_list_is_no_list(box):
    box.faults({"do": "status", "status": 200, "body": "[1", "when": {"path": "holdings"}})

    async def act(venue):
        return await venue.get_balance()

    with pytest.raises(ExchangeConnectionError, match="broken reply"):
        told(box, act)
