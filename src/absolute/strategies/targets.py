"""Owns the difference between the orders that are wanted and the orders that live.

An order is recognised by its role. One that no longer matches is cancelled first, and its
successor is placed only when the venue has said that it is gone: two orders for one role never
live at the same time, so a quantity never has two exits.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from absolute.domain.ids import ClientOrderId, Role
from absolute.domain.order import Order, Status, Terms


class Difference(NamedTuple):
    """The fewest steps from what lives to what is wanted: cancels go first."""

    cancel: list[ClientOrderId]
    place: list[Terms]


def difference(
    wanted: Iterable[Terms], live: Mapping[Role, Order], refused: Mapping[Role, Terms]
) -> Difference:
    """What to cancel and what to place now; a refused wish stays refused until it changes.

    Of two wishes for one role the first counts: it is the more protective one.
    """
    place: list[Terms] = []
    stale: list[ClientOrderId] = []
    roles: set[Role] = set()
    seen: set[Role] = set()
    for terms in wanted:
        role = terms.role
        if role in seen:
            continue
        seen.add(role)
        order = live.get(role)
        if order is None:
            if role not in refused or refused[role] != terms:
                place.append(terms)
        elif order.terms is terms or order.terms == terms:
            roles.add(role)
    if len(roles) != len(live):
        for role, order in live.items():
            if role not in roles and order.status is not Status.CANCEL_PENDING:
                stale.append(order.client_id)
    return Difference(stale, place)
