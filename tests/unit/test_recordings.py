"""Recordings finer than bars come out of a file in whole ticks and lots, or not at all."""

from decimal import Decimal
from typing import Any

import pytest

from absolute.domain.errors import UserError
from absolute.lake.recording_files import Grid, read_depth, read_quotes, read_trades
from absolute.lake.recordings import market_updates
from absolute.matching.depth import DepthUpdate, TradePrint

D: Any = Decimal
# 2024-08-08 23:54:15 UTC is 1723161255 seconds after 1970.
MS = 1_723_161_255_000
GRID = Grid(D("0.1"), D("0.001"))
TRADES = "trade_id,txn_ts_ms,price,qty,is_buyer_maker"
DEPTH = "event_ts_ms,is_snapshot,first_update_id,last_update_id,prev_last_update_id,side,price,qty"


@pytest.fixture
def save(tmp_path):
    """Write lines to a file and give its path."""

    def write(*lines):
        path = tmp_path / "recorded.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def ns(ms):
    return (MS + ms) * 1_000_000


# --- trades -------------------------------------------------------------------------------------


def test_trades_in_ticks_and_lots(save):
    path = save(TRADES, f"7,{MS},100.1,0.007,true", f"8,{MS + 5},99.9,2,false")
    trades = read_trades(path, GRID)
    assert list(trades.prints()) == [
        TradePrint(ns(0), 1_001, 7, buyer_is_maker=True),
        TradePrint(ns(5), 999, 2_000, buyer_is_maker=False),
    ]
    assert list(trades.slice(1, 2).prints()) == list(trades.prints())[1:]
    free = read_trades(path)
    assert (free.tick, free.lot) == (D("0.1"), D("0.001"))
    assert len(free.sha256) == 64


def test_a_trade_that_claims_to_be_early_is_taken_after_the_one_before(save):
    path = save(TRADES, f"7,{MS + 9},100,1,true", f"8,{MS + 5},100,1,true")
    assert read_trades(path).ts.tolist() == [ns(9), ns(9)]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (f"8,{MS},100.15,1,true", "DATA_PRICE_UNIT"),
        (f"8,{MS},100,0.0005,true", "DATA_PRICE_UNIT"),
        (f"8,{MS},-5,1,true", "DATA_PRICE_NOT_POSITIVE"),
        (f"8,{MS},100,0,true", "DATA_PRICE_NOT_POSITIVE"),
        (f"8,{MS},much,1,true", "DATA_ROW_MALFORMED"),
        (f"8,{MS},100,1,perhaps", "DATA_ROW_MALFORMED"),
        ("8,,100,1,true", "DATA_ROW_MALFORMED"),
        (f"7,{MS},100,1,true", "DATA_OUT_OF_ORDER"),
        (f"x,{MS},100,1,true", "DATA_ROW_MALFORMED"),
    ],
)
def test_a_trade_that_cannot_be_read_is_refused_by_its_row(save, row, code):
    path = save(TRADES, f"7,{MS},100,1,true", row)
    with pytest.raises(UserError, match="data row 2") as refused:
        read_trades(path, GRID)
    assert refused.value.code == code


# --- depth --------------------------------------------------------------------------------------

EARLY = (
    f"{MS},false,1,3,0,1,99.0,9",  # older than the snapshot
    f"{MS + 1},false,4,6,3,1,99.0,8",  # received before it, but newer
)
SNAPSHOT = (",true,,5,,1,99.0,1", ",true,,5,,1,98.9,2", ",true,,5,,-1,99.1,3")
LATER = (f"{MS + 3},false,7,9,6,-1,99.2,4", f"{MS + 3},false,7,9,6,1,98.9,0")


def test_a_book_begins_with_its_snapshot_and_goes_on_with_what_is_newer(save):
    depth = read_depth(save(DEPTH, *EARLY, *SNAPSHOT, *LATER), GRID)
    assert list(depth.updates()) == [
        DepthUpdate(ns(1), ((990, 1_000), (989, 2_000)), ((991, 3_000),), True, 5),
        DepthUpdate(ns(1), ((990, 8_000),), (), False, 6),
        DepthUpdate(ns(3), ((989, 0),), ((992, 4_000),), False, 9),
    ]
    assert (len(depth), depth.snapshot.tolist()) == (3, [True, False, False])


def test_updates_may_follow_each_other_by_either_id(save):
    by_first = (f"{MS},false,3,6,,1,99.0,1", f"{MS},false,7,8,,1,99.0,1")
    by_before = (f"{MS},false,90,96,5,1,99.0,1", f"{MS},false,200,208,96,1,99.0,1")
    for rows in (by_first, by_before):
        assert len(read_depth(save(DEPTH, *SNAPSHOT, *rows), GRID)) == 3


def test_time_does_not_fall_from_update_to_update(save):
    rows = (f"{MS + 9},false,6,6,,1,99.0,1", f"{MS + 4},false,7,7,,1,99.0,1")
    depth = read_depth(save(DEPTH, *SNAPSHOT, *rows), GRID)
    assert depth.ts.tolist() == [ns(9), ns(9), ns(9)]


def test_the_time_of_the_trade_goes_before_that_of_the_message(save):
    header = "event_ts_ms," + TRADES
    trades = read_trades(save(header, f"{MS + 7},1,{MS},100,1,true", f"{MS + 8},2,,100,1,true"))
    assert trades.ts.tolist() == [ns(0), ns(8)]


def test_a_later_snapshot_holds_all_that_is_not_newer(save):
    again = (f"{MS + 4},true,,20,,1,97.0,1",)
    stale = (f"{MS + 5},false,10,20,9,1,90.0,1",)
    newer = (f"{MS + 6},false,21,22,20,1,91.0,1",)
    depth = read_depth(save(DEPTH, *SNAPSHOT, *again, *stale, *newer), GRID)
    assert depth.last_id.tolist() == [5, 20, 22]


def test_a_displayed_size_loses_what_is_less_than_a_lot(save):
    depth = read_depth(
        save(DEPTH, ",true,,5,,1,99.0,1.0009", f"{MS},false,6,6,5,1,98.0,0.0009"), GRID
    )
    assert [update.bids for update in depth.updates()] == [((990, 1_000),), ((980, 0),)]


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (EARLY, "DATA_SNAPSHOT_MISSING"),
        ((*SNAPSHOT, *LATER), "DATA_SEQUENCE_BREAK"),
        ((*SNAPSHOT, f"{MS},false,7,7,,1,99.0,1"), "DATA_SEQUENCE_BREAK"),
        ((*SNAPSHOT, f"{MS},false,,7,,1,99.0,1"), "DATA_ROW_MALFORMED"),
        ((*SNAPSHOT, f"{MS},false,6,6,5,1,0,1"), "DATA_PRICE_NOT_POSITIVE"),
        ((*SNAPSHOT, f"{MS},false,6,6,5,1,99,-1"), "DATA_PRICE_NOT_POSITIVE"),
        ((*SNAPSHOT, f"{MS},false,6,6,5,1,99.05,1"), "DATA_PRICE_UNIT"),
        ((*SNAPSHOT, f"{MS},false,6,6,5,up,99.0,1"), "DATA_ROW_MALFORMED"),
        ((*SNAPSHOT, f"{MS},false,6,x,5,1,99.0,1"), "DATA_ROW_MALFORMED"),
        (SNAPSHOT, "DATA_ROW_MALFORMED"),  # not one time in it
    ],
)  # fmt: skip
def test_a_depth_that_cannot_be_trusted_is_refused(save, lines, code):
    with pytest.raises(UserError) as refused:
        read_depth(save(DEPTH, *lines), GRID)
    assert refused.value.code == code


# --- both ---------------------------------------------------------------------------------------


def test_at_one_instant_the_trades_come_first(save):
    depth = read_depth(save(DEPTH, *EARLY, *SNAPSHOT, *LATER), GRID)
    rows = (f"{number},{MS + ms},99.0,1,true" for number, ms in enumerate([0, 3, 3, 4]))
    trades = read_trades(save(TRADES, *rows), GRID)
    course = [
        (type(update).__name__, (update.time - ns(0)) // 1_000_000)
        for update in market_updates(depth, trades)
    ]
    assert course == [
        ("TradePrint", 0),
        ("DepthUpdate", 1),
        ("DepthUpdate", 1),
        ("TradePrint", 3),
        ("TradePrint", 3),
        ("DepthUpdate", 3),
        ("TradePrint", 4),
    ]


def test_two_grids_are_not_mixed(save):
    depth = read_depth(save(DEPTH, *EARLY, *SNAPSHOT), GRID)
    trades = read_trades(save(TRADES, f"1,{MS},99.0,1,true"))
    with pytest.raises(UserError) as refused:
        next(market_updates(depth, trades))
    assert refused.value.code == "DATA_PRICE_UNIT"


def test_best_quotes(save):
    lines = ("update_id,bid_price,bid_qty,ask_price,ask_qty", "9,99.0,1,99.1,0.25")
    quotes = read_quotes(save(*lines), GRID)
    rows = (quotes.update_id, quotes.bid, quotes.bid_lots, quotes.ask, quotes.ask_lots)
    assert [row.tolist() for row in rows] == [[9], [990], [1_000], [991], [250]]
