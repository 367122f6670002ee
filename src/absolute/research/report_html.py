"""Owns the making of one self-contained HTML page; knows nothing of what the figures mean.

The page needs no network: style and pictures are inside, there is no script, and a policy in its
head forbids loading anything. The same result gives the same bytes.
"""

import os
import sys
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from absolute.research.report_page import Page, compose
from absolute.research.report_place import put_page
from absolute.research.result import BacktestResult
from absolute.research.wording import Translate, Wording, untranslated


def render(
    result: BacktestResult, *, language: str = "en", translate: Translate = untranslated
) -> str:
    """The page of one result as text."""
    words = Wording(language, result.settle, translate)
    page = compose(result, words)
    rooms = Environment(
        loader=PackageLoader("absolute.research"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return rooms.get_template("backtest.html.j2").render(
        page=page, drawings=_drawings(result, words, page)
    )


def write(
    result: BacktestResult,
    path: Path,
    *,
    language: str = "en",
    translate: Translate = untranslated,
) -> None:
    """Writes the page whole or not at all, making its folder where needed.

    Raises what `report_place.put_page` raises.
    """
    put_page(path, render(result, language=language, translate=translate).encode())


def _own_font_cache() -> None:
    """Let matplotlib keep its font list beside this installation instead of in the user's home."""
    if sys.prefix != sys.base_prefix:
        os.environ.setdefault("MPLCONFIGDIR", str(Path(sys.prefix) / "matplotlib"))


def _drawings(result: BacktestResult, words: Wording, page: Page) -> dict[str, Markup]:
    """The pictures by name. Their text is escaped where they are drawn."""
    # Loading the drawing library takes half a second that a command without a page never pays.
    _own_font_cache()
    from absolute.research import charts

    draw = {"price": charts.price, "equity": charts.equity, "drawdown": charts.drawdown}
    return {
        picture.name: Markup(draw[picture.name](result, words, picture.alt))  # noqa: S704
        for picture in page.pictures
    }
