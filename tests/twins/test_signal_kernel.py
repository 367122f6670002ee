"""The compiled signal run equals the exact engine, fill by fill, to the last unit."""

from decimal import Decimal

import numpy as np
import pytest

from absolute.desk.backtest import run
from absolute.desk.clock import generator
from absolute.desk.market_data import made_market
from absolute.desk.setup import Assumptions, FeeTerms
from absolute.domain.fees import FeeCoin
from absolute.domain.messages import OrderFilled
from absolute.domain.units import ONE, ZERO, Ratio
from absolute.engine.agenda import Signals
from absolute.kernels.signal import SignalTerms, run_signals
from absolute.strategies.signal import SignalFollower

UNIT = Decimal("1e-8")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fee", ["0", "0.001", "0.00055"])
def test_every_fill_of_the_kernel_is_a_fill_of_the_engine(seed, fee):
    found = made_market(seed=seed, bars=4000, first_price=Decimal(60_000))
    tape, rng = found.tape, generator(seed)
    signals = np.repeat(rng.random(400) < 0.5, 10)
    rate = Ratio(Decimal(fee))
    changes = np.flatnonzero(np.diff(signals, prepend=False))
    agenda = Signals(changes.tolist(), [ONE if signals[each] else ZERO for each in changes])
    capital = Decimal("137.5")
    exact = run(
        found,
        SignalFollower(),
        assumed=Assumptions(fees=FeeTerms(rate, rate, FeeCoin.QUOTE), capital=capital),
        agenda=agenda,
    )
    fills = [
        entry.event.fill for entry in exact.journal.entries if isinstance(entry.event, OrderFilled)
    ]
    terms = SignalTerms.of(
        cash=capital,
        price_unit=tape.price_unit,
        lot=found.instrument.lot,
        fee=rate,
        min_notional=found.instrument.min_notional,
    )
    fast = run_signals(tape.open, tape.close, signals, terms)

    assert len(fills) > 100
    assert len(fast.fills) == len(fills)
    for plain, row in zip(fills, fast.fills, strict=True):
        assert plain.qty == abs(int(row["lots"])) * found.instrument.lot
        assert plain.price == int(row["ticks"]) * tape.price_unit
        assert plain.fee is not None
        assert plain.fee.amount == int(row["fee"]) * UNIT
        assert (plain.side == "buy") == bool(row["lots"] > 0)
    last = tape.close.item(-1)
    ledger = exact.desk.portfolio.ledger
    assert fast.equity(terms, last) == ledger.equity(last * tape.price_unit)


def test_money_beyond_the_whole_numbers_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        SignalTerms.of(
            cash=Decimal(10**9),
            price_unit=Decimal("0.01"),
            lot=Decimal("0.00001"),
            fee=Ratio(Decimal("0.00055")),
            min_notional=ZERO,
        )
