"""Owns how Binance requests are signed and how a received one is checked, over the bytes as sent.

REST: HMAC-SHA256 in hex over the encoded parameters without `signature`, query first, then form
body; WebSocket API: over the parameters sorted by name. It must not know what a request asks for.
"""

import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from absolute.domain.units import plain

SIGNATURE: Final = "signature"
_UNRESERVED: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
)
_HEX: Final = frozenset("0123456789abcdefABCDEF")

Value = str | int | Decimal | bool


def percent_encoded(text: str) -> str:
    """A text as it stands in a query: UTF-8, everything but letters, digits and -_.~ escaped."""
    return "".join(chr(each) if each in _UNRESERVED else f"%{each:02X}" for each in text.encode())


def percent_decoded(text: str) -> str:
    """What an encoded text says; a plus is a space, a broken escape stands for itself."""
    raw = bytearray()
    rest = text.replace("+", " ")
    while rest:
        if rest[0] == "%" and len(rest) >= 3 and _HEX.issuperset(rest[1:3]):
            raw.append(int(rest[1:3], 16))
            rest = rest[3:]
        else:
            cut = rest.find("%", 1)
            part = rest if cut < 0 else rest[:cut]
            raw += part.encode()
            rest = rest[len(part) :]
    return raw.decode("utf-8", "replace")


def value_text(value: Value) -> str:
    """A parameter as Binance reads it: booleans in lower case, no exponent in a number."""
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return plain(value)
        case _:
            return str(value)


def encoded(parameters: Mapping[str, Value]) -> str:
    """A query string, percent-encoded, in the order of the mapping."""
    return "&".join(
        f"{percent_encoded(name)}={percent_encoded(value_text(value))}"
        for name, value in parameters.items()
    )


def parsed(encoded_parameters: str) -> dict[str, str]:
    """The parameters of a query string or form body; the last of a repeated name counts."""
    found: dict[str, str] = {}
    for part in encoded_parameters.split("&"):
        if part:
            name, _, value = part.partition("=")
            found[percent_decoded(name)] = percent_decoded(value)
    return found


def signature(secret: str, payload: str) -> str:
    """HMAC-SHA256 of a payload, in hex."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def signed_query(parameters: Mapping[str, Value], secret: str) -> str:
    """A query (or form body) with its signature as the last parameter.

    The payload is encoded before it is signed (Binance, change of 2026-01-15).
    """
    payload = encoded(parameters)
    return f"{payload}&{SIGNATURE}={signature(secret, payload)}"


def unsigned_payload(query: str, body: str) -> tuple[str, str]:
    """What a received request's signature covers, and the signature it brought ("" where none).

    Query and body are joined without a separator, as Binance's "totalParams" are; the signature
    may stand anywhere in either.
    """
    found = ""
    kept: list[str] = []
    for text in (query, body):
        parts: list[str] = []
        for part in text.split("&"):
            name, _, value = part.partition("=")
            if name == SIGNATURE:
                found = percent_decoded(value)
            elif part:
                parts.append(part)
        kept.append("&".join(parts))
    return "".join(kept), found


def request_is_signed(secret: str, query: str, body: str) -> bool:
    """Whether a received request carries the right signature over the bytes it came as."""
    payload, found = unsigned_payload(query, body)
    return hmac.compare_digest(signature(secret, payload).encode(), found.lower().encode())


def socket_payload(parameters: Mapping[str, Value]) -> str:
    """What a WebSocket API request signs: `name=value` sorted by name, without the signature."""
    return "&".join(
        f"{name}={value_text(parameters[name])}" for name in sorted(parameters) if name != SIGNATURE
    )


def socket_signature(parameters: Mapping[str, Value], secret: str) -> str:
    """The signature of a WebSocket API request."""
    return signature(secret, socket_payload(parameters))


def socket_is_signed(secret: str, parameters: Mapping[str, Value]) -> bool:
    """Whether a received WebSocket API request carries the right signature."""
    found = str(parameters.get(SIGNATURE, ""))
    expected = socket_signature(parameters, secret)
    return hmac.compare_digest(expected.encode(), found.lower().encode())
