"""A made-up market is a market: valid bars, the known facts of returns, and the same every time."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from absolute.desk.clock import generator
from absolute.kernels.synth import BAND, GRID, Nature, exponent, synth_tape

MINUTE_NS = 60 * 10**9
YEAR_MINUTES = 365 * 24 * 60
START_NS = 1_704_067_200 * 10**9

RECORDED_CLOSES = [6002841, 5996063, 5977717, 5851237]
RECORDED_HASH = "bdeb8c239735625b284ea7b13bb6d5dfd8414cb9c395763b98cf07a09211285b"


def market(seed, bars, bar_ns=MINUTE_NS, **changes):
    given_ = {
        "bars": bars,
        "start_ns": START_NS,
        "bar_ns": bar_ns,
        "first_price": Decimal(60_000),
        "price_unit": Decimal("0.01"),
    }
    return synth_tape(generator(seed), **(given_ | changes))


@pytest.fixture(scope="module")
def million():
    """One million minutes, as the benchmark uses them."""
    return market(1, 1_000_000)


@given(
    seed=st.integers(0, 2**48),
    bars=st.integers(1, 400),
    bar_s=st.sampled_from([1, 60, 300, 3_600, 14_400, 86_400, 604_800]),
    price=st.decimals("0.001", "1000000", places=3),
)
@example(seed=0, bars=1, bar_s=1, price=Decimal("0.001"))
@settings(max_examples=60)
def test_every_bar_is_a_bar(seed, bars, bar_s, price):
    unit = Decimal(1).scaleb(price.adjusted() - 6)
    tape = market(seed, bars, bar_s * 10**9, first_price=price, price_unit=unit)
    assert len(tape) == bars
    assert (tape.low > 0).all()
    assert (tape.low <= np.minimum(tape.open, tape.close)).all()
    assert (tape.high >= np.maximum(tape.open, tape.close)).all()
    assert (tape.volume > 0).all()
    assert abs(tape.price(int(tape.open[0])) - price) <= unit / 2
    assert (tape.open[1:] == tape.close[:-1]).all()
    assert tape.pieces() == [(0, bars)]


@given(seed=st.integers(0, 2**48))
@settings(max_examples=10)
def test_a_seed_makes_one_market(seed):
    one, two = market(seed, 500), market(seed, 500)
    assert one.sha256() == two.sha256()
    assert one.sha256() != market(seed + 1, 500).sha256()


def test_a_recorded_market_is_made_again():
    """Written down once; another machine with the same numpy makes the same bytes."""
    tape = market(7, 5_000)
    assert [tape.close[i] for i in (0, 1, 99, 4_999)] == RECORDED_CLOSES
    assert tape.sha256() == RECORDED_HASH


def test_a_market_may_be_made_over_centuries():
    """20,000 days: the fold keeps the price within e**4 of the first one."""
    tape = market(3, 20_000, 86_400 * 10**9)
    edge = exponent(np.array([BAND / GRID]))[0]
    assert tape.high.max() <= 6_000_000 * edge + 1
    assert tape.low.min() >= 6_000_000 / edge - 1
    assert np.abs(np.diff(np.log(tape.closes()))).max() < 1


def returns(tape):
    return np.diff(np.log(tape.closes()))


def correlation(x, lag):
    return float(np.corrcoef(x[lag:], x[:-lag])[0, 1])


def test_the_volatility_is_as_asked(million):
    # log return per bar times the root of the bars in a year
    assert 0.45 < returns(million).std() * YEAR_MINUTES**0.5 < 0.80
    quiet = market(1, 300_000, nature=Nature(annual_volatility=0.30))
    assert 0.20 < returns(quiet).std() * YEAR_MINUTES**0.5 < 0.42


def test_tails_are_fat(million):
    r = returns(million)
    excess = ((r - r.mean()) ** 4).mean() / r.var() ** 2 - 3
    assert excess > 1


def test_volatility_comes_in_clusters(million):
    size = np.abs(returns(million))
    assert correlation(size, 1) > 0.05
    assert correlation(size, 60) > 0.05
    assert correlation(size, 1440) > 0.02


def test_returns_do_not_foretell_each_other(million):
    assert abs(correlation(returns(million), 1)) < 0.02


def test_there_are_jumps_of_both_signs():
    """Thin tails and a steady volatility, then 10 jumps a day of about 2 percent on top."""
    steady = Nature(
        annual_volatility=2.0, tail_df=1e6, fast_spread=0, slow_spread=0, jumps_per_day=0
    )
    jumpy = replace(steady, jumps_per_day=10, jump_scale=0.02)
    without, with_jumps = (returns(market(5, 50_000, nature=n)) for n in (steady, jumpy))
    assert with_jumps.max() > 2 * without.max()
    assert with_jumps.min() < 2 * without.min()
    assert np.abs(without).max() < 0.06
    # 50,000 minutes are 34.7 days with 347 jumps, of which exp(-3), about 17, exceed 3 mean sizes
    assert 7 <= (np.abs(with_jumps) > 0.06).sum() <= 30


def test_regimes_change(million):
    """The daily volatility of the calmest tenth of days is far below that of the stormiest."""
    daily = returns(million)[: 694 * 1440].reshape(694, 1440).std(axis=1)
    calm, storm = np.quantile(daily, [0.1, 0.9])
    assert storm > 2.5 * calm


def test_volume_follows_the_day_and_the_storm(million):
    hours = (million.ts // (3_600 * 10**9)) % 24
    by_hour = [million.volume[hours == hour].mean() for hour in range(24)]
    assert int(np.argmax(by_hour)) in (13, 14, 15, 16)
    assert max(by_hour) > 1.5 * min(by_hour)
    assert np.corrcoef(million.volume[1:], np.abs(returns(million)))[0, 1] > 0.2
    assert 0.6 < million.volume.sum() / (1_000_000 / 1440) / Nature().daily_volume < 1.6


def test_the_mean_step_is_no_gift(million):
    """Nobody earns by holding on average: the drift over many seeds is within its own error."""
    ends = [np.log(market(seed, 2_000).close[-1] / 6_000_000) for seed in range(200)]
    assert abs(np.mean(ends)) < 4 * np.std(ends) / len(ends) ** 0.5


@given(st.floats(-700, 700, allow_subnormal=False))
def test_the_exponent_is_the_exponent(x):
    assert exponent(np.array([x]))[0] == pytest.approx(np.exp(x), rel=1e-15 * (1 + abs(x)))


def test_the_exponent_of_nothing_is_one():
    assert exponent(np.array([0.0]))[0] == 1.0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"bars": 0}, "at least one"),
        ({"bar_ns": 0}, "at least one"),
        ({"first_price": Decimal("9.99")}, "price units"),
        ({"first_price": Decimal("1e15")}, "price units"),
        ({"nature": Nature(annual_volatility=0.1, jumps_per_day=10)}, "jumps"),
    ],
)
def test_an_impossible_market_is_refused(changes, told):
    with pytest.raises(ValueError, match=told):
        market(1, **({"bars": 10} | changes))
