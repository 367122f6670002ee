"""Owns one live run from its wiring to its summary: the store, the engine, the venue, the drive.

The ladder is the one that back-tests. A run that was stopped or killed is found again in the store
and goes on; a second one beside it is refused. It must not know any venue's protocol.
"""

import asyncio
import json
import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from absolute.desk.clock import SteadyClock, fresh_seed
from absolute.desk.driver import Driver
from absolute.desk.language import _
from absolute.desk.paper_gateway import PaperGateway
from absolute.desk.self_trade_gateway import GuardedGateway
from absolute.domain.account import Account
from absolute.domain.errors import UserError
from absolute.domain.fees import FeeSchedule
from absolute.domain.ids import BotId
from absolute.domain.ledger import Ledger
from absolute.domain.order import Order
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import NANOS_PER_SECOND, ZERO, Nanos, Price, plain
from absolute.engine.alarms import Alarm
from absolute.engine.custody import Custody
from absolute.engine.governor import Mode
from absolute.engine.live import Live, Probe, nothing_happens, replay
from absolute.engine.reports import Balances, Gateway, ReadBalances
from absolute.engine.step import Engine
from absolute.risk.limits import Limits
from absolute.store.runs import Run, RunMode, canonical
from absolute.store.sql_store import Store
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig, ladder_config, ladder_mapping

LOG: Final = logging.getLogger("absolute.live")
ALPHABET: Final = "0123456789abcdefghijkmnpqrstuvwxyz"
DAY_NS: Final = 86_400 * NANOS_PER_SECOND
PRICES_AT_ONCE: Final = 60
PRICE_EVERY_NS: Final = NANOS_PER_SECOND
"""How densely the prices that a run saw are kept: enough to replay it through the back-test."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for. `capital` of None: all that is free at the venue.

    `assumed` is JSON and tells apart what shares no orders: two accounts, two boxes.
    """

    config: LadderConfig
    profile: str
    symbol: str
    mode: RunMode
    capital: Decimal | None = None
    assumed: str = "{}"


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run stands when it is left. `reconciled`: all is settled with the venue."""

    run: str
    profile: str
    mode: str
    orders: int
    fills: int
    deals: int
    deals_closed: int
    profit: Decimal
    equity: Decimal | None
    held: Decimal
    open_orders: tuple[str, ...]
    reconciled: bool
    phase: str
    alarms: tuple[str, ...]


class LiveRun:
    """One run over one gateway. `drive` trades until it is stopped, and may be called once."""

    def __init__(
        self, store: Store, run: Run, market: Gateway, *, probe: Probe = nothing_happens
    ) -> None:
        self.run = run
        self.clock = SteadyClock()
        self._store = store
        engine, self._ladder = bring_back(store, run)
        portfolio = engine.portfolio
        probe("K19")
        self.portfolio = portfolio
        if run.mode is RunMode.PAPER:
            self._gateway: Gateway = PaperGateway(market, portfolio, run.fees, self.clock)
        else:
            self._gateway = GuardedGateway(market, store.records, run, portfolio, self.clock)
        custody = Custody(
            run.bot,
            portfolio,
            self._gateway.facts,
            known_since(portfolio, run, self.clock.now_ns()),
        )
        self.live = Live(engine, custody, store.journal(run.id), probe=probe)
        self._alarms: list[Alarm] = []
        self._kept = Nanos(0)
        self._prices: list[tuple[Nanos, Price]] = []
        self.driver = Driver(
            self.live, self._gateway, self.clock, watch=self._watch, alarm=self._alarm
        )

    async def drive(self, view: Callable[["LiveRun"], None] | None = None) -> Summary:
        """Trade until stopped; the summary of how the run stands then."""
        self._view = view
        if self.portfolio.time:
            self.live.resume(self.clock.now_ns())
        try:
            settled = await self.driver.run()
        finally:
            self._keep_prices()
        return self.summary(reconciled=settled)

    def stop(self) -> None:
        """End in order; orders stay at the venue and the run can go on later."""
        self.driver.stop()

    def summary(self, *, reconciled: bool) -> Summary:
        """How the run stands now."""
        ladder, portfolio = self._ladder, self.portfolio
        price = self.live.price or portfolio.price
        orders = portfolio.orders.values()
        return Summary(
            run=self.run.id,
            profile=self.run.profile,
            mode=str(self.run.mode),
            orders=sum(_left(each) for each in orders),
            fills=portfolio.fills_count,
            deals=ladder.deals,
            deals_closed=ladder.deals - (ladder.deal is not None),
            profit=ladder.profit,
            equity=None
            if price is None
            else portfolio.ledger.equity(price) - self._paid_elsewhere(),
            held=portfolio.held,
            open_orders=tuple(str(each.client_id) for each in portfolio.live.values()),
            reconciled=reconciled,
            phase=phase_of(self.live.engine, ladder),
            alarms=tuple(f"{each.code}: {each.detail}" for each in self._alarms),
        )

    def _paid_elsewhere(self) -> Decimal:
        """What fees in coins of another market cost, in quote: they left the same wallet."""
        instrument = self.portfolio.instrument
        fills = self._store.records.fills(self.run.id)
        return sum(
            (
                Decimal(each["fee_value"])
                for each in fills
                if each["fee_value"] is not None
                and each["fee_asset"] not in {instrument.base, instrument.quote}
            ),
            ZERO,
        )

    def _watch(self, now: Nanos) -> None:
        """Keep the price that was seen, and let whoever looks look."""
        price = self.live.price
        if price is not None and now - self._kept >= PRICE_EVERY_NS:
            self._kept = now
            self._prices.append((now, price))
        if len(self._prices) >= PRICES_AT_ONCE:
            self._keep_prices()
        if self._view is not None:
            self._view(self)

    def _keep_prices(self) -> None:
        self._store.add_prices(self.run.id, self._prices)
        self._prices.clear()

    def _alarm(self, alarm: Alarm) -> None:
        self._alarms.append(alarm)
        LOG.error(alarm.code, extra={"told": alarm})

    _view: Callable[["LiveRun"], None] | None = None


def phase_of(engine: Engine, ladder: Ladder) -> str:
    """Where a run stands, and before that whether somebody has to let it go on."""
    if ladder.halted:
        return "halted"
    if engine.governor.mode is not Mode.RUNNING:
        return str(engine.governor.mode)
    return "paused" if ladder.paused else str(ladder.phase)


def _left(order: Order) -> bool:
    """False for an order that was decided and provably never reached the venue."""
    return order.venue_id is not None or bool(order.filled) or not order.terminal


def known_since(portfolio: Portfolio, run: Run, now: Nanos) -> Nanos:
    """From when on executions must be asked for: all before are booked.

    An order's end is told only when its executions are, so only open orders reach further back. A
    journal that was written under a clock that ran ahead dates nothing: all is asked for again.
    """
    if portfolio.time > now:
        return Nanos(max(min(run.created, now) - DAY_NS, 0))
    times = [each.sent_at for each in portfolio.orders.values() if not each.terminal]
    return min([portfolio.time or run.created, *times])


def _config_of(run: Run) -> LadderConfig:
    return ladder_config(json.loads(run.config))


def config_text(config: LadderConfig) -> str:
    """The settings of a ladder as they are kept with a run."""
    told = ladder_mapping(config).items()
    return canonical({name: str(value) for name, value in told if value is not None})


def new_bot() -> BotId:
    """A name that no run had before: client ids are unique for ever at some venues."""
    number, signs = fresh_seed(), []
    for _place in range(8):
        number, digit = divmod(number, len(ALPHABET))
        signs.append(ALPHABET[digit])
    return BotId("at" + "".join(signs))


def resumable(store: Store, wanted: Wanted, *, new: bool = False) -> Run | None:
    """The run to go on with, or None; raises `UserError` where two would be in one market."""
    place = (wanted.mode, wanted.profile, wanted.symbol, wanted.assumed)
    runs = [
        each
        for each in store.records.runs()
        if (each.mode, each.profile, each.symbol, each.assumed) == place
    ]
    last = max(runs, key=lambda each: each.created, default=None)
    if last is None:
        return None
    same = last.config == config_text(wanted.config) and wanted.capital in {None, last.capital}
    if same and not new:
        return last
    engine, _ladder = bring_back(store, last)
    portfolio = engine.portfolio
    if portfolio.live or portfolio.held:
        message = _(
            "Run {run} on {profile} still holds orders or coins under other settings; go on "
            "with its own settings until it is flat, or close it at the venue."
        )
        raise UserError("RUN_OPEN", message.format(run=last.id, profile=last.profile))
    return None


async def begin(store: Store, wanted: Wanted, market: Gateway, *, bot: BotId) -> Run:
    """Write a new run down, before it does anything."""
    if market.instrument.perpetual:
        message = _(
            "{symbol} on {profile} is a perpetual, and runs trade spot markets only: funding and "
            "liquidations are not booked in a live run. Nothing was sent."
        )
        raise UserError(
            "MARKET_NOT_LIVE", message.format(symbol=wanted.symbol, profile=wanted.profile)
        )
    capital = await capital_of(wanted, market)
    run = Run(
        id=str(bot),
        bot=bot,
        created=SteadyClock().now_ns(),
        mode=wanted.mode,
        profile=wanted.profile,
        symbol=wanted.symbol,
        config=config_text(wanted.config),
        capital=capital,
        instrument=market.instrument,
        fees=FeeSchedule(wanted.config.taxa, wanted.config.taxa),
        assumed=wanted.assumed,
    )
    store.create_run(run)
    return run


async def capital_of(wanted: Wanted, market: Gateway) -> Decimal:
    """The money of a new run; raises `UserError` where the venue does not have as much free."""
    asked, asset = wanted.capital, market.instrument.settle
    if asked is not None and wanted.mode is RunMode.PAPER:
        free = asked
    else:
        free = await free_money(market)
    if free <= ZERO or (asked or ZERO) > free:
        message = _("Only {free} {asset} are free on {profile}; give a --capital that is there.")
        words = {"free": plain(free), "asset": asset, "profile": wanted.profile}
        raise UserError("CAPITAL_MISSING", message.format(**words))
    return free if asked is None else asked


async def free_money(market: Gateway) -> Decimal:
    """What is free at the venue of the asset that a buy pays with."""
    report = await market.perform(ReadBalances())
    if not isinstance(report, Balances):
        message = _("The balance could not be read ({detail}); try again, or give --capital.")
        raise UserError("BALANCE_UNREADABLE", message.format(detail=getattr(report, "detail", "")))
    return dict(report.free).get(market.instrument.settle, ZERO)


def bring_back(store: Store, run: Run) -> tuple[Engine, Ladder]:
    """The engine of a run, and its ladder, as the journal left them."""
    own = {run.instrument.settle: run.capital}
    ledger = Ledger(run.instrument, own, fees=run.fees)
    # What a venue says that it took is booked, also where it took more than the run had.
    ledger.account = Account(own, ())
    ladder = Ladder(_config_of(run))
    engine = Engine(run.bot, Portfolio(ledger), ladder, Limits())
    replay(engine, store.records.steps(run.id))
    return engine, ladder


async def drive_until_interrupted(live: LiveRun, minutes: float | None) -> Summary:
    """Trade until the first Ctrl-C or the end of the time; then end in order."""
    loop = asyncio.get_running_loop()
    # Windows has no signal handlers in its event loop: there Ctrl-C reaches the caller.
    with suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, live.stop)
    if minutes is not None:
        loop.call_later(minutes * 60, live.stop)
    return await live.drive()
