"""Owns the Trader Automata ladder: the life of its deals, from the first buy to the exit.

    idle -> entering -> armed <-> (rebuy) -> exiting -> clearing -> cooling -> idle

While armed exactly one exit and at most `resting_rebuys` rebuys are wanted. After a rebuy the exit
is wanted at a new price; that the old one must be gone first is the business of `targets`. The
same class runs in a back-test, on paper and live, and has no way to tell them apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from absolute.domain.fill import Fill
from absolute.domain.ids import Role
from absolute.domain.instrument import Instrument, Side
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
    Paused,
    Resumed,
    SignalChanged,
    Started,
    StopAsked,
    TimerFired,
    Transferred,
)
from absolute.domain.notes import (
    DealClosed,
    DealOpened,
    DustKept,
    Halted,
    LadderCapped,
    Note,
    RungSkipped,
)
from absolute.domain.order import Order, OrderType, Terms
from absolute.domain.units import NANOS_PER_SECOND, ONE, ZERO, Base, Nanos, Price, Qty, Quote
from absolute.strategies.base import ASLEEP, Plan, View, Wakes
from absolute.strategies.deal import Deal, Dust
from absolute.strategies.ladder_curve import Band
from absolute.strategies.ladder_plan import (
    LadderConfig,
    LadderPlan,
    ladder_plan,
    reinvestment,
    target_price,
)

ENTRY: Final = Role("entry")
EXIT: Final = Role("exit")
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
    _exit: Terms | None = None
    _rungs: tuple[Terms, ...] = ()
    _notes: list[Note] = field(default_factory=list)
    _series: LadderPlan = field(init=False)
    _band: Band = field(init=False)
    _capped: int = 0
    _now: Nanos = Nanos(0)

    def __post_init__(self) -> None:
        """Work the three series out once: only reinvested profit changes them."""
        self._series = ladder_plan(self.config)
        self._band = self.config.size_band()

    def on(self, event: Event, view: View) -> Plan | None:  # noqa: C901, PLR0912 -- one arm per fact
        """Take in one fact; a plan when what is wanted changed."""
        self._now = event.time
        match event:
            case OrderFilled(fill=fill, done=done):
                changed = self._filled(fill, view, done=done)
            case OrderAccepted() | OrderLost() | CancelRefused() | LevelReached():
                return None
            case OrderCancelled(client_id=client_id):
                changed = self._ended(view.orders[client_id], view, reason=None)
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
            case FeeReported(fee=fee):
                if self.deal is not None:
                    self.deal.charge(fee, view.instrument, buying=self.phase is not Phase.EXITING)
                changed = self._reprice(view)
            case Transferred() | BarClosed() | SignalChanged() | StopAsked():
                return None
        return self._plan() if changed or self._notes else None

    def rungs(self) -> Iterator[tuple[int, Price | None, Quote, str]]:
        """For people: every order of the running deal as (rung, price, value, state).

        A rung that is done shows no price of its own: the fills do. The state is `done`,
        `resting` or `waiting`.
        """
        deal = self.deal
        if deal is None:
            return
        resting = {terms.role: terms.price for terms in self._rungs}
        price = deal.last_price
        for rung, drop in enumerate(self._series.drops):
            value = self._amount(rung, deal.added)
            if rung <= deal.rung:
                yield rung, None, value, "done"
                continue
            price = Price(price * (ONE - drop))
            at = resting.get(Role(f"rung {rung}"))
            yield rung, at or price, value, "waiting" if at is None else "resting"

    def _plan(self) -> Plan:
        targets = self._rungs if self._exit is None else (self._exit, *self._rungs)
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
        self.halted = False
        if self.deal is None:
            return self._enter(view) if self.phase is not Phase.CLEARING else False
        return self._arm(view) if self.phase is not Phase.EXITING else self._reprice(view)

    def _enter(self, view: View) -> bool:
        """Want the market buy that opens a deal, unless paused or it cannot be paid."""
        self.phase = Phase.IDLE
        if self.paused or self.halted or view.price is None:
            return False
        amount = self._amount(0, self.added)
        cap = self.config.saldo_limite
        if cap and amount > cap:
            amount = cap
        power = view.buying_power(view.price)
        if amount > power:
            self._halt("BALANCE_TOO_LOW", f"the first order of {amount} is above the free {power}")
            return True
        self.phase = Phase.ENTERING
        self._rungs = (Terms(ENTRY, Side.BUY, OrderType.MARKET, spend=amount),)
        return True

    def _amount(self, rung: int, added: Quote) -> Quote:
        """The quote value of an order: the plan's, plus reinvested profit, inside the clamps."""
        amount = self._series.orders[rung]
        return Quote(self._band.clamp(amount + added)) if added else amount

    def _open(self) -> Deal:
        self.deals += 1
        deal = Deal(self.deals, self._now, self.added)
        deal.take_over(self.dust)
        self.dust = Dust()
        self.deal = deal
        self._capped = 0
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
            self._start_rung_timer()
            return self.config.reprice_on_partial and self._reprice(view)
        return False

    def _bought(self, deal: Deal, order: Order, view: View) -> bool:
        """A buy is complete: its average is the price the next drop counts from."""
        deal.last_price = order.average or deal.last_price
        role = order.terms.role
        if role != ENTRY:
            deal.rebuys += 1
            deal.rung = max(deal.rung, int(role[5:]))
        if self.phase is Phase.EXITING:
            return self._reprice(view)
        if self.phase is Phase.CLEARING:
            deal.rung = deal.rebuys = 0
            if self.config.on_exit_race == "sell":
                return self._sell_at_once(view)
        return self._arm(view)

    def _sell_at_once(self, view: View) -> bool:
        """A rebuy filled while the deal was already out: give it back at the market."""
        self.phase, self._rungs = Phase.EXITING, ()
        qty = self._sellable(view)
        if qty is not None:
            self._exit = Terms(
                EXIT, Side.SELL, OrderType.MARKET, qty=qty, reduce_only=view.instrument.perpetual
            )
        return True

    def _arm(self, view: View) -> bool:
        """Want the exit of all that is held, and the next rebuys."""
        self.phase, self.wakes = Phase.ARMED, ASLEEP
        self._rungs = self._next_rungs(view)
        self._reprice(view)
        if self._exit is None and not self._rungs and not self.halted and view.fees_known:
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
                if self.config.on_exit_partial == "cancel" and self._rungs:
                    self._rungs = ()
                    return True
            return False
        return self._out(deal, view, forced=False)

    def _out(self, deal: Deal, view: View, *, forced: bool) -> bool:
        """The exit is done: sell what can still be sold, or close the books."""
        self._exit = None
        if not forced and self._exit_terms(deal, view) is not None:
            self.phase = Phase.EXITING
            self._rungs = ()
            return self._reprice(view)
        self._close(deal, view, forced=forced)
        self._rungs = ()
        if any(role != EXIT for role in view.live):
            self.phase = Phase.CLEARING
            return True
        return self._rest(view)

    def _close(self, deal: Deal, view: View, *, forced: bool) -> None:
        profit, self.dust = deal.close()
        self.deal, self._exit = None, None
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
                Quote(deal.fees),
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

    def _ended(self, order: Order, view: View, *, reason: str | None) -> bool:
        role = order.terms.role
        if reason == LIQUIDATION:
            return self._swept(role)
        if self.phase is Phase.ENTERING and role == ENTRY:
            if self.deal is not None:
                return self._bought(self.deal, order, view)
            self._halt("ENTRY_REFUSED", reason or "the first order was cancelled")
            return True
        if self.phase is Phase.CLEARING and role != EXIT:
            if self.deal is not None:
                return self._bought(self.deal, order, view)
            return self._rest(view) if not view.live else False
        if role == EXIT and reason is not None:
            self._halt("EXIT_REFUSED", reason)
            return True
        if role == EXIT and self.phase is Phase.EXITING and self.deal is not None:
            return self._out(self.deal, view, forced=False)
        if order.filled and role not in {ENTRY, EXIT} and self.deal is not None:
            if self.phase is Phase.ARMED:
                return self._bought(self.deal, order, view)
            return self._reprice(view)
        return False

    def _swept(self, role: Role) -> bool:
        """The venue took the order before it liquidates: do not want it back yet."""
        if role == EXIT:
            self._exit = None
        else:
            self._rungs = tuple(terms for terms in self._rungs if terms.role != role)
        return True

    def _liquidated(self, event: Liquidated, view: View) -> bool:
        deal = self.deal
        if deal is None:
            return False
        deal.liquidated(event, view.instrument)
        if deal.held > ZERO:
            return self._arm(view)
        return self._out(deal, view, forced=True)

    # --- what is wanted -----------------------------------------------------------------------

    def _reprice(self, view: View) -> bool:
        """Want the exit that fits what is held now; small changes are collected."""
        deal = self.deal
        if deal is None or self.phase in {Phase.IDLE, Phase.ENTERING}:
            return False
        wanted = self._exit_terms(deal, view)
        current = self._exit
        if wanted is None:
            self._exit = None
            return current is not None
        if current is not None and wanted.qty is not None and current.qty is not None:
            resting = view.live.get(EXIT)
            filled = resting.filled if resting is not None else ZERO
            if wanted.qty + filled == current.qty:
                if wanted.price == current.price:
                    return False
            elif self._collects(wanted, current, filled, view):
                return False
        self._exit = wanted
        return True

    def _collects(self, wanted: Terms, current: Terms, filled: Decimal, view: View) -> bool:
        """Whether a partly filled rung added too little to move the exit for."""
        if self.phase is not Phase.ARMED or wanted.qty is None or current.qty is None:
            return False
        more = wanted.qty + filled - current.qty
        partial = any(order.filled for role, order in view.live.items() if role != EXIT)
        small = more < view.instrument.min_qty or wanted.price == current.price
        return partial and ZERO < more and small

    def _exit_terms(self, deal: Deal, view: View) -> Terms | None:
        """The sell of everything sellable at the target, or None while it cannot be placed."""
        qty = self._sellable(view)
        if qty is None:
            return None
        instrument = view.instrument
        price = instrument.price_up(
            target_price(
                self.config,
                deal.average,
                cost_basis_price=deal.basis(instrument),
                target=self._series.targets[deal.rebuys],
            )
        )
        if not instrument.perpetual and instrument.notional(qty, price) < instrument.min_notional:
            return None
        return Terms(
            EXIT, Side.SELL, OrderType.LIMIT, qty=qty, price=price, reduce_only=instrument.perpetual
        )

    def _sellable(self, view: View) -> Qty | None:
        """The deal's own holding in whole lots; never more than the wallet has."""
        deal, instrument = self.deal, view.instrument
        if deal is None or not view.fees_known:
            return None
        owned = abs(view.position().qty) if instrument.perpetual else view.total(instrument.base)
        if owned < deal.held:
            self._halt("WALLET_SHORT", f"the deal holds {deal.held}, the wallet only {owned}")
            return None
        qty = instrument.qty_down(deal.held)
        return qty if qty >= instrument.min_qty and qty > ZERO else None

    def _next_rungs(self, view: View) -> tuple[Terms, ...]:
        """The next rebuys below the last executed buy, inside the cap and the wallet."""
        deal = self.deal
        if deal is None or self.halted:
            return ()
        wanted: list[Terms] = []
        price, rung = deal.last_price, deal.rung + 1
        room = self._room(deal, view)
        while rung <= self.config.limite_recompras and len(wanted) < self.config.resting_rebuys:
            price = view.instrument.price_down(price * (ONE - self._series.drops[rung]))
            qty = self._rung_qty(deal, rung, price, room, view)
            if qty is None:
                break
            if qty:
                wanted.append(
                    Terms(Role(f"rung {rung}"), Side.BUY, OrderType.LIMIT, qty=qty, price=price)
                )
                room = Quote(room - view.instrument.notional(qty, price))
            rung += 1
        return tuple(wanted)

    def _room(self, deal: Deal, view: View) -> Quote:
        """What the deal may still spend: the cap less what it spent, and never more than is free."""
        power = view.buying_power(deal.last_price)
        for role, order in view.live.items():
            terms = order.terms
            if role != EXIT and terms.qty is not None and terms.price is not None:
                power = Quote(power + view.instrument.notional(terms.qty, terms.price))
        cap = self.config.saldo_limite
        return Quote(min(cap - deal.spent, power) if cap else power)

    def _rung_qty(self, deal: Deal, rung: int, price: Price, room: Quote, view: View) -> Qty | None:
        """How much to buy at a rung; zero skips it, None ends the ladder here."""
        instrument, amount = view.instrument, self._amount(rung, deal.added)
        if amount > room or not price:
            if self._capped != deal.number:
                self._capped = deal.number
                self._notes.append(LadderCapped(self._now, deal.number, rung, amount, room))
            return None
        qty = instrument.qty_for(amount, price)
        if qty >= instrument.min_qty and instrument.notional(qty, price) >= instrument.min_notional:
            return qty
        least = instrument.qty_up(
            max(instrument.min_qty, instrument.qty_for(instrument.min_notional, price))
        )
        if instrument.notional(least, price) < instrument.min_notional:
            least = Qty(least + instrument.lot)
        value = instrument.notional(least, price)
        if value <= room and value <= self.config.qty_maxima:
            return least
        self._notes.append(RungSkipped(self._now, deal.number, rung, amount, value))
        return Qty(ZERO)

    # --- a rung that fills only in part -----------------------------------------------------------

    def _start_rung_timer(self) -> None:
        timeout = self.config.rung_timeout_s
        if timeout is not None and self.wakes.timer is None:
            self.wakes = Wakes(timer=Nanos(self._now + timeout * NANOS_PER_SECOND))

    def _give_up_partial_rung(self, view: View) -> bool:
        """Take the filled part as the whole rung: no longer want the rest."""
        partial = {
            role for role, order in view.live.items() if role not in {ENTRY, EXIT} and order.filled
        }
        self._rungs = tuple(terms for terms in self._rungs if terms.role not in partial)
        return bool(partial)

    def _halt(self, code: str, detail: str) -> None:
        """Buy nothing more and ask a person; the exit stays."""
        self.halted = True
        self._rungs = ()
        self._notes.append(Halted(self._now, code, detail))
