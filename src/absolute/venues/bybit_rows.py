"""Owns Bybit V5's rows of orders and executions, of REST and of streams, in our words. Pure.

Sources: Bybit V5 "Get Open & Closed Orders", "Get Trade History", private topics order and
execution, enum orderStatus and spot fee currency.
"""

from collections.abc import Iterator
from decimal import Decimal

from absolute.domain.ids import TradeId, VenueOrderId
from absolute.domain.instrument import Instrument, Side
from absolute.domain.units import ZERO, Asset, Price, Qty
from absolute.engine.reports import Seen
from absolute.venues.market_filters import amount_of, decimal_of
from absolute.venues.rows import (
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

STATUS = {
    "Created": Seen.OPEN,
    "New": Seen.OPEN,
    "PartiallyFilled": Seen.OPEN,
    "Untriggered": Seen.OPEN,
    "Triggered": Seen.OPEN,
    "Filled": Seen.FILLED,
    "Cancelled": Seen.CANCELLED,
    "PartiallyFilledCanceled": Seen.CANCELLED,
    "Deactivated": Seen.CANCELLED,
    "Rejected": Seen.REJECTED,
}
NO_REASON = {"EC_NoError", "", "None"}


def shown(row: Row) -> Shown:
    """One order row."""
    word = str(row["orderStatus"])
    status = STATUS.get(word, Seen.UNKNOWN)
    if word == "PartiallyFilledCanceled" and _bought_by_value(row):
        # The rest of a spend that is too small to buy anything: the normal end of such an order.
        status = Seen.FILLED
    reason = str(row.get("rejectReason") or "")
    return Shown(
        client_id=str(row.get("orderLinkId") or ""),
        venue_id=VenueOrderId(str(row["orderId"])),
        status=status,
        filled=Qty(not_negative(row.get("cumExecQty") or "0")),
        updated=nanos_of(row["updatedTime"]),
        reason=word if status is Seen.UNKNOWN else "" if reason in NO_REASON else reason,
    )


def _bought_by_value(row: Row) -> bool:
    unit = row.get("marketUnit") or "quoteCoin"
    return row.get("orderType") == "Market" and row.get("side") == "Buy" and unit == "quoteCoin"


def is_trade(row: Row) -> bool:
    """True for a row that moved coins between us and the market; funding is none."""
    return row.get("execType", "Trade") in {"Trade", "AdlTrade", "BustTrade"}


def traded(row: Row, instrument: Instrument) -> Traded:
    """One execution row."""
    side, price = side_of(row["side"]), Price(positive(row["execPrice"]))
    asset = Asset(str(row.get("feeCurrency") or _fee_coin(instrument, side)))
    return Traded(
        trade_id=TradeId(str(row["execId"])),
        venue_id=VenueOrderId(str(row["orderId"])),
        client_id=str(row.get("orderLinkId") or ""),
        side=side,
        price=price,
        qty=Qty(positive(row["execQty"])),
        maker=_true(row["isMaker"]),
        fee=_fee(row, asset, instrument),
        fee_asset=asset,
        time=nanos_of(row["execTime"]),
    )


def _true(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value in {"true", "false"}:
        return value == "true"
    raise ValueError(f"{value!r} is neither true nor false")


def _fee_coin(instrument: Instrument, side: Side) -> Asset:
    """The rule of the page where a row does not name the coin: spot pays in what it brings in."""
    if instrument.perpetual:
        return instrument.settle
    return instrument.base if side is Side.BUY else instrument.quote


def _fee(row: Row, asset: Asset, instrument: Instrument) -> Decimal | None:
    """The fee and the taxes beside it; a tax in the market's other coin is turned at the price."""
    fee = decimal_of(row.get("execFee"))
    if fee is None:
        return None
    price = positive(row["execPrice"])
    for extra in row.get("extraFees") or ():
        amount, coin = amount_of(extra.get("fee")), extra.get("feeCoin")
        if coin == asset:
            fee += amount
        elif coin == instrument.base and asset == instrument.quote:
            fee += amount * price
        elif coin == instrument.quote and asset == instrument.base:
            fee += amount / price
        elif amount != ZERO:
            raise ValueError(f"a tax in {coin} beside a fee in {asset}")
    return fee


def private_items(frame: Row, instrument: Instrument) -> Iterator[Item]:
    """What a frame of the private stream says of one market."""
    topic = str(frame.get("topic", ""))
    rows = frame.get("data")
    if not isinstance(rows, list):
        return
    category = "linear" if instrument.perpetual else "spot"
    for row in rows:
        if row.get("symbol") != instrument.id or row.get("category", category) != category:
            continue
        if topic == "order":
            yield shown(row)
        elif topic == "execution" and is_trade(row):
            yield traded(row, instrument)


def public_items(frame: Row) -> Iterator[Item]:
    """What a frame of the public trade topic says."""
    if str(frame.get("topic", "")).startswith("publicTrade."):
        for row in frame["data"]:
            yield Tick(Price(positive(row["p"])), nanos_of(row["T"]))


def refused(frame: Row) -> StreamEnd | None:
    """A frame that answers an auth or a subscription with no."""
    if frame.get("success") is False:
        return StreamEnd(f"{frame.get('op', '')}: {frame.get('ret_msg', 'refused')}")
    return None
