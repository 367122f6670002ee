"""The log: a line is a line, no secret is in it in any shape, and its disk never stops anything."""

# mypy: disable-error-code="attr-defined, union-attr"

import base64
import json
import logging
import subprocess
import sys
import urllib.parse
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from absolute.desk.clock import stopwatch
from absolute.desk.dotenv import load_dotenv, read_dotenv, settings
from absolute.desk.log_reading import Follower, tail
from absolute.desk.logs import (
    LINES_PER_SECOND_MAX,
    Lines,
    LogSettings,
    hidden,
    log_settings,
    register_secret,
    start_logging,
    stop_logging,
)
from absolute.desk.redaction import STARS, Redactor
from absolute.domain.errors import UserError

LOG = logging.getLogger("absolute.test")
CANARIES = [
    "c4n4ry+key/with=signs",
    "kQ7vZpLm2XsT9aRbY4nWc8",
    "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIB\n-----END EC PRIVATE KEY-----",
    'quo"ted\\secret',
    "senha com espaços é ção",
    "0123456789abcdef",
    "päßwörd-ключ-鍵",
    "a b&c=d?e#f%g",
    "x" * 64,
    "s3cr3t",
]


@pytest.fixture
def log(tmp_path):
    """A log in a file; gives the reading of its lines."""
    path = tmp_path / "bot.log"
    root, before = logging.getLogger(), logging.getLogger().level
    start_logging(LogSettings("DEBUG", path))

    def lines():
        return [json.loads(line) for line in path.read_text("ascii").splitlines()]

    lines.path = path
    yield lines
    stop_logging()
    root.setLevel(before)


# --- a line -----------------------------------------------------------------------------------


def test_a_line_is_one_object_with_what_the_record_was_given(log):
    LOG.info("order %s sent", "x-1", extra={"order": "x-1", "run": "r", "rungs": (1, 2)})
    (line,) = log()
    assert line["message"] == "order x-1 sent"
    assert (line["level"], line["logger"]) == ("INFO", "absolute.test")
    assert (line["order"], line["run"], line["rungs"]) == ("x-1", "r", [1, 2])
    assert datetime.fromisoformat(line["time"]).utcoffset().total_seconds() == 0


@given(text=st.text(), value=st.text())
def test_no_text_can_end_a_line_or_begin_one(text, value):
    record = logging.LogRecord("n", logging.INFO, "", 0, text.replace("%", "%%"), (), None)
    record.order = value
    line = Lines().format(record)
    assert line.isascii()
    assert line.isprintable()
    assert len(line.splitlines()) == 1
    json.loads(line)


@pytest.mark.parametrize("text", ["a\r\nINFO all is well", "a\u2028b", "\x1b[2J", "\x00", "\x85"])
def test_forged_lines_stay_inside_theirs(log, text):
    LOG.warning(text, extra={"reason": text})
    LOG.warning("%s", text)
    assert len(log()) == 2


def test_a_message_that_does_not_fit_its_arguments_is_still_told():
    record = logging.LogRecord("n", logging.INFO, "", 0, "%d orders", ("many",), None)
    assert "many" in json.loads(Lines().format(record))["message"]


def test_an_exception_is_told_whole_in_one_line(log):
    try:
        raise ValueError("no\nsuch order")
    except ValueError:
        LOG.exception("it failed")
    assert "ValueError: no\nsuch order" in log()[0]["exception"]


def test_a_line_has_an_end(log):
    LOG.info("y" * 100_000)
    LOG.info("after")
    first, second = log()
    assert first["cut_chars"] > 100_000
    assert second["message"] == "after"


# --- no secret --------------------------------------------------------------------------------


def shapes(secret):
    """Ways in which a secret leaves a program, written here anew."""
    raw = secret.encode()
    yield secret
    yield raw.hex()
    yield raw.hex().upper()
    yield base64.b64encode(raw).decode()
    yield base64.urlsafe_b64encode(raw).decode()
    yield base64.b64encode(b"user:" + raw).decode()
    yield base64.b64encode(b"me:" + raw + b":more").decode()
    yield urllib.parse.quote(secret)
    yield urllib.parse.quote(secret, safe="")
    yield urllib.parse.quote_plus(secret)
    yield urllib.parse.urlencode({"k": secret})
    yield json.dumps(secret)
    yield json.dumps(secret, ensure_ascii=False)
    yield json.dumps({"nested": {"deep": [secret]}})


def telltales(secret):
    """What would give a secret away if it stood in a log."""
    raw, middle = secret.encode(), []
    for before in range(3):
        text = base64.b64encode(bytes(before) + raw).decode()
        middle.append(text[4 : len(text) - 4])
    return [secret, json.dumps(secret)[1:-1], raw.hex(), urllib.parse.quote(secret), *middle]


@pytest.mark.parametrize("secret", CANARIES, ids=range(len(CANARIES)))
def test_no_canary_is_seen_in_any_shape(log, secret):
    register_secret(secret)
    for shape in shapes(secret):
        LOG.info("got " + shape.replace("%", "%%") + " back")
        LOG.info("got %s back", shape)
        LOG.info("told", extra={"reply": {"deep": [shape]}, "url": f"https://h/p?x={shape}&y=1"})
        LOG.info("told", extra={"thing": {shape: 1}})
        try:
            raise RuntimeError(shape)
        except RuntimeError:
            LOG.exception("failed")
    whole = log.path.read_text("ascii")
    for telltale in telltales(secret):
        if len(telltale) >= 6:
            assert telltale not in whole, telltale
            assert json.dumps(telltale)[1:-1] not in whole, telltale
    assert whole.count(STARS) >= 14 * 5


@pytest.mark.parametrize(
    "text",
    [
        "X-BAPI-SIGN: deadbeef",
        "GET /order?symbol=BTCUSDT&timestamp=1&signature=deadbeef",
        "apiKey=deadbeef&recvWindow=5000",
        '{"api_secret": "deadbeef", "side": "buy"}',
        "Authorization: Bearer deadbeef",
        "{'X-MBX-APIKEY': 'deadbeef'}",
        "password = deadbeef",
        "listenKey: deadbeef",
        "token=deadbeef",
        "Set-Cookie: deadbeef",
        "passphrase=deadbeef;",
        "postgresql_password:deadbeef",
        "postgresql://me:deadbeef@host/name",
    ],
)
def test_what_stands_under_a_telling_name_is_hidden(text):
    assert "deadbeef" not in hidden(text)
    assert STARS in hidden(text)


def test_values_under_telling_names_are_hidden_whatever_they_are(log):
    LOG.info("x", extra={"api_key": "k", "headers": {"Cookie": ["a", "b"], "Host": "h"}, "sign": 5})
    (line,) = log()
    assert line["api_key"] == line["sign"] == line["headers"]["Cookie"] == STARS
    assert line["headers"]["Host"] == "h"


@pytest.mark.parametrize(
    "text",
    [
        "https://host:443/a@b",
        "the design: sound",
        "3 tokens: fine",
        "order x-1 assigned=yes",
        "key x: y",
        "a=b",
    ],
)
def test_plain_words_stay(text):
    assert hidden(text) == text


@given(secret=st.text(min_size=6, max_size=40), before=st.binary(max_size=8), after=st.binary())
def test_base64_hides_a_secret_at_any_alignment(secret, before, after):
    redactor = Redactor()
    redactor.register(secret)
    raw = secret.encode()
    text = redactor.text(base64.b64encode(before + raw + after).decode())
    # Two digits at each end may hold bits of it: five of six bytes must be gone.
    for start in range(len(raw) - 5):
        for shift in range(3):
            piece = base64.b64encode(bytes(shift) + raw[start : start + 6]).decode()[4:8]
            if piece not in base64.b64encode(after).decode() and len(set(raw)) > 5:
                assert piece not in text or piece in STARS


@pytest.mark.parametrize(
    "text", ["y" * 300_000, "k" + " " * 300_000, "a=" * 100_000, "-" * 300_000]
)
def test_no_text_takes_long_to_clean(text):
    watch = stopwatch()
    hidden(text)
    assert watch.seconds < 2


def test_a_short_word_is_no_secret():
    redactor = Redactor()
    redactor.register("abc")
    assert redactor.text("abcdef") == "abcdef"


# --- the file -----------------------------------------------------------------------------------


def test_a_full_file_is_renamed_and_only_a_few_are_kept(tmp_path):
    path, before = tmp_path / "bot.log", logging.getLogger().level
    start_logging(LogSettings("INFO", path, bytes_max=2000, files=3))
    for number in range(200):
        LOG.info("line %d", number)
    stop_logging()
    logging.getLogger().setLevel(before)
    files = sorted(each.name for each in tmp_path.iterdir())
    assert files == ["bot.log", "bot.log.1", "bot.log.2"]
    assert all((tmp_path / name).stat().st_size <= 2000 for name in files)
    kept = [json.loads(line)["message"] for name in reversed(files)
            for line in (tmp_path / name).read_text().splitlines()]  # fmt: skip
    assert kept == [f"line {number}" for number in range(200 - len(kept), 200)]


def test_a_flood_is_capped_but_not_its_warnings(tmp_path):
    path, before = tmp_path / "bot.log", logging.getLogger().level
    handler = start_logging(LogSettings("INFO", path))
    assert handler is not None
    for number in range(LINES_PER_SECOND_MAX + 50):
        record = logging.LogRecord("n", logging.INFO, "", 0, "flood %d", (number,), None)
        record.created = 1000.5
        handler.handle(record)
    loud = logging.LogRecord("n", logging.WARNING, "", 0, "look here", (), None)
    loud.created = 1000.6
    handler.handle(loud)
    stop_logging()
    logging.getLogger().setLevel(before)
    assert handler.lost == 50
    assert "look here" in path.read_text().splitlines()[-1]


FULL = """
import logging, resource, signal, sys
from pathlib import Path
from absolute.desk.logs import LogSettings, start_logging
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
handler = start_logging(LogSettings("INFO", path))
log = logging.getLogger("absolute")
log.info("first")
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 30, hard))
for number in range(5):
    log.info("lost %d", number)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
log.info("after")
print("traded on, lost", handler.lost)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
def test_a_full_disk_costs_lines_and_nothing_else(tmp_path):
    path = tmp_path / "bot.log"
    words = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "traded on, lost 5"
    assert done.stderr.count("cannot be written") == 1
    whole = [json.loads(each)["message"] for each in path.read_text().splitlines() if _whole(each)]
    assert whole == ["first", "after"]


def _whole(line):
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def test_a_place_that_cannot_be_written_is_told_at_the_start(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError) as refused:
        start_logging(LogSettings("INFO", tmp_path / "file" / "bot.log"))
    assert refused.value.code == "LOG_NOT_WRITABLE"


# --- settings -----------------------------------------------------------------------------------


def test_level_and_file_come_from_dotenv_beneath_the_environment(tmp_path):
    (tmp_path / ".env").write_text(
        'LOG_LEVEL=debug\nLOG_FILE="a b.log"\nPATH=/evil\nKRAKEN_API_KEY=abc\n# LOG=1\n'
    )
    (tmp_path / ".env").chmod(0o600)
    told = log_settings(settings(tmp_path, {}))
    assert (told.level, told.file.name) == ("DEBUG", "a b.log")
    assert log_settings(settings(tmp_path, {"LOG_LEVEL": "ERROR"})).level == "ERROR"
    assert read_dotenv(tmp_path) == {
        "LOG_LEVEL": "debug", "LOG_FILE": "a b.log", "KRAKEN_API_KEY": "abc",
    }  # fmt: skip
    environment = {"LOG_LEVEL": "INFO"}
    load_dotenv(tmp_path, environment)
    assert environment["LOG_LEVEL"] == "INFO"
    assert environment["KRAKEN_API_KEY"] == "abc"
    assert "PATH" not in environment


def test_without_settings_it_is_info_in_the_folder_of_this_user(monkeypatch, tmp_path):
    monkeypatch.setenv("ABSOLUTE_HOME", str(tmp_path))
    assert log_settings({}) == LogSettings("INFO", tmp_path / "absolute.log")
    assert log_settings({"LOG_FILE": "-"}).file is None
    assert read_dotenv(tmp_path) == {}


def test_an_unknown_level_is_refused_in_one_sentence():
    with pytest.raises(UserError, match="LOUD") as refused:
        log_settings({"LOG_LEVEL": "loud"})
    assert refused.value.code == "LOG_LEVEL_UNKNOWN"


def test_a_dotenv_that_is_no_text_is_refused(tmp_path):
    (tmp_path / ".env").write_bytes(b"LOG_LEVEL=\xff\xfe")
    with pytest.raises(UserError) as refused:
        read_dotenv(tmp_path)
    assert refused.value.code == "DOTENV_UNREADABLE"


# --- reading -------------------------------------------------------------------------------------


def test_a_log_is_followed_across_its_renaming(tmp_path):
    path, before = tmp_path / "bot.log", logging.getLogger().level
    start_logging(LogSettings("INFO", path, bytes_max=1500, files=9))
    follower, seen = Follower(path), []
    for number in range(60):
        LOG.info("line %d", number)
        if number % 7 == 0:
            seen += [each["message"] for each in follower.fresh()]
    stop_logging()
    logging.getLogger().setLevel(before)
    seen += [each["message"] for each in follower.fresh()]
    assert seen == [f"line {number}" for number in range(60)]
    assert [each["message"] for each in tail(path, 3)] == ["line 57", "line 58", "line 59"]
    assert tail(path, 0) == []


def test_a_secret_that_is_part_of_a_telling_name_does_not_uncover_what_the_name_names():
    redactor = Redactor()
    redactor.register("phrase")
    assert "deadbeef" not in redactor.text("passphrase=deadbeef;")
