"""Brackets, maintenance and liquidation prices, with the arithmetic written out."""

from decimal import Decimal
from typing import Any

import pytest

from absolute.domain.errors import UserError
from absolute.domain.fees import FREE_OF_CHARGE
from absolute.domain.instrument import Side
from absolute.domain.ledger import Ledger, MarginMode
from absolute.domain.market import Bracket
from absolute.domain.position import FLAT, traded
from absolute.matching.margin import (
    BracketTable,
    Fault,
    bracket_of,
    brackets_of,
    fault_in,
    headroom,
    maintenance,
    pools,
    safe_prices,
    value_max,
)

from tests.perpetual_market import INVERSE, LINEAR, LONG, NET, SHORT

D: Any = Decimal
# Binance USD-M BTCUSDT as of 2023-06-04, the first four brackets.
ROWS = (
    ("0", "0.004", 125),
    ("50000", "0.005", 100),
    ("250000", "0.01", 50),
    ("3000000", "0.025", 20),
)
BTC = brackets_of(tuple((D(floor), D(rate), D(most)) for floor, rate, most in ROWS))


def held(instrument, *trades, wallet="0", leverage=10, book=NET):
    """A ledger after trades of (side, qty, price)."""
    ledger = Ledger(
        instrument, {instrument.settle: D(wallet)}, fees=FREE_OF_CHARGE, leverage=D(leverage)
    )
    position = FLAT
    for side, qty, price in trades:
        position, _ = traded(position, instrument, side=side, qty=D(qty), price=D(price))
    ledger.positions[book] = position
    return ledger


def only_pool(ledger, mode):
    (pool,) = pools(ledger, mode)
    return pool


# --- brackets -----------------------------------------------------------------------------------


def test_deductions_follow_from_floors_and_rates():
    # 50,000 * (0.005 - 0.004) = 50
    # 50 + 250,000 * (0.01 - 0.005) = 1,300
    # 1,300 + 3,000,000 * (0.025 - 0.01) = 46,300
    assert [each.deduction for each in BTC] == [0, 50, 1_300, 46_300]


@pytest.mark.parametrize(
    ("value", "bracket", "needed"),
    [
        ("0", 0, "0"),
        ("50000", 0, "200"),  # 50,000 * 0.004, and 50,000 * 0.005 - 50 is the same
        ("50000.01", 1, "200.00005"),  # 50,000.01 * 0.005 - 50
        ("250000", 1, "1200"),  # 250,000 * 0.005 - 50
        ("1000000", 2, "8700"),  # 1,000,000 * 0.01 - 1,300
        ("4000000", 3, "53700"),  # 4,000,000 * 0.025 - 46,300
    ],
)
def test_maintenance_is_value_times_rate_less_deduction(value, bracket, needed):
    assert bracket_of(BTC, D(value)) == bracket
    assert maintenance(BTC, D(value)) == D(needed)


@pytest.mark.parametrize(
    ("leverage", "limit"),
    [
        *(("1", "Infinity"), ("20", "Infinity"), ("20.5", "3000000"), ("50", "3000000")),
        *(("51", "250000"), ("100", "250000"), ("101", "50000"), ("125", "50000"), ("126", "0")),
    ],
)
def test_a_leverage_allows_a_position_up_to_the_first_bracket_that_forbids_it(leverage, limit):
    assert value_max(BTC, D(leverage)) == D(limit)


def test_a_list_of_brackets_that_cannot_be_meant_is_named():
    first = Bracket(D(0), D("0.004"), D(0), D(125))
    assert fault_in(()) is Fault.EMPTY
    assert fault_in((Bracket(D(1), D("0.004"), D(0), D(125)),)) is Fault.START
    assert fault_in((Bracket(D(0), D("0.004"), D(1), D(125)),)) is Fault.START
    assert fault_in((Bracket(D(0), D("0"), D(0), D(125)),)) is Fault.RATE
    assert fault_in((Bracket(D(0), D("0.5"), D(0), D("0.5")),)) is Fault.RATE
    assert fault_in((first, Bracket(D(0), D("0.005"), D(0), D(100)))) is Fault.ORDER
    assert fault_in((first, Bracket(D(10), D("0.003"), D("-0.01"), D(100)))) is Fault.ORDER
    assert fault_in((first, Bracket(D(10), D("0.005"), D("0.01"), D(126)))) is Fault.ORDER
    assert fault_in((first, Bracket(D(10), D("0.005"), D("0.02"), D(100)))) is Fault.DEDUCTION
    assert fault_in((first, Bracket(D(10), D("0.005"), D("0.01"), D(100)))) is None


def test_the_version_in_force_is_found_by_time():
    dearer = brackets_of([(D(0), D("0.01"), D(50))])
    table = BracketTable((100, 200), (BTC, dearer))
    assert [table.at(time) for time in (0, 100, 199, 200, 999)] == [BTC, BTC, BTC, dearer, dearer]
    # The first version counts before its date too, so that its date changes nothing.
    assert [table.next_change(time) for time in (0, 100, 199, 200)] == [200, 200, 200, None]


@pytest.mark.parametrize(
    ("times", "versions"),
    [((), ()), ((1, 1), (BTC, BTC)), ((1, 2), (BTC,)), ((1,), ((),))],
)
def test_a_table_without_sense_is_refused(times, versions):
    with pytest.raises(UserError) as caught:
        BracketTable(times, versions)
    assert caught.value.code == "BRACKETS_INVALID"


# --- liquidation prices -------------------------------------------------------------------------


def test_an_isolated_long():
    # 1 BTC bought at 50,000 with leverage 10: margin 50,000 / 10 = 5,000; the wallet is larger and
    # does not count. The value falls below 50,000, so the first bracket holds at the end:
    #   5,000 + p - 50,000 = 0.004 * p  ->  0.996 * p = 45,000  ->  p = 45,180.72...
    ledger = held(LINEAR, (Side.BUY, 1, 50_000), wallet="100000")
    pool = only_pool(ledger, MarginMode.ISOLATED)
    assert pool.money == 5_000
    low, high = safe_prices(pool, instrument=LINEAR, brackets=BTC)
    assert low == D(45_000) / D("0.996")
    assert high == D("Infinity")
    # At 48,000: 5,000 - 2,000 - 192 = 2,808.
    assert headroom(pool, D(48_000), instrument=LINEAR, brackets=BTC) == 2_808


def test_a_cross_long_in_the_second_bracket():
    # 2 BTC at 50,000 against a wallet of 10,000:
    #   10,000 + 2p - 100,000 = 2p * 0.005 - 50  ->  1.99 * p = 89,950  ->  p = 45,201.005...
    # whose value 90,402 lies in the second bracket, as assumed.
    ledger = held(LINEAR, (Side.BUY, 2, 50_000), wallet="10000")
    low, _ = safe_prices(only_pool(ledger, MarginMode.CROSS), instrument=LINEAR, brackets=BTC)
    assert low == D(89_950) / D("1.99")


def test_a_short_is_bounded_from_above():
    # 1 BTC sold at 50,000 against 5,000; the value grows beyond 50,000, the second bracket counts:
    #   5,000 + 50,000 - p = 0.005 * p - 50  ->  55,050 = 1.005 * p  ->  p = 54,776.11...
    ledger = held(LINEAR, (Side.SELL, 1, 50_000), wallet="5000")
    low, high = safe_prices(only_pool(ledger, MarginMode.CROSS), instrument=LINEAR, brackets=BTC)
    assert (low, high) == (D(0), D(55_050) / D("1.005"))


def test_a_long_that_its_wallet_covers_is_never_liquidated():
    # 1 BTC at 50,000 against 60,000: at a price of 0 there are 10,000 left.
    ledger = held(LINEAR, (Side.BUY, 1, 50_000), wallet="60000")
    low, high = safe_prices(only_pool(ledger, MarginMode.CROSS), instrument=LINEAR, brackets=BTC)
    assert (low, high) == (D(0), D("Infinity"))


def test_an_inverse_long():
    # 60,000 contracts of 1 USD at 50,000 are 1.2 BTC; leverage 10: margin 0.12 BTC; rate 0.5 %:
    #   0.12 + 1.2 - 60,000 / p = 0.005 * 60,000 / p  ->  1.32 = 60,300 / p  ->  p = 45,681.81...
    # (Bybit reckons maintenance at the entry value and shows 60,000 / (1.2 + 0.114) = 45,662.10.)
    brackets = brackets_of([(D(0), D("0.005"), D(100))])
    ledger = held(INVERSE, (Side.BUY, 60_000, 50_000), wallet="1")
    pool = only_pool(ledger, MarginMode.ISOLATED)
    low, high = safe_prices(pool, instrument=INVERSE, brackets=brackets)
    assert abs(low - D(60_300) / D("1.32")) < D("1e-20")
    assert high == D("Infinity")


def test_an_inverse_short_at_leverage_one_is_safe_at_any_price_above():
    # 50,000 contracts sold at 50,000 owe 1 BTC at entry, less as the price rises:
    #   1 - 1 + 50,000 / p - 0.005 * 50,000 / p > 0 for every p.
    brackets = brackets_of([(D(0), D("0.005"), D(100))])
    ledger = held(INVERSE, (Side.SELL, 50_000, 50_000), wallet="1", leverage=1)
    low, high = safe_prices(
        only_pool(ledger, MarginMode.CROSS), instrument=INVERSE, brackets=brackets
    )
    assert (low, high) == (D(0), D("Infinity"))


def test_an_inverse_short_at_leverage_ten():
    #   0.1 - 1 + 50,000 / p = 0.005 * 50,000 / p  ->  49,750 / p = 0.9  ->  p = 55,277.7...
    brackets = brackets_of([(D(0), D("0.005"), D(100))])
    ledger = held(INVERSE, (Side.SELL, 50_000, 50_000), wallet="0.1")
    _, high = safe_prices(
        only_pool(ledger, MarginMode.CROSS), instrument=INVERSE, brackets=brackets
    )
    assert abs(high - D(49_750) / D("0.9")) < D("1e-20")


def test_a_hedge_is_squeezed_from_one_side_only_by_its_maintenance():
    # Long and short 1 BTC at 50,000 cancel out; what rises with the price is what both need. Above
    # 50,000 each leg needs 0.005 * p - 50: 1,000 = 2 * (0.005 * p - 50)  ->  p = 110,000.
    ledger = held(LINEAR, (Side.BUY, 1, 50_000), wallet="1000", book=LONG)
    ledger.positions[SHORT] = held(LINEAR, (Side.SELL, 1, 50_000)).positions[NET]
    pool = only_pool(ledger, MarginMode.CROSS)
    assert safe_prices(pool, instrument=LINEAR, brackets=BTC) == (D(0), D(110_000))


def test_isolated_legs_stand_alone():
    # Each leg has 5,000 of its own; the long falls at 45,180.72, the short at 54,776.11 as above.
    ledger = held(LINEAR, (Side.BUY, 1, 50_000), wallet="100000", book=LONG)
    ledger.positions[SHORT] = held(LINEAR, (Side.SELL, 1, 50_000)).positions[NET]
    long, short = pools(ledger, MarginMode.ISOLATED)
    assert safe_prices(long, instrument=LINEAR, brackets=BTC)[0] == D(45_000) / D("0.996")
    assert safe_prices(short, instrument=LINEAR, brackets=BTC)[1] == D(55_050) / D("1.005")


def test_a_wallet_below_the_isolated_margins_is_shared_among_them():
    # Margins of 5,000 and 2,500 and a wallet of 6,000: four fifths are there, 4,000 and 2,000.
    ledger = held(LINEAR, (Side.BUY, 1, 50_000), wallet="6000", book=LONG)
    ledger.positions[SHORT] = held(LINEAR, (Side.SELL, "0.5", 50_000)).positions[NET]
    assert [pool.money for pool in pools(ledger, MarginMode.ISOLATED)] == [4_000, 2_000]


def test_no_price_is_safe_for_an_account_that_owes():
    ledger = held(LINEAR, (Side.BUY, 1, 50_000), (Side.SELL, 1, 40_000), wallet="-1")
    assert pools(ledger, MarginMode.CROSS) == ()
    hedge = held(LINEAR, (Side.BUY, 1, 50_000), wallet="-1", book=LONG)
    hedge.positions[SHORT] = held(LINEAR, (Side.SELL, 1, 50_000)).positions[NET]
    low, high = safe_prices(only_pool(hedge, MarginMode.CROSS), instrument=LINEAR, brackets=BTC)
    assert low >= high
