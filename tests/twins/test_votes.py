"""Votes counted over whole columns are those counted bar by bar, with bounds as decimals."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.engine.votes import Bounds, Count, Told, count_votes, votes_at_closes
from absolute.kernels.feed import ticks_down, ticks_up

from tests.builders import D

UNIT = D("0.5")
PRICES = st.integers(0, 120).map(lambda quarter: D(quarter) / 4)
CLOSES = st.lists(st.integers(1, 60), min_size=1, max_size=40)


@st.composite
def bounds_told(draw, bars):
    """Bounds of up to four frames, some told twice at one close, in order."""
    numbers = sorted(draw(st.lists(st.integers(0, bars - 1), max_size=12)))
    return [
        (number, draw(st.sampled_from("abcd")), Bounds(*sorted((draw(PRICES), draw(PRICES)))))
        for number in numbers
    ]


@settings(max_examples=300)
@given(CLOSES, st.data())
def test_columns_count_as_bars_do(closes, data):
    told = data.draw(bounds_told(len(closes)))
    fast = votes_at_closes(
        np.array(closes, dtype=np.int64),
        [
            Told(number, frame, ticks_up(each.low, UNIT), ticks_down(each.high, UNIT))
            for number, frame, each in told
        ],
    )
    frames: dict[str, Bounds] = {}
    standing = Count(0, 0)
    for number, close in enumerate(closes):
        frames |= {frame: each for at, frame, each in told if at == number}
        plain = count_votes(frames.values(), close * UNIT)
        changed = fast.next(number) == number
        assert changed is (plain != standing)
        standing = plain
        if changed:
            assert fast.count(number) == plain
