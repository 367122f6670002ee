"""The ladder over the recorded perpetual with its real funding: skipping changes nothing."""

from decimal import Decimal

import pytest

from absolute.desk.backtest import backtest_ladder
from absolute.desk.market_data import Wanted, gather
from absolute.desk.setup import Assumptions, FeeTerms
from absolute.domain.instrument import Kind
from absolute.domain.ledger import MarginMode
from absolute.strategies.ladder_plan import ladder_config

from tests.house.tree import ROOT

DATA = ROOT.parent / "shared" / "data"
BARS = DATA / "ohlcv" / "btcusdt_binance_perp_5m.parquet"
FUNDING = DATA / "derivatives" / "btcusdt_binance_funding_8h.parquet"

pytestmark = pytest.mark.skipif(not BARS.is_file(), reason="the recorded markets are not here")


@pytest.mark.parametrize(
    ("margin", "leverage", "settings"),
    [
        (MarginMode.CROSS, 5, {}),
        (MarginMode.ISOLATED, 20, {"saldo_limite": 0, "lucro_alvo_inicial": "0.05"}),
    ],
)
def test_funding_and_liquidation_are_met_by_skipping_too(margin, leverage, settings):
    found = gather(Wanted(BARS, "2022-11-01", "2022-11-20", kind=Kind.LINEAR, funding=FUNDING))
    config = ladder_config(settings)
    assumed = Assumptions(
        fees=FeeTerms(config.taxa, config.taxa),
        capital=Decimal(2000),
        leverage=Decimal(leverage),
        margin=margin,
    )
    skipped = backtest_ladder(found, config, assumed=assumed)
    walked = backtest_ladder(found, config, assumed=assumed, skip=False)

    assert skipped.passport.event_log_sha256 == walked.passport.event_log_sha256
    assert skipped.final_equity == walked.final_equity
    # The crash of FTX: funding was paid or received at each of its times while a deal was open.
    assert skipped.funding
    assert abs(float(skipped.final_equity) - skipped.equity[-1]) < 1e-6
