"""Owns the cryptography of the vault: what is derived, wrapped, bound and sealed, and how strongly.

    password -> Argon2id -> key-encryption key -> opens the data key -> opens every field

Each field is AES-256-GCM with a fresh nonce, bound to the vault's version, venue, account,
environment and its own name, so no two can change places. The data key is bound to the cost of its
derivation, so that cannot be lowered; the seal covers the whole of the rest. Knows no file.
"""

import base64
import binascii
import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

VERSION: Final = 1
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
SALT_BYTES: Final = 16
MIB: Final = 1024
"""In KiB, the unit of Argon2."""

Chance = Callable[[int], bytes]
"""Gives so many bytes nobody can guess."""


class NotOpened(Exception):
    """Wrong password or damaged file: nobody is told which."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess of a password costs: memory in KiB, passes and lanes of Argon2id."""

    memory_kib: int = 256 * MIB
    passes: int = 3
    lanes: int = 4

    def check(self) -> None:
        """Refuse less than 64 MiB and 3 passes, and more than a machine can be asked for."""
        if not (
            64 * MIB <= self.memory_kib <= 4096 * MIB
            and 3 <= self.passes <= 64
            and 1 <= self.lanes <= 16
        ):
            raise NotOpened("cost")


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """Something encrypted, with the nonce it was encrypted under."""

    nonce: bytes
    box: bytes

    def told(self) -> dict[str, str]:
        """For JSON."""
        return {"nonce": to_text(self.nonce), "box": to_text(self.box)}


def sealed_of(told: Any) -> Sealed:  # noqa: ANN401 -- JSON enters here
    """From JSON; raises `NotOpened`."""
    if not isinstance(told, dict) or told.keys() != {"nonce", "box"}:
        raise NotOpened("sealed")
    sealed = Sealed(to_bytes(told["nonce"]), to_bytes(told["box"]))
    if len(sealed.nonce) != NONCE_BYTES:
        raise NotOpened("nonce")
    return sealed


def seal(key: bytes, plain: bytes, about: bytes, *, chance: Chance) -> Sealed:
    """Encrypt under a fresh nonce, bound to what it is about."""
    nonce = chance(NONCE_BYTES)
    return Sealed(nonce, AESGCM(key).encrypt(nonce, plain, about))


def unseal(key: bytes, sealed: Sealed, about: bytes) -> bytes:
    """Decrypt; raises `NotOpened` for another key, another place or a changed byte."""
    try:
        return AESGCM(key).decrypt(sealed.nonce, sealed.box, about)
    except InvalidTag as fault:
        raise NotOpened("tag") from fault


def derive(password: str, salt: bytes, cost: Cost) -> bytes:
    """The key-encryption key of a password."""
    cost.check()
    return Argon2id(
        salt=salt,
        length=KEY_BYTES,
        iterations=cost.passes,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
    ).derive(unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass"))


def about_key(salt: bytes, cost: Cost) -> bytes:
    """What the data key is bound to: how its wrapping key was derived."""
    return canonical(["absolute vault key", VERSION, kdf_told(salt, cost)])


def about_field(place: Mapping[str, str], field: str) -> bytes:
    """What a field is bound to: exactly where it stands."""
    where = [place["venue"], place["account"], place["environment"]]
    return canonical(["absolute vault field", VERSION, *where, field])


def about_all(told: Mapping[str, Any]) -> bytes:
    """What the seal covers: everything but itself."""
    rest = {name: value for name, value in told.items() if name != "seal"}
    return canonical(["absolute vault", rest])


def kdf_told(salt: bytes, cost: Cost) -> dict[str, Any]:
    """The derivation, for JSON."""
    return {
        "name": "argon2id",
        "memory_kib": cost.memory_kib,
        "passes": cost.passes,
        "lanes": cost.lanes,
        "salt": to_text(salt),
    }


def kdf_of(told: Any) -> tuple[bytes, Cost]:  # noqa: ANN401 -- JSON enters here
    """The derivation from JSON; raises `NotOpened` also where its cost is too low."""
    names = {"name", "memory_kib", "passes", "lanes", "salt"}
    if not isinstance(told, dict) or told.keys() != names or told["name"] != "argon2id":
        raise NotOpened("kdf")
    numbers = [told[name] for name in ("memory_kib", "passes", "lanes")]
    if any(type(number) is not int for number in numbers):
        raise NotOpened("kdf")
    cost, salt = Cost(*numbers), to_bytes(told["salt"])
    cost.check()
    if len(salt) != SALT_BYTES:
        raise NotOpened("salt")
    return salt, cost


def canonical(told: object) -> bytes:
    """JSON in one form only."""
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def to_text(data: bytes) -> str:
    """Bytes as JSON can hold them."""
    return base64.b64encode(data).decode()


def to_bytes(text: Any) -> bytes:  # noqa: ANN401 -- JSON enters here
    """The bytes of a text; raises `NotOpened` where it is none of ours."""
    if not isinstance(text, str):
        raise NotOpened("text")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise NotOpened("base64") from fault
