"""Owns what a price really is: for one size, over the book, after the taker's fee; and the best.

Pure: books, fees, balances and the time in, a ranking with its reasons out. A venue that cannot
fill the size, shows old data or lacks the balance is left out with the reason, never guessed at.
Equal prices go to the venue that was configured first. Fees count in quote money, also where a
venue takes them from the coin that was bought. Knows no exchange and does not wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from absolute.domain.instrument import Side
from absolute.domain.units import NANOS_PER_MS, ONE, ZERO, Nanos, plain


@dataclass(frozen=True, slots=True)
class BookLevel:
    """So much of the coin stands at this price."""

    price: Decimal
    qty: Decimal


@dataclass(frozen=True, slots=True)
class BookView:
    """The top of one book, best first on both sides. `complete`: the sizes are known."""

    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    seen_at: Nanos
    complete: bool = True

    def against(self, side: Side) -> tuple[BookLevel, ...]:
        """The levels an order of this side takes from."""
        return self.asks if side is Side.BUY else self.bids


@dataclass(frozen=True, slots=True)
class Offer:
    """What one venue offers. `spendable`: quote money for a buy, coin for a sell; None: unasked."""

    exchange: str
    book: BookView
    fee_rate: Decimal
    spendable: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Enquiry:
    """What is wanted: `amount` of None asks for the best price of the smallest order.

    `resting_at` is the price of an order that waits: it needs money at that price, and no depth.
    """

    side: Side
    amount: Decimal | None
    now: Nanos
    age_ns_max: int
    resting_at: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Priced:
    """One venue's price for the enquiry: `mean` before the fee, `effective` after it.

    `total` is what the whole trade costs or brings, exact; it ranks, since a quotient is rounded.
    """

    offer: Offer
    mean: Decimal
    total: Decimal

    def effective(self, side: Side) -> Decimal:
        """What one coin costs a buyer, or brings a seller."""
        return effective(self.mean, side, self.offer.fee_rate)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A venue that was not compared, and why."""

    exchange: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """The venues that can serve, best first, and those that cannot."""

    side: Side
    ranked: tuple[Priced, ...]
    left_out: tuple[LeftOut, ...]

    def reason(self) -> str:
        """One sentence that says why the first is the first."""
        parts = [
            f"{each.offer.exchange} {_short(each.effective(self.side))} "
            f"({_short(each.mean)} and {_percent(each.offer.fee_rate)} fee)"
            for each in self.ranked
        ]
        parts += [f"{each.exchange} left out: {each.reason}" for each in self.left_out]
        return "; ".join(parts)


def taken(levels: Sequence[BookLevel], amount: Decimal) -> Decimal | None:
    """The quote value of taking `amount` from the best level down; None where the book ends."""
    value, left = ZERO, amount
    for level in levels:
        part = min(left, level.qty)
        value += part * level.price
        left -= part
        if left <= ZERO:
            return value
    return None


def effective(mean: Decimal, side: Side, fee_rate: Decimal) -> Decimal:
    """What a price or a value becomes after the fee: more for a buyer, less for a seller."""
    return mean * (ONE + fee_rate if side is Side.BUY else ONE - fee_rate)


def rank(offers: Sequence[Offer], enquiry: Enquiry) -> Ranking:
    """Every offer priced or left out; the ranking is stable, so equal prices keep their order."""
    ranked: list[Priced] = []
    left_out: list[LeftOut] = []
    for offer in offers:
        found = _priced(offer, enquiry)
        if isinstance(found, Priced):
            ranked.append(found)
        else:
            left_out.append(LeftOut(offer.exchange, found))
    better = 1 if enquiry.side is Side.BUY else -1
    ranked.sort(key=lambda each: better * each.total)
    return Ranking(enquiry.side, tuple(ranked), tuple(left_out))


def _priced(offer: Offer, enquiry: Enquiry) -> Priced | str:
    age = enquiry.now - offer.book.seen_at
    if age > enquiry.age_ns_max:
        return f"its prices are {age // NANOS_PER_MS} ms old"
    levels = offer.book.against(enquiry.side)
    if not levels:
        return "its book is empty"
    if enquiry.amount is None or enquiry.resting_at is not None:
        mean = value = levels[0].price
    elif not offer.book.complete:
        return "it shows no sizes, so the price of this amount is not known"
    else:
        found = taken(levels, enquiry.amount)
        if found is None:
            return f"its book holds less than {plain(enquiry.amount)}"
        value, mean = found, found / enquiry.amount
    total = effective(value, enquiry.side, offer.fee_rate)
    poor = _poor(offer, enquiry, total)
    if poor is not None:
        return poor
    return Priced(offer, mean, total)


def _poor(offer: Offer, enquiry: Enquiry, total: Decimal) -> str | None:
    """What the balance lacks for a trade of this total, or None: enough, or not asked."""
    if offer.spendable is None or enquiry.amount is None:
        return None
    needed = enquiry.amount
    if enquiry.side is Side.BUY and enquiry.resting_at is not None:
        needed *= effective(enquiry.resting_at, enquiry.side, offer.fee_rate)
    elif enquiry.side is Side.BUY:
        needed = total
    if offer.spendable >= needed:
        return None
    return f"its balance {plain(offer.spendable)} is below the {_short(needed)} needed"


def _short(amount: Decimal) -> str:
    return plain(Decimal(f"{amount:.10g}"))


def _percent(rate: Decimal) -> str:
    return f"{plain(rate * 100)}%"
