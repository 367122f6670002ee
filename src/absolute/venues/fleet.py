"""Owns the fleet: several exchanges asked and used as one.

Prices are compared as what an order would really cost; an order goes where that is best, among the
exchanges that have the balance. It must not know configurations, keys or any exchange's protocol.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from absolute.domain.errors import UserError
from absolute.domain.instrument import Side
from absolute.domain.units import NANOS_PER_SECOND
from absolute.venues import symbols
from absolute.venues.fleet_calls import Calls, Roster
from absolute.venues.fleet_errors import (
    ExchangeAuthenticationError,
    ExchangeConnectionError,
    ExchangeError,
    ExchangeNotSent,
    ExchangeRateLimitError,
    ExchangeUnavailable,
)
from absolute.venues.fleet_exchange import AbstractExchange
from absolute.venues.fleet_orders import (
    Candidate,
    Choose,
    Clock,
    OrderPlacing,
    Surroundings,
)
from absolute.venues.fleet_price import (
    BookLevel,
    BookView,
    Enquiry,
    LeftOut,
    Offer,
    Priced,
    Ranking,
    rank,
)
from absolute.venues.fleet_terms import MarketData, OrderRequest, OrderResult, Wanted, exact, moment
from absolute.venues.fleet_watch import Listeners, Watch, every
from absolute.venues.self_trade import ComingOrder, guard

PATIENCE: Final = 0.8
"""The share of the largest allowed age that anybody is waited for."""

POST_ONLY: Final = frozenset({"PO", "POST_ONLY", "GTX"})


@dataclass(frozen=True, slots=True)
class FleetRules:
    """What a fleet goes by: how old prices may be, how long it waits, how often it looks.

    `look_up_pauses` lie between the questions about an order whose reply was lost.
    """

    age_ns_max: int = 10 * NANOS_PER_SECOND
    seconds_max: float = 20.0
    watch_seconds: float = 1.0
    look_up_pauses: tuple[float, ...] = (0.1, 0.4, 1.0, 2.0)


class Fleet:
    """Several exchanges as one."""

    def __init__(self, roster: Roster, around: Surroundings, rules: FleetRules) -> None:
        self._roster = roster
        self._rules = rules
        self._clock: Clock = around.clock
        self.calls = Calls(roster, around.clock, rules.seconds_max)
        self.placing = OrderPlacing(replace(around, pauses=rules.look_up_pauses), self.calls.ready)
        self.prices = Listeners("price")
        self._watch = Watch()

    # --- prices -----------------------------------------------------------------------------------

    async def market_data(self, symbol: str, exchange: str) -> MarketData:
        """What one exchange shows."""
        return await self.calls.ask(exchange, lambda each: each.get_market_data(symbol))

    async def compare(self, symbol: str) -> dict[str, MarketData]:
        """What every exchange shows that answers; raises if none does."""
        names = self._some()
        answers = await self.calls.ask_all(names, lambda each: each.get_market_data(symbol))
        shown = {name: each for name, each in answers.items() if isinstance(each, MarketData)}
        if not shown:
            raise _nobody({n: e for n, e in answers.items() if not isinstance(e, MarketData)})
        return shown

    async def best_price(self, symbol: str, side: Side, amount: Decimal | None) -> MarketData:
        """The best effective price; with an amount, only of exchanges that have the balance."""
        now = self._clock.now_ns()
        enquiry = Enquiry(side, amount, now, self._rules.age_ns_max)
        ranking = await self._ranking(symbol, enquiry)
        best = ranking.ranked[0]
        shown = await self.market_data(symbol, best.offer.exchange)
        return _as_market_data(shown, best, ranking)

    async def _ranking(self, symbol: str, enquiry: Enquiry) -> Ranking:
        """Every exchange asked side by side; raises where none can serve.

        Nobody is waited for so long that the others' prices grow old meanwhile.
        """
        seconds = enquiry.age_ns_max / NANOS_PER_SECOND * PATIENCE

        async def offer(exchange: AbstractExchange) -> Offer:
            try:
                return await asyncio.wait_for(self._offer(exchange, symbol, enquiry), seconds)
            except TimeoutError:
                raise ExchangeUnavailable(f"it did not answer within {seconds:g} s") from None

        names, offers, left_out = self._some(), list[Offer](), list[LeftOut]()
        await self.calls.ask_all(names, _awake)
        for name, answer in (await self.calls.ask_all(names, offer)).items():
            if isinstance(answer, Offer):
                offers.append(replace(answer, exchange=name))
            else:
                left_out.append(LeftOut(name, str(answer)))
        ranking = rank(offers, replace(enquiry, now=self._clock.now_ns()))
        ranking = replace(ranking, left_out=(*ranking.left_out, *left_out))
        if not ranking.ranked:
            raise ExchangeUnavailable(
                f"no exchange can serve a {enquiry.side} of {symbol}: {ranking.reason()}"
            )
        return ranking

    async def _offer(self, exchange: AbstractExchange, symbol: str, enquiry: Enquiry) -> Offer:
        wants_balance = enquiry.amount is not None
        fee, book, spendable = await asyncio.gather(
            exchange.taker_fee(symbol),
            self._book(exchange, symbol, enquiry.amount),
            _spendable(exchange, symbol, enquiry.side) if wants_balance else _unasked(),
        )
        if fee is None:
            raise ExchangeUnavailable("its taker fee is not known")
        return Offer("", book, fee, spendable)

    async def _book(
        self, exchange: AbstractExchange, symbol: str, amount: Decimal | None
    ) -> BookView:
        """Its book, or its best quotes where it shows no book."""
        book = await exchange.get_order_book(symbol, amount)
        if book is not None:
            return book
        shown = await exchange.get_market_data(symbol)
        return BookView(
            bids=_quote_level(shown.bid),
            asks=_quote_level(shown.ask),
            seen_at=self._clock.now_ns(),
            complete=False,
        )

    # --- orders and balances ----------------------------------------------------------------------

    async def place(self, request: OrderRequest, exchange: str | None) -> OrderResult:
        """Place one order: where it was asked for, or where it is best and there is balance."""
        choose: Choose = self._best_first if exchange is None else _only(self, exchange)
        return await self.placing.place(request, choose)

    async def candidate(self, name: str, reason: str) -> Candidate:
        """An exchange that an order may go to, with the guard over all our accounts there."""
        exchange = await self.calls.ready(name)

        async def guarded(order: Wanted) -> None:
            await self._guard(name, exchange, order)

        return Candidate(name, exchange, reason, guarded)

    async def _best_first(self, order: Wanted) -> Sequence[Candidate]:
        resting_at = None if order.takes else order.price or order.stop_price
        now, age = self._clock.now_ns(), self._rules.age_ns_max
        enquiry = Enquiry(order.side, order.amount, now, age, resting_at)
        ranking = await self._ranking(order.symbol, enquiry)
        names = [each.offer.exchange for each in ranking.ranked]
        return [await self.candidate(name, ranking.reason()) for name in names]

    async def _guard(self, at: str, exchange: AbstractExchange, order: Wanted) -> None:
        """No order of ours may meet another of ours, whichever of our accounts placed it."""
        accounts = self._roster.accounts_beside(at)
        answers = await self.calls.ask_all(
            accounts, lambda each: each.get_open_orders(order.symbol)
        )
        resting = []
        for name, answer in answers.items():
            if isinstance(answer, ExchangeError | UserError):
                raise _unsent(name, answer)
            resting += answer
        coming = ComingOrder(
            venue=exchange.venue,
            account=exchange.account,
            symbol=order.symbol,
            side=order.side,
            price=order.price,
            post_only=order.time_in_force in POST_ONLY,
        )
        guard(coming, resting)

    async def balances(self, exchange: str | None) -> dict[str, dict[str, float]]:
        """Free balances by exchange and asset; of all, those that answer."""
        if exchange is not None:
            return {exchange: await self.calls.ask(exchange, lambda each: each.get_balance())}
        answers = await self.calls.ask_all(self._some(), lambda each: each.get_balance())
        told = {name: each for name, each in answers.items() if isinstance(each, dict)}
        if not told:
            raise _nobody({n: e for n, e in answers.items() if not isinstance(e, dict)})
        return told

    # --- watching ---------------------------------------------------------------------------------

    async def watch(self, pairs: Sequence[str]) -> None:
        """Tell the listeners of every new price from now on; returns at once."""
        names = self._some()

        def looking(name: str, symbol: str) -> Callable[[], Awaitable[None]]:
            async def look() -> None:
                asked = await self.calls.ask_all([name], lambda each: each.get_market_data(symbol))
                shown = asked[name]
                if isinstance(shown, MarketData):
                    await self.prices.tell(name, symbol, shown)

            return look

        self._watch.start(
            every(self._rules.watch_seconds, looking(name, symbol))
            for name in names
            for symbol in pairs
        )

    async def stop_watch(self) -> None:
        """Ends the watch."""
        await self._watch.stop()

    def _some(self) -> list[str]:
        names = self._roster.names()
        if not names:
            raise ExchangeUnavailable(
                "no exchange is configured for this region; nothing real is used by itself. Start "
                "the exchange in the box, or configure keys or public data for an exchange."
            )
        return names


def _only(fleet: Fleet, name: str) -> Choose:
    async def choose(order: Wanted) -> Sequence[Candidate]:
        del order
        return [await fleet.candidate(name, "the exchange that was asked for")]

    return choose


def _unsent(name: str, fault: ExchangeError | UserError) -> ExchangeError:
    """Why no order left, in the class that says what may be done about it."""
    said = f"nothing was sent, since the open orders of {name} could not be read: {fault}"
    match fault:
        case ExchangeAuthenticationError():
            return ExchangeAuthenticationError(said)
        case ExchangeRateLimitError():
            return ExchangeRateLimitError(said, fault.retry_after, no_order=True)
        case ExchangeConnectionError():
            return ExchangeNotSent(said)
        case _:
            return ExchangeUnavailable(said)


async def _spendable(exchange: AbstractExchange, symbol: str, side: Side) -> Decimal:
    base, quote = symbols.traded_pair(symbol, exchange.venue)
    balances = await exchange.get_balance()
    asset = quote if side is Side.BUY else base
    return exact(balances.get(asset, 0), f"the {asset} balance")


async def _awake(exchange: AbstractExchange) -> None:
    """Nothing is asked: to be asked at all, an exchange is made ready."""
    del exchange


async def _unasked() -> None:
    return None


def _quote_level(price: float) -> tuple[BookLevel, ...]:
    found = exact(price, "a quote")
    return (BookLevel(found, Decimal(0)),) if found > 0 else ()


def _as_market_data(shown: MarketData, best: Priced, ranking: Ranking) -> MarketData:
    """`price` is the effective one: it is what the comparison was about."""
    book = best.offer.book
    return replace(
        shown,
        price=float(best.effective(ranking.side)),
        bid=float(book.bids[0].price) if book.bids else shown.bid,
        ask=float(book.asks[0].price) if book.asks else shown.ask,
        timestamp=moment(book.seen_at),
        exchange=best.offer.exchange,
        reason=ranking.reason(),
        effective_price=float(best.effective(ranking.side)),
    )


def _nobody(faults: dict[str, ExchangeError | UserError]) -> ExchangeConnectionError:
    said = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
    return ExchangeConnectionError(f"no exchange answered: {said}")
