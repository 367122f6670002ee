"""How typed numbers are read: both notations, nothing guessed, everything echoed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from absolute.desk.amounts import (
    echo_amount,
    echo_ratio,
    parse_amount,
    parse_factor,
    parse_plain,
    parse_ratio,
)
from absolute.domain.errors import UserError
from absolute.domain.units import Ratio

LANGUAGES = ("en", "pt-BR")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("300", "300"),
        ("1,03", "1.03"),
        ("1.03", "1.03"),
        ("0.035", "0.035"),  # nothing is grouped behind a zero
        ("0,035", "0.035"),
        ("1000.500", "1000.5"),  # four digits make no group
        ("1.2340", "1.234"),
        (" -7,5 ", "-7.5"),
        ("+2", "2"),
    ],
)
def test_a_single_mark_that_cannot_group_is_the_decimal_mark(text, value, language):
    assert parse_amount(text, language) == Decimal(value)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ["1.234", "1,234", "12.500", "999,000", "-1.234"])
def test_what_could_be_thousands_is_asked_again(text, language):
    with pytest.raises(UserError) as refused:
        parse_amount(text, language)
    assert refused.value.code == "AMOUNT_AMBIGUOUS"


def test_the_question_names_both_readings_as_they_can_be_typed():
    with pytest.raises(UserError, match=r"1\.234 could be 1234 or 1,234; write 1234 or 1,2340"):
        parse_amount("1.234", "pt-BR")
    assert parse_amount("1,2340", "pt-BR") == Decimal("1.234")


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("7,742.73", "en", "7742.73"),
        ("7.742,73", "pt-BR", "7742.73"),
        ("1,234,567", "en", "1234567"),
        ("1.234.567", "pt-BR", "1234567"),
        ("1.234.567,8", "pt-BR", "1234567.8"),
    ],
)
def test_groups_are_read_in_their_own_language(text, language, value):
    assert parse_amount(text, language) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("7,742.73", "pt-BR"),
        ("7.742,73", "en"),
        ("1.234.567", "en"),
        ("12,34,56", "en"),
        ("1,234.5.6", "en"),
        ("", "en"),
        ("abc", "en"),
        ("1e5", "en"),
        ("1 000", "en"),
        ("1_000", "en"),
        ("٣", "en"),
        ("nan", "en"),
        (".5", "en"),
        ("5.", "en"),
        ("3.5%", "en"),
        ("9" * 41, "en"),
    ],
)
def test_anything_else_is_refused(text, language):
    with pytest.raises(UserError) as refused:
        parse_amount(text, language)
    assert refused.value.code == "AMOUNT_INVALID"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_factor_is_never_in_the_thousands(language):
    assert parse_factor("1.025", language) == parse_factor("1,025", language) == Decimal("1.025")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ["0.035", "0,035", "3.5%", "3,5%", "3,5 %", "3.500 %"])
def test_a_ratio_is_read_as_a_ratio_or_with_its_percent_sign(text, language):
    assert parse_ratio(text, language) == Decimal("0.035")


def test_a_bare_percent_is_refused_with_both_ways_to_write_it():
    with pytest.raises(UserError, match=r"write 0\.035, or 3\.5% for 3\.5 percent") as refused:
        parse_ratio("3.5", "en")
    assert refused.value.code == "RATIO_LOOKS_LIKE_PERCENT"


@pytest.mark.parametrize("text", ["1,5", "1,000", "%", "1.5%"])
def test_options_take_a_point_and_no_comma(text):
    with pytest.raises(UserError) as refused:
        parse_plain(text)
    assert refused.value.code == "AMOUNT_INVALID"
    assert parse_plain("1.234") == Decimal("1.234")


def test_both_forms_are_echoed_in_the_language_spoken():
    assert echo_ratio(Ratio(Decimal("0.0350")), "en") == "0.035 -> 3.5 %"
    assert echo_ratio(Ratio(Decimal("0.035")), "pt-BR") == "0,035 -> 3,5 %"
    assert echo_amount(Decimal("7742.730"), "en") == "7,742.73"
    assert echo_amount(Decimal("7742.73"), "pt-BR") == "7.742,73"
    assert echo_amount(Decimal(-5000), "en") == "-5,000"
    assert echo_amount(Decimal("-0.5"), "en") == "-0.5"


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9
    ),
    st.sampled_from(LANGUAGES),
)
def test_an_echo_that_is_read_again_is_the_same_number_or_asked_about(value, language):
    try:
        assert parse_amount(echo_amount(value, language), language) == value
    except UserError as doubt:
        code = doubt.code
    else:
        code = "AMOUNT_AMBIGUOUS"
    assert code == "AMOUNT_AMBIGUOUS"
