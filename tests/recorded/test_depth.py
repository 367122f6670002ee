"""A recorded order book, its trades and its best quotes: rebuilt exactly, and traded beside.

The counts are those that the collector of the recordings states.
"""

from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from absolute.domain.approved import Approved
from absolute.domain.ids import BotId, ClientOrderId
from absolute.domain.instrument import Side
from absolute.domain.ledger import Ledger
from absolute.domain.messages import OrderFilled, Started, Submit
from absolute.domain.order import OrderType, Terms
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import NANOS_PER_MS, NANOS_PER_SECOND, Nanos
from absolute.engine.session import Session
from absolute.engine.step import Engine
from absolute.kernels.feed import TapeFeed
from absolute.lake.recording_files import Grid, read_depth, read_quotes, read_trades
from absolute.lake.recordings import market_updates, tape_from_trades
from absolute.matching.book import Book, Ended, Rested, Ticket, Traded
from absolute.matching.costs import Latency
from absolute.matching.depth import Depth, DepthUpdate
from absolute.matching.depth_venue import AnswerDelay, DepthRules, DepthVenue
from absolute.matching.fills import FillModel, FillRule
from absolute.matching.queueing import QueueModel
from absolute.risk.limits import Limits
from absolute.store.journal import MemoryJournal
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_settings import LadderConfig

from tests.builders import Setting, fees, spot
from tests.depth_desk import Desk, said

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "microstructure"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the recorded books are not here")

D: Any = Decimal
make: Any = Terms
GRIDS: dict[str, Any] = {"perp": Grid(D("0.1"), D("0.001")), "spot": Grid(D("0.01"), D("0.00001"))}
MARKETS = pytest.mark.parametrize("market", GRIDS)
UPDATES = 1_500
"""About 100,000 level rows of the perpetual."""


def path(market, kind):
    return DATA / f"btcusdt_binance_{market}_2024-08-08_{kind}.parquet"


@cache
def recorded(market):
    """The depth and the trades of one market."""
    grid = GRIDS[market]
    return read_depth(path(market, "depth"), grid), read_trades(path(market, "trades"), grid)


@cache
def opening(market):
    """The first minutes of both, merged; read once, never changed."""
    depth, trades = recorded(market)
    end = int(depth.ts[UPDATES])
    return [each for each in market_updates(depth, trades) if each.time <= end]


def instrument(market):
    grid = GRIDS[market]
    lot = str(grid.lot)
    return spot(tick=str(grid.tick), lot=lot, min_qty=lot, min_notional="0")


# --- the book -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("market", "updates", "common"), [("perp", 6_547, 629), ("spot", 6_493, 1_072)]
)
def test_the_book_is_rebuilt_and_agrees_with_the_best_quotes(market, updates, common):
    depth, _ = recorded(market)
    quotes = read_quotes(path(market, "bbo"), GRIDS[market])
    columns = (quotes.bid, quotes.bid_lots, quotes.ask, quotes.ask_lots)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    best = dict(zip(quotes.update_id.tolist(), rows, strict=True))
    book = Depth()
    crossed = agreed = seen = 0
    for update in depth.updates():
        book.apply(update)
        crossed += book.crossed
        if (quote := best.get(update.last_id)) is not None:
            top = book.view(1)
            agreed += (*top.bids[0], *top.asks[0]) == quote
            seen += 1
    assert len(depth) == updates + 1, "the snapshot, and all that is newer"
    assert crossed == 0
    assert (agreed, seen) == (common, common)


@pytest.mark.parametrize(("market", "count"), [("perp", 21_313), ("spot", 19_904)])
def test_every_trade_becomes_one_tick(market, count):
    _, trades = recorded(market)
    tape = tape_from_trades(trades)
    assert len(tape) == len(trades) == count
    assert (np.diff(tape.ts) > 0).all()
    # The busiest moments hold hundreds of trades; none is moved as far as a microsecond.
    assert 0 <= (tape.ts - trades.ts).min() <= (tape.ts - trades.ts).max() < 1_000
    frame = pl.read_parquet(path(market, "trades"))
    assert tape.closes().tolist() == frame["price"].to_list()
    assert tape.volume.tolist() == frame["qty"].to_list()


@MARKETS
def test_both_recordings_are_one_stream_in_time(market):
    depth, trades = recorded(market)
    times = [update.time for update in market_updates(depth, trades)]
    assert len(times) == len(depth) + len(trades)
    assert times == sorted(times)


# --- our orders beside it -------------------------------------------------------------------------


def rest_at_the_best(market, model):
    """One lot at either best price every so often: name -> (time, side, ticks), and fill times."""
    desk = Desk(
        DepthRules(model), instrument=instrument(market), wallet={"USDT": D(10**7), "COIN": D(99)}
    )
    placed: dict[str, Any] = {}
    filled: dict[str, int] = {}
    shown = 0
    for update in opening(market):
        for event in desk.pass_on(update):
            assert isinstance(event, OrderFilled)
            assert event.fill.liquidity == "maker"
            filled[event.fill.client_id] = event.time
        if not isinstance(update, DepthUpdate):
            continue
        shown += 1
        if shown % 15 == 1:
            for side in Side:
                ticks = desk.venue.shadow.depth.best(side)
                name = f"{side}-{shown}"
                placed[name] = (desk.time, side, ticks)
                price, lot = ticks * GRIDS[market].tick, GRIDS[market].lot
                desk.portfolio.price = desk.portfolio.price or price
                assert said(desk.submit(name, side, lot, price, rule="post_only")) == [
                    f"{name} OrderAccepted"
                ]
    return placed, filled


def fill_on_ticks(market, order, fills, *, lots=1):
    """(time, filled so far) of the same order on the trade ticks alone, under a model over bars."""
    time, side, ticks = order
    _, trades = recorded(market)
    grid = GRIDS[market]
    first = int(np.searchsorted(trades.ts, time, side="right"))
    feed = feed_of(market)
    setting = Setting(instrument(market), fees("0", "0"), {"USDT": D(10**7), "COIN": D(99)}, fills)
    venue = setting.venue(grid.tick)
    terms = make("o", side, OrderType.LIMIT, qty=lots * grid.lot, price=ticks * grid.tick)
    number = first
    venue.seek(feed.row(number))
    venue.send(Approved(Submit(ClientOrderId("o"), terms)), Nanos(time))
    course = []
    total = D(0)
    while venue.resting and number < len(feed):
        row = feed.row(number)
        for event in venue.walk(row):
            if isinstance(event, OrderFilled):
                total += event.fill.qty
                course.append((event.time, total))
        number = feed.first(number + 1, venue.levels(), venue.mark_levels())
    return course


@cache
def feed_of(market):
    return TapeFeed(tape_from_trades(recorded(market)[1]))


@MARKETS
def test_an_order_in_the_queue_waits_no_less_than_a_touch(market):
    placed, slow = rest_at_the_best(market, QueueModel.TRADES_ONLY)
    _, middle = rest_at_the_best(market, QueueModel.PROPORTIONAL)
    _, fast = rest_at_the_best(market, QueueModel.AHEAD_FIRST)
    never = opening(market)[-1].time + 1
    compared = waited = 0
    for name, order in placed.items():
        times = [model.get(name, never) for model in (fast, middle, slow)]
        assert times == sorted(times)
        if name in slow:
            touched = fill_on_ticks(market, order, FillModel(FillRule.TOUCH))[0][0]
            # The tape tells trades of one millisecond apart by nanoseconds.
            assert touched // NANOS_PER_MS <= slow[name] // NANOS_PER_MS
            compared += 1
            waited += touched // NANOS_PER_MS < slow[name] // NANOS_PER_MS
    assert compared > 30
    assert waited > 10, "the queue must have been felt"


def course_at(course, moments):
    """What was filled by each moment."""
    return [max((total for at, total in course if at <= moment), default=0) for moment in moments]


@MARKETS
def test_the_honesty_ladder_on_trade_ticks(market):
    """For one and the same resting order no rule gives more, or sooner, than a laxer one."""
    placed, _ = rest_at_the_best(market, QueueModel.TRADES_ONLY)
    models = [FillModel(rule, D("0.5"), D("0.3")) for rule in FillRule]
    slower = 0
    for order in islice(placed.values(), 0, None, 2):
        courses = [fill_on_ticks(market, order, model, lots=200) for model in models]
        moments = sorted({at for course in courses for at, _ in course})
        touch, through, volume, queue = (course_at(course, moments) for course in courses)
        for at in range(len(moments)):
            assert touch[at] >= through[at] >= volume[at]
            assert touch[at] >= queue[at] >= volume[at]
        slower += volume != touch
    assert slower > 10


@MARKETS
def test_a_restless_account_never_loses_track_of_its_money(market):
    """Takers of every kind beside the market; the desk compares both ledgers at every step."""
    desk = Desk(
        instrument=instrument(market),
        charges=fees("0.0002", "0.0005"),
        wallet={"USDT": D(10**6), "COIN": D(20)},
    )
    lot, tick = GRIDS[market].lot, GRIDS[market].tick
    count = 0
    for update in opening(market):
        desk.pass_on(update)
        best = desk.venue.shadow.depth.best(Side.SELL)
        count += 1
        if count % 10 or best is None:
            continue
        desk.portfolio.price = desk.portfolio.price or best * tick
        side, rule = list(Side)[count // 10 % 2], ["gtc", "ioc", "fok"][count // 10 % 3]
        price = best * tick if count % 40 else None
        desk.submit(f"o{count}", side, 700 * lot, price, rule=rule)
    fills = [event.fill for event in desk.log if isinstance(event, OrderFilled)]
    assert len({fill.trade_id for fill in fills}) == len(fills) > 50
    assert {str(fill.liquidity) for fill in fills} == {"maker", "taker"}


def ladder_beside(market, rules):
    """The ladder of the product with narrow steps beside the whole recording; log and ledgers."""
    traded = instrument(market)
    ours, theirs = (
        Ledger(traded, {traded.quote: D(20_000)}, fees=fees("0.00002", "0.00004")) for _ in range(2)
    )
    narrow = replace(
        LadderConfig(),
        lucro_alvo_inicial=D("0.0006"),
        lucro_alvo_minimo=D("0.0003"),
        recompra_queda_inicial=D("0.0003"),
        recompra_queda_minimo=D("0.0002"),
    )
    engine = Engine(BotId("b"), Portfolio(ours), Ladder(narrow), Limits())
    venue: Any = DepthVenue(theirs, rules)
    journal = MemoryJournal()
    session = Session(engine, venue, journal, unit=traded.tick)
    stream = market_updates(*recorded(market))
    for update in stream:
        list(venue.apply(update))
        if isinstance(update, DepthUpdate):
            price = venue.shadow.depth.best(Side.BUY) * traded.tick
            session.deliver(Started(update.time, price))
            break
    for update in stream:
        for event in venue.apply(update):
            session.deliver(event)
    for event in venue.advance(Nanos(update.time + 60 * NANOS_PER_SECOND)):
        session.deliver(event)
    return [entry.event for entry in journal.entries], ours, theirs


def delayed():
    """Messages that need 5 to 80 ms there, and answers 5 to 80 ms back."""
    chance = np.random.Generator(np.random.PCG64(3))
    there = Latency((5, 80), (5, 80), chance)
    return DepthRules(QueueModel.PROPORTIONAL, latency=there, answers=AnswerDelay((5, 80), chance))


@MARKETS
def test_the_live_ladder_trades_beside_the_book_without_knowing(market):
    log, ours, theirs = ladder_beside(market, delayed())
    assert ours.account.totals() == theirs.account.totals()
    fills = [event for event in log if isinstance(event, OrderFilled)]
    assert {str(event.fill.liquidity) for event in fills} == {"maker", "taker"}
    assert any(not event.done for event in fills), "the queue gives in parts"
    assert all(event.time > event.fill.time for event in fills), "news takes its time"
    times = [event.time for event in log]
    assert times == sorted(times)
    assert ladder_beside(market, delayed())[0] == log


# --- single orders --------------------------------------------------------------------------------


def test_recorded_single_orders_make_a_book_that_is_never_crossed():
    """Bitstamp's own orders of an hour, placed and cancelled again in our book.

    Where two of them cross, our book trades them, so a deletion may find nothing left.
    """
    log = pl.read_parquet(DATA / "btcusd_bitstamp_orders_l3_2015-05-01.parquet").head(12_000)
    book = Book()
    rested = traded = cancelled = 0
    columns = ("id", "price", "volume", "action", "direction")
    for order, price, volume, action, direction in log.select(columns).iter_rows():
        if action == "deleted":
            cancelled += isinstance(book.cancel(order)[0], Ended)
        elif action == "created" and volume > 0:
            side = Side.BUY if direction == "bid" else Side.SELL
            ticket = Ticket(order, 0, side, round(volume * 10**8), round(price * 100))
            changes = book.place(ticket)
            rested += any(isinstance(change, Rested) for change in changes)
            traded += sum(isinstance(change, Traded) for change in changes)
        bid, ask = book.best(Side.BUY), book.best(Side.SELL)
        assert bid is None or ask is None or bid < ask
    assert rested > 5_000
    assert traded > 20
    assert cancelled > 5_000
