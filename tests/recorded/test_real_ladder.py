"""The default ladder over every unbroken piece of the recorded Bitcoin minutes: all laws hold.

Each piece is audited step by step (`tests/audit.py`): the venue's ledger is the bot's, booked
profit is the change of the wallet, one exit, the cap. Every piece is also walked bar by bar.
"""

from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from absolute.domain.fill import Liquidity
from absolute.domain.instrument import Side
from absolute.domain.notes import DealClosed, DealOpened, Halted
from absolute.lake.bars import read_bars
from absolute.matching.fills import FillModel, FillRule
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig

from tests.audit import audited
from tests.builders import D, Setting, play, spot

FILE = Path(__file__).resolve().parents[3] / "shared/data/ohlcv/btcusdt_binance_spot_1m.parquet"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the recorded market is not here")

CONFIG = LadderConfig()
SETTING = Setting(instrument=spot())


@cache
def whole():
    return read_bars(FILE).tape


def pieces():
    tape = whole()
    return [tape.slice(start, stop) for start, stop in tape.pieces()]


def test_every_piece_keeps_every_law():
    """And over all of them the ladder really trades."""
    runs = [audited(piece, CONFIG, SETTING) for piece in pieces()]
    assert len(runs) == 16
    assert sum(len(run.fills) for run in runs) > 250
    assert sum(len(run.notes(DealClosed)) for run in runs) > 40
    assert not [note for run in runs for note in run.notes(Halted)]


@pytest.mark.parametrize("rule", [FillRule.THROUGH, FillRule.VOLUME, FillRule.QUEUE])
def test_the_longest_pieces_keep_every_law_under_honest_models(rule):
    longest = sorted(pieces(), key=len)[-3:]
    setting = Setting(
        instrument=spot(), fills=FillModel(rule, D("0.001"), D(2)), submit_ms=(50, 900),
        cancel_ms=(50, 900), slippage_bps=D(2),
    )  # fmt: skip
    runs = [audited(piece, CONFIG, setting) for piece in longest]
    assert sum(len(run.fills) for run in runs) > 50


def test_every_piece_skips_to_the_log_of_every_bar():
    for piece in pieces():
        skipped, walked = (
            play(piece, Ladder(CONFIG), SETTING, skip=skip) for skip in (True, False)
        )
        assert skipped.sha == walked.sha
        assert skipped.walked < walked.walked == len(piece)


def test_the_whole_file_gaps_and_all_is_skipped_almost_everywhere():
    """537,000 bars, of which less than one in a thousand is looked at."""
    run = audited(whole(), CONFIG, SETTING)
    assert run.walked * 1_000 < len(whole())
    assert run.notes(DealOpened)[0].time == int(whole().ts[0])


def test_fills_lie_inside_their_bars():
    """A taker inside; a maker at its own limit, never better than the bar."""
    run = play(whole(), Ladder(CONFIG), SETTING)
    tape, outside = run.tape, 0
    for fill in run.fills:
        number = run.bar_of(fill.time)
        low, high = tape.price(tape.low[number]), tape.price(tape.high[number])
        if fill.liquidity is Liquidity.TAKER:
            assert low <= fill.price <= high
        else:
            assert fill.price >= low if fill.side is Side.BUY else fill.price <= high
            outside += not low <= fill.price <= high
    assert outside <= 5


def test_the_cap_is_reached_and_never_passed():
    """5,000 allow 14 orders, 4,792.18 of them: no deal of the file has spent more."""
    spent, highest = Decimal(0), Decimal(0)
    run = play(whole(), Ladder(CONFIG), SETTING)
    for fill in run.fills:
        role = run.portfolio.orders[fill.client_id].terms.role
        if fill.side is Side.BUY:
            spent = (Decimal(0) if role == "entry" else spent) + fill.price * fill.qty
            highest = max(highest, spent)
    assert 4_000 < highest <= 5_000
