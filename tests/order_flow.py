"""Owns seeded streams of orders for tests of the order book; it must not know any rule of matching.

A command is ("place", ticket), ("cancel", order) or ("amend", order, lots, ticks or None). Cancels
and changes mostly name an order that stands, so a stream is drawn while it is played.
"""

from dataclasses import replace

import numpy as np

from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.matching.book import Ended, Rested, SelfTrade, Ticket, Traded

OWNERS = 5
MIDDLE, SWING = 1_000, 25
KINDS = ("place", "cancel", "amend")
SIDES, RULES, MODES = tuple(Side), tuple(TimeInForce), tuple(SelfTrade)


def tickets_and_picks(seed, count):
    """A seeded stream of (kind, ticket, pick, lots, price or None): what may be done next."""
    generator = np.random.Generator(np.random.PCG64(seed))
    kinds = generator.choice(3, size=count, p=(0.8, 0.1, 0.1)).tolist()
    sides = generator.integers(2, size=count).tolist()
    offsets = np.rint(generator.normal(0.9, 3, size=count)).astype(int).tolist()
    sizes = generator.integers(-1, 30, size=count).tolist()
    rules = generator.choice(4, size=count, p=(0.7, 0.1, 0.1, 0.1)).tolist()
    modes, owners = generator.integers((4, OWNERS), size=(count, 2)).T.tolist()
    picks = generator.integers(1_000_000, size=count).tolist()
    rows = zip(kinds, sides, offsets, sizes, rules, modes, owners, picks, strict=True)
    for number, (kind, side, offset, lots, rule, mode, owner, pick) in enumerate(rows):
        # The market swings up and down, and so meets the old orders again.
        middle = MIDDLE + SWING * abs(number // 8 % 60 - 30) // 30
        price = middle - offset if SIDES[side] is Side.BUY else middle + offset
        limit = None if pick % 25 == 0 else 0 if pick % 25 == 1 else price
        ticket = Ticket(number, owner, SIDES[side], lots, limit, RULES[rule], MODES[mode])
        yield KINDS[kind], ticket, pick, lots, price if pick % 2 else None


def commands(living, *, seed, count):
    """The commands of a stream; `living` are the orders that stand, kept by `remember`."""
    for kind, ticket, pick, lots, price in tickets_and_picks(seed, count):
        known = bool(living) and pick % 10 > 0
        order = living[pick % len(living)] if known else pick
        if kind == "place":
            again = pick % 50 == 7 and known
            yield kind, replace(ticket, id=order) if again else ticket
        elif kind == "cancel":
            yield kind, order
        else:
            yield kind, order, lots, price


def remember(living, changes):
    """Keep `living` as the messages tell it."""
    for change in changes:
        match change:
            case Rested(order=order):
                living.append(order)
            case Traded(maker=order, maker_left=0) | Ended(order=order) if order in living:
                living.remove(order)


def act(book, command):
    """Do what a command says."""
    match command:
        case "place", ticket:
            return book.place(ticket)
        case "cancel", order:
            return book.cancel(order)
        case _, order, lots, ticks:
            return book.amend(order, lots=lots, ticks=ticks)
