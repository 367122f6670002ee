"""ccxt and python-binance, unmodified, sign for themselves and trade with the Binance faces."""

import pytest

from absolute.simex.binance_spot import binance_spot_face
from absolute.simex.binance_usdm import binance_usdm_face
from absolute.simex.face import Face
from absolute.simex.keys import default_keys

from tests.box_clients import BoxClock, FaceAdapter, still_supply

ccxt = pytest.importorskip("ccxt", reason="ccxt is not installed")
binance = pytest.importorskip("binance", reason="python-binance is not installed")


@pytest.fixture
def clock():
    return BoxClock()


@pytest.fixture
def adapter(clock):
    supply = still_supply()
    faces: list[Face] = [
        binance_spot_face(default_keys(), supply),
        binance_usdm_face(default_keys(), supply),
    ]
    return FaceAdapter(faces, clock)


def through_ccxt(name, environment, clock, adapter):
    key = f"box-{name}-{environment}"
    client = getattr(ccxt, name)({"apiKey": key, "secret": f"{key}-secret", "timeout": 5_000})
    client.options["fetchMarkets"] = {"types": ["linear" if name == "binanceusdm" else "spot"]}
    if name == "binanceusdm":
        client.has["fetchCurrencies"] = False
    if environment == "demo":
        client.enable_demo_trading(True)
    if environment == "testnet":
        client.set_sandbox_mode(True)
    client.milliseconds = lambda: clock.ms  # ccxt's own seam for a clock
    client.session.mount("https://", adapter)
    return client


@pytest.mark.parametrize("environment", ["main", "demo", "testnet"])
def test_ccxt_trades_spot(environment, clock, adapter):
    client = through_ccxt("binance", environment, clock, adapter)
    assert set(client.load_markets()) == {"BTC/USDT", "ETH/USDT"}
    assert client.fetch_balance()["USDT"]["free"] == 10_000
    price = client.fetch_ticker("BTC/USDT")["bid"]
    low = round(price * 0.9, 2)
    named = {"newClientOrderId": "mine-1"}
    order = client.create_order("BTC/USDT", "limit", "buy", 0.01, low, named)
    assert (order["status"], order["clientOrderId"]) == ("open", "mine-1")
    with pytest.raises(ccxt.InvalidOrder, match="Duplicate order sent"):
        client.create_order("BTC/USDT", "limit", "buy", 0.01, low, named)
    assert [each["id"] for each in client.fetch_open_orders("BTC/USDT")] == [order["id"]]
    assert client.fetch_order(order["id"], "BTC/USDT")["status"] == "open"
    moved = client.edit_order(order["id"], "BTC/USDT", "limit", "buy", 0.02, low)
    assert (moved["status"], moved["amount"]) == ("open", 0.02)
    assert client.cancel_order(moved["id"], "BTC/USDT")["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order(moved["id"], "BTC/USDT")
    taken = client.create_order("BTC/USDT", "market", "buy", None, None, {"cost": 100})
    assert (taken["status"], taken["fee"]["currency"]) == ("closed", "BTC")
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        client.create_order(
            "BTC/USDT", "limit", "buy", 0.01, round(price * 1.1, 2), {"postOnly": True}
        )
    stop = client.create_order(
        "BTC/USDT", "market", "sell", 0.001, None, {"stopLossPrice": round(price * 0.8, 2)}
    )
    assert client.fetch_order(stop["id"], "BTC/USDT")["triggerPrice"] == round(price * 0.8, 2)
    client.cancel_all_orders("BTC/USDT")
    assert client.fetch_my_trades("BTC/USDT")[-1]["order"] == taken["id"]
    assert len(client.fetch_ohlcv("BTC/USDT", "1h", limit=3)) == 3


@pytest.mark.parametrize("environment", ["main", "demo"])
def test_ccxt_trades_perpetuals(environment, clock, adapter):
    client = through_ccxt("binanceusdm", environment, clock, adapter)
    symbol = "BTC/USDT:USDT"
    assert symbol in client.load_markets()
    assert client.fetch_balance()["USDT"]["free"] == 10_000
    assert client.set_leverage(10, symbol)["leverage"] == 10
    price = client.fetch_order_book(symbol, 5)["bids"][0][0]
    low = round(price * 0.97, 1)
    order = client.create_order(symbol, "limit", "buy", 0.01, low, {"newClientOrderId": "mine-1"})
    assert client.fetch_order(order["id"], symbol)["clientOrderId"] == "mine-1"
    with pytest.raises(ccxt.OrderNotFillable):
        client.create_order(
            symbol, "limit", "buy", 0.01, round(price * 1.01, 1), {"postOnly": True}
        )
    assert client.cancel_order(order["id"], symbol)["status"] == "canceled"
    assert client.create_order(symbol, "market", "buy", 0.01)["status"] == "closed"
    (position,) = client.fetch_positions([symbol])
    assert (position["contracts"], position["side"]) == (0.01, "long")
    trigger = {"stopLossPrice": round(price * 0.9, 1), "reduceOnly": True}
    stop = client.create_order(symbol, "market", "sell", 0.01, None, trigger)
    waiting = client.fetch_open_orders(symbol, params={"trigger": True})
    assert [each["id"] for each in waiting] == [stop["id"]]
    client.cancel_order(stop["id"], symbol, {"trigger": True})
    closed = client.create_order(symbol, "market", "sell", 0.01, None, {"reduceOnly": True})
    assert closed["status"] == "closed"
    assert client.fetch_positions([symbol]) == []
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order(symbol, "limit", "buy", 50, low)
    assert client.fetch_my_trades(symbol)[-1]["fee"]["currency"] == "USDT"


def test_python_binance_trades_both_markets(clock, adapter, monkeypatch):
    client = binance.Client("box-binance-main", "box-binance-main-secret", ping=False)
    client.session.mount("https://", adapter)
    monkeypatch.setattr("binance.client.time.time", lambda: clock.ms / 1_000)
    assert client.get_symbol_info("BTCUSDT")["status"] == "TRADING"
    order = client.order_limit_buy(symbol="BTCUSDT", quantity="0.001", price="50000")
    found = client.get_order(symbol="BTCUSDT", orderId=order["orderId"])
    assert found["status"] == "NEW"
    gone = client.cancel_order(symbol="BTCUSDT", orderId=order["orderId"])
    assert gone["status"] == "CANCELED"
    assert client.get_account()["canTrade"] is True
    with pytest.raises(binance.exceptions.BinanceAPIException, match="-1020"):
        client.stream_get_listen_key()
    perpetual = binance.Client("box-binanceusdm-main", "box-binanceusdm-main-secret", ping=False)
    perpetual.session.mount("https://", adapter)
    assert perpetual.futures_account()["totalWalletBalance"] == "10000.00000000"
    limit = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    order = perpetual.futures_create_order(**limit, quantity="0.01", price="59000")
    gone = perpetual.futures_cancel_order(symbol="BTCUSDT", orderId=order["orderId"])
    assert gone["status"] == "CANCELED"
    stop = perpetual.futures_create_order(
        symbol="BTCUSDT", side="SELL", type="STOP_MARKET", triggerPrice="50000", quantity="0.01"
    )
    assert stop["algoStatus"] == "NEW"
    assert len(perpetual.futures_stream_get_listen_key()) == 64
