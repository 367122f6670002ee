"""Killed while it writes: every line that was said to be kept is there, and no half of one."""

# mypy: disable-error-code="arg-type"

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from sqlalchemy import create_engine, inspect, text

from absolute.domain.errors import JournalError, UserError
from absolute.domain.messages import TimerFired
from absolute.engine.step import Outcome
from absolute.store.sql_database import database_url
from absolute.store.sql_migrations import revision_of
from absolute.store.sql_store import open_records, open_store

from tests.postgres import place_of
from tests.unit.test_sql_store import run_of, timers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no fork and no SIGKILL")

# One warm process forks a writer each time it is told to: importing takes longer than a kill. A
# writer says how far it has come only after the journal has said so.
WRITERS = """
import os, sys
from decimal import Decimal
from absolute.domain.instrument import Side
from absolute.domain.ids import *
from absolute.domain.messages import OrderAccepted, OrderFilled, Submit, TimerFired
from absolute.domain.fill import Fee, Fill, Liquidity
from absolute.domain.order import OrderType, Terms
from absolute.engine.step import Outcome
from absolute.risk.checks import consent
from absolute.store.sql_store import open_store

def write(place):
    journal = open_store(place).journal("run-1")
    os.write(1, b"0\\n")
    while True:
        number = journal.number
        order, kind = f"x-{number // 3}", number % 3
        terms = Terms("entry", Side.BUY, OrderType.LIMIT, qty=Decimal(1), price=Decimal(100))
        if kind == 0:
            step = (TimerFired(number), Outcome((consent(Submit(order, terms)),)))
        elif kind == 1:
            step = (OrderAccepted(number, order, f"v-{number}"), Outcome())
        else:
            fill = Fill(f"t-{number}", order, Side.BUY, Decimal(100), Decimal(1),
                        Liquidity.TAKER, None, number)
            step = (OrderFilled(number, fill, True), Outcome())
        journal.append(*step)
        os.write(1, b"%d\\n" % journal.number)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        write(sys.argv[1])
    print("pid", child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""


def kill_while_writing(writers, chance):
    """Let one writer go on for a moment, kill it; returns the last number it said was kept."""
    writers.stdin.write("\n")
    writers.stdin.flush()
    child, said, wait = 0, 0, int(chance.integers(1, 25))
    for line in writers.stdout:
        if line.startswith("gone"):
            break
        if line.startswith("pid"):
            child = int(line.split()[1])
        else:
            said, wait = max(said, int(line)), wait - 1
        if child and wait <= 0:
            time.sleep(float(chance.uniform(0, 0.003)))
            os.kill(child, signal.SIGKILL)
            child = 0
    return said


@pytest.mark.parametrize(("kind", "kills"), [("sqlite", 25), ("postgres", 12)])
def test_killed_at_any_moment_no_line_that_was_kept_is_lost(kind, kills, tmp_path):
    place, chance = place_of(kind, tmp_path), np.random.Generator(np.random.PCG64(8))
    with open_store(place) as store:
        store.create_run(run_of())
    words, last = [sys.executable, "-c", WRITERS, place], 0
    with subprocess.Popen(words, stdin=-1, stdout=-1, text=True) as writers:
        for _ in range(kills):
            said = kill_while_writing(writers, chance)
            records = open_records(place)
            lines = list(records.lines("run-1"))
            assert len(lines) >= max(said, last)
            assert [line.time for line in lines] == list(range(len(lines)))
            last = len(lines)
            # The read models stand exactly where the journal stands.
            assert len(records.orders("run-1")) == (last + 2) // 3
            assert len(records.fills("run-1")) == last // 3
        assert writers.stdin is not None
        writers.stdin.close()
    assert last > kills * 2
    with open_store(place) as store:
        store.journal("run-1").append(TimerFired(last), Outcome())


MIGRATION = """
import os, signal, sys, types
import sqlalchemy as sa
from alembic import op
from absolute.store import sql_revision_0001 as first
from absolute.store.sql_database import database_url, writing_engine
from absolute.store.sql_migrations import migrate

def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer))
    op.add_column("runs", sa.Column("later", sa.Text))
    op.execute("UPDATE runs SET later = 'yes'")
    if sys.argv[2] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)

second = types.SimpleNamespace(
    revision="0002", down_revision="0001", upgrade=upgrade, __file__="0002", __doc__="")
with writing_engine(database_url(sys.argv[1])).begin() as connection:
    assert migrate(connection, (first, second))
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_killed_inside_a_migration_the_database_is_the_old_one(kind, tmp_path):
    place = place_of(kind, tmp_path)
    with open_store(place) as store:
        timers(store.create_run(run_of()), 3)
    words = [sys.executable, "-c", MIGRATION, place]
    assert subprocess.run([*words, "kill"], check=False).returncode == -signal.SIGKILL
    engine = create_engine(database_url(place))
    with engine.connect() as connection:
        assert revision_of(connection) == "0001"
        assert not inspect(connection).has_table("half")
        assert "later" not in {c["name"] for c in inspect(connection).get_columns("runs")}
    with open_store(place) as store:
        assert store.journal("run-1").number == 3
    assert subprocess.run([*words, "live"], check=False).returncode == 0
    with engine.connect() as connection:
        assert revision_of(connection) == "0002"
        assert connection.execute(text("SELECT later FROM runs")).scalar() == "yes"
    engine.dispose()
    with pytest.raises(UserError, match="0002"):
        open_store(place)


def test_a_flipped_bit_changes_no_line_that_is_read(tmp_path):
    """Either the journal reads as it was written, or it says that it is damaged."""
    place, chance = tmp_path / "store.db", np.random.Generator(np.random.PCG64(9))
    with open_store(place) as store:
        journal = store.create_run(run_of())
        journal.append_many([(TimerFired(n), Outcome()) for n in range(300)])
    assert not (tmp_path / "store.db-wal").exists()
    whole, found = place.read_bytes(), 0
    for _ in range(150):
        hurt = bytearray(whole)
        hurt[int(chance.integers(len(hurt)))] ^= 1 << int(chance.integers(8))
        place.write_bytes(hurt)
        try:
            assert [line.time for line in open_records(place).lines("run-1")] == list(range(300))
        except (JournalError, UserError):
            found += 1
    assert found > 50


def test_a_write_ahead_log_that_was_torn_costs_only_what_was_torn(tmp_path):
    """A power cut may leave any beginning of the log: what is left is a beginning of the run."""
    place, chance = tmp_path / "store.db", np.random.Generator(np.random.PCG64(10))
    with open_store(place) as store:
        timers(store.create_run(run_of()), 40)
        base = place.read_bytes()
        log = place.with_name("store.db-wal").read_bytes()
    seen = set()
    for number in range(30):
        cut = tmp_path / f"cut-{number}.db"
        cut.write_bytes(base)
        kept = log[: int(chance.integers(len(log)))]
        cut.with_name(f"{cut.name}-wal").write_bytes(kept)
        try:
            with open_store(cut) as store:
                runs = store.records.runs()
                lines = list(store.records.lines("run-1")) if runs else []
        except UserError:
            continue
        assert [line.time for line in lines] == list(range(len(lines)))
        seen.add(len(lines))
    assert len(seen) > 5
