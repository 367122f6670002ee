"""Owns what pybit does in the box: HTTP and WebSocket, as its own documentation shows.

Run in the environment that `absolute exchange env` prints; says one JSON object per step.
"""

import json
import os
import sys
import time
from queue import Empty, Queue

from pybit.unified_trading import (  # type: ignore[import-untyped]
    HTTP,
    WebSocket,
    WebSocketTrading,
)

key, secret, environment, category = sys.argv[1:]
TESTNET, DEMO = environment == "testnet", environment == "demo"
SYMBOL = "BTCUSDT"
PATIENCE_S = 20.0


def say(step, **told):
    print(json.dumps({"step": step, **told}), flush=True)


def wait(queue, wanted, what):
    """The first message of a queue that `wanted` finds something in."""
    end = time.time() + PATIENCE_S
    while time.time() < end:
        try:
            message = queue.get(timeout=0.5)
        except Empty:
            continue
        if found := wanted(message):
            return found
    raise SystemExit(f"never heard: {what}")


session = HTTP(testnet=TESTNET, demo=DEMO, api_key=key, api_secret=secret)
session.client.verify = os.environ["REQUESTS_CA_BUNDLE"]  # it sends prepared requests

instrument = session.get_instruments_info(category=category, symbol=SYMBOL)["result"]["list"][0]
ticker = session.get_tickers(category=category, symbol=SYMBOL)["result"]["list"][0]
book = session.get_orderbook(category=category, symbol=SYMBOL, limit=50)["result"]
bars = session.get_kline(category=category, symbol=SYMBOL, interval="1", limit=5)["result"]["list"]
last = float(ticker["lastPrice"])
say("market", instrument=instrument, ticker=ticker, bids=book["b"][:2], bars=len(bars))

heard: dict[str, Queue] = {
    name: Queue() for name in ("order", "execution", "wallet", "position", "public")
}
private = WebSocket(
    testnet=TESTNET, demo=DEMO, channel_type="private", api_key=key, api_secret=secret
)
private.order_stream(callback=heard["order"].put)
private.execution_stream(callback=heard["execution"].put)
private.wallet_stream(callback=heard["wallet"].put)
private.position_stream(callback=heard["position"].put)
public = WebSocket(testnet=TESTNET, channel_type=category)
public.orderbook_stream(depth=50, symbol=SYMBOL, callback=heard["public"].put)
public.ticker_stream(symbol=SYMBOL, callback=heard["public"].put)
public.trade_stream(symbol=SYMBOL, callback=heard["public"].put)
topics: set[str] = set()
while len(topics) < 3:
    topics.add(wait(heard["public"], lambda told: told["topic"].split(".")[0], "public topics"))
say("public", topics=sorted(topics))


def row(number, status):
    def find(told):
        return next(
            (
                each
                for each in told["data"]
                if each["orderId"] == number and each["orderStatus"] == status
            ),
            None,
        )

    return find


tick = len(instrument["priceFilter"]["tickSize"].partition(".")[2])
prices = [f"{last * share:.{min(tick, 1)}f}" for share in (0.9, 0.89)]
placed = session.place_order(
    category=category, symbol=SYMBOL, side="Buy", orderType="Limit", qty="0.01", price=prices[0]
)["result"]["orderId"]
wait(heard["order"], row(placed, "New"), "a new order")
waiting = session.get_open_orders(category=category, symbol=SYMBOL, orderId=placed)["result"][
    "list"
]
session.amend_order(category=category, symbol=SYMBOL, orderId=placed, price=prices[1])
amended = session.get_open_orders(category=category, symbol=SYMBOL)["result"]["list"]
session.cancel_order(category=category, symbol=SYMBOL, orderId=placed)
wait(heard["order"], row(placed, "Cancelled"), "a cancelled order")
say(
    "limit",
    placed=placed,
    waiting=[each["orderId"] for each in waiting],
    amended=[each["price"] for each in amended if each["orderId"] == placed],
    asked=prices[1],
)

unit = {"marketUnit": "baseCoin"} if category == "spot" else {}
bought = session.place_order(
    category=category, symbol=SYMBOL, side="Buy", orderType="Market", qty="0.01", **unit
)["result"]["orderId"]
filled = wait(heard["order"], row(bought, "Filled"), "a filled order")
fill = wait(
    heard["execution"],
    lambda told: next((each for each in told["data"] if each["orderId"] == bought), None),
    "an execution",
)
wallet = wait(heard["wallet"], lambda told: told["data"], "the wallet")
history = session.get_order_history(category=category, symbol=SYMBOL, orderId=bought)["result"]
executions = session.get_executions(category=category, symbol=SYMBOL)["result"]["list"]
balance = session.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]
say(
    "market_order",
    bought=bought,
    filled=filled["cumExecQty"],
    fill=fill,
    wallet=[each["coin"] for each in wallet[0]["coin"]],
    history=[each["orderId"] for each in history["list"]],
    executions=[each["execId"] for each in executions if each["orderId"] == bought],
    coins={each["coin"]: each["walletBalance"] for each in balance["coin"]},
)

if category == "linear":
    held = session.get_positions(category=category, symbol=SYMBOL)["result"]["list"]
    told = wait(heard["position"], lambda told: told["data"], "the position")
    session.place_order(
        category=category,
        symbol=SYMBOL,
        side="Sell",
        orderType="Market",
        qty="0.01",
        reduceOnly=True,
    )
    say("position", held=held[0]["size"], told=told[0]["size"])

if not DEMO:
    trading = WebSocketTrading(testnet=TESTNET, api_key=key, api_secret=secret)
    answers: Queue = Queue()
    trading.place_order(
        answers.put,
        category=category,
        symbol=SYMBOL,
        side="Buy",
        orderType="Limit",
        qty="0.01",
        price=prices[0],
    )
    answer = wait(answers, lambda told: told, "an answer of the trade socket")
    trading.cancel_order(
        answers.put, category=category, symbol=SYMBOL, orderId=answer["data"]["orderId"]
    )
    gone = wait(answers, lambda told: told, "an answer of the trade socket")
    say("trade_socket", placed=answer["retCode"], cancelled=gone["retCode"])
    trading.exit()

private.exit()
public.exit()
say("done")
os._exit(0)
