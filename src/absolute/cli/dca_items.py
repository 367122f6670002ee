"""Owns the questions of the ladder menu: their order, their meaning and how an answer is read.

An answer is read in the notation of the language spoken, checked by itself and against the
answers before it. It must not know how a question is put on a screen or what comes after.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from absolute.desk.amounts import echo_amount, echo_ratio, parse_amount, parse_factor, parse_ratio
from absolute.desk.language import _, mark
from absolute.domain.units import Ratio, plain
from absolute.strategies.ladder_plan import SEED_DEFAULTS, LadderRefused, ladder_config
from absolute.strategies.ladder_reading import Setting, read_setting
from absolute.strategies.ladder_settings import RULES, Unit


class Item(NamedTuple):
    """One question: its number in the seed, the setting it fills, and what that does."""

    number: str
    name: str
    meaning: str


ITEMS: Final = (
    Item("1", "qty_inicial", mark("What the first order of a deal spends, at market.")),
    Item(
        "1.1",
        "multiplicador_qty",
        mark("Each rebuy spends the order before it times this; 1 keeps the size."),
    ),
    Item("1.1a", "qty_minima", mark("No order becomes smaller than this.")),
    Item("1.1b", "qty_maxima", mark("No order becomes larger than this.")),
    Item(
        "2",
        "lucro_alvo_inicial",
        mark("How far above the average price the exit waits before any rebuy has filled."),
    ),
    Item(
        "2.1",
        "multiplicador_lucro",
        mark("After each rebuy the target is the one before it times this; 1 keeps it."),
    ),
    Item("2.1a", "lucro_alvo_minimo", mark("The target never falls below this.")),
    Item("2.1b", "lucro_alvo_maximo", mark("The target never rises above this.")),
    Item(
        "3",
        "recompra_queda_inicial",
        mark("How far below the last buy the first rebuy waits."),
    ),
    Item(
        "3.1",
        "multiplicador_recompra",
        mark("Each further rebuy waits for the drop before it times this; 1 keeps it."),
    ),
    Item("3.1a", "recompra_queda_minimo", mark("Two buys are never closer together than this.")),
    Item("3.1b", "recompra_queda_maximo", mark("Two buys are never further apart than this.")),
    Item("3.1c", "limite_recompras", mark("How many rebuys may follow the first order.")),
    Item("4", "taxa", mark("What the exchange keeps of every buy and of every sell.")),
    Item(
        "5",
        "saldo_limite",
        mark("The most one deal may hold in the market; 0 lets it use the whole balance."),
    ),
    Item(
        "6",
        "lucro_reaplicar",
        mark("With s the last deal's profit is shared out over the orders of the next deal."),
    ),
)

# A default that earlier answers have made illegal gives way to the nearest legal value.
_AT_LEAST: Final = {
    "qty_maxima": "qty_inicial",
    "lucro_alvo_maximo": "lucro_alvo_inicial",
    "recompra_queda_maximo": "recompra_queda_inicial",
    "saldo_limite": "qty_inicial",
}
_AT_MOST: Final = {
    "qty_minima": "qty_inicial",
    "lucro_alvo_minimo": "lucro_alvo_inicial",
    "recompra_queda_minimo": "recompra_queda_inicial",
}


def proposal(name: str, answers: Mapping[str, Setting]) -> Setting:
    """What Enter would take: the earlier answer or the seed's default, made legal."""
    value: Setting = answers.get(name, getattr(SEED_DEFAULTS, name))
    floor, ceiling = answers.get(_AT_LEAST.get(name, "")), answers.get(_AT_MOST.get(name, ""))
    if isinstance(value, Decimal) and isinstance(floor, Decimal) and value:
        return max(value, floor)
    if isinstance(value, Decimal) and isinstance(ceiling, Decimal):
        return min(value, ceiling)
    return value


def read_answer(name: str, text: str, language: str) -> Setting:
    """The value a person typed; raises UserError for what cannot be one of this setting."""
    match RULES[name].unit:
        case Unit.AMOUNT:
            return read_setting(name, parse_amount(text, language))
        case Unit.RATIO:
            return read_setting(name, parse_ratio(text, language))
        case Unit.FACTOR | Unit.COUNT | Unit.SECONDS:
            return read_setting(name, parse_factor(text, language))
        case Unit.FLAG | Unit.CHOICE:
            return read_setting(name, text)


def check_answers(answers: Mapping[str, Setting]) -> None:
    """Refuse what is wrong with the answers given so far, taken together.

    Problems that a question still to come can mend are left to it. Raises LadderRefused.
    """
    unasked = {item.name for item in ITEMS} - set(answers)
    try:
        ladder_config(answers)
    except LadderRefused as refusal:
        here = tuple(
            problem
            for problem in refusal.problems
            if unasked.isdisjoint({problem.field, *problem.about})
        )
        if here:
            raise LadderRefused(here, _) from None


def typed(value: Setting, language: str) -> str:
    """A value as a person would type it."""
    if isinstance(value, bool):
        return "s" if value else "n"
    if isinstance(value, Decimal):
        return plain(value) if language == "en" else plain(value).replace(".", ",")
    return str(value)


def echo(name: str, value: Setting, language: str) -> str:
    """A value as it was understood; a ratio in both forms."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Decimal):
        if RULES[name].unit is Unit.RATIO:
            return echo_ratio(Ratio(value), language)
        return echo_amount(value, language)
    return str(value)


def explanation(item: Item, language: str) -> str:
    """What the setting does, how it is written, and the seed's default."""
    default = getattr(SEED_DEFAULTS, item.name)
    if RULES[item.name].unit is Unit.RATIO:
        text = _("{meaning} Write a ratio or a percent: {ratio} or {percent}%. Default: {default}.")
        percent = Decimal(default) * 100
        return text.format(
            meaning=_(item.meaning),
            ratio=typed(default, language),
            percent=typed(percent, language),
            default=echo(item.name, default, language),
        )
    text = _("{meaning} Default: {default}.")
    return text.format(meaning=_(item.meaning), default=echo(item.name, default, language))
