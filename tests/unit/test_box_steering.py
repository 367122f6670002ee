"""What only a venue can do to its clients: each step shows in what the next order meets."""

import asyncio
from decimal import Decimal

import pytest

from absolute.desk.box import BoxWanted, running_box
from absolute.desk.box_venues import MarketWanted, made_venues
from absolute.desk.clock import generator
from absolute.domain.errors import UserError
from absolute.domain.fill import Liquidity
from absolute.domain.instrument import Side
from absolute.domain.units import NANOS_PER_SECOND, Nanos, Price, Qty
from absolute.simex.control import ControlFace
from absolute.simex.face import Dial, Environment, SocketId
from absolute.simex.facts import Refusal, Refused
from absolute.simex.fault_rules import read_faults
from absolute.simex.faults import FaultBook
from absolute.simex.listing import Category, Market
from absolute.simex.orders import AccountId, BoxOrder, BoxStatus, OrderAsk
from absolute.simex.steering import World, steer, step_of

T0 = Nanos(1_760_000_000 * NANOS_PER_SECOND)
PLACE = {"venue": "bybit", "environment": "demo", "symbol": "BTCUSDT"}
BTC = Market(Category.SPOT, "BTCUSDT")
ACCOUNT = AccountId("box-bybit-demo")


@pytest.fixture
def exchange():
    """Bybit's demo world, begun."""
    [bybit] = made_venues(MarketWanted(seed=5), "bybit")
    found = bybit.face.exchanges[Environment.DEMO]
    found.pass_time(T0)
    return found


def do(exchange, step, **more):
    place = {name: word for name, word in PLACE.items() if name != "symbol" or step != "deposit"}
    steer(World(exchange), step_of({**place, "do": step, **more}), T0)


def order(exchange, side, share, qty="0.01"):
    """An order at a share of the last price."""
    last = exchange.market(BTC).last
    price = Price((last * Decimal(share)).quantize(Decimal("0.1")))
    ask = OrderAsk(BTC, side, qty=Qty(Decimal(qty)), price=price)
    return exchange.submit(ACCOUNT, ask, T0)


def test_a_jump_fills_what_stands_in_its_way_at_its_own_price(exchange):
    resting = order(exchange, Side.BUY, "0.9")
    do(exchange, "jump", price=str(resting.ask.price * Decimal("0.95")))
    after = exchange.find(ACCOUNT, number=resting.number)
    assert resting.status is BoxStatus.OPEN
    assert after.status is BoxStatus.FILLED
    assert after.average == resting.ask.price


def test_a_rebate_and_a_fee_in_a_third_coin_are_charged_from_then_on(exchange):
    do(exchange, "fees", maker="-0.0001", taker="0.002")
    resting = order(exchange, Side.BUY, "0.99")
    do(exchange, "jump", price=str(resting.ask.price * Decimal("0.99")))
    do(
        exchange,
        "fees",
        maker="0.001",
        taker="0.001",
        coin="third",
        third="MNT",
        third_price="2",
    )
    do(exchange, "deposit", key=ACCOUNT, asset="MNT", amount="100")
    order(exchange, Side.BUY, "1.01")
    audit = exchange.audit(ACCOUNT)
    rebate, *others = audit.executions
    assert (rebate.liquidity, rebate.fee.asset) == (Liquidity.MAKER, "BTC")
    assert rebate.fee.amount < 0
    assert {each.fee.asset for each in others} == {"MNT"}
    assert exchange.sums() == {}


def test_a_halted_market_refuses_orders_until_it_opens_again(exchange):
    resting = order(exchange, Side.BUY, "0.9")
    do(exchange, "halt")
    refused = order(exchange, Side.BUY, "0.9")
    gone = exchange.cancel(ACCOUNT, resting.number, T0)
    do(exchange, "halt", status="trading")
    taken = order(exchange, Side.BUY, "0.9")
    assert refused == Refused(Refusal.MARKET_CLOSED, refused.detail)
    assert gone.status is BoxStatus.CANCELLED
    assert isinstance(taken, BoxOrder)


def test_filters_change_under_a_running_bot(exchange):
    do(exchange, "filters", min_notional="1000")
    refused = order(exchange, Side.BUY, "0.9")
    do(exchange, "filters", min_notional="5")
    assert refused.reason is Refusal.NOTIONAL_MIN
    assert isinstance(order(exchange, Side.BUY, "0.9"), BoxOrder)


def test_a_deposit_is_in_the_balance(exchange):
    do(exchange, "deposit", key=ACCOUNT, asset="USDT", amount="0.5")
    money = {each.asset: each.total for each in exchange.balances(ACCOUNT)}
    assert money["USDT"] % 1 == Decimal("0.5")


def test_binance_ends_its_listen_keys_and_says_that_it_shuts_down():
    shown = {each.name: each for each in made_venues(MarketWanted(seed=5), "binance")}
    insides = [inside for each in shown.values() for inside in each.insides]
    control = ControlFace(insides, FaultBook(generator(1)))
    spot = shown["binance"].face
    assert spot.dial(Dial(SocketId(1), "demo-stream.binance.com", "/ws"), T0) is None
    world = {"environment": "demo"}
    control.steer(step_of({"do": "shut_down", "venue": "binance", **world}), T0)
    assert "serverShutdown" in next(frame.text for frame in spot.drain())
    control.steer(step_of({"do": "end_listen_keys", "venue": "binanceusdm", **world}), T0)
    with pytest.raises(UserError, match="leave it out"):
        control.steer(step_of({"do": "shut_down", "venue": "binanceusdm", **world}), T0)


def test_a_faults_file_steers_by_time(tmp_path):
    place = tmp_path / "faults.yaml"
    place.write_text(
        "steps:\n"
        "  - {at_s: 2, step: {do: halt, status: trading, venue: bybit, symbol: BTCUSDT}}\n"
        "  - {at_s: 1, step: {do: halt, venue: bybit, symbol: BTCUSDT}}\n"
    )
    [bybit] = made_venues(MarketWanted(seed=5), "bybit")
    control = ControlFace(bybit.insides, FaultBook(generator(1)), read_faults(place).steps)
    exchange, seen = bybit.face.exchanges[Environment.DEMO], []
    for tenths in range(25):
        control.pass_time(Nanos(T0 + tenths * NANOS_PER_SECOND // 10))
        listing = exchange.listing(BTC)
        assert listing is not None
        seen.append(str(listing.status))
    assert seen == ["trading"] * 10 + ["halted"] * 10 + ["trading"] * 5


def test_a_step_for_a_world_that_is_not_shown_is_refused_at_the_start(tmp_path):
    place = tmp_path / "faults.yaml"
    place.write_text("steps: [{at_s: 1, step: {do: restart, venue: okx}}]")

    async def begin():
        async with running_box(BoxWanted("kraken", faults=place), tmp_path):
            pass

    with pytest.raises(UserError, match="okx:demo is not shown"):
        asyncio.run(begin())
