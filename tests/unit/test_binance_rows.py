"""Binance's rows read what they write, and refuse what is not theirs."""

from decimal import Decimal

import pytest

from absolute.wire.binance_rows import RowMalformed
from absolute.wire.binance_spot_rows import (
    ExecutionReport,
    account_position_rows,
    execution_report,
    execution_report_json,
    spot_balance_rows,
    spot_fill_rows,
    spot_order_json,
    spot_order_row,
    spot_trade_json,
    spot_trade_row,
)
from absolute.wire.binance_usdm_account_rows import (
    account_update,
    account_update_json,
    usdm_balance_json,
    usdm_balance_row,
    usdm_position_json,
    usdm_position_row,
)
from absolute.wire.binance_usdm_rows import (
    algo_order_json,
    algo_order_row,
    algo_update,
    algo_update_json,
    order_trade_update,
    order_trade_update_json,
    usdm_order_json,
    usdm_order_row,
    usdm_trade_json,
    usdm_trade_row,
)

REPORT = {
    "e": "executionReport", "E": 1499405658658, "s": "ETHBTC", "c": "mine-1", "S": "BUY",
    "o": "LIMIT", "f": "GTC", "q": "1.00000000", "p": "0.10264410", "P": "0.00000000",
    "F": "0.00000000", "g": -1, "C": "", "x": "TRADE", "X": "PARTIALLY_FILLED", "r": "NONE",
    "i": 4293153, "l": "0.40000000", "z": "0.40000000", "L": "0.10260000", "n": "0.00040000",
    "N": "ETH", "T": 1499405658657, "t": 77, "I": 8641984, "w": True, "m": True, "M": False,
    "O": 1499405658600, "Z": "0.04104000", "Y": "0.04104000", "Q": "0.00000000",
    "W": 1499405658600, "V": "NONE",
}  # fmt: skip


def test_an_execution_report_is_read_whole_and_written_back_the_same():
    report = execution_report(REPORT)
    assert (report.filled, report.last_price, report.commission, report.commission_asset) == (
        Decimal("0.4"),
        Decimal("0.1026"),
        Decimal("0.0004"),
        "ETH",
    )
    assert report.maker
    assert execution_report_json(report) == REPORT


def test_a_report_without_a_trade_has_no_commission_coin():
    plain = {**REPORT, "x": "NEW", "X": "NEW", "n": "0", "N": None, "t": -1}
    report = execution_report(plain)
    assert report.commission_asset is None
    assert execution_report_json(report) == plain


@pytest.mark.parametrize("key", ["i", "z", "X", "c", "T"])
def test_a_report_that_lacks_what_matters_is_refused_and_not_guessed(key):
    with pytest.raises(RowMalformed, match=f"'{key}'"):
        execution_report({name: value for name, value in REPORT.items() if name != key})


@pytest.mark.parametrize(("key", "value"), [("z", "much"), ("i", "x"), ("w", 3), ("z", "NaN")])
def test_a_value_of_another_kind_is_refused(key, value):
    with pytest.raises(RowMalformed, match=f"'{key}'"):
        execution_report({**REPORT, key: value})


def test_an_acknowledgement_is_an_order_of_which_little_is_known():
    row = {"symbol": "BTCUSDT", "orderId": 28, "orderListId": -1, "clientOrderId": "a",
           "transactTime": 1507725176595}  # fmt: skip
    order = spot_order_row(row)
    assert order.executed_qty is None
    assert spot_order_json(order) == row


def test_a_full_answer_brings_its_fills():
    fill = {"price": "4000.00000000", "qty": "1.00000000", "commission": "4.00000000",
            "commissionAsset": "USDT", "tradeId": 56}  # fmt: skip
    row = {"symbol": "BTCUSDT", "orderId": 28, "clientOrderId": "a", "fills": [fill]}
    (found,) = spot_fill_rows(row)
    assert (found.price, found.commission, found.trade_id) == (Decimal(4000), Decimal(4), 56)
    assert spot_order_json(spot_order_row(row), (found,))["fills"] == [fill]


def test_spot_trades_and_balances_are_read_and_written():
    trade = {
        "symbol": "BNBBTC", "id": 28457, "orderId": 100234, "orderListId": -1,
        "price": "4.00000100", "qty": "12.00000000", "quoteQty": "48.00001200",
        "commission": "10.10000000", "commissionAsset": "BNB", "time": 1499865549590,
        "isBuyer": True, "isMaker": False, "isBestMatch": True,
    }  # fmt: skip
    assert spot_trade_json(spot_trade_row(trade)) == trade
    account = {"balances": [{"asset": "BTC", "free": "1.5", "locked": "0.5"}]}
    (balance,) = spot_balance_rows(account)
    assert (balance.free, balance.locked) == (Decimal("1.5"), Decimal("0.5"))
    (position,) = account_position_rows({"B": [{"a": "BTC", "f": "1.5", "l": "0.5"}]})
    assert position == balance


ORDER_UPDATE = {
    "e": "ORDER_TRADE_UPDATE", "E": 1568879465651, "T": 1568879465650,
    "o": {
        "s": "BTCUSDT", "c": "TEST", "S": "SELL", "o": "MARKET", "f": "GTC", "q": "0.001",
        "p": "0", "ap": "9910.12", "sp": "7103.04", "x": "TRADE", "X": "FILLED", "i": 8886774,
        "l": "0.001", "z": "0.001", "L": "9910.12", "N": "USDT", "n": "0.004", "T": 1568879465650,
        "t": 12, "b": "0", "a": "0", "m": False, "R": True, "wt": "CONTRACT_PRICE",
        "ot": "STOP_MARKET", "ps": "BOTH", "cp": False, "rp": "-2.5", "pP": False, "si": 0,
        "ss": 0, "V": "NONE", "pm": "NONE", "gtd": 0, "er": "0",
    },
}  # fmt: skip


def test_an_order_update_is_read_whole_and_written_back_the_same():
    update = order_trade_update(ORDER_UPDATE)
    assert (update.event_time, update.transaction_time, update.trade_time) == (
        1568879465651,
        1568879465650,
        1568879465650,
    )
    assert (update.realized_profit, update.commission) == (Decimal("-2.5"), Decimal("0.004"))
    assert order_trade_update_json(update) == ORDER_UPDATE


def test_an_algo_update_and_an_account_update_are_read_and_written():
    algo = {
        "e": "ALGO_UPDATE", "E": 1750515742303, "T": 1750515742297,
        "o": {
            "caid": "Q5", "aid": 2148719, "at": "CONDITIONAL", "o": "STOP_MARKET", "s": "BNBUSDT",
            "S": "SELL", "ps": "BOTH", "f": "GTC", "q": "0.01", "X": "TRIGGERED", "ai": "17",
            "ap": "0", "aq": "0", "act": "MARKET", "tp": "750", "p": "0", "V": "NONE",
            "wt": "CONTRACT_PRICE", "pm": "NONE", "cp": False, "pP": False, "R": True,
            "tt": 1750515742297, "gtd": 0, "rm": "",
        },
    }  # fmt: skip
    assert algo_update(algo).actual_order_id == "17"
    assert algo_update_json(algo_update(algo)) == algo
    account = {
        "e": "ACCOUNT_UPDATE", "E": 1, "T": 1,
        "a": {
            "m": "ORDER",
            "B": [{"a": "USDT", "wb": "99.50000000", "cw": "99.50000000", "bc": "0"}],
            "P": [{"s": "BTCUSDT", "pa": "-10", "ep": "6563.86", "bep": "6563.6", "cr": "-45.04",
                   "up": "-1423.156", "mt": "cross", "iw": "0", "ps": "BOTH"}],
        },
    }  # fmt: skip
    assert account_update_json(account_update(account)) == account


def test_usdm_rows_of_a_query_are_read_and_written():
    order = {
        "orderId": 1, "symbol": "BTCUSDT", "status": "NEW", "clientOrderId": "a", "price": "1",
        "avgPrice": "0", "origQty": "0.4", "executedQty": "0", "cumQuote": "0",
        "timeInForce": "GTC", "type": "LIMIT", "reduceOnly": False, "closePosition": False,
        "side": "BUY", "positionSide": "BOTH", "stopPrice": "0", "workingType": "CONTRACT_PRICE",
        "priceProtect": False, "origType": "LIMIT", "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE", "goodTillDate": 0, "time": 5, "updateTime": 6,
    }  # fmt: skip
    assert usdm_order_json(usdm_order_row(order)) == order
    algo = {
        "algoId": 2, "clientAlgoId": "b", "algoType": "CONDITIONAL", "orderType": "STOP_MARKET",
        "symbol": "BTCUSDT", "side": "SELL", "positionSide": "BOTH", "timeInForce": "GTC",
        "quantity": "0.01", "algoStatus": "NEW", "actualOrderId": "", "actualPrice": "0",
        "triggerPrice": "750", "price": "0", "icebergQuantity": "None",
        "selfTradePreventionMode": "NONE", "workingType": "CONTRACT_PRICE", "priceMatch": "NONE",
        "closePosition": False, "priceProtect": False, "reduceOnly": True, "createTime": 1,
        "updateTime": 1, "triggerTime": 0, "goodTillDate": 0,
    }  # fmt: skip
    assert algo_order_json(algo_order_row(algo)) == algo
    trade = {
        "symbol": "BTCUSDT", "id": 698759, "orderId": 25851813, "side": "SELL", "price": "7819.01",
        "qty": "0.002", "realizedPnl": "-0.9154", "marginAsset": "USDT", "quoteQty": "15.63802",
        "commission": "0.0781901", "commissionAsset": "USDT", "time": 1, "positionSide": "BOTH",
        "buyer": False, "maker": False,
    }  # fmt: skip
    assert usdm_trade_json(usdm_trade_row(trade)) == trade


def test_usdm_money_rows_are_read_and_written():
    balance = {
        "accountAlias": "SgsR", "asset": "USDT", "balance": "122607.35137903",
        "crossWalletBalance": "23.72469206", "crossUnPnl": "0.00000000",
        "availableBalance": "23.72469206", "maxWithdrawAmount": "23.72469206",
        "marginAvailable": True, "updateTime": 1617939110373,
    }  # fmt: skip
    assert usdm_balance_json(usdm_balance_row(balance)) == balance
    position = {
        "symbol": "ADAUSDT", "positionSide": "BOTH", "positionAmt": "30", "entryPrice": "0.385",
        "breakEvenPrice": "0.385077", "markPrice": "0.41047590",
        "unRealizedProfit": "0.76427700", "liquidationPrice": "0", "isolatedMargin": "0",
        "notional": "12.314277", "marginAsset": "USDT", "isolatedWallet": "0",
        "initialMargin": "0.61571385", "maintMargin": "0.0800428",
        "positionInitialMargin": "0.61571385", "openOrderInitialMargin": "0", "adl": 2,
        "bidNotional": "0", "askNotional": "0", "updateTime": 1720736417660,
    }  # fmt: skip
    assert usdm_position_json(usdm_position_row(position)) == position


def test_a_report_keeps_what_the_document_leaves_out_by_default():
    report = execution_report({**REPORT, "v": 3})
    assert isinstance(report, ExecutionReport)
    assert execution_report_json(report)["v"] == 3
