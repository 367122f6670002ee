"""Owns the PowerTrader strategy: votes open a deal, falls add to it, a trailing line sells it.

    idle -> entering -> holding <-> (rebuy) -> selling -> idle

Opens while enough frames see the price below their low and none sees it above its high. While
holding at most one rebuy rests; there is no stop loss, and nothing it did not buy is touched. The
peak of the trailing line is what `LevelReached` told, so a journal brings it back.
"""

from dataclasses import dataclass, field
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
from absolute.domain.notes import DealClosed, DealOpened, DustKept, Halted, Note, RungRefused
from absolute.domain.order import Order, Terms
from absolute.domain.units import NANOS_PER_SECOND, ZERO, Base, Nanos, Price, Quote, plain
from absolute.strategies.contract import ASLEEP, Plan, View, Wakes
from absolute.strategies.deal import Deal, Dust
from absolute.strategies.ladder_orders import ENTRY, EXIT, rung_of, shortage
from absolute.strategies.levels_orders import Line, entry, exit_now, rebuy, window_opens
from absolute.strategies.levels_settings import LevelsConfig

DAY: Final = 86_400 * NANOS_PER_SECOND


class Phase(StrEnum):
    """Where the strategy stands."""

    IDLE = "idle"
    ENTERING = "entering"
    HOLDING = "holding"
    SELLING = "selling"


@dataclass(slots=True)
class Levels:
    """One coin. Everything it remembers is here; nothing is read from a clock."""

    config: LevelsConfig
    phase: Phase = Phase.IDLE
    paused: bool = False
    halted: bool = False
    long: int = 0
    short: int = 0
    deal: Deal | None = None
    deals: int = 0
    dust: Dust = field(default_factory=Dust)
    profit: Quote = Quote(ZERO)
    peak: Price | None = None
    wakes: Wakes = ASLEEP
    exit: Terms | None = None
    buy: Terms | None = None
    again: bool = False
    rebuy_times: tuple[Nanos, ...] = ()
    _notes: list[Note] = field(default_factory=list)
    _told: set[tuple[type, int]] = field(default_factory=set)
    _now: Nanos = Nanos(0)

    def on(self, event: Event, view: View) -> Plan | None:
        """Take in one fact; a plan when what is wanted changed."""
        self._now = event.time
        match event:
            case OrderFilled(fill=fill, done=done):
                changed = self._filled(fill, view, done=done)
            case LevelReached(price=price):
                changed = self._trail(price, view)
            case VotesChanged(long=long, short=short):
                self.long, self.short = long, short
                changed = self._look(view)
            case TimerFired() | Started():
                changed = self._look(view)
            case OrderCancelled(client_id=client_id):
                changed = self._ended(view.orders[client_id], view, reason=None)
            case OrderUnsent(client_id=client_id):
                order = view.orders[client_id]
                unsent = order.terms.role == ENTRY and self.deal is None
                changed = self._consider(view) if unsent else self._ended(order, view, reason=None)
            case (
                OrderRejected(client_id=client_id, reason=reason)
                | OrderExpired(client_id=client_id, reason=reason)
            ):
                changed = self._ended(view.orders[client_id], view, reason=reason)
            case FeeReported(trade_id=trade_id, fee=fee):
                deal = self.deal
                if deal is None or not deal.fee_told(trade_id, fee, view.instrument):
                    return None
                changed = self._settle(deal, view) if self.phase is Phase.SELLING else False
            case Paused():
                self.paused = True
                changed = self._look(view)
            case Resumed():
                self.paused = self.halted = False
                changed = self._resumed(view)
            case OrderAccepted() | OrderLost() | CancelRefused():
                return None
            case Transferred() | BarClosed() | SignalChanged() | StopAsked() | PriceSeen():
                return None
            case FundingPaid() | Liquidated():
                return None  # a perpetual's: the desk refuses to run this strategy on one
        self._watch(view)
        return self._plan() if changed or self._notes else None

    def _plan(self) -> Plan:
        notes = tuple(self._notes)
        self._notes.clear()
        return Plan(tuple(terms for terms in (self.exit, self.buy) if terms is not None), notes)

    def _look(self, view: View) -> bool:
        """Something woke us: see whether a deal, or a rebuy, is wanted now."""
        deal = self.deal
        if deal is None and ENTRY not in view.live:
            return self._consider(view)
        return deal is not None and self.phase is Phase.HOLDING and self._want_rebuy(deal, view)

    def _resumed(self, view: View) -> bool:
        """Say anew what is wanted: while the bot was stopped, its wishes did not count."""
        deal = self.deal
        if deal is not None and self.phase is Phase.SELLING:
            self._settle(deal, view)
        else:
            self._look(view)
        return True

    # --- a deal begins ------------------------------------------------------------------------

    def _consider(self, view: View) -> bool:
        """Want the first buy while the votes ask for one; no longer want one they do not."""
        had, self.buy, self.phase = self.buy, None, Phase.IDLE
        asked = self.long >= self.config.trade_start_level and self.short == 0
        if not asked or self.paused or self.halted or view.price is None:
            return had is not None
        wanted, fault = entry(self.config, view.price, view)
        power = view.buying_power(view.price)
        if fault is not None:
            self._halt("ENTRY_BELOW_MINIMUM", fault)
        elif wanted.spend is None or wanted.spend > power:
            spend = plain(wanted.spend or ZERO)
            self._halt("BALANCE_TOO_LOW", f"the first order of {spend} is above {plain(power)}")
        else:
            self.phase, self.buy = Phase.ENTERING, wanted
        return True

    def _open(self) -> Deal:
        self.deals += 1
        deal = Deal(self.deals, self._now, Quote(ZERO))
        deal.take_over(self.dust)
        self.dust, self.deal, self.peak = Dust(), deal, None
        self.again, self.rebuy_times = False, ()
        self._told.clear()
        self._notes.append(DealOpened(self._now, deal.number, Quote(ZERO)))
        return deal

    # --- a fill -------------------------------------------------------------------------------

    def _filled(self, fill: Fill, view: View, *, done: bool) -> bool:
        if fill.side is Side.SELL:
            return self._sold(fill, view, done=done)
        deal = self.deal if self.deal is not None else self._open()
        deal.buy(fill, view.instrument)
        order = view.orders[fill.client_id]
        if not self._first(order, deal):
            # Below the average the line that was followed means nothing any more.
            self.again, self.peak = True, None
        # A fill that comes after the order's end is all of it that will ever be.
        return (done or order.terminal) and self._bought(deal, order, view)

    def _first(self, order: Order, deal: Deal) -> bool:
        """Whether a buy opens a deal: the entry, or a rebuy of the deal before that came late."""
        return order.terms.role == ENTRY or order.sent_at < deal.opened

    def _bought(self, deal: Deal, order: Order, view: View) -> bool:
        """A buy is complete, or as complete as it will ever be."""
        deal.last_price = order.average or deal.last_price
        number = 0 if self._first(order, deal) else rung_of(order.terms.role)
        if number > deal.rebuys:
            deal.rebuys = deal.rung = number
            self.rebuy_times = (*self.rebuy_times, self._now)
        self.buy = None
        if self.phase is Phase.SELLING:
            return self._settle(deal, view)
        self.phase = Phase.HOLDING
        self._want_rebuy(deal, view)
        return True

    def _want_rebuy(self, deal: Deal, view: View) -> bool:
        """Want the next rebuy as the votes and the day allow it; one that fills is left alone."""
        if any(order.filled for role, order in view.live.items() if role != EXIT):
            return False
        had, self.buy = self.buy, None
        if not self.halted and self.config.max_dca_buys_per_24h and self._opens() is None:
            wanted, note = rebuy(self.config, deal, view, long=self.long, now=self._now)
            self.buy = wanted
            told = None if note is None else (type(note), note.rung)
            if note is not None and told is not None and told not in self._told:
                self._told.add(told)
                self._notes.append(note)
        return self.buy != had

    def _opens(self) -> Nanos | None:
        """When the day allows the next rebuy; None: now."""
        return window_opens(self.rebuy_times, self.config, now=self._now, span=DAY)

    # --- the trailing line ----------------------------------------------------------------------

    def _line(self, deal: Deal) -> Line:
        return Line.of(self.config, deal.average, again=self.again)

    def _trail(self, price: Price, view: View) -> bool:
        """Follow the peak once the profit line is reached; sell where the line is crossed."""
        deal = self.deal
        if deal is None or self.phase is not Phase.HOLDING or not deal.bought:
            return False
        line = self._line(deal)
        if self.peak is not None and price < line.stop(self.peak):
            self.phase, self.peak, self.buy = Phase.SELLING, None, None
            self._settle(deal, view)
            return True
        if price >= line.profit and (self.peak is None or price > self.peak):
            self.peak = price
        return False

    def _watch(self, view: View) -> None:
        """Ask to be woken at the next price or time at which anything may change."""
        deal, timer = self.deal, None
        if deal is None or self.phase is not Phase.HOLDING or not deal.bought:
            self.wakes = ASLEEP
            return
        if self.config.max_dca_buys_per_24h and not self.halted:
            timer = self._opens()
        line, peak, instrument = self._line(deal), self.peak, view.instrument
        falls = None if peak is None else line.falls_to(peak, instrument)
        self.wakes = Wakes(timer=timer, falls_to=falls, rises_to=line.rises_to(peak, instrument))

    # --- a deal ends ----------------------------------------------------------------------------

    def _sold(self, fill: Fill, view: View, *, done: bool) -> bool:
        deal = self.deal
        if deal is None:
            self._halt("UNEXPECTED_SELL", f"{fill.qty} sold while no deal was open")
            return True
        deal.sell(fill, view.instrument)
        self.phase, self.peak, self.buy = Phase.SELLING, None, None
        return done and self._settle(deal, view)

    def _settle(self, deal: Deal, view: View) -> bool:
        """Sell what can be sold, wait for what is under way, then close the books."""
        if EXIT in view.live:
            return False
        self.exit = None
        if not view.fees_known:
            return True
        short = shortage(deal, view)
        if short is not None:
            self._halt("WALLET_SHORT", short)
            return True
        self.exit = exit_now(deal, view)
        if self.exit is None and not view.live:
            self._close(deal, view)
            self._consider(view)
        return True

    def _close(self, deal: Deal, view: View) -> None:
        profit, self.dust = deal.close()
        self.deal, self.phase = None, Phase.IDLE
        self.profit = Quote(self.profit + profit)
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
                forced=False,
            )
        )
        if self.dust.qty:
            base = view.instrument.base
            dust = DustKept(self._now, deal.number, base, Base(self.dust.qty), self.dust.cost)
            self._notes.append(dust)

    # --- an order ends without filling up ---------------------------------------------------------

    def _ended(self, order: Order, view: View, *, reason: str | None) -> bool:
        role, deal = order.terms.role, self.deal
        if role == EXIT:
            if reason is not None and not order.filled:
                self._halt("EXIT_REFUSED", reason)
                return True
            return deal is not None and self._settle(deal, view)
        if deal is None:
            self.phase = Phase.IDLE
            self._halt("ENTRY_REFUSED", reason or "the first order was cancelled")
            return True
        if role == ENTRY or order.filled:
            return self._bought(deal, order, view)
        if self.phase is Phase.SELLING:
            return self._settle(deal, view)
        if reason is not None:
            # Still wanted: the engine tries a refused wish again when something wakes us.
            self._notes.append(RungRefused(self._now, deal.number, rung_of(role), reason))
            return False
        return self._want_rebuy(deal, view)

    def _halt(self, code: str, detail: str) -> None:
        """Buy nothing more and ask a person; what sells stays."""
        self.halted, self.buy = True, None
        self._notes.append(Halted(self._now, code, detail))
