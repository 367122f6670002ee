"""Funding and mark prices join the tape as the venue published them, to the last digit."""

from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from absolute.domain.errors import UserError
from absolute.kernels.tape import Tape
from absolute.lake.funding import align_mark, read_funding

START_S = 1_704_067_200  # 2024-01-01 00:00 UTC
HOUR_NS = 3_600_000_000_000


@pytest.fixture
def save(tmp_path):
    def write(*rows, header="ts,funding_rate"):
        path = tmp_path / "rates.csv"
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


def refusal(call, *args, **options):
    with pytest.raises(UserError) as caught:
        call(*args, **options)
    return caught.value


def test_rates_are_the_decimals_of_the_file(save):
    path = save("2024-01-01 00:00:00,0.0001", "2024-01-01 08:00:00.002,-1.2e-05")
    series = read_funding(path)
    assert series.rates == (Decimal("0.0001"), Decimal("-0.000012"))
    # the two milliseconds by which the venue was late are kept
    assert series.ts.tolist() == [START_S * 10**9, (START_S + 8 * 3600) * 10**9 + 2_000_000]
    assert len(series) == 2


def test_float_rates_become_the_shortest_decimal(tmp_path):
    rates = [0.0001, -0.00037499, 1e-8, 0.1 + 0.2]
    path = tmp_path / "rates.parquet"
    ts = [START_S + 3600 * i for i in range(4)]
    pl.DataFrame({"ts": ts, "funding_rate": rates}).write_parquet(path)
    assert list(read_funding(path).rates) == [Decimal(repr(rate)) for rate in rates]


@pytest.mark.parametrize(
    "header",
    ["calc_time,last_funding_rate", "fundingTime,fundingRate", "fundingRateTimestamp,fundingRate"],
)
def test_the_exports_of_the_exchanges(save, header):
    assert len(read_funding(save(f"{START_S}000,0.0001", header=header))) == 1


def test_no_interval_is_assumed(save):
    hours = (0, 8, 12, 13, 14, 40)
    rows = [f"{START_S + 3600 * hour},0.0001" for hour in hours]
    assert len(read_funding(save(*rows))) == 6


def test_a_stretch_has_its_start_and_not_its_end(save):
    series = read_funding(save(*(f"{START_S + 3600 * i},0.000{i}" for i in range(5))))
    part = series.between(START_S * 10**9 + HOUR_NS, START_S * 10**9 + 3 * HOUR_NS)
    assert part.rates == (Decimal("0.0001"), Decimal("0.0002"))
    assert part.ts.tolist() == [START_S * 10**9 + HOUR_NS, START_S * 10**9 + 2 * HOUR_NS]


def test_several_venues_and_markets_need_a_choice(save):
    header = "exchange,symbol,ts,funding_rate"
    rows = [
        f"{venue},{symbol},{START_S + 3600 * i},0.000{i}"
        for venue in ("a", "b")
        for symbol in ("BTC", "ETH")
        for i in (1, 2)
    ]
    path = save(*rows, header=header)
    assert refusal(read_funding, path).code == "DATA_EXCHANGE_NEEDED"
    assert refusal(read_funding, path, exchange="c").code == "DATA_EXCHANGE_UNKNOWN"
    assert refusal(read_funding, path, exchange="a").code == "DATA_SYMBOL_NEEDED"
    assert refusal(read_funding, path, exchange="a", symbol="X").code == "DATA_SYMBOL_UNKNOWN"
    assert len(read_funding(path, exchange="a", symbol="ETH")) == 2


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (f"{START_S + 60},", "DATA_ROW_MALFORMED"),
        (f"{START_S + 60},x", "DATA_ROW_MALFORMED"),
        (f"{START_S + 60},nan", "DATA_ROW_MALFORMED"),
        (f"{START_S + 60},0.0001,7", "DATA_ROW_MALFORMED"),
        ("x,0.0001", "DATA_ROW_MALFORMED"),
        ("77,0.0001", "DATA_ROW_MALFORMED"),
        (f"{START_S + 60},0.51", "DATA_FUNDING_RANGE"),
        (f"{START_S + 60},-0.51", "DATA_FUNDING_RANGE"),
        (f"{START_S},0.0001", "DATA_DUPLICATE_TIME"),
        (f"{START_S - 60},0.0001", "DATA_OUT_OF_ORDER"),
    ],
)
def test_a_broken_row_is_refused_by_number(save, row, code):
    error = refusal(read_funding, save(f"{START_S},0.0001", row, f"{START_S + 120},0.0001"))
    assert error.code == code
    assert "data row 2" in error.message


# ------------------------------------------------------------------------------------ mark price


def listed(column):
    assert column is not None
    return column.tolist()


def tape_of(hours, unit="0.1", **changes):
    n = len(hours)
    prices = {name: np.full(n, 1000) for name in ("open", "high", "low", "close")}
    return Tape.of(
        ts=START_S * 10**9 + np.array(hours) * HOUR_NS,
        volume=np.ones(n),
        price_unit=Decimal(unit),
        bar_ns=HOUR_NS,
        **(prices | changes),
    )


@pytest.fixture
def marks(tmp_path):
    def write(rows, step=3600):
        path = tmp_path / "marks.csv"
        text = ["ts,open,high,low,close"]
        text += [f"{START_S + step * i},{','.join(row)}" for i, row in enumerate(rows)]
        path.write_text("\n".join(text) + "\n")
        return path

    return write


def test_marks_are_attached_exactly_in_the_finer_unit(marks):
    path = marks([("100.05", "100.1", "99.975", "100")] * 4)
    tape = align_mark(tape_of([1, 3]), path)
    # the marks have three decimals, so their unit is 0.001, which divides 0.1
    assert tape.price_unit == Decimal("0.001")
    assert listed(tape.mark_high) == [100_100, 100_100]
    assert listed(tape.mark_low) == [99_975, 99_975]
    assert listed(tape.mark_close) == [100_000, 100_000]
    assert tape.close.tolist() == [100_000, 100_000]  # 1000 units of 0.1
    assert tape.ts.tolist() == tape_of([1, 3]).ts.tolist()


def test_a_coarser_mark_leaves_the_tape_in_its_unit(marks):
    tape = align_mark(tape_of([0, 1, 2]), marks([("100", "101", "99", "100")] * 3))
    assert tape.price_unit == Decimal("0.1")
    assert listed(tape.mark_high) == [1010, 1010, 1010]


def test_units_that_do_not_divide_each_other(marks):
    # 0.25 and 0.1 are both whole multiples of 0.05
    tape = align_mark(tape_of([0, 1], unit="0.25"), marks([("100.1",) * 4] * 2))
    assert tape.price_unit == Decimal("0.05")
    assert tape.close.tolist() == [5000, 5000]  # 1000 * 0.25 / 0.05
    assert listed(tape.mark_close) == [2002, 2002]


def test_marks_must_cover_every_bar(marks):
    path = marks([("100",) * 4] * 3)
    error = refusal(align_mark, tape_of([1, 2, 3, 5]), path)
    assert error.code == "DATA_MARK_MISSING"
    assert "2 of 4 bars, the first at 2024-01-01 03:00:00 UTC" in error.message


def test_marks_must_have_the_length_of_the_bars(marks):
    error = refusal(align_mark, tape_of([0, 1]), marks([("100",) * 4] * 3, step=300))
    assert error.code == "DATA_MARK_LENGTH"
    assert "last 5 min, the price bars 1 h" in error.message
