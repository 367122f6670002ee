"""Our orders beside a replayed book: every policy of `matching.shadow`, worked by hand."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from absolute.domain.approved import Approved
from absolute.domain.fees import FeeCoin
from absolute.domain.ids import ClientOrderId, InstrumentId
from absolute.domain.instrument import Instrument, Kind, Side
from absolute.domain.messages import OrderFilled, Submit
from absolute.domain.order import OrderType, PositionSide
from absolute.domain.units import NANOS_PER_MS, Asset
from absolute.matching.costs import Latency
from absolute.matching.depth_venue import AnswerDelay, DepthRules
from absolute.matching.queueing import QueueModel

from tests.builders import START, fees
from tests.depth_desk import PLAIN_RULES, Desk, said

D: Any = Decimal
BUY, SELL = Side.BUY, Side.SELL
COIN, USDT = Asset("COIN"), Asset("USDT")
PERPETUAL = Instrument(InstrumentId("COINPERP"), Kind.LINEAR, COIN, USDT, D(1), D(1), D(1), D(1))


@pytest.fixture
def desk():
    """Bids 99: 5, 98: 7 lots; asks 101: 3, 102: 4, 105: 9 lots."""
    return opened()


def opened(rules=PLAIN_RULES, **more):
    desk = Desk(rules, **more)
    desk.show([(99, 5), (98, 7)], [(101, 3), (102, 4), (105, 9)], snapshot=True)
    return desk


# --- takers -------------------------------------------------------------------------------------


def test_a_market_order_pays_level_by_level(desk):
    assert said(desk.submit("m", BUY, 9)) == [
        "m OrderAccepted",
        "m taker 3 @ 101 part",
        "m taker 4 @ 102 part",
        "m taker 2 @ 105 done",
    ]
    # 3 * 101 + 4 * 102 + 2 * 105 = 303 + 408 + 210 = 921
    assert desk.portfolio.total("USDT") == 100_000 - 921
    assert desk.portfolio.total("COIN") == 1_009


def test_fees_are_paid_on_every_level():
    desk = opened(charges=fees("0.001", "0.002", coin=FeeCoin.QUOTE))
    desk.submit("m", BUY, 5)
    # (3 * 101 + 2 * 102) * 1.002 = 507 * 1.002 = 508.014
    assert desk.portfolio.total("USDT") == D(100_000) - D("508.014")


def test_what_we_took_is_gone_until_the_level_is_shown_again(desk):
    desk.submit("a", BUY, 2)
    assert said(desk.submit("b", BUY, 2))[1:] == ["b taker 1 @ 101 part", "b taker 1 @ 102 done"]
    desk.show(asks=[(105, 8)])
    assert said(desk.submit("c", BUY, 1))[1:] == ["c taker 1 @ 102 done"]
    desk.show(asks=[(101, 6)])
    assert said(desk.submit("d", BUY, 1))[1:] == ["d taker 1 @ 101 done"]


def test_a_limit_order_takes_what_it_accepts_and_waits_with_the_rest(desk):
    assert said(desk.submit("l", BUY, 9, 102)) == [
        "l OrderAccepted",
        "l taker 3 @ 101 part",
        "l taker 4 @ 102 part",
    ]
    assert desk.ahead("l") == 0
    # 2 lots wait at 102: 204 USDT are held, nothing else.
    assert desk.venue.ledger.account.held("USDT") == 204
    assert said(desk.trade(101, 5, taker_sells=True)) == ["l maker 2 @ 102 done"]
    assert desk.venue.ledger.account.held("USDT") == 0


def test_a_spend_buys_as_many_lots_as_it_pays_for(desk):
    # 3 * 101 = 303, 6 * 102 > 700 - 303 = 397, so 3 at 102 (306); 91 buys no lot more.
    assert said(desk.submit("s", BUY, None, spend=D(700))) == [
        "s OrderAccepted",
        "s taker 3 @ 101 part",
        "s taker 3 @ 102 done",
    ]
    assert desk.portfolio.total("USDT") == 100_000 - 609


def test_a_spend_larger_than_the_book_ends_with_it(desk):
    told = said(desk.submit("s", BUY, None, spend=D(50_000)))
    assert told[-2:] == ["s taker 9 @ 105 part", "s OrderExpired NO_LIQUIDITY"]
    desk.trade(105, 1, taker_sells=False)
    assert said(desk.submit("t", BUY, None, spend=D(500)))[1:] == ["t OrderExpired NO_LIQUIDITY"]


@pytest.mark.parametrize(
    ("rule", "qty", "price", "told"),
    [
        ("ioc", 5, 101, ["o taker 3 @ 101 part", "o OrderExpired IOC_REMAINDER"]),
        ("ioc", 3, 101, ["o taker 3 @ 101 done"]),
        ("ioc", 1, 100, ["o OrderExpired NOT_MARKETABLE"]),
        ("fok", 7, 102, ["o taker 3 @ 101 part", "o taker 4 @ 102 done"]),
        ("fok", 8, 102, ["o OrderExpired FOK_UNFILLABLE"]),
        ("fok", 17, None, ["o OrderExpired FOK_UNFILLABLE"]),
        ("gtc", 17, None, ["o taker 3 @ 101 part", "o taker 4 @ 102 part",
                           "o taker 9 @ 105 part", "o OrderExpired NO_LIQUIDITY"]),
        ("post_only", 1, 101, ["o OrderExpired POST_ONLY_WOULD_TAKE"]),
        ("post_only", 1, 100, []),
    ],
)  # fmt: skip
def test_time_in_force_is_kept(desk, rule, qty, price, told):
    assert said(desk.submit("o", BUY, qty, price, rule=rule)) == ["o OrderAccepted", *told]


def test_a_killed_order_leaves_the_display_alone(desk):
    desk.submit("o", BUY, 8, 102, rule="fok")
    assert desk.venue.shadow.depth.view(2).asks == ((101, 3), (102, 4))


def test_a_sell_walks_the_bids_downward(desk):
    assert said(desk.submit("s", SELL, 6, 98))[1:] == ["s taker 5 @ 99 part", "s taker 1 @ 98 done"]


# --- in the queue -------------------------------------------------------------------------------


def test_a_resting_order_waits_until_what_was_ahead_has_traded(desk):
    desk.submit("b", BUY, 4, 99)
    assert desk.ahead("b") == 5
    assert desk.trade(99, 3, taker_sells=True) == []
    assert desk.ahead("b") == 2
    assert said(desk.trade(99, 3, taker_sells=True)) == ["b maker 1 @ 99 part"]
    assert said(desk.trade(99, 9, taker_sells=True)) == ["b maker 3 @ 99 done"]


def test_a_buyer_who_takes_at_our_bid_does_not_meet_us(desk):
    desk.submit("b", BUY, 4, 99)
    assert desk.trade(99, 50, taker_sells=False) == []
    assert desk.ahead("b") == 5


def test_new_lots_stand_behind_us(desk):
    desk.submit("b", BUY, 1, 99)
    desk.show([(99, 50)])
    assert desk.ahead("b") == 5


@pytest.mark.parametrize(
    ("model", "after_cancels"),
    # 3 of 15 shown lots leave, 5 of the 15 are ahead: none, 3 * 5 // 15 = 1, or 3 of them.
    [
        (QueueModel.TRADES_ONLY, 5),
        (QueueModel.PROPORTIONAL, 4),
        (QueueModel.AHEAD_FIRST, 2),
    ],
)
def test_a_level_that_shrinks_without_a_trade(model, after_cancels):
    desk = opened(DepthRules(model))
    desk.submit("b", BUY, 1, 99)
    desk.show([(99, 15)])
    desk.show([(99, 12)])
    assert desk.ahead("b") == after_cancels


@pytest.mark.parametrize("model", QueueModel)
def test_no_more_can_be_ahead_than_is_shown(model):
    desk = opened(DepthRules(model))
    desk.submit("b", BUY, 1, 99)
    desk.show([(99, 2)])
    assert desk.ahead("b") <= 2
    desk.show([(99, 0)])
    assert desk.ahead("b") == 0


@pytest.mark.parametrize("model", QueueModel)
def test_a_trade_is_not_counted_again_when_the_level_is_shown(model):
    desk = opened(DepthRules(model))
    desk.submit("b", BUY, 1, 99)
    desk.show([(99, 15)])
    desk.trade(99, 3, taker_sells=True)
    assert desk.ahead("b") == 2
    desk.show([(99, 12)])  # 15 - 3: nobody left without trading
    assert desk.ahead("b") == 2


def test_two_of_ours_at_one_price_share_the_lots_ahead(desk):
    desk.submit("one", BUY, 2, 99)
    desk.show([(99, 8)])
    desk.submit("two", BUY, 2, 99)
    # Ahead of one: 5, ahead of two: 8. 6 lots: 5 market lots, then 1 to one; two has 3 ahead.
    assert said(desk.trade(99, 6, taker_sells=True)) == ["one maker 1 @ 99 part"]
    assert (desk.ahead("one"), desk.ahead("two")) == (0, 3)
    # 5 lots: 1 to one, 3 market lots, 1 to two.
    assert said(desk.trade(99, 5, taker_sells=True)) == [
        "one maker 1 @ 99 done",
        "two maker 1 @ 99 part",
    ]


def test_a_trade_through_our_price_fills_us_as_far_as_it_goes(desk):
    desk.submit("b", BUY, 4, 99)
    assert said(desk.trade(98, 3, taker_sells=True)) == ["b maker 3 @ 99 part"]
    assert said(desk.trade(97, 3, taker_sells=True)) == ["b maker 1 @ 99 done"]


def test_a_trade_through_two_of_ours_meets_the_better_price_first(desk):
    desk.submit("low", SELL, 2, 103)
    desk.submit("high", SELL, 2, 104)
    desk.submit("first", SELL, 1, 103)
    assert said(desk.trade(105, 4, taker_sells=False)) == [
        "low maker 2 @ 103 done",
        "first maker 1 @ 103 done",
        "high maker 1 @ 104 part",
    ]


@pytest.mark.parametrize("model", [QueueModel.PROPORTIONAL, QueueModel.AHEAD_FIRST])
def test_a_market_that_comes_to_stand_across_our_order_has_met_it(model):
    desk = opened(DepthRules(model))
    desk.submit("b", BUY, 4, 99)
    told = said(desk.show([(99, 0)], [(99, 1), (98, 2)]))
    assert told == ["b maker 3 @ 99 part"]
    assert said(desk.show(asks=[(99, 5)])) == ["b maker 1 @ 99 done"]
    assert desk.venue.shadow.depth.lots(SELL, 99) == 4


def test_by_default_only_a_trade_fills_a_resting_order(desk):
    desk.submit("b", BUY, 4, 99)
    assert desk.show([(99, 0)], [(99, 1), (98, 2)]) == []
    assert desk.ahead("b") == 0
    assert said(desk.trade(98, 2, taker_sells=False)) == ["b maker 2 @ 99 part"]


def test_a_snapshot_replaces_all_that_was_shown(desk):
    desk.submit("b", BUY, 1, 98)
    desk.show([(99, 1), (98, 3)], [(104, 1)], snapshot=True)
    assert desk.ahead("b") == 3
    assert said(desk.submit("m", BUY, 2))[1:] == [
        "m taker 1 @ 104 part",
        "m OrderExpired NO_LIQUIDITY",
    ]


# --- stops --------------------------------------------------------------------------------------


def test_a_stop_looks_at_trades_alone(desk):
    desk.submit("s", SELL, 6, type=OrderType.STOP, trigger=D(97))
    assert desk.show([(99, 0), (98, 7), (96, 9)]) == []
    assert desk.trade(98, 1, taker_sells=True) == []
    assert said(desk.trade(97, 1, taker_sells=True)) == ["s taker 6 @ 98 done"]


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "quiet"),
    [
        (BUY, OrderType.STOP, 103, 102),
        (SELL, OrderType.TAKE_PROFIT, 103, 102),
        (BUY, OrderType.TAKE_PROFIT, 97, 98),
    ],
)
def test_a_trigger_knows_its_direction(desk, side, kind, trigger, quiet):
    desk.submit("s", side, 1, type=kind, trigger=D(trigger))
    assert desk.trade(quiet, 1, taker_sells=True) == []
    assert said(desk.trade(trigger, 1, taker_sells=True)) == [
        f"s taker 1 @ {101 if side is BUY else 99} done"
    ]


def test_a_stop_limit_becomes_a_limit_order(desk):
    desk.submit("s", SELL, 9, 98, type=OrderType.STOP_LIMIT, trigger=D(99))
    # The trade takes 2 of the 5 lots at 99; the order takes the other 3, then 6 of the 7 at 98.
    assert said(desk.trade(99, 2, taker_sells=True)) == [
        "s taker 3 @ 99 part",
        "s taker 6 @ 98 done",
    ]
    desk.submit("t", SELL, 9, 98, type=OrderType.STOP_LIMIT, trigger=D(97))
    assert said(desk.trade(97, 1, taker_sells=True)) == ["t taker 1 @ 98 part"]
    assert said(desk.trade(98, 1, taker_sells=False)) == ["t maker 1 @ 98 part"]


def test_a_trailing_stop_follows_the_best_trade(desk):
    desk.trade(100, 1, taker_sells=False)
    desk.submit("t", SELL, 1, type=OrderType.TRAILING, trail=D(3))
    for ticks in (98, 104, 102):  # the stop is 97, then 101
        assert desk.trade(ticks, 1, taker_sells=False) == []
    assert said(desk.trade(101, 1, taker_sells=False)) == ["t taker 1 @ 99 done"]


def test_a_trailing_stop_begins_at_the_last_trade(desk):
    desk.trade(100, 1, taker_sells=False)
    desk.submit("t", SELL, 1, type=OrderType.TRAILING, trail=D(3))
    assert said(desk.trade(97, 1, taker_sells=False)) == ["t taker 1 @ 99 done"]


# --- what is refused ----------------------------------------------------------------------------


def test_the_door_refuses_what_cannot_be(desk):
    assert said(desk.submit("dear", BUY, 2_000, 100)) == ["dear OrderRejected INSUFFICIENT_BALANCE"]
    desk.submit("once", BUY, 1, 90)
    assert said(Desk().submit("m", BUY, 1, 100)) == ["m OrderAccepted"], "a limit needs no market"
    assert said(desk.cancel("once")) == ["once OrderCancelled"]


def test_an_order_that_stands_is_not_taken_twice(desk):
    desk.submit("b", BUY, 1, 90)
    again = Submit(ClientOrderId("b"), desk.portfolio.orders["b"].terms)
    told = desk.venue.send(Approved(again), desk.time)
    assert said(told) == ["b OrderRejected ORDER_STANDS"]


def test_a_fee_in_a_coin_we_lack_is_paid_in_the_coin_received():
    third = fees("0.001", "0.001", coin=FeeCoin.THIRD, third=Asset("BNB"), third_price=D(500))
    desk = opened(charges=third)
    held = desk.portfolio.total("COIN")
    assert said(desk.submit("m", BUY, 1))[1:] == ["m taker 1 @ 101 done"]
    assert desk.portfolio.total("COIN") == held + D("0.999")
    # 101 * 0.001 / 500 = 0.000202 BNB
    rich = opened(charges=third, wallet={"USDT": D(500), "BNB": D("0.000202")})
    assert said(rich.submit("m", BUY, 1))[1:] == ["m taker 1 @ 101 done"]
    assert rich.portfolio.total("BNB") == 0


def test_an_order_without_price_needs_a_market():
    desk = Desk()
    desk.portfolio.price = D(100)
    assert said(desk.submit("m", BUY, 1)) == ["m OrderRejected NO_PRICE"]


def test_a_market_order_that_the_levels_make_too_dear_ends_where_the_money_ends():
    desk = opened(wallet={"USDT": D(510), "COIN": D(0)})
    # 5 * 101 = 505 are reserved; 3 * 101 + 2 * 102 = 507 fit into 510, but not into 505.
    assert said(desk.submit("m", BUY, 5))[-1] == "m taker 2 @ 102 done"
    poorer = opened(wallet={"USDT": D(505), "COIN": D(0)})
    assert said(poorer.submit("m", BUY, 5))[1:] == [
        "m taker 3 @ 101 part",
        "m OrderExpired INSUFFICIENT_BALANCE",
    ]


# --- perpetuals ---------------------------------------------------------------------------------


def test_a_reduce_only_order_closes_and_no_more():
    desk = opened(instrument=PERPETUAL, wallet={"USDT": D(1_000)})
    desk.submit("in", BUY, 5)
    assert said(desk.submit("out", SELL, 8, reduce_only=True))[1:] == ["out taker 5 @ 99 done"]
    # Bought 3 at 101 and 2 at 102, sold 5 at 99: 495 - 507 = -12.
    assert desk.portfolio.total("USDT") == 1_000 - 12
    assert said(desk.submit("more", SELL, 1, reduce_only=True))[1:] == [
        "more OrderExpired NOTHING_TO_TRADE"
    ]
    assert said(desk.submit("wrong", BUY, 1, reduce_only=True))[1:] == [
        "wrong OrderExpired NOTHING_TO_TRADE"
    ]


def test_a_reduce_only_order_is_filled_when_the_position_is_closed():
    desk = opened(instrument=PERPETUAL, wallet={"USDT": D(1_000)})
    desk.submit("in", BUY, 2)
    told = said(desk.submit("out", SELL, 100, rule="fok", reduce_only=True))
    assert told[1:] == ["out taker 2 @ 99 done"]


def test_a_closing_order_may_be_smaller_than_the_least_value():
    desk = opened(instrument=replace(PERPETUAL, min_notional=D(200)), wallet={"USDT": D(1_000)})
    assert said(desk.submit("in", BUY, 1)) == ["in OrderRejected NOTIONAL_MIN"]
    desk.submit("in2", BUY, 2)
    assert said(desk.submit("out", SELL, 1, reduce_only=True))[1:] == ["out taker 1 @ 99 done"]


def test_a_resting_reduce_only_order_shrinks_to_the_position():
    desk = opened(instrument=PERPETUAL, wallet={"USDT": D(1_000)})
    desk.submit("in", SELL, 3)
    desk.submit("out", BUY, 5, 98, reduce_only=True)
    assert said(desk.trade(97, 9, taker_sells=True)) == ["out maker 3 @ 98 done"]
    assert desk.portfolio.position().qty == 0


def test_the_legs_of_a_hedge_are_never_crossed_over():
    desk = opened(instrument=PERPETUAL, wallet={"USDT": D(1_000)})
    long, short = PositionSide.LONG, PositionSide.SHORT
    desk.submit("in", BUY, 2, position_side=long)
    desk.submit("other", SELL, 3, position_side=short)
    assert said(desk.submit("out", SELL, 4, position_side=long))[1:] == ["out taker 2 @ 99 done"]
    assert desk.portfolio.position(long).qty == 0
    assert desk.portfolio.position(short).qty == -3


# --- time ---------------------------------------------------------------------------------------


def ms(begin, event):
    return (event.time - begin) / NANOS_PER_MS


def chance():
    return np.random.Generator(np.random.PCG64(7))


def test_an_order_meets_the_book_of_the_time_at_which_it_arrives():
    desk = opened(DepthRules(latency=Latency((1_500, 1_500), (200, 200), chance())))
    begin = desk.time
    assert desk.submit("m", BUY, 1) == []
    assert desk.venue.next_time() == begin + 1_500 * NANOS_PER_MS
    desk.show(asks=[(101, 0), (103, 1)])  # one second later: not yet there
    told = desk.show(asks=[(102, 0)])  # two seconds later: it met the book before this update
    assert said(told) == ["m OrderAccepted", "m taker 1 @ 102 done"]
    assert [ms(begin, event) for event in told] == [1_500, 1_500]


def test_a_fill_overtakes_a_cancel_that_is_on_its_way():
    desk = opened(DepthRules(latency=Latency((0, 0), (1_500, 1_500), chance())))
    desk.submit("b", BUY, 1, 100)
    desk.settle(0)
    desk.cancel("b")
    assert said(desk.trade(99, 1, taker_sells=True)) == ["b maker 1 @ 100 done"]
    assert said(desk.settle()) == ["b CancelRefused ORDER_NOT_OPEN"]


def test_an_answer_needs_its_time_too_and_a_fill_keeps_its_own():
    rules = DepthRules(
        latency=Latency((100, 100), (100, 100), chance()), answers=AnswerDelay((300, 300), chance())
    )
    desk = opened(rules)
    begin = desk.time
    desk.submit("m", BUY, 4)
    told = desk.settle()
    assert said(told) == ["m OrderAccepted", "m taker 3 @ 101 part", "m taker 1 @ 102 done"]
    assert [ms(begin, event) for event in told] == [400, 400, 400]
    assert {ms(begin, each.fill) for each in told if isinstance(each, OrderFilled)} == {100}


def test_an_answer_is_not_told_before_its_time():
    rules = DepthRules(
        latency=Latency((100, 100), (100, 100), chance()), answers=AnswerDelay((300, 300), chance())
    )
    desk = opened(rules)
    begin = desk.time
    desk.submit("one", BUY, 1)
    list(desk.venue.advance(begin + 100 * NANOS_PER_MS))  # there, and its answer is on the way
    desk.time += 200 * NANOS_PER_MS
    desk.submit("two", BUY, 1)
    assert list(desk.venue.advance(begin + 350 * NANOS_PER_MS)) == []
    assert [ms(begin, event) for event in desk.settle()] == [400, 400, 600, 600]


def test_answers_never_overtake_each_other():
    rules = DepthRules(answers=AnswerDelay((0, 5_000), chance()))
    desk = opened(rules)
    for number in range(30):
        desk.submit(f"b{number}", BUY, 1, 90)
        desk.show([(99, 5 + number)])
    desk.settle()
    names = [event.client_id for event in desk.log]
    assert names == [f"b{number}" for number in range(30)]
    times = [event.time for event in desk.log]
    assert times == sorted(times)
    assert desk.venue.next_time() is None


def test_equal_seeds_give_equal_runs():
    def run(seed):
        generator = np.random.Generator(np.random.PCG64(seed))
        delay = AnswerDelay((0, 900), generator)
        desk = opened(DepthRules(latency=Latency((0, 900), (0, 900), generator), answers=delay))
        for number in range(5):
            desk.submit(f"m{number}", BUY, 1)
            desk.show(asks=[(101, 3)])
        desk.settle()
        return desk.log

    assert run(1) == run(1)
    assert run(1) != run(2)


# --- who reacts -------------------------------------------------------------------------------


def test_a_reaction_can_take_back_what_was_not_told_yet(desk):
    desk.submit("one", BUY, 1, 100)
    desk.submit("two", BUY, 1, 100)
    desk.react = lambda event: said([event])[0].startswith("one maker") and desk.cancel("two")
    desk.trade(99, 5, taker_sells=True)
    assert said(desk.log)[-2:] == ["one maker 1 @ 100 done", "two OrderCancelled"]


def test_a_reaction_can_take_back_a_stop_that_has_just_fired(desk):
    desk.submit("one", BUY, 1, 100)
    desk.submit("stop", SELL, 1, type=OrderType.STOP, trigger=D(99))
    desk.react = lambda event: said([event])[0].startswith("one maker") and desk.cancel("stop")
    desk.trade(99, 5, taker_sells=True)
    assert said(desk.log)[-2:] == ["one maker 1 @ 100 done", "stop OrderCancelled"]


def test_a_reaction_does_not_meet_the_trade_it_reacts_to(desk):
    desk.submit("one", BUY, 1, 100)

    def again(event):
        if said([event])[0].startswith("one maker"):
            desk.submit("two", BUY, 1, 100)

    desk.react = again
    desk.trade(99, 5, taker_sells=True)
    assert said(desk.log)[-1] == "two OrderAccepted"


def test_a_watched_price_is_told_once(desk):
    desk.venue.watch = (98, 103)
    assert desk.trade(99, 1, taker_sells=True) == []
    assert said(desk.trade(98, 1, taker_sells=True)) == ["LevelReached"]
    assert desk.portfolio.price == 98
    assert desk.trade(98, 1, taker_sells=True) == []
    desk.venue.watch = (-1, 103)
    assert said(desk.trade(104, 1, taker_sells=False)) == ["LevelReached"]
    assert desk.time > START
