"""Files of leverage brackets: the shipped one, a user's own, and a venue's answer."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from absolute.domain.errors import UserError
from absolute.lake.brackets import read_brackets, shipped_brackets

D: Any = Decimal


def day(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def test_the_shipped_brackets_serve_linear_and_inverse_bitcoin():
    linear = shipped_brackets("BTCUSDT")
    assert linear.times[0] == day("2022-02-12")
    second = linear.at(day("2024-01-01"))[1]
    assert (second.floor, second.rate, second.deduction) == (D(50_000), D("0.005"), D(50))
    assert second.leverage_max == 100
    inverse = shipped_brackets("BTCUSD").at(0)
    # 150 BTC * (0.01 - 0.005) = 0.75, as Bybit states for its second level.
    assert (inverse[1].floor, inverse[1].deduction) == (D(150), D("0.75"))


def test_a_market_without_brackets_asks_for_a_file():
    with pytest.raises(UserError) as caught:
        shipped_brackets("PEPEUSDT")
    assert caught.value.code == "BRACKETS_MISSING"
    assert "PEPEUSDT" in caught.value.message


def test_an_own_file_names_dates(tmp_path):
    path = tmp_path / "own.json"
    versions = {
        "2024-02-01": [[0, 0.01, 50]],
        "2024-01-01": [["0", "0.02", "20"], [100, "0.03", 10]],
    }
    path.write_text(json.dumps({"DOGEUSDT": versions}))
    table = read_brackets(path, "DOGEUSDT")
    assert table.times == (day("2024-01-01"), day("2024-02-01"))
    assert [each.rate for each in table.at(day("2024-01-31"))] == [D("0.02"), D("0.03")]
    assert table.at(day("2024-02-01"))[0].rate == D("0.01")


def test_the_answer_of_a_venue_counts_for_all_time(tmp_path):
    path = tmp_path / "answer.json"
    rows = [
        {"bracket": 1, "initialLeverage": 75, "notionalCap": 5000, "notionalFloor": 0,
         "maintMarginRatio": 0.01, "cum": 0.0},
        {"bracket": 2, "initialLeverage": 50, "notionalCap": 9000, "notionalFloor": 5000,
         "maintMarginRatio": 0.015, "cum": 25.0},
    ]  # fmt: skip
    path.write_text(json.dumps([{"symbol": "ABCUSDT", "brackets": rows}]))
    table = read_brackets(path, "ABCUSDT")
    assert table.times == (0,)
    assert table.at(0)[1].deduction == 25  # 5,000 * (0.015 - 0.01)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "BRACKETS_INVALID"),
        ("[]", "BRACKETS_MISSING"),
        ('{"OTHER": {}}', "BRACKETS_MISSING"),
        ('{"XUSDT": {}}', "BRACKETS_INVALID"),
        ('{"XUSDT": {"soon": [["0", "0.01", "5"]]}}', "BRACKETS_INVALID"),
        ('{"XUSDT": {"2024-01-01": [["0", "0.01"]]}}', "BRACKETS_INVALID"),
        ('{"XUSDT": {"2024-01-01": [["0", "one", "5"]]}}', "BRACKETS_INVALID"),
        ('{"XUSDT": {"2024-01-01": [["0", "NaN", "5"]]}}', "BRACKETS_INVALID"),
        ('{"XUSDT": {"2024-01-01": [["5", "0.01", "5"]]}}', "BRACKETS_INVALID"),
        ('{"XUSDT": {"2024-01-01": 3}}', "BRACKETS_INVALID"),
        ('[{"symbol": "XUSDT"}]', "BRACKETS_INVALID"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(tmp_path, text, code):
    path = tmp_path / "own.json"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_brackets(path, "XUSDT")
    assert caught.value.code == code


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError) as caught:
        read_brackets(tmp_path / "nowhere.json", "XUSDT")
    assert caught.value.code == "DATA_FILE_MISSING"
