"""Owns the vault: the file that holds the keys of the venues, and what may be done with it.

Everything that leaves it is a `Credentials`, which never shows itself. A lost password is not
recovered: the keys are entered again. Knows nothing of venues, prompts or clocks.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from absolute.domain.errors import UserError
from absolute.domain.units import Nanos
from absolute.venues.credentials import Credentials
from absolute.venues.private_files import read_private, replace_private
from absolute.venues.vault_format import (
    KEY_BYTES,
    SALT_BYTES,
    VERSION,
    Chance,
    Cost,
    NotOpened,
    about_all,
    about_field,
    about_key,
    canonical,
    derive,
    kdf_of,
    kdf_told,
    seal,
    sealed_of,
    unseal,
)

FIELDS: Final = ("key", "secret", "passphrase")
PASSWORD_CHARS_MIN: Final = 12
PADDED_BYTES: Final = 64
"""Shorter fields are filled up, so that an empty one looks like any other."""
DEFAULT_COST: Final = Cost()
ACCOUNT: Final = re.compile(r"[a-z0-9_]{1,32}")
WORLDS: Final = ("main", "demo", "testnet")
CHARS_MAX: Final = 200
"""No name in a record is longer; one that is, or that steers a terminal, is damage."""


@dataclass(frozen=True, slots=True, order=True)
class KeyPlace:
    """Which key is meant: at which venue, in which of its worlds, of which account."""

    venue: str
    environment: str
    account: str = "default"

    def __post_init__(self) -> None:
        """Refuse an account that reads like a world: bybit's account demo is not bybit:demo."""
        if not _is_account(self.account):
            raise UserError(
                "ACCOUNT_INVALID",
                f"An account cannot be called {self.account!r}; take up to 32 letters, digits and "
                "underscores, not beginning with main, demo or testnet.",
            )

    def told(self) -> dict[str, str]:
        """For JSON, and for what a field is bound to."""
        return {"venue": self.venue, "environment": self.environment, "account": self.account}

    @property
    def profile(self) -> str:
        """The profile the key was made in: "bybit:demo"."""
        return f"{self.venue}:{self.environment}"

    @property
    def name(self) -> str:
        """As people are told of it: "bybit:demo", with the account where there are several."""
        return self.profile if self.account == "default" else f"{self.profile} ({self.account})"


@dataclass(frozen=True, slots=True)
class ListedKey:
    """What may be seen of a key without the password. `fingerprint` tells keys apart."""

    place: KeyPlace
    added: Nanos
    fingerprint: str


class Vault:
    """An open vault. Every change is on disk when its method returns."""

    def __init__(
        self, path: Path, key: bytes, told: dict[str, Any], chance: Chance, *, read: bytes = b""
    ) -> None:
        self._path = path
        self._key = key
        self._told = told
        self._chance = chance
        self._read = read

    def __repr__(self) -> str:
        """Where it is; never what it holds."""
        return f"Vault({str(self._path)!r})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied into a file or another process by accident."""
        raise TypeError("an open vault stays where it is")

    # --- reading ------------------------------------------------------------------------------

    def get(self, place: KeyPlace) -> Credentials | None:
        """The key of a place; None where there is none."""
        record = self._find(place)
        return None if record is None else self._open_fields(record)

    @property
    def unattended(self) -> bool:
        """Whether the user allowed it to be opened without the password."""
        return bool(self._told["unattended"])

    def unlocking_key(self) -> bytes:
        """What opens it without the password: for the keyring of the system, and nothing else."""
        return self._key

    # --- changing -----------------------------------------------------------------------------

    def add(self, place: KeyPlace, credentials: Credentials, added: Nanos) -> None:
        """Keep a key in the place of any other that is there."""
        if credentials.made_for != place.profile:
            raise UserError(
                "KEY_OF_OTHER_PROFILE",
                f"the key was made for {credentials.made_for} and cannot be kept for {place.name}.",
            )
        record = {
            **place.told(),
            "added": int(added),
            "fingerprint": fingerprint(credentials.key),
            "fields": self._seal_fields(place, credentials),
        }
        self._told["records"] = [*self._others(place), record]
        self._save(keep_old=True)

    def remove(self, place: KeyPlace) -> bool:
        """Forget a key, also in the backup; False where there was none."""
        if self._find(place) is None:
            return False
        self._told["records"] = self._others(place)
        self._save(keep_old=False)
        return True

    def rotate(self, password: str) -> None:
        """Encrypt everything anew under a new data key; raises `UserError` for a wrong password."""
        _data_key(self._path, self._told, password)
        records = self._told["records"]
        kept = [self._open_fields(record) for record in records]
        self._key = self._chance(KEY_BYTES)
        for record, credentials in zip(records, kept, strict=True):
            record["fields"] = self._seal_fields(_place(record), credentials)
        self._wrap(password, kdf_of(self._told["kdf"])[1])
        self._save(keep_old=False)

    def change_password(self, old: str, new: str, cost: Cost = DEFAULT_COST) -> None:
        """Wrap the data key anew; the backup too opens only with the new password."""
        _data_key(self._path, self._told, old)
        check_password(new)
        self._wrap(new, cost)
        self._save(keep_old=False)

    def allow_unattended(self, *, allowed: bool) -> None:
        """Write down whether the keyring of the system may be asked for its key."""
        self._told["unattended"] = allowed
        self._save(keep_old=True)

    # --- inside -------------------------------------------------------------------------------

    def _find(self, place: KeyPlace) -> dict[str, Any] | None:
        return next((each for each in self._told["records"] if _place(each) == place), None)

    def _others(self, place: KeyPlace) -> list[dict[str, Any]]:
        return [each for each in self._told["records"] if _place(each) != place]

    def _seal_fields(self, place: KeyPlace, credentials: Credentials) -> dict[str, Any]:
        """Every field, also an empty one: whether there is a passphrase is nobody's business."""
        sealed = {}
        for name in FIELDS:
            plain = getattr(credentials, name).encode().rjust(PADDED_BYTES, b"\0")
            sealed[name] = seal(
                self._key, plain, about_field(place.told(), name), chance=self._chance
            )
        return {name: each.told() for name, each in sealed.items()}

    def _open_fields(self, record: dict[str, Any]) -> Credentials:
        place, parts = _place(record), {}
        try:
            for name in FIELDS:
                sealed = sealed_of(record["fields"][name])
                plain = unseal(self._key, sealed, about_field(place.told(), name))
                parts[name] = plain.lstrip(b"\0").decode()
        except NotOpened:
            raise _refused(self._path) from None
        return Credentials(place.profile, parts["key"], parts["secret"], parts["passphrase"])

    def _wrap(self, password: str, cost: Cost) -> None:
        salt = self._chance(SALT_BYTES)
        self._told["kdf"] = kdf_told(salt, cost)
        wrapping = derive(password, salt, cost)
        wrapped = seal(wrapping, self._key, about_key(salt, cost), chance=self._chance)
        self._told["key"] = wrapped.told()

    def _save(self, *, keep_old: bool) -> None:
        if self._read and read_private(self._path) != self._read:
            raise UserError(
                "VAULT_CHANGED",
                f"The vault {self._path} was changed by another program meanwhile; try again.",
            )
        self._told["seal"] = seal(self._key, b"", about_all(self._told), chance=self._chance).told()
        data = canonical(self._told) + b"\n"
        replace_private(self._path, data, keep_old=keep_old)
        self._read = data


def create_vault(path: Path, password: str, *, chance: Chance, cost: Cost = DEFAULT_COST) -> Vault:
    """Make an empty vault; raises `UserError` where there is one, or the password is too short."""
    if path.exists():
        raise UserError("VAULT_EXISTS", f"There is a vault {path} already; open that one.")
    check_password(password)
    told: dict[str, Any] = {"version": VERSION, "unattended": False, "records": []}
    vault = Vault(path, chance(KEY_BYTES), told, chance)
    vault._wrap(password, cost)  # noqa: SLF001, RUF100 -- the maker of the class, in its own file
    vault._save(keep_old=False)  # noqa: SLF001, RUF100
    return vault


def open_vault(path: Path, password: str, *, chance: Chance) -> Vault:
    """Open a vault; raises the same `UserError` for a wrong password and for any damage."""
    read, told = _parsed(path)
    return _checked(path, _data_key(path, told, password), told, chance, read=read)


def open_with_key(path: Path, key: bytes, *, chance: Chance) -> Vault:
    """Open a vault that may be opened unattended, with what its `unlocking_key` was."""
    read, told = _parsed(path)
    vault = _checked(path, key, told, chance, read=read)
    if not vault.unattended:
        raise _refused(path)
    return vault


def listed_keys(path: Path) -> tuple[ListedKey, ...]:
    """What is in a vault, without its password; nothing where there is no vault."""
    if not path.exists():
        return ()
    _, told = _parsed(path)
    return tuple(
        sorted(
            (
                ListedKey(_place(each), Nanos(each["added"]), each["fingerprint"])
                for each in told["records"]
            ),
            key=lambda each: each.place,
        )
    )


def may_open_unattended(path: Path) -> bool:
    """Whether a vault says of itself that the keyring of the system opens it."""
    return path.exists() and bool(_parsed(path)[1]["unattended"])


def check_password(password: str) -> None:
    """Refuse a password that is too short to be worth guessing slowly."""
    if len(password) < PASSWORD_CHARS_MIN:
        raise UserError(
            "VAULT_PASSWORD_SHORT",
            f"The password must have at least {PASSWORD_CHARS_MIN} characters; take a few words.",
        )


def fingerprint(key: str) -> str:
    """Eight digits that tell keys apart and give nothing of them away."""
    return hashlib.sha256(b"absolute key " + key.encode()).hexdigest()[:8]


def _data_key(path: Path, told: dict[str, Any], password: str) -> bytes:
    try:
        salt, cost = kdf_of(told["kdf"])
        wrapping = derive(password, salt, cost)
        return unseal(wrapping, sealed_of(told["key"]), about_key(salt, cost))
    except NotOpened:
        raise _refused(path) from None


def _checked(path: Path, key: bytes, told: dict[str, Any], chance: Chance, *, read: bytes) -> Vault:
    """The vault, once its seal has been found whole."""
    try:
        if len(key) != KEY_BYTES:
            raise NotOpened("key")
        unseal(key, sealed_of(told["seal"]), about_all(told))
    except NotOpened:
        raise _refused(path) from None
    return Vault(path, key, told, chance, read=read)


def _parsed(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a vault and what they say; its shape is checked, its truth is not."""
    read = read_private(path)
    try:
        told = json.loads(read)
    except (ValueError, RecursionError):
        raise _refused(path) from None
    if not isinstance(told, dict) or told.get("version") != VERSION or not _well_formed(told):
        raise _refused(path)
    return read, told


def _well_formed(told: dict[str, Any]) -> bool:
    names = {"version", "unattended", "records", "kdf", "key", "seal"}
    records = told.get("records")
    return (
        told.keys() == names
        and type(told["unattended"]) is bool
        and isinstance(records, list)
        and all(_is_record(each) for each in records)
    )


def _is_record(told: Any) -> bool:  # noqa: ANN401 -- JSON enters here
    texts = ("venue", "environment", "account", "fingerprint")
    return (
        isinstance(told, dict)
        and told.keys() == {*texts, "added", "fields"}
        and all(isinstance(told[name], str) for name in texts)
        and all(told[name].isprintable() and 0 < len(told[name]) <= CHARS_MAX for name in texts)
        and _is_account(told["account"])
        and type(told["added"]) is int
        and 0 <= told["added"] < 1 << 63
        and isinstance(told["fields"], dict)
        and told["fields"].keys() == set(FIELDS)
    )


def _is_account(name: str) -> bool:
    return ACCOUNT.fullmatch(name) is not None and not name.startswith(WORLDS)


def _place(record: dict[str, Any]) -> KeyPlace:
    return KeyPlace(record["venue"], record["environment"], record["account"])


def _refused(path: Path) -> UserError:
    return UserError(
        "VAULT_NOT_OPENED",
        f"The vault {path} does not open: the password is wrong, or the file is damaged; try "
        f"again, or bring back the copy {path.name}.backup.",
    )
