"""The shipped brackets are the recorded ones, and their deductions are the venue's own."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from absolute.lake.brackets import shipped_brackets

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the recorded markets are not here")


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT"])
def test_every_recorded_version_is_shipped_with_the_deductions_of_the_venue(symbol):
    recorded = json.loads((DATA / "wire" / "leverage_brackets.json").read_text("utf-8"))
    table = shipped_brackets(symbol)
    versions = recorded["binance_usdm"]["versions"]
    for version in versions:
        day = datetime.fromisoformat(version["date"]).replace(tzinfo=UTC)
        found = table.at(int(day.timestamp()) * 10**9)
        assert [
            (str(each.floor), each.rate, each.deduction, each.leverage_max) for each in found
        ] == [
            (
                row["notionalFloor"],
                Decimal(row["maintMarginRatio"]),
                Decimal(row["cum"]),
                row["initialLeverage"],
            )
            for row in version["brackets"][symbol]
        ]
    assert len(versions) == 7
    changes = recorded["binance_usdm"]["btc_eth_changes"]
    assert len(table.times) == sum(change["symbol"] == symbol for change in changes)
