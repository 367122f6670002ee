"""Owns a desk for tests of the venue over a replayed book: a portfolio beside the venue's ledger.

Whatever the venue tells is taken in by the portfolio at once, and after every step the two must
agree about all money. It must not know any rule of matching.
"""

from decimal import Decimal
from typing import Any

from absolute.domain.approved import Approved
from absolute.domain.ids import ClientOrderId
from absolute.domain.ledger import Ledger
from absolute.domain.messages import Cancel, Event, Started, Submit
from absolute.domain.order import OrderType, Terms, TimeInForce
from absolute.domain.portfolio import Portfolio
from absolute.domain.units import NANOS_PER_SECOND
from absolute.matching.depth import DepthUpdate, TradePrint
from absolute.matching.depth_venue import DepthRules, DepthVenue

from tests.builders import START, fees, spot

D: Any = Decimal
COARSE = spot(tick="1", lot="1", min_qty="1", min_notional="1")
"""One tick is one USDT and one lot one COIN, so that the arithmetic can be done in the head."""
PLAIN_RULES = DepthRules()


class Desk:
    """One account; every step of the market takes a second. `log` holds all that was told."""

    def __init__(self, rules=PLAIN_RULES, *, instrument=COARSE, charges=None, wallet=None):
        given = wallet or {"USDT": D(100_000), "COIN": D(1_000)}
        schedule = charges or fees("0", "0")
        self.venue = DepthVenue(Ledger(instrument, dict(given), fees=schedule), rules)
        self.portfolio = Portfolio(Ledger(instrument, dict(given), fees=schedule))
        self.instrument = instrument
        self.time: Any = START
        self.log: list[Event] = []
        self.react = lambda _event: None
        self._depth = 0

    # --- what we do ---------------------------------------------------------------------------

    def submit(self, name, side, qty, price=None, *, rule="gtc", **more):
        """Send an order, `price` in quote or None for a market order; what is told at once."""
        kind = more.pop("type", OrderType.MARKET if price is None else OrderType.LIMIT)
        terms = Terms(
            name,
            side,
            kind,
            qty=None if qty is None else D(qty),
            price=None if price is None else D(price),
            time_in_force=TimeInForce(rule),
            **more,
        )
        command = Submit(ClientOrderId(name), terms)
        reserved = self.portfolio.ledger.reservation(terms, self.portfolio.price)
        self.portfolio.sent(command, self.time, reserved)
        return self._take(self.venue.send(Approved(command), self.time))

    def cancel(self, name):
        """Ask for the end of an order."""
        self.portfolio.cancelling(name)
        return self._take(self.venue.send(Approved(Cancel(ClientOrderId(name))), self.time))

    # --- what the market does -----------------------------------------------------------------

    def show(self, bids=(), asks=(), *, snapshot=False):
        """The market displays levels: pairs of ticks and lots."""
        self.time += NANOS_PER_SECOND
        if self.portfolio.price is None and bids:
            price = bids[0][0] * self.instrument.tick
            self.portfolio.apply(Started(self.time, price))
        return self.pass_on(DepthUpdate(self.time, tuple(bids), tuple(asks), snapshot))

    def trade(self, ticks, lots, *, taker_sells):
        """The market trades."""
        self.time += NANOS_PER_SECOND
        return self.pass_on(TradePrint(self.time, ticks, lots, taker_sells))

    def pass_on(self, update):
        """Any update of the market; what is told about it."""
        self.time = update.time
        return self._take(self.venue.apply(update))

    def settle(self, seconds=60):
        """Let every message arrive."""
        self.time += seconds * NANOS_PER_SECOND
        return self._take(self.venue.advance(self.time))

    def _take(self, events):
        told = []
        self._depth += 1
        for event in events:
            self.portfolio.apply(event)
            told.append(event)
            self.log.append(event)
            self.react(event)
        self._depth -= 1
        if not self._depth and self.venue.next_time() is None:
            self._check_agreement()
        return told

    def ahead(self, name):
        """The lots ahead of one of our orders."""
        return self.venue.shadow.orders[name].ahead

    def _check_agreement(self):
        """Raise where the venue's money and the bot's differ."""
        ours, theirs = self.portfolio.ledger, self.venue.ledger
        assert ours.account.totals() == theirs.account.totals()
        assert {k: v for k, v in ours.positions.items() if v.qty} == {
            k: v for k, v in theirs.positions.items() if v.qty
        }
        if not self.venue.shadow.orders:
            for asset in theirs.account.totals():
                assert theirs.account.held(asset) == ours.account.held(asset) == 0


def said(events):
    """Events as short words: what a test compares."""
    words = []
    for event in events:
        name = type(event).__name__
        if name == "OrderFilled":
            fill = event.fill
            kind = "done" if event.done else "part"
            words.append(f"{fill.client_id} {fill.liquidity} {fill.qty} @ {fill.price} {kind}")
        elif hasattr(event, "reason"):
            words.append(f"{event.client_id} {name} {event.reason}")
        elif hasattr(event, "client_id"):
            words.append(f"{event.client_id} {name}")
        else:
            words.append(name)
    return words
