"""Owns the USD-M user stream: facts of the exchange in Binance's events, in the venue's order.

A conditional order is told by ALGO_UPDATE until it wakes and by ORDER_TRADE_UPDATE from then on;
what it did to the wallet follows once per batch as ACCOUNT_UPDATE. It must not know sockets.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from absolute.domain.fill import Liquidity
from absolute.domain.units import NANOS_PER_MS, ZERO, Asset, Nanos
from absolute.simex.binance_spot_events import Told, finals_in_place
from absolute.simex.binance_usdm_orders import (
    ALGO_IDS_FROM,
    algo_status,
    average_of,
    is_algo,
    plain_type,
    status_of,
)
from absolute.simex.facts import (
    BalanceChanged,
    Executed,
    Fact,
    OrderChanged,
    PositionChanged,
    PositionView,
)
from absolute.simex.listing import Category, Market
from absolute.simex.orders import (
    AccountId,
    BoxOrder,
    BoxStatus,
    EndCause,
    Execution,
    OrderNumber,
)
from absolute.wire.binance_usdm_account_rows import (
    AccountUpdate,
    PositionChange,
    WalletChange,
    account_update_json,
)
from absolute.wire.binance_usdm_rows import (
    AlgoUpdate,
    OrderTradeUpdate,
    algo_update_json,
    order_trade_update_json,
)

Row = dict[str, Any]
REASONS: Final = {
    EndCause.TRIGGER_FUNDS: "Margin is insufficient",
    EndCause.REDUCE_ONLY: "ReduceOnly reject",
}
"""`rm` of a conditional order that could not be placed (texts: assumption)."""


class UsdmEvents:
    """Turns batches of facts into events; remembers which orders were told of."""

    def __init__(self, rejected: set[OrderNumber]) -> None:
        self._rejected = rejected
        self._seen: dict[OrderNumber, BoxOrder] = {}

    def told(self, facts: Iterable[Fact], now: Nanos) -> list[Told]:
        """The events of one batch."""
        batch = finals_in_place(facts)
        traded = {each.order.account for each in batch if isinstance(each, Executed)}
        events: list[Told] = []
        wallets: dict[AccountId, dict[Asset, BalanceChanged]] = {}
        positions: dict[AccountId, dict[Market, PositionView]] = {}
        for fact in batch:
            match fact:
                case OrderChanged(order=order):
                    events += self._changed(order, now)
                case Executed(execution=execution, order=order):
                    events.append(self._executed(execution, order, now))
                case BalanceChanged(account=account, asset=asset):
                    if fact.change:
                        wallets.setdefault(account, {})[asset] = fact
                case PositionChanged(account=account, position=view):
                    if account in traded:
                        positions.setdefault(account, {})[view.market] = view
                    else:
                        events.append(Told(account, _configured(view, now)))
                case _:
                    pass
        for account in dict.fromkeys([*wallets, *positions]):
            reason = "ORDER" if account in traded else "DEPOSIT"
            changed = (wallets.get(account, {}), positions.get(account, {}))
            events.append(Told(account, _account_event(reason, changed, now)))
        return events

    def _changed(self, order: BoxOrder, now: Nanos) -> list[Told]:
        if order.ask.market.category is not Category.LINEAR or order.number in self._rejected:
            return []
        before = self._seen.get(order.number)
        self._seen[order.number] = order
        if is_algo(order) and not order.awake:
            return [_algo_told(order, now)]
        if order.status is BoxStatus.FILLED:
            return [_algo_told(order, now)] if is_algo(order) else []
        if not order.status.alive:
            execution = "CANCELED" if order.end in {None, EndCause.USER} else "EXPIRED"
            ended = [self._report(order, execution, now)]
            return [*ended, _algo_told(order, now)] if is_algo(order) else ended
        if order.awake and (before is None or not before.awake):
            return [_algo_told(order, now), self._report(order, "NEW", now)]
        if before is None:
            return [self._report(order, "NEW", now)]
        if order.ask != before.ask:
            return [self._report(order, "AMENDMENT", now)]
        return []

    def _executed(self, execution: Execution, order: BoxOrder, now: Nanos) -> Told:
        self._seen[order.number] = order
        update = replace(
            _plain(order, "TRADE", now),
            last_qty=execution.qty,
            last_price=execution.price,
            commission_asset=execution.fee.asset,
            commission=execution.fee.amount,
            trade_time=execution.time // NANOS_PER_MS,
            trade_id=execution.trade,
            maker=execution.liquidity is Liquidity.MAKER,
            realized_profit=execution.realised,
        )
        return Told(order.account, order_trade_update_json(update))

    @staticmethod
    def _report(order: BoxOrder, execution: str, now: Nanos) -> Told:
        return Told(order.account, order_trade_update_json(_plain(order, execution, now)))


def _plain(order: BoxOrder, execution: str, now: Nanos) -> OrderTradeUpdate:
    """An order as it stands, nothing traded."""
    ask, notes = order.ask, order.ask.notes
    return OrderTradeUpdate(
        event_time=now // NANOS_PER_MS,
        transaction_time=order.updated // NANOS_PER_MS,
        symbol=ask.market.symbol,
        client_order_id=ask.client_id,
        side=ask.side.name,
        type=plain_type(order),
        time_in_force=notes["timeInForce"],
        qty=ask.qty or ZERO,
        price=ask.price or ZERO,
        execution=execution,
        status=status_of(order),
        order_id=order.number,
        trade_time=order.updated // NANOS_PER_MS,
        orig_type=notes["type"],
        average_price=average_of(order),
        stop_price=ask.trigger.price if ask.trigger is not None else ZERO,
        filled=order.filled,
        reduce_only=ask.reduce_only,
        close_position=notes.get("closePosition") == "true",
        self_trade_prevention=notes["selfTrade"],
        working_type=notes["workingType"],
        price_protect=notes["priceProtect"] == "true",
    )


def _algo_told(order: BoxOrder, now: Nanos) -> Told:
    ask, notes = order.ask, order.ask.notes
    update = AlgoUpdate(
        event_time=now // NANOS_PER_MS,
        transaction_time=order.updated // NANOS_PER_MS,
        client_algo_id=ask.client_id,
        algo_id=ALGO_IDS_FROM + order.number,
        order_type=notes["type"],
        symbol=ask.market.symbol,
        side=ask.side.name,
        time_in_force=notes["timeInForce"],
        quantity=ZERO if notes["closePosition"] == "true" else (ask.qty or ZERO),
        status=algo_status(order),
        trigger_price=ask.trigger.price if ask.trigger is not None else ZERO,
        price=ask.price or ZERO,
        actual_order_id=str(order.number) if order.awake else "",
        average_price=average_of(order),
        executed_qty=order.filled,
        actual_type=plain_type(order) if order.awake else "0",
        self_trade_prevention=notes["selfTrade"],
        working_type=notes["workingType"],
        price_protect=notes["priceProtect"] == "true",
        close_position=notes["closePosition"] == "true",
        reduce_only=ask.reduce_only,
        trigger_time=order.updated // NANOS_PER_MS if order.awake else 0,
        reason=REASONS.get(order.end or EndCause.USER, ""),
    )
    return Told(order.account, algo_update_json(update))


def _account_event(
    reason: str,
    changed: tuple[dict[Asset, BalanceChanged], dict[Market, PositionView]],
    now: Nanos,
) -> Row:
    """ACCOUNT_UPDATE; `bc` is what moved apart from profit and commission."""
    wallets, positions = changed
    now_ms = now // NANOS_PER_MS
    update = AccountUpdate(
        event_time=now_ms,
        transaction_time=now_ms,
        reason=reason,
        wallets=tuple(
            WalletChange(
                asset, each.total, each.total, each.change if reason == "DEPOSIT" else ZERO
            )
            for asset, each in wallets.items()
        ),
        positions=tuple(
            PositionChange(
                symbol=view.market.symbol,
                amount=view.qty,
                entry_price=round(view.entry, 8) if view.entry is not None else ZERO,
                position_side="BOTH",
                margin_type="cross",
                unrealized_profit=view.unrealised,
                break_even_price=round(view.entry, 8) if view.entry is not None else ZERO,
                accumulated=view.realised,
            )
            for view in positions.values()
        ),
    )
    return account_update_json(update)


def _configured(view: PositionView, now: Nanos) -> Row:
    """ACCOUNT_CONFIG_UPDATE: a new leverage."""
    return {
        "e": "ACCOUNT_CONFIG_UPDATE",
        "E": now // NANOS_PER_MS,
        "T": now // NANOS_PER_MS,
        "ac": {"s": view.market.symbol, "l": int(view.leverage)},
    }
