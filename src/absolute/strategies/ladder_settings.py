"""Owns what a person may ask of a ladder: the names of seed 002, their defaults and their limits.

Every limit is looked up in one table and all problems are told at once, each with its field, its
value and what to do. Knows nothing of files, languages, prices or orders: a sentence stays an
English template with named places until somebody translates it.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from absolute.domain.errors import UserError
from absolute.domain.units import HUNDRED, LEDGER_UNIT, ONE, ZERO, Quote, Ratio, plain
from absolute.strategies.ladder_curve import Band, curve

Translate = Callable[[str], str]
OnExitPartial = Literal["cancel", "keep"]
OnExitRace = Literal["new_deal", "sell"]

MONEY_GRAIN: Final = LEDGER_UNIT
RATIO_GRAIN: Final = Decimal("1e-12")
LIMIT_MAX: Final = 1000
DEEPEST_SHARE: Final = Decimal("1e-8")
"""Below this share of the first price a rung has no price left to trade at."""

_AMOUNT_MAX: Final = Decimal(10**12)
_FACTOR_MAX: Final = Decimal(1000)
_CURVE_MAX: Final = Decimal(10)
_YEAR_S: Final = Decimal(31_536_000)
_VALUE_CHARS: Final = 40


def _(text: str) -> str:
    """Mark a sentence for the catalogue; who shows it translates it."""
    return text


class TargetMode(StrEnum):
    """Whether a profit target counts before (gross, as the seed) or after all fees (net)."""

    GROSS = "gross"
    NET = "net"


class Shape(StrEnum):
    """How a series runs from rung to rung: by its multiplier, or along a power curve."""

    GEOMETRIC = "geometric"
    POWER = "power"


class Unit(StrEnum):
    """What a setting counts in."""

    AMOUNT = "amount"
    RATIO = "ratio"
    FACTOR = "factor"
    COUNT = "count"
    SECONDS = "seconds"
    FLAG = "flag"
    CHOICE = "choice"


class Rule(NamedTuple):
    """The unit and the legal values of one setting; `low_open` excludes `low` itself."""

    unit: Unit
    low: Decimal = ZERO
    high: Decimal = ZERO
    low_open: bool = False
    optional: bool = False
    choices: tuple[str, ...] = ()


_SIZE: Final = Rule(Unit.AMOUNT, ZERO, _AMOUNT_MAX, low_open=True)
_FACTOR: Final = Rule(Unit.FACTOR, ZERO, _FACTOR_MAX, low_open=True)
_TARGET: Final = Rule(Unit.RATIO, ZERO, ONE)
_DROP: Final = Rule(Unit.RATIO, ZERO, ONE, low_open=True)
_FLAG: Final = Rule(Unit.FLAG)

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "qty_inicial": _SIZE,
        "multiplicador_qty": _FACTOR,
        "qty_minima": _SIZE,
        "qty_maxima": _SIZE,
        "lucro_alvo_inicial": _TARGET,
        "multiplicador_lucro": _FACTOR,
        "lucro_alvo_minimo": _TARGET,
        "lucro_alvo_maximo": _TARGET,
        "recompra_queda_inicial": _DROP,
        "multiplicador_recompra": _FACTOR,
        "recompra_queda_minimo": _DROP,
        "recompra_queda_maximo": _DROP,
        "limite_recompras": Rule(Unit.COUNT, ZERO, Decimal(LIMIT_MAX)),
        "taxa": Rule(Unit.RATIO, ZERO, Decimal("0.05")),
        "saldo_limite": Rule(Unit.AMOUNT, ZERO, _AMOUNT_MAX),
        "lucro_reaplicar": _FLAG,
        "target_mode": Rule(Unit.CHOICE, choices=tuple(TargetMode)),
        "shape": Rule(Unit.CHOICE, choices=tuple(Shape)),
        "curvatura": Rule(Unit.FACTOR, ZERO, _CURVE_MAX, low_open=True),
        "resting_rebuys": Rule(Unit.COUNT, ONE, Decimal(LIMIT_MAX)),
        "reprice_on_partial": _FLAG,
        "rung_timeout_s": Rule(Unit.SECONDS, ONE, _YEAR_S, optional=True),
        "on_exit_partial": Rule(Unit.CHOICE, choices=("cancel", "keep")),
        "on_exit_race": Rule(Unit.CHOICE, choices=("new_deal", "sell")),
        "cool_down_s": Rule(Unit.SECONDS, ZERO, _YEAR_S),
    }
)
"""Every setting by its name, in the order of the seed's menu, ours last."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one setting; `about` names the other settings it depends on.

    `sentence` says what is wrong and `remedy` what to do, both as English templates whose named
    places are filled from `words`.
    """

    code: str
    field: str
    value: str
    sentence: str
    remedy: str
    about: tuple[str, ...] = ()
    words: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def text(self, translate: Translate = str) -> str:
        """The whole sentence: field, value (where there is one), what is wrong, what to do."""
        sentence = translate(self.sentence).format(**self.words)
        remedy = translate(self.remedy).format(**self.words)
        valued = _("{field} = {value}: {sentence}; {remedy}.")
        whole = translate(valued if self.value else _("{field}: {sentence}; {remedy}."))
        return whole.format(field=self.field, value=self.value, sentence=sentence, remedy=remedy)


class LadderRefused(UserError):
    """Settings that make no ladder; `problems` holds every one of them.

    The code is the problem's own when there is one, and LADDER_INVALID when there are several.
    """

    def __init__(self, problems: tuple[Problem, ...], translate: Translate = str) -> None:
        code = problems[0].code if len(problems) == 1 else "LADDER_INVALID"
        super().__init__(code, "\n".join(problem.text(translate) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class LadderConfig:
    """The settings of one ladder under the seed's names; amounts are quote, percents are ratios.

    Building one checks nothing, so that a half-filled menu can hold one; `validate` does.
    """

    qty_inicial: Quote = Quote(Decimal(300))
    multiplicador_qty: Decimal = Decimal("1.02")
    qty_minima: Quote = Quote(Decimal(50))
    qty_maxima: Quote = Quote(Decimal(600))
    lucro_alvo_inicial: Ratio = Ratio(Decimal("0.035"))
    multiplicador_lucro: Decimal = Decimal("0.95")
    lucro_alvo_minimo: Ratio = Ratio(Decimal("0.005"))
    lucro_alvo_maximo: Ratio = Ratio(Decimal("0.05"))
    recompra_queda_inicial: Ratio = Ratio(Decimal("0.01"))
    multiplicador_recompra: Decimal = Decimal(1)
    recompra_queda_minimo: Ratio = Ratio(Decimal("0.005"))
    recompra_queda_maximo: Ratio = Ratio(Decimal("0.03"))
    limite_recompras: int = 20
    taxa: Ratio = Ratio(Decimal("0.001"))
    saldo_limite: Quote = Quote(Decimal(5000))
    lucro_reaplicar: bool = True
    target_mode: TargetMode = TargetMode.GROSS
    shape: Shape = Shape.GEOMETRIC
    curvatura: Decimal = Decimal(1)
    resting_rebuys: int = 1
    reprice_on_partial: bool = True
    rung_timeout_s: int | None = None
    on_exit_partial: OnExitPartial = "cancel"
    on_exit_race: OnExitRace = "new_deal"
    cool_down_s: int = 0

    def validate(self) -> tuple[Problem, ...]:
        """Every problem of these settings, in menu order; empty when the ladder may run."""
        own = tuple(_own_problems(self))
        wrong = frozenset(problem.field for problem in own)
        return (*own, *_joint_problems(self, wrong))

    @property
    def exponent(self) -> Decimal | None:
        """The exponent of the power curve, None for the geometric shape."""
        return self.curvatura if self.shape is Shape.POWER else None

    def size_band(self) -> Band:
        """The series of order sizes, in quote."""
        return Band(
            self.qty_inicial, self.multiplicador_qty, self.qty_minima, self.qty_maxima, MONEY_GRAIN
        )

    def target_band(self) -> Band:
        """The series of profit targets."""
        return Band(
            self.lucro_alvo_inicial,
            self.multiplicador_lucro,
            self.lucro_alvo_minimo,
            self.lucro_alvo_maximo,
            RATIO_GRAIN,
        )

    def drop_band(self) -> Band:
        """The series of drops from one buy to the next; the first belongs to the first rebuy."""
        return Band(
            self.recompra_queda_inicial,
            self.multiplicador_recompra,
            self.recompra_queda_minimo,
            self.recompra_queda_maximo,
            RATIO_GRAIN,
        )


SEED_DEFAULTS: Final = LadderConfig()
"""Seed 002 as printed."""


def shown(value: object) -> str:
    """A value as an error quotes it: plain digits, never longer than a line."""
    if isinstance(value, Decimal) and abs(value.adjusted()) < _VALUE_CHARS:
        value = plain(value)
    text = str(value)
    return text if len(text) <= _VALUE_CHARS else f"{text[:_VALUE_CHARS]}…"


def _own_problems(config: LadderConfig) -> Iterator[Problem]:
    """What each number gets wrong by itself."""
    for name, rule in RULES.items():
        value = getattr(config, name)
        if rule.unit in (Unit.FLAG, Unit.CHOICE) or (value is None and rule.optional):
            continue
        problem = own_problem(name, Decimal(value))
        if problem is not None:
            yield problem


def own_problem(name: str, value: Decimal) -> Problem | None:
    """What is wrong with one number whatever the other settings say, or None."""
    rule = RULES[name]
    if not value.is_finite():
        return Problem("LADDER_NOT_A_NUMBER", name, shown(value), *_NOT_FINITE)
    if value < ZERO:
        return _problem("LADDER_NEGATIVE", name, value, _NEGATIVE)
    if rule.unit is Unit.RATIO and ONE <= value < HUNDRED:
        return _problem("LADDER_LOOKS_LIKE_PERCENT", name, value, _PERCENT)
    if value > rule.high or value < rule.low or (rule.low_open and value == rule.low):
        return _problem("LADDER_RANGE", name, value, _ABOVE_LOW if rule.low_open else _RANGE)
    if value != value.quantize(_grain(rule)):
        return _problem("LADDER_TOO_PRECISE", name, value, _PRECISE)
    return None


_NOT_FINITE: Final = (_("it is not a number"), _("write digits, such as 300 or 0.035"))
_NEGATIVE: Final = (_("it is negative"), _("write a number that is not below zero"))
_PERCENT: Final = (
    _("it is a ratio and would mean {percent} %"),
    _("write {ratio}, or {value}% for {value} percent"),
)
_RANGE: Final = (_("it must lie between {low} and {high}"), _("write a number in that range"))
_ABOVE_LOW: Final = (
    _("it must be above {low} and at most {high}"),
    _("write a number in that range"),
)
_PRECISE: Final = (_("it is finer than {grain}"), _("round it"))


def _problem(code: str, name: str, value: Decimal, texts: tuple[str, str]) -> Problem:
    """One problem of a number by itself, with every word its templates can ask for."""
    rule = RULES[name]
    words = {
        "value": shown(value),
        "ratio": shown(value / HUNDRED),
        "percent": shown(value * HUNDRED),
        "low": plain(rule.low),
        "high": plain(rule.high),
        "grain": plain(_grain(rule)),
    }
    return Problem(code, name, shown(value), *texts, words=words)


def _grain(rule: Rule) -> Decimal:
    """The finest step a number of this unit is kept in."""
    return MONEY_GRAIN if rule.unit is Unit.AMOUNT else RATIO_GRAIN


_BANDS: Final = (
    ("qty_inicial", "qty_minima", "qty_maxima"),
    ("lucro_alvo_inicial", "lucro_alvo_minimo", "lucro_alvo_maximo"),
    ("recompra_queda_inicial", "recompra_queda_minimo", "recompra_queda_maximo"),
)
_DEPTH: Final = (
    "recompra_queda_inicial",
    "multiplicador_recompra",
    "recompra_queda_minimo",
    "recompra_queda_maximo",
    "curvatura",
)


def _joint_problems(config: LadderConfig, wrong: frozenset[str]) -> Iterator[Problem]:
    """What settings get wrong together; those that are wrong alone are left out."""
    for band in _BANDS:
        if wrong.isdisjoint(band):
            yield from _clamp_problems(config, band)
    if wrong.isdisjoint({"saldo_limite", "qty_inicial"}) and (
        ZERO < config.saldo_limite < config.qty_inicial
    ):
        yield _pair("LADDER_CAP", config, ("saldo_limite", "qty_inicial"), _CAP)
    if wrong.isdisjoint({"limite_recompras", *_DEPTH}) and _last_share(config) < DEEPEST_SHARE:
        yield Problem(
            "LADDER_PRICE_ZERO",
            "limite_recompras",
            str(config.limite_recompras),
            *_PRICE_ZERO,
            about=_DEPTH,
        )


def _clamp_problems(config: LadderConfig, band: tuple[str, str, str]) -> Iterator[Problem]:
    """The first value against its two clamps, and the clamps against each other."""
    first, low, high = band
    if getattr(config, low) > getattr(config, high):
        yield _pair("LADDER_MIN_ABOVE_MAX", config, (low, high), _ABOVE_MAX)
    elif getattr(config, first) > getattr(config, high):
        yield _pair("LADDER_ABOVE_CLAMP", config, (first, high), _ABOVE_CLAMP)
    elif getattr(config, first) < getattr(config, low):
        yield _pair("LADDER_BELOW_CLAMP", config, (first, low), _BELOW_CLAMP)


_ABOVE_MAX: Final = (_("it is above {other} = {limit}"), _("lower it or raise {other}"))
_ABOVE_CLAMP: Final = (_("it is above its clamp {other} = {limit}"), _("lower it or raise {other}"))
_BELOW_CLAMP: Final = (_("it is below its clamp {other} = {limit}"), _("raise it or lower {other}"))
_CAP: Final = (
    _("the cap is below the first order, {other} = {limit}"),
    _("raise the cap, lower the first order, or write 0 for no cap"),
)
_PRICE_ZERO: Final = (
    _("with these drops the price of the last rung reaches zero"),
    _("ask for fewer rebuys or smaller drops"),
)


def _pair(
    code: str, config: LadderConfig, names: tuple[str, str], texts: tuple[str, str]
) -> Problem:
    """A problem of the first named setting that depends on the second."""
    name, other = names
    words = {"other": other, "limit": shown(getattr(config, other))}
    return Problem(code, name, shown(getattr(config, name)), *texts, about=(other,), words=words)


def _last_share(config: LadderConfig) -> Decimal:
    """The last rung's price as a share of the first."""
    share = ONE
    for drop in curve(config.drop_band(), config.limite_recompras, config.exponent):
        share *= ONE - drop
    return share
