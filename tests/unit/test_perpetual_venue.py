"""Funding, liquidation and margin at the simulated venue: short stories, worked by hand.

Prices are in tenths; an order sent before a bar takes part in it; every `Desk` compares the
venue's money with the bot's after every event.
"""

from typing import Any

import pytest

from absolute.domain.errors import UserError
from absolute.domain.fees import FREE_OF_CHARGE
from absolute.domain.ledger import Ledger, MarginMode
from absolute.domain.messages import FundingPaid, Liquidated, OrderAccepted, OrderRejected
from absolute.domain.order import OrderType
from absolute.kernels.skip import NEVER_DOWN, NEVER_UP
from absolute.matching.margin import BracketTable, brackets_of
from absolute.matching.perpetual import FundingSchedule, PerpetualTerms, check_coverage
from absolute.matching.venue import SimVenue, VenueRules

from tests.builders import spot
from tests.perpetual_market import (
    HOUR,
    INVERSE,
    LONG,
    MINUTE,
    SHORT,
    START,
    TWO,
    D,
    Desk,
    said,
    schedule,
    table,
)

ISOLATED = MarginMode.ISOLATED


def terms(brackets=TWO, *, margin=MarginMode.CROSS, funding=None, fee="0.0125", marked=False):
    return PerpetualTerms(brackets, margin, funding, D(fee), marked)


def liquidations(events) -> list[Liquidated]:
    return [event for event in events if isinstance(event, Liquidated)]


# --- liquidation: the golden cases ----------------------------------------------------------------


def test_an_isolated_long_loses_its_margin_and_nothing_else():
    # 1 BTC at 50,000 with leverage 10 has 5,000 behind it. Equity meets maintenance where
    #   5,000 + p - 50,000 = 0.004 * p, p = 45,180.72...: the first price at or below is 45,180.7.
    # There the loss is 4,819.30 and the fee 0.0125 * 45,180.7 = 564.75875, together 5,384.05875:
    # 384.05875 more than the margin, which the insurance fund bears.
    desk = Desk(20_000, rules=terms(margin=ISOLATED))
    desk.opened("buy", 1, 50_000)
    assert desk.venue.mark_levels() == (451_807, NEVER_UP)
    assert desk.bar(46_000, 46_500, "45180.8", 46_000) == []
    (event,) = desk.bar(46_000, 46_500, 45_000, 46_000)
    assert said([event]) == ["sell 1 @ 45180.7"]
    assert event.fee.amount == D("564.75875")
    assert event.shortfall == D("384.05875")
    assert event.time == START + 2 * MINUTE + MINUTE // 4  # the first leg of the third bar
    assert desk.wallet == 15_000
    assert desk.qty() == 0
    assert desk.venue.mark_levels() == (NEVER_DOWN, NEVER_UP)


def test_without_a_fee_what_is_left_of_the_margin_comes_back():
    # 5,000 - 4,819.30 = 180.70 of it stay: 20,000 - 4,819.30.
    desk = Desk(20_000, rules=terms(margin=ISOLATED, fee="0"))
    desk.opened("buy", 1, 50_000)
    (event,) = desk.bar(46_000, 46_000, 45_000, 45_000)
    assert event.shortfall == 0
    assert desk.wallet == D("15180.7")


def test_a_cross_long_is_reduced_by_a_bracket_and_later_taken_over():
    # 2 BTC at 50,000, wallet 10,000, the second bracket at the end:
    #   10,000 + 2p - 100,000 = 2p * 0.005 - 50, p = 45,201.005...: liquidated at 45,201.0.
    desk = Desk(10_000, rules=terms(fee="0.001"))
    desk.opened("buy", 2, 50_000)
    assert desk.venue.mark_levels() == (452_010, NEVER_UP)
    events = desk.bar(46_000, 46_000, "45200.5", 45_300)
    # Down to the lower bracket: 50,000 / 45,201 = 1.10617..., so 1.106 stay and 0.894 go.
    #   loss 0.894 * 4,799 = 4,290.306, fee 0.894 * 45,201 * 0.001 = 40.409694
    #   wallet 10,000 - 4,290.306 - 40.409694 = 5,669.284306
    # Safe again: 5,669.284306 - 1.106 * 4,799 = 361.590306 > 1.106 * 45,201 * 0.004 = 199.969224.
    assert said(events) == ["sell 0.894 @ 45201.0"]
    assert desk.wallet == D("5669.284306")
    # The next level: 5,669.284306 + 1.106p - 55,300 = 0.004 * 1.106p
    #   1.101576 * p = 49,630.715694, p = 45,054.28...: liquidated at 45,054.2, now in the lowest
    #   bracket and so as a whole: loss 1.106 * 4,945.8 = 5,470.0548, fee 49.8299452.
    assert desk.venue.mark_levels() == (450_542, NEVER_UP)
    (event,) = desk.bar(45_300, 45_300, 45_000, 45_100)
    assert said([event]) == ["sell 1.106 @ 45054.2"]
    assert event.shortfall == 0
    assert desk.wallet == D("5669.284306") - D("5470.0548") - D("49.8299452")


def test_one_gap_runs_through_all_brackets_and_the_fund_fills_the_hole():
    # 2 BTC at 50,000 on 10,000; the bar opens at 44,000. Equity is -2,000.
    #   50,000 / 44,000 = 1.136...: 0.864 are sold: loss 0.864 * 6,000 = 5,184, fee 38.016;
    #   wallet 4,777.984, equity 4,777.984 - 1.136 * 6,000 = -2,038.016: still under water.
    #   1.136 are taken over: loss 6,816, fee 49.984; 4,777.984 - 6,865.984 = -2,088.
    desk = Desk(10_000, rules=terms(fee="0.001"))
    desk.opened("buy", 2, 50_000)
    events = desk.bar(44_000, 44_500, 43_000, 44_000)
    assert said(events) == ["sell 0.864 @ 44000.0", "sell 1.136 @ 44000.0"]
    assert [event.shortfall for event in liquidations(events)] == [0, 2_088]
    assert [event.time for event in events] == [START + MINUTE] * 2
    assert desk.wallet == 0


def test_a_short_squeeze_opens_far_above():
    # 1 BTC sold at 50,000 on 5,000. In the second bracket 5,000 + 50,000 - p = 0.005p - 50, so
    # p = 54,776.11...: the first price at or above is 54,776.2. The bar opens at 60,000:
    #   50,000 / 60,000 = 0.8333...: 0.167 are bought: loss 1,670, fee 0.0125 * 10,020 = 125.25;
    #   0.833 at 60,000 in the lowest bracket: loss 8,330, fee 0.0125 * 49,980 = 624.75
    #   5,000 - 1,670 - 125.25 - 8,330 - 624.75 = -5,750 is the shortfall.
    desk = Desk(5_000, rules=terms())
    desk.opened("sell", 1, 50_000)
    assert desk.venue.mark_levels() == (NEVER_DOWN, 547_762)
    events = desk.bar(60_000, 61_000, 59_000, 60_000)
    assert said(events) == ["buy 0.167 @ 60000.0", "buy 0.833 @ 60000.0"]
    assert [event.shortfall for event in liquidations(events)] == [0, 5_750]
    assert desk.wallet == 0


def test_a_short_is_caught_on_the_way_up():
    desk = Desk(5_000, rules=terms(margin=ISOLATED))
    desk.opened("sell", 1, 50_000)
    events = desk.bar(50_000, 54_900, 49_000, 50_000)
    assert liquidations(events)[0].price == D("54776.2")
    assert desk.qty() == 0


def test_an_inverse_long():
    # 60,000 contracts at 50,000 are 1.2 BTC, margin 0.12; one bracket of 0.5 %:
    #   0.12 + 1.2 - 60,000 / p = 0.005 * 60,000 / p, p = 45,681.81...: liquidated at 45,681.8.
    # It is worth 60,000 / 45,681.8 = 1.313433358... there. Closing, rounded against us, brings
    # 1.2 - 1.31343336 = -0.11343336; the fee is 0.001 * 1.313433358..., so 0.00131344.
    desk = Desk(
        1, instrument=INVERSE, rules=terms(table(("0", "0.005", 100)), margin=ISOLATED, fee="0.001")
    )
    desk.opened("buy", 60_000, 50_000)
    assert desk.venue.mark_levels() == (456_818, NEVER_UP)
    (event,) = desk.bar(46_000, 46_000, 45_000, 45_500)
    assert said([event]) == ["sell 60000 @ 45681.8"]
    assert event.fee.asset == "BTC"
    assert event.fee.amount == D("0.00131344")
    assert event.fee.value == D("0.00131344") * D("45681.8")
    assert desk.wallet == 1 - D("0.11343336") - D("0.00131344")


def test_an_inverse_position_is_reduced_to_the_floor_in_coins():
    # Brackets in BTC: above 1 BTC the rate is 2 %, deduction 0.015. 100,000 contracts at 50,000 are
    # 2 BTC on a wallet of 0.4:  0.4 + 2 - 100,000 / p = 0.02 * 100,000 / p - 0.015
    #   102,000 / p = 2.415, p = 42,236.02...: liquidated at 42,236.0.
    # 1 BTC at 42,236 are 42,236 contracts: 57,764 are sold.
    desk = Desk(
        "0.4",
        instrument=INVERSE,
        rules=terms(table(("0", "0.005", 100), ("1", "0.02", 40)), fee="0.001"),
    )
    desk.opened("buy", 100_000, 50_000)
    assert desk.venue.mark_levels() == (422_360, NEVER_UP)
    events = desk.bar(43_000, 43_000, 42_200, 42_500)
    assert said(events) == ["sell 57764 @ 42236.0"]
    assert desk.qty() == 42_236


def test_of_a_hedge_the_leg_that_needs_most_goes_first():
    # Long 2 and short 1 BTC at 50,000 on 5,500. The bar opens at 45,000: 5,500 - 10,000 + 5,000 =
    # 500 are left; the long needs 90,000 * 0.005 - 50 = 400, the short 45,000 * 0.004 = 180.
    # The long is reduced: 50,000 / 45,000 = 1.111..., 0.889 are sold. Now 1.111 * 45,000 * 0.004 +
    # 180 = 379.98 are needed, and of a fee there is none: safe.
    desk = Desk(5_500, leverage=50, rules=terms(fee="0"))
    desk.stand(50_000)
    desk.send("long", "buy", 2, position_side=LONG)
    desk.send("short", "sell", 1, position_side=SHORT)
    desk.bar(50_000)
    (event,) = desk.bar(45_000, 45_000, 44_500, 44_900)
    assert said([event]) == ["sell 0.889 @ 45000.0"]
    assert event.position_side is LONG
    assert (desk.qty(LONG), desk.qty(SHORT)) == (D("1.111"), -1)
    assert desk.wallet == 5_500 - D("0.889") * 5_000


# --- how it is carried out ----------------------------------------------------------------------


def test_orders_are_swept_first_and_new_ones_refused_until_the_last_step():
    desk = Desk(10_000, rules=terms(fee="0.001"))
    desk.opened("buy", 2, 50_000)
    desk.stand(50_000)
    desk.send("take", "sell", 2, 55_000, reduce_only=True)
    desk.send("stop", "sell", 2, type=OrderType.STOP, trigger=D(40_000), reduce_only=True)
    answers: list[Any] = []

    def react(event):
        if not isinstance(event, OrderAccepted | OrderRejected):
            name = f"again {len(answers)}"
            answers.extend(desk.send(name, "sell", "0.1", 60_000, reduce_only=True))

    desk.react = react
    events = desk.bar(44_000, 44_500, 43_000, 44_000)
    assert said(events) == [
        "take OrderExpired LIQUIDATION",
        "stop OrderExpired LIQUIDATION",
        "sell 0.864 @ 44000.0",
        "sell 1.136 @ 44000.0",
    ]
    # The answers to the sweep and the first step are refusals; after the last, orders are taken.
    assert said(answers) == [
        "again 0 OrderRejected LIQUIDATION",
        "again 1 OrderRejected LIQUIDATION",
        "again 2 OrderRejected LIQUIDATION",
        "again 3 OrderAccepted",
    ]
    assert desk.venue.ledger.account.held(desk.instrument.settle) == 0


def test_a_rebuy_above_the_level_is_met_first_and_moves_it():
    # 1 BTC at 50,000 on 6,000; a bid for 1 more at 47,000. After it fills, cross equity at p is
    #   6,000 + 2p - 97,000 = 2p * 0.005 - 50 (second bracket), 1.99p = 90,950, p = 45,703.51...
    desk = Desk(6_000, leverage=50, rules=terms(fee="0"))
    desk.opened("buy", 1, 50_000)
    desk.stand(50_000)
    desk.send("rung", "buy", 1, 47_000)
    events = desk.bar(50_000, 50_000, 45_000, 45_000)
    assert said(events)[0] == "rung 1 @ 47000"
    assert liquidations(events)[0].price == D("45703.5")


def test_liquidation_comes_before_a_stop_at_the_same_price():
    desk = Desk(20_000, rules=terms(margin=ISOLATED))
    desk.opened("buy", 1, 50_000)
    desk.stand(50_000)
    level = {"type": OrderType.STOP, "reduce_only": True}
    desk.send("stop", "sell", 1, trigger=D("45180.7"), **level)
    assert said(desk.bar(46_000, 46_000, 45_000, 45_000)) == [
        "stop OrderExpired LIQUIDATION",
        "sell 1 @ 45180.7",
    ]


def test_a_stop_above_the_level_saves_the_position_unless_the_bar_opens_below():
    for opening, told in ((46_000, ["stop 1 @ 45200.0"]), (45_100, ["sell 1 @ 45100.0"])):
        desk = Desk(20_000, rules=terms(margin=ISOLATED))
        desk.opened("buy", 1, 50_000)
        desk.stand(50_000)
        desk.send("stop", "sell", 1, type=OrderType.STOP, trigger=D(45_200), reduce_only=True)
        assert said(desk.bar(opening, opening, 45_000, 45_000))[-1:] == told


def test_a_fill_that_leaves_too_little_is_liquidated_at_once():
    # A bid for 2 at 50,000 rests; the next bar opens at 49,200 and it trades at its own price. The
    # taker's 1 % is a maker's here as well: 3,010 - 1,000 of fee - 2 * 800 = 410 are left, and
    # 2 * 49,200 * 0.005 - 50 = 442 are needed. 50,000 / 49,200 = 1.016...: 0.984 are sold.
    desk = Desk(3_010, leverage=50, rules=terms(fee="0"), fees=("0.01", "0.01"))
    desk.bar(50_100)
    desk.stand(50_100)
    desk.send("rung", "buy", 2, 50_000)
    assert desk.bar(50_100) == []
    events = desk.bar(49_200, 49_900, 49_200, 49_300)
    assert said(events)[:2] == ["rung 2 @ 50000", "sell 0.984 @ 49200.0"]


# --- the mark price -----------------------------------------------------------------------------


def test_the_last_price_alone_does_not_liquidate_where_there_is_a_mark():
    desk = Desk(20_000, rules=terms(margin=ISOLATED, marked=True))
    desk.opened("buy", 1, 50_000)
    assert desk.bar(46_000, 46_500, 40_000, 46_000, marks=("45180.8", 46_400)) == []
    (event,) = desk.bar(46_000, 46_500, 45_500, 46_000, marks=(45_000, 46_400))
    assert said([event]) == ["sell 1 @ 45180.7"]


def test_a_mark_that_opens_below_the_level_liquidates_there():
    desk = Desk(20_000, rules=terms(margin=ISOLATED, marked=True))
    desk.opened("buy", 1, 50_000)
    (event,) = desk.bar(46_000, 46_000, 45_900, 46_000, marks=(44_000, 44_900))
    # The last price opens at 46,000, held inside the mark's range: 44,900... but 46,000 is the
    # bar's high, whose mark is 44,900 as well.
    assert said([event]) == ["sell 1 @ 44900.0"]


def test_the_mark_is_asked_after_the_fills_of_its_leg():
    # 1 BTC at 50,000 on 6,000 alone is liquidated at 6,000 + p - 50,000 = 0.004p, p = 44,176.7.
    # The mark falls to 45,500 only; but the bid at 47,000 fills on that leg, and both together
    # are liquidated at 45,703.5 (worked out above).
    desk = Desk(6_000, leverage=50, rules=terms(fee="0", marked=True))
    desk.opened("buy", 1, 50_000)
    desk.stand(50_000)
    desk.send("rung", "buy", 1, 47_000)
    events = desk.bar(50_000, 50_000, 46_500, 49_000, marks=(45_500, 50_000))
    assert said(events)[0] == "rung 1 @ 47000"
    assert liquidations(events)[0].price == D("45703.5")


# --- funding ------------------------------------------------------------------------------------


def paid(events) -> list[Any]:
    return [
        (event.amount, event.rate, event.mark) for event in events if isinstance(event, FundingPaid)
    ]


@pytest.mark.parametrize(
    ("side", "rate", "amount"),
    [
        ("buy", "0.0001", "-5.1"),  # a long pays 51,000 * 0.0001
        ("buy", "-0.0003", "15.3"),  # and is paid 51,000 * 0.0003
        ("sell", "0.0001", "5.1"),
        ("sell", "-0.0003", "-15.3"),
    ],
)
def test_long_pays_short_at_the_mark(side, rate, amount):
    desk = Desk(100_000, rules=terms(funding=schedule((MINUTE, rate))))
    desk.opened(side, 1, 50_000)
    events = desk.bar(51_000, 51_500, 50_500, 51_000)
    assert paid(events) == [(D(amount), D(rate), 51_000)]
    assert events[0].time == START + MINUTE
    assert desk.wallet == 100_000 + D(amount)


def test_an_inverse_long_pays_in_coins_rounded_against_it():
    # 60,000 / 51,000 * 0.0001 = 0.000117647... is paid as 0.00011765, received as 0.00011764.
    for rate, amount in (("0.0001", "-0.00011765"), ("-0.0001", "0.00011764")):
        desk = Desk(
            1,
            instrument=INVERSE,
            rules=terms(table(("0", "0.005", 100)), funding=schedule((MINUTE, rate))),
        )
        desk.opened("buy", 60_000, 50_000)
        assert paid(desk.bar(51_000))[0][0] == D(amount)


def test_a_hedge_pays_the_difference():
    desk = Desk(100_000, rules=terms(funding=schedule((MINUTE, "0.001"))))
    desk.stand(50_000)
    desk.send("long", "buy", 3, position_side=LONG)
    desk.send("short", "sell", 2, position_side=SHORT)
    desk.bar(50_000)
    assert paid(desk.bar(50_000)) == [(-50, D("0.001"), 50_000)]


def test_intervals_may_change_and_stamps_be_late():
    # 8 h, 4 h, 1 h apart; one is stamped 5 ms late and so belongs to the next minute's open.
    late = 12 * HOUR + 5_000_000
    funding = schedule((8 * HOUR, "0.0001"), (late, "0.0002"), (13 * HOUR, "0.0003"))
    desk = Desk(100_000, rules=terms(funding=funding))
    desk.opened("buy", 1, 50_000)
    assert desk.venue.next_time() == START + 8 * HOUR
    told = []
    for _ in range(14 * 60):
        told += [(event.time, event.rate) for event in desk.bar(50_000)]
    assert told == [
        (START + 8 * HOUR, D("0.0001")),
        (START + 12 * HOUR + MINUTE, D("0.0002")),
        (START + 13 * HOUR, D("0.0003")),
    ]
    assert desk.venue.next_time() is None


def test_payments_in_a_gap_of_the_data_are_made_one_by_one_at_the_next_price():
    funding = schedule((2 * MINUTE, "0.0001"), (3 * MINUTE, "-0.0002"), (9 * MINUTE, "0.5"))
    desk = Desk(100_000, rules=terms(funding=funding))
    desk.opened("buy", 1, 50_000)
    assert paid(desk.bar(40_000 + 10_000, skip=4)) == [
        (-5, D("0.0001"), 50_000),
        (10, D("-0.0002"), 50_000),
    ]


def test_a_flat_account_passes_funding_over_and_a_position_of_that_very_open_does_not_pay():
    funding = schedule((MINUTE, "0.01"), (2 * MINUTE, "0.02"), (3 * MINUTE, "0.03"))
    desk = Desk(100_000, rules=terms(funding=funding))
    assert desk.bar(50_000) == desk.bar(50_000) == []
    assert desk.venue.next_time() is None
    assert paid(desk.opened("buy", 1, 50_000)) == []  # this bar opens at the second payment
    assert desk.venue.next_time() == START + 3 * MINUTE
    assert paid(desk.bar(50_000)) == [(-1_500, D("0.03"), 50_000)]


def test_funding_comes_before_the_orders_of_its_bar_and_may_liquidate():
    # 1 BTC at 50,000 on 5,000, a bid at 49,900. 10 % funding takes 4,995: 5 are left at 49,950,
    # less 50 of loss. Swept and taken over at the open, before the bid is met.
    desk = Desk(5_000, leverage=50, rules=terms(funding=schedule((2 * MINUTE, "0.1"))))
    desk.opened("buy", 1, 50_000)
    desk.stand(50_000)
    desk.send("rung", "buy", "0.1", 49_900)
    assert desk.bar(50_000) == []
    events = desk.bar(49_950, 49_950, 49_000, 49_500)
    assert said(events) == [
        "FundingPaid",
        "rung OrderExpired LIQUIDATION",
        "sell 1 @ 49950.0",
    ]
    assert desk.wallet == 0


def test_isolated_funding_takes_the_free_wallet_first():
    # The margin of 5,000 stays whole while the wallet of 5,400 has more: the level stands still.
    # The second payment leaves 5,400 - 2 * 250 = 4,900 behind the position:
    #   4,900 + p - 50,000 = 0.004p, p = 45,281.12...
    funding = schedule((MINUTE, "0.005"), (2 * MINUTE, "0.005"))
    desk = Desk(5_400, rules=terms(margin=ISOLATED, funding=funding))
    desk.opened("buy", 1, 50_000)
    desk.bar(50_000)
    assert desk.venue.mark_levels()[0] == 451_807
    desk.bar(50_000)
    assert desk.venue.mark_levels()[0] == 452_811


# --- dated brackets -----------------------------------------------------------------------------


def test_new_brackets_move_the_level_of_an_open_position_on_their_day():
    # At 0.4 % the level is 45,180.7 as above; at 5 %: 5,000 + p - 50,000 = 0.05p, p = 47,368.42...
    dearer = brackets_of([(D(0), D("0.05"), D(15))])
    brackets = BracketTable((START, START + 2 * MINUTE), (TWO.versions[0], dearer))
    desk = Desk(20_000, rules=terms(brackets, margin=ISOLATED))
    desk.opened("buy", 1, 50_000)
    assert desk.venue.mark_levels() == (451_807, NEVER_UP)
    assert desk.venue.next_time() == START + 2 * MINUTE
    assert desk.bar(47_000) == []
    assert said(desk.bar(47_000)) == ["sell 1 @ 47000.0"]


# --- orders on margin ---------------------------------------------------------------------------


def test_a_bracket_that_forbids_the_leverage_refuses_the_order():
    # 110-fold is allowed up to 50,000 (the second bracket allows 100).
    desk = Desk(100_000, leverage=110, rules=terms())
    desk.stand(50_000)
    assert said(desk.send("a", "buy", "0.6", 49_000)) == ["a OrderAccepted"]  # 29,400
    assert said(desk.send("b", "buy", "0.5", 49_000)) == ["b OrderRejected LEVERAGE_TOO_HIGH"]
    assert said(desk.send("c", "sell", "1.1")) == ["c OrderRejected LEVERAGE_TOO_HIGH"]
    assert said(desk.send("d", "sell", "1")) == ["d OrderAccepted"]  # the other side counts alone
    desk.bar(50_000)
    # Short 1: buying back 1 and 0.4 more, beside 0.6 that rests, ends 1 long.
    assert said(desk.send("e", "buy", "1.4")) == ["e OrderAccepted"]
    assert said(desk.send("f", "buy", "5", 49_000, reduce_only=True)) == ["f OrderAccepted"]


def test_cross_counts_an_open_loss_against_new_orders_and_isolated_does_not():
    # 1 BTC at 50,000 with leverage 10 binds 5,000 of 12,000. At 46,000 a loss of 4,000 leaves 3,000
    # in cross: 0.7 at 46,000 would bind 3,220.
    for margin, told in (
        (MarginMode.CROSS, "Rejected INSUFFICIENT_BALANCE"),
        (ISOLATED, "Accepted"),
    ):
        desk = Desk(12_000, rules=terms(margin=margin))
        desk.opened("buy", 1, 50_000)
        desk.bar(46_000)
        desk.stand(46_000)
        assert said(desk.send("more", "buy", "0.7")) == [f"more Order{told}"]
        assert said(desk.send("less", "buy", "0.6")) == ["less OrderAccepted"]  # 2,760


def test_an_open_profit_is_not_lent_out():
    desk = Desk(12_000, rules=terms())
    desk.opened("buy", 1, 50_000)
    desk.bar(60_000)
    desk.stand(60_000)
    # 12,000 - 5,000 = 7,000 are free, whatever the profit of 10,000; 1.2 would bind 7,200.
    assert said(desk.send("more", "buy", "1.2")) == ["more OrderRejected INSUFFICIENT_BALANCE"]
    assert said(desk.send("less", "buy", "1.1")) == ["less OrderAccepted"]


def test_a_closing_order_is_taken_though_nothing_is_free():
    # The wallet of 5,000 is bound whole; funding took 50 of it: -50 are free.
    desk = Desk(5_000, rules=terms(funding=schedule((MINUTE, "0.001"))))
    desk.opened("buy", 1, 50_000)
    desk.bar(50_000)
    assert desk.venue.ledger.available(desk.instrument.settle) == -50
    assert said(desk.send("out", "sell", 1, 50_500, reduce_only=True)) == ["out OrderAccepted"]
    assert said(desk.bar(50_500)) == ["out 1 @ 50500"]


def test_a_reduce_only_order_never_opens():
    desk = Desk(10_000, rules=terms())
    desk.opened("sell", 1, 50_000)
    desk.stand(50_000)
    desk.send("wrong", "sell", 1, reduce_only=True)
    desk.send("right", "buy", 3, reduce_only=True)
    assert said(desk.bar(50_000)) == ["wrong OrderExpired NOTHING_TO_TRADE", "right 1 @ 50000.0"]
    assert desk.qty() == 0


def test_the_leg_of_a_hedge_is_closed_and_not_crossed():
    desk = Desk(50_000, rules=terms())
    desk.stand(50_000)
    desk.send("long", "buy", 1, position_side=LONG)
    desk.bar(50_000)
    desk.stand(50_000)
    desk.send("out", "sell", 3, position_side=LONG)
    assert said(desk.bar(50_000)) == ["out 1 @ 50000.0"]
    assert desk.qty(LONG) == 0


def test_the_terms_of_a_perpetual_belong_to_a_perpetual():
    desk = Desk(1, rules=terms())
    with pytest.raises(ValueError, match="perpetual"):
        SimVenue(desk.venue.ledger, unit=D("0.1"), rules=VenueRules())
    ledger = Ledger(spot(), {}, fees=FREE_OF_CHARGE)
    with pytest.raises(ValueError, match="perpetual"):
        SimVenue(ledger, unit=D("0.1"), rules=VenueRules(perpetual=terms()))


# --- coverage of funding --------------------------------------------------------------------------


def hours(*stamps) -> FundingSchedule:
    return schedule(*((stamp * HOUR, "0.0001") for stamp in stamps))


@pytest.mark.parametrize(
    ("stamps", "start", "end"),
    [
        ((0, 8, 16, 24), 0, 24),
        ((8, 16, 24), 0, 24),  # a payment at the very first open could not be charged
        ((0, 8, 16), 0, 24),  # nor one at the end
        ((0, 8, 16, 20, 24, 25, 26), 0, 26),  # every eight, then four hours, then one
        ((0, 8, 24, 32, 40), 25, 40),  # the hole is over before the run
    ],
)
def test_a_schedule_that_covers_the_run_passes(stamps, start, end):
    check_coverage(hours(*stamps), START + start * HOUR, START + end * HOUR)


@pytest.mark.parametrize(
    ("stamps", "start", "end", "first", "last"),
    [
        ((), 0, 24, "2024-01-01 00:00", "2024-01-02 00:00"),
        ((8,), 0, 24, "2024-01-01 00:00", "2024-01-02 00:00"),
        ((0, 8, 24, 32), 0, 32, "2024-01-01 08:00", "2024-01-02 00:00"),
        ((0, 4, 8, 15, 19), 0, 20, "2024-01-01 08:00", "2024-01-01 15:00"),
        ((16, 24, 32), 5, 32, "2024-01-01 05:00", "2024-01-01 16:00"),
        ((0, 8, 16), 0, 25, "2024-01-01 16:00", "2024-01-02 01:00"),
    ],
)
def test_the_first_hole_is_named(stamps, start, end, first, last):
    with pytest.raises(UserError) as caught:
        check_coverage(hours(*stamps), START + start * HOUR, START + end * HOUR)
    assert caught.value.code == "FUNDING_MISSING"
    assert f"between {first} UTC and {last} UTC" in caught.value.message


@pytest.mark.parametrize(("times", "rates"), [((1, 2), ("0.1",)), ((2, 1), ("0.1", "0.1"))])
def test_a_schedule_without_sense_is_refused(times, rates):
    with pytest.raises(UserError) as caught:
        FundingSchedule(times, tuple(D(rate) for rate in rates))
    assert caught.value.code == "FUNDING_INVALID"
