"""Owns the shape of a key at a venue, and that it is never shown.

A key belongs to one venue and one of its worlds; the record says which, since a key of the demo
world opens nothing elsewhere and a key of the real one must not be tried where it is not meant.
Knows nothing of where keys are kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass

STARS = "***"
CHARS_MIN = 6
"""A shorter part would hide half a sentence by chance; no key is that short."""


def without_parts(text: str, parts: Iterable[str | None]) -> str:
    """A text without the parts of a key that a venue repeated in it, the longest first."""
    for part in sorted((each for each in parts if each), key=len, reverse=True):
        if len(part) >= CHARS_MIN:
            text = text.replace(part, STARS)
    return text


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What signs requests. `made_for` is the profile it was made in: "bybit:demo"."""

    made_for: str
    key: str
    secret: str
    passphrase: str = ""

    def __repr__(self) -> str:
        """The profile it was made for; never a key, a secret or a part of one."""
        return f"Credentials(made_for={self.made_for!r}, key={STARS}, secret={STARS})"

    __str__ = __repr__
