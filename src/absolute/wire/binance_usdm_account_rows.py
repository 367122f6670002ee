"""Owns the rows of Binance USD-M money: balances, positions and account updates, both directions.

Sources: binance-connector-python (2026-08) and Binance's USD-M pages as copied 2025-11. It must
not know how a margin is worked out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from absolute.domain.units import ZERO
from absolute.wire.binance_rows import EIGHT, FLAG, PLAIN, WHOLE, Column, Row, read, written


@dataclass(frozen=True, slots=True)
class UsdmBalanceRow:
    """What a futures wallet has of one asset, as `balance` lists it."""

    asset: str
    balance: Decimal
    cross_wallet: Decimal
    available: Decimal
    update_time: int
    cross_profit: Decimal = ZERO
    withdrawable: Decimal = ZERO
    account_alias: str = ""
    margin_available: bool = True


BALANCE_COLUMNS: Final = (
    Column("accountAlias", "account_alias"),
    Column("asset", "asset"),
    Column("balance", "balance", EIGHT),
    Column("crossWalletBalance", "cross_wallet", EIGHT),
    Column("crossUnPnl", "cross_profit", EIGHT),
    Column("availableBalance", "available", EIGHT),
    Column("maxWithdrawAmount", "withdrawable", EIGHT),
    Column("marginAvailable", "margin_available", FLAG),
    Column("updateTime", "update_time", WHOLE),
)


def usdm_balance_row(row: Mapping[str, Any]) -> UsdmBalanceRow:
    """A balance from its row; raises `RowMalformed`."""
    return read(UsdmBalanceRow, BALANCE_COLUMNS, row)


def usdm_balance_json(balance: UsdmBalanceRow) -> Row:
    """A balance as the venue lists it."""
    return written(balance, BALANCE_COLUMNS)


@dataclass(frozen=True, slots=True)
class UsdmPositionRow:
    """An open position, as `v3/positionRisk` lists it."""

    symbol: str
    position_side: str
    amount: Decimal
    entry_price: Decimal
    break_even_price: Decimal
    mark_price: Decimal
    unrealized_profit: Decimal
    liquidation_price: Decimal
    notional: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    position_margin: Decimal
    order_margin: Decimal
    update_time: int
    margin_asset: str
    isolated_margin: Decimal = ZERO
    isolated_wallet: Decimal = ZERO
    bid_notional: Decimal = ZERO
    ask_notional: Decimal = ZERO
    adl: int = 0


POSITION_COLUMNS: Final = (
    Column("symbol", "symbol"),
    Column("positionSide", "position_side"),
    Column("positionAmt", "amount", PLAIN),
    Column("entryPrice", "entry_price", PLAIN),
    Column("breakEvenPrice", "break_even_price", PLAIN),
    Column("markPrice", "mark_price", EIGHT),
    Column("unRealizedProfit", "unrealized_profit", EIGHT),
    Column("liquidationPrice", "liquidation_price", PLAIN),
    Column("isolatedMargin", "isolated_margin", PLAIN),
    Column("notional", "notional", PLAIN),
    Column("marginAsset", "margin_asset"),
    Column("isolatedWallet", "isolated_wallet", PLAIN),
    Column("initialMargin", "initial_margin", PLAIN),
    Column("maintMargin", "maintenance_margin", PLAIN),
    Column("positionInitialMargin", "position_margin", PLAIN),
    Column("openOrderInitialMargin", "order_margin", PLAIN),
    Column("adl", "adl", WHOLE),
    Column("bidNotional", "bid_notional", PLAIN),
    Column("askNotional", "ask_notional", PLAIN),
    Column("updateTime", "update_time", WHOLE),
)


def usdm_position_row(row: Mapping[str, Any]) -> UsdmPositionRow:
    """A position from its row; raises `RowMalformed`."""
    return read(UsdmPositionRow, POSITION_COLUMNS, row)


def usdm_position_json(position: UsdmPositionRow) -> Row:
    """A position as the venue lists it."""
    return written(position, POSITION_COLUMNS)


@dataclass(frozen=True, slots=True)
class WalletChange:
    """A balance in an `ACCOUNT_UPDATE`; `change` leaves out profit and commission."""

    asset: str
    wallet: Decimal
    cross_wallet: Decimal
    change: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class PositionChange:
    """A position in an `ACCOUNT_UPDATE`."""

    symbol: str
    amount: Decimal
    entry_price: Decimal
    position_side: str
    margin_type: str
    unrealized_profit: Decimal
    break_even_price: Decimal = ZERO
    accumulated: Decimal = ZERO
    isolated_wallet: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class AccountUpdate:
    """One `ACCOUNT_UPDATE`: what changed, and why (ORDER, FUNDING_FEE, DEPOSIT ...)."""

    event_time: int
    transaction_time: int
    reason: str
    wallets: tuple[WalletChange, ...]
    positions: tuple[PositionChange, ...]


_WALLET: Final = (
    Column("a", "asset"),
    Column("wb", "wallet", EIGHT),
    Column("cw", "cross_wallet", EIGHT),
    Column("bc", "change", PLAIN),
)
_POSITION: Final = (
    Column("s", "symbol"),
    Column("pa", "amount", PLAIN),
    Column("ep", "entry_price", PLAIN),
    Column("bep", "break_even_price", PLAIN),
    Column("cr", "accumulated", PLAIN),
    Column("up", "unrealized_profit", PLAIN),
    Column("mt", "margin_type"),
    Column("iw", "isolated_wallet", PLAIN),
    Column("ps", "position_side"),
)


def account_update(event: Mapping[str, Any]) -> AccountUpdate:
    """An account update from its event; raises `RowMalformed`."""
    change = event["a"]
    return AccountUpdate(
        event_time=int(event["E"]),
        transaction_time=int(event["T"]),
        reason=str(change["m"]),
        wallets=tuple(read(WalletChange, _WALLET, each) for each in change.get("B", ())),
        positions=tuple(read(PositionChange, _POSITION, each) for each in change.get("P", ())),
    )


def account_update_json(update: AccountUpdate) -> Row:
    """An account update as the venue sends it."""
    return {
        "e": "ACCOUNT_UPDATE",
        "E": update.event_time,
        "T": update.transaction_time,
        "a": {
            "m": update.reason,
            "B": [written(each, _WALLET) for each in update.wallets],
            "P": [written(each, _POSITION) for each in update.positions],
        },
    }
