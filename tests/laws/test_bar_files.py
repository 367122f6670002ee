"""What is written comes back, whatever the market and the file; one wrong row is always found."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from absolute.desk.clock import generator
from absolute.domain.errors import UserError
from absolute.kernels.synth import synth_tape
from absolute.kernels.tape import Tape
from absolute.lake.audit import Verdict, audit
from absolute.lake.bars import read_bars
from absolute.lake.writing import write_bars

MINUTE_NS = 60 * 10**9
START_NS = 1_704_067_200 * 10**9

slow_disk = settings(
    max_examples=settings().max_examples * 2 // 5,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def tapes(draw):
    """A made-up market with some of its bars taken out."""
    unit = draw(st.sampled_from(["0.01", "0.1", "0.00000001", "1", "0.001"]))
    bars = draw(st.integers(20, 120))
    tape = synth_tape(
        generator(draw(st.integers(0, 2**32))),
        bars=bars,
        start_ns=START_NS,
        bar_ns=draw(st.sampled_from([1, 5, 60, 1_440])) * MINUTE_NS,
        first_price=Decimal(unit) * draw(st.integers(10_000, 10_000_000)),
        price_unit=Decimal(unit),
    )
    keep = np.ones(bars, dtype=bool)
    keep[draw(st.lists(st.integers(0, bars - 1), max_size=5))] = False
    columns = {name: getattr(tape, name)[keep] for name in ("open", "high", "low", "close")}
    return Tape.of(
        ts=tape.ts[keep],
        volume=tape.volume[keep],
        price_unit=tape.price_unit,
        bar_ns=tape.bar_ns,
        **columns,
    )


@given(tape=tapes(), suffix=st.sampled_from([".parquet", ".csv"]))
@slow_disk
def test_a_written_tape_is_read_back(tmp_path, tape, suffix):
    path = tmp_path / f"bars{suffix}"
    write_bars(tape, path, force=True)
    bars = read_bars(path, price_unit=tape.price_unit)
    assert bars.tape.sha256() == tape.sha256()
    assert len(bars.gaps) == len(tape.pieces()) - 1
    found = read_bars(path).tape  # without a hint the unit may be coarser, the prices are equal
    assert found.closes().tolist() == tape.closes().tolist()
    assert found.price_unit % tape.price_unit == 0


@given(tape=tapes())
@slow_disk
def test_missing_bars_are_counted(tmp_path, tape):
    path = tmp_path / "bars.csv"
    write_bars(tape, path, force=True)
    span = int(tape.ts[-1] - tape.ts[0]) // tape.bar_ns + 1
    missing = sum(gap.missing for gap in read_bars(path).gaps)
    assert missing == span - len(tape)
    report = audit(path)
    assert report.markets[0].missing == missing
    assert report.clean == (missing == 0)


def _swap(rows, at):
    rows[at], rows[at + 1] = rows[at + 1], rows[at]


def _repeat(rows, at):
    rows.insert(at + 1, rows[at])


def _cell(rows, at, column, text):
    cells = rows[at].split(",")
    cells[column] = text
    rows[at] = ",".join(cells)


BREAKS = {
    "swapped": _swap,
    "repeated": _repeat,
    "cut": lambda rows, at: rows.__setitem__(at, rows[at].rsplit(",", 2)[0]),
    "lengthened": lambda rows, at: rows.__setitem__(at, rows[at] + ",1"),
    "blank": lambda rows, at: rows.insert(at, ""),
    "no time": lambda rows, at: _cell(rows, at, 0, ""),
    "no price": lambda rows, at: _cell(rows, at, 4, ""),
    "a word": lambda rows, at: _cell(rows, at, 2, "high"),
    "zero": lambda rows, at: _cell(rows, at, 3, "0"),
    "too low a high": lambda rows, at: _cell(rows, at, 2, "0.00000001"),
    "too high a low": lambda rows, at: _cell(rows, at, 3, "9000000000"),
    "a debt of volume": lambda rows, at: _cell(rows, at, 5, "-1"),
    "no volume": lambda rows, at: _cell(rows, at, 5, "nan"),
}


@given(tape=tapes(), how=st.sampled_from(sorted(BREAKS)), where=st.floats(0, 0.999))
@slow_disk
def test_one_wrong_row_is_always_refused_and_named(tmp_path, tape, how, where):
    path = tmp_path / "bars.csv"
    write_bars(tape, path, force=True)
    header, *rows = path.read_text().splitlines()
    at = int(where * (len(rows) - 1))
    assume(not (how == "too low a high" and tape.price_unit == Decimal("0.00000001")))
    BREAKS[how](rows, at)
    path.write_text("\n".join([header, *rows]) + "\n")
    with pytest.raises(UserError) as caught:
        read_bars(path)
    named = int(caught.value.message.split("data row ")[1].split()[0])
    assert named in (at + 1, at + 2)
    report = audit(path)
    assert report.verdict is Verdict.REFUSED
    assert named in {found.row for found in report.findings}


@given(st.binary(max_size=400), st.sampled_from([b"", b"PAR1", b"ARROW1", b"\x1f\x8b", b"[["]))
@slow_disk
def test_noise_is_refused_in_one_sentence(tmp_path, noise, beginning):
    path = tmp_path / "noise"
    path.write_bytes(beginning + noise)
    for look in (read_bars, audit):
        with pytest.raises(UserError) as caught:
            look(path)
        assert caught.value.code.startswith("DATA_")
