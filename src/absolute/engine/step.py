"""Owns the one step: a fact goes in, approved commands, refusals and notes come out.

    event -> portfolio.apply -> strategy.on -> targets.difference -> risk.review -> Approved

No clock, no socket, no disk, no randomness, no float money. The step never calls out: whoever
drives it sends the commands and writes the outcome down.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from absolute.domain.approved import Approved, Refused
from absolute.domain.ids import BotId, Role, client_order_id
from absolute.domain.instrument import Kind, Side
from absolute.domain.messages import (
    BarClosed,
    Cancel,
    Event,
    LevelReached,
    Resumed,
    SignalChanged,
    StopAsked,
    Submit,
    TimerFired,
)
from absolute.domain.notes import Halted, Note
from absolute.domain.order import Order, OrderType, Status, Terms
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import ZERO, Nanos, Price
from absolute.risk.checks import consent, review
from absolute.risk.limits import Limits, floor_price
from absolute.strategies.base import Strategy
from absolute.strategies.targets import difference

FLATTEN: Final = Role("flatten")
REFUSED: Final = frozenset({Status.REJECTED, Status.EXPIRED})


class Mode(StrEnum):
    """Whose wishes count: the strategy's, only those that lower risk, or nobody's."""

    RUNNING = "running"
    REDUCING = "reducing"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step asks for, in the order it must be sent."""

    commands: tuple[Approved, ...] = ()
    refusals: tuple[Refused, ...] = ()
    notes: tuple[Note, ...] = ()


NOTHING: Final = Outcome()


class Engine:
    """One bot: its portfolio, its strategy, its limits."""

    __slots__ = (
        "_refused",
        "_sequence",
        "bot",
        "limits",
        "mode",
        "portfolio",
        "strategy",
        "wanted",
    )

    def __init__(
        self, bot: BotId, portfolio: Portfolio, strategy: Strategy, limits: Limits
    ) -> None:
        self.bot = bot
        self.portfolio = portfolio
        self.strategy = strategy
        self.limits = limits
        self.mode = Mode.RUNNING
        self.wanted: tuple[Terms, ...] = ()
        self._refused: dict[Role, Terms] = {}
        self._sequence = 0

    def step(self, event: Event) -> Outcome:
        """Take in one fact and say what follows from it."""
        order = self.portfolio.apply(event)
        self._remember(event, order)
        plan = self.strategy.on(event, self.portfolio)
        notes = plan.notes if plan is not None else ()
        if plan is not None and self.mode is Mode.RUNNING:
            self.wanted = plan.targets
        elif self.mode is not Mode.RUNNING:
            self.wanted = self._reducing(plan.targets if plan is not None else self.wanted)
        governed = self._govern(event)
        if governed:
            notes = (*notes, *governed)
        elif plan is None and (order is None or not order.terminal):
            return NOTHING
        return self._act(event.time, notes)

    def levels(self) -> tuple[Price | None, Price | None]:
        """The prices (falling to, rising to) at which the strategy or a limit must be woken."""
        wakes = self.strategy.wakes
        down, up = wakes.falls_to, wakes.rises_to
        floor = self.limits.equity_floor
        if floor is not None and self.mode is Mode.RUNNING:
            low, high = floor_price(self.portfolio.ledger, floor)
            down = low if down is None else max(down, low or down)
            up = high if up is None else min(up, high or up)
        return down, up

    def _remember(self, event: Event, order: Order | None) -> None:
        """A wish the venue refused is not sent again until it changes or something wakes us."""
        if order is not None and order.status in REFUSED:
            self._refused[order.terms.role] = order.terms
        elif isinstance(event, (TimerFired, BarClosed, SignalChanged, Resumed)):
            self._refused.clear()

    def _govern(self, event: Event) -> tuple[Note, ...]:
        """What people and limits decide over the strategy's head."""
        if isinstance(event, StopAsked):
            self.mode = Mode.STOPPED
            self.wanted = (
                self._flatten()
                if event.flatten
                else tuple(order.terms for order in self.portfolio.live.values())
            )
            return (Halted(event.time, "STOPPED", f"stopped by {event.who}"),)
        if isinstance(event, Resumed):
            self.mode = Mode.RUNNING
        floor = self.limits.equity_floor
        if floor is None or self.mode is not Mode.RUNNING or not isinstance(event, LevelReached):
            return ()
        equity = self.portfolio.ledger.equity(event.price)
        if equity > floor:
            return ()
        self.mode = Mode.STOPPED if self.limits.flatten else Mode.REDUCING
        self.wanted = self._flatten() if self.limits.flatten else self._reducing(self.wanted)
        return (Halted(event.time, "EQUITY_FLOOR", f"equity {equity} is at the floor {floor}"),)

    def _reducing(self, wanted: tuple[Terms, ...]) -> tuple[Terms, ...]:
        """Only what closes: in `STOPPED` nothing new at all."""
        if self.mode is Mode.STOPPED:
            return self.wanted
        return tuple(terms for terms in wanted if terms.side is self._closing_side())

    def _closing_side(self) -> Side:
        return Side.BUY if self.portfolio.position().qty < ZERO else Side.SELL

    def _flatten(self) -> tuple[Terms, ...]:
        """One market order that closes all this bot holds."""
        portfolio = self.portfolio
        instrument = portfolio.instrument
        perpetual = instrument.kind is not Kind.SPOT
        held = portfolio.position().qty if perpetual else portfolio.total(instrument.base)
        qty = instrument.qty_down(abs(held))
        if qty <= ZERO or qty < instrument.min_qty:
            return ()
        return (
            Terms(FLATTEN, self._closing_side(), OrderType.MARKET, qty=qty, reduce_only=perpetual),
        )

    def _act(self, time: Nanos, notes: tuple[Note, ...]) -> Outcome:
        """Turn the difference between wanted and living into approved commands."""
        portfolio = self.portfolio
        change = difference(self.wanted, portfolio.live, self._refused)
        commands: list[Approved] = []
        refusals: list[Refused] = []
        for client_id in change.cancel:
            portfolio.cancelling(client_id)
            commands.append(consent(Cancel(client_id)))
        for terms in change.place:
            submit = Submit(client_order_id(self.bot, terms.role, self._sequence + 1), terms)
            reserved = portfolio.ledger.reservation(terms, portfolio.price)
            verdict = review(submit, portfolio, self.limits, reserved)
            if isinstance(verdict, Approved):
                self._sequence += 1
                portfolio.sent(submit, time, reserved)
                commands.append(verdict)
            else:
                self._refused[terms.role] = terms
                refusals.append(verdict)
        return Outcome(tuple(commands), tuple(refusals), notes)
