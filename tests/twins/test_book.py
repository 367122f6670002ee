"""The order book and its plain twin: the same commands, the same messages, the same state."""

from collections import Counter

from absolute.domain.instrument import Side
from absolute.matching.book import Book, End, Reduced, Refusal, Rested, Ticket, Traded

from tests.order_flow import act, commands, remember
from tests.twins.plain_book import PlainBook

COMMANDS = 100_000


def test_a_hundred_thousand_commands_do_the_same_to_both():
    book, plain = Book(), PlainBook()
    living: list[int] = []
    seen: Counter[object] = Counter()
    for number, command in enumerate(commands(living, seed=20_240_808, count=COMMANDS)):
        changes = act(book, command)
        assert changes == act(plain, command), (number, command)
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
