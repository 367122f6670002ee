"""The compiled ladder equals the exact engine, fill by fill, to the last unit."""

from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from absolute.desk.backtest import run
from absolute.desk.benchmark_own import ladder_shape
from absolute.desk.market_data import Found, made_market
from absolute.desk.markets import Grid, market
from absolute.desk.setup import Assumptions, FeeTerms
from absolute.domain.fees import FeeCoin
from absolute.domain.fill import Liquidity
from absolute.domain.instrument import Kind
from absolute.domain.messages import OrderFilled
from absolute.domain.notes import Halted, LadderCapped
from absolute.domain.units import ZERO, Quote, Ratio
from absolute.kernels.ladder import ASKED, GRAIN, LadderTerms, _exit_ticks, run_ladder
from absolute.kernels.skip import SkipIndex
from absolute.kernels.tape import PRICES, Tape
from absolute.lake.bars import read_bars
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import SEED_DEFAULTS, LadderConfig, Shape, TargetMode

from tests.builders import D, spot, tape_of

REAL = Path(__file__).resolve().parents[3] / "shared/data/ohlcv/btcusdt_binance_spot_1m.parquet"
UNIT = D("1e-8")
CAPITAL = D(10_000)
QUOTE = FeeTerms(D("0.001"), D("0.001"), FeeCoin.QUOTE)
RECEIVED = FeeTerms(D("0.001"), D("0.001"), FeeCoin.RECEIVED)
UNEVEN = FeeTerms(D("0.0002"), D("0.00055"), FeeCoin.RECEIVED)
FREE = FeeTerms(Ratio(ZERO), Ratio(ZERO), FeeCoin.QUOTE)

STEEP = replace(
    SEED_DEFAULTS,
    multiplicador_recompra=D("1.07"),
    multiplicador_qty=D("1.137"),
    multiplicador_lucro=D("0.913"),
)
DENSE = replace(
    SEED_DEFAULTS,
    qty_inicial=D(100),
    recompra_queda_inicial=D("0.0003"),
    recompra_queda_minimo=D("0.0001"),
    lucro_alvo_inicial=D("0.004"),
    lucro_alvo_minimo=D("0.001"),
)
CONFIGS = {
    "the seed's": SEED_DEFAULTS,
    "nothing reinvested": replace(SEED_DEFAULTS, lucro_reaplicar=False),
    "no cap": replace(SEED_DEFAULTS, saldo_limite=Quote(ZERO)),
    "a small cap": replace(SEED_DEFAULTS, saldo_limite=D(700)),
    "no rebuy": replace(SEED_DEFAULTS, limite_recompras=0),
    "few rungs": replace(
        SEED_DEFAULTS, limite_recompras=3, recompra_queda_inicial=D("0.005")
    ),
    "steep": STEEP,
    "a power curve": replace(STEEP, shape=Shape.POWER, curvatura=D("1.7")),
    "dense": DENSE,
    "sold at the average": replace(
        DENSE, lucro_alvo_inicial=Ratio(ZERO), lucro_alvo_minimo=Ratio(ZERO), limite_recompras=5
    ),
}  # fmt: skip


def exact_run(found, config, fees, capital):
    """The fills of the exact engine, what it was worth at the last close, and its notes."""
    assumed = Assumptions(fees=fees, capital=capital)
    done = run(found, Ladder(config), assumed=assumed)
    entries = done.journal.entries
    fills = [entry.event.fill for entry in entries if isinstance(entry.event, OrderFilled)]
    last = found.tape.price(found.tape.close.item(-1))
    notes = [note for entry in entries for note in entry.outcome.notes]
    return fills, done.desk.portfolio.ledger.equity(last), notes


def fast_run(found, config, fees, capital):
    tape = found.tape
    terms = LadderTerms.of(
        ladder_shape(config),
        instrument=found.instrument,
        fees=fees.schedule(),
        cash=capital,
        price_unit=tape.price_unit,
    )
    return run_ladder(tape.open, SkipIndex.over(tape.low, tape.high), terms)


def compare(found, config, fees, capital=CAPITAL):
    """Hold every fill and the last equity against the engine; returns its fills and notes."""
    tape, lot = found.tape, found.instrument.lot
    plain, equity, notes = exact_run(found, config, fees, capital)
    fast = fast_run(found, config, fees, capital)
    bars = (np.searchsorted(tape.ts, [fill.time for fill in plain], side="right") - 1).tolist()
    told = [
        (bar, fill.side == "buy", fill.price, fill.qty, fill.fee.amount)
        for bar, fill in zip(bars, plain, strict=True)
    ]
    assert told == [
        (bar, lots > 0, ticks * tape.price_unit, abs(lots) * lot, fee * UNIT)
        for bar, lots, ticks, fee in fast.fills.tolist()
    ]
    assert fast.equity(tape.price(tape.close.item(-1))) == equity
    return plain, notes


@cache
def made(seed, bars):
    return made_market(seed=seed, bars=bars, first_price=D(60_000))


def gapped(seed, bars, every):
    """A market that lacks most of its bars, so that it jumps from close to open."""
    found = made(seed, bars)
    tape = found.tape
    columns = {name: getattr(tape, name)[::every] for name in (*PRICES, "ts", "volume")}
    return found.over(Tape.of(**columns, price_unit=tape.price_unit, bar_ns=tape.bar_ns))


# ------------------------------------------------------------------------------------ whole runs


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize("fees", [QUOTE, RECEIVED, UNEVEN], ids=["quote", "received", "uneven"])
def test_every_fill_of_the_kernel_is_a_fill_of_the_engine(config, fees):
    for seed in range(2):
        fills, _ = compare(made(seed, 60_000), config, fees)
        assert len(fills) >= 5


@pytest.mark.parametrize("seed", range(2, 6))
def test_long_markets_trade_alike(seed):
    fills, _ = compare(made(seed, 200_000), SEED_DEFAULTS, RECEIVED)
    assert len(fills) > 60


@pytest.mark.parametrize("fees", [QUOTE, RECEIVED], ids=["quote", "received"])
@pytest.mark.parametrize("every", [40, 1_000])
def test_a_jump_over_several_rungs_is_taken_alike(fees, every):
    """After a jump the next rung is marketable when it is sent: it takes the next open."""
    takers = 0
    for seed in range(3):
        fills, _ = compare(gapped(seed, 200_000, every), DENSE, fees)
        takers += sum(
            fill.liquidity is Liquidity.TAKER and "rung" in fill.client_id for fill in fills
        )
    assert takers > 20


def test_a_wallet_that_runs_dry_ends_alike():
    """The wallet caps the ladder, and what it lost at last leaves too little for a first order."""
    config = replace(CONFIGS["sold at the average"], qty_inicial=D(300), saldo_limite=Quote(ZERO))
    dear = FeeTerms(D("0.02"), D("0.02"), FeeCoin.QUOTE)
    _, notes = compare(made(1, 60_000), config, dear, D(1_000))
    assert any(isinstance(note, LadderCapped) for note in notes)
    assert any(isinstance(note, Halted) for note in notes)


def test_the_recorded_minutes_trade_alike():
    if not REAL.exists():
        pytest.skip("the recorded market is not here")
    tape = read_bars(REAL).tape
    instrument = market("BTCUSDT", Kind.SPOT, unit=tape.price_unit, grid=Grid())
    found = Found(tape, made(0, 1_000).source, instrument)
    for config in (SEED_DEFAULTS, CONFIGS["nothing reinvested"], CONFIGS["dense"]):
        for fees in (QUOTE, RECEIVED):
            fills, _ = compare(found, config, fees)
            assert len(fills) > 200


def by_hand(rows, config, fees=FREE):
    tape = tape_of(rows)
    return compare(Found(tape, made(0, 1_000).source, spot()), config, fees)[0]


THIRDS = LadderConfig(
    qty_inicial=D(80),
    multiplicador_qty=D("1.5"),
    qty_minima=D(80),
    lucro_alvo_inicial=D("0.005"),
    multiplicador_lucro=D(1),
    recompra_queda_inicial=D("0.25"),
    recompra_queda_maximo=D("0.25"),
    limite_recompras=1,
    lucro_reaplicar=False,
)


def test_an_exit_on_the_tick_after_an_endless_average_is_asked_for():
    """1 coin at 80 and 2 at 60 average 66.666..., and 1.005 times that is 67.00 to the tick."""
    rows = [80, (80, 80, 60, 65), (65, 66, 64, 66), (66, 67, 66, 67), 67]
    fills = by_hand(rows, THIRDS)
    assert [fill.price for fill in fills] == [80, 60, 67, 67]
    terms = terms_of(THIRDS)
    assert _exit_ticks(200 * 10**8, 3 * 10**8, GRAIN + GRAIN // 200, terms) == ASKED


def test_an_order_that_jumped_over_a_rung_sends_a_rung_that_takes():
    """Drops of 10 %: 100 -> 90 -> 81 -> 72.90; the open of 70 fills at 90, then 81 takes 69."""
    config = replace(SEED_DEFAULTS, recompra_queda_inicial=D("0.1"), recompra_queda_maximo=D("0.1"))
    rows = [100, (70, 71, 70, 70), (69, 69, 68, 68), (61, 62, 61, 62)]
    fills = by_hand(rows, config)
    # 69 * 0.9 = 62.10, sent while the market stood at 69; the open of 61 is beyond it
    assert [fill.price for fill in fills] == [100, 90, 69, D("62.10")]
    assert [fill.liquidity for fill in fills] == ["taker", "maker", "taker", "maker"]


# --------------------------------------------------------------------------------- the arithmetic


def terms_of(config, fees=QUOTE, cash=CAPITAL, **grid):
    instrument = spot(**grid)
    return LadderTerms.of(
        ladder_shape(config),
        instrument=instrument,
        fees=fees.schedule(),
        cash=cash,
        price_unit=instrument.tick,
    )


@given(
    paid=st.integers(10**8, 2**51),
    bought=st.integers(1, 2**40),
    target=st.integers(0, GRAIN // 10) | st.sampled_from([GRAIN // 200, 35 * GRAIN // 1000]),
    nearest=st.booleans(),
)
def test_an_exit_is_rounded_as_28_digits_are(paid, bought, target, nearest):
    """Also where the exit is built to fall on a tick or a hair beside one."""
    terms = terms_of(SEED_DEFAULTS)
    grow = GRAIN + target
    if nearest:
        ticks = paid * terms.over * grow // (bought * terms.under * GRAIN)
        paid = ticks * bought * terms.under * GRAIN // (terms.over * grow)
    assume(2**52 > paid > 0 and paid * terms.over // bought < 10**11)
    price = Decimal(paid) / Decimal(bought) * (Decimal(grow) / GRAIN)
    told = _exit_ticks(paid, bought, grow, terms)
    if told != ASKED:
        whole, rest = divmod(price, D("0.01"))
        assert told == whole + (rest != 0)
        # A ceiling, held against exact fractions as well.
        assert told == -(-paid * terms.over * grow // (bought * terms.under * GRAIN))


# ----------------------------------------------------------------------------------- the refusals


def test_what_the_twin_does_not_do_is_refused():
    for changed in (
        {"target_mode": TargetMode.NET},
        {"resting_rebuys": 2},
        {"cool_down_s": 60},
    ):
        with pytest.raises(ValueError, match=next(iter(changed))):
            ladder_shape(replace(SEED_DEFAULTS, **changed))
    rebate = FeeTerms(D("-0.0001"), D("0.001"))
    with pytest.raises(ValueError, match="rebates"):
        terms_of(SEED_DEFAULTS, rebate)
    half = replace(SEED_DEFAULTS, recompra_queda_inicial=D("0.5"), recompra_queda_maximo=D("0.5"))
    with pytest.raises(ValueError, match="drops"):
        terms_of(half)
    with pytest.raises(ValueError, match="does not fit"):
        terms_of(SEED_DEFAULTS, cash=D(10**9))
    with pytest.raises(ValueError, match="ledger units"):
        terms_of(SEED_DEFAULTS, tick="0.0000001", lot="0.01")


@pytest.mark.parametrize(
    ("instrument", "words"),
    [
        (spot(min_notional="299.998"), "smallest"),
        (spot(min_qty="3"), "smallest"),
        (replace(spot(), max_notional=D(500)), "largest"),
        (replace(spot(), max_qty=D(5)), "largest"),
        (replace(spot(), max_notional=D(900)), "ask the exact engine"),
    ],
)
def test_a_filter_that_could_matter_is_refused(instrument, words):
    tape = tape_of([100, (100, 100, 50, 50), 40, 30, 20])
    found = Found(tape, made(0, 1_000).source, instrument)
    with pytest.raises(ValueError, match=words):
        fast_run(found, SEED_DEFAULTS, QUOTE, D(10_000))


def test_prices_of_a_few_ticks_are_refused():
    found = Found(tape_of([1, D("0.99")]), made(0, 1_000).source, spot())
    with pytest.raises(ValueError, match="ticks"):
        fast_run(found, SEED_DEFAULTS, QUOTE, CAPITAL)


def test_no_bars_make_no_fills():
    terms = terms_of(SEED_DEFAULTS)
    none = np.zeros(0, np.int64)
    done = run_ladder(none, SkipIndex(none, none, none, none), terms)
    assert len(done.fills) == 0
    assert done.equity(D(100)) == 10_000
