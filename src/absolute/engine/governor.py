"""Owns what people and limits decide over a strategy's head: stop, flatten, reduce, go on."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

from absolute.domain.ids import Role
from absolute.domain.instrument import Side
from absolute.domain.messages import Event, LevelReached, Resumed, StopAsked
from absolute.domain.notes import Halted, Note
from absolute.domain.order import Order, OrderType, Status, Terms
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import ONE, ZERO, Price
from absolute.risk.limits import Limits, floor_price

FLATTEN: Final = Role("flatten")
GOVERNING: Final = (StopAsked, Resumed, LevelReached)
"""The facts by which people and limits take over."""


class Mode(StrEnum):
    """Whose wishes count: the strategy's, only those that lower risk, or nobody's.

    While `FLATTENING` every order is cancelled first; only when none lives is what is held sold,
    so that a fill that raced the cancel is sold too, and nothing twice.
    """

    RUNNING = "running"
    REDUCING = "reducing"
    FLATTENING = "flattening"
    STOPPED = "stopped"


UNSOLD: Final = frozenset({Status.REJECTED, Status.EXPIRED})


class Governor:
    """Decides what of a plan counts. `kept` is what is wanted while stopping."""

    __slots__ = ("_portfolio", "kept", "limits", "mode")

    def __init__(self, portfolio: Portfolio, limits: Limits) -> None:
        self._portfolio = portfolio
        self.limits = limits
        self.mode = Mode.RUNNING
        self.kept: tuple[Terms, ...] = ()

    def rule(self, event: Event, wanted: tuple[Terms, ...]) -> tuple[Note, ...]:
        """Take in a fact of `GOVERNING`; a note where it stopped something.

        `wanted` is what was wanted until now: a stop leaves an order or its successor in place.
        """
        match event:
            case StopAsked(who=who, flatten=flatten):
                self._stop(wanted, flatten=flatten)
                return (Halted(event.time, "STOPPED", f"stopped by {who}"),)
            case Resumed():
                self.mode = Mode.RUNNING
            case LevelReached(price=price) if self.mode is Mode.RUNNING:
                return self._floor(event, price, wanted)
            case _:
                pass
        return ()

    def wanted(self, targets: tuple[Terms, ...], ended: Order | None) -> tuple[Terms, ...]:
        """What of a strategy's targets counts in this mode, after an order ended or not."""
        if self.mode is Mode.RUNNING:
            return targets
        if ended is not None and ended.terms.role == FLATTEN and ended.status in UNSOLD:
            # It could not be sold at the market: the strategy's own exit must stand again.
            self.mode = Mode.REDUCING
        if self.mode is Mode.REDUCING:
            closing = self._closing_side()
            return tuple(terms for terms in targets if terms.side is closing)
        if ended is not None:
            # Its successor, which waited for it to be gone, stays wanted.
            self.kept = tuple(terms for terms in self.kept if terms != ended.terms)
        if self.mode is Mode.FLATTENING and not self._portfolio.live:
            self.mode = Mode.STOPPED
            self.kept = self._flatten()
        return self.kept

    def levels(self) -> tuple[Price | None, Price | None]:
        """The prices (falling to, rising to) at which the equity floor is reached."""
        floor = self.limits.equity_floor
        if floor is None or self.mode is not Mode.RUNNING:
            return None, None
        return floor_price(self._portfolio.ledger, floor)

    def _floor(
        self, event: LevelReached, price: Price, wanted: tuple[Terms, ...]
    ) -> tuple[Note, ...]:
        floor, equity = self.limits.equity_floor, self._portfolio.ledger.equity(price)
        if floor is None or equity > floor:
            return ()
        if self.limits.flatten:
            self._stop(wanted, flatten=True)
        else:
            self.mode = Mode.REDUCING
        detail = f"equity {equity} is at the floor {floor}"
        return (Halted(event.time, "EQUITY_FLOOR", detail),)

    def _stop(self, wanted: tuple[Terms, ...], *, flatten: bool) -> None:
        """Want nothing new: keep what rests, or clear it all away and sell what is held.

        A plain stop does not take a flatten back, unless a person went on meanwhile; and what is
        too small for a market sell keeps the orders that close it.
        """
        flattening = self.mode is Mode.FLATTENING or FLATTEN in self._portfolio.live
        if not flatten and flattening and self.mode is not Mode.RUNNING:
            return
        if flatten and self._portfolio.held and not self._flatten():
            self.mode, closing = Mode.STOPPED, self._closing_side()
            self.kept = tuple(terms for terms in wanted if terms.side is closing)
            return
        self.mode = Mode.FLATTENING if flatten else Mode.STOPPED
        self.kept = () if flatten else tuple(terms for terms in wanted if self._stays(terms))

    def _stays(self, terms: Terms) -> bool:
        """An order that rests stays; of one that is being replaced only an exit comes again."""
        order = self._portfolio.live.get(terms.role)
        if order is None:
            return False
        resting = order.terms == terms and order.status is not Status.CANCEL_PENDING
        return resting or terms.side is self._closing_side()

    def _surely_held(self) -> Decimal:
        """What is held on spot; while a fee is not told, less the most that it may take of it."""
        portfolio = self._portfolio
        fees = portfolio.ledger.fees
        share = ZERO if portfolio.fees_known else max(ZERO, fees.maker, fees.taker)
        return portfolio.held * (ONE - share)

    def _closing_side(self) -> Side:
        return Side.BUY if self._portfolio.position().qty < ZERO else Side.SELL

    def _flatten(self) -> tuple[Terms, ...]:
        """One market order that closes all this bot holds."""
        portfolio = self._portfolio
        instrument = portfolio.instrument
        held = portfolio.position().qty if instrument.perpetual else self._surely_held()
        qty = instrument.qty_down(abs(held))
        value = instrument.notional(qty, portfolio.price or ZERO)
        small = value < instrument.min_notional and not instrument.perpetual
        if qty <= ZERO or qty < instrument.min_qty or small:
            return ()
        side, perpetual = self._closing_side(), instrument.perpetual
        return (Terms(FLATTEN, side, OrderType.MARKET, qty=qty, reduce_only=perpetual),)
