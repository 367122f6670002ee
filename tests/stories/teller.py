"""Owns the language of the stories about the ladder and the venue; it must not know any of them.

A line at the margin is the market or a person, the indented lines below it are all that it led to.
Lines before the first bar set the scene:

    market tick=0.01 lot=0.001 min_qty=0.001 min_notional=5
    wallet USDT=10000
    fees maker=0.001 taker=0.001 coin=received
    venue fills=touch intrabar=pessimistic slippage_bps=0 submit_ms=0:0 cancel_ms=0:0
    ladder qty_inicial=300 limite_recompras=3
    limits equity_floor=9000 flatten=yes
    tells orders          (also what is asked, cancelled and gone)
    broken: why           (a defect that is known: the story fails, and must)

A bar is `bar 100` or `bar 100 101 99 100.5` (open, high, low, close), with ` of 30` for a volume
and ` later 10` for minutes that are missing before it.
"""

import re
from dataclasses import fields, replace
from typing import Any

from absolute.domain.approved import Approved
from absolute.domain.fees import FeeCoin
from absolute.domain.ids import ClientOrderId, Role
from absolute.domain.instrument import Side
from absolute.domain.messages import (
    Cancel,
    CancelRefused,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    Paused,
    Resumed,
    StopAsked,
    Submit,
    Transferred,
)
from absolute.domain.notes import (
    DealClosed,
    DealOpened,
    DustKept,
    Halted,
    LadderCapped,
    RungRefused,
    RungSkipped,
)
from absolute.domain.order import OrderType, Terms, TimeInForce
from absolute.domain.units import Asset, Nanos, plain
from absolute.kernels.feed import TapeFeed
from absolute.matching.fills import FillModel, FillRule
from absolute.matching.path import Intrabar
from absolute.risk.limits import Limits
from absolute.strategies.ladder import Ladder
from absolute.strategies.ladder_plan import LadderConfig, Shape, TargetMode

from tests.builders import MINUTE, START, D, Setting, fees, play, play_live, seat, spot, tape_of

BAR = re.compile(r"bar ([\d. ]+?)(?: of ([\d.]+))?(?: later (\d+))?")
PEOPLE: dict[str, Any] = {
    "a person pauses": lambda time: Paused(time, "ann"),
    "a person resumes": lambda time: Resumed(time, "ann"),
    "a person stops": lambda time: StopAsked(time, "ann", flatten=False),
    "a person stops and flattens": lambda time: StopAsked(time, "ann", flatten=True),
}
LEAVES = re.compile(r"([\d.]+) (\w+) leaves the wallet")
ORDER = re.compile(r"(\w+) (buys|sells) ([\d.]+|for [\d.]+) (.+)")
SCENE = {"market", "wallet", "fees", "venue", "ladder", "limits"}


def scenes(text):
    """(number of the line, line at the margin, indented lines below it)."""
    found: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.split("#")[0].rstrip()
        if not bare:
            continue
        if bare.startswith(" "):
            found[-1][2].append(bare.strip())
        else:
            found.append((number, bare, []))
    return found


def broken(text):
    """Why a story is known to fail, or None."""
    found = re.search(r"^broken: (.+)$", text, re.MULTILINE)
    return found[1] if found else None


class Story:
    """The scene of a story, its bars and what must follow from each line."""

    def __init__(self, text):
        self.words = dict.fromkeys(SCENE, "")
        self.tells_orders = False
        self.lines = []
        for number, line, told in scenes(text):
            head, _, rest = line.partition(" ")
            if head in SCENE:
                self.words[head] += " " + rest
            elif line == "tells orders":
                self.tells_orders = True
            elif not line.startswith("broken:"):
                self.lines.append((number, line, told))
        self.tape = self._tape()

    def _tape(self):
        rows, times, time = [], [], START
        for _, line, _ in self.lines:
            found = BAR.fullmatch(line)
            if found is None:
                continue
            prices, volume, later = found[1].split(), found[2] or "1000", int(found[3] or 0)
            time += later * MINUTE
            rows.append((*(prices * 4 if len(prices) == 1 else prices), volume))
            times.append(time)
            time += MINUTE
        return tape_of(rows, unit=self._pairs("market").get("unit", "0.01"), times=times)

    def _pairs(self, head):
        return dict(pair.split("=") for pair in self.words[head].split())

    def setting(self):
        """Everything but the ladder and the bars."""
        market = self._pairs("market")
        market.pop("unit", None)
        venue = self._pairs("venue")
        limits = self._pairs("limits")
        spans = {name: _span(venue[name]) for name in ("submit_ms", "cancel_ms") if name in venue}
        wallet = {asset: D(amount) for asset, amount in self._pairs("wallet").items()}
        return Setting(
            instrument=spot(**market),
            fees=_fees(self._pairs("fees")),
            wallet=wallet or {"USDT": D(10_000)},
            fills=FillModel(
                FillRule(venue.get("fills", "touch")),
                D(venue.get("volume_share", "0.1")),
                D(venue.get("queue_ahead", "0")),
            ),
            intrabar=Intrabar(venue.get("intrabar", "pessimistic")),
            slippage_bps=D(venue.get("slippage_bps", "0")),
            seed=int(venue.get("seed", 0)),
            limits=Limits(
                equity_floor=D(limits["equity_floor"]) if "equity_floor" in limits else None,
                flatten=limits.get("flatten") == "yes",
                notional_max=D(limits["notional_max"]) if "notional_max" in limits else None,
                open_orders_max=int(limits.get("open_orders_max", 50)),
            ),
            **spans,
        )

    def config(self):
        """The seed's ladder with what the story changes."""
        given = self._pairs("ladder")
        kinds = {
            each.name: type(getattr(LadderConfig(), each.name)) for each in fields(LadderConfig)
        }
        config = replace(LadderConfig(), **{k: _value(kinds[k], v) for k, v in given.items()})
        assert not config.validate(), [problem.text() for problem in config.validate()]
        return config


def _fees(given):
    rates = {name: given[name] for name in ("maker", "taker") if name in given}
    third = {"third": "BNB", "third_price": D(given["price"])} if "price" in given else {}
    return fees(**rates, coin=FeeCoin(given.get("coin", "received")), **third)


def _span(text):
    low, _, high = text.partition(":")
    return int(low), int(high)


def _value(kind, text):
    if kind is bool:
        return text == "yes"
    if kind in (TargetMode, Shape, int, str):
        return kind(text)
    return int(text) if kind is type(None) else D(text)


# --- what happens, in words --------------------------------------------------------------------


def told_by(entry, orders):
    """One step of a log in the words of a story: (about orders only, sentence)."""
    event, outcome = entry.event, entry.outcome
    yield from ((False, line) for line in _fact(event, orders))
    if isinstance(event, OrderCancelled):
        yield True, f"{orders[event.client_id].terms.role} is gone"
    yield from ((False, _note(note)) for note in outcome.notes)
    for refused in outcome.refusals:
        yield False, f"{refused.command.terms.role} is held back: {refused.gate}"
    for approved in outcome.commands:
        yield True, _wish(approved.command, orders)


def _fact(event, orders):
    match event:
        case OrderFilled(fill=fill):
            verb = "buys" if fill.side is Side.BUY else "sells"
            fee: Any = fill.fee
            paid = f", fee {plain(fee.amount)} {fee.asset}" if fee.amount else ""
            role = orders[fill.client_id].terms.role
            yield f"{role} {verb} {plain(fill.qty)} at {plain(fill.price)} {fill.liquidity}{paid}"
        case OrderRejected(client_id=client_id, reason=reason):
            yield f"{orders[client_id].terms.role} is rejected: {reason}"
        case OrderExpired(client_id=client_id, reason=reason):
            yield f"{orders[client_id].terms.role} expires: {reason}"
        case CancelRefused(client_id=client_id):
            yield f"{orders[client_id].terms.role} cannot be cancelled"
        case _:
            pass


def _note(note):
    match note:
        case DealOpened(deal=deal, added=added):
            return f"deal {deal} opens" + (f", {plain(added)} on each order" if added else "")
        case DealClosed(deal=deal, profit=profit):
            return f"deal {deal} closes: profit {plain(profit)}"
        case RungSkipped(rung=rung, value=value, minimum=minimum):
            return f"rung {rung} is skipped: {plain(value)} is below {plain(minimum)}"
        case RungRefused(rung=rung, reason=reason):
            return f"rung {rung} is given up: {reason}"
        case LadderCapped(rung=rung, value=value, room=room):
            return f"the ladder is capped at rung {rung}: {plain(value)} into {plain(room)}"
        case DustKept(qty=qty, cost=cost):
            return f"dust of {plain(qty)} is kept at {plain(cost)}"
        case Halted(code=code):
            return f"halts: {code}"


def _wish(command, orders):
    if isinstance(command, Cancel):
        return f"cancels {orders[command.client_id].terms.role}"
    terms = command.terms
    amount = plain(terms.qty) if terms.qty is not None else f"for {plain(terms.spend)}"
    price = "at market" if terms.price is None else f"at {plain(terms.price)}"
    return f"wants {terms.role}: {terms.side} {amount} {price}"


# --- telling -----------------------------------------------------------------------------------


def tell_ladder(text):
    """Play a story about the ladder; the first line that went otherwise fails."""
    story = Story(text)
    told = seat(story.tape, Ladder(story.config()), story.setting())
    feed, seen, bars, alone = TapeFeed(story.tape), 0, 0, True
    for number, line, expected in story.lines:
        time = Nanos(feed.row(bars - 1).end if bars else START)
        if BAR.fullmatch(line):
            if not bars:
                told.session.start(feed.row(0))
            told.session.visit(feed.row(bars))
            bars += 1
        elif line in PEOPLE:
            alone = False
            told.session.deliver(PEOPLE[line](time))
        elif found := LEAVES.fullmatch(line):
            alone = False
            told.session.deliver(Transferred(time, Asset(found[2]), -D(found[1])))
        elif line == "it stands":
            assert _standing(told) == expected, f"line {number}: {line}"
            continue
        else:
            raise ValueError(f"no story says: {line}")
        happened = [
            sentence
            for entry in told.journal.entries[seen:]
            for about_orders, sentence in told_by(entry, told.portfolio.orders)
            if story.tells_orders or not about_orders
        ]
        seen = len(told.journal.entries)
        assert happened == expected, f"line {number}: {line}"
    if alone:
        _check_twins(story, told)
    return told


def _check_twins(story, told):
    """Without people the same market, skipped through or live, writes the same log."""
    tape, setting = story.tape, story.setting()
    twins = [play(tape, Ladder(story.config()), setting, skip=skip) for skip in (True, False)]
    twins.append(play_live(tape, Ladder(story.config()), setting))
    assert {twin.sha for twin in twins} == {told.sha}


def _standing(told):
    """Money, living orders, and what the deal holds."""
    ledger, ladder = told.ledger, told.strategy
    lines = [
        f"{asset} {plain(amount)}" for asset, amount in sorted(ledger.account.totals().items())
    ]
    for role, order in sorted(told.portfolio.live.items()):
        terms = order.terms
        price = "market" if terms.price is None else plain(terms.price)
        left = f"for {terms.spend}" if terms.qty is None else plain(terms.qty - order.filled)
        lines.append(f"{role}: {left} at {price}")
    lines.append(f"{ladder.phase}, profit {plain(ladder.profit)}")
    return lines


def tell_venue(text):
    """Play a story about orders of any type at the venue itself."""
    story = Story(text)
    setting, feed, bars = story.setting(), TapeFeed(story.tape), 0
    venue = setting.venue(story.tape.price_unit)
    venue.seek(feed.row(0))
    for number, line, expected in story.lines:
        time = Nanos(feed.row(bars - 1).end if bars else START)
        if BAR.fullmatch(line):
            events = list(venue.walk(feed.row(bars)))
            bars += 1
        elif line == "it stands":
            held = [f"{a} {plain(v)}" for a, v in sorted(venue.ledger.account.totals().items())]
            assert held + list(venue.resting) == expected, f"line {number}"
            continue
        else:
            events = venue.send(Approved(_command(line)), time)
        happened = [sentence for event in events for sentence in _venue_words(event)]
        assert happened == expected, f"line {number}: {line}"


def _venue_words(event):
    match event:
        case OrderFilled(fill=fill):
            fee: Any = fill.fee
            paid = f", fee {plain(fee.amount)} {fee.asset}" if fee.amount else ""
            traded = f"{plain(fill.qty)} at {plain(fill.price)} {fill.liquidity}"
            yield f"{fill.client_id} fills {traded}{paid}"
        case OrderRejected(client_id=client_id, reason=reason):
            yield f"{client_id} is rejected: {reason}"
        case OrderExpired(client_id=client_id, reason=reason):
            yield f"{client_id} expires: {reason}"
        case OrderCancelled(client_id=client_id):
            yield f"{client_id} is gone"
        case CancelRefused(client_id=client_id):
            yield f"{client_id} cannot be cancelled"
        case _:
            pass


def _command(line):
    """`stop1 sells 2 stop trigger=95`, `b buys for 300 market`, `cancel b`."""
    if line.startswith("cancel "):
        return Cancel(ClientOrderId(line.removeprefix("cancel ")))
    found = ORDER.fullmatch(line)
    assert found is not None, f"no story says: {line}"
    name, verb, amount, rest = found.groups()
    kind, *more = rest.split()
    given = dict(pair.split("=") for pair in more if "=" in pair)
    force = [word for word in more if "=" not in word]
    prices: dict[str, Any] = {key: D(value) for key, value in given.items()}
    size: dict[str, Any] = (
        {"spend": D(amount[4:])} if amount.startswith("for ") else {"qty": D(amount)}
    )
    terms = Terms(
        Role(name),
        Side.BUY if verb == "buys" else Side.SELL,
        OrderType(kind),
        **size,
        **prices,
        time_in_force=TimeInForce(force[0] if force else "gtc"),
    )
    return Submit(ClientOrderId(name), terms)
