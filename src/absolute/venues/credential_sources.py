"""Owns where a key is looked for, in which order, and that it is said which place served.

    environment variables -> the vault -> plain JSON, only where that was asked for

The first that has the key serves; a key that is there and unusable is an error, never passed over.
Knows nothing of prompts: whoever can ask a person hands that in.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from absolute.domain.errors import UserError
from absolute.venues.credentials import Credentials
from absolute.venues.private_files import read_private
from absolute.venues.vault import KeyPlace, Vault, listed_keys

OPENING = Callable[[], Vault]
MAIN = "main"
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Found:
    """A key, and where it was: "environment", "vault" or "plain file NAME"."""

    credentials: Credentials
    source: str


class CredentialSource(Protocol):
    """Whoever has keys."""

    def find(self, venue: str, environment: str, account: str = DEFAULT) -> Found | None:
        """The key of a place; None where there is none."""
        ...


class EnvironmentSource:
    """Keys in environment variables: KRAKEN_API_KEY, BYBIT_DEMO_API_SECRET, OKX_API_PASSPHRASE.

    The world stands in the name unless it is main, the account unless it is the default one.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def find(self, venue: str, environment: str, account: str = DEFAULT) -> Found | None:
        """The key of a place; raises `UserError` for one that is only half there."""
        place = KeyPlace(venue, environment, account)
        stem = stem_of(place).upper() + "_API_"
        key, secret, phrase = (
            self._variables.get(stem + each, "").strip() for each in ("KEY", "SECRET", "PASSPHRASE")
        )
        if not key and not secret:
            return None
        if not key or not secret:
            missing = stem + ("SECRET" if key else "KEY")
            raise UserError(
                "KEY_HALF_SET",
                f"The environment has no {missing}; set both, or neither of the two.",
            )
        return Found(Credentials(place.profile, key, secret, phrase), "environment")


class VaultSource:
    """Keys in the vault, which is opened only where it holds the key that is asked for."""

    def __init__(self, path: Path, opening: OPENING) -> None:
        self._path = path
        self._opening = opening
        self._vault: Vault | None = None

    def find(self, venue: str, environment: str, account: str = DEFAULT) -> Found | None:
        """The key of a place; raises `UserError` where the vault does not open."""
        place = KeyPlace(venue, environment, account)
        if place not in {each.place for each in listed_keys(self._path)}:
            return None
        if self._vault is None:
            self._vault = self._opening()
        credentials = self._vault.get(place)
        return None if credentials is None else Found(credentials, "vault")


class PlainFileSource:
    """Keys in plain JSON files, kraken_config.json or bybit_demo_config.json, with mode 0600."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, venue: str, environment: str, account: str = DEFAULT) -> Found | None:
        """The key of a place; raises `UserError` for a file that others can read, or half a key."""
        place = KeyPlace(venue, environment, account)
        path = self._folder / f"{stem_of(place)}_config.json"
        if not path.exists():
            return None
        told = _object(path)
        parts = [told.get(name, "") for name in ("api_key", "api_secret", "api_passphrase")]
        if not all(isinstance(each, str) for each in parts) or not parts[0] or not parts[1]:
            raise UserError(
                "KEY_FILE_INVALID",
                f"The file {path} must hold the texts api_key and api_secret; mend it.",
            )
        return Found(Credentials(place.profile, *parts), f"plain file {path.name}")


class Sources:
    """Several places, asked in order; what `find` gives is the first that has the key."""

    def __init__(self, *places: CredentialSource) -> None:
        self._places = places

    def find(self, venue: str, environment: str, account: str = DEFAULT) -> Found:
        """The key of a place and where it was; raises `UserError` where nobody has it."""
        for source in self._places:
            found = source.find(venue, environment, account)
            if found is not None:
                return found
        place = KeyPlace(venue, environment, account)
        raise UserError(
            "KEY_MISSING",
            f"There is no key for {place.name}; add one with: absolute keys add {place.profile}",
        )


def sources_for(
    vault: Path,
    opening: OPENING,
    *,
    variables: Mapping[str, str] | None = None,
    plain_folder: Path | None = None,
) -> Sources:
    """The places in their order; plain files only where a folder of them is named."""
    places: list[CredentialSource] = [
        EnvironmentSource(os.environ if variables is None else variables),
        VaultSource(vault, opening),
    ]
    if plain_folder is not None:
        places.append(PlainFileSource(plain_folder))
    return Sources(*places)


def stem_of(place: KeyPlace) -> str:
    """As the variables and the plain files of a place are named: bybit_demo, kraken_second."""
    parts = [place.venue]
    if place.environment != MAIN:
        parts.append(place.environment)
    if place.account != DEFAULT:
        parts.append(place.account)
    return re.sub(r"[^a-z0-9]+", "_", "_".join(parts).lower())


def _object(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(read_private(path))
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise UserError("KEY_FILE_INVALID", f"The file {path} is no JSON object; mend it.")
    return told
