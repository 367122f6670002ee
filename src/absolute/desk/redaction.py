"""Owns what may not be seen in any log: values under telling names, and every secret we were given.

A secret is hidden as it is, in base64 at any alignment, in hexadecimal, and as it stands in a URL
or in JSON. It must not know where a text goes.
"""

import base64
import json
import re
import threading
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

STARS: Final = "***"
CHARS_MIN: Final = 6
"""A shorter value would hide half the text by chance; no key or password is that short."""

TELLING: Final = re.compile(
    r"api[_-]?key|apikey|secret|passphrase|password|passwd|signature|authorization|cookie|"
    r"listen[_-]?key|access[_-]?key|private[_-]?key|(?<![a-z])(?:sign|token|auth)(?![a-z])",
    re.IGNORECASE,
)
_PAIR: Final = re.compile(
    # Possessive throughout: a long word is walked once, whatever somebody sends us.
    r"(?P<name>(?<![\w*-])[\w*-]++)(?P<between>[\"']?\s*+[:=]\s*+[\"']?(?:(?:Bearer|Basic)\s++)?)"
    r"(?P<value>[^\s\"'&,;}\])]++)",
    re.IGNORECASE,
)
_LOGIN: Final = re.compile(r"(://[^/\s:@]*+:)[^/\s@]++(?=@)")
"""The password in a URL, such as that of a database."""
_PEM: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END|\Z)", re.DOTALL)


class Redactor:
    """The secrets that were told, and the hiding of them. Threads may share one."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._shapes: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def register(self, value: str) -> None:
        """Hide this value from now on, in every shape; one that is too short is passed over."""
        if len(value) < CHARS_MIN:
            return
        with self._turn:
            fresh = shapes_of(value) - self._shapes
            if fresh:
                self._shapes |= fresh
                longest_first = sorted(self._shapes, key=lambda each: (-len(each), each))
                self._pattern = re.compile("|".join(re.escape(each) for each in longest_first))

    def text(self, text: str) -> str:
        """The text without anything that must not be seen."""
        if self._pattern is not None:
            text = self._pattern.sub(STARS, text)
        if "://" in text:
            text = _LOGIN.sub(rf"\1{STARS}", text)
        if "PRIVATE KEY" in text:
            text = _PEM.sub(STARS, text)
        return _PAIR.sub(_hide_value, text)

    def value(self, value: object, name: str = "") -> Any:  # noqa: ANN401 -- becomes JSON
        """The value in JSON's types, cleaned through and through; `name` is what it is called."""
        if TELLING.search(name) and value is not None and not isinstance(value, bool):
            return STARS
        match value:
            case None | bool() | int() | float():
                return value
            case Mapping():
                return {
                    self.text(str(key)): self.value(each, str(key)) for key, each in value.items()
                }
            case list() | tuple() | set() | frozenset():
                return [self.value(each) for each in value]
            case _:
                return self.text(str(value))


def _hide_value(found: re.Match[str]) -> str:
    # A name that holds a secret's own text was starred already: what it named is hidden too.
    if STARS not in found["name"] and TELLING.search(found["name"]) is None:
        return found[0]
    return f"{found['name']}{found['between']}{STARS}"


def shapes_of(value: str) -> set[str]:
    """Every way in which a value may stand in a text."""
    raw = value.encode("utf-8", "surrogatepass")
    shapes = {value, raw.hex(), raw.hex().upper(), quote(value, safe=""), quote_plus(value)}
    shapes |= {quote(value), json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    for text in (*_in_base64(raw), *_in_base64(raw.hex().encode())):
        shapes |= {text, text.replace("+", "-").replace("/", "_"), quote(text, safe="")}
    return {each for each in shapes if len(each) >= CHARS_MIN}


def _in_base64(raw: bytes) -> list[str]:
    """The part of base64 that stays the same whatever stands before and after these bytes."""
    found = [base64.b64encode(raw).decode()]
    for before in range(3):
        text = base64.b64encode(bytes(before) + raw).decode()
        skipped = (0, 2, 3)[before]
        whole = (before + len(raw)) * 8 // 6  # digits that no later byte can change
        found.append(text[skipped:whole])
    return found
