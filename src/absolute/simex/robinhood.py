"""Owns the Robinhood face of the box: the official crypto API, v2, as far as it trades.

Words, shapes and errors are those of docs.robinhood.com/crypto/trading: accounts, trading pairs,
best bid and ask, estimated price, holdings, orders and their cancel. Every request is signed with
Ed25519 over key, seconds, path with query, method and body, and good for 30 seconds. A client order
id that is known gives the order it belongs to. Assumptions: the fee ratio, one active account to a
key, orders beyond 300 in a minute meet 429.
"""

import base64
import json
from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from absolute.domain.instrument import Side
from absolute.domain.units import NANOS_PER_SECOND, Asset, Nanos, Price, Qty, plain
from absolute.simex.bybit import Supply
from absolute.simex.exchange import Exchange, Scope
from absolute.simex.face import BoxKey, HttpReply, HttpRequest
from absolute.simex.facts import Refusal, Refused
from absolute.simex.listing import Category, Listing, Market, VenueRules
from absolute.simex.orders import AccountId, BoxOrder, BoxStatus, OrderAsk, OrderNumber, Trigger
from absolute.simex.plain_face import Grid, PlainFace, PlainVenue, iso, plain_exchange, plain_keys
from absolute.wire.robinhood_signing import VALID_SECONDS, SignedParts, verified

HOST: Final = "trading.robinhood.com"
TRADING: Final = "/api/v2/crypto/trading/"
MARKET_DATA: Final = "/api/v2/crypto/marketdata/"
BURST_MAX: Final = 300
MINUTE_NS: Final = 60 * NANOS_PER_SECOND
DEPTH: Final = 500

VENUE: Final = PlainVenue(
    name="robinhood",
    symbol=lambda base: f"{base}-USD",
    grids={
        Asset("BTC"): Grid("0.01", "0.00000001", "0.000001", "0.01", "20"),
        Asset("ETH"): Grid("0.01", "0.000001", "0.0001", "0.01", "300"),
        Asset("SOL"): Grid("0.0001", "0.00001", "0.001", "0.01", "5000"),
    },
    maker=Decimal("0.0055"),
    taker=Decimal("0.0055"),
    rules=VenueRules(client_ids_forever=True),
)
_STATES: Final[Mapping[BoxStatus, str]] = {
    BoxStatus.WAITING: "open",
    BoxStatus.OPEN: "open",
    BoxStatus.PARTLY_FILLED: "partially_filled",
    BoxStatus.FILLED: "filled",
    BoxStatus.CANCELLED: "canceled",
}


class _No(Exception):
    """A refusal: status, what it is about, and the sentence."""

    def __init__(self, status: int, detail: str, attr: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.attr = attr

    def reply(self) -> HttpReply:
        """As the documents print an error."""
        kind = "validation_error" if self.status == 400 else "client_error"
        told = {"type": kind, "errors": [{"detail": str(self), "attr": self.attr}]}
        return HttpReply(self.status, json.dumps(told).encode())


def robinhood_keys() -> tuple[BoxKey, ...]:
    """The box's fake Robinhood keys; the secret is the private seed, base64."""
    return plain_keys(VENUE.name, lambda seed: base64.b64encode(seed).decode())


def robinhood_face(keys: Iterable[BoxKey], supply: Supply) -> "RobinhoodFace":
    """Robinhood as the box shows it; keys of other venues are left aside."""
    return RobinhoodFace(HOST, plain_exchange(VENUE, keys, supply))


class RobinhoodFace(PlainFace):
    """Robinhood's crypto API over one exchange."""

    def __init__(self, host: str, exchange: Exchange) -> None:
        super().__init__(host, exchange)
        self._recent: deque[Nanos] = deque()

    def answer(self, request: HttpRequest, now: Nanos) -> HttpReply:
        """One request, fully handled."""
        try:
            told = self._told(request, now)
        except _No as no:
            return no.reply()
        except (ValueError, KeyError, TypeError, InvalidOperation) as fault:
            return _No(400, f"malformed: {fault}", "non_field_errors").reply()
        return HttpReply(200, json.dumps(told).encode())

    def _told(self, request: HttpRequest, now: Nanos) -> object:
        key = self._signed(request, now)
        self._limit(now)
        account = self.account(key)
        words = parse_qs(request.query)
        if request.path.startswith(MARKET_DATA):
            return self._market_data(request, words, now)
        if not request.path.startswith(TRADING):
            raise _No(404, "Not found.")
        match request.method, request.path.removeprefix(TRADING).strip("/").split("/"):
            case "GET", ["accounts"]:
                return _page([self._account(account)])
            case "GET", ["trading_pairs"]:
                return _page([_pair(each) for each in self._listings(words)])
            case "GET", ["estimated_price"]:
                return self._estimated(words, now)
            case _, _ if words.get("account_number") != [account] and "cancel" not in request.path:
                raise _No(400, "This field is required.", "account_number")
            case "GET", ["holdings"]:
                return _page(self._holdings(account, words))
            case "GET", ["orders"]:
                return _page(self._orders(account, words))
            case "GET", ["orders", order_id]:
                return self._row(self._find(account, order_id))
            case "POST", ["orders"]:
                self._may_trade(key)
                return self._create(account, json.loads(request.body), now)
            case "POST", ["orders", order_id, "cancel"]:
                self._may_trade(key)
                return self._cancel(account, order_id, now)
            case _:
                raise _No(404, "Not found.")

    def _signed(self, request: HttpRequest, now: Nanos) -> BoxKey:
        """Whose request it is."""
        key = self.exchange.key(request.headers.get("x-api-key", ""))
        stamp = request.headers.get("x-timestamp", "")
        if key is None or not stamp.isdigit():
            raise _No(401, "Invalid API key.")
        path = f"{request.path}?{request.query}" if request.query else request.path
        parts = SignedParts(key.key, int(stamp), path, request.method, request.body)
        seed = Ed25519PrivateKey.from_private_bytes(base64.b64decode(key.secret))
        public = base64.b64encode(seed.public_key().public_bytes_raw()).decode()
        if not verified(parts, request.headers.get("x-signature", ""), public):
            raise _No(401, "Invalid signature.")
        if abs(now // NANOS_PER_SECOND - int(stamp)) > VALID_SECONDS:
            raise _No(401, "Timestamp expired.")
        return key

    def _limit(self, now: Nanos) -> None:
        while self._recent and self._recent[0] <= now - MINUTE_NS:
            self._recent.popleft()
        if len(self._recent) >= BURST_MAX:
            raise _No(429, "Request was throttled.")
        self._recent.append(now)

    def _may_trade(self, key: BoxKey) -> None:
        if "trade" not in key.permissions:
            raise _No(403, "You do not have permission to perform this action.")

    # --- prices -----------------------------------------------------------------------------------

    def _market_data(self, request: HttpRequest, words: dict[str, list[str]], now: Nanos) -> object:
        if request.path != f"{MARKET_DATA}best_bid_ask/":
            raise _No(404, "Not found.")
        rows = []
        for each in self._listings(words):
            bids, asks = self.exchange.market(each.market).view(1)
            if bids and asks:
                quotes = {"bid": plain(bids[0][0]), "ask": plain(asks[0][0])}
                rows.append({"symbol": each.market.symbol, **quotes, "timestamp": iso(now)})
        return {"results": rows}

    def _estimated(self, words: dict[str, list[str]], now: Nanos) -> object:
        listing = self._listing(words["symbol"][0])
        side = words["side"][0]
        if side not in {"bid", "ask"}:
            raise _No(400, "side is bid or ask.", "side")
        bids, asks = self.exchange.market(listing.market).view(DEPTH)
        rows = []
        for text in words["quantity"][0].split(","):
            quantity = Decimal(text)
            price = _mean(asks if side == "ask" else bids, quantity)
            if price is None:
                raise _No(400, "quantity is beyond what is quoted.", "quantity")
            fee = price * quantity * VENUE.taker
            total = price * quantity + (fee if side == "ask" else -fee)
            name = "est_total_cost" if side == "ask" else "est_total_credit"
            rows.append(
                {
                    "symbol": listing.market.symbol,
                    "side": side,
                    "quantity": plain(quantity),
                    side: plain(price),
                    "fee_ratio": plain(VENUE.taker),
                    "est_fee": plain(fee),
                    name: plain(total),
                    "timestamp": iso(now),
                }
            )
        return {"results": rows}

    # --- what belongs to an account ---------------------------------------------------------------

    def _account(self, account: AccountId) -> dict[str, object]:
        free = {each.asset: each.free for each in self.exchange.balances(account)}
        return {
            "account_number": account,
            "account_type": "individual",
            "status": "active",
            "is_api_tradable": True,
            "buying_power": plain(free.get(Asset("USD"), Decimal(0))),
            "buying_power_currency": "USD",
            "fee_tier_status": {
                "fee_ratio": plain(VENUE.taker),
                "thirty_day_volume": "0",
                "next_fee_tier_ratio": None,
                "next_fee_tier_threshold": None,
            },
        }

    def _holdings(self, account: AccountId, words: dict[str, list[str]]) -> list[dict[str, object]]:
        wanted = words.get("asset_code")
        return [
            {
                "account_number": account,
                "asset_code": str(each.asset),
                "total_quantity": plain(each.total),
                "quantity_available_for_trading": plain(each.free),
            }
            for each in self.exchange.balances(account)
            if each.asset != "USD" and (wanted is None or each.asset in wanted)
        ]

    def _orders(self, account: AccountId, words: dict[str, list[str]]) -> list[dict[str, object]]:
        rows = [self._row(each) for each in reversed(self.exchange.orders(account, Scope()))]
        for name in ("symbol", "id", "side", "state", "type"):
            if name in words:
                rows = [row for row in rows if row[name] in words[name]]
        since = words.get("created_at_start", [""])[0][:19]
        return [row for row in rows if str(row["created_at"]) >= since]

    def _create(self, account: AccountId, body: dict[str, Any], now: Nanos) -> object:
        client_id = str(UUID(str(body["client_order_id"])))
        known = self.exchange.find(account, client_id=client_id)
        if known is not None:
            return self._row(known)
        listing = self._listing(str(body["symbol"]))
        last = self.exchange.market(listing.market).last
        taken = self.exchange.submit(account, _asked(listing.market, body, last), now)
        if isinstance(taken, Refused):
            attr = "asset_quantity" if taken.reason is Refusal.QTY_MIN else "non_field_errors"
            raise _No(400, taken.detail or str(taken.reason), attr)
        return self._row(taken)

    def _cancel(self, account: AccountId, order_id: str, now: Nanos) -> object:
        order = self._find(account, order_id)
        gone = self.exchange.cancel(account, order.number, now)
        if isinstance(gone, Refused):
            raise _No(400, "Order cannot be canceled.", "non_field_errors")
        return f"Cancel request was submitted for order {order_id}"

    def _find(self, account: AccountId, order_id: str) -> BoxOrder:
        digits = order_id.removeprefix(_ID_HEAD)
        order = None
        if digits.isdigit():
            order = self.exchange.find(account, number=OrderNumber(int(digits)))
        if order is None:
            raise _No(404, "Not found.")
        return order

    def _row(self, order: BoxOrder) -> dict[str, object]:
        ask = order.ask
        kind = ask.notes["type"]
        fills = [
            each
            for each in self.exchange.executions(order.account, Scope(symbol=ask.market.symbol))
            if each.order == order.number
        ]
        return {
            "id": f"{_ID_HEAD}{order.number:012d}",
            "account_number": order.account,
            "symbol": ask.market.symbol,
            "client_order_id": ask.client_id,
            "side": str(ask.side),
            "type": kind,
            "state": _STATES[order.status],
            "average_price": None if order.average is None else plain(order.average),
            "filled_asset_quantity": plain(order.filled),
            "fee_charged": plain(sum(order.fees.values(), Decimal(0))),
            "executions": [
                {
                    "effective_price": plain(each.price),
                    "quantity": plain(each.qty),
                    "timestamp": iso(each.time),
                }
                for each in fills
            ],
            "created_at": iso(order.created),
            "updated_at": iso(order.updated),
            f"{kind}_order_config": json.loads(ask.notes["config"]),
        }

    def _listings(self, words: dict[str, list[str]]) -> list[Listing]:
        wanted = words.get("symbol")
        found = self.exchange.listings()
        return [each for each in found if wanted is None or each.market.symbol in wanted]

    def _listing(self, symbol: str) -> Listing:
        found = self.exchange.listing(Market(Category.SPOT, symbol))
        if found is None:
            raise _No(400, f"{symbol} is not supported.", "symbol")
        return found


_ID_HEAD: Final = "00000000-0000-4000-9000-"


def _asked(market: Market, body: dict[str, Any], last: Price) -> OrderAsk:
    """An order in the core's words; raises what a malformed one raises."""
    kind = str(body["type"])
    if kind not in {"market", "limit", "stop_loss", "stop_limit"}:
        raise _No(400, "not a valid choice.", "type")
    terms = body[f"{kind}_order_config"]
    price, stop = terms.get("limit_price"), terms.get("stop_price")
    trigger = None
    if stop is not None:
        trigger = Trigger(Price(Decimal(stop)), rising=Decimal(stop) >= last)
    return OrderAsk(
        market=market,
        side=Side(str(body["side"])),
        qty=Qty(Decimal(terms["asset_quantity"])),
        price=None if price is None else Price(Decimal(price)),
        client_id=str(UUID(str(body["client_order_id"]))),
        trigger=trigger,
        notes={"type": kind, "config": json.dumps(terms)},
    )


def _pair(listing: Listing) -> dict[str, object]:
    instrument = listing.instrument
    assert instrument.max_qty is not None, "the grid has one"
    return {
        "symbol": listing.market.symbol,
        "asset_code": str(instrument.base),
        "quote_code": str(instrument.quote),
        "asset_increment": plain(instrument.lot),
        "quote_increment": plain(instrument.tick),
        "min_order_size": plain(instrument.min_qty),
        "max_order_size": plain(instrument.max_qty),
        "min_order_amount": plain(instrument.min_notional),
        "status": "tradable",
        "is_api_tradable": True,
    }


def _mean(levels: Iterable[tuple[Price, Qty]], quantity: Decimal) -> Decimal | None:
    """The mean price of taking so much; None where the book ends before."""
    left, value = quantity, Decimal(0)
    for price, qty in levels:
        part = min(left, qty)
        value, left = value + part * price, left - part
        if left <= 0:
            return value / quantity
    return None


def _page(rows: list[dict[str, object]]) -> dict[str, object]:
    return {"next": None, "previous": None, "results": rows}
