"""Owns the text form of a back-test's result, line by line; knows nothing of files or colours.

The English lines up to CVaR, and those of the trade analysis, are the seed's to the letter. The
lines below CVaR and the last two blocks are ours. Amounts in a dollar-like asset carry the dollar
sign, as in the seed (US$ in Portuguese); any other asset is named after the amount.
"""

from absolute.research import figures
from absolute.research.figures import Figure
from absolute.research.report_page import cautions
from absolute.research.result import BacktestResult
from absolute.research.wording import Translate, Wording, untranslated


def render(
    result: BacktestResult, *, language: str = "en", translate: Translate = untranslated
) -> str:
    """The report as lines of plain text, ending in a newline."""
    words = Wording(language, result.settle, translate)
    _ = translate
    blocks = [
        _heading(result, words),
        [_("PERFORMANCE METRICS"), *_lines(figures.performance(result, words))],
        [_("RISK METRICS"), *_lines(figures.risk(result, words))],
        [_("TRADE ANALYSIS"), *_lines(figures.trades(result, words))],
        [_("COSTS"), *_lines(figures.costs(result, words)), *_open(result, words)],
        [_("PASSPORT"), *_passport(result, words)],
    ]
    notes = [*cautions(result, words), *result.notes]
    if notes:
        marked = [_("Note: {note}").format(note=note) for note in notes]
        blocks.insert(-1, [_("NOTES"), *marked])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _open(result: BacktestResult, words: Wording) -> list[str]:
    """What the closed deals booked, and what the open one stands at: the part nobody sees."""
    _ = words.translate
    lines = [_line(_("Booked"), words.money(result.booked_profit))]
    if len(result.deals) > len(result.closed_deals):
        lines.append(_line(_("Open Deal"), words.money(result.open_profit)))
    return lines


def _heading(result: BacktestResult, words: Wording) -> list[str]:
    _ = words.translate
    first, last = words.date(result.passport.first_ts), words.date(result.passport.last_ts)
    return [
        _("=== PAPER RESULTS ===") if result.paper else _("=== BACKTEST RESULTS ==="),
        _("Period: {first} to {last}").format(first=first, last=last),
        _line(_("Initial Capital"), words.money(result.initial_capital)),
    ]


def _passport(result: BacktestResult, words: Wording) -> list[str]:
    _, passport = words.translate, result.passport
    return [
        _line(_("Version"), passport.version),
        _line(_("Instrument"), f"{result.instrument} ({result.settle})"),
        _line(_("Data"), f"{passport.data_name} sha256 {passport.data_sha256}"),
        _("Bars: {bars} (gaps: {gaps}, missing: {missing})").format(
            bars=words.count(passport.bars),
            gaps=words.count(passport.gaps),
            missing=words.count(passport.missing_bars),
        ),
        _line(_("Returns"), figures.sampling(result, words)),
        _line(_("Fill Model"), f"{passport.fill_model}, {passport.intrabar}"),
        _line(_("Seed"), _("none") if passport.seed is None else str(passport.seed)),
        _line(_("Event Log"), f"sha256 {passport.event_log_sha256}"),
    ]


def _lines(shown: list[Figure]) -> list[str]:
    return [_line(figure.label, figure.value) for figure in shown]


def _line(label: str, value: str) -> str:
    return f"{label}: {value}"
