"""The audit names what is odd, by row and time, and never stumbles over what it looks for."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from absolute.domain.errors import UserError
from absolute.lake.audit import LISTED, Verdict, audit
from absolute.lake.spikes import repeated_hole, spikes_of

START = datetime(2024, 1, 1, tzinfo=UTC)
HEADER = "ts,open,high,low,close,volume"


def bar(minute, price="100.5", volume="1"):
    time = START + timedelta(minutes=minute)
    return f"{time:%Y-%m-%d %H:%M:%S},{price},{price},{price},{price},{volume}"


@pytest.fixture
def look(tmp_path):
    """Audit rows written below a header."""

    def write_and_audit(*rows, header=HEADER):
        path = tmp_path / "bars.csv"
        path.write_text("\n".join([header, *rows]) + "\n")
        return audit(path)

    return write_and_audit


def only(report):
    """The single finding of a report."""
    (finding,) = report.findings
    return finding


def test_good_bars_are_clean(look):
    report = look(*(bar(i) for i in range(5)))
    assert report.clean
    assert report.verdict is Verdict.CLEAN
    assert report.counts == {}
    assert report.findings == ()
    assert "clean" in report.sentence
    (market,) = report.markets
    assert (market.rows, market.pieces, market.missing) == (5, 1, 0)
    assert market.first == START
    assert market.last == START + timedelta(minutes=4)
    assert market.bar_seconds == 60


def test_a_bar_without_trade_is_counted_and_does_no_harm(look):
    report = look(bar(0), bar(1, volume="0"), bar(2))
    assert report.clean
    assert report.counts == {"zero_volume": 1}
    assert only(report).row == 2


def test_a_gap_names_its_ends_and_its_bars(look):
    report = look(*(bar(i) for i in (0, 1, 2, 143, 144)))
    finding = only(report)
    assert report.verdict is Verdict.USABLE
    assert not report.clean
    assert (finding.kind, finding.row) == ("gap", 4)
    assert finding.time == START + timedelta(minutes=3)
    # minutes 3 to 142 are missing: 140 bars, from 00:03 until 02:23, 2 h 20 min
    assert finding.detail == "bars missing: 140, until 2024-01-01 02:23:00 UTC (2 h 20 min)"


def test_a_duplicate_is_told_from_a_restated_bar(look):
    report = look(bar(0), bar(1), bar(1), bar(2), bar(2, price="101"), bar(3))
    copy, restated = report.findings
    assert report.verdict is Verdict.REFUSED
    assert report.counts == {"duplicate": 1, "restated": 1}
    assert (copy.kind, copy.row, copy.detail) == ("duplicate", 3, "the same bar as in row 2")
    assert (restated.kind, restated.row) == ("restated", 5)
    assert "row 4 gives the same bar otherwise" in restated.detail
    assert "close 100.5 -> 101" in restated.detail
    assert "volume" not in restated.detail


def test_disorder_is_named(look):
    report = look(bar(0), bar(2), bar(1), bar(3))
    assert (only(report).kind, only(report).row) == ("out_of_order", 3)
    assert only(report).time == START + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ("100,99,98,99,1", "ohlc_violation"),
        ("100,101,100.5,101,1", "ohlc_violation"),
        ("0,101,0,101,1", "price_not_positive"),
        (",101,99,100,1", "malformed"),
        ("x,101,99,100,1", "malformed"),
        ("100,101,99,100,", "malformed"),
        ("100,101,99,100,1,5", "malformed"),
        ("100,101,99,100,-1", "volume_negative"),
        ("100,101,99,100.12345678901,1", "price_unit"),
    ],
)
def test_a_broken_row_is_named_and_the_rest_is_still_judged(look, cells, kind):
    report = look(bar(0), f"2024-01-01 00:01:00,{cells}", bar(2), bar(3), bar(3))
    first, *_, last = report.findings
    assert (first.kind, first.row) == (kind, 2)
    assert first.time == START + timedelta(minutes=1)
    assert report.counts["duplicate"] == 1
    assert last.kind == "gap"  # without row 2 a bar is missing
    assert report.verdict is Verdict.REFUSED


@pytest.mark.parametrize(
    ("time", "kind"), [("never", "malformed"), ("", "malformed"), ("1999-01-01", "time_range")]
)
def test_a_row_without_a_time_is_named_by_number(look, time, kind):
    report = look(bar(0), f"{time},1,1,1,1,1", bar(1), bar(2))
    assert (only(report).kind, only(report).row, only(report).time) == (kind, 2, None)


def test_bars_off_the_grid_are_told_in_runs(look):
    def late(minute):
        return bar(minute).replace(":00,", ":15,", 1)

    report = look(*(bar(i) for i in range(9)), late(10), late(11), bar(12), bar(13))
    shifted = [found for found in report.findings if found.kind == "off_grid"]
    assert report.counts["off_grid"] == 2
    assert [(found.row, found.detail) for found in shifted] == [
        (10, "bars that open 15 s after the grid: 2")
    ]


def test_a_whole_file_off_the_hour_is_on_its_own_grid(look):
    rows = (bar(60 * i + 7) for i in range(5))
    assert look(*rows).clean


def test_a_spike_that_comes_back_is_named(look):
    # prices move by 0.1 a minute; one close doubles and the next bar takes it back
    rows = [bar(i, price=f"{100 + 0.1 * (i % 2):.1f}") for i in range(100)]
    rows[50] = bar(50, price="200.0")
    report = look(*rows)
    assert report.verdict is Verdict.DOUBTFUL
    assert (only(report).kind, only(report).row) == ("spike", 51)
    # from 100.1 to 200.0: 200 / 100.1 - 1 = 0.998
    assert "+99.80%" in only(report).detail


def test_a_jump_that_stays_is_a_market(look):
    rows = [bar(i, price=f"{100 + 0.1 * (i % 2) + 100 * (i > 50):.1f}") for i in range(100)]
    assert look(*rows).clean


def test_holes_on_a_schedule_are_named(look):
    report = look(*(bar(20 * (i // 8) + i % 8) for i in range(8 * 7)))
    scheduled = [found for found in report.findings if found.kind == "periodic_holes"]
    # 7 runs of 8 bars, each 20 minutes after the other: 6 holes of 12 bars
    assert [found.detail for found in scheduled] == [
        "6 times 8 bars are followed by a hole of 12 bars"
    ]
    assert report.counts["gap"] == 6
    assert report.verdict is Verdict.DOUBTFUL


def test_every_market_of_a_file_is_judged_by_itself(look):
    rows = [f"{name},{bar(i)}" for i in range(4) for name in ("BTC", "ETH")]
    rows += [f"ETH,{bar(3)}"]
    report = look(*rows, header="symbol," + HEADER)
    assert [market.symbol for market in report.markets] == ["BTC", "ETH"]
    assert [market.rows for market in report.markets] == [4, 5]
    assert (only(report).kind, only(report).symbol, only(report).row) == ("duplicate", "ETH", 9)


def test_bars_without_a_volume_are_judged(look):
    report = look(*(bar(i).rsplit(",", 1)[0] for i in range(3)), header=HEADER.rsplit(",", 1)[0])
    assert report.clean


def test_times_without_a_step_are_named(look):
    report = look(*(bar(i) for i in (0, 3, 8, 20)))
    assert (only(report).kind, only(report).row) == ("bar_length", None)
    assert report.verdict is Verdict.REFUSED


def test_the_list_is_bounded_and_the_count_is_not(look):
    count = LISTED + 5
    report = look(*(bar(i, volume="0") for i in range(count)))
    assert len(report.findings) == LISTED
    assert report.counts == {"zero_volume": count}


def test_every_row_broken(look):
    report = look(*["x,x,x,x,x,x"] * 3)
    assert report.counts == {"malformed": 3, "bar_length": 1}
    (market,) = report.markets
    assert market.first is None


def test_only_a_file_without_rows_is_an_error(tmp_path):
    with pytest.raises(UserError) as caught:
        audit(tmp_path / "none.csv")
    assert caught.value.code == "DATA_FILE_MISSING"


# --------------------------------------------------------------------------- the signs, by numbers


def test_a_spike_is_measured_against_its_neighbours():
    """The same jump of 3 percent: odd in a calm market, ordinary in a storm."""
    steps = np.tile([0.001, -0.001], 100)
    calm = 100 * np.exp(np.cumsum(steps))
    storm = 100 * np.exp(np.cumsum(10 * steps))
    joined = np.ones(200, dtype=bool)
    for closes in (calm, storm):
        closes[100] *= np.exp(0.03)
    # local scale of the calm: 1.4826 * 0.001; 20 of them are 0.0297 < 0.031
    assert spikes_of(calm, joined).tolist() == [100]
    # of the storm: 0.297 > 0.04
    assert spikes_of(storm, joined).tolist() == []


def test_no_spike_is_seen_across_a_hole():
    closes = np.tile([100.0, 100.1], 50)
    closes[60] = 300.0
    joined = np.ones(100, dtype=bool)
    joined[61] = False
    assert spikes_of(closes, joined).tolist() == []


@pytest.mark.parametrize("closes", [[], [1.0], [1.0, 2.0], [5.0] * 10])
def test_too_few_or_flat_prices_have_no_spikes(closes):
    assert not len(spikes_of(np.array(closes), np.ones(len(closes), dtype=bool)))


@pytest.mark.parametrize(
    ("runs", "habit"),
    [
        ([], None),
        ([(200, 801)] * 4, None),
        ([(200, 801)] * 5, (200, 801, 5)),
        ([(200, 801)] * 5 + [(i, i) for i in range(5)], (200, 801, 5)),
        ([(200, 801)] * 5 + [(i, i) for i in range(6)], None),
    ],
)
def test_a_habit_is_five_times_and_half_of_all(runs, habit):
    assert repeated_hole(runs) == habit
