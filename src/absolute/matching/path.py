"""Owns the stated order in which a bar visits its high and its low; it is a policy, not a fact.

`PESSIMISTIC` (default): the extreme that hurts the held position comes first, and what is placed
in reaction to something inside a bar takes part from the next bar on. `OPEN_NEAREST`: the extreme
nearer to the open comes first, and reactions take part in the rest of the path. Exact order needs
finer data: replace the bars that it covers.
"""

from enum import StrEnum

from absolute.kernels.feed import Row


class Intrabar(StrEnum):
    """Which extreme comes first."""

    PESSIMISTIC = "pessimistic"
    OPEN_NEAREST = "nearest"


def low_first(row: Row, policy: Intrabar, *, short: bool) -> bool:
    """Whether the path of this bar goes down before it goes up."""
    if policy is Intrabar.PESSIMISTIC:
        return not short
    return row.open - row.low <= row.high - row.open
