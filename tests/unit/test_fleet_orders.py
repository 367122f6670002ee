"""One wish is one order: whatever is lost, retried, sent elsewhere, cancelled or restarted.

A scripted exchange does what each line of its script says and counts what it was sent.
"""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal

import aiohttp
import pytest

from absolute.domain.errors import UserError
from absolute.domain.units import NANOS_PER_SECOND, Nanos
from absolute.venues.fleet_errors import (
    ExchangeConnectionError,
    ExchangeError,
    ExchangeNotSent,
    ExchangeOrderRejected,
    ExchangeOrderUnknown,
    ExchangeRateLimitError,
)
from absolute.venues.fleet_exchange import Absent, AbstractExchange, Found, Undecided
from absolute.venues.fleet_orders import (
    SAME_ORDER_NS,
    Candidate,
    MemoryOrderLog,
    OrderPlacing,
    Surroundings,
)
from absolute.venues.fleet_terms import OrderRequest, OrderResult, moment


@dataclass
class Ticking:
    """A clock that is moved by hand."""

    now: Nanos = Nanos(1_000 * NANOS_PER_SECOND)

    def now_ns(self) -> Nanos:
        return self.now


@dataclass
class Scripted(AbstractExchange):
    """Does with each order what its script says: an error to raise, or None to fill it.

    `lost`: the orders it took without saying so. `answers` are given to look-ups, in order; then
    it tells the truth.
    """

    script: list[BaseException | None] = field(default_factory=list)
    takes: bool = True
    answers: list[object] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    known: dict[str, OrderResult] = field(default_factory=dict)
    asked: int = 0

    async def place_order(self, order_request: OrderRequest) -> OrderResult:
        client_id = order_request.client_id
        assert client_id
        self.sent.append(client_id)
        step = self.script.pop(0) if self.script else None
        result = OrderResult("1", "filled", 1.0, 0.0, 5.0, {}, moment(Nanos(0)))
        if step is None or (self.takes and not getattr(step, "no_order", False)):
            self.known[client_id] = result
        if step is not None:
            raise step
        return result

    async def find_order(self, sent):
        self.asked += 1
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, BaseException):
                raise answer
            return answer
        known = self.known.get(sent.client_id)
        return Absent("not there") if known is None else Found(known)


class Desk:
    """A placing over named scripted exchanges, with a log that survives it."""

    def __init__(self, log: MemoryOrderLog | None = None, **exchanges: Scripted) -> None:
        self.exchanges = exchanges
        self.log = log or MemoryOrderLog()
        self.clock = Ticking()
        ids = iter(range(1, 1000))
        around = Surroundings(self.clock, lambda: f"id{next(ids)}", self.log, pauses=(0.0, 0.0))
        self.placing = OrderPlacing(around, self._named)

    async def _named(self, name: str) -> AbstractExchange:
        return self.exchanges[name]

    async def place(self, request: OrderRequest, *names: str) -> OrderResult:
        async def choose(order):
            return [
                Candidate(name, self.exchanges[name], f"chosen {name}", _free) for name in names
            ]

        return await self.placing.place(request, choose)

    def orders(self) -> int:
        """How many orders stand at all exchanges together."""
        return sum(len(each.known) for each in self.exchanges.values())


async def _free(order) -> None:
    del order


def wish(amount: float = 1.0) -> OrderRequest:
    return OrderRequest("BTC-USD", "buy", amount, "market")


LOST = ExchangeConnectionError("the reply was lost")
ASLEEP = Undecided("no answer")


def test_a_lost_reply_is_looked_up_and_the_order_found_is_the_answer():
    desk = Desk(a=Scripted([LOST]))
    result = asyncio.run(desk.place(wish(), "a"))
    assert (result.exchange, result.client_id, desk.orders()) == ("a", "id1", 1)
    assert "found by its client id" in result.reason
    assert not desk.placing.in_doubt()


def test_an_order_nobody_can_be_asked_about_is_unknown_and_says_what_to_do():
    desk = Desk(a=Scripted([LOST], answers=[ASLEEP] * 2))
    with pytest.raises(ExchangeOrderUnknown, match="Call place_order again") as unknown:
        asyncio.run(desk.place(wish(), "a"))
    assert (unknown.value.client_id, unknown.value.exchange) == ("id1", "a")
    assert [each.client_id for each in desk.placing.in_doubt()] == ["id1"]


@pytest.mark.parametrize("again", ["the same object", "an equal one", "another spelling"])
def test_a_retry_of_an_order_in_doubt_is_answered_with_the_first(again):
    desk = Desk(a=Scripted([LOST], answers=[ASLEEP] * 2))
    request = wish()

    async def story():
        with pytest.raises(ExchangeOrderUnknown):
            await desk.place(request, "a")
        other = wish()
        if again == "another spelling":
            other = OrderRequest("btc/usd", "BUY", 1.0, "Market", time_in_force="gtc")
        return await desk.place(request if again == "the same object" else other, "a")

    result = asyncio.run(story())
    assert (result.client_id, desk.orders(), len(desk.exchanges["a"].sent)) == ("id1", 1, 1)


def test_a_retry_at_another_exchange_is_answered_with_the_first_too():
    desk = Desk(a=Scripted([LOST], answers=[ASLEEP] * 2), b=Scripted())
    request = wish()

    async def story():
        with pytest.raises(ExchangeOrderUnknown):
            await desk.place(request, "a")
        return await desk.place(request, "b")

    assert asyncio.run(story()).exchange == "a"
    assert (desk.exchanges["b"].sent, desk.orders()) == ([], 1)


def test_nothing_is_sent_in_a_pair_while_one_of_its_orders_is_in_doubt():
    desk = Desk(a=Scripted([LOST], answers=[ASLEEP] * 4), b=Scripted())

    async def story():
        with pytest.raises(ExchangeOrderUnknown):
            await desk.place(wish(), "a")
        with pytest.raises(ExchangeOrderUnknown):
            await desk.place(wish(2.0), "b")
        other = OrderRequest("ETH-USD", "buy", 1.0, "market")
        return await desk.place(other, "b")

    assert asyncio.run(story()).exchange == "b"
    assert len(desk.exchanges["b"].sent) == 1


def test_an_equal_wish_long_after_is_a_new_one():
    desk = Desk(a=Scripted([LOST], answers=[ASLEEP] * 2))

    async def story():
        with pytest.raises(ExchangeOrderUnknown):
            await desk.place(wish(), "a")
        desk.clock.now = Nanos(desk.clock.now + SAME_ORDER_NS)
        return await desk.place(wish(), "a")

    assert asyncio.run(story()).client_id == "id2"
    assert desk.orders() == 2


def test_an_order_proved_absent_goes_out_again_under_the_same_id():
    desk = Desk(a=Scripted([LOST], takes=False, answers=[ASLEEP] * 2))
    request = wish()

    async def story():
        with pytest.raises(ExchangeOrderUnknown):
            await desk.place(request, "a")
        return await desk.place(request, "a")

    assert asyncio.run(story()).client_id == "id1"
    assert (desk.exchanges["a"].sent, desk.orders()) == (["id1", "id1"], 1)


@pytest.mark.parametrize(
    "proof", [ExchangeOrderRejected("no funds"), ExchangeNotSent("no way there")]
)
def test_with_proof_the_next_exchange_is_tried(proof):
    desk = Desk(a=Scripted([proof]), b=Scripted())
    assert asyncio.run(desk.place(wish(), "a", "b")).exchange == "b"
    assert desk.orders() == 1


@pytest.mark.parametrize(
    "doubt",
    [LOST, TimeoutError(), ExchangeRateLimitError("429"), RuntimeError("a bug"), ValueError("x")],
    ids=repr,
)
def test_without_proof_no_other_exchange_is_tried(doubt):
    desk = Desk(a=Scripted([doubt], answers=[ASLEEP] * 2), b=Scripted())
    with pytest.raises(ExchangeOrderUnknown):
        asyncio.run(desk.place(wish(), "a", "b"))
    assert desk.exchanges["b"].sent == []


def test_a_connection_that_never_came_to_be_is_proof():
    key = aiohttp.client_reqrep.ConnectionKey("h", 1, True, True, None, None, None)
    refused = aiohttp.ClientConnectorError(key, OSError(111, "refused"))
    desk = Desk(a=Scripted([refused], takes=False), b=Scripted())
    assert asyncio.run(desk.place(wish(), "a", "b")).exchange == "b"
    assert desk.exchanges["a"].asked == 0


def test_a_second_call_after_success_is_a_second_wish():
    desk = Desk(a=Scripted())
    request = wish()

    async def story():
        first = await desk.place(request, "a")
        return first, await desk.place(request, "a")

    first, second = asyncio.run(story())
    assert (first.client_id, second.client_id, desk.orders()) == ("id1", "id2", 2)


def test_an_id_of_the_users_own_is_one_order_for_ever():
    desk = Desk(a=Scripted())

    async def story():
        first = await desk.place(
            OrderRequest("BTC-USD", "buy", 1.0, "market", client_id="mine"), "a"
        )
        again = OrderRequest("BTC-USD", "buy", 1.0, "market", client_id="mine")
        return first, await desk.place(again, "a")

    first, second = asyncio.run(story())
    assert first == second
    assert desk.exchanges["a"].sent == ["mine"]


def test_a_cancelled_call_leaves_its_order_in_doubt_not_forgotten():
    desk = Desk(a=Scripted())
    gate = asyncio.Event()

    async def slow(order_request):
        desk.exchanges["a"].known[order_request.client_id] = OrderResult(
            "1", "filled", 1.0, 0.0, 5.0, {}, moment(Nanos(0))
        )
        await gate.wait()

    desk.exchanges["a"].place_order = slow  # type: ignore[method-assign]
    request = wish()

    async def story():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(desk.place(request, "a"), 0.01)
        return await desk.place(request, "a")

    assert asyncio.run(story()).client_id == "id1"
    assert desk.orders() == 1


def test_after_a_restart_the_order_in_doubt_is_asked_for_first():
    before = Desk(a=Scripted([LOST], answers=[ASLEEP] * 2))
    with pytest.raises(ExchangeOrderUnknown):
        asyncio.run(before.place(wish(), "a"))
    after = Desk(before.log, a=before.exchanges["a"])
    result = asyncio.run(after.place(wish(), "a"))
    assert (result.client_id, after.orders()) == ("id1", 1)
    assert before.log.unsettled() == []


def test_a_person_may_settle_what_nobody_else_can():
    desk = Desk(a=Scripted([LOST], answers=[ASLEEP] * 9))

    async def story():
        with pytest.raises(ExchangeOrderUnknown):
            await desk.place(wish(), "a")
        desk.placing.settle_by_hand("id1", "it never arrived")
        return await desk.place(wish(), "a")

    assert asyncio.run(story()).client_id == "id2"
    with pytest.raises(UserError, match="no order id1 is in doubt"):
        desk.placing.settle_by_hand("id1", "again")


def test_one_after_another_even_when_asked_at_once():
    desk = Desk(a=Scripted([LOST], answers=[ASLEEP] * 2))
    request = wish()

    async def story():
        return await asyncio.gather(
            desk.place(request, "a"), desk.place(request, "a"), return_exceptions=True
        )

    first, second = asyncio.run(story())
    assert isinstance(first, ExchangeOrderUnknown)
    assert isinstance(second, OrderResult)
    assert (second.client_id, desk.orders()) == ("id1", 1)


def test_all_that_refuse_are_named():
    desk = Desk(
        a=Scripted([ExchangeOrderRejected("a says no")]),
        b=Scripted([ExchangeOrderRejected("b says no")]),
    )
    with pytest.raises(ExchangeError, match="a says no; b says no") as refused:
        asyncio.run(desk.place(wish(), "a", "b"))
    assert refused.value.no_order


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (OrderRequest("BTC-USD", "hold", 1.0, "market"), "side is 'hold'"),
        (OrderRequest("BTC-USD", "buy", -1.0, "market"), "must be above zero"),
        (OrderRequest("BTC-USD", "buy", float("nan"), "market"), "no number"),
        (OrderRequest("BTC-USD", "buy", 1.0, "iceberg"), "order_type is 'iceberg'"),
        (OrderRequest("BTC-USD", "buy", 1.0, "limit"), "needs a price"),
        (OrderRequest("BTC-USD", "sell", 1.0, "stop_limit", 5.0), "needs a stop_price"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything(request_, said):
    desk = Desk(a=Scripted())
    with pytest.raises(UserError, match=said):
        asyncio.run(desk.place(request_, "a"))
    assert desk.exchanges["a"].sent == []


def test_a_float_becomes_the_decimal_it_reads_as():
    seen = []

    async def choose(order):
        seen.append(order)
        return []

    desk = Desk(a=Scripted())
    request = OrderRequest("BTC-USD", "buy", 0.1 + 0.2, "limit", 0.3)
    with pytest.raises(ExchangeError):
        asyncio.run(desk.placing.place(request, choose))
    assert seen[0].amount == Decimal("0.30000000000000004")
    assert seen[0].price == Decimal("0.3")
