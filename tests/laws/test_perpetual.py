"""Laws of money on margin, over wild markets with funding, new brackets and liquidations.

A journal that watches sees every event between the step that caused it and the one it causes, so
each law is asked after each event, of the venue and of the bot.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.domain.fill import Fee
from absolute.domain.instrument import Instrument, Kind
from absolute.domain.ledger import Ledger, MarginMode
from absolute.domain.messages import Event, FundingPaid, Liquidated, OrderExpired, OrderFilled
from absolute.domain.order import PositionSide
from absolute.domain.portfolio import Portfolio
from absolute.domain.position import Position
from absolute.domain.units import LEDGER_UNIT, ledger_up
from absolute.engine.step import Outcome
from absolute.matching.fills import FillModel, FillRule
from absolute.matching.path import Intrabar
from absolute.matching.venue import SimVenue
from absolute.store.journal import Entry

from tests.perpetual_market import Case, agree, opened, play, restless

D = Decimal
ZERO = D(0)
CASES = st.builds(
    Case,
    seed=st.integers(0, 10_000),
    kind=st.sampled_from([Kind.LINEAR, Kind.INVERSE]),
    bars=st.just(700),
    margin=st.sampled_from(MarginMode),
    leverage=st.sampled_from([D(1), D(7), D(20), D(40)]),
    marked=st.booleans(),
    fee=st.sampled_from([ZERO, D("0.0005")]),
    liquidation_fee=st.sampled_from([ZERO, D("0.0002"), D("0.0125")]),
    fills=st.sampled_from([FillModel(), FillModel(FillRule.THROUGH), FillModel(FillRule.VOLUME)]),
    intrabar=st.sampled_from(Intrabar),
)


class Moment(NamedTuple):
    """What was owned right after an event."""

    event: Event
    wallet: Decimal
    positions: dict[PositionSide, Position]


@dataclass
class Witness:
    """A journal that keeps what was owned after every event, and compares venue and bot."""

    entries: list[Entry] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    venue: Any = None
    portfolio: Any = None

    def over(self, venue: SimVenue, portfolio: Portfolio) -> None:
        """Whom to watch."""
        self.venue, self.portfolio = venue, portfolio

    def append(self, event: Event, outcome: Outcome) -> None:
        """Keep one step; by now both have booked the event and nothing after it."""
        ours: Ledger = self.portfolio.ledger
        agree(self.venue.ledger, ours)
        wallet = ours.account.total(ours.instrument.settle)
        self.entries.append(Entry(event, outcome))
        self.moments.append(Moment(event, wallet, opened(ours)))


def watched(case: Case) -> list[Moment]:
    witness = Witness()
    play(case, restless(case.seed), journal=witness)
    return witness.moments


def paid_in(event: Event, instrument: Instrument) -> Decimal:
    """What an event moved in the settle asset, with the whole price of what was traded."""
    match event:
        case OrderFilled(fill=fill):
            assert isinstance(fill.fee, Fee)
            return instrument.flow(fill.side, fill.qty, fill.price) - fill.fee.amount
        case Liquidated():
            flow = instrument.flow(event.side, event.qty, event.price)
            return flow - event.fee.amount + event.shortfall
        case FundingPaid(amount=amount):
            return amount
        case _:
            return ZERO


def required(case: Case, position: Position, mark: Decimal, time: int) -> Decimal:
    """Maintenance by the plain rule: the value cut into its brackets, each part at its own rate."""
    value = case.instrument.value(abs(position.qty), mark)
    brackets = case.brackets.at(time)
    edges = [*(each.floor for each in brackets[1:]), D("Infinity")]
    return sum(
        (
            (min(value, edge) - bracket.floor) * bracket.rate
            for bracket, edge in zip(brackets, edges, strict=True)
            if value > bracket.floor
        ),
        ZERO,
    )


def backing(case: Case, before: Moment) -> dict[PositionSide, Decimal]:
    """The money behind each isolated position: its margin, or its share of a wallet too small."""
    margins = {
        side: ledger_up(abs(each.flow) / case.leverage) for side, each in before.positions.items()
    }
    needed = sum(margins.values(), ZERO)
    scale = min(D(1), before.wallet / needed) if needed else D(1)
    return {side: margin * scale for side, margin in margins.items()}


runs = settings(max_examples=settings().max_examples // 4)


@given(case=CASES)
@runs
def test_every_unit_of_the_wallet_is_accounted_for(case):
    total, instrument = case.capital, case.instrument
    for event, wallet, positions in watched(case):
        total += paid_in(event, instrument)
        # What was paid for what is still held is not lost: it is the flow of the position.
        assert wallet + sum((each.flow for each in positions.values()), ZERO) == total
        assert wallet % LEDGER_UNIT == 0


@given(case=CASES)
@runs
def test_equity_is_the_wallet_and_what_closing_would_bring(case):
    for event, wallet, positions in watched(case):
        if isinstance(event, OrderFilled):
            mark = event.fill.price
            ledger = case.ledger()
            ledger.transfer(case.instrument.settle, wallet - case.capital)
            ledger.positions.update(positions)
            closing = ZERO
            for each in positions.values():
                gain = case.instrument.value(each.qty, mark)
                closing += each.flow + (-gain if case.kind is Kind.INVERSE else gain)
            assert ledger.equity(mark) == wallet + closing


@given(case=CASES)
@runs
def test_nothing_is_liquidated_that_was_above_its_maintenance(case):
    moments = watched(case)
    for before, after in pairwise(moments):
        event = after.event
        if not isinstance(event, Liquidated):
            continue
        mark, instrument = event.price, case.instrument
        if case.margin is MarginMode.CROSS:
            held, money = before.positions, before.wallet
        else:
            side = event.position_side
            held, money = {side: before.positions[side]}, backing(case, before)[side]
        equity = money + sum((each.unrealised(instrument, mark) for each in held.values()), ZERO)
        needed = sum((required(case, each, mark, event.time) for each in held.values()), ZERO)
        assert equity <= needed + D("1e-15")


@given(case=CASES)
@runs
def test_a_liquidation_closes_and_costs_no_more_than_what_backs_it(case):
    moments = watched(case)
    for before, after in pairwise(moments):
        event = after.event
        if not isinstance(event, Liquidated):
            continue
        was = before.positions[event.position_side]
        now = after.positions.get(event.position_side)
        left = now.qty if now is not None else ZERO
        assert abs(left) == abs(was.qty) - event.qty
        assert left * was.qty >= 0
        assert event.shortfall >= 0
        assert (event.side == "sell") == (was.qty > 0)
        if case.margin is MarginMode.ISOLATED:
            assert before.wallet - after.wallet <= max(
                ZERO, backing(case, before)[event.position_side]
            )
        if not after.positions:
            assert after.wallet >= 0
        if event.shortfall and case.margin is MarginMode.CROSS:
            assert not after.positions
            assert after.wallet == 0


@given(case=CASES)
@runs
def test_orders_are_swept_before_and_refused_during_a_liquidation(case):
    witness = Witness()
    played = play(case, restless(case.seed), journal=witness)
    swept = False
    for event in played.events:
        if isinstance(event, OrderExpired) and event.reason == "LIQUIDATION":
            swept = True
        elif swept and isinstance(event, Liquidated):
            swept = False
        elif swept:
            # Between the sweep and the first step nothing else may happen to the account.
            assert not isinstance(event, OrderFilled | FundingPaid)
    assert not swept
    assert played.session.venue.mark_levels() == (-1, 2**63 - 1) or opened(witness.venue.ledger)
