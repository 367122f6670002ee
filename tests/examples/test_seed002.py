"""Every number and example seed 002 prints about its ladder, reckoned by the plan.

The arithmetic of each expected figure is written out beside it.
"""

from dataclasses import replace
from decimal import Decimal

import pytest

from absolute.domain.units import Price, Quote
from absolute.strategies.ladder_plan import (
    LadderConfig,
    LadderRefused,
    ladder_config,
    ladder_plan,
    ladder_table,
    preflight,
    reinvestment,
    target_price,
)

SEED = LadderConfig()


def numbers(text: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, text.split()))


def test_every_item_has_the_seeds_name_and_default():
    assert {
        "qty_inicial": SEED.qty_inicial,
        "multiplicador_qty": SEED.multiplicador_qty,
        "qty_minima": SEED.qty_minima,
        "qty_maxima": SEED.qty_maxima,
        "lucro_alvo_inicial": SEED.lucro_alvo_inicial,
        "multiplicador_lucro": SEED.multiplicador_lucro,
        "lucro_alvo_minimo": SEED.lucro_alvo_minimo,
        "lucro_alvo_maximo": SEED.lucro_alvo_maximo,
        "recompra_queda_inicial": SEED.recompra_queda_inicial,
        "multiplicador_recompra": SEED.multiplicador_recompra,
        "recompra_queda_minimo": SEED.recompra_queda_minimo,
        "recompra_queda_maximo": SEED.recompra_queda_maximo,
        "limite_recompras": SEED.limite_recompras,
        "taxa": SEED.taxa,
        "saldo_limite": SEED.saldo_limite,
        "lucro_reaplicar": SEED.lucro_reaplicar,
    } == {
        "qty_inicial": 300,
        "multiplicador_qty": Decimal("1.02"),
        "qty_minima": 50,
        "qty_maxima": 600,
        "lucro_alvo_inicial": Decimal("0.035"),
        "multiplicador_lucro": Decimal("0.95"),
        "lucro_alvo_minimo": Decimal("0.005"),
        "lucro_alvo_maximo": Decimal("0.05"),
        "recompra_queda_inicial": Decimal("0.01"),
        "multiplicador_recompra": 1,
        "recompra_queda_minimo": Decimal("0.005"),
        "recompra_queda_maximo": Decimal("0.03"),
        "limite_recompras": 20,
        "taxa": Decimal("0.001"),
        "saldo_limite": 5000,
        "lucro_reaplicar": True,
    }


def test_the_seeds_spellings_and_words_are_read_as_printed():
    read = ladder_config(
        {
            "qty_inicial": 300.0,
            "lucro_alvo_máximo": 0.05,
            "recompra_queda_máximo": 0.03,
            "lucro_reaplicar": "s",
        }
    )
    assert read == SEED


# ------------------------------------------------------------------------------- items 1 and 1.1


def test_a_multiplier_of_one_keeps_every_order_at_300():
    plan = ladder_plan(ladder_config({"multiplicador_qty": 1}))
    assert set(plan.orders) == {300}


def test_a_multiplier_of_1_03_makes_309_and_then_318_27():
    orders = ladder_plan(ladder_config({"multiplicador_qty": "1.03"})).orders
    # 300 * 1.03 = 309; 309 * 1.03 = 318.27
    assert orders[:3] == numbers("300 309 318.27")


def test_the_default_orders_begin_300_306_312_12():
    # 300 * 1.02 = 306; 306 * 1.02 = 312.12
    assert ladder_plan(SEED).orders[:3] == numbers("300 306 312.12")


def test_a_shrinking_order_stops_at_50():
    orders = ladder_plan(ladder_config({"multiplicador_qty": "0.5"})).orders
    # 300, 150, 75, then 37.5 would be below 50
    assert orders[:5] == numbers("300 150 75 50 50")


def test_a_growing_order_stops_at_600():
    orders = ladder_plan(ladder_config({"multiplicador_qty": "1.5"})).orders
    # 300, 450, then 675 would be above 600
    assert orders[:4] == numbers("300 450 600 600")


def test_the_multiplier_acts_on_the_clamped_order_before_it():
    # The seed's code clamps, then multiplies what it clamped: 1000 -> 600, 600 * 0.9 = 540,
    # 540 * 0.9 = 486. A free-running series would give 1000 -> 600, 900 -> 600, 810 -> 600.
    first_too_large = replace(
        SEED, qty_inicial=Quote(Decimal(1000)), multiplicador_qty=Decimal("0.9")
    )
    assert ladder_plan(first_too_large).orders[:3] == numbers("600 540 486")


def test_a_first_order_above_the_maximum_is_refused_before_it_is_planned():
    with pytest.raises(LadderRefused) as refused:
        ladder_config({"qty_inicial": 1000})
    assert refused.value.code == "LADDER_ABOVE_CLAMP"


# ------------------------------------------------------------------------------- items 2 to 2.1b


def test_an_average_of_100_is_sold_at_103_50():
    # 100 * (1 + 0.035) = 103.50
    price = target_price(
        SEED,
        Price(Decimal(100)),
        cost_basis_price=Price(Decimal(100)),
        target=SEED.lucro_alvo_inicial,
    )
    assert price == Decimal("103.50")


def test_the_target_after_one_rebuy_is_3_325_percent():
    # 3.5 % * 0.95 = 3.325 %
    assert ladder_plan(SEED).targets[1] == Decimal("0.03325")


def test_a_multiplier_above_one_raises_the_target_up_to_5_percent():
    targets = ladder_plan(ladder_config({"multiplicador_lucro": "1.2"})).targets
    # 3.5, 4.2, then 5.04 would be above 5
    assert targets[:4] == numbers("0.035 0.042 0.05 0.05")


def test_the_target_never_falls_below_half_a_percent():
    targets = ladder_plan(ladder_config({"multiplicador_lucro": "0.5"})).targets
    # 3.5, 1.75, 0.875, then 0.4375 would be below 0.5
    assert targets[:5] == numbers("0.035 0.0175 0.00875 0.005 0.005")


# ------------------------------------------------------------------------------- items 3 to 3.1c


def test_the_first_rebuy_after_a_buy_at_100_waits_at_99():
    # 100 * (1 - 0.01) = 99
    assert ladder_table(SEED, ladder_plan(SEED))[1].price == 99


def test_a_multiplier_of_one_keeps_the_drop_at_one_percent():
    assert set(ladder_plan(SEED).drops[1:]) == {Decimal("0.01")}


def test_a_multiplier_of_1_05_makes_1_05_and_then_1_1025_percent():
    drops = ladder_plan(ladder_config({"multiplicador_recompra": "1.05"})).drops
    # 1 * 1.05 = 1.05; 1.05 * 1.05 = 1.1025
    assert drops[1:4] == numbers("0.01 0.0105 0.011025")


def test_a_multiplier_of_0_95_shrinks_the_drop_down_to_half_a_percent():
    drops = ladder_plan(ladder_config({"multiplicador_recompra": "0.95"})).drops
    # 1 * 0.95 = 0.95; after 14 steps 0.4877 would be below 0.5
    assert drops[2] == Decimal("0.0095")
    assert drops[15:] == (Decimal("0.005"),) * 6


def test_a_growing_drop_stops_at_3_percent():
    drops = ladder_plan(ladder_config({"multiplicador_recompra": 2})).drops
    assert drops[1:5] == numbers("0.01 0.02 0.03 0.03")


def test_twenty_rebuys_make_twenty_one_orders():
    plan = ladder_plan(SEED)
    assert (len(plan.orders), len(plan.drops), len(plan.targets)) == (21, 21, 21)


# ----------------------------------------------------------------------------------- items 4 to 6


def test_the_fee_on_100_is_0_10():
    # 100 * 0.001 = 0.1, once on the buy and once on the sell: 3.5 % gross leaves
    # 1.035 * 0.999 * 0.999 - 1 = 0.032931035 and 0.5 % gross leaves 0.002991005
    gross = ladder_table(SEED, ladder_plan(SEED))[0]
    assert gross.net_target == Decimal("0.032931035")
    floor = ladder_config({"lucro_alvo_inicial": "0.005"})
    assert ladder_table(floor, ladder_plan(floor))[0].net_target == Decimal("0.002991005")


def test_the_default_ladder_costs_7735_and_14_orders_fit_in_5000():
    card = preflight(SEED, ladder_plan(SEED))
    # 300 * (1.02**21 - 1) / 0.02 = 7734.995158...; with 14 orders 4792.181445...; with 15 5188.03
    assert round(card.total_cost, 2) == Decimal("7735.00")
    assert (card.affordable_orders, round(card.affordable_cost, 2)) == (14, Decimal("4792.18"))
    assert card.next_cost is not None
    assert round(card.next_cost, 2) == Decimal("5188.03")
    assert card.sentence() == "21 orders cost 7,735.00 USDT, 14 orders for 4,792.18 fit in 5,000"


def test_a_cap_of_zero_uses_the_whole_balance():
    config = ladder_config({"saldo_limite": 0})
    plan = ladder_plan(config)
    assert all(rung.affordable for rung in ladder_table(config, plan))
    held = preflight(config, plan, free_balance=Quote(Decimal(1000)))
    # 300 + 306 + 312.12 = 918.12; the fourth order would make 1236.48
    assert (held.affordable_orders, held.affordable_cost) == (3, Decimal("918.12"))


def test_ten_of_profit_adds_0_48_to_each_order():
    # 10 / (20 + 1) = 0.476190..., rounded down to 1e-8
    added = reinvestment(SEED, Quote(Decimal(10)))
    assert added == Decimal("0.47619047")
    assert round(added, 2) == Decimal("0.48")
    # 300 + 0.47619047 and 306 + 0.47619047
    orders = ladder_plan(SEED, added).orders
    assert orders[:2] == (Decimal("300.47619047"), Decimal("306.47619047"))


def test_without_reinvestment_nothing_is_added():
    assert reinvestment(ladder_config({"lucro_reaplicar": "n"}), Quote(Decimal(10))) == 0


# ------------------------------------------------------- the seed's curve, and what follows from it


def test_the_seeds_spline_example_as_a_power_curve_from_300_to_600():
    config = ladder_config({"shape": "power", "curvatura": 2})
    orders = ladder_plan(config).orders
    # 300 + 300 * (k / 20)**2: k = 1 -> 300.75, k = 10 -> 375, k = 20 -> 600
    assert len(orders) == 21
    assert (orders[0], orders[1], orders[10], orders[20]) == numbers("300 300.75 375 600")


@pytest.mark.parametrize(
    ("rung", "price", "average", "target", "bounce"),
    [
        # 100 * 0.99**13; the target is 0.035 * 0.95**13
        (13, "87.75", "93.30", "0.01797", "0.0823"),
        (20, "81.79", "89.62", "0.012547", "0.1095"),
    ],
)
def test_the_rungs_the_notes_work_out(rung, price, average, target, bounce):
    line = ladder_table(SEED, ladder_plan(SEED))[rung]
    assert round(line.price, 2) == Decimal(price)
    assert round(line.average, 2) == Decimal(average)
    assert round(line.target, len(target) - 2) == Decimal(target)
    assert round(line.bounce_needed, 4) == Decimal(bounce)


def test_the_last_rung_lies_18_21_percent_below_the_first():
    # 1 - 0.99**20 = 0.18209...
    assert round(ladder_table(SEED, ladder_plan(SEED))[20].drop, 4) == Decimal("0.1821")
