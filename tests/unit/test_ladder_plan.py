"""The ladder's settings and plan where the seed is silent: refusals, curves, ticks, the card."""

import re
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path

import pytest

from absolute.domain.errors import UserError
from absolute.domain.units import Price, Quote, Ratio
from absolute.strategies.ladder_plan import (
    LadderConfig,
    LadderRefused,
    ladder_config,
    ladder_mapping,
    ladder_plan,
    ladder_table,
    preflight,
    reinvestment,
    target_price,
)
from absolute.strategies.ladder_settings import RULES

SEED = LadderConfig()


def numbers(text: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, text.split()))


def refusal(**settings: object) -> LadderRefused:
    with pytest.raises(LadderRefused) as refused:
        ladder_config(settings)
    return refused.value


# -------------------------------------------------------------------------------------- settings


def test_the_table_of_rules_names_exactly_the_settings():
    assert set(RULES) == {field.name for field in fields(LadderConfig)}


def test_the_defaults_are_in_order_and_survive_being_written_down():
    assert SEED.validate() == ()
    assert ladder_config(ladder_mapping(SEED)) == SEED


@pytest.mark.parametrize(
    ("settings", "code", "told"),
    [
        ({"qty_inicial": -1}, "LADDER_NEGATIVE", "negative"),
        ({"qty_inicial": 0}, "LADDER_RANGE", "above 0"),
        ({"qty_minima": 0}, "LADDER_RANGE", "above 0"),
        ({"multiplicador_qty": 0}, "LADDER_RANGE", "above 0"),
        ({"multiplicador_lucro": -2}, "LADDER_NEGATIVE", "negative"),
        ({"qty_minima": 400}, "LADDER_BELOW_CLAMP", "qty_minima = 400"),
        ({"qty_maxima": 200}, "LADDER_ABOVE_CLAMP", "qty_maxima = 200"),
        ({"qty_minima": 700}, "LADDER_MIN_ABOVE_MAX", "qty_maxima = 600"),
        ({"lucro_alvo_inicial": "0.06"}, "LADDER_ABOVE_CLAMP", "lucro_alvo_maximo = 0.05"),
        ({"lucro_alvo_inicial": "0.004"}, "LADDER_BELOW_CLAMP", "lucro_alvo_minimo = 0.005"),
        ({"recompra_queda_inicial": "4%"}, "LADDER_ABOVE_CLAMP", "recompra_queda_maximo = 0.03"),
        ({"lucro_alvo_inicial": 3.5}, "LADDER_LOOKS_LIKE_PERCENT", "write 0.035, or 3.5%"),
        ({"recompra_queda_maximo": 3}, "LADDER_LOOKS_LIKE_PERCENT", "write 0.03, or 3%"),
        ({"limite_recompras": -1}, "LADDER_NEGATIVE", "negative"),
        ({"limite_recompras": 1001}, "LADDER_RANGE", "between 0 and 1000"),
        ({"limite_recompras": "20.5"}, "LADDER_NOT_A_NUMBER", "whole number"),
        ({"taxa": "0.06"}, "LADDER_RANGE", "between 0 and 0.05"),
        ({"taxa": "-0.001"}, "LADDER_NEGATIVE", "negative"),
        ({"saldo_limite": 299}, "LADDER_CAP", "qty_inicial = 300"),
        ({"qty_inicial": "3.5%"}, "LADDER_NOT_A_NUMBER", "no percent sign"),
        ({"qty_inicial": "1,5"}, "LADDER_NOT_A_NUMBER", "comma"),
        ({"qty_inicial": "nan"}, "LADDER_NOT_A_NUMBER", "not a number"),
        ({"qty_inicial": float("inf")}, "LADDER_NOT_A_NUMBER", "not a number"),
        ({"qty_inicial": True}, "LADDER_NOT_A_NUMBER", "not a number"),
        ({"qty_inicial": None}, "LADDER_NOT_A_NUMBER", "not a number"),
        ({"qty_inicial": "1e20"}, "LADDER_RANGE", "at most"),
        ({"qty_inicial": "٣٠٠"}, "LADDER_NOT_A_NUMBER", "not a number"),
        ({"qty_inicial": "300.123456789"}, "LADDER_TOO_PRECISE", "0.00000001"),
        ({"lucro_reaplicar": "maybe"}, "LADDER_NOT_YES_NO", "yes or no"),
        ({"lucro_reaplicar": 1}, "LADDER_NOT_YES_NO", "yes or no"),
        ({"target_mode": "both"}, "LADDER_NOT_A_CHOICE", "gross, net"),
        ({"cool_down_s": -1}, "LADDER_NEGATIVE", "negative"),
        ({"rung_timeout_s": 0}, "LADDER_RANGE", "between 1"),
        ({"resting_rebuys": 0}, "LADDER_RANGE", "between 1"),
        ({"lucro_alvo_maxmo": "0.05"}, "LADDER_UNKNOWN_FIELD", "write lucro_alvo_maximo"),
        ({"moon": 1}, "LADDER_UNKNOWN_FIELD", "docs/ladder.md"),
        (
            {"lucro_alvo_máximo": "0.05", "lucro_alvo_maximo": "0.05"},
            "LADDER_DUPLICATE_FIELD",
            "twice",
        ),
    ],
)
def test_each_mistake_has_its_own_code_and_says_what_to_do(settings, code, told):
    refused = refusal(**settings)
    assert refused.code == code
    assert told in refused.message
    assert len(refused.problems) == 1


def test_a_drop_that_leaves_no_price_is_refused():
    # 0.5**27 = 7.5e-9 is below the hundred-millionth the deepest rung may be left with
    deep = {"recompra_queda_inicial": "0.5", "recompra_queda_maximo": "0.5"}
    assert refusal(**deep, limite_recompras=27).code == "LADDER_PRICE_ZERO"
    ladder_config({**deep, "limite_recompras": 26})
    assert refusal(recompra_queda_maximo=1).code == "LADDER_LOOKS_LIKE_PERCENT"


def test_all_problems_are_told_at_once():
    refused = refusal(
        qty_inicial=-5, lucro_alvo_inicial="6%", saldo_limite="x", moon=1, limite_recompras=5000
    )
    assert refused.code == "LADDER_INVALID"
    assert [(problem.field, problem.code) for problem in refused.problems] == [
        ("qty_inicial", "LADDER_NEGATIVE"),
        ("saldo_limite", "LADDER_NOT_A_NUMBER"),
        ("moon", "LADDER_UNKNOWN_FIELD"),
        ("limite_recompras", "LADDER_RANGE"),
        ("lucro_alvo_inicial", "LADDER_ABOVE_CLAMP"),
    ]
    assert refused.message.count("\n") == 4


def test_validate_finds_what_a_built_config_hides():
    built = replace(
        SEED, qty_inicial=Quote(Decimal("NaN")), taxa=Ratio(Decimal(-1)), resting_rebuys=0
    )
    found = [(problem.field, problem.code) for problem in built.validate()]
    assert found == [
        ("qty_inicial", "LADDER_NOT_A_NUMBER"),
        ("taxa", "LADDER_NEGATIVE"),
        ("resting_rebuys", "LADDER_RANGE"),
    ]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (0.035, "0.035"),
        ("0.035", "0.035"),
        ("3.5%", "0.035"),
        ("3.5 %", "0.035"),
        (" 0.0350 ", "0.035"),
        ("35e-3", "0.035"),
        (Decimal("0.035"), "0.035"),
    ],
)
def test_a_ratio_is_read_from_every_spelling(raw, value):
    assert ladder_config({"lucro_alvo_inicial": raw}).lucro_alvo_inicial == Decimal(value)


@pytest.mark.parametrize(
    ("raw", "value"),
    [("s", True), ("Sim", True), ("y", True), (True, True), ("n", False), ("não", False)],
)
def test_yes_and_no_are_read_in_two_languages(raw, value):
    assert ladder_config({"lucro_reaplicar": raw}).lucro_reaplicar is value


def test_names_are_read_without_accents_case_or_hyphens():
    assert ladder_config({"Recompra-Queda Máximo": "0.02"}).recompra_queda_maximo == Decimal("0.02")


def test_a_base_keeps_what_the_mapping_leaves_out():
    base = ladder_config({"qty_inicial": 100})
    assert ladder_config({"taxa": 0}, base) == replace(base, taxa=Ratio(Decimal(0)))


# ------------------------------------------------------------------------------------------ plan


def test_no_rebuys_make_a_ladder_of_one_order():
    config = ladder_config({"limite_recompras": 0})
    plan = ladder_plan(config)
    assert plan.orders == numbers("300")
    assert plan.drops == numbers("0")
    assert preflight(config, plan).sentence() == "1 order costs 300.00 USDT, it fits in 5,000"


def test_the_power_curve_heads_where_each_multiplier_points():
    plan = ladder_plan(ladder_config({"shape": "power", "limite_recompras": 4}))
    # exponent 1 is a straight line; 1.02 points to 600, 0.95 to 0.5 %, 1 stays at 1 %
    assert plan.orders == numbers("300 375 450 525 600")
    assert plan.targets == numbers("0.035 0.0275 0.02 0.0125 0.005")
    assert plan.drops == numbers("0 0.01 0.01 0.01 0.01")


def test_the_power_curve_of_the_drops_starts_at_the_first_rebuy():
    settings = {"shape": "power", "limite_recompras": 3, "multiplicador_recompra": "1.5"}
    # 0.01 + 0.02 * (k - 1) / 2 for the rebuys k = 1, 2, 3
    assert ladder_plan(ladder_config(settings)).drops == numbers("0 0.01 0.02 0.03")


def test_reinvested_profit_is_added_before_the_clamp():
    config = ladder_config({"qty_maxima": 310})
    # 300 + 5 = 305; 306 + 5 = 311 is above 310
    assert ladder_plan(config, Quote(Decimal(5))).orders[:3] == numbers("305 310 310")


def test_a_loss_is_not_reinvested():
    assert reinvestment(SEED, Quote(Decimal(-10))) == 0


def test_reinvestment_never_adds_up_to_more_than_the_profit():
    profit = Quote(Decimal("0.00000020"))
    # 20 units over 21 orders is less than one unit each
    assert reinvestment(SEED, profit) == 0


def test_a_net_target_leaves_exactly_itself_after_the_fees():
    net = ladder_config({"target_mode": "net"})
    line = ladder_table(net, ladder_plan(net))[0]
    # 100 / 0.999 * 1.035 / 0.999 = 103.70731...
    assert round(line.sell_price, 5) == Decimal("103.70731")
    assert abs(line.net_target - Decimal("0.035")) < Decimal("1e-24")


def test_a_net_target_counts_from_the_cost_basis_and_a_gross_one_from_the_average():
    average, basis = Price(Decimal(100)), Price(Decimal(110))
    net = ladder_config({"target_mode": "net", "taxa": 0})
    assert target_price(
        SEED, average, cost_basis_price=basis, target=SEED.lucro_alvo_inicial
    ) == Decimal("103.5")
    assert target_price(
        net, average, cost_basis_price=basis, target=SEED.lucro_alvo_inicial
    ) == Decimal("113.85")


def test_a_tick_rounds_buys_down_and_exits_up():
    tick = Price(Decimal("0.5"))
    lines = ladder_table(SEED, ladder_plan(SEED), tick=tick)
    # 99 * 0.99 = 98.01 -> 98; from 98 the next is 97.02 -> 97; exits 102.80 -> 103
    assert [line.price for line in lines[:4]] == [100, 99, 98, 97]
    assert [line.sell_price for line in lines[:2]] == [Decimal("103.5"), 103]


def test_a_table_without_a_price_is_refused():
    plan = ladder_plan(SEED)
    with pytest.raises(UserError) as refused:
        ladder_table(SEED, plan, first_price=Price(Decimal(0)))
    assert refused.value.code == "LADDER_PRICE"
    with pytest.raises(UserError, match="rung 1"):
        ladder_table(SEED, plan, first_price=Price(Decimal(1)), tick=Price(Decimal(1)))


def test_profit_is_what_the_exit_brings_less_what_the_deal_cost():
    # 300 buy 3 units at 100, 2.997 after the fee; at 103.5 they bring 310.1895, less 0.1 %
    # 309.8793105
    assert ladder_table(SEED, ladder_plan(SEED))[0].profit == Decimal("9.8793105")


# ------------------------------------------------------------------------------------------ card


def test_the_smaller_of_cap_and_balance_bounds_the_deal():
    plan = ladder_plan(SEED)
    card = preflight(SEED, plan, free_balance=Quote(Decimal(700)))
    assert card.limit == 700
    assert card.affordable_orders == 2
    assert preflight(SEED, plan, free_balance=Quote(Decimal(9000))).limit == 5000


@pytest.mark.parametrize(
    ("settings", "free", "told"),
    [
        ({"saldo_limite": 0}, None, "21 orders cost 7,735.00 USDT, no limit is set"),
        ({"saldo_limite": 8000}, None, "21 orders cost 7,735.00 USDT, all fit in 8,000"),
        (
            {"saldo_limite": 300},
            None,
            "21 orders cost 7,735.00 USDT, 1 order for 300.00 fits in 300",
        ),
        ({}, "99.5", "21 orders cost 7,735.00 USDT, not even the first fits in 99.50"),
    ],
)
def test_the_card_says_how_much_is_covered(settings, free, told):
    config = ladder_config(settings)
    balance = None if free is None else Quote(Decimal(free))
    assert preflight(config, ladder_plan(config), free_balance=balance).sentence() == told


# ------------------------------------------------------------------------------------------ docs


def test_the_page_names_every_setting_with_its_default_and_every_code():
    root = Path(__file__).parents[2]
    page = (root / "docs" / "ladder.md").read_text(encoding="utf-8")
    rows = {cells[2].strip(" `"): cells[3].strip() for cells in _rows(page) if len(cells) == 7}
    for name, value in ladder_mapping(SEED).items():
        words = {"True": "s", "False": "n", "None": "none"}
        assert rows[name] == words.get(str(value), str(value))
    sources = [*(root / "src").glob("absolute/strategies/ladder_*.py")]
    codes = {code for path in sources for code in re.findall(r'"(LADDER_\w+)"', path.read_text())}
    assert len(codes) > 10
    assert {code for code in codes if f"`{code}`" not in page} == set()


def _rows(page: str) -> list[list[str]]:
    return [line.split("|") for line in page.splitlines() if line.startswith("|")]
