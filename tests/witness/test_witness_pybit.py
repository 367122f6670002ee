"""Bybit's own Python client trades in the box, led there by the environment alone."""

from pathlib import Path

import pytest

pytest.importorskip("pybit", reason="pybit is not installed")

PROGRAM = Path(__file__).with_name("foreign_pybit.py")


@pytest.mark.parametrize("category", ["spot", "linear"])
@pytest.mark.parametrize("environment", ["main", "demo", "testnet"])
def test_pybit_trades_and_streams(box, foreign, environment, category):
    pair = box.keys[f"bybit:{environment}"]
    said = {
        each["step"]: each
        for each in foreign(PROGRAM, pair["key"], pair["secret"], environment, category)
    }
    assert said["market"]["instrument"]["symbol"] == "BTCUSDT"
    assert said["market"]["bars"] == 5
    assert said["public"]["topics"] == ["orderbook", "publicTrade", "tickers"]
    limit, market = said["limit"], said["market_order"]
    assert limit["waiting"] == [limit["placed"]]
    assert [float(price) for price in limit["amended"]] == [float(limit["asked"])]
    assert float(market["filled"]) == 0.01
    assert market["fill"]["execId"] in market["executions"]
    assert market["history"] == [market["bought"]]
    assert "USDT" in market["wallet"]
    assert float(market["fill"]["execFee"]) > 0
    if category == "linear":
        assert float(said["position"]["held"]) == 0.01
    if environment == "demo":
        assert "trade_socket" not in said
    else:
        assert (said["trade_socket"]["placed"], said["trade_socket"]["cancelled"]) == (0, 0)
    assert "done" in said
