"""The language people are spoken to in: who chooses it, how texts, numbers and dates come out."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from absolute.desk.language import (
    _,
    choose_language,
    current_language,
    format_amount,
    format_datetime,
    format_percent,
    plural,
    set_language,
    translate_sentence,
)
from absolute.domain.errors import UserError


@pytest.mark.parametrize(
    ("tag", "spoken"),
    [
        ("en", "en"),
        ("en-US", "en"),
        ("en_GB.UTF-8", "en"),
        ("C", "en"),
        ("C.UTF-8", "en"),
        ("POSIX", "en"),
        ("pt-BR", "pt-BR"),
        ("pt_BR", "pt-BR"),
        ("pt_BR.UTF-8", "pt-BR"),
        ("PT-br", "pt-BR"),
        ("pt", "pt-BR"),
    ],
)
def test_a_language_has_many_names(tag, spoken):
    set_language(tag)
    assert current_language() == spoken


@pytest.mark.parametrize("tag", ["de", "", "portugues", "ptbr", "e n", "../pt"])
def test_an_unknown_language_is_refused_and_changes_nothing(tag):
    set_language("pt-BR")
    with pytest.raises(UserError, match="en, pt-BR") as caught:
        set_language(tag)
    assert caught.value.code == "LANGUAGE_UNKNOWN"
    assert current_language() == "pt-BR"


@pytest.mark.parametrize(
    ("asked", "environment", "chosen"),
    [
        (None, {}, "en"),
        ("pt-BR", {"ABSOLUTE_LANG": "en", "LANG": "en_US.UTF-8"}, "pt-BR"),
        (None, {"ABSOLUTE_LANG": "pt-BR", "LANG": "en_US.UTF-8"}, "pt-BR"),
        (None, {"ABSOLUTE_LANG": "", "LANG": "pt_BR.UTF-8"}, "pt-BR"),
        (None, {"LC_ALL": "C", "LANG": "pt_BR.UTF-8"}, "en"),
        (None, {"LC_MESSAGES": "pt_BR", "LANG": "en_US"}, "pt-BR"),
        (None, {"LANG": "de_DE.UTF-8"}, "en"),
        (None, {"ABSOLUTE_LANG": "de"}, "de"),  # a mistake of the user, refused when it is set
    ],
)
def test_what_is_asked_goes_before_what_is_set(asked, environment, chosen):
    assert choose_language(asked, environment) == chosen


def test_texts_are_translated_and_unknown_ones_kept():
    assert _("passed") == "passed"
    set_language("pt-BR")
    assert _("passed") == "passou"
    assert _("a text nobody wrote") == "a text nobody wrote"


def test_counts_follow_the_language():
    """English says 0 hours, Portuguese 0 hora; a text without a translation keeps its two forms."""
    forms = [plural("hour", "hours", count) for count in (0, 1, 2)]
    assert forms == ["hours", "hour", "hours"]
    set_language("pt-BR")
    forms = [plural("hour", "hours", count) for count in (0, 1, 2)]
    assert forms == ["hour", "hour", "hours"]


def test_a_finished_sentence_is_found_by_its_template():
    sentence = "Invalid value for '--n': Input should be less than or equal to 5"
    assert translate_sentence(sentence) == sentence
    set_language("pt-BR")
    assert translate_sentence(sentence) == "Valor inválido para '--n': deve ser no máximo 5"
    assert translate_sentence("Missing command.") == "Falta o comando."
    assert translate_sentence("Something else.") == "Something else."


def test_values_with_braces_are_left_alone():
    set_language("pt-BR")
    assert translate_sentence("No such option: --{x}") == "A opção --{x} não existe."


@pytest.mark.parametrize(
    ("amount", "places", "english", "portuguese"),
    [
        ("7742.73", 2, "7,742.73", "7.742,73"),
        ("0", 2, "0.00", "0,00"),
        ("-0.001", 2, "0.00", "0,00"),
        ("1234567.5", 0, "1,234,568", "1.234.568"),  # a half goes to the even neighbour
        ("1234566.5", 0, "1,234,566", "1.234.566"),
        ("0.00000001", 8, "0.00000001", "0,00000001"),
        ("-1000", 1, "-1,000.0", "-1.000,0"),
        ("1E+3", 2, "1,000.00", "1.000,00"),
    ],
)
def test_amounts(amount, places, english, portuguese):
    assert format_amount(Decimal(amount), places) == english
    set_language("pt-BR")
    assert format_amount(Decimal(amount), places) == portuguese


@given(
    amount=st.decimals("-1e15", "1e15", places=9, allow_nan=False),
    places=st.integers(min_value=0, max_value=8),
)
def test_english_needs_no_babel_and_writes_what_babel_would(amount, places):
    pattern = "#,##0" + ("." + "0" * places if places else "")
    expected = format_decimal(amount, format=pattern, locale="en")
    if Decimal(expected.replace(",", "")) == 0:
        expected = expected.removeprefix("-")
    assert format_amount(amount, places) == expected


def test_percents():
    assert format_percent(Decimal("0.035")) == "3.50%"
    set_language("pt-BR")
    assert format_percent(Decimal("-0.035"), 1) == "-3,5%"


def test_times_are_shown_in_utc_with_their_zone():
    moment = datetime(2026, 11, 20, 6, 0, tzinfo=timezone(timedelta(hours=-3)))
    assert format_datetime(moment) == "2026-11-20 09:00 UTC"
    set_language("pt-BR")
    assert format_datetime(moment) == "20/11/2026 09:00 UTC"


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        format_datetime(datetime(2026, 11, 20, tzinfo=UTC).replace(tzinfo=None))


def test_english_starts_without_babel():
    program = (
        "import sys, decimal, datetime as d; from absolute.desk import language as l;"
        "l.set_language('en'); l.format_amount(decimal.Decimal(1));"
        "l.format_datetime(d.datetime.now(d.UTC)); sys.exit('babel' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
