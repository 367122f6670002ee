"""Owns what the fleet may do with the vault: use it where it opens without asking, else say so.

The interface of PowerTraderAI+ asks nobody anything, so a vault that needs a typed password is
locked for it. It must not know what a key is for.
"""

import os
from typing import NoReturn

from absolute.desk.keys import key_desk
from absolute.desk.language import _
from absolute.domain.errors import UserError
from absolute.venues.credential_sources import Found, VaultSource
from absolute.venues.credentials import Credentials
from absolute.venues.vault import KeyPlace, may_open_unattended


class VaultDoor:
    """The vault of this user, for a program that cannot ask."""

    def __init__(self) -> None:
        self._desk = key_desk(ask=_locked)
        self._source = VaultSource(self._desk.path, self._desk.open)

    @property
    def opens(self) -> bool:
        """True where there is a vault that opens by the keyring or by a password file."""
        path = self._desk.path
        if not path.exists():
            return False
        return may_open_unattended(path) or bool(os.environ.get("VAULT_PASSWORD_FILE"))

    def find(self, venue: str, environment: str, account: str) -> Found | None:
        """A key that is kept there; raises UserError where it is and the vault is locked."""
        return self._source.find(venue, environment, account)

    def add(self, place: KeyPlace, credentials: Credentials) -> None:
        """Keep a key, in the place of an older one."""
        self._desk.add(place, credentials, replace=True)

    def remove(self, place: KeyPlace) -> None:
        """Forget a key, where there is one."""
        if place in {each.place for each in self._desk.listed()}:
            self._desk.remove(place)

    def names(self) -> list[str]:
        """What is kept there, as exchanges are named: kraken, bybit:demo, kraken/second."""
        return [_named(each.place) for each in self._desk.listed()]


def _named(place: KeyPlace) -> str:
    world = "" if place.environment == "main" else f":{place.environment}"
    account = "" if place.account == "default" else f"/{place.account}"
    return f"{place.venue}{world}{account}"


def _locked() -> NoReturn:
    message = _(
        "The vault holds this key and is locked for programs: allow the keyring with absolute keys "
        "unattended on, or name a file with its password in VAULT_PASSWORD_FILE."
    )
    raise UserError("VAULT_LOCKED", message)
