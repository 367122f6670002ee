"""Owns planted mistakes: each breaks one thing in the core or its driver, and the storm sees it.

A mutant is a function that is handed `plant(object, name, value)` and changes one behaviour with
it. It must not know by which invariant it is found.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from absolute.desk.storm_host import StormJournal
from absolute.desk.storm_weather import CONFIGS, SPARE
from absolute.domain.account import Account
from absolute.domain.messages import (
    Cancel,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    StopAsked,
)
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import ZERO, Qty
from absolute.engine import coverage as coverage_room
from absolute.engine import custody as custody_room
from absolute.engine import departure as departure_room
from absolute.engine import doubt as doubt_room
from absolute.engine import sightings as sightings_room
from absolute.engine import watched as watched_room
from absolute.engine.coverage import Coverage
from absolute.engine.custody import Custody
from absolute.engine.departure import Departure
from absolute.engine.doubt import Doubt
from absolute.engine.governor import Governor
from absolute.engine.live import Live
from absolute.engine.reports import (
    CancelDenied,
    CancelTaken,
    Duplicate,
    InDoubt,
    LookUp,
    NotFound,
    Seen,
    SendOrder,
    Unanswered,
)
from absolute.engine.sightings import Sightings
from absolute.engine.wallet import Wallet
from absolute.engine.watched import Watched
from absolute.strategies.ladder import Ladder, Phase

Plant = Callable[[Any, str, Any], None]
Mutant = Callable[[Plant], None]
MUTANTS: dict[str, tuple[Mutant, int]] = {}
"""Name -> the mutant and a seed that kills it."""


def killed_by(seed: int):
    """Note a mutant with the seed that is known to kill it."""

    def note(mutant: Mutant) -> Mutant:
        MUTANTS[mutant.__name__] = (mutant, seed)
        return mutant

    return note


def events_of(method: Any, instead: Callable[..., Iterator[Any]]):
    """A generator method that goes through `instead(self, original, *args)`."""

    def changed(self, *args):
        yield from instead(self, lambda *inner: method(self, *inner), *args)

    return changed


# --- sending -------------------------------------------------------------------------------------


@killed_by(0)
def resends_after_a_timeout(plant):
    def submitted(self, original, report):
        yield from original(report)
        watched = self._watched.get(report.client_id)
        if isinstance(report, InDoubt) and watched is not None:
            self.requests.append(SendOrder(report.client_id, watched.terms))

    plant(Custody, "_submitted", events_of(Custody._submitted, submitted))


@killed_by(0)
def takes_a_timeout_for_never_sent(plant):
    def submitted(self, original, report):
        watched = self._watched.get(report.client_id)
        if isinstance(report, InDoubt) and watched is not None:
            yield from self._orders.unsent(watched, "TIMEOUT")
        else:
            yield from original(report)

    plant(Custody, "_submitted", events_of(Custody._submitted, submitted))


@killed_by(0)
def takes_a_timeout_for_a_rejection(plant):
    def submitted(self, original, report):
        watched = self._watched.get(report.client_id)
        if isinstance(report, InDoubt) and watched is not None:
            self._orders.drop(watched)
            yield OrderRejected(self._orders.now, report.client_id, "TIMEOUT")
        else:
            yield from original(report)

    plant(Custody, "_submitted", events_of(Custody._submitted, submitted))


@killed_by(210)
def takes_a_duplicate_for_a_rejection(plant):
    def submitted(self, original, report):
        watched = self._watched.get(report.client_id)
        if isinstance(report, Duplicate) and watched is not None:
            self._orders.drop(watched)
            yield OrderRejected(self._orders.now, report.client_id, "DUPLICATE")
        else:
            yield from original(report)

    plant(Custody, "_submitted", events_of(Custody._submitted, submitted))


@killed_by(1)
def forgets_an_order_that_timed_out(plant):
    def submitted(self, original, report):
        if not isinstance(report, InDoubt):
            yield from original(report)

    plant(Custody, "_submitted", events_of(Custody._submitted, submitted))


@killed_by(131)
def leaves_the_journal_unsynced(plant):
    def sync(self):
        self.durable = max(self.durable, len(self.entries) - 1)

    plant(StormJournal, "sync", sync)


@killed_by(8)
def syncs_only_every_tenth_entry(plant):
    def sync(self):
        if len(self.entries) % 10 == 0:
            self.durable = len(self.entries)

    plant(StormJournal, "sync", sync)


@killed_by(16)
def lets_growth_leave_while_blind(plant):
    plant(Coverage, "seeing", property(lambda self: self.changed >= 0))
    plant(Departure, "may_leave", lambda self, terms, now, *, doubted: not doubted)


@killed_by(6)
def lets_growth_leave_while_in_doubt(plant):
    original = Departure.may_leave
    plant(
        Departure,
        "may_leave",
        lambda self, terms, now, *, doubted: original(self, terms, now, doubted=False),
    )


@killed_by(656)
def decides_on_a_price_of_any_age(plant):
    plant(departure_room, "PRICE_AGE_MAX", 10**15)


@killed_by(60)
def sends_a_market_order_of_any_age(plant):
    plant(custody_room, "too_old", lambda terms, wished, now: False)


@killed_by(32)
def tries_again_at_once_where_nobody_connects(plant):
    plant(Departure, "failed", lambda self, now: None)


@killed_by(0)
def looks_again_without_a_pause(plant):
    plant(watched_room, "next_wait", lambda wait: 1_000_000)


@killed_by(65)
def lets_what_waits_leave_after_a_stop(plant):
    plant(Custody, "recall", lambda self: None)


@killed_by(74)
def believes_any_price(plant):
    plant(Live, "_usable", lambda self, report: True)


@killed_by(0)
def forgets_the_terms_that_were_written_down(plant):
    original = Watched.leave

    def leave(self, now):
        original(self, now)
        qty = self.terms.qty
        more = None if qty is None else Qty(qty + Decimal("0.001"))
        return SendOrder(self.client_id, replace(self.terms, qty=more))

    plant(Watched, "leave", leave)


# --- the proof rule ------------------------------------------------------------------------------


@killed_by(76)
def takes_an_error_for_not_found(plant):
    def answered(self, original, request, report):
        if isinstance(request, LookUp) and isinstance(report, Unanswered):
            report = NotFound(report.time, report.time, request.client_id)
        yield from original(request, report)

    plant(Custody, "answered", events_of(Custody.answered, answered))


@killed_by(750)
def compares_the_deadline_with_the_arrival(plant):
    def take(self, original, report):
        if hasattr(report, "asked_at"):
            report = replace(report, asked_at=report.time)
        yield from original(report)

    plant(Custody, "take", events_of(Custody.take, take))


@killed_by(37)
def forgets_the_receive_window(plant):
    plant(custody_room, "doubt_from", _doubt(window=0))


@killed_by(37)
def forgets_how_late_orders_show_up(plant):
    plant(custody_room, "doubt_from", _doubt(visibility=0, engine_timeout=0))


@killed_by(29)
def waits_for_no_deadline_at_all(plant):
    plant(custody_room, "doubt_from", _doubt(window=0, visibility=0, engine_timeout=0))


def _doubt(**facts):
    return lambda sent, left_by, told: doubt_room.doubt_from(sent, left_by, replace(told, **facts))


@killed_by(21)
def believes_the_look_up_alone(plant):
    plant(Doubt, "proven_absent", property(lambda self: self.looked_up))


@killed_by(55)
def does_not_ask_for_executions(plant):
    plant(Doubt, "proven_absent", property(lambda self: self.looked_up and self.unlisted))


@killed_by(21)
def does_not_ask_for_open_orders(plant):
    plant(Doubt, "proven_absent", property(lambda self: self.looked_up and self.untraded))


@killed_by(21)
def gives_up_after_three_questions(plant):
    tries: dict[int, int] = {}

    def not_found(self, asked_at):
        tries[id(self)] = tries.get(id(self), 0) + 1
        if tries[id(self)] >= 3:
            self.looked_up = self.unlisted = self.untraded = True

    plant(Doubt, "not_found", not_found)


@killed_by(0)
def never_ends_a_doubt(plant):
    plant(Doubt, "proven_absent", property(lambda self: False))


@killed_by(21)
def takes_a_young_order_for_vanished(plant):
    def not_found(self, original, report):
        watched = self._watched.get(report.client_id)
        if watched is not None and watched.shown is not None and watched.final is None:
            self._orders.drop(watched)
            yield OrderExpired(self._orders.now, report.client_id, "VANISHED")
        else:
            yield from original(report)

    plant(Custody, "_not_found", events_of(Custody._not_found, not_found))


@killed_by(552)
def counts_the_deadline_from_the_wish(plant):
    original = doubt_room.doubt_from
    plant(custody_room, "doubt_from", lambda sent, left_by, facts: original(sent, sent, facts))


# --- cancels -------------------------------------------------------------------------------------


@killed_by(1)
def takes_a_taken_cancel_for_the_end(plant):
    def take(self, original, report):
        watched = self._watched.get(getattr(report, "client_id", None))
        if isinstance(report, CancelTaken) and watched is not None:
            self._orders.drop(watched)
            yield OrderCancelled(report.time, report.client_id)
        yield from original(report)

    plant(Custody, "take", events_of(Custody.take, take))


@killed_by(37)
def takes_a_cancel_too_late_for_the_end(plant):
    def take(self, original, report):
        watched = self._watched.get(getattr(report, "client_id", None))
        if isinstance(report, CancelDenied) and watched is not None:
            self._orders.drop(watched)
            yield OrderCancelled(report.time, report.client_id)
        yield from original(report)

    plant(Custody, "take", events_of(Custody.take, take))


@killed_by(2)
def takes_cancelled_for_nothing_filled(plant):
    original = Watched.saw

    def saw(self, seen, now):
        if seen.status is Seen.CANCELLED:
            seen = replace(seen, filled=self.order.filled)
            self.filled = self.order.filled
        return original(self, seen, now)

    plant(Watched, "saw", saw)


@killed_by(21)
def never_repeats_a_cancel(plant):
    original = Watched.saw

    def saw(self, seen, now):
        original(self, seen, now)
        return ()

    plant(Watched, "saw", saw)


@killed_by(6)
def drops_a_cancel_that_came_before_the_answer(plant):
    original = Custody.send

    def send(self, approved, now):
        command = approved.command
        watched = self._watched.get(command.client_id)
        if isinstance(command, Cancel) and watched is not None and watched.shown is None:
            return
        original(self, approved, now)

    plant(Custody, "send", send)


@killed_by(5818)
def forgets_the_waiting_cancel_when_a_fill_comes_first(plant):
    original = Watched.found

    def found(self, venue_id, now):
        if venue_id is not None:
            return original(self, venue_id, now)
        self.doubt, self.shown = None, self.shown or now
        return ()

    plant(Watched, "found", found)


@killed_by(7)
def takes_an_asked_cancel_for_gone(plant):
    original = Portfolio.cancelling

    def cancelling(self, client_id):
        original(self, client_id)
        order = self.orders[client_id]
        self._release(order, order.hold)
        self._retire(order)

    plant(Portfolio, "cancelling", cancelling)


# --- executions ----------------------------------------------------------------------------------


@killed_by(0)
def forgets_which_trades_it_knows(plant):
    plant(Portfolio, "knows", lambda self, trade_id: False)


@killed_by(0)
def counts_a_fill_by_price_and_time(plant):
    """Two parts of one order at one price in one moment are one to it."""
    seen: set[object] = set()
    original = Sightings.traded

    def traded(self, original, report):
        fill = report.fill
        key = (id(self), fill.client_id, fill.price, fill.time)
        known = self._portfolio.knows(fill.trade_id)
        if known or key not in seen:
            seen.add(key)
            yield from original(report)

    plant(Sightings, "traded", events_of(original, traded))


@killed_by(0)
def tells_an_end_before_its_executions(plant):
    plant(Watched, "short", property(lambda self: False))


@killed_by(0)
def calls_every_execution_the_last(plant):
    plant(sightings_room, "completes", lambda order, fill, final: True)


@killed_by(388)
def calls_no_execution_the_last(plant):
    plant(sightings_room, "completes", lambda order, fill, final: False)


@killed_by(0)
def ignores_executions_of_the_list(plant):
    def executions(self, original, report):
        yield from original(replace(report, executions=()))

    plant(Custody, "_executions", events_of(Custody._executions, executions))


@killed_by(0)
def books_what_the_order_says_as_a_fill(plant):
    def seen(self, original, report):
        order = self._portfolio.orders.get(report.client_id)
        if order is not None and report.status is Seen.FILLED and not order.terminal:
            self.drop(self.watched[report.client_id]) if report.client_id in self.watched else None
            yield OrderCancelled(self.now, report.client_id)
        else:
            yield from original(report)

    plant(Sightings, "seen", events_of(Sightings.seen, seen))


@killed_by(0)
def ignores_a_fee_that_comes_late(plant):
    def traded(self, original, report):
        if not self._portfolio.knows(report.fill.trade_id):
            yield from original(report)

    plant(Sightings, "traded", events_of(Sightings.traded, traded))


@killed_by(0)
def waits_for_a_fee_without_asking(plant):
    original = Coverage.questions

    def questions(self, now, since=None, *, pressing=False):
        return original(self, now)

    plant(Coverage, "questions", questions)


@killed_by(0)
def forgets_that_the_fee_takes_coins(plant):
    original = Portfolio._hold
    plant(Portfolio, "_hold", lambda self, qty, fee: original(self, qty, None))


@killed_by(0)
def charges_every_fee_in_quote(plant):
    original = Account.post

    def post(self, postings):
        moved = list(postings)
        if len(moved) > 2:
            moved[2] = ("USDT", moved[2][1])
        original(self, moved)

    plant(Account, "post", post)


@killed_by(0)
def takes_a_negative_fee(plant):
    def traded(self, original, report):
        fee = report.fill.fee
        if fee is not None:
            fee = replace(fee, amount=-fee.amount, value=-fee.value)
            report = replace(report, fill=replace(report.fill, fee=fee))
        yield from original(report)

    plant(Sightings, "traded", events_of(Sightings.traded, traded))


# --- gaps and audits -----------------------------------------------------------------------------


@killed_by(7179)
def ignores_the_gap_of_a_reconnect(plant):
    original = Coverage.stream

    def stream(self, now, *, up, exposed=True):
        if self.listed >= 0 and self.traded >= 0:
            self.connected = up
        else:
            original(self, now, up=up, exposed=exposed)

    plant(Coverage, "stream", stream)


@killed_by(25)
def never_audits(plant):
    plant(coverage_room, "AUDIT_NS", 10**15)
    plant(coverage_room, "AUDIT_BLIND_NS", 10**15)


@killed_by(0)
def never_lists_executions(plant):
    original = Coverage.questions

    def questions(self, now, since=None, *, pressing=False):
        asked = original(self, now, since, pressing=pressing)
        return tuple(each for each in asked if type(each).__name__ != "ListExecutions")

    plant(Coverage, "questions", questions)


@killed_by(0)
def asks_for_executions_from_now_on_only(plant):
    original = Coverage.saw_executions

    def saw(self, asked_at, since):
        original(self, asked_at, since)
        self.complete_to = asked_at

    plant(Coverage, "saw_executions", saw)
    plant(Coverage, "questions", _without_overlap(Coverage.questions))


def _without_overlap(original):
    def questions(self, now, since=None, *, pressing=False):
        facts, self.facts = self.facts, replace(self.facts, overlap=-1_000_000_000)
        try:
            return original(self, now, None, pressing=pressing)
        finally:
            self.facts = facts

    return questions


@killed_by(0)
def never_hears_that_a_list_was_answered(plant):
    plant(Coverage, "answered", lambda self, request: None)


@killed_by(0)
def never_hears_that_a_look_up_was_answered(plant):
    def answered(self, original, request, report):
        self.coverage.answered(request)
        yield from self.take(report)

    plant(Custody, "answered", events_of(Custody.answered, answered))


@killed_by(0)
def takes_one_short_reading_for_a_theft(plant):
    def lacks(self, report, *, settled, known_to):
        owned = dict(report.totals).get("COIN", ZERO) - SPARE
        return owned if owned < self._portfolio.held else None

    plant(Wallet, "lacks", lacks)


@killed_by(153)
def trusts_a_late_frame_of_an_ended_order(plant):
    original = Sightings._unwatched

    def unwatched(self, seen):
        yield from original(self, replace(seen, time=seen.time + 1))

    plant(Sightings, "_unwatched", unwatched)


# --- death and rebirth ---------------------------------------------------------------------------


@killed_by(102)
def takes_what_was_in_flight_for_never_sent(plant):
    def resume(self, original, now):
        yield from original(now)
        for watched in list(self._watched.values()):
            if watched.doubt is not None:
                yield from self._orders.unsent(watched, "CRASHED")

    plant(Custody, "resume", events_of(Custody.resume, resume))


@killed_by(0)
def sends_again_what_was_in_flight(plant):
    def resume(self, original, now):
        yield from original(now)
        for watched in self._watched.values():
            if watched.doubt is not None:
                self.requests.append(SendOrder(watched.client_id, watched.terms))

    plant(Custody, "resume", events_of(Custody.resume, resume))


@killed_by(0)
def begins_without_looking_back(plant):
    def resume(self, now):
        self._orders.now = now
        return iter(())

    plant(Custody, "resume", resume)


@killed_by(0)
def counts_orders_from_one_after_a_restart(plant):
    original = Live.resume

    def resume(self, now):
        self.engine._sequence = 0
        original(self, now)

    plant(Live, "resume", resume)


@killed_by(192)
def forgets_after_a_restart_what_was_asked_back(plant):
    def resume(self, original, now):
        yield from original(now)
        for watched in self._watched.values():
            watched.cancel, watched.cancelled_at = False, None

    plant(Custody, "resume", events_of(Custody.resume, resume))


@killed_by(790)
def wakes_for_a_timer_that_cannot_fire(plant):
    def next_time(self):
        times = [self.custody.next_time(), self.engine.strategy.wakes.timer]
        return min((each for each in times if each is not None), default=None)

    plant(Live, "next_time", next_time)


# --- what is decided -----------------------------------------------------------------------------


@killed_by(43)
def goes_on_after_a_stop(plant):
    original = Governor.rule

    def rule(self, event, wanted):
        return () if isinstance(event, StopAsked) else original(self, event, wanted)

    plant(Governor, "rule", rule)


@killed_by(52)
def begins_a_deal_although_paused(plant):
    original = Ladder._enter

    def enter(self, view):
        kept = self.rungs
        done = original(self, view)
        if self.phase is Phase.IDLE:
            self.rungs = kept
        return done

    plant(Ladder, "_enter", enter)


@killed_by(12186)
def flattens_what_the_fee_will_take(plant):
    plant(Governor, "_surely_held", lambda self: self._portfolio.held)


@killed_by(1)
def knows_no_cap(plant):
    plant(_ladder_orders(), "room", lambda self, deal, view: Decimal(10_000))


def _ladder_orders():
    return type(Ladder(CONFIGS[0]).orders)


@killed_by(1953)
def takes_the_whole_rung_again(plant):
    original = Ladder._ended

    def ended(self, order, view, *, reason, unsent=False):
        if order.filled and reason is not None and order.terms.side == "buy":
            return False
        return original(self, order, view, reason=reason, unsent=unsent)

    plant(Ladder, "_ended", ended)
