"""Laws of the text form of messages: what is written is read back equal, to the byte."""

# mypy: disable-error-code="arg-type, dict-item, union-attr, comparison-overlap"
# Ids, times and assets are plain literals here; that the product cannot mix them: test_units.py.

import json
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from absolute.domain.errors import JournalError
from absolute.domain.messages import Command, Event, Started
from absolute.domain.notes import Note
from absolute.store.codec import MESSAGES, decode, encode

from tests.builders import D

st.register_type_strategy(
    Decimal,
    st.one_of(
        st.decimals(allow_nan=False, allow_infinity=False),
        st.sampled_from([Decimal(t) for t in ("0", "-0", "1E+8", "1e-8", "0.10", "100.00")]),
    ),
)

KINDS = sorted(MESSAGES)


def test_every_message_of_the_unions_has_a_name():
    unions = {member for union in (Event, Command, Note) for member in get_args(union)}
    assert unions <= set(MESSAGES.values())
    assert {kind.__name__ for kind in unions} | {"Refused"} == set(MESSAGES)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=40)
@given(data=st.data())
def test_a_message_is_read_back_equal(name, data):
    message = data.draw(st.from_type(MESSAGES[name]))
    text = encode(message)
    again = decode(text)
    assert again == message
    assert type(again) is type(message)
    assert encode(again) == text, "and its bytes are the same again"


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=10)
@given(data=st.data())
def test_the_text_is_plain_json_with_decimals_as_strings(name, data):
    message = data.draw(st.from_type(MESSAGES[name]))
    told = json.loads(encode(message), parse_float=_refuse)
    assert told["_"] == name
    assert b" :" not in encode(message)


def _refuse(text):
    raise AssertionError(f"a float in a journal: {text}")


@settings(max_examples=100)
@given(st.data())
def test_different_messages_have_different_bytes(data):
    kinds: Any = st.sampled_from(KINDS).flatmap(lambda name: st.from_type(MESSAGES[name]))
    one, two = data.draw(kinds), data.draw(kinds)
    if encode(one) == encode(two):
        assert one == two
    if one != two:
        assert encode(one) != encode(two)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"not json",
        b"[]",
        b"3",
        b"{}",
        b'{"_":"Nothing"}',
        b'{"_":"TimerFired"}',
        b'{"_":"TimerFired","time":1,"more":2}',
        b'{"_":3}',
        b'{"_":"BarClosed","time":1,"bar":{}}',
    ],
)
def test_what_is_none_of_ours_is_a_journal_error(text):
    with pytest.raises(JournalError):
        decode(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"_":"TimerFired","time":"soon"}',
        '{"_":"TimerFired","time":null}',
        '{"_":"LevelReached","time":1,"price":"dear"}',
        '{"_":"LevelReached","time":1,"price":"NaN"}',
        '{"_":"LevelReached","time":1,"price":0.1}',
        '{"_":"OrderCancelled","time":1,"client_id":7}',
        '{"_":"StopAsked","time":1,"who":"ann","flatten":"no"}',
        '{"_":"OrderFilled","time":1,"fill":3,"done":true}',
        '{"_":["Started"]}',
    ],
)
def test_a_value_of_the_wrong_type_is_a_journal_error(text):
    with pytest.raises(JournalError):
        decode(text)


def test_equal_messages_have_equal_bytes():
    assert Started(1, D(5)) == Started(1, D("5.0"))
    assert encode(Started(1, D(5))) == encode(Started(1, D("5.0")))
