"""Bars come out of a file as they stand in it, or not at all: every spelling, every refusal."""

import gzip
import json
import zipfile
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from absolute.domain.errors import UserError
from absolute.lake.bars import read_bars, refuse_gaps
from absolute.lake.instants import parse_instant, parse_timeframe, span_text

# 2024-01-01 00:00:00 UTC is 1704067200 seconds after 1970.
START_S = 1_704_067_200
MINUTE_NS = 60_000_000_000
HEADER = "ts,open,high,low,close,volume"
ROWS = (
    "2024-01-01 00:00:00,100.10,100.55,99.95,100.20,1.5",
    "2024-01-01 00:01:00,100.20,100.25,100.05,100.10,0",
    "2024-01-01 00:02:00,100.10,101.00,100.10,100.95,2.25",
)


@pytest.fixture
def save(tmp_path):
    """Write text or bytes to a file and give its path."""

    def write(content, name="bars.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def lines(*rows, header=HEADER):
    return "\n".join([header, *rows]) + "\n"


def changed(row, text):
    """The three good rows with one of them (from 1) replaced."""
    return lines(*(text if number == row else good for number, good in enumerate(ROWS, 1)))


def assert_is_the_example(bars):
    tape = bars.tape
    assert tape.price_unit == Decimal("0.01")
    assert tape.bar_ns == MINUTE_NS
    assert tape.ts.tolist() == [(START_S + 60 * i) * 1_000_000_000 for i in range(3)]
    assert tape.open.tolist() == [10010, 10020, 10010]
    assert tape.high.tolist() == [10055, 10025, 10100]
    assert tape.low.tolist() == [9995, 10005, 10010]
    assert tape.close.tolist() == [10020, 10010, 10095]
    assert tape.volume.tolist() == [1.5, 0.0, 2.25]
    assert bars.gaps == ()
    assert bars.rows_read == 3


def refusal(path, **options):
    with pytest.raises(UserError) as caught:
        read_bars(path, **options)
    return caught.value


# ------------------------------------------------------------------------------------- spellings


def test_our_own_header(save):
    assert_is_the_example(read_bars(save(lines(*ROWS))))


@pytest.mark.parametrize(
    "header",
    [
        "Date,Open,High,Low,Close,Volume",
        "TIMESTAMP,OPEN,HIGH,LOW,CLOSE,VOLUME",
        "Open Time,Open,High,Low,Close,Vol",
        " datetime , o , h , l , c , v ",
        "start_at,open_price,high_price,low_price,close_price,volume",
    ],
)
def test_the_usual_headers(save, header):
    assert_is_the_example(read_bars(save(lines(*ROWS, header=header))))


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators(save, separator):
    assert_is_the_example(read_bars(save(lines(*ROWS).replace(",", separator))))


def test_a_windows_file_with_quotes_a_mark_and_blank_lines_at_the_end(save):
    quoted = "\r\n".join(
        ",".join(f'"{field}"' for field in row.split(",")) for row in (HEADER, *ROWS)
    )
    assert_is_the_example(read_bars(save(b"\xef\xbb\xbf" + quoted.encode() + b"\r\n\r\n\r\n")))


def epoch_rows(per_second, extra=""):
    """The example with the time as a whole number, `per_second` of them a second."""
    return [
        f"{(START_S + 60 * i) * per_second},{row.split(',', 1)[1]}{extra}"
        for i, row in enumerate(ROWS)
    ]


@pytest.mark.parametrize("per_second", [1, 1_000, 1_000_000, 1_000_000_000])
def test_epoch_times_are_told_apart_by_their_size(save, per_second):
    assert_is_the_example(read_bars(save(lines(*epoch_rows(per_second)))))


def test_a_file_that_changes_from_milliseconds_to_microseconds(save):
    """As the Binance exports did on 1 January 2025."""
    mixed = [*epoch_rows(1_000)[:1], *epoch_rows(1_000_000)[1:]]
    assert_is_the_example(read_bars(save(lines(*mixed))))


def test_binance_klines_without_a_header(save):
    rows = epoch_rows(1_000, extra=",1704067259999,150.3,12,0.7,70.1,0")
    assert_is_the_example(read_bars(save("\n".join(rows))))


def test_binance_klines_with_their_header(save):
    header = (
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
        "taker_buy_volume,taker_buy_quote_volume,ignore"
    )
    rows = epoch_rows(1_000_000, extra=",1704067259999999,150.3,12,0.7,70.1,0")
    assert_is_the_example(read_bars(save(lines(*rows, header=header))))


def test_bybit_exports(save):
    rows = epoch_rows(1_000, extra=",150.3")
    assert_is_the_example(read_bars(save("\n".join(rows))))
    named = lines(*rows, header="timestamp,open,high,low,close,volume,turnover")
    assert_is_the_example(read_bars(save(named)))


def test_ccxt_arrays_as_csv_and_as_json(save):
    rows = epoch_rows(1_000)
    assert_is_the_example(read_bars(save("\n".join(rows))))
    arrays = "[" + ",\n".join(f"[{row}]" for row in rows) + "]"
    assert_is_the_example(read_bars(save(arrays, "BTC_USDT-1m.json")))
    texts = json.dumps([row.split(",") for row in rows])
    assert_is_the_example(read_bars(save(texts, "bybit.json")))


def test_packed_files(save, tmp_path):
    text = lines(*ROWS)
    assert_is_the_example(read_bars(save(gzip.compress(text.encode()), "bars.csv.gz")))
    with zipfile.ZipFile(tmp_path / "bars.zip", "w") as archive:
        archive.writestr("BTCUSDT-1m-2024-01.csv", text)
    assert_is_the_example(read_bars(tmp_path / "bars.zip"))


@pytest.mark.parametrize(
    "spelling",
    [
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y-%m-%dT%H:%M:%S+00:00",
        "%Y-%m-%d %H:%M:%S UTC",
        "%Y-%m-%d %H:%M",
        "%Y/%m/%d %H:%M:%S.000",
        "%Y.%m.%d %H:%M",
    ],
)
def test_times_as_text(save, spelling):
    rows = [
        f"{datetime(2024, 1, 1, 0, i, tzinfo=UTC):{spelling}},{row.split(',', 1)[1]}"
        for i, row in enumerate(ROWS)
    ]
    assert_is_the_example(read_bars(save(lines(*rows))))


def test_a_zone_is_honoured(save):
    rows = [row.replace(" 00:", "T03:").replace(":00,", ":00+03:00,", 1) for row in ROWS]
    assert rows[1].startswith("2024-01-01T03:01:00+03:00,")
    assert_is_the_example(read_bars(save(lines(*rows))))


@pytest.mark.parametrize(
    "kind",
    [pl.Datetime("ms", "UTC"), pl.Datetime("us"), pl.Datetime("ns", "America/Sao_Paulo"), pl.Int64],
)
def test_parquet_times(tmp_path, kind):
    frame = example_frame()
    ns = pl.Series([(START_S + 60 * i) * 1_000_000_000 for i in range(3)])
    if isinstance(kind, pl.Datetime):
        per_ns = {"ms": 1_000_000, "us": 1_000, "ns": 1}[kind.time_unit]
        ns = (ns // per_ns).cast(kind)
    path = tmp_path / "bars.parquet"
    frame.with_columns(ts=ns).write_parquet(path)
    assert_is_the_example(read_bars(path))


@pytest.mark.parametrize("kind", [pl.Float64, pl.Float32, pl.String, pl.Decimal(20, 8)])
def test_parquet_prices(tmp_path, kind):
    prices = pl.col("open", "high", "low", "close")
    path = tmp_path / "bars.parquet"
    example_frame().with_columns(prices.cast(kind)).write_parquet(path)
    assert_is_the_example(read_bars(path))


def test_feather(tmp_path):
    path = tmp_path / "bars.feather"
    example_frame().write_ipc(path)
    assert_is_the_example(read_bars(path))


def example_frame():
    cells = [row.split(",") for row in ROWS]
    frame = pl.DataFrame(cells, schema=HEADER.split(","), orient="row")
    return frame.with_columns(
        pl.col("ts").str.to_datetime(time_zone="UTC"),
        pl.exclude("ts").cast(pl.Float64),
    )


# ------------------------------------------------------------------------------------ price unit


def priced(*prices):
    """Flat bars, one a minute."""
    return lines(
        *(f"{START_S + 60 * i},{price},{price},{price},{price},1" for i, price in enumerate(prices))
    )


@pytest.mark.parametrize(
    ("prices", "unit", "ticks"),
    [
        (["100", "250", "300"], "1", [100, 250, 300]),
        (["100.0", "250.50"], "0.1", [1000, 2505]),
        (["0.00001234", "1e-05"], "0.00000001", [1234, 1000]),
        (["67890.1234567890", "1"], "0.000000001", [67890123456789, 10**9]),
        (["0.0000000001", "2.5E-9"], "0.0000000001", [1, 25]),
    ],
)
def test_the_unit_is_the_coarsest_that_fits_every_price(save, prices, unit, ticks):
    tape = read_bars(save(priced(*prices))).tape
    assert tape.price_unit == Decimal(unit)
    assert tape.close.tolist() == ticks


def test_text_prices_are_read_digit_by_digit(save):
    """A float holds about 16 digits; here are 18 of which the last counts."""
    tape = read_bars(save(priced("123456789.123456781", "123456789.123456782"))).tape
    assert tape.close.tolist() == [123456789123456781, 123456789123456782]


def test_float_noise_is_put_right_and_counted(tmp_path):
    noisy = [0.1 + 0.2, 0.7, 1.1 * 3]  # 0.30000000000000004, 0.7, 3.3000000000000003
    frame = pl.DataFrame({"ts": [START_S, START_S + 60, START_S + 120], "volume": [1.0] * 3})
    path = tmp_path / "noisy.parquet"
    frame.with_columns(pl.Series(name, noisy) for name in ("open", "high", "low", "close")).select(
        HEADER.split(",")
    ).write_parquet(path)
    bars = read_bars(path)
    assert bars.tape.price_unit == Decimal("0.1")
    assert bars.tape.close.tolist() == [3, 7, 33]
    assert bars.prices_rounded == 8  # two of the three prices, in four columns


def test_a_price_with_more_than_ten_decimals_is_refused(save):
    error = refusal(save(priced("100.5", "100.12345678901", "100.5")))
    assert error.code == "DATA_PRICE_UNIT"
    assert "data row 2" in error.message
    assert "100.12345678901" in error.message


def test_a_given_unit_must_fit_too(save):
    path = save(priced("100.05", "100.10", "100.25"))
    tape = read_bars(path, price_unit=Decimal("0.05")).tape
    assert tape.close.tolist() == [2001, 2002, 2005]
    assert tape.price(2005) == Decimal("100.25")
    error = refusal(path, price_unit=Decimal("0.1"))
    assert error.code == "DATA_PRICE_UNIT"
    assert "data row 1 (2024-01-01 00:00:00 UTC)" in error.message
    assert refusal(path, price_unit=Decimal(0)).code == "DATA_PRICE_UNIT"


# ------------------------------------------------------------------------------------------ range


def test_the_range_has_its_start_and_not_its_end(save):
    path = save(lines(*ROWS))
    tape = read_bars(path, start="2024-01-01T00:01", end="2024-01-01 00:02").tape
    assert tape.open.tolist() == [10020]
    assert tape.bar_ns == MINUTE_NS  # from the whole file, as one bar has no step
    assert len(read_bars(path, start="2024-01-01", end="2024-01-02").tape) == 3
    assert len(read_bars(path, end=START_S * 1_000_000_000 + MINUTE_NS).tape) == 1


def test_only_rows_inside_the_range_are_judged(save):
    path = save(changed(3, "2024-01-01 00:02:00,,,,,"))
    assert len(read_bars(path, end="2024-01-01T00:02").tape) == 2
    assert refusal(path).code == "DATA_ROW_MALFORMED"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"start": "2025-01-01"}, "DATA_EMPTY_RANGE"),
        ({"end": "2024-01-01"}, "DATA_EMPTY_RANGE"),
        ({"start": "2024-01-02", "end": "2024-01-01"}, "DATA_RANGE_ORDER"),
        ({"start": "2024-01-01", "end": "2024-01-01"}, "DATA_RANGE_ORDER"),
        ({"start": "yesterday"}, "TIME_NOT_UNDERSTOOD"),
        ({"end": "2024-02-30"}, "TIME_NOT_UNDERSTOOD"),
        ({"start": "1999-01-01"}, "TIME_NOT_UNDERSTOOD"),
    ],
)
def test_a_range_without_bars_is_a_mistake(save, options, code):
    assert refusal(save(lines(*ROWS)), **options).code == code


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2024-01-01", START_S),
        ("2024-01-01T00:00:00Z", START_S),
        ("2024-01-01T02:00+02:00", START_S),
        ("2023-12-31T20:30:00-0330", START_S),
        ("1704067200", START_S),
        ("1704067200000", START_S),
    ],
)
def test_an_instant_as_people_type_it(text, seconds):
    assert parse_instant(text) == seconds * 1_000_000_000


def test_a_timeframe_as_exchanges_name_it():
    assert parse_timeframe("1m") == MINUTE_NS
    assert parse_timeframe("4h") == 240 * MINUTE_NS
    assert parse_timeframe("1w") == 7 * 1440 * MINUTE_NS
    for text in ("", "m", "0m", "1", "1M", "1.5h", "-1m"):
        with pytest.raises(UserError, match="no length of a bar"):
            parse_timeframe(text)


def test_a_span_as_people_say_it():
    assert span_text(MINUTE_NS * 802) == "13 h 22 min"
    assert span_text(105_211_000_000) == "1 min 45.211 s"
    assert span_text(0) == "0 s"
    assert span_text(-MINUTE_NS) == "-1 min"


# --------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("2024-01-01 00:01:00,100.2,100.25,,100.1,0", "DATA_ROW_MALFORMED", "low empty"),
        ("2024-01-01 00:01:00,100.2,100.25,abc,100.1,0", "DATA_ROW_MALFORMED", "low abc"),
        ("2024-01-01 00:01:00,100.2,100.25,NaN,100.1,0", "DATA_ROW_MALFORMED", "low NaN"),
        ("2024-01-01 00:01:00,100.2,inf,100.05,100.1,0", "DATA_ROW_MALFORMED", "high inf"),
        ("2024-01-01 00:01:00,100.2,100.25,100.05,100.1,", "DATA_ROW_MALFORMED", "volume empty"),
        ("2024-01-01 00:01:00,100.2,100.25,100.05,100.1,x", "DATA_ROW_MALFORMED", "volume x"),
        ("2024-01-01 00:01:00,100.2", "DATA_ROW_MALFORMED", "high empty"),
        ("2024-01-01 00:01:00,100,100,100,100,0,7", "DATA_ROW_MALFORMED", "more fields"),
        ('2024-01-01 00:01:00,"100,2",100,100,100,0', "DATA_ROW_MALFORMED", "more fields"),
        ('2024-01-01 00:01:00,100.2,"100.25,100,100,0', "DATA_ROW_MALFORMED", 'high "100.25'),
        ("", "DATA_ROW_MALFORMED", "ts empty"),
        ("soon,100.2,100.25,100.05,100.1,0", "DATA_ROW_MALFORMED", "ts soon"),
        ("2024-01-01 25:01:00,100.2,100.25,100.05,100.1,0", "DATA_ROW_MALFORMED", "25:01"),
        ("01/02/2024 00:01,100.2,100.25,100.05,100.1,0", "DATA_ROW_MALFORMED", "01/02/2024"),
        ("1999-01-01 00:01:00,100.2,100.25,100.05,100.1,0", "DATA_TIME_RANGE", "1999-01-01"),
        ("12345,100.2,100.25,100.05,100.1,0", "DATA_TIME_RANGE", "12345"),
        ("2024-01-01 00:01:00,100.2,100.25,0,100.1,0", "DATA_PRICE_NOT_POSITIVE", "low 0"),
        ("2024-01-01 00:01:00,-1,100.25,-1,100.1,0", "DATA_PRICE_NOT_POSITIVE", "open -1"),
        ("2024-01-01 00:01:00,100.2,100.25,100.05,100.1,-2", "DATA_VOLUME_NEGATIVE", "-2"),
        ("2024-01-01 00:01:00,100.2,100.15,100.05,100.1,0", "DATA_OHLC_VIOLATION", "high 100.15"),
        ("2024-01-01 00:01:00,100.2,100.25,100.11,100.1,0", "DATA_OHLC_VIOLATION", "low 100.11"),
        ("2024-01-01 00:00:00,100.1,100.55,99.95,100.2,1", "DATA_DUPLICATE_TIME", "earlier row"),
        ("2023-12-31 23:59:00,100.1,100.55,99.95,100.2,1", "DATA_OUT_OF_ORDER", "row above"),
    ],
)
def test_a_broken_row_is_refused_by_number(save, text, code, told):
    error = refusal(save(changed(2, text)))
    assert error.code == code
    assert "bars.csv" in error.message
    assert "data row 2" in error.message
    assert told in error.message
    assert "\n" not in error.message


def test_the_time_and_the_number_of_broken_rows_are_told(save):
    bad = "2024-01-01 00:0{},100,99,98,97,1"
    error = refusal(
        save(lines(ROWS[0], bad.format("1:00"), bad.format("2:00"), bad.format("3:00")))
    )
    assert error.code == "DATA_OHLC_VIOLATION"
    assert "data row 2 (2024-01-01 00:01:00 UTC)" in error.message
    assert "rows that break a rule: 3" in error.message


def test_the_topmost_broken_row_is_told_first(save):
    rows = [*ROWS, "2024-01-01 00:03:00,1,1,1,1,-1", "2024-01-01 00:04:00,9,1,1,1,1"]
    error = refusal(save(lines(*rows)))
    assert error.code == "DATA_VOLUME_NEGATIVE"
    assert "data row 4" in error.message
    assert "break a rule: 2" in error.message


def test_bars_of_two_lengths_are_refused(save):
    minutes = (0, 1, 2, 3, 4)
    rows = [f"{START_S + 60 * i},1,1,1,1,1" for i in minutes] + [f"{START_S + 270},1,1,1,1,1"]
    error = refusal(save(lines(*rows)))
    assert error.code == "DATA_BARS_OVERLAP"
    assert "data row 6" in error.message


def test_times_without_a_common_step_are_refused(save):
    rows = [f"{START_S + s},1,1,1,1,1" for s in (0, 60, 190, 400)]
    assert refusal(save(lines(*rows))).code == "DATA_BAR_LENGTH_UNKNOWN"
    assert refusal(save(lines(ROWS[0]))).code == "DATA_BAR_LENGTH_UNKNOWN"


def test_a_thin_market_without_empty_bars_has_a_bar_length(save):
    # steps of 1, 2, 1, 3, 5, 1, 4 minutes: no step is half of all, but one divides all
    rows = [f"{START_S + 60 * m},1,1,1,1,1" for m in (0, 1, 3, 4, 7, 12, 13, 17)]
    bars = read_bars(save(lines(*rows)))
    assert bars.tape.bar_ns == MINUTE_NS
    assert [gap.missing for gap in bars.gaps] == [1, 2, 4, 3]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "DATA_FORMAT_UNKNOWN"),
        ("hello", "DATA_FORMAT_UNKNOWN"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "DATA_FORMAT_UNKNOWN"),
        (b"PAR1 cut short", "DATA_FORMAT_UNKNOWN"),
        (b"\x1f\x8b cut short", "DATA_FORMAT_UNKNOWN"),
        (b"PK\x03\x04 cut short", "DATA_FORMAT_UNKNOWN"),
        ("[[1,2", "DATA_FORMAT_UNKNOWN"),
        ("ts,open,open,low,close,volume\n1,2,3,4,5,6\n", "DATA_FORMAT_UNKNOWN"),
        ("[[1704067200,1,1,1,1,1],[1704067260,1,1]]", "DATA_ROW_MALFORMED"),
        (HEADER + "\n", "DATA_EMPTY"),
        (HEADER + "\n\n\n", "DATA_EMPTY"),
        ("ts,open,high,low,volume\n1704067200,1,1,1,1\n", "DATA_COLUMN_MISSING"),
        ("close_time,open,high,low,close,volume\n1704067200,1,1,1,1,1\n", "DATA_COLUMN_MISSING"),
        ("1704067200,1,1,1,1\n", "DATA_COLUMN_MISSING"),
    ],
)
def test_a_file_that_is_no_table_of_bars(save, content, code):
    assert refusal(save(content)).code == code


def test_a_missing_file_and_a_folder(tmp_path):
    error = refusal(tmp_path / "nothing.parquet")
    assert error.code == "DATA_FILE_MISSING"
    assert "nothing.parquet" in error.message
    assert refusal(tmp_path).code == "DATA_FILE_MISSING"


def test_a_column_of_dates_is_no_price(tmp_path):
    path = tmp_path / "bars.parquet"
    example_frame().with_columns(open=pl.col("ts")).write_parquet(path)
    assert refusal(path).code == "DATA_COLUMN_MISSING"


# ------------------------------------------------------------------------------- gaps and symbols


def test_gaps_are_told_and_kept(save):
    rows = [f"{START_S + 60 * m},1,1,1,1,1" for m in (0, 1, 2, 143, 144, 148)]
    bars = read_bars(save(lines(*rows)))
    first, second = bars.gaps
    # after minute 2 the next bar opens at 143: minutes 3 to 142 are missing, 140 of them
    assert (first.index, first.missing) == (3, 140)
    assert first.start_ns == (START_S + 180) * 1_000_000_000
    assert first.end_ns == (START_S + 143 * 60) * 1_000_000_000
    assert (second.index, second.missing) == (5, 3)
    assert bars.tape.pieces() == [(0, 3), (3, 5), (5, 6)]


def test_the_policy_refuse_makes_a_gap_an_error(save):
    rows = [f"{START_S + 60 * m},1,1,1,1,1" for m in (0, 1, 2, 143)]
    path = save(lines(*rows))
    with pytest.raises(UserError) as caught:
        refuse_gaps(read_bars(path))
    assert caught.value.code == "DATA_GAP"
    assert (
        "140 bars from 2024-01-01 00:03:00 UTC to 2024-01-01 02:23:00 UTC" in caught.value.message
    )
    whole = read_bars(path, end="2024-01-01T01:00")
    refuse_gaps(whole)
    assert whole.gaps == ()


def two_markets():
    names = ("BTCUSDT", "ETHUSDT")
    rows = [
        f"{name},{START_S + 60 * i},{price},{price},{price},{price},1"
        for i in range(3)
        for name, price in zip(names, ("100.5", "7.25"), strict=True)
    ]
    return lines(*rows, header="symbol," + HEADER)


def test_a_file_of_several_markets_needs_a_choice(save):
    path = save(two_markets())
    error = refusal(path)
    assert error.code == "DATA_SYMBOL_NEEDED"
    assert "BTCUSDT, ETHUSDT" in error.message
    bars = read_bars(path, symbol="ETHUSDT")
    assert bars.symbol == "ETHUSDT"
    assert bars.tape.close.tolist() == [725, 725, 725]
    assert bars.rows_read == 3
    assert refusal(path, symbol="XRPUSDT").code == "DATA_SYMBOL_UNKNOWN"


def test_a_broken_row_keeps_its_number_in_the_file(save):
    text = two_markets().replace("ETHUSDT,1704067260,7.25", "ETHUSDT,1704067260,9.25")
    error = refusal(save(text), symbol="ETHUSDT")
    assert error.code == "DATA_OHLC_VIOLATION"
    assert "data row 4" in error.message


def test_a_file_without_names_is_taken_at_its_word(save):
    path = save(lines(*ROWS))
    assert read_bars(path).symbol is None
    assert read_bars(path, symbol="BTCUSDT").symbol == "BTCUSDT"


def test_the_hash_is_that_of_the_file(save):
    # sha256 of the three bytes "abc" is known; here only that equal bytes give equal hashes
    one, two = save(lines(*ROWS), "one.csv"), save(lines(*ROWS), "two.csv")
    three = save(lines(*ROWS) + "\n", "three.csv")
    assert read_bars(one).sha256 == read_bars(two).sha256 != read_bars(three).sha256
    assert read_bars(one).tape.sha256() == read_bars(three).tape.sha256()
    assert read_bars(one).source == "one.csv"
