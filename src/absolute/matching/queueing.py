"""Owns the assumption about a queue we cannot see into: what moves us forward, and what fills us.

A trade at our price is seen, and eats from the front. A cancel is not: the level only becomes
smaller. Knows nothing of orders or books.
"""

from enum import StrEnum


class QueueModel(StrEnum):
    """Where the lots stood that left our level without a trade.

    `TRADES_ONLY` (default, slowest): behind us, as long as there were any. `PROPORTIONAL`: spread
    evenly over the level. `AHEAD_FIRST` (fastest): all ahead of us. Whatever the model says, no
    more can be ahead of us than the level still shows. For one resting order an earlier member of
    this list never fills sooner, nor more, than a later one.
    """

    TRADES_ONLY = "trades_only"
    PROPORTIONAL = "proportional"
    AHEAD_FIRST = "ahead_first"

    def ahead(self, ahead: int, *, before: int, after: int) -> int:
        """Lots ahead of us once a level that showed `before` lots shows `after`."""
        gone = max(0, before - after)
        if self is QueueModel.PROPORTIONAL and gone:
            ahead -= gone * min(ahead, before) // before
        elif self is QueueModel.AHEAD_FIRST:
            ahead -= gone
        return max(0, min(ahead, after))

    @property
    def display_fills(self) -> bool:
        """Whether the other side, displayed at our price or through it, has met us."""
        return self is not QueueModel.TRADES_ONLY
