"""Owns what a user does with keys: keep, list, test, forget, renew, and open them for a run.

It brings the vault, the keyring, the places a key may be in and the security log together. A key
that can take money away is refused. Who asks a person for a password is handed in.
"""

import asyncio
import getpass
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keyring.backend import KeyringBackend

from absolute.desk.clock import WallClock, fresh_seed, generator, random_bytes
from absolute.desk.home import home
from absolute.desk.keyring_door import fetch, forget, keep, system_keyring
from absolute.desk.language import _
from absolute.desk.logs import hidden, register_secret
from absolute.desk.security_log import SecurityLog, security_log
from absolute.domain.errors import UserError
from absolute.domain.units import NANOS_PER_SECOND
from absolute.venues.box import BoxAddress
from absolute.venues.credential_sources import Found, Sources, sources_for
from absolute.venues.credentials import Credentials
from absolute.venues.private_files import read_private
from absolute.venues.profile_table import profile as profile_of
from absolute.venues.vault import (
    DEFAULT_COST,
    KeyPlace,
    ListedKey,
    Vault,
    create_vault,
    listed_keys,
    may_open_unattended,
    open_vault,
    open_with_key,
)
from absolute.venues.vault_format import Cost

if TYPE_CHECKING:
    from absolute.venues.key_check import KeyFacts

Ask = Callable[[], str]
Keyring = Callable[[], KeyringBackend]

ROBINHOOD: Final = "robinhood:main"
"""The one venue with a connector of its own: the fleet's, not a profile of the live path."""


def vault_path() -> Path:
    """Where the vault of this user is."""
    return home() / "vault.json"


def place_of(profile: str, account: str = "default") -> KeyPlace:
    """The place of a key from a profile's name; raises `UserError` for one that is not known."""
    if profile.strip().lower() == ROBINHOOD:
        return KeyPlace("robinhood", "main", account)
    known = profile_of(profile)
    return KeyPlace(known.venue, str(known.environment), account)


def ask_on_terminal() -> str:
    """Ask for the password where somebody sits; raises `UserError` where nobody does."""
    if not sys.stdin.isatty():
        message = _(
            "The vault needs its password and nobody is there to type it; name a file with it in "
            "VAULT_PASSWORD_FILE, or allow the keyring with: absolute keys unattended on"
        )
        raise UserError("VAULT_LOCKED", message)
    return getpass.getpass(_("Password of the vault: "))


@dataclass(frozen=True, slots=True)
class KeyDesk:
    """The vault of one user with all that is done round it."""

    path: Path
    log: SecurityLog
    ask: Ask = ask_on_terminal
    keyring: Keyring = system_keyring
    cost: Cost = DEFAULT_COST

    # --- opening ------------------------------------------------------------------------------

    def open(self) -> Vault:
        """The vault, by the keyring where that is allowed, else by its password."""
        if not self.path.exists():
            message = _("There is no vault {path} yet; add a key with: absolute keys add")
            raise UserError("VAULT_MISSING", message.format(path=self.path))
        _keep_memory_to_ourselves()
        key = fetch(self.keyring(), self.path) if may_open_unattended(self.path) else None
        how = "password" if key is None else "keyring"
        try:
            if key is not None:
                vault = open_with_key(self.path, key, chance=random_bytes)
            else:
                vault = open_vault(self.path, self._password(), chance=random_bytes)
        except UserError:
            self.log.note("vault_not_opened", by=how)
            raise
        self.log.note("vault_opened", by=how)
        return vault

    def _password(self) -> str:
        password = self.ask()
        register_secret(password)
        return password

    def sources(
        self,
        *,
        variables: Mapping[str, str] | None = None,
        plain_folder: Path | None = None,
    ) -> Sources:
        """The places where a key may be, the vault opened only where it is needed."""
        return sources_for(self.path, self.open, variables=variables, plain_folder=plain_folder)

    def find(self, place: KeyPlace, *, plain_folder: Path | None = None) -> Found:
        """A key for a run, from wherever it is; its use is logged and its parts are never shown."""
        _keep_memory_to_ourselves()
        sources = self.sources(plain_folder=plain_folder)
        found = sources.find(place.venue, place.environment, place.account)
        for part in (found.credentials.key, found.credentials.secret, found.credentials.passphrase):
            register_secret(part)
        self.log.note("key_used", place=place.name, source=found.source)
        return found

    # --- changing -----------------------------------------------------------------------------

    def add(self, place: KeyPlace, credentials: Credentials, *, replace: bool = False) -> ListedKey:
        """Keep a key, in a new vault where there is none; raises `UserError` over another key."""
        for part in (credentials.key, credentials.secret, credentials.passphrase):
            register_secret(part)
        known = {each.place for each in self.listed()}
        if place in known and not replace:
            message = _(
                "There is a key for {place} already; add --replace to put this in its place."
            )
            raise UserError("KEY_EXISTS", message.format(place=place.name))
        if self.path.exists():
            vault = self.open()
        else:
            chance, password = random_bytes, self._password()
            vault = create_vault(self.path, password, chance=chance, cost=self.cost)
            self.log.note("vault_created")
        vault.add(place, credentials, WallClock().now_ns())
        (added,) = (each for each in self.listed() if each.place == place)
        self.log.note("key_added", place=place.name, fingerprint=added.fingerprint)
        return added

    def keep(
        self, place: KeyPlace, parts: tuple[str, str, str], *, replace: bool = False
    ) -> dict[str, str]:
        """Keep a key from its key, secret and passphrase; gives its row."""
        return _row(self.add(place, Credentials(place.profile, *parts), replace=replace))

    def rows(self) -> list[dict[str, str]]:
        """The keys that are kept, in words; no key can be told from them."""
        return [_row(each) for each in self.listed()]

    def listed(self) -> tuple[ListedKey, ...]:
        """The keys that are kept, without opening the vault."""
        return listed_keys(self.path)

    def remove(self, place: KeyPlace) -> None:
        """Forget a key; raises `UserError` where there is none."""
        if not self.open().remove(place):
            message = _("There is no key for {place}; see which there are: absolute keys list")
            raise UserError("KEY_MISSING", message.format(place=place.name))
        self.log.note("key_removed", place=place.name)

    def rotate(self) -> None:
        """Encrypt every key anew under a fresh data key."""
        password = self._password()
        vault = open_vault(self.path, password, chance=random_bytes)
        vault.rotate(password)
        if vault.unattended:
            keep(self.keyring(), self.path, vault.unlocking_key())
        self.log.note("vault_rotated")

    def change_password(self, fresh: Ask) -> None:
        """Give the vault another password; the old one opens nothing any more."""
        password = self._password()
        vault = open_vault(self.path, password, chance=random_bytes)
        new = fresh()
        register_secret(new)
        vault.change_password(password, new, self.cost)
        self.log.note("vault_password_changed")

    def allow_unattended(self, *, allowed: bool) -> None:
        """Let the keyring of the system open the vault, or no longer."""
        backend = self.keyring()
        vault = open_vault(self.path, self._password(), chance=random_bytes)
        if allowed:
            keep(backend, self.path, vault.unlocking_key())
        else:
            forget(backend, self.path)
        vault.allow_unattended(allowed=allowed)
        self.log.note("vault_unattended", allowed="yes" if allowed else "no")

    # --- testing ------------------------------------------------------------------------------

    def test(self, place: KeyPlace, box: BoxAddress | None = None) -> tuple[Found, "KeyFacts"]:
        """Ask the venue, or the box, what a key may do; raises `UserError` for one refused."""
        from absolute.venues.key_check import check_key  # takes the venues' clients with it
        from absolute.venues.parts import Surroundings

        if place.profile == ROBINHOOD:
            message = _("A Robinhood key tells nothing of its rights; it is tried with the fleet.")
            raise UserError("KEY_UNTESTABLE", message)
        found, profile = self.find(place), profile_of(place.profile)
        around = Surroundings(WallClock(), generator(fresh_seed()), box=box)
        try:
            facts = asyncio.run(check_key(profile, found.credentials, around))
        except UserError as fault:
            self.log.note("key_refused", place=place.name, code=fault.code)
            # A venue may repeat what it was sent, the key among it.
            raise UserError(fault.code, hidden(fault.message)) from None
        told = {"trades": str(facts.trades), "withdraws": str(facts.withdraws)}
        self.log.note("key_tested", place=place.name, **told)
        return found, facts


def key_desk(ask: Ask | None = None) -> KeyDesk:
    """The keys of this user; a file named in VAULT_PASSWORD_FILE speaks where nobody is asked."""
    file = os.environ.get("VAULT_PASSWORD_FILE")
    if file:
        ask = _from_file(Path(file))
    return KeyDesk(vault_path(), security_log(WallClock()), ask or ask_on_terminal)


def _keep_memory_to_ourselves() -> None:
    """Write no core dump from now on, since it would hold every key; swapping stays possible."""
    if sys.platform != "win32":
        import resource

        _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def _row(listed: ListedKey) -> dict[str, str]:
    added = datetime.fromtimestamp(listed.added // NANOS_PER_SECOND, UTC)
    return {
        "profile": listed.place.profile,
        "account": listed.place.account,
        "fingerprint": listed.fingerprint,
        "added": f"{added:%Y-%m-%dT%H:%M:%SZ}",
    }


def _from_file(path: Path) -> Ask:
    def read() -> str:
        return read_private(path).decode("utf-8", "replace").rstrip("\r\n")

    return read
