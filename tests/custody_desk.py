"""Owns a bench on which the live core is driven by hand: the test is the venue, the line and time.

Spans are in seconds. Everything goes through `Live`, as in a real run; it must not know any law.
"""

# mypy: disable-error-code="arg-type, attr-defined, union-attr"
# Ids, times and assets are plain literals here.

from absolute.domain.fill import Fee, Fill, Liquidity
from absolute.domain.ids import BotId, Role, TradeId, VenueOrderId
from absolute.domain.instrument import Side
from absolute.domain.messages import OrderFilled
from absolute.domain.order import OrderType, Terms
from absolute.domain.portfolio import Portfolio
from absolute.engine.custody import Custody
from absolute.engine.live import Live, replay
from absolute.engine.reports import (
    Acknowledged,
    Balances,
    Connected,
    Executions,
    ExecutionSeen,
    InDoubt,
    ListExecutions,
    ListOpen,
    LookUp,
    NotFound,
    OpenOrders,
    OrderSeen,
    Priced,
    ReadBalances,
    Seen,
    SendCancel,
    SendOrder,
    Unanswered,
    VenueFacts,
)
from absolute.engine.step import Engine
from absolute.risk.limits import Limits
from absolute.store.journal import MemoryJournal
from absolute.strategies.contract import ASLEEP, Plan

from tests.builders import START, D, Setting, fees

S = 1_000_000_000
FACTS = VenueFacts(
    window=5 * S,
    engine_timeout=10 * S,
    visibility=5 * S,
    clock_error=1 * S,
    overlap=10 * S,
    ids_unique_for_ever=False,
)
DEADLINE = 21
"""Seconds from a doubt to the first question that proves anything: window + engine + the rest."""

BUY = Terms(Role("rung 1"), Side.BUY, OrderType.LIMIT, qty=D(2), price=D(90))
EXIT = Terms(Role("exit"), Side.SELL, OrderType.LIMIT, qty=D(2), price=D(110))
ENTRY = Terms(Role("entry"), Side.BUY, OrderType.MARKET, spend=D(100))
FREE = fees("0", "0")


class Wants:
    """A strategy that wants what the test says, and no longer what was filled.

    `script` remembers when the test changed its mind, so that a restart can replay it.
    """

    def __init__(self, script):
        self.script = dict(script)
        self.wakes = ASLEEP
        self._facts = 0
        self._wanted = self.script[0]

    @property
    def targets(self):
        return self._wanted

    @targets.setter
    def targets(self, targets):
        self.script[self._facts] = self._wanted = targets

    def on(self, event, view):
        self._wanted = self.script.get(self._facts, self._wanted)
        self._facts += 1
        self._forget(event, view)
        return Plan(self._wanted)

    def _forget(self, event, view):
        if isinstance(event, OrderFilled) and event.done:
            role = view.orders[event.fill.client_id].terms.role
            self._wanted = tuple(each for each in self._wanted if each.role != role)


class Bench:
    """One bot. `events` are all that were booked; `taken` all requests that left, in order."""

    def __init__(self, *targets, facts=FACTS, journal=None, script=None):
        setting = Setting(fees=FREE, wallet={"USDT": D(10_000), "COIN": D(10)})
        self.strategy = Wants(script or {0: targets})
        self.portfolio = Portfolio(setting.ledger())
        self.engine = Engine(BotId("b"), self.portfolio, self.strategy, Limits())
        self.journal = journal or MemoryJournal()
        steps = [
            (entry.event, tuple(each.command for each in entry.outcome.commands))
            for entry in self.journal.entries
        ]
        replay(self.engine, steps)
        self.now = START
        self.custody = Custody(BotId("b"), self.portfolio, facts, START)
        self.live = Live(self.engine, self.custody, self.journal)
        self.trades = 0
        self._left: list = []

    # --- time and the line ---

    def later(self, seconds):
        """Let time pass, waking the core whenever it asks to be."""
        end = self.now + int(seconds * S)
        while (due := self.live.next_time()) is not None and due <= end:
            self.now = max(self.now, due)
            self.live.tick(self.now)
            self._take()
            if self.live.next_time() == due:
                break
        self.now = end
        self.live.tick(end)
        return self

    def _take(self):
        while self.live.requests:
            self._left.append((self.now, self.live.requests.popleft()))

    def asked(self, kind):
        """Take the requests of one kind that have left and are not answered, with their times."""
        self._take()
        found = [each for each in self._left if isinstance(each[1], kind)]
        self._left = [each for each in self._left if not isinstance(each[1], kind)]
        return found

    def sent(self):
        """The ids of the orders that left since the last look."""
        return [request.client_id for _time, request in self.asked(SendOrder)]

    def cancels(self):
        """The ids of the orders that were asked back since the last look."""
        return [request.client_id for _time, request in self.asked(SendCancel)]

    def told(self, report):
        """Bring what a stream tells."""
        self.live.told(report)
        return self

    def answered(self, request, report):
        """Bring an answer."""
        self.live.answered(request, report)
        return self

    # --- the usual ---

    def connect(self):
        """The stream comes up."""
        return self.told(Connected(self.now))

    def lists(self, *shown, trades=()):
        """Answer the lists that were asked for: these orders stand, these trades were made."""
        for asked_at, request in self.asked(ListOpen):
            seen = tuple(self.seen(*each, asked_at=asked_at) for each in shown)
            self.answered(request, OpenOrders(self.now, asked_at, seen))
        for asked_at, request in self.asked(ListExecutions):
            told = tuple(ExecutionSeen(self.now, each) for each in trades)
            self.answered(request, Executions(self.now, asked_at, request.since, told))
        for asked_at, request in self.asked(ReadBalances):
            totals = tuple(self.portfolio.ledger.account.totals().items())
            self.answered(request, Balances(self.now, asked_at, totals, totals))
        return self

    def price(self, price=100, *, age=0):
        """Tell a price."""
        return self.told(Priced(self.now, self.now - int(age * S), D(price)))

    def ready(self):
        """Connect, see that nothing is there, hear a price: what is wanted leaves."""
        return self.connect().lists().price()

    def order(self, client_id):
        """Our record of an order."""
        return self.portfolio.orders[client_id]

    @property
    def events(self):
        """All events that were booked."""
        return [entry.event for entry in self.journal.entries]

    def kinds(self):
        """The names of the events that were booked."""
        return [type(each).__name__ for each in self.events]

    @property
    def alarms(self):
        """The codes of all alarms that wait."""
        return [each.code for each in self.custody.alarms.waiting]

    def accept(self, client_id, venue_id="v1"):
        """The venue says yes."""
        return self.answer_order(client_id, Acknowledged(self.now, client_id, venue_id))

    def doubt(self, client_id):
        """Nobody says what became of the order."""
        return self.answer_order(client_id, InDoubt(self.now, client_id, "timeout"))

    def answer_order(self, client_id, report):
        """Answer the sending of an order."""
        return self.answered(SendOrder(client_id, self.order(client_id).terms), report)

    def not_found(self, *, after=0):
        """Answer every look-up that was asked with: no such order."""
        looked = self.asked(LookUp)
        self.now += int(after * S)
        for asked_at, request in looked:
            self.answered(request, NotFound(self.now, asked_at, request.client_id))
        return self

    def unanswered(self, kind):
        """Let questions of a kind fail."""
        for _asked_at, request in self.asked(kind):
            self.answered(request, Unanswered(self.now, request, "HTTP 502"))
        return self

    def seen(self, client_id, status="open", filled=0, *, asked_at=None, reason=""):
        """An order as the venue shows it."""
        asked_at = self.now if asked_at is None else asked_at
        venue_id = VenueOrderId("v1")
        return OrderSeen(
            self.now, asked_at, client_id, venue_id, Seen(status), D(filled), self.now, reason
        )

    def show(self, client_id, status="open", filled=0, **rest):
        """The stream shows an order."""
        return self.told(self.seen(client_id, status, filled, **rest))

    def found(self, client_id, status="open", filled=0):
        """Answer the look-ups for an order: there it is."""
        for asked_at, request in self.asked(LookUp):
            self.answered(request, self.seen(client_id, status, filled, asked_at=asked_at))
        return self

    def fill(self, client_id, qty, price=90, *, trade=None, fee="0", fee_asset="USDT"):
        """An execution."""
        self.trades += 1
        side = self.order(client_id).terms.side if client_id in self.portfolio.orders else Side.BUY
        told = None if fee is None else Fee(D(fee), fee_asset, D(fee))
        return Fill(
            TradeId(trade or f"t{self.trades}"),
            client_id,
            side,
            D(price),
            D(qty),
            Liquidity.MAKER,
            told,
            self.now,
        )

    def trade(self, client_id, qty, price=90, **rest):
        """The stream tells an execution."""
        return self.told(ExecutionSeen(self.now, self.fill(client_id, qty, price, **rest)))

    def restart(self, seconds=1, *, connect=True):
        """Kill it and begin again from the journal, some seconds later."""
        again = Bench(journal=self.journal, script=self.strategy.script)
        again.now = self.now + int(seconds * S)
        again.trades = self.trades
        again.live.resume(again.now)
        return again.connect() if connect else again
