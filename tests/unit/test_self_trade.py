"""No order of ours may meet another of ours, whichever account either belongs to."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from absolute.domain.instrument import Side
from absolute.venues.self_trade import (
    ComingOrder,
    RestingOrder,
    SelfTradeRefused,
    crossed,
    guard,
)


def resting(side: Side, price: str | None, **more) -> RestingOrder:
    words = {"venue": "kraken", "account": "a", "symbol": "BTC-USD", "order_id": "7"} | more
    return RestingOrder(side=side, price=None if price is None else Decimal(price), **words)


def coming(side: Side, price: str | None, **more) -> ComingOrder:
    words = {"venue": "kraken", "account": "b", "symbol": "BTC-USD"} | more
    return ComingOrder(side=side, price=None if price is None else Decimal(price), **words)


@pytest.mark.parametrize(
    ("order", "own"),
    [
        (coming(Side.BUY, "100"), resting(Side.SELL, "100")),
        (coming(Side.BUY, None), resting(Side.SELL, "1000000")),
        (coming(Side.SELL, "99"), resting(Side.BUY, "100")),
        (coming(Side.SELL, "99"), resting(Side.BUY, None)),
        (coming(Side.BUY, "100", account="a"), resting(Side.SELL, "99")),
    ],
)
def test_what_would_meet_our_own_is_refused(order, own):
    with pytest.raises(SelfTradeRefused, match="would trade with 1 of your own orders, first 7"):
        guard(order, [own])


@pytest.mark.parametrize(
    ("order", "own"),
    [
        (coming(Side.BUY, "99.9"), resting(Side.SELL, "100")),
        (coming(Side.BUY, None), resting(Side.BUY, "100")),
        (coming(Side.BUY, "200", post_only=True), resting(Side.SELL, "100")),
        (coming(Side.BUY, None), resting(Side.SELL, "100", venue="coinbase")),
        (coming(Side.BUY, None), resting(Side.SELL, "100", symbol="ETH-USD")),
    ],
)
def test_what_cannot_meet_our_own_passes(order, own):
    assert crossed(order, [own]) == []
    guard(order, [own])


prices = st.none() | st.integers(1, 20).map(str)


@given(st.sampled_from(Side), prices, st.lists(st.tuples(st.sampled_from(Side), prices)))
def test_met_are_exactly_those_a_matching_engine_would_pair(side, price, own):
    orders = [resting(each, at, order_id=str(n)) for n, (each, at) in enumerate(own)]
    met = {each.order_id for each in crossed(coming(side, price), orders)}
    for order in orders:
        buy, sell = (price, order.price) if side is Side.BUY else (order.price, price)
        pairs = buy is None or sell is None or Decimal(buy) >= Decimal(sell)
        assert (order.order_id in met) == (order.side is not side and pairs)
