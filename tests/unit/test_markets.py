"""A symbol in any of its spellings names one market; what cannot be split is refused."""

import pytest

from absolute.desk.markets import split_symbol
from absolute.domain.errors import UserError


@pytest.mark.parametrize(
    ("symbol", "base", "quote"),
    [
        ("BTCUSDT", "BTC", "USDT"),
        ("btc/usdt", "BTC", "USDT"),
        ("BTC-USDT", "BTC", "USDT"),
        ("BTC-PERP", "BTC", "USDT"),
        ("ETHBTC", "ETH", "BTC"),
        ("BTCUSD", "BTC", "USD"),
    ],
)
def test_every_spelling_is_split(symbol, base, quote):
    assert split_symbol(symbol) == (base, quote)


@pytest.mark.parametrize("symbol", ["/", "", "BTC/BTC", "USDT", "BTC/USDT/X", "BTC USDT"])
def test_what_cannot_be_split_is_refused(symbol):
    with pytest.raises(UserError) as refused:
        split_symbol(symbol)
    assert refused.value.code == "SYMBOL_UNKNOWN"
