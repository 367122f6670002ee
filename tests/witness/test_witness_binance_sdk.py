"""Binance's own SDK, which checks every reply against its typed models, trades in the box."""

from pathlib import Path

import pytest

from tests.witness.sdk_environment import Unbuilt, sdk_python

PROGRAM = Path(__file__).with_name("foreign_binance_sdk.py")


@pytest.fixture(scope="module")
def python():
    try:
        return str(sdk_python())
    except Unbuilt as reason:
        pytest.skip(f"Binance's SDK cannot be installed here: {reason}")


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
def test_binances_own_sdk_trades_and_streams(box, foreign, python, environment, market):
    venue = {"spot": "binance", "usdm": "binanceusdm"}[market]
    pair = box.keys[f"{venue}:{environment}"]
    words = (pair["key"], pair["secret"], environment, market)
    said = {each["step"]: each for each in foreign(PROGRAM, *words, python=python)}
    limit, order = said["limit"], said["market_order"]
    assert "BTCUSDT" in said["market"]["symbols"]
    assert said["public"]["event"] in {"trade", "depthUpdate"}
    assert limit["found"] == limit["placed"]
    assert limit["placed"] in limit["waiting"]
    assert order["status"] == "FILLED"
    assert float(order["filled"]) == 0.01
    assert order["trade"] in order["trades"]
    assert order["bought"] in order["history"]
    assert said["socket_order"]["status"] == "CANCELED"
    assert "USDT" in said["account"]["assets"]
    if market == "usdm":
        assert float(said["amend"]["price"]) == float(said["amend"]["asked"])
        assert [float(each) for each in said["account"]["position"] if float(each)] == [0.01]
    assert "done" in said
