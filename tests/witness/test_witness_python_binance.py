"""python-binance trades in the box, led there by the environment alone."""

from pathlib import Path

import pytest

pytest.importorskip("binance", reason="python-binance is not installed")

PROGRAM = Path(__file__).with_name("foreign_python_binance.py")


@pytest.mark.parametrize(
    ("environment", "market"),
    [
        ("main", "spot"),
        ("demo", "spot"),
        ("testnet", "spot"),
        ("main", "usdm"),
        ("demo", "usdm"),
    ],
)
def test_python_binance_trades_and_streams(box, foreign, environment, market):
    venue = {"spot": "binance", "usdm": "binanceusdm"}[market]
    pair = box.keys[f"{venue}:{environment}"]
    said = {
        each["step"]: each
        for each in foreign(PROGRAM, pair["key"], pair["secret"], environment, market)
    }
    assert "BTCUSDT" in said["market"]["symbols"]
    assert said["public"]["event"] in {"trade", "depthUpdate"}
    limit, order = said["limit"], said["market_order"]
    assert limit["placed"] in limit["waiting"]
    assert limit["found"] == limit["placed"]
    assert order["status"] == "FILLED"
    assert float(order["filled"]) == 0.01
    assert order["trade"] in order["trades"]
    assert order["bought"] in order["history"]
    assert "USDT" in said["account"]["assets"]
    if market == "usdm":
        assert float(said["amend"]["price"]) == float(said["amend"]["asked"])
        assert [float(each) for each in said["account"]["position"] if float(each)] == [0.01]
    assert "done" in said
