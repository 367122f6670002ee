"""Owns how a number, an amount or an instant reads in a person's language.

It knows nothing of results or pages. Words come from the `translate` function that is handed in
(the workshop stands below the desk, where the catalogue lives); without one they are English.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Final

from babel import Locale
from babel.dates import format_datetime
from babel.numbers import format_decimal

Translate = Callable[[str], str]
Number = Decimal | float | int

DOLLARS: Final = frozenset(
    {"USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "USDP", "DAI", "USDE", "PYUSD"}
)
"""Settlement assets held at one dollar, shown with the dollar sign in the text report."""

SECOND_NS: Final = 1_000_000_000
PLACES_MAX: Final = 8
ASTRONOMIC: Final = 10**15
"""From here on a number is written with an exponent, in any language."""


def untranslated(text: str) -> str:
    """The English source string itself."""
    return text


@dataclass(frozen=True)
class Wording:
    """Writes figures for one language (`en`, `pt-BR`) and one settlement asset."""

    language: str
    settle: str
    translate: Translate = untranslated

    @cached_property
    def locale(self) -> Locale:
        """The number and date rules of the language."""
        return Locale.parse(self.language, sep="-")

    @property
    def undefined(self) -> str:
        """What stands where a figure has no value."""
        _ = self.translate
        return _("n/a")

    def number(self, value: Number, places: int, *, signed: bool = False) -> str:
        """`value` with exactly `places` decimals and grouped thousands; `+` if signed."""
        exact = _exact(value)
        if abs(exact) >= ASTRONOMIC:
            return f"{exact:.1e}"
        exact = round(exact, places) + 0  # + 0 turns minus zero into zero
        pattern = "#,##0." + "0" * places if places else "#,##0"
        text: str = format_decimal(exact, format=pattern, locale=self.locale)
        return "+" + text if signed and exact > 0 else text

    def count(self, value: int) -> str:
        """A whole number with grouped thousands."""
        return self.number(value, 0)

    def ratio(self, value: float | None) -> str:
        """A plain ratio with two decimals."""
        return self.undefined if value is None else self.number(value, 2)

    def percent(self, value: float | None, places: int = 1, *, signed: bool = False) -> str:
        """A fraction as per cent; more decimals where fewer than two digits would be seen."""
        if value is None:
            return self.undefined
        scaled = value * 100
        return self.number(scaled, max(places, min(4, _digits(scaled))), signed=signed) + "%"

    def amount(self, value: Number | None, *, signed: bool = False) -> str:
        """Money without its unit: cents, or as many decimals as a small amount needs."""
        if value is None:
            return self.undefined
        places = max(2, min(PLACES_MAX, _digits(value)))
        if self.settle not in DOLLARS:
            places = max(places, min(PLACES_MAX, _decimals(value)))
        return self.number(value, places, signed=signed)

    def price(self, value: Number | None) -> str:
        """A price with its own decimals, two at least, seven digits at most."""
        if value is None:
            return self.undefined
        exact = _exact(value)
        rounded = round(exact, max(2, min(PLACES_MAX, 6 - exact.adjusted())))
        return self.number(rounded, max(2, _decimals(rounded)))

    def money(self, value: Number | None, *, signed: bool = False) -> str:
        """Money with its unit, to the cent; a whole amount without cents ($100,000)."""
        if value is None:
            return self.undefined
        exact = _exact(value)
        whole = self.settle in DOLLARS and exact == exact.to_integral_value()
        return self._with_unit(exact, self.number(abs(exact), 0) if whole else None, signed=signed)

    def money_short(self, value: Number | None) -> str:
        """Money with its unit, without cents from a hundred up ($890, $3,200, $12.34)."""
        if value is None:
            return self.undefined
        exact = _exact(value)
        if self.settle in DOLLARS and abs(exact) >= 100:
            exact = round(exact, 0)
        return self.money(exact)

    def duration(self, seconds: float | None) -> str:
        """A time span in its largest unit and the next: `3 d 4 h`, `5 h 12 min`, `40 s`."""
        if seconds is None:
            return self.undefined
        sizes = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
        shown: list[str] = []
        for unit, size in sizes.items():
            whole, seconds = divmod(round(seconds), size)
            if whole:
                shown.append(f"{self.count(whole)} {unit}")
            elif shown:
                break
        return " ".join(shown[:2]) or "0 s"

    def date(self, ts_ns: int) -> str:
        """A UTC day: 2024-03-05 in English, 05/03/2024 in Portuguese."""
        return self.instant(ts_ns, "dd/MM/yyyy" if self.locale.language == "pt" else "yyyy-MM-dd")

    def minute(self, ts_ns: int) -> str:
        """A UTC day and minute."""
        return self.date(ts_ns) + self.instant(ts_ns, " HH:mm")

    def instant(self, ts_ns: int, pattern: str) -> str:
        """A UTC instant by a pattern of the Unicode locale rules (`d MMM`, `MMM yyyy`)."""
        moment = datetime.fromtimestamp(ts_ns // SECOND_NS, tz=UTC)
        return format_datetime(moment, pattern, locale=self.locale)

    def _with_unit(self, value: Decimal, digits: str | None, *, signed: bool) -> str:
        sign = "-" if value < 0 else "+" if signed and value > 0 else ""
        text = self.amount(abs(value)) if digits is None else digits
        if self.settle not in DOLLARS:
            return f"{sign}{text} {self.settle}"
        return f"{sign}US$ {text}" if self.locale.language == "pt" else f"{sign}${text}"


def _exact(value: Number) -> Decimal:
    """The number as it is written; a float by its shortest decimal form."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _digits(value: Number) -> int:
    """Decimals that show two significant digits of a number below one; else 0."""
    exact = _exact(value)
    return 0 if exact == 0 or abs(exact) >= 1 else 1 - exact.adjusted()


def _decimals(value: Number) -> int:
    """Decimals a number is written with, without trailing zeros."""
    exponent = _exact(value).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
