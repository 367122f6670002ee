"""The skip index against its plain twin, and the feed's searches against a walk over every bar."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.kernels.feed import TapeFeed, ticks_down, ticks_up
from absolute.kernels.skip import BLOCK, NEVER_DOWN, NEVER_UP, SkipIndex, first_hit_plain
from absolute.kernels.tape import Tape

from tests.builders import MINUTE, START, D
from tests.drawn import tapes

COUNTS = st.one_of(
    st.integers(1, 3 * BLOCK),
    st.sampled_from([1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1, 5 * BLOCK]),
)


@st.composite
def columns(draw):
    """Lows and highs; mostly flat, so that hits are rare and the blocks are really skipped."""
    count, seed = draw(COUNTS), draw(st.integers(0, 10_000))
    chance = np.random.Generator(np.random.PCG64(seed))
    spike = np.where(chance.random(count) < draw(st.sampled_from([0.0, 0.01, 0.5])), 50, 0)
    low = 100 - (spike * chance.random(count)).astype(np.int64)
    high = 100 + (spike * chance.random(count)).astype(np.int64)
    return low, high


LEVELS = st.tuples(
    st.one_of(st.just(NEVER_DOWN), st.integers(50, 101)),
    st.one_of(st.just(NEVER_UP), st.integers(99, 150)),
)


@settings(max_examples=400)
@given(columns(), LEVELS, st.data())
def test_the_index_finds_what_a_plain_search_finds(sides, levels, data):
    low, high = sides
    start = data.draw(st.integers(0, len(low)))
    down, up = levels
    index = SkipIndex.over(low, high)
    assert index.first(start, down, up) == first_hit_plain(low, high, start=start, down=down, up=up)


@settings(max_examples=100)
@given(columns(), LEVELS)
def test_a_plain_search_finds_the_first_bar_that_reaches_a_level(sides, levels):
    low, high = sides
    down, up = levels
    hits = [i for i in range(len(low)) if low[i] <= down or high[i] >= up]
    expected = hits[0] if hits else len(low)
    assert first_hit_plain(low, high, start=0, down=down, up=up) == expected


@settings(max_examples=60)
@given(columns(), LEVELS, LEVELS, st.data())
def test_a_mark_price_is_searched_beside_the_last_price(sides, levels, marks, data):
    low, high = sides
    shift = data.draw(st.integers(-3, 3))
    tape = Tape.of(
        ts=START + np.arange(len(low)) * MINUTE, open=low, high=high, low=low, close=high,
        volume=np.ones(len(low)), price_unit=D(1), bar_ns=MINUTE,
        mark_low=low + shift, mark_high=high + shift, mark_close=high + shift,
    )  # fmt: skip
    start = data.draw(st.integers(0, len(low)))
    expected = min(
        first_hit_plain(low, high, start=start, down=levels[0], up=levels[1]),
        first_hit_plain(low + shift, high + shift, start=start, down=marks[0], up=marks[1]),
    )
    assert TapeFeed(tape).first(start, levels, marks) == expected


@settings(max_examples=100)
@given(tapes(unit="0.01"), st.data())
def test_times_are_found_as_a_walk_finds_them(tape, data):
    feed, count = TapeFeed(tape), len(tape)
    last = int(tape.ts[-1]) + 2 * MINUTE
    near = st.integers(0, count - 1).map(lambda n: int(tape.ts[n]))
    edges = st.tuples(near, st.sampled_from([-1, 0, 1, MINUTE - 1, MINUTE, MINUTE + 1])).map(sum)
    time = data.draw(st.one_of(edges, st.integers(START - MINUTE, last)))
    opens = [n for n in range(count) if tape.ts[n] >= time]
    assert feed.opening(time) == (opens[0] if opens else count)
    frame = data.draw(st.sampled_from([MINUTE, 3 * MINUTE, 5 * MINUTE, 60 * MINUTE]))
    start = data.draw(st.integers(0, count))
    closing = [n for n in range(start, count) if (tape.ts[n] + MINUTE) % frame == 0]
    assert feed.closing(start, frame) == (closing[0] if closing else None)


@settings(max_examples=100)
@given(tapes(unit="0.01", bars_max=30), st.sampled_from([1, 3, 5]))
def test_a_closed_bar_of_a_longer_frame_holds_its_bars(tape, minutes):
    feed, frame = TapeFeed(tape), minutes * MINUTE
    for number in range(len(tape)):
        row = feed.row(number)
        bar: Any = feed.closed(row, frame)
        if row.end % frame:
            assert bar is None
            continue
        inside = [n for n in range(number + 1) if row.end - frame <= tape.ts[n]]
        assert (bar.open_time, bar.close_time) == (row.end - frame, row.end)
        assert bar.open == tape.price(tape.open[inside[0]])
        assert bar.high == tape.price(max(tape.high[n] for n in inside))
        assert bar.low == tape.price(min(tape.low[n] for n in inside))
        assert bar.close == tape.price(tape.close[number])


@given(st.integers(0, 10_000), st.sampled_from(["0.01", "0.5", "1", "0.003"]))
def test_whole_price_units_bracket_a_price(thousandths, unit):
    price, size = D(thousandths) / 1000, D(unit)
    down, up = ticks_down(price, size), ticks_up(price, size)
    assert down * size <= price <= up * size
    assert up - down == (0 if down * size == price else 1)
