"""Owns what every runner is handed: one market and the rules of one comparison, in whole numbers.

Prices are whole ticks and quantities whole lots, so that no runner can differ from another by a
rounding. It also owns the stop-watch and the one JSON object a runner prints. It must not know of
any library that is measured.
"""

import gc
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, setcontext
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

import numpy as np

State = TypeVar("State")
Result = TypeVar("Result")

DIGITS = 60
"""Wide enough that no product of a price, a quantity and a fee is ever rounded."""


class Fill(NamedTuple):
    """One trade: the bar's index, lots bought (above zero) or sold (below), the price in ticks."""

    bar: int
    lots: int
    ticks: int


@dataclass(frozen=True)
class Case:
    """One market, int64 ticks and bool signals of equal length, and the rules over it.

    `orders[k]` quote is spent at rung k and `targets[k]` holds once k rebuys have filled;
    `signals[i]` says whether the close of bar i asks for a position. `engine` chooses among the
    engines of a library that has several.
    """

    name: str
    bar_ns: int
    ts: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    signals: np.ndarray
    cash: Decimal
    fee: Decimal
    tick: Decimal
    lot: Decimal
    cap: Decimal
    drop: Decimal
    orders: tuple[Decimal, ...]
    targets: tuple[Decimal, ...]
    repeat: int
    warm_up: int
    engine: str
    list_fills: bool

    def prices(self, column: np.ndarray) -> np.ndarray:
        """A column as float64 quote per base: the nearest double of each price."""
        over, under = self.tick.as_integer_ratio()
        return column * over / under

    def lots_for(self, quote: Decimal, ticks: int) -> int:
        """The lots an amount buys at a price, rounded down."""
        return int(quote // (ticks * self.tick * self.lot))

    def rebuy_ticks(self, bought_ticks: int) -> int:
        """The price of the next rebuy below the last buy, rounded down."""
        return int((bought_ticks * (1 - self.drop)).to_integral_value(ROUND_FLOOR))

    def exit_ticks(self, cost: int, lots: int, rung: int) -> int:
        """The price of the exit over the average of `cost` (ticks times lots), rounded up."""
        price = Decimal(cost) * (1 + self.targets[rung]) / lots
        return int(price.to_integral_value(ROUND_CEILING))

    def may_rebuy(self, cost: int, rung: int) -> bool:
        """Whether rung `rung` exists and fits under the cap beside what was spent."""
        if rung >= len(self.orders):
            return False
        return cost * self.tick * self.lot + self.orders[rung] <= self.cap


@dataclass(frozen=True)
class Answer:
    """What a run came to: the trades in order and cash plus position at the last close."""

    fills: list[Fill]
    final_equity: Decimal


def read_case() -> Case:
    """The case named on the command line: an .npz file with the market, a .json with the rules."""
    setcontext(Context(prec=DIGITS))
    market, rules = np.load(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    bars = slice(0, rules.pop("bars"))
    columns = {name: market[name][bars] for name in market.files}
    for name in ("cash", "fee", "tick", "lot", "cap", "drop"):
        rules[name] = Decimal(rules[name])
    for name in ("orders", "targets"):
        rules[name] = tuple(Decimal(value) for value in rules[name])
    return Case(**columns, **rules)


def measure(
    case: Case, prepare: Callable[[], State], run: Callable[[State], Result]
) -> tuple[list[float], Result]:
    """The seconds of each counted run, and the result of the last.

    What `prepare` does is not counted, nor are the first `warm_up` runs.
    """
    seconds: list[float] = []
    for _ in range(case.warm_up + case.repeat):
        state = prepare()
        gc.collect()
        started = perf_counter()
        result = run(state)
        seconds.append(perf_counter() - started)
    return seconds[case.warm_up :], result


def tell(case: Case, version: str, seconds: list[float], answer: Answer) -> None:
    """Print what was measured as one JSON object, the last line of stdout."""
    said: dict[str, Any] = {
        "bars": len(case.ts),
        "runs": seconds,
        "fills": len(answer.fills),
        "final_equity": f"{answer.final_equity:f}",
        "version": version,
    }
    if case.list_fills:
        said["fill_list"] = answer.fills
    print(json.dumps(said))
