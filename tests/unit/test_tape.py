"""The tape checks what it is given once, and nothing can change it afterwards."""

from decimal import Decimal

import numpy as np
import pytest

from absolute.kernels.tape import Tape

MINUTE = 60_000_000_000


def columns(**changes):
    given = {
        "ts": np.array([0, 1, 2, 5]) * MINUTE,
        "open": [100, 101, 102, 103],
        "high": [105, 105, 105, 105],
        "low": [99, 99, 99, 99],
        "close": [101, 102, 103, 104],
        "volume": [1.0, 0.0, 2.5, 3.0],
        "price_unit": Decimal("0.05"),
        "bar_ns": MINUTE,
    }
    return given | changes


def test_prices_are_exact_multiples_of_the_unit():
    tape = Tape.of(**columns())
    assert tape.price(101) == Decimal("5.05")
    # 101 * 0.05 = 5.05, 102 * 0.05 = 5.10, and so on: the nearest doubles, no drift
    assert tape.closes().tolist() == [5.05, 5.10, 5.15, 5.20]


def test_a_gap_ends_a_piece():
    # bars at minutes 0, 1, 2 and 5: the step of three minutes is a gap
    assert Tape.of(**columns()).pieces() == [(0, 3), (3, 4)]


def test_a_slice_shares_the_memory():
    tape = Tape.of(**columns(mark_high=[106] * 4, mark_low=[98] * 4, mark_close=[100] * 4))
    part = tape.slice(1, 3)
    assert np.shares_memory(part.close, tape.close)
    assert part.close.tolist() == [102, 103]
    assert part.mark_low is not None
    assert part.mark_low.tolist() == [98, 98]
    assert len(part) == 2
    assert len(tape.slice(0, 0)) == 0
    assert tape.slice(0, 0).pieces() == []


def test_nobody_can_write_to_a_tape():
    mine = np.array([101, 102, 103, 104])
    tape = Tape.of(**columns(close=mine))
    mine[0] = 1
    assert tape.close[0] == 101
    with pytest.raises(ValueError, match="read-only"):
        tape.close[0] = 1
    with pytest.raises(AttributeError):
        setattr(tape, "bar_ns", 1)  # noqa: B010 -- written so that mypy does not forbid it first


def test_a_read_only_view_of_writable_memory_is_copied():
    mine = np.array([101, 102, 103, 104])
    view = mine[:]
    view.flags.writeable = False
    tape = Tape.of(**columns(close=view))
    mine[0] = 1
    assert tape.close[0] == 101


def test_equal_tapes_have_equal_hashes_and_others_do_not():
    one = Tape.of(**columns())
    assert one.sha256() == Tape.of(**columns(price_unit=Decimal("0.050"))).sha256()
    marked = Tape.of(**columns(mark_high=[106] * 4, mark_low=[98] * 4, mark_close=[100] * 4))
    others = [
        Tape.of(**columns(price_unit=Decimal("0.01"))),
        Tape.of(**columns(bar_ns=2 * MINUTE)),
        Tape.of(**columns(volume=[1.0, 0.0, 2.5, 3.1])),
        Tape.of(**columns(close=[101, 102, 103, 105])),
        one.slice(0, 3),
        marked,
    ]
    assert len({one.sha256(), *(other.sha256() for other in others)}) == 7


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"ts": [0, 1, 1, 5]}, "bar 2: time does not rise"),
        ({"ts": [0, 2, 1, 5]}, "bar 2: time does not rise"),
        ({"low": [99, 99, 0, 99]}, "bar 2: low is not above zero"),
        ({"low": [99, 103, 99, 99]}, "bar 1: low is above open or close"),
        ({"high": [105, 105, 105, 103]}, "bar 3: high is below open or close"),
        ({"volume": [1.0, -1.0, 0.0, 0.0]}, "bar 1: volume"),
        ({"volume": [1.0, 1.0, np.nan, 0.0]}, "bar 2: volume"),
        ({"close": [101, 102, 103]}, "equally long"),
        ({"close": [[101, 102, 103, 104]]}, "equally long"),
        ({"close": [101.5, 102, 103, 104]}, "whole numbers"),
        ({"price_unit": Decimal(0)}, "price_unit"),
        ({"price_unit": Decimal("NaN")}, "price_unit"),
        ({"bar_ns": 0}, "bar_ns"),
        ({"mark_close": [1, 1, 1, 1]}, "together"),
        ({"mark_high": [9] * 4, "mark_low": [8] * 4, "mark_close": [7] * 4}, "mark close"),
        ({"mark_high": [9] * 4, "mark_low": [0] * 4, "mark_close": [7] * 4}, "mark low"),
    ],
)
def test_a_broken_column_is_refused(changes, told):
    with pytest.raises(ValueError, match=told):
        Tape.of(**columns(**changes))


def test_an_empty_tape_is_a_tape():
    empty: dict[str, list[int]] = {
        name: [] for name in ("ts", "open", "high", "low", "close", "volume")
    }
    assert len(Tape.of(**columns(**empty))) == 0
