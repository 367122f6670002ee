"""Units: what mypy must refuse, and the exact arithmetic of every conversion and rounding."""

# mypy: disable-error-code="arg-type, dict-item, union-attr, comparison-overlap"
# Ids, times and assets are plain literals here; that the product cannot mix them: test_units.py.

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from absolute.domain.errors import UserError
from absolute.domain.instrument import Instrument, Kind, Side, size_fault
from absolute.domain.units import (
    LEDGER_UNIT,
    ledger_down,
    ledger_near,
    ledger_up,
    percent_from_ratio,
    plain,
    ratio_from_bps,
    ratio_from_percent,
)

from tests.builders import D, spot

ROOT = Path(__file__).resolve().parents[2]
HEAD = """
from decimal import Decimal
from absolute.domain.units import *
from absolute.domain.units import Base, Bps, Nanos, Percent, Price, Qty, Quote, Ratio
from absolute.domain.ids import BotId, ClientOrderId, Role, TradeId, VenueOrderId
def ratio(x: Ratio) -> None: ...
def quote(x: Quote) -> None: ...
def price(x: Price) -> None: ...
def qty(x: Qty) -> None: ...
def order(x: ClientOrderId) -> None: ...
"""
WRONG = {
    "a percent for a ratio": "ratio(Percent(Decimal(3)))",
    "basis points for a ratio": "ratio(Bps(Decimal(3)))",
    "a bare decimal for a ratio": "ratio(Decimal(3))",
    "base for quote": "quote(Base(Decimal(3)))",
    "quote for a price": "price(Quote(Decimal(3)))",
    "quote for a quantity": "qty(Quote(Decimal(3)))",
    "a price for a quantity": "qty(Price(Decimal(3)))",
    "a sum without its unit": "quote(Quote(Decimal(1)) + Quote(Decimal(2)))",
    "a float for money": "quote(3.0)",
    "a bot for an order": "order(BotId('b'))",
    "the venue's id for ours": "order(VenueOrderId('v'))",
    "a trade for an order": "order(TradeId('t'))",
}
RIGHT = """
ratio(ratio_from_percent(Percent(Decimal(3))))
ratio(ratio_from_bps(Bps(Decimal(3))))
quote(Quote(Quote(Decimal(1)) + Quote(Decimal(2))))
order(ClientOrderId("o"))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What mypy says of one file: the line of each error."""
    lines = [*HEAD.splitlines(), *RIGHT.splitlines(), *WRONG.values()]
    file = tmp_path_factory.mktemp("units") / "wrong.py"
    file.write_text("\n".join(lines))
    command = [
        sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary",
        "--no-incremental", "--config-file=", str(file),
    ]  # fmt: skip
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"MYPYPATH": str(ROOT / "src")}
    )
    found: dict[str, str] = {}
    for line in ran.stdout.splitlines():
        place, _, rest = line.removeprefix(f"{file}:").partition(":")
        if "error:" in rest:
            found.setdefault(lines[int(place) - 1], rest)
    assert not ran.stderr, ran.stderr
    return found


@pytest.mark.parametrize("mistake", WRONG)
def test_mypy_refuses(mistake, told):
    assert "[arg-type]" in told[WRONG[mistake]]


def test_mypy_accepts_what_is_converted(told):
    assert set(told) == set(WRONG.values())


def test_conversions():
    assert ratio_from_percent(D("3.5")) == D("0.035")
    assert ratio_from_bps(D(10)) == D("0.001")
    assert percent_from_ratio(D("0.035")) == D("3.5")


AMOUNTS = st.decimals(-(10**9), 10**9, places=12)


@given(AMOUNTS)
def test_ledger_rounding_brackets_and_never_favours_us(amount):
    down, near, up = ledger_down(amount), ledger_near(amount), ledger_up(amount)
    assert down <= amount <= up
    assert down <= near <= up
    assert up - down in (0, LEDGER_UNIT)
    assert abs(near - amount) * 2 <= LEDGER_UNIT
    for told in (down, near, up):
        assert told % LEDGER_UNIT == 0


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        ("1.500", "1.5"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("0.00000001", "0.00000001"),
        ("0.0", "0"),
    ],
)
def test_amounts_are_shown_without_exponent_or_idle_zeros(amount, told):
    assert plain(D(amount)) == told


PRICES = st.decimals("0.001", 10**6, places=5)


@given(PRICES, st.sampled_from(["0.01", "0.5", "0.003", "1"]))
def test_rounding_a_price_never_makes_an_order_worse(price, tick):
    market = spot(tick=tick)
    buy, sell = market.price_for(Side.BUY, price), market.price_for(Side.SELL, price)
    assert buy <= price <= sell
    assert sell - buy in (0, D(tick))
    assert buy % D(tick) == 0 == sell % D(tick)


@given(PRICES, st.sampled_from(["0.01", "0.5", "0.003", "7"]), st.decimals(0, 10**5, places=3))
def test_a_spend_never_buys_more_than_it_pays_for(price, lot, spend):
    market = spot(lot=lot)
    qty = market.qty_for(spend, price)
    assert market.notional(qty, price) <= spend
    assert market.notional(qty + D(lot), price) > spend


def perpetual(kind, contract):
    return Instrument("P", kind, "COIN", "USDT", D("0.5"), D(1), D(1), D(0), contract=D(contract))


def test_what_a_contract_is_worth():
    """Linear: 3 contracts of 0.1 coins at 200 are 0.3 coins = 60 USDT, settled in USDT.
    Inverse: 3 contracts of 100 USDT at 200 are 300 USDT = 1.5 coins, settled in coins."""
    linear, inverse = perpetual(Kind.LINEAR, "0.1"), perpetual(Kind.INVERSE, 100)
    assert (linear.notional(3, D(200)), linear.base_value(3, D(200))) == (60, D("0.3"))
    assert (inverse.notional(3, D(200)), inverse.base_value(3, D(200))) == (300, D("1.5"))
    assert (linear.settle, inverse.settle) == ("USDT", "COIN")
    assert linear.value(3, D(200)) == 60
    assert inverse.value(3, D(200)) == D("1.5")


def test_flows_of_a_closed_trade_sum_to_its_profit():
    """Inverse, 300 USDT of contracts from 200 to 250: 300 / 200 - 300 / 250 = 1.5 - 1.2 = 0.3."""
    linear, inverse = perpetual(Kind.LINEAR, "0.1"), perpetual(Kind.INVERSE, 100)
    profit = linear.flow(Side.BUY, 3, D(200)) + linear.flow(Side.SELL, 3, D(250))
    assert profit == D("0.3") * 50
    profit = inverse.flow(Side.BUY, 3, D(200)) + inverse.flow(Side.SELL, 3, D(250))
    assert profit == D("0.3")


def test_an_inverse_leg_is_rounded_against_us():
    """100 / 300 = 0.333...: a buy is credited 0.33333333, a sell debited 0.33333334."""
    inverse = perpetual(Kind.INVERSE, 100)
    assert inverse.flow(Side.BUY, 1, D(300)) == D("0.33333333")
    assert inverse.flow(Side.SELL, 1, D(300)) == D("-0.33333334")


@pytest.mark.parametrize("field", ["tick", "lot"])
def test_a_grid_of_nothing_is_refused(field):
    with pytest.raises(UserError) as refused:
        spot(**{field: "0"})
    assert refused.value.code == "INSTRUMENT_INVALID"


LIMITED = Instrument(
    "L", Kind.SPOT, "COIN", "USDT", D("0.5"), D("0.1"), D("0.2"), D(50),
    max_qty=D(100), max_market_qty=D(10), max_notional=D(5000),
)  # fmt: skip


@pytest.mark.parametrize(
    ("qty", "price", "market", "fault"),
    [
        ("1", "100", False, None),
        ("0.1", "1000", False, "QTY_MIN"),
        ("100.1", "1", False, "QTY_MAX"),
        ("10.1", "100", True, "QTY_MAX"),
        ("10.1", "100", False, None),
        ("1.05", "100", False, "QTY_STEP"),
        ("1", "100.3", False, "PRICE_STEP"),
        ("1", "100.3", True, None),
        ("0.4", "100", False, "NOTIONAL_MIN"),
        ("0.5", "100", False, None),
        ("50.1", "100", False, "NOTIONAL_MAX"),
        ("50", "100", False, None),
    ],
)
def test_the_first_filter_that_an_order_breaks(qty, price, market, fault):
    assert size_fault(LIMITED, D(qty), D(price), market=market) == fault
