"""Owns the host of the box itself, where a test reads the truth: faults, audit, sockets.

It shows what every account holds as the venue itself keeps it, so that it can be the witness
against a bot's own books. It must not know sockets or any venue's protocol.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs

from absolute.domain.errors import UserError
from absolute.domain.units import NANOS_PER_SECOND, Nanos
from absolute.simex.exchange import Exchange, account_of
from absolute.simex.face import (
    BoxKey,
    Dial,
    Environment,
    Frame,
    HttpReply,
    HttpRequest,
    SocketId,
)
from absolute.simex.fault_rules import rules_of
from absolute.simex.faults import FaultBook
from absolute.simex.orders import BoxOrder, Execution
from absolute.simex.steering import Step, Timed, Word, World, steer, step_of

CONTROL_HOST: Final = "box.absolute.invalid"
"""`.invalid` is reserved (RFC 2606): nobody can ever own this name."""

Cutter = Callable[[str | None], int]


@dataclass(frozen=True, slots=True)
class Inside:
    """One venue's world behind the door, and whose accounts it keeps."""

    name: str
    exchange: Exchange
    keys: Sequence[BoxKey]
    words: Mapping[str, Word] = field(default_factory=dict)


class ControlFace:
    """Answers under the box's own name; what it says is JSON."""

    def __init__(
        self, insides: Iterable[Inside], book: FaultBook, steps: Iterable[Timed] = ()
    ) -> None:
        self._insides = tuple(insides)
        self._book = book
        self._steps = deque(sorted(steps, key=lambda each: each.at_s))
        self._began: Nanos | None = None
        self.cut_sockets: Cutter | None = None
        self.failures: Callable[[], list[str]] = list
        for each in self._steps:
            self._world(each.step)

    @property
    def hosts(self) -> Mapping[str, Environment]:
        """The one host it answers under."""
        return {CONTROL_HOST: Environment.MAIN}

    def answer(self, request: HttpRequest, now: Nanos) -> HttpReply:
        """One request; 404 for what is not known, 400 for what cannot be done.

        A web page that found its way here is refused: it says so by headers no page can leave out.
        """
        if "origin" in request.headers or "sec-fetch-site" in request.headers:
            return HttpReply(403, _json({"error": "no web page may steer the box"}))
        try:
            told = self._told(request, now)
        except (
            UserError,
            ValueError,
            KeyError,
            TypeError,
            ArithmeticError,
            RecursionError,
        ) as error:
            return HttpReply(400, _json({"error": str(error)}))
        return HttpReply(404, b"{}") if told is None else HttpReply(200, _json(told))

    def dial(self, dial: Dial, now: Nanos) -> HttpReply | None:
        """It has no sockets."""
        del dial, now
        return HttpReply(404, b"{}")

    def receive(self, socket: SocketId, text: str, now: Nanos) -> None:
        """Never called: it has no sockets."""

    def closed(self, socket: SocketId, now: Nanos) -> None:
        """Never called: it has no sockets."""

    def pass_time(self, now: Nanos) -> None:
        """Carry out the steps that are due."""
        self._began = now if self._began is None else self._began
        while self._steps and self._steps[0].at_s * NANOS_PER_SECOND <= now - self._began:
            self.steer(self._steps.popleft().step, now)

    def drain(self) -> Iterable[Frame]:
        """It never speaks unasked."""
        return ()

    def audit(self, venue: str | None = None, key: str | None = None) -> list[dict[str, object]]:
        """Everything every account has had: orders, executions, balances, positions."""
        return [
            audited(inside, each)
            for inside in self._insides
            for each in inside.keys
            if venue in {None, inside.name} and key in {None, each.key}
        ]

    def steer(self, step: Step, now: Nanos) -> None:
        """Do to a venue what no client could; raises UserError for a world not shown."""
        inside = self._world(step)
        steer(World(inside.exchange, inside.words), step, now)

    def _world(self, step: Step) -> Inside:
        for inside in self._insides:
            if (inside.name, inside.exchange.environment) == (step.venue, step.environment):
                return inside
        raise UserError("WORLD_UNKNOWN", f"{step.venue}:{step.environment} is not shown here.")

    def _told(self, request: HttpRequest, now: Nanos) -> object:
        asked = {name: values[0] for name, values in parse_qs(request.query).items()}
        match request.method, request.path:
            case "GET", "/audit":
                return self.audit(asked.get("venue"), asked.get("key"))
            case "GET", "/faults":
                return [asdict(each) for each in self._book.report()]
            case "PUT", "/faults":
                self._book.replace(rules_of(tuple(_body(request))))
                return [asdict(each) for each in self._book.report()]
            case "POST", "/steer":
                self.steer(step_of(_body(request)), now)
                return {"done": True}
            case "GET", "/failures":
                return self.failures()
            case "GET", "/sums":
                return {
                    f"{each.name}:{each.exchange.environment}": each.exchange.sums()
                    for each in self._insides
                }
            case "POST", "/sockets/cut":
                assert self.cut_sockets is not None, "the door was never told"
                return {"cut": self.cut_sockets(asked.get("venue"))}
            case _:
                return None


def audited(inside: Inside, key: BoxKey) -> dict[str, object]:
    """One account as the venue keeps it; amounts as decimal strings, times in nanoseconds."""
    told = inside.exchange.audit(account_of(key))
    return {
        "venue": inside.name,
        "environment": key.environment.value,
        "key": key.key,
        "orders": [_order(each) for each in told.orders],
        "executions": [_execution(each) for each in told.executions],
        "refused": [
            {
                "client_id": each.ask.client_id,
                "symbol": each.ask.market.symbol,
                "reason": each.refused.reason.value,
                "time": each.time,
            }
            for each in told.refused
        ],
        "balances": {
            each.asset: {"total": each.total, "held": each.held} for each in told.balances
        },
        "positions": [
            {"symbol": each.market.symbol, "qty": each.qty, "entry": each.entry}
            for each in told.positions
        ],
    }


def _order(order: BoxOrder) -> dict[str, object]:
    ask = order.ask
    return {
        "number": order.number,
        "client_id": ask.client_id,
        "symbol": ask.market.symbol,
        "category": ask.market.category.value,
        "side": ask.side.value,
        "price": ask.price,
        "qty": ask.qty,
        "spend": ask.spend,
        "status": order.status.value,
        "end": order.end.value if order.end else None,
        "filled": order.filled,
        "value": order.value,
        "created": order.created,
        "updated": order.updated,
    }


def _execution(fill: Execution) -> dict[str, object]:
    return {
        "number": fill.number,
        "order": fill.order,
        "client_id": fill.client_id,
        "symbol": fill.market.symbol,
        "side": fill.side.value,
        "price": fill.price,
        "qty": fill.qty,
        "fee": fill.fee.amount,
        "fee_asset": fill.fee.asset,
        "maker": fill.liquidity.value == "maker",
        "time": fill.time,
    }


def _body(request: HttpRequest) -> Any:  # noqa: ANN401 -- JSON enters here
    return json.loads(request.body)


def _json(told: object) -> bytes:
    return json.dumps(told, default=_plain).encode()


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} has no form here")
