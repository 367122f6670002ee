"""Runs both cases in backtesting.py: a strategy whose unit is one lot, since units are whole there.

The library asks the strategy for the first time after its second bar, so two flat bars are put
before the first. README.md tells what else differs.
"""

import warnings
from decimal import Decimal
from typing import Any

import backtesting
import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from case import Answer, Case, Fill, measure, read_case, tell

PADDING = 2


class Recorded(Strategy):
    """A strategy with the case at hand; `fills` is filled as positions change."""

    case: Case
    unit: float
    fills: list[Fill]
    held: int

    def init(self) -> None:
        self.fills = []
        self.held = 0

    def ticks(self, price: float) -> int:
        return round(price / self.unit)


class Ladder(Recorded):
    """The DCA ladder: one limit order either side, replaced after every buy."""

    def init(self) -> None:
        super().init()
        self.cost = 0
        self.rung = 0
        self.opened = 0

    def next(self) -> None:
        held = int(self.position.size)
        if held != self.held:
            self.take(held)
        elif held == 0 and not self.orders:
            self.enter()

    def enter(self) -> None:
        ticks = self.ticks(self.data.Close[-1])
        self.buy(size=self.case.lots_for(self.case.orders[0], ticks))

    def take(self, held: int) -> None:
        """Book what the last bar did and place what it calls for."""
        before, self.held = self.held, held
        bar = len(self.data) - 1 - PADDING
        for order in self.orders:
            order.cancel()
        if held == 0:
            trade = self.closed_trades[-1]
            self.fills.append(Fill(bar, -before, self.ticks(trade.exit_price)))
            self.enter()
            return
        ticks = self.ticks(self.trades[-1].entry_price)
        self.fills.append(Fill(bar, held - before, ticks))
        self.rung = self.rung + 1 if before else 0
        self.cost = (self.cost if before else 0) + (held - before) * ticks
        self.place(ticks)

    def place(self, bought: int) -> None:
        case = self.case
        if case.may_rebuy(self.cost, self.rung + 1):
            ticks = case.rebuy_ticks(bought)
            lots = case.lots_for(case.orders[self.rung + 1], ticks)
            self.buy(size=lots, limit=ticks * self.unit)
        exit_ticks = case.exit_ticks(self.cost, self.held, self.rung)
        self.sell(size=self.held, limit=exit_ticks * self.unit)


class Cross(Recorded):
    """All in or out at the next open; how much all is, the library works out itself."""

    def init(self) -> None:
        super().init()
        self.signals = [False] * PADDING + self.case.signals.tolist()

    def next(self) -> None:
        held = int(self.position.size)
        if held != self.held:
            bar = len(self.data) - 1 - PADDING
            self.fills.append(Fill(bar, held - self.held, self.ticks(self.data.Open[-1])))
            self.held = held
        wanted = self.signals[len(self.data) - 1]
        if wanted and not held:
            self.buy()
        elif held and not wanted:
            self.position.close()


STRATEGIES = {"dca": Ladder, "sma": Cross}


def frame_of(case: Case, unit: float) -> pd.DataFrame:
    """The market in quote per lot, with the flat bars in front."""
    columns = {}
    for name in ("open", "high", "low", "close"):
        ticks = np.concatenate(([case.open[0]] * PADDING, getattr(case, name)))
        columns[name.capitalize()] = ticks * unit
    before = case.ts[0] - case.bar_ns * np.arange(PADDING, 0, -1)
    index = pd.to_datetime(np.concatenate((before, case.ts)))
    return pd.DataFrame({**columns, "Volume": 1.0}, index=index)


def run() -> None:
    """Measure the case on the command line."""
    case = read_case()
    unit = float(case.tick * case.lot)
    frame = frame_of(case, unit)
    strategy: Any = STRATEGIES[case.name]
    strategy.case, strategy.unit = case, unit
    warnings.simplefilter("ignore")
    backtesting.backtesting._tqdm = lambda bars, **_: bars  # no bar drawn, no time spent on one

    def prepare() -> Backtest:
        return Backtest(frame, strategy, cash=float(case.cash), commission=float(case.fee))

    seconds, result = measure(case, prepare, Backtest.run)
    equity = Decimal(repr(float(result["Equity Final [$]"])))
    tell(case, backtesting.__version__, seconds, Answer(result["_strategy"].fills, equity))


if __name__ == "__main__":
    run()
