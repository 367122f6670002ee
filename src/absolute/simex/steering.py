"""Owns what may be done to a venue from above: halts, restarts, new terms, deposits, price jumps.

These are the faults that are the venue's own and no network's: delisting, filters that change under
a running bot, a rebate, a fee in another coin. It must not know any wire.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from absolute.domain.errors import UserError
from absolute.domain.fees import FeeCoin, FeeSchedule
from absolute.domain.units import Asset, Nanos, Price, Qty, Quote, Ratio
from absolute.simex.exchange import Exchange, jump, relist
from absolute.simex.face import Environment
from absolute.simex.listing import Category, Listing, ListingStatus, Market
from absolute.simex.orders import AccountId


class _Step(BaseModel):
    """Which world is meant; one venue may show several."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    venue: str
    environment: Environment = Environment.DEMO


class _OfMarket(_Step):
    """One market of that world."""

    symbol: str
    category: Category = Category.SPOT

    @property
    def market(self) -> Market:
        """Its name."""
        return Market(self.category, self.symbol)


class Halt(_OfMarket):
    """Trading stops, or goes on; a delisting is a halt that does not end."""

    do: Literal["halt"]
    status: ListingStatus = ListingStatus.HALTED


class Restart(_Step):
    """The venue restarts: closed orders are found in the history only."""

    do: Literal["restart"]


class Deposit(_Step):
    """Money comes from outside, or goes there."""

    do: Literal["deposit"]
    key: str
    asset: str
    amount: Decimal


class Fees(_OfMarket):
    """Other rates from now on: a negative maker rate is a rebate, a third coin needs its price."""

    do: Literal["fees"]
    maker: Decimal
    taker: Decimal
    coin: FeeCoin = FeeCoin.RECEIVED
    third: str | None = None
    third_price: Decimal | None = None


class Filters(_OfMarket):
    """Other limits for new orders; None leaves one as it is."""

    do: Literal["filters"]
    min_qty: Decimal | None = None
    max_qty: Decimal | None = None
    min_notional: Decimal | None = None


class Jump(_OfMarket):
    """The market trades to a price at once, through whatever stands in the way."""

    do: Literal["jump"]
    price: Annotated[Decimal, Field(gt=0)]
    volume: Annotated[Decimal, Field(gt=0)] = Decimal(100)


class Announce(_Step):
    """The venue says that it shuts down (Binance spot), or ends all listen keys (USD-M)."""

    do: Literal["shut_down", "end_listen_keys"]


Step = Halt | Restart | Deposit | Fees | Filters | Jump | Announce
_STEP: Final[TypeAdapter[Step]] = TypeAdapter(Annotated[Step, Field(discriminator="do")])


class Timed(BaseModel):
    """A step that is carried out by itself, so many seconds after the box began."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_s: Annotated[float, Field(ge=0)]
    step: Annotated[Step, Field(discriminator="do")]


def step_of(told: Any) -> Step:  # noqa: ANN401 -- JSON enters here
    """A step as JSON gave it; raises UserError STEP_UNKNOWN."""
    try:
        return _STEP.validate_python(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = first["msg"]
        raise UserError("STEP_UNKNOWN", f"At {where}: {reason}. Mend it.") from error


Word = Callable[[Nanos], None]


@dataclass(frozen=True, slots=True)
class World:
    """What may be steered: an exchange, and the words its face can be made to say."""

    exchange: Exchange
    words: Mapping[str, Word] = field(default_factory=dict)


def steer(world: World, step: Step, now: Nanos) -> None:
    """Carry a step out; raises UserError MARKET_UNKNOWN, or WORD_UNKNOWN if it cannot say that."""
    exchange = world.exchange
    match step:
        case Announce():
            if step.do not in world.words:
                raise UserError("WORD_UNKNOWN", f"{step.venue} has no {step.do}; leave it out.")
            world.words[step.do](now)
        case Halt():
            exchange.halt(_listed(exchange, step).market, step.status)
        case Restart():
            exchange.restart()
        case Deposit():
            account, asset = AccountId(step.key), Asset(step.asset)
            exchange.deposit(account, asset, amount=step.amount, now=now)
        case Fees():
            relist(exchange, replace(_listed(exchange, step), fees=_schedule(step)))
        case Filters():
            relist(exchange, _limited(_listed(exchange, step), step))
        case Jump():
            market = _listed(exchange, step).market
            jump(exchange, market, price=Price(step.price), volume=step.volume, now=now)
        case _:
            assert_never(step)


def _listed(exchange: Exchange, step: _OfMarket) -> Listing:
    listing = exchange.listing(step.market)
    if listing is None:
        raise UserError("MARKET_UNKNOWN", f"{step.venue} lists no {step.category} {step.symbol}.")
    return listing


def _schedule(step: Fees) -> FeeSchedule:
    return FeeSchedule(
        Ratio(step.maker),
        Ratio(step.taker),
        step.coin,
        Asset(step.third) if step.third else None,
        Price(step.third_price) if step.third_price else None,
    )


def _limited(listing: Listing, step: Filters) -> Listing:
    told = listing.instrument
    instrument = replace(
        told,
        min_qty=Qty(step.min_qty) if step.min_qty is not None else told.min_qty,
        max_qty=Qty(step.max_qty) if step.max_qty is not None else told.max_qty,
        min_notional=(
            Quote(step.min_notional) if step.min_notional is not None else told.min_notional
        ),
    )
    return replace(listing, instrument=instrument)
