"""Owns the markets that tests of the box share: a made-up tape, two listings, one account."""

import itertools
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from absolute.domain.fees import FeeCoin, FeeSchedule
from absolute.domain.ids import InstrumentId
from absolute.domain.instrument import Instrument, Kind, Side
from absolute.domain.units import Asset, Nanos, Price, Qty, Quote, Ratio
from absolute.kernels.synth import synth_tape
from absolute.kernels.tape import Tape
from absolute.simex.exchange import Exchange, Stall, account_of
from absolute.simex.face import BoxKey, Environment
from absolute.simex.house import HouseStyle
from absolute.simex.listing import Category, Listing, Market, VenueRules
from absolute.simex.orders import OrderAsk
from absolute.simex.price_path import PathStyle, PricePath

D = Decimal
USDT, BTC = Asset("USDT"), Asset("BTC")
START = Nanos(1_800_000_000_000_000_000)
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
SPOT = Market(Category.SPOT, "BTCUSDT")
LINEAR = Market(Category.LINEAR, "BTCUSDT")
KEY = BoxKey("bybit", Environment.DEMO, "one", "one-secret", {USDT: D(10_000)})
OTHER = BoxKey("bybit", Environment.DEMO, "two", "two-secret", {USDT: D(10_000), BTC: D(1)})
ONE, TWO = account_of(KEY), account_of(OTHER)


def instrument(kind: Kind, **terms) -> Instrument:
    """BTCUSDT with a tick of 0.1 and a lot of a thousandth of a millionth less zeros."""
    given = {
        "tick": Price(D("0.1")),
        "lot": Qty(D("0.000001") if kind is Kind.SPOT else D("0.001")),
        "min_qty": Qty(D("0.000011") if kind is Kind.SPOT else D("0.001")),
        "min_notional": Quote(D(5)),
        "max_qty": Qty(D(83)),
    } | terms
    return Instrument(InstrumentId("BTCUSDT"), kind, BTC, USDT, **given)


def listing(market: Market, **terms) -> Listing:
    """The market of that name, with Bybit's usual fees."""
    if market.category is Category.SPOT:
        fees = FeeSchedule(Ratio(D("0.001")), Ratio(D("0.001")), FeeCoin.RECEIVED)
        kind = Kind.SPOT
    else:
        fees = FeeSchedule(Ratio(D("0.0002")), Ratio(D("0.00055")))
        kind = Kind.LINEAR
    return Listing(market, instrument(kind), terms.pop("fees", fees), **terms)


def flat_tape(price: str = "50000", bars: int = 10) -> Tape:
    """A market that never moves."""
    ticks = [int(D(price) * 10)] * bars
    return Tape.of(
        ts=[START - START % MINUTE + bar * MINUTE for bar in range(bars)],
        open=ticks,
        high=ticks,
        low=ticks,
        close=ticks,
        volume=[0.0] * bars,
        price_unit=D("0.1"),
        bar_ns=MINUTE,
    )


def path_tape(prices: Sequence[str], volume: float = 10.0) -> Tape:
    """One bar per leg from each price to the next."""
    ticks = [int(D(price) * 10) for price in prices]
    legs = list(itertools.pairwise(ticks))
    return Tape.of(
        ts=[START - START % MINUTE + bar * MINUTE for bar in range(len(legs))],
        open=[a for a, _ in legs],
        high=[max(leg) for leg in legs],
        low=[min(leg) for leg in legs],
        close=[b for _, b in legs],
        volume=[volume] * len(legs),
        price_unit=D("0.1"),
        bar_ns=MINUTE,
    )


def wild_tape(seed: int, bars: int = 400) -> Tape:
    """A seeded market round 50,000."""
    return synth_tape(
        np.random.Generator(np.random.PCG64(seed)),
        bars=bars,
        start_ns=START,
        bar_ns=MINUTE,
        first_price=D(50_000),
        price_unit=D("0.1"),
    )


def exchange(
    tape: Tape,
    *,
    rules: VenueRules | None = None,
    house: HouseStyle | None = None,
    listings: Sequence[Listing] = (),
    past_bars: int = 0,
) -> Exchange:
    """Bybit's demo with both markets on one tape and two accounts."""
    shown = listings or (listing(SPOT), listing(LINEAR))
    style = PathStyle(past_bars=past_bars)
    return Exchange(
        "bybit",
        Environment.DEMO,
        stalls=[Stall(each, PricePath(tape, style), house or HouseStyle()) for each in shown],
        keys=[KEY, OTHER],
        rules=rules or VenueRules(),
    )


def ask(side: Side, qty: str | None = None, price: str | None = None, **terms) -> OrderAsk:
    """An order on spot unless `market` says otherwise."""
    return OrderAsk(
        market=terms.pop("market", SPOT),
        side=side,
        qty=Qty(D(qty)) if qty is not None else None,
        price=Price(D(price)) if price is not None else None,
        **terms,
    )


def balance(box: Exchange, account, asset: Asset) -> Decimal:
    """The total of an asset."""
    return sum((row.total for row in box.balances(account) if row.asset == asset), D(0))


def held(box: Exchange, account, asset: Asset) -> Decimal:
    """What is reserved of an asset."""
    return sum((row.held for row in box.balances(account) if row.asset == asset), D(0))
