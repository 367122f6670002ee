"""The store: what was kept is there, in order, on SQLite and PostgreSQL alike; else it says so."""

# mypy: disable-error-code="arg-type, union-attr"
# Ids, times and assets are plain literals here; that the product cannot mix them: test_units.py.

import subprocess
import sys
from contextlib import contextmanager

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine

from absolute.desk.books import read_log
from absolute.domain.errors import JournalError, UserError
from absolute.domain.fill import Fee, Fill, Liquidity
from absolute.domain.instrument import Side
from absolute.domain.messages import (
    FeeReported,
    OrderAccepted,
    OrderFilled,
    Paused,
    Started,
    Submit,
    TimerFired,
)
from absolute.domain.order import OrderType, Terms
from absolute.engine.step import Outcome
from absolute.risk.checks import consent
from absolute.store.runs import Run, RunMode
from absolute.store.sql_database import database_url
from absolute.store.sql_store import open_records, open_store
from absolute.store.sql_tables import METADATA
from absolute.store.sql_writer import NotKept
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig

from tests.builders import START, D, Setting, fees, play, spot, tape_of
from tests.postgres import new_database, place_of

TAPE = tape_of([100, (100, 100, 98.5, 99), (99, 104, 99, 104), 104])
LADDER = LadderConfig()


@pytest.fixture(params=["sqlite", "postgres"])
def place(request, tmp_path):
    return place_of(request.param, tmp_path)


def run_of(name="run-1", **changes):
    terms = {
        "bot": "at",
        "created": START,
        "mode": RunMode.PAPER,
        "profile": "bybit:demo",
        "symbol": "COINUSDT",
        "config": '{"rungs":3}',
        "capital": D("10000.50"),
        "instrument": spot(),
        "fees": fees(),
    }
    return Run(id=name, **(terms | changes))


def timers(journal, count):
    for number in range(count):
        journal.append(TimerFired(number), Outcome())


@contextmanager
def tampering(place):
    """The database as somebody else's program sees it."""
    engine = create_engine(database_url(place))
    with engine.begin() as connection:
        yield lambda words: connection.execute(text(words))
    engine.dispose()


# --- what is kept --------------------------------------------------------------------------------


def test_a_store_holds_the_same_run_as_the_memory(place):
    with open_store(place) as store:
        play(TAPE, Ladder(LADDER), journal=store.create_run(run_of()))
    entries = play(TAPE, Ladder(LADDER)).journal.entries
    lines = list(open_records(place).lines("run-1"))
    assert [line.event for line in lines] == [entry.event for entry in entries]
    assert [line.commands for line in lines] == [
        tuple(each.command for each in entry.outcome.commands) for entry in entries
    ]
    assert [line.notes for line in lines] == [entry.outcome.notes for entry in entries]
    assert len(lines) > 10


def test_a_run_is_read_back_as_it_was_written_to_the_last_digit(place):
    run = run_of(capital=D("0.10000000000000000000000001"), instrument=spot(lot="1e-8", tick="0.5"))
    with open_store(place) as store:
        store.create_run(run)
        assert store.records.find_run("run-1") == run
        assert store.records.runs() == (run,)


def test_a_journal_goes_on_where_it_ended(place):
    with open_store(place) as store:
        timers(store.create_run(run_of()), 3)
    with open_store(place) as store:
        journal = store.journal("run-1")
        assert journal.number == 3
        journal.append(TimerFired(7), Outcome())
        assert [line.time for line in store.records.lines("run-1")] == [0, 1, 2, 7]


def test_runs_do_not_mix(place):
    with open_store(place) as store:
        first, second = store.create_run(run_of("a")), store.create_run(run_of("b"))
        timers(first, 2)
        timers(second, 3)
        assert len(list(store.records.lines("a"))) == 2
        assert len(list(store.records.events("b"))) == 3


def test_a_run_is_written_down_once(place):
    with open_store(place) as store:
        store.create_run(run_of())
        with pytest.raises(UserError) as refused:
            store.create_run(run_of(symbol="OTHER"))
        assert refused.value.code == "RUN_EXISTS"
        assert store.records.find_run("run-1").symbol == "COINUSDT"
        with pytest.raises(UserError) as refused:
            store.records.find_run("run-9")
        assert refused.value.code == "RUN_UNKNOWN"


def test_prices_come_back_in_the_order_they_came(place):
    seen = [(5, D("1.10")), (5, D("1.2")), (9, D("0.00000001"))]
    with open_store(place) as store:
        store.create_run(run_of())
        store.add_prices("run-1", [])
        store.add_prices("run-1", seen)
        assert list(store.records.prices("run-1")) == seen
        assert list(store.records.prices("run-1", 6)) == seen[2:]
        assert list(store.records.prices("run-1", 0, 9)) == seen[:2]


# --- all or nothing ------------------------------------------------------------------------------


BUY = Terms("entry", Side.BUY, OrderType.LIMIT, qty=D(1), price=D(100))


def submit(client_id):
    return Outcome(commands=(consent(Submit(client_id, BUY)),))


def test_many_steps_are_kept_together_or_not_at_all(place):
    with open_store(place) as store:
        journal = store.create_run(run_of())
        journal.append_many([(TimerFired(n), Outcome()) for n in range(5)])
        journal.append(TimerFired(5), submit("x-1"))
        with pytest.raises(NotKept) as fault:
            journal.append_many([(TimerFired(6), Outcome()), (TimerFired(7), submit("x-1"))])
        assert fault.value.final
        assert journal.number == 6
        assert len(list(store.records.lines("run-1"))) == 6
        assert [order["client_id"] for order in store.records.orders("run-1")] == ["x-1"]


def test_after_a_fault_that_is_final_nothing_more_is_taken(place):
    with open_store(place) as store:
        journal = store.create_run(run_of())
        journal.append(TimerFired(0), submit("x-1"))
        with pytest.raises(NotKept):
            journal.append(TimerFired(1), submit("x-1"))
        with pytest.raises(NotKept, match="failed before"):
            journal.append(TimerFired(2), Outcome())
    with open_store(place) as store:
        assert store.journal("run-1").number == 1


def test_a_full_disk_keeps_nothing_and_lets_us_go_on_when_there_is_room(tmp_path):
    place, opened = tmp_path / "store.db", []

    def remember(connection, _record):
        opened.append(connection)

    event.listen(Engine, "connect", remember)
    try:
        with open_store(place) as store:
            event.remove(Engine, "connect", remember)
            journal = store.create_run(run_of())
            timers(journal, 2)
            used = opened[0].execute("PRAGMA page_count").fetchone()[0]
            opened[0].execute(f"PRAGMA max_page_count = {used}")
            with pytest.raises(NotKept) as fault:
                journal.append_many([(TimerFired(n), Outcome()) for n in range(2, 2000)])
            assert not fault.value.final
            assert journal.number == 2
            opened[0].execute(f"PRAGMA max_page_count = {used + 1000}")
            journal.append(TimerFired(2), submit("x-1"))
            assert [line.time for line in store.records.lines("run-1")] == [0, 1, 2]
    finally:
        if event.contains(Engine, "connect", remember):
            event.remove(Engine, "connect", remember)


def test_a_lost_postgres_connection_ends_the_writer():
    place = new_database()
    with open_store(place) as store:
        journal = store.create_run(run_of())
        timers(journal, 2)
        with tampering(place) as say:
            say(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        for time in (2, 3):
            with pytest.raises(NotKept) as fault:
                journal.append(TimerFired(time), Outcome())
            assert fault.value.final
        assert journal.number == 2


# --- damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "UPDATE journal SET body = replace(body, 'Timer', 'Cimer') WHERE number = 2",
        "UPDATE journal SET time = 7 WHERE number = 2",
        "UPDATE journal SET chain = 'x' || chain WHERE number = 2",
        "DELETE FROM journal WHERE number = 2",
        "DELETE FROM journal WHERE number = 3",
        "UPDATE journal SET number = number + 10",
        "UPDATE journal SET run = 'run-2'",
        "UPDATE runs SET capital = '1' WHERE id = 'run-1'",
        "UPDATE runs SET config = '{}' WHERE id = 'run-1'",
        "UPDATE heads SET number = 2 WHERE run = 'run-1'",
    ],
)
def test_any_damage_is_found_and_none_is_mended(place, words):
    with open_store(place) as store:
        timers(store.create_run(run_of()), 3)
        store.create_run(run_of("run-2", config='{"rungs":4}'))
    with tampering(place) as say:
        say(words)
    with pytest.raises(JournalError, match="run-1"):
        list(open_records(place).lines("run-1"))


def test_a_cut_off_end_is_found_before_anything_is_added(place):
    with open_store(place) as store:
        timers(store.create_run(run_of()), 3)
    with tampering(place) as say:
        say("DELETE FROM journal WHERE number = 3")
    with open_store(place) as store, pytest.raises(JournalError, match="ends with line 2"):
        store.journal("run-1")


def test_an_old_copy_of_the_file_is_refused(tmp_path):
    place = tmp_path / "store.db"
    with open_store(place) as store:
        timers(store.create_run(run_of()), 3)
    old = place.read_bytes()
    with open_store(place) as store:
        timers(store.journal("run-1"), 1)
    place.write_bytes(old)
    with pytest.raises(UserError, match="3 journal lines and 4 were") as refused:
        open_store(place)
    assert refused.value.code == "DATABASE_BEHIND"
    place.with_name("store.db.lock").unlink()
    with open_store(place) as store:
        assert store.journal("run-1").number == 3


# --- one writer ----------------------------------------------------------------------------------

SECOND = """
import sys
from absolute.domain.errors import UserError
from absolute.store.sql_store import open_records, open_store
try:
    open_store(sys.argv[1])
except UserError as fault:
    print(fault.code, fault)
print(len(list(open_records(sys.argv[1]).lines("run-1"))))
"""


def test_a_second_process_may_read_but_not_write(place):
    import os

    with open_store(place) as store:
        timers(store.create_run(run_of()), 3)
        words = [sys.executable, "-c", SECOND, place]
        told = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split("\n")
    assert told[0].startswith("DATABASE_IN_USE")
    assert f"process {os.getpid()};" in told[0]
    assert told[1] == "3"


def test_whoever_only_reads_can_change_nothing(place):
    with open_store(place) as store:
        store.create_run(run_of())
        engine = store.records._engine
        with pytest.raises(Exception, match=r"read-?only"), engine.begin() as connection:
            connection.execute(text("DELETE FROM heads"))


def test_a_closed_store_can_be_opened_again_at_once(place):
    for count in range(3):
        with open_store(place) as store:
            timers(store.create_run(run_of(f"run-{count}")), 1)
    assert len(open_records(place).runs()) == 3


def test_the_file_is_for_its_owner_alone(tmp_path):
    with open_store(tmp_path / "new" / "store.db") as store:
        timers(store.create_run(run_of()), 1)
        modes = {path.name: path.stat().st_mode & 0o77 for path in (tmp_path / "new").iterdir()}
    assert modes["store.db"] == 0
    assert set(modes.values()) == {0}


# --- opening -------------------------------------------------------------------------------------


def test_the_revisions_end_at_the_tables_of_today(place):
    with open_store(place):
        pass
    engine = create_engine(database_url(place))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_a_database_of_a_newer_program_is_refused(place):
    with open_store(place):
        pass
    with tampering(place) as say:
        say("UPDATE alembic_version SET version_num = '9999'")
    for opening in (open_store, open_records):
        with pytest.raises(UserError, match="9999") as refused:
            opening(place)
        assert refused.value.code == "DATABASE_NEWER"


def test_a_database_without_our_tables_is_not_read(tmp_path):
    with pytest.raises(UserError) as refused:
        open_records(tmp_path / "none.db")
    assert refused.value.code == "DATABASE_MISSING"
    create_engine(f"sqlite:///{tmp_path / 'empty.db'}").connect().close()
    (tmp_path / "empty.db").touch()
    with pytest.raises(UserError) as refused:
        open_records(tmp_path / "empty.db")
    assert refused.value.code == "DATABASE_OLDER"


@pytest.mark.parametrize("url", ["mysql://u:hush@h/d", "sqlite://", "postgres//", "://"])
def test_what_is_no_database_of_ours_is_refused(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as refused:
        open_store(url if "://" in url else url.replace("//", "://"))
    assert refused.value.code in {"DATABASE_URL_INVALID", "DATABASE_NOT_OPENED"}
    assert "hush" not in str(refused.value)


def test_a_password_is_never_in_the_sentence():
    with pytest.raises(UserError) as refused:
        open_store("postgresql://me:hush@127.0.0.1:1/none")
    assert refused.value.code == "DATABASE_NOT_OPENED"
    assert "hush" not in str(refused.value)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    place = tmp_path / "store.db"
    place.write_bytes(b"not a database at all" * 100)
    with pytest.raises(UserError) as refused:
        open_store(place)
    assert refused.value.code == "DATABASE_NOT_OPENED"


def test_a_postgres_that_does_not_sync_is_refused():
    place = new_database()
    engine = create_engine(database_url(place), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        try:
            connection.execute(text("ALTER SYSTEM SET full_page_writes = off"))
            connection.execute(text("SELECT pg_reload_conf()"))
            _until(connection, "full_page_writes", "off")
            with pytest.raises(UserError, match="full_page_writes") as refused:
                open_store(place)
            assert refused.value.code == "DATABASE_UNSAFE"
        finally:
            connection.execute(text("ALTER SYSTEM RESET full_page_writes"))
            connection.execute(text("SELECT pg_reload_conf()"))
            _until(connection, "full_page_writes", "on")
    engine.dispose()


def _until(connection, setting, value):
    for _ in range(100):
        if connection.execute(text(f"SHOW {setting}")).scalar() == value:
            return
        connection.execute(text("SELECT pg_sleep(0.05)"))
    raise AssertionError(f"{setting} is not {value}")


# --- read models ---------------------------------------------------------------------------------


def test_the_read_models_tell_what_the_books_tell(place):
    tape = tape_of([100, (100, 100, 98.5, 99), (99, 104, 99, 104), (104, 104, 90, 91), 120, 121])
    with open_store(place) as store:
        play(tape, Ladder(LADDER), journal=store.create_run(run_of()))
        records = store.records
        played = play(tape, Ladder(LADDER))
        books = read_log(played.journal.entries, Setting().ledger(), START)
        assert [(each["price"], each["qty"], each["deal"]) for each in records.fills("run-1")] == [
            (f"{D(fill.price).normalize():f}", f"{D(fill.qty).normalize():f}", fill.deal)
            for fill in books.fills
        ]
        assert [(each["deal"], each["status"], each["rebuys"]) for each in records.deals("run-1")][
            :-1
        ] == [(deal.number, deal.status, deal.rebuys) for deal in books.deals][:-1]
        orders = played.portfolio.orders
        told = {each["client_id"]: each["status"] for each in records.orders("run-1")}
        assert told == {str(name): order.status.value for name, order in orders.items()}
        living = {each["client_id"] for each in records.orders("run-1", living=True)}
        assert living == {str(o.client_id) for o in orders.values() if not o.terminal}
        assert list(records.notes("run-1")) == books.notes
        assert len(books.fills) >= 4


def filled(trade, fee=None):
    fill = Fill(trade, "x-1", Side.BUY, D(100), D("0.5"), Liquidity.MAKER, fee, 5)
    return OrderFilled(5, fill, done=False)


def test_a_fill_told_twice_is_one_and_a_late_fee_finds_it(place):
    with open_store(place) as store:
        journal = store.create_run(run_of())
        journal.append(Started(1, D(100)), submit("x-1"))
        journal.append(OrderAccepted(2, "x-1", "v-1"), Outcome())
        journal.append(filled("t-1"), Outcome())
        journal.append(filled("t-1"), Outcome())
        journal.append(FeeReported(6, "t-1", Fee(D("0.001"), "COIN", D("0.1"))), Outcome())
        journal.append(FeeReported(7, "t-9", Fee(D("0.001"), "COIN", D("0.1"))), Outcome())
        (fill,), (order,) = store.records.fills("run-1"), store.records.orders("run-1")
        assert (fill["fee_amount"], fill["fee_asset"]) == ("0.001", "COIN")
        assert (order["filled"], order["status"]) == ("0.5", "partly_filled")


def test_an_order_has_its_whole_story_under_either_id(place):
    with open_store(place) as store:
        journal = store.create_run(run_of())
        journal.append(Started(1, D(100)), submit("x-1"))
        journal.append(TimerFired(2), submit("x-2"))
    with open_store(place) as store:
        journal = store.journal("run-1")
        journal.append(OrderAccepted(3, "x-1", "v-1"), Outcome())
        journal.append(filled("t-1"), Outcome())
        journal.append(FeeReported(6, "t-1", Fee(D("0.001"), "COIN", D("0.1"))), Outcome())
        story = store.records.order_story("x-1")
        assert [line.number for line in story.lines] == [1, 3, 4, 5]
        assert len(story.fills) == 1
        assert store.records.order_story("v-1") == story
        with pytest.raises(UserError) as refused:
            store.records.order_story("x-9")
        assert refused.value.code == "ORDER_UNKNOWN"


def test_a_deal_has_the_stories_of_all_its_orders(place):
    with open_store(place) as store:
        play(TAPE, Ladder(LADDER), journal=store.create_run(run_of()))
        story = store.records.deal_story("run-1", 1)
        assert {order["role"] for order in story.orders} >= {"entry", "exit"}
        assert len(story.fills) == len([f for f in store.records.fills("run-1") if f["deal"] == 1])
        told = {line.number for line in story.lines}
        for order in story.orders:
            own = store.records.order_story(order["client_id"])
            assert {line.number for line in own.lines} <= told
        with pytest.raises(UserError) as refused:
            store.records.deal_story("run-1", 99)
        assert refused.value.code == "DEAL_UNKNOWN"


def test_what_people_asked_for_is_told_with_their_name(place):
    with open_store(place) as store:
        journal = store.create_run(run_of())
        journal.append(Paused(1, "ana"), Outcome())
        store.add_command(2, "bia", action="parity", detail="run-1")
        told = [(row["who"], row["action"]) for row in store.records.commands()]
        assert told == [("ana", "pause"), ("bia", "parity")]
        assert len(store.records.commands("run-1")) == 1
