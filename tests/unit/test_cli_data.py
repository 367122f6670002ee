"""`absolute data`: what is printed, what is written, and which status is left."""

import json

import numpy as np
import pytest

from absolute.cli.main import status_of
from absolute.lake.bars import read_bars

HEADER = "ts,open,high,low,close,volume"


@pytest.fixture
def run(capsys, monkeypatch):
    """Run one command line in English; gives its status, stdout and stderr."""
    monkeypatch.setenv("ABSOLUTE_LANG", "en")

    def call(*words):
        status = status_of(["data", *map(str, words)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


@pytest.fixture
def files(tmp_path):
    """A clean file, one with a gap and one with a broken row."""
    rows = [f"2024-01-01 00:{i:02}:00,100.5,101,100,100.5,1" for i in range(10)]
    broken = [*rows[:3], "2024-01-01 00:03:00,100.5,99,100,100.5,1", *rows[4:]]
    made = {"clean": rows, "gap": rows[:4] + rows[7:], "broken": broken}
    for name, content in made.items():
        (tmp_path / f"{name}.csv").write_text("\n".join([HEADER, *content]) + "\n")
    return tmp_path


def test_a_clean_file_leaves_status_0(run, files):
    status, out, err = run("audit", files / "clean.csv")
    assert status == 0
    assert "The file 'clean.csv' is clean." in out
    assert "10 rows from 2024-01-01 00:00:00 UTC to 2024-01-01 00:09:00 UTC" in out
    assert err == ""


def test_findings_leave_status_1(run, files):
    status, out, _ = run("audit", files / "gap.csv")
    assert status == 1
    assert "gaps: 1" in out
    assert "row 5, 2024-01-01 00:04:00 UTC: bars missing: 3, until 2024-01-01 00:07:00 UTC" in out


def test_the_audit_as_json(run, files):
    status, out, _ = run("audit", files / "broken.csv", "--json")
    report = json.loads(out)
    assert status == 1
    assert report["clean"] is False
    assert report["verdict"] == "refused"
    assert report["rows"] == 10
    assert report["counts"] == {"ohlc_violation": 1, "gap": 1}
    first = report["findings"][0]
    assert (first["kind"], first["row"], first["time"]) == (
        "ohlc_violation",
        4,
        "2024-01-01T00:03:00Z",
    )
    assert report["markets"][0]["price_unit"] == "0.1"


def test_long_lists_are_cut_for_people_and_not_on_demand(run, tmp_path):
    path = tmp_path / "idle.csv"
    rows = [f"2024-01-01 00:{i:02}:00,1,1,1,1,0" for i in range(10)]
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    _, out, _ = run("audit", path)
    assert out.count("nothing was traded") == 5
    assert "... and 5 more" in out
    _, out, _ = run("audit", path, "--all")
    assert out.count("nothing was traded") == 10


def test_info_tells_the_figures(run, files):
    status, out, _ = run("info", files / "gap.csv")
    assert status == 0
    assert "bar length 1 min, price unit 0.1, pieces 2, missing bars 3" in out
    status, out, _ = run("info", files / "gap.csv", "--json")
    (market,) = json.loads(out)["markets"]
    assert (status, market["rows"], market["pieces"], market["missing"]) == (0, 7, 2, 3)
    assert market["bar_seconds"] == 60
    assert market["first"] == "2024-01-01T00:00:00Z"


@pytest.mark.parametrize("command", ["audit", "info"])
def test_a_missing_file_is_the_mistake_of_the_user(run, tmp_path, command):
    status, out, err = run(command, tmp_path / "none.csv", "--json")
    assert status == 2
    assert json.loads(out)["error"] == "DATA_FILE_MISSING"
    assert "none.csv" in err


def test_a_made_market_is_written_and_told(run, tmp_path):
    path = tmp_path / "market.parquet"
    status, out, _ = run("synth", "--out", path, "--seed", 7, "--bars", 500, "--json")
    made = json.loads(out)
    assert status == 0
    assert (made["file"], made["seed"], made["bars"]) == (str(path), 7, 500)
    assert made["first"] == "2024-01-01T00:00:00Z"
    assert made["last"] == "2024-01-01T08:19:00Z"  # 499 minutes later
    assert (made["first_price"], made["price_unit"]) == ("60000.00", "0.01")
    bars = read_bars(path)
    assert len(bars.tape) == 500
    assert bars.tape.sha256() == made["tape_sha256"]
    assert list(tmp_path.iterdir()) == [path]


def test_both_kinds_of_file_hold_the_same_market(run, tmp_path):
    for name in ("one.parquet", "two.csv"):
        assert run("synth", "--out", tmp_path / name, "--seed", 7, "--days", 1)[0] == 0
    one, two = (read_bars(tmp_path / name).tape for name in ("one.parquet", "two.csv"))
    assert len(one) == 1440
    assert one.sha256() == two.sha256()


def test_no_seed_means_a_new_market_that_is_told(run, tmp_path):
    told = []
    for name in ("one.csv", "two.csv"):
        _, out, _ = run("synth", "--out", tmp_path / name, "--bars", 50, "--json")
        told.append(json.loads(out))
    assert told[0]["seed"] != told[1]["seed"]
    assert told[0]["tape_sha256"] != told[1]["tape_sha256"]
    again = tmp_path / "again.csv"
    run("synth", "--out", again, "--bars", 50, "--seed", told[0]["seed"])
    assert again.read_bytes() == (tmp_path / "one.csv").read_bytes()


def test_options_shape_the_market(run, tmp_path):
    path = tmp_path / "market.csv"
    words = ("--timeframe", "4h", "--start", "2020-03-01T04:00", "--price", "0.25", "--days", 2)
    status, out, _ = run("synth", "--out", path, "--seed", 1, *words)
    assert status == 0
    assert "12 bars of 4h" in out
    tape = read_bars(path).tape
    assert tape.bar_ns == 4 * 3_600 * 10**9
    assert tape.closes()[0] == pytest.approx(0.25, rel=0.2)
    assert np.unique(np.diff(tape.ts)).tolist() == [tape.bar_ns]


def test_a_file_is_not_overwritten_by_accident(run, tmp_path):
    path = tmp_path / "market.csv"
    path.write_text("mine")
    words = ("synth", "--out", path, "--seed", 1, "--bars", 5, "--json")
    status, out, _ = run(*words)
    assert (status, json.loads(out)["error"]) == (2, "DATA_FILE_EXISTS")
    assert path.read_text() == "mine"
    assert run(*words, "--force")[0] == 0
    assert len(read_bars(path).tape) == 5
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--bars", 0), "SYNTH_RANGE"),
        (("--bars", -5), "SYNTH_RANGE"),
        (("--bars", 10_000_001), "SYNTH_RANGE"),
        (("--days", 0), "SYNTH_RANGE"),
        (("--bars", 5, "--days", 5), "SYNTH_RANGE"),
        (("--bars", 5, "--start", "2099-12-31T23:58"), "SYNTH_RANGE"),
        (("--price", 0), "SYNTH_PRICE"),
        (("--price", -1), "SYNTH_PRICE"),
        (("--price", "1e5"), "AMOUNT_INVALID"),
        (("--seed", -1), "SYNTH_SEED"),
        (("--seed", "x"), "USAGE"),
        (("--timeframe", "fast"), "TIMEFRAME_UNKNOWN"),
        (("--start", "later"), "TIME_NOT_UNDERSTOOD"),
        (("--nothing",), "USAGE"),
    ],
)
def test_a_wrong_wish_changes_nothing(run, tmp_path, words, code):
    status, out, err = run("synth", "--out", tmp_path / "market.csv", "--json", *words)
    assert status == 2
    assert json.loads(out)["error"] == code
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_cannot_be_written(run, tmp_path):
    for name, code in (("a.txt", "DATA_FILE_SUFFIX"), ("no/b.csv", "DATA_FILE_WRITE")):
        status, out, _ = run("synth", "--out", tmp_path / name, "--bars", 5, "--json")
        assert (status, json.loads(out)["error"]) == (2, code)
    assert run("synth")[0] == 2
    assert list(tmp_path.iterdir()) == []


def test_the_commands_speak_portuguese(run, files):
    status, out, _ = run("audit", files / "gap.csv", "--lang", "pt-BR")
    assert status == 1
    assert "gaps: 1" not in out
    assert "bars missing" not in out
    assert "is usable" not in out
