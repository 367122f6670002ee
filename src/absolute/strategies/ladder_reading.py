"""Owns the way from loose words to ladder settings: spellings, numbers, percents, yes and no.

Reading is strict. A number is digits with a decimal point, a percent carries its sign, an unknown
name is refused with the nearest known one, and everything wrong is told in one go. Knows nothing
of files, of the language a person types numbers in, or of what a ladder does with a setting.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Final

from absolute.domain.units import HUNDRED
from absolute.strategies.ladder_settings import (
    RULES,
    SEED_DEFAULTS,
    LadderConfig,
    LadderRefused,
    Problem,
    Shape,
    TargetMode,
    Unit,
    own_problem,
    shown,
)

Setting = Decimal | int | bool | str | None

YES: Final = frozenset({"s", "sim", "y", "yes", "true"})
NO: Final = frozenset({"n", "nao", "no", "false"})

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?")
_TEXT_MAX: Final = 64


def _(text: str) -> str:
    """Mark a sentence for the catalogue; who shows it translates it."""
    return text


def ladder_config(
    mapping: Mapping[str, object], base: LadderConfig = SEED_DEFAULTS
) -> LadderConfig:
    """The settings a mapping asks for, everything it leaves out as in `base`.

    Names may carry the seed's accents; numbers may be int, str, Decimal or float (read through
    its repr), ratios also text like "3.5%". Raises LadderRefused with every problem at once.
    """
    values, unread = _read_all(mapping)
    config = replace(base, **values)
    unknown = {problem.field for problem in unread}
    joint = (p for p in config.validate() if unknown.isdisjoint({p.field, *p.about}))
    problems = (*unread, *joint)
    if problems:
        raise LadderRefused(problems)
    return config


def ladder_mapping(config: LadderConfig) -> dict[str, Setting]:
    """The settings under their names as plain values, in menu order; `ladder_config` inverts it."""
    values = {name: getattr(config, name) for name in RULES}
    return {
        name: str(value) if isinstance(value, Shape | TargetMode) else value
        for name, value in values.items()
    }


def setting_name(text: str) -> str:
    """The setting a spelling means: accents, case, blanks and hyphens do not count.

    Raises LadderRefused with the nearest known name.
    """
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", text)
        if not unicodedata.combining(letter)
    )
    name = re.sub(r"[\s-]+", "_", bare.strip().lower())
    if name in RULES:
        return name
    close = get_close_matches(name, RULES, n=1, cutoff=0.6)
    remedy = _("write {close}") if close else _("take one of the names docs/ladder.md lists")
    words = {"close": close[0]} if close else {}
    raise _refusal("LADDER_UNKNOWN_FIELD", text, "", (_("no such setting"), remedy), words)


def read_setting(name: str, raw: object) -> Setting:
    """One value of a known setting, checked by itself; raises LadderRefused with its problem."""
    rule = RULES[name]
    if raw is None and rule.optional:
        return None
    if rule.unit is Unit.FLAG:
        return _flag(name, raw)
    if rule.unit is Unit.CHOICE:
        return _choice(name, raw)
    number = _number(name, raw)
    if rule.unit in (Unit.COUNT, Unit.SECONDS):
        return _whole(name, number)
    problem = own_problem(name, number)
    if problem is not None:
        raise LadderRefused((problem,))
    return number


def _read_all(mapping: Mapping[str, object]) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Every value that can be read, and a problem for every one that cannot."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for spelling, raw in mapping.items():
        try:
            name = setting_name(str(spelling))
            if name in values:
                raise _refusal("LADDER_DUPLICATE_FIELD", name, raw, _TWICE)
            values[name] = _typed(name, read_setting(name, raw))
        except LadderRefused as refusal:
            problems.extend(refusal.problems)
    return values, tuple(problems)


def _typed(name: str, value: Setting) -> object:
    """The value as the type its field holds."""
    if name == "shape":
        return Shape(str(value))
    if name == "target_mode":
        return TargetMode(str(value))
    return value


def _number(name: str, raw: object) -> Decimal:
    """A finite number; floats through their repr, percents only where a ratio is asked."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str | Decimal):
        raise _refusal("LADDER_NOT_A_NUMBER", name, raw, _DIGITS)
    text = (repr(raw) if isinstance(raw, float) else str(raw)).strip()
    percent = text.endswith("%")
    if percent and RULES[name].unit is not Unit.RATIO:
        raise _refusal("LADDER_NOT_A_NUMBER", name, raw, _NO_PERCENT)
    digits = text.removesuffix("%").rstrip()
    if len(digits) > _TEXT_MAX or not _NUMBER.fullmatch(digits):
        raise _refusal("LADDER_NOT_A_NUMBER", name, raw, _POINT if "," in digits else _DIGITS)
    return Decimal(digits) / HUNDRED if percent else Decimal(digits)


def _whole(name: str, number: Decimal) -> int:
    """A number without a fraction, checked by itself."""
    if number != number.to_integral_value():
        raise _refusal("LADDER_NOT_A_NUMBER", name, number, _WHOLE)
    problem = own_problem(name, number)
    if problem is not None:
        raise LadderRefused((problem,))
    return int(number)


def _flag(name: str, raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = raw.strip().lower().replace("ã", "a") if isinstance(raw, str) else ""
    if word in YES:
        return True
    if word not in NO:
        raise _refusal("LADDER_NOT_YES_NO", name, raw, _YES_OR_NO)
    return False


def _choice(name: str, raw: object) -> str:
    word = raw.strip().lower() if isinstance(raw, str) else ""
    choices = RULES[name].choices
    if word not in choices:
        raise _refusal("LADDER_NOT_A_CHOICE", name, raw, _CHOOSE, {"choices": ", ".join(choices)})
    return word


_TWICE: Final = (_("it is set twice"), _("keep one of the two lines"))
_DIGITS: Final = (_("it is not a number"), _("write digits, such as 300 or 0.035"))
_POINT: Final = (_("it has a comma"), _("write a decimal point and no thousands mark"))
_NO_PERCENT: Final = (_("it is not a ratio and takes no percent sign"), _("write a plain number"))
_WHOLE: Final = (_("it must be a whole number"), _("drop what stands after the point"))
_YES_OR_NO: Final = (_("it must be yes or no"), _("write s or n"))
_CHOOSE: Final = (_("no such choice"), _("take one of: {choices}"))


def _refusal(
    code: str,
    name: str,
    raw: object,
    texts: tuple[str, str],
    words: Mapping[str, str] | None = None,
) -> LadderRefused:
    problem = Problem(code, shown(name), shown(raw), *texts, words=words or {})
    return LadderRefused((problem,))
