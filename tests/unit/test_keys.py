"""`absolute keys`: kept, found, opened unattended, and every use of them written down."""

import base64
import io
import json
import os
import sys

import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as FailKeyring
from keyring.backends.null import Keyring as NullKeyring

from absolute.cli.main import status_of
from absolute.desk.clock import ManualClock
from absolute.desk.keyring_door import secure
from absolute.desk.keys import KeyDesk, key_desk, place_of
from absolute.desk.security_log import SecurityLog, verify
from absolute.domain.errors import JournalError, UserError
from absolute.venues.credential_sources import sources_for
from absolute.venues.credentials import Credentials
from absolute.venues.vault import KeyPlace, Vault, create_vault, open_vault

from tests.unit.test_vault import CANARY, FLOOR, PASSWORD

COMMANDS = (("keys", "absolute.cli.keys:app", "keys"), ("logs", "absolute.cli.logs:app", "logs"))
KEY = "public-part-0123456789"


class SafeKeyring(KeyringBackend):
    """A keyring in memory that passes for the one of macOS."""

    priority = 1

    def __init__(self):
        self.kept = {}

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def delete_password(self, service, username):
        del self.kept[service, username]


SafeKeyring.__module__ = "keyring.backends.macOS"


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A user of its own, whose vault is cheap to open."""
    monkeypatch.setenv("ABSOLUTE_HOME", str(tmp_path))
    for name in [name for name in os.environ if "_API_" in name or name == "VAULT_PASSWORD_FILE"]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def vault(home):
    return create_vault(home / "vault.json", PASSWORD, chance=os.urandom, cost=FLOOR)


@pytest.fixture
def keys(capsys, monkeypatch):
    """Run `absolute keys` with lines on its standard input; gives its status and both outputs."""

    def call(*words, lines=()):
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        status = status_of(words, commands=COMMANDS)
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def desk(home, ring=None, password=PASSWORD):
    log = SecurityLog(home / "security.log", ManualClock(5), "me/1")
    return KeyDesk(home / "vault.json", log, lambda: password, lambda: ring or FailKeyring(), FLOOR)


def events(home):
    return [each.event for each in verify(home / "security.log")]


# --- the command --------------------------------------------------------------------------------


@pytest.mark.usefixtures("vault")
def test_a_key_goes_in_by_standard_input_and_is_listed_without_itself(keys, home):
    status, out, _ = keys("keys", "add", "bybit:demo", lines=[PASSWORD, KEY, CANARY])
    assert status == 0
    assert "bybit:demo" in out
    status, listed, _ = keys("keys", "list", "--json")
    (row,) = json.loads(listed)["keys"]
    assert (row["profile"], row["account"]) == ("bybit:demo", "default")
    assert row["fingerprint"] in out
    plain = keys("keys", "list")[1]
    for told in (out, listed, plain, (home / "vault.json").read_text()):
        for secret in (KEY, CANARY, PASSWORD):
            assert secret not in told
    kept = open_vault(home / "vault.json", PASSWORD, chance=os.urandom)
    assert kept.get(KeyPlace("bybit", "demo")) == Credentials("bybit:demo", KEY, CANARY)


def test_the_first_key_makes_the_vault(keys, home):
    lines = [PASSWORD, KEY, CANARY, "phrase"]
    assert keys("keys", "add", "okx:main", "--account", "second", lines=lines)[0] == 0
    kept = open_vault(home / "vault.json", PASSWORD, chance=os.urandom)
    place = KeyPlace("okx", "main", "second")
    assert kept.get(place) == Credentials("okx:main", KEY, CANARY, "phrase")
    assert json.loads((home / "vault.json").read_text())["kdf"]["memory_kib"] == 262144
    assert events(home) == ["vault_created", "key_added"]


@pytest.mark.usefixtures("vault")
def test_a_key_of_many_lines_goes_in_as_one(keys, home):
    pem = "-----BEGIN EC PRIVATE KEY-----\\nMHc\\n-----END EC PRIVATE KEY-----\\n"
    assert keys("keys", "add", "coinbase:main", lines=[PASSWORD, KEY, pem])[0] == 0
    kept = open_vault(home / "vault.json", PASSWORD, chance=os.urandom)
    found = kept.get(KeyPlace("coinbase", "main"))
    assert found is not None
    assert found.secret.splitlines()[1] == "MHc"


@pytest.mark.usefixtures("vault")
@pytest.mark.parametrize(
    ("words", "lines", "code"),
    [
        (["add", "bybit:demo"], ["not the password", KEY, CANARY], "VAULT_NOT_OPENED"),
        (["add", "bybit:demo"], [PASSWORD, KEY, ""], "KEY_EMPTY"),
        (["add", "bybit:demo"], [PASSWORD, KEY], "INPUT_ENDED"),
        (["add", "bybit"], [PASSWORD, KEY, CANARY], "PROFILE_INVALID"),
        (["add", "bybit:moon"], [PASSWORD, KEY, CANARY], "PROFILE_INVALID"),
        (["add", "bybit:main", "--account", "demo"], [PASSWORD, KEY, CANARY], "ACCOUNT_INVALID"),
        (["remove", "bybit:demo"], [PASSWORD], "KEY_MISSING"),
        (["test", "bybit:demo"], [PASSWORD], "KEY_MISSING"),
        (["rotate"], ["not the password"], "VAULT_NOT_OPENED"),
        (["passwd"], [PASSWORD, "short"], "VAULT_PASSWORD_SHORT"),
        (["unattended", "perhaps"], [PASSWORD], "USAGE"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(keys, home, words, lines, code):
    before = (home / "vault.json").read_bytes()
    status, out, err = keys("keys", *words, "--json", lines=lines)
    assert status == 2
    assert json.loads(out or err)["error"] == code
    assert CANARY not in out + err
    assert (home / "vault.json").read_bytes() == before


def test_no_key_is_ever_an_argument(keys):
    for command in ("add", "test", "passwd", "rotate", "remove"):
        told = keys("keys", command, "--help")[1].lower()
        for word in ("--secret", "--key", "--password", "--passphrase"):
            assert word not in told


@pytest.mark.usefixtures("vault")
def test_a_key_is_replaced_only_when_that_is_said(keys):
    assert keys("keys", "add", "bybit:demo", lines=[PASSWORD, KEY, CANARY])[0] == 0
    status, _, err = keys("keys", "add", "bybit:demo", lines=[PASSWORD, "other-key", CANARY])
    assert status == 2
    assert "--replace" in err
    words = ("keys", "add", "bybit:demo", "--replace")
    assert keys(*words, lines=[PASSWORD, "other-key", CANARY])[0] == 0
    assert keys("keys", "remove", "bybit:demo", lines=[PASSWORD])[0] == 0
    assert json.loads(keys("keys", "list", "--json")[1]) == {"keys": []}


@pytest.mark.usefixtures("vault")
def test_password_and_data_key_are_renewed(keys, home):
    keys("keys", "add", "bybit:demo", lines=[PASSWORD, KEY, CANARY])
    assert keys("keys", "rotate", lines=[PASSWORD])[0] == 0
    assert keys("keys", "passwd", lines=[PASSWORD, "nine loud herons"])[0] == 0
    kept = open_vault(home / "vault.json", "nine loud herons", chance=os.urandom)
    assert kept.get(KeyPlace("bybit", "demo")) == Credentials("bybit:demo", KEY, CANARY)
    assert events(home)[-2:] == ["vault_rotated", "vault_password_changed"]


# --- unattended -----------------------------------------------------------------------------------


def test_the_keyring_opens_the_vault_once_that_is_allowed(home, vault):
    vault.add(KeyPlace("bybit", "demo"), Credentials("bybit:demo", KEY, CANARY), 1)
    ring = SafeKeyring()
    desk(home, ring).allow_unattended(allowed=True)
    (kept,) = ring.kept.values()
    assert PASSWORD not in kept
    assert PASSWORD not in base64.b64decode(kept).decode("latin-1")
    unattended = desk(home, ring, password="nobody is here to type")
    place = KeyPlace("bybit", "demo")
    assert unattended.find(place).credentials == Credentials("bybit:demo", KEY, CANARY)
    desk(home, ring).rotate()
    assert unattended.find(place).source == "vault"
    desk(home, ring).allow_unattended(allowed=False)
    assert not ring.kept
    with pytest.raises(UserError) as refused:
        unattended.find(place)
    assert refused.value.code == "VAULT_NOT_OPENED"


class PlaintextKeyring(SafeKeyring):
    """What a third-party package would bring."""


PlaintextKeyring.__module__ = "keyrings.alt.file"


@pytest.mark.parametrize("backend", [FailKeyring, NullKeyring, PlaintextKeyring])
def test_a_keyring_that_protects_nothing_is_refused(home, vault, backend):
    with pytest.raises(UserError) as refused:
        secure(backend())
    assert refused.value.code == "KEYRING_UNSAFE"
    with pytest.raises(UserError):
        desk(home, backend()).allow_unattended(allowed=True)
    assert not vault.unattended


def test_a_password_file_opens_it_if_it_is_its_owners_alone(home, vault, monkeypatch):
    vault.add(KeyPlace("bybit", "demo"), Credentials("bybit:demo", KEY, CANARY), 1)
    (home / "pw").write_text(PASSWORD + "\n")
    (home / "pw").chmod(0o600)
    monkeypatch.setenv("VAULT_PASSWORD_FILE", str(home / "pw"))
    assert key_desk().find(place_of("bybit:demo")).source == "vault"
    (home / "pw").chmod(0o644)
    with pytest.raises(UserError) as refused:
        key_desk().find(place_of("bybit:demo"))
    assert refused.value.code == "PRIVATE_FILE_OPEN"


def test_nobody_is_asked_where_nobody_sits(home, vault, monkeypatch):
    vault.add(KeyPlace("bybit", "demo"), Credentials("bybit:demo", KEY, CANARY), 1)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(UserError) as refused:
        key_desk().find(place_of("bybit:demo"))
    assert refused.value.code == "VAULT_LOCKED"
    assert (home / "vault.json").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no core dumps")
def test_once_the_vault_is_open_no_core_dump_is_written(home, vault):
    import resource

    assert vault.get(KeyPlace("bybit", "demo")) is None
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    desk(home).open()
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0


# --- where a key is looked for --------------------------------------------------------------------


def never():
    raise AssertionError("the vault was opened for nothing")


def test_the_environment_comes_first_then_the_vault_then_a_plain_file(home, vault):
    place = KeyPlace("kraken", "main")
    folder = home / "credentials"
    folder.mkdir()
    plain = folder / "kraken_config.json"
    plain.write_text(json.dumps({"api_key": "p", "api_secret": "q", "testnet": False}))
    plain.chmod(0o600)

    def find(variables, opening, plain_folder):
        sources = sources_for(home / "vault.json", opening, variables=variables,
                              plain_folder=plain_folder)  # fmt: skip
        found = sources.find("kraken", "main")
        return found.credentials.key, found.source

    variables = {"KRAKEN_API_KEY": "e", "KRAKEN_API_SECRET": "f"}
    assert find({}, never, folder) == ("p", "plain file kraken_config.json")
    with pytest.raises(UserError) as refused:
        find({}, never, None)
    assert refused.value.code == "KEY_MISSING"
    vault.add(place, Credentials("kraken:main", "v", "w"), 1)
    opened: list[Vault] = []

    def opening():
        opened.append(open_vault(home / "vault.json", PASSWORD, chance=os.urandom))
        return opened[-1]

    assert find({}, opening, folder) == ("v", "vault")
    assert find(variables, never, folder) == ("e", "environment")
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("profile", "account", "stem"),
    [
        ("bybit:main", "default", "BYBIT"),
        ("bybit:demo", "default", "BYBIT_DEMO"),
        ("binance:testnet", "default", "BINANCE_TESTNET"),
        ("okx:main", "second", "OKX_SECOND"),
    ],
)
def test_a_key_of_one_world_is_never_found_for_another(home, profile, account, stem):
    variables = {f"{stem}_API_KEY": "k", f"{stem}_API_SECRET": "s", f"{stem}_API_PASSPHRASE": "p"}
    sources = sources_for(home / "vault.json", never, variables=variables)
    served = []
    for venue in ("bybit", "binance", "okx"):
        for world in ("main", "demo", "testnet"):
            for name in ("default", "second"):
                try:
                    found = sources.find(venue, world, name)
                except UserError:
                    continue
                served.append((found.credentials.made_for, name))
    assert served == [(profile, account)]


def test_half_a_key_is_an_error_and_never_passed_over(home):
    sources = sources_for(home / "vault.json", never, variables={"KRAKEN_API_KEY": "k"})
    with pytest.raises(UserError, match="KRAKEN_API_SECRET") as refused:
        sources.find("kraken", "main")
    assert refused.value.code == "KEY_HALF_SET"


@pytest.mark.parametrize("text", ["{", "[]", '{"api_key": "k"}', '{"api_key": 1, "api_secret": 2}'])
def test_a_plain_file_that_holds_no_key_or_is_open_to_others_is_refused(home, text):
    file = home / "kraken_config.json"
    file.write_text(text)
    file.chmod(0o600)
    sources = sources_for(home / "vault.json", never, variables={}, plain_folder=home)
    with pytest.raises(UserError) as refused:
        sources.find("kraken", "main")
    assert refused.value.code == "KEY_FILE_INVALID"
    file.chmod(0o604)
    with pytest.raises(UserError) as refused:
        sources.find("kraken", "main")
    assert refused.value.code == "PRIVATE_FILE_OPEN"


# --- the security log -----------------------------------------------------------------------------


def security(path, count=4):
    log = SecurityLog(path, ManualClock(1_700_000_000_123_456_789), "ana/7")
    for number in range(count):
        log.note("key_used", place=f"bybit:demo {number}")
    return log


def test_every_line_follows_from_the_one_before(tmp_path):
    path = tmp_path / "security.log"
    security(path)
    told = list(verify(path))
    assert [each.number for each in told] == [1, 2, 3, 4]
    assert told[0].who == "ana/7"
    assert told[3].told == {"place": "bybit:demo 3"}
    assert '"at": "2023-11-14T22:13:20.123456Z"' in path.read_text()
    assert path.stat().st_mode & 0o77 == 0


@pytest.mark.parametrize("order", [(0, 2, 3), (1, 2, 3), (0, 1, 1, 2, 3), (0, 2, 1, 3)])
def test_a_line_that_was_removed_moved_or_doubled_is_found(tmp_path, order):
    path = tmp_path / "security.log"
    security(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[number] for number in order))
    with pytest.raises(JournalError, match="does not follow"):
        list(verify(path))


def test_a_changed_word_is_found(tmp_path):
    path = tmp_path / "security.log"
    security(path)
    path.write_text(path.read_text().replace("demo 1", "demo 9"))
    with pytest.raises(JournalError, match="line 2"):
        list(verify(path))


def test_a_torn_end_is_cut_and_the_chain_goes_on(tmp_path):
    path = tmp_path / "security.log"
    log = security(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    log.note("after")
    assert [each.event for each in verify(path)] == ["key_used"] * 3 + ["after"]


@pytest.mark.usefixtures("vault")
def test_the_use_of_keys_is_written_down_without_them(keys, home):
    keys("keys", "add", "bybit:demo", lines=[PASSWORD, KEY, CANARY])
    keys("keys", "add", "bybit:main", lines=["not the password", KEY, CANARY])
    desk(home).find(KeyPlace("bybit", "demo"))
    assert events(home) == [
        *("vault_opened", "key_added", "vault_not_opened", "vault_opened", "key_used"),
    ]
    text = (home / "security.log").read_text()
    for secret in (KEY, CANARY, PASSWORD, "not the password"):
        assert secret not in text
    status, out, _ = keys("logs", "--verify", "--json")
    assert (status, json.loads(out)) == (0, {"lines": 5, "whole": True})
    (home / "security.log").write_text(text.replace("key_used", "key_read"))
    status, _, err = keys("logs", "--verify")
    assert status == 2
    assert "line 5" in err


def test_a_robinhood_key_has_a_place_though_it_is_no_profile_of_the_live_path():
    assert place_of("robinhood:main") == KeyPlace("robinhood", "main", "default")
