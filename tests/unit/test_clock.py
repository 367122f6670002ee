"""Time and chance come from one room, and both can be repeated."""

import time

import pytest

from absolute.desk.clock import (
    SEED_BITS,
    ManualClock,
    SteadyClock,
    WallClock,
    fresh_seed,
    generator,
    stopwatch,
)


def test_the_wall_clock_shows_the_time_of_day():
    before = time.time_ns()
    assert before <= WallClock().now_ns() <= time.time_ns()


def test_a_steady_clock_shows_the_time_of_day_and_takes_no_part_in_its_jumps(monkeypatch):
    steady = SteadyClock()
    assert abs(steady.now_ns() - time.time_ns()) < 2_000_000_000
    before = steady.now_ns()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - 3_600_000_000_000)
    assert before <= steady.now_ns() < before + 2_000_000_000
    assert SteadyClock().now_ns() >= before


def test_a_manual_clock_stands_until_it_is_moved():
    clock = ManualClock(100)
    assert clock.now_ns() == clock.now_ns() == 100
    clock.advance(5)
    clock.move_to(110)
    assert clock.now_ns() == 110


def test_a_manual_clock_does_not_go_back():
    clock = ManualClock(100)
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(-1)
    assert clock.now_ns() == 100


def test_a_seed_gives_the_same_numbers():
    assert generator(7).integers(0, 1000, 5).tolist() == generator(7).integers(0, 1000, 5).tolist()
    assert generator(7).random() != generator(8).random()


def test_a_fresh_seed_fits_every_reader_and_is_fresh():
    seeds = {fresh_seed() for _ in range(20)}
    assert len(seeds) == 20
    assert all(0 <= seed < 2**SEED_BITS for seed in seeds)


def test_a_stopwatch_runs():
    watch = stopwatch()
    first = watch.seconds
    assert 0 <= first <= watch.seconds
