"""Owns every assumption of a simulated run in one frozen record, and wires the run from it.

The same wiring serves a back-test and paper: an engine with its own ledger, a simulated venue
with another, and a journal between them. Nothing below the desk knows which of the two it is.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from absolute.desk.clock import generator
from absolute.desk.market_data import Found
from absolute.domain.errors import UserError
from absolute.domain.fees import FeeCoin, FeeSchedule
from absolute.domain.ids import BotId
from absolute.domain.instrument import Instrument
from absolute.domain.ledger import Ledger, MarginMode
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import ONE, ZERO, Asset, Bps, Price, Ratio
from absolute.engine.agenda import Agenda
from absolute.engine.ports import Journal
from absolute.engine.session import Session
from absolute.engine.step import Engine
from absolute.kernels.feed import TapeFeed
from absolute.matching.costs import FixedSlippage, ImpactSlippage, Latency, Slippage
from absolute.matching.fills import FillModel
from absolute.matching.path import Intrabar
from absolute.matching.perpetual import PerpetualTerms
from absolute.matching.venue import SimVenue, VenueRules
from absolute.risk.limits import Limits
from absolute.strategies.contract import Strategy

CAPITAL: Final = Decimal(10_000)
BOT: Final = BotId("at")


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """What trades cost; `third` is a coin such as BNB, with its price and what we hold of it."""

    maker: Ratio
    taker: Ratio
    coin: FeeCoin = FeeCoin.RECEIVED
    third: Asset | None = None
    third_price: Price | None = None
    third_held: Decimal = ZERO

    def schedule(self) -> FeeSchedule:
        """The venue's form of it."""
        return FeeSchedule(self.maker, self.taker, self.coin, self.third, self.third_price)


@dataclass(frozen=True, slots=True)
class Assumptions:
    """The market side of a run: everything that is believed and not known."""

    fees: FeeTerms
    capital: Decimal = CAPITAL
    fills: FillModel = field(default_factory=FillModel)
    intrabar: Intrabar = Intrabar.PESSIMISTIC
    slippage_bps: Bps = Bps(ZERO)
    impact_bps: Bps = Bps(ZERO)
    submit_ms: tuple[int, int] = (0, 0)
    cancel_ms: tuple[int, int] = (0, 0)
    seed: int = 0
    leverage: Decimal = ONE
    margin: MarginMode = MarginMode.CROSS
    limits: Limits = field(default_factory=Limits)

    def check(self) -> None:
        """Refuse what cannot be meant, one sentence each."""
        rules = (
            (self.capital > ZERO, "CAPITAL_INVALID", "The capital must be above zero."),
            (self.leverage >= ONE, "LEVERAGE_INVALID", "The leverage must be at least 1."),
            (
                min(self.slippage_bps, self.impact_bps) >= ZERO,
                "SLIPPAGE_INVALID",
                "Slippage must not be negative.",
            ),
            (
                not (self.slippage_bps and self.impact_bps),
                "SLIPPAGE_TWICE",
                "Slippage is either fixed or by impact; give one of the two.",
            ),
            (
                ZERO < self.fills.volume_share <= ONE,
                "VOLUME_SHARE_INVALID",
                "The share of the volume must be above 0 and at most 1, e.g. 0.1 for 10 %.",
            ),
            (self.fills.queue_ahead >= ZERO, "QUEUE_INVALID", "The queue must not be negative."),
            (
                all(ZERO <= low <= high for low, high in (self.submit_ms, self.cancel_ms)),
                "LATENCY_INVALID",
                "A latency is two numbers of milliseconds, low:high, not negative.",
            ),
        )
        for holds, code, sentence in rules:
            if not holds:
                raise UserError(code, sentence)

    @property
    def latency(self) -> Latency | None:
        """The delays of messages, or None where they take no time."""
        if not (self.submit_ms[1] or self.cancel_ms[1]):
            return None
        return Latency(self.submit_ms, self.cancel_ms, generator(self.seed))


def new_ledger(instrument: Instrument, assumed: Assumptions) -> Ledger:
    """A ledger at the start of a run."""
    balances = {instrument.settle: assumed.capital}
    third = assumed.fees.third
    if third is not None and third in {instrument.base, instrument.quote, ""}:
        raise UserError(
            "FEE_COIN_INVALID",
            f"The fee coin '{third}' is a coin of the market itself; write received or quote.",
        )
    if third is not None:
        balances[third] = assumed.fees.third_held
    return Ledger(instrument, balances, fees=assumed.fees.schedule(), leverage=assumed.leverage)


def rules_of(assumed: Assumptions, found: Found) -> VenueRules:
    """The venue's form of the assumptions, with a perpetual's own terms."""
    slippage: Slippage = FixedSlippage(assumed.slippage_bps)
    if assumed.impact_bps:
        slippage = ImpactSlippage(assumed.impact_bps)
    perpetual = None
    if found.brackets is not None:
        perpetual = PerpetualTerms(
            brackets=found.brackets,
            margin=assumed.margin,
            funding=found.funding,
            marked=found.tape.mark_close is not None,
        )
    return VenueRules(
        fills=assumed.fills,
        intrabar=assumed.intrabar,
        slippage=slippage,
        latency=assumed.latency,
        perpetual=perpetual,
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """One wired run: the session and the parts that are read when it is over."""

    session: Session
    feed: TapeFeed
    venue: SimVenue
    portfolio: Portfolio


def wire(
    found: Found,
    strategy: Strategy,
    *,
    assumed: Assumptions,
    journal: Journal,
    agenda: Agenda | None = None,
) -> Desk:
    """Put one run together: build the feed with its skip index, the two ledgers, the venue."""
    feed, instrument = TapeFeed(found.tape), found.instrument
    venue = SimVenue(
        new_ledger(instrument, assumed), unit=feed.unit, rules=rules_of(assumed, found)
    )
    portfolio = Portfolio(new_ledger(instrument, assumed))
    engine = Engine(BOT, portfolio, strategy, assumed.limits)
    session = Session(engine, venue, journal, unit=feed.unit, agenda=agenda)
    return Desk(session, feed, venue, portfolio)
