"""Owns the language people are spoken to in: their sentences, their numbers, their dates.

English source texts are the keys. Other languages are gettext catalogues (`locale/*.po`), read as
they are at the start; nothing compiled is kept. English needs neither a catalogue nor Babel, so a
program that speaks English starts without them. Files, `--json` and logs never pass through here:
they use a point and ISO 8601 whatever the language.

It must not know what any sentence is about.
"""

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property
from importlib import resources

from absolute.domain.errors import UserError

LANGUAGES = ("en", "pt-BR")


_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class _Language:
    """One language: its texts by English key, and which counts it calls one."""

    tag: str
    is_one: Callable[[int], bool]
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def locale(self) -> str:
        return self.tag.replace("-", "_")

    @cached_property
    def templates(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        """The texts with placeholders as patterns, those with the most fixed words first."""
        fixed = {text: _PLACEHOLDER.sub("", text) for text in self.texts if "{" in text}
        texts = sorted(
            (text for text in fixed if fixed[text].strip()), key=lambda t: -len(fixed[t])
        )
        return tuple((_pattern(text), text) for text in texts)


_ENGLISH = _Language("en", is_one=lambda count: count == 1)

# One per context: a program speaks one language, a server may speak another to every caller.
_spoken: ContextVar[_Language] = ContextVar("spoken language", default=_ENGLISH)


def set_language(tag: str) -> None:
    """Speaks the language of `tag` from now on: `en`, `pt-BR`, or a locale such as `pt_BR.UTF-8`.

    Raises UserError LANGUAGE_UNKNOWN for any other and keeps the language spoken before.
    """
    found = _known(tag)
    if found is None:
        message = _("The language {tag} is not known; write one of: {known}.")
        known = ", ".join(LANGUAGES)
        raise UserError("LANGUAGE_UNKNOWN", message.format(tag=tag, known=known))
    _spoken.set(_ENGLISH if found == "en" else _read(found))


def current_language() -> str:
    """The tag of the language that is spoken now."""
    return _spoken.get().tag


def choose_language(asked: str | None, environment: Mapping[str, str]) -> str:
    """The tag to speak: what was asked for, else ABSOLUTE_LANG, else the system's, else `en`.

    A system language that has no catalogue is no mistake of the user: English is spoken.
    """
    if asked is not None:
        return asked
    if own := environment.get("ABSOLUTE_LANG"):
        return own
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name):
            return _known(value) or "en"
    return "en"


def _(text: str) -> str:
    """The text in the language spoken now, or itself where it has no translation."""
    return _spoken.get().texts.get(text, (text,))[0]


def mark(text: str) -> str:
    """The text itself: it stands in a table, belongs into the catalogue and is translated later."""
    return text


def plural(one: str, many: str, count: int) -> str:
    """The text for `count` things, for languages with one form for one and another for many."""
    language = _spoken.get()
    return language.texts.get(one, (one, many))[0 if language.is_one(count) else 1]


def translate_sentence(sentence: str) -> str:
    """A finished English sentence in the language spoken now, found by its template.

    For sentences made where no language is known: below the desk, or in a library. The values in
    it are kept, and translated themselves when they are sentences too.
    """
    language = _spoken.get()
    if sentence in language.texts:
        return _(sentence)
    for pattern, template in language.templates:
        if match := pattern.fullmatch(sentence):
            values = {name: translate_sentence(value) for name, value in match.groupdict().items()}
            return _(template).format(**values)
    return sentence


def format_amount(amount: Decimal, places: int = 2) -> str:
    """The amount with grouped thousands and exactly `places` decimals, rounded half to even."""
    rounded = amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    english = f"{rounded if rounded else abs(rounded):,f}"
    language = _spoken.get()
    if language is _ENGLISH:
        return english
    from babel.numbers import format_decimal

    pattern = "#,##0" + ("." + "0" * places if places else "")
    return format_decimal(Decimal(english.replace(",", "")), format=pattern, locale=language.locale)


def format_percent(ratio: Decimal, places: int = 2) -> str:
    """The ratio as a percentage: 0.035 is written 3.50%."""
    return format_amount(ratio * 100, places) + "%"


def format_datetime(moment: datetime) -> str:
    """The moment in UTC, to the minute, with its zone; raises ValueError when it has no zone."""
    if moment.tzinfo is None:
        raise ValueError("a time shown to people needs a zone")
    language = _spoken.get()
    if language is _ENGLISH:
        return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    from babel.dates import format_datetime as babel_datetime

    pattern = "dd/MM/yyyy HH:mm"
    return babel_datetime(moment.astimezone(UTC), pattern, locale=language.locale) + " UTC"


def _known(tag: str) -> str | None:
    """The language a tag or a locale name stands for; the bare words C and POSIX mean English."""
    words = re.split(r"[-_.@]", tag.strip())
    by_word = {"en": "en", "pt": "pt-BR", "c": "en", "posix": "en"}
    return by_word.get(words[0].lower())


def _read(tag: str) -> _Language:
    from babel.core import Locale
    from babel.messages.pofile import read_po

    locale = tag.replace("-", "_")
    path = resources.files("absolute").joinpath("locale", f"{locale}.po")
    with path.open("rb") as file:
        catalogue = read_po(file, locale=locale)
    texts: dict[str, tuple[str, ...]] = {}
    for message in catalogue:
        if message.id and message.string and not message.fuzzy:
            key = message.id if isinstance(message.id, str) else message.id[0]
            texts[key] = (
                (message.string,) if isinstance(message.string, str) else tuple(message.string)
            )
    form = Locale.parse(locale).plural_form
    return _Language(tag, is_one=lambda count: form(count) == "one", texts=texts)


def _pattern(template: str) -> re.Pattern[str]:
    """The template as a pattern that gives back what stood in its placeholders."""
    parts = _PLACEHOLDER.split(template)
    seen: set[str] = set()
    made = []
    for number, part in enumerate(parts):
        if number % 2 == 0:
            made.append(re.escape(part))
        elif part in seen:
            made.append(f"(?P={part})")
        else:
            seen.add(part)
            made.append(f"(?P<{part}>.*?)")
    return re.compile("".join(made), re.DOTALL)
