"""The order book command by command; the stories tell the rest."""

import pytest

from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.matching.book import (
    Book,
    End,
    Ended,
    Reduced,
    Refusal,
    Refused,
    Rested,
    SelfTrade,
    Ticket,
    Traded,
)
from absolute.matching.depth import LevelsView
from absolute.matching.prices import Prices, no_worse


@pytest.fixture
def book():
    """Bids 100: 5 and 3 lots, 99: 2 lots; an ask at 102: 4 lots."""
    filled = Book()
    for order, (side, lots, ticks) in enumerate(
        [(Side.BUY, 5, 100), (Side.BUY, 3, 100), (Side.BUY, 2, 99), (Side.SELL, 4, 102)], start=1
    ):
        filled.place(Ticket(order, 7, side, lots, ticks))
    return filled


def test_a_view_sums_the_levels(book):
    assert book.view(5) == LevelsView(bids=((100, 8), (99, 2)), asks=((102, 4),))
    assert book.view(1) == LevelsView(bids=((100, 8),), asks=((102, 4),))
    assert (book.best(Side.BUY), book.best(Side.SELL)) == (100, 102)
    assert Book().view(5) == LevelsView((), ())
    assert Book().best(Side.BUY) is None


def test_a_sweep_says_what_is_left_on_both_sides_of_every_trade(book):
    # 9 lots down to 99: 5 + 3 at 100, 1 of the 2 at 99.
    changes = book.place(Ticket(9, 8, Side.SELL, 9, 99))
    assert changes == (
        Traded(9, 1, Side.SELL, 100, 5, taker_left=4, maker_left=0),
        Traded(9, 2, Side.SELL, 100, 3, taker_left=1, maker_left=0),
        Traded(9, 3, Side.SELL, 99, 1, taker_left=0, maker_left=1),
    )
    assert book.view(5) == LevelsView(bids=((99, 1),), asks=((102, 4),))
    assert len(book) == 2


def test_a_cancel_in_the_middle_of_a_queue_moves_the_others_up(book):
    book.place(Ticket(5, 7, Side.BUY, 1, 100))
    assert book.cancel(2) == (Ended(2, 3, End.CANCELLED),)
    assert [each.ticket.id for each in book.standing(Side.BUY)] == [1, 5, 3]
    assert book.cancel(2) == (Refused(2, Refusal.ORDER_UNKNOWN),)


def test_an_id_may_be_used_again_after_its_end(book):
    assert book.place(Ticket(1, 7, Side.BUY, 1, 50)) == (Refused(1, Refusal.ORDER_STANDS),)
    book.cancel(1)
    assert book.place(Ticket(1, 7, Side.BUY, 1, 50)) == (Rested(1, Side.BUY, 50, 1),)


def test_what_a_reduced_order_gave_up_does_not_come_back(book):
    assert book.amend(1, lots=2) == (Reduced(1, 2),)
    assert book.view(1).bids == ((100, 5),)
    assert book.amend(1, lots=5)[0] == Ended(1, 2, End.AMENDED)
    assert [each.ticket.id for each in book.standing(Side.BUY)][:2] == [2, 1]
    assert book.order(1).lots == 5


def test_an_amended_order_keeps_its_terms(book):
    book.place(Ticket(5, 7, Side.BUY, 1, 98, TimeInForce.POST_ONLY, SelfTrade.EXPIRE_BOTH))
    assert book.amend(5, lots=1, ticks=102)[1] == Ended(5, 1, End.POST_ONLY_WOULD_TAKE)
    book.place(Ticket(6, 7, Side.BUY, 1, 98, self_trade=SelfTrade.EXPIRE_BOTH))
    assert book.amend(6, lots=1, ticks=102) == (
        Ended(6, 1, End.AMENDED),
        Ended(4, 4, End.SELF_TRADE),
        Ended(6, 1, End.SELF_TRADE),
    )
    assert book.best(Side.SELL) is None


def test_fill_or_kill_counts_only_what_it_could_take(book):
    own = SelfTrade.EXPIRE_MAKER
    book.place(Ticket(5, 8, Side.BUY, 4, 100))  # the seller's own bid must not count
    killed = book.place(Ticket(6, 8, Side.SELL, 9, 100, TimeInForce.FOK, own))
    assert killed == (Ended(6, 9, End.FOK_UNFILLABLE),)
    filled = book.place(Ticket(6, 8, Side.SELL, 8, 100, TimeInForce.FOK, own))
    assert [change.lots for change in filled] == [5, 3]
    assert book.order(5) is not None, "it was filled before it came to the own order"


def test_the_prices_of_a_side_come_best_first():
    for side, best_first in ((Side.BUY, [9, 5, 1]), (Side.SELL, [1, 5, 9])):
        prices = Prices(side)
        for ticks in (5, 9, 1):
            prices.add(ticks)
        assert (list(prices), prices.best) == (best_first, best_first[0])
        prices.remove(best_first[0])
        assert (prices.best, len(prices)) == (5, 2)
        with pytest.raises(KeyError):
            prices.remove(4)
    assert Prices(Side.BUY).best is None


@pytest.mark.parametrize(
    ("side", "ticks", "fine"),
    [
        (Side.BUY, 99, True),
        (Side.BUY, 100, True),
        (Side.BUY, 101, False),
        (Side.SELL, 99, False),
        (Side.SELL, 100, True),
        (Side.SELL, 101, True),
    ],
)
def test_a_limit_of_100_accepts(side, ticks, fine):
    assert no_worse(side, ticks, 100) is fine
