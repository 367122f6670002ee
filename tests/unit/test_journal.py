"""The journal: what is appended is there, in order; a torn end is cut, other damage refused."""

# mypy: disable-error-code="arg-type, dict-item, union-attr, comparison-overlap"
# Ids, times and assets are plain literals here; that the product cannot mix them: test_units.py.

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.domain.errors import JournalError
from absolute.domain.messages import Paused, Started, TimerFired
from absolute.engine.step import Outcome
from absolute.store.journal import GENESIS, FileJournal, MemoryJournal, events, log_sha256
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig

from tests.builders import D, play, tape_of

TAPE = tape_of([100, (100, 100, 98.5, 99), (99, 104, 99, 104), 104])


def written(path, count=3):
    with FileJournal(path, sync=False) as journal:
        for number in range(count):
            journal.append(TimerFired(number), Outcome())
    return path


def test_what_is_appended_is_read_back_in_order(tmp_path):
    journal = FileJournal(tmp_path / "log")
    play(TAPE, Ladder(LadderConfig()), journal=journal)
    journal.close()
    twin = play(TAPE, Ladder(LadderConfig()))
    assert list(events(tmp_path / "log")) == twin.events
    assert len(twin.events) > 10


def test_a_file_and_a_memory_hold_the_same_run(tmp_path):
    """Every line carries the fact and what followed from it."""
    with FileJournal(tmp_path / "log") as journal:
        play(TAPE, Ladder(LadderConfig()), journal=journal)
    entries = play(TAPE, Ladder(LadderConfig())).journal.entries
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == len(entries)
    for line, entry in zip(lines, entries, strict=True):
        assert line.count('"_":"Submit"') + line.count('"_":"Cancel"') == len(
            entry.outcome.commands
        )


def test_lines_are_numbered_and_chained(tmp_path):
    lines = written(tmp_path / "log").read_text().splitlines()
    assert [f'"number":{n}' in line for n, line in enumerate(lines, start=1)] == [True] * 3
    assert len({line.split(" ")[0] for line in lines}) == 3


def test_a_journal_goes_on_where_it_ended(tmp_path):
    path = written(tmp_path / "log", 3)
    with FileJournal(path) as journal:
        assert journal.number == 3
        journal.append(TimerFired(3), Outcome())
    assert [event.time for event in events(path)] == [0, 1, 2, 3]


def test_a_new_journal_is_empty(tmp_path):
    with FileJournal(tmp_path / "log") as journal:
        assert journal.number == 0
    assert list(events(tmp_path / "log")) == []
    assert GENESIS == "0" * 64


@settings(max_examples=40)
@given(data=st.data())
def test_a_torn_end_is_cut_wherever_it_was_torn(data, tmp_path_factory):
    """A crash inside the last line costs that line and nothing else."""
    path = written(tmp_path_factory.mktemp("torn") / "log", 3)
    whole = path.read_bytes()
    keep = whole.rindex(b"\n", 0, -1) + 1  # where the last line begins
    path.write_bytes(whole[: data.draw(st.integers(keep, len(whole) - 1))])
    with FileJournal(path, sync=False) as journal:
        assert journal.number == 2
        journal.append(TimerFired(9), Outcome())
    assert [event.time for event in events(path)] == [0, 1, 9]


@settings(max_examples=60)
@given(data=st.data())
def test_any_other_damage_is_refused(data, tmp_path_factory):
    """One changed byte before the last line's end: the chain breaks, and nothing is mended."""
    path = written(tmp_path_factory.mktemp("hurt") / "log", 3)
    whole = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(whole) - 2))
    whole[place] ^= data.draw(st.sampled_from([1, 2, 4, 8, 16]))
    path.write_bytes(whole)
    with pytest.raises(JournalError):
        list(events(path))
    with pytest.raises(JournalError):
        FileJournal(path)
    assert path.read_bytes() == bytes(whole)


@pytest.mark.parametrize("order", [(0, 2), (1, 0, 2), (0, 0, 1, 2)])
def test_lines_that_are_missing_moved_or_doubled_are_refused(tmp_path, order):
    path = written(tmp_path / "log", 3)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[number] for number in order))
    with pytest.raises(JournalError, match="line"):
        FileJournal(path)


def test_damage_that_is_no_text_is_a_journal_error(tmp_path):
    path = written(tmp_path / "log", 3)
    whole = bytearray(path.read_bytes())
    whole[10] = 0xFF
    path.write_bytes(whole)
    with pytest.raises(JournalError):
        list(events(path))


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from absolute.domain.messages import TimerFired
from absolute.engine.step import Outcome
from absolute.store.journal import FileJournal, events
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
journal = FileJournal(path)
for number in range(3):
    journal.append(TimerFired(number), Outcome())
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 40, hard))
try:
    journal.append(TimerFired(3), Outcome())
except OSError:
    print("not kept")
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
try:
    journal.append(TimerFired(4), Outcome())
except (OSError, ValueError):
    print("closed")
print([event.time for event in events(path)])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
def test_a_full_disk_does_not_ruin_what_was_kept(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "log")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = ran.stdout.splitlines()
    assert told[0] == "not kept"
    assert told[-1] in {"[0, 1, 2]", "[0, 1, 2, 4]"}, ran.stderr


def test_the_hash_of_a_log_tells_logs_apart():
    one, two = MemoryJournal(), MemoryJournal()
    one.append(Started(1, D(100)), Outcome())
    two.append(Started(1, D("100.01")), Outcome())
    assert len({log_sha256([]), log_sha256(one.entries), log_sha256(two.entries)}) == 3
    two.entries.clear()
    two.append(Started(1, D(100)), Outcome())
    assert log_sha256(one.entries) == log_sha256(two.entries)
    one.append(Paused(2, "ann"), Outcome())
    assert log_sha256(one.entries) != log_sha256(two.entries)


IN_ANOTHER_PROCESS = """
from tests.builders import play, tape_of
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig
TAPE = tape_of([100, (100, 100, 98.5, 99), (99, 104, 99, 104), 104])
print(play(TAPE, Ladder(LadderConfig())).sha)
"""


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_hash_of_a_log_is_the_same_in_every_process(seed, pytestconfig):
    ran = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS],
        capture_output=True, text=True, check=True, cwd=pytestconfig.rootpath,
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": f"{pytestconfig.rootpath}/src"},
    )  # fmt: skip
    assert ran.stdout.strip() == play(TAPE, Ladder(LadderConfig())).sha
