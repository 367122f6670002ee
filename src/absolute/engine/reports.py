"""Owns the words between our own order state and whoever speaks to a venue: requests and reports.

A `Request` asks the gateway for one thing and is answered by exactly one `Report`; streams bring
more of them unasked. A report says what was seen and when, never what it means: that is the
business of `custody`. Knows nothing of wires, sockets or retries.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from absolute.domain.fill import Fill
from absolute.domain.ids import ClientOrderId, VenueOrderId
from absolute.domain.instrument import Instrument
from absolute.domain.order import Terms
from absolute.domain.units import Asset, Nanos, Price, Qty

# --- requests: what custody asks of the gateway -----------------------------------------------


@dataclass(frozen=True, slots=True)
class SendOrder:
    """Send this order once: no retry, no redirect, no other venue."""

    client_id: ClientOrderId
    terms: Terms


@dataclass(frozen=True, slots=True)
class SendCancel:
    """Ask for an order back. `venue_id` of None: by our own id."""

    client_id: ClientOrderId
    venue_id: VenueOrderId | None


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask for the state of one order by our own id (and the venue's, where it is known)."""

    client_id: ClientOrderId
    venue_id: VenueOrderId | None


@dataclass(frozen=True, slots=True)
class ListOpen:
    """Ask for every open order of this account in this market, whoever placed it."""


@dataclass(frozen=True, slots=True)
class ListExecutions:
    """Ask for every execution of this account in this market since a venue time, all pages."""

    since: Nanos


@dataclass(frozen=True, slots=True)
class ReadBalances:
    """Ask for what the account owns."""


Request = SendOrder | SendCancel | LookUp | ListOpen | ListExecutions | ReadBalances

# --- reports: what the gateway saw --------------------------------------------------------------


class Seen(StrEnum):
    """How a venue says that an order stands. `UNKNOWN`: a word we do not know; never a default."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The venue said yes to an order (answer to `SendOrder`)."""

    time: Nanos
    client_id: ClientOrderId
    venue_id: VenueOrderId


@dataclass(frozen=True, slots=True)
class Denied:
    """The venue said no to an order, by a code that is known to mean no (`SendOrder`)."""

    time: Nanos
    client_id: ClientOrderId
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The venue knows this id already: proof that an earlier one arrived (`SendOrder`)."""

    time: Nanos
    client_id: ClientOrderId


@dataclass(frozen=True, slots=True)
class InDoubt:
    """An order was sent and what became of it is not known (`SendOrder`)."""

    time: Nanos
    client_id: ClientOrderId
    detail: str


@dataclass(frozen=True, slots=True)
class NeverSent:
    """No byte of the order left this machine: refused or failed before it (`SendOrder`)."""

    time: Nanos
    client_id: ClientOrderId
    detail: str


@dataclass(frozen=True, slots=True)
class CancelTaken:
    """The venue took a cancel in; whether the order traded meanwhile is not said."""

    time: Nanos
    client_id: ClientOrderId


@dataclass(frozen=True, slots=True)
class CancelDenied:
    """The venue did not cancel. `gone`: since it has no such open order (any more)."""

    time: Nanos
    client_id: ClientOrderId
    code: str
    gone: bool


@dataclass(frozen=True, slots=True)
class CancelInDoubt:
    """A cancel was sent, or could not be, and what became of it is not known."""

    time: Nanos
    client_id: ClientOrderId
    detail: str


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """One order as the venue showed it, on a stream or to a question.

    `asked_at` is our time when the question left, or the time of arrival for a stream; `filled` is
    cumulative; `updated` is the venue's own time of the last change.
    """

    time: Nanos
    asked_at: Nanos
    client_id: ClientOrderId
    venue_id: VenueOrderId
    status: Seen
    filled: Qty
    updated: Nanos
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NotFound:
    """The venue answered a `LookUp` and knows no such order, neither open nor in its history."""

    time: Nanos
    asked_at: Nanos
    client_id: ClientOrderId


@dataclass(frozen=True, slots=True)
class ExecutionSeen:
    """One execution of one of our orders; `fill.time` is the venue's time of the trade."""

    time: Nanos
    fill: Fill


@dataclass(frozen=True, slots=True)
class ForeignOrder:
    """An open order in our market with an id that is not ours, or with none."""

    client_id: str
    venue_id: VenueOrderId


@dataclass(frozen=True, slots=True)
class OpenOrders:
    """Answer to `ListOpen`: complete, or it is not given. `foreign` are not ours by their id."""

    time: Nanos
    asked_at: Nanos
    orders: tuple[OrderSeen, ...]
    foreign: tuple[ForeignOrder, ...] = ()


@dataclass(frozen=True, slots=True)
class Executions:
    """Answer to `ListExecutions`: every execution since then, complete, or it is not given."""

    time: Nanos
    asked_at: Nanos
    since: Nanos
    executions: tuple[ExecutionSeen, ...]


@dataclass(frozen=True, slots=True)
class Balances:
    """Answer to `ReadBalances`: totals and what of them is free, by asset."""

    time: Nanos
    asked_at: Nanos
    totals: tuple[tuple[Asset, Decimal], ...]
    free: tuple[tuple[Asset, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question (never an order) got no usable answer: ask again later. Errors are no answer."""

    time: Nanos
    request: Request
    detail: str


@dataclass(frozen=True, slots=True)
class Connected:
    """The private stream is up and subscribed: from here on nothing is missed until it drops."""

    time: Nanos


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The private stream dropped or went silent: what happens now may be missed."""

    time: Nanos
    detail: str


@dataclass(frozen=True, slots=True)
class Priced:
    """The last traded price, from a public stream or a poll. `venue_time` tells how old it is."""

    time: Nanos
    venue_time: Nanos
    price: Price


@dataclass(frozen=True, slots=True)
class Broken:
    """Something a person must look at: keys refused, region, ban, a clock too far off."""

    time: Nanos
    code: str
    detail: str


Report = (
    Acknowledged
    | Denied
    | Duplicate
    | InDoubt
    | NeverSent
    | CancelTaken
    | CancelDenied
    | CancelInDoubt
    | OrderSeen
    | NotFound
    | ExecutionSeen
    | OpenOrders
    | Executions
    | Balances
    | Unanswered
    | Connected
    | Disconnected
    | Priced
    | Broken
)


@dataclass(frozen=True, slots=True)
class VenueFacts:
    """What proof rests on, stated per venue; all spans in ns.

    `window` is the receive window that is sent with every order; `engine_timeout` the longest the
    venue's own engine may hold one; `visibility` the longest until an accepted order shows up in
    every list (an assumption, watched). `ids_unique_for_ever`: a repeated client id is refused
    also after the first order has ended (Bybit), so a duplicate is proof.
    """

    window: int
    engine_timeout: int
    visibility: int
    clock_error: int
    overlap: int
    ids_unique_for_ever: bool


class Gateway(Protocol):
    """Speaks to one account in one market of one venue. No method raises for a venue's fault."""

    @property
    def instrument(self) -> Instrument:
        """The market, with the venue's live filters."""
        ...

    @property
    def facts(self) -> VenueFacts:
        """What its proofs rest on."""
        ...

    async def perform(self, request: Request) -> Report:
        """Do one thing and say what came of it; a network or venue fault is a report as well."""
        ...

    async def listen(self, put: Callable[[Report], None]) -> None:
        """Bring private and public streams until cancelled; re-dials by itself, and says so."""
        ...

    async def close(self) -> None:
        """Let go of every socket."""
        ...
