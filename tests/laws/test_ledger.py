"""Laws of money: conservation, all or nothing, rounding against us, exact sums of positions."""

# mypy: disable-error-code="arg-type, dict-item, union-attr, comparison-overlap"
# Ids, times and assets are plain literals here; that the product cannot mix them: test_units.py.

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.domain.account import SPOT_RULES, Account
from absolute.domain.errors import LedgerError, UserError
from absolute.domain.fees import FeeCoin, FeeSchedule, fee_for
from absolute.domain.fill import Fee, Fill, Liquidity
from absolute.domain.ids import Role
from absolute.domain.instrument import Instrument, Kind, Side
from absolute.domain.ledger import Ledger, hold_used
from absolute.domain.order import OrderType, Terms
from absolute.domain.position import FLAT, traded
from absolute.domain.units import LEDGER_UNIT

from tests.builders import D, fees, spot
from tests.drawn import fee_schedules

PRICES = st.integers(1, 2_000_000).map(lambda ticks: ticks * D("0.01"))
QTYS = st.integers(1, 500_000).map(lambda lots: lots * D("0.00001"))
TRADES = st.tuples(st.sampled_from(Side), QTYS, PRICES, st.sampled_from(Liquidity))
WALLET = {"USDT": D(10**9), "COIN": D(10**6), "BNB": D(10**6)}


def trade(market, schedule, side, qty, *, price, liquidity=Liquidity.TAKER):
    fee = fee_for(schedule, market, side=side, qty=qty, price=price, liquidity=liquidity)
    return Fill("t", "o", side, price, qty, liquidity, fee, 0)


# --- an account ----------------------------------------------------------------------------------

POSTINGS = st.lists(st.tuples(st.sampled_from(["A", "B"]), st.integers(-50, 50).map(D)), max_size=5)


@settings(max_examples=200)
@given(st.lists(POSTINGS, max_size=12))
def test_a_posting_is_all_or_nothing(batches):
    """Totals are the sum of what was posted whole; a batch that would overdraw changes nothing."""
    account, mirror = Account({"A": D(60), "B": D(0)}, SPOT_RULES), {"A": D(60), "B": D(0)}
    for batch in batches:
        after = dict(mirror)
        for asset, amount in batch:
            after[asset] += amount
        if any(after[asset] < 0 for asset, _ in batch):
            with pytest.raises(LedgerError):
                account.post(batch)
        else:
            account.post(batch)
            mirror = after
        assert {asset: account.total(asset) for asset in mirror} == mirror


@given(st.lists(st.integers(-30, 30).map(D), max_size=12))
def test_a_hold_never_falls_below_zero(amounts):
    account, held = Account({"A": D(100)}, SPOT_RULES), D(0)
    for amount in amounts:
        if held + amount < 0:
            with pytest.raises(LedgerError):
                account.hold("A", amount)
        else:
            account.hold("A", amount)
            held += amount
        assert account.held("A") == held
        assert account.free("A") == 100 - held
        assert account.total("A") == 100


# --- spot ----------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(fee_schedules(), st.lists(TRADES, max_size=15))
def test_what_was_there_and_what_was_posted_is_what_is_there(schedule, trades):
    """Per asset: opening + flows - fees = closing, exactly."""
    market = spot()
    ledger = Ledger(market, WALLET, fees=schedule)
    expected = dict(WALLET)
    for side, qty, price, liquidity in trades:
        fill = trade(market, schedule, side, qty, price=price, liquidity=liquidity)
        sign = 1 if side is Side.BUY else -1
        expected["COIN"] += sign * qty
        expected["USDT"] -= sign * qty * price
        expected[fill.fee.asset] -= fill.fee.amount
        assert ledger.fill(fill) == 0
    assert {asset: ledger.account.total(asset) for asset in expected} == expected


@settings(max_examples=200)
@given(fee_schedules(), st.lists(TRADES, max_size=15), PRICES)
def test_equity_moves_by_fees_and_by_price_alone(schedule, trades, mark):
    """Trading at the mark price costs the fee and nothing else."""
    market = spot()
    ledger = Ledger(market, WALLET, fees=schedule)
    for side, qty, _, liquidity in trades:
        before = ledger.equity(mark)
        fill = trade(market, schedule, side, qty, price=mark, liquidity=liquidity)
        ledger.fill(fill)
        price = {"COIN": mark, "USDT": D(1), "BNB": schedule.third_price}[fill.fee.asset]
        assert ledger.equity(mark) == before - fill.fee.amount * price


@settings(max_examples=200)
@given(fee_schedules(), TRADES)
def test_a_fee_is_its_rate_rounded_against_us(schedule, drawn):
    """At least the rate (a rebate: at most), by less than one unit of the coin it is paid in."""
    side, qty, price, liquidity = drawn
    market = spot()
    fee = trade(market, schedule, side, qty, price=price, liquidity=liquidity).fee
    exact = qty * price * schedule.rate(liquidity)
    unit = {"COIN": price, "USDT": D(1), "BNB": schedule.third_price}[fee.asset]
    paid = fee.amount * unit
    slack = LEDGER_UNIT * (unit + (1 if fee.asset == "BNB" else 0))
    assert exact <= paid < exact + slack
    assert fee.amount % LEDGER_UNIT == 0


@pytest.mark.parametrize(
    ("coin", "side", "asset", "amount"),
    [
        (FeeCoin.RECEIVED, Side.BUY, "COIN", "0.003"),
        (FeeCoin.RECEIVED, Side.SELL, "USDT", "0.3"),
        (FeeCoin.QUOTE, Side.BUY, "USDT", "0.3"),
        (FeeCoin.QUOTE, Side.SELL, "USDT", "0.3"),
        (FeeCoin.THIRD, Side.BUY, "BNB", "0.0012"),
        (FeeCoin.THIRD, Side.SELL, "BNB", "0.0012"),
    ],
)
def test_who_pays_in_what(coin, side, asset, amount):
    """3 coins at 100 and 0.1 %: 0.003 coins, or 0.30 USDT, or 0.30 / 250 = 0.0012 BNB."""
    third = {"third": "BNB", "third_price": D(250)} if coin is FeeCoin.THIRD else {}
    fee = trade(spot(), fees(coin=coin, **third), side, D(3), price=D(100)).fee
    assert fee == Fee(D(amount), asset, D("0.3"))


@pytest.mark.parametrize("coin", FeeCoin)
def test_a_rebate_is_rounded_toward_nothing(coin):
    """-0.0002 of 0.00033 coins at 1: -0.000000066 -> -0.00000006."""
    third = {"third": "BNB", "third_price": D(1)} if coin is FeeCoin.THIRD else {}
    schedule = fees("-0.0002", "0", coin=coin, **third)
    fee = trade(spot(), schedule, Side.BUY, D("0.00033"), price=D(1), liquidity=Liquidity.MAKER).fee
    assert fee.amount == D("-0.00000006")


def test_a_third_coin_needs_a_name_and_a_price():
    for given_ in (
        {},
        {"third": "BNB"},
        {"third_price": D(1)},
        {"third": "B", "third_price": D(0)},
    ):
        with pytest.raises(UserError) as refused:
            FeeSchedule(D(0), D(0), FeeCoin.THIRD, **given_)
        assert refused.value.code == "FEE_COIN_INVALID"


def test_a_sell_of_more_than_is_held_changes_nothing():
    ledger = Ledger(spot(), {"USDT": D(10), "COIN": D(1)}, fees=fees("0", "0"))
    with pytest.raises(LedgerError):
        ledger.fill(trade(spot(), fees("0", "0"), Side.SELL, D(2), price=D(5)))
    assert ledger.account.totals() == {"USDT": 10, "COIN": 1}


def test_every_posting_is_a_multiple_of_the_ledger_unit():
    """Buy 0.0001 at 0.00003: 0.000000003 of the quote coin."""
    market = spot(tick="0.00001", lot="0.0001", min_notional="0")
    ledger = Ledger(market, {"USDT": D(1)}, fees=fees("0", "0"))
    ledger.fill(trade(market, fees("0", "0"), Side.BUY, D("0.0001"), price=D("0.00003")))
    assert ledger.account.total("USDT") % LEDGER_UNIT == 0


@settings(max_examples=50)
@given(fee_schedules(coins=(FeeCoin.THIRD,)), TRADES)
def test_the_value_of_a_fee_is_its_amount_at_its_price(schedule, drawn):
    side, qty, price, liquidity = drawn
    fee = trade(spot(), schedule, side, qty, price=price, liquidity=liquidity).fee
    assert fee.value == fee.amount * schedule.third_price


# --- what orders reserve -------------------------------------------------------------------------


@settings(max_examples=200)
@given(fee_schedules(), QTYS, PRICES, st.sampled_from(Liquidity))
def test_a_reservation_covers_its_fill(schedule, qty, price, liquidity):
    """A limit buy never costs more quote than it reserved, fee included."""
    market = spot()
    ledger = Ledger(market, WALLET, fees=schedule)
    terms = Terms(Role("x"), Side.BUY, OrderType.LIMIT, qty=qty, price=price)
    asset, hold = ledger.reservation(terms, None)
    assert asset == "USDT"
    assert hold % LEDGER_UNIT == 0
    fill = trade(market, schedule, Side.BUY, qty, price=price, liquidity=liquidity)
    cost = qty * price + (fill.fee.amount if fill.fee.asset == "USDT" else 0)
    assert cost <= hold or (liquidity is Liquidity.MAKER and schedule.maker > schedule.taker)


@given(QTYS, PRICES)
def test_a_sell_reserves_what_it_sells(qty, price):
    ledger = Ledger(spot(), WALLET, fees=fees())
    for kind in (OrderType.LIMIT, OrderType.MARKET, OrderType.TRAILING):
        terms = Terms(Role("x"), Side.SELL, kind, qty=qty, price=price, trail=price)
        assert ledger.reservation(terms, price) == ("COIN", qty)


@given(st.decimals(0, 10**6, places=8), st.lists(st.integers(1, 10**6), min_size=1, max_size=8))
def test_parts_of_a_reservation_never_free_more_than_it(hold, lots):
    """Freed part by part, rounded down; what is left is freed by the last."""
    left, freed = D(sum(lots)), D(0)
    for part in lots[:-1]:
        used = hold_used(hold - freed, D(part), left)
        assert used >= 0
        freed, left = freed + used, left - part
    assert 0 <= freed <= hold
    assert hold_used(hold - freed, left, left) == hold - freed


@settings(max_examples=200)
@given(
    fee_schedules(),
    st.decimals("0.01", 10**7, places=8),
    st.sampled_from([Kind.SPOT, Kind.LINEAR, Kind.INVERSE]),
    PRICES,
)
def test_buying_power_can_be_reserved_whole(schedule, wallet, kind, price):
    market = Instrument("M", kind, "COIN", "USDT", D("0.01"), D("1e-5"), D("1e-5"), D(0))
    ledger = Ledger(market, {market.settle: wallet}, fees=schedule, leverage=D(3))
    power = ledger.buying_power(price)
    assert power % LEDGER_UNIT == 0
    if kind is Kind.SPOT:
        terms = Terms(Role("x"), Side.BUY, OrderType.MARKET, spend=power)
        assert ledger.reservation(terms, price)[1] <= wallet


# --- positions -----------------------------------------------------------------------------------


def contracts(kind):
    return Instrument("P", kind, "COIN", "USDT", D("0.01"), D(1), D(1), D(0), contract=D("0.1"))


STEPS = st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 40).map(D), PRICES), max_size=20)


@settings(max_examples=200)
@given(st.sampled_from([Kind.LINEAR, Kind.INVERSE]), STEPS, PRICES)
def test_what_was_realised_and_what_remains_is_what_was_paid(kind, steps, mark):
    """Position = sum of trades; realised + remaining flow = sum of flows, to the last unit."""
    market, position = contracts(kind), FLAT
    realised, held = D(0), D(0)
    for side, qty, price in steps:
        crossing = position.qty and abs(held) < qty and (held > 0) is (side is Side.SELL)
        before = position.flow + realised
        position, profit = traded(position, market, side=side, qty=qty, price=price)
        realised += profit
        held += qty if side is Side.BUY else -qty
        moved = position.flow + realised - before
        # A trade that crosses over is two legs; each leg of an inverse one rounds against us.
        slack = LEDGER_UNIT if crossing and kind is Kind.INVERSE else 0
        assert 0 <= market.flow(side, qty, price) - moved <= slack
    assert position.qty == held
    if not held:
        assert position.flow == 0
        assert position.unrealised(market, mark) == 0


@settings(max_examples=100)
@given(st.sampled_from([Kind.LINEAR, Kind.INVERSE]), STEPS, PRICES, st.sampled_from(["0", "0.001"]))
def test_equity_of_a_margin_wallet_moves_by_fees_alone_at_the_mark(kind, steps, mark, rate):
    """Trading at the mark price: equity falls by the fee, and by rounding against us at most."""
    market = contracts(kind)
    ledger = Ledger(market, {market.settle: D(10**6)}, fees=fees(rate, rate), leverage=D(10))
    for side, qty, _ in steps:
        before = ledger.equity(mark)
        fill = trade(market, ledger.fees, side, qty, price=mark)
        ledger.fill(fill)
        lost = before - ledger.equity(mark) - fill.fee.amount
        assert abs(lost) <= (2 * LEDGER_UNIT if kind is Kind.INVERSE else D(0))


def test_averaging_in_and_realising_out_by_hand():
    """Linear, 0.1 coins a contract: buy 10 at 100 (flow -100), 10 at 110 (flow -110): flow -210.
    Sell 5 at 120: a quarter of the flow, -52.5, and 60 in: realised 7.5; left 15 with flow -157.5,
    entry 157.5 / 1.5 = 105. Sell 20 at 100: 15 close for 150 - 157.5 = -7.5; 5 open short."""
    market = contracts(Kind.LINEAR)
    position, realised = traded(FLAT, market, side=Side.BUY, qty=D(10), price=D(100))
    position, realised = traded(position, market, side=Side.BUY, qty=D(10), price=D(110))
    assert (position.qty, position.flow, realised) == (20, -210, 0)
    position, realised = traded(position, market, side=Side.SELL, qty=D(5), price=D(120))
    assert (position.qty, position.flow, realised) == (15, D("-157.5"), D("7.5"))
    assert position.entry(market) == 105
    assert position.unrealised(market, D(110)) == D("7.5")
    position, realised = traded(position, market, side=Side.SELL, qty=D(20), price=D(100))
    assert (position.qty, position.flow, realised) == (-5, 50, D("-7.5"))
