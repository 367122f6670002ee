"""Owns the choice of what goes wrong: which rule meets which request or frame, and how often.

It counts what it looked at and what fired, since a fault that never fired proves nothing. The same
seed and the same traffic give the same faults. It must not know sockets: the door carries out.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from absolute.domain.units import NANOS_PER_MS, Nanos
from absolute.simex.face import HttpReply, HttpRequest
from absolute.simex.fault_rules import (
    Code,
    FaultFile,
    FrameCode,
    FrameFault,
    InboundFault,
    RequestFault,
    Rule,
    When,
    seeded_rules,
)

_CLIENT_ID: Final = re.compile(
    r"(?:orderLinkId|newClientOrderId|origClientOrderId|clientAlgoId)[\"']?\s*[=:]\s*[\"']?"
    r"([^\"'&,}\s]+)"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rule may look at: a request, or a frame of a socket that was dialled so."""

    venue: str
    host: str
    path: str
    text: str
    method: str = ""


@dataclass(frozen=True, slots=True)
class Firing:
    """How often a rule's condition was met before counting, and how often it fired."""

    name: str
    do: str
    met: int
    fired: int


class _Kept:
    """A rule in force, with its counters."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.met = 0
        self.fired = 0

    def fires(self, seen: Seen, draws: np.random.Generator) -> bool:
        """True if the rule takes this one; counts either way."""
        rule = self.rule
        if not _meets(rule.when, seen):
            return False
        self.met += 1
        if rule.count is not None and self.fired >= rule.count:
            return False
        if rule.when.nth is not None and self.met != rule.when.nth:
            return False
        if rule.when.every is not None and self.met % rule.when.every:
            return False
        if rule.when.probability < 1 and draws.random() >= rule.when.probability:
            return False
        self.fired += 1
        return True


class FaultBook:
    """The rules in force; the first that meets and fires is the fault."""

    def __init__(self, draws: np.random.Generator, rules: Iterable[Rule] = ()) -> None:
        self._draws = draws
        self._kept = [_Kept(rule) for rule in rules]
        self._past: list[Firing] = []

    @classmethod
    def of_file(cls, file: FaultFile, draws: np.random.Generator) -> "FaultBook":
        """The rules of a file, its seeded ones behind those that were written out."""
        seeded = seeded_rules(file.seeded) if file.seeded > 0 else ()
        return cls(draws, (*file.rules, *seeded))

    def replace(self, rules: Iterable[Rule]) -> None:
        """New rules from now on; what the old ones did stays in the report."""
        self._past += [_firing(kept) for kept in self._kept]
        self._kept = [_Kept(rule) for rule in rules]

    def report(self) -> tuple[Firing, ...]:
        """Every rule there was, in order, with its counts."""
        return (*self._past, *(_firing(kept) for kept in self._kept))

    def for_request(self, seen: Seen) -> RequestFault | None:
        """What goes wrong with a request, if anything."""
        for kept in self._kept:
            if isinstance(kept.rule, RequestFault) and kept.fires(seen, self._draws):
                return kept.rule
        return None

    def for_frame(self, seen: Seen) -> FrameFault | None:
        """What goes wrong with a frame to a client, if anything."""
        for kept in self._kept:
            if isinstance(kept.rule, FrameFault) and kept.fires(seen, self._draws):
                return kept.rule
        return None

    def loses(self, seen: Seen, kind: type[InboundFault]) -> bool:
        """True where a client's frame, or the pong to it, goes lost."""
        return any(
            isinstance(kept.rule, kind) and kept.fires(seen, self._draws) for kept in self._kept
        )

    def for_socket_request(self, seen: Seen) -> FrameCode | None:
        """With which code a client's frame is answered, if with any."""
        for kept in self._kept:
            if isinstance(kept.rule, FrameCode) and kept.fires(seen, self._draws):
                return kept.rule
        return None


def seen_in(venue: str, request: HttpRequest) -> Seen:
    """What rules may look at in a request."""
    text = f"{request.query}\n{request.body.decode('utf-8', 'replace')}"
    return Seen(venue, request.host, request.path, text, request.method)


def refusal(venue: str, fault: Code, now: Nanos) -> HttpReply:
    """A venue's own words for an error code.

    Bybit says it inside HTTP 200 (V5 "Integration Guidance": retCode), Binance by HTTP 400
    (REST "General Information": code and msg).
    """
    message = fault.message.replace("\\", "\\\\").replace('"', '\\"')
    if venue.startswith("bybit"):
        time_ms = now // NANOS_PER_MS
        body = (
            f'{{"retCode":{fault.code},"retMsg":"{message}","result":{{}},"retExtInfo":{{}},'
            f'"time":{time_ms}}}'
        )
        return HttpReply(fault.status or 200, body.encode(), fault.headers)
    body = f'{{"code":{fault.code},"msg":"{message}"}}'
    return HttpReply(fault.status or 400, body.encode(), fault.headers)


def frame_refusal(venue: str, text: str, fault: FrameCode) -> str | None:
    """The venue's words for an error in answer to a request over a socket; None if it is none.

    Bybit: "Websocket Trade" (reqId, retCode); Binance: "WebSocket API", response format (id,
    status, error).
    """
    ident, told = _request_id(venue, text)
    if ident is None:
        return None
    if venue.startswith("bybit"):
        row = {
            "reqId": ident,
            "retCode": fault.code,
            "retMsg": fault.message,
            "op": told.get("op", ""),
            "data": {},
            "retExtInfo": {},
            "header": {},
            "connId": "box",
        }
    else:
        error = {"code": fault.code, "msg": fault.message}
        row = {"id": ident, "status": fault.status, "error": error, "rateLimits": []}
    return json.dumps(row)


def answers(venue: str, frame: str, request: str) -> bool:
    """True for the venue's own answer to that request."""
    ident, _ = _request_id(venue, frame)
    return ident is not None and ident == _request_id(venue, request)[0]


def _request_id(venue: str, text: str) -> tuple[object, Mapping[str, object]]:
    try:
        told = json.loads(text)
    except ValueError:
        return None, {}
    if not isinstance(told, dict):
        return None, {}
    return told.get("reqId" if venue.startswith("bybit") else "id"), told


def _meets(when: When, seen: Seen) -> bool:
    if when.venue is not None and not seen.venue.startswith(when.venue):
        return False
    if when.method is not None and when.method.upper() != seen.method:
        return False
    if when.client_id is not None and not _named(when.client_id, seen.text):
        return False
    patterns = ((when.host, seen.host), (when.path, seen.path), (when.text, seen.text))
    return all(pattern is None or re.search(pattern, place) for pattern, place in patterns)


def _named(prefix: str, text: str) -> bool:
    return any(found.startswith(prefix) for found in _CLIENT_ID.findall(text))


def _firing(kept: _Kept) -> Firing:
    return Firing(kept.rule.name or kept.rule.do, kept.rule.do, kept.met, kept.fired)
