"""Owns the reports of the storm: what the exchange knows, said as the core hears it."""

from absolute.desk.storm_venue import Trade, VenueOrder
from absolute.domain.fill import Fee, Fill, Liquidity
from absolute.domain.ids import ClientOrderId, TradeId, VenueOrderId
from absolute.domain.instrument import Side
from absolute.domain.units import Asset, Nanos, Price, Qty, Quote
from absolute.engine.reports import ExecutionSeen, OrderSeen, Seen


def order_seen(
    order: VenueOrder, state: "tuple[int, str, object] | None", *, now: Nanos, asked_at: Nanos
) -> OrderSeen:
    """One order as a report."""
    assert state is not None
    updated, word, filled = state
    return OrderSeen(
        now,
        asked_at,
        ClientOrderId(order.client_id),
        VenueOrderId(order.venue_id),
        Seen(word),
        Qty(filled),  # type: ignore[arg-type]
        Nanos(updated),
        "" if word in {"open", "filled"} else f"venue says {word}",
    )


def execution_seen(trade: Trade, now: Nanos, *, fee_told: bool = True) -> ExecutionSeen:
    """One execution as a report."""
    value = trade.fee * trade.price if trade.fee_asset == "COIN" else trade.fee
    fee = Fee(trade.fee, Asset(trade.fee_asset), Quote(value)) if fee_told else None
    fill = Fill(
        TradeId(trade.id),
        ClientOrderId(trade.client_id),
        Side.BUY if trade.buys else Side.SELL,
        Price(trade.price),
        Qty(trade.qty),
        Liquidity.MAKER if trade.maker else Liquidity.TAKER,
        fee,
        Nanos(trade.time),
    )
    return ExecutionSeen(now, fill)
