"""A pair keeps its meaning on the way to an exchange's spelling and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from absolute.domain.errors import UserError
from absolute.venues import regions, symbols

VENUES = ("robinhood", "kraken", "binance", "coinbase", "kucoin", "bitstamp", "bybit", "okx")


@pytest.mark.parametrize("venue", VENUES)
@given(base=st.sampled_from("BTC ETH SOL DOGE XRP ADA LINK".split()), quote=st.just("USD"))
def test_there_and_back_is_the_same_pair(venue, base, quote):
    pair = f"{base}-{quote}"
    assert symbols.normalize_symbol(symbols.to_exchange_format(pair, venue), venue) == pair


@pytest.mark.parametrize(
    ("venue", "written"),
    [
        ("binance", "BTCUSDT"),
        ("bybit", "BTCUSDT"),
        ("kucoin", "BTC-USDT"),
        ("okx", "BTC-USDT"),
        ("kraken", "XBTUSD"),
        ("coinbase", "BTC-USD"),
        ("robinhood", "BTC-USD"),
        ("bitstamp", "btcusd"),
    ],
)
def test_every_exchange_has_its_own_spelling(venue, written):
    by_name = getattr(symbols, f"to_{venue}_format")
    assert by_name("BTC-USD") == symbols.to_exchange_format("btc/usd", venue) == written


@pytest.mark.parametrize("old", ["XXBTZUSD", "XBTUSD", "xbt/usd"])
def test_krakens_old_names_are_read(old):
    assert symbols.normalize_symbol(old, "kraken") == "BTC-USD"


def test_a_dollar_is_a_tether_only_where_there_are_no_dollars():
    assert symbols.traded_pair("BTC-USD", "okx") == ("BTC", "USDT")
    assert symbols.traded_pair("BTC-USD", "kraken") == ("BTC", "USD")
    assert symbols.traded_pair("BTC-USDT", "kraken") == ("BTC", "USDT")
    assert symbols.normalize_symbol("BTCUSDC", "binance") == "BTC-USDC"


@pytest.mark.parametrize("nonsense", ["", "BTC", "-", "BTC--USD", "USD", "B!C-USD"])
def test_what_is_no_pair_is_refused(nonsense):
    with pytest.raises(UserError, match="write it as BTC-USD"):
        symbols.split(nonsense)


def test_a_region_names_its_exchanges_in_the_order_of_the_table():
    assert regions.recommended("US") == ["robinhood", "kraken", "coinbase", "bitstamp"]
    assert "binance" in regions.recommended("global")
    assert regions.supported_regions("nobody") == []
    with pytest.raises(UserError, match="write one of: us, eu, global"):
        regions.check_region("mars")
