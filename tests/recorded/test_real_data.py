"""Recorded markets read as their collector describes them: counts, pieces, gaps, defects."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from absolute.domain.errors import UserError
from absolute.lake.audit import Verdict, audit
from absolute.lake.bars import read_bars
from absolute.lake.funding import align_mark, read_funding

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the recorded markets are not here")

MINUTE_NS = 60 * 10**9

# file, rows, minutes per bar, price unit, pieces or None where the collector gives no list
BAR_FILES = [
    ("btcusdt_binance_spot_1m", 536_818, 1, "0.01", 16),
    ("ethusdt_binance_spot_1m", 200_000, 1, "0.01", 5),
    ("btcusdt_binance_perp_1m", 43_199, 1, "0.1", 1),
    ("btcperp_ftx_1m_2022-01", 45_031, 1, "0.001", 1),
    ("btcusdt_binance_spot_5m", 392_152, 5, "0.01", 18),
    ("ethusdt_binance_spot_5m", 54_523, 5, "0.01", 8),
    ("btcusdt_binance_perp_5m", 261_134, 5, "0.1", 2),
    ("ethusdt_binance_perp_5m", 143_901, 5, "0.01", 1),
    ("btcusdt_binance_spot_30m", 67_956, 30, "0.01", None),
    ("btcusdt_binance_spot_1h", 64_524, 60, "0.01", None),
    ("ethusdt_binance_spot_1h", 61_246, 60, "0.01", None),
    ("btcusdt_binance_perp_1h", 46_591, 60, "0.01", 1),
    ("ethusdt_binance_perp_1h", 44_681, 60, "0.01", 1),
    ("btcusd_bitstamp_coinbase_1d", 4_885, 1_440, "0.01", 1),
]

# symbol, rows, missing bars
MULTI_4H = [
    ("BTCUSDT", 16_147, 16),
    ("ETHUSDT", 16_147, 16),
    ("SOLUSDT", 9_623, 0),
    ("BNBUSDT", 15_662, 16),
]

SPOT_1M_PIECES = """
2019-10-15 21:50 2019-11-13 01:59 40570
2019-11-13 04:20 2019-11-13 05:29 70
2019-11-13 05:33 2019-11-14 21:50 2418
2021-03-26 03:00 2021-04-20 01:59 35940
2021-04-20 04:30 2021-04-25 04:00 7171
2021-04-25 08:45 2021-05-20 20:40 36716
2021-06-10 13:36 2021-07-10 17:56 43461
2021-09-17 22:23 2021-09-29 06:59 16357
2021-09-29 09:00 2021-10-17 22:21 26722
2021-11-06 20:38 2021-12-11 09:10 49713
2022-06-15 03:00 2022-07-19 20:19 50000
2023-03-16 22:15 2023-03-24 12:39 10945
2023-03-24 14:00 2023-05-05 07:35 60096
2023-08-26 03:00 2023-09-29 20:19 50000
2024-02-12 03:00 2024-03-22 10:58 56639
2024-10-01 03:00 2024-11-04 20:19 50000
"""


def bars_of(name, **options):
    return read_bars(DATA / "ohlcv" / f"{name}.parquet", **options)


def minute(ns):
    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(("name", "rows", "minutes", "unit", "pieces"), BAR_FILES)
def test_a_bar_file_is_what_its_collector_says(name, rows, minutes, unit, pieces):
    bars = bars_of(name)
    assert bars.rows_read == len(bars.tape) == rows
    assert bars.tape.bar_ns == minutes * MINUTE_NS
    assert bars.tape.price_unit == Decimal(unit)
    assert bars.prices_rounded == 0
    assert len(bars.gaps) + 1 == len(bars.tape.pieces())
    if pieces is not None:
        assert len(bars.tape.pieces()) == pieces


def test_the_pieces_of_the_minutes():
    tape = bars_of("btcusdt_binance_spot_1m").tape
    found = [
        f"{minute(int(tape.ts[start]))} {minute(int(tape.ts[stop - 1]))} {stop - start}"
        for start, stop in tape.pieces()
    ]
    assert found == SPOT_1M_PIECES.split("\n")[1:-1]


def test_prices_are_the_doubles_of_the_file_to_the_last_bit():
    name = "btcusdt_binance_spot_1m"
    frame = pl.read_parquet(DATA / "ohlcv" / f"{name}.parquet")
    tape = bars_of(name).tape
    for column in ("open", "high", "low", "close"):
        assert (getattr(tape, column) / 100 == frame[column].to_numpy()).all()
    assert (tape.volume == frame["volume"].to_numpy()).all()
    assert (tape.closes() == frame["close"].to_numpy()).all()


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("btcusdt_binance_spot_30m", 257),
        ("btcusdt_binance_spot_1h", 128),
        ("ethusdt_binance_spot_1h", 122),
    ],
)
def test_as_many_bars_are_missing_as_the_collector_says(name, missing):
    assert sum(gap.missing for gap in bars_of(name).gaps) == missing


def test_a_shifted_grid_is_no_missing_bar():
    """After the outage of February 2018 the bars open 1 min 45 s early until the grid is back."""
    shifts = [gap for gap in bars_of("btcusdt_binance_spot_30m").gaps if gap.missing == 0]
    assert [gap.index for gap in shifts] == [1907]
    report = audit(DATA / "ohlcv" / "btcusdt_binance_spot_30m.parquet")
    (shifted,) = (found for found in report.findings if found.kind == "off_grid")
    assert report.counts["off_grid"] == 85
    assert shifted.detail == "bars that open 1 min 45.211 s before the grid: 85"
    assert shifted.time == datetime(2018, 2, 9, 9, 58, 14, 789_000, UTC)


@pytest.mark.parametrize(("symbol", "rows", "missing"), MULTI_4H)
def test_one_market_of_a_file_of_several(symbol, rows, missing):
    bars = bars_of("multi_binance_spot_4h_taker", symbol=symbol)
    assert len(bars.tape) == rows
    assert sum(gap.missing for gap in bars.gaps) == missing


def test_a_range_of_a_clean_stretch():
    """15 days from 5 March 2024 are inside one piece: 15 * 1440 bars."""
    bars = bars_of("btcusdt_binance_spot_1m", start="2024-03-05", end="2024-03-20")
    assert len(bars.tape) == 15 * 1440
    assert bars.gaps == ()
    assert minute(int(bars.tape.ts[-1])) == "2024-03-19 23:59"


@pytest.mark.parametrize("name", [name for name, *_ in BAR_FILES])
def test_no_real_market_looks_made_up(name):
    """Crashes included: no spike that undoes itself, no holes on a schedule."""
    report = audit(DATA / "ohlcv" / f"{name}.parquet")
    assert report.verdict in (Verdict.CLEAN, Verdict.USABLE)


def test_rows_without_trade_prices_are_named():
    path = DATA / "ohlcv" / "btcusd_coinbase_1m_trade_and_quote_selected_days.parquet"
    assert audit(path).counts["malformed"] == 432
    with pytest.raises(UserError) as caught:
        read_bars(path)
    assert caught.value.code == "DATA_ROW_MALFORMED"
    # the first of them is row 9,543, at 16:46 of 4 April: 1,006 rows of that day stand before it
    assert "data row 9543 (2018-04-04 16:46:00 UTC)" in caught.value.message
    assert len(read_bars(path, end="2018-04-04").tape) == 9_542 - 1_006


# ---------------------------------------------------------------------------------------- defects


def test_the_duplicates_and_the_outage_are_found():
    path = DATA / "defects" / "btcusdt_spot_1m_raw_duplicates_and_outage.parquet"
    report = audit(path)
    assert report.verdict is Verdict.REFUSED
    assert report.counts == {"duplicate": 143, "zero_volume": 3, "gap": 2}
    first = next(found for found in report.findings if found.kind == "gap")
    assert first.time == datetime(2019, 11, 13, 2, 0, tzinfo=UTC)
    assert first.detail == "bars missing: 140, until 2019-11-13 04:20:00 UTC (2 h 20 min)"
    with pytest.raises(UserError) as caught:
        read_bars(path)
    assert caught.value.code == "DATA_DUPLICATE_TIME"
    assert "2019-11-13 09:10:00 UTC" in caught.value.message


def test_the_restated_candles_are_found():
    report = audit(DATA / "defects" / "restated_candles_two_versions.parquet")
    assert report.verdict is Verdict.REFUSED
    assert report.counts["restated"] == 73
    assert "duplicate" not in report.counts
    by_market = [found.symbol for found in report.findings if found.kind == "restated"]
    assert by_market.count("BTCUSDT spot 1m") == 70
    assert by_market.count("BTCUSDT perp 5m") == 3


def test_the_wrong_prices_are_doubted():
    report = audit(DATA / "defects" / "btcusdt_wrong_prices_gaps_spikes.parquet")
    assert report.verdict is Verdict.DOUBTFUL
    assert report.counts["zero_volume"] == 21
    assert report.counts["gap"] == 67
    assert report.counts["spike"] >= 5
    (schedule,) = (found for found in report.findings if found.kind == "periodic_holes")
    # a step of 13 h 22 min is 802 minutes, so 801 bars are missing
    assert schedule.detail == "67 times 200 bars are followed by a hole of 801 bars"


# ------------------------------------------------------------------------------------ derivatives


def test_the_funding_of_one_venue():
    series = read_funding(DATA / "derivatives" / "btcusdt_binance_funding_8h.parquet")
    assert len(series) == 5_819
    assert series.rates[0] == Decimal("0.0001")
    assert (max(series.rates), min(series.rates)) == (Decimal("0.003"), Decimal("-0.003"))
    assert np.unique(np.diff(series.ts)).tolist() == [8 * 60 * MINUTE_NS]


def test_the_funding_of_many_venues_agrees_where_it_should():
    """Two collections of the same payments: equal but for some milliseconds of the stamp."""
    path = DATA / "derivatives" / "multi_exchange_funding_2020_2023.parquet"
    many = read_funding(path, exchange="binance", symbol="BTCUSDT")
    one = read_funding(DATA / "derivatives" / "btcusdt_binance_funding_8h.parquet")
    same = one.between(int(many.ts[0]), int(many.ts[-1]) + MINUTE_NS)
    assert len(many) == len(same) == 4_383
    assert abs(many.ts - same.ts).max() < 100_000_000
    assert [rate.quantize(Decimal("1e-6")) for rate in same.rates] == [
        rate.quantize(Decimal("1e-6")) for rate in many.rates
    ]


def test_the_hourly_funding_of_dydx_is_not_taken_for_eight_hours():
    path = DATA / "derivatives" / "multi_exchange_funding_2020_2023.parquet"
    series = read_funding(path, exchange="dydx", symbol="ETHUSDT")
    assert np.median(np.diff(series.ts)) == 60 * MINUTE_NS


def test_the_mark_price_joins_the_hours_of_the_perpetual():
    bars = bars_of("btcusdt_binance_perp_1h", start="2020-01-01")
    mark = DATA / "derivatives" / "btcusdt_binance_mark_price_1h.parquet"
    tape = align_mark(bars.tape, mark)
    assert tape.price_unit == Decimal("1e-8")
    assert (tape.close == bars.tape.close * 10**6).all()
    assert tape.mark_close is not None
    # a mark price follows its market: never further off than 6 percent at the close of an hour
    assert abs(tape.mark_close / tape.close - 1).max() < 0.06
    with pytest.raises(UserError) as caught:
        align_mark(bars_of("btcusdt_binance_perp_1h").tape, mark)
    assert caught.value.code == "DATA_MARK_MISSING"
