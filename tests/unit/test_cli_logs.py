"""`absolute logs`: the whole story of an order or a deal under one id, and the log as it grows."""

import json
import logging
import subprocess
import sys

import pytest

from absolute.cli.main import status_of
from absolute.desk.logs import LogSettings, start_logging, stop_logging
from absolute.store.sql_store import open_store
from absolute.strategies.ladder import Ladder

from tests.builders import play
from tests.unit.test_sql_store import LADDER, TAPE, run_of

COMMANDS = (("logs", "absolute.cli.logs:app", "logs"),)
LOG = logging.getLogger("absolute.live")


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A user with one finished run, whose log has lines about its orders."""
    monkeypatch.setenv("ABSOLUTE_HOME", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("LOG_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    before = logging.getLogger().level
    with open_store(tmp_path / "absolute.db") as store:
        play(TAPE, Ladder(LADDER), journal=store.create_run(run_of()))
        start_logging(LogSettings("INFO", tmp_path / "absolute.log"))
        first = store.records.orders("run-1")[0]["client_id"]
        LOG.info("sent", extra={"order": first, "run": "run-1"})
        LOG.info("sent", extra={"order": first + "0"})
        LOG.info("asked again for %s: it is there", first)
        LOG.info("nothing to do")
        stop_logging()
        logging.getLogger().setLevel(before)
    return tmp_path


@pytest.fixture
def logs(home, capsys):
    """Run `absolute logs`; gives its status, output and errors."""
    assert home.is_dir()

    def call(*words):
        status = status_of(["logs", *words], commands=COMMANDS)
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def first_order(logs):
    return json.loads(logs("--run", "run-1", "--json")[1])["orders"][0]


def test_an_order_is_told_from_its_wish_to_its_end_with_what_was_logged(logs):
    order = first_order(logs)
    status, out, _ = logs("--order", order["client_id"], "--json")
    told = json.loads(out)
    assert status == 0
    texts = [line["text"] for line in told["lines"]]
    assert f"place {order['client_id']}: entry buy market for 300" in texts[0]
    assert any(text.startswith(f"OrderAccepted {order['client_id']}") for text in texts)
    assert any(text.startswith(f"OrderFilled {order['client_id']}: buy") for text in texts)
    assert [line["text"] for line in told["lines"] if line["source"] == "log"] == [
        "sent",
        f"asked again for {order['client_id']}: it is there",
    ]
    assert told["fills"][0]["client_id"] == order["client_id"]
    by_venue = json.loads(logs("--order", order["venue_id"], "--json")[1])
    assert by_venue == told


def test_the_story_reads_line_by_line_in_the_order_of_time(logs):
    out = logs("--order", first_order(logs)["client_id"])[1].splitlines()
    assert out == sorted(out, key=lambda line: line.split()[0])
    assert out[0].startswith("2024-01-01T00:00:00.000000Z  journal 1")


def test_a_deal_is_told_with_all_its_orders(logs):
    told = json.loads(logs("--deal", "1", "--json")[1])
    assert {order["deal"] for order in told["orders"]} == {1}
    assert told["deals"][0]["status"] == "closed"
    fills = [line for line in told["lines"] if line["text"].startswith("OrderFilled")]
    assert len(fills) == len(told["fills"]) >= 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--order", "none"], "ORDER_UNKNOWN"),
        (["--deal", "77"], "DEAL_UNKNOWN"),
        (["--run", "none"], "RUN_UNKNOWN"),
        (["--deal", "1", "--db", "nowhere.db"], "DATABASE_MISSING"),
    ],
)
def test_what_is_not_there_is_one_sentence(logs, words, code):
    status, out, err = logs(*words, "--json")
    assert status == 2
    assert json.loads(out or err)["error"] == code


def test_without_an_id_it_is_the_end_of_the_log(logs, home):
    out = logs("--lines", "2")[1].splitlines()
    assert len(out) == 2
    assert out[1].endswith("nothing to do")
    (home / "absolute.log").unlink()
    status, out, err = logs("--json")
    assert status == 2
    assert json.loads(out or err)["error"] == "LOG_MISSING"


def test_dotenv_says_where_the_log_and_the_database_are(logs, home, monkeypatch):
    monkeypatch.setenv("LOG_FILE", "")
    for name in ("LOG_FILE", "ABSOLUTE_HOME"):
        monkeypatch.delenv(name)
    (home / "absolute.log").rename(home / "other.log")
    (home / ".env").write_text(f"LOG_FILE=other.log\nABSOLUTE_HOME={home}\n")
    assert logs("--lines", "1")[1].splitlines()[0].endswith("nothing to do")
    assert logs("--deal", "1")[0] == 0


RUN = "import sys; from absolute.cli.main import status_of\n"
RUN += "sys.exit(status_of(sys.argv[1:], commands=(('logs', 'absolute.cli.logs:app', 'l'),)))"


def test_a_log_is_followed_as_it_grows(home):
    words = [sys.executable, "-c", RUN, "logs", "--follow", "--lines", "1", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=home) as following:
        assert following.stdout is not None
        try:
            assert json.loads(following.stdout.readline())["message"] == "nothing to do"
            with (home / "absolute.log").open("a") as log:
                log.write('{"time": "2024-01-02T00:00:00Z", "message": "now"}\n')
            assert json.loads(following.stdout.readline())["message"] == "now"
        finally:
            following.terminate()
