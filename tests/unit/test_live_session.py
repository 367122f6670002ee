"""Sittings of the command line with a live run: what went wrong is told in one sentence."""

import json
import os
import socket

import pytest

from absolute.desk.box_state import BoxState, write_state
from absolute.desk.driver import DriverFault
from absolute.desk.live_door import Way
from absolute.desk.live_session import carried_out, place_mark, way_of
from absolute.desk.logs import register_secret
from absolute.domain.errors import JournalError, LedgerError, UserError
from absolute.store.runs import RunMode
from absolute.store.sql_writer import NotKept

from tests.unit.test_live_run import Wallet, begun


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ABSOLUTE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def broken_by(fault):
    async def work():
        raise fault

    with pytest.raises(UserError) as told:
        carried_out(work())
    return told.value


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (NotKept("disk I/O error", final=True), "JOURNAL_NOT_KEPT"),
        (JournalError("step 3 asks for other orders now"), "JOURNAL_DISAGREES"),
        (LedgerError("USDT would be -1"), "RUN_BROKE"),
        (DriverFault("the door broke"), "RUN_BROKE"),
    ],
)
def test_what_ends_a_run_is_one_sentence_with_its_reason(fault, code):
    told = broken_by(fault)
    assert told.code == code
    assert str(fault) in told.message
    assert "\n" not in told.message


def test_a_fault_is_in_the_log_with_all_its_lines_and_without_secrets(tmp_path):
    register_secret("a-secret-of-this-test")
    told = broken_by(LedgerError("a-secret-of-this-test"))
    assert "a-secret-of-this-test" not in told.message
    (line,) = map(json.loads, (tmp_path / "absolute.log").read_text("utf-8").splitlines())
    assert "LedgerError" in line["exception"]
    assert "a-secret-of-this-test" not in line["exception"]


def box(port):
    return BoxState(os.getpid(), "127.0.0.1", port, 0, "", {}, {})


def test_a_run_of_a_box_that_is_gone_is_not_looked_for_in_another(tmp_path):

    where, way = tmp_path / "runs.db", Way("bybit:demo", "BTC/USDT", box=True)
    with (
        socket.create_server(("127.0.0.1", 0)) as first,
        socket.create_server(("127.0.0.1", 0)) as second,
    ):
        old, new = (box(each.getsockname()[1]) for each in (first, second))
        run = begun(
            where,
            Wallet("20000"),
            profile="bybit:demo",
            mode=RunMode.BOX,
            assumed=place_mark(way, old),
        )
        write_state(old)
        assert way_of(str(where), run.id, account="default", box=True).box
        write_state(new)
        with pytest.raises(UserError) as refused:
            way_of(str(where), run.id, account="default", box=True)
    assert refused.value.code == "BOX_GONE"


@pytest.mark.parametrize("mode", [RunMode.LIVE, RunMode.PAPER])
def test_a_run_of_a_real_venue_is_never_compared_with_the_box(tmp_path, mode):
    where = tmp_path / "runs.db"
    run = begun(where, Wallet("20000"), profile="bybit:demo", mode=mode)
    with pytest.raises(UserError) as refused:
        way_of(str(where), run.id, account="default", box=True)
    assert refused.value.code == "NOT_A_BOX_RUN"


def test_a_run_of_the_box_is_never_compared_with_a_real_venue(tmp_path):
    where, way = tmp_path / "runs.db", Way("bybit:demo", "BTC/USDT", box=True)
    mark = place_mark(way, box(1))
    run = begun(where, Wallet("20000"), profile="bybit:demo", mode=RunMode.PAPER, assumed=mark)
    with pytest.raises(UserError) as refused:
        way_of(str(where), run.id, account="default", box=False)
    assert refused.value.code == "BOX_RUN"
