"""Owns which venues a box shows and what moves their prices: tapes from a file or from a seed.

It must not know the network, nor any venue's protocol.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from absolute.desk.clock import generator
from absolute.desk.market_data import DEMO_START_NS, MINUTE_NS, Wanted, gather
from absolute.domain.units import Asset
from absolute.kernels.synth import synth_tape
from absolute.kernels.tape import Tape
from absolute.simex.binance_spot import BinanceSpotFace, binance_spot_face
from absolute.simex.binance_usdm import BinanceUsdmFace, binance_usdm_face
from absolute.simex.bybit import Supply, bybit_face
from absolute.simex.coinbase import coinbase_face, coinbase_keys
from absolute.simex.control import Inside
from absolute.simex.exchange import Exchange
from absolute.simex.face import BoxKey, Environment, Face
from absolute.simex.keys import default_keys
from absolute.simex.kraken import kraken_face, kraken_keys
from absolute.simex.price_path import PathStyle
from absolute.simex.robinhood import robinhood_face, robinhood_keys
from absolute.simex.steering import Word

BARS: Final = 3 * 1440
USDM: Final = "binanceusdm"
FIRST_PRICES: Final = {
    Asset("BTC"): Decimal(60_000),
    Asset("ETH"): Decimal(3_000),
    Asset("SOL"): Decimal(150),
}


class Worlds(Face, Protocol):
    """A face that lets its worlds be seen, for the audit."""

    @property
    def exchanges(self) -> Mapping[Environment, Exchange]:
        """What stands behind it."""
        ...


@dataclass(frozen=True, slots=True)
class MarketWanted:
    """What moves the prices: a file's bars (of `symbol`) or a seed's, and how much faster."""

    data: Path | None = None
    symbol: str | None = None
    seed: int = 186
    speed: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Shown:
    """A venue as the box shows it; `ping_s`: how often it pings its sockets."""

    name: str
    face: Worlds
    keys: tuple[BoxKey, ...]
    ping_s: float | None = None

    @property
    def insides(self) -> tuple[Inside, ...]:
        """What the audit sees."""
        return tuple(
            Inside(
                self.name,
                exchange,
                [key for key in self.keys if key.environment is world],
                _words(self.face, world),
            )
            for world, exchange in self.face.exchanges.items()
        )


def _words(face: Worlds, world: Environment) -> dict[str, Word]:
    """What a face can be made to say."""
    match face:
        case BinanceSpotFace():
            return {"shut_down": lambda now: face.shut_down(world, now)}
        case BinanceUsdmFace():
            return {"end_listen_keys": lambda _now: face.listen_keys[world].end_all()}
        case _:
            return {}


def binance_keys() -> tuple[BoxKey, ...]:
    """Binance knows one key on both of its markets: spot also lets in those of USD-M, poor."""
    keys = default_keys()
    also = [replace(key, venue="binance", balances={}) for key in keys if key.venue == USDM]
    return (*keys, *also)


class _Maker(NamedTuple):
    """How a venue is made, the group it belongs to, and how often it pings its sockets."""

    name: str
    group: str
    face: Callable[[Iterable[BoxKey], Supply], Worlds]
    made_keys: Callable[[], tuple[BoxKey, ...]] = default_keys
    ping_s: float | None = None


# Bybit leaves pings to its clients ("Connect", V5); Binance spot sends one every 20 s and USD-M
# every 3 min (web-socket-streams.md; "Websocket Market Streams").
MAKERS: Final = (
    _Maker("bybit", "bybit", bybit_face),
    _Maker("binance", "binance", binance_spot_face, binance_keys, 20),
    _Maker(USDM, "binance", binance_usdm_face, ping_s=180),
    _Maker("kraken", "kraken", kraken_face, kraken_keys),
    _Maker("coinbase", "coinbase", coinbase_face, coinbase_keys),
    _Maker("robinhood", "robinhood", robinhood_face, robinhood_keys),
)


def made_venues(wanted: MarketWanted, group: str) -> tuple[Shown, ...]:
    """The venues of a group, or "all" of them; raises UserError for unusable data."""
    supply = Supply(_tapes(wanted), PathStyle(speed=wanted.speed))
    shown = []
    for maker in MAKERS:
        if group in {"all", maker.group}:
            keys = tuple(key for key in maker.made_keys() if key.venue == maker.name)
            shown.append(Shown(maker.name, maker.face(keys, supply), keys, maker.ping_s))
    return tuple(shown)


def trading_keys(shown: Iterable[Shown]) -> dict[str, dict[str, str]]:
    """By "venue:environment", the first key of that world: the one that trades."""
    found: dict[str, dict[str, str]] = {}
    for each in shown:
        for key in each.keys:
            told = {"key": key.key, "secret": key.secret}
            found.setdefault(f"{key.venue}:{key.environment}", told)
    return found


def _tapes(wanted: MarketWanted) -> dict[Asset, Tape]:
    if wanted.data is not None:
        found = gather(Wanted(wanted.data, symbol=wanted.symbol))
        return {found.instrument.base: found.tape}
    return {
        base: synth_tape(
            generator(wanted.seed + number),
            bars=BARS,
            start_ns=DEMO_START_NS,
            bar_ns=MINUTE_NS,
            first_price=price,
            price_unit=Decimal("0.01"),
        )
        for number, (base, price) in enumerate(FIRST_PRICES.items())
    }
