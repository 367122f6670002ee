"""What somebody hostile would try: a venue that points elsewhere, a file left open, a forged line.

Each attack is made for real, over a socket or a file, and nothing may come of it.
"""

import ast
import asyncio
import base64
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

import absolute
from absolute.cli.main import status_of
from absolute.desk.box import BoxWanted, box_process, running_box
from absolute.desk.box_state import BoxState, read_state, write_state
from absolute.desk.clock import WallClock, generator
from absolute.desk.dotenv import read_dotenv
from absolute.desk.keyring_door import system_keyring
from absolute.desk.keys import KeyDesk, place_of
from absolute.desk.logs import LogSettings, hidden, start_logging, stop_logging
from absolute.desk.powertrader import MultiExchangeManager
from absolute.desk.powertrader_config import ExchangeConfigManager
from absolute.desk.powertrader_exchanges import ExchangeFactory, KrakenExchange, RobinhoodExchange
from absolute.desk.security_log import SecurityLog
from absolute.domain.errors import UserError
from absolute.domain.units import Nanos
from absolute.simex.certificates import Authority
from absolute.simex.control import CONTROL_HOST, ControlFace
from absolute.simex.face import HttpRequest
from absolute.simex.fault_rules import read_faults
from absolute.simex.faults import FaultBook
from absolute.simex.network import Door, Venue
from absolute.store.sql_database import database_url, named
from absolute.store.sql_store import open_store
from absolute.venues.box import BoxAddress, HostRefused, RedirectRefused, box_session
from absolute.venues.ccxt_client import open_session
from absolute.venues.credentials import Credentials
from absolute.venues.fleet_errors import (
    ExchangeAuthenticationError,
    ExchangeNotSent,
    ExchangeUnavailable,
)
from absolute.venues.fleet_terms import OrderRequest
from absolute.venues.key_check import check_key
from absolute.venues.parts import Surroundings
from absolute.venues.profile_table import described, profile
from absolute.venues.profiles import Environment
from absolute.venues.robinhood import RobinhoodVenue
from absolute.venues.robinhood_line import HOST, RobinhoodSurroundings
from absolute.venues.vault import create_vault

from tests.bybit_script import bybit, yes
from tests.echo_box import echo_box
from tests.scripted_venue import ScriptedFace
from tests.unit.test_vault import FLOOR, PASSWORD

SEED = base64.b64encode(bytes(range(32))).decode()
ROBINHOOD = {"api_key": "rh-key", "api_secret": SEED}
LISTENS = "0A"
RAISE = "resource.setrlimit(resource.RLIMIT_CORE, (limits[1], limits[1]))\n"
BUY = OrderRequest("BTC-USD", "buy", 1.0, "market", client_id="one")


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """An empty home, and no word in the environment that would mean anything."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ABSOLUTE_HOME", str(tmp_path / "home"))
    for name in ("ABSOLUTE_BOX", "ABSOLUTE_PLAIN_KEYS", "ABSOLUTE_PUBLIC_DATA", "LOG_FILE"):
        monkeypatch.delenv(name, raising=False)


def refused_session() -> aiohttp.ClientSession:
    """No way out at all: whoever asks for one has already gone too far."""
    raise AssertionError("a socket was asked for")


# --- a venue that points elsewhere ----------------------------------------------------------------


def test_no_session_follows_a_redirect_with_a_socket():
    """A socket's hello carries a signature; aiohttp has no switch against redirects for sockets."""

    async def run():
        asked = []

        async def answer(request):
            asked.append(request.path)
            return web.Response(status=302, headers={"Location": "/stolen"})

        runner = web.ServerRunner(web.Server(answer))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with open_session(None) as session:
            with pytest.raises(RedirectRefused, match="not followed"):
                await session.ws_connect(f"ws://127.0.0.1:{port}/v5/private")
        await runner.cleanup()
        return asked

    assert asyncio.run(run()) == ["/v5/private"]


def test_no_socket_follows_a_redirect_inside_the_box(tmp_path):
    there = {"Location": "https://api.echo.example/stolen"}
    rule = {"do": "status", "status": 302, "headers": there, "when": {"path": "/private"}}

    async def run():
        async with echo_box(tmp_path, [rule]) as box:
            with pytest.raises(RedirectRefused):
                await box.client.ws_connect(box.url("/private"))
            return box.face.dialled

    assert asyncio.run(run()) == []


@pytest.mark.parametrize(
    "following",
    ["@evil.example/api", ".evil.example/api", ":443@evil.example/", "evil.example", ":8443/x"],
)
def test_a_reply_of_robinhood_leads_no_signature_to_another_host(tmp_path, following):
    names = frozenset({HOST, f"{HOST}.evil.example", "evil.example", f"{HOST}evil.example"})
    page = {"next": following, "results": []}
    face = ScriptedFace(names, {"GET /list": page})

    async def run():
        async with shown(tmp_path, face) as address:
            around = RobinhoodSurroundings(WallClock(), lambda: box_session(address))
            venue = RobinhoodVenue(ROBINHOOD, around)
            try:
                with pytest.raises(ExchangeNotSent, match="another host"):
                    await venue._line.pages("/list")
            finally:
                await venue.close()

    asyncio.run(run())
    assert [each.what for each in face.asked] == ["GET /list"]


@pytest.mark.parametrize("venue", ["weex", "gemini", "myokx", "okxus", "alpaca"])
def test_no_world_to_rehearse_in_has_a_host_of_the_real_one(venue):
    """What trades there would be real money, and nobody would have typed the phrase for it."""
    real = described(venue, Environment.MAIN)
    assert real is not None
    for world in (Environment.DEMO, Environment.TESTNET):
        found = described(venue, world)
        assert found is None or not found.hosts & real.hosts


def test_a_world_that_is_the_real_one_is_not_offered():
    with pytest.raises(UserError) as refused:
        profile("weex:testnet")
    assert refused.value.code == "PROFILE_UNKNOWN"


# --- real money by accident -----------------------------------------------------------------------


def test_robinhood_takes_no_order_without_its_phrase():
    venue = RobinhoodVenue(ROBINHOOD, RobinhoodSurroundings(WallClock(), refused_session))
    with pytest.raises(ExchangeUnavailable, match="trade real money on robinhood"):
        asyncio.run(venue.place_order(BUY))


@pytest.mark.parametrize(
    ("given", "may"), [("", False), ("yes", False), ("Trade real money on robinhood", True)]
)
def test_robinhoods_phrase_comes_from_its_configuration(given, may):
    made = RobinhoodExchange({**ROBINHOOD, "allow_orders": given})
    assert made._may_trade is may


def test_a_program_turned_to_the_box_sends_nothing_through_what_it_made_before(monkeypatch):
    manager = MultiExchangeManager()
    monkeypatch.setenv("ABSOLUTE_BOX", "1")
    with pytest.raises(ExchangeUnavailable, match="ABSOLUTE_BOX was changed"):
        asyncio.run(manager.place_order(BUY, "kraken"))


# --- a box that is none ---------------------------------------------------------------------------


@pytest.fixture
def state():
    """The word of a box that lives, as far as a process and a port can tell."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        yield BoxState(os.getpid(), "127.0.0.1", port, 1, "box.ca", {"bybit": ("a.b",)}, {})


@pytest.mark.parametrize("host", ["192.0.2.7", "evil.example", "0.0.0.0", "127.0.0.1.evil.example"])
def test_a_box_beyond_this_machine_is_not_believed(state, tmp_path, host):
    write_state(replace(state, host=host), tmp_path)
    with pytest.raises(UserError) as refused:
        read_state(tmp_path)
    assert refused.value.code == "BOX_NOT_RUNNING"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_a_box_whose_word_others_could_write_is_not_believed(state, tmp_path):
    path = write_state(state, tmp_path)
    assert read_state(tmp_path) == state
    path.chmod(0o666)
    with pytest.raises(UserError):
        read_state(tmp_path)
    path.chmod(0o600)
    real = path.rename(tmp_path / "elsewhere")
    path.symlink_to(real)
    with pytest.raises(UserError):
        read_state(tmp_path)


@pytest.mark.parametrize("header", ["origin", "sec-fetch-site"])
def test_no_web_page_steers_the_box(header):
    control = ControlFace([], FaultBook(generator(1)))
    asked = HttpRequest("GET", CONTROL_HOST, "/faults", "", {}, b"", "127.0.0.1")
    assert control.answer(asked, Nanos(1)).status == 200
    paged = replace(asked, headers={header: "https://evil.example"})
    assert control.answer(paged, Nanos(1)).status == 403


@pytest.mark.parametrize(
    "text",
    ["!!python/object/apply:os.system [touch stolen]", "!!python/name:os.system", "[" * 50_000,
     "{" * 50_000, "- !!python/tuple [1]", "&a [*a]"],
)  # fmt: skip
def test_a_faults_file_runs_nothing_and_a_bad_one_is_one_sentence(tmp_path, text):
    path = tmp_path / "faults.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as refused:
        read_faults(path)
    assert refused.value.code in {"FAULTS_FILE", "FAULTS_UNKNOWN"}
    assert [each.name for each in tmp_path.iterdir()] == ["faults.yaml"]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "api.echo.example.", "api.echo.example.evil.com",
     "xn--pi-7kc.echo.example", "аpi.echo.example", "localhost", "api.echo.example%2eevil.com"],
)  # fmt: skip
def test_no_spelling_of_another_host_leaves_the_box(tmp_path, host):
    async def run():
        async with echo_box(tmp_path) as box:
            with pytest.raises((HostRefused, aiohttp.InvalidURL, ValueError)):
                await box.client.get(f"https://{host}/")
            with pytest.raises((HostRefused, aiohttp.InvalidURL, ValueError)):
                await box.client.get(f"https://{box.face.host}@{host}/")
            return box.face.asked

    assert asyncio.run(run()) == []


def test_door_and_proxy_listen_to_this_machine_alone(tmp_path):
    async def run():
        async with running_box(BoxWanted("bybit"), tmp_path) as box:
            ports = (box.state.port, box.state.proxy_port)
            own = {f"{address}:{port}" for address in ("0100007F",) for port in map(_hex, ports)}
            lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
            lines += Path("/proc/net/tcp6").read_text().splitlines()[1:]
            heard = {words[1] for words in map(str.split, lines) if words[3] == LISTENS}
            return own, {each for each in heard if each.split(":")[1] in map(_hex, ports)}

    if not Path("/proc/net/tcp").exists():
        pytest.skip("this system has no /proc")
    own, heard = asyncio.run(run())
    assert heard == own


def _hex(port):
    return f"{port:04X}"


def test_certificates_are_looked_at_everywhere():
    """Nothing in the program may switch it off, whatever the library calls it."""
    off = {"ssl", "verify", "verify_ssl", "check_hostname", "ssl_context"}
    words = {"CERT_NONE", "_create_unverified_context", "verify_mode"}
    for path in Path(absolute.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
                assert node.arg not in off or node.value.value is not False, path
            if isinstance(node, ast.Attribute):
                assert node.attr not in words, path
                store = isinstance(node.ctx, ast.Store)
                assert not (store and node.attr == "check_hostname"), path


@pytest.mark.parametrize("body", [b"5", b"null", b"[" * 100_000, b'{"do": "reset"}', b"\xff"])
def test_nonsense_sent_to_the_box_itself_breaks_nothing(body):
    control = ControlFace([], FaultBook(generator(1)))
    for method, path in (("PUT", "/faults"), ("POST", "/steer")):
        asked = HttpRequest(method, CONTROL_HOST, path, "", {}, body, "127.0.0.1")
        assert control.answer(asked, Nanos(1)).status == 400


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="this system has no /proc")
def test_a_box_of_its_own_process_is_given_no_key(tmp_path, monkeypatch):
    monkeypatch.setenv("KRAKEN_API_SECRET", "canary-secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:canary-pass@host/name")
    monkeypatch.setenv("VAULT_PASSWORD_FILE", "canary-file")
    with box_process("--venue", "bybit", place=tmp_path / "box") as state:
        given = Path(f"/proc/{state.pid}/environ").read_bytes()
    assert b"ABSOLUTE_HOME" in given
    assert b"canary" not in given


# --- keys that are left lying ---------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
@pytest.mark.parametrize(
    ("text", "mode", "taken"),
    [
        ("KRAKEN_API_SECRET=s", 0o600, True),
        ("KRAKEN_API_SECRET=s", 0o640, False),
        ("KRAKEN_API_SECRET=s", 0o604, False),
        ("DATABASE_URL=postgresql://me:pass@host/name", 0o644, False),
        ("DATABASE_URL=postgresql://host/name?password=pass", 0o644, False),
        ("DATABASE_URL=postgresql://host/name", 0o644, True),
        ("LOG_LEVEL=DEBUG", 0o644, True),
        ("LOG_LEVEL=DEBUG", 0o666, False),
        ("VAULT_PASSWORD_FILE=theirs", 0o646, False),
    ],
)
def test_a_dotenv_with_keys_is_its_owners_alone_and_no_dotenv_is_everybodys(
    tmp_path, text, mode, taken
):
    path = tmp_path / ".env"
    path.write_text(text)
    path.chmod(mode)
    if taken:
        assert len(read_dotenv(tmp_path)) == 1
        return
    with pytest.raises(UserError, match="chmod 600") as refused:
        read_dotenv(tmp_path)
    assert refused.value.code == "DOTENV_OPEN"


@pytest.mark.parametrize("hidden_in", ["me:canary@host/name", "host/name?password=canary&x=1"])
def test_the_password_of_a_database_is_not_told(hidden_in):
    assert "canary" not in named(database_url(f"postgresql://{hidden_in}"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows writes no core dumps")
def test_a_key_of_the_environment_is_in_no_core_dump():
    program = (
        "import resource\n"
        "from absolute.desk.keys import key_desk, place_of\n"
        "key_desk().find(place_of('kraken:main'))\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0])\n"
    )
    keys = {"KRAKEN_API_KEY": "k", "KRAKEN_API_SECRET": "s"}
    raised = f"import resource\nlimits = resource.getrlimit(resource.RLIMIT_CORE)\n{RAISE}"
    done = subprocess.run(  # noqa: S603, RUF100 -- our own program
        [sys.executable, "-c", raised + program],
        env={**os.environ, **keys},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[-1] == "0"


def test_a_dotenv_with_a_zero_byte_is_refused(tmp_path):
    (tmp_path / ".env").write_bytes(b'LOG_FILE="a\x00b"\n')
    (tmp_path / ".env").chmod(0o600)
    with pytest.raises(UserError) as refused:
        read_dotenv(tmp_path)
    assert refused.value.code == "DOTENV_INVALID"


@pytest.mark.parametrize(
    "name", ["..\\..\\x", "kraken:..\\x", "../x", "..", "a\0b", "a\nb", "kraken:\x1b", "x" * 65]
)
def test_no_name_of_an_exchange_leads_to_another_file(tmp_path, name):
    manager = ExchangeConfigManager(str(tmp_path / "keys"), allow_plain=True)
    pair = {"api_key": "k", "api_secret": "s"}
    for attempt in (
        lambda: manager.save_exchange_config(name, pair),
        lambda: manager.load_exchange_config(name),
        lambda: manager.delete_exchange_config(name),
        lambda: ExchangeFactory.create_exchange(name, pair),
    ):
        with pytest.raises(UserError):
            attempt()
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("more", [{"secret": "s"}, {"inner": {"access_token": "t"}}])
def test_a_secret_under_another_name_does_not_land_beside_the_vault(tmp_path, monkeypatch, more):
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    file.chmod(0o600)
    monkeypatch.setenv("VAULT_PASSWORD_FILE", str(file))
    (tmp_path / "home").mkdir()
    create_vault(tmp_path / "home" / "vault.json", PASSWORD, chance=os.urandom, cost=FLOOR)
    manager = ExchangeConfigManager(str(tmp_path / "keys"))
    with pytest.raises(UserError) as refused:
        manager.save_exchange_config("kraken", {"api_key": "k", "api_secret": "s", **more})
    assert refused.value.code == "SECRET_NOT_KEPT"
    assert not (tmp_path / "keys").exists()


def test_the_fleets_keys_are_hidden_from_every_log():
    KrakenExchange({"api_key": "fl33t-k3y-0001", "api_secret": "fl33t-s3cret-0001"})
    assert "fl33t" not in hidden("asked with fl33t-k3y-0001 and fl33t-s3cret-0001")


# --- what a venue says ----------------------------------------------------------------------------


@asynccontextmanager
async def shown(place, face) -> AsyncIterator[BoxAddress]:
    """A script behind the door under its real host names."""
    names = frozenset(face.hosts)
    authority = Authority(names)
    root = authority.write_root(place / "root.pem")
    door = Door((Venue("x", face),), WallClock(), FaultBook(generator(1)), authority)
    port = await door.open()
    try:
        yield BoxAddress("127.0.0.1", port, root, names)
    finally:
        await door.close()


def facts_of(place, face, name):
    async def run():
        async with shown(place, face) as address:
            around = Surroundings(WallClock(), generator(1), box=address)
            return await check_key(profile(name), Credentials(name, "k", "s", "p"), around)

    return asyncio.run(run())


@pytest.mark.parametrize("told", [None, {}, "absent"])
def test_a_key_whose_rights_are_not_told_is_never_said_to_be_harmless(tmp_path, told):
    row = {"readOnly": 0, "ips": ["1.2.3.4"]}
    row |= {} if told == "absent" else {"permissions": told}
    facts = facts_of(tmp_path, bybit(key=yes(row)), "bybit:demo")
    assert facts.withdraws is None
    assert "PERMISSIONS_UNKNOWN" in facts.warnings


@pytest.mark.parametrize(
    ("perm", "withdraws"), [("read_only,trade", False), ("", None), (None, None)]
)
def test_okx_too_is_believed_only_in_what_it_says(tmp_path, perm, withdraws):
    reply = {"code": "0", "data": [{"perm": perm, "ip": "1.2.3.4"}]}
    face = ScriptedFace(["www.okx.com"], {"GET /api/v5/account/config": reply})
    assert facts_of(tmp_path, face, "okx:main").withdraws is withdraws


def test_a_key_that_a_venue_repeats_is_not_shown(tmp_path):
    said = {"retCode": 10004, "retMsg": "error sign! origin_string[17box-bybit-demo5000]"}
    rule = {"do": "status", "status": 200, "body": json.dumps(said), "when": {"path": "query-api"}}
    faults = tmp_path / "faults.json"
    faults.write_text(json.dumps({"rules": [rule]}))
    create_vault(tmp_path / "vault.json", PASSWORD, chance=os.urandom, cost=FLOOR)
    log = SecurityLog(tmp_path / "security.log", WallClock(), "ana/1")
    desk = KeyDesk(tmp_path / "vault.json", log, lambda: PASSWORD, system_keyring, FLOOR)
    place = place_of("bybit:demo")
    desk.add(place, Credentials("bybit:demo", "box-bybit-demo", "box-bybit-demo-secret"))
    words = ("--venue", "bybit", "--faults", str(faults))
    with box_process(*words, place=tmp_path / "box") as state, pytest.raises(UserError) as refused:
        desk.test(place, state.address)
    assert refused.value.code == "KEY_REFUSED"
    assert "origin_string" in refused.value.message
    assert "box-bybit-demo" not in refused.value.message


def test_what_robinhood_repeats_of_a_key_is_not_told_on(tmp_path):
    said = {"errors": [{"attr": None, "detail": f"no such key {ROBINHOOD['api_key']}"}]}
    face = ScriptedFace([HOST], {"GET /list": (401, said)})

    async def run():
        async with shown(tmp_path, face) as address:
            around = RobinhoodSurroundings(WallClock(), lambda: box_session(address))
            venue = RobinhoodVenue(ROBINHOOD, around)
            try:
                with pytest.raises(ExchangeAuthenticationError, match="no such key") as refused:
                    await venue._line.pages("/list")
            finally:
                await venue.close()
            return str(refused.value)

    assert ROBINHOOD["api_key"] not in asyncio.run(run())


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_a_folder_that_is_made_is_its_owners_alone(state, tmp_path):
    write_state(state, tmp_path / "box")
    open_store(tmp_path / "store" / "absolute.db").close()
    before = logging.getLogger().level
    start_logging(LogSettings("INFO", tmp_path / "log" / "absolute.log"))
    stop_logging()
    logging.getLogger().setLevel(before)
    for path in tmp_path.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize(
    "text",
    ["\n2026-01-01T00:00:00Z  INFO     all is well", "\r", "\x1b[2J\x1b[H", "\x9b31m", "\u202e",
     "\u2028", "\x07", "\x00"],
)  # fmt: skip
def test_a_line_of_the_log_cannot_forge_another_on_the_screen(tmp_path, capsys, text):
    line = {"time": "t", "level": "ERROR", "message": f"a{text}b", "reason": text}
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "absolute.log").write_text(json.dumps(line) + "\n")
    assert status_of(["logs"], commands=(("logs", "absolute.cli.logs:app", "logs"),)) == 0
    (shown_line,) = capsys.readouterr().out.removesuffix("\n").split("\n")
    assert shown_line.isprintable()
