"""The vault: opens for its password alone, hides everything, and nothing in it can be moved."""

# mypy: disable-error-code="arg-type"

import base64
import copy
import json
import os
import pickle
import signal
import subprocess
import sys
import traceback

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from absolute.domain.errors import UserError
from absolute.venues.credentials import Credentials
from absolute.venues.vault import (
    KeyPlace,
    create_vault,
    listed_keys,
    may_open_unattended,
    open_vault,
    open_with_key,
)
from absolute.venues.vault_format import MIB, Cost, NotOpened, derive

PASSWORD = "seven quiet otters"
FLOOR = Cost(64 * MIB, 3, 4)
DEMO = KeyPlace("bybit", "demo")
MAIN = KeyPlace("bybit", "main")
SECOND = KeyPlace("bybit", "demo", "second")
CANARY = "c4n4ry-SECRET-that-must-never-leave-0123456789"


def key_of(place, key="the-key-of-it", secret=CANARY, phrase=""):
    return Credentials(place.profile, key, secret, phrase)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "vault.json"


@pytest.fixture
def vault(path):
    made = create_vault(path, PASSWORD, chance=os.urandom, cost=FLOOR)
    made.add(DEMO, key_of(DEMO), 1)
    made.add(MAIN, key_of(MAIN, key="other", secret="other-secret", phrase="phrase"), 2)
    return made


def opened(path, password=PASSWORD):
    return open_vault(path, password, chance=os.urandom)


def refusal(path, password=PASSWORD):
    with pytest.raises(UserError) as refused:
        opened(path, password)
    return refused.value


# --- what goes in comes out ----------------------------------------------------------------------


@pytest.mark.usefixtures("vault")
def test_what_was_kept_comes_out_with_the_password(path):
    again = opened(path)
    assert again.get(DEMO) == key_of(DEMO)
    assert again.get(MAIN) == Credentials("bybit:main", "other", "other-secret", "phrase")
    assert again.get(SECOND) is None


def test_a_key_takes_the_place_of_the_one_before(path, vault):
    vault.add(DEMO, key_of(DEMO, key="newer"), 3)
    assert opened(path).get(DEMO).key == "newer"
    assert [each.place for each in listed_keys(path)] == [DEMO, MAIN]


def test_a_key_is_kept_only_where_it_was_made(vault):
    with pytest.raises(UserError) as refused:
        vault.add(MAIN, key_of(DEMO), 3)
    assert refused.value.code == "KEY_OF_OTHER_PROFILE"


def test_a_key_that_was_removed_is_gone_also_from_the_backup(path, vault):
    vault.add(SECOND, key_of(SECOND), 3)
    assert vault.remove(DEMO)
    assert not vault.remove(DEMO)
    backup = path.with_name("vault.json.backup")
    assert backup.read_bytes() == path.read_bytes()
    assert {each.place for each in listed_keys(backup)} == {SECOND, MAIN}


@pytest.mark.usefixtures("vault")
def test_the_list_needs_no_password_and_shows_no_key(path):
    listed = listed_keys(path)
    assert [(each.place, each.added) for each in listed] == [(DEMO, 1), (MAIN, 2)]
    assert len({each.fingerprint for each in listed}) == 2
    assert "the-key-of-it" not in repr(listed)
    assert listed_keys(path.with_name("none")) == ()


@pytest.mark.parametrize(
    "account", ["demo", "demo_x", "testnet2", "main", "", "a b", "Ä", "x" * 33]
)
def test_no_account_can_be_taken_for_a_world(account):
    with pytest.raises(UserError) as refused:
        KeyPlace("bybit", "main", account)
    assert refused.value.code == "ACCOUNT_INVALID"


# --- passwords -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("vault")
def test_a_wrong_password_and_any_damage_look_the_same(path):
    wrong = refusal(path, "seven quiet otterz")
    whole = path.read_bytes()
    for hurt in (whole[:-40], b"", b"{}", b"[" * 100_000, whole.replace(b"argon2id", b"argon2ie")):
        path.write_bytes(hurt)
        same = refusal(path)
        assert (same.code, same.message) == (wrong.code, wrong.message)
        assert same.__cause__ is None


def listing(path):
    """What the list, which needs no password, says of damage; nothing where it sees none."""
    try:
        assert all(each.place.name.isprintable() for each in listed_keys(path))
    except UserError as damage:
        return damage.message
    return ""


def test_a_short_password_is_refused(path):
    with pytest.raises(UserError) as refused:
        create_vault(path, "short", chance=os.urandom, cost=FLOOR)
    assert refused.value.code == "VAULT_PASSWORD_SHORT"
    assert not path.exists()


def test_a_vault_is_never_made_over_another(path, vault):
    with pytest.raises(UserError) as refused:
        create_vault(path, PASSWORD, chance=os.urandom, cost=FLOOR)
    assert refused.value.code == "VAULT_EXISTS"
    assert opened(path).get(DEMO) == vault.get(DEMO)


def test_a_changed_password_opens_alone_and_wraps_the_same_fields(path, vault):
    fields = [each["fields"] for each in json.loads(path.read_bytes())["records"]]
    vault.change_password(PASSWORD, "nine loud herons", FLOOR)
    assert refusal(path).code == "VAULT_NOT_OPENED"
    assert opened(path, "nine loud herons").get(DEMO) == key_of(DEMO)
    assert refusal(path.with_name("vault.json.backup")).code == "VAULT_NOT_OPENED"
    assert [each["fields"] for each in json.loads(path.read_bytes())["records"]] == fields
    with pytest.raises(UserError):
        vault.change_password(PASSWORD, "eleven odd geese", FLOOR)


def test_a_rotation_encrypts_everything_anew(path, vault):
    before, old = json.loads(path.read_bytes()), vault.unlocking_key()
    vault.rotate(PASSWORD)
    after = json.loads(path.read_bytes())
    assert vault.unlocking_key() != old
    assert opened(path).get(DEMO) == key_of(DEMO)
    for one, other in zip(before["records"], after["records"], strict=True):
        for name in ("key", "secret", "passphrase"):
            assert one["fields"][name]["box"] != other["fields"][name]["box"]
    with pytest.raises(UserError):
        open_with_key(path, old, chance=os.urandom)
    with pytest.raises(UserError):
        vault.rotate("not the password")


def test_it_opens_without_the_password_only_where_that_was_allowed(path, vault):
    key = vault.unlocking_key()
    with pytest.raises(UserError):
        open_with_key(path, key, chance=os.urandom)
    vault.allow_unattended(allowed=True)
    assert may_open_unattended(path)
    assert open_with_key(path, key, chance=os.urandom).get(DEMO) == key_of(DEMO)
    for wrong in (bytes(32), b"short"):
        with pytest.raises(UserError):
            open_with_key(path, wrong, chance=os.urandom)


# --- what it is made of --------------------------------------------------------------------------


@pytest.mark.usefixtures("vault")
def test_the_file_is_what_its_description_says(path):
    """An independent reading of docs/keys.md, with nothing of ours but the file."""
    told = json.loads(path.read_bytes())
    kdf = told["kdf"]
    assert (kdf["memory_kib"], kdf["passes"], kdf["lanes"]) == (65536, 3, 4)
    dumped = lambda thing: json.dumps(thing, sort_keys=True, separators=(",", ":")).encode()  # noqa: E731
    raw = base64.b64decode
    kek = Argon2id(
        salt=raw(kdf["salt"]), length=32, iterations=3, lanes=4, memory_cost=65536
    ).derive(PASSWORD.encode())
    about = dumped(["absolute vault key", 1, kdf])
    key = AESGCM(kek).decrypt(raw(told["key"]["nonce"]), raw(told["key"]["box"]), about)
    about = dumped(["absolute vault field", 1, "bybit", "default", "demo", "secret"])
    (record,) = (each for each in told["records"] if each["environment"] == "demo")
    field = record["fields"]["secret"]
    assert (
        AESGCM(key).decrypt(raw(field["nonce"]), raw(field["box"]), about).lstrip(b"\0")
        == CANARY.encode()
    )


def test_the_derivation_gives_the_published_answer():
    """RFC 9106, section 5.3, has 32 KiB: too cheap for us, so the library itself is asked."""
    tag = Argon2id(
        salt=b"\x02" * 16, length=32, iterations=3, lanes=4, memory_cost=32,
        ad=b"\x04" * 12, secret=b"\x03" * 8,
    ).derive(b"\x01" * 32)  # fmt: skip
    assert tag.hex() == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"


@pytest.mark.parametrize(
    "cost", [Cost(63 * MIB), Cost(64 * MIB, 2), Cost(64 * MIB, 3, 0), Cost(8192 * MIB)]
)
def test_no_cheaper_guess_is_ever_made(cost):
    with pytest.raises(NotOpened):
        derive(PASSWORD, bytes(16), cost)


def test_the_default_is_256_mib():
    assert Cost() == Cost(256 * 1024, 3, 4)


@pytest.mark.usefixtures("vault")
def test_nothing_in_the_file_can_be_moved_changed_or_left_out(path):
    whole = json.loads(path.read_bytes())
    sentence = refusal(path, "not the password").message

    def swapped(told, *names):
        one, other = (record["fields"] for record in told["records"])
        for name in names:
            one[name], other[name] = other[name], one[name]

    changes = [
        lambda told: swapped(told, "secret"),
        lambda told: swapped(told, "key", "secret", "passphrase"),
        lambda told: told["records"].reverse(),
        lambda told: told["records"].pop(),
        lambda told: told["records"].append(told["records"][0]),
        lambda told: told["records"][0].update(environment="main"),
        lambda told: told["records"][0].update(venue="binance"),
        lambda told: told["records"][0].update(account="other"),
        lambda told: told["records"][0].update(added=7),
        lambda told: told["records"][0].update(added=-1),
        lambda told: told["records"][0].update(added=1 << 80),
        lambda told: told["records"][0].update(account="demo1"),
        lambda told: told["records"][0].update(account=""),
        lambda told: told["records"][0].update(venue="\x1b[2J"),
        lambda told: told["records"][0].update(venue="\ud800"),
        lambda told: told["records"][0].update(fingerprint="f" * 1000),
        lambda told: told["records"][0].update(fingerprint="00000000"),
        lambda told: told.update(unattended=True),
        lambda told: told["kdf"].update(memory_kib=65537),
        lambda told: told["kdf"].update(memory_kib=1024),
        lambda told: told["kdf"].update(passes=1),
        lambda told: told["kdf"].update(name="pbkdf2"),
        lambda told: told["kdf"].update(salt=base64.b64encode(bytes(16)).decode()),
        lambda told: told["kdf"].update(salt=""),
        lambda told: told.update(version=0),
        lambda told: told.update(version=True),
        lambda told: told.pop("seal"),
        lambda told: told.update(seal=told["key"]),
        lambda told: told["seal"].update(nonce="AAAA"),
        lambda told: told["records"][0]["fields"].pop("passphrase"),
        lambda told: told.update(more=1),
    ]
    for number, change in enumerate(changes):
        hurt = copy.deepcopy(whole)
        change(hurt)
        path.write_text(json.dumps(hurt))
        assert refusal(path).message == sentence, number
        assert listing(path) in {sentence, ""}, number


@pytest.mark.usefixtures("vault")
def test_a_field_that_was_moved_does_not_open_even_under_a_true_seal(path, vault):
    """Whoever holds the data key can make a seal; the fields are bound to their place as well."""
    told = vault._told
    one, other = (record["fields"] for record in told["records"])
    one["secret"], other["secret"] = other["secret"], one["secret"]
    vault._save(keep_old=True)
    with pytest.raises(UserError) as refused:
        opened(path).get(DEMO)
    assert refused.value.code == "VAULT_NOT_OPENED"


def test_no_nonce_is_ever_used_twice(path, vault):
    seen, drawn = set(), []
    for number in range(5):
        vault.add(DEMO, key_of(DEMO), number)
        told = json.loads(path.read_bytes())
        parts = [told["seal"], *(f for r in told["records"] for f in r["fields"].values())]
        drawn += [(each["nonce"], each["box"]) for each in parts]
    for nonce, box in set(drawn):
        assert nonce not in seen, box
        seen.add(nonce)


# --- nothing leaks -------------------------------------------------------------------------------


def shapes(secret):
    raw = secret.encode()
    return [secret, raw.hex(), base64.b64encode(raw).decode(), base64.b64encode(raw)[:20].decode()]


def test_no_secret_is_shown_by_anything(path, vault):
    credentials = opened(path).get(DEMO)
    told = [repr(vault), str(vault), repr(credentials), f"{credentials}", path.read_text()]
    path.write_bytes(path.read_bytes()[:-30])
    for failing in (
        lambda: vault.add(DEMO, credentials, 3),
        lambda: opened(path),
        lambda: vault.add(MAIN, credentials, 3),
    ):
        with pytest.raises(UserError) as refused:
            failing()
        told += traceback.format_exception(refused.value)
    for text in told:
        for shape in (*shapes(CANARY), *shapes(PASSWORD), vault.unlocking_key().hex()):
            assert shape not in text


def test_an_open_vault_cannot_be_pickled_by_accident(vault):
    with pytest.raises(TypeError, match="stays where it is"):
        pickle.dumps(vault)


# --- the file ------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_it_is_its_owners_alone_and_says_so(path, vault):
    names = {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
    assert names == {"vault.json": 0o600, "vault.json.backup": 0o600}
    path.chmod(0o640)
    assert refusal(path).code == "PRIVATE_FILE_OPEN"
    path.chmod(0o600)
    path.rename(path.with_name("real"))
    path.symlink_to(path.with_name("real"))
    assert refusal(path).code == "PRIVATE_FILE_UNREADABLE"
    with pytest.raises(UserError):
        vault.add(DEMO, key_of(DEMO), 9)


def test_another_programs_change_is_not_written_over(path, vault):
    other = opened(path)
    other.add(SECOND, key_of(SECOND), 5)
    with pytest.raises(UserError) as refused:
        vault.remove(DEMO)
    assert refused.value.code == "VAULT_CHANGED"
    assert opened(path).get(SECOND) is not None


def test_the_backup_is_one_generation_back(path, vault):
    before = path.read_bytes()
    vault.add(SECOND, key_of(SECOND), 5)
    assert path.with_name("vault.json.backup").read_bytes() == before


WRITING = """
import os, sys
from pathlib import Path
from absolute.venues.credentials import Credentials
from absolute.venues.vault import KeyPlace, open_vault
from tests.unit.test_vault import PASSWORD, key_of
path, what = Path(sys.argv[1]), sys.argv[2]
vault = open_vault(path, PASSWORD, chance=os.urandom)
place = KeyPlace("okx", "main")
step = 0
print("go", flush=True)
while True:
    step += 1
    if what == "add":
        vault.add(place, key_of(place, key=str(step)), step)
    else:
        vault.rotate(PASSWORD)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.parametrize(("what", "kills"), [("add", 12), ("rotate", 4)])
def test_killed_while_it_is_written_it_opens_all_the_same(what, kills, path, vault):
    """K22 and K23: the old one or the new one, never neither; and no key is lost."""
    words = [sys.executable, "-c", WRITING, str(path), what]
    for number in range(kills):
        with subprocess.Popen(words, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            try:
                writer.wait(0.002 * number if what == "add" else 0.17 * number)
            except subprocess.TimeoutExpired:
                writer.send_signal(signal.SIGKILL)
        again = opened(path)
        assert again.get(DEMO) == vault.get(DEMO)
        assert opened(path.with_name("vault.json.backup")).get(DEMO) == vault.get(DEMO)
