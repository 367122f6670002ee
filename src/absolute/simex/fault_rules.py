"""Owns the words of a faults file: what may go wrong, with which request or frame, how often.

A rule is one fault with the condition it waits for. It must not know sockets, nor how a fault is
carried out.
"""

import re
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from absolute.domain.errors import UserError
from absolute.simex.steering import Timed

Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[int, Field(ge=0, le=600_000)]
Count = Annotated[int, Field(ge=1)]

_PATTERNS: Final = ("host", "path", "text")


class When(BaseModel):
    """What a rule waits for; everything that is named must hold.

    `host`, `path` and `text` are regular expressions searched in the host, the path without its
    query, and the query and body (or the frame). `nth` and `every` count what matches the rest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    venue: str | None = None
    host: str | None = None
    method: str | None = None
    path: str | None = None
    text: str | None = None
    client_id: str | None = None
    nth: Count | None = None
    every: Count | None = None
    probability: Share = 1.0

    @field_validator(*_PATTERNS)
    @classmethod
    def _readable(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        return pattern


class _Rule(BaseModel):
    """A fault, its condition, and how often it may fire at most (always, if not said)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    when: When = When()
    count: Count | None = None


class Reset(_Rule):
    """The connection is reset: the request was handled (`accepted`) or was lost on its way."""

    do: Literal["reset"]
    accepted: bool = True


class Silence(_Rule):
    """No answer ever comes; after `ms` the connection is gone."""

    do: Literal["silence"]
    accepted: bool = True
    ms: Milliseconds = 60_000


class Late(_Rule):
    """Handled at once, answered late: also how a stale negative answer is made."""

    do: Literal["late"]
    ms: Milliseconds = 1_000


class Held(_Rule):
    """Held back on its way: the venue sees the request only after `ms`."""

    do: Literal["held"]
    ms: Milliseconds = 1_000


class Cut(_Rule):
    """Handled, but the answer's body ends after `size` bytes."""

    do: Literal["cut"]
    size: Annotated[int, Field(ge=0)] = 10


class Drip(_Rule):
    """Handled, and the answer's body arrives slowly."""

    do: Literal["drip"]
    bytes_per_second: Annotated[float, Field(gt=0)] = 1.0


class Twice(_Rule):
    """A transport on the way delivers the request twice; the client sees the first answer."""

    do: Literal["twice"]


class Status(_Rule):
    """A gateway answers in the venue's place, before or after the request was handled."""

    do: Literal["status"]
    status: Annotated[int, Field(ge=200, le=599)] = 502
    body: str = "<html><body><h1>Bad Gateway</h1></body></html>"
    headers: dict[str, str] = {}
    accepted: bool = False


class Code(_Rule):
    """The venue answers with an error code of its own, before or after it handled the request."""

    do: Literal["code"]
    code: int
    message: str = ""
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    headers: dict[str, str] = {}
    accepted: bool = False


class EventsLate(_Rule):
    """The answer comes first: stream events that the request caused arrive `ms` later."""

    do: Literal["events_late"]
    ms: Milliseconds = 500


class EventsLost(_Rule):
    """The answer comes alone: stream events that the request caused are never sent."""

    do: Literal["events_lost"]


class FrameTwice(_Rule):
    """A frame to the client arrives more than once."""

    do: Literal["frame_twice"]
    times: Annotated[int, Field(ge=2, le=100)] = 2


class FrameLost(_Rule):
    """A frame to the client never arrives; the socket and its pongs live on."""

    do: Literal["frame_lost"]


class FrameLate(_Rule):
    """A frame to the client arrives after `ms`, behind those that came later."""

    do: Literal["frame_late"]
    ms: Milliseconds = 500


class FrameSwapped(_Rule):
    """A frame to the client arrives behind the next one, or after `ms` if none comes."""

    do: Literal["frame_swapped"]
    ms: Milliseconds = 500


class FrameMerged(_Rule):
    """A frame with a list of rows waits and arrives in one with the next of its topic (Bybit)."""

    do: Literal["frame_merged"]
    ms: Milliseconds = 500


class SocketClosed(_Rule):
    """The socket is closed at a frame, which is sent before if `delivered`; None: cut, no close."""

    do: Literal["socket_closed"]
    code: Annotated[int, Field(ge=1000, le=4999)] | None = None
    delivered: bool = False


class PongMuted(_Rule):
    """Pongs of the socket are lost, in the protocol's frames and in the venue's own."""

    do: Literal["pong_muted"]


class RequestLost(_Rule):
    """A frame from the client is lost on its way."""

    do: Literal["request_lost"]


class FrameCode(_Rule):
    """A request over a socket is answered with an error code, before or after it was handled."""

    do: Literal["frame_code"]
    code: int
    message: str = ""
    status: Annotated[int, Field(ge=200, le=599)] = 400
    accepted: bool = False


RequestFault = (
    Reset | Silence | Late | Held | Cut | Drip | Twice | Status | Code | EventsLate | EventsLost
)
FrameFault = FrameTwice | FrameLost | FrameLate | FrameSwapped | FrameMerged | SocketClosed
InboundFault = PongMuted | RequestLost | FrameCode
Rule = RequestFault | FrameFault | InboundFault


class FaultFile(BaseModel):
    """A whole faults file.

    `seeded` adds every kind of fault with that probability each; `clocks` sets a venue's clock
    apart from the true time, in milliseconds; `steps` are the venue's own faults, by time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    SIZE_MAX: ClassVar[int] = 256 * 1024

    seed: int = 0
    seeded: Share = 0.0
    rules: tuple[Annotated[Rule, Field(discriminator="do")], ...] = ()
    clocks: dict[str, int] = {}
    steps: tuple[Timed, ...] = ()


_RULES: Final[TypeAdapter[tuple[Rule, ...]]] = TypeAdapter(
    tuple[Annotated[Rule, Field(discriminator="do")], ...]
)


def rules_of(told: object) -> tuple[Rule, ...]:
    """Rules as JSON or YAML gave them; raises UserError FAULTS_UNKNOWN with the first problem."""
    try:
        return _RULES.validate_python(told)
    except ValidationError as error:
        raise _refused("the faults", error) from error


def read_faults(path: Path) -> FaultFile:
    """A faults file, YAML or JSON; raises UserError FAULTS_FILE or FAULTS_UNKNOWN."""
    try:
        text = path.read_text("utf-8")
        told = yaml.safe_load(text[: FaultFile.SIZE_MAX])
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            "FAULTS_FILE",
            f"The faults file {path} cannot be read: {reason}. Give a YAML or JSON file.",
        ) from error
    try:
        return FaultFile.model_validate(told if told is not None else {})
    except ValidationError as error:
        raise _refused(str(path), error) from error


def _refused(place: str, error: ValidationError) -> UserError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    return UserError("FAULTS_UNKNOWN", f"In {place} at {where}: {reason}. Mend that entry.")


def seeded_rules(share: float) -> tuple[Rule, ...]:
    """One rule of every kind, each with that probability, on what moves orders and their news."""
    orders = When(path=_ORDER_PATHS, probability=share)
    writes = When(path=_ORDER_PATHS, method="POST", probability=share)
    news = When(path=_NEWS_PATHS, text=_NEWS, probability=share)
    told: list[Rule] = [
        Reset(do="reset", name="accepted, then reset", when=orders),
        Reset(do="reset", name="lost before the venue", when=orders, accepted=False),
        Late(do="late", name="answered late", when=orders, ms=400),
        Held(do="held", name="held on its way", when=writes, ms=400),
        Cut(do="cut", name="answer cut", when=orders),
        Twice(do="twice", name="delivered twice", when=writes),
        Status(do="status", name="502 before acceptance", when=orders),
        Status(do="status", name="504 after acceptance", when=orders, status=504, accepted=True),
        Status(do="status", name="429 without JSON", when=orders, status=429, body=""),
        EventsLate(do="events_late", name="answer before its event", when=writes),
        EventsLost(do="events_lost", name="answer without its event", when=writes),
        FrameTwice(do="frame_twice", name="frame twice", when=news),
        FrameLost(do="frame_lost", name="frame lost", when=news),
        FrameLate(do="frame_late", name="frame late", when=news),
        FrameSwapped(do="frame_swapped", name="frames swapped", when=news),
        FrameMerged(do="frame_merged", name="frames merged", when=news),
        SocketClosed(do="socket_closed", name="socket cut at a frame", when=news),
    ]
    return tuple(told)


_ORDER_PATHS: Final = r"/order|/algoOrder|/openOrder|/allOrders|/execution|/myTrades|/userTrades"
_NEWS_PATHS: Final = r"/private|/ws-api|/ws/"
_NEWS: Final = r"executionReport|outboundAccount|ORDER_TRADE|ACCOUNT_UPDATE|\"(order|execution)\""
