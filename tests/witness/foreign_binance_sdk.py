"""Owns what Binance's own Python SDK does in the box: REST, WebSocket API and streams.

Runs in an environment of its own (`sdk_environment.py`), with the variables that
`absolute exchange env` prints; the proxy is also given as its documentation shows, since its
sockets read no variables. Says one JSON object per step.
"""

import asyncio
import json
import os
import sys
from urllib.parse import urlsplit

from binance_common import constants as urls  # type: ignore[import-not-found]
from binance_common.configuration import (  # type: ignore[import-not-found]
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)

key, secret, environment, market = sys.argv[1:]
SYMBOL = "BTCUSDT"
PATIENCE_S = 20.0
SPOT = market == "spot"
_PROXY = urlsplit(os.environ["HTTPS_PROXY"])
PROXY = {"protocol": "http", "host": _PROXY.hostname, "port": _PROXY.port}


def say(step, **told):
    print(json.dumps({"step": step, **told}, default=str), flush=True)


def opened():
    """The SDK's client for this market, in this world."""
    world = {"main": "PROD", "demo": "DEMO", "testnet": "TESTNET"}[environment]
    name = "SPOT" if SPOT else "DERIVATIVES_TRADING_USDS_FUTURES"
    socket_world = world if SPOT or world == "PROD" else "TESTNET"  # demo shares its hosts
    rest = ConfigurationRestAPI(
        api_key=key,
        api_secret=secret,
        base_path=getattr(urls, f"{name}_REST_API_{world}_URL"),
        timeout=10_000,
        retries=0,
    )
    api = ConfigurationWebSocketAPI(
        api_key=key,
        api_secret=secret,
        stream_url=getattr(urls, f"{name}_WS_API_{socket_world}_URL"),
        proxy=PROXY,
    )
    streams = ConfigurationWebSocketStreams(
        stream_url=getattr(urls, f"{name}_WS_STREAMS_{socket_world}_URL"), proxy=PROXY
    )
    if SPOT:
        from binance_sdk_spot.spot import Spot  # type: ignore[import-not-found]

        return Spot(config_rest_api=rest, config_ws_api=api, config_ws_streams=streams)
    from binance_sdk_derivatives_trading_usds_futures import (  # type: ignore[import-not-found]
        derivatives_trading_usds_futures as usdm,
    )

    return usdm.DerivativesTradingUsdsFutures(
        config_rest_api=rest, config_ws_api=api, config_ws_streams=streams
    )


async def first(queue, wanted, what):
    """The first message that `wanted` finds something in."""

    async def listen():
        while True:
            if found := wanted(await queue.get()):
                return found

    try:
        return await asyncio.wait_for(listen(), PATIENCE_S)
    except TimeoutError:
        raise SystemExit(f"never heard: {what}") from None


def plain(message):
    """A message as the venue worded it, whatever model the SDK made of it."""
    inner = getattr(message, "actual_instance", message)
    return inner.to_dict() if hasattr(inner, "to_dict") else inner


def state(number, status):
    """Finds an order's row in that state, in either market's words."""

    def find(told):
        row = told.get("o") if isinstance(told.get("o"), dict) else told
        return row if (row.get("i"), row.get("X")) == (number, status) else None

    return find


async def rest(client, news):
    """Orders by REST; each call waits in a thread, since this half of the SDK is synchronous."""
    api = client.rest_api
    book = (await asyncio.to_thread(api.depth if SPOT else api.order_book, SYMBOL, limit=5)).data()
    last = float(book.bids[0][0])
    info = api.exchange_info if SPOT else api.exchange_information
    listed = (await asyncio.to_thread(info)).data().symbols
    say("market", symbols=[each.symbol for each in listed], bid=book.bids[0][0])
    placed = (
        await asyncio.to_thread(
            api.new_order,
            SYMBOL,
            "BUY",
            "LIMIT",
            time_in_force="GTC",
            quantity=0.01,
            price=round(last * 0.9, 1),
        )
    ).data()
    await first(news, state(placed.order_id, "NEW"), "a new order")
    look = api.get_order if SPOT else api.query_order
    found = (await asyncio.to_thread(look, SYMBOL, order_id=placed.order_id)).data()
    if not SPOT:
        moved = round(last * 0.89, 1)
        changed = await asyncio.to_thread(
            api.modify_order, SYMBOL, "BUY", 0.01, moved, order_id=placed.order_id
        )
        say("amend", asked=moved, price=changed.data().price)
    waiting = api.get_open_orders if SPOT else api.current_all_open_orders
    still = (await asyncio.to_thread(waiting, SYMBOL)).data()
    cancel = api.delete_order if SPOT else api.cancel_order
    await asyncio.to_thread(cancel, SYMBOL, order_id=placed.order_id)
    await first(news, state(placed.order_id, "CANCELED"), "a cancelled order")
    say(
        "limit",
        placed=placed.order_id,
        found=found.order_id,
        waiting=[each.order_id for each in still],
    )
    bought = (
        await asyncio.to_thread(
            api.new_order,
            SYMBOL,
            "BUY",
            "MARKET",
            quantity=0.01,
            new_order_resp_type="FULL" if SPOT else "RESULT",
        )
    ).data()
    row = await first(news, state(bought.order_id, "FILLED"), "a filled order")
    mine = api.my_trades if SPOT else api.account_trade_list
    trades = (await asyncio.to_thread(mine, SYMBOL)).data()
    history = (await asyncio.to_thread(api.all_orders, SYMBOL)).data()
    say(
        "market_order",
        bought=bought.order_id,
        status=bought.status,
        filled=row["z"],
        trade=row["t"],
        trades=[each.id for each in trades if each.order_id == bought.order_id],
        history=[each.order_id for each in history],
    )


async def account(client):
    """What the account holds; a position is closed again."""
    api = client.rest_api
    if SPOT:
        told = (await asyncio.to_thread(api.get_account)).data()
        say("account", assets=[each.asset for each in told.balances])
        return
    told = (await asyncio.to_thread(api.account_information_v3)).data()
    held = (await asyncio.to_thread(api.position_information_v3, SYMBOL)).data()
    await asyncio.to_thread(
        api.new_order, SYMBOL, "SELL", "MARKET", quantity=0.01, reduce_only="true"
    )
    say(
        "account",
        assets=[each.asset for each in told.assets],
        position=[each.position_amt for each in held],
    )


async def main():
    client = opened()
    news: asyncio.Queue = asyncio.Queue()
    public: asyncio.Queue = asyncio.Queue()
    streams = await client.websocket_streams.create_connection()
    watch = streams.trade if SPOT else streams.diff_book_depth_streams
    market_stream = await watch(symbol=SYMBOL.lower())
    market_stream.on("message", lambda told: public.put_nowait(plain(told)))
    say("public", event=(await first(public, lambda told: told, "the market")).get("e"))
    socket = await client.websocket_api.create_connection()
    if SPOT:
        opened_stream = await socket.user_data_stream_subscribe_signature()
        opened_stream.stream.on("message", lambda told: news.put_nowait(plain(told)))
    else:
        listen_key = (await asyncio.to_thread(client.rest_api.start_user_data_stream)).data()
        own = await streams.user_data(listen_key.listen_key)
        own.on("message", lambda told: news.put_nowait(plain(told)))
    await asyncio.sleep(0.5)
    await rest(client, news)
    price = round(float((await asyncio.to_thread(_book, client)).bids[0][0]) * 0.9, 1)
    place = socket.order_place if SPOT else socket.new_order
    answer = await place(
        symbol=SYMBOL, side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.01, price=price
    )
    number = answer.data().result.order_id
    withdraw = socket.order_cancel if SPOT else socket.cancel_order
    gone = await withdraw(symbol=SYMBOL, order_id=number)
    await first(news, state(number, "CANCELED"), "an order cancelled by socket")
    say("socket_order", status=gone.data().result.status)
    await account(client)
    say("done")
    os._exit(0)  # its reconnect timers would keep it for a day


def _book(client):
    api = client.rest_api
    return (api.depth if SPOT else api.order_book)(SYMBOL, limit=5).data()


asyncio.run(main())
