"""Owns chance in the storm: one stream of draws per seed, quick to draw from, the same everywhere.

Blocks of numbers are drawn at once, since a single draw from the generator costs as much as a step
of the core. Nothing here knows what is decided by it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from absolute.desk.clock import generator

BLOCK = 512
Item = TypeVar("Item")


class Chance:
    """Draws of one seed, in order."""

    __slots__ = ("_draws", "_generator")

    def __init__(self, seed: int) -> None:
        self._generator = generator(seed)
        self._draws: list[float] = []

    def unit(self) -> float:
        """A number from 0 to below 1."""
        if not self._draws:
            self._draws = self._generator.random(BLOCK).tolist()
        return self._draws.pop()

    def flip(self, share: float) -> bool:
        """True in this share of all draws; a share of zero still draws."""
        return self.unit() < share

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.unit() * (high - low + 1))

    def pick(self, items: Sequence[Item]) -> Item:
        """One of them."""
        return items[int(self.unit() * len(items))]


@dataclass(slots=True)
class Luck:
    """Which faults strike: by their share of all messages, counted in `seen`."""

    chance: Chance
    shares: dict[str, float]
    seen: Counter[str] = field(default_factory=Counter)

    def strikes(self, fault: str) -> bool:
        """Whether a fault that is in this weather happens to this message."""
        share = self.shares.get(fault)
        if share is None or not self.chance.flip(share):
            return False
        self.seen[fault] += 1
        return True
