"""Owns the Trader Automata ladder: the life of its deals, from the first buy to the exit.

    idle -> entering -> armed <-> (rebuy) -> exiting -> clearing -> cooling -> idle

While armed exactly one exit and at most `resting_rebuys` rebuys are wanted. After a rebuy the exit
is wanted at a new price; that the old one must be gone first is the business of `targets`. The
same class runs in a back-test, on paper and live, and has no way to tell them apart.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from absolute.domain.fill import Fill
from absolute.domain.instrument import Side
from absolute.domain.messages import (
    BarClosed,
    CancelRefused,
    Event,
    FeeReported,
    FundingPaid,
    LevelReached,
    Liquidated,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderLost,
    OrderRejected,
    OrderUnsent,
    Paused,
    PriceSeen,
    Resumed,
    SignalChanged,
    Started,
    StopAsked,
    TimerFired,
    Transferred,
    VotesChanged,
)
from absolute.domain.notes import (
    DealClosed,
    DealOpened,
    DustKept,
    Halted,
    LadderCapped,
    Note,
    RungRefused,
)
from absolute.domain.order import Order, Terms
from absolute.domain.units import NANOS_PER_SECOND, ZERO, Base, Nanos, Quote, plain
from absolute.strategies.contract import ASLEEP, Plan, View, Wakes
from absolute.strategies.deal import Deal, Dust
from absolute.strategies.ladder_orders import (
    ENTRY,
    EXIT,
    LadderOrders,
    collects,
    least_value,
    rung_of,
    shortage,
)
from absolute.strategies.ladder_plan import (
    LadderConfig,
    reinvestment,
)

LIQUIDATION: Final = "LIQUIDATION"
"""The reason under which a venue sweeps the orders of an account that it liquidates."""


class Phase(StrEnum):
    """Where the ladder stands."""

    IDLE = "idle"
    ENTERING = "entering"
    ARMED = "armed"
    EXITING = "exiting"
    CLEARING = "clearing"
    COOLING = "cooling"


@dataclass(slots=True)
class Ladder:
    """One ladder in one market. Everything it remembers is here; nothing is read from a clock."""

    config: LadderConfig
    phase: Phase = Phase.IDLE
    paused: bool = False
    halted: bool = False
    deal: Deal | None = None
    deals: int = 0
    dust: Dust = field(default_factory=Dust)
    added: Quote = Quote(ZERO)
    profit: Decimal = ZERO
    wakes: Wakes = ASLEEP
    exit: Terms | None = None
    rungs: tuple[Terms, ...] = ()
    _notes: list[Note] = field(default_factory=list)
    orders: LadderOrders = field(init=False)
    _told: set[tuple[type, int]] = field(default_factory=set)
    _now: Nanos = Nanos(0)

    def __post_init__(self) -> None:
        """Work the series of the settings out, once."""
        self.orders = LadderOrders.of(self.config)

    def on(self, event: Event, view: View) -> Plan | None:
        """Take in one fact; a plan when what is wanted changed."""
        self._now = event.time
        match event:
            case OrderFilled(fill=fill, done=done):
                changed = self._filled(fill, view, done=done)
            case OrderAccepted() | OrderLost() | CancelRefused() | LevelReached():
                return None
            case OrderCancelled(client_id=client_id):
                changed = self._ended(view.orders[client_id], view, reason=None)
            case OrderUnsent(client_id=client_id):
                changed = self._ended(view.orders[client_id], view, reason=None, unsent=True)
            case (
                OrderRejected(client_id=client_id, reason=reason)
                | OrderExpired(client_id=client_id, reason=reason)
            ):
                changed = self._ended(view.orders[client_id], view, reason=reason)
            case Started() | TimerFired():
                changed = self._woken(view)
            case Paused():
                self.paused = True
                return None
            case Resumed():
                self.paused = False
                changed = self._resumed(view)
            case FundingPaid(amount=amount):
                if self.deal is not None:
                    self.deal.funding(amount)
                return None
            case Liquidated():
                changed = self._liquidated(event, view)
            case FeeReported(trade_id=trade_id, fee=fee):
                deal = self.deal
                if deal is None or not deal.fee_told(trade_id, fee, view.instrument):
                    return None
                out = self.phase is Phase.EXITING and EXIT not in view.live
                changed = self._out(deal, view, forced=False) if out else self._reprice(view)
            case Transferred() | BarClosed() | SignalChanged() | StopAsked():
                return None
            case PriceSeen() | VotesChanged():
                return None
        return self._plan() if changed or self._notes else None

    def _plan(self) -> Plan:
        targets = self.rungs if self.exit is None else (self.exit, *self.rungs)
        notes = tuple(self._notes)
        self._notes.clear()
        return Plan(targets, notes)

    # --- a deal begins ------------------------------------------------------------------------

    def _woken(self, view: View) -> bool:
        """A start, or a timer: the cool-down is over, or a rung has waited long enough."""
        self.wakes = ASLEEP
        if self.phase in {Phase.IDLE, Phase.COOLING}:
            return self._enter(view)
        if self.phase is Phase.ARMED:
            return self._give_up_partial_rung(view)
        return False

    def _resumed(self, view: View) -> bool:
        """Say anew what is wanted: while the bot was stopped, its wishes did not count."""
        self.halted = False
        deal = self.deal
        if deal is not None:
            if self.phase is not Phase.EXITING:
                return self._arm(deal, view)
            self._reprice(view)
            return True
        if self.phase is Phase.CLEARING and not view.live:
            return self._rest(view)
        if self.phase is Phase.IDLE or (self.phase is Phase.ENTERING and ENTRY not in view.live):
            self._enter(view)
        return True

    def _enter(self, view: View) -> bool:
        """Want the market buy that opens a deal, unless paused or it cannot be paid."""
        self.phase, self.rungs = Phase.IDLE, ()
        if self.paused or self.halted or view.price is None:
            return False
        entry = self.orders.entry(self.added, view.price, view)
        power = view.buying_power(view.price)
        if entry.spend is None or entry.spend > power:
            spend = plain(entry.spend or ZERO)
            detail = f"the first order of {spend} is above the free {plain(power)}"
            self._halt("BALANCE_TOO_LOW", detail)
            return True
        least = least_value(view.price, view)
        if entry.spend < least:
            detail = f"{plain(entry.spend)} is below the venue's least {plain(least)}"
            self._halt("ENTRY_BELOW_MINIMUM", detail)
            return True
        self.phase = Phase.ENTERING
        self.rungs = (entry,)
        return True

    def _open(self) -> Deal:
        self.deals += 1
        deal = Deal(self.deals, self._now, self.added)
        deal.take_over(self.dust)
        self.dust = Dust()
        self.deal = deal
        self._told.clear()
        self._notes.append(DealOpened(self._now, deal.number, self.added))
        return deal

    # --- a fill -------------------------------------------------------------------------------

    def _filled(self, fill: Fill, view: View, *, done: bool) -> bool:
        if fill.side is Side.SELL:
            return self._sold(fill, view, done=done)
        deal = self.deal if self.deal is not None else self._open()
        deal.buy(fill, view.instrument)
        order = view.orders[fill.client_id]
        if done:
            return self._bought(deal, order, view)
        if self.phase is Phase.ARMED:
            timeout = self.config.rung_timeout_s
            if timeout is not None and self.wakes.timer is None:
                self.wakes = Wakes(timer=Nanos(self._now + timeout * NANOS_PER_SECOND))
            return self.config.reprice_on_partial and self._reprice(view)
        return False

    def _bought(self, deal: Deal, order: Order, view: View) -> bool:
        """A buy is complete: its average is the price the next drop counts from."""
        deal.last_price = order.average or deal.last_price
        role = order.terms.role
        if self.phase is Phase.CLEARING:
            if self.config.on_exit_race == "sell":
                self.phase, self.exit = Phase.EXITING, self.orders.exit_now(deal, view)
                if self.exit is None and view.fees_known:
                    self._close(deal, view, forced=False)
                    self.phase = Phase.CLEARING
                    return self._rest(view) if not view.live else True
                return True
        elif role != ENTRY:
            last = self.config.limite_recompras
            deal.rebuys = min(deal.rebuys + 1, last)
            # A rebuy of the deal before that raced its end says nothing of this deal's depth.
            raced = order.sent_at < deal.opened
            deal.rung = min(deal.rung + 1 if raced else max(deal.rung, rung_of(role)), last)
        if self.phase is Phase.EXITING:
            self.rungs = tuple(terms for terms in self.rungs if terms.role != role)
            self._reprice(view)
            return True
        return self._arm(deal, view)

    def _arm(self, deal: Deal, view: View) -> bool:
        """Want the exit of all that is held, and the next rebuys."""
        self.phase, self.wakes = Phase.ARMED, ASLEEP
        self._want_rungs(deal, view)
        self._reprice(view)
        if self.exit is None and not self.rungs and not self.halted and view.fees_known:
            self._halt(
                "NOTHING_TO_SELL", "what is held is too small to sell and no rebuy may follow"
            )
        return True

    def _sold(self, fill: Fill, view: View, *, done: bool) -> bool:
        deal = self.deal
        if deal is None:
            self._halt("UNEXPECTED_SELL", f"{fill.qty} sold while no deal was open")
            return True
        deal.sell(fill, view.instrument)
        if not done:
            if self.phase is Phase.ARMED:
                self.phase = Phase.EXITING
                if self.config.on_exit_partial == "cancel" and self.rungs:
                    self.rungs = ()
                    return True
            return False
        return self._out(deal, view, forced=False)

    def _out(self, deal: Deal, view: View, *, forced: bool) -> bool:
        """The exit is done: sell what can still be sold, or close the books.

        The books wait for a fee that is not known yet.
        """
        self.exit = None
        if not view.fees_known and not forced:
            self.phase, self.rungs = Phase.EXITING, ()
            return True
        if not forced and self.orders.exit(deal, view) is not None:
            self.phase = Phase.EXITING
            self.rungs = ()
            return self._reprice(view)
        self._close(deal, view, forced=forced)
        self.rungs = ()
        if any(role != EXIT for role in view.live):
            self.phase = Phase.CLEARING
            return True
        return self._rest(view)

    def _close(self, deal: Deal, view: View, *, forced: bool) -> None:
        profit, self.dust = deal.close()
        self.deal, self.exit = None, None
        self.profit += profit
        self._notes.append(
            DealClosed(
                self._now,
                deal.number,
                deal.opened,
                deal.rebuys,
                deal.cost,
                deal.average,
                deal.exit_price,
                profit,
                deal.fees,
                forced,
            )
        )
        if self.dust.qty:
            instrument = view.instrument
            self._notes.append(
                DustKept(
                    self._now, deal.number, instrument.base, Base(self.dust.qty), self.dust.cost
                )
            )
        if self.config.lucro_reaplicar:
            inverse = view.instrument.inverse
            quote = Quote(profit * deal.exit_price if inverse else profit)
            self.added = reinvestment(self.config, quote)

    def _rest(self, view: View) -> bool:
        """Between two deals: cool down, or begin again."""
        if self.config.cool_down_s:
            self.phase = Phase.COOLING
            self.wakes = Wakes(timer=Nanos(self._now + self.config.cool_down_s * NANOS_PER_SECOND))
            return True
        self._enter(view)
        return True

    # --- an order ends without filling up ---------------------------------------------------------

    def _ended(self, order: Order, view: View, *, reason: str | None, unsent: bool = False) -> bool:
        role, deal = order.terms.role, self.deal
        if reason == LIQUIDATION:
            # Swept before a forced close: do not want it back until that is over.
            self.exit = None if role == EXIT else self.exit
            self.rungs = tuple(terms for terms in self.rungs if terms.role != role)
            return True
        if role == EXIT:
            if reason is not None:
                self._halt("EXIT_REFUSED", reason)
            elif self.phase is Phase.EXITING and deal is not None:
                return self._out(deal, view, forced=False)
            return reason is not None
        if self.phase in {Phase.ENTERING, Phase.CLEARING}:
            if deal is not None:
                return bool(order.filled) and self._bought(deal, order, view)
            if self.phase is Phase.CLEARING:
                return not view.live and self._rest(view)
            self.phase = Phase.IDLE
            if unsent:  # it never reached the venue: what it was for is wanted again
                self._enter(view)
            else:
                self._halt("ENTRY_REFUSED", reason or "the first order was cancelled")
            return True
        if deal is not None and reason is not None:
            self._notes.append(RungRefused(self._now, deal.number, rung_of(role), reason))
        if deal is None or (reason is not None and not order.filled):
            return False
        # What filled of a refused one counts as the rung: wanted whole again it breaks the cap.
        if self.phase is not Phase.ARMED:
            return self._reprice(view)
        if order.filled:
            return self._bought(deal, order, view)
        self._want_rungs(deal, view)
        return True

    def _liquidated(self, event: Liquidated, view: View) -> bool:
        deal = self.deal
        if deal is None:
            return False
        deal.liquidated(event, view.instrument)
        if deal.held > ZERO:
            return self._arm(deal, view)
        return self._out(deal, view, forced=True)

    # --- what is wanted -----------------------------------------------------------------------

    def _reprice(self, view: View) -> bool:
        """Want the exit that fits what is held now; small changes are collected."""
        deal = self.deal
        if deal is None or self.phase in {Phase.IDLE, Phase.ENTERING}:
            return False
        short = shortage(deal, view)
        if short is not None:
            self._halt("WALLET_SHORT", short)
            return True
        wanted = self.orders.exit(deal, view)
        current = self.exit
        if wanted is None:
            self.exit = None
            return current is not None
        if current is not None and wanted.qty is not None and current.qty is not None:
            resting = view.live.get(EXIT)
            filled = resting.filled if resting is not None else ZERO
            if wanted.qty + filled == current.qty:
                if wanted.price == current.price:
                    return False
            elif self.phase is Phase.ARMED and collects(wanted, current, view):
                return False
        self.exit = wanted
        return True

    def _want_rungs(self, deal: Deal, view: View) -> None:
        """Want the next rebuys; a cap is told once a deal."""
        if self.halted:
            self.rungs = ()
            return
        wanted, notes = self.orders.rungs(deal, view, self._now)
        stale = any(role != EXIT and order.terms not in wanted for role, order in view.live.items())
        if stale:
            # What is being cancelled may still fill: the cap must hold even then, so that new
            # rungs wait until it is gone.
            resting = [order.terms for order in view.live.values()]
            self.rungs = tuple(terms for terms in wanted if terms in resting)
            return
        self.rungs = wanted
        for note in notes:
            # Told once a deal, not at every look.
            told = (type(note), 0 if isinstance(note, LadderCapped) else note.rung)
            if told not in self._told:
                self._told.add(told)
                self._notes.append(note)

    # --- a rung that fills only in part -----------------------------------------------------------

    def _give_up_partial_rung(self, view: View) -> bool:
        """Take the filled part as the whole rung: no longer want the rest."""
        partial = {
            role for role, order in view.live.items() if role not in {ENTRY, EXIT} and order.filled
        }
        self.rungs = tuple(terms for terms in self.rungs if terms.role not in partial)
        return bool(partial)

    def _halt(self, code: str, detail: str) -> None:
        """Buy nothing more and ask a person; the exit stays."""
        self.halted = True
        self.rungs = ()
        self._notes.append(Halted(self._now, code, detail))
