"""Owns the journal that looks over a run's shoulder: after every single step it checks the laws.

It is handed to a session like any journal, so it sees the bot's ledger and the venue's just when a
fact has been taken in and before anything follows from it.
"""

from typing import Any

from absolute.domain.instrument import Side
from absolute.domain.messages import OrderFilled
from absolute.domain.notes import DealClosed
from absolute.engine.replay import replay
from absolute.kernels.feed import TapeFeed
from absolute.store.journal import MemoryJournal
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig

from tests.builders import D, Played, Setting, seat


class Audit(MemoryJournal):
    """Checks what must hold after every step, whatever strategy runs."""

    def __init__(self):
        super().__init__()
        self.run: Any = None

    def append(self, event, outcome):
        super().append(event, outcome)
        run = self.run
        bot, venue = run.portfolio, run.session.venue
        check_same_money(bot, venue)
        assert bot.held == bot.total("COIN") - run.setting.wallet.get("COIN", 0)
        for order in bot.orders.values():
            assert order.terms.qty is None or order.filled <= order.terms.qty
            assert order.terminal or bot.live[order.terms.role] is order
            assert not order.terminal or order.hold == 0
        for asset in venue.ledger.account.totals():
            assert venue.ledger.account.free(asset) >= 0, f"{asset} is promised twice"


def check_same_money(bot, venue):
    """The bot's ledger and the venue's agree: totals, and what each living order reserves."""
    assert venue.ledger.account.totals() == bot.ledger.account.totals()
    assert venue.ledger.positions == bot.ledger.positions
    for client_id, theirs in venue.resting.items():
        ours = bot.orders[client_id]
        assert not ours.terminal, f"{client_id} lives at the venue and is {ours.status} here"
        named = theirs.terms.price or theirs.terms.trigger or theirs.terms.spend
        if named or theirs.terms.side is Side.SELL:  # else each reckons with its own last price
            assert ours.hold == theirs.hold


class LadderAudit(Audit):
    """Checks the ladder's own books against the money besides."""

    def __init__(self):
        super().__init__()
        self.held = self.booked = D(0)

    def append(self, event, outcome):
        super().append(event, outcome)
        run = self.run
        if isinstance(event, OrderFilled):
            fill: Any = event.fill
            self.held += fill.qty if fill.side is Side.BUY else -fill.qty
            if fill.fee.asset == "COIN":
                self.held -= fill.fee.amount
        self.booked += sum((n.profit for n in outcome.notes if isinstance(n, DealClosed)), D(0))
        assert run.ledger.account.total("COIN") == self.held
        assert run.strategy.profit == self.booked
        check_exits(run)
        check_deal(run)


def check_exits(run: Any):
    """At most one living order sells, and it never sells more than there is."""
    sells = [o for o in run.session.venue.resting.values() if o.terms.side is Side.SELL]
    assert len(sells) <= 1
    assert sum(o.left for o in sells) <= run.ledger.account.total("COIN")
    ours = [o for o in run.portfolio.live.values() if o.terms.side is Side.SELL]
    assert len(ours) <= 1


def check_deal(run: Any):
    """What the deal says it holds, spent and earned is what the wallet says.

    wallet + third coin + cost of what is held = initial + booked profit. The cost of what an
    open deal holds is what flowed out for it; else only dust is held, at its own cost.
    """
    ladder, account = run.strategy, run.ledger.account
    deal, dust, cap = ladder.deal, ladder.dust, ladder.config.saldo_limite
    held, cost = (deal.held, -deal.flow) if deal is not None else (dust.qty, dust.cost)
    assert held == account.total("COIN")
    if deal is not None:
        assert not cap or deal.spent <= cap
        assert not dust.qty
    start, fees = run.setting.wallet, run.setting.fees
    money = account.total("USDT") - start["USDT"]
    if fees.third is not None:
        money += (account.total(fees.third) - start[fees.third]) * fees.third_price
    assert money + cost == ladder.profit


def audited(tape, config: LadderConfig, setting: Setting, *, skip=True) -> Played:
    """Run a ladder with every law checked after every step."""
    journal = LadderAudit()
    run = journal.run = seat(tape, Ladder(config), setting, journal=journal)
    run.walked = replay(TapeFeed(tape), run.session, skip=skip)
    return run
