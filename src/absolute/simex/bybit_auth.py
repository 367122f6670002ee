"""Owns whom Bybit lets in: keys of the right world, signatures over the received bytes, the window.

docs/v5/guide, "Authentication"; codes of docs/v5/error. The order of the checks is an assumption.
It must not know what is asked.
"""

from absolute.domain.units import NANOS_PER_MS, Nanos
from absolute.simex.bybit_calls import Problem
from absolute.simex.bybit_worlds import World
from absolute.simex.face import BoxKey, HttpRequest
from absolute.wire.bybit_signing import (
    KEY_HEADER,
    SIGN_HEADER,
    TIME_HEADER,
    WINDOW_HEADER,
    BybitSigned,
    in_window,
    same,
    socket_signature,
)

WINDOW_MS_DEFAULT = 5_000


def key_of(world: World, request: HttpRequest, now: Nanos) -> BoxKey:
    """Whose request it is, or a problem."""
    headers = request.headers
    name = headers.get(KEY_HEADER.lower(), "")
    key = world.exchange.key(name)
    if key is None:
        raise Problem(
            10003,
            "API key is invalid. Check whether the key and domain are matched, there are 4 env: "
            "mainnet, testnet, mainnet-demo, testnet-demo",
        )
    timestamp = headers.get(TIME_HEADER.lower(), "")
    window = headers.get(WINDOW_HEADER.lower(), "")
    check_window(timestamp, window, now)
    payload = request.query.encode() if request.method == "GET" else request.body
    signed = BybitSigned(name, timestamp, window, payload)
    if not same(signed.signature(key.secret), headers.get(SIGN_HEADER.lower(), "")):
        raise Problem(10004, "Error sign, please check your signature generation algorithm.")
    return key


def check_window(timestamp: str, window: str, now: Nanos) -> None:
    """Whether a request's time is near enough to ours."""
    server = now // NANOS_PER_MS
    span = int(window) if window.isdigit() else WINDOW_MS_DEFAULT
    if not timestamp.isdigit() or not in_window(int(timestamp), span, server_ms=server):
        raise Problem(
            10002,
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{timestamp}],server_timestamp[{server}],recv_window[{span}]",
        )


def check_permission(key: BoxKey, permission: str) -> None:
    """Whether a key may do this kind of thing."""
    if permission not in key.permissions:
        raise Problem(10005, "Permission denied, please check your API key permissions.")


def key_of_socket(world: World, args: object, now: Nanos) -> BoxKey:
    """Whose socket it is, by the arguments of its `auth`; `expires` may be text or a number."""
    if not isinstance(args, list) or len(args) != 3:
        raise Problem(10001, "Param validation for 'args' failed")
    name, expires, signature = (str(each) for each in args)
    key = world.exchange.key(name)
    if key is None:
        raise Problem(10003, "Invalid apikey")
    if not expires.isdigit() or int(expires) <= now // NANOS_PER_MS:
        raise Problem(10002, "Request has expired")
    if not same(socket_signature(key.secret, expires), signature):
        raise Problem(10004, "Invalid sign")
    return key
