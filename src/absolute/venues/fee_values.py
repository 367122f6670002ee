"""Owns what fees in a third coin are worth in quote money: a price is asked for once in a while.

A trade whose fee cannot be valued yet is told without one and kept, to be told again with it.
Knows nothing of sockets.
"""

from collections import OrderedDict
from decimal import Decimal

from absolute.domain.fill import Fill
from absolute.domain.ids import ClientOrderId, TradeId
from absolute.domain.units import NANOS_PER_SECOND, Asset, Nanos
from absolute.venues.clock_offset import Clock
from absolute.venues.dialect import Dialect
from absolute.venues.error_table import VenueFault
from absolute.venues.rows import Traded, fee_of, fill_of

FRESH_NS = 60 * NANOS_PER_SECOND
WAITING_MAX = 10_000


class FeeValues:
    """Prices of fee coins and the trades that wait for one."""

    def __init__(self, dialect: Dialect, clock: Clock) -> None:
        self._dialect = dialect
        self._clock = clock
        self._prices: dict[Asset, tuple[Nanos, Decimal]] = {}
        self._waiting: OrderedDict[TradeId, Traded] = OrderedDict()

    def fill(self, traded: Traded, client_id: ClientOrderId) -> Fill:
        """A trade as a fill; without a fee, and kept, where the fee cannot be valued yet."""
        fee = fee_of(traded, self._dialect.instrument, self._price(traded.fee_asset))
        if fee is None and traded.fee is not None:
            self._waiting[traded.trade_id] = traded
            while len(self._waiting) > WAITING_MAX:
                self._waiting.popitem(last=False)
        else:
            self._waiting.pop(traded.trade_id, None)
        return fill_of(traded, client_id, fee)

    def _price(self, asset: Asset) -> Decimal | None:
        time, price = self._prices.get(asset, (Nanos(0), None))
        return price if price is not None and self._clock.now_ns() - time < FRESH_NS else None

    async def learn(self, traded: Traded) -> None:
        """Ask for the price of a trade's fee coin, where it is a third one and not known."""
        instrument, asset = self._dialect.instrument, traded.fee_asset
        own = asset in {instrument.base, instrument.quote} or not traded.fee
        if own or self._price(asset) is not None:
            return
        try:
            price = await self._dialect.price_of(asset)
        except VenueFault:
            price = None  # told without a fee now, and asked for again
        if price is not None:
            self._prices[asset] = (self._clock.now_ns(), price)

    async def settle(self) -> list[Traded]:
        """The trades that waited for a price and have one now."""
        for traded in list(self._waiting.values()):
            await self.learn(traded)
        return [each for each in self._waiting.values() if self._price(each.fee_asset) is not None]
