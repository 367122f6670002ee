"""Worlds do not mix: a profile, a host, a key and a phrase agree, or nothing is sent."""

import pytest

from absolute.domain.errors import UserError
from absolute.venues.credentials import Credentials
from absolute.venues.profile_table import TABLE, profile
from absolute.venues.profiles import Environment, require_phrase

ALL = pytest.mark.parametrize("one", TABLE.values(), ids=lambda each: each.name)


@ALL
def test_every_listed_world_is_found_by_its_name(one):
    assert profile(one.name) is one
    assert profile(f"  {one.name.upper()} ") is one


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("bybit", "PROFILE_INVALID", "main, demo or testnet"),
        ("bybit:live", "PROFILE_INVALID", "main, demo or testnet"),
        ("kraken:demo", "PROFILE_UNKNOWN", "kraken:main"),
        ("binanceusdm:testnet", "PROFILE_UNKNOWN", "binanceusdm:demo"),
        ("atlantis:main", "PROFILE_UNKNOWN", "bybit:demo"),
    ],
)
def test_an_unknown_world_is_refused_with_the_list(text, code, word):
    with pytest.raises(UserError) as caught:
        profile(text)
    assert caught.value.code == code
    assert word in caught.value.message


def test_any_other_venue_of_ccxts_is_offered_only_in_worlds_ccxt_describes():
    assert profile("gate:main").hosts
    assert profile("deribit:testnet").hosts == {"test.deribit.com"}
    with pytest.raises(UserError):
        profile("upbit:demo")


@ALL
def test_real_money_needs_its_phrase_and_play_money_none(one):
    if one.environment is not Environment.MAIN:
        require_phrase(one, None)
        return
    for given in (None, "", "yes", "trade real money", f"trade real money on {one.venue}x"):
        with pytest.raises(UserError) as caught:
            require_phrase(one, given)
        assert caught.value.code == "PHRASE_NEEDED"
    require_phrase(one, f" Trade real money on {one.venue} ")


@ALL
def test_a_key_of_another_world_is_refused(one):
    for other in TABLE.values():
        key = Credentials(other.name, "k", "s")
        if other is one:
            one.check_key(key)
            continue
        with pytest.raises(UserError) as caught:
            one.check_key(key)
        assert caught.value.code == "KEY_OF_OTHER_PROFILE"


@pytest.mark.parametrize(
    "url",
    [
        "http://api-demo.bybit.com/v5/order/create",
        "ws://stream-demo.bybit.com/v5/private",
        "https://api.bybit.com/v5/order/create",
        "https://api-demo.bybit.com.evil.example/v5",
        "https://evil.example/?x=api-demo.bybit.com",
        "https://api-demo.bybit.com@evil.example/",
        "https://user@api-demo.bybit.com/",
        "https://127.0.0.1/v5",
        "https://[::1]/v5",
        "file:///etc/passwd",
        "https:///v5",
        "//api-demo.bybit.com/v5",
    ],
)
def test_no_byte_goes_to_a_host_outside_the_world_or_unencrypted(url):
    with pytest.raises(UserError):
        profile("bybit:demo").check_url(url)


@ALL
def test_the_streams_of_a_world_are_among_its_own_hosts(one):
    if one.streams is None:
        return
    for url in (one.streams.private, one.streams.public_spot, one.streams.public_linear):
        if url:
            one.check_url(url)


@ALL
def test_every_number_of_a_proof_has_a_source_or_says_that_it_is_assumed(one):
    assert one.sources
    assert all(":" in line for line in one.sources)
    assert one.facts.window >= 5_000_000_000


def test_worlds_of_one_venue_share_no_private_host():
    for venue in {each.venue for each in TABLE.values()} - {
        "okx"
    }:  # a header tells its worlds apart
        worlds = [each for each in TABLE.values() if each.venue == venue]
        for one in worlds:
            for other in worlds:
                shared = one.hosts & other.hosts - {"stream.bybit.com"}
                assert one is other or not shared


def test_a_key_is_never_shown():
    key = Credentials("bybit:demo", "canary-key", "canary-secret", "canary-phrase")
    for text in (repr(key), str(key), f"{key}", repr([key]), f"{key!r:>80}"):
        assert "canary" not in text
        assert "bybit:demo" in text
