"""Laws of the order book over seeded streams of commands: fairness, conservation, honest messages.

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
    Traded,
)

from tests.order_flow import act, commands, remember

COMMANDS = 150
SEEDS = st.integers(0, 2**32 - 1)


class Walk:
    """A book under a seeded stream: `commands` gives each one before it is done by `do`."""

    def __init__(self, seed):
        self.book = Book()
        self._living: list[int] = []
        self.commands = commands(self._living, seed=seed, count=COMMANDS)

    def do(self, command):
        changes = act(self.book, command)
        remember(self._living, changes)
        return changes

    def standing(self):
        return {each.ticket.id: each for side in Side for each in self.book.standing(side)}


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


@given(SEEDS)
def test_the_messages_alone_rebuild_the_book(seed):
    walk, mirror = Walk(seed), Mirror()
    for command in walk.commands:
        for change in walk.do(command):
            mirror.apply(change)
        for side in Side:
            orders = list(walk.book.standing(side))
            stands = [[each.ticket.id, side, each.ticks, each.lots] for each in orders]
            assert stands == mirror.side(side)
            levels: Counter[int] = Counter()
            for each in orders:
                levels[each.ticks] += each.lots
            assert dict(walk.book.levels(side)) == levels
        assert len(walk.book) == len(mirror.rows)


@given(SEEDS)
def test_the_book_is_never_crossed_and_its_levels_are_in_order(seed):
    walk = Walk(seed)
    for command in walk.commands:
        walk.do(command)
        bid, ask = walk.book.best(Side.BUY), walk.book.best(Side.SELL)
        assert bid is None or ask is None or bid < ask
        view = walk.book.view(20)
        assert all(better > worse for (better, _), (worse, _) in pairwise(view.bids))
        assert all(better < worse for (better, _), (worse, _) in pairwise(view.asks))
        assert all(lots > 0 for _, lots in view.bids + view.asks)


@given(SEEDS)
def test_whoever_stands_first_trades_first_at_a_price_both_accept(seed):
    walk, mirror = Walk(seed), Mirror()
    limits = {}
    for command in walk.commands:
        if command[0] == "place" and command[1].id not in walk.standing():
            limits[command[1].id] = command[1].ticks
        elif command[0] == "amend" and command[3] is not None:
            limits[command[1]] = command[3]
        for change in walk.do(command):
            if isinstance(change, Traded):
                first = mirror.side(change.taker_side.opposite)[0]
                assert (change.maker, change.ticks) == (first[0], first[2])
                limit = limits[change.taker]
                sign = 1 if change.taker_side is Side.BUY else -1
                assert limit is None or change.ticks * sign <= limit * sign
            mirror.apply(change)


@given(SEEDS)
def test_no_lot_is_made_or_lost(seed):
    """Put in = traded on both sides + ended + taken back + still standing."""
    walk = Walk(seed)
    put = traded = ended = taken_back = 0
    by_side: Counter[Side] = Counter()
    for command in walk.commands:
        before = {order: (each.ticket.side, each.lots) for order, each in walk.standing().items()}
        changes = walk.do(command)
        if command[0] == "place" and not isinstance(changes[0], Refused):
            put += command[1].lots
        for change in changes:
            match change:
                case Traded(lots=lots, maker=maker, taker_side=taker_side):
                    traded += 2 * lots
                    by_side.update({taker_side: lots})
                    by_side.update({before[maker][0]: lots})
                case Ended(lots=lots, reason=reason):
                    ended += lots
                    put += command[2] if reason is End.AMENDED else 0
                case Reduced(order=order, lots=lots):
                    taken_back += before[order][1] - lots
    standing = sum(each.lots for each in walk.standing().values())
    assert put == traded + ended + taken_back + standing
    assert by_side[Side.BUY] == by_side[Side.SELL]


@given(SEEDS)
def test_every_order_keeps_the_promise_of_its_time_in_force(seed):
    walk = Walk(seed)
    for command in walk.commands:
        changes = walk.do(command)
        if command[0] != "place" or isinstance(changes[0], Refused):
            continue
        ticket = command[1]
        traded = sum(change.lots for change in changes if isinstance(change, Traded))
        rested = any(isinstance(change, Rested) for change in changes)
        match ticket.time_in_force:
            case TimeInForce.FOK:
                assert traded in {0, ticket.lots}
                assert not rested
            case TimeInForce.IOC:
                assert not rested
            case TimeInForce.POST_ONLY:
                assert not traded
        assert ticket.ticks is not None or not rested


@given(SEEDS)
def test_an_owner_meets_himself_only_where_he_allows_it(seed):
    walk = Walk(seed)
    for command in walk.commands:
        before = walk.standing()
        changes = walk.do(command)
        if isinstance(changes[0], Refused):
            continue
        taker = command[1] if command[0] == "place" else before[command[1]].ticket
        for change in changes:
            if isinstance(change, Traded) and before[change.maker].ticket.owner == taker.owner:
                assert taker.self_trade is SelfTrade.ALLOW
            if isinstance(change, Ended) and change.reason is End.SELF_TRADE:
                assert taker.self_trade is not SelfTrade.ALLOW
                ended = taker if change.order == taker.id else before[change.order].ticket
                assert ended.owner == taker.owner


@given(SEEDS)
def test_a_refused_command_changes_nothing(seed):
    walk = Walk(seed)
    for command in walk.commands:
        before = walk.book.sha256()
        changes = walk.do(command)
        if isinstance(changes[0], Refused):
            assert len(changes) == 1
            assert walk.book.sha256() == before
