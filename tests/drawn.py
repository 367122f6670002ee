"""Owns what Hypothesis draws for the laws of the spine: markets, ladders, assumptions.

Sizes are chosen so that things happen: bars move by about as much as rungs are apart, lots and
minima are coarse enough to skip and raise rungs and to leave dust, volumes are small enough to fill
orders in part. It must not know any law.
"""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from absolute.domain.fees import FeeCoin, FeeSchedule
from absolute.domain.ids import Role
from absolute.domain.instrument import Side
from absolute.domain.order import OrderType, Terms, TimeInForce
from absolute.domain.units import Asset
from absolute.kernels.tape import Tape
from absolute.matching.fills import FillModel, FillRule
from absolute.matching.path import Intrabar
from absolute.strategies.ladder_plan import LadderConfig, Shape, TargetMode

from tests.builders import MINUTE, START, D, Setting, spot

MOVES = st.one_of(st.just(0), st.integers(-3, 3), st.integers(-60, 60), st.integers(-250, 250))
WICKS = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 120))
GAPS = st.one_of(st.just(0), st.just(0), st.just(0), st.integers(-2, 2), st.integers(-400, 400))
VOLUMES = st.sampled_from([0.0, 1.0, 7.5, 30.0, 1000.0])
HOLES = st.sampled_from([0, 0, 0, 0, 0, 0, 0, 3])
BARS = st.tuples(GAPS, MOVES, WICKS, WICKS, VOLUMES, HOLES)


@st.composite
def tapes(draw, *, unit=None, bars_max=40) -> Tape:
    """A market around 100 in permyriads: jumps, gaps, one-tick bars, dry bars, missing minutes.

    Half of them are drawn bar by bar, so that a failure shrinks; half are long and thrown by a
    seed, so that whole deals come and go.
    """
    unit = D(unit or draw(st.sampled_from(["0.01", "0.01", "0.1", "1"])))
    if draw(st.booleans()):
        return _tape(draw(st.lists(BARS, min_size=1, max_size=bars_max)), unit)
    chance = np.random.Generator(np.random.PCG64(draw(st.integers(0, 10_000))))
    return _tape(_thrown(chance, draw(st.integers(20, 6 * bars_max))), unit)


def _thrown(chance: np.random.Generator, count: int) -> list[tuple]:
    """Bars by dice: calm stretches, wild ones, now and then a jump or a hole."""
    wild = chance.choice([10, 60, 150], size=count)
    gaps = np.where(chance.random(count) < 0.05, chance.integers(-300, 301, count), 0)
    moves = (chance.standard_normal(count) * wild).astype(int)
    ups = chance.integers(0, wild + 1, count)
    downs = chance.integers(0, wild + 1, count)
    volumes = chance.choice([0.0, 1.0, 7.5, 30.0, 1000.0], size=count)
    holes = np.where(chance.random(count) < 0.03, 3, 0)
    columns = (gaps, moves, ups, downs, volumes, holes)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _tape(rows: list[tuple], unit: D) -> Tape:
    scale = int(100 / unit)
    close, time = scale, START
    columns = []
    for gap, move, up, down, volume, hole in rows:
        start = max(1, close + gap * scale // 10_000)
        close = max(1, start + move * scale // 10_000)
        high = max(start, close) + up * scale // 10_000
        low = max(1, min(start, close) - down * scale // 10_000)
        time += hole * MINUTE
        columns.append((time, start, high, low, close, volume))
        time += MINUTE
    ts, opens, highs, lows, closes, volumes = (
        np.array(each) for each in zip(*columns, strict=True)
    )
    return Tape.of(
        ts=ts, open=opens, high=highs, low=lows, close=closes, volume=volumes.astype(float),
        price_unit=unit, bar_ns=MINUTE,
    )  # fmt: skip


def _text(*values: str):
    return st.sampled_from([D(value) for value in values])


@st.composite
def ladders(draw) -> LadderConfig:
    """A ladder whose settings are legal."""
    first = draw(_text("50", "120", "300", "333.33"))
    low = first * draw(_text("0.2", "0.5", "1"))
    high = first * draw(_text("1", "1.5", "3"))
    config = LadderConfig(
        qty_inicial=first,
        multiplicador_qty=draw(_text("0.5", "1", "1.02", "1.5")),
        qty_minima=low,
        qty_maxima=high,
        lucro_alvo_inicial=draw(_text("0.005", "0.01", "0.035")),
        multiplicador_lucro=draw(_text("0.5", "0.95", "1", "1.3")),
        lucro_alvo_minimo=D("0.002"),
        lucro_alvo_maximo=D("0.05"),
        recompra_queda_inicial=draw(_text("0.005", "0.01", "0.02")),
        multiplicador_recompra=draw(_text("0.8", "1", "1.4")),
        recompra_queda_minimo=D("0.002"),
        recompra_queda_maximo=D("0.03"),
        limite_recompras=draw(st.sampled_from([0, 1, 2, 3, 8, 20])),
        saldo_limite=draw(st.sampled_from([D(0), first, first * 2, first * D("3.7"), first * 20])),
        lucro_reaplicar=draw(st.booleans()),
        target_mode=draw(st.sampled_from(TargetMode)),
        shape=draw(st.sampled_from(Shape)),
        curvatura=draw(_text("0.5", "1", "2")),
        resting_rebuys=draw(st.sampled_from([1, 1, 2, 3])),
        reprice_on_partial=draw(st.booleans()),
        rung_timeout_s=draw(st.sampled_from([None, 1, 90, 600])),
        on_exit_partial=draw(st.sampled_from(["cancel", "keep"])),
        on_exit_race=draw(st.sampled_from(["new_deal", "sell"])),
        cool_down_s=draw(st.sampled_from([0, 0, 30, 200])),
    )
    assert not config.validate(), config.validate()
    return config


INSTRUMENTS = st.sampled_from(
    [
        spot(),
        spot(tick="0.1", lot="0.01", min_qty="0.01", min_notional="50"),
        spot(tick="0.5", lot="0.1", min_qty="0.2", min_notional="0"),
        spot(tick="1", lot="1", min_qty="1", min_notional="0"),
        spot(tick="0.01", lot="0.001", min_qty="0.1", min_notional="90"),
    ]
)
RATES = st.sampled_from(
    [("0", "0"), ("0.001", "0.001"), ("-0.0002", "0.0005"), ("0.0007", "0.0033"), ("0.01", "0.02")]
)
MODELS = st.builds(
    FillModel,
    rule=st.sampled_from(FillRule),
    volume_share=_text("0.1", "0.05", "1"),
    queue_ahead=_text("0", "0.5", "20"),
)
DELAYS = st.sampled_from(
    [(0, 0), (200, 900), (1_000, 40_000), (15_000, 15_000), (60_000, 60_000), (90_000, 200_000)]
)


@st.composite
def fee_schedules(draw, coins=tuple(FeeCoin)) -> FeeSchedule:
    """A schedule in any coin; the third coin has an awkward price."""
    maker, taker = draw(RATES)
    coin = draw(st.sampled_from(coins))
    if coin is FeeCoin.THIRD:
        return FeeSchedule(
            D(maker), D(taker), coin, Asset("BNB"), draw(_text("1", "250", "611.37"))
        )
    return FeeSchedule(D(maker), D(taker), coin)


@st.composite
def settings_of_runs(draw, *, coins=tuple(FeeCoin), slippage=True, latency=True) -> Setting:
    """Everything about a run that is neither the market's path nor the strategy."""
    schedule = draw(fee_schedules(coins))
    wallet = {"USDT": draw(_text("400", "1000.01", "10000", "100000"))}
    if schedule.coin is FeeCoin.THIRD:
        wallet["BNB"] = D(1_000)
    setting = Setting(
        instrument=draw(INSTRUMENTS),
        fees=schedule,
        wallet=wallet,
        fills=draw(MODELS),
        intrabar=draw(st.sampled_from(Intrabar)),
        seed=draw(st.integers(0, 5)),
    )
    if slippage:
        setting = replace(setting, slippage_bps=draw(_text("0", "0", "3", "50")))
    if latency:
        setting = replace(setting, submit_ms=draw(DELAYS), cancel_ms=draw(DELAYS))
    return setting


@st.composite
def terms(draw, role: str) -> Terms:
    """One order of any type, near the market of `tapes`."""
    side, kind = draw(st.sampled_from(Side)), draw(st.sampled_from(OrderType))
    near = st.integers(-600, 600).map(lambda ticks: D(100) + ticks * D("0.01"))
    limited = kind in {OrderType.LIMIT, OrderType.STOP_LIMIT}
    waits = kind in {OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT}
    return Terms(
        Role(role),
        side,
        kind,
        qty=draw(_text("0.5", "1", "12.34567", "40")),
        price=draw(near) if limited else None,
        trigger=draw(near) if waits else None,
        trail=draw(_text("0.01", "0.4", "2.5")) if kind is OrderType.TRAILING else None,
        time_in_force=draw(st.sampled_from(TimeInForce))
        if kind is OrderType.LIMIT
        else TimeInForce.GTC,
    )


@st.composite
def scripts(draw, minutes: int) -> list[tuple[int, tuple[Terms, ...]]]:
    """Wanted orders at some minutes; roles come back, so that orders are replaced."""
    moments = draw(st.lists(st.integers(0, minutes), min_size=1, max_size=6, unique=True))
    return [
        (
            START + minute * MINUTE,
            tuple(draw(terms(role)) for role in draw(st.sets(st.sampled_from("abcd")).map(sorted))),
        )
        for minute in sorted(moments)
    ]
