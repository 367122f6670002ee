"""Our figures against empyrical-reloaded, which others wrote and keep, over seeded curves.

Conventions are matched by naming them: 365 periods a year, returns by the UTC day taken by pandas
and not by us, the risk-free rate compounded to a day. Where the two differ by definition the test
says so and converts.
"""

import math

import empyrical  # type: ignore[import-untyped]
import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest

from absolute.engine.metrics import DAY_NS, SECOND_NS, Curve, measure

NEW_YEAR_2023 = 1_672_531_200 * SECOND_NS
MINUTE_NS = 60 * SECOND_NS
INITIAL = 5_000.0
RISK_FREE = 0.04
FREE_PER_DAY = (1 + RISK_FREE) ** (1 / 365) - 1
YEARLY = {"annualization": 365}


class Case:
    """One seeded run, our figures of it, and the daily returns as pandas sees them."""

    def __init__(self, seed, bar_ns, days):
        generator = np.random.default_rng(seed)
        bars = days * DAY_NS // bar_ns
        scale = 0.02 * math.sqrt(bar_ns / DAY_NS)
        market = generator.standard_t(5, bars) * scale
        own = 0.4 * market + generator.normal(0.0, scale / 2, bars) + 0.001 * bar_ns / DAY_NS
        ts = NEW_YEAR_2023 + np.arange(bars, dtype=np.int64) * bar_ns
        equity = INITIAL * np.exp(np.cumsum(own))
        prices = 20_000 * np.exp(np.cumsum(market))
        self.curve = Curve(ts, equity, INITIAL, bar_ns)
        self.metrics = measure(
            self.curve, trades=np.array([]), benchmark=prices, risk_free=RISK_FREE
        )
        self.returns = daily(ts, equity, INITIAL)
        self.market = daily(ts, prices, prices[0])


def daily(ts, values, start):
    series = pd.Series(values, index=pd.to_datetime(ts)).resample("D").last()
    return series.div(series.shift(1, fill_value=start)) - 1


@pytest.fixture(
    scope="module",
    params=[(1, DAY_NS, 400), (2, DAY_NS, 900), (3, DAY_NS, 40), (4, MINUTE_NS, 60)],
    ids=["400 days", "900 days", "40 days", "60 days of minutes"],
)
def case(request):
    seed, bar_ns, days = request.param
    return Case(seed, bar_ns, days)


def close_to(value):
    return pytest.approx(float(value), rel=1e-9, abs=1e-12)


def test_returns(case):
    assert case.metrics.samples == len(case.returns)
    assert case.metrics.total_return == close_to(empyrical.cum_returns_final(case.returns))
    assert case.metrics.annualized_return == close_to(
        empyrical.annual_return(case.returns, **YEARLY)
    )
    assert case.metrics.volatility == close_to(empyrical.annual_volatility(case.returns, **YEARLY))


def test_ratios(case):
    assert case.metrics.sharpe_ratio == close_to(
        empyrical.sharpe_ratio(case.returns, risk_free=FREE_PER_DAY, **YEARLY)
    )
    assert case.metrics.sortino_ratio == close_to(
        empyrical.sortino_ratio(case.returns, required_return=FREE_PER_DAY, **YEARLY)
    )


def test_drawdown(case):
    # Ours sees every bar; so does the library when it gets the return of every bar.
    bars = np.diff(case.curve.equity, prepend=INITIAL) / np.r_[INITIAL, case.curve.equity[:-1]]
    deepest = empyrical.max_drawdown(bars)
    assert case.metrics.max_drawdown == close_to(deepest)
    if case.curve.bar_ns == DAY_NS:
        assert case.metrics.calmar_ratio == close_to(empyrical.calmar_ratio(case.returns, **YEARLY))


def test_tail(case):
    assert case.metrics.var_95 == close_to(empyrical.value_at_risk(case.returns, 0.05))
    # The library takes whole returns, int(0.05 (n - 1)) + 1 of them. The cases have a multiple of
    # twenty days, for which that is 0.05 n and the definitions meet.
    assert len(case.returns) % 20 == 0
    assert case.metrics.cvar_95 == close_to(empyrical.conditional_value_at_risk(case.returns, 0.05))


def test_market(case):
    alpha, beta = empyrical.alpha_beta(case.returns, case.market, risk_free=FREE_PER_DAY, **YEARLY)
    assert case.metrics.beta == close_to(beta)
    # The library compounds the daily alpha over the year; Jensen's intercept is multiplied.
    assert case.metrics.alpha == pytest.approx(((1 + alpha) ** (1 / 365) - 1) * 365, rel=1e-6)
