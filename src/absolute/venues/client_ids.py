"""Owns our order ids in a venue's own form, and the way back.

Ours read bot-sequence-role. A venue that takes less gets a form of it that can be made again from
ours at any time, so that a look-up after a restart asks for the same one. The way back from a form
that cannot be undone is known for ids this process has named. Knows nothing of orders.
"""

import hashlib

from absolute.domain.ids import ClientOrderId
from absolute.venues.profiles import IdRule

_ESCAPES = {"-": "Zd", "_": "Zu", "Z": "Zz", ".": "Zp"}
_PLAIN = {code: sign for sign, code in _ESCAPES.items()}


class ClientIds:
    """One venue's forms of our ids."""

    def __init__(self, rule: IdRule) -> None:
        self._rule = rule
        self._ours: dict[str, ClientOrderId] = {}

    def out(self, ours: ClientOrderId) -> str | None:
        """The venue's form of our id; None for one it would not take."""
        match self._rule.encoding:
            case "letters":
                form = "".join(_ESCAPES.get(sign, sign) for sign in ours)
            case "uuid":
                form = _uuid(ours)
            case _:
                form = str(ours)
        if not self._rule.allows(form):
            return None
        self._ours[form] = ours
        return form

    def back(self, form: str) -> ClientOrderId:
        """Our id of a form; one that is not ours comes back as it is."""
        known = self._ours.get(form)
        if known is not None:
            return known
        if self._rule.encoding == "letters":
            return ClientOrderId(_undone(form))
        return ClientOrderId(form)


def _undone(form: str) -> str:
    text, rest = "", form
    while rest:
        pair = rest[:2]
        if pair in _PLAIN:
            text, rest = text + _PLAIN[pair], rest[2:]
        else:
            text, rest = text + rest[0], rest[1:]
    return text


def _uuid(ours: str) -> str:
    """A digest in the form of a version 8 UUID (RFC 9562: free for the maker's own bits)."""
    digest = bytearray(hashlib.sha256(ours.encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
