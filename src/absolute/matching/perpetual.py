"""Owns what a perpetual pays between trades: the funding schedule."""

from dataclasses import dataclass

from absolute.domain.units import Ratio


@dataclass(frozen=True, slots=True)
class FundingSchedule:
    """Settlement times in ns, rising, and their rates."""

    times: tuple[int, ...]
    rates: tuple[Ratio, ...]


def check_coverage(schedule: FundingSchedule, start: int, end: int) -> None:
    """Placeholder until the perpetual venue lands."""
    raise NotImplementedError
