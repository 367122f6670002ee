"""What ccxt makes of each fault, and what the venue knows then: its error never tells which.

The classes are those of ccxt 4.5.90. They are written down because a bot that trusted them would
buy twice: the same class stands beside an order that exists and one that does not.
"""

import asyncio
from typing import Any

import pytest

from absolute.desk.box import BoxWanted, running_box
from absolute.desk.box_venues import MarketWanted
from absolute.simex.fault_rules import rules_of
from absolute.venues.box import box_session

ccxt = pytest.importorskip("ccxt.async_support", reason="ccxt is not installed")

SYMBOL = "BTC/USDT"
HTML = "<html><body>Bad Gateway</body></html>"
JSON = {"Content-Type": "application/json"}

# venue, fault, what ccxt raises, whether the order exists
CASES: list[tuple[str, dict[str, Any], str, bool]] = [
    ("bybit", {"do": "reset"}, "ExchangeNotAvailable", True),
    ("bybit", {"do": "reset", "accepted": False}, "ExchangeNotAvailable", False),
    ("bybit", {"do": "silence", "ms": 3000}, "RequestTimeout", True),
    ("bybit", {"do": "silence", "ms": 3000, "accepted": False}, "RequestTimeout", False),
    ("bybit", {"do": "cut", "size": 12}, "ExchangeError", True),
    ("bybit", {"do": "status", "body": HTML, "accepted": True}, "ExchangeNotAvailable", True),
    ("bybit", {"do": "status", "body": HTML}, "ExchangeNotAvailable", False),
    ("bybit", {"do": "status", "status": 503, "body": ""}, "ExchangeNotAvailable", False),
    (
        "bybit",
        {"do": "status", "status": 429, "body": "{}", "headers": JSON},
        "ExchangeError",
        False,
    ),
    ("bybit", {"do": "status", "status": 403, "body": "slow down"}, "RateLimitExceeded", False),
    ("bybit", {"do": "code", "code": 10000, "accepted": True}, "ExchangeError", True),
    ("bybit", {"do": "code", "code": 10016, "accepted": True}, "ExchangeError", True),
    ("bybit", {"do": "code", "code": 170146, "accepted": True}, "InvalidOrder", True),
    ("bybit", {"do": "code", "code": 10002}, "InvalidNonce", False),
    ("bybit", {"do": "code", "code": 10006}, "RateLimitExceeded", False),
    ("bybit", {"do": "code", "code": 170131}, "InsufficientFunds", False),
    ("binance", {"do": "reset"}, "ExchangeNotAvailable", True),
    ("binance", {"do": "cut", "size": 12}, "ExchangeError", True),
    (
        "binance",
        {"do": "code", "code": -1007, "status": 408, "accepted": True},
        "RequestTimeout",
        True,
    ),
    ("binance", {"do": "code", "code": -1006, "accepted": True}, "OperationFailed", True),
    ("binance", {"do": "code", "code": -1021}, "InvalidNonce", False),
    ("binance", {"do": "code", "code": -1003, "status": 429}, "DDoSProtection", False),
    ("binance", {"do": "code", "code": -1003, "status": 418}, "DDoSProtection", False),
    (
        "binance",
        {"do": "status", "status": 504, "body": HTML, "accepted": True},
        "RequestTimeout",
        True,
    ),
]


def made(venue, box, session):
    """A ccxt exchange in the demo world that gives up after a second."""
    exchange = getattr(ccxt, venue)(
        {
            "apiKey": f"box-{venue}-demo",
            "secret": f"box-{venue}-demo-secret",
            "session": session,
            "timeout": 1_000,
            "options": {"fetchMarkets": {"types": ["spot"]}},
        }
    )
    exchange.enable_demo_trading(True)
    assert f"{venue}:demo" in box.state.keys
    return exchange


async def met(venue, fault, place):
    """What ccxt raises, and the client ids that the venue knows and has answered for."""
    async with (
        running_box(BoxWanted(venue, MarketWanted(seed=7)), place) as box,
        box_session(box.state.address) as session,
    ):
        exchange = made(venue, box, session)
        await exchange.load_markets()
        last = (await exchange.fetch_ticker(SYMBOL))["last"]
        rule = {**fault, "count": 1, "when": {"client_id": "abs-", "method": "POST"}}
        box.book.replace(rules_of([rule]))
        raised = ""
        try:
            await exchange.create_order(
                SYMBOL, "limit", "buy", 0.001, last * 0.9, {"clientOrderId": "abs-1"}
            )
        except ccxt.BaseError as error:
            raised = type(error).__name__
        account: Any
        [account] = box.control.audit(key=f"box-{venue}-demo", venue=venue)
        [firing] = box.book.report()[-1:]
        await exchange.close()
        known = [each["client_id"] for each in account["orders"]]
        return raised, known, firing.fired


@pytest.mark.parametrize(
    ("venue", "fault", "raised", "exists"),
    CASES,
    ids=[
        f"{venue}-{fault['do']}-{fault.get('code', fault.get('status', ''))}-{exists}"
        for venue, fault, _, exists in CASES
    ],
)
def test_what_ccxt_raises_does_not_tell_whether_the_order_exists(
    tmp_path, venue, fault, raised, exists
):
    told = asyncio.run(asyncio.wait_for(met(venue, fault, tmp_path), 30))
    assert told == (raised, ["abs-1"] if exists else [], 1)


def test_the_same_class_stands_beside_orders_that_exist_and_orders_that_do_not():
    classes = {
        truth: {raised for _, _, raised, exists in CASES if exists is truth}
        for truth in (True, False)
    }
    assert len(classes[True] & classes[False]) >= 3
