"""Slippage is always against the taker; the impact grows with the root of the share of volume."""

from decimal import Decimal

import pytest

from absolute.domain.instrument import Side
from absolute.domain.units import Bps
from absolute.matching.costs import FixedSlippage, ImpactSlippage, slipped


@pytest.mark.parametrize(
    ("qty", "volume", "share"),
    [
        # 100 bps = 0.01 at the whole volume; sqrt(1/100) = 0.1 of it, sqrt(25/100) = 0.5 of it
        ("1", "100", "0.001"),
        ("25", "100", "0.005"),
        ("100", "100", "0.01"),
        ("400", "100", "0.01"),  # never more than at the whole volume
        ("1", "0", "0.01"),  # a dry bar counts as full
    ],
)
def test_the_impact_follows_the_root_law(qty, volume, share):
    impact = ImpactSlippage(Bps(Decimal(100)))
    assert impact.share(Decimal(qty), Decimal(volume)) == Decimal(share)


def test_a_taker_never_gains_by_slipping():
    share = FixedSlippage(Bps(Decimal(10))).share(Decimal(1), Decimal(0))
    assert slipped(Decimal(1000), Side.BUY, share) == 1001
    assert slipped(Decimal(1000), Side.SELL, share) == 999
