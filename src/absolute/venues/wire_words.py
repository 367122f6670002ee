"""Owns the words for a connection that broke: what happened, and nothing of what was asked.

The library's own words carry the whole request: its URL with signature or stream key, and its
headers with the key. Knows no venue.
"""

import aiohttp


def broken_by(error: Exception) -> str:
    """What broke, fit for a log and for a person."""
    name = type(error).__name__
    match error:
        case aiohttp.ClientResponseError():
            return f"{name}: {error.status} {error.message}".strip()
        case aiohttp.InvalidURL():
            return name
        case _:
            return f"{name}: {error}".removesuffix(": ")
