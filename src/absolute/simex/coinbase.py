"""Owns the Coinbase Advanced face of the box: the REST endpoints a client needs to price and trade.

Words, shapes and errors are those of docs.cdp.coinbase.com ("Advanced Trade REST API"): market
products, ticker and book in public; transaction summary, accounts, orders (create, batch cancel,
historical) and fills with a token; and the coin lists of the older v2 interface. A token is a JWT
signed with Ed25519 for one method and path. A client order id that is known gives the order it
belongs to and makes no other. Assumptions: rates of the first tier, a market buy by quote size ends
filled though a rest too small to trade remains.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from absolute.domain.fill import Liquidity
from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.domain.units import NANOS_PER_SECOND, Asset, Nanos, Price, Qty, Quote, plain
from absolute.simex.bybit import Supply
from absolute.simex.exchange import Balance, Scope
from absolute.simex.face import BoxKey, HttpReply, HttpRequest
from absolute.simex.facts import Refusal, Refused
from absolute.simex.listing import Category, Listing, Market, VenueRules
from absolute.simex.orders import (
    AccountId,
    BoxOrder,
    BoxStatus,
    Execution,
    OrderAsk,
    OrderNumber,
    Trigger,
)
from absolute.simex.plain_face import (
    Grid,
    PlainFace,
    PlainVenue,
    iso,
    plain_exchange,
    plain_keys,
)

HOST: Final = "api.coinbase.com"
V3: Final = "/api/v3/brokerage"
PAGE: Final = 100

VENUE: Final = PlainVenue(
    name="coinbase",
    symbol=lambda base: f"{base}-USD",
    grids={
        Asset("BTC"): Grid("0.01", "0.00000001", "0.00000001", "1"),
        Asset("ETH"): Grid("0.01", "0.00000001", "0.00000001", "1"),
        Asset("SOL"): Grid("0.01", "0.00000001", "0.00000001", "1"),
    },
    maker=Decimal("0.004"),
    taker=Decimal("0.006"),
    rules=VenueRules(client_ids_forever=True, post_only_refused=True, spend_rest_fills=True),
)

_REASONS: Final[Mapping[Refusal, str]] = {
    Refusal.FUNDS_SHORT: "INSUFFICIENT_FUND",
    Refusal.MARKET_UNKNOWN: "UNKNOWN_FAILURE_REASON",
    Refusal.PRICE_STEP: "INVALID_PRICE_PRECISION",
    Refusal.QTY_STEP: "INVALID_SIZE_PRECISION",
    Refusal.QTY_MIN: "INVALID_SIZE",
    Refusal.NOTIONAL_MIN: "INVALID_SIZE",
    Refusal.POST_ONLY_WOULD_TAKE: "INVALID_LIMIT_PRICE_POST_ONLY",
}
_STATUS: Final[Mapping[BoxStatus, str]] = {
    BoxStatus.WAITING: "OPEN",
    BoxStatus.OPEN: "OPEN",
    BoxStatus.PARTLY_FILLED: "OPEN",
    BoxStatus.FILLED: "FILLED",
    BoxStatus.CANCELLED: "CANCELLED",
}


class _No(Exception):
    """A request that gets no proper answer: status and error word."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


def coinbase_keys() -> tuple[BoxKey, ...]:
    """The box's fake Coinbase keys: an Ed25519 seed with its public half behind, base64."""
    return plain_keys(VENUE.name, _secret)


def _secret(seed: bytes) -> str:
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return base64.b64encode(seed + public).decode()


def coinbase_face(keys: Iterable[BoxKey], supply: Supply) -> "CoinbaseFace":
    """Coinbase as the box shows it; keys of other venues are left aside."""
    return CoinbaseFace(HOST, plain_exchange(VENUE, keys, supply))


class CoinbaseFace(PlainFace):
    """Coinbase's REST interface over one exchange."""

    def answer(self, request: HttpRequest, now: Nanos) -> HttpReply:
        """One request, fully handled."""
        try:
            told = self._told(request, now)
        except _No as no:
            return _reply(no.status, {"error": str(no), "message": str(no)})
        except (ValueError, KeyError, TypeError, InvalidOperation):
            return _reply(400, {"error": "INVALID_ARGUMENT", "message": "malformed"})
        return _reply(200, told)

    def _told(self, request: HttpRequest, now: Nanos) -> object:
        words = _words(request.query)
        match request.method, request.path.removeprefix(V3).strip("/").split("/"):
            case "GET", ["v2", "accounts"]:
                return self._wallets(self._signed(request, now))
            case "GET", ["v2", *rest]:
                return _coins(rest)
            case "GET", ["time"]:
                return {"epochSeconds": str(now // NANOS_PER_SECOND), "iso": iso(now)}
            case "GET", ["market", "products"]:
                return self._products(words, now)
            case "GET", ["market", "products", product, "ticker"]:
                return self._ticker(product, now)
            case "GET", ["market", "product_book"]:
                return self._book(words, now)
            case method, path:
                account = self._signed(request, now)
                return self._private(account, (method, path), request, now)

    def _private(
        self, account: AccountId, what: tuple[str, list[str]], request: HttpRequest, now: Nanos
    ) -> object:
        words = _words(request.query)
        match what:
            case "GET", ["transaction_summary"]:
                rates = {"maker_fee_rate": str(VENUE.maker), "taker_fee_rate": str(VENUE.taker)}
                return {"fee_tier": {"pricing_tier": "box", **rates}}
            case "GET", ["accounts"]:
                return self._accounts(account, now)
            case "POST", ["orders"]:
                return self._create(account, json.loads(request.body), now)
            case "POST", ["orders", "batch_cancel"]:
                return self._cancel(account, json.loads(request.body)["order_ids"], now)
            case "GET", ["orders", "historical", "batch"]:
                return self._orders(account, words)
            case "GET", ["orders", "historical", "fills"]:
                return self._fills(account, words)
            case "GET", ["orders", "historical", order_id]:
                order = self._find(account, order_id)
                if order is None:
                    raise _No(404, "NOT_FOUND")
                return {"order": self._row(order)}
            case _:
                raise _No(404, "unknown path")

    def _signed(self, request: HttpRequest, now: Nanos) -> AccountId:
        """Whose token it is: signed, in date, and made for this method and path."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            head, body, signature = token.split(".")
            claims = json.loads(_bytes(body))
            key = self.exchange.key(str(claims["sub"]))
            if key is None or json.loads(_bytes(head))["alg"] != "EdDSA":
                raise _No(401, "Unauthorized")
            private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(key.secret)[:32])
            private.public_key().verify(_bytes(signature), f"{head}.{body}".encode())
            seconds = now // NANOS_PER_SECOND
            in_date = int(claims["nbf"]) <= seconds + 1 and seconds < int(claims["exp"])
            meant = f"{request.method} {request.host}{request.path}" in claims["uris"]
        except (ValueError, KeyError, TypeError, binascii.Error, InvalidSignature):
            raise _No(401, "Unauthorized") from None
        if not in_date or not meant:
            raise _No(401, "Unauthorized")
        if request.method == "POST" and "trade" not in key.permissions:
            raise _No(403, "PERMISSION_DENIED")
        return self.account(key)

    # --- what anybody may ask -----------------------------------------------------------------

    def _products(self, words: dict[str, str], now: Nanos) -> object:
        if words.get("product_type") == "FUTURE":
            return {"products": [], "num_products": 0}
        rows = [self._product(each, now) for each in self.exchange.listings()]
        return {"products": rows, "num_products": len(rows)}

    def _product(self, listing: Listing, now: Nanos) -> dict[str, object]:
        instrument, day = listing.instrument, self.exchange.market(listing.market).day(now)
        assert instrument.max_qty is not None, "the grid has one"
        return {
            "product_id": listing.market.symbol,
            "price": plain(day.last),
            "volume_24h": plain(day.volume),
            "base_increment": plain(instrument.lot),
            "quote_increment": plain(instrument.tick),
            "price_increment": plain(instrument.tick),
            "base_min_size": plain(instrument.min_qty),
            "base_max_size": plain(instrument.max_qty),
            "quote_min_size": plain(instrument.min_notional),
            "quote_max_size": "150000000",
            "base_currency_id": str(instrument.base),
            "quote_currency_id": str(instrument.quote),
            "base_name": str(instrument.base),
            "quote_name": "US Dollar",
            "product_type": "SPOT",
            "status": "online",
            "trading_disabled": False,
            "is_disabled": False,
            "cancel_only": False,
            "limit_only": False,
            "post_only": False,
            "alias": "",
            "alias_to": [],
        }

    def _ticker(self, product: str, now: Nanos) -> object:
        listing = self._listing(product)
        state = self.exchange.market(listing.market)
        bids, asks = state.view(1)
        trades = [
            {
                "trade_id": str(each.number),
                "product_id": product,
                "price": plain(each.price),
                "size": plain(each.qty),
                "time": iso(each.time),
                "side": each.taker_side.opposite.upper(),
            }
            for each in state.trades(1)
        ]
        quiet = {"product_id": product, "price": plain(state.last), "size": "0", "time": iso(now)}
        return {
            "trades": trades or [quiet],
            "best_bid": plain(bids[0][0]) if bids else "0",
            "best_ask": plain(asks[0][0]) if asks else "0",
        }

    def _book(self, words: dict[str, str], now: Nanos) -> object:
        listing = self._listing(words["product_id"])
        bids, asks = self.exchange.market(listing.market).view(int(words.get("limit", "100")))
        return {
            "pricebook": {
                "product_id": listing.market.symbol,
                "bids": [{"price": plain(price), "size": plain(qty)} for price, qty in bids],
                "asks": [{"price": plain(price), "size": plain(qty)} for price, qty in asks],
                "time": iso(now),
            }
        }

    # --- what belongs to an account -----------------------------------------------------------

    def _accounts(self, account: AccountId, now: Nanos) -> object:
        rows = [_account_row(each, now) for each in self.exchange.balances(account)]
        return {"accounts": rows, "has_next": False, "cursor": "", "size": len(rows)}

    def _wallets(self, account: AccountId) -> object:
        """The older list of accounts: totals, without what orders hold."""
        rows = [
            {
                "id": f"box-{each.asset}",
                "type": "fiat" if each.asset == "USD" else "wallet",
                "currency": {"code": str(each.asset)},
                "balance": {"amount": plain(each.total), "currency": str(each.asset)},
            }
            for each in self.exchange.balances(account)
        ]
        return {"pagination": {"next_uri": None}, "data": rows}

    def _create(self, account: AccountId, body: dict[str, Any], now: Nanos) -> object:
        product, client_id = str(body["product_id"]), str(body["client_order_id"])
        known = self.exchange.find(account, client_id=client_id) if client_id else None
        if known is None:
            listing = self._listing(product)
            last = self.exchange.market(listing.market).last
            asked = _asked(listing.market, body, last)
            taken = self.exchange.submit(account, asked, now)
        else:
            taken = known
        configuration = body["order_configuration"]
        if isinstance(taken, Refused):
            reason = _REASONS.get(taken.reason, "UNKNOWN_FAILURE_REASON")
            return {
                "success": False,
                "error_response": {
                    "error": reason,
                    "message": taken.detail or reason,
                    "error_details": "",
                    "preview_failure_reason": f"PREVIEW_{reason}",
                },
                "order_configuration": configuration,
            }
        return {
            "success": True,
            "success_response": {
                "order_id": _order_id(taken.number),
                "product_id": product,
                "side": str(body["side"]),
                "client_order_id": client_id,
            },
            "order_configuration": configuration,
        }

    def _cancel(self, account: AccountId, order_ids: list[str], now: Nanos) -> object:
        results = []
        for order_id in order_ids:
            order = self._find(account, order_id)
            gone: object = None
            if order is not None:
                gone = self.exchange.cancel(account, order.number, now)
            done = isinstance(gone, BoxOrder)
            reason = "UNKNOWN_CANCEL_FAILURE_REASON" if done else "UNKNOWN_CANCEL_ORDER"
            results.append({"success": done, "failure_reason": reason, "order_id": order_id})
        return {"results": results}

    def _orders(self, account: AccountId, words: dict[str, str]) -> object:
        rows = [self._row(each) for each in reversed(self.exchange.orders(account, _scope(words)))]
        status, since = words.get("order_status"), words.get("start_date")
        rows = [row for row in rows if status in {None, row["status"]}]
        rows = [row for row in rows if since is None or str(row["created_time"]) >= since[:19]]
        start = int(words.get("cursor") or 0)
        end = start + int(words.get("limit", PAGE))
        return {
            "orders": rows[start:end],
            "has_next": end < len(rows),
            "cursor": str(end) if end < len(rows) else "",
            "sequence": "0",
        }

    def _fills(self, account: AccountId, words: dict[str, str]) -> object:
        found = reversed(self.exchange.executions(account, _scope(words)))
        since = words.get("start_sequence_timestamp")
        rows = [_fill(each) for each in found]
        rows = [row for row in rows if since is None or str(row["trade_time"]) >= since[:19]]
        if "order_id" in words:
            rows = [row for row in rows if row["order_id"] == words["order_id"]]
        start = int(words.get("cursor") or 0)
        end = start + int(words.get("limit", PAGE))
        return {"fills": rows[start:end], "cursor": str(end) if end < len(rows) else ""}

    def _find(self, account: AccountId, order_id: str) -> BoxOrder | None:
        digits = order_id.removeprefix(_ID_HEAD)
        if not digits.isdigit():
            return None
        return self.exchange.find(account, number=OrderNumber(int(digits)))

    def _row(self, order: BoxOrder) -> dict[str, object]:
        ask = order.ask
        return {
            "order_id": _order_id(order.number),
            "product_id": ask.market.symbol,
            "side": ask.side.upper(),
            "client_order_id": ask.client_id,
            "order_configuration": json.loads(ask.notes["configuration"]),
            "order_type": ask.notes["type"],
            "status": _STATUS[order.status],
            "time_in_force": ask.notes["lasts"],
            "created_time": iso(order.created),
            "last_fill_time": iso(order.updated) if order.filled else None,
            "completion_percentage": "100" if not order.status.alive else "0",
            "filled_size": plain(order.filled),
            "average_filled_price": plain(order.average or Decimal(0)),
            "filled_value": plain(order.value),
            "total_fees": plain(sum(order.fees.values(), Decimal(0))),
            "product_type": "SPOT",
            "settled": not order.status.alive,
            "reject_reason": "REJECT_REASON_UNSPECIFIED",
            "cancel_message": str(order.end or ""),
        }

    def _listing(self, product: str) -> Listing:
        found = self.exchange.listing(Market(Category.SPOT, product))
        if found is None:
            raise _No(404, "NOT_FOUND")
        return found


_MARKET, _LIMIT, _STOP = "market_market_ioc", "limit_limit_gtc", "stop_limit_stop_limit_gtc"
_KINDS: Final = {
    _MARKET: ("MARKET", "IMMEDIATE_OR_CANCEL", TimeInForce.IOC),
    _LIMIT: ("LIMIT", "GOOD_UNTIL_CANCELLED", TimeInForce.GTC),
    "sor_limit_ioc": ("LIMIT", "IMMEDIATE_OR_CANCEL", TimeInForce.IOC),
    "limit_limit_fok": ("LIMIT", "FILL_OR_KILL", TimeInForce.FOK),
    _STOP: ("STOP_LIMIT", "GOOD_UNTIL_CANCELLED", TimeInForce.GTC),
}


def _asked(market: Market, body: dict[str, Any], last: Price) -> OrderAsk:
    """An order in the core's words; raises what a malformed one raises."""
    ((kind, terms),) = body["order_configuration"].items()
    word, lasts_word, lasts = _KINDS[kind]
    base, quote = terms.get("base_size"), terms.get("quote_size")
    if (base is None) == (quote is None):
        raise ValueError("one size is needed")
    if quote is not None and kind != _MARKET:
        raise ValueError("only a market order is sized in quote")
    trigger = None
    if kind == _STOP:
        trigger = Trigger(Price(Decimal(terms["stop_price"])), rising=_rising(terms, last))
    if terms.get("post_only"):
        lasts = TimeInForce.POST_ONLY
    return OrderAsk(
        market=market,
        side=Side(str(body["side"]).lower()),
        qty=None if base is None else Qty(Decimal(base)),
        spend=None if quote is None else Quote(Decimal(quote)),
        price=None if kind == _MARKET else Price(Decimal(terms["limit_price"])),
        time_in_force=lasts,
        client_id=str(body["client_order_id"]),
        trigger=trigger,
        notes={"configuration": json.dumps({kind: terms}), "type": word, "lasts": lasts_word},
    )


def _rising(terms: dict[str, Any], last: Price) -> bool:
    direction = terms.get("stop_direction", "")
    if direction:
        return bool(direction == "STOP_DIRECTION_STOP_UP")
    return Decimal(terms["stop_price"]) >= last


def _coins(rest: list[str]) -> object:
    """The lists of the older interface that a client reads for the names of coins."""
    match rest:
        case ["currencies"]:
            return {"data": [{"id": "USD", "name": "United States Dollar", "min_size": "0.01"}]}
        case ["currencies", "crypto"]:
            return {
                "data": [
                    {"code": str(base), "name": str(base), "asset_id": f"box-{base}"}
                    for base in VENUE.grids
                ]
            }
        case ["exchange-rates"]:
            return {"data": {"currency": "USD", "rates": {"USD": "1"}}}
        case _:
            raise _No(404, "unknown path")


def _account_row(balance: Balance, now: Nanos) -> dict[str, object]:
    name = str(balance.asset)
    return {
        "uuid": f"box-{name}",
        "name": f"{name} Wallet",
        "currency": name,
        "available_balance": {"value": plain(balance.free), "currency": name},
        "hold": {"value": plain(balance.held), "currency": name},
        "default": True,
        "active": True,
        "type": "ACCOUNT_TYPE_FIAT" if name == "USD" else "ACCOUNT_TYPE_CRYPTO",
        "ready": True,
        "updated_at": iso(now),
    }


def _fill(fill: Execution) -> dict[str, object]:
    return {
        "entry_id": f"box-entry-{fill.number}",
        "trade_id": f"box-trade-{fill.number}",
        "order_id": _order_id(fill.order),
        "trade_time": iso(fill.time),
        "trade_type": "FILL",
        "price": plain(fill.price),
        "size": plain(fill.qty),
        "commission": plain(fill.fee.amount),
        "product_id": fill.market.symbol,
        "sequence_timestamp": iso(fill.time),
        "liquidity_indicator": "MAKER" if fill.liquidity is Liquidity.MAKER else "TAKER",
        "size_in_quote": False,
        "side": fill.side.upper(),
    }


_ID_HEAD: Final = "00000000-0000-4000-8000-"


def _order_id(number: OrderNumber) -> str:
    return f"{_ID_HEAD}{number:012d}"


def _scope(words: dict[str, str]) -> Scope:
    symbol = words.get("product_id") or words.get("product_ids")
    return Scope(Category.SPOT, symbol) if symbol else Scope()


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _words(text: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}


def _reply(status: int, told: object) -> HttpReply:
    return HttpReply(status, json.dumps(told).encode())
