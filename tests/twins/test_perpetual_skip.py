"""Walking every bar of a perpetual and skipping to those that matter give the same log."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from absolute.domain.instrument import Kind
from absolute.domain.ledger import MarginMode
from absolute.domain.messages import Liquidated, OrderFilled
from absolute.matching.fills import FillModel, FillRule
from absolute.matching.path import Intrabar
from absolute.store.journal import log_sha256
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig

from tests.perpetual_market import Case, play, restless

D: Any = Decimal


def case_of(seed: int) -> Case:
    """Every second, third, ... case is another kind, so that few seeds meet many pairs."""
    return Case(
        seed,
        kind=Kind.LINEAR if seed % 2 else Kind.INVERSE,
        margin=MarginMode.CROSS if seed % 3 else MarginMode.ISOLATED,
        leverage=D([3, 20, 40][seed % 5 % 3]),
        marked=seed % 4 in {1, 2},
        intrabar=Intrabar.OPEN_NEAREST if seed % 7 == 2 else Intrabar.PESSIMISTIC,
        delay_ms=90_000 if seed % 11 == 8 else 0,
        fills=FillModel(FillRule.VOLUME if seed % 5 == 3 else FillRule.TOUCH),
        liquidation_fee=D("0.0125") if seed % 2 else D("0.0002"),
    )


def same(case: Case, strategy) -> Counter:
    """Play twice; what happened, counted by kind."""
    fast = play(case, strategy())
    slow = play(case, strategy(), skip=False)
    for quick, plain in zip(fast.events, slow.events, strict=False):
        assert quick == plain
    assert log_sha256(fast.journal.entries) == log_sha256(slow.journal.entries)
    assert slow.walked == case.bars
    return Counter(type(event) for event in fast.events)


@pytest.mark.parametrize("seed", range(30))
def test_skipping_changes_nothing_for_long_short_and_hedged_positions(seed):
    told = same(case_of(seed), lambda: restless(seed))
    assert told[OrderFilled]


@pytest.mark.parametrize("seed", range(12))
def test_skipping_changes_nothing_for_the_ladder(seed):
    case = replace(case_of(seed), leverage=D(40), bars=2_500)
    config = LadderConfig(
        qty_inicial=D(40_000),
        qty_minima=D(10_000),
        qty_maxima=D(900_000),
        multiplicador_qty=D("1.6"),
        lucro_alvo_inicial=D("0.01"),
        lucro_alvo_minimo=D("0.005"),
        recompra_queda_inicial=D("0.004"),
        recompra_queda_minimo=D("0.003"),
        saldo_limite=D(0),
    )
    told = same(case, lambda: Ladder(config))
    assert told[OrderFilled]


def test_the_cases_meet_liquidations_in_every_mode():
    met: Counter[Any] = Counter()
    for seed in range(30):
        case = case_of(seed)
        met[case.kind, case.margin] += play(case, restless(seed)).count(Liquidated)
    assert all(met[kind, mode] for kind in (Kind.LINEAR, Kind.INVERSE) for mode in MarginMode), met
