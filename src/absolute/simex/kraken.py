"""Owns the Kraken spot face of the box: the REST endpoints a client needs to price and trade.

Words, shapes and errors are those of docs.kraken.com/api ("Spot REST API"): GET public Time,
SystemStatus, Assets, AssetPairs, Ticker, Depth; POST private BalanceEx, AddOrder, CancelOrder,
QueryOrders, OpenOrders, ClosedOrders, TradesHistory. Every reply is HTTP 200 and says its errors in
a list. A nonce must grow from call to call. Assumptions: rates of the first tier, fees in dollars,
a client id taken twice while open is an invalid argument.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qs

from absolute.domain.fill import Liquidity
from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.domain.units import NANOS_PER_SECOND, Asset, Nanos, Price, Qty, Quote, plain
from absolute.simex.bybit import Supply
from absolute.simex.exchange import Exchange, Scope
from absolute.simex.face import BoxKey, HttpReply, HttpRequest
from absolute.simex.facts import Refusal, Refused
from absolute.simex.listing import Listing, Market
from absolute.simex.orders import (
    AccountId,
    BoxOrder,
    BoxStatus,
    EndCause,
    Execution,
    OrderAsk,
    OrderNumber,
    Trigger,
)
from absolute.simex.plain_face import Grid, PlainFace, PlainVenue, plain_exchange, plain_keys

HOST: Final = "api.kraken.com"
DEPTH_MAX: Final = 500
PAGE: Final = 50

_ASSETS: Final = {
    Asset("BTC"): "XXBT",
    Asset("ETH"): "XETH",
    Asset("SOL"): "SOL",
    Asset("USD"): "ZUSD",
}
_ALTERNATE: Final = {"XXBT": "XBT", "XETH": "ETH", "SOL": "SOL", "ZUSD": "USD"}


def _pair(base: Asset) -> str:
    """XXBTZUSD, but SOLUSD: newer coins have no class letters."""
    name = _ASSETS[base]
    return f"{name}ZUSD" if name.startswith("X") else f"{name}USD"


VENUE: Final = PlainVenue(
    name="kraken",
    symbol=_pair,
    grids={
        Asset("BTC"): Grid("0.1", "0.00000001", "0.00005", "0.5"),
        Asset("ETH"): Grid("0.01", "0.00000001", "0.001", "0.5"),
        Asset("SOL"): Grid("0.01", "0.00000001", "0.02", "0.5"),
    },
    maker=Decimal("0.0025"),
    taker=Decimal("0.0040"),
)

_ERRORS: Final[Mapping[Refusal, str]] = {
    Refusal.MARKET_UNKNOWN: "EQuery:Unknown asset pair",
    Refusal.MARKET_CLOSED: "EService:Market in cancel_only mode",
    Refusal.FUNDS_SHORT: "EOrder:Insufficient funds",
    Refusal.PRICE_STEP: "EOrder:Tick size check failed",
    Refusal.QTY_MIN: "EOrder:Order minimum not met",
    Refusal.NOTIONAL_MIN: "EOrder:Cost minimum not met",
    Refusal.POST_ONLY_WOULD_TAKE: "EOrder:Post only order",
    Refusal.ORDERS_MAX: "EOrder:Orders limit exceeded",
    Refusal.ORDER_UNKNOWN: "EOrder:Unknown order",
    Refusal.ORDER_DONE: "EOrder:Unknown order",
}
_STATUS: Final[Mapping[BoxStatus, str]] = {
    BoxStatus.WAITING: "open",
    BoxStatus.OPEN: "open",
    BoxStatus.PARTLY_FILLED: "open",
    BoxStatus.FILLED: "closed",
    BoxStatus.CANCELLED: "canceled",
}
_LASTS: Final = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}


class _No(Exception):
    """An error of Kraken's, to be listed in the reply."""


def kraken_keys() -> tuple[BoxKey, ...]:
    """The box's fake Kraken keys."""
    return plain_keys(VENUE.name, lambda seed: base64.b64encode(seed).decode())


def kraken_face(keys: Iterable[BoxKey], supply: Supply) -> "KrakenFace":
    """Kraken as the box shows it; keys of other venues are left aside."""
    return KrakenFace(HOST, plain_exchange(VENUE, keys, supply))


class KrakenFace(PlainFace):
    """Kraken's REST interface over one exchange."""

    def __init__(self, host: str, exchange: Exchange) -> None:
        super().__init__(host, exchange)
        self._nonces: dict[str, int] = {}

    def answer(self, request: HttpRequest, now: Nanos) -> HttpReply:
        """One request; what is wrong stands in the reply's error list."""
        try:
            result = self._told(request, now)
        except _No as no:
            return _reply({"error": [str(no)]})
        return _reply({"error": [], "result": result})

    def _told(self, request: HttpRequest, now: Nanos) -> object:
        _, version, kind, name = [*request.path.split("/"), "", "", ""][:4]
        if version != "0":
            raise _No("EGeneral:Unknown method")
        if kind == "public" and name in _PUBLIC:
            return _PUBLIC[name](self, _words(request.query), now)
        if kind == "private" and name in _PRIVATE and request.method == "POST":
            key, words = self._signed(request)
            if name in {"AddOrder", "CancelOrder"} and "trade" not in key.permissions:
                raise _No("EGeneral:Permission denied")
            return _PRIVATE[name](self, self.account(key), words, now)
        raise _No("EGeneral:Unknown method")

    def _signed(self, request: HttpRequest) -> tuple[BoxKey, dict[str, str]]:
        """Whose request it is: HMAC-SHA512 over the path and the hash of nonce and raw body."""
        key = self.exchange.key(request.headers.get("api-key", ""))
        if key is None:
            raise _No("EAPI:Invalid key")
        words = _words(request.body.decode())
        nonce = words.get("nonce", "")
        digest = hashlib.sha256(nonce.encode() + request.body).digest()
        secret = base64.b64decode(key.secret)
        made = hmac.new(secret, request.path.encode() + digest, hashlib.sha512).digest()
        try:
            given = base64.b64decode(request.headers.get("api-sign", ""), validate=True)
        except binascii.Error:
            given = b""
        if not hmac.compare_digest(made, given):
            raise _No("EAPI:Invalid signature")
        if not nonce.isdigit() or int(nonce) <= self._nonces.get(key.key, 0):
            raise _No("EAPI:Invalid nonce")
        self._nonces[key.key] = int(nonce)
        return key, words

    # --- what anybody may ask -----------------------------------------------------------------

    def asset_pairs(self, words: dict[str, str], now: Nanos) -> object:
        """The markets with their grids and rates."""
        del words, now
        return {each.market.symbol: _pair_row(each) for each in self.exchange.listings()}

    def ticker(self, words: dict[str, str], now: Nanos) -> object:
        """Best quotes, last trade and the day."""
        listing = self._listing(words)
        state = self.exchange.market(listing.market)
        bids, asks = state.view(1)
        day = state.day(now)
        volume = plain(day.volume)
        mean = plain(day.turnover / day.volume) if day.volume else plain(state.last)

        def best(levels: Iterable[tuple[Price, Qty]]) -> list[str]:
            return next(([plain(price), "1", plain(qty)] for price, qty in levels), ["0", "0", "0"])

        return {
            listing.market.symbol: {
                "a": best(asks),
                "b": best(bids),
                "c": [plain(state.last), "0.001"],
                "v": [volume, volume],
                "p": [mean, mean],
                "t": [day.count, day.count],
                "l": [plain(day.low), plain(day.low)],
                "h": [plain(day.high), plain(day.high)],
                "o": plain(day.open),
            }
        }

    def depth(self, words: dict[str, str], now: Nanos) -> object:
        """The book, best first."""
        listing = self._listing(words)
        count = min(int(words.get("count", "100")), DEPTH_MAX)
        bids, asks = self.exchange.market(listing.market).view(count)
        seconds = now // NANOS_PER_SECOND
        return {
            listing.market.symbol: {
                "bids": [[plain(price), plain(qty), seconds] for price, qty in bids],
                "asks": [[plain(price), plain(qty), seconds] for price, qty in asks],
            }
        }

    # --- what belongs to an account ---------------------------------------------------------------

    def balances(self, account: AccountId, words: dict[str, str], now: Nanos) -> object:
        """What is owned, and what open orders hold of it."""
        del words, now
        return {
            _ASSETS[each.asset]: {"balance": plain(each.total), "hold_trade": plain(each.held)}
            for each in self.exchange.balances(account)
            if each.asset in _ASSETS
        }

    def add_order(self, account: AccountId, words: dict[str, str], now: Nanos) -> object:
        """Take an order in."""
        listing = self._listing(words)
        ask = _asked(listing.market, words, self.exchange.market(listing.market).last)
        told = {"order": _described(ask, listing)}
        if words.get("validate") == "true":
            return {"descr": told}
        taken = self.exchange.submit(account, ask, now)
        if isinstance(taken, Refused):
            raise _No(_ERRORS.get(taken.reason, "EGeneral:Invalid arguments"))
        return {"descr": told, "txid": [_txid(taken.number)]}

    def cancel_order(self, account: AccountId, words: dict[str, str], now: Nanos) -> object:
        """Take an order back, by Kraken's id or ours."""
        order = self._order(account, words)
        gone = self.exchange.cancel(account, order.number, now)
        if isinstance(gone, Refused):
            raise _No(_ERRORS.get(gone.reason, "EOrder:Unknown order"))
        return {"count": 1}

    def query_orders(self, account: AccountId, words: dict[str, str], now: Nanos) -> object:
        """Orders by Kraken's ids, open or not; an id nobody knows is an error."""
        del now
        rows = {}
        for txid in filter(None, words.get("txid", "").split(",")):
            number = _number(txid)
            order = None if number is None else self.exchange.find(account, number=number)
            if order is None:
                raise _No("EOrder:Unknown order")
            rows[txid] = self._row(account, order)
        return rows

    def open_orders(self, account: AccountId, words: dict[str, str], now: Nanos) -> object:
        """Orders alive, or those of them with our id."""
        del now
        return {"open": self._rows(account, words, self.exchange.open_orders(account, Scope()))}

    def closed_orders(self, account: AccountId, words: dict[str, str], now: Nanos) -> object:
        """Orders that ended, the newest first, fifty to a page."""
        del now
        ended = [each for each in self.exchange.orders(account, Scope()) if not each.status.alive]
        start = Decimal(words.get("start", "0")) * NANOS_PER_SECOND
        ended = [each for each in reversed(ended) if each.updated >= start]
        offset = int(words.get("ofs", "0"))
        rows = self._rows(account, words, ended)
        page = dict(list(rows.items())[offset : offset + PAGE])
        return {"closed": page, "count": len(rows)}

    def trades_history(self, account: AccountId, words: dict[str, str], now: Nanos) -> object:
        """Executions, the newest first, fifty to a page."""
        del now
        start = Decimal(words.get("start", "0")) * NANOS_PER_SECOND
        found = [e for e in self.exchange.executions(account, Scope()) if e.time >= start]
        offset = int(words.get("ofs", "0"))
        page = list(reversed(found))[offset : offset + PAGE]
        rows = {_trade_id(each): self._trade(each) for each in page}
        return {"trades": rows, "count": len(found)}

    def _rows(
        self, account: AccountId, words: dict[str, str], orders: Iterable[BoxOrder]
    ) -> dict[str, object]:
        wanted = words.get("cl_ord_id")
        return {
            _txid(each.number): self._row(account, each)
            for each in orders
            if wanted in {None, each.ask.client_id}
        }

    def _row(self, account: AccountId, order: BoxOrder) -> dict[str, object]:
        ask, listing = order.ask, self.exchange.listing(order.ask.market)
        assert listing is not None, "an order is of a market"
        fills = self.exchange.executions(account, Scope(symbol=ask.market.symbol))
        fee = sum(order.fees.values(), Decimal(0))
        trigger = ask.trigger.price if ask.trigger else None
        row: dict[str, object] = {
            "refid": None,
            "userref": 0,
            "cl_ord_id": ask.client_id or None,
            "status": _STATUS[order.status],
            "reason": _why(order),
            "opentm": _seconds(order.created),
            "starttm": 0,
            "expiretm": 0,
            "descr": {
                "pair": _altname(listing),
                "type": str(ask.side),
                "ordertype": _kind(ask),
                "price": plain(trigger or ask.price or Decimal(0)),
                "price2": plain(ask.price) if trigger and ask.price else "0",
                "leverage": "none",
                "order": _described(ask, listing),
                "close": "",
            },
            "vol": plain(ask.qty or order.filled),
            "vol_exec": plain(order.filled),
            "cost": plain(order.value),
            "fee": plain(fee),
            "price": plain(order.average or Decimal(0)),
            "stopprice": plain(trigger or Decimal(0)),
            "limitprice": "0",
            "misc": "",
            "oflags": "fciq,post" if ask.time_in_force is TimeInForce.POST_ONLY else "fciq",
            "trades": [_trade_id(each) for each in fills if each.order == order.number],
        }
        if not order.status.alive:
            row["closetm"] = _seconds(order.updated)
        return row

    def _trade(self, fill: Execution) -> dict[str, object]:
        return {
            "ordertxid": _txid(fill.order),
            "postxid": "",
            "pair": fill.market.symbol,
            "time": _seconds(fill.time),
            "type": str(fill.side),
            "ordertype": "limit" if fill.liquidity is Liquidity.MAKER else "market",
            "price": plain(fill.price),
            "cost": plain(fill.value),
            "fee": plain(fill.fee.amount),
            "vol": plain(fill.qty),
            "margin": "0",
            "misc": "",
            "maker": fill.liquidity is Liquidity.MAKER,
        }

    def _order(self, account: AccountId, words: dict[str, str]) -> BoxOrder:
        client_id = words.get("cl_ord_id") or None
        number = None if client_id else _number(words.get("txid", ""))
        order = None
        if client_id or number is not None:
            order = self.exchange.find(account, number=number, client_id=client_id)
        if order is None:
            raise _No("EOrder:Unknown order")
        return order

    def _listing(self, words: dict[str, str]) -> Listing:
        wanted = words.get("pair", "")
        for each in self.exchange.listings():
            if wanted in {each.market.symbol, _altname(each), _stream_name(each)}:
                return each
        raise _No("EQuery:Unknown asset pair")


def _time(face: KrakenFace, words: dict[str, str], now: Nanos) -> object:
    """The time, in whole seconds."""
    del face, words
    return {"unixtime": now // NANOS_PER_SECOND, "rfc1123": ""}


def _system_status(face: KrakenFace, words: dict[str, str], now: Nanos) -> object:
    """Always online."""
    del face, words, now
    return {"status": "online", "timestamp": ""}


def _assets(face: KrakenFace, words: dict[str, str], now: Nanos) -> object:
    """The coins and the dollar."""
    del face, words, now
    return {
        name: {
            "aclass": "currency",
            "altname": _ALTERNATE[name],
            "decimals": 4 if name == "ZUSD" else 10,
            "display_decimals": 2 if name == "ZUSD" else 5,
            "status": "enabled",
        }
        for name in _ASSETS.values()
    }


_Public = Callable[[KrakenFace, dict[str, str], Nanos], object]
_Private = Callable[[KrakenFace, AccountId, dict[str, str], Nanos], object]
_PUBLIC: Final[Mapping[str, _Public]] = {
    "Time": _time,
    "SystemStatus": _system_status,
    "Assets": _assets,
    "AssetPairs": KrakenFace.asset_pairs,
    "Ticker": KrakenFace.ticker,
    "Depth": KrakenFace.depth,
}
_PRIVATE: Final[Mapping[str, _Private]] = {
    "BalanceEx": KrakenFace.balances,
    "AddOrder": KrakenFace.add_order,
    "CancelOrder": KrakenFace.cancel_order,
    "QueryOrders": KrakenFace.query_orders,
    "OpenOrders": KrakenFace.open_orders,
    "ClosedOrders": KrakenFace.closed_orders,
    "TradesHistory": KrakenFace.trades_history,
}


def _asked(market: Market, words: dict[str, str], last: Price) -> OrderAsk:
    """An order in the core's words; raises _No for what cannot be read."""
    kind, flags = words.get("ordertype", ""), words.get("oflags", "").split(",")
    if kind not in {"market", "limit", "stop-loss", "stop-loss-limit"}:
        raise _No("EGeneral:Invalid arguments:ordertype")
    side = words.get("type", "")
    if side not in {"buy", "sell"}:
        raise _No("EGeneral:Invalid arguments:type")
    lasts = words.get("timeinforce", "GTC")
    if lasts not in _LASTS:
        raise _No("EGeneral:Invalid arguments:timeinforce")
    volume = _amount(words, "volume")
    spends = "viqc" in flags
    trigger = None
    if kind.startswith("stop-loss"):
        level = _amount(words, "price")
        trigger = Trigger(Price(level), rising=level >= last)
    price = {"limit": "price", "stop-loss-limit": "price2"}.get(kind)
    return OrderAsk(
        market=market,
        side=Side(side),
        qty=None if spends else Qty(volume),
        spend=Quote(volume) if spends else None,
        price=None if price is None else Price(_amount(words, price)),
        time_in_force=TimeInForce.POST_ONLY if "post" in flags else _LASTS[lasts],
        client_id=words.get("cl_ord_id", ""),
        trigger=trigger,
    )


def _amount(words: dict[str, str], name: str) -> Decimal:
    try:
        amount = Decimal(words.get(name, ""))
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise _No(f"EGeneral:Invalid arguments:{name}")
    return amount


def _kind(ask: OrderAsk) -> str:
    if ask.trigger is not None:
        return "stop-loss" if ask.price is None else "stop-loss-limit"
    return "market" if ask.price is None else "limit"


def _described(ask: OrderAsk, listing: Listing) -> str:
    """buy 0.00100000 XBTUSD @ limit 60000.0"""
    size = ask.qty if ask.qty is not None else ask.spend
    assert size is not None, "an order has a size"
    words = f"{ask.side} {size:.8f} {_altname(listing)} @ "
    match ask.trigger, ask.price:
        case None, None:
            return words + "market"
        case None, price:
            return f"{words}limit {price}"
        case trigger, None:
            return f"{words}stop loss {trigger.price}"
        case trigger, price:
            return f"{words}stop loss {trigger.price} -> limit {price}"


def _pair_row(listing: Listing) -> dict[str, object]:
    instrument, fees = listing.instrument, listing.fees
    return {
        "altname": _altname(listing),
        "wsname": _stream_name(listing),
        "aclass_base": "currency",
        "base": _ASSETS[instrument.base],
        "aclass_quote": "currency",
        "quote": _ASSETS[instrument.quote],
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": _places(instrument.tick),
        "lot_decimals": _places(instrument.lot),
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, str(fees.taker * 100)]],
        "fees_maker": [[0, str(fees.maker * 100)]],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": plain(instrument.min_qty),
        "costmin": plain(instrument.min_notional),
        "tick_size": plain(instrument.tick),
        "status": "online",
    }


def _places(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a step is finite"
    return max(0, -exponent)


def _altname(listing: Listing) -> str:
    return _stream_name(listing).replace("/", "")


def _stream_name(listing: Listing) -> str:
    instrument = listing.instrument
    names = (_ALTERNATE[_ASSETS[asset]] for asset in (instrument.base, instrument.quote))
    return "/".join(names)


def _why(order: BoxOrder) -> str | None:
    if order.end is None:
        return None
    return "User requested" if order.end is EndCause.USER else str(order.end)


def _txid(number: OrderNumber) -> str:
    """Kraken's form: O and five, five and six signs."""
    return f"O{number:05d}-BOXED-KRAKEN"


def _number(txid: str) -> OrderNumber | None:
    digits = txid.removesuffix("-BOXED-KRAKEN").removeprefix("O")
    return OrderNumber(int(digits)) if digits.isdigit() else None


def _trade_id(fill: Execution) -> str:
    return f"T{fill.number:05d}-BOXED-KRAKEN"


def _seconds(time: Nanos) -> float:
    return round(time / NANOS_PER_SECOND, 4)


def _words(text: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}


def _reply(told: dict[str, Any]) -> HttpReply:
    return HttpReply(200, json.dumps(told).encode())
