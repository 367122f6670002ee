"""Owns the way of a REST request to Bybit: shut out, verified, counted, answered in the envelope.

It must not know what an endpoint does, nor sockets.
"""

import json
from collections.abc import Mapping
from typing import Final

from absolute.domain.units import NANOS_PER_MS, Nanos
from absolute.simex.bybit_auth import check_permission, key_of
from absolute.simex.bybit_calls import (
    BAD_PARAMETER,
    Call,
    Json,
    Problem,
    envelope,
    refusal_envelope,
    words_of,
)
from absolute.simex.bybit_endpoints import ENDPOINTS, Row
from absolute.simex.bybit_limits import Limits, Quota
from absolute.simex.bybit_worlds import World
from absolute.simex.face import HttpReply, HttpRequest

JSON_TYPE: Final = {"Content-Type": "application/json; charset=utf-8"}
TOO_MANY: Final = Problem(10006, "Too many visits. Exceeded the API Rate Limit.")


def answered(world: World, limits: Limits, request: HttpRequest, *, now: Nanos) -> HttpReply:
    """One request, fully handled."""
    now_ms = now // NANOS_PER_MS
    if limits.shut(request.peer, now):
        return HttpReply(403, b"access too frequent", {"Content-Type": "text/plain"})
    row = ENDPOINTS.get((request.method, request.path))
    if row is None:
        return HttpReply(404, b"", JSON_TYPE)
    headers = {**JSON_TYPE, "Timenow": str(now_ms)}
    try:
        call = _call(world, row, request, now)
        if call.key is not None:
            headers |= _counted(limits, call, request.path)
        told = envelope(row.endpoint(call), now_ms)
    except QuotaSpent as spent:
        headers |= spent.quota.headers()
        told = refusal_envelope(TOO_MANY, now_ms)
    except Problem as problem:
        told = refusal_envelope(problem, now_ms)
    return HttpReply(200, packed(told).encode(), headers)


class QuotaSpent(Problem):
    """The endpoint's second is spent."""

    def __init__(self, quota: Quota) -> None:
        super().__init__(TOO_MANY.code, TOO_MANY.message)
        self.quota = quota


def counted(limits: Limits, call: Call, path: str) -> Quota | None:
    """Count one request; raises QuotaSpent."""
    category = call.text("category")
    quota = limits.quota(call.account, path, category=category, now=call.now)
    if quota is not None and not quota.allowed:
        raise QuotaSpent(quota)
    return quota


def packed(told: Json) -> str:
    """JSON without blanks."""
    return json.dumps(told, separators=(",", ":"))


def _counted(limits: Limits, call: Call, path: str) -> Mapping[str, str]:
    quota = counted(limits, call, path)
    return quota.headers() if quota is not None else {}


def _call(world: World, row: Row, request: HttpRequest, now: Nanos) -> Call:
    """The request as endpoints read it; its signature covers the bytes as they came."""
    key = None
    if row.permission:
        key = key_of(world, request, now)
        check_permission(key, row.permission)
    words = words_of(request.query) if request.method == "GET" else _body(request.body)
    return Call(world, words, now, key)


def _body(body: bytes) -> Json:
    try:
        words = json.loads(body or b"{}")
    except ValueError as error:
        raise Problem(BAD_PARAMETER, "params error: the body is not JSON") from error
    if not isinstance(words, dict):
        raise Problem(BAD_PARAMETER, "params error: the body is not an object")
    return words
