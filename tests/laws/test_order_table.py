"""Laws of an order's life: the table, and the portfolio that walks along it with money in hand."""

# mypy: disable-error-code="arg-type, dict-item, union-attr, comparison-overlap"
# Ids, times and assets are plain literals here; that the product cannot mix them: test_units.py.

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.domain.errors import IllegalStep, UnknownOrder
from absolute.domain.fill import Fee, Fill, Liquidity
from absolute.domain.ids import ClientOrderId, Role
from absolute.domain.instrument import Side
from absolute.domain.messages import (
    CancelRefused,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderLost,
    OrderRejected,
    Submit,
)
from absolute.domain.order import (
    TERMINAL,
    TRANSITIONS,
    Order,
    OrderType,
    Status,
    Step,
    Terms,
    TimeInForce,
)
from absolute.domain.portfolio import Portfolio

from tests.builders import MINUTE, START, D, Scripted, Setting, fees, play, tape_of

QTY = D(10)
TERMS = Terms(Role("x"), Side.BUY, OrderType.LIMIT, qty=QTY, price=D(100))
STEPS = st.lists(st.sampled_from(Step), max_size=12)


def order():
    return Order(ClientOrderId("o"), TERMS, 0, "USDT", D(1000))


def test_every_status_has_its_row():
    assert set(TRANSITIONS) == set(Status)
    reached = {after for row in TRANSITIONS.values() for after in row.values()}
    assert reached | {Status.NEW} == set(Status)
    assert {step for row in TRANSITIONS.values() for step in row} == set(Step)


@given(STEPS)
def test_a_step_goes_where_the_table_says_or_changes_nothing(steps):
    one = order()
    for step in steps:
        before = one.status
        after = TRANSITIONS[before].get(step)
        if after is None:
            with pytest.raises(IllegalStep):
                one.take(step)
            assert one.status is before
            continue
        one.take(step)
        if step is Step.REFUSE_CANCEL and after is Status.OPEN:
            after = Status.IN_FLIGHT  # this one was never accepted: see below
        assert one.status is after


@given(STEPS)
def test_what_is_over_never_rests_again(steps):
    """Only a late fill moves a terminal order, and only to filled."""
    one = order()
    for step in steps:
        was, before = one.terminal, one.status
        try:
            one.take(step)
        except IllegalStep:
            continue
        assert not was or one.terminal
        assert one.status is before or not was or one.status is Status.FILLED


@pytest.mark.parametrize(
    ("venue_id", "filled", "back"),
    [(None, 0, Status.IN_FLIGHT), ("v", 0, Status.OPEN), ("v", 3, Status.PARTLY_FILLED)],
)
def test_a_refused_cancel_leads_back_to_where_the_order_was(venue_id, filled, back):
    one = order()
    for step in (Step.SEND, Step.ASK_CANCEL):
        one.take(step)
    one.venue_id, one.filled = venue_id, D(filled)
    one.take(Step.REFUSE_CANCEL)
    assert one.status is back


@pytest.mark.parametrize("status", sorted(TERMINAL - {Status.FILLED}))
def test_a_cancel_may_be_refused_after_the_venue_ended_the_order(status):
    one = order()
    one.status = status
    one.take(Step.REFUSE_CANCEL)
    assert one.status is status


def test_a_run_survives_a_cancel_that_meets_an_expired_order():
    """Sent at 0:00, there at 1:30, expires at the open of 2:00; the cancel left at 1:00."""
    maker = Terms(
        Role("m"), Side.BUY, OrderType.LIMIT, qty=D(1), price=D(110),
        time_in_force=TimeInForce.POST_ONLY,
    )  # fmt: skip
    script = [(START, (maker,)), (START + MINUTE, ())]
    setting = Setting(submit_ms=(90_000, 90_000), cancel_ms=(90_000, 90_000))
    run = play(tape_of([100] * 6), Scripted(script), setting)
    assert [o.status for o in run.portfolio.orders.values()] == [Status.EXPIRED]


# --- with money ----------------------------------------------------------------------------------

FACTS = st.lists(
    st.sampled_from(
        ["accept", "reject", "lose", "part", "all", "ask", "refuse", "cancel", "expire"]
    ),
    max_size=12,
)


def fill(qty, number):
    fee = Fee(D("0.001") * qty, "COIN", D("0.1") * qty)
    return Fill(f"t{number}", "o", Side.BUY, D(99), qty, Liquidity.MAKER, fee, number)


def told(name, number, left):
    """The event of a name; a part is a third of what is left, rounded to the lot."""
    match name:
        case "accept":
            return OrderAccepted(number, "o", "v")
        case "reject":
            return OrderRejected(number, "o", "NO")
        case "lose":
            return OrderLost(number, "o")
        case "part":
            return OrderFilled(number, fill((left / 3).quantize(D("0.00001")), number), done=False)
        case "all":
            return OrderFilled(number, fill(left, number), done=True)
        case "refuse":
            return CancelRefused(number, "o", "ORDER_NOT_OPEN")
        case "cancel":
            return OrderCancelled(number, "o")
        case _:
            return OrderExpired(number, "o", "TIME")


def snapshot(portfolio):
    account = portfolio.ledger.account
    assets = ("USDT", "COIN")
    one = portfolio.orders["o"]
    return (
        one.status, one.filled, one.paid, one.hold, dict(portfolio.live),
        [(account.total(asset), account.held(asset)) for asset in assets],
    )  # fmt: skip


@settings(max_examples=300)
@given(FACTS)
def test_a_portfolio_follows_legal_facts_and_refuses_others_whole(facts):
    """Holds are never negative and end with the order; filled only grows, up to what was ordered;
    what is held is the sum of fills; an illegal fact changes nothing."""
    setting = Setting(fees=fees())
    portfolio = Portfolio(setting.ledger())
    reserved = portfolio.ledger.reservation(TERMS, None)
    one = portfolio.sent(Submit(ClientOrderId("o"), TERMS), 0, reserved)
    for number, name in enumerate(facts, start=1):
        before = snapshot(portfolio)
        left = QTY - one.filled
        try:
            if name == "ask":
                portfolio.cancelling("o")
            else:
                portfolio.apply(told(name, number, left))
        except IllegalStep:
            assert snapshot(portfolio) == before
            continue
        account = portfolio.ledger.account
        assert before[1] <= one.filled <= QTY
        assert one.hold >= 0
        assert account.held("USDT") == one.hold
        assert account.total("COIN") == one.filled * (1 - D("0.001"))
        assert account.total("USDT") == 10_000 - one.paid
        assert (portfolio.order(Role("x")) is None) is one.terminal
        assert not one.terminal or one.hold == 0
        assert one.average in (None, 99)


def test_a_late_fill_after_a_cancel_is_booked():
    """The venue said cancelled, then tells a fill that came before: it is a fact, money and all."""
    portfolio = Portfolio(Setting().ledger())
    one = portfolio.sent(Submit(ClientOrderId("o"), TERMS), 0, ("USDT", D(1000)))
    portfolio.apply(OrderAccepted(1, "o", "v"))
    portfolio.apply(OrderCancelled(2, "o"))
    portfolio.apply(OrderFilled(3, fill(D(4), 3), done=False))
    assert one.status is Status.CANCELLED
    assert one.filled == 4
    assert portfolio.total("USDT") == 10_000 - 4 * 99
    assert portfolio.order(Role("x")) is None


def test_more_than_was_ordered_is_refused():
    portfolio = Portfolio(Setting().ledger())
    portfolio.sent(Submit(ClientOrderId("o"), TERMS), 0, ("USDT", D(1000)))
    with pytest.raises((IllegalStep, UnknownOrder)):
        portfolio.apply(OrderFilled(3, fill(D(11), 3), done=True))


def test_a_fact_about_a_stranger_is_refused():
    portfolio = Portfolio(Setting().ledger())
    for name in ("accept", "reject", "lose", "all", "refuse", "cancel", "expire"):
        with pytest.raises(UnknownOrder):
            portfolio.apply(told(name, 1, D(1)))
    assert portfolio.total("USDT") == 10_000
