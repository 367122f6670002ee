"""A venue without streams: few questions, trades before states, all pages whatever their order."""

import asyncio
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from absolute.desk.clock import ManualClock, generator
from absolute.domain.ids import ClientOrderId, TradeId, VenueOrderId
from absolute.domain.instrument import Kind, Side
from absolute.domain.units import Asset, Nanos, Price, Qty
from absolute.engine.reports import ExecutionSeen, Seen
from absolute.venues.clock_offset import VenueClock
from absolute.venues.dialect import Line
from absolute.venues.error_table import VenueFault
from absolute.venues.gateway import CcxtGateway
from absolute.venues.limiter import Gate, Limiter, Rule
from absolute.venues.parts import Parts, Surroundings
from absolute.venues.polling import AUDIT_NS, Poll
from absolute.venues.profile_table import profile
from absolute.venues.rows import Shown, Traded
from absolute.venues.unified_dialect import UnifiedDialect

from tests.box_markets import instrument

D = Decimal
NOW = Nanos(1_800_000_000_000_000_000)
S = 1_000_000_000
ID = "bot-1-entry"


def shown(status=Seen.OPEN, filled="0"):
    return Shown(ID, VenueOrderId("v1"), status, Qty(D(filled)), NOW)


def trade(number):
    return Traded(
        trade_id=TradeId(f"t{number}"),
        venue_id=VenueOrderId("v1"),
        client_id=ID,
        side=Side.BUY,
        price=Price(D(50_000)),
        qty=Qty(D("0.1")),
        maker=False,
        fee=D(0),
        fee_asset=Asset("USDT"),
        time=NOW,
    )


class Account:
    """A venue in three lists: what is open, what traded, what ended."""

    def __init__(self) -> None:
        self.instrument = instrument(Kind.SPOT)
        self.open: list[Shown] = []
        self.trades: list[Traded] = []
        self.ended: Shown | None = None
        self.asked: list[str] = []
        self.since: list[Nanos] = []

    async def open_orders(self):
        self.asked.append("open")
        return list(self.open)

    async def executions(self, since, now):
        self.asked.append("trades")
        self.since.append(since)
        return list(self.trades)

    async def look_up(self, form, venue_id):
        self.asked.append("look")
        return self.ended


def polled(play):
    """Play on an account with a poll and what it told."""

    async def run():
        account: Any = Account()
        told: list[Any] = []
        async with aiohttp.ClientSession() as session:
            clock = ManualClock(NOW)
            gate = Gate(Limiter((Rule(S, 100, 10),)), clock.now_ns)
            one = profile("kraken:main")
            parts = Parts(one, account, session, VenueClock(clock), gate, True)
            gateway = CcxtGateway(parts, Surroundings(clock, generator(1)))
            poll = Poll(account, gateway, one.facts, clock=VenueClock(clock))
            await play(account, poll, told)
        return account, told

    return asyncio.run(run())


def test_trades_are_asked_for_only_where_something_of_ours_may_have_traded():
    async def play(account, poll, told):
        for second in range(50):
            await poll.look(Nanos(NOW + second * S), told.append)
        assert account.asked.count("trades") == 1  # the first look; nothing moved since
        await poll.look(Nanos(NOW + AUDIT_NS + S), told.append)
        assert account.asked.count("trades") == 2  # but now and then it is asked anyway

    account, told = polled(play)
    assert account.asked.count("open") == 51
    assert told == []


def test_an_order_that_went_out_is_looked_for_as_long_as_the_venue_is_slow():
    async def play(account, poll, told):
        await poll.look(NOW, told.append)
        poll.stir(NOW)
        await poll.look(Nanos(NOW + S), told.append)
        account.trades = [trade(1)]  # it never was in the open list
        await poll.look(Nanos(NOW + 2 * S), told.append)

    _, told = polled(play)
    assert [each.fill.trade_id for each in told] == ["t1"]


def test_trades_are_told_before_how_their_order_stands_and_each_once():
    async def play(account, poll, told):
        account.open = [shown()]
        await poll.look(NOW, told.append)
        account.open, account.trades = [shown(filled="0.1")], [trade(1)]
        await poll.look(Nanos(NOW + S), told.append)
        account.open, account.trades = [], [trade(1), trade(2)]
        account.ended = shown(Seen.FILLED, "0.2")
        await poll.look(Nanos(NOW + 2 * S), told.append)

    _, told = polled(play)
    said = [
        each.fill.trade_id if isinstance(each, ExecutionSeen) else f"{each.status} {each.filled}"
        for each in told
    ]
    assert said == ["open 0", "t1", "open 0.1", "t2", "filled 0.2"]


def test_a_look_that_fails_halfway_is_done_again_and_loses_nothing():
    async def play(account, poll, told):
        account.open = [shown()]
        await poll.look(NOW, told.append)
        account.open, account.trades = [], [trade(1)]

        async def broken(form, venue_id):
            raise VenueFault("cut", left=True)

        whole, account.look_up = account.look_up, broken
        with pytest.raises(VenueFault):
            await poll.look(Nanos(NOW + S), told.append)
        account.look_up, account.ended = whole, shown(Seen.FILLED, "0.1")
        await poll.look(Nanos(NOW + 2 * S), told.append)

    _, told = polled(play)
    assert [type(each).__name__ for each in told] == ["OrderSeen", "ExecutionSeen", "OrderSeen"]


# --- pages of trades in ccxt's words --------------------------------------------------------------


class Trades:
    """A venue that hands out its trades page by page, oldest or newest first."""

    def __init__(self, times, *, newest_first, page):
        self.rows = [
            {
                "id": str(number),
                "order": "v1",
                "timestamp": time,
                "side": "buy",
                "price": "50000",
                "amount": "0.1",
                "fee": {"cost": "0.1", "currency": "USDT"},
                "takerOrMaker": "taker",
            }
            for number, time in enumerate(times)
        ]
        self.newest_first, self.page = newest_first, page

    async def fetch_my_trades(self, symbol, since, limit, params):
        until = params.get("until", 10**18)
        rows = [row for row in self.rows if since <= row["timestamp"] <= until]
        return rows[-self.page :] if self.newest_first else rows[: self.page]

    async def fetch_order(self, order_id, symbol):
        return {"id": order_id, "clientOrderId": ID}


def listed(venue):
    async def run():
        async with aiohttp.ClientSession() as session:
            line = Line(venue, profile("kraken:main"), session)
            dialect = UnifiedDialect(line, "BTC/USDT", instrument(Kind.SPOT))
            return await dialect.executions(Nanos(NOW - S), NOW)

    return asyncio.run(run())


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("page", [25, 50, 100])
def test_all_trades_come_once_whichever_end_a_venue_begins_at(newest_first, page):
    begin = NOW // 1_000_000
    times = [begin + number // 7 for number in range(180)]  # seven share each millisecond
    found = listed(Trades(times, newest_first=newest_first, page=page))
    assert sorted(int(each.trade_id) for each in found) == list(range(180))
    assert {each.client_id for each in found} == {ClientOrderId(ID)}


def test_few_trades_take_one_question():
    asked = []

    class Counted(Trades):
        async def fetch_my_trades(self, symbol, since, limit, params):
            asked.append(params)
            return await super().fetch_my_trades(symbol, since, limit, params)

    found = listed(Counted([NOW // 1_000_000] * 3, newest_first=True, page=50))
    assert (len(found), len(asked)) == (3, 1)
