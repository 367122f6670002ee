"""Owns how a request to Robinhood's crypto API is signed: Ed25519 over key, time, path and body.

The message is the key, the time in whole seconds, the path with its query, the method and the
body, one after the other without marks between them (docs.robinhood.com/crypto/trading,
"Authentication"). What is signed must be exactly the bytes that are sent. Dry: no clock, no socket.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from absolute.domain.errors import UserError

SEED_BYTES = 32
VALID_SECONDS = 30
"""How long a signature is taken: the documents say a timestamp expires after 30 seconds."""


@dataclass(frozen=True, slots=True)
class SignedParts:
    """What a signature covers. `path` holds the query; `seconds` is since 1970."""

    key: str
    seconds: int
    path: str
    method: str
    body: bytes = b""

    def message(self) -> bytes:
        """The bytes that are signed."""
        return f"{self.key}{self.seconds}{self.path}{self.method}".encode() + self.body


@dataclass(frozen=True, slots=True)
class RobinhoodSigner:
    """An API key with its private half; shows neither."""

    key: str
    _private: Ed25519PrivateKey = field(repr=False)

    def public(self) -> str:
        """The public half, base64: what is registered at Robinhood."""
        return base64.b64encode(self._private.public_key().public_bytes_raw()).decode()

    def headers(self, parts: SignedParts) -> Mapping[str, str]:
        """The three headers of a signed request."""
        signature = base64.b64encode(self._private.sign(parts.message())).decode()
        return {
            "x-api-key": self.key,
            "x-timestamp": str(parts.seconds),
            "x-signature": signature,
        }


def signer(key: str, private_key: str) -> RobinhoodSigner:
    """A signer from the base64 seed (32 bytes, or 64 with the public half behind it)."""
    try:
        raw = base64.b64decode(private_key, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise _unusable() from fault
    if len(raw) not in {SEED_BYTES, 2 * SEED_BYTES}:
        raise _unusable()
    return RobinhoodSigner(key, Ed25519PrivateKey.from_private_bytes(raw[:SEED_BYTES]))


def verified(parts: SignedParts, signature: str, public_key: str) -> bool:
    """True where the signature is the registered key's over exactly these parts."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), parts.message())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _unusable() -> UserError:
    return UserError(
        "ROBINHOOD_KEY_INVALID",
        "the Robinhood private key is not a base64 Ed25519 seed of 32 bytes; "
        "copy it as it was made together with the API key.",
    )
