"""Owns the money of one account in one market: balances, positions and what orders reserve.

This is the only place where a fill, a fee, funding or a liquidation becomes money. The bot's
portfolio and the simulated venue each keep one and must agree to the last unit. Knows nothing of
the order book or of time.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum

from absolute.domain.account import MARGIN_RULES, Account, Posting, not_negative_in
from absolute.domain.errors import LedgerError
from absolute.domain.fees import FeeCoin, FeeSchedule, fee_for
from absolute.domain.fill import Fee, Fill, Liquidity
from absolute.domain.instrument import Instrument, Kind, Side
from absolute.domain.messages import Liquidated
from absolute.domain.order import PositionSide, Terms
from absolute.domain.position import FLAT, Position, traded
from absolute.domain.units import ONE, ZERO, Asset, Price, Qty, Quote, Ratio, ledger_down, ledger_up


class MarginMode(StrEnum):
    """Whether a position is backed by the whole wallet or by its own margin only."""

    CROSS = "cross"
    ISOLATED = "isolated"


def hold_used(hold: Decimal, qty: Decimal, left: Decimal) -> Decimal:
    """The part of a reservation that a partial fill of `qty` out of `left` sets free."""
    return ledger_down(hold * qty / left)


class Ledger:
    """Balances and positions in one instrument; every change is all or nothing."""

    __slots__ = ("_grossed", "_rate", "account", "fees", "instrument", "leverage", "positions")

    def __init__(
        self,
        instrument: Instrument,
        balances: Mapping[Asset, Decimal],
        *,
        fees: FeeSchedule,
        leverage: Decimal = ONE,
    ) -> None:
        self.instrument = instrument
        spot = (not_negative_in(instrument.base, instrument.quote),)
        self.account = Account(balances, MARGIN_RULES if instrument.perpetual else spot)
        self.fees = fees
        self.leverage = leverage
        self.positions: dict[PositionSide, Position] = {}
        self._rate = fees.taker if fees.in_quote(instrument) else Ratio(ZERO)
        self._grossed = ONE + max(self._rate, ZERO)

    def position(self, side: PositionSide = PositionSide.NET) -> Position:
        """The position of one side; flat where there never was one."""
        return self.positions.get(side, FLAT)

    # --- money in and out -----------------------------------------------------------------

    def fill(self, fill: Fill) -> Decimal:
        """Book one execution; returns the profit it realised in the settle asset (perpetual)."""
        instrument, fee = self.instrument, fill.fee
        if instrument.kind is Kind.SPOT:
            flow = instrument.flow(fill.side, fill.qty, fill.price)
            bought = fill.qty if fill.side is Side.BUY else -fill.qty
            postings: tuple[Posting, ...] = ((instrument.quote, flow), (instrument.base, bought))
            if fee is not None:
                postings = (*postings, (fee.asset, -fee.amount))
            self.account.post(postings)
            return ZERO
        after, realised = traded(
            self.position(fill.position_side),
            instrument,
            side=fill.side,
            qty=fill.qty,
            price=fill.price,
        )
        charge = fee.amount if fee is not None else ZERO
        self.account.post(((instrument.settle, realised - charge),))
        self.positions[fill.position_side] = after
        return realised

    def liquidate(self, event: Liquidated) -> None:
        """Book a forced close, what it cost, and what the insurance fund bore."""
        instrument, side = self.instrument, event.position_side
        after, realised = traded(
            self.position(side), instrument, side=event.side, qty=event.qty, price=event.price
        )
        gain = realised - event.fee.amount + event.shortfall
        self.account.post(((instrument.settle, gain),))
        self.positions[side] = after

    def charge(self, fee: Fee) -> None:
        """Book a fee that became known after its fill."""
        self.account.post(((fee.asset, -fee.amount),))

    def transfer(self, asset: Asset, amount: Decimal) -> None:
        """Book a deposit, a withdrawal, funding or an insurance payment."""
        self.account.post(((asset, amount),))

    def fee_of(self, side: Side, qty: Qty, *, price: Price, liquidity: Liquidity) -> Fee:
        """What a trade costs here and now.

        A third coin that does not suffice is not touched: the coin received pays (Binance, "Use
        BNB to pay for fees").
        """
        instrument = self.instrument
        fee = fee_for(self.fees, instrument, side=side, qty=qty, price=price, liquidity=liquidity)
        if fee.asset == self.fees.third and fee.amount > self.account.free(fee.asset):
            own = replace(self.fees, coin=FeeCoin.RECEIVED)
            return fee_for(own, instrument, side=side, qty=qty, price=price, liquidity=liquidity)
        return fee

    def closable(self, terms: Terms) -> Decimal | None:
        """The most that a closing order may still trade; None for one that may open.

        The legs of a hedge are never crossed over: who sells a long leg closes it.
        """
        leg = PositionSide.LONG if terms.side is Side.SELL else PositionSide.SHORT
        if not terms.reduce_only and terms.position_side is not leg:
            return None
        held = self.position(terms.position_side).qty
        return max(ZERO, held if terms.side is Side.SELL else -held)

    # --- what orders reserve --------------------------------------------------------------

    def reservation(self, terms: Terms, price: Decimal | None) -> tuple[Asset, Decimal]:
        """What a new order must reserve: asset and amount.

        `price` stands in for a market order in base units; a spend needs none.
        """
        instrument = self.instrument
        if instrument.kind is Kind.SPOT and terms.side is Side.SELL:
            if terms.qty is None:
                raise LedgerError("a sell states a quantity, not a spend")
            return instrument.base, terms.qty
        if instrument.kind is Kind.SPOT:
            notional = self._notional(terms, price)
            return instrument.quote, ledger_up(notional * self._grossed)
        return instrument.settle, self._margin(terms, price)

    def _notional(self, terms: Terms, price: Decimal | None) -> Decimal:
        if terms.spend is not None:
            return terms.spend
        at = terms.price or terms.trigger or price
        if at is None or terms.qty is None:
            raise LedgerError("an order by quantity without limit needs a price to reserve for")
        return terms.qty * at * self.instrument.contract

    def _margin(self, terms: Terms, price: Decimal | None) -> Decimal:
        """Initial margin and fee of the part that opens: a reducing order needs none."""
        at = terms.price or terms.trigger or price
        if at is None:
            raise LedgerError("an order on a perpetual needs a price to reserve margin for")
        qty = terms.qty
        if qty is None:
            qty = self.instrument.qty_for(terms.spend, at) if terms.spend else None
        if qty is None or terms.reduce_only:
            return ZERO
        held = self.position(terms.position_side).qty
        signed = qty if terms.side is Side.BUY else -qty
        opening = qty if held * signed >= ZERO else max(ZERO, qty - abs(held))
        value = self.instrument.value(opening, at)
        return ledger_up(value / self.leverage + value * self._rate)

    # --- what it is worth -----------------------------------------------------------------

    def unrealised(self, mark: Decimal) -> Decimal:
        """Open profit of every position at a mark price, in the settle asset."""
        return sum((p.unrealised(self.instrument, mark) for p in self.positions.values()), ZERO)

    def margin_used(self) -> Decimal:
        """Initial margin of the open positions at their entry."""
        used = ZERO
        for position in self.positions.values():
            entry = position.entry(self.instrument)
            if entry is not None:
                used += ledger_up(self.instrument.value(abs(position.qty), entry) / self.leverage)
        return used

    def available(self, asset: Asset) -> Decimal:
        """What a new order may reserve of an asset; open profit is never lent out."""
        free = self.account.free(asset)
        if self.positions and asset == self.instrument.settle:
            free -= self.margin_used()
        return free

    def buying_power(self, price: Decimal) -> Quote:
        """The largest notional that could be bought now at a price, its fee included."""
        instrument = self.instrument
        free = self.available(instrument.settle)
        if instrument.kind is Kind.SPOT:
            return Quote(ledger_down(free / self._grossed) if self._rate else free)
        free += min(ZERO, self.unrealised(price))
        value = max(ZERO, free) * self.leverage / (ONE + self._rate * self.leverage)
        return Quote(ledger_down(value * price if instrument.kind is Kind.INVERSE else value))

    def equity(self, price: Decimal) -> Decimal:
        """Everything at a price: in quote for spot, in the settle asset for a perpetual."""
        instrument = self.instrument
        if instrument.kind is not Kind.SPOT:
            return self.account.total(instrument.settle) + self.unrealised(price)
        owned = self.account.total(instrument.quote) + self.account.total(instrument.base) * price
        third, third_price = self.fees.third, self.fees.third_price
        if third is not None and third_price is not None:
            owned += self.account.total(third) * third_price
        return owned
