"""Owns the order, the names and the plain meaning of the figures every report shows.

It knows nothing of text or pages: a report arranges what it gets here. The English names are
those of the seed's report.
"""

from dataclasses import dataclass

from absolute.research.result import BacktestResult
from absolute.research.wording import Wording


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure as a person reads it: its name, its value, and what it means."""

    label: str
    value: str
    hint: str


def performance(result: BacktestResult, words: Wording) -> list[Figure]:
    """Return, and return for the risk taken."""
    _, metrics = words.translate, result.metrics
    return [
        Figure(
            _("Total Return"),
            words.percent(metrics.total_return),
            _("Final equity against initial capital, after all fees."),
        ),
        Figure(
            _("Annualized Return"),
            words.percent(metrics.annualized_return),
            _("The same growth carried on for 365 days. Rough where the run was shorter."),
        ),
        Figure(
            _("Volatility"),
            words.percent(metrics.volatility),
            _("How far returns spread around their mean, scaled to a year."),
        ),
        Figure(
            _("Sharpe Ratio"),
            words.ratio(metrics.sharpe_ratio),
            _("Yearly return above the risk-free rate for each unit of volatility."),
        ),
        Figure(
            _("Sortino Ratio"),
            words.ratio(metrics.sortino_ratio),
            _("Like Sharpe, but only falls count as risk."),
        ),
        Figure(
            _("Calmar Ratio"),
            words.ratio(metrics.calmar_ratio),
            _("Annualized return for each unit of the maximum drawdown."),
        ),
    ]


def risk(result: BacktestResult, words: Wording) -> list[Figure]:
    """Falls: how deep, how likely, how long."""
    return [*_losses(result, words), *_times(result, words)]


def _losses(result: BacktestResult, words: Wording) -> list[Figure]:
    _, metrics = words.translate, result.metrics
    return [
        Figure(
            _("Maximum Drawdown"),
            words.percent(metrics.max_drawdown),
            _("The deepest fall from a peak of the equity, over every bar."),
        ),
        Figure(
            _("Average Drawdown"),
            words.percent(metrics.average_drawdown),
            _("The mean depth of all falls from a peak, small ones included."),
        ),
        Figure(
            _("VaR (95%)"),
            words.percent(metrics.var_95),
            _("One period in twenty was worse than this (value at risk)."),
        ),
        Figure(
            _("CVaR (95%)"),
            words.percent(metrics.cvar_95),
            _("The mean of those worst periods (conditional value at risk)."),
        ),
    ]


def _times(result: BacktestResult, words: Wording) -> list[Figure]:
    _, metrics = words.translate, result.metrics
    return [
        Figure(
            _("Drawdown Duration"),
            words.duration(metrics.drawdown_duration),
            _("Mean time from a peak until the equity is back there."),
        ),
        Figure(
            _("Longest Drawdown"),
            words.duration(metrics.max_drawdown_duration),
            _("The longest time below a peak; it may not have ended yet."),
        ),
        Figure(
            _("Recovery Time"),
            words.duration(metrics.recovery_time),
            _("Mean time from the lowest point of a fall back to the peak."),
        ),
        Figure(
            _("Beta"),
            words.ratio(metrics.beta),
            _("How much the equity moves when the instrument moves by one per cent."),
        ),
        Figure(
            _("Alpha"),
            words.percent(metrics.alpha),
            _("Yearly return that the market's own moves do not explain (Jensen)."),
        ),
    ]


def trades(result: BacktestResult, words: Wording) -> list[Figure]:
    """Wins and losses of the closed deals."""
    _, metrics = words.translate, result.metrics
    return [
        Figure(
            _("Total Trades"),
            words.count(metrics.total_trades),
            _("Deals that were opened and closed within the run."),
        ),
        Figure(
            _("Win Rate"),
            words.percent(metrics.win_rate),
            _("Share of the closed deals that ended with a profit after fees."),
        ),
        Figure(
            _("Profit Factor"),
            words.ratio(metrics.profit_factor),
            _("What the winners earned for each unit the losers lost."),
        ),
        *_extremes(result, words),
    ]


def _extremes(result: BacktestResult, words: Wording) -> list[Figure]:
    _, metrics = words.translate, result.metrics
    return [
        Figure(
            _("Average Win"),
            words.money_short(metrics.average_win),
            _("Mean profit of the deals that won."),
        ),
        Figure(
            _("Average Loss"),
            words.money_short(metrics.average_loss),
            _("Mean loss of the deals that lost."),
        ),
        Figure(
            _("Largest Win"),
            words.money_short(metrics.largest_win),
            _("The best single deal."),
        ),
        Figure(
            _("Largest Loss"),
            words.money_short(metrics.largest_loss),
            _("The worst single deal."),
        ),
    ]


def costs(result: BacktestResult, words: Wording) -> list[Figure]:
    """What trading cost, and what was left."""
    _ = words.translate
    shown = [Figure(_("Fees"), words.money(result.fees), _("All trading fees paid."))]
    if result.funding is not None:
        hint = _("Funding received (+) or paid (-) on the perpetual position.")
        shown.append(Figure(_("Funding"), words.money(result.funding, signed=True), hint))
    if result.liquidations is not None:
        hint = _("How often the venue closed the position by force.")
        shown.append(Figure(_("Liquidations"), words.count(result.liquidations), hint))
    return [
        *shown,
        Figure(
            _("Net Profit"),
            words.money(result.net_profit),
            _("Final equity less initial capital; an open deal counts at the last close."),
        ),
        Figure(
            _("Final Equity"),
            words.money(result.final_equity),
            _("Cash and holdings at the last close."),
        ),
        Figure(
            _("Buy and Hold"),
            words.percent(result.metrics.benchmark_return),
            _("Buying at the first close and doing nothing, without fees."),
        ),
    ]


def sampling(result: BacktestResult, words: Wording) -> str:
    """How many returns stand behind the rates, and on which grid they were taken."""
    _, metrics = words.translate, result.metrics
    grids = {
        "daily": _("{count} daily, annualised with {periods} periods"),
        "hourly": _("{count} hourly, annualised with {periods} periods"),
        "bar": _("{count} by bar, annualised with {periods} periods"),
    }
    return grids[metrics.sampling].format(
        count=words.count(metrics.samples), periods=words.count(round(metrics.periods_per_year))
    )
