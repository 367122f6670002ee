"""Owns Bybit's three worlds as the box builds them: hosts, markets with their filters, rules.

Filters are rows of /v5/market/instruments-info as its page shows them (docs/v5/market/instrument,
2026-07); those of other coins, and of SOL, are assumptions. It must not know requests.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from absolute.domain.fees import FeeCoin, FeeSchedule
from absolute.domain.ids import InstrumentId
from absolute.domain.instrument import Instrument, Kind
from absolute.domain.units import Asset, Nanos, Price, Qty, Quote, Ratio
from absolute.simex.exchange import Exchange, Stall
from absolute.simex.face import BoxKey, Environment
from absolute.simex.listing import Caps, Category, Listing, Market, VenueRules
from absolute.simex.market import DAY_NS
from absolute.simex.orders import AccountId, ExecutionNumber, OrderNumber
from absolute.simex.price_path import PricePath
from absolute.simex.supply import Supply

HOSTS: Final[Mapping[str, Environment]] = {
    "api.bybit.com": Environment.MAIN,
    "api.bytick.com": Environment.MAIN,
    "stream.bybit.com": Environment.MAIN,
    "api-testnet.bybit.com": Environment.TESTNET,
    "stream-testnet.bybit.com": Environment.TESTNET,
    "api-demo.bybit.com": Environment.DEMO,
    "stream-demo.bybit.com": Environment.DEMO,
}

USDT: Final = Asset("USDT")

# docs/v5/order/create-order, "Maximum number of orders": 500 active orders; 10 conditional ones
# per linear symbol; 30 TP/SL orders per spot symbol.
CAPS: Final = {
    Category.SPOT: Caps(open_max=500, triggers_per_market_max=30),
    Category.LINEAR: Caps(open_max=500, triggers_per_market_max=10),
}
FORCED: Final = {"create": "CreateByLiq"}
DEMO_KEPT_NS: Final = 7 * DAY_NS
"""docs/v5/demo: orders of the demo are kept seven days."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The filters of one market, as text; `market_max` is for market orders."""

    tick: str
    lot: str
    min_qty: str
    max_qty: str
    market_max: str
    min_value: str = "5"
    max_value: str | None = None
    band: str = "0.02"
    leverage_max: str = "50"


SPOT_GRIDS: Final = {
    "BTC": Grid("0.1", "0.000001", "0.000011", "83", "41.5", max_value="8000000"),
    "ETH": Grid("0.01", "0.00001", "0.00029", "4616.1353715", "2308", max_value="7000000"),
    "ADA": Grid("0.0001", "0.01", "1.07", "7591573.35", "3795786", max_value="4000000"),
    "LTC": Grid("0.01", "0.00001", "0.00923", "22975.30155", "11487", max_value="600000"),
    "XRP": Grid("0.0001", "0.01", "0.44", "2390343.01", "1195171", max_value="4000000"),
    "DOGE": Grid("0.00001", "0.1", "3", "22340128.4", "11170064", max_value="4000000"),
    "SOL": Grid("0.01", "0.001", "0.01", "50000", "25000", max_value="4000000"),
}
LINEAR_GRIDS: Final = {
    "BTC": Grid("0.1", "0.001", "0.001", "1190", "500", leverage_max="100"),
    "ETH": Grid("0.01", "0.01", "0.01", "7240", "724", band="0.04", leverage_max="100"),
    "LTC": Grid("0.01", "0.1", "0.1", "28740", "6160", band="0.1"),
    "ADA": Grid("0.0001", "1", "1", "6315500", "1109600", band="0.1", leverage_max="75"),
    "SOL": Grid("0.01", "0.1", "0.1", "80000", "8000", band="0.05", leverage_max="100"),
}
OTHER_SPOT: Final = Grid("0.0001", "0.001", "0.001", "1000000", "500000", max_value="4000000")
OTHER_LINEAR: Final = Grid("0.0001", "0.01", "0.01", "1000000", "100000", band="0.1")

# docs/v5/enum, spotFeeCurrency: a taker buy pays in the coin it receives. Rates: the usual ones of
# a new account (fee-rate page and a public answer of 2026-09).
SPOT_FEES: Final = FeeSchedule(Ratio(Decimal("0.001")), Ratio(Decimal("0.001")), FeeCoin.RECEIVED)
LINEAR_FEES: Final = FeeSchedule(Ratio(Decimal("0.0002")), Ratio(Decimal("0.00055")))


@dataclass(slots=True)
class World:
    """One of Bybit's worlds: its exchange, and what it must remember between requests."""

    environment: Environment
    exchange: Exchange
    funded: dict[AccountId, Nanos] = field(default_factory=dict)

    @property
    def demo(self) -> bool:
        """Whether the demo's limits hold (docs/v5/demo)."""
        return self.environment is Environment.DEMO

    # Ids carry the instant at which the world began, so those of another run are never met again.

    def order_id(self, market: Market, number: OrderNumber) -> str:
        """Spot counts in 19 digits, derivatives have UUIDs (docs/v5/order/create-order)."""
        if market.category is Category.SPOT:
            return str(self._epoch_ms() * 1_000_000 + number)
        return str(uuid.UUID(int=(self._epoch_ms() << 64) | number))

    def order_number(self, order_id: str) -> OrderNumber | None:
        """The number behind an id of ours; None for any other text."""
        if order_id.isdigit():
            number = int(order_id) - self._epoch_ms() * 1_000_000
        else:
            try:
                number = uuid.UUID(order_id).int - (self._epoch_ms() << 64)
            except ValueError:
                return None
        return OrderNumber(number) if 0 < number < 1_000_000 else None

    def execution_id(self, market: Market, number: ExecutionNumber) -> str:
        """As order ids, in a range of their own."""
        if market.category is Category.SPOT:
            return str(2_000_000_000_000_000_000 + self._epoch_ms() * 100_000 + number)
        return str(uuid.UUID(int=(self._epoch_ms() << 64) | (1 << 63) | number))

    def _epoch_ms(self) -> int:
        return (self.exchange.begun or 0) // 1_000_000


def worlds(keys: Iterable[BoxKey], supply: Supply) -> dict[Environment, World]:
    """The three worlds on the same tapes: the demo's public prices are those of the main one."""
    given = tuple(keys)
    return {
        environment: World(environment, _exchange(environment, given, supply))
        for environment in Environment
    }


def spot_grid(base: Asset) -> Grid:
    """The filters of a spot market against USDT."""
    return SPOT_GRIDS.get(base, OTHER_SPOT)


def linear_grid(base: Asset) -> Grid:
    """The filters of a linear perpetual against USDT."""
    return LINEAR_GRIDS.get(base, OTHER_LINEAR)


def _exchange(environment: Environment, keys: tuple[BoxKey, ...], supply: Supply) -> Exchange:
    stalls: list[Stall] = []
    for base, tape in supply.tapes.items():
        for category in Category:
            path = PricePath(tape, supply.path)
            stalls.append(Stall(_listing(base, category), path, supply.house))
    kept = DEMO_KEPT_NS if environment is Environment.DEMO else None
    rules = VenueRules(client_ids_forever=True, caps=CAPS, closed_kept_ns=kept, forced_notes=FORCED)
    return Exchange("bybit", environment, stalls=stalls, keys=keys, rules=rules)


def _listing(base: Asset, category: Category) -> Listing:
    spot = category is Category.SPOT
    grid = spot_grid(base) if spot else linear_grid(base)
    symbol = f"{base}{USDT}"
    instrument = Instrument(
        InstrumentId(symbol),
        Kind.SPOT if spot else Kind.LINEAR,
        base,
        USDT,
        tick=Price(Decimal(grid.tick)),
        lot=Qty(Decimal(grid.lot)),
        min_qty=Qty(Decimal(grid.min_qty)),
        min_notional=Quote(Decimal(grid.min_value)),
        max_qty=Qty(Decimal(grid.max_qty)),
        max_market_qty=Qty(Decimal(grid.market_max)),
        max_notional=Quote(Decimal(grid.max_value)) if grid.max_value else None,
    )
    return Listing(
        Market(category, symbol),
        instrument,
        SPOT_FEES if spot else LINEAR_FEES,
        band=Decimal(grid.band),
        leverage_max=Decimal(grid.leverage_max),
    )
