"""A trade tape is a tape of one-price bars: how it is made, and what SimVenue makes of it."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from absolute.domain.approved import Approved
from absolute.domain.ids import ClientOrderId
from absolute.domain.instrument import Side
from absolute.domain.messages import OrderFilled, Submit
from absolute.domain.order import OrderType, Terms, TimeInForce
from absolute.domain.units import Nanos
from absolute.kernels.feed import TapeFeed
from absolute.lake.recordings import Trades, tape_from_trades
from absolute.matching.fills import FillModel, FillRule

from tests.builders import START, Setting, fees, spot

D: Any = Decimal
make: Any = Terms
FREE = fees("0", "0")
COARSE = spot(tick="0.1", lot="0.001", min_qty="0.001", min_notional="0")


def trades_of(rows):
    """Trades from (milliseconds, price in ticks, lots)."""
    ms, ticks, lots = np.array(rows, dtype=np.int64).T
    return Trades(
        START + ms * 1_000_000, ticks, lots, np.ones(len(rows), dtype=np.bool_), D("0.1"),
        D("0.001"), "",
    )  # fmt: skip


# (ms, ticks, lots): three trades in one millisecond, the touch at 990, then the way through.
COURSE = [
    (0, 1000, 10),
    (5, 1000, 20),
    (5, 995, 9),
    (5, 990, 30),
    (6, 991, 40),
    (9, 990, 50),
    (12, 989, 60),
    (15, 985, 900),
]


def test_a_bar_holds_one_trade_and_trades_of_one_instant_follow_by_a_nanosecond():
    tape = tape_from_trades(trades_of(COURSE))
    assert (tape.bar_ns, tape.price_unit) == (1, D("0.1"))
    assert (tape.ts - START).tolist() == [
        0, 5_000_000, 5_000_001, 5_000_002, 6_000_000, 9_000_000, 12_000_000, 15_000_000,
    ]  # fmt: skip
    for column in (tape.open, tape.high, tape.low):
        assert column.tolist() == tape.close.tolist() == [row[1] for row in COURSE]
    # 9 lots of 0.001 are the double that prints as 0.009; the product prints its noise as well.
    assert [repr(each) for each in tape.volume.tolist()][:4] == ["0.01", "0.02", "0.009", "0.03"]


def test_a_crowd_in_one_instant_pushes_the_next_trade_only_as_far_as_it_must():
    tape = tape_from_trades(trades_of([(0, 5, 1), (0, 5, 1), (0, 5, 1), (1, 5, 1)]))
    assert (tape.ts - START).tolist() == [0, 1, 2, 1_000_000]


def play(terms, *, fills, after=0, course=COURSE):
    """Send one order after tick number `after`; (tick number, price, quantity) of its fills."""
    tape = tape_from_trades(trades_of(course))
    feed = TapeFeed(tape)
    setting = Setting(COARSE, FREE, wallet={"USDT": D(10_000), "COIN": D(5)}, fills=fills)
    venue = setting.venue(tape.price_unit)
    venue.seek(feed.row(0))
    found = []
    for number in range(len(feed)):
        row = feed.row(number)
        for event in venue.walk(row):
            if isinstance(event, OrderFilled):
                assert event.time == row.time
                found.append((number, event.fill.price, event.fill.qty))
        if number == after:
            venue.send(Approved(Submit(ClientOrderId("o"), terms)), Nanos(row.time))
    return found


def buy(price, qty, **more):
    return make("o", Side.BUY, OrderType.LIMIT, qty=D(qty), price=D(price), **more)


def model(rule, *, share="1", ahead="0"):
    return FillModel(rule, D(share), D(ahead))


@pytest.mark.parametrize("rule", FillRule)
def test_a_market_order_trades_at_the_next_tick(rule):
    terms = make("o", Side.BUY, OrderType.MARKET, qty=D("0.5"))
    assert play(terms, fills=model(rule), after=1) == [(2, D("99.5"), D("0.5"))]


@pytest.mark.parametrize(
    ("fills", "expected"),
    [
        # The price is touched by tick 3.
        (model(FillRule.TOUCH), [(3, D(99), D("0.1"))]),
        # Tick 6 is the first below 99.0.
        (model(FillRule.THROUGH), [(6, D(99), D("0.1"))]),
        # Ticks 6 and 7 are below: 0.060, then what is left of 0.1.
        (model(FillRule.VOLUME), [(6, D(99), D("0.06")), (7, D(99), D("0.04"))]),
        # A tenth of 0.060 and of 0.900.
        (model(FillRule.VOLUME, share="0.1"), [(6, D(99), D("0.006")), (7, D(99), D("0.09"))]),
        # 0.045 ahead: tick 3 eats 0.030, tick 5 the other 0.015 and gives 0.035, tick 6 0.060.
        (
            model(FillRule.QUEUE, ahead="0.045"),
            [(5, D(99), D("0.035")), (6, D(99), D("0.06")), (7, D(99), D("0.005"))],
        ),
        # Whoever is far back waits for the way through.
        (model(FillRule.QUEUE, ahead="9"), [(6, D(99), D("0.06")), (7, D(99), D("0.04"))]),
    ],
)
def test_a_resting_buy_at_99(fills, expected):
    assert play(buy("99.0", "0.1"), fills=fills) == expected


def test_a_resting_sell_mirrors_it():
    course = [(ms, 2_000 - ticks, lots) for ms, ticks, lots in COURSE]
    terms = make("o", Side.SELL, OrderType.LIMIT, qty=D("0.1"), price=D("101.0"))
    queue = model(FillRule.QUEUE, ahead="0.045")
    assert play(terms, fills=queue, course=course) == [
        (5, D(101), D("0.035")),
        (6, D(101), D("0.06")),
        (7, D(101), D("0.005")),
    ]


def test_an_order_that_cannot_trade_at_once_ends_at_the_next_tick():
    terms = buy("99.9", "0.1", time_in_force=TimeInForce.IOC)
    assert play(terms, fills=model(FillRule.TOUCH), after=0) == []


def course_of(fills):
    """What was filled up to each moment."""
    return {number: sum(qty for at, _, qty in fills if at <= number) for number in range(8)}


@pytest.mark.parametrize("ahead", ["0", "0.045", "0.08", "0.2", "9"])
@pytest.mark.parametrize("share", ["1", "0.1"])
def test_the_honesty_ladder_never_gets_more_by_a_stricter_rule(ahead, share):
    """Touch >= through >= volume, and touch >= queue >= volume: an own queue is never a drawback
    next to `volume`, which gives nothing at all for a touch.
    """
    touch, through, volume, queue = (
        course_of(play(buy("99.0", "0.1"), fills=model(rule, share=share, ahead=ahead)))
        for rule in FillRule
    )
    for number in range(8):
        assert touch[number] >= through[number] >= volume[number]
        assert touch[number] >= queue[number] >= volume[number]
