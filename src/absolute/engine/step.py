"""Owns the one step: a fact goes in, approved commands, refusals and notes come out.

    event -> portfolio.apply -> strategy.on -> targets.difference -> risk.review -> Approved

No clock, no socket, no disk, no randomness, no float money. The step never calls out: whoever
drives it sends the commands and writes the outcome down.
"""

from dataclasses import dataclass
from typing import Final

from absolute.domain.approved import Approved, Refused
from absolute.domain.ids import BotId, Role, client_order_id
from absolute.domain.messages import (
    BarClosed,
    Cancel,
    Event,
    LevelReached,
    Liquidated,
    OrderAccepted,
    OrderFilled,
    Resumed,
    SignalChanged,
    Submit,
    TimerFired,
    VotesChanged,
)
from absolute.domain.notes import Note
from absolute.domain.order import Order, Status, Terms
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import Nanos, Price
from absolute.engine.governor import GOVERNING, Governor, Mode
from absolute.risk.checks import consent, review
from absolute.risk.limits import Limits
from absolute.strategies.contract import ASLEEP, Strategy
from absolute.strategies.targets import difference

REFUSED: Final = frozenset({Status.REJECTED, Status.EXPIRED})
WAKING: Final = (TimerFired, BarClosed, SignalChanged, VotesChanged, Resumed, Liquidated)
"""The facts after which a refused wish may be tried again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step asks for, in the order it must be sent."""

    commands: tuple[Approved, ...] = ()
    refusals: tuple[Refused, ...] = ()
    notes: tuple[Note, ...] = ()


NOTHING: Final = Outcome()
NO_LEVELS: Final = (None, None)


class Engine:
    """One bot: its portfolio, its strategy, its limits."""

    __slots__ = (
        "_held_back",
        "_met",
        "_refused",
        "_sequence",
        "bot",
        "governor",
        "planned",
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
        self.governor = Governor(portfolio, limits)
        self.planned: tuple[Terms, ...] = ()
        self.wanted: tuple[Terms, ...] = ()
        self._refused: dict[Role, Terms] = {}
        self._held_back: dict[Role, Terms] = {}
        self._met: set[Price] = set()
        self._sequence = 0

    def step(self, event: Event) -> Outcome:
        """Take in one fact and say what follows from it; a fill told twice is none."""
        if isinstance(event, OrderFilled) and self.portfolio.knows(event.fill.trade_id):
            return NOTHING
        if isinstance(event, LevelReached):
            self._meet(event.price)
        order = self.portfolio.apply(event)
        ended = order if order is not None and order.terminal else None
        self._remember(event, ended)
        plan = self.strategy.on(event, self.portfolio)
        if self._met:
            # A level that is asked for anew after it was given up is a new one.
            self._met &= {*self._falls(), *self._rises()}
        governing = isinstance(event, GOVERNING)
        notes = self.governor.rule(event, self.wanted) if governing else ()
        if plan is not None:
            self.planned = plan.targets
            notes = (*plan.notes, *notes)
        elif ended is None and not governing and not self._looks_again(event, order):
            return NOTHING
        self.wanted = self.planned
        if self.governor.mode is not Mode.RUNNING:
            self.wanted = self.governor.wanted(self.planned, ended)
        return self._act(event.time, notes)

    def levels(self) -> tuple[Price | None, Price | None]:
        """The prices (falling to, rising to) at which the strategy or a limit must be woken.

        A level that was reached counts no more until it changes: each is told once.
        """
        if self.strategy.wakes is ASLEEP and self.governor.limits.equity_floor is None:
            return NO_LEVELS
        falls = [price for price in self._falls() if price not in self._met]
        rises = [price for price in self._rises() if price not in self._met]
        return max(falls, default=None), min(rises, default=None)

    def _falls(self) -> tuple[Price, ...]:
        own, limit = self.strategy.wakes.falls_to, self.governor.levels()[0]
        return tuple(price for price in (own, limit) if price is not None)

    def _rises(self) -> tuple[Price, ...]:
        own, limit = self.strategy.wakes.rises_to, self.governor.levels()[1]
        return tuple(price for price in (own, limit) if price is not None)

    def _meet(self, price: Price) -> None:
        """Remember which of the levels in force a price has reached; older ones are forgotten."""
        falls, rises = self._falls(), self._rises()
        reached = [level for level in falls if level >= price]
        reached += [level for level in rises if level <= price]
        still = self._met & {*falls, *rises}
        self._met = still | set(reached)

    def _remember(self, event: Event, ended: Order | None) -> None:
        """A refused wish is not sent again until it changes or something wakes us.

        What risk held back may pass once an order has ended and set its money free.
        """
        if ended is not None:
            self._held_back.clear()
            if ended.status in REFUSED:
                self._refused[ended.terms.role] = ended.terms
        elif isinstance(event, WAKING):
            self._held_back.clear()
            self._refused.clear()
            if isinstance(event, Resumed):
                self._met.clear()

    def _looks_again(self, event: Event, order: Order | None) -> bool:
        """Whether a fact is worth a new look at the difference though nothing new is wanted.

        An order that is accepted only now may be one we no longer want, whose cancel came too
        early; asking again at the refused cancel itself could go on for ever.
        """
        if isinstance(event, OrderAccepted) and order is not None:
            return order.terms not in self.wanted
        return isinstance(event, WAKING)

    def _act(self, time: Nanos, notes: tuple[Note, ...]) -> Outcome:
        """Turn the difference between wanted and living into approved commands."""
        portfolio, limits = self.portfolio, self.governor.limits
        refused = self._refused
        if self._held_back:
            refused = refused | self._held_back
        change = difference(self.wanted, portfolio.live, refused)
        if not change.cancel and not change.place:
            return Outcome(notes=notes) if notes else NOTHING
        commands: list[Approved] = []
        refusals: list[Refused] = []
        for client_id in change.cancel:
            portfolio.cancelling(client_id)
            commands.append(consent(Cancel(client_id)))
        for terms in change.place:
            submit = Submit(client_order_id(self.bot, terms.role, self._sequence + 1), terms)
            reserved = portfolio.ledger.reservation(terms, portfolio.price)
            verdict = review(submit, portfolio, limits, reserved=reserved)
            if isinstance(verdict, Approved):
                self._sequence += 1
                portfolio.sent(submit, time, reserved)
                commands.append(verdict)
            else:
                self._held_back[terms.role] = terms
                refusals.append(verdict)
        return Outcome(tuple(commands), tuple(refusals), notes)
