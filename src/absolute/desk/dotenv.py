"""Owns the file `.env`: the settings of this machine, where the environment does not say otherwise.

Only settings that are ours are taken from it, so that a file found by chance in a folder cannot
turn other switches of this process. One that holds keys is taken only if nobody else can read it,
and one that others can write is not taken at all.
"""

import os
import re
import stat
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from absolute.desk.language import _
from absolute.domain.errors import UserError

NAMES: Final = frozenset(
    {
        "ABSOLUTE_HOME",
        "ABSOLUTE_LANG",
        "DATABASE_URL",
        "LOG_FILE",
        "LOG_LEVEL",
        "VAULT_PASSWORD_FILE",
    }
)
KEYS: Final = re.compile(r"[A-Z0-9_]+_API_(KEY|SECRET|PASSPHRASE)")
LOGIN: Final = re.compile(r"://[^/\s@]*:[^/\s@]+@|[?&]\w*password=")
"""A URL with a password in it."""


def read_dotenv(folder: Path) -> dict[str, str]:
    """Our settings from the `.env` of a folder; nothing where there is none."""
    path = folder / ".env"
    if not path.is_file():
        return {}
    try:
        told = dotenv_values(path, interpolate=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        message = _("The file {path} cannot be read; mend it or take it away.")
        raise UserError("DOTENV_UNREADABLE", message.format(path=path)) from fault
    taken = {
        name: value
        for name, value in told.items()
        if value is not None and (name in NAMES or KEYS.fullmatch(name))
    }
    _check(path, taken)
    return taken


def _check(path: Path, taken: Mapping[str, str]) -> None:
    """Raise `UserError` for a file that others may have seen keys in, or may have written."""
    for name, value in taken.items():
        if "\0" in value:
            message = _("The file {path} has no plain text for {name}; mend it.")
            raise UserError("DOTENV_INVALID", message.format(path=path, name=name))
    if os.name != "posix":
        return
    about = path.stat()
    mode = stat.S_IMODE(about.st_mode)
    secret = any(KEYS.fullmatch(name) for name in taken)
    secret = secret or LOGIN.search(taken.get("DATABASE_URL", "")) is not None
    foreign = about.st_uid not in {os.geteuid(), 0}
    if taken and (foreign or mode & 0o002 or (secret and mode & 0o077)):
        message = _(
            "The file {path} can be read or changed by others, and it says where keys are; make "
            "it yours alone: chmod 600 {path}"
        )
        raise UserError("DOTENV_OPEN", message.format(path=path))


def settings(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """What the environment says, and beneath it what `.env` says."""
    return {**read_dotenv(folder), **environment}


def load_dotenv(folder: Path, environment: MutableMapping[str, str]) -> None:
    """Put the settings of `.env` into an environment that does not have them."""
    for name, value in read_dotenv(folder).items():
        environment.setdefault(name, value)
