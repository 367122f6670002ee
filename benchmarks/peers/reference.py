"""Defines both cases: plain, exact and slow, so that everything faster can be checked against it.

README.md tells the same rules in words. It must not know of any library that is measured.
"""

from decimal import Decimal

from case import Answer, Case, Fill, measure, read_case, tell

VERSION = "1"


def ladder(case: Case) -> Answer:
    """The DCA ladder: at most one fill a bar, the buy first where both orders could trade."""
    opens, highs, lows = case.open.tolist(), case.high.tolist(), case.low.tolist()
    fills: list[Fill] = []
    held = cost = rung = buy_lots = 0
    buy = sell = 0  # a price of zero: no order
    for bar, opened in enumerate(opens):
        if held == 0:
            fills.append(Fill(bar, case.lots_for(case.orders[0], opened), opened))
        elif lows[bar] <= buy:
            fills.append(Fill(bar, buy_lots, buy))
        elif highs[bar] >= sell:
            fills.append(Fill(bar, -held, sell))
        else:
            continue
        _, lots, ticks = fills[-1]
        if lots < 0:
            held = cost = 0
            continue
        rung = rung + 1 if held else 0
        held, cost = held + lots, cost + lots * ticks
        sell = case.exit_ticks(cost, held, rung)
        buy = case.rebuy_ticks(ticks) if case.may_rebuy(cost, rung + 1) else 0
        buy_lots = case.lots_for(case.orders[rung + 1], buy) if buy else 0
    return Answer(fills, final_equity(case, fills))


def cross(case: Case) -> Answer:
    """All in or out at the open after a close whose signal differs from the position."""
    opens, signals = case.open.tolist(), case.signals.tolist()
    fills: list[Fill] = []
    cash, held = case.cash, 0
    for bar in range(1, len(opens)):
        if signals[bar - 1] is bool(held):
            continue
        value = opens[bar] * case.tick * case.lot
        lots = -held if held else int(cash // (value * (1 + case.fee)))
        if lots == 0:
            continue
        fills.append(Fill(bar, lots, opens[bar]))
        cash -= lots * value + abs(lots) * value * case.fee
        held += lots
    return Answer(fills, final_equity(case, fills))


def final_equity(case: Case, fills: list[Fill]) -> Decimal:
    """Cash after every trade and its fee, and what is held valued at the last close."""
    unit = case.tick * case.lot
    spent = sum(fill.lots * fill.ticks for fill in fills)
    turned = sum(abs(fill.lots) * fill.ticks for fill in fills)
    held = sum(fill.lots for fill in fills)
    return case.cash - spent * unit - turned * unit * case.fee + held * int(case.close[-1]) * unit


RUNS = {"dca": ladder, "sma": cross}


def run() -> None:
    """Work the case on the command line."""
    case = read_case()
    seconds, answer = measure(case, lambda: case, RUNS[case.name])
    tell(case, VERSION, seconds, answer)


if __name__ == "__main__":
    run()
