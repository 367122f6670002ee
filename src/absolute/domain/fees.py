"""Owns what a venue charges for a trade and in which coin; knows nothing of accounts."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from absolute.domain.errors import UserError
from absolute.domain.fill import Fee, Liquidity
from absolute.domain.instrument import Instrument, Side
from absolute.domain.units import ZERO, Asset, Price, Qty, Quote, Ratio, ledger_up


class FeeCoin(StrEnum):
    """Which coin pays: what the trade brings in (spot default), always quote, or a third coin."""

    RECEIVED = "received"
    QUOTE = "quote"
    THIRD = "third"


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """Maker and taker rates; a negative maker rate is a rebate.

    `third` and `third_price` (quote per coin) belong to `FeeCoin.THIRD`. A perpetual always pays
    in its settle asset, whatever `coin` says.
    """

    maker: Ratio
    taker: Ratio
    coin: FeeCoin = FeeCoin.RECEIVED
    third: Asset | None = None
    third_price: Price | None = None

    def __post_init__(self) -> None:
        """Refuse a third coin without name or price."""
        if self.coin is FeeCoin.THIRD and (self.third is None or not self.third_price):
            raise UserError(
                "FEE_COIN_INVALID",
                "fees in a third coin need its name and its price in quote; give both.",
            )

    def rate(self, liquidity: Liquidity) -> Ratio:
        """The rate for one kind of liquidity."""
        return self.maker if liquidity is Liquidity.MAKER else self.taker

    def in_quote(self, instrument: Instrument) -> bool:
        """True where a buy needs quote money for its fee on top of its notional."""
        return self.coin is FeeCoin.QUOTE or instrument.perpetual


def fee_for(  # noqa: PLR0913 -- one trade is five facts and a schedule
    schedule: FeeSchedule,
    instrument: Instrument,
    *,
    side: Side,
    qty: Qty,
    price: Price,
    liquidity: Liquidity,
) -> Fee:
    """The fee of one trade, rounded up to the ledger unit (a rebate toward zero)."""
    rate = schedule.maker if liquidity is Liquidity.MAKER else schedule.taker
    if instrument.perpetual:
        amount = ledger_up(instrument.value(qty, price) * rate)
        value = amount if instrument.settle == instrument.quote else amount * price
        return Fee(amount, instrument.settle, Quote(value))
    if schedule.coin is FeeCoin.RECEIVED and side is Side.BUY:
        amount = ledger_up(qty * rate)
        return Fee(amount, instrument.base, Quote(amount * price))
    charged = ledger_up(qty * price * rate)
    if schedule.coin is FeeCoin.THIRD and schedule.third and schedule.third_price:
        amount = ledger_up(charged / schedule.third_price)
        return Fee(amount, schedule.third, Quote(amount * schedule.third_price))
    return Fee(charged, instrument.quote, Quote(charged))


def in_settle(fee: Fee, instrument: Instrument) -> Decimal:
    """A fee in the asset a market settles in: itself, or its value at the time of the fill."""
    return fee.amount if fee.asset == instrument.settle else fee.value


FREE_OF_CHARGE = FeeSchedule(maker=Ratio(ZERO), taker=Ratio(ZERO))
