"""The best price is what a plain count finds: one unit after another, from the best level down.

The count is made of whole numbers and fractions, and shares nothing with what it checks.
"""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from absolute.domain.instrument import Side
from absolute.domain.units import Nanos
from absolute.venues.fleet_price import BookLevel, BookView, Enquiry, Offer, rank

NOW, AGE_MAX = Nanos(1_000_000), 1_000

levels = st.lists(
    st.tuples(st.integers(1, 40), st.integers(1, 5)),
    max_size=5,
    unique_by=lambda level: level[0],
)


@st.composite
def drawn_offer(draw, name: str):
    prices = {side: draw(levels) for side in Side}
    ordered = {
        side: tuple(
            BookLevel(Decimal(price), Decimal(qty))
            for price, qty in sorted(prices[side], reverse=side is Side.SELL)
        )
        for side in Side  # keyed by the side of the taker: a seller takes from the highest bid down
    }
    age = draw(st.sampled_from([0, AGE_MAX, AGE_MAX + 1]))
    complete = draw(st.sampled_from([True, True, True, False]))
    book = BookView(ordered[Side.SELL], ordered[Side.BUY], Nanos(NOW - age), complete)
    fee = Decimal(draw(st.sampled_from(["0", "0.001", "0.0025", "0.004", "0.25", "-0.0005"])))
    spendable = draw(st.none() | st.integers(0, 300).map(Decimal))
    return Offer(name, book, fee, spendable)


offers = st.integers(0, 4).flatmap(
    lambda count: st.tuples(*(drawn_offer(f"venue{number}") for number in range(count)))
)


def counted(offer: Offer, side: Side, units: int) -> Fraction | None:
    """What so many units cost or bring in all, or None where the venue cannot serve."""
    if NOW - offer.book.seen_at > AGE_MAX or not offer.book.complete:
        return None
    one_by_one = [
        Fraction(level.price)
        for level in (offer.book.asks if side is Side.BUY else offer.book.bids)
        for _ in range(int(level.qty))
    ]
    one_by_one.sort(reverse=side is Side.SELL)
    if len(one_by_one) < units:
        return None
    fee = Fraction(offer.fee_rate)
    total = sum(one_by_one[:units], Fraction(0)) * (1 + fee if side is Side.BUY else 1 - fee)
    if offer.spendable is not None:
        needed = total if side is Side.BUY else Fraction(units)
        if Fraction(offer.spendable) < needed:
            return None
    return total


@given(offers, st.sampled_from(Side), st.integers(1, 12))
def test_no_venue_beats_the_first_and_the_first_is_what_it_says(found, side, units):
    ranking = rank(found, Enquiry(side, Decimal(units), NOW, AGE_MAX))
    counts = [(counted(offer, side, units), offer) for offer in found]
    able = [(total, offer) for total, offer in counts if total is not None]
    best = sorted(able, key=lambda pair: pair[0] if side is Side.BUY else -pair[0])
    # Stable, so among equals the one that was configured first.
    assert [each.offer.exchange for each in ranking.ranked] == [o.exchange for _, o in best]
    for each, (total, _) in zip(ranking.ranked, best, strict=True):
        assert Fraction(each.total) == total
        assert abs(Fraction(each.effective(side)) * units - total) <= Fraction(1, 10**20)


@given(offers, st.sampled_from(Side), st.none() | st.integers(1, 12).map(Decimal))
def test_every_venue_is_ranked_or_left_out_with_a_reason(found, side, amount):
    ranking = rank(found, Enquiry(side, amount, NOW, AGE_MAX))
    named = [each.offer.exchange for each in ranking.ranked]
    named += [each.exchange for each in ranking.left_out]
    assert sorted(named) == sorted(offer.exchange for offer in found)
    assert all(each.reason for each in ranking.left_out)
    assert all(each.exchange in ranking.reason() for each in found)


@given(offers, st.sampled_from(Side), st.integers(1, 12), st.integers(1, 12))
def test_a_larger_amount_is_never_cheaper_by_the_unit(found, side, one, other):
    small, large = sorted((one, other))
    mean: dict[str, list[Decimal]] = {}
    for units in (small, large):
        ranking = rank(found, Enquiry(side, Decimal(units), NOW, AGE_MAX))
        for each in ranking.ranked:
            mean.setdefault(each.offer.exchange, []).append(each.mean)
    for pair in mean.values():
        if len(pair) == 2:
            assert pair[0] <= pair[1] if side is Side.BUY else pair[0] >= pair[1]
