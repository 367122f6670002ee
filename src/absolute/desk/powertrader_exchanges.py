"""Owns the exchange classes of the PowerTraderAI+ document, and the world they live in.

Nothing real is touched by itself. With ABSOLUTE_BOX set (1, or the folder or file of a box that
runs) every exchange is the one in the box, with the box's fake keys. Without it an exchange works
where it is configured with keys, or shows prices with ABSOLUTE_PUBLIC_DATA=1. Orders in a real
account need its phrase besides, as `allow_orders` in its configuration. It must not know what is
done with the exchanges.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

from absolute.desk.box_state import STATE, BoxState, read_state
from absolute.desk.clock import WallClock, fresh_seed, generator
from absolute.desk.language import _
from absolute.desk.logs import register_secret
from absolute.desk.powertrader_config import ExchangeConfigManager, credentials_in, place_of
from absolute.domain.errors import UserError
from absolute.venues.ccxt_client import open_session
from absolute.venues.credentials import Credentials
from absolute.venues.fleet_errors import ExchangeUnavailable
from absolute.venues.fleet_exchange import AbstractExchange
from absolute.venues.fleet_terms import ExchangeType
from absolute.venues.fleet_venue import Access, VenueExchange
from absolute.venues.parts import Surroundings
from absolute.venues.profile_table import profile
from absolute.venues.regions import REGIONS, supported_regions
from absolute.venues.robinhood import RobinhoodVenue
from absolute.venues.robinhood_line import RobinhoodSurroundings

BOX_NAME: Final = "ABSOLUTE_BOX"
PUBLIC_NAME: Final = "ABSOLUTE_PUBLIC_DATA"
HERE: Final = frozenset({"1", "yes", "true", "running"})
RATES_NAME: Final = "taker_fee"


def current_box() -> BoxState | None:
    """The box that this program is pointed at; raises UserError where that one does not run."""
    told = os.environ.get(BOX_NAME, "").strip()
    if not told:
        return None
    if told.lower() in HERE:
        return read_state()
    path = Path(told)
    return read_state(path.parent if path.name == STATE else path)


def prices_allowed() -> bool:
    """True where real public prices may be asked for without keys."""
    return os.environ.get(PUBLIC_NAME) == "1"


@dataclass(frozen=True, slots=True)
class Means:
    """How one exchange can be used here: by the box, by keys, by public prices, or not at all."""

    name: str
    box: BoxState | None
    config: Mapping[str, Any]

    @property
    def profile_name(self) -> str:
        """kraken:main."""
        return place_of(self.name).profile

    def keys(self) -> Credentials | None:
        """The box's fake keys in the box; else those of the configuration."""
        if self.box is None:
            found = credentials_in(self.config, self.profile_name)
            for part in () if found is None else (found.key, found.secret, found.passphrase):
                register_secret(part)
            return found
        told = self.box.keys.get(self.profile_name)
        return None if told is None else Credentials(self.profile_name, told["key"], told["secret"])

    def fault(self) -> str | None:
        """Why it cannot be used, with what to do, or None."""
        if self.box is not None:
            if self.keys() is not None:
                return None
            message = _("the exchange in the box does not show {exchange}")
            return message.format(exchange=self.name)
        needs_keys = place_of(self.name).venue == "robinhood"
        if self.keys() is not None or (prices_allowed() and not needs_keys):
            return None
        message = _(
            "{exchange} is not configured: set ABSOLUTE_BOX=1 beside absolute exchange serve for a "
            "rehearsal, add keys with absolute keys add {profile}, or set ABSOLUTE_PUBLIC_DATA=1 "
            "for real prices without keys"
        )
        return message.format(exchange=self.name, profile=self.profile_name)

    def may_trade(self) -> bool:
        """Orders: in the box, in a demo world, or with the phrase of the real one."""
        if self.box is not None:
            return True
        place = place_of(self.name)
        if place.venue == ExchangeType.ROBINHOOD.value:
            wanted: str | None = f"trade real money on {place.venue}"  # its only world is real
        else:
            wanted = profile(self.profile_name).phrase
        if wanted is None:
            return True
        return str(self.config.get("allow_orders", "")).strip().lower() == wanted


def means_of(name: str, config: Mapping[str, Any] | None = None) -> Means:
    """How an exchange can be used here. `config` of None: what is configured for it."""
    box = current_box()
    if config is None:
        config = {} if box is not None else ExchangeConfigManager().load_exchange_config(name)
    return Means(name, box, config)


def access(means: Means) -> Access:
    """The way to a venue; raises ExchangeUnavailable where there is none."""
    fault = means.fault()
    if fault is not None:
        raise ExchangeUnavailable(f"{fault}.")
    address = None if means.box is None else means.box.address
    return Access(
        profile=profile(means.profile_name),
        credentials=means.keys(),
        around=Surroundings(WallClock(), generator(fresh_seed()), address),
        account=place_of(means.name).account,
        may_trade=means.may_trade(),
    )


class HouseExchange(VenueExchange):
    """A venue of the document. A configuration of None is looked up where keys are kept."""

    exchange_name: ClassVar[str] = ""

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        super().__init__(access(means_of(self.exchange_name, config)))


class KrakenExchange(HouseExchange):
    """Kraken exchange implementation."""

    exchange_name = ExchangeType.KRAKEN.value


class BinanceExchange(HouseExchange):
    """Binance spot implementation; BTC-USD means BTCUSDT here."""

    exchange_name = ExchangeType.BINANCE.value


class CoinbaseExchange(HouseExchange):
    """Coinbase Advanced implementation."""

    exchange_name = ExchangeType.COINBASE.value


class KuCoinExchange(HouseExchange):
    """KuCoin implementation."""

    exchange_name = ExchangeType.KUCOIN.value


class BitstampExchange(HouseExchange):
    """Bitstamp implementation."""

    exchange_name = ExchangeType.BITSTAMP.value


class BybitExchange(HouseExchange):
    """Bybit spot implementation."""

    exchange_name = ExchangeType.BYBIT.value


class OKXExchange(HouseExchange):
    """OKX spot implementation."""

    exchange_name = ExchangeType.OKX.value


class RobinhoodExchange(RobinhoodVenue):
    """Robinhood through its official crypto API.

    A configuration with username and password is refused with a UserError that says why and what
    to do: that way is no official interface.
    """

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        means = means_of(ExchangeType.ROBINHOOD.value, config)
        keys, box = means.keys(), means.box
        told = dict(means.config)
        if keys is not None and "password" not in told:
            told |= {"api_key": keys.key, "api_secret": keys.secret}
        address = None if box is None else box.address
        open_ = partial(open_session, address)
        around = RobinhoodSurroundings(WallClock(), open_, may_trade=means.may_trade())
        super().__init__(told, around)


class WorldExchange(VenueExchange):
    """A venue in another of its worlds, or under another account: bybit:demo, kraken/second."""

    def __init__(self, name: str, config: Mapping[str, Any] | None = None) -> None:
        super().__init__(access(means_of(name, config)))


HOUSE: Final[Mapping[str, type[AbstractExchange]]] = {
    ExchangeType.ROBINHOOD.value: RobinhoodExchange,
    ExchangeType.KRAKEN.value: KrakenExchange,
    ExchangeType.BINANCE.value: BinanceExchange,
    ExchangeType.COINBASE.value: CoinbaseExchange,
    ExchangeType.KUCOIN.value: KuCoinExchange,
    ExchangeType.BITSTAMP.value: BitstampExchange,
    ExchangeType.BYBIT.value: BybitExchange,
    ExchangeType.OKX.value: OKXExchange,
}


class ExchangeFactory:
    """Factory for creating exchange instances."""

    _registered: ClassVar[dict[str, type[AbstractExchange]]] = {}

    @staticmethod
    def create_exchange(
        exchange_type: str | ExchangeType, config: Mapping[str, Any] | None = None
    ) -> AbstractExchange:
        """Create exchange instance by type; raises UserError for one nobody knows."""
        name = exchange_type.value if isinstance(exchange_type, ExchangeType) else exchange_type
        name = name.strip().lower()
        maker: Any = ExchangeFactory._registered.get(name, HOUSE.get(name))
        if maker is not None:
            exchange: AbstractExchange = maker(config)
            if not exchange.venue:
                exchange.venue = name
            return exchange
        ExchangeFactory.check_known(name)
        return WorldExchange(name, config)

    @staticmethod
    def check_known(name: str) -> None:
        """Raises UserError for an exchange nobody knows: neither we, nor a user, nor ccxt."""
        if name in ExchangeFactory._registered or name in HOUSE:
            return
        try:
            profile(place_of(name).profile)
        except UserError as fault:
            known = ", ".join(ExchangeFactory.get_available_exchanges())
            message = _("{exchange} is no exchange that is known here; choose one of: {known}.")
            told = message.format(exchange=name, known=known)
            raise UserError("EXCHANGE_UNKNOWN", told) from fault

    @staticmethod
    def get_available_exchanges() -> list[str]:
        """Get list of all available exchange types, those of the house first."""
        return [*HOUSE, *(name for name in ExchangeFactory._registered if name not in HOUSE)]

    @staticmethod
    def register_exchange(name: str, exchange_class: type) -> None:
        """Register custom exchange implementation; it is made with its configuration."""
        given: Any = exchange_class
        if not isinstance(given, type) or not issubclass(given, AbstractExchange):
            message = _("The class for {exchange} must be a subclass of AbstractExchange.")
            raise UserError("EXCHANGE_CLASS_INVALID", message.format(exchange=name))
        ExchangeFactory._registered[name.strip().lower()] = given

    @staticmethod
    def is_registered(name: str) -> bool:
        """True for an exchange a user registered."""
        return name in ExchangeFactory._registered


def regions_of(name: str) -> list[str]:
    """The regions an exchange serves, by the table or by its own word.

    Of one that only ccxt knows nothing is known: whoever names it answers for that.
    """
    if ExchangeFactory.is_registered(name):
        return ExchangeFactory.create_exchange(name, {}).get_supported_regions()
    venue = place_of(name).venue
    return supported_regions(venue) if venue in HOUSE else list(REGIONS)
