"""Owns what Hypothesis draws for the laws of the PowerTrader strategy: settings and votes.

Lines and levels are about as far apart as the drawn bars move, so that deals come and go. It must
not know any law.
"""

from hypothesis import strategies as st

from absolute.engine.votes import Count, Votes
from absolute.strategies.levels_settings import LevelsConfig

from tests.builders import D


def _text(*values: str):
    return st.sampled_from([D(value) for value in values])


@st.composite
def level_settings(draw) -> LevelsConfig:
    """Settings that are legal, zeros among them."""
    config = LevelsConfig(
        coins=("COIN",),
        trade_start_level=draw(st.integers(1, 7)),
        start_allocation_pct=draw(_text("0", "0.005", "1", "5", "20")),
        dca_levels=tuple(draw(st.lists(_text("0", "-0.5", "-1", "-2.5"), max_size=4))),
        dca_multiplier=draw(_text("0", "0.01", "0.5", "2")),
        max_dca_buys_per_24h=draw(st.sampled_from([0, 1, 2, 50])),
        pm_start_pct_no_dca=draw(_text("0", "0.3", "1", "5")),
        pm_start_pct_with_dca=draw(_text("0", "0.3", "2.5")),
        trailing_gap_pct=draw(_text("0", "0.1", "0.5")),
        min_order_quote=draw(_text("0", "0.5", "100")),
        trailing_step_pct=draw(_text("0", "0.01", "0.3")),
        worst_case_confirmed=True,
    )
    assert not config.validate(), config.validate()
    return config


@st.composite
def votes_on(draw, bars: int):
    """Votes at some bars, as arrays: an agenda is made of them anew for every run."""
    numbers = sorted(draw(st.sets(st.integers(0, bars - 1), min_size=1)))
    count = st.builds(Count, st.integers(0, 7), st.sampled_from([0, 0, 0, 1]))
    counts = [draw(count) for _ in numbers]
    return lambda: Votes(numbers, counts)
