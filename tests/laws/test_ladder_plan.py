"""Laws every ladder keeps, whatever its settings: clamps, order, averages, cover, identity."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from absolute.domain.units import Quote
from absolute.strategies.ladder_plan import (
    LadderConfig,
    LadderRefused,
    Shape,
    TargetMode,
    budget,
    ladder_config,
    ladder_mapping,
    ladder_plan,
    ladder_table,
    preflight,
    reinvestment,
)


def decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(low), Decimal(high), places=places, allow_nan=False)


@st.composite
def bands(draw, low: str, high: str, places: int) -> tuple[Decimal, Decimal, Decimal]:
    """A first value between its clamps, as (first, minimum, maximum)."""
    lowest, first, highest = sorted(draw(decimals(low, high, places)) for _ in range(3))
    return first, lowest, highest


@st.composite
def configs(draw) -> LadderConfig:
    """Any ladder that validates."""
    sizes = draw(bands("0.00000001", "100000", 8))
    targets = draw(bands("0", "0.5", 6))
    drops = draw(bands("0.000001", "0.3", 6))
    factors = decimals("0.5", "1.5", 4)
    cap = draw(st.one_of(st.just(Decimal(0)), decimals("0", "1000000", 8)))
    return LadderConfig(
        qty_inicial=sizes[0],
        multiplicador_qty=draw(factors),
        qty_minima=sizes[1],
        qty_maxima=sizes[2],
        lucro_alvo_inicial=targets[0],
        multiplicador_lucro=draw(factors),
        lucro_alvo_minimo=targets[1],
        lucro_alvo_maximo=targets[2],
        recompra_queda_inicial=drops[0],
        multiplicador_recompra=draw(factors),
        recompra_queda_minimo=drops[1],
        recompra_queda_maximo=drops[2],
        limite_recompras=draw(st.integers(0, 40)),
        taxa=draw(decimals("0", "0.05", 5)),
        saldo_limite=max(cap, sizes[0]) if cap else cap,
        lucro_reaplicar=draw(st.booleans()),
        target_mode=draw(st.sampled_from(TargetMode)),
        shape=draw(st.sampled_from(Shape)),
        curvatura=draw(decimals("0.1", "5", 2)),
        resting_rebuys=draw(st.integers(1, 5)),
        rung_timeout_s=draw(st.none() | st.integers(1, 3600)),
    )


profits = decimals("-1000", "1000", 8).map(Quote)


@given(configs())
def test_the_drawn_ladders_are_legal(config):
    assert config.validate() == ()


@given(configs(), profits)
def test_every_value_lies_in_its_clamps(config, profit):
    plan = ladder_plan(config, reinvestment(config, profit))
    assert all(config.qty_minima <= order <= config.qty_maxima for order in plan.orders)
    low, high = config.lucro_alvo_minimo, config.lucro_alvo_maximo
    assert all(low <= target <= high for target in plan.targets)
    low, high = config.recompra_queda_minimo, config.recompra_queda_maximo
    assert all(low <= drop <= high for drop in plan.drops[1:])
    assert plan.drops[0] == 0


@given(configs())
def test_a_series_starts_where_it_is_told_and_never_turns(config):
    plan = ladder_plan(config)
    assert plan.orders[0] == config.qty_inicial
    assert plan.targets[0] == config.lucro_alvo_inicial
    for series, factor in (
        (plan.orders, config.multiplicador_qty),
        (plan.targets, config.multiplicador_lucro),
        (plan.drops[1:], config.multiplicador_recompra),
    ):
        for before, after in pairwise(series):
            assert after >= before if factor >= 1 else after <= before


@given(configs(), profits)
def test_money_in_the_market_only_grows_and_prices_only_fall(config, profit):
    rungs = ladder_table(config, ladder_plan(config, reinvestment(config, profit)))
    assert len(rungs) == config.limite_recompras + 1
    for before, after in pairwise(rungs):
        assert after.cumulative == before.cumulative + after.order > before.cumulative
        assert after.price < before.price


@given(configs())
def test_the_average_lies_between_the_prices_paid_and_the_exit_above_it(config):
    for rung in ladder_table(config, ladder_plan(config)):
        nearly = Decimal("1e-20")  # averages are quotients of 28 digits
        assert rung.price - nearly <= rung.average <= 100 + nearly
        assert rung.sell_price >= rung.average
        assert abs(rung.price * (1 + rung.bounce_needed) - rung.sell_price) < Decimal("1e-18")


@given(configs())
def test_a_net_target_is_what_remains_and_a_gross_one_is_more(config):
    net = replace(config, target_mode=TargetMode.NET)
    gross = replace(config, target_mode=TargetMode.GROSS)
    for rung in ladder_table(net, ladder_plan(net)):
        assert abs(rung.net_target - rung.target) < Decimal("1e-18")
    for rung in ladder_table(gross, ladder_plan(gross)):
        assert rung.net_target <= rung.target + Decimal("1e-18")


@given(configs(), st.none() | decimals("0", "100000", 8).map(Quote))
def test_what_fits_is_a_prefix_and_the_card_agrees_with_the_table(config, free):
    plan = ladder_plan(config)
    card = preflight(config, plan, free_balance=free)
    fits = [rung.affordable for rung in ladder_table(config, plan, free_balance=free)]
    assert fits == sorted(fits, reverse=True)
    assert sum(fits) == card.affordable_orders
    assert card.total_cost == sum(plan.orders)
    assert card.affordable_cost == sum(plan.orders[: card.affordable_orders])
    limit = budget(config, free)
    assert limit is None or card.affordable_cost <= limit
    assert (card.next_cost is None) == all(fits)
    assert card.next_cost is None or limit is None or card.next_cost > limit


@given(configs(), profits)
def test_reinvestment_hands_out_no_more_than_the_profit(config, profit):
    added = reinvestment(config, profit)
    assert 0 <= added * (config.limite_recompras + 1) <= max(profit, Decimal(0))
    plain, raised = ladder_plan(config).orders, ladder_plan(config, added).orders
    assert all(0 <= more - less <= added for less, more in zip(plain, raised, strict=True))


@given(configs())
def test_settings_survive_being_written_down_and_read(config):
    assert ladder_config(ladder_mapping(config)) == config
    assert (
        ladder_config(
            {
                name: str(value)
                for name, value in ladder_mapping(config).items()
                if value is not None
            }
        )
        == config
    )


@given(
    st.dictionaries(
        st.sampled_from([*ladder_mapping(LadderConfig()), "x"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=8)
        | st.decimals(),
    )
)
def test_whatever_is_typed_makes_a_legal_ladder_or_a_refusal_with_reasons(mapping):
    refused = None
    try:
        config = ladder_config(mapping)
    except LadderRefused as refusal:
        refused = refusal
    if refused is None:
        assert config.validate() == ()
        ladder_plan(config)
    else:
        assert refused.problems
        assert all(problem.text().endswith(".") for problem in refused.problems)
