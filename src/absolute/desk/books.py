"""Owns the reading of a finished log: its fills and deals as rows, its equity at every close.

Between two events holdings are constant, so equity is filled in by one pass over the columns. The
ledger is rebuilt from the facts alone: what it ends with must be what the engine ended with.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from absolute.domain.fees import in_settle
from absolute.domain.ids import ClientOrderId
from absolute.domain.instrument import Instrument, Kind, Side
from absolute.domain.ledger import Ledger
from absolute.domain.messages import (
    Event,
    FundingPaid,
    Liquidated,
    OrderFilled,
    Submit,
    Transferred,
)
from absolute.domain.notes import DealClosed, DealOpened, Note
from absolute.domain.units import ZERO
from absolute.kernels.tape import Tape
from absolute.research.result import DealRow, FillRow
from absolute.store.journal import Entry

Floats = NDArray[np.float64]


@dataclass(slots=True)
class Books:
    """What a log says, as rows; amounts are exact."""

    fills: list[FillRow]
    deals: list[DealRow]
    fees: Decimal
    funding: Decimal
    liquidations: int
    notes: list[Note]
    steps: "Holdings"
    fees_of: dict[int, Decimal]


@dataclass(slots=True)
class Holdings:
    """What was held from each time on: money, quantity, and the flow that opened it.

    Money is in the settle asset, with what is held of a third fee coin at its stated price.
    """

    times: list[int]
    money: list[float]
    qty: list[float]
    flow: list[float]

    def note(self, time: int, ledger: Ledger) -> None:
        """Take down what a ledger holds now."""
        instrument = ledger.instrument
        self.times.append(time)
        money = ledger.account.total(instrument.settle)
        fees = ledger.fees
        if fees.third is not None and fees.third_price is not None and not instrument.perpetual:
            money += ledger.account.total(fees.third) * fees.third_price
        self.money.append(float(money))
        if instrument.kind is Kind.SPOT:
            self.qty.append(float(ledger.account.total(instrument.base)))
            self.flow.append(0.0)
            return
        self.qty.append(float(sum((p.qty for p in ledger.positions.values()), ZERO)))
        self.flow.append(float(sum((p.flow for p in ledger.positions.values()), ZERO)))


def read_log(entries: Iterable[Entry], ledger: Ledger, start: int) -> Books:
    """Rebuild the books from a log and a ledger as it stood at the start."""
    steps = Holdings([], [], [], [])
    steps.note(start, ledger)
    books = Books([], [], ZERO, ZERO, 0, [], steps, {})
    roles: dict[ClientOrderId, str] = {}
    deal = 0
    for event, outcome in entries:
        for note in outcome.notes:
            books.notes.append(note)
            if isinstance(note, DealOpened):
                deal = note.deal
        for approved in outcome.commands:
            if isinstance(approved.command, Submit):
                roles[approved.command.client_id] = approved.command.terms.role
        if _book(event, books, ledger, role_of=roles, deal=deal):
            steps.note(event.time, ledger)
    books.deals = [
        row if row.closed is not None else _so_far(row, books) for row in deal_rows(books.notes)
    ]
    return books


def _so_far(row: DealRow, books: Books) -> DealRow:
    """A deal that is still open, from its fills: what went in, at which mean price."""
    buys = [fill for fill in books.fills if fill.deal == row.number and fill.side == Side.BUY]
    spent = sum((fill.notional for fill in buys), ZERO)
    bought = sum((fill.notional / fill.price for fill in buys), ZERO)
    return replace(
        row,
        rebuys=len({fill.role for fill in buys}) - 1,
        cost=spent,
        average=spent / bought if bought else ZERO,
        fees=books.fees_of.get(row.number, ZERO),
    )


def _book(
    event: Event, books: Books, ledger: Ledger, *, role_of: dict[ClientOrderId, str], deal: int
) -> bool:
    """Book one fact; says whether holdings changed."""
    match event:
        case OrderFilled(fill=fill):
            ledger.fill(fill)
            fee, instrument = fill.fee, ledger.instrument
            value = in_settle(fee, instrument) if fee is not None else ZERO
            books.fees += value
            books.fees_of[deal] = books.fees_of.get(deal, ZERO) + value
            books.fills.append(
                FillRow(
                    fill.time,
                    fill.side.value,
                    fill.price,
                    fill.qty,
                    instrument.notional(fill.qty, fill.price),
                    fee.amount if fee is not None else ZERO,
                    fee.asset if fee is not None else "",
                    fill.liquidity.value,
                    role_of[fill.client_id],
                    deal,
                )
            )
        case FundingPaid(asset=asset, amount=amount):
            ledger.transfer(asset, amount)
            books.funding += amount
        case Transferred(asset=asset, amount=amount):
            ledger.transfer(asset, amount)
        case Liquidated():
            ledger.liquidate(event)
            books.fees += in_settle(event.fee, ledger.instrument)
            books.liquidations += 1
        case _:
            return False
    return True


def deal_rows(notes: Iterable[Note]) -> list[DealRow]:
    """One row per deal; one that never closed says so."""
    rows: dict[int, DealRow] = {}
    for note in notes:
        match note:
            case DealOpened(deal=number, time=time):
                rows[number] = DealRow(number, time, None, 0, ZERO, ZERO, None, None, ZERO, "open")
            case DealClosed():
                status = "liquidated" if note.forced else "closed"
                rows[note.deal] = DealRow(
                    note.deal,
                    note.opened,
                    note.time,
                    note.rebuys,
                    note.cost,
                    note.average,
                    note.exit_price,
                    note.profit,
                    note.fees,
                    status,
                )
            case _:
                pass
    return list(rows.values())


def equity_at_closes(tape: Tape, steps: Holdings, instrument: Instrument) -> Floats:
    """Equity float64[n] at the close of every bar, in the settle asset."""
    close = tape.closes()
    mark = close
    if tape.mark_close is not None:
        over, under = tape.price_unit.as_integer_ratio()
        mark = tape.mark_close * over / under
    place = np.searchsorted(np.array(steps.times), tape.ts + tape.bar_ns, side="left") - 1
    money = np.array(steps.money)[place]
    qty = np.array(steps.qty)[place]
    if instrument.kind is Kind.SPOT:
        return money + qty * close
    flow = np.array(steps.flow)[place]
    sized = qty * float(instrument.contract)
    worth = -sized / mark if instrument.kind is Kind.INVERSE else sized * mark
    worked: Floats = money + flow + worth
    return worked
