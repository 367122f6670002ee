"""The parity ledger: what is planted in a run is found again in the right part, and only there."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from absolute.cli.dca import app as dca
from absolute.cli.parity import app
from absolute.desk.backtest import run as backtest
from absolute.desk.market_data import Found, Source
from absolute.desk.parity import (
    Parity,
    Record,
    compare,
    expected,
    found_as_seen,
    price_at,
    stored_run,
    tape_of_prices,
    until_last,
    within_run,
)
from absolute.desk.setup import BOT, Assumptions, FeeTerms, wire
from absolute.domain.errors import UserError
from absolute.domain.fees import FeeCoin
from absolute.domain.instrument import Side
from absolute.domain.messages import FundingPaid, OrderFilled, Paused, Transferred
from absolute.domain.units import Asset, Nanos, Price
from absolute.lake.brackets import shipped_brackets
from absolute.matching.fills import FillModel, FillRule
from absolute.matching.perpetual import FundingSchedule
from absolute.research.parity_split import Account, Part, Trade, split
from absolute.store.journal import MemoryJournal
from absolute.store.runs import Run, RunMode, canonical
from absolute.store.sql_store import open_store
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig, ladder_mapping

from tests.builders import MINUTE, START, D, spot, tape_of
from tests.perpetual_market import perpetual

ONE_DEAL = [100, (100, 100, 98.5, 99), (99, 99, 97.5, 98), (98, 103, 98, 103), 103]
CONFIG = LadderConfig(lucro_reaplicar=False, cool_down_s=86_400)
FREE = FeeTerms(D(0), D(0))
CHARGED = FeeTerms(D("0.001"), D("0.001"), FeeCoin.QUOTE)
FINE = spot(lot="0.00000001", tick="0.0001", min_qty="0.00000001")


def found(rows, instrument=FINE):
    tape = tape_of(rows, unit=str(instrument.tick))
    return Found(tape, Source("told", tape.sha256(), 0, 0), instrument)


def assumed(fees=CHARGED, **more):
    return Assumptions(fees=fees, capital=D(10_000), **more)


def lived(market, terms, config=CONFIG):
    """A run over a market, as its journal and its record tell it."""
    done = backtest(market, Ladder(config), assumed=terms)
    facts = tuple(entry.event for entry in done.journal.entries)
    schedule = terms.fees.schedule()
    return Record("r", BOT, config, market.instrument, terms.capital, schedule, facts, market.tape)


def told(parity: Parity):
    return {name: value for name, value in parity.to_json().items() if name.endswith("_bps")}


def only(parity, part, *, small="0.001"):
    """Everything but one part is nearly nothing, and that part is nearly the whole."""
    bps = told(parity)
    total = bps.pop("total_bps")
    main = bps.pop(f"{part}_bps")
    assert total
    assert all(abs(amount) < D(small) for amount in bps.values()), bps
    assert abs(total - main) < D(small)
    assert total == main + sum(bps.values())


# --- a run over its own tape --------------------------------------------------------------------


@pytest.mark.parametrize("terms", [assumed(FREE), assumed(), assumed(slippage_bps=D(7))])
def test_a_run_over_its_own_tape_differs_in_nothing(terms):
    market = found(ONE_DEAL)
    record = lived(market, terms)
    parity = compare(record, market, terms)
    assert set(told(parity).values()) == {D(0)}
    assert parity.split.matched == 4
    assert parity.actual_equity == parity.modelled_equity != 10_000


# --- what is planted is found --------------------------------------------------------------------


@pytest.mark.parametrize("coin", [FeeCoin.QUOTE, FeeCoin.RECEIVED])
def test_another_fee_is_a_fee(coin):
    market = found(ONE_DEAL)
    dear, cheap = (assumed(FeeTerms(D(rate), D(rate), coin)) for rate in ("0.002", "0.001"))
    only(compare(lived(market, dear), market, cheap), "fee")


def test_slippage_is_slippage_and_so_is_the_exit_it_moved():
    market = found(ONE_DEAL)
    only(compare(lived(market, assumed(slippage_bps=D(5))), market, assumed()), "slippage")


def test_a_fill_that_never_came_is_a_fill():
    """The second rebuy is touched at 98.01 and not gone through: an honest market does not fill."""
    rows = [100, (100, 100, 98.5, 99), (99, 99, 98.01, 98.5), (98.5, 103.5, 98.5, 103.5), 103]
    market = found(rows)
    honest = assumed(fills=FillModel(FillRule.THROUGH))
    record = lived(market, honest)
    parity = compare(record, market, assumed())
    assert parity.split.only_modelled == ((1, "rung 2"),)
    only(parity, "fill")


def test_a_fill_that_only_came_in_the_run_is_a_fill():
    rows = [100, (100, 100, 98.5, 99), (99, 99, 98.01, 98.5), (98.5, 103.5, 98.5, 103.5), 103]
    market = found(rows)
    parity = compare(lived(market, assumed()), market, assumed(fills=FillModel(FillRule.THROUGH)))
    assert parity.split.only_actual == ((1, "rung 2"),)
    only(parity, "fill")


def test_fills_that_come_later_are_timing():
    """The first order needs two minutes, in which the market rises by 0.5 %."""
    market = found([100, 100.2, 100.5, (100.5, 100.5, 99, 99), 99])
    late = assumed(submit_ms=(100_000, 100_000))
    config = replace(CONFIG, limite_recompras=0)
    parity = compare(lived(market, late, config), market, assumed())
    only(parity, "timing")


def test_a_deal_that_only_begins_later_earns_the_same():
    """It spends the same sum and sells at the same target: a later price alone costs nothing."""
    rows = [100, 100.2, 100.5, (100.5, 100.5, 98.5, 99), (99, 104.5, 99, 104.5), 104]
    market = found(rows)
    late = assumed(submit_ms=(100_000, 100_000))
    config = replace(CONFIG, limite_recompras=0)
    bps = told(compare(lived(market, late, config), market, assumed()))
    assert all(abs(amount) < D("0.001") for amount in bps.values())


def test_another_market_is_data():
    """The run saw prices a thousandth above those it is replayed over."""
    saw, replayed = found([_higher(row) for row in ONE_DEAL]), found(ONE_DEAL)
    parity = compare(lived(saw, assumed()), replayed, assumed())
    only(parity, "data", small="0.05")  # the grid of 0.0001 is coarse beside a thousandth


def _higher(row):
    cells = row if isinstance(row, tuple) else (row,) * 4
    return tuple(str((D(str(each)) * D("1.001")).quantize(D("0.0001"))) for each in cells)


def test_the_last_price_that_differs_is_data():
    """Both end holding the same; the run's own market stood 1 % higher then."""
    rows = [100, (100, 100, 98.5, 99), 99]
    saw, replayed = found([*rows[:-1], 99.99]), found(rows)
    config = replace(CONFIG, limite_recompras=1)
    only(compare(lived(saw, assumed(), config), replayed, assumed()), "data")


def test_funding_of_a_perpetual_is_funding():
    """The run paid 0.1 % while it held 3; the model knows of no payment."""
    tape = tape_of([100, (100, 100, 99.5, 99.5), 99.5, 99.5], unit="0.1")
    paid = FundingSchedule((START + 2 * MINUTE,), (D("0.001"),))
    market = Found(tape, Source("told", tape.sha256(), 0, 0), perpetual(), paid,
                   shipped_brackets("BTCUSDT"))  # fmt: skip
    config = replace(CONFIG, qty_minima=D(1))
    record = lived(market, assumed(), config)
    assert [each.amount for each in record.events if isinstance(each, FundingPaid)] == [
        D("-0.2985")
    ]
    free = replace(market, funding=FundingSchedule((), ()))
    parity = compare(record, free, assumed())
    only(parity, "funding")
    assert set(told(compare(record, found_as_seen(record), assumed())).values()) == {D(0)}


def test_a_run_that_was_interrupted_is_compared_up_to_its_last_fact():
    """Ended after its first bar; its market went on to 110, which is no difference."""
    market = found([100, (100, 100, 98.5, 99), 104, 110])
    record = lived(market.over(market.tape.slice(0, 2)), assumed())
    whole = replace(record, seen=market.tape)
    assert compare(whole, market, assumed()).split.total
    assert set(told(compare(*until_last(whole, market), assumed())).values()) == {D(0)}


# --- by hand ----------------------------------------------------------------------------------


def trade(role, side, qty, price, **more):
    more = {"deal": 1, "time": 0, "taker": False, **more}
    return Trade(role=role, side=side, qty=D(qty), price=D(price), **more)


def account(*trades, funding="0", at=None, mark="100", equity=None):
    """An account whose equity is what its trades say, unless told otherwise."""
    last = D(mark)
    own = D(10_000) + D(funding)
    for each in trades:
        own += each.sign * each.qty * (last - each.price) - each.base_fee * last - each.quote_fee
    own = own if equity is None else D(equity)
    return Account(trades, own, own, last, D(funding), at or (lambda _time, near: near))


def test_a_slipped_entry_by_hand():
    """3 bought at 101 instead of 100, the market standing at 100: 3 lost, and nothing else."""
    at = {"at": lambda _time, _near: D(100)}
    ours = account(trade("entry", Side.BUY, 3, 101, taker=True), **at)
    theirs = account(trade("entry", Side.BUY, "3.03", 100, taker=True), **at)
    parts = split(ours, theirs, contract=D(1))
    assert parts.total == -3
    assert parts.parts[Part.SLIPPAGE] == -3
    assert parts.unexplained == 0


def test_funding_by_hand():
    parts = split(account(funding="-2.5"), account(funding="1"), contract=D(1))
    assert parts.total == parts.parts[Part.FUNDING] == D("-3.5")


def test_what_no_rule_explains_is_left_over():
    """Money that no trade brought: nothing is fitted to it."""
    parts = split(account(equity="10007"), account(), contract=D(1))
    assert not any(parts.parts.values())
    assert parts.unexplained == parts.total == 7


def test_a_part_of_a_fill_is_a_fill():
    ours = account(trade("entry", Side.BUY, 1, 90, full=False))
    theirs = account(trade("entry", Side.BUY, 3, 90))
    parts = split(ours, theirs, contract=D(1))
    assert parts.total == parts.parts[Part.FILL] == -20


def test_several_fills_of_one_role_are_one_trade():
    market = found([(100, 100, 100, 100, 4), *[(100, 104, 100, 104, 10)] * 4])
    parts = assumed(fills=FillModel(FillRule.VOLUME, D("0.1")))
    record = lived(market, parts)
    sold = [each for each in record.events if isinstance(each, OrderFilled)]
    assert len(sold) > 2
    assert compare(record, market, parts).split.matched == 2


# --- the market's price ------------------------------------------------------------------------


def test_the_price_of_a_time():
    at = price_at(tape_of([(100, 102, 99, 101), 105], times=[START, START + 5 * MINUTE]))
    assert at(START - 1, D(7)) == 100
    assert at(START, D(7)) == 100
    assert at(START + 1, D(7)) == 99
    assert at(START + 1, D("100.5")) == D("100.5")
    assert at(START + 1, D(107)) == 102
    assert at(START + MINUTE, D(7)) == 101
    assert at(START + 5 * MINUTE, D(7)) == 105


def test_seen_prices_become_instants():
    prices = [
        (Nanos(time), Price(D(price))) for time, price in ((5, "1"), (5, "1"), (5, "2"), (9, "3"))
    ]
    tape = tape_of_prices(prices, spot())
    assert tape.ts.tolist() == [5, 6, 9]
    assert tape.close.tolist() == [100, 200, 300]
    with pytest.raises(UserError, match="no price yet"):
        tape_of_prices([], spot())


# --- people, money by hand, other settings -------------------------------------------------------


def test_what_people_asked_for_is_replayed():
    """A pause before the second deal: neither run has one."""
    market = found([100, (100, 104, 100, 104), 104, 104])
    config = replace(CONFIG, cool_down_s=60)
    terms = assumed()
    plain_run = lived(market, terms, config)
    pause = Paused(Nanos(START + 30_000_000_000), "ann")
    record = replace(plain_run, events=_paused(market, terms, config, pause))
    assert len([each for each in record.events if isinstance(each, OrderFilled)]) == 2
    assert set(told(compare(record, market, terms)).values()) == {D(0)}
    assert len([each for each in plain_run.events if isinstance(each, OrderFilled)]) == 3


def _paused(market, terms, config, pause):
    """The events of a run that a person paused before its second bar."""
    journal = MemoryJournal()
    desk = wire(market, Ladder(config), assumed=terms, journal=journal)
    desk.session.start(desk.feed.row(0))
    for number in range(len(desk.feed)):
        row = desk.feed.row(number)
        if number == 1:
            desk.session.deliver(pause)
        desk.session.visit(row)
    return tuple(entry.event for entry in journal.entries)


def test_money_put_in_by_hand_is_no_difference():
    market = found([100, 100, 100])
    record = lived(market, assumed())
    more = Transferred(Nanos(START + MINUTE), Asset("USDT"), D(500))
    record = replace(record, events=(*record.events, more))
    assert set(told(compare(record, market, assumed())).values()) == {D(0)}


def test_a_journal_of_other_settings_is_refused():
    market = found(ONE_DEAL)
    record = lived(market, assumed())
    other = replace(record, config=replace(CONFIG, limite_recompras=0))
    with pytest.raises(UserError) as refused:
        compare(other, market, assumed())
    assert refused.value.code == "PARITY_OTHER_SETTINGS"


# --- words ------------------------------------------------------------------------------------


def _words(application, *arguments):
    done = CliRunner().invoke(application, [str(each) for each in arguments])
    if isinstance(done.exception, UserError):
        return done.exception
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    report = place / "report.html"
    _words(dca, "run", "--days", 1, "--journal", place / "j", "--report", report, "--json")
    return place / "j"


BPS = {"total", "fee", "slippage", "fill", "timing", "funding", "data", "unexplained"}


def test_the_ledger_of_a_journal_file(journal):
    answer = json.loads(_words(app, journal, "--days", 1, "--json"))
    assert {f"{name}_bps" for name in BPS} <= set(answer)
    assert {Decimal(answer[f"{name}_bps"]) for name in BPS} == {0}
    assert answer["matched"] > 1
    assert "unexplained" in _words(app, journal, "--days", 1)


def test_a_model_that_expects_slippage_says_so(journal):
    answer = json.loads(_words(app, journal, "--days", 1, "--slippage-bps", 5, "--json"))
    bps = {name: Decimal(answer[f"{name}_bps"]) for name in BPS}
    assert bps.pop("total") == sum(bps.values())
    assert bps["slippage"] > 0


def test_a_journal_that_is_damaged_is_refused(journal, tmp_path):
    torn = tmp_path / "torn"
    torn.write_bytes(journal.read_bytes().replace(b"OrderFilled", b"OrderFilles", 1))
    refused = _words(app, torn, "--days", 1)
    assert isinstance(refused, UserError)
    assert refused.code == "JOURNAL_DAMAGED"


def _stored(tmp_path, market, terms):
    """A run in a database, as a live run keeps it: its steps, and the prices it saw."""
    done = backtest(market, Ladder(CONFIG), assumed=terms)
    settings = {name: str(value) for name, value in ladder_mapping(CONFIG).items()
                if value is not None}  # fmt: skip
    run = Run(
        id="r1",
        bot=BOT,
        created=Nanos(START),
        mode=RunMode.PAPER,
        profile="bybit:demo",
        symbol="COIN/USDT",
        config=canonical(settings),
        capital=terms.capital,
        instrument=market.instrument,
        fees=terms.fees.schedule(),
    )
    tape = market.tape
    where = str(tmp_path / "runs.db")
    with open_store(where) as store:
        kept = store.create_run(run)
        for entry in done.journal.entries:
            kept.append(entry.event, entry.outcome)
        prices = zip(tape.ts.tolist(), tape.close.tolist(), strict=True)
        store.add_prices("r1", [(Nanos(at), Price(tape.price(price))) for at, price in prices])
    return where


def test_the_ledger_of_a_stored_run(tmp_path):
    """The run lived over bars of one price, which is what it is replayed over."""
    market = found([100, 98.9, 98, 98, 103, 103])
    where = _stored(tmp_path, market, assumed(FeeTerms(D("0.001"), D("0.001"))))
    answer = json.loads(_words(app, "r1", "--db", where, "--json"))
    assert answer["run"] == "r1"
    assert {Decimal(answer[f"{name}_bps"]) for name in BPS} == {0}
    assert answer["matched"] == 4


def test_a_stored_run_over_other_bars_is_cut_to_its_time(tmp_path):
    market = found([100, 98.9, 98, 98, 103, 103])
    record = stored_run(_stored(tmp_path, market, assumed()), "r1")
    times = [START + minute * MINUTE for minute in range(-3, 20)]
    rows = [90] * 3 + [100, 98.9, 98, 98, 103, 103] + [120] * 14
    longer = tape_of(rows, unit="0.0001", times=times)
    cut = within_run(record, replace(found([100]), tape=longer))
    assert cut.tape.close.tolist() == market.tape.close.tolist()
    assert set(told(compare(record, cut, expected(record))).values()) == {D(0)}
    with pytest.raises(UserError, match="do not cover the time"):
        within_run(record, replace(found([100]), tape=longer.slice(0, 2)))


def test_a_run_that_is_not_there_is_named(tmp_path):
    where = _stored(tmp_path, found([100, 100]), assumed())
    refused = _words(app, "r2", "--db", where)
    assert isinstance(refused, UserError)
    assert refused.code == "RUN_UNKNOWN"
