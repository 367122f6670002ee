"""Owns Bybit's private topics: order, execution, wallet and position, whole or by category.

docs/v5/websocket/private. What happened to one order at one instant is told once, as it ended up;
every execution is told. It must not know the protocol's operations.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from absolute.domain.units import NANOS_PER_MS, Nanos, plain
from absolute.simex.bybit_account import guards_of, wallet
from absolute.simex.bybit_calls import Json
from absolute.simex.bybit_orders import wire_execution, wire_order, wire_position
from absolute.simex.bybit_worlds import World
from absolute.simex.exchange import account_of
from absolute.simex.face import BoxKey
from absolute.simex.facts import BalanceChanged, Executed, Fact, OrderChanged, PositionChanged
from absolute.simex.listing import Market
from absolute.simex.orders import AccountId, BoxOrder, OrderNumber
from absolute.wire.bybit_rows import (
    SIDES,
    stream_execution_written,
    stream_order_written,
    stream_position_written,
)

CATEGORIES: Final = ("spot", "linear", "inverse", "option")
TOPICS: Final = frozenset(
    {"order", "execution", "execution.fast", "position", "wallet"}
    | {f"{topic}.{category}" for topic in ("order", "execution") for category in CATEGORIES}
    | {f"execution.fast.{category}" for category in CATEGORIES}
    | {f"position.{category}" for category in CATEGORIES[1:]}
)


def frames(world: World, key: BoxKey, facts: Sequence[Fact], *, now: Nanos) -> "Told":
    """What one account is told, ready to be picked by topic."""
    return Told(world, account_of(key), facts, now)


class Told:
    """The rows of one instant for one account, by topic and category."""

    def __init__(self, world: World, account: AccountId, facts: Sequence[Fact], now: Nanos) -> None:
        self._world = world
        self._account = account
        self._now_ms = now // NANOS_PER_MS
        self._orders: dict[OrderNumber, BoxOrder] = {}
        self._executed: list[Executed] = []
        self._positions: dict[Market, PositionChanged] = {}
        self._wallet = False
        for fact in facts:
            self._take(fact)

    def frames(self, topics: Mapping[str, None]) -> Iterator[Json]:
        """The frames of the topics that a socket has, orders first."""
        rows: dict[str, Callable[[], list[Json]]] = {
            "order": self._order_rows,
            "execution.fast": self._fast_rows,
            "execution": self._execution_rows,
            "position": self._position_rows,
        }
        for topic in sorted(topics, key=lambda name: list(rows).index(_kind(name))):
            kind = _kind(topic)
            category = topic.removeprefix(kind).removeprefix(".")
            if topic == "wallet":
                if self._wallet:
                    yield self._frame(topic, [wallet(self._world, self._account, set())])
                continue
            told = [row for row in rows[kind]() if category in {"", row["category"]}]
            if told:
                yield self._frame(topic, told)

    def _take(self, fact: Fact) -> None:
        match fact:
            case OrderChanged(order=order) if order.account == self._account:
                self._orders.pop(order.number, None)
                self._orders[order.number] = order
            case Executed(order=order) if order.account == self._account:
                self._executed.append(fact)
            case PositionChanged(account=account) if account == self._account:
                self._positions[fact.position.market] = fact
            case BalanceChanged(account=account) if account == self._account:
                self._wallet = True
            case _:
                pass

    def _order_rows(self) -> list[Json]:
        return [stream_order_written(wire_order(self._world, row)) for row in self._orders.values()]

    def _execution_rows(self) -> list[Json]:
        return [
            stream_execution_written(wire_execution(self._world, fact.execution, fact.order))
            for fact in self._executed
        ]

    def _fast_rows(self) -> list[Json]:
        rows: list[Json] = []
        for fact in self._executed:
            wire = wire_execution(self._world, fact.execution, fact.order)
            rows.append(
                {
                    "category": wire.category,
                    "symbol": wire.symbol,
                    "execId": wire.execution_id,
                    "execPrice": plain(wire.price),
                    "execQty": plain(wire.qty),
                    "orderId": wire.order_id,
                    "isMaker": wire.maker,
                    "orderLinkId": wire.link_id,
                    "side": SIDES[wire.side],
                    "execTime": str(wire.time_ms),
                    "seq": wire.sequence,
                }
            )
        return rows

    def _position_rows(self) -> list[Json]:
        rows: list[Json] = []
        for market, fact in self._positions.items():
            guards = guards_of(self._world, self._account, market)
            rows.append(stream_position_written(wire_position(fact.position, guards)))
        return rows

    def _frame(self, topic: str, data: list[Json]) -> Json:
        name = f"{self._account}_{topic}_{self._now_ms}"
        told = {"topic": topic, "creationTime": self._now_ms, "data": data}
        return told if topic.startswith("execution.fast") else {"id": name, **told}


def _kind(topic: str) -> str:
    """The topic without its category; the wallet is told after orders and executions."""
    if topic == "wallet":
        return "position"
    if topic.startswith("execution.fast"):
        return "execution.fast"
    return topic.split(".")[0]
