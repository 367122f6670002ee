"""Owns the balances of one account and the only two ways to change them: post and hold.

A posting is all or nothing: the new balances are worked out, every named rule is asked, and only
then are they assigned. Knows nothing of orders or prices.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final

from absolute.domain.errors import LedgerError
from absolute.domain.units import ZERO, Asset

Posting = tuple[Asset, Decimal]
Rule = Callable[[Asset, Decimal], str | None]


def not_negative(asset: Asset, total: Decimal) -> str | None:
    """A spot account owns what it sells: no total falls below zero."""
    return f"{asset} would be {total}" if total < ZERO else None


def not_negative_in(*assets: Asset) -> Rule:
    """A bot in one market owns what it sells; a fee coin of the wallet it may not know at all."""

    def owns(asset: Asset, total: Decimal) -> str | None:
        return not_negative(asset, total) if total < ZERO and asset in assets else None

    return owns


SPOT_RULES: Final[tuple[Rule, ...]] = (not_negative,)
MARGIN_RULES: Final[tuple[Rule, ...]] = ()
"""A margin wallet may owe for a moment; the liquidation that follows settles it."""


class Account:
    """Totals and holds by asset. `free` is the total less what open orders reserve."""

    __slots__ = ("_held", "_rules", "_totals")

    def __init__(self, totals: Mapping[Asset, Decimal], rules: tuple[Rule, ...]) -> None:
        self._totals: defaultdict[Asset, Decimal] = defaultdict(Decimal, totals)
        self._held: defaultdict[Asset, Decimal] = defaultdict(Decimal)
        self._rules = rules

    def total(self, asset: Asset) -> Decimal:
        """All that is owned of an asset."""
        return self._totals[asset]

    def held(self, asset: Asset) -> Decimal:
        """What open orders reserve of it."""
        return self._held[asset]

    def free(self, asset: Asset) -> Decimal:
        """What a new order may use."""
        return self._totals[asset] - self._held[asset]

    def totals(self) -> dict[Asset, Decimal]:
        """A copy of every total that is not zero, for a report or a comparison."""
        return {asset: total for asset, total in self._totals.items() if total}

    def post(self, postings: Iterable[Posting]) -> None:
        """Apply signed amounts, all or nothing; raises `LedgerError` naming the broken rule."""
        totals = self._totals
        after: dict[Asset, Decimal] = {}
        for asset, amount in postings:
            before = after[asset] if asset in after else totals[asset]
            after[asset] = before + amount
        for rule in self._rules:
            for asset, total in after.items():
                fault = rule(asset, total)
                if fault is not None:
                    raise LedgerError(f"posting refused by {rule.__name__}: {fault}")
        totals.update(after)

    def hold(self, asset: Asset, amount: Decimal) -> None:
        """Reserve (or, negative, release) an amount; a release below zero raises."""
        after = self._held[asset] + amount
        if after < ZERO:
            raise LedgerError(
                f"release of {-amount} {asset} is more than the held {after - amount}"
            )
        self._held[asset] = after
