"""Laws of the venue over a replayed book: money is kept, promises are kept, honesty is slower.

The desk of these tests compares the portfolio with the venue's ledger after every single step.
"""

from collections import Counter, defaultdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from absolute.domain.fees import FeeCoin
from absolute.domain.ids import ClientOrderId
from absolute.domain.instrument import Side
from absolute.domain.messages import OrderFilled
from absolute.domain.order import OrderType, TimeInForce
from absolute.matching.depth_venue import DepthRules
from absolute.matching.queueing import QueueModel

from tests.builders import fees
from tests.depth_desk import Desk

LOTS = st.integers(0, 9)
BIDS = st.lists(st.tuples(st.integers(94, 101), LOTS), max_size=4)
ASKS = st.lists(st.tuples(st.integers(99, 106), LOTS), max_size=4)
SHOWS = st.tuples(st.just("show"), BIDS, ASKS, st.integers(0, 9).map(lambda n: n == 0))
TRADES = st.tuples(st.just("trade"), st.integers(94, 106), st.integers(1, 12), st.booleans())
ORDERS = st.tuples(
    st.just("order"),
    st.sampled_from(Side),
    st.sampled_from(OrderType),
    st.integers(1, 15),
    st.integers(94, 106),
    st.sampled_from(TimeInForce),
)
CANCELS = st.tuples(st.just("cancel"), st.integers(0, 20))
MARKETS = st.lists(SHOWS | TRADES | TRADES, max_size=25)
STREAMS = st.lists(SHOWS | TRADES | ORDERS | CANCELS, max_size=50)
CHARGES = st.builds(
    fees, st.sampled_from(["-0.0001", "0", "0.001"]), st.just("0.002"), coin=st.sampled_from(
        [FeeCoin.RECEIVED, FeeCoin.QUOTE]
    )
)  # fmt: skip


def order_terms(side, kind, price):
    """What an order of this kind must name."""
    match kind:
        case OrderType.MARKET:
            return None, {}
        case OrderType.LIMIT:
            return price, {}
        case OrderType.STOP_LIMIT:
            trigger = price - 1 if side is Side.SELL else price + 1
            return price, {"type": kind, "trigger": trigger}
        case OrderType.TRAILING:
            return None, {"type": kind, "trail": 2}
        case _:
            return None, {"type": kind, "trigger": price}


def play(desk, stream):
    """Do all that a stream says; gives the terms of every order that was sent."""
    sent = {}
    for number, (what, *how) in enumerate(stream):
        if what == "show":
            bids, asks, snapshot = how
            desk.show(bids, asks, snapshot=snapshot)
        elif what == "trade":
            ticks, lots, taker_sells = how
            desk.trade(ticks, lots, taker_sells=taker_sells)
        elif what == "cancel":
            living = list(desk.portfolio.live)
            if living:
                desk.cancel(living[how[0] % len(living)])
        elif desk.portfolio.price is not None:
            side, kind, qty, price, rule = how
            limit, more = order_terms(side, kind, price)
            sent[f"o{number}"] = (side, qty, limit, rule)
            desk.submit(f"o{number}", side, qty, limit, rule=rule, **more)
    return sent


@given(STREAMS, CHARGES, st.sampled_from(QueueModel))
def test_money_and_promises_are_kept(stream, charges, model):
    desk = Desk(DepthRules(model), charges=charges)
    before = desk.venue.ledger.account.totals()
    sent = play(desk, stream)
    flow: Counter[Any] = Counter(before)
    filled: defaultdict[str, Any] = defaultdict(int)
    for event in desk.log:
        if not isinstance(event, OrderFilled):
            continue
        fill: Any = event.fill
        side, qty, limit, rule = sent[fill.client_id]
        filled[fill.client_id] += fill.qty
        assert filled[fill.client_id] <= qty
        assert event.done is (filled[fill.client_id] == qty)
        sign = 1 if side is Side.BUY else -1
        assert limit is None or fill.price * sign <= limit * sign
        assert rule is not TimeInForce.POST_ONLY or fill.liquidity == "maker"
        flow[desk.instrument.base] += sign * fill.qty
        flow[desk.instrument.quote] -= sign * fill.qty * fill.price
        flow[fill.fee.asset] -= fill.fee.amount
    assert desk.venue.ledger.account.totals() == flow
    for name, (_, qty, _, rule) in sent.items():
        assert rule is not TimeInForce.FOK or filled[name] in {0, qty}


@given(STREAMS)
def test_what_is_held_is_what_living_orders_reserve(stream):
    desk = Desk()
    play(desk, stream)
    held: Counter[Any] = Counter()
    for order in desk.venue.shadow.orders.values():
        assert order.left > 0
        assert order.ahead >= 0
        held.update({order.hold_asset: order.hold})
    for asset in (desk.instrument.base, desk.instrument.quote):
        assert desk.venue.ledger.account.held(asset) == held[asset]
    assert set(desk.venue.shadow.orders) == {
        order.client_id for order in desk.portfolio.live.values()
    }


@given(MARKETS, st.integers(95, 105), st.integers(1, 20), st.sampled_from(Side))
def test_an_honest_queue_is_no_faster_and_gives_no_more(market, price, qty, side):
    """For one resting order, at every moment: trades only <= proportional <= ahead first."""
    got = []
    for model in (QueueModel.TRADES_ONLY, QueueModel.PROPORTIONAL, QueueModel.AHEAD_FIRST):
        desk = Desk(DepthRules(model))
        desk.show([(94, 1)], [(106, 1)])
        desk.submit("o", side, qty, price, rule="post_only")
        course = []
        for step in market:
            play(desk, [step])
            course.append(desk.portfolio.orders[ClientOrderId("o")].filled)
        got.append(course)
    for slow, middle, fast in zip(*got, strict=True):
        assert slow <= middle <= fast


@given(MARKETS, st.sampled_from(QueueModel))
def test_a_level_never_shows_less_than_nothing_and_the_best_is_the_best(market, model):
    desk = Desk(DepthRules(model))
    for step in market:
        play(desk, [step, ("order", Side.BUY, OrderType.LIMIT, 2, 100, TimeInForce.IOC)])
        view = desk.venue.shadow.depth.view(50)
        assert all(lots > 0 for _, lots in view.bids + view.asks)
        assert [ticks for ticks, _ in view.bids] == sorted({t for t, _ in view.bids}, reverse=True)
        assert [ticks for ticks, _ in view.asks] == sorted({t for t, _ in view.asks})
