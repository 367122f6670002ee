"""The difference between wanted and living orders: the fewest steps, never two for one role."""

# mypy: disable-error-code="arg-type, dict-item, union-attr, comparison-overlap"
# Ids, times and assets are plain literals here; that the product cannot mix them: test_units.py.

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from absolute.domain.ids import ClientOrderId, Role
from absolute.domain.instrument import Side
from absolute.domain.order import Order, OrderType, Status, Terms
from absolute.strategies.targets import difference

from tests.builders import D

LIVING = (
    Status.IN_FLIGHT,
    Status.UNKNOWN,
    Status.OPEN,
    Status.PARTLY_FILLED,
    Status.CANCEL_PENDING,
)


def wish(role="exit", price=100, qty=1):
    return Terms(Role(role), Side.SELL, OrderType.LIMIT, qty=D(qty), price=D(price))


def living(terms, status=Status.OPEN, name=None):
    order = Order(ClientOrderId(name or f"id-{terms.role}"), terms, 0, "COIN", terms.qty)
    order.status = status
    return order


def by_role(*orders):
    return {order.terms.role: order for order in orders}


def test_what_is_wanted_and_does_not_live_is_placed():
    assert difference([wish("a"), wish("b")], {}, {}) == ([], [wish("a"), wish("b")])


def test_what_lives_as_wanted_is_left_alone():
    assert difference([wish()], by_role(living(wish())), {}) == ([], [])


def test_what_lives_and_is_not_wanted_is_cancelled():
    assert difference([], by_role(living(wish())), {}) == (["id-exit"], [])


@pytest.mark.parametrize("change", [{"price": 101}, {"qty": 2}])
def test_a_changed_wish_cancels_and_waits(change):
    """Its successor has no place while the old order may still trade."""
    changed = wish(**change)
    live = living(wish())
    assert difference([changed], by_role(live), {}) == (["id-exit"], [])
    live.status = Status.CANCEL_PENDING
    assert difference([changed], by_role(live), {}) == ([], [])
    assert difference([changed], {}, {}) == ([], [changed])


def test_an_order_on_its_way_out_is_not_cancelled_twice():
    assert difference([], by_role(living(wish(), Status.CANCEL_PENDING)), {}) == ([], [])


def test_an_order_of_unknown_fate_counts_as_living():
    """It may trade: nothing is placed beside it."""
    assert difference([wish(price=101)], by_role(living(wish(), Status.UNKNOWN)), {}).place == []


def test_a_refused_wish_waits_until_it_changes():
    refused = {Role("exit"): wish()}
    assert difference([wish()], {}, refused) == ([], [])
    assert difference([wish(price=101)], {}, refused) == ([], [wish(price=101)])


def test_a_refused_wish_does_not_keep_its_predecessor_alive():
    assert difference([wish()], by_role(living(wish(price=99))), {Role("exit"): wish()}) == (
        ["id-exit"],
        [],
    )


def test_wishes_keep_their_order():
    """Most protective first, as the plan has them."""
    wishes = [wish("exit"), wish("rung 1"), wish("rung 2")]
    assert difference(wishes, {}, {}).place == wishes


WISHES = st.lists(
    st.builds(wish, st.sampled_from("abc"), st.integers(99, 101)), unique_by=lambda t: t.role
)
LIVES = st.lists(
    st.builds(
        living,
        st.builds(wish, st.sampled_from("abc"), st.integers(99, 101)),
        st.sampled_from(LIVING),
    ),
    unique_by=lambda order: order.terms.role,
).map(lambda orders: by_role(*orders))


@given(WISHES, LIVES, st.dictionaries(st.sampled_from("abc"), st.builds(wish), max_size=2))
def test_never_two_orders_for_one_role(wanted, live, refused):
    change = difference(wanted, live, refused)
    placed = {terms.role for terms in change.place}
    assert placed.isdisjoint(live), "nothing is placed where something lives"
    assert len(placed) == len(change.place)
    for order in live.values():
        stays = order.terms in wanted or order.status is Status.CANCEL_PENDING
        assert (order.client_id in change.cancel) is not stays


@given(WISHES, LIVES)
def test_a_few_rounds_reach_what_is_wanted(wanted, live):
    """Two at most: what is stale goes, then what is wanted comes."""
    for _ in range(2):
        change = difference(wanted, live, {})
        gone = {*change.cancel} | {
            order.client_id for order in live.values() if order.status is Status.CANCEL_PENDING
        }
        live = by_role(
            *(order for order in live.values() if order.client_id not in gone),
            *(living(terms) for terms in change.place),
        )
    assert {order.terms for order in live.values()} == set(wanted)


def test_a_role_that_is_wanted_twice_is_placed_once():
    wanted = [wish("exit", 100), replace(wish("exit"), price=D(101))]
    assert len(difference(wanted, {}, {}).place) == 1
