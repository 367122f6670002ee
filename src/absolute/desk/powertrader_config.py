"""Owns the configurations of the fleet's exchanges: whose keys, from where, and where they go.

    environment variables -> the vault -> plain JSON, only with ABSOLUTE_PLAIN_KEYS=1 and mode 0600

Which place served is told by `config_source`. Saving goes to the vault where one opens without
asking, else to a plain file where the flag allows it, else it is refused with what to do. It must
not know what an exchange does with a key.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from absolute.desk.language import _
from absolute.desk.powertrader_vault import VaultDoor
from absolute.desk.redaction import TELLING
from absolute.domain.errors import UserError
from absolute.venues.credential_sources import (
    EnvironmentSource,
    Found,
    PlainFileSource,
    stem_of,
)
from absolute.venues.credentials import Credentials
from absolute.venues.private_files import read_private, replace_private
from absolute.venues.robinhood import check_config
from absolute.venues.vault import KeyPlace

PLAIN_FLAG: Final = "ABSOLUTE_PLAIN_KEYS"
KEYS: Final = ("api_key", "api_secret", "api_passphrase")
WITH_PASSPHRASE: Final = frozenset({"okx", "kucoin"})
NAME: Final = re.compile(r"[^\x00-\x1f\x7f/\\:*?\"<>|.][^\x00-\x1f\x7f/\\:*?\"<>|]{0,63}")
"""What may stand in a file's name on any system, and lead to no other folder."""


def place_of(exchange_name: str) -> KeyPlace:
    """kraken, bybit:demo, kraken/second: the venue, its world, the account."""
    rest, _slash, account = exchange_name.strip().lower().partition("/")
    venue, _colon, environment = rest.partition(":")
    if not NAME.fullmatch(venue) or not NAME.fullmatch(environment or "main"):
        message = _("{exchange} is no name of an exchange; write one such as kraken or bybit:demo.")
        raise UserError("EXCHANGE_NAME_INVALID", message.format(exchange=repr(exchange_name[:80])))
    return KeyPlace(venue, environment or "main", account or "default")


def config_fault(exchange_name: str, config: Mapping[str, Any]) -> str | None:
    """What a configuration lacks, in a sentence, or None."""
    venue = place_of(exchange_name).venue
    if venue == "robinhood":
        try:
            check_config(config)
        except UserError as fault:
            return fault.message
        return None
    for name in (*KEYS[:2], *(KEYS[2:] if venue in WITH_PASSPHRASE else ())):
        value = config.get(name)
        if not isinstance(value, str) or not value.strip():
            return _("{exchange} needs {name}.").format(exchange=exchange_name, name=name)
    return None


class ExchangeConfigManager:
    """Manages exchange configurations and credentials."""

    def __init__(self, config_dir: str = "credentials", *, allow_plain: bool | None = None) -> None:
        self.config_dir = Path(config_dir)
        self._plain = os.environ.get(PLAIN_FLAG) == "1" if allow_plain is None else allow_plain
        self._vault = VaultDoor()

    def load_exchange_config(self, exchange_name: str) -> dict[str, Any]:
        """Load configuration for specific exchange; empty where there is none."""
        found = self._found(exchange_name)
        config = self._settings(exchange_name)
        if found is not None:
            config |= _as_config(found.credentials)
        return config

    def save_exchange_config(self, exchange_name: str, config: Mapping[str, Any]) -> None:
        """Save configuration for specific exchange; raises UserError where it would be unsafe."""
        if place_of(exchange_name).venue == "robinhood":
            check_config(config)
        place = place_of(exchange_name)
        key, secret, phrase = (str(config.get(name, "")) for name in KEYS)
        if self._vault.opens:
            _refuse_other_secrets(config)
            self._vault.add(place, Credentials(place.profile, key, secret, phrase))
            self._write(self._settings_path(place), _without_keys(config))
        elif self._plain:
            self._write(self._plain_path(place), dict(config))
        else:
            message = _(
                "The keys of {exchange} were not saved: a plain file is refused, and no vault "
                "opens without a password here. Add them with: absolute keys add {profile}; or "
                "set environment variables; or set {flag}=1 to allow a plain file with mode 0600."
            )
            told = message.format(exchange=exchange_name, profile=place.profile, flag=PLAIN_FLAG)
            raise UserError("KEYS_NOT_SAVED", told)

    def validate_config(self, exchange_name: str) -> bool:
        """Validate exchange configuration."""
        config = self.load_exchange_config(exchange_name)
        return bool(config) and config_fault(exchange_name, config) is None

    def get_configured_exchanges(self) -> list[str]:
        """Get list of exchanges with valid configurations."""
        return [name for name in self._named() if self.validate_config(name)]

    def kept_exchanges(self) -> list[str]:
        """The same, and those whose keys are kept but cannot be read now, as in a locked vault."""
        return [name for name in self._named() if self._is_kept(name)]

    def _is_kept(self, exchange_name: str) -> bool:
        try:
            return self.validate_config(exchange_name)
        except UserError:
            return True  # what is wrong is told where it is used

    def delete_exchange_config(self, exchange_name: str) -> None:
        """Remove configuration for specific exchange; environment variables are not ours."""
        place = place_of(exchange_name)
        for path in (self._plain_path(place), self._settings_path(place)):
            path.unlink(missing_ok=True)
            path.with_name(f"{path.name}.backup").unlink(missing_ok=True)
        self._vault.remove(place)

    def config_source(self, exchange_name: str) -> str | None:
        """Which place serves the keys: "environment", "vault", "plain file NAME", or None."""
        found = self._found(exchange_name)
        return None if found is None else found.source

    def _found(self, exchange_name: str) -> Found | None:
        place = place_of(exchange_name)
        words = (place.venue, place.environment, place.account)
        found = EnvironmentSource(os.environ).find(*words)
        if found is None:
            found = self._vault.find(*words)
        if found is not None or not self._plain_path(place).exists():
            return found
        if not self._plain:
            message = _(
                "The file {path} holds keys in plain text, which are not used by themselves. Move "
                "them: absolute keys add {profile}; or set {flag}=1 to use the file as it is."
            )
            told = message.format(
                path=self._plain_path(place), profile=place.profile, flag=PLAIN_FLAG
            )
            raise UserError("PLAIN_KEYS_REFUSED", told)
        return PlainFileSource(self.config_dir).find(*words)

    def _settings(self, exchange_name: str) -> dict[str, Any]:
        """What a configuration holds besides keys."""
        place = place_of(exchange_name)
        settings: dict[str, Any] = {}
        for path in (self._settings_path(place), self._plain_path(place)):
            if path.exists() and (self._plain or path == self._settings_path(place)):
                settings |= _without_keys(_object(path))
        return settings

    def _named(self) -> list[str]:
        """Every name a configuration may exist under: the known venues, the vault, the files."""
        names = [*KNOWN, *self._vault.names()]
        files = sorted(self.config_dir.glob("*_config.json"))
        names += [_name_of_stem(path.name.removesuffix("_config.json")) for path in files]
        return list(dict.fromkeys(names))

    def _plain_path(self, place: KeyPlace) -> Path:
        return self.config_dir / f"{stem_of(place)}_config.json"

    def _settings_path(self, place: KeyPlace) -> Path:
        return self.config_dir / f"{_stem(place)}_settings.json"

    def _write(self, path: Path, told: Mapping[str, Any]) -> None:
        if told:
            replace_private(path, json.dumps(dict(told), indent=2).encode(), keep_old=False)


KNOWN: Final = (
    *("robinhood", "kraken", "coinbase", "bitstamp", "binance", "kucoin", "bybit", "okx"),
    *("bybit:demo", "bybit:testnet", "binance:demo", "binance:testnet"),
)


def credentials_in(config: Mapping[str, Any], profile: str) -> Credentials | None:
    """The key of a configuration, or None where it has none."""
    key, secret, phrase = (str(config.get(name, "")) for name in KEYS)
    return Credentials(profile, key, secret, phrase) if key and secret else None


def _as_config(credentials: Credentials) -> dict[str, Any]:
    told = dict(
        zip(KEYS, (credentials.key, credentials.secret, credentials.passphrase), strict=True)
    )
    return {name: value for name, value in told.items() if value}


def _without_keys(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in KEYS}


def _refuse_other_secrets(config: Mapping[str, Any]) -> None:
    """Raise `UserError` for a secret under a name the vault does not know: it would lie open."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            _refuse_other_secrets(value)
        elif name not in KEYS and value and TELLING.search(name):
            message = _(
                "{name} looks like a secret, and only {known} are kept in the vault; use one of "
                "these names, or leave it out."
            )
            told = message.format(name=name, known=", ".join(KEYS))
            raise UserError("SECRET_NOT_KEPT", told)


def _stem(place: KeyPlace) -> str:
    """As the plain files are named: kraken, bybit_demo, kraken_second."""
    parts = [place.venue]
    parts += [place.environment] if place.environment != "main" else []
    parts += [place.account] if place.account != "default" else []
    return "_".join(parts)


def _name_of_stem(stem: str) -> str:
    venue, _mark, rest = stem.partition("_")
    world, _other, account = rest.partition("_")
    if world in {"demo", "testnet"}:
        return f"{venue}:{world}" + (f"/{account}" if account else "")
    return f"{venue}/{rest}" if rest else venue


def _object(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(read_private(path))
    except ValueError:
        told = None
    if not isinstance(told, dict):
        message = _("The file {path} is no JSON object; mend it.")
        raise UserError("KEY_FILE_INVALID", message.format(path=path))
    return told
