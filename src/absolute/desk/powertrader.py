"""Owns the manager of the PowerTraderAI+ document: its methods over the fleet, on this machine.

Orders it sends are written to `orders.jsonl` in the configuration's folder before they leave, so an
order in doubt is still asked for after a crash; one program at a time may use a folder. It must not
know how an exchange is spoken to.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any, Final

from absolute.desk.clock import WallClock, fresh_seed
from absolute.desk.language import _
from absolute.desk.powertrader_config import ExchangeConfigManager, config_fault, place_of
from absolute.desk.powertrader_exchanges import (
    BOX_NAME,
    ExchangeFactory,
    current_box,
    means_of,
    regions_of,
)
from absolute.desk.powertrader_orders import FileOrderLog
from absolute.desk.powertrader_settings import PowerTraderHub
from absolute.domain.errors import UserError
from absolute.domain.instrument import Side
from absolute.venues.fleet import Fleet, FleetRules
from absolute.venues.fleet_errors import ExchangeError, ExchangeUnavailable
from absolute.venues.fleet_exchange import AbstractExchange
from absolute.venues.fleet_health import Condition, Health, overall
from absolute.venues.fleet_orders import Surroundings
from absolute.venues.fleet_terms import (
    MarketData,
    OrderRequest,
    OrderResult,
    SentOrder,
    exact,
)
from absolute.venues.fleet_watch import Listener
from absolute.venues.regions import check_region, recommended

REGION_NAME: Final = "ABSOLUTE_REGION"
PROBE_SYMBOL: Final = "BTC-USD"


class Roster:
    """The exchanges of a region that can be used here, made when they are first asked for."""

    def __init__(self, config_manager: ExchangeConfigManager, region: str) -> None:
        self._config = config_manager
        self._made: dict[str, AbstractExchange] = {}
        self._box = os.environ.get(BOX_NAME, "")
        self.region = region

    def check_world(self) -> None:
        """Raises where this program was turned to or from the box since: what was made stays."""
        if os.environ.get(BOX_NAME, "") != self._box:
            message = _(
                "{name} was changed while this manager is in use, so no order is sent; make a new "
                "MultiExchangeManager."
            )
            raise ExchangeUnavailable(message.format(name=BOX_NAME))

    def names(self) -> list[str]:
        """Those of the region that are usable: the documented ones, further worlds, custom ones."""
        return [name for name in self.known() if self.fault(name) is None]

    def known(self) -> list[str]:
        """Every exchange by name, usable or not."""
        worlds = [] if current_box() else self._config.kept_exchanges()
        names = [*ExchangeFactory.get_available_exchanges(), *worlds]
        return list(dict.fromkeys(names))

    def fault(self, name: str) -> str | None:
        """Why an exchange cannot be used here, or None."""
        if self.region not in regions_of(name):
            message = _("{exchange} does not serve the region {region}; set ABSOLUTE_REGION")
            return message.format(exchange=name, region=self.region)
        if ExchangeFactory.is_registered(name):
            return None
        try:
            return means_of(name, self._told(name)).fault()
        except UserError as fault:
            return fault.message

    def exchange(self, name: str) -> AbstractExchange:
        """One of them; raises ExchangeUnavailable with what to do about it."""
        name = name.strip().lower()
        if name not in self._made:
            ExchangeFactory.check_known(name)
            fault = self.fault(name)
            if fault is not None:
                raise ExchangeUnavailable(fault)
            self._made[name] = ExchangeFactory.create_exchange(name, self._told(name))
        return self._made[name]

    def accounts_beside(self, name: str) -> list[str]:
        """Every usable account in the same world of the same venue, itself among them."""
        asked = place_of(name)
        beside = [
            each
            for each in self.names()
            if place_of(each).profile == asked.profile and each != name
        ]
        return [name, *beside]

    def _told(self, name: str) -> dict[str, Any]:
        """The configuration; in the box no key of the user is read, but for a custom exchange."""
        if current_box() is not None and not ExchangeFactory.is_registered(name):
            return {}
        return self._config.load_exchange_config(name)


class MultiExchangeManager:
    """Manages multiple exchanges and provides unified interface."""

    def __init__(
        self,
        config_manager: ExchangeConfigManager | None = None,
        *,
        region: str | None = None,
        rules: FleetRules | None = None,
    ) -> None:
        """Initialize with optional configuration manager."""
        self.config_manager = config_manager or ExchangeConfigManager()
        told = region or os.environ.get(REGION_NAME) or PowerTraderHub().settings["region"]
        self.region = check_region(str(told))
        self._roster = Roster(self.config_manager, self.region)
        around = Surroundings(
            clock=WallClock(),
            fresh_id=fresh_client_id,
            log=FileOrderLog(self.config_manager.config_dir / "orders.jsonl"),
        )
        self._fleet = Fleet(self._roster, around, rules or FleetRules())

    # --- prices -----------------------------------------------------------------------------------

    def get_available_exchanges(self) -> list[str]:
        """Get list of exchanges available for current region."""
        return self._roster.names()

    async def get_market_data(self, symbol: str, exchange: str | None = None) -> MarketData:
        """Get market data from specific or best exchange."""
        if exchange is None:
            return await self.get_best_price(symbol)
        return await self._fleet.market_data(symbol, _name(exchange))

    async def compare_prices(self, symbol: str) -> dict[str, MarketData]:
        """Compare prices across all available exchanges."""
        return await self._fleet.compare(symbol)

    async def get_best_price(
        self, symbol: str, side: str = "buy", amount: float | None = None
    ) -> MarketData:
        """Find best price across all exchanges: what the trade would cost, taker fee included.

        With an `amount` the book is walked for it, and only exchanges with the balance count.
        `reason` says how every exchange stood.
        """
        if side.lower() not in {"buy", "sell"}:
            message = _("side is {side}; write buy or sell.").format(side=repr(side))
            raise UserError("ORDER_INVALID", message)
        size = None if amount is None else exact(amount, "amount")
        return await self._fleet.best_price(symbol, Side(side.lower()), size)

    # --- orders and balances ----------------------------------------------------------------------

    async def place_order(
        self, order_request: OrderRequest, exchange: str | None = None
    ) -> OrderResult:
        """Place order on specific or optimal exchange; safe to call again after any error."""
        self._roster.check_world()
        return await self._fleet.place(order_request, None if exchange is None else _name(exchange))

    async def get_balances(self, exchange: str | None = None) -> dict[str, dict[str, float]]:
        """Get balances from specific exchange or all exchanges."""
        return await self._fleet.balances(None if exchange is None else _name(exchange))

    def orders_in_doubt(self) -> list[SentOrder]:
        """Orders whose fate is unknown; nothing else is sent in their pairs."""
        return self._fleet.placing.in_doubt()

    def settle_by_hand(self, client_id: str, outcome: str) -> None:
        """Say what became of an order in doubt, after looking at the exchange."""
        self._fleet.placing.settle_by_hand(client_id, outcome)

    # --- state ------------------------------------------------------------------------------------

    def get_exchange_status(self) -> dict[str, dict[str, Any]]:
        """Get connection status for all exchanges.

        Outside of asyncio an exchange that was never asked is asked once; inside, the last known
        state is told. `latency` is in ms, `credentials` tells which place serves the keys.
        """
        self._probe()
        return {name: self._status(name) for name in self._roster.known()}

    def get_system_status(self) -> dict[str, Any]:
        """Get overall status, and how many of all exchanges answer."""
        self._probe()
        usable = self._roster.names()
        conditions = [self._health(name).condition for name in usable]
        return {
            "overall": overall(conditions) if usable else "unconfigured",
            "available_count": conditions.count(Condition.ONLINE),
            "total_count": len(self._roster.known()),
            "region": self.region,
            "orders_in_doubt": len(self.orders_in_doubt()),
        }

    def _status(self, name: str) -> dict[str, Any]:
        health, fault = self._health(name), self._roster.fault(name)
        condition = health.condition if fault is None else Condition.UNCONFIGURED
        return {
            "status": condition.value,
            "latency": health.latency_ms,
            "last_error": health.last_error,
            "detail": fault or "",
            "credentials": self._source(name),
        }

    def _source(self, name: str) -> str | None:
        if current_box() is not None and not ExchangeFactory.is_registered(name):
            return "box" if means_of(name).keys() is not None else None
        try:
            return self.config_manager.config_source(name)
        except UserError as fault:
            return fault.message

    def _health(self, name: str) -> Health:
        return self._fleet.calls.health.get(name, Health())

    def _probe(self) -> None:
        """Ask whom nobody has asked yet, where this thread has no event loop of its own."""
        cold = [name for name in self._roster.names() if name not in self._fleet.calls.health]
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            if cold:
                asyncio.run(self._ask(cold))

    async def _ask(self, names: list[str]) -> None:
        await self._fleet.calls.ask_all(names, lambda each: each.get_market_data(PROBE_SYMBOL))

    # --- watching ---------------------------------------------------------------------------------

    def subscribe_to_price_updates(self, callback: Listener) -> Callable[[], None]:
        """Have callback(exchange, symbol, price_data) called; calling the answer ends that."""
        return self._fleet.prices.add(callback)

    def subscribe_to_connection_events(self, callback: Listener) -> Callable[[], None]:
        """Have callback(exchange, connected) called; calling the answer ends that."""
        return self._fleet.calls.connections.add(callback)

    async def start_price_monitoring(self, symbols: Sequence[str]) -> None:
        """Start to ask for prices in the background; returns at once."""
        await self._fleet.watch(symbols)

    async def stop_price_monitoring(self) -> None:
        """Stop asking."""
        await self._fleet.stop_watch()

    async def close(self) -> None:
        """Let go of every socket; the end of the event loop does it as well."""
        await self._fleet.stop_watch()
        await self._fleet.calls.close()


def fresh_client_id() -> str:
    """A client id nobody has had: the time and luck, in letters every exchange takes."""
    return f"pt{WallClock().now_ns():016x}{fresh_seed():012x}"


def _name(exchange: str) -> str:
    return exchange.strip().lower()


class ConfigHelpers:
    """The `config_utils` of the document."""

    @staticmethod
    def validate_exchange_config(exchange_name: str, config: dict[str, Any]) -> bool:
        """True where the configuration has what the exchange needs; nothing is asked there."""
        if ExchangeFactory.is_registered(exchange_name):
            return True
        return config_fault(exchange_name, config) is None

    @staticmethod
    def explain_exchange_config(exchange_name: str, config: dict[str, Any]) -> str | None:
        """What a configuration lacks, in a sentence, or None."""
        return config_fault(exchange_name, config)

    @staticmethod
    def get_recommended_exchanges(region: str) -> list[str]:
        """The exchanges that serve a region."""
        return recommended(region)

    @staticmethod
    async def test_exchange_connection(
        exchange_name: str, config: dict[str, Any] | None = None
    ) -> bool:
        """True where the exchange answers, with its keys where there are any."""
        exchange = None
        try:
            exchange = ExchangeFactory.create_exchange(exchange_name, config)
            return await exchange.initialize()
        except (ExchangeError, UserError):
            return False
        finally:
            if exchange is not None:
                await exchange.close()


config_utils = ConfigHelpers
