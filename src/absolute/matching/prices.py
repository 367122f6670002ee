"""Owns the order of the prices on one side of a book; it must not know what stands at them."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from absolute.domain.instrument import Side


class Prices:
    """Prices in ticks, the best of the side first: the highest bid, the lowest ask."""

    __slots__ = ("_ranks", "_sign")

    def __init__(self, side: Side) -> None:
        self._sign = 1 if side is Side.BUY else -1
        # Ascending in goodness, so that the best is the cheap end of the list.
        self._ranks: list[int] = []

    def __len__(self) -> int:
        return len(self._ranks)

    def __iter__(self) -> Iterator[int]:
        """From the best outward; the side must not change meanwhile."""
        sign = self._sign
        return (rank * sign for rank in reversed(self._ranks))

    @property
    def best(self) -> int | None:
        """The best price, if there is any."""
        return self._ranks[-1] * self._sign if self._ranks else None

    def add(self, ticks: int) -> None:
        """A price that was not there."""
        insort(self._ranks, ticks * self._sign)

    def remove(self, ticks: int) -> None:
        """A price that is there."""
        rank = ticks * self._sign
        place = bisect_left(self._ranks, rank)
        if self._ranks[place : place + 1] != [rank]:
            raise KeyError(ticks)
        del self._ranks[place]


def no_worse(side: Side, ticks: int, limit: int) -> bool:
    """Whether a trade at `ticks` is at least as good as `limit` for an order of this side."""
    return ticks <= limit if side is Side.BUY else ticks >= limit
