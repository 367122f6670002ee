"""The venues' own documented rows are read without loss; their markets become instruments."""

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from absolute.domain.ids import InstrumentId
from absolute.domain.instrument import Instrument, Kind, Side
from absolute.domain.order import PositionSide
from absolute.domain.units import Asset, Nanos, Price, Qty, Quote
from absolute.engine.reports import Seen
from absolute.venues import binance_rows, bybit_rows
from absolute.venues.error_table import BINANCE, BINANCE_USDM, BYBIT, Meaning
from absolute.venues.market_filters import binance_instrument, bybit_instrument
from absolute.venues.rows import AskAgain, Shown, StreamEnd, Tick, Traded, fee_of

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "wire"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the documented rows are not here")

D = Decimal


@cache
def document(name: str) -> Any:
    return json.loads((DATA / name).read_text("utf-8"), parse_float=str)


def market(symbol: str, kind: Kind) -> Instrument:
    base = symbol.removesuffix("USDT").removesuffix("BTC") or symbol
    quote = symbol.removeprefix(base)
    return Instrument(
        id=InstrumentId(symbol),
        kind=kind,
        base=Asset(base),
        quote=Asset(quote),
        tick=Price(D("0.01")),
        lot=Qty(D("0.001")),
        min_qty=Qty(D(0)),
        min_notional=Quote(D(0)),
    )


def bybit_push(topic: str) -> dict[str, Any]:
    for page in document("bybit_v5_ws.json")["pages"]:
        for each in page["examples"]:
            if each["role"] == "push" and each.get("topic") == topic:
                return dict(each["json"])
    raise AssertionError(topic)


def test_bybits_documented_execution_is_read_with_its_tax():
    frame = bybit_push("execution")
    frame["data"][0]["orderLinkId"] = "bot-1-exit"
    [one] = bybit_rows.private_items(frame, market("BTCUSDT", Kind.LINEAR))
    assert isinstance(one, Traded)
    assert (one.price, one.qty, one.side, one.maker) == (D("95900.1"), D("0.5"), Side.SELL, False)
    assert one.fee == D("26.3725275") + D("0.006403779")  # the fee, and a tax in the same coin
    assert one.fee_asset == "USDT"
    assert one.time == 1746270400353 * 1_000_000


def test_bybits_documented_order_is_read():
    row = bybit_push("order")["data"][0]
    one = bybit_rows.shown(row)
    assert (one.status, one.filled, one.reason) == (Seen.FILLED, D(1), "")
    assert one.updated == 1672364262457 * 1_000_000


def test_every_order_status_of_bybit_is_known():
    words = {row["value"] for row in document("bybit_v5_enums.json")["enums"]["orderStatus"]}
    assert words <= set(bybit_rows.STATUS)


def test_every_order_row_in_bybits_documents_is_read():
    count = 0
    for endpoint in document("bybit_v5_rest.json")["endpoints"]:
        if endpoint["path"] in {"/v5/order/realtime", "/v5/order/history"}:
            for response in endpoint["responses"]:
                for row in response["json"]["result"]["list"]:
                    assert bybit_rows.shown(row).status is not Seen.UNKNOWN
                    count += 1
    assert count


def test_bybits_documented_trade_history_is_read():
    for endpoint in document("bybit_v5_rest.json")["endpoints"]:
        if endpoint["path"] == "/v5/execution/list":
            row = endpoint["responses"][0]["json"]["result"]["list"][0]
            one = bybit_rows.traded(row, market("ETHUSDT", Kind.LINEAR))
            assert (one.fee, one.fee_asset) == (D("0.071409"), "USDT")
            return
    raise AssertionError("no trade history")


def test_bybits_documented_public_trade_is_a_price():
    [tick] = bybit_rows.public_items(bybit_push("publicTrade.BTCUSDT"))
    assert tick == Tick(Price(D("16578.50")), Nanos(1672304486865 * 1_000_000))


def spot_event(kind: str) -> Any:
    for section in document("binance_spot_ws.json")["user_data_events"]:
        for each in section["examples"]:
            if each.get("event") == kind:
                return each["json"]
    raise AssertionError(kind)


def test_binances_documented_order_event_is_read():
    [one] = binance_rows.private_items(spot_event("executionReport"), market("ETHBTC", Kind.SPOT))
    assert isinstance(one, Shown)
    assert (one.client_id, one.venue_id) == ("mUvoqJxFIILMdfAW5iGSOW", "4293153")
    assert (one.status, one.filled, one.reason) == (Seen.OPEN, D(0), "")


def test_binances_documented_end_of_a_stream_ends_it():
    [end] = binance_rows.private_items(
        spot_event("eventStreamTerminated"), market("ETHBTC", Kind.SPOT)
    )
    assert isinstance(end, StreamEnd)


def spot_reply(method: str, path: str) -> Any:
    for endpoint in document("binance_spot_rest.json")["endpoints"]:
        if (endpoint["method"], endpoint["path"]) == (method, path):
            return endpoint["responses"][0]["json"]
    raise AssertionError(path)


def test_binances_documented_trade_keeps_a_fee_in_a_third_coin():
    row = spot_reply("GET", "/api/v3/myTrades")[0]
    one = binance_rows.traded(row, "bot-1-entry")
    instrument = market("LTCBTC", Kind.SPOT)
    assert (one.fee, one.fee_asset, one.side) == (D("10.10000000"), "BNB", Side.BUY)
    assert fee_of(one, instrument, None) is None
    fee = fee_of(one, instrument, D("0.005"))
    assert fee is not None
    assert fee.value == D("0.0505")


def test_a_documented_cancel_is_told_under_the_id_of_the_order_it_ended():
    one = binance_rows.shown(spot_reply("DELETE", "/api/v3/order"))
    assert (one.client_id, one.status) == ("myOrder1", Seen.CANCELLED)


def usdm_events(kind: str) -> list[Any]:
    for section in document("binance_usdm.json")["user_data_events"]:
        if section["event"] == kind:
            return [each["json"] for each in section["examples"]]
    raise AssertionError(kind)


def test_every_documented_futures_order_event_is_read():
    for frame in usdm_events("ORDER_TRADE_UPDATE"):
        items = list(binance_rows.private_items(frame, market(frame["o"]["s"], Kind.LINEAR)))
        assert items
        assert all(isinstance(each, Shown | Traded) for each in items)
        if frame["o"]["ps"] == "LONG" and isinstance(items[0], Traded):
            assert items[0].position_side is PositionSide.LONG


def test_every_documented_algo_event_tells_how_a_stop_stands_or_why_to_ask():
    words = {"NEW": Seen.OPEN, "CANCELED": Seen.CANCELLED, "EXPIRED": Seen.EXPIRED}
    for frame in usdm_events("ALGO_UPDATE"):
        [one] = binance_rows.private_items(frame, market(frame["o"]["s"], Kind.LINEAR))
        if isinstance(one, Shown):
            assert one.venue_id == f"algo:{frame['o']['aid']}"
            assert one.status is words.get(frame["o"]["X"], Seen.OPEN)
        else:
            assert one == AskAgain(frame["o"]["caid"])


def test_the_documented_expiry_of_a_listen_key_ends_the_stream():
    [frame] = usdm_events("listenKeyExpired")[:1]
    [end] = binance_rows.private_items(frame, market("BTCUSDT", Kind.LINEAR))
    assert end == StreamEnd("listenKeyExpired")


def instruments() -> list[Any]:
    wanted = {"bybit_spot", "bybit_linear", "binance_spot", "binance_usdm"}
    rows = document("instruments.json")["instruments"] if DATA.is_dir() else []
    return [row for row in rows if row["venue"] in wanted]


def test_every_recorded_market_becomes_an_instrument_on_its_own_grid():
    read = 0
    for row in instruments():
        venue, info = row["venue"], row["info"]
        if "baseAsset" not in info and "baseCoin" not in info:
            continue  # an excerpt: only its filters were kept
        linear = venue in {"bybit_linear", "binance_usdm"}
        if venue.startswith("bybit"):
            one = bybit_instrument(info, linear=linear)
            assert one.tick == D(info["priceFilter"]["tickSize"])
        else:
            one = binance_instrument(info, linear=linear)
        assert one.id == info["symbol"]
        assert one.min_qty >= 0
        assert one.min_qty % one.lot == 0 or venue == "bybit_spot"
        assert (one.kind is Kind.LINEAR) == linear
        read += 1
    assert read > 10


def test_every_code_in_the_tables_is_one_the_venue_documents():
    bybit = {str(row["code"]) for row in document("bybit_v5_errors.json")["errors"]}
    spot = {str(row["code"]) for row in document("binance_spot_errors.json")["errors"]}
    usdm = {str(row["code"]) for row in document("binance_usdm.json")["errors"]}
    assert set(BYBIT) - bybit == set()
    assert set(BINANCE) - spot - usdm == set()
    assert set(BINANCE_USDM) - usdm - spot == set()


@pytest.mark.parametrize(
    ("word", "words"), [("bybit_v5_errors.json", ("timeout", "network error", "server error"))]
)
def test_no_code_that_speaks_of_a_timeout_is_a_no(word, words):
    for row in document(word)["errors"]:
        text = row["message"].lower()
        if any(each in text for each in words):
            meaning = BYBIT.get(str(row["code"]), Meaning.UNKNOWN)
            assert meaning in {Meaning.UNKNOWN, Meaning.MAINTENANCE}, row
