"""Owns one back-test of the PowerTrader strategy, from its settings to its result."""

from absolute.desk.backtest import result_of, run
from absolute.desk.market_data import Found
from absolute.desk.setup import Assumptions
from absolute.domain.errors import UserError
from absolute.engine.votes import Votes
from absolute.research.result import BacktestResult
from absolute.strategies.levels import Levels
from absolute.strategies.levels_settings import LevelsConfig, levels_mapping


def backtest_levels(
    found: Found, config: LevelsConfig, votes: Votes, *, assumed: Assumptions, skip: bool = True
) -> BacktestResult:
    """Back-test the strategy that trades live; raises UserError LEVELS_SPOT_ONLY."""
    if found.instrument.perpetual:
        message = f"{found.instrument.id} is a perpetual; this strategy trades spot only."
        raise UserError("LEVELS_SPOT_ONLY", message)
    finished = run(found, Levels(config), assumed=assumed, skip=skip, agenda=votes)
    parameters = {name: str(value) for name, value in levels_mapping(config).items()}
    return result_of(finished, found, assumed=assumed, parameters=parameters)
