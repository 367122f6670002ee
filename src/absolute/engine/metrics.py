"""Owns the figures that sum up one equity curve; knows nothing of orders, venues or reports.

Everything is computed from the arrays handed in; nothing is guessed from their values. Crypto
trades day and night, so a year has 365 days and every day counts. Returns are taken on a grid:
the equity at the last bar of each UTC day, the initial capital standing before the first day.
A run shorter than two days is sampled by the hour, and bars longer than the grid are sampled one
by one; `Metrics.sampling` says which. Drawdowns use every bar. A figure that the data cannot
define is None, never zero and never infinite. `docs/metrics.md` has the formulas in one table.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

SECOND_NS: Final = 1_000_000_000
HOUR_NS: Final = 3_600 * SECOND_NS
DAY_NS: Final = 24 * HOUR_NS
YEAR_NS: Final = 365 * DAY_NS

TAIL: Final = 0.05
"""Probability of the loss tail behind VaR and CVaR at 95 %."""

ROUNDING: Final = 1e-12
"""Relative moves below this are float rounding: neither a drawdown nor a deviation."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Equity at the close of every bar, in the settlement currency.

    `ts` int64[n]: bar open times, ns UTC, strictly rising. `equity` float64[n], finite.
    `initial`: capital before the first bar, above zero. `bar_ns`: length of one bar.
    Raises ValueError where the arrays do not fit together.
    """

    ts: Times
    equity: Floats
    initial: float
    bar_ns: int

    def __post_init__(self) -> None:
        if self.ts.ndim != 1 or self.ts.shape != self.equity.shape or self.ts.size == 0:
            raise ValueError("ts and equity must be one-dimensional, of one length, not empty")
        if not (math.isfinite(self.initial) and self.initial > 0):
            raise ValueError("the initial capital must be above zero")
        if self.bar_ns <= 0 or bool(np.any(np.diff(self.ts) <= 0)):
            raise ValueError("bars must have a length and rise strictly in time")
        if not bool(np.all(np.isfinite(self.equity))):
            raise ValueError("equity must be finite at every bar")

    @property
    def elapsed_ns(self) -> int:
        """From the open of the first bar to the close of the last."""
        return int(self.ts[-1] - self.ts[0]) + self.bar_ns


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of one run; ratios are plain (0.01 = one percent), None = undefined.

    Rates are annual, times are seconds, wins and losses are in the settlement currency.
    Drawdowns, VaR, CVaR and losses are negative. `samples` returns stand behind the figures
    from volatility to alpha, taken on the grid named by `sampling` (daily, hourly or bar).
    """

    sampling: str
    samples: int
    periods_per_year: float
    elapsed_seconds: float
    risk_free: float
    total_return: float
    annualized_return: float | None
    volatility: float | None
    sharpe_ratio: float | None
    sortino_ratio: float | None
    calmar_ratio: float | None
    max_drawdown: float
    average_drawdown: float | None
    drawdown_duration: float | None
    max_drawdown_duration: float | None
    recovery_time: float | None
    total_trades: int
    win_rate: float | None
    profit_factor: float | None
    average_win: float | None
    average_loss: float | None
    largest_win: float | None
    largest_loss: float | None
    var_95: float | None
    cvar_95: float | None
    beta: float | None
    alpha: float | None
    benchmark_return: float | None


@dataclass(frozen=True, slots=True)
class Drawdowns:
    """What the falls from a running peak look like; depths are negative fractions."""

    maximum: float
    average: float | None
    duration: float | None
    max_duration: float | None
    recovery: float | None


@dataclass(frozen=True, slots=True)
class Trades:
    """What the profits of closed deals look like, in the settlement currency."""

    total: int
    win_rate: float | None
    profit_factor: float | None
    average_win: float | None
    average_loss: float | None
    largest_win: float | None
    largest_loss: float | None


@dataclass(frozen=True, slots=True)
class Grid:
    """Where returns are sampled: `step_ns` apart, at the last bar of each step."""

    sampling: str
    step_ns: int

    @property
    def periods_per_year(self) -> float:
        """Steps in a year of 365 days."""
        return YEAR_NS / self.step_ns


def measure(curve: Curve, *, trades: Floats, benchmark: Floats | None, risk_free: float) -> Metrics:
    """All figures of one run.

    `trades` float64[m]: net profit of each closed deal. `benchmark` float64[n]: what the initial
    capital would be worth, or any price, at the close of each bar, bought at the first close;
    None leaves beta and alpha undefined. `risk_free`: annual rate, compounded. Raises ValueError
    on arrays that do not fit.
    """
    _check(curve, trades, benchmark, risk_free)
    grid = grid_of(curve)
    returns, market = _sampled_returns(curve, grid, benchmark)
    yearly = grid.periods_per_year
    free = math.expm1(math.log1p(risk_free) / yearly)
    falls = drawdowns(curve)
    growth = annualized_return(float(curve.equity[-1]) / curve.initial, curve.elapsed_ns)
    deals = trade_figures(trades)
    slope, intercept = (None, None) if market is None else capm(returns - free, market - free)
    return Metrics(
        sampling=grid.sampling,
        samples=int(returns.size),
        periods_per_year=yearly,
        elapsed_seconds=curve.elapsed_ns / SECOND_NS,
        risk_free=risk_free,
        total_return=float(curve.equity[-1]) / curve.initial - 1.0,
        annualized_return=growth,
        volatility=_scaled(deviation(returns), math.sqrt(yearly)),
        sharpe_ratio=_scaled(sharpe(returns - free), math.sqrt(yearly)),
        sortino_ratio=_scaled(sortino(returns - free), math.sqrt(yearly)),
        calmar_ratio=_quotient(growth, -falls.maximum),
        max_drawdown=falls.maximum,
        average_drawdown=falls.average,
        drawdown_duration=falls.duration,
        max_drawdown_duration=falls.max_duration,
        recovery_time=falls.recovery,
        total_trades=deals.total,
        win_rate=deals.win_rate,
        profit_factor=deals.profit_factor,
        average_win=deals.average_win,
        average_loss=deals.average_loss,
        largest_win=deals.largest_win,
        largest_loss=deals.largest_loss,
        var_95=value_at_risk(returns),
        cvar_95=expected_shortfall(returns),
        beta=slope,
        alpha=_scaled(intercept, yearly),
        benchmark_return=_benchmark_return(benchmark),
    )


def grid_of(curve: Curve) -> Grid:
    """Days, or hours for a run shorter than two days, or single bars where those are longer."""
    grid = Grid("hourly", HOUR_NS) if curve.elapsed_ns < 2 * DAY_NS else Grid("daily", DAY_NS)
    return Grid("bar", curve.bar_ns) if curve.bar_ns > grid.step_ns else grid


def sample(curve: Curve, values: Floats, start: float, *, step_ns: int) -> Floats:
    """`start`, then the value at the last bar that opened within each step; float64[steps + 1].

    Steps are whole multiples of `step_ns` since the epoch (UTC days for days). A step without a
    bar repeats the value before it, so a hole in the data never shortens the grid.
    """
    first, last = int(curve.ts[0]) // step_ns, int(curve.ts[-1]) // step_ns
    ends = (np.arange(first, last + 1, dtype=np.int64) + 1) * step_ns
    at = np.searchsorted(curve.ts, ends, side="left") - 1
    return np.concatenate((np.array([start]), values[at]))


def simple_returns(values: Floats) -> Floats:
    """v[t] / v[t-1] - 1; the sample ends at the first value that is not above zero.

    Ruin is the last return there is: nothing can be earned on a capital of zero or less.
    """
    ruined = np.flatnonzero(values <= 0.0)
    alive = values[: ruined[0] + 1] if ruined.size else values
    returns: Floats = alive[1:] / alive[:-1] - 1.0
    return returns


def annualized_return(growth: float, elapsed_ns: int) -> float | None:
    """Geometric rate for a year of 365 days: growth ** (year / elapsed) - 1.

    `growth` = final / initial equity. Zero growth is a loss of everything (-1). Undefined for a
    negative final equity, for a run shorter than a day, which says nothing about a year, and
    where the rate is too large for a float.
    """
    if growth < 0.0 or elapsed_ns < DAY_NS:
        return None
    if growth == 0.0:
        return -1.0
    exponent = math.log(growth) * YEAR_NS / elapsed_ns
    return math.expm1(exponent) if exponent < math.log(1e300) else None


def deviation(returns: Floats) -> float | None:
    """Sample standard deviation (n - 1); undefined below two returns."""
    return float(np.std(returns, ddof=1)) if returns.size > 1 else None


def sharpe(excess: Floats) -> float | None:
    """Mean over sample standard deviation of excess returns, per period.

    W. F. Sharpe (1994), The Sharpe Ratio, Journal of Portfolio Management 21(1). Undefined where
    the excess returns do not vary.
    """
    spread = deviation(excess)
    return None if spread is None or spread <= ROUNDING else float(np.mean(excess)) / spread


def sortino(excess: Floats) -> float | None:
    """Mean over downside deviation of returns above the target, per period.

    Downside deviation = sqrt(sum(min(x, 0) ** 2) / n), over all n returns and not only the
    losing ones; the target is the risk-free rate. F. Sortino and L. Price (1994), Performance
    Measurement in a Downside Risk Framework, Journal of Investing 3(3). Undefined where no
    return falls short of the target.
    """
    if excess.size < 2:
        return None
    downside = math.sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2)))
    return None if downside <= ROUNDING else float(np.mean(excess)) / downside


def value_at_risk(returns: Floats) -> float | None:
    """The 5 % quantile of the returns, historical, as a signed fraction (a loss is negative).

    Linear interpolation between order statistics: R. Hyndman and Y. Fan (1996), Sample Quantiles
    in Statistical Packages, The American Statistician 50(4), type 7. VaR as in P. Artzner et al.
    (1999), Coherent Measures of Risk, Mathematical Finance 9(3). Undefined below two returns.
    """
    return float(np.quantile(returns, TAIL)) if returns.size > 1 else None


def expected_shortfall(returns: Floats) -> float | None:
    """Mean of the worst 5 % of the returns, as a signed fraction; never above the VaR.

    With n returns sorted upward, k = floor(0.05 n) and f = 0.05 n - k, it is
    (x[1] + ... + x[k] + f x[k + 1]) / (0.05 n): C. Acerbi and D. Tasche (2002), On the coherence
    of expected shortfall, Journal of Banking & Finance 26(7). Undefined below two returns.
    """
    if returns.size < 2:
        return None
    mass = TAIL * returns.size
    whole = math.floor(mass + ROUNDING)
    worst = np.partition(returns, whole)[: whole + 1]
    worst.sort()
    return (float(worst[:whole].sum()) + (mass - whole) * float(worst[whole])) / mass


def capm(excess: Floats, market: Floats) -> tuple[float | None, float | None]:
    """Beta and alpha, per period, of excess returns against the market's excess returns.

    beta = cov(r, m) / var(m), W. F. Sharpe (1964), Journal of Finance 19(3); alpha =
    mean(r) - beta * mean(m), M. Jensen (1968), Journal of Finance 23(2), the intercept of that
    regression, later annualised by multiplication. Undefined where the market does not vary.
    """
    spread = deviation(market)
    if spread is None or spread <= ROUNDING:
        return None, None
    beta = float(np.cov(excess, market, ddof=1)[0, 1]) / spread**2
    return beta, float(np.mean(excess)) - beta * float(np.mean(market))


def underwater(curve: Curve) -> Floats:
    """Distance from the running peak at each bar close, float64[n], zero or negative.

    The initial capital is the first peak. Below -1 where equity is below zero.
    """
    peak = np.maximum.accumulate(np.maximum(curve.equity, curve.initial))
    depth: Floats = curve.equity / peak - 1.0
    depth[depth > -ROUNDING] = 0.0
    return depth


def drawdowns(curve: Curve) -> Drawdowns:
    """Depth and length of every fall below the running peak, over all bars.

    An episode runs from the peak to the first bar back at the peak, or to the last bar where
    there is none. `average` is the mean of the episodes' troughs, `duration` their mean length;
    `recovery` is the mean time from trough (the first, if it is touched again) to the old peak
    over the episodes that recovered. Seconds. Without an episode only the maximum, 0, is defined.
    """
    depth = underwater(curve)
    wet = np.concatenate((np.array([False]), depth < 0.0, np.array([False])))
    turns = np.flatnonzero(wet[1:] != wet[:-1])
    first, after = turns[0::2], turns[1::2]
    if first.size == 0:
        return Drawdowns(0.0, None, None, None, None)
    troughs, trough_at = _troughs(depth, first)
    # An equity is known when its bar closes; the capital before the first bar, when it opens.
    known = np.concatenate((curve.ts[:1], curve.ts + curve.bar_ns))
    recovered = after < depth.size
    lengths = (known[np.minimum(after + 1, depth.size)] - known[first]) / SECOND_NS
    back = (known[after[recovered] + 1] - known[trough_at[recovered] + 1]) / SECOND_NS
    return Drawdowns(
        maximum=float(troughs.min()),
        average=float(troughs.mean()),
        duration=float(lengths.mean()),
        max_duration=float(lengths.max()),
        recovery=float(back.mean()) if back.size else None,
    )


def monthly_returns(curve: Curve) -> tuple[Times, Floats]:
    """Return of each UTC month that has a bar: months since January 1970, and fractions.

    From the last equity of the month before (the initial capital for the first) to the last of
    the month. NaN where the month starts with nothing left.
    """
    months = curve.ts.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    last = np.append(np.flatnonzero(np.diff(months)), months.size - 1)
    values = np.concatenate((np.array([curve.initial]), curve.equity[last]))
    before = np.where(values[:-1] > 0.0, values[:-1], np.nan)
    return months[last], values[1:] / before - 1.0


def trade_figures(profits: Floats) -> Trades:
    """Wins and losses of closed deals; a deal of exactly zero is neither but counts as a trade.

    win rate = wins / trades; profit factor = sum of wins / -(sum of losses), undefined without a
    loss; averages and extremes are undefined without a win or a loss.
    """
    wins, losses = profits[profits > 0.0], profits[profits < 0.0]
    total = int(profits.size)
    return Trades(
        total=total,
        win_rate=wins.size / total if total else None,
        profit_factor=float(wins.sum() / -losses.sum()) if losses.size else None,
        average_win=float(wins.mean()) if wins.size else None,
        average_loss=float(losses.mean()) if losses.size else None,
        largest_win=float(wins.max()) if wins.size else None,
        largest_loss=float(losses.min()) if losses.size else None,
    )


def _sampled_returns(
    curve: Curve, grid: Grid, benchmark: Floats | None
) -> tuple[Floats, Floats | None]:
    """Returns of the curve and, where there is one, of the benchmark over the same steps."""
    returns = simple_returns(sample(curve, curve.equity, curve.initial, step_ns=grid.step_ns))
    if benchmark is None:
        return returns, None
    prices = sample(curve, benchmark, float(benchmark[0]), step_ns=grid.step_ns)
    return returns, simple_returns(prices)[: returns.size]


def _troughs(depth: Floats, first: NDArray[np.intp]) -> tuple[Floats, NDArray[np.intp]]:
    """Deepest value of each episode, and the bar where it is first reached.

    `first` holds the opening bar of each episode. A stretch up to the next one also covers the
    dry bars in between; they are zero and so never the deepest.
    """
    troughs: Floats = np.minimum.reduceat(depth, first)
    deepest = np.repeat(troughs, np.diff(np.append(first, depth.size)))
    bars = np.flatnonzero(depth[first[0] :] == deepest) + first[0]
    return troughs, bars[np.searchsorted(bars, first)]


def _benchmark_return(benchmark: Floats | None) -> float | None:
    """Buying at the first close and holding to the last."""
    return None if benchmark is None else float(benchmark[-1] / benchmark[0]) - 1.0


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _quotient(value: float | None, divisor: float) -> float | None:
    return None if value is None or divisor == 0.0 else value / divisor


def _check(curve: Curve, trades: Floats, benchmark: Floats | None, risk_free: float) -> None:
    if trades.ndim != 1 or not bool(np.all(np.isfinite(trades))):
        raise ValueError("trades must be one-dimensional and finite")
    if not (math.isfinite(risk_free) and risk_free > -1.0):
        raise ValueError("the risk-free rate must be above -1")
    if benchmark is None:
        return
    if benchmark.shape != curve.equity.shape:
        raise ValueError("the benchmark must have one value for each bar")
    if not bool(np.all(np.isfinite(benchmark) & (benchmark > 0.0))):
        raise ValueError("the benchmark must be finite and above zero")
