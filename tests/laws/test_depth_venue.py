"""Laws of the venue over a replayed book: money is kept, promises are kept, honesty is slower.

The desk of these tests compares the portfolio with the venue's ledger after every single step.
"""

from collections import Counter, defaultdict
from typing import Any

import numpy as np
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

SEEDS = st.integers(0, 2**32 - 1)
KINDS, RULES = tuple(OrderType), tuple(TimeInForce)
CHARGES = st.builds(
    fees,
    st.sampled_from(["-0.0001", "0", "0.001"]),
    st.just("0.002"),
    coin=st.sampled_from([FeeCoin.RECEIVED, FeeCoin.QUOTE]),
)


def market(generator, count):
    """Seeded steps of a market that wanders: what it shows (now and then anew) and trades."""
    middle = 100
    for number in range(count):
        middle += int(generator.integers(-1, 2))
        if number and generator.random() < 0.6:
            ticks = middle + int(generator.integers(-2, 3))
            yield "trade", ticks, int(generator.integers(1, 12)), bool(generator.random() < 0.5)
            continue
        offsets = generator.integers(0, 5, size=(2, 4)).tolist()
        lots = generator.integers(0, 9, size=(2, 4)).tolist()
        bids = {middle - offset: size for offset, size in zip(offsets[0], lots[0], strict=True)}
        asks = {middle + 1 + offset: size for offset, size in zip(offsets[1], lots[1], strict=True)}
        snapshot = number == 0 or generator.random() < 0.2
        yield "show", tuple(bids.items()), tuple(asks.items()), snapshot


def stream(seed, count=80):
    """A market with our orders and cancels strewn in."""
    generator = np.random.Generator(np.random.PCG64(seed))
    for step in market(generator, count):
        yield step
        side = list(Side)[int(generator.integers(2))]
        price = 100 + int(generator.integers(-5, 6))
        if generator.random() < 0.5:
            kind = OrderType.LIMIT if generator.random() < 0.5 else KINDS[generator.integers(6)]
            rule = TimeInForce.GTC if generator.random() < 0.5 else RULES[generator.integers(4)]
            yield "order", side, kind, int(generator.integers(1, 15)), price, rule
        elif generator.random() < 0.2:
            yield "cancel", int(generator.integers(20))


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


def play(desk, steps):
    """Do all that a stream says; gives the terms of every order that was sent."""
    sent = {}
    for what, *how in steps:
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
            name = f"o{len(desk.portfolio.orders)}"
            sent[name] = (side, qty, limit, rule)
            desk.submit(name, side, qty, limit, rule=rule, **more)
    return sent


@given(SEEDS, CHARGES, st.sampled_from(QueueModel))
def test_money_and_promises_are_kept(seed, charges, model):
    desk = Desk(DepthRules(model), charges=charges)
    before = desk.venue.ledger.account.totals()
    sent = play(desk, stream(seed))
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


@given(SEEDS)
def test_what_is_held_is_what_living_orders_reserve(seed):
    desk = Desk()
    play(desk, stream(seed))
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


@given(SEEDS, st.integers(97, 103), st.integers(1, 20), st.sampled_from(Side))
def test_an_honest_queue_is_no_faster_and_gives_no_more(seed, price, qty, side):
    """For one resting order, at every moment: trades only <= proportional <= ahead first."""
    got = []
    for model in (QueueModel.TRADES_ONLY, QueueModel.PROPORTIONAL, QueueModel.AHEAD_FIRST):
        desk = Desk(DepthRules(model))
        desk.show([(90, 1)], [(110, 1)])
        desk.submit("o", side, qty, price, rule="post_only")
        course = []
        for step in market(np.random.Generator(np.random.PCG64(seed)), 40):
            play(desk, [step])
            course.append(desk.portfolio.orders[ClientOrderId("o")].filled)
        got.append(course)
    for slow, middle, fast in zip(*got, strict=True):
        assert slow <= middle <= fast


@given(SEEDS, st.sampled_from(QueueModel))
def test_a_level_never_shows_less_than_nothing_and_the_best_is_the_best(seed, model):
    desk = Desk(DepthRules(model))
    for step in stream(seed, count=40):
        play(desk, [step])
        view = desk.venue.shadow.depth.view(50)
        assert all(lots > 0 for _, lots in view.bids + view.asks)
        assert [ticks for ticks, _ in view.bids] == sorted({t for t, _ in view.bids}, reverse=True)
        assert [ticks for ticks, _ in view.asks] == sorted({t for t, _ in view.asks})


def test_the_seeded_streams_hold_enough_of_everything():
    seen: Counter[str] = Counter()
    for seed in range(20):
        desk = Desk(DepthRules(QueueModel.PROPORTIONAL))
        play(desk, stream(seed))
        for event in desk.log:
            seen[type(event).__name__] += 1
            if isinstance(event, OrderFilled):
                seen[f"{event.fill.liquidity} {event.done}"] += 1
    for what in ("maker True", "maker False", "taker True", "taker False"):
        assert seen[what] > 20, what
    for what in ("OrderExpired", "OrderCancelled"):
        assert seen[what] > 20, what
