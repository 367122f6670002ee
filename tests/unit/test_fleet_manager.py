"""The manager against four venues in the box: choosing, doubting, going on, guarding, watching."""

import asyncio
import json
from dataclasses import replace

import pytest

from absolute.desk.powertrader import MultiExchangeManager
from absolute.desk.powertrader_exchanges import access, means_of
from absolute.domain.errors import UserError
from absolute.simex.kraken import kraken_keys
from absolute.venues.credentials import Credentials
from absolute.venues.fleet import FleetRules
from absolute.venues.fleet_errors import (
    ExchangeAuthenticationError,
    ExchangeError,
    ExchangeOrderRejected,
    ExchangeOrderUnknown,
    ExchangeUnavailable,
)
from absolute.venues.fleet_terms import OrderRequest
from absolute.venues.fleet_venue import VenueExchange

from tests.fleet_box import fleet_box

VENUES = ("kraken", "coinbase", "binance")
QUICK = FleetRules(look_up_pauses=(0.01,) * 4)


@pytest.fixture(scope="module")
def shared_box(tmp_path_factory):
    with fleet_box(tmp_path_factory.mktemp("box")) as box:
        yield box


@pytest.fixture
def box(shared_box, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in shared_box.environment().items():
        monkeypatch.setenv(name, value)
    shared_box.faults()
    return shared_box


def counts(box) -> dict[str, int]:
    return {venue: len(box.orders(venue)) for venue in VENUES}


def grown(box, before) -> dict[str, int]:
    return {venue: count - before[venue] for venue, count in counts(box).items()}


def buy(amount: float = 0.001) -> OrderRequest:
    return OrderRequest("BTC-USD", "buy", amount, "market")


def lost(venue: str, path: str, count: int, **more) -> dict:
    when = {"venue": venue, "path": path} | more
    return {"do": "reset", "accepted": True, "count": count, "when": when}


# --- choosing -------------------------------------------------------------------------------------


def test_the_best_price_is_the_effective_one_and_says_why(box):
    manager = MultiExchangeManager()
    best = asyncio.run(manager.get_best_price("BTC-USD", "buy", 0.01))
    assert best.exchange == "binance"  # the same books, the smallest fee
    assert best.effective_price == best.price
    assert best.price > best.ask
    for venue in VENUES:
        assert venue in best.reason
    assert "0.1% fee" in best.reason


def test_a_venue_without_the_balance_is_left_out_with_the_reason(box):
    manager = MultiExchangeManager()
    sale = asyncio.run(manager.get_best_price("BTC-USD", "sell", 0.2))
    # Binance holds hardly any coin, so its smaller fee does not help.
    assert sale.exchange == "kraken"
    assert "binance left out: its balance" in sale.reason
    with pytest.raises(ExchangeUnavailable, match="no exchange can serve a sell"):
        asyncio.run(manager.get_best_price("BTC-USD", "sell", 50.0))


def test_a_slow_venue_is_left_out_before_the_others_grow_old(box):
    box.faults({"do": "late", "ms": 4_000, "when": {"venue": "binance", "path": "depth"}})
    manager = MultiExchangeManager(rules=FleetRules(age_ns_max=2_000_000_000))
    best = asyncio.run(manager.get_best_price("BTC-USD"))
    assert "binance left out: it did not answer within 1.6 s" in best.reason
    assert best.exchange == "kraken"


def test_a_venue_that_is_down_costs_nobody_else(box):
    box.faults({"do": "reset", "accepted": False, "when": {"venue": "binance"}})
    manager = MultiExchangeManager()

    async def story():
        return await manager.compare_prices("ETH-USD"), await manager.get_best_price("ETH-USD")

    shown, best = asyncio.run(story())
    assert set(shown) == {"kraken", "coinbase"}
    assert best.exchange == "kraken"
    status = manager.get_exchange_status()["binance"]
    assert status["status"] == "error"
    assert "binance" in status["last_error"]
    assert manager.get_system_status()["overall"] == "degraded"


# --- orders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("venue", "path"),
    [("kraken", "AddOrder"), ("coinbase", "/orders$"), ("binance", "/order$")],
)
@pytest.mark.parametrize("fault", ["reset", "cut", "status"])
def test_accepted_and_then_lost_is_one_order_and_one_answer(box, venue, path, fault):
    rule = {"do": fault, "count": 1, "when": {"venue": venue, "path": path, "method": "POST"}}
    box.faults(rule | ({} if fault == "cut" else {"accepted": True}))
    before = counts(box)
    result = asyncio.run(MultiExchangeManager().place_order(buy(), venue))
    assert box.fired() == 1
    assert grown(box, before) == dict.fromkeys(VENUES, 0) | {venue: 1}
    assert (result.exchange, result.status, result.filled_amount) == (venue, "filled", 0.001)
    assert result.average_price > 0
    assert result.fees


def test_while_nobody_can_tell_the_order_is_unknown_and_later_it_is_found(box):
    box.faults(lost("kraken", "AddOrder", 1), lost("kraken", "ClosedOrders", 4))
    before, request = counts(box), buy()
    manager = MultiExchangeManager(rules=QUICK)

    async def story():
        with pytest.raises(ExchangeOrderUnknown, match="state is unknown") as unknown:
            await manager.place_order(request, "kraken")
        assert manager.get_system_status()["orders_in_doubt"] == 1
        return unknown.value, await manager.place_order(request, "coinbase")

    unknown, result = asyncio.run(story())
    assert box.fired() == 5
    assert (result.exchange, result.client_id) == ("kraken", unknown.client_id)
    assert grown(box, before) == {"kraken": 1, "coinbase": 0, "binance": 0}
    assert manager.orders_in_doubt() == []


def test_another_program_run_finds_the_order_in_doubt(box):
    box.faults(lost("kraken", "AddOrder", 1), lost("kraken", "ClosedOrders", 4))
    before = counts(box)
    with pytest.raises(ExchangeOrderUnknown):
        asyncio.run(MultiExchangeManager(rules=QUICK).place_order(buy(), "kraken"))
    later = MultiExchangeManager()
    assert len(later.orders_in_doubt()) == 1
    result = asyncio.run(later.place_order(buy(), "binance"))
    assert result.exchange == "kraken"
    assert grown(box, before) == {"kraken": 1, "coinbase": 0, "binance": 0}


def test_the_chosen_exchange_that_refuses_is_followed_by_the_next(box):
    refused = {"code": -2010, "msg": "Account has insufficient balance for requested action."}
    box.faults(
        {"do": "status", "status": 400, "body": json.dumps(refused),
         "when": {"venue": "binance", "path": "/order$", "method": "POST"}}
    )  # fmt: skip
    before = counts(box)
    result = asyncio.run(MultiExchangeManager().place_order(buy()))
    assert box.fired() == 1
    assert result.exchange == "kraken"
    assert grown(box, before) == {"kraken": 1, "coinbase": 0, "binance": 0}


def test_an_order_that_never_left_is_followed_by_the_next(box):
    box.faults(
        {
            "do": "reset",
            "accepted": False,
            "when": {"venue": "binance", "path": "openOrders"},
        }
    )
    before = counts(box)
    result = asyncio.run(MultiExchangeManager().place_order(buy()))
    assert result.exchange == "kraken"
    assert grown(box, before) == {"kraken": 1, "coinbase": 0, "binance": 0}


def test_a_refusal_by_name_is_raised_with_the_venues_word(box):
    with pytest.raises(ExchangeOrderRejected, match="kraken") as refused:
        asyncio.run(MultiExchangeManager().place_order(buy(0.00001), "kraken"))
    assert refused.value.no_order
    with pytest.raises(ExchangeError, match="Insufficient funds"):
        asyncio.run(MultiExchangeManager().place_order(buy(3.0), "kraken"))


def test_an_order_that_would_meet_our_own_is_not_sent(box):
    manager = MultiExchangeManager()

    async def story():
        away = await manager.get_market_data("BTC-USD", "kraken")
        resting = OrderRequest("BTC-USD", "sell", 0.001, "limit", round(away.ask * 1.02, 1))
        placed = await manager.place_order(resting, "kraken")
        before = counts(box)
        with pytest.raises(UserError, match="would trade with 1 of your own orders") as refused:
            await manager.place_order(buy(), "kraken")
        below = OrderRequest("BTC-USD", "buy", 0.001, "limit", round(away.bid * 0.9, 1))
        allowed = await manager.place_order(below, "kraken")
        return placed, refused.value, allowed, grown(box, before)

    placed, refused, allowed, after = asyncio.run(story())
    assert (placed.status, allowed.status) == ("open", "open")
    assert refused.code == "SELF_TRADE"
    assert after == {"kraken": 1, "coinbase": 0, "binance": 0}


def test_a_key_that_may_only_read_is_refused_as_a_key(box):
    (reader,) = (each for each in kraken_keys() if each.key.endswith("-read"))
    keys = Credentials("kraken:main", reader.key, reader.secret)

    async def story():
        exchange = VenueExchange(replace(access(means_of("kraken")), credentials=keys))
        await exchange.initialize()
        try:
            request = buy()
            request.client_id = "onlyreads1"
            return await exchange.place_order(request)
        finally:
            await exchange.close()

    with pytest.raises(ExchangeAuthenticationError, match="check the key") as refused:
        asyncio.run(story())
    assert refused.value.no_order


# --- balances, status, watching -------------------------------------------------------------------


def test_balances_of_one_and_of_all(box):
    manager = MultiExchangeManager()
    every = asyncio.run(manager.get_balances())
    assert set(every) == set(VENUES)
    assert every["coinbase"]["USD"] > 0
    one = asyncio.run(manager.get_balances("Kraken"))
    assert set(one) == {"kraken"}


def test_one_manager_serves_one_event_loop_after_another(box):
    manager = MultiExchangeManager()
    prices = {asyncio.run(manager.get_market_data("BTC-USD", "kraken")).exchange for _ in range(3)}
    assert prices == {"kraken"}


def test_status_is_asked_once_where_nobody_asked_before(box):
    manager = MultiExchangeManager()
    told = manager.get_exchange_status()
    for venue in VENUES:
        assert told[venue]["status"] == "online"
        assert told[venue]["latency"] > 0
        assert told[venue]["credentials"] == "box"
    assert told["robinhood"]["status"] == "unconfigured"
    assert manager.get_system_status() | {"region": ""} == {
        "overall": "healthy",
        "available_count": 3,
        "total_count": 8,
        "region": "",
        "orders_in_doubt": 0,
    }


def test_listeners_hear_prices_and_connections_and_harm_nobody(box):
    manager = MultiExchangeManager(rules=FleetRules(watch_seconds=0.05))
    prices, connections = set(), []

    def broken(*facts):
        raise RuntimeError("a listener's own fault")

    async def asynchronous(exchange, symbol, price_data):
        prices.add((exchange, symbol, price_data.price > 0))

    async def story():
        manager.subscribe_to_price_updates(broken)
        manager.subscribe_to_price_updates(asynchronous)
        manager.subscribe_to_connection_events(broken)
        manager.subscribe_to_connection_events(lambda *facts: connections.append(facts))
        await manager.start_price_monitoring(["BTC-USD", "ETH-USD"])
        async with asyncio.timeout(20):
            while len(prices) < 6:
                await asyncio.sleep(0.02)
            await asyncio.to_thread(
                box.faults, {"do": "reset", "accepted": False, "when": {"venue": "coinbase"}}
            )
            while ("coinbase", False) not in connections:
                await asyncio.sleep(0.02)
        await manager.close()

    asyncio.run(story())
    pairs = {(venue, f"{coin}-USD", True) for venue in VENUES for coin in ("BTC", "ETH")}
    assert prices == pairs
    assert {(venue, True) for venue in VENUES} <= set(connections)
