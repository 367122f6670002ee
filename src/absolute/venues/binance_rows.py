"""Owns Binance's rows of orders and trades, spot and USD-M, of REST and of streams. Pure.

Sources: Binance spot "User Data Streams", "Query order", "Account trade list"; USD-M
"ORDER_TRADE_UPDATE", "ALGO_UPDATE", "Account Trade List", "Query Algo Order".
"""

from collections.abc import Iterator

from absolute.domain.ids import TradeId, VenueOrderId
from absolute.domain.instrument import Instrument, Side
from absolute.domain.order import PositionSide
from absolute.domain.units import ZERO, Asset, Nanos, Price, Qty
from absolute.engine.reports import Seen
from absolute.venues.market_filters import decimal_of
from absolute.venues.rows import (
    AskAgain,
    Item,
    Row,
    Shown,
    StreamEnd,
    Tick,
    Traded,
    nanos_of,
    not_negative,
    positive,
    side_of,
)

ALGO = "algo:"
"""Stands before the id of a conditional order of USD-M, which lives in a place of its own."""

STATUS = {
    "NEW": Seen.OPEN,
    "PENDING_NEW": Seen.OPEN,
    "PARTIALLY_FILLED": Seen.OPEN,
    "PENDING_CANCEL": Seen.OPEN,
    "FILLED": Seen.FILLED,
    "CANCELED": Seen.CANCELLED,
    "REJECTED": Seen.REJECTED,
    "EXPIRED": Seen.EXPIRED,
    "EXPIRED_IN_MATCH": Seen.EXPIRED,
}
ALGO_STATUS = {
    "NEW": Seen.OPEN,
    "TRIGGERING": Seen.OPEN,
    "TRIGGERED": Seen.OPEN,
    "CANCELED": Seen.CANCELLED,
    "EXPIRED": Seen.EXPIRED,
    "REJECTED": Seen.REJECTED,
}
"""FINISHED is missing on purpose: the order it became says how it ended."""
POSITION = {"LONG": PositionSide.LONG, "SHORT": PositionSide.SHORT}
ENDS = {"eventStreamTerminated", "listenKeyExpired", "serverShutdown"}


def _status(word: str) -> Seen:
    return STATUS.get(word, Seen.UNKNOWN)


def _reason(status: Seen, word: str, reason: object) -> str:
    if status is Seen.UNKNOWN:
        return word
    text = str(reason or "")
    return "" if text in {"NONE", "None"} else text


def shown(row: Row) -> Shown:
    """One order row of REST, spot or USD-M."""
    word = str(row["status"])
    status = _status(word)
    time = row.get("updateTime") or row.get("transactTime") or row.get("time")
    return Shown(
        client_id=str(row.get("origClientOrderId") or row["clientOrderId"]),
        venue_id=VenueOrderId(str(row["orderId"])),
        status=status,
        filled=Qty(not_negative(row["executedQty"])),
        updated=nanos_of(time),
        reason=_reason(status, word, row.get("expiryReason")),
    )


def shown_algo(row: Row) -> Shown:
    """One conditional order row of USD-M that has not become an order yet."""
    word = str(row["algoStatus"])
    status = ALGO_STATUS.get(word, Seen.UNKNOWN)
    return Shown(
        client_id=str(row["clientAlgoId"]),
        venue_id=VenueOrderId(f"{ALGO}{row['algoId']}"),
        status=status,
        filled=Qty(ZERO),
        updated=nanos_of(row["updateTime"]),
        reason=_reason(status, word, ""),
    )


def traded(row: Row, client_id: str) -> Traded:
    """One trade row of REST; the row does not name our id, so it is handed in."""
    buys = row["isBuyer"] if "isBuyer" in row else side_of(row["side"]) is Side.BUY
    return Traded(
        trade_id=TradeId(str(row["id"])),
        venue_id=VenueOrderId(str(row["orderId"])),
        client_id=client_id,
        side=Side.BUY if buys else Side.SELL,
        price=Price(positive(row["price"])),
        qty=Qty(positive(row["qty"])),
        maker=bool(row["isMaker"] if "isMaker" in row else row["maker"]),
        fee=decimal_of(row.get("commission")),
        fee_asset=Asset(str(row["commissionAsset"])),
        time=nanos_of(row["time"]),
        position_side=POSITION.get(str(row.get("positionSide")), PositionSide.NET),
    )


def private_items(frame: Row, instrument: Instrument) -> Iterator[Item]:
    """What a frame of a user stream says of one market, spot or USD-M, wrapped or bare."""
    event = frame.get("event") or frame.get("data") or frame
    kind = str(event.get("e", ""))
    if kind in ENDS:
        yield StreamEnd(kind)
    elif kind == "executionReport" and event["s"] == instrument.id:
        yield from _order_event(event, nanos_of(event["T"]))
    elif kind == "ORDER_TRADE_UPDATE" and event["o"]["s"] == instrument.id:
        yield from _order_event(event["o"], nanos_of(event["T"]))
    elif kind == "ALGO_UPDATE" and event["o"]["s"] == instrument.id:
        yield _algo_event(event)
    elif kind == "CONDITIONAL_ORDER_TRIGGER_REJECT":
        yield AskAgain("")


def _order_event(row: Row, updated: Nanos) -> Iterator[Item]:
    """The trade first, then how the order stands after it."""
    original = str(row.get("C") or "")
    client_id = original if original not in {"", "null"} else str(row["c"])
    if row["x"] == "TRADE":
        yield Traded(
            trade_id=TradeId(str(row["t"])),
            venue_id=VenueOrderId(str(row["i"])),
            client_id=client_id,
            side=side_of(row["S"]),
            price=Price(positive(row["L"])),
            qty=Qty(positive(row["l"])),
            maker=bool(row["m"]),
            fee=decimal_of(row.get("n")),
            fee_asset=Asset(str(row.get("N") or "")),
            time=nanos_of(row["T"]),
            position_side=POSITION.get(str(row.get("ps")), PositionSide.NET),
        )
    word = str(row["X"])
    status = _status(word)
    yield Shown(
        client_id=client_id,
        venue_id=VenueOrderId(str(row["i"])),
        status=status,
        filled=Qty(not_negative(row["z"])),
        updated=updated,
        reason=_reason(status, word, row.get("er") if row.get("er") != "0" else row.get("r")),
    )


def _algo_event(event: Row) -> Item:
    row = event["o"]
    status = ALGO_STATUS.get(str(row["X"]))
    if status is None or str(row.get("ai") or "") not in {"", "0"}:
        return AskAgain(str(row["caid"]))
    return Shown(
        client_id=str(row["caid"]),
        venue_id=VenueOrderId(f"{ALGO}{row['aid']}"),
        status=status,
        filled=Qty(ZERO),
        updated=nanos_of(event["T"]),
        reason=str(row.get("rm") or ""),
    )


def public_items(frame: Row) -> Iterator[Item]:
    """What a frame of a trade stream says."""
    event = frame.get("data") or frame
    if event.get("e") == "trade" and event.get("X", "MARKET") == "MARKET":
        yield Tick(Price(positive(event["p"])), nanos_of(event["T"]))
