"""Owns how a pair is written: `BTC-USD` among us, and every exchange's own way.

The standard form is base, a dash, quote, in capitals. Binance, Bybit, KuCoin and OKX have no dollar
books of their own: there `BTC-USD` means the Tether book, as the PowerTraderAI+ document prints it,
and a result from there says so. It must not know prices, nor treat a tether as a dollar elsewhere.
"""

from collections.abc import Mapping
from typing import Final

from absolute.domain.errors import UserError

TETHER_VENUES: Final = frozenset({"binance", "bybit", "kucoin", "okx"})
_KRAKEN_NAMES: Final = {"BTC": "XBT", "DOGE": "XDG"}
_KRAKEN_BACK: Final = {name: standard for standard, name in _KRAKEN_NAMES.items()}

# What may stand behind a base when both are written as one word; the longest is tried first. TUSD
# and BUSD are left out on purpose: with them XBTUSD would be XB in TUSD, and BNBUSD BN in BUSD.
QUOTES: Final = tuple(
    sorted(
        "USDT USDC FDUSD USD EUR GBP BRL JPY TRY AUD CAD CHF DAI BTC XBT ETH BNB".split(),
        key=lambda quote: (-len(quote), quote),
    )
)
_SEPARATOR: Final[Mapping[str, str]] = {
    "binance": "",
    "bybit": "",
    "kraken": "",
    "bitstamp": "",
    "coinbase": "-",
    "robinhood": "-",
    "kucoin": "-",
    "okx": "-",
}


def split(symbol: str) -> tuple[str, str]:
    """Base and quote of a pair written in any usual way; raises UserError SYMBOL_UNKNOWN."""
    text = symbol.strip().upper()
    for mark in "-/_":
        base, found, quote = text.partition(mark)
        if found and base.isalnum() and quote.isalnum():
            return base, quote
    for quote in QUOTES:
        base = text.removesuffix(quote)
        if text.isalnum() and base and base != text:
            return base, quote
    raise UserError("SYMBOL_UNKNOWN", f"{symbol!r} is not a pair; write it as BTC-USD.")


def standard(symbol: str) -> str:
    """The pair as we write it; nothing is translated between coins."""
    base, quote = split(symbol)
    return f"{base}-{quote}"


def traded_pair(symbol: str, exchange: str) -> tuple[str, str]:
    """Base and quote of the book that `symbol` means at an exchange."""
    base, quote = split(symbol)
    if exchange in TETHER_VENUES and quote == "USD":
        quote = "USDT"
    return base, quote


def to_exchange_format(symbol: str, exchange: str) -> str:
    """The pair as an exchange writes it; an exchange we do not know gets our own form."""
    base, quote = traded_pair(symbol, exchange)
    if exchange == "kraken":
        base, quote = _KRAKEN_NAMES.get(base, base), _KRAKEN_NAMES.get(quote, quote)
    text = f"{base}{_SEPARATOR.get(exchange, '-')}{quote}"
    return text.lower() if exchange == "bitstamp" else text


def to_binance_format(symbol: str) -> str:
    """BTC-USD -> BTCUSDT."""
    return to_exchange_format(symbol, "binance")


def to_kraken_format(symbol: str) -> str:
    """BTC-USD -> XBTUSD."""
    return to_exchange_format(symbol, "kraken")


def to_coinbase_format(symbol: str) -> str:
    """BTC-USD -> BTC-USD."""
    return to_exchange_format(symbol, "coinbase")


def to_robinhood_format(symbol: str) -> str:
    """btc/usd -> BTC-USD."""
    return to_exchange_format(symbol, "robinhood")


def to_kucoin_format(symbol: str) -> str:
    """BTC-USD -> BTC-USDT."""
    return to_exchange_format(symbol, "kucoin")


def to_bitstamp_format(symbol: str) -> str:
    """BTC-USD -> btcusd."""
    return to_exchange_format(symbol, "bitstamp")


def to_bybit_format(symbol: str) -> str:
    """BTC-USD -> BTCUSDT."""
    return to_exchange_format(symbol, "bybit")


def to_okx_format(symbol: str) -> str:
    """BTC-USD -> BTC-USDT."""
    return to_exchange_format(symbol, "okx")


def normalize_symbol(symbol: str, exchange: str) -> str:
    """An exchange's own form back to ours: BTCUSDT at binance -> BTC-USD, XBTUSD at kraken too."""
    text = symbol.strip().upper()
    if exchange == "kraken":
        text = _without_class_letters(text)
    base, quote = split(text)
    if exchange == "kraken":
        base, quote = _KRAKEN_BACK.get(base, base), _KRAKEN_BACK.get(quote, quote)
    if exchange in TETHER_VENUES and quote == "USDT":
        quote = "USD"
    return f"{base}-{quote}"


def _without_class_letters(text: str) -> str:
    """XXBTZUSD -> XBTUSD: Kraken's old names mark coins with X and money with Z."""
    if len(text) == 8 and text[0] == "X" and text[4] in "XZ":
        return text[1:4] + text[5:]
    return text
