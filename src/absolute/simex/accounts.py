"""Owns the money of a simulated venue: every wallet, the house's and the fee account, double entry.

Whatever a client gains somebody else loses in the same posting, so all accounts together always
hold nothing: `sums` is empty. It must not know orders, books or wires.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from absolute.domain.account import MARGIN_RULES, Account, Posting
from absolute.domain.fees import FeeCoin, fee_for
from absolute.domain.fill import Fee, Liquidity
from absolute.domain.instrument import Instrument, Side
from absolute.domain.position import FLAT, Position, traded
from absolute.domain.units import ZERO, Asset, Nanos, Price, Qty, Quote, ledger_up
from absolute.simex.facts import PositionView
from absolute.simex.listing import Listing, Market
from absolute.simex.orders import AccountId, OrderNumber

HOUSE: Final = AccountId("(house)")
FEES: Final = AccountId("(fees)")
OUTSIDE: Final = AccountId("(outside)")
"""Where deposits come from; it owes what it has brought."""


NO_FEE: Final = Fee(ZERO, Asset(""), Quote(ZERO))
"""Stands in a leg until its fee is reckoned."""


@dataclass(slots=True)
class Hold:
    """What one order reserves."""

    asset: Asset
    amount: Decimal


@dataclass(slots=True)
class Held:
    """A linear position with its story."""

    position: Position = FLAT
    realised: Decimal = ZERO
    created: Nanos = Nanos(0)
    updated: Nanos = Nanos(0)
    sequence: int = 0


@dataclass(slots=True)
class Wallet:
    """One account: balances, positions, leverage by market, and what each order reserves."""

    account: Account
    positions: dict[Market, Held] = field(default_factory=dict)
    leverage: dict[Market, Decimal] = field(default_factory=dict)
    holds: dict[OrderNumber, Hold] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Leg:
    """One account's side of a trade."""

    account: AccountId
    listing: Listing
    side: Side
    qty: Qty
    price: Price
    fee: Fee
    time: Nanos


class Bank:
    """Every account of one venue in one environment."""

    def __init__(self, last: Callable[[Market], Price], leverage: Decimal) -> None:
        self._last = last
        self._leverage = leverage
        self._wallets: dict[AccountId, Wallet] = {
            name: Wallet(Account({}, MARGIN_RULES)) for name in (HOUSE, FEES, OUTSIDE)
        }
        self._instruments: dict[Market, Instrument] = {}
        self._touched: dict[tuple[AccountId, Asset], Decimal] = {}

    def open(self, account: AccountId, balances: Mapping[Asset, Decimal]) -> None:
        """A new account with money from outside."""
        self._wallets[account] = Wallet(Account({}, MARGIN_RULES))
        for asset, amount in balances.items():
            self.deposit(account, asset, amount)
        self._touched.clear()

    def wallet(self, account: AccountId) -> Wallet:
        """One account, to be read; raises KeyError for one that is not there."""
        return self._wallets[account]

    def sums(self) -> dict[Asset, Decimal]:
        """All accounts together, by asset; what is not zero would be money made or lost."""
        total: dict[Asset, Decimal] = {}
        for wallet in self._wallets.values():
            for asset, amount in wallet.account.totals().items():
                total[asset] = total.get(asset, ZERO) + amount
        return {asset: amount for asset, amount in total.items() if amount}

    def touched(self) -> dict[tuple[AccountId, Asset], Decimal]:
        """Balances that changed since the last call, with what was added to the total."""
        touched, self._touched = self._touched, {}
        return touched

    # --- money ----------------------------------------------------------------------------------

    def deposit(self, account: AccountId, asset: Asset, amount: Decimal) -> None:
        """Money from outside."""
        self._move(account, OUTSIDE, ((asset, amount),))

    def hold(self, account: AccountId, number: OrderNumber, hold: Hold) -> None:
        """Reserve for an order; nothing for a zero amount."""
        if hold.amount <= ZERO:
            return
        wallet = self._wallets[account]
        wallet.account.hold(hold.asset, hold.amount)
        wallet.holds[number] = Hold(hold.asset, hold.amount)
        self._touch(account, hold.asset, ZERO)

    def release(self, account: AccountId, number: OrderNumber, amount: Decimal | None) -> None:
        """Set free so much of what an order reserves, at most all; None: all of it."""
        wallet = self._wallets[account]
        hold = wallet.holds.get(number)
        if hold is None:
            return
        freed = hold.amount if amount is None else min(amount, hold.amount)
        wallet.account.hold(hold.asset, -freed)
        hold.amount -= freed
        if not hold.amount:
            del wallet.holds[number]
        self._touch(account, hold.asset, ZERO)

    def trade(self, leg: Leg) -> tuple[Qty, Decimal]:
        """Book one side of a trade against the house; the quantity it closed and the profit."""
        instrument, fee = leg.listing.instrument, leg.fee
        if not instrument.perpetual:
            bought = leg.qty if leg.side is Side.BUY else -leg.qty
            paid = instrument.flow(leg.side, leg.qty, leg.price)
            self._move(leg.account, HOUSE, ((instrument.base, bought), (instrument.quote, paid)))
            self._move(leg.account, FEES, ((fee.asset, -fee.amount),))
            return Qty(ZERO), ZERO
        market = leg.listing.market
        self._instruments[market] = instrument
        held = self._wallets[leg.account].positions.setdefault(market, Held(created=leg.time))
        before = held.position.qty
        held.position, realised = traded(
            held.position, instrument, side=leg.side, qty=leg.qty, price=leg.price
        )
        signed = leg.qty if leg.side is Side.BUY else -leg.qty
        closed = min(leg.qty, abs(before)) if before * signed < ZERO else ZERO
        held.realised += realised - fee.amount
        held.updated, held.sequence = leg.time, held.sequence + 1
        self._move(leg.account, HOUSE, ((instrument.settle, realised),))
        self._move(leg.account, FEES, ((fee.asset, -fee.amount),))
        house = self._wallets[HOUSE].positions.setdefault(market, Held())
        house.position = replace(house.position, qty=Qty(house.position.qty - signed))
        return Qty(closed), realised

    def fee_of(self, leg: Leg, liquidity: Liquidity) -> Fee:
        """What a trade costs; a third coin that does not suffice leaves it to the coin received."""
        listing, schedule = leg.listing, leg.listing.fees
        terms = {"side": leg.side, "qty": leg.qty, "price": leg.price, "liquidity": liquidity}
        fee = fee_for(schedule, listing.instrument, **terms)  # type: ignore[arg-type]
        third = schedule.third
        if third is None or fee.asset != third:
            return fee
        if fee.amount <= self._wallets[leg.account].account.free(third):
            return fee
        own = replace(schedule, coin=FeeCoin.RECEIVED)
        return fee_for(own, listing.instrument, **terms)  # type: ignore[arg-type]

    # --- margin ---------------------------------------------------------------------------------

    def leverage(self, account: AccountId, market: Market) -> Decimal:
        """Leverage of one market for one account."""
        return self._wallets[account].leverage.get(market, self._leverage)

    def position(self, account: AccountId, market: Market) -> Position:
        """A position; flat where there never was one."""
        held = self._wallets[account].positions.get(market)
        return held.position if held is not None else FLAT

    def view(self, account: AccountId, listing: Listing) -> PositionView:
        """A position as it is shown."""
        market, instrument = listing.market, listing.instrument
        held = self._wallets[account].positions.get(market) or Held()
        mark, leverage = self._last(market), self.leverage(account, market)
        entry = held.position.entry(instrument)
        value = instrument.value(abs(held.position.qty), entry) if entry is not None else ZERO
        return PositionView(
            market=market,
            qty=held.position.qty,
            entry=entry,
            mark=mark,
            leverage=leverage,
            unrealised=held.position.unrealised(instrument, mark),
            realised=held.realised,
            margin=ledger_up(value / leverage),
            created=held.created,
            updated=held.updated,
            sequence=held.sequence,
        )

    def available(self, account: AccountId, asset: Asset) -> Decimal:
        """What a new order may reserve: free, less position margin and open losses."""
        wallet = self._wallets[account]
        free = wallet.account.free(asset)
        for market, held in wallet.positions.items():
            instrument = self._instruments[market]
            entry = held.position.entry(instrument)
            if instrument.settle != asset or entry is None:
                continue
            value = instrument.value(abs(held.position.qty), entry)
            free -= ledger_up(value / self.leverage(account, market))
            free += min(ZERO, held.position.unrealised(instrument, self._last(market)))
        return free

    def _move(self, account: AccountId, other: AccountId, postings: tuple[Posting, ...]) -> None:
        """What one account gains the other loses."""
        self._wallets[account].account.post(postings)
        self._wallets[other].account.post((asset, -amount) for asset, amount in postings)
        for asset, amount in postings:
            self._touch(account, asset, amount)

    def _touch(self, account: AccountId, asset: Asset, amount: Decimal) -> None:
        at = (account, asset)
        self._touched[at] = self._touched.get(at, ZERO) + amount


def closable(held: Decimal, side: Side) -> Decimal:
    """How much of a signed position an order of this side can close."""
    return max(ZERO, held if side is Side.SELL else -held)
