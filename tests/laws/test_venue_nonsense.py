"""Whatever a venue says: the door never raises, nonsense is never a no, an order is sent once."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.desk.clock import ManualClock, generator
from absolute.domain.ids import ClientOrderId, Role, VenueOrderId
from absolute.domain.instrument import Kind, Side
from absolute.domain.order import OrderType, Terms
from absolute.domain.units import Nanos, Price, Qty
from absolute.engine.reports import (
    Acknowledged,
    Balances,
    CancelInDoubt,
    CancelTaken,
    Executions,
    InDoubt,
    ListExecutions,
    ListOpen,
    LookUp,
    NotFound,
    OpenOrders,
    OrderSeen,
    ReadBalances,
    SendCancel,
    SendOrder,
    Unanswered,
)
from absolute.venues import binance_rows, bybit_rows
from absolute.venues.binance_dialect import BinanceDialect
from absolute.venues.bybit_dialect import BybitDialect
from absolute.venues.clock_offset import VenueClock
from absolute.venues.dialect import Line
from absolute.venues.gateway import CcxtGateway
from absolute.venues.limiter import Gate, Limiter, Rule
from absolute.venues.parts import Parts, Surroundings
from absolute.venues.profile_table import profile
from absolute.venues.rows import BAD_ROW
from absolute.venues.usdm_dialect import UsdmDialect

from tests.box_markets import instrument

NOW = Nanos(1_800_000_000_000_000_000)
ID = ClientOrderId("bot-7-rung4")
WORDS = st.sampled_from(
    [
        *("retCode", "result", "list", "orderId", "orderLinkId", "orderStatus", "cumExecQty"),
        *("updatedTime", "nextPageCursor", "coin", "walletBalance", "execId", "execPrice", "side"),
        *("clientOrderId", "status", "executedQty", "updateTime", "id", "time", "price", "qty"),
        *("balances", "asset", "free", "locked", "algoId", "algoStatus", "clientAlgoId", "topic"),
        *("data", "e", "o", "s", "x", "X", "i", "z", "T", "event", "symbol", "c", "C", "category"),
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.text(max_size=5),
    st.sampled_from(
        [ID, "New", "NEW", "FILLED", "Filled", "Buy", "1800000000000", "0.5", "1E+999999", "NaN"]
    ),
    st.sampled_from(
        ["BTCUSDT", "order", "execution", "executionReport", "TRADE", "spot", "linear"]
    ),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=6)),
    max_leaves=25,
)
DIALECTS: dict[str, tuple[Any, Kind]] = {
    "bybit:demo": (BybitDialect, Kind.SPOT),
    "binance:demo": (BinanceDialect, Kind.SPOT),
    "binanceusdm:demo": (UsdmDialect, Kind.LINEAR),
}


class Babbler:
    """Stands where ccxt's object does: answers with what it is handed, and counts."""

    def __init__(self, says: Callable[[str], Any]) -> None:
        self.says = says
        self.asked: list[str] = []

    async def fetch2(self, path, api, method, params, config):
        self.asked.append(f"{method} {path}")
        assert len(self.asked) < 500, "asks without end"
        return self.says(path)


async def told(name: str, request: Any, says: Callable[[str], Any]) -> tuple[Any, Babbler]:
    make, kind = DIALECTS[name]
    client = Babbler(says)
    async with aiohttp.ClientSession() as session:
        dialect = make(Line(client, profile(name), session), instrument(kind))
        clock = ManualClock(NOW)
        gate = Gate(Limiter((Rule(10**9, 10**6, 10),)), clock.now_ns)
        parts = Parts(profile(name), dialect, session, VenueClock(clock), gate, True)
        gateway = CcxtGateway(parts, Surroundings(clock, generator(1)))
        return await gateway.perform(request), client


ORDER = SendOrder(
    ID,
    Terms(Role("r"), Side.BUY, OrderType.LIMIT, qty=Qty(1), price=Price(50_000)),  # type: ignore[arg-type]
)
EXPECTED = [
    (ORDER, (Acknowledged, InDoubt)),
    (SendCancel(ID, None), (CancelTaken, CancelInDoubt)),
    (SendCancel(ID, VenueOrderId("algo:1")), (CancelTaken, CancelInDoubt)),
    (LookUp(ID, None), (OrderSeen, NotFound, Unanswered)),
    (ListOpen(), (OpenOrders, Unanswered)),
    (ListExecutions(Nanos(NOW - 10**9)), (Executions, Unanswered)),
    (ReadBalances(), (Balances, Unanswered)),
]


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(("request_", "kinds"), EXPECTED, ids=lambda each: type(each).__name__)
@settings(max_examples=25)
@given(st.lists(JSON, min_size=1, max_size=4))
def test_nonsense_is_never_an_exception_and_never_a_no(name, request_, kinds, replies):
    turn = iter(range(10**6))
    report, client = asyncio.run(told(name, request_, lambda _: replies[next(turn) % len(replies)]))
    assert isinstance(report, kinds), report
    if isinstance(request_, SendOrder):
        assert len([each for each in client.asked if each.startswith("POST")]) == 1
    if isinstance(report, Acknowledged):
        assert report.venue_id


@given(JSON, st.sampled_from([Kind.SPOT, Kind.LINEAR]))
def test_a_frame_is_read_or_refused_and_nothing_else(frame, kind):
    market = instrument(kind)
    if not isinstance(frame, dict):
        return
    for read in (
        lambda: list(bybit_rows.private_items(frame, market)),
        lambda: list(bybit_rows.public_items(frame)),
        lambda: list(binance_rows.private_items(frame, market)),
        lambda: list(binance_rows.public_items(frame)),
    ):
        try:
            items = read()
        except BAD_ROW:
            continue
        assert isinstance(items, list)
