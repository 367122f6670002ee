"""Laws of honest fills: where in a bar they lie, and that an honest fill model never flatters.

A taker trades inside the bar; slippage moves it against us only, by no more than its share and one
tick. A maker trades at its own limit, so never better than the bar: outside of it only where the
price jumped over the limit (docs/decisions.md, 9).
"""

# mypy: disable-error-code="arg-type, dict-item, union-attr, comparison-overlap"
# Ids, times and assets are plain literals here; that the product cannot mix them: test_units.py.

from dataclasses import replace
from decimal import ROUND_CEILING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.domain.approved import Approved
from absolute.domain.fill import Liquidity
from absolute.domain.ids import ClientOrderId, Role
from absolute.domain.instrument import Side
from absolute.domain.messages import OrderFilled, Submit
from absolute.domain.order import OrderType, Terms
from absolute.domain.units import Nanos
from absolute.kernels.feed import TapeFeed
from absolute.matching.fills import FillModel, FillRule
from absolute.matching.path import Intrabar
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig

from tests.builders import START, D, Scripted, Setting, fees, play, spot, tape_of
from tests.drawn import ladders, scripts, settings_of_runs, tapes

WALLET = {"USDT": D(1_000_000), "COIN": D(1_000), "BNB": D(1_000)}


def check_honest(run):
    """Every fill of a run against the bar it lies in."""
    tape, share = run.tape, run.setting.slippage_bps / 10_000
    for fill in run.fills:
        number = run.bar_of(fill.time)
        low, high = tape.price(tape.low[number]), tape.price(tape.high[number])
        assert fill.time < tape.ts[number] + tape.bar_ns, "no fill between two bars"
        buying = fill.side is Side.BUY
        assert fill.price >= low if buying else fill.price <= high, "better than the bar"
        if fill.liquidity is Liquidity.MAKER:
            assert fill.price == run.portfolio.orders[fill.client_id].terms.price
            continue
        tick = run.setting.instrument.tick if share else 0
        worst = high * (1 + share) + tick if buying else low * (1 - share) - tick
        assert fill.price <= worst if buying else fill.price >= worst


@settings(max_examples=150)
@given(st.data())
def test_fills_of_a_ladder_are_honest(data):
    tape, config = data.draw(tapes(unit="0.01")), data.draw(ladders())
    setting = data.draw(settings_of_runs(latency=False))
    market = spot(lot="0.001", min_qty="0.001")  # the tape's own tick: prices are never between
    run = play(tape, Ladder(config), replace(setting, instrument=market))
    check_honest(run)


@settings(max_examples=200)
@given(st.data())
def test_fills_of_every_type_of_order_are_honest(data):
    tape = data.draw(tapes(unit="0.01"))
    script = data.draw(scripts(len(tape)))
    setting = replace(data.draw(settings_of_runs(latency=False)), instrument=spot(), wallet=WALLET)
    check_honest(play(tape, Scripted(script), setting))


@settings(max_examples=150)
@given(st.data())
def test_a_maker_fill_lies_where_the_market_was_while_the_order_lived(data):
    """Outside of the bar that fills it only where the price went over it before, since it was sent:
    with the touch model a limit lies between the extremes of its own life."""
    tape, config = data.draw(tapes(unit="0.01")), data.draw(ladders())
    setting = replace(
        data.draw(settings_of_runs(latency=False)), instrument=spot(), fills=FillModel()
    )
    run = play(tape, Ladder(config), setting)
    for fill in run.fills:
        sent = run.bar_of(run.portfolio.orders[fill.client_id].sent_at)
        life = slice(sent, run.bar_of(fill.time) + 1)
        if fill.liquidity is Liquidity.MAKER:
            low, high = tape.low[life].min(), tape.high[life].max()
            assert tape.price(low) <= fill.price <= tape.price(high)


# --- one and the same resting order --------------------------------------------------------------


def traded_by_bar(tape, terms, model, policy=Intrabar.PESSIMISTIC):
    """The quantity an order alone in the market has traded by the end of each bar."""
    setting = Setting(wallet=WALLET, fees=fees("0", "0"), fills=model, intrabar=policy)
    venue, feed = setting.venue(tape.price_unit), TapeFeed(tape)
    venue.seek(feed.row(0))
    venue.send(Approved(Submit(ClientOrderId("one"), terms)), Nanos(START))
    total, by_bar = D(0), []
    for number in range(len(feed)):
        for event in venue.walk(feed.row(number)):
            if isinstance(event, OrderFilled):
                assert event.fill.price == terms.price or event.fill.liquidity is Liquidity.TAKER
                total += event.fill.qty
        by_bar.append(total)
    return by_bar


LIMITS = st.builds(
    Terms,
    role=st.just(Role("one")),
    side=st.sampled_from(Side),
    type=st.just(OrderType.LIMIT),
    qty=st.sampled_from([D("0.5"), D(3), D(40)]),
    price=st.integers(-300, 300).map(lambda ticks: D(100) + ticks * D("0.01")),
)


@settings(max_examples=300)
@given(tapes(unit="0.01"), LIMITS, st.sampled_from(["0.05", "0.3", "1"]), st.sampled_from(Intrabar))
def test_honesty_never_fills_earlier_or_more(tape, terms, share, policy):
    """touch >= through >= volume in what is filled by the end of every bar."""
    touch, through, volume = (
        traded_by_bar(tape, terms, FillModel(rule, D(share)), policy)
        for rule in (FillRule.TOUCH, FillRule.THROUGH, FillRule.VOLUME)
    )
    for one, two, three in zip(touch, through, volume, strict=True):
        assert one >= two >= three


@settings(max_examples=150)
@given(tapes(unit="0.01"), LIMITS, st.sampled_from(["0", "0.5", "20"]))
def test_waiting_in_a_queue_never_fills_earlier_than_touching(tape, terms, ahead):
    touch = traded_by_bar(tape, terms, FillModel(FillRule.TOUCH))
    queue = traded_by_bar(tape, terms, FillModel(FillRule.QUEUE, D("0.1"), D(ahead)))
    longer = traded_by_bar(tape, terms, FillModel(FillRule.QUEUE, D("0.1"), D(ahead) + 5))
    for one, two, three in zip(touch, queue, longer, strict=True):
        assert one >= two >= three


@settings(max_examples=150)
@given(tapes(unit="0.01"), LIMITS, st.sampled_from(["0.05", "0.3", "1"]))
def test_a_resting_order_gets_no_more_than_its_share_of_a_bar(tape, terms, share):
    by_bar = traded_by_bar(tape, terms, FillModel(FillRule.VOLUME, D(share)))
    took_at_once = traded_by_bar(tape, terms, FillModel(FillRule.THROUGH))[0] == terms.qty
    before = D(0)
    for number, total in enumerate(by_bar):
        volume = D(repr(float(tape.volume[number])))
        first = number == 0 and took_at_once
        assert first or total - before <= (volume * D(share)).quantize(D("1e-5"), ROUND_CEILING)
        before = total


def test_an_order_that_is_touched_and_no_more_tells_the_models_apart():
    """Low 99.00 touches a buy at 99.00; 98.99 goes through; a tenth of 7 coins is 0.7 a bar."""
    terms = Terms(Role("one"), Side.BUY, OrderType.LIMIT, qty=D(1), price=D("99.00"))
    tape = tape_of(
        [100, (100, 100, 99, 99.5, 7), (99.5, 99.5, 98.99, 99.5, 7), (99, 99, 98, 98, 7)]
    )
    by_rule = {rule: traded_by_bar(tape, terms, FillModel(rule, D("0.1"))) for rule in FillRule}
    assert by_rule[FillRule.TOUCH] == [0, 1, 1, 1]
    assert by_rule[FillRule.THROUGH] == [0, 0, 1, 1]
    assert by_rule[FillRule.VOLUME] == [0, 0, D("0.7"), 1]
    assert by_rule[FillRule.QUEUE] == [0, D("0.7"), 1, 1]


def test_a_marketable_order_born_inside_a_bar_takes_at_the_market():
    """The bar falls from 100; at 99 the first buy fills, at once another is wanted at 105."""
    first = Terms(Role("one"), Side.BUY, OrderType.LIMIT, qty=D(1), price=D(99))
    second = Terms(Role("two"), Side.BUY, OrderType.LIMIT, qty=D(1), price=D(105))
    setting = Setting(wallet=WALLET, fees=fees("0", "0"), intrabar=Intrabar.OPEN_NEAREST)
    tape, feed_of = tape_of([(100, 101, 98, 98)]), TapeFeed
    venue = setting.venue(tape.price_unit)
    venue.seek(feed_of(tape).row(0))
    venue.send(Approved(Submit(ClientOrderId("one"), first)), Nanos(START))
    prices = []
    for event in venue.walk(feed_of(tape).row(0)):
        if isinstance(event, OrderFilled):
            prices.append(event.fill.price)
            if len(prices) == 1:
                venue.send(Approved(Submit(ClientOrderId("two"), second)), event.time)
    assert prices == [99, 99]


def _alone(tape, terms, **setting):
    """The fills of one order sent before the first bar, as (price, liquidity)."""
    assumed = Setting(wallet=WALLET, fees=fees("0", "0"), **setting)
    venue, feed = assumed.venue(tape.price_unit), TapeFeed(tape)
    venue.seek(feed.row(0))
    venue.send(Approved(Submit(ClientOrderId("one"), terms)), Nanos(START))
    events = [event for number in range(len(tape)) for event in venue.walk(feed.row(number))]
    return [(e.fill.price, e.fill.liquidity) for e in events if isinstance(e, OrderFilled)]


@pytest.mark.parametrize("policy", Intrabar)
def test_an_order_that_comes_late_in_a_bar_takes_at_the_next_open(policy):
    """Sent at 0:00, there at 0:50, after the last turn of the bar; the next bar opens at 100."""
    terms = Terms(Role("one"), Side.BUY, OrderType.LIMIT, qty=D(1), price=D(105))
    slow = {"submit_ms": (50_000, 50_000), "intrabar": policy}
    assert _alone(tape_of([100, 100]), terms, **slow) == [(100, Liquidity.TAKER)]


def test_a_stop_limit_that_is_marketable_when_it_wakes_takes_there():
    """The bar rises to 100.5, falls to 90: at 95 it may sell down to 94, so it sells at 95."""
    terms = Terms(
        Role("one"), Side.SELL, OrderType.STOP_LIMIT, qty=D(1), price=D(94), trigger=D(95)
    )
    tape = tape_of([(100, 100.5, 90, 96)])
    assert _alone(tape, terms, intrabar=Intrabar.OPEN_NEAREST) == [(95, Liquidity.TAKER)]


@settings(max_examples=100)
@given(tapes(unit="0.01"), ladders(), st.sampled_from(Intrabar))
def test_a_limit_that_was_not_marketable_when_sent_never_trades_better_than_its_price(
    tape, config, policy
):
    """A ladder's rungs are sent below the market and its exits above: they rest, and make."""
    run = play(tape, Ladder(config), Setting(instrument=spot(), intrabar=policy))
    for fill in run.fills:
        order = run.portfolio.orders[fill.client_id]
        price, sent = order.terms.price, run.bar_of(order.sent_at)
        if price is None:
            continue
        low, high = tape.price(tape.low[sent]), tape.price(tape.high[sent])
        rested = price < low if fill.side is Side.BUY else price > high
        assert not rested or fill.price == price


def test_a_day_that_runs_away_sells_at_the_exit_and_not_at_the_next_open():
    """Bought at 100 at the open; the day closes at 109 and the next opens there. The exit stood at
    103.50 all day: 10.50 is earned, not 27."""
    tape = tape_of([(100, 110, 99.5, 109), 109], bar_ns=86_400 * 10**9)
    run = play(tape, Ladder(LadderConfig(limite_recompras=0)), Setting(fees=fees("0", "0")))
    assert run.strategy.profit == D("10.5")
