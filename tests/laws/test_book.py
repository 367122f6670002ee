"""Laws of the order book over drawn streams of commands: fairness, conservation, honest messages.

A mirror is kept from the messages alone; it must never differ from the book.
"""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.matching.book import (
    Book,
    End,
    Ended,
    Reduced,
    Refused,
    Rested,
    SelfTrade,
    Ticket,
    Traded,
)

PRICES = st.integers(96, 104)
LOTS = st.integers(1, 12)
IDS = st.integers(0, 39)
PLACES = st.builds(
    Ticket,
    id=IDS,
    owner=st.integers(0, 3),
    side=st.sampled_from(Side),
    lots=LOTS,
    ticks=st.none() | PRICES,
    time_in_force=st.sampled_from(TimeInForce),
    self_trade=st.sampled_from(SelfTrade),
)
AMENDS = st.tuples(IDS, LOTS, st.none() | PRICES)
STREAMS = st.lists(PLACES | PLACES | PLACES | AMENDS | IDS, max_size=60)


class Mirror:
    """What the messages say stands: rows [order, side, ticks, lots] by arrival."""

    def __init__(self):
        self.rows = []

    def row(self, order):
        return next((row for row in self.rows if row[0] == order), None)

    def side(self, side):
        sign = -1 if side is Side.BUY else 1
        rows = [row for row in self.rows if row[1] is side]
        return sorted(rows, key=lambda row: sign * row[2])  # stable, so time breaks the tie

    def apply(self, change):
        match change:
            case Rested(order=order, side=side, ticks=ticks, lots=lots):
                self.rows.append([order, side, ticks, lots])
            case Reduced(order=order, lots=lots):
                self.row(order)[3] = lots
            case Traded(maker=maker, maker_left=left):
                self.row(maker)[3] = left
                if not left:
                    self.rows.remove(self.row(maker))
            case Ended(order=order, lots=lots) if (row := self.row(order)) is not None:
                assert row[3] == lots
                self.rows.remove(row)


def act(book, command):
    match command:
        case Ticket():
            return book.place(command)
        case order, lots, ticks:
            return book.amend(order, lots=lots, ticks=ticks)
        case _:
            return book.cancel(command)


@given(STREAMS)
def test_the_messages_alone_rebuild_the_book(stream):
    book, mirror = Book(), Mirror()
    for command in stream:
        for change in act(book, command):
            mirror.apply(change)
        for side in Side:
            stands = [[each.ticket.id, side, each.ticks, each.lots] for each in book.standing(side)]
            assert stands == mirror.side(side)
            levels: Counter[int] = Counter()
            for each in book.standing(side):
                levels[each.ticks] += each.lots
            assert dict(book.levels(side)) == levels
        assert len(book) == len(mirror.rows)


@given(STREAMS)
def test_the_book_is_never_crossed_and_its_levels_are_in_order(stream):
    book = Book()
    for command in stream:
        act(book, command)
        bid, ask = book.best(Side.BUY), book.best(Side.SELL)
        assert bid is None or ask is None or bid < ask
        view = book.view(20)
        assert all(better > worse for (better, _), (worse, _) in pairwise(view.bids))
        assert all(better < worse for (better, _), (worse, _) in pairwise(view.asks))
        assert all(lots > 0 for _, lots in view.bids + view.asks)


@given(STREAMS)
def test_whoever_stands_first_trades_first_at_a_price_both_accept(stream):
    book, mirror = Book(), Mirror()
    limits = {}
    for command in stream:
        if isinstance(command, Ticket) and book.order(command.id) is None:
            limits[command.id] = command.ticks
        elif isinstance(command, tuple) and command[2] is not None:
            limits[command[0]] = command[2]
        for change in act(book, command):
            if isinstance(change, Traded):
                first = mirror.side(change.taker_side.opposite)[0]
                assert (change.maker, change.ticks) == (first[0], first[2])
                limit = limits[change.taker]
                sign = 1 if change.taker_side is Side.BUY else -1
                assert limit is None or change.ticks * sign <= limit * sign
            mirror.apply(change)


@given(STREAMS)
def test_no_lot_is_made_or_lost(stream):
    """Put in = traded on both sides + ended + taken back + still standing."""
    book = Book()
    put = traded = ended = taken_back = 0
    by_side: Counter[Side] = Counter()
    for command in stream:
        before = {each.ticket.id: each.lots for side in Side for each in book.standing(side)}
        sides = {each.ticket.id: side for side in Side for each in book.standing(side)}
        changes = act(book, command)
        refused = isinstance(changes[0], Refused)
        if isinstance(command, Ticket) and not refused:
            put += command.lots
        for change in changes:
            match change:
                case Traded(lots=lots, maker=maker, taker_side=taker_side):
                    traded += 2 * lots
                    by_side.update({taker_side: lots})
                    by_side.update({sides[maker]: lots})
                case Ended(lots=lots, reason=reason):
                    ended += lots
                    put += command[1] if reason is End.AMENDED else 0
                case Reduced(order=order, lots=lots):
                    taken_back += before[order] - lots
    standing = sum(each.lots for side in Side for each in book.standing(side))
    assert put == traded + ended + taken_back + standing
    assert by_side[Side.BUY] == by_side[Side.SELL]


@given(STREAMS)
def test_every_order_keeps_the_promise_of_its_time_in_force(stream):
    book = Book()
    for command in stream:
        changes = act(book, command)
        if not isinstance(command, Ticket) or isinstance(changes[0], Refused):
            continue
        traded = sum(c.lots for c in changes if isinstance(c, Traded))
        rested = [c for c in changes if isinstance(c, Rested)]
        match command.time_in_force:
            case TimeInForce.FOK:
                assert traded in {0, command.lots}
                assert not rested
            case TimeInForce.IOC:
                assert not rested
            case TimeInForce.POST_ONLY:
                assert not traded
        assert command.ticks is not None or not rested


@given(STREAMS)
def test_an_owner_meets_himself_only_where_he_allows_it(stream):
    book = Book()
    for command in stream:
        owners = {each.ticket.id: each.ticket.owner for s in Side for each in book.standing(s)}
        taker = _taker(book, command)
        for change in act(book, command):
            if isinstance(change, Traded) and owners[change.maker] == taker.owner:
                assert taker.self_trade is SelfTrade.ALLOW
            if isinstance(change, Ended) and change.reason is End.SELF_TRADE:
                assert taker.self_trade is not SelfTrade.ALLOW
                assert change.order == taker.id or owners[change.order] == taker.owner


def _taker(book, command):
    """The ticket of the order that a command may set matching."""
    if isinstance(command, Ticket):
        return command
    standing = book.order(command[0] if isinstance(command, tuple) else command)
    return standing.ticket if standing else None


@given(STREAMS)
def test_a_refused_command_changes_nothing(stream):
    book = Book()
    for command in stream:
        before = book.sha256()
        changes = act(book, command)
        if isinstance(changes[0], Refused):
            assert len(changes) == 1
            assert book.sha256() == before
