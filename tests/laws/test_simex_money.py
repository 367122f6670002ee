"""Money in the box is neither made nor lost, whatever clients do and wherever the price goes."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.domain.fees import FeeCoin, FeeSchedule
from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.domain.units import Asset, Nanos, Price, Qty, Quote, Ratio
from absolute.matching.book import SelfTrade
from absolute.simex.exchange import Exchange, Scope
from absolute.simex.facts import Executed
from absolute.simex.house import HouseStyle
from absolute.simex.listing import VenueRules
from absolute.simex.orders import Amendment, Execution, OrderAsk, OrderNumber, Trigger

from tests.box_markets import (
    BTC,
    LINEAR,
    ONE,
    SECOND,
    SPOT,
    START,
    TWO,
    USDT,
    D,
    balance,
    exchange,
    listing,
    wild_tape,
)

SCHEDULES = (
    FeeSchedule(Ratio(D("0.001")), Ratio(D("0.001")), FeeCoin.RECEIVED),
    FeeSchedule(Ratio(D("-0.0001")), Ratio(D("0.0006")), FeeCoin.QUOTE),
    FeeSchedule(Ratio(D("-0.00025")), Ratio(D("0.00075")), FeeCoin.RECEIVED),
)

ORDERS = st.builds(
    lambda market, side, lots, offset, rule, reduce, trigger, self_trade: OrderAsk(
        market=market,
        side=side,
        qty=Qty(lots * (D("0.001"))),
        price=Price(D(50_000) + offset) if offset is not None else None,
        time_in_force=rule if offset is not None else TimeInForce.IOC,
        reduce_only=reduce and market is LINEAR,
        trigger=(
            Trigger(Price(D(50_000) + trigger), rising=trigger > 0) if trigger is not None else None
        ),
        self_trade=self_trade,
    ),
    st.sampled_from([SPOT, LINEAR]),
    st.sampled_from(list(Side)),
    st.integers(1, 60),
    st.one_of(st.none(), st.integers(-300, 300)),
    st.sampled_from(list(TimeInForce)),
    st.booleans(),
    st.one_of(st.none(), st.none(), st.integers(-200, 200)),
    st.sampled_from(list(SelfTrade)),
)
SPENDS = st.builds(
    lambda amount: OrderAsk(market=SPOT, side=Side.BUY, spend=Quote(D(amount))),
    st.integers(5, 3_000),
)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.sampled_from([ONE, TWO]), st.one_of(ORDERS, SPENDS)),
        st.tuples(st.just("cancel"), st.sampled_from([ONE, TWO]), st.integers(1, 30)),
        st.tuples(st.just("amend"), st.sampled_from([ONE, TWO]), st.integers(1, 30)),
        st.tuples(st.just("wait"), st.just(ONE), st.integers(1, 90)),
    ),
    min_size=1,
    max_size=30,
)


STARTS = {ONE: {USDT: D(10_000), BTC: D(0)}, TWO: {USDT: D(10_000), BTC: D(1)}}


def moved(each: Execution, asset: Asset) -> Decimal:
    """What one execution adds to an asset, reckoned afresh."""
    total = -each.fee.amount if each.fee.asset == asset else Decimal(0)
    sign = 1 if each.side is Side.BUY else -1
    if each.market == LINEAR:
        return total + (each.realised if asset == USDT else Decimal(0))
    if asset == BTC:
        return total + sign * each.qty
    return total - sign * each.value


def perform(box: Exchange, acts) -> Nanos:
    """Do it all; the time at the end."""
    now = START
    for verb, who, what in acts:
        match verb:
            case "order":
                box.submit(who, what, now)
            case "cancel":
                box.cancel(who, OrderNumber(what), now)
            case "amend":
                change = Amendment(
                    qty=Qty(D("0.001") * what), price=Price(D(50_000) + 7 * what - 100)
                )
                box.amend(who, OrderNumber(what), change=change, now=now)
            case "wait":
                now = Nanos(now + what * SECOND)
                box.pass_time(now)
    return now


@settings(max_examples=60, deadline=None)
@given(ACTS, st.integers(0, 5), st.sampled_from(SCHEDULES))
def test_money_is_conserved_and_positions_and_balances_follow_from_the_fills(acts, seed, fees):
    box = exchange(
        wild_tape(seed),
        listings=[listing(SPOT, fees=fees), listing(LINEAR)],
        house=HouseStyle(levels=5, level_value=D(700), seed=seed),
        rules=VenueRules(),
    )
    now = perform(box, acts)
    assert box.sums() == {}
    for who in (ONE, TWO):
        audit = box.audit(who)
        signed = sum(
            (
                each.qty if each.side is Side.BUY else -each.qty
                for each in audit.executions
                if each.market == LINEAR
            ),
            Decimal(0),
        )
        assert box.position(who, LINEAR).qty == signed
        for row in audit.orders:
            fills = [each for each in audit.executions if each.order == row.number]
            assert sum((each.qty for each in fills), Decimal(0)) == row.filled
            assert sum((each.value for each in fills), Decimal(0)) == row.value
            for coin, fee in row.fees.items():
                paid = (each.fee.amount for each in fills if each.fee.asset == coin)
                assert sum(paid, Decimal(0)) == fee
            if row.ask.qty is not None:
                assert row.filled <= row.ask.qty
            if row.ask.spend is not None:
                assert row.value <= row.ask.spend
        for asset, start in STARTS[who].items():
            assert balance(box, who, asset) == start + sum(
                (moved(each, asset) for each in audit.executions), Decimal(0)
            )
        view = box.position(who, LINEAR)
        linear = [each for each in audit.executions if each.market == LINEAR]
        cash = sum(
            (each.value if each.side is Side.SELL else -each.value for each in linear), Decimal(0)
        )
        realised = sum((each.realised for each in linear), Decimal(0))
        assert abs(cash - realised + view.qty * (view.entry or 0)) < D("0.000001")
    for fact in box.drain():
        if isinstance(fact, Executed) and fact.order.ask.price is not None:
            worse = 1 if fact.order.ask.side is Side.BUY else -1
            assert (fact.execution.price - fact.order.ask.price) * worse <= 0
    for who in (ONE, TWO):
        box.cancel_all(who, Scope(), now)
        assert all(row.held == 0 for row in box.balances(who))
        assert not box.open_orders(who, Scope())
    assert box.sums() == {}


@settings(max_examples=30, deadline=None)
@given(ACTS, st.integers(0, 3))
def test_spot_balances_never_fall_below_what_is_reserved(acts, seed):
    box = exchange(wild_tape(seed), listings=[listing(SPOT)])
    perform(box, [each for each in acts if getattr(each[2], "market", SPOT) is SPOT])
    for who in (ONE, TWO):
        for row in box.balances(who):
            assert row.total >= row.held >= 0


@settings(max_examples=20, deadline=None)
@given(ACTS, st.integers(0, 3))
def test_the_same_acts_give_the_same_facts(acts, seed):
    told = []
    for _ in range(2):
        box = exchange(wild_tape(seed))
        perform(box, acts)
        told.append(list(box.drain()))
    assert told[0] == told[1]
