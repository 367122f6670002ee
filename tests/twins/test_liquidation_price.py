"""The closed form of the liquidation price is the price that trying every price finds."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from absolute.domain.fees import FREE_OF_CHARGE
from absolute.domain.instrument import Kind, Side
from absolute.domain.ledger import Ledger, MarginMode
from absolute.domain.position import FLAT, traded
from absolute.domain.units import ledger_down, ledger_up
from absolute.matching.perpetual import MarginAccount, PerpetualTerms

from tests.perpetual_market import LONG, NET, SHORT, perpetual, table

D: Any = Decimal
TOP = 700
"""Prices are tried from 1 to here; positions are opened between 100 and 300."""

EDGE = Fraction(1, 10**20)

RATES = st.lists(st.integers(1, 60), min_size=1, max_size=4, unique=True).map(sorted)
TRADES = st.lists(
    st.tuples(st.integers(1, 40), st.integers(100, 300)), min_size=1, max_size=3
)  # fmt: skip


def plain_maintenance(rows, value):
    """Each part of the value at the rate of its own bracket."""
    needed = Fraction(0)
    for place, (floor, rate, _) in enumerate(rows):
        end = Fraction(rows[place + 1][0]) if place + 1 < len(rows) else value
        needed += max(Fraction(0), min(value, end) - Fraction(floor)) * Fraction(rate)
    return needed


def plain_headroom(rows, kind, positions, money, price):
    """Equity less maintenance at a price, worked out exactly from what each unit earned."""
    left = Fraction(money)
    for position in positions:
        size = Fraction(abs(position.qty))
        value = size / price if kind is Kind.INVERSE else size * price
        long = position.qty > 0
        worth = value if long is not (kind is Kind.INVERSE) else -value
        left += Fraction(position.flow) + worth - plain_maintenance(rows, value)
    return left


def position_of(instrument, side, trades):
    position = FLAT
    for qty, price in trades:
        position, _ = traded(position, instrument, side=side, qty=D(qty), price=D(price))
    return position


@st.composite
def accounts(draw):
    """Positions of one side or both, a wallet from debt to riches, and brackets of their size."""
    kind = draw(st.sampled_from([Kind.LINEAR, Kind.INVERSE]))
    instrument = perpetual(kind, tick=D(1), lot=D(1), min_qty=D(1))
    scale = D(1) if kind is Kind.LINEAR else D(1) / 40_000
    rows = [
        (D(3_000 * place**2) * scale, D(rate) / 100, D(1)) for place, rate in enumerate(draw(RATES))
    ]
    hedged, long, short = draw(st.booleans()), draw(TRADES | st.none()), draw(TRADES | st.none())
    books = {}
    if long:
        books[LONG if hedged else NET] = position_of(instrument, Side.BUY, long)
    if short and (hedged or not long):
        books[SHORT if hedged else NET] = position_of(instrument, Side.SELL, short)
    value = sum((abs(each.flow) for each in books.values()), D(0))
    wallet = (value * draw(st.integers(-30, 300)) / 100).quantize(D("1e-8"))
    leverage = D(draw(st.sampled_from([1, 3, 10, 25])))
    ledger = Ledger(instrument, {instrument.settle: wallet}, fees=FREE_OF_CHARGE, leverage=leverage)
    ledger.positions.update(books)
    return ledger, rows


@given(drawn=accounts(), mode=st.sampled_from(MarginMode))
def test_the_levels_are_those_of_a_scan(drawn, mode):
    ledger, rows = drawn
    kind, books, leverage = ledger.instrument.kind, ledger.positions, ledger.leverage
    wallet = ledger.account.total(ledger.instrument.settle)
    account = MarginAccount(ledger, PerpetualTerms(table(*rows), mode), unit=D(1))
    account.reckon()

    margins = {side: ledger_up(abs(each.flow) / leverage) for side, each in books.items()}
    needed = sum(margins.values(), D(0))

    pools = [(list(books.values()), wallet)]
    if mode is MarginMode.ISOLATED:
        share = min(D(1), wallet / needed) if needed else D(1)
        pools = [([books[side]], ledger_down(margins[side] * share)) for side in books]

    def headroom(price):
        return min(plain_headroom(rows, kind, *pool, price) for pool in pools)

    found = [price for price in range(1, TOP) if not account.reached(price)]
    for price in range(1, TOP) if books else ():
        room_left = headroom(price)
        # On the very edge an inverse value, 28 digits of a quotient, may fall either way.
        assert (price in found) == (room_left > 0) or abs(room_left) < EDGE
    if found and books:
        down, up = account.levels
        assert down < found[0]
        assert up > found[-1]
        assert down in {found[0] - 1, -1}
        assert up == found[-1] + 1 or up >= TOP
