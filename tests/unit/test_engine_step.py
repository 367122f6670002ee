"""The one step, driven by hand: facts in, approved commands out, nothing called, nothing forgotten.

The venue here is the test: it says what became of each order.
"""

# mypy: disable-error-code="arg-type, dict-item, union-attr, comparison-overlap"
# Ids, times and assets are plain literals here; that the product cannot mix them: test_units.py.

from dataclasses import dataclass, field

import pytest

from absolute.domain.errors import UnknownOrder
from absolute.domain.fill import Fee, Fill, Liquidity
from absolute.domain.ids import BotId, ClientOrderId, Role, client_order_id
from absolute.domain.instrument import Side
from absolute.domain.messages import (
    Cancel,
    CancelRefused,
    FeeReported,
    LevelReached,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderLost,
    OrderRejected,
    Paused,
    Resumed,
    Started,
    StopAsked,
    Submit,
    TimerFired,
)
from absolute.domain.notes import DealClosed, Halted
from absolute.domain.order import OrderType, Status, Terms
from absolute.domain.portfolio import Portfolio
from absolute.engine.step import Engine
from absolute.risk.limits import Limits
from absolute.strategies.contract import ASLEEP, Plan, Wakes
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig

from tests.builders import D, Setting, fees, spot

FREE = fees("0", "0")


@dataclass
class Wanting:
    """A strategy that wants what the test says next."""

    plans: list = field(default_factory=list)
    wakes: Wakes = ASLEEP

    def on(self, event, view):
        return self.plans.pop(0) if self.plans else None


def engine(strategy, *, limits=None, **setting):
    ledger = Setting(fees=FREE, **setting).ledger()
    return Engine(BotId("b"), Portfolio(ledger), strategy, limits or Limits())


def limit(role="x", side=Side.BUY, qty=1, price=100):
    return Terms(Role(role), side, OrderType.LIMIT, qty=D(qty), price=D(price))


def plan(*terms, notes=()):
    return Plan(tuple(terms), tuple(notes))


def fill(client_id, qty, price=100, *, side=Side.BUY, fee=None, trade="t1"):
    return Fill(trade, client_id, side, D(price), D(qty), Liquidity.MAKER, fee, 5)


def free_fill(client_id, qty, price=100, **more):
    return fill(client_id, qty, price, fee=Fee(D(0), "USDT", D(0)), **more)


def started(bot):
    return bot.step(Started(1, D(100)))


def submits(outcome):
    return [a.command for a in outcome.commands if isinstance(a.command, Submit)]


def cancels(outcome):
    return [a.command.client_id for a in outcome.commands if isinstance(a.command, Cancel)]


# --- wishes become commands ----------------------------------------------------------------------


def test_a_wish_becomes_one_approved_command_under_our_own_id():
    bot = engine(Wanting([plan(limit())]))
    (submit,) = submits(started(bot))
    assert submit == Submit(ClientOrderId("b-1-x"), limit())
    order = bot.portfolio.orders[submit.client_id]
    assert order.status is Status.IN_FLIGHT
    assert bot.portfolio.available("USDT") == 9_900


def test_no_plan_and_nothing_ended_means_nothing():
    bot = engine(Wanting([plan(limit())]))
    started(bot)
    assert bot.step(OrderAccepted(2, "b-1-x", "v1")).commands == ()


def test_cancels_leave_before_places():
    bot = engine(Wanting([plan(limit("a")), plan(limit("b"))]))
    started(bot)
    outcome = bot.step(OrderAccepted(2, "b-1-a", "v1"))
    assert [type(each.command) for each in outcome.commands] == [Cancel, Submit]


def test_a_successor_waits_for_the_end_of_its_predecessor():
    bot = engine(Wanting([plan(limit(price=100)), plan(limit(price=101))]))
    started(bot)
    outcome = bot.step(OrderAccepted(2, "b-1-x", "v1"))
    assert cancels(outcome) == ["b-1-x"]
    assert submits(outcome) == []
    assert submits(bot.step(OrderCancelled(3, "b-1-x"))) == [Submit("b-2-x", limit(price=101))]


def test_a_fill_that_raced_the_cancel_counts_before_the_successor_is_placed():
    bot = engine(Wanting([plan(limit(price=100)), plan(limit(price=101))]))
    started(bot)
    bot.step(OrderAccepted(2, "b-1-x", "v1"))
    outcome = bot.step(OrderFilled(3, free_fill("b-1-x", 1), done=True))
    assert bot.portfolio.total("COIN") == 1
    assert submits(outcome) == [Submit("b-2-x", limit(price=101))]
    assert bot.step(CancelRefused(4, "b-1-x", "ORDER_NOT_OPEN")).commands == ()


def test_ids_count_up_and_never_repeat():
    plans = [
        plan(limit()),
        *(each for n in range(3) for each in (plan(limit(price=101 + n)), None)),
    ]
    bot = engine(Wanting(plans))
    ids = [submit.client_id for submit in submits(started(bot))]
    for n in range(1, 4):
        outcome = bot.step(OrderAccepted(n, ids[-1], f"v{n}"))
        assert cancels(outcome) == [ids[-1]]
        ids += [submit.client_id for submit in submits(bot.step(OrderCancelled(n, ids[-1])))]
    assert ids == ["b-1-x", "b-2-x", "b-3-x", "b-4-x"]


def test_ids_of_a_bot_with_a_long_name_differ():
    bot = BotId("a-bot-with-a-name-of-forty-characters-ok")
    assert client_order_id(bot, Role("exit"), 1) != client_order_id(bot, Role("exit"), 2)


def test_ids_fit_every_venue():
    """36 characters of letters, digits and dashes, whatever the role and the number."""
    for role in ("entry", "exit", "rung 20", "flatten"):
        text = client_order_id(BotId("at"), Role(role), 12_345_678)
        assert len(text) <= 36
        assert text.replace("-", "").isalnum()


# --- what is refused -----------------------------------------------------------------------------


def test_a_refused_wish_is_told_once_and_tried_again_when_something_wakes_us():
    dear = limit(qty=200)
    bot = engine(Wanting([plan(dear)]))
    outcome = started(bot)
    assert [refused.gate for refused in outcome.refusals] == ["INSUFFICIENT_BALANCE"]
    assert not bot.portfolio.orders
    assert bot.step(Paused(2, "ann")).refusals == ()
    assert [refused.gate for refused in bot.step(TimerFired(3)).refusals] == [
        "INSUFFICIENT_BALANCE"
    ]


@pytest.mark.parametrize("ended", ["rejected", "expired"])
def test_a_wish_the_venue_refused_is_not_sent_again(ended):
    bot = engine(Wanting([plan(limit())]))
    started(bot)
    if ended == "rejected":
        outcome = bot.step(OrderRejected(2, "b-1-x", "NO"))
    else:
        bot.step(OrderAccepted(2, "b-1-x", "v1"))
        outcome = bot.step(OrderExpired(3, "b-1-x", "NO"))
    assert outcome.commands == ()
    assert bot.portfolio.available("USDT") == 10_000
    assert len(submits(bot.step(TimerFired(4)))) == 1


def test_a_wish_refused_for_balance_is_tried_again_when_money_comes_free():
    """60 coins at 100 rest; 60 more are refused; the first are cancelled and free their money."""
    both = plan(limit("a", qty=60), limit("b", qty=60))
    bot = engine(Wanting([both, plan(limit("b", qty=60)), None]))
    assert len(started(bot).refusals) == 1
    assert cancels(bot.step(OrderAccepted(2, "b-1-a", "v1"))) == ["b-1-a"]
    assert submits(bot.step(OrderCancelled(3, "b-1-a"))) == [Submit("b-2-b", limit("b", qty=60))]


# --- facts that come late, twice or out of order -------------------------------------------------


def test_an_order_nobody_wrote_down_is_an_error():
    with pytest.raises(UnknownOrder):
        engine(Wanting()).step(OrderAccepted(2, "z-1-x", "v1"))


def test_an_unknown_order_keeps_its_money_and_its_place():
    bot = engine(Wanting([plan(limit()), plan(limit()), plan(limit())]))
    started(bot)
    assert bot.step(OrderLost(2, "b-1-x")).commands == ()
    assert bot.portfolio.available("USDT") == 9_900
    assert bot.portfolio.orders["b-1-x"].status is Status.UNKNOWN
    bot.step(OrderFilled(3, free_fill("b-1-x", 1), done=True))
    assert bot.portfolio.total("COIN") == 1


def test_a_cancel_refused_because_it_filled_changes_nothing():
    bot = engine(Wanting([plan(limit()), plan()]))
    started(bot)
    bot.step(OrderAccepted(2, "b-1-x", "v1"))
    bot.step(OrderFilled(3, free_fill("b-1-x", 1), done=True))
    assert bot.step(CancelRefused(4, "b-1-x", "ORDER_NOT_OPEN")).commands == ()
    assert bot.portfolio.orders["b-1-x"].status is Status.FILLED


def test_a_cancel_that_overtook_its_order_is_sent_again_once_the_order_is_there():
    bot = engine(Wanting([plan(limit())]))
    started(bot)
    bot.strategy.plans = [plan()]
    assert cancels(bot.step(TimerFired(2))) == ["b-1-x"]
    bot.step(CancelRefused(3, "b-1-x", "ORDER_NOT_OPEN"))
    assert cancels(bot.step(OrderAccepted(4, "b-1-x", "v1"))) == ["b-1-x"]


# --- levels --------------------------------------------------------------------------------------


def test_levels_join_what_the_strategy_and_the_limits_ask_for():
    """The nearer of two falls and of two rises; a floor of 9,950 with 1 coin bought at 100."""
    wanting = Wanting([plan(limit())], wakes=Wakes(falls_to=D(40), rises_to=D(130)))
    bot = engine(wanting, limits=Limits(equity_floor=D(9_950)))
    assert bot.levels() == (40, 130)
    started(bot)
    bot.step(OrderFilled(2, free_fill("b-1-x", 1), done=True))
    assert bot.levels() == (50, 130)
    wanting.wakes = Wakes(falls_to=D(60))
    assert bot.levels() == (60, None)


def test_at_the_floor_only_what_lowers_risk_is_wanted():
    """One coin bought at 100; at 50 equity is 9,950: the buy goes, the sell stays."""
    both = plan(limit("s", Side.SELL, price=120), limit("b", price=60))
    bot = engine(Wanting([plan(limit())]), limits=Limits(equity_floor=D(9_950)))
    started(bot)
    bot.strategy.plans = [both]
    outcome = bot.step(OrderFilled(2, free_fill("b-1-x", 1), done=True))
    assert [submit.terms.role for submit in submits(outcome)] == ["s", "b"]
    outcome = bot.step(LevelReached(3, D(50)))
    assert [note.code for note in outcome.notes] == ["EQUITY_FLOOR"]
    assert cancels(outcome) == ["b-3-b"]


def test_a_level_above_the_floor_stops_nothing():
    bot = engine(Wanting([plan(limit())]), limits=Limits(equity_floor=D(9_950)))
    started(bot)
    bot.step(OrderFilled(2, free_fill("b-1-x", 1), done=True))
    assert bot.step(LevelReached(3, D(51))).notes == ()


# --- people --------------------------------------------------------------------------------------


def test_a_stop_keeps_what_rests_and_wants_nothing_new():
    bot = engine(Wanting([plan(limit("a"), limit("b"))]))
    started(bot)
    bot.strategy.plans = [None, plan(limit("c"))]
    outcome = bot.step(StopAsked(2, "ann", flatten=False))
    assert [note.code for note in outcome.notes] == ["STOPPED"]
    assert outcome.commands == ()
    assert bot.step(TimerFired(3)).commands == ()
    assert bot.step(OrderCancelled(4, "b-1-a")).commands == ()
    assert set(bot.portfolio.live) == {"b"}


@pytest.mark.parametrize("side", list(Side))
def test_after_a_stop_only_what_closes_takes_the_place_of_an_order_on_its_way_out(side):
    old, new = limit(side=side, price=100), limit(side=side, price=101)
    bot = engine(Wanting([plan(old), plan(new)]), wallet={"USDT": D(1_000), "COIN": D(5)})
    started(bot)
    assert cancels(bot.step(OrderAccepted(2, "b-1-x", "v1"))) == ["b-1-x"]
    bot.step(StopAsked(3, "ann", flatten=False))
    follows = submits(bot.step(OrderCancelled(4, "b-1-x")))
    assert follows == ([Submit("b-2-x", new)] if side is Side.SELL else [])


def test_a_stop_that_flattens_cancels_first_and_sells_only_when_nothing_lives():
    """A fill that races the cancels is sold too, and nothing twice."""
    bot = engine(Wanting([plan(limit("a"), limit("b", price=99))]))
    started(bot)
    outcome = bot.step(StopAsked(2, "ann", flatten=True))
    assert cancels(outcome) == ["b-1-a", "b-2-b"]
    assert bot.step(OrderFilled(3, free_fill("b-1-a", 1), done=True)).commands == ()
    (sell,) = submits(bot.step(OrderCancelled(4, "b-2-b")))
    assert (sell.terms.side, sell.terms.type, sell.terms.qty) == (Side.SELL, OrderType.MARKET, 1)
    done = free_fill(sell.client_id, 1, side=Side.SELL, trade="t2")
    assert bot.step(OrderFilled(5, done, done=True)).commands == ()
    assert bot.portfolio.total("COIN") == 0


def test_a_bot_that_holds_nothing_flattens_at_once():
    bot = engine(Wanting([plan()]))
    started(bot)
    assert bot.step(StopAsked(2, "ann", flatten=True)).commands == ()


def test_after_a_resume_the_strategy_is_heard_again():
    bot = engine(Wanting([plan()]))
    started(bot)
    bot.step(StopAsked(2, "ann", flatten=False))
    bot.strategy.plans = [plan(limit())]
    assert len(submits(bot.step(Resumed(3, "ann")))) == 1


def test_flattening_leaves_coins_that_are_not_the_bots():
    """Seven coins were in the wallet; the bot buys one; one is sold."""
    bot = engine(Wanting([plan(limit()), plan()]), wallet={"USDT": D(1_000), "COIN": D(7)})
    started(bot)
    bot.step(OrderFilled(2, free_fill("b-1-x", 1), done=True))
    (sell,) = submits(bot.step(StopAsked(3, "ann", flatten=True)))
    assert sell.terms.qty == 1


# --- the ladder with facts only a live venue brings ----------------------------------------------


def ladder(**config):
    return engine(Ladder(LadderConfig(**config)), instrument=spot())


def answer(bot, outcome, time=2):
    """The venue accepts everything."""
    for submit in submits(outcome):
        outcome = bot.step(OrderAccepted(time, submit.client_id, "v"))
    return outcome


def test_the_exit_waits_for_a_fee_that_is_not_known_yet():
    bot = ladder()
    started(bot)
    outcome = bot.step(OrderFilled(2, fill("b-1-entry", 3), done=True))
    assert [submit.terms.role for submit in submits(outcome)] == ["rung 1"]
    fee = Fee(D("0.003"), "COIN", D("0.3"))
    (exit_,) = submits(bot.step(FeeReported(3, "t1", fee)))
    assert (exit_.terms.role, exit_.terms.qty) == ("exit", D("2.997"))


def _sold_without_fee(cool_down_s=0):
    bot = ladder(cool_down_s=cool_down_s)
    started(bot)
    bot.step(OrderFilled(2, free_fill("b-1-entry", 3), done=True))
    sold = fill("b-2-exit", 3, D("103.5"), side=Side.SELL, trade="t2")
    return bot, bot.step(OrderFilled(3, sold, done=True))


def test_the_fee_of_the_last_fill_is_in_the_profit_of_its_deal():
    """3 * 3.5 = 10.5 earned, 0.31 fee told afterwards."""
    bot, _ = _sold_without_fee(cool_down_s=60)
    outcome = bot.step(FeeReported(4, "t2", Fee(D("0.31"), "USDT", D("0.31"))))
    profits = [n.profit for n in outcome.notes if isinstance(n, DealClosed)]
    assert bot.portfolio.total("USDT") == D("10010.19")
    assert bot.strategy.profit == D("10.19")
    assert profits == [D("10.19")]


def test_a_fee_that_is_told_twice_is_charged_once():
    bot = ladder()
    started(bot)
    bot.step(OrderFilled(2, fill("b-1-entry", 3), done=True))
    for time in (3, 4):
        bot.step(FeeReported(time, "t1", Fee(D("0.003"), "COIN", D("0.3"))))
    assert bot.portfolio.total("COIN") == D("2.997")
    assert bot.strategy.deal.held == D("2.997")


def test_a_fill_that_is_told_twice_is_booked_once():
    bot = ladder()
    started(bot)
    for time in (2, 3):
        bot.step(OrderFilled(time, free_fill("b-1-entry", 3), done=True))
    assert bot.portfolio.total("COIN") == 3


def test_an_order_may_still_be_rejected_after_its_cancel_was_refused():
    bot = engine(Wanting([plan(limit())]))
    started(bot)
    bot.strategy.plans = [plan()]
    bot.step(TimerFired(2))
    bot.step(CancelRefused(3, "b-1-x", "ORDER_NOT_OPEN"))
    bot.step(OrderRejected(4, "b-1-x", "NOTIONAL_MIN"))
    assert bot.portfolio.orders["b-1-x"].status is Status.REJECTED


def test_a_partly_filled_entry_that_ends_is_the_deal():
    """Two of three coins were bought: they are the deal, with an exit of their own."""
    bot = ladder()
    started(bot)
    bot.step(OrderAccepted(2, "b-1-entry", "v1"))
    bot.step(OrderFilled(3, free_fill("b-1-entry", 2), done=False))
    outcome = bot.step(OrderCancelled(4, "b-1-entry"))
    terms = {submit.terms.role: submit.terms for submit in submits(outcome)}
    assert set(terms) == {"exit", "rung 1"}
    assert (terms["exit"].qty, terms["exit"].price) == (2, D("103.5"))


@pytest.mark.parametrize("reason", ["MARKET_CLOSED", "KEY_INVALID"])
def test_a_rejected_entry_halts(reason):
    bot = ladder()
    started(bot)
    outcome = bot.step(OrderRejected(2, "b-1-entry", reason))
    assert [(n.code, n.detail) for n in outcome.notes if isinstance(n, Halted)] == [
        ("ENTRY_REFUSED", reason)
    ]
    assert bot.step(TimerFired(3)).commands == ()
    assert len(submits(bot.step(Resumed(4, "ann")))) == 1


def test_a_rejected_exit_halts_and_buys_nothing_more():
    bot = ladder()
    started(bot)
    bot.step(OrderFilled(2, free_fill("b-1-entry", 3), done=True))
    outcome = bot.step(OrderRejected(3, "b-2-exit", "PRICE_FILTER"))
    assert [n.code for n in outcome.notes if isinstance(n, Halted)] == ["EXIT_REFUSED"]
    assert cancels(outcome) == ["b-3-rung1"]
