"""Owns the plain twin of the order book: one list, searched from end to end, defines the rules.

It keeps no queue, no levels and no order of prices; whoever stands first is found by asking
everybody. It speaks the messages of `absolute.matching.book` and must not share its code.
"""

import hashlib
from dataclasses import replace

from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.matching.book import (
    Change,
    End,
    Ended,
    Reduced,
    Refusal,
    Refused,
    Rested,
    SelfTrade,
    Traded,
)

NEVER_WAITS = (TimeInForce.IOC, TimeInForce.FOK)


class PlainBook:
    """Orders as rows [ticket, lots left, number of arrival]."""

    def __init__(self):
        self.rows = []
        self.arrivals = 0

    def place(self, ticket):
        if self._row(ticket.id) is not None:
            return (Refused(ticket.id, Refusal.ORDER_STANDS),)
        if ticket.lots < 1:
            return (Refused(ticket.id, Refusal.LOTS_INVALID),)
        if ticket.ticks is None and ticket.time_in_force is TimeInForce.POST_ONLY:
            return (Refused(ticket.id, Refusal.TERMS_INVALID),)
        if ticket.ticks is not None and ticket.ticks < 1:
            return (Refused(ticket.id, Refusal.PRICE_INVALID),)
        return self._enter(ticket)

    def cancel(self, order):
        row = self._row(order)
        if row is None:
            return (Refused(order, Refusal.ORDER_UNKNOWN),)
        self.rows.remove(row)
        return (Ended(order, row[1], End.CANCELLED),)

    def amend(self, order, *, lots, ticks=None):
        row = self._row(order)
        if row is None:
            return (Refused(order, Refusal.ORDER_UNKNOWN),)
        if lots < 1:
            return (Refused(order, Refusal.LOTS_INVALID),)
        price = row[0].ticks if ticks is None else ticks
        if price < 1:
            return (Refused(order, Refusal.PRICE_INVALID),)
        if price == row[0].ticks and lots <= row[1]:
            row[1] = lots
            return (Reduced(order, lots),)
        self.rows.remove(row)
        changed = replace(row[0], lots=lots, ticks=price)
        return (Ended(order, row[1], End.AMENDED), *self._enter(changed))

    def sha256(self):
        digest = hashlib.sha256()
        for side in Side:
            for ticket, left, _ in self._in_order(side):
                digest.update(
                    f"{side.value} {ticket.ticks} {left} {ticket.id} {ticket.owner} "
                    f"{ticket.time_in_force.value} {ticket.self_trade.value}\n".encode()
                )
        return digest.hexdigest()

    def _row(self, order):
        return next((row for row in self.rows if row[0].id == order), None)

    def _in_order(self, side):
        sign = -1 if side is Side.BUY else 1
        mine = [row for row in self.rows if row[0].side is side]
        return sorted(mine, key=lambda row: (sign * row[0].ticks, row[2]))

    def _within_reach(self, ticket):
        """Everybody the order could trade with, in order."""
        opposite = self._in_order(Side.SELL if ticket.side is Side.BUY else Side.BUY)
        if ticket.ticks is None:
            return opposite
        if ticket.side is Side.BUY:
            return [row for row in opposite if row[0].ticks <= ticket.ticks]
        return [row for row in opposite if row[0].ticks >= ticket.ticks]

    def _enter(self, ticket):
        reach = self._within_reach(ticket)
        if ticket.time_in_force is TimeInForce.POST_ONLY and reach:
            return (Ended(ticket.id, ticket.lots, End.POST_ONLY_WOULD_TAKE),)
        if ticket.time_in_force is TimeInForce.FOK and self._lots_for(ticket, reach) < ticket.lots:
            return (Ended(ticket.id, ticket.lots, End.FOK_UNFILLABLE),)
        left = ticket.lots
        out: list[Change] = []
        for row in reach:
            maker = row[0]
            if not left:
                break
            if maker.owner == ticket.owner and ticket.self_trade is not SelfTrade.ALLOW:
                if ticket.self_trade in (SelfTrade.EXPIRE_MAKER, SelfTrade.EXPIRE_BOTH):
                    self.rows.remove(row)
                    out.append(Ended(maker.id, row[1], End.SELF_TRADE))
                if ticket.self_trade in (SelfTrade.EXPIRE_TAKER, SelfTrade.EXPIRE_BOTH):
                    out.append(Ended(ticket.id, left, End.SELF_TRADE))
                    return tuple(out)
                continue
            lots = min(left, row[1])
            left -= lots
            row[1] -= lots
            out.append(Traded(ticket.id, maker.id, ticket.side, maker.ticks, lots, left, row[1]))
            if not row[1]:
                self.rows.remove(row)
        if left and (ticket.ticks is None or ticket.time_in_force in NEVER_WAITS):
            out.append(Ended(ticket.id, left, End.UNFILLED))
        elif left:
            self.arrivals += 1
            self.rows.append([ticket, left, self.arrivals])
            out.append(Rested(ticket.id, ticket.side, ticket.ticks, left))
        return tuple(out)

    def _lots_for(self, ticket, reach):
        """The lots within reach that may trade before a self-trade would stop it."""
        total = 0
        for maker, lots, _ in reach:
            own = maker.owner == ticket.owner and ticket.self_trade is not SelfTrade.ALLOW
            if own and ticket.self_trade is not SelfTrade.EXPIRE_MAKER:
                break
            total += 0 if own else lots
        return total
