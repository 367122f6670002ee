"""Owns what a simulated venue lets in: filters, limits, and the money an order must reserve.

It only looks: nothing changes here. It must not know any venue's codes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from absolute.domain.instrument import Instrument, Side, size_fault
from absolute.domain.order import TimeInForce
from absolute.domain.units import ONE, ZERO, Price, Qty, ledger_up
from absolute.simex.accounts import Hold, closable
from absolute.simex.facts import Refusal, Refused
from absolute.simex.floor import Floor, Pit
from absolute.simex.listing import Caps, ListingStatus
from absolute.simex.orders import AccountId, BoxStatus, OrderAsk, OrderNumber


@dataclass(frozen=True, slots=True)
class Entry:
    """An order that may come in: what it reserves, and how it meets the book."""

    hold: Hold
    lots: int
    ticks: int | None


def refusal(floor: Floor, account: AccountId, ask: OrderAsk) -> Refused | None:
    """Why a new order may not come in, apart from its funds; None: it may."""
    pit = floor.pits.get(ask.market)
    if pit is None:
        return Refused(Refusal.MARKET_UNKNOWN, ask.market.symbol)
    if pit.listing.status is not ListingStatus.TRADING:
        return Refused(Refusal.MARKET_CLOSED, pit.listing.status)
    if ask.client_id and floor.table.taken(account, ask.client_id, ask.market):
        return Refused(Refusal.CLIENT_ID_TAKEN, ask.client_id)
    return (
        _shape_fault(ask)
        or grid_fault(pit, ask)
        or _caps_fault(floor, account, ask)
        or _trigger_fault(pit, ask)
        or _post_only_fault(floor, pit, ask)
    )


def entry(
    floor: Floor, account: AccountId, ask: OrderAsk, *, replacing: OrderNumber | None = None
) -> Entry | Refused:
    """What an order reserves and trades; a refusal where money or the other side is missing.

    `replacing`: an order whose own reservation counts as free.
    """
    pit = floor.pits[ask.market]
    instrument = pit.listing.instrument
    qty = ask.qty
    if ask.reduce_only:
        room = _room(floor, account, ask, replacing)
        if room <= ZERO:
            return Refused(Refusal.REDUCE_ONLY, "no position to reduce")
        qty = Qty(min(room, qty)) if qty is not None else None
    ticks = _limit_ticks(pit, ask)
    if ask.price is None and pit.state.view(1)[1 if ask.side is Side.BUY else 0] == ():
        return Refused(Refusal.LIQUIDITY_NONE, "nobody stands on the other side")
    lots = int(qty / instrument.lot) if qty is not None else _affordable(pit, ask)
    if lots <= 0:
        return Refused(Refusal.QTY_MIN, "buys less than the smallest quantity")
    hold = needed(floor, account, ask, lots=lots)
    free = floor.bank.available(account, hold.asset)
    own = floor.bank.wallet(account).holds.get(replacing) if replacing is not None else None
    if own is not None and own.asset == hold.asset:
        free += own.amount
    if hold.amount > free:
        return Refused(Refusal.FUNDS_SHORT, f"{hold.amount} {hold.asset} needed, {free} free")
    return Entry(hold, lots, ticks)


def needed(floor: Floor, account: AccountId, ask: OrderAsk, *, lots: int) -> Hold:
    """What so many lots of an order reserve."""
    pit = floor.pits[ask.market]
    instrument, fees = pit.listing.instrument, pit.listing.fees
    qty = lots * instrument.lot
    taker = max(fees.taker, ZERO) if fees.in_quote(instrument) else ZERO
    if not instrument.perpetual:
        if ask.side is Side.SELL:
            return Hold(instrument.base, qty)
        if ask.spend is not None:
            return Hold(instrument.quote, ledger_up(ask.spend * (ONE + taker)))
        return Hold(instrument.quote, ledger_up(_cost(pit, ask, lots) * (ONE + taker)))
    if ask.reduce_only:
        return Hold(instrument.settle, ZERO)
    held = floor.bank.position(account, ask.market).qty
    signed = qty if ask.side is Side.BUY else -qty
    opening = qty if held * signed >= ZERO else max(ZERO, qty - abs(held))
    value = _cost(pit, ask, lots) * instrument.contract * opening / qty
    margin = value / floor.bank.leverage(account, ask.market)
    return Hold(instrument.settle, ledger_up(margin + value * taker))


def grid_fault(pit: Pit, ask: OrderAsk) -> Refused | None:
    """The first filter of the market that the order breaks."""
    instrument, last = pit.listing.instrument, pit.state.last
    at = ask.price if ask.price is not None else last
    if ask.trigger is not None and ask.trigger.price % instrument.tick:
        return Refused(Refusal.PRICE_STEP, f"{ask.trigger.price} by {instrument.tick}")
    if ask.qty is None:
        return _spend_fault(instrument, ask)
    code = size_fault(instrument, ask.qty, at, market=ask.price is None)
    if code == "NOTIONAL_MIN" and ask.reduce_only:
        code = None
    if code is not None:
        return Refused(Refusal(code.lower()), _limit_told(instrument, code))
    return _band_fault(pit, ask)


def open_count(rows: Iterable[BoxStatus]) -> int:
    """How many stand in a book."""
    return sum(1 for status in rows if status is not BoxStatus.WAITING)


def _shape_fault(ask: OrderAsk) -> Refused | None:
    """Terms that make no sense together."""
    both = (ask.qty is None) == (ask.spend is None)
    spend = ask.spend is not None and (ask.side is Side.SELL or ask.price is not None)
    number = ask.qty if ask.qty is not None else ask.spend
    if both or spend:
        return Refused(Refusal.TERMS_INVALID, "one of quantity and market-buy value is needed")
    if number is not None and number <= ZERO:
        return Refused(Refusal.QTY_MIN, "must be above zero")
    if ask.price is not None and ask.price <= ZERO:
        return Refused(Refusal.PRICE_LOW, "must be above zero")
    if ask.price is None and ask.time_in_force is TimeInForce.POST_ONLY:
        return Refused(Refusal.TERMS_INVALID, "a market order cannot wait")
    return None


def _spend_fault(instrument: Instrument, ask: OrderAsk) -> Refused | None:
    spend = ask.spend or ZERO
    if spend < instrument.min_notional:
        return Refused(Refusal.NOTIONAL_MIN, f"{instrument.min_notional} {instrument.quote}")
    if instrument.max_notional is not None and spend > instrument.max_notional:
        return Refused(Refusal.NOTIONAL_MAX, f"{instrument.max_notional} {instrument.quote}")
    return None


def _limit_told(instrument: Instrument, code: str) -> str:
    """The limit that a code is about."""
    limits = {
        "QTY_MIN": instrument.min_qty,
        "QTY_MAX": instrument.max_qty,
        "QTY_STEP": instrument.lot,
        "PRICE_STEP": instrument.tick,
        "NOTIONAL_MIN": instrument.min_notional,
        "NOTIONAL_MAX": instrument.max_notional,
    }
    return f"limit {limits[code]}"


def _band_fault(pit: Pit, ask: OrderAsk) -> Refused | None:
    """A limit price too far on the eager side of the last price."""
    band, last = pit.listing.band, pit.state.last
    if band is None or ask.price is None or ask.trigger is not None:
        return None
    top, bottom = last * (ONE + band), last * (ONE - band)
    if ask.side is Side.BUY and ask.price > top:
        return Refused(Refusal.PRICE_HIGH, f"{top}")
    if ask.side is Side.SELL and ask.price < bottom:
        return Refused(Refusal.PRICE_LOW, f"{bottom}")
    return None


def _caps_fault(floor: Floor, account: AccountId, ask: OrderAsk) -> Refused | None:
    caps = floor.rules.caps.get(ask.market.category, Caps())
    alive = floor.table.alive(account)
    rows = [row for row in alive if row.ask.market.category == ask.market.category]
    here = [row for row in rows if row.ask.market == ask.market]
    if ask.trigger is not None:
        waiting = sum(1 for row in here if row.status is BoxStatus.WAITING)
        if caps.triggers_per_market_max is not None and waiting >= caps.triggers_per_market_max:
            return Refused(Refusal.TRIGGERS_MAX, f"{caps.triggers_per_market_max}")
    for limit, count in ((caps.open_max, len(rows)), (caps.open_per_market_max, len(here))):
        if limit is not None and count >= limit:
            return Refused(Refusal.ORDERS_MAX, f"{limit}")
    return None


def _trigger_fault(pit: Pit, ask: OrderAsk) -> Refused | None:
    """A trigger that would have come already."""
    trigger, last = ask.trigger, pit.state.last
    if trigger is None or trigger.trail is not None:
        return None
    passed = last >= trigger.price if trigger.rising else last <= trigger.price
    if passed:
        return Refused(Refusal.TRIGGER_PASSED, f"trigger {trigger.price}, last {last}")
    return None


def _post_only_fault(floor: Floor, pit: Pit, ask: OrderAsk) -> Refused | None:
    if not floor.rules.post_only_refused or ask.time_in_force is not TimeInForce.POST_ONLY:
        return None
    bids, asks = pit.state.view(1)
    if ask.price is None or ask.trigger is not None:
        return None
    if ask.side is Side.BUY and asks and ask.price >= asks[0][0]:
        return Refused(Refusal.POST_ONLY_WOULD_TAKE, f"best ask {asks[0][0]}")
    if ask.side is Side.SELL and bids and ask.price <= bids[0][0]:
        return Refused(Refusal.POST_ONLY_WOULD_TAKE, f"best bid {bids[0][0]}")
    return None


def _room(
    floor: Floor, account: AccountId, ask: OrderAsk, replacing: OrderNumber | None
) -> Decimal:
    """How much a new reducing order may still close, after those that stand already."""
    room = closable(floor.bank.position(account, ask.market).qty, ask.side)
    for row in floor.table.alive(account):
        same = row.ask.market == ask.market and row.ask.side is ask.side
        if same and row.ask.reduce_only and row.status is not BoxStatus.WAITING:
            room -= row.left if row.number != replacing else ZERO
    return room


def _limit_ticks(pit: Pit, ask: OrderAsk) -> int | None:
    """The worst price in ticks; a market order goes no further than the band."""
    instrument, band = pit.listing.instrument, pit.listing.band
    if ask.price is not None:
        return int(ask.price / instrument.tick)
    if band is None:
        return None
    sign = ONE if ask.side is Side.BUY else -ONE
    return max(1, int(pit.state.last * (ONE + sign * band) / instrument.tick))


def _affordable(pit: Pit, ask: OrderAsk) -> int:
    """How many lots a market buy by value gets, level by level."""
    instrument, left, lots = pit.listing.instrument, ask.spend or ZERO, 0
    limit = _limit_ticks(pit, ask)
    for ticks, standing in pit.book.levels(Side.SELL):
        if limit is not None and ticks > limit:
            break
        price = ticks * instrument.tick * instrument.lot * instrument.contract
        some = min(standing, int(left / price))
        lots += some
        left -= some * price
        if some < standing:
            break
    return lots


def _cost(pit: Pit, ask: OrderAsk, lots: int) -> Decimal:
    """Quote money of so many lots: at the limit, or walking the book for a market order.

    What the book cannot fill counts at its last level.
    """
    instrument = pit.listing.instrument
    if ask.price is not None:
        return lots * instrument.lot * ask.price
    cost, left, price = ZERO, lots, pit.state.last
    for ticks, standing in pit.book.levels(ask.side.opposite):
        price = Price(ticks * instrument.tick)
        some = min(left, standing)
        cost += some * instrument.lot * price
        left -= some
        if not left:
            break
    return cost + left * instrument.lot * price
