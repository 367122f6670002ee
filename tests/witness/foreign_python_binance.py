"""Owns what python-binance does in the box: AsyncClient and socket manager, as documented.

Run in the environment that `absolute exchange env` prints; says one JSON object per step.
"""

import asyncio
import json
import os
import sys

from binance import AsyncClient, BinanceSocketManager  # type: ignore[import-untyped]

key, secret, environment, market = sys.argv[1:]
SYMBOL = "BTCUSDT"
PATIENCE_S = 20.0
FUTURES = market == "usdm"


def say(step, **told):
    print(json.dumps({"step": step, **told}), flush=True)


async def heard(stream, wanted, what):
    async def listen():
        while True:
            told = await stream.recv()
            if told and told.get("e") == "error":
                raise SystemExit(f"{what}: {told}")
            if told and (found := wanted(told)):
                return found

    try:
        return await asyncio.wait_for(listen(), PATIENCE_S)
    except TimeoutError:
        raise SystemExit(f"never heard: {what}") from None


def calls(client):
    """The same eight words of either market."""
    if FUTURES:
        return {
            "info": client.futures_exchange_info,
            "ticker": client.futures_ticker,
            "create": client.futures_create_order,
            "get": client.futures_get_order,
            "cancel": client.futures_cancel_order,
            "open": client.futures_get_open_orders,
            "trades": client.futures_account_trades,
            "all": client.futures_get_all_orders,
        }
    return {
        "info": client.get_exchange_info,
        "ticker": client.get_ticker,
        "create": client.create_order,
        "get": client.get_order,
        "cancel": client.cancel_order,
        "open": client.get_open_orders,
        "trades": client.get_my_trades,
        "all": client.get_all_orders,
    }


def state(number, status):
    """Finds the order's row in that state, in either market's words."""

    def find(told):
        told = told.get("event", told)
        row = told.get("o") if told.get("e") == "ORDER_TRADE_UPDATE" else told
        if told.get("e") in {"ORDER_TRADE_UPDATE", "executionReport"}:
            return row if (row["i"], row["X"]) == (number, status) else None
        return None

    return find


async def main():
    client = await AsyncClient.create(
        key,
        secret,
        testnet=environment == "testnet",
        demo=environment == "demo",
        session_params={"trust_env": True},
    )
    sockets = BinanceSocketManager(client)
    last = await read_market(client, sockets)
    user = sockets.futures_user_socket() if FUTURES else sockets.user_socket()
    async with user as stream:
        await asyncio.sleep(0.5)
        await rest_an_order(client, stream, last)
        await trade_at_market(client, stream)
        await read_account(client)
    say("done")
    os._exit(0)  # its read loop would wait ten seconds more for a message


async def read_market(client, sockets):
    """What anyone may see; the last price."""
    call = calls(client)
    info = await call["info"]()
    ticker = await call["ticker"](symbol=SYMBOL)
    say("market", symbols=[each["symbol"] for each in info["symbols"]], last=ticker["lastPrice"])
    public = sockets.futures_depth_socket(SYMBOL) if FUTURES else sockets.trade_socket(SYMBOL)
    async with public as stream:
        told = await heard(stream, lambda told: told, "the market")
    say("public", event=told.get("e") or told.get("data", {}).get("e"))
    return float(ticker["lastPrice"])


async def rest_an_order(client, stream, last):
    """A limit order: placed, found, changed where the market offers it, cancelled."""
    call = calls(client)
    placed = await call["create"](
        symbol=SYMBOL,
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.010",
        price=f"{last * 0.9:.1f}",
    )
    number = placed["orderId"]
    await heard(stream, state(number, "NEW"), "a new order")
    waiting = [each["orderId"] for each in await call["open"](symbol=SYMBOL)]
    found = await call["get"](symbol=SYMBOL, origClientOrderId=placed["clientOrderId"])
    if FUTURES:
        moved = f"{last * 0.89:.1f}"
        changed = await client.futures_modify_order(
            symbol=SYMBOL, orderId=number, side="BUY", quantity="0.010", price=moved
        )
        say("amend", asked=moved, price=changed["price"])
    await call["cancel"](symbol=SYMBOL, orderId=number)
    await heard(stream, state(number, "CANCELED"), "a cancelled order")
    say("limit", placed=number, waiting=waiting, found=found["orderId"])


async def trade_at_market(client, stream):
    """A market order, its event, and what the queries keep of it."""
    call = calls(client)
    terms = {"newOrderRespType": "RESULT"} if FUTURES else {}
    bought = await call["create"](
        symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.010", **terms
    )
    row = await heard(stream, state(bought["orderId"], "FILLED"), "a filled order")
    wallet = "ACCOUNT_UPDATE" if FUTURES else "outboundAccountPosition"
    await call["create"](symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.010")
    await heard(stream, lambda told: told.get("e") == wallet, "the wallet")
    if FUTURES:
        terms = {"side": "SELL", "type": "MARKET", "quantity": "0.010", "reduceOnly": "true"}
        await call["create"](symbol=SYMBOL, **terms)
    trades = await call["trades"](symbol=SYMBOL)
    history = await call["all"](symbol=SYMBOL)
    say(
        "market_order",
        bought=bought["orderId"],
        status=bought["status"],
        filled=row["z"],
        trade=row["t"],
        trades=[each["id"] for each in trades if each["orderId"] == bought["orderId"]],
        history=[each["orderId"] for each in history],
    )


async def read_account(client):
    """Balances, and on futures the position, which is closed again."""
    if not FUTURES:
        account = await client.get_account()
        say("account", assets=[each["asset"] for each in account["balances"]])
        return
    held = await client.futures_position_information(symbol=SYMBOL)
    account = await client.futures_account()
    await client.futures_create_order(
        symbol=SYMBOL, side="SELL", type="MARKET", quantity="0.010", reduceOnly="true"
    )
    say(
        "account",
        position=[each["positionAmt"] for each in held],
        assets=[each["asset"] for each in account["assets"]],
    )


asyncio.run(main())
