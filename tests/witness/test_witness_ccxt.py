"""ccxt, REST and streams, trades in the box under the venues' real host names, unmodified."""

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from absolute.venues.box import box_session

ccxt = pytest.importorskip("ccxt.pro", reason="ccxt is not installed")

PATIENCE_S = 20.0


@dataclass(frozen=True)
class World:
    """One venue in one of its worlds, as ccxt names it."""

    exchange: str
    venue: str
    environment: str
    symbol: str
    types: tuple[str, ...]

    @property
    def linear(self) -> bool:
        return ":" in self.symbol


SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"
WORLDS = [
    *(
        World("bybit", "bybit", environment, symbol, ("spot", "linear"))
        for environment in ("main", "demo", "testnet")
        for symbol in (SPOT, PERP)
    ),
    *(
        World("binance", "binance", environment, SPOT, ("spot",))
        for environment in ("main", "demo", "testnet")
    ),
    *(World("binanceusdm", "binanceusdm", each, PERP, ("linear",)) for each in ("main", "demo")),
]


def named(world):
    return f"{world.exchange}-{world.environment}-{'linear' if world.linear else 'spot'}"


@asynccontextmanager
async def opened(box, world):
    """A ccxt exchange in that world, over a session that leads to the box alone."""
    pair = box.keys[f"{world.venue}:{world.environment}"]
    async with box_session(box.address) as session:
        exchange = getattr(ccxt, world.exchange)(
            {
                "apiKey": pair["key"],
                "secret": pair["secret"],
                "session": session,
                "options": {
                    "fetchMarkets": {"types": list(world.types)},
                    "warnOnFetchOpenOrdersWithoutSymbol": False,
                },
            }
        )
        if world.environment == "demo":
            exchange.enable_demo_trading(True)
        if world.environment == "testnet":
            exchange.set_sandbox_mode(True)
        try:
            yield exchange
        finally:
            await exchange.close()


@dataclass
class Heard:
    """What the streams told, kept as it came."""

    orders: list = field(default_factory=list)
    trades: list = field(default_factory=list)
    balances: list = field(default_factory=list)
    errors: list = field(default_factory=list)

    async def until(self, found):
        """Wait until `found(self)` is true; its value."""
        end = asyncio.get_running_loop().time() + PATIENCE_S
        while not (value := found(self)):
            assert not self.errors, self.errors
            assert asyncio.get_running_loop().time() < end, self
            await asyncio.sleep(0.02)
        return value

    def states(self, number):
        return [each["status"] for each in self.orders if each["id"] == number]


@asynccontextmanager
async def listening(exchange, symbol):
    """The account's own streams, in the background."""
    heard = Heard()

    async def watch(method, sink):
        try:
            while True:
                told = await method()
                sink.extend(dict(each) for each in (told if isinstance(told, list) else [told]))
        except ccxt.BaseError as error:
            heard.errors.append(repr(error))

    tasks = [
        asyncio.create_task(watch(lambda: exchange.watch_orders(symbol), heard.orders)),
        asyncio.create_task(watch(lambda: exchange.watch_my_trades(symbol), heard.trades)),
        asyncio.create_task(watch(exchange.watch_balance, heard.balances)),
    ]
    try:
        await awake(exchange, symbol, heard)
        yield heard
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


async def awake(exchange, symbol, heard):
    """A stream is open once it tells of an order: a far one is placed until it does."""
    far = (await exchange.fetch_ticker(symbol))["last"] * 0.9
    for _attempt in range(20):
        order = await exchange.create_order(symbol, "limit", "buy", 0.01, far)
        await asyncio.sleep(0.15)
        await exchange.cancel_order(order["id"], symbol)
        await asyncio.sleep(0.1)
        if heard.orders or heard.errors:
            return
    raise AssertionError("no order was ever told on the stream")


@pytest.mark.parametrize("world", WORLDS, ids=named)
def test_ccxt_reads_the_market(box, world):
    async def play():
        async with opened(box, world) as exchange:
            markets = await exchange.load_markets()
            symbol = world.symbol
            ticker = await exchange.fetch_ticker(symbol)
            book = await exchange.fetch_order_book(symbol, 20)
            candles = await exchange.fetch_ohlcv(symbol, "1m", limit=20)
            apart_ms = abs(await exchange.fetch_time() - exchange.milliseconds())
            live = [
                await asyncio.wait_for(each, PATIENCE_S)
                for each in (
                    exchange.watch_ticker(symbol),
                    exchange.watch_order_book(symbol),
                    exchange.watch_trades(symbol),
                    exchange.watch_ohlcv(symbol, "1m"),
                )
            ]
            return markets[symbol], ticker, book, candles, apart_ms, live

    market, ticker, book, candles, apart_ms, live = asyncio.run(play())
    assert market["contract"] == world.linear
    assert market["precision"]["price"] > 0
    assert book["bids"][0][0] < book["asks"][0][0]
    assert len(book["bids"]) >= 10
    assert ticker["last"] == pytest.approx(book["bids"][0][0], rel=0.01)
    assert [row[0] for row in candles] == sorted({row[0] for row in candles})
    assert all(low <= first <= high for _, first, high, low, *_ in candles)
    assert apart_ms < 2_000
    watched, depth, trades, bars = live
    assert watched["last"] == pytest.approx(ticker["last"], rel=0.01)
    assert depth["bids"][0][0] < depth["asks"][0][0]
    assert trades[-1]["price"] == pytest.approx(ticker["last"], rel=0.01)
    assert bars[-1][4] == pytest.approx(ticker["last"], rel=0.01)


@pytest.mark.parametrize("world", WORLDS, ids=named)
def test_ccxt_places_amends_and_cancels(box, world):
    async def play():
        async with opened(box, world) as exchange:
            await exchange.load_markets()
            symbol = world.symbol
            last = (await exchange.fetch_ticker(symbol))["last"]
            before = await exchange.fetch_balance()
            async with listening(exchange, symbol) as heard:
                order = await exchange.create_order(symbol, "limit", "buy", 0.01, last * 0.9)
                await heard.until(lambda it: "open" in it.states(order["id"]))
                waiting = [each["id"] for each in await exchange.fetch_open_orders(symbol)]
                edited = await exchange.edit_order(
                    order["id"], symbol, "limit", "buy", 0.01, last * 0.89
                )
                found = await exchange.fetch_open_orders(symbol)
                await exchange.cancel_order(edited["id"], symbol)
                await heard.until(lambda it: "canceled" in it.states(edited["id"]))
                left = await exchange.fetch_open_orders(symbol)
            after = await exchange.fetch_balance()
            with pytest.raises(ccxt.OrderNotFound):
                await exchange.cancel_order(edited["id"], symbol)
            return order, waiting, edited, found, left, (before, after), last

    order, waiting, edited, found, left, balances, last = asyncio.run(play())
    assert order["id"] in waiting
    [standing] = [each for each in found if each["id"] == edited["id"]]
    assert standing["price"] == pytest.approx(last * 0.89, rel=1e-4)
    assert standing["amount"] == 0.01
    assert edited["id"] not in [each["id"] for each in left]
    assert balances[0]["USDT"]["total"] == balances[1]["USDT"]["total"]


@pytest.mark.parametrize("world", WORLDS, ids=named)
def test_ccxt_trades_and_its_books_agree_with_every_stream(box, world):
    async def play():
        async with opened(box, world) as exchange:
            await exchange.load_markets()
            symbol = world.symbol
            reduce_only = {"reduceOnly": True} if world.linear else {}
            before = (await exchange.fetch_balance()).get("BTC", {}).get("free") or 0.0
            async with listening(exchange, symbol) as heard:
                bought = await exchange.create_order(symbol, "market", "buy", 0.01)
                await heard.until(lambda it: "closed" in it.states(bought["id"]))
                own = [each for each in heard.trades if each["order"] == bought["id"]]
                await heard.until(lambda it: amount_of(it, bought["id"]) == Decimal("0.01"))
                kept = await exchange.fetch_my_trades(symbol, limit=50)
                if world.linear:
                    held = await exchange.fetch_positions([symbol])
                    sold = 0.01
                else:
                    held = []
                    gained = (await exchange.fetch_balance())["BTC"]["free"] - before
                    assert 0.0099 < gained <= 0.01 + 1e-9
                    sold = float(exchange.amount_to_precision(symbol, gained))
                closing = await exchange.create_order(
                    symbol, "market", "sell", sold, None, reduce_only
                )
                await heard.until(lambda it: "closed" in it.states(closing["id"]))
                await heard.until(lambda it: it.balances)
            ended = {each["id"] for each in await exchange.fetch_closed_orders(symbol)}
            assert {bought["id"], closing["id"]} <= ended
            order = await closed(exchange, bought["id"], symbol)
            flat = await exchange.fetch_positions([symbol]) if world.linear else []
            return order, own, kept, held, flat, heard

    order, _own, kept, held, flat, heard = asyncio.run(play())
    mine = [each for each in kept if each["order"] == order["id"]]
    told = [each for each in heard.trades if each["order"] == order["id"]]
    assert order["status"] == "closed"
    assert order["filled"] == 0.01
    assert {each["id"] for each in mine} == {each["id"] for each in told}
    assert sum(Decimal(str(each["amount"])) for each in mine) == Decimal("0.01")
    assert all(each["fee"]["currency"] == ("USDT" if world.linear else "BTC") for each in mine)
    assert all(each["fee"]["cost"] > 0 for each in mine)
    if world.linear:
        assert [each["contracts"] for each in held if each["contracts"]] == [0.01]
        assert not [each for each in flat if each["contracts"]]


def amount_of(heard, number):
    rows = {each["id"]: each for each in heard.trades if each["order"] == number}
    return sum((Decimal(str(each["amount"])) for each in rows.values()), Decimal(0))


async def closed(exchange, number, symbol):
    """The order among those that ended, wherever the venue keeps it."""
    if exchange.id == "bybit":
        return await exchange.fetch_closed_order(number, symbol)
    return await exchange.fetch_order(number, symbol)


@pytest.mark.parametrize(
    "world", [each for each in WORLDS if each.environment != "testnet"], ids=named
)
def test_ccxt_keeps_a_stop_waiting_and_takes_it_back(box, world):
    async def play():
        async with opened(box, world) as exchange:
            await exchange.load_markets()
            symbol = world.symbol
            last = (await exchange.fetch_ticker(symbol))["last"]
            side = "buy"
            terms = {"triggerPrice": last * 1.1}
            if exchange.id == "bybit" and world.linear:
                terms["triggerDirection"] = "ascending"
            order = await exchange.create_order(symbol, "market", side, 0.01, last, terms)
            asked = {"trigger": True}
            found = await exchange.fetch_open_orders(symbol, params=asked)
            await exchange.cancel_order(order["id"], symbol, asked)
            left = await exchange.fetch_open_orders(symbol, params=asked)
            return order["id"], found, left, last

    number, found, left, last = asyncio.run(play())
    [waiting] = [each for each in found if each["id"] == number]
    assert waiting["triggerPrice"] == pytest.approx(last * 1.1, rel=1e-4)
    assert number not in [each["id"] for each in left]


@pytest.mark.parametrize("world", [each for each in WORLDS if each.linear], ids=named)
def test_ccxt_sets_leverage_and_watches_its_position(box, world):
    async def play():
        async with opened(box, world) as exchange:
            await exchange.load_markets()
            symbol = world.symbol
            await exchange.set_leverage(5, symbol)
            await exchange.set_leverage(7, symbol)
            watching = asyncio.create_task(held(exchange, symbol))
            await asyncio.sleep(1)
            await exchange.create_order(symbol, "market", "sell", 0.02)
            told = await asyncio.wait_for(watching, PATIENCE_S)
            [asked] = await exchange.fetch_positions([symbol])
            await exchange.create_order(symbol, "market", "buy", 0.02, None, {"reduceOnly": True})
            return told, asked

    told, asked = asyncio.run(play())
    assert (told["side"], told["contracts"]) == ("short", 0.02)
    assert (asked["side"], asked["contracts"]) == ("short", 0.02)
    assert asked["entryPrice"] == pytest.approx(told["entryPrice"], rel=1e-6)


async def held(exchange, symbol):
    """The first position of the stream that holds something."""
    while True:
        for each in await exchange.watch_positions([symbol]):
            if each["contracts"]:
                return dict(each)


@pytest.mark.parametrize(
    "world", [each for each in WORLDS if each.exchange != "binance"], ids=named
)
def test_ccxt_orders_over_a_socket_where_the_world_offers_it(box, world):
    async def play():
        async with opened(box, world) as exchange:
            await exchange.load_markets()
            symbol = world.symbol
            last = (await exchange.fetch_ticker(symbol))["last"]
            order = await asyncio.wait_for(
                exchange.create_order_ws(symbol, "limit", "buy", 0.01, last * 0.9), PATIENCE_S
            )
            waiting = {each["id"] for each in await exchange.fetch_open_orders(symbol)}
            await asyncio.wait_for(exchange.cancel_order_ws(order["id"], symbol), PATIENCE_S)
            left = {each["id"] for each in await exchange.fetch_open_orders(symbol)}
            return order["id"] in waiting, order["id"] in left

    if (world.exchange, world.environment) == ("bybit", "demo"):
        with pytest.raises(ccxt.BaseError):
            asyncio.run(play())
    else:
        assert asyncio.run(play()) == (True, False)


@pytest.mark.parametrize("world", WORLDS[::2], ids=named)
def test_a_wrong_secret_is_refused_as_the_venue_would(box, world):
    async def play():
        async with opened(box, world) as exchange:
            await exchange.load_markets()
            exchange.secret = "wrong"
            await exchange.fetch_open_orders(world.symbol)

    with pytest.raises(ccxt.AuthenticationError):
        asyncio.run(play())
