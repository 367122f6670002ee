"""Owns the spot user stream: facts of the exchange in Binance's events, in the venue's order.

Source: user-data-stream.md. Each order is told NEW once, then its trades, then its end; balances
follow once per batch, as `outboundAccountPosition`. It must not know sockets.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any, Final, NamedTuple

from absolute.domain.fill import Liquidity
from absolute.domain.units import NANOS_PER_MS, ZERO, Asset, Nanos, plain
from absolute.simex.binance_spot_orders import status_of
from absolute.simex.facts import BalanceChanged, Executed, Fact, OrderChanged
from absolute.simex.orders import (
    AccountId,
    BoxOrder,
    BoxStatus,
    EndCause,
    Execution,
    OrderNumber,
)
from absolute.wire.binance_spot_rows import (
    ExecutionReport,
    SpotBalanceRow,
    account_position_json,
    execution_report_json,
)

Row = dict[str, Any]
ENDED: Final = {
    EndCause.USER: "CANCELED",
    EndCause.SELF_TRADE: "TRADE_PREVENTION",
}
"""Execution types of an end; every other cause is EXPIRED."""


class Told(NamedTuple):
    """One event for whoever follows an account."""

    account: AccountId
    event: Row


class SpotEvents:
    """Turns batches of facts into events; remembers which orders were told of."""

    def __init__(self, cancel_ids: Mapping[OrderNumber, str]) -> None:
        self._cancel_ids = cancel_ids
        self._seen: dict[OrderNumber, BoxOrder] = {}
        self._numbers = count(1)

    def told(self, facts: Iterable[Fact], now: Nanos) -> list[Told]:
        """The events of one batch."""
        batch = finals_in_place(facts)
        events: list[Told] = []
        balances: dict[AccountId, dict[Asset, BalanceChanged]] = {}
        traded = {each.order.account for each in batch if isinstance(each, Executed)}
        for fact in batch:
            match fact:
                case OrderChanged(order=order):
                    events += self._changed(order, now)
                case Executed(execution=execution, order=order):
                    events.append(self._executed(execution, order, now))
                case BalanceChanged(account=account, asset=asset):
                    if fact.change and account not in traded:  # only a deposit moves money then
                        events.append(Told(account, _deposited(fact, now)))
                    balances.setdefault(account, {})[asset] = fact
                case _:
                    pass
        for account, changed in balances.items():
            rows = tuple(
                SpotBalanceRow(each.asset, each.total - each.held, each.held)
                for each in changed.values()
            )
            now_ms = now // NANOS_PER_MS
            event = account_position_json(rows, event_time=now_ms, update_time=now_ms)
            events.append(Told(account, event))
        return events

    def _changed(self, order: BoxOrder, now: Nanos) -> list[Told]:
        before = self._seen.get(order.number)
        self._seen[order.number] = order
        if not order.status.alive:
            if order.status is BoxStatus.FILLED:
                return []
            return [self._ended(order, now)]
        if before is None:
            return [self._report(order, "NEW", now)]
        if order.awake and not before.awake:
            return [self._report(order, "NEW", now)]
        if order.ask != before.ask:
            return [self._report(order, "REPLACED", now)]
        return []

    def _ended(self, order: BoxOrder, now: Nanos) -> Told:
        execution = ENDED.get(order.end or EndCause.USER, "EXPIRED")
        told = self._report(order, execution, now)
        cancel_id = self._cancel_ids.get(order.number)
        if execution == "CANCELED" and cancel_id is not None:
            told.event["C"] = order.ask.client_id
            told.event["c"] = cancel_id
        return told

    def _executed(self, execution: Execution, order: BoxOrder, now: Nanos) -> Told:
        self._seen[order.number] = order
        report = replace(
            self._plain(order, "TRADE", now),
            last_qty=execution.qty,
            last_price=execution.price,
            last_paid=execution.value,
            commission=execution.fee.amount,
            commission_asset=execution.fee.asset,
            trade_id=execution.trade,
            maker=execution.liquidity is Liquidity.MAKER,
            transaction_time=execution.time // NANOS_PER_MS,
        )
        return Told(order.account, execution_report_json(report))

    def _report(self, order: BoxOrder, execution: str, now: Nanos) -> Told:
        return Told(order.account, execution_report_json(self._plain(order, execution, now)))

    def _plain(self, order: BoxOrder, execution: str, now: Nanos) -> ExecutionReport:
        """An order as it stands, nothing traded."""
        ask = order.ask
        status, reason = status_of(order)
        waiting = order.status is BoxStatus.WAITING
        working = order.updated if order.awake else order.created
        return ExecutionReport(
            event_time=now // NANOS_PER_MS,
            symbol=ask.market.symbol,
            client_order_id=ask.client_id,
            side=ask.side.name,
            type=ask.notes["type"],
            time_in_force=ask.notes["timeInForce"],
            qty=ask.qty if ask.qty is not None else order.filled,
            price=ask.price or ZERO,
            execution=execution,
            status=status,
            order_id=order.number,
            transaction_time=order.updated // NANOS_PER_MS,
            execution_id=next(self._numbers),
            order_time=order.created // NANOS_PER_MS,
            stop_price=ask.trigger.price if ask.trigger is not None else ZERO,
            filled=order.filled,
            on_book=order.status in {BoxStatus.OPEN, BoxStatus.PARTLY_FILLED},
            paid=order.value,
            quote_order_qty=ask.spend or ZERO,
            working_time=None if waiting else working // NANOS_PER_MS,
            self_trade_prevention=ask.notes["selfTrade"],
            expiry_reason=reason,
        )


def finals_in_place(facts: Iterable[Fact]) -> list[Fact]:
    """A batch in which the last fill of an order that is filled says so.

    The core tells of a market buy by value that it is filled after its last fill; Binance's last
    TRADE says it already.
    """
    batch = list(facts)
    filled = {
        each.order.number: each.order
        for each in batch
        if isinstance(each, OrderChanged) and each.order.status is BoxStatus.FILLED
    }
    for place in range(len(batch) - 1, -1, -1):
        fact = batch[place]
        if isinstance(fact, Executed) and fact.order.number in filled:
            order = filled.pop(fact.order.number)
            batch[place] = replace(fact, order=order)
    return batch


def _deposited(fact: BalanceChanged, now: Nanos) -> Row:
    return {
        "e": "balanceUpdate",
        "E": now // NANOS_PER_MS,
        "a": fact.asset,
        "d": plain(fact.change),
        "T": fact.time // NANOS_PER_MS,
    }
