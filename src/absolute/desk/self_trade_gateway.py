"""Owns the guard before the door: an order that would meet another of our own does not leave.

It looks at the living orders of every run in the store at the same venue and market, whatever
account they trade on, and at this run's own. The rule itself is in `venues.self_trade`.
"""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from absolute.desk.driver import Clock
from absolute.domain.instrument import Instrument, Side
from absolute.domain.order import OrderType, Terms, TimeInForce
from absolute.domain.portfolio import Portfolio
from absolute.engine.reports import Denied, Gateway, Report, Request, SendOrder, VenueFacts
from absolute.store.runs import Run, RunMode
from absolute.store.sql_records import Records, Row
from absolute.venues.self_trade import ComingOrder, RestingOrder, crossed

MARKET_REACH: Final = Decimal("0.01")
"""How far from the last price an order without a limit is taken to trade."""


class GuardedGateway:
    """Implements `Gateway` before another; only an order that crosses our own is held back."""

    def __init__(
        self, gateway: Gateway, records: Records, run: Run, portfolio: Portfolio, clock: Clock
    ) -> None:
        self._gateway = gateway
        self._records = records
        self._run = run
        self._portfolio = portfolio
        self._clock = clock

    @property
    def instrument(self) -> Instrument:
        """The market, with the venue's live filters."""
        return self._gateway.instrument

    @property
    def facts(self) -> VenueFacts:
        """What its proofs rest on."""
        return self._gateway.facts

    async def perform(self, request: Request) -> Report:
        """Do one thing; an order that would meet our own is denied here."""
        if isinstance(request, SendOrder):
            met = crossed(self._coming(request.terms), self._resting())
            met = [each for each in met if each.order_id != request.client_id]
            if met:
                detail = f"would trade with our own order {met[0].order_id} of {met[0].account}"
                return Denied(self._clock.now_ns(), request.client_id, "SELF_TRADE", detail)
        return await self._gateway.perform(request)

    async def listen(self, put: Callable[[Report], None]) -> None:
        """Bring the streams."""
        await self._gateway.listen(put)

    async def close(self) -> None:
        """Let go of every socket."""
        await self._gateway.close()

    def _coming(self, terms: Terms) -> ComingOrder:
        price: Decimal | None = terms.price
        last = self._portfolio.price
        if price is None and last is not None and terms.type is OrderType.MARKET:
            away = MARKET_REACH if terms.side is Side.BUY else -MARKET_REACH
            price = last * (1 + away)
        post_only = terms.time_in_force is TimeInForce.POST_ONLY
        return ComingOrder(
            self._venue(self._run), self._run.id, self._run.symbol, terms.side, price, post_only
        )

    def _resting(self) -> Iterator[RestingOrder]:
        """Every living order of ours in this market."""
        run = self._run
        for order in self._portfolio.live.values():
            yield RestingOrder(
                self._venue(run),
                run.id,
                run.symbol,
                order.terms.side,
                order.terms.price,
                str(order.client_id),
            )
        for other in self._records.runs():
            if other.id == run.id or other.mode is RunMode.PAPER or _market(other) != _market(run):
                continue
            for row in self._records.orders(other.id, living=True):
                yield _resting(other, row, self._venue(other))

    @staticmethod
    def _venue(run: Run) -> str:
        """A profile is one world of a venue: worlds never meet."""
        return run.profile


def _market(run: Run) -> tuple[str, ...]:
    """Where orders of runs can meet: one market of one world, or of one box, on any account."""
    box = json.loads(run.assumed).get("box", "")
    return run.mode.value, run.profile, run.symbol, str(box)


def _resting(run: Run, row: Row, venue: str) -> RestingOrder:
    price = None if row["price"] is None else Decimal(row["price"])
    side = Side(row["side"])
    return RestingOrder(venue, run.id, run.symbol, side, price, str(row["client_id"]))
