"""Runs both cases in vectorbt: the ladder as a compiled order function, the cross from signals.

The order function holds the rules of README.md itself, since vectorbt has no resting orders. The
library's own settings are left alone but for what the cases do not use and what would only cost
it time.
"""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt
from case import Answer, Case, Fill, measure, read_case, tell
from numba import njit
from vectorbt.portfolio import nb
from vectorbt.portfolio.enums import Direction

HELD, COST, RUNG, BUY, SELL, BUY_LOTS = range(6)
LOTS_MAX = 1e9
"""More than any balance buys: all in, said as a number, since infinity has no lots."""


@njit
def lots_for(quote, ticks, unit):
    """The lots an amount buys at a price, rounded down; the grain is for a double a hair below."""
    return np.int64(np.floor(quote / (ticks * unit) + 1e-9))


@njit
def ladder_fill(bar, state, first_lots, bars):
    """The lots (below zero: sold) and ticks that trade in this bar, or no lots."""
    opens, highs, lows = bars
    opened = opens[bar]
    if state[HELD] == 0:
        return first_lots, opened
    if lows[bar] <= state[BUY]:
        return state[BUY_LOTS], state[BUY]
    if highs[bar] >= state[SELL]:
        return -state[HELD], state[SELL]
    return np.int64(0), opened


@njit
def ladder_order(c, state, bars, series, rules):
    """The order of this bar: what trades in it, at its price, or nothing."""
    orders, targets = series
    tick, lot, fee, drop, cap = rules
    unit = tick * lot
    first_lots = np.int64(0)
    if state[HELD] == 0:
        first_lots = lots_for(orders[0], bars[0][c.i], unit)
    lots, ticks = ladder_fill(c.i, state, first_lots, bars)
    if lots == 0:
        return nb.order_nothing_nb()
    if lots < 0:
        state[HELD] = 0
        state[COST] = 0
    else:
        rung = state[RUNG] + 1 if state[HELD] else 0
        state[RUNG] = rung
        state[HELD] += lots
        state[COST] += lots * ticks
        average = state[COST] / state[HELD]
        # A double is off by at most a billionth of a tick here; the rest is a real fraction.
        state[SELL] = np.int64(np.ceil(average * (1 + targets[rung]) - 1e-6))
        state[BUY] = 0
        if rung + 1 < len(orders) and state[COST] * unit + orders[rung + 1] <= cap:
            state[BUY] = np.int64(np.floor(ticks * (1 - drop) + 1e-6))
            state[BUY_LOTS] = lots_for(orders[rung + 1], state[BUY], unit)
    return nb.order_nb(size=lots * lot, price=ticks * tick, fees=fee, direction=Direction.LongOnly)


def ladder(case: Case) -> tuple[list[float], Any]:
    """Portfolio.from_order_func over the ladder."""
    close = pd.Series(case.prices(case.close), index=pd.to_datetime(case.ts))
    bars = (case.open, case.high, case.low)
    series = tuple(
        np.array([float(value) for value in values]) for values in (case.orders, case.targets)
    )
    rules = tuple(float(x) for x in (case.tick, case.lot, case.fee, case.drop, case.cap))

    def run(state: np.ndarray) -> Any:
        return vbt.Portfolio.from_order_func(
            close,
            ladder_order,
            state,
            bars,
            series,
            rules,
            init_cash=float(case.cash),
            update_value=False,
            fill_pos_record=False,
            ffill_val_price=False,
            call_pre_segment=False,
            call_post_segment=False,
        )

    return measure(case, lambda: np.zeros(6, dtype=np.int64), run)


def cross(case: Case) -> tuple[list[float], Any]:
    """Portfolio.from_signals; its price is the open, so each signal stands one bar later."""
    index = pd.to_datetime(case.ts)
    close = pd.Series(case.prices(case.close), index=index)
    late = np.concatenate(([False], case.signals[:-1]))
    before = np.concatenate(([False], late[:-1]))
    entries = pd.Series(late & ~before, index=index)
    exits = pd.Series(before & ~late, index=index)
    # Lots count for buys alone: a sell of everything must not be rounded.
    grain = np.where(entries, float(case.lot), np.nan)
    opens = case.prices(case.open)

    def run(_: None) -> Any:
        return vbt.Portfolio.from_signals(
            close,
            entries,
            exits,
            size=LOTS_MAX,
            price=opens,
            size_granularity=grain,
            fees=float(case.fee),
            init_cash=float(case.cash),
            engine=case.engine,
        )

    return measure(case, lambda: None, run)


def answer_of(case: Case, portfolio: Any) -> Answer:
    """The order records as fills, and the portfolio's own final value."""
    records = portfolio.order_records
    sign = np.where(records["side"] == 0, 1, -1)
    lots = np.rint(records["size"] / float(case.lot)).astype(np.int64) * sign
    ticks = np.rint(records["price"] / float(case.tick)).astype(np.int64)
    bars = records["idx"].tolist()
    fills = list(map(Fill, bars, lots.tolist(), ticks.tolist()))
    return Answer(fills, Decimal(repr(float(portfolio.final_value()))))


RUNS = {"dca": ladder, "sma": cross}


def run() -> None:
    """Measure the case on the command line."""
    case = read_case()
    seconds, portfolio = RUNS[case.name](case)
    tell(case, vbt.__version__, seconds, answer_of(case, portfolio))


if __name__ == "__main__":
    run()
