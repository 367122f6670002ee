"""Owns what a venue does with an account that cannot carry its positions: it closes them by force.

One maintenance rate stands for all brackets, and coins held on spot count at their last price; both
are assumptions. What is owed beyond the account comes from outside, as an insurance fund pays it.
It must not know any wire.
"""

from decimal import Decimal
from typing import Final

from absolute.domain.instrument import Side
from absolute.domain.units import ZERO, Asset, Nanos, Qty
from absolute.simex.accounts import Hold
from absolute.simex.floor import Floor
from absolute.simex.listing import Category
from absolute.simex.orders import AccountId, BoxOrder, BoxStatus, EndCause, OrderAsk

MAINTENANCE: Final = Decimal("0.005")


def liquidate_the_broke(floor: Floor, now: Nanos) -> None:
    """Close every account whose worth has fallen to what its positions need."""
    if floor.rules.forced_notes is None:
        return
    for account in floor.owners:
        if floor.bank.wallet(account).positions and _broke(floor, account):
            _close(floor, account, now)


def _broke(floor: Floor, account: AccountId) -> bool:
    money = floor.bank.wallet(account).account
    worth: dict[Asset, Decimal] = {}
    need = ZERO
    for market, pit in floor.pits.items():
        instrument, last = pit.listing.instrument, pit.state.last
        settle = instrument.settle
        worth.setdefault(settle, money.total(settle))
        if market.category is Category.SPOT:
            worth[settle] += money.total(instrument.base) * last
            continue
        position = floor.bank.position(account, market)
        worth[settle] += position.unrealised(instrument, last)
        need += instrument.value(abs(position.qty), last) * MAINTENANCE
    return need > ZERO and sum(worth.values(), ZERO) <= need


def _close(floor: Floor, account: AccountId, now: Nanos) -> None:
    """Its linear orders go first, then its positions, at what the market gives."""
    for row in floor.table.alive(account):
        if row.ask.market.category is Category.LINEAR:
            floor.withdraw(row, EndCause.VENUE, now)
    left = ZERO
    for market, pit in floor.pits.items():
        qty = floor.bank.position(account, market).qty
        if not qty:
            continue
        instrument = pit.listing.instrument
        side = Side.SELL if qty > ZERO else Side.BUY
        notes = floor.rules.forced_notes or {}
        ask = OrderAsk(market, side, qty=Qty(abs(qty)), reduce_only=True, notes=notes)
        number = floor.table.next_number()
        row = BoxOrder(number, account, ask, now, now, BoxStatus.OPEN, pit.state.last)
        hold = Hold(instrument.settle, ZERO)
        floor.enter(row, hold, lots=int(abs(qty) / instrument.lot), ticks=None)
        left += abs(floor.bank.position(account, market).qty)
        owed = floor.bank.wallet(account).account.total(instrument.settle)
        if not left and owed < ZERO:
            floor.bank.deposit(account, instrument.settle, -owed)
