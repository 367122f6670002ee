"""The order book and its plain twin: the same commands, the same messages, the same state."""

from collections import Counter
from dataclasses import replace
from operator import methodcaller

import numpy as np

from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.matching.book import (
    Book,
    End,
    Ended,
    Reduced,
    Refusal,
    Rested,
    SelfTrade,
    Ticket,
    Traded,
)

from tests.twins.plain_book import PlainBook

COMMANDS = 100_000
OWNERS = 5
PLACE, CANCEL = 0, 1
MIDDLE, SWING = 1_000, 25
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
        yield kind, ticket, pick, lots, price if pick % 2 else None


def commands(living, *, seed, count):
    """Calls to make on a book; cancels and changes mostly name one of the `living`."""
    for kind, ticket, pick, lots, price in tickets_and_picks(seed, count):
        known = bool(living) and pick % 10 > 0
        order = living[pick % len(living)] if known else pick
        if kind == PLACE:
            again = pick % 50 == 7 and known
            yield methodcaller("place", replace(ticket, id=order) if again else ticket)
        elif kind == CANCEL:
            yield methodcaller("cancel", order)
        else:
            yield methodcaller("amend", order, lots=lots, ticks=price)


def remember(living, changes):
    """Keep `living` as the messages tell it."""
    for change in changes:
        match change:
            case Rested(order=order):
                living.append(order)
            case Traded(maker=order, maker_left=0) | Ended(order=order) if order in living:
                living.remove(order)


def test_a_hundred_thousand_commands_do_the_same_to_both():
    book, plain = Book(), PlainBook()
    living: list[int] = []
    seen: Counter[object] = Counter()
    for number, command in enumerate(commands(living, seed=20_240_808, count=COMMANDS)):
        changes = command(book)
        assert changes == command(plain), (number, command)
        remember(living, changes)
        seen.update(getattr(change, "reason", type(change)) for change in changes)
        if number % 500 == 0:
            assert book.sha256() == plain.sha256(), number
    assert book.sha256() == plain.sha256()
    assert len(book) == len(plain.rows) == len(living)
    assert set(seen) == {Traded, Rested, Reduced, *End, *Refusal}, "every message was compared"
    assert min(seen.values()) > 100
    assert seen[Traded] > COMMANDS // 4


def test_the_hash_sees_who_came_first():
    first, second = (Ticket(each, 1, Side.BUY, 5, 100) for each in (1, 2))
    one, other = Book(), Book()
    for book, order in ((one, (first, second)), (other, (second, first))):
        for ticket in order:
            book.place(ticket)
    assert one.view(1) == other.view(1)
    assert one.sha256() != other.sha256()
