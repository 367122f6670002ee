"""The order book and its plain twin: the same seeded commands, the same messages, the same state."""

import numpy as np

from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.matching.book import Book, SelfTrade, Ticket, Traded
from tests.twins.plain_book import PlainBook

COMMANDS = 100_000
OWNERS = 5
MIDDLE = 1_000
SIDES, RULES, MODES = tuple(Side), tuple(TimeInForce), tuple(SelfTrade)


def commands(seed, count):
    """A seeded stream of (kind, *numbers): 0 place, 1 cancel, 2 amend."""
    generator = np.random.Generator(np.random.PCG64(seed))
    kinds = generator.choice(3, size=count, p=(0.5, 0.4, 0.1)).tolist()
    sides = generator.integers(2, size=count).tolist()
    # As many cross as wait, and cancels find the young, so that the book stays small.
    offsets = np.rint(generator.normal(0, 4, size=count)).astype(int).tolist()
    lots = generator.integers(-1, 30, size=count).tolist()
    rules = generator.choice(4, size=count, p=(0.7, 0.1, 0.1, 0.1)).tolist()
    modes = generator.integers(4, size=count).tolist()
    owners = generator.integers(OWNERS, size=count).tolist()
    markets = (generator.random(count) < 0.04).tolist()
    picks = generator.integers(12, size=count).tolist()
    rows = zip(kinds, sides, offsets, lots, rules, modes, owners, markets, picks, strict=True)
    for number, (kind, side, offset, size, rule, mode, owner, market, pick) in enumerate(rows):
        price = MIDDLE - offset if SIDES[side] is Side.BUY else MIDDLE + offset
        if kind == 0:
            # Now and then an id that stands already, and a price that is none.
            order = number if pick else max(0, number - 20)
            limit = None if market else price if pick != 1 else 0
            yield kind, Ticket(order, owner, SIDES[side], size, limit, RULES[rule], MODES[mode])
        else:
            yield kind, number - pick, size, None if pick % 2 else price


def act(book, command):
    match command:
        case 0, ticket:
            return book.place(ticket)
        case 1, order, *_:
            return book.cancel(order)
        case _, order, lots, ticks:
            return book.amend(order, lots=lots, ticks=ticks)


def test_a_hundred_thousand_commands_do_the_same_to_both():
    book, plain = Book(), PlainBook()
    trades = 0
    for number, command in enumerate(commands(seed=20_240_808, count=COMMANDS)):
        changes = act(book, command)
        assert changes == act(plain, command), (number, command)
        trades += sum(isinstance(change, Traded) for change in changes)
        if number % 500 == 0:
            assert book.sha256() == plain.sha256(), number
    assert book.sha256() == plain.sha256()
    assert len(book) == len(plain.rows)
    assert trades > COMMANDS // 4


def test_the_hash_sees_who_came_first():
    first, second = (Ticket(each, 1, Side.BUY, 5, 100) for each in (1, 2))
    one, other = Book(), Book()
    for book, order in ((one, (first, second)), (other, (second, first))):
        for ticket in order:
            book.place(ticket)
    assert one.view(1) == other.view(1)
    assert one.sha256() != other.sha256()
