"""Owns the way into the keyring of the operating system, for a start without a person.

It is opt-in. Only keyrings that the system itself protects are used; one that keeps plain text,
keeps nothing, or that we do not know is refused.
"""

import base64
import binascii
from pathlib import Path
from typing import Final

import keyring
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.errors import KeyringError, PasswordDeleteError

from absolute.desk.language import _
from absolute.domain.errors import UserError

SERVICE: Final = "absolute-trader"
SECURE: Final = frozenset(
    {
        "keyring.backends.macOS",
        "keyring.backends.Windows",
        "keyring.backends.SecretService",
        "keyring.backends.libsecret",
        "keyring.backends.kwallet",
    }
)


def system_keyring() -> KeyringBackend:
    """The keyring of this system; raises `UserError` where it has none that is safe."""
    return secure(keyring.get_keyring())


def secure(backend: KeyringBackend) -> KeyringBackend:
    """The same keyring, or the first of a chain; raises `UserError` for one that is not safe."""
    if isinstance(backend, ChainerBackend):
        chain = list(backend.backends)
        backend = chain[0] if chain else backend
    if type(backend).__module__ not in SECURE:
        message = _(
            "The keyring of this system is {name}, which does not protect a key; open the vault "
            "with its password, or name a file with it in VAULT_PASSWORD_FILE."
        )
        raise UserError("KEYRING_UNSAFE", message.format(name=type(backend).__module__))
    return backend


def keep(backend: KeyringBackend, vault: Path, key: bytes) -> None:
    """Give the keyring what opens a vault; raises `UserError` where it refuses."""
    try:
        secure(backend).set_password(SERVICE, _name(vault), base64.b64encode(key).decode())
    except KeyringError as fault:
        raise _refused(fault) from None


def fetch(backend: KeyringBackend, vault: Path) -> bytes | None:
    """What opens a vault; None where the keyring does not have it."""
    try:
        told = secure(backend).get_password(SERVICE, _name(vault))
        return None if told is None else base64.b64decode(told, validate=True)
    except binascii.Error:
        return None
    except KeyringError as fault:
        raise _refused(fault) from None


def forget(backend: KeyringBackend, vault: Path) -> bool:
    """Take it away again; False where it was not there."""
    try:
        secure(backend).delete_password(SERVICE, _name(vault))
    except PasswordDeleteError:
        return False
    except KeyringError as fault:
        raise _refused(fault) from None
    return True


def _name(vault: Path) -> str:
    return str(vault.expanduser().absolute())


def _refused(fault: KeyringError) -> UserError:
    message = _("The keyring of this system refuses ({reason}); unlock it and try again.")
    return UserError("KEYRING_REFUSED", message.format(reason=type(fault).__name__))
