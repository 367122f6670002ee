"""Laws of gates and limits: what passes is inside every limit, what lowers risk always passes."""

# mypy: disable-error-code="arg-type, dict-item, union-attr, comparison-overlap"
# Ids, times and assets are plain literals here; that the product cannot mix them: test_units.py.

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.domain.approved import Approved, Refused
from absolute.domain.fees import FeeCoin
from absolute.domain.ids import ClientOrderId, Role
from absolute.domain.instrument import Instrument, Kind, Side, size_fault
from absolute.domain.ledger import Ledger
from absolute.domain.messages import Cancel, LevelReached, OrderFilled, Started, Submit
from absolute.domain.notes import Halted
from absolute.domain.order import OrderType, PositionSide, Terms
from absolute.domain.portfolio import Portfolio
from absolute.domain.position import Position
from absolute.engine.replay import replay
from absolute.kernels.feed import TapeFeed
from absolute.risk.checks import closes, consent, review
from absolute.risk.limits import Limits, floor_price
from absolute.strategies.contract import ASLEEP, Plan, Wakes
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig

from tests.builders import D, Setting, fees, play, seat, spot, tape_of

LIMITS = st.builds(
    Limits,
    notional_max=st.none() | st.sampled_from([D(50), D(500)]),
    open_orders_max=st.integers(0, 3),
    price_band=st.sampled_from([D("0.01"), D("0.5")]),
)
ORDERS = st.builds(
    Terms,
    role=st.just(Role("x")),
    side=st.sampled_from(Side),
    type=st.just(OrderType.LIMIT),
    qty=st.sampled_from([D("0.00001"), D("0.1"), D(1), D("3.123456"), D(60)]),
    price=st.sampled_from([D("0.01"), D(50), D("99.5"), D(100), D("100.005"), D(200), D(-1)]),
)


def holding(orders=0, **setting):
    portfolio = Portfolio(Setting(wallet={"USDT": D(1_000), "COIN": D(5)}, **setting).ledger())
    portfolio.apply(Started(0, D(100)))
    for number in range(orders):
        terms = Terms(Role(f"r{number}"), Side.BUY, OrderType.LIMIT, qty=D(1), price=D(10))
        submit = Submit(ClientOrderId(f"o{number}"), terms)
        portfolio.sent(submit, 0, portfolio.ledger.reservation(terms, None))
    return portfolio


def judged(terms, portfolio, limits):
    reserved = portfolio.ledger.reservation(terms, portfolio.price)
    return review(Submit(ClientOrderId("n"), terms), portfolio, limits, reserved=reserved)


@settings(max_examples=300)
@given(ORDERS, LIMITS, st.integers(0, 3))
def test_what_passes_is_inside_every_limit(terms, limits, orders):
    portfolio = holding(orders)
    before = portfolio.ledger.account.totals(), dict(portfolio.live)
    verdict = judged(terms, portfolio, limits)
    assert (portfolio.ledger.account.totals(), dict(portfolio.live)) == before, "it only looks"
    asset, needed = portfolio.ledger.reservation(terms, portfolio.price)
    notional = terms.qty * terms.price
    selling = terms.side is Side.SELL  # on spot that only ever lowers what is held
    near = abs(terms.price - 100) <= 100 * limits.price_band
    inside = {
        "OPEN_ORDERS_MAX": orders < limits.open_orders_max or selling,
        "PRICE_BAND": terms.price > 0 and (near or (selling and terms.price > 100)),
        "NOTIONAL_LIMIT": not limits.notional_max or notional <= limits.notional_max or selling,
        "INSUFFICIENT_BALANCE": needed <= portfolio.available(asset),
    }
    fault = size_fault(portfolio.instrument, terms.qty, terms.price, market=False)
    if isinstance(verdict, Approved):
        assert all(inside.values())
        assert fault is None
        assert verdict.command.terms is terms
    else:
        assert isinstance(verdict, Refused)
        assert verdict.gate == fault or inside[verdict.gate] is False
        assert verdict.value
        assert verdict.threshold


def test_the_first_gate_that_says_no_is_named_with_its_numbers():
    """A buy of 60 at 200 breaks the band (100 +- 50 %), the notional and the balance."""
    terms = Terms(Role("x"), Side.BUY, OrderType.LIMIT, qty=D(60), price=D(200))
    refused = judged(terms, holding(), Limits(notional_max=D(500)))
    assert (refused.gate, refused.value, refused.threshold) == ("PRICE_BAND", "200", "100 +- 0.5")
    refused = judged(replace(terms, price=D(100)), holding(), Limits(notional_max=D(500)))
    assert (refused.gate, refused.value, refused.threshold) == ("NOTIONAL_LIMIT", "6000", "500")
    refused = judged(replace(terms, price=D(100)), holding(), Limits())
    assert refused.gate == "INSUFFICIENT_BALANCE"


def test_a_cancel_always_passes():
    assert consent(Cancel(ClientOrderId("o"))) == Approved(Cancel(ClientOrderId("o")))


@pytest.mark.parametrize(
    ("kind", "side", "qty", "held", "yes"),
    [
        (Kind.SPOT, "sell", 9, 5, True),
        (Kind.SPOT, "buy", 1, 5, False),
        (Kind.LINEAR, "sell", 5, 5, True),
        (Kind.LINEAR, "sell", 6, 5, False),
        (Kind.LINEAR, "buy", 5, 5, False),
        (Kind.LINEAR, "buy", 5, -5, True),
        (Kind.LINEAR, "sell", 5, -5, False),
        (Kind.LINEAR, "sell", 1, 0, False),
    ],
)
def test_what_only_makes_smaller_what_is_held(kind, side, qty, held, yes):
    market = Instrument("P", kind, "COIN", "USDT", D("0.01"), D(1), D(1), D(0))
    portfolio = Portfolio(Ledger(market, {"USDT": D(100)}, fees=fees()))
    portfolio.ledger.positions[PositionSide.NET] = Position(D(held), D(0))
    terms = Terms(Role("x"), Side(side), OrderType.LIMIT, qty=D(qty), price=D(100))
    assert closes(terms, portfolio) is yes
    if kind is Kind.LINEAR:
        assert closes(replace(terms, reduce_only=True), portfolio)


@pytest.mark.parametrize(
    "limits",
    [Limits(notional_max=D(50)), Limits(open_orders_max=0), Limits(price_band=D("0.01"))],
    ids=["notional", "open orders", "price band"],
)
def test_an_order_that_closes_passes_every_gate_that_speaks_of_growing(limits):
    exit_ = Terms(Role("exit"), Side.SELL, OrderType.LIMIT, qty=D(5), price=D(103))
    assert isinstance(judged(exit_, holding(), limits), Approved)


# --- the floor under equity ----------------------------------------------------------------------

MONEY = st.decimals(1, 10**5, places=8)


@settings(max_examples=200)
@given(MONEY, MONEY, st.decimals("0.001", 100, places=5))
def test_the_floor_is_reached_exactly_at_its_price(floor, quote, base):
    """Spot: above the price equity is above the floor, at it and below it is not."""
    ledger = Ledger(spot(), {"USDT": quote, "COIN": base}, fees=fees())
    falling, rising = floor_price(ledger, floor)
    assert rising is None
    if quote >= floor:
        assert falling is None
        return
    assert ledger.equity(falling + D("1e-9")) > floor
    assert ledger.equity(falling - D("1e-9")) < floor


@settings(max_examples=200)
@given(
    st.sampled_from([Kind.LINEAR, Kind.INVERSE]),
    st.integers(-50, 50).filter(bool),
    st.decimals(10, 1000, places=2),
    st.decimals(1, 100, places=3),
)
def test_the_floor_of_a_margin_wallet_is_reached_from_the_losing_side(kind, qty, entry, lost):
    market = Instrument("P", kind, "COIN", "USDT", D("0.01"), D(1), D(1), D(0))
    ledger = Ledger(market, {market.settle: D(100)}, fees=fees())
    side = Side.BUY if qty > 0 else Side.SELL
    flow = market.flow(side, D(abs(qty)), entry)
    ledger.positions[PositionSide.NET] = Position(D(qty), flow)
    floor = ledger.equity(entry) - lost
    falling, rising = floor_price(ledger, floor)
    assert falling is None if qty < 0 else rising is None
    price = rising if qty < 0 else falling
    if price is None:
        return
    assert abs(ledger.equity(price) - floor) < D("1e-12")
    worse = price * (D("0.999") if qty > 0 else D("1.001"))
    assert ledger.equity(worse) < floor


def test_without_a_position_no_price_reaches_the_floor():
    assert floor_price(Ledger(spot(), {"USDT": D(10)}, fees=fees()), D(5)) == (None, None)


def test_at_the_floor_the_ladder_is_sold_at_the_next_open():
    """3 coins at 100; the floor of 9,970 is reached at 90; sold at the next open, 89."""
    limits = Limits(equity_floor=D(9_970), flatten=True)
    setting = Setting(fees=fees("0", "0"), limits=limits)
    tape = tape_of([100, (100, 100, 88, 88.5), 89, 89])
    run = play(tape, Ladder(LadderConfig(limite_recompras=0)), setting)
    reached = [event for event in run.events if isinstance(event, LevelReached)]
    assert [(event.price, [n.code for n in run.notes(Halted)]) for event in reached] == [
        (90, ["EQUITY_FLOOR"])
    ]
    assert [(fill.side, fill.price) for fill in run.fills] == [(Side.BUY, 100), (Side.SELL, 89)]
    assert run.ledger.equity(D(1)) == 9_967


def test_the_floor_holds_with_a_third_coin_in_the_wallet():
    """1,000 USDT and 4 BNB of 250; 3 coins at 100; the floor of 1,980 lies at about 93.4."""
    schedule = fees(coin=FeeCoin.THIRD, third="BNB", third_price=D(250))
    setting = Setting(
        fees=schedule, wallet={"USDT": D(1_000), "BNB": D(4)},
        limits=Limits(equity_floor=D(1_980), flatten=True),
    )  # fmt: skip
    tape = tape_of([100, (100, 100, 97, 97), (97, 97, 80, 80), 80, 80])
    run = play(tape, Ladder(LadderConfig(limite_recompras=0)), setting)
    assert [note.code for note in run.notes(Halted)] == ["EQUITY_FLOOR"]


class Insisting:
    """Buys at the start and asks for one and the same level for ever."""

    def __init__(self, level):
        self.wakes = Wakes(**level)
        self.level = level

    def on(self, event, view):
        if isinstance(event, Started):
            buy = Terms(Role("x"), Side.BUY, OrderType.MARKET, spend=D(300))
            return Plan((buy,))
        return Plan(()) if isinstance(event, OrderFilled) else None


@pytest.mark.parametrize("level", [{"rises_to": D(101)}, {"falls_to": D(99)}])
def test_a_level_of_the_strategy_does_not_take_the_floor_away(level):
    setting = Setting(fees=fees("0", "0"), limits=Limits(equity_floor=D(9_970)))
    tape = tape_of([100, (100, 101.5, 98.5, 100), (100, 100, 80, 80), 80])
    run = play(tape, Insisting(level), setting)
    assert [note.code for note in run.notes(Halted)] == ["EQUITY_FLOOR"]


def test_a_session_without_levels_is_never_woken_by_price():
    run = seat(tape_of([100, (100, 150, 50, 100)]), Insisting({}), Setting(limits=Limits()))
    run.strategy.wakes = ASLEEP
    replay(TapeFeed(run.tape), run.session)
    assert not [event for event in run.events if isinstance(event, LevelReached)]
