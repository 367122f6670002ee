"""Owns the pictures of a report: three inline SVGs, thinned to what a screen can show.

It knows nothing of the page around them. Colours are named by role and resolved by the page's
style (`var(--accent)`), so one picture serves light and dark. The same result gives the same
bytes: the library's defaults are restored first, ids come from the picture's name, and no date
or version is written. Import this module only when a page is drawn; matplotlib is slow to load.
"""

import io
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from absolute.engine.metrics import underwater
from absolute.research.result import BacktestResult
from absolute.research.wording import Wording

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

COLUMNS: Final = 1_000
"""Picture width in its own units; one bucket of the thinning is one of them."""

CROWD: Final = 200
"""From this many fills on their marks are drawn smaller."""

POINTS_PER_INCH: Final = 72
DAY_NS: Final = 86_400_000_000_000

ROLES: Final = {
    "#000001": "var(--faint)",
    "#000002": "var(--grid)",
    "#000003": "var(--accent)",
    "#000004": "var(--muted)",
    "#000005": "var(--down)",
    "#000006": "var(--sell)",
    "#000007": "var(--surface)",
}
"""Stand-in colours for matplotlib and the roles they become; the page defines the roles."""

FAINT, GRID, ACCENT, MUTED, DOWN, SELL, SURFACE = ROLES


@dataclass(frozen=True, slots=True)
class Thin:
    """The points that are left to draw: float days since the epoch, NaN value = pen up."""

    days: Floats
    values: Floats


def price(result: BacktestResult, words: Wording, alt: str) -> str:
    """The price with a mark at every fill that would be seen apart from its neighbours."""
    with _neutral("price"):
        figure, axes = _canvas(320)
        line = thin(result.ts, result.close, bar_ns=result.bar_ns)
        axes.plot(line.days, line.values, color=FAINT, linewidth=1.1)
        size, edge = (90, 1.0) if len(result.fills) < CROWD else (34, 0.4)
        for side, marker, colour in (("buy", "^", ACCENT), ("sell", "v", SELL)):
            days, prices = _marks(result, side)
            axes.scatter(
                days, prices, s=size, marker=marker, color=colour, edgecolors=SURFACE,
                linewidths=edge, zorder=3, clip_on=False,
            )  # fmt: skip
        _frame(axes, result, words)
        return _svg(figure, "price", alt)


def equity(result: BacktestResult, words: Wording, alt: str) -> str:
    """The equity at each bar's close, with buy and hold beside it where that is known."""
    with _neutral("equity"):
        figure, axes = _canvas(260)
        if result.benchmark is not None:
            held = thin(result.ts, result.benchmark, bar_ns=result.bar_ns)
            axes.plot(held.days, held.values, color=FAINT, linewidth=1.1)
        own = thin(result.ts, result.equity, bar_ns=result.bar_ns)
        axes.plot(own.days, own.values, color=ACCENT, linewidth=1.6)
        _frame(axes, result, words)
        return _svg(figure, "equity", alt)


def drawdown(result: BacktestResult, words: Wording, alt: str) -> str:
    """The distance from the running peak at each bar's close, in per cent."""
    with _neutral("drawdown"):
        figure, axes = _canvas(170)
        depth = thin(result.ts, 100.0 * underwater(result.curve), bar_ns=result.bar_ns)
        axes.fill_between(depth.days, depth.values, 0.0, color=DOWN, alpha=0.14, linewidth=0)
        axes.plot(depth.days, depth.values, color=DOWN, linewidth=1.1)
        axes.set_ylim(top=0.0)
        _frame(axes, result, words, unit="%")
        return _svg(figure, "drawdown", alt)


def thin(ts: Times, values: Floats, *, bar_ns: int, columns: int = COLUMNS) -> Thin:
    """The lowest and highest value of each of `columns` equal spans of time, in their order.

    The first and last point stay. Where bars are missing for longer than a column is wide the
    line is interrupted, so that a hole in the data looks like one.
    """
    span = int(ts[-1] - ts[0]) + bar_ns
    if ts.size > 2 * columns:
        column = (ts - ts[0]) // -(-span // columns)
        starts = np.flatnonzero(np.diff(column, prepend=-1))
        low, high = _argmin(values, starts), _argmin(-values, starts)
        kept = np.unique(np.concatenate(([0], low, high, [ts.size - 1])))
    else:
        kept = np.arange(ts.size)
    wide = max(3 * bar_ns // 2, span // columns)
    holes = np.flatnonzero(np.diff(ts) > wide) + 1
    pen_up = np.searchsorted(kept, holes)
    days = ts / DAY_NS
    return Thin(
        np.insert(days[kept], pen_up, days[holes]),
        np.insert(values[kept], pen_up, np.nan),
    )


def _argmin(values: Floats, starts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where the smallest value of each stretch [start, next start) is first found."""
    smallest = np.minimum.reduceat(values, starts)
    spread = np.repeat(smallest, np.diff(np.append(starts, values.size)))
    found = np.flatnonzero(values == spread)
    return found[np.searchsorted(found, starts)]


def _marks(result: BacktestResult, side: str) -> tuple[Floats, Floats]:
    """Times and prices of the fills of one side, one for each spot of 5 by 5 picture units."""
    rows = [fill for fill in result.fills if fill.side == side]
    days = np.array([fill.ts for fill in rows], dtype=np.float64) / DAY_NS
    prices = np.array([float(fill.price) for fill in rows])
    if not rows:
        return days, prices
    wide = (float(result.ts[-1] - result.ts[0]) + result.bar_ns) / DAY_NS / (COLUMNS / 5)
    high = max(float(np.ptp(result.close)), float(prices[0]) * 1e-9) / 60
    spots = np.stack((days // wide, prices // high), axis=1)
    _, first = np.unique(spots, axis=0, return_index=True)
    kept = np.sort(first)
    return days[kept], prices[kept]


def _canvas(height: int) -> tuple[Figure, Axes]:
    """An empty picture, `COLUMNS` wide, without a box: only quiet horizontal lines."""
    figure = Figure(figsize=(COLUMNS / POINTS_PER_INCH, height / POINTS_PER_INCH))
    # Margins in picture units: room for seven-digit prices on the left and a row of dates below.
    axes = figure.add_axes((66 / COLUMNS, 28 / height, 1 - 84 / COLUMNS, 1 - 40 / height))
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    axes.spines[:].set_visible(False)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=8, labelsize=12, labelcolor=MUTED)
    return figure, axes


def _frame(axes: Axes, result: BacktestResult, words: Wording, unit: str = "") -> None:
    """Ticks in the reader's language; the same span of time on every picture."""
    first, last = int(result.ts[0]), int(result.ts[-1]) + result.bar_ns
    axes.set_xlim(first / DAY_NS, last / DAY_NS)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    places = _places(axes.get_yticks())
    axes.yaxis.set_major_formatter(lambda value, _: words.number(value, places) + unit)
    locator = AutoDateLocator(minticks=5, maxticks=10)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    ticks = np.asarray(axes.get_xticks())
    step = float(np.min(np.diff(ticks))) if ticks.size > 1 else 1.0
    axes.xaxis.set_major_formatter(lambda day, _: _date_label(day, step, words))


def _places(ticks: Floats) -> int:
    """Decimals that tell neighbouring ticks apart."""
    step = float(np.min(np.diff(ticks))) if len(ticks) > 1 else 1.0
    return next((n for n in range(8) if math.isclose(round(step, n), step, rel_tol=1e-6)), 8)


def _date_label(day: float, step: float, words: Wording) -> str:
    """A tick of the time axis, as coarse as its distance (in days) to the next one."""
    ts_ns = round(day * 86_400) * 1_000_000_000
    if step >= 360:
        return words.instant(ts_ns, "yyyy")
    if step >= 27:
        return words.instant(ts_ns, "MMM yyyy")
    return words.instant(ts_ns, "d MMM" if step >= 1 or day % 1 == 0 else "HH:mm")


@contextmanager
def _neutral(name: str) -> Iterator[None]:
    """Draws by the library's own defaults, whatever the reader's settings file says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams["svg.fonttype"] = "none"
        mpl.rcParams["svg.hashsalt"] = name
        yield


def _svg(figure: Figure, name: str, alt: str) -> str:
    """The picture as an inline element: no prolog, no metadata, no address of any kind."""
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", dpi=POINTS_PER_INCH)
    text = drawn.getvalue()
    text = re.sub(r"<(metadata|style)\b.*?</\1>", "", text[text.index("<svg") :], flags=re.DOTALL)
    # Only what stands inside a tag is shortened: a label between tags keeps all its digits.
    text = re.sub(r"<[^>]+>", lambda tag: _short(tag.group(), name), text)
    return re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', _opening(alt), text, count=1)


def _short(tag: str, name: str) -> str:
    """A tag with page-wide ids, the page's font and colours, and hundredths of a unit."""
    tag = tag.replace("xlink:href", "href")
    tag = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", tag)
    tag = re.sub(r" font-family: [^;\"]*;", "", tag)
    tag = re.sub(r"(\.\d\d)\d+", r"\1", tag)
    tag = re.sub(r"\s+", " ", tag)
    for colour, role in ROLES.items():
        tag = tag.replace(colour, role)
    return tag


def _opening(alt: str) -> str:
    label = escape(alt, quote=True).replace("\\", r"\\")
    return rf'<svg viewBox="\1" role="img" aria-label="{label}">'
