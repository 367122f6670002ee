"""The figures of a curve against arithmetic done by hand, and against a loop that cannot be wrong.

What an independent library also computes is compared in tests/twins/test_metrics_oracle.py.
"""

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from absolute.engine.metrics import (
    DAY_NS,
    HOUR_NS,
    SECOND_NS,
    Curve,
    annualized_return,
    capm,
    drawdowns,
    expected_shortfall,
    measure,
    monthly_returns,
    sharpe,
    simple_returns,
    sortino,
    trade_figures,
    underwater,
    value_at_risk,
)

NEW_YEAR_2024 = 1_704_067_200 * SECOND_NS
NO_TRADES = np.array([])
MINUTE_NS = 60 * SECOND_NS


def curve_of(equity, *, initial=100.0, bar_ns=DAY_NS, start=NEW_YEAR_2024):
    values = np.array(equity, dtype=np.float64)
    ts = start + np.arange(values.size, dtype=np.int64) * bar_ns
    return Curve(ts, values, initial, bar_ns)


def figures_of(curve, *, trades=NO_TRADES, benchmark=None, risk_free=0.0):
    return measure(curve, trades=trades, benchmark=benchmark, risk_free=risk_free)


def test_four_days_by_hand():
    # 100 -> 110 -> 99 -> 108.9 -> 108.9: returns +0.1, -0.1, +0.1, 0; mean 0.1 / 4 = 0.025.
    metrics = figures_of(curve_of([110.0, 99.0, 108.9, 108.9]))
    year = math.sqrt(365.0)
    assert (metrics.sampling, metrics.samples, metrics.periods_per_year) == ("daily", 4, 365.0)
    assert metrics.elapsed_seconds == 4 * 86_400
    # 108.9 / 100 - 1
    assert metrics.total_return == pytest.approx(0.089)
    # Four days of a year of 365: 365 / 4 = 91.25.
    assert metrics.annualized_return == pytest.approx(1.089**91.25 - 1)
    # Squared distances from 0.025: 0.005625 + 0.015625 + 0.005625 + 0.000625 = 0.0275; / 3.
    spread = math.sqrt(0.0275 / 3)
    assert metrics.volatility == pytest.approx(spread * year)
    assert metrics.sharpe_ratio == pytest.approx(0.025 / spread * year)
    # One fall of 0.1 among four returns: sqrt(0.01 / 4) = 0.05; 0.025 / 0.05 = 0.5.
    assert metrics.sortino_ratio == pytest.approx(0.5 * year)
    # 99 / 110 - 1; the peak of 110 is never seen again, so it lasts from day 1 to day 4.
    assert metrics.max_drawdown == pytest.approx(-0.1)
    assert metrics.max_drawdown_duration == 3 * 86_400
    assert metrics.recovery_time is None
    assert metrics.calmar_ratio == pytest.approx((1.089**91.25 - 1) / 0.1)


def test_a_risk_free_rate_is_compounded_to_the_period():
    # (1 + 0.365) ** (1 / 365) - 1 a day is taken off each return of the case above.
    metrics = figures_of(curve_of([110.0, 99.0, 108.9, 108.9]), risk_free=0.365)
    free = 1.365 ** (1 / 365) - 1
    spread = math.sqrt(0.0275 / 3)
    assert metrics.sharpe_ratio == pytest.approx((0.025 - free) / spread * math.sqrt(365))
    # Falling short of the rate counts: -0.1 - free and 0 - free.
    downside = math.sqrt(((0.1 + free) ** 2 + free**2) / 4)
    assert metrics.sortino_ratio == pytest.approx((0.025 - free) / downside * math.sqrt(365))


def test_three_falls_by_hand():
    # Hours:      0    1    2     3     4     5     6     7     8  (a close ends its hour)
    # Equity:   100   95  100   120   114   108   120   130   117
    # Fall 1: from 100 at 0 h, trough  95 / 100 - 1 = -0.05 at 1 h, back at 2 h.
    # Fall 2: from 120 at 3 h, trough 108 / 120 - 1 = -0.10 at 5 h, back at 6 h.
    # Fall 3: from 130 at 7 h, trough 117 / 130 - 1 = -0.10 at 8 h, not back.
    curve = curve_of([95, 100, 120, 114, 108, 120, 130, 117], bar_ns=HOUR_NS)
    falls = drawdowns(curve)
    assert falls.maximum == pytest.approx(-0.10)
    assert falls.average == pytest.approx(-0.25 / 3)
    assert falls.duration == (2 + 3 + 1) / 3 * 3_600
    assert falls.max_duration == 3 * 3_600
    assert falls.recovery == (1 + 1) / 2 * 3_600  # fall 3 has no recovery to count
    assert underwater(curve)[3] == pytest.approx(114 / 120 - 1)


def test_a_trough_touched_twice_recovers_from_its_first_touch():
    # 100, 90, 95, 90, 100: the trough is at 1 h, the old peak is back at 4 h: three hours.
    falls = drawdowns(curve_of([90, 95, 90, 100], bar_ns=HOUR_NS))
    assert falls.recovery == 3 * 3_600
    assert falls.duration == 4 * 3_600


def test_a_curve_that_never_falls_has_only_a_maximum_of_zero():
    metrics = figures_of(curve_of([101.0, 102.0, 103.0]))
    assert metrics.max_drawdown == 0.0
    assert metrics.average_drawdown is None
    assert metrics.drawdown_duration is None
    assert metrics.max_drawdown_duration is None
    assert metrics.recovery_time is None
    assert metrics.calmar_ratio is None
    assert metrics.sortino_ratio is None


def test_rounding_is_not_a_drawdown():
    falls = drawdowns(curve_of([100.0, 100.0 * (1 - 2e-16), 100.0, 100.0 + 1e-13]))
    assert falls.maximum == 0.0
    assert falls.average is None


def test_constant_returns_have_no_sharpe_ratio():
    assert sharpe(np.full(50, 0.01)) is None
    assert figures_of(curve_of(100 * 1.01 ** np.arange(1, 40))).sharpe_ratio is None
    assert figures_of(curve_of([100.0, 100.0, 100.0])).volatility == 0.0


def test_var_by_hand():
    # 21 returns -0.10, -0.09 ... +0.10: position 0.05 * 20 = 1 is the second smallest, -0.09.
    assert value_at_risk(np.arange(-10, 11) / 100) == pytest.approx(-0.09)
    # 20 returns -0.10 ... +0.09: position 0.05 * 19 = 0.95: -0.10 + 0.95 * 0.01 = -0.0905.
    assert value_at_risk(np.arange(-10, 10) / 100) == pytest.approx(-0.0905)


def test_cvar_by_hand():
    # 20 returns: the tail is 0.05 * 20 = 1 return, the worst.
    assert expected_shortfall(np.arange(-10, 10) / 100) == pytest.approx(-0.10)
    # 30 returns -0.10 ... +0.19: the tail is 1.5 returns: (-0.10 + 0.5 * -0.09) / 1.5.
    assert expected_shortfall(np.arange(-10, 20) / 100) == pytest.approx(-0.145 / 1.5)
    # 4 returns: the tail is 0.2 of a return, which is the worst one.
    assert expected_shortfall(np.array([0.02, -0.03, 0.01, 0.0])) == pytest.approx(-0.03)


def test_beta_and_alpha_by_hand():
    # Market 0.01, -0.01, 0.03: mean 0.01, variance (0 + 0.0004 + 0.0004) / 2 = 0.0004.
    # Ours 0.02, -0.03, 0.01: mean 0; covariance (0 + 0.0006 + 0.0002) / 2 = 0.0004.
    # Beta 0.0004 / 0.0004 = 1; alpha 0 - 1 * 0.01 = -0.01.
    beta, alpha = capm(np.array([0.02, -0.03, 0.01]), np.array([0.01, -0.01, 0.03]))
    assert beta == pytest.approx(1.0)
    assert alpha == pytest.approx(-0.01)
    assert capm(np.array([0.01, 0.02]), np.array([0.01, 0.01])) == (None, None)


def test_holding_the_benchmark_itself_has_beta_one_and_alpha_zero():
    prices = np.array([50.0, 55.0, 44.0, 60.0, 61.0])
    held = curve_of(2.0 * prices, initial=100.0)  # bought at the first close of 50
    metrics = figures_of(held, benchmark=prices, risk_free=0.05)
    assert metrics.beta == pytest.approx(1.0)
    assert metrics.alpha == pytest.approx(0.0, abs=1e-12)
    assert metrics.benchmark_return == pytest.approx(61 / 50 - 1)
    assert figures_of(held).beta is None
    assert figures_of(held).benchmark_return is None


def test_trades_by_hand():
    # Wins 30 + 10 = 40, losses 5 + 15 = 20, one deal of zero: 2 of 5 won.
    figures = trade_figures(np.array([30.0, -5.0, 0.0, 10.0, -15.0]))
    assert figures.total == 5
    assert figures.win_rate == 0.4
    assert figures.profit_factor == 2.0
    assert (figures.average_win, figures.average_loss) == (20.0, -10.0)
    assert (figures.largest_win, figures.largest_loss) == (30.0, -15.0)


def test_trades_that_do_not_exist_leave_figures_undefined():
    nothing = trade_figures(NO_TRADES)
    assert (nothing.total, nothing.win_rate, nothing.profit_factor) == (0, None, None)
    only_wins = trade_figures(np.array([1.0, 2.0]))
    assert only_wins.win_rate == 1.0
    assert only_wins.profit_factor is None
    assert only_wins.average_loss is None
    assert only_wins.largest_loss is None


def test_days_are_sampled_at_their_last_bar():
    # Three days of minutes that start at noon: the days end at 100 + 720, + 2160, + 3600 - 1.
    equity = 100.0 + np.arange(1, 3_601)
    curve = curve_of(equity, bar_ns=MINUTE_NS, start=NEW_YEAR_2024 + 12 * HOUR_NS)
    metrics = figures_of(curve)
    assert (metrics.sampling, metrics.samples) == ("daily", 3)
    returns = np.array([820 / 100, 2260 / 820, 3700 / 2260]) - 1
    assert metrics.volatility == pytest.approx(returns.std(ddof=1) * math.sqrt(365))


def test_runs_shorter_than_two_days_are_sampled_by_the_hour():
    short = figures_of(curve_of(np.linspace(100, 110, 2 * 1440 - 1), bar_ns=MINUTE_NS))
    assert (short.sampling, short.samples, short.periods_per_year) == ("hourly", 48, 365 * 24)
    full = figures_of(curve_of(np.linspace(100, 110, 2 * 1440), bar_ns=MINUTE_NS))
    assert (full.sampling, full.samples) == ("daily", 2)


def test_bars_longer_than_the_grid_are_sampled_one_by_one():
    weekly = figures_of(curve_of([101.0, 99.0, 104.0], bar_ns=7 * DAY_NS))
    assert (weekly.sampling, weekly.samples) == ("bar", 3)
    assert weekly.periods_per_year == pytest.approx(365 / 7)


def test_a_day_without_bars_has_a_return_of_zero():
    ts = NEW_YEAR_2024 + np.array([0, 1, 3], dtype=np.int64) * DAY_NS
    metrics = figures_of(Curve(ts, np.array([110.0, 121.0, 133.1]), 100.0, DAY_NS))
    # +0.1, +0.1, 0 (the hole), +0.1
    returns = np.array([0.1, 0.1, 0.0, 0.1])
    assert metrics.samples == 4
    assert metrics.volatility == pytest.approx(returns.std(ddof=1) * math.sqrt(365))


def test_ruin_ends_the_sample():
    # 100 -> 50 -> -10 -> 20: -0.5, then 50 to -10 is -1.2, and no return is earned on -10.
    curve = curve_of([50.0, -10.0, 20.0])
    assert simple_returns(np.array([100.0, 50.0, -10.0, 20.0])) == pytest.approx([-0.5, -1.2])
    metrics = figures_of(curve, benchmark=np.array([1.0, 2.0, 3.0]))
    assert metrics.samples == 2
    assert metrics.max_drawdown == pytest.approx(-1.1)
    assert metrics.total_return == pytest.approx(-0.8)
    assert metrics.beta is not None


def test_nothing_left_is_minus_one_and_less_than_nothing_has_no_rate():
    assert figures_of(curve_of([50.0, 0.0])).annualized_return == -1.0
    assert figures_of(curve_of([50.0, -5.0])).annualized_return is None
    assert annualized_return(1e9, DAY_NS) is None  # no float can hold that rate
    assert annualized_return(1.01, DAY_NS - 1) is None  # an hour says nothing about a year
    assert annualized_return(1.01, DAY_NS) == pytest.approx(1.01**365 - 1)


def test_one_bar_defines_hardly_anything():
    metrics = figures_of(curve_of([101.0], bar_ns=MINUTE_NS))
    assert metrics.total_return == pytest.approx(0.01)
    assert metrics.max_drawdown == 0.0
    undefined = ("volatility", "sharpe_ratio", "sortino_ratio", "var_95", "cvar_95", "beta")
    assert [getattr(metrics, name) for name in undefined] == [None] * len(undefined)


def test_months_and_years_by_hand():
    # 31 January 2024 ends at 110 (+0.1), 29 February at 99 (-0.1), 1 March at 108.9 (+0.1).
    ts = NEW_YEAR_2024 + np.array([0, 30, 59, 60], dtype=np.int64) * DAY_NS
    months, returns = monthly_returns(
        Curve(ts, np.array([120.0, 110.0, 99.0, 108.9]), 100.0, DAY_NS)
    )
    assert months.tolist() == [54 * 12, 54 * 12 + 1, 54 * 12 + 2]
    assert returns == pytest.approx([0.1, -0.1, 0.1])


@pytest.mark.parametrize(
    ("ts", "equity", "initial", "bar_ns"),
    [
        ([], [], 100.0, DAY_NS),
        ([0, 1], [1.0], 100.0, DAY_NS),
        ([0, 0], [1.0, 1.0], 100.0, DAY_NS),
        ([0, 1], [1.0, math.nan], 100.0, DAY_NS),
        ([0, 1], [1.0, 1.0], 0.0, DAY_NS),
        ([0, 1], [1.0, 1.0], 100.0, 0),
    ],
)
def test_arrays_that_do_not_fit_are_refused(ts, equity, initial, bar_ns):
    with pytest.raises(ValueError, match="must"):
        Curve(np.array(ts, dtype=np.int64), np.array(equity), initial, bar_ns)


def test_other_inputs_that_do_not_fit_are_refused():
    curve = curve_of([101.0, 102.0])
    with pytest.raises(ValueError, match="trades"):
        figures_of(curve, trades=np.array([math.inf]))
    with pytest.raises(ValueError, match="one value for each bar"):
        figures_of(curve, benchmark=np.array([1.0]))
    with pytest.raises(ValueError, match="above zero"):
        figures_of(curve, benchmark=np.array([1.0, 0.0]))
    with pytest.raises(ValueError, match="risk-free"):
        figures_of(curve, risk_free=-1.0)


def slow_drawdowns(curve):
    """The definition, one bar after the other: (trough, length, recovery or None) of each fall."""
    peak, peak_time, fall, falls = curve.initial, int(curve.ts[0]), None, []
    for ts, value in zip(curve.ts.tolist(), curve.equity.tolist(), strict=True):
        now = ts + curve.bar_ns
        if value >= peak:
            if fall:
                falls.append((fall[0], now - peak_time, now - fall[1]))
            peak, peak_time, fall = value, now, None
        elif fall is None or value / peak - 1 < fall[0]:
            fall = (value / peak - 1, now)
    if fall:
        falls.append((fall[0], now - peak_time, None))
    return falls


@given(st.lists(st.integers(-50, 400), min_size=1, max_size=60))
def test_drawdowns_equal_the_plain_loop(equity):
    curve = curve_of(equity, bar_ns=SECOND_NS)
    falls, got = slow_drawdowns(curve), drawdowns(curve)
    if not falls:
        assert got.maximum == 0.0
        assert got.average is None
        return
    backs = [back for _, _, back in falls if back is not None]
    assert got.maximum == pytest.approx(min(depth for depth, _, _ in falls))
    assert got.average == pytest.approx(sum(depth for depth, _, _ in falls) / len(falls))
    assert got.duration == pytest.approx(
        sum(length for _, length, _ in falls) / len(falls) / SECOND_NS
    )
    assert got.max_duration == max(length for _, length, _ in falls) / SECOND_NS
    assert got.recovery == (pytest.approx(sum(backs) / len(backs) / SECOND_NS) if backs else None)


@given(st.lists(st.integers(-1_000, 1_000), min_size=2, max_size=200))
def test_the_tail_mean_is_never_better_than_the_tail_threshold(basis_points):
    returns = np.array(basis_points) / 10_000
    tail_mean, threshold = expected_shortfall(returns), value_at_risk(returns)
    assert tail_mean is not None
    assert threshold is not None
    assert returns.min() - 1e-15 <= tail_mean <= threshold + 1e-15


@given(st.lists(st.integers(1, 1_000), min_size=1, max_size=300))
def test_every_defined_figure_is_finite(equity):
    metrics = figures_of(
        curve_of(equity, bar_ns=HOUR_NS),
        benchmark=np.array(equity[::-1], dtype=np.float64),
        trades=np.array(equity, dtype=np.float64) - 500,
    )
    for name in metrics.__slots__:
        value = getattr(metrics, name)
        assert value is None or isinstance(value, str) or math.isfinite(value), name


def test_falling_short_of_the_target_is_measured_over_all_returns():
    # One fall of 0.3 in nine returns: sqrt(0.09 / 9) = 0.1; mean (8 * 0.1 - 0.3) / 9.
    returns = np.array([0.1] * 8 + [-0.3])
    assert sortino(returns) == pytest.approx((0.5 / 9) / 0.1)


def test_a_million_bars_take_milliseconds():
    walk = np.random.default_rng(5).normal(0, 5e-4, 1_000_000)
    curve = curve_of(100 * np.exp(np.cumsum(walk)), bar_ns=MINUTE_NS)
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        drawdowns(curve)
        taken.append(time.perf_counter() - began)
    assert min(taken) < 0.1  # 0.01 s on a quiet machine; the goal is 0.05 s
