"""Owns what the HTML report says: every sentence, row and cell, already in the reader's language.

It knows nothing of HTML, style or files. The template lays out what it finds here and adds no
word and no figure of its own.
"""

from dataclasses import dataclass
from typing import Final

from absolute.engine.metrics import DAY_NS, SECOND_NS
from absolute.research import figures
from absolute.research.figures import Figure
from absolute.research.report_tables import Table, deal_table, month_table
from absolute.research.result import BacktestResult, json_value
from absolute.research.wording import Wording

TAIL_SAMPLES: Final = 100
"""Below this many returns fewer than five lie in the tail behind VaR and CVaR."""


@dataclass(frozen=True, slots=True)
class Group:
    """Figures under one heading."""

    title: str
    figures: list[Figure]


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a picture's key: the style class of its mark and what it stands for."""

    mark: str
    label: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart: what stands above, beside and below it. `alt` says what a blind reader needs."""

    name: str
    title: str
    alt: str
    caption: str
    keys: list[Key]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report in words."""

    language: str
    title: str
    kind: str
    instrument: str
    period: str
    headline: str
    verdict: str
    key_figures: list[Figure]
    groups: list[list[Group]]
    pictures: list[Picture]
    months: Table
    deals: Table
    assumptions: list[tuple[str, str]]
    assumptions_title: str
    passport: list[tuple[str, str]]
    passport_title: str
    passport_note: str
    footer: str


def compose(result: BacktestResult, words: Wording) -> Page:
    """The page of one result."""
    _ = words.translate
    period = period_of(result, words)
    return Page(
        language=words.language,
        title=_("Back-test of {instrument}, {period}").format(
            instrument=result.instrument, period=period
        ),
        kind=_("Paper") if result.paper else _("Back-test"),
        instrument=result.instrument,
        period=period,
        headline=headline(result, words),
        verdict=verdict(result, words),
        key_figures=key_figures(result, words),
        groups=groups(result, words),
        pictures=pictures(result, words),
        months=month_table(result, words),
        deals=deal_table(result, words),
        assumptions=assumptions(result, words),
        assumptions_title=_("What this result assumes"),
        passport=passport_rows(result, words),
        passport_title=_("Passport"),
        passport_note=_("The same version, data, parameters and seed give the same event log."),
        footer=_("A simulation of the past. It promises nothing about the future."),
    )


def key_figures(result: BacktestResult, words: Wording) -> list[Figure]:
    """The four figures a reader looks for first."""
    _, metrics = words.translate, result.metrics
    return [
        Figure(
            _("Net Profit"),
            words.money(result.net_profit, signed=True),
            words.percent(metrics.total_return, 2, signed=True),
        ),
        Figure(
            _("Final Equity"),
            words.money(result.final_equity),
            _("from {first}").format(first=words.money(result.initial_capital)),
        ),
        Figure(
            _("Maximum Drawdown"),
            words.percent(metrics.max_drawdown, 2),
            _("longest {time}").format(time=words.duration(metrics.max_drawdown_duration)),
        ),
        Figure(
            _("Win Rate"),
            words.percent(metrics.win_rate),
            _("closed deals: {count}").format(count=words.count(metrics.total_trades)),
        ),
    ]


def groups(result: BacktestResult, words: Wording) -> list[list[Group]]:
    """All figures, in two columns of about one length."""
    _ = words.translate
    return [
        [
            Group(_("Performance"), figures.performance(result, words)),
            Group(_("Trades"), figures.trades(result, words)),
        ],
        [
            Group(_("Risk"), figures.risk(result, words)),
            Group(_("Costs"), figures.costs(result, words)),
        ],
    ]


def period_of(result: BacktestResult, words: Wording) -> str:
    """First and last day of the data, or the one day it is."""
    _, passport = words.translate, result.passport
    first, last = words.date(passport.first_ts), words.date(passport.last_ts)
    return first if first == last else _("{first} to {last}").format(first=first, last=last)


def headline(result: BacktestResult, words: Wording) -> str:
    """What happened, in one sentence."""
    _ = words.translate
    closed = len(result.closed_deals)
    deals = {0: _("no deal closed"), 1: _("1 deal closed")}.get(
        closed, _("{count} deals closed").format(count=words.count(closed))
    )
    return _("In {span} {deals}, {earned} after fees.").format(
        span=_span(result, words),
        deals=deals,
        earned=words.percent(result.metrics.total_return, 2, signed=True),
    )


def verdict(result: BacktestResult, words: Wording) -> str:
    """The comparison with doing nothing, the deepest fall, and what is still open."""
    _, metrics = words.translate, result.metrics
    said = []
    if metrics.benchmark_return is not None:
        held = words.percent(metrics.benchmark_return, 2, signed=True)
        ahead = metrics.total_return - metrics.benchmark_return
        if ahead > 0:
            said.append(_("Buy and hold: {held}, so trading did better.").format(held=held))
        elif ahead < 0:
            said.append(_("Buy and hold: {held}, so trading did worse.").format(held=held))
        else:
            said.append(_("Buy and hold: {held}, so trading did no better.").format(held=held))
    said.append(_("Deepest fall: {fall}.").format(fall=words.percent(metrics.max_drawdown, 2)))
    if len(result.deals) > len(result.closed_deals):
        said.append(_("A deal was still open at the end; it counts at the last close."))
    return " ".join(said)


def _span(result: BacktestResult, words: Wording) -> str:
    _, seconds = words.translate, result.metrics.elapsed_seconds
    if seconds < 2 * DAY_NS / SECOND_NS:
        return words.duration(seconds)
    return _("{count} days").format(count=words.count(round(seconds * SECOND_NS / DAY_NS)))


def pictures(result: BacktestResult, words: Wording) -> list[Picture]:
    """The three charts, in the order of the page."""
    _ = words.translate
    return [_price(result, words), _equity(result, words), _drawdown(result, words)]


def _price(result: BacktestResult, words: Wording) -> Picture:
    _ = words.translate
    buys = sum(fill.side == "buy" for fill in result.fills)
    counts = {"buys": words.count(buys), "sells": words.count(len(result.fills) - buys)}
    low, high = words.price(float(result.close.min())), words.price(float(result.close.max()))
    return Picture(
        name="price",
        title=_("Price and fills"),
        alt=_("Price between {low} and {high}; buys marked: {buys}, sells marked: {sells}.").format(
            low=low, high=high, **counts
        ),
        caption=_("Buys: {buys}, sells: {sells}. Marks closer than a few pixels are one.").format(
            **counts
        ),
        keys=[Key("line faint", _("Price")), Key("buy", _("Buy")), Key("sell", _("Sell"))],
    )


def _equity(result: BacktestResult, words: Wording) -> Picture:
    _ = words.translate
    said = {
        "first": words.money(result.initial_capital),
        "last": words.money(result.final_equity),
    }
    keys = [Key("line accent", _("Equity"))]
    if result.benchmark is not None:
        keys.append(Key("line faint", _("Buy and Hold")))
    return Picture(
        name="equity",
        title=_("Equity ({asset})").format(asset=result.settle),
        alt=_("Equity from {first} to {last}.").format(**said),
        caption=_("From {first} to {last}, marked at the close of every bar.").format(**said),
        keys=keys,
    )


def _drawdown(result: BacktestResult, words: Wording) -> Picture:
    _, metrics = words.translate, result.metrics
    deepest = words.percent(metrics.max_drawdown, 2)
    return Picture(
        name="drawdown",
        title=_("Drawdown"),
        alt=_("Distance of the equity from its running peak; deepest {fall}.").format(fall=deepest),
        caption=_("Distance from the running peak. Deepest {fall}, longest {time}.").format(
            fall=deepest, time=words.duration(metrics.max_drawdown_duration)
        ),
        keys=[],
    )


def assumptions(result: BacktestResult, words: Wording) -> list[tuple[str, str]]:
    """What one must believe to believe the result; the weak points are named."""
    _, metrics, passport = words.translate, result.metrics, result.passport
    rows = [
        (_("Fill Model"), _fill_model(passport.fill_model, words)),
        (_("Inside a bar"), _intrabar(passport.intrabar, words)),
        (_("Fees"), _flat(passport.fees)),
        (_("Equity"), _("Marked at each bar's close; a deeper fall within a bar is not seen.")),
        (_("Returns"), figures.sampling(result, words)),
        (_("Risk-free rate"), words.percent(metrics.risk_free)),
        (_("Gaps"), _gaps(result, words)),
    ]
    rows += [(_("Caution"), caution) for caution in cautions(result, words)]
    return [*rows, *((_("Note"), note) for note in result.notes)]


def cautions(result: BacktestResult, words: Wording) -> list[str]:
    """Why some figures rest on little."""
    _, metrics = words.translate, result.metrics
    said = []
    if metrics.elapsed_seconds * SECOND_NS < 365 * DAY_NS:
        said.append(_("The run is shorter than a year, so yearly figures extrapolate."))
    if metrics.samples < TAIL_SAMPLES:
        caution = _("VaR, CVaR, Sharpe and beta rest on few returns: {count}.")
        said.append(caution.format(count=words.count(metrics.samples)))
    return said


def _fill_model(name: str, words: Wording) -> str:
    _ = words.translate
    known = {
        "touch": _("touch: a limit order fills as soon as the price touches it (optimistic)."),
        "through": _("through: a limit order fills only when the price trades through it."),
        "volume": _("volume: a limit order gets no more than a share of the bar's volume."),
        "queue": _("queue: a limit order waits behind the volume that was there before it."),
    }
    return known.get(name, name)


def _intrabar(name: str, words: Wording) -> str:
    _ = words.translate
    known = {
        "pessimistic": _("pessimistic: high and low come in the order that is worse for us."),
        "nearest": _("nearest: the end of the bar nearer to its open comes first."),
        "exact": _("exact: the order of prices is read from finer data."),
    }
    return known.get(name, name)


def _gaps(result: BacktestResult, words: Wording) -> str:
    _, passport = words.translate, result.passport
    if passport.gaps == 0:
        return _("none")
    return _("Holes: {gaps}; missing bars: {missing}. Nothing was filled in.").format(
        gaps=words.count(passport.gaps), missing=words.count(passport.missing_bars)
    )


def passport_rows(result: BacktestResult, words: Wording) -> list[tuple[str, str]]:
    """All that is needed to make the same result again."""
    _, passport = words.translate, result.passport
    return [
        (_("Version"), passport.version),
        (_("Data"), passport.data_name),
        (_("Data SHA-256"), passport.data_sha256),
        (_("Bars"), words.count(passport.bars)),
        (_("First bar (UTC)"), words.minute(passport.first_ts)),
        (_("Last bar (UTC)"), words.minute(passport.last_ts)),
        (_("Gaps"), words.count(passport.gaps)),
        (_("Missing bars"), words.count(passport.missing_bars)),
        (_("Parameters"), _flat(passport.parameters)),
        (_("Seed"), _("none") if passport.seed is None else str(passport.seed)),
        (_("Fill Model"), passport.fill_model),
        (_("Inside a bar"), passport.intrabar),
        (_("Fees"), _flat(passport.fees)),
        (_("Python"), passport.python),
        (_("Event Log SHA-256"), passport.event_log_sha256),
    ]


def _flat(values: object) -> str:
    """Settings under their own names, `name value, name value`, as a file would hold them."""
    match json_value(values):
        case dict() as named:
            return ", ".join(f"{name} {_flat(value)}" for name, value in named.items())
        case list() as listed:
            return "[" + ", ".join(_flat(value) for value in listed) + "]"
        case bool() as flag:
            return str(flag).lower()
        case None:
            return "null"
        case other:
            return str(other)
