"""Owns the table of Bybit's REST endpoints: which function answers, and who may ask.

It must not know how a request is verified or counted.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from absolute.simex import bybit_account as account
from absolute.simex import bybit_public as public
from absolute.simex import bybit_trading as trading
from absolute.simex.bybit_calls import Answer, Call

Endpoint = Callable[[Call], Answer]


class Row(NamedTuple):
    """`permission` is what the key must hold; empty: everybody may ask."""

    endpoint: Endpoint
    permission: str = ""


ENDPOINTS: Final[Mapping[tuple[str, str], Row]] = {
    ("GET", "/v5/market/time"): Row(public.server_time),
    ("GET", "/v5/market/instruments-info"): Row(public.instruments),
    ("GET", "/v5/market/kline"): Row(public.kline),
    ("GET", "/v5/market/tickers"): Row(public.tickers),
    ("GET", "/v5/market/orderbook"): Row(public.order_book),
    ("GET", "/v5/market/recent-trade"): Row(public.recent_trade),
    ("GET", "/v5/system/status"): Row(public.system_status),
    ("GET", "/v5/asset/coin/query-info"): Row(account.coin_info, "read"),
    ("GET", "/v5/user/query-api"): Row(account.query_api, "read"),
    ("GET", "/v5/account/info"): Row(account.account_info, "read"),
    ("GET", "/v5/account/wallet-balance"): Row(account.wallet_balance, "read"),
    ("GET", "/v5/account/fee-rate"): Row(account.fee_rate, "read"),
    ("POST", "/v5/account/demo-apply-money"): Row(account.apply_money, "trade"),
    ("POST", "/v5/order/create"): Row(trading.create, "trade"),
    ("POST", "/v5/order/amend"): Row(trading.amend, "trade"),
    ("POST", "/v5/order/cancel"): Row(trading.cancel, "trade"),
    ("POST", "/v5/order/cancel-all"): Row(trading.cancel_all, "trade"),
    ("POST", "/v5/order/create-batch"): Row(trading.create_batch, "trade"),
    ("POST", "/v5/order/amend-batch"): Row(trading.amend_batch, "trade"),
    ("POST", "/v5/order/cancel-batch"): Row(trading.cancel_batch, "trade"),
    ("GET", "/v5/order/realtime"): Row(trading.realtime, "read"),
    ("GET", "/v5/order/history"): Row(trading.history, "read"),
    ("GET", "/v5/execution/list"): Row(trading.executions, "read"),
    ("GET", "/v5/position/list"): Row(account.position_list, "read"),
    ("POST", "/v5/position/set-leverage"): Row(account.set_leverage, "trade"),
    ("POST", "/v5/position/switch-mode"): Row(account.switch_mode, "trade"),
    ("POST", "/v5/position/trading-stop"): Row(account.trading_stop, "trade"),
}

OPERATIONS: Final[Mapping[str, str]] = {
    "order.create": "/v5/order/create",
    "order.amend": "/v5/order/amend",
    "order.cancel": "/v5/order/cancel",
    "order.create-batch": "/v5/order/create-batch",
    "order.amend-batch": "/v5/order/amend-batch",
    "order.cancel-batch": "/v5/order/cancel-batch",
}
"""What the trade socket can do, by the endpoint that does it."""
