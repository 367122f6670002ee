"""Owns Robinhood as a member of the fleet: its markets, prices, balances and orders.

Its prices already are the effective ones before a stated fee, so a price for a size is asked for
instead of a book. A client id is its idempotency key: one id is one order. No socket exists, so
what happened is polled. It must not know how requests travel.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final
from urllib.parse import urlencode

from absolute.domain.errors import UserError
from absolute.domain.ids import ClientOrderId
from absolute.domain.instrument import Side
from absolute.domain.units import NANOS_PER_SECOND, ZERO, Nanos, plain
from absolute.venues import symbols
from absolute.venues.client_ids import ClientIds
from absolute.venues.fleet_errors import (
    ExchangeConnectionError,
    ExchangeError,
    ExchangeNotSent,
    ExchangeOrderRejected,
    ExchangeRateLimitError,
    ExchangeUnavailable,
)
from absolute.venues.fleet_exchange import Absent, AbstractExchange, Finding, Found, Undecided
from absolute.venues.fleet_price import BookLevel, BookView
from absolute.venues.fleet_terms import (
    MarketData,
    OrderRequest,
    OrderResult,
    SentOrder,
    Wanted,
    moment,
    wanted,
)
from absolute.venues.limiter import Lane
from absolute.venues.profiles import IdRule
from absolute.venues.regions import supported_regions
from absolute.venues.robinhood_line import Asked, RobinhoodLine, RobinhoodSurroundings
from absolute.venues.self_trade import RestingOrder
from absolute.wire.robinhood_signing import VALID_SECONDS, signer

TRADING: Final = "/api/v2/crypto/trading"
MARKET_DATA: Final = "/api/v2/crypto/marketdata"

VISIBLE_NS: Final = (VALID_SECONDS + 15) * NANOS_PER_SECOND
"""An order not listed by then never will be: its signature is void; 15 s of them assumed."""

_TYPES: Final = {
    "market": "market",
    "limit": "limit",
    "stop": "stop_loss",
    "stop_limit": "stop_limit",
}
UUIDS: Final = IdRule(r"[0-9a-f-]{36}", "uuid", "Robinhood crypto API, place order")

_ALIVE: Final = frozenset({"open", "partially_filled"})
_WORDS: Final = frozenset({"gtc", "gfd", "gfw", "gfm"})
_LOOKS: Final = (0.1, 0.3, 0.6, 1.0)


@dataclass(frozen=True, slots=True)
class RobinhoodAccount:
    """The account orders go to: its money and what a trade costs there."""

    number: str
    buying_power: Decimal
    currency: str
    fee_ratio: Decimal


@dataclass(frozen=True, slots=True)
class RobinhoodPair:
    """The grid of one pair."""

    symbol: str
    asset_step: Decimal
    quote_step: Decimal
    qty_min: Decimal
    qty_max: Decimal


def check_config(config: Mapping[str, Any]) -> None:
    """Refuse the form with user name and password, and say what to do instead."""
    if {"username", "password"} & set(config):
        raise UserError(
            "ROBINHOOD_PASSWORD",
            "Robinhood with user name and password is not offered: it has no official interface, "
            "cannot pass the device approval unattended, and the password opens everything. Make "
            "an API key in Robinhood's crypto account settings and give api_key and api_secret "
            "(the base64 private key) instead.",
        )
    if not config.get("api_key") or not config.get("api_secret"):
        raise UserError(
            "ROBINHOOD_KEY_MISSING",
            "robinhood needs api_key and api_secret, also for prices; make a key in the crypto "
            "account settings and set ROBINHOOD_API_KEY and ROBINHOOD_API_SECRET.",
        )


class RobinhoodVenue(AbstractExchange):
    """Robinhood through its official crypto API."""

    venue = "robinhood"

    def __init__(self, config: Mapping[str, Any], around: RobinhoodSurroundings) -> None:
        super().__init__()
        check_config(config)
        self._clock = around.clock
        self._may_trade = around.may_trade
        key = signer(str(config["api_key"]), str(config["api_secret"]))
        self._line = RobinhoodLine(key, around)
        self._number: str | None = None
        self._pairs: dict[str, RobinhoodPair] = {}

    async def initialize(self) -> bool:
        """Sign one harmless question; raises what is wrong with the key."""
        found = await self.fetch_account()
        self._number = self.account = found.number
        return True

    def get_supported_regions(self) -> list[str]:
        """US only."""
        return supported_regions(self.venue)

    def normalize_symbol(self, symbol: str) -> str:
        """BTC-USD."""
        return symbols.to_robinhood_format(symbol)

    async def close(self) -> None:
        """Let go of the socket."""
        await self._line.close()

    # --- prices -----------------------------------------------------------------------------------

    async def get_market_data(self, symbol: str) -> MarketData:
        """Best bid and ask of its partners, fee excluded. It publishes no volume: zero."""
        row = await self._quote(self.normalize_symbol(symbol))
        bid, ask = _number(row, "bid"), _number(row, "ask")
        return MarketData(
            symbol=symbol,
            price=float((bid + ask) / 2),
            bid=float(bid),
            ask=float(ask),
            volume=0.0,
            timestamp=moment(self._clock.now_ns()),
            exchange=self.venue,
            reason="Robinhood publishes no last trade and no volume: the price is the middle.",
        )

    async def get_order_book(self, symbol: str, amount: Decimal | None = None) -> BookView | None:
        """What this size would trade at on either side; None without a size."""
        if amount is None:
            return None
        pair = await self._pair(symbol)
        size = plain(_down(amount, pair.asset_step))
        sides = {}
        for side in ("bid", "ask"):
            asked = {"symbol": pair.symbol, "side": side, "quantity": size}
            found = await self._line.ask(Asked(f"{TRADING}/estimated_price/?{urlencode(asked)}"))
            rows = found.get("results", [found]) if isinstance(found, dict) else []
            if not rows:
                raise ExchangeUnavailable(f"robinhood: no price for {size} {pair.symbol}")
            sides[side] = (BookLevel(_number(rows[0], side), amount),)
        return BookView(bids=sides["bid"], asks=sides["ask"], seen_at=self._clock.now_ns())

    async def taker_fee(self, symbol: str) -> Decimal | None:
        """What the account's fee tier says."""
        del symbol
        return (await self.fetch_account()).fee_ratio

    async def _quote(self, name: str) -> Any:  # noqa: ANN401 -- JSON enters
        path = f"{MARKET_DATA}/best_bid_ask/?{urlencode({'symbol': name})}"
        found = await self._line.ask(Asked(path))
        for row in found.get("results", []) if isinstance(found, dict) else []:
            if row.get("symbol") == name:
                return row
        raise ExchangeUnavailable(f"robinhood has no market {name}.")

    # --- the account ------------------------------------------------------------------------------

    async def fetch_account(self) -> RobinhoodAccount:
        """The account that may be traded through this API."""
        rows = await self._line.pages(f"{TRADING}/accounts/")
        usable = [row for row in rows if row.get("status") == "active"]
        usable = [row for row in usable if row.get("is_api_tradable")] or usable
        if not usable:
            raise ExchangeUnavailable("robinhood: no active account can be traded with this key.")
        row = usable[0]
        tier = row.get("fee_tier_status") or {}
        return RobinhoodAccount(
            number=str(row["account_number"]),
            buying_power=_number(row, "buying_power"),
            currency=str(row["buying_power_currency"]),
            fee_ratio=_number(tier, "fee_ratio"),
        )

    async def get_balance(self, asset: str | None = None) -> dict[str, float]:
        """What is free: buying power in dollars, and coins that no open order holds."""
        account = await self.fetch_account()
        asked = urlencode({"account_number": account.number})
        rows = await self._line.pages(f"{TRADING}/holdings/?{asked}")
        free = {account.currency: float(account.buying_power)}
        for row in rows:
            free[str(row["asset_code"])] = float(_number(row, "quantity_available_for_trading"))
        return free if asset is None else {asset: free.get(asset, 0.0)}

    # --- orders -----------------------------------------------------------------------------------

    async def place_order(self, order_request: OrderRequest) -> OrderResult:
        """Send it once. Any error without `no_order` leaves it in doubt."""
        order = wanted(order_request)
        if not self._may_trade:
            raise ExchangeUnavailable(
                "robinhood moves real money and is not enabled for orders; give its configuration "
                '"allow_orders": "trade real money on robinhood".'
            )
        if not order_request.client_id:
            raise ExchangeOrderRejected("an order needs a client id; place it through the manager.")
        try:
            pair, query = await self._pair(order.symbol), await self._account_query()
        except (ExchangeConnectionError, ExchangeRateLimitError) as fault:
            raise ExchangeNotSent(
                f"not sent, since a question before it failed: {fault}"
            ) from fault
        body = self._body(order, pair, _form(order_request.client_id))
        path = f"{TRADING}/orders/?{query}"
        row = await self._line.ask(Asked(path, body, Lane.ENTRY))
        if not isinstance(row, dict) or not row.get("id"):
            raise ExchangeConnectionError("robinhood: the reply to an order names no order.")
        return self._result(await self._settled(row), order.amount)

    async def cancel_order(self, order_id: str) -> None:
        """Ask for an order back; whether it traded meanwhile is seen by looking at it."""
        await self._line.ask(Asked(f"{TRADING}/orders/{order_id}/cancel/", {}, Lane.EXIT))

    async def find_order(self, sent: SentOrder) -> Finding:
        """Look through the orders made since; absent only after its signature has run out."""
        asked_at = self._clock.now_ns()
        for row in await self._orders(sent.order.symbol, Nanos(sent.sent_at - VISIBLE_NS)):
            if row.get("client_order_id") == _form(sent.client_id):
                return Found(self._result(row, sent.order.amount))
        if asked_at > sent.sent_at + VISIBLE_NS:
            return Absent("its list shows no such order, and its signature is void by now")
        return Undecided("its list does not show the order yet")

    async def get_open_orders(self, symbol: str) -> list[RestingOrder]:
        """Our own open orders in a pair."""
        rows = await self._orders(symbol, None)
        return [self._resting(row) for row in rows if row.get("state") in _ALIVE]

    async def _orders(self, symbol: str, since: Nanos | None) -> list[Any]:
        asked = {"symbol": self.normalize_symbol(symbol)}
        if since is not None:
            asked["created_at_start"] = moment(since).isoformat()
        query = await self._account_query()
        return await self._line.pages(f"{TRADING}/orders/?{query}&{urlencode(asked)}")

    async def _settled(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """A market order as it ended, where it ends soon; the order stands whatever is answered."""
        query = await self._account_query()
        for pause in _LOOKS:
            if row.get("state") not in _ALIVE or row.get("type") != "market":
                return row
            await asyncio.sleep(pause)
            try:
                seen = await self._line.ask(Asked(f"{TRADING}/orders/{row['id']}/?{query}"))
            except ExchangeError:
                return row
            row = seen if isinstance(seen, dict) else row
        return row

    async def _account_query(self) -> str:
        if self._number is None:
            await self.initialize()
        return urlencode({"account_number": self._number or ""})

    async def _pair(self, symbol: str) -> RobinhoodPair:
        name = self.normalize_symbol(symbol)
        if name not in self._pairs:
            rows = await self._line.pages(f"{TRADING}/trading_pairs/?{urlencode({'symbol': name})}")
            for row in rows:
                self._pairs[str(row["symbol"])] = _pair(row)
        if name not in self._pairs:
            raise ExchangeUnavailable(f"robinhood has no market {name} that may be traded.")
        return self._pairs[name]

    def _body(self, order: Wanted, pair: RobinhoodPair, client_id: str) -> dict[str, object]:
        """The order on the pair's grid; what does not fit is refused here."""
        amount = _down(order.amount, pair.asset_step)
        if not pair.qty_min <= amount <= pair.qty_max:
            raise ExchangeOrderRejected(
                f"robinhood: {plain(amount)} {pair.symbol} is outside {plain(pair.qty_min)} to "
                f"{plain(pair.qty_max)}.",
                "QTY_RANGE",
            )
        terms: dict[str, str] = {"asset_quantity": plain(amount)}
        if order.price is not None:
            terms["limit_price"] = plain(_for_side(order.side, order.price, pair.quote_step))
        if order.stop_price is not None:
            terms["stop_price"] = plain(_for_side(order.side, order.stop_price, pair.quote_step))
        if order.order_type != "market":
            terms["time_in_force"] = _duration(order.time_in_force)
        kind = _TYPES[order.order_type]
        return {
            "symbol": pair.symbol,
            "client_order_id": client_id,
            "side": str(order.side),
            "type": kind,
            f"{kind}_order_config": terms,
        }

    def _result(self, row: Mapping[str, Any], amount: Decimal) -> OrderResult:
        filled = _number(row, "filled_asset_quantity")
        fee = _number(row, "fee_charged")
        quote = symbols.split(str(row["symbol"]))[1]
        return OrderResult(
            order_id=str(row["id"]),
            status=str(row.get("state", "unknown")),
            filled_amount=float(filled),
            remaining_amount=float(max(amount - filled, ZERO)),
            average_price=float(_number(row, "average_price")),
            fees={quote: float(fee)} if fee else {},
            timestamp=moment(self._clock.now_ns()),
            exchange=self.venue,
        )

    def _resting(self, row: Mapping[str, Any]) -> RestingOrder:
        terms = row.get(f"{row.get('type')}_order_config") or {}
        price = terms.get("limit_price")
        return RestingOrder(
            venue=self.venue,
            account=str(row.get("account_number", self.account)),
            symbol=symbols.standard(str(row["symbol"])),
            side=Side(str(row["side"])),
            price=None if price is None else Decimal(str(price)),
            order_id=str(row["id"]),
        )


def _form(client_id: str) -> str:
    """Our id as the UUID it takes; the same one for the same id, also after a restart."""
    form = ClientIds(UUIDS).out(ClientOrderId(client_id))
    assert form is not None, "a digest always has the form"
    return form


def _pair(row: Mapping[str, Any]) -> RobinhoodPair:
    return RobinhoodPair(
        symbol=str(row["symbol"]),
        asset_step=_number(row, "asset_increment"),
        quote_step=_number(row, "quote_increment"),
        qty_min=_number(row, "min_order_size"),
        qty_max=_number(row, "max_order_size"),
    )


def _number(row: Mapping[str, Any], name: str) -> Decimal:
    """An amount of a reply; what is missing or null is zero, as for an order without a fill."""
    value = row.get(name)
    return ZERO if value is None else Decimal(str(value))


def _down(amount: Decimal, step: Decimal) -> Decimal:
    return amount // step * step if step > ZERO else amount


def _for_side(side: Side, price: Decimal, step: Decimal) -> Decimal:
    """On the grid and no worse: down for a buy, up for a sell."""
    if step <= ZERO:
        return price
    rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
    return (price / step).to_integral_value(rounding) * step


def _duration(word: str) -> str:
    if word.lower() not in _WORDS:
        known = ", ".join(sorted(each.upper() for each in _WORDS))
        raise ExchangeOrderRejected(f"robinhood takes {known}, not {word}.", "TIME_IN_FORCE")
    return word.lower()
