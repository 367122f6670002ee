"""Runs both cases in nautilus_trader: a strategy on bars over its simulated exchange.

The venue fills a market order at the price it knows, the close of the bar just ended; the rules
say the next open. On an unbroken market the two are one price. One flat bar is put before the
first, so that the strategy can buy at the first open. README.md tells what else differs.
"""

from decimal import Decimal
from typing import Any

import nautilus_trader
import pandas as pd
from case import Answer, Case, Fill, measure, read_case, tell
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("BENCH")
MARKET = InstrumentId(Symbol("BTCUSDT"), VENUE)
BARS = BarType.from_str(f"{MARKET}-1-MINUTE-LAST-EXTERNAL")
PLENTY = 1e6
"""Base coin per bar: more than anybody here trades, so that no fill is partial."""


class Recorded(Strategy):
    """A strategy that counts bars and notes its fills in ticks and lots."""

    def __init__(self, case: Case, instrument: CurrencyPair) -> None:
        super().__init__()
        self.case = case
        self.instrument = instrument
        self.bar = -2
        self.held = 0
        self.fills: list[Fill] = []

    def on_start(self) -> None:
        self.subscribe_bars(BARS)

    def order(self, lots: int, ticks: int | None = None) -> Any:
        """Submit a market order, or a limit order at `ticks`; lots below zero sell."""
        case = self.case
        side = OrderSide.BUY if lots > 0 else OrderSide.SELL
        qty = Quantity(abs(lots) * case.lot, self.instrument.size_precision)
        if ticks is None:
            order = self.order_factory.market(MARKET, side, qty)
        else:
            price = Price(ticks * case.tick, self.instrument.price_precision)
            order = self.order_factory.limit(MARKET, side, qty, price)
        self.submit_order(order)
        return order

    def note(self, event: Any) -> Fill:
        """The fill in ticks and lots; an order worked at the close trades in the next bar."""
        sign = 1 if event.order_side == OrderSide.BUY else -1
        lots = sign * round(event.last_qty.as_decimal() / self.case.lot)
        ticks = round(event.last_px.as_decimal() / self.case.tick)
        self.fills.append(Fill(self.bar + 1, lots, ticks))
        self.held += lots
        return self.fills[-1]


class Ladder(Recorded):
    """The DCA ladder; what a fill calls for is placed once its bar has ended."""

    def __init__(self, case: Case, instrument: CurrencyPair) -> None:
        super().__init__(case, instrument)
        self.cost = 0
        self.rung = 0
        self.unplaced = False
        self.buy: Any = None
        self.sell: Any = None

    def on_bar(self, bar: Bar) -> None:
        self.bar += 1
        if self.unplaced:
            self.unplaced = False
            self.place()
        elif self.held == 0:
            ticks = round(bar.close.as_decimal() / self.case.tick)
            self.order(self.case.lots_for(self.case.orders[0], ticks))

    def place(self) -> None:
        case = self.case
        bought = self.fills[-1].ticks
        self.sell = self.order(-self.held, case.exit_ticks(self.cost, self.held, self.rung))
        if not self.unplaced and case.may_rebuy(self.cost, self.rung + 1):
            ticks = case.rebuy_ticks(bought)
            self.buy = self.order(case.lots_for(case.orders[self.rung + 1], ticks), ticks)

    def on_order_filled(self, event: Any) -> None:
        before = self.held
        _, lots, ticks = self.note(event)
        if lots > 0:
            self.rung = self.rung + 1 if before else 0
            self.cost = (self.cost if before else 0) + lots * ticks
            self.unplaced = True
            self.withdraw(self.sell)
        else:
            self.withdraw(self.buy)

    def withdraw(self, order: Any) -> None:
        if order is not None and order.is_open:
            self.cancel_order(order)


class Cross(Recorded):
    """All in or out at the close that the next open repeats."""

    def __init__(self, case: Case, instrument: CurrencyPair) -> None:
        super().__init__(case, instrument)
        self.signals = [False, *case.signals.tolist()]

    def on_bar(self, bar: Bar) -> None:
        self.bar += 1
        wanted = self.signals[self.bar + 1]
        if wanted is bool(self.held):
            return
        if self.held:
            self.order(-self.held)
            return
        free = self.portfolio.account(VENUE).balance_free(USDT).as_decimal()
        price = bar.close.as_decimal() * (1 + self.case.fee)
        if lots := int(free // (price * self.case.lot)):
            self.order(lots)

    def on_order_filled(self, event: Any) -> None:
        self.note(event)


STRATEGIES = {"dca": Ladder, "sma": Cross}


def instrument_of(case: Case) -> CurrencyPair:
    """Spot BTCUSDT with the ticks, lots and fees of the case."""
    tick, lot = str(case.tick), str(case.lot)
    return CurrencyPair(
        instrument_id=MARKET,
        raw_symbol=Symbol("BTCUSDT"),
        base_currency=BTC,
        quote_currency=USDT,
        price_precision=-case.tick.as_tuple().exponent,
        size_precision=-case.lot.as_tuple().exponent,
        price_increment=Price.from_str(tick),
        size_increment=Quantity.from_str(lot),
        maker_fee=case.fee,
        taker_fee=case.fee,
        ts_event=0,
        ts_init=0,
    )


def bars_of(case: Case, instrument: CurrencyPair) -> list[Bar]:
    """The market as the library's own bars, closed when they are known, one flat bar first."""
    columns = {name: case.prices(getattr(case, name)) for name in ("open", "high", "low", "close")}
    frame = pd.DataFrame({**columns, "volume": PLENTY})
    flat = pd.DataFrame([dict.fromkeys(columns, columns["open"][0]) | {"volume": PLENTY}])
    frame = pd.concat([flat, frame], ignore_index=True)
    first = case.ts[0] - case.bar_ns
    frame.index = pd.to_datetime([first, *case.ts], utc=True) + pd.Timedelta(case.bar_ns)
    return BarDataWrangler(BARS, instrument).process(frame)


def prepare(case: Case, instrument: CurrencyPair, bars: list[Bar]) -> tuple[Any, Recorded]:
    """A fresh engine with the market loaded; quiet, and without the checks that only cost time."""
    config = BacktestEngineConfig(
        trader_id=TraderId("BENCH-001"),
        logging=LoggingConfig(bypass_logging=True),
        risk_engine=RiskEngineConfig(bypass=True),
        run_analysis=False,
    )
    engine = BacktestEngine(config=config)
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        starting_balances=[Money(case.cash, USDT)],
        use_message_queue=False,
    )
    engine.add_instrument(instrument)
    engine.add_data(bars)
    strategy = STRATEGIES[case.name](case, instrument)
    engine.add_strategy(strategy)
    return engine, strategy


def work(state: tuple[Any, Recorded]) -> tuple[Any, Recorded]:
    """The run itself."""
    state[0].run()
    return state


def answer_of(case: Case, state: tuple[Any, Recorded]) -> Answer:
    """The strategy's fills, and the account's balances at the last close."""
    engine, strategy = state
    account = engine.cache.account_for_venue(VENUE)
    base = account.balance_total(BTC)
    held = base.as_decimal() if base is not None else Decimal(0)
    cash = account.balance_total(USDT).as_decimal()
    return Answer(strategy.fills, cash + held * int(case.close[-1]) * case.tick)


def run() -> None:
    """Measure the case on the command line."""
    case = read_case()
    instrument = instrument_of(case)
    bars = bars_of(case, instrument)
    seconds, state = measure(case, lambda: prepare(case, instrument, bars), work)
    tell(case, nautilus_trader.__version__, seconds, answer_of(case, state))


if __name__ == "__main__":
    run()
