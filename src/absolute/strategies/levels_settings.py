"""Owns what a person may ask of the PowerTrader strategy: names, defaults, limits, the reading.

Every percent is typed: 0.005 is 0.005 %, never a ratio. Zero is a legal value wherever a number is
asked for, and all mistakes are told at once. Knows nothing of files, prices or orders.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

from absolute.domain.errors import UserError
from absolute.domain.units import HUNDRED, ONE, ZERO, Percent, Quote, Ratio, plain
from absolute.strategies.ladder_settings import Problem, Translate, shown

FRAMES: Final = 7
"""How many time frames vote; a level is how many of them agree."""
UNCONFIRMED_MAX: Final = Percent(ONE)
"""A larger share for the first buy needs the worst case confirmed."""

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
_COIN: Final = re.compile(r"[A-Z0-9]{2,15}")
_LEVELS_MAX: Final = 50
_COUNT_MAX: Final = 1000
_YES: Final = frozenset({"s", "sim", "y", "yes", "true"})
_NO: Final = frozenset({"n", "nao", "não", "no", "false"})


def _(text: str) -> str:
    """Mark a sentence for the catalogue; who shows it translates it."""
    return text


@dataclass(frozen=True, slots=True)
class LevelsConfig:
    """The settings under PowerTrader's names; ours (`min_order_quote` on) come last.

    `dca_levels` are profits against the average, so they are negative; the last one repeats.
    `trailing_step_pct` is how far the peak must rise to be written down: 0 is every tick.
    Building one checks nothing; `validate` does.
    """

    coins: tuple[str, ...] = ("BTC", "ETH")
    trade_start_level: int = 3
    start_allocation_pct: Percent = Percent(Decimal("0.005"))
    dca_levels: tuple[Percent, ...] = tuple(
        Percent(Decimal(text)) for text in ("-2.5", "-5", "-10", "-20", "-30", "-40", "-50")
    )
    dca_multiplier: Decimal = Decimal(2)
    max_dca_buys_per_24h: int = 2
    pm_start_pct_no_dca: Percent = Percent(Decimal(5))
    pm_start_pct_with_dca: Percent = Percent(Decimal("2.5"))
    trailing_gap_pct: Percent = Percent(Decimal("0.5"))
    min_order_quote: Quote = Quote(Decimal("0.50"))
    trailing_step_pct: Percent = Percent(Decimal("0.01"))
    worst_case_confirmed: bool = False

    @property
    def stages(self) -> int:
        """How many rebuys the votes alone may allow: those whose level is at most `FRAMES`."""
        return FRAMES - self.trade_start_level

    def stage_level(self, rebuy: int) -> int | None:
        """The long level that allows this rebuy below the average, or None: its price must."""
        return self.trade_start_level + rebuy if rebuy <= self.stages else None

    def drop(self, rebuy: int) -> Ratio | None:
        """How far below the average this rebuy waits; None where no level is set at all."""
        if not self.dca_levels:
            return None
        place = min(rebuy, len(self.dca_levels)) - 1
        return Ratio(-self.dca_levels[place] / HUNDRED)

    def validate(self) -> tuple[Problem, ...]:
        """Every problem of these settings, in order; empty when the strategy may run."""
        own = tuple(_own_problems(self))
        if own or self.start_allocation_pct <= UNCONFIRMED_MAX or self.worst_case_confirmed:
            return own
        return (_unconfirmed(self),)


DEFAULTS: Final = LevelsConfig()

Limits = tuple[Decimal, Decimal]
_LIMITS: Final[Mapping[str, Limits]] = MappingProxyType(
    {
        "trade_start_level": (ONE, Decimal(FRAMES)),
        "start_allocation_pct": (ZERO, HUNDRED),
        "dca_multiplier": (ZERO, Decimal(_COUNT_MAX)),
        "max_dca_buys_per_24h": (ZERO, Decimal(_COUNT_MAX)),
        "pm_start_pct_no_dca": (ZERO, Decimal(_COUNT_MAX)),
        "pm_start_pct_with_dca": (ZERO, Decimal(_COUNT_MAX)),
        "trailing_gap_pct": (ZERO, Decimal(99)),
        "min_order_quote": (ZERO, Decimal(10**12)),
        "trailing_step_pct": (ZERO, HUNDRED),
    }
)
_WHOLE: Final = frozenset({"trade_start_level", "max_dca_buys_per_24h"})
NAMES: Final = tuple(each.name for each in fields(LevelsConfig))


class LevelsRefused(UserError):
    """Settings the strategy cannot run with; `problems` holds every one of them.

    The code is the problem's own when there is one, and LEVELS_INVALID when there are several.
    """

    def __init__(self, problems: tuple[Problem, ...], translate: Translate = str) -> None:
        code = problems[0].code if len(problems) == 1 else "LEVELS_INVALID"
        super().__init__(code, "\n".join(problem.text(translate) for problem in problems))
        self.problems = problems


def _own_problems(config: LevelsConfig) -> Iterator[Problem]:
    """What is wrong with each setting by itself."""
    yield from _coin_problems(config.coins)
    for name, (low, high) in _LIMITS.items():
        value = Decimal(getattr(config, name))
        if not value.is_finite() or not low <= value <= high:
            words = {"low": plain(low), "high": plain(high)}
            yield Problem("LEVELS_RANGE", name, shown(value), *_RANGE, words=words)
    if len(config.dca_levels) > _LEVELS_MAX:
        words = {"limit": str(_LEVELS_MAX)}
        yield Problem("LEVELS_RANGE", "dca_levels", "", *_TOO_MANY, words=words)
    for level in config.dca_levels:
        if not level.is_finite() or not -HUNDRED < level <= ZERO:
            yield Problem("LEVELS_RANGE", "dca_levels", shown(level), *_LEVEL)


def _coin_problems(coins: tuple[str, ...]) -> Iterator[Problem]:
    if not coins:
        yield Problem("LEVELS_COINS", "coins", "", *_NO_COIN)
    for coin in coins:
        if not _COIN.fullmatch(coin):
            yield Problem("LEVELS_COINS", "coins", shown(coin), *_COIN_NAME)
    for coin in sorted({coin for coin in coins if coins.count(coin) > 1}):
        yield Problem("LEVELS_COINS", "coins", shown(coin), *_COIN_TWICE)


def _unconfirmed(config: LevelsConfig) -> Problem:
    words = {"limit": plain(UNCONFIRMED_MAX)}
    return Problem(
        "LEVELS_WORST_CASE_UNCONFIRMED",
        "start_allocation_pct",
        shown(config.start_allocation_pct),
        *_UNCONFIRMED,
        words=words,
    )


_RANGE: Final = (_("it must lie between {low} and {high}"), _("write a number in that range"))
_TOO_MANY: Final = (_("more than {limit} levels"), _("write fewer; the last one repeats"))
_LEVEL: Final = (
    _("a level is a profit against the average, above -100 and at most 0"),
    _("write it like -2.5 for 2.5 % below the average"),
)
_NO_COIN: Final = (_("no coin is named"), _("name at least one, such as BTC"))
_COIN_NAME: Final = (_("this is no coin"), _("write its short name in capitals, such as BTC"))
_COIN_TWICE: Final = (_("it is named twice"), _("keep one of the two"))
_UNCONFIRMED: Final = (
    _("a first buy above {limit} % of the account runs out of money early"),
    _(
        "read the table of `absolute powertrader preflight`, then confirm it "
        "(--confirm-worst-case, or worst_case_confirmed = true), or lower it"
    ),
)

# --- reading -----------------------------------------------------------------------------------


def levels_config(
    mapping: Mapping[str, object], base: LevelsConfig = DEFAULTS, *, preview: bool = False
) -> LevelsConfig:
    """The settings a mapping asks for, everything it leaves out as in `base`.

    Percents may carry their sign ("5%"), lists may be text with commas. `preview` lets an
    unconfirmed worst case through: only for showing it. Raises LevelsRefused with every problem.
    """
    values: dict[str, Any] = {}
    unread: list[Problem] = []
    for name, raw in mapping.items():
        try:
            values[_known(str(name))] = _read(str(name), raw)
        except LevelsRefused as refusal:
            unread.extend(refusal.problems)
    config = replace(base, **values)
    broken = {problem.field for problem in unread}
    joint = tuple(each for each in config.validate() if each.field not in broken)
    if preview:
        joint = tuple(each for each in joint if each.code != "LEVELS_WORST_CASE_UNCONFIRMED")
    if unread or joint:
        raise LevelsRefused((*unread, *joint))
    return config


def levels_mapping(config: LevelsConfig) -> dict[str, object]:
    """The settings under their names as plain values; `levels_config` inverts it."""
    return {
        name: list(value) if isinstance(value := getattr(config, name), tuple) else value
        for name in NAMES
    }


def _known(name: str) -> str:
    if name in NAMES:
        return name
    close = get_close_matches(name, NAMES, n=1, cutoff=0.6)
    remedy = _("write {close}") if close else _("take one of: {names}")
    words = {"close": close[0] if close else "", "names": ", ".join(NAMES)}
    raise _refusal("LEVELS_UNKNOWN_FIELD", name, "", (_("no such setting"), remedy), words)


def _read(name: str, raw: object) -> object:
    """One value as the type its field holds; its limits are checked later."""
    reader = _READERS.get(name, _number)
    return reader(name, raw)


def _number(name: str, raw: object) -> Decimal:
    """A finite number; the sign of a percent only where a percent is asked for."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str | Decimal):
        raise _refusal("LEVELS_NOT_A_NUMBER", name, raw, _DIGITS)
    text = (repr(raw) if isinstance(raw, float) else str(raw)).strip()
    percent = name.endswith("_pct") or name.startswith("pm_start") or name == "dca_levels"
    digits = text.removesuffix("%").rstrip() if percent else text
    if not _NUMBER.fullmatch(digits):
        raise _refusal("LEVELS_NOT_A_NUMBER", name, raw, _DIGITS)
    return Decimal(digits)


def _whole(name: str, raw: object) -> int:
    number = _number(name, raw)
    if number != number.to_integral_value():
        raise _refusal("LEVELS_NOT_A_NUMBER", name, raw, _NO_FRACTION)
    return int(number)


def _flag(name: str, raw: object) -> bool:
    word = str(raw).strip().lower()
    if isinstance(raw, bool | str) and word in _YES | _NO:
        return word in _YES
    raise _refusal("LEVELS_NOT_YES_NO", name, raw, _YES_OR_NO)


def _levels(name: str, raw: object) -> tuple[Percent, ...]:
    return tuple(Percent(_number(name, item)) for item in _items(name, raw))


def _coins(name: str, raw: object) -> tuple[str, ...]:
    return tuple(str(item).strip().upper() for item in _items(name, raw))


def _items(name: str, raw: object) -> list[object]:
    """The items of a list, or of a text with commas; an empty text is an empty list."""
    if isinstance(raw, str):
        return [part for part in raw.split(",") if part.strip()]
    if isinstance(raw, list | tuple):
        return list(raw)
    raise _refusal("LEVELS_NOT_A_LIST", name, raw, _LIST)


_READERS: Final[Mapping[str, Callable[[str, object], object]]] = MappingProxyType(
    {
        "coins": _coins,
        "dca_levels": _levels,
        "worst_case_confirmed": _flag,
        **dict.fromkeys(_WHOLE, _whole),
    }
)
_DIGITS: Final = (_("it is not a number"), _("write digits with a decimal point, such as 2.5"))
_NO_FRACTION: Final = (_("it must be a whole number"), _("drop what stands after the point"))
_YES_OR_NO: Final = (_("it must be yes or no"), _("write yes or no"))
_LIST: Final = (_("it must be a list"), _("write the values with commas between them"))


def _refusal(
    code: str,
    name: str,
    raw: object,
    texts: tuple[str, str],
    words: Mapping[str, str] | None = None,
) -> LevelsRefused:
    return LevelsRefused((Problem(code, shown(name), shown(raw), *texts, words=words or {}),))
