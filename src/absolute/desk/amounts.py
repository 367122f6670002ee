"""Owns how a number a person types is read: strict, in two notations, and echoed back.

A comma can multiply by a hundred, so nothing is guessed: `1,03` and `1.03` are the same number,
`1.234` alone could be two numbers and is asked again, marks that do not fit the language are
refused. Files, the API and `--json` never come here: they use a point. Knows nothing of what a
number will be used for.
"""

import re
from decimal import Decimal
from typing import Final

from absolute.desk.language import _
from absolute.domain.errors import UserError
from absolute.domain.units import HUNDRED, ONE, Percent, Ratio, plain, ratio_from_percent

_CHARS_MAX: Final = 40
_PLAIN: Final = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")
_LONE_GROUP: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
_GROUPED: Final = {
    "en": re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]+)?"),
    "pt-BR": re.compile(r"[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+(,[0-9]+)?"),
}
_POINT: Final = {"en": ".", "pt-BR": ","}


def parse_amount(text: str, language: str) -> Decimal:
    """The number written, in the notation of `en` or `pt-BR`.

    A single comma or point is the decimal mark unless it could be a thousands mark. Raises
    UserError AMOUNT_AMBIGUOUS for `1.234` and `1,234`, AMOUNT_INVALID for anything else.
    """
    typed = text.strip()
    if _LONE_GROUP.fullmatch(typed):
        thousands = re.sub(r"[.,]", "", typed)
        message = _("{text} could be {thousands} or {decimal}; write {thousands} or {decimal}0.")
        decimal = typed.replace(",", ".").replace(".", _POINT[language])
        raise UserError(
            "AMOUNT_AMBIGUOUS", message.format(text=typed, thousands=thousands, decimal=decimal)
        )
    if len(typed) <= _CHARS_MAX and _GROUPED[language].fullmatch(typed):
        thousands, _mark, fraction = typed.partition(_POINT[language])
        return Decimal(f"{re.sub(r'[.,]', '', thousands)}.{fraction or 0}")
    return parse_factor(typed, language)


def parse_factor(text: str, language: str) -> Decimal:
    """A number that is never in the thousands, so that its single mark is always the decimal one.

    Raises UserError AMOUNT_INVALID.
    """
    typed = text.strip()
    if len(typed) > _CHARS_MAX or not _PLAIN.fullmatch(typed):
        message = _("{text} is not a number; write it like {example}.")
        example = f"1234{_POINT[language]}50"
        raise UserError(
            "AMOUNT_INVALID", message.format(text=repr(typed[:_CHARS_MAX]), example=example)
        )
    return Decimal(typed.replace(",", "."))


def parse_plain(text: str) -> Decimal:
    """A number as files, options and programs write it: digits and at most a decimal point.

    Raises UserError AMOUNT_INVALID.
    """
    if "," in text:
        message = _("{text} has a comma; write a decimal point and no thousands mark.")
        raise UserError("AMOUNT_INVALID", message.format(text=repr(text[:_CHARS_MAX])))
    return parse_factor(text, "en")


def parse_ratio(text: str, language: str) -> Ratio:
    """A ratio, written as one (`0.035`) or as a percent with its sign (`3.5%`).

    Raises UserError RATIO_LOOKS_LIKE_PERCENT for a bare number from 1 to 100, which nobody means
    as a ratio, and AMOUNT_INVALID for anything that is not a number.
    """
    typed = text.strip()
    if typed.endswith("%"):
        return ratio_from_percent(Percent(parse_factor(typed.removesuffix("%"), language)))
    value = parse_factor(typed, language)
    if ONE <= abs(value) < HUNDRED:
        message = _("{text} is not a ratio; write {ratio}, or {text}% for {text} percent.")
        ratio = plain(value / HUNDRED).replace(".", _POINT[language])
        raise UserError("RATIO_LOOKS_LIKE_PERCENT", message.format(text=typed, ratio=ratio))
    return Ratio(value)


def echo_amount(amount: Decimal, language: str) -> str:
    """An amount as it was understood, thousands grouped, every digit kept: `7,742.73`."""
    whole, _mark, fraction = plain(amount).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    group = "." if _POINT[language] == "," else ","
    grouped = f"{int(digits):,}".replace(",", group)
    return f"{sign}{grouped}{_POINT[language]}{fraction}" if fraction else f"{sign}{grouped}"


def echo_ratio(ratio: Ratio, language: str) -> str:
    """A ratio in both forms: `0.035 -> 3.5 %`."""
    mark = _POINT[language]
    return f"{plain(ratio)} -> {plain(ratio * HUNDRED)} %".replace(".", mark)
