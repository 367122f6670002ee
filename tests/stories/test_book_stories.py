"""The order book as short stories that a trader can read; each file under `book/` is one.

A line at the margin is a command, the indented lines below it are all that it changed. A command
without any is an order that waits with all its lots. `the book is` lists who stands, best first.
"""

import re
from pathlib import Path

import pytest

from absolute.domain.instrument import Side
from absolute.domain.order import TimeInForce
from absolute.matching.book import (
    Book,
    Ended,
    Reduced,
    Refused,
    Rested,
    SelfTrade,
    Ticket,
    Traded,
)

STORIES = sorted((Path(__file__).parent / "book").glob("*.txt"))
PLACE = re.compile(r"(\S+) (buys|sells) (\d+) at (\d+|market)(?: (\w+))?(?:, (.+))?")
AMEND = re.compile(r"(\S+) now wants (\d+) at (\d+)")
CANCEL = re.compile(r"cancel (\S+)")
SIDES = {"buys": Side.BUY, "sells": Side.SELL}
MODES = {
    None: SelfTrade.ALLOW,
    "the taker ends": SelfTrade.EXPIRE_TAKER,
    "the maker ends": SelfTrade.EXPIRE_MAKER,
    "both end": SelfTrade.EXPIRE_BOTH,
}


class Teller:
    """Plays the lines of one story on a book; `anna-1` is the first order of the owner anna."""

    def __init__(self):
        self.book = Book()
        self.names = []
        self.owners = []

    def play(self, line):
        """What a command changed, or how the book stands, in the words of a story."""
        if line == "the book is":
            return self._standing() or ["empty"]
        return [self._words(change) for change in self._act(line)]

    def _act(self, line):
        if found := PLACE.fullmatch(line):
            name, verb, lots, price, rule, mode = found.groups()
            limit = None if price == "market" else int(price)
            in_force = TimeInForce(rule or "gtc")
            owner = _number(self.owners, name.partition("-")[0])
            ticket = Ticket(
                _number(self.names, name), owner, SIDES[verb], int(lots), limit, in_force,
                MODES[mode],
            )  # fmt: skip
            return self.book.place(ticket)
        if found := AMEND.fullmatch(line):
            name, lots, price = found.groups()
            return self.book.amend(_number(self.names, name), lots=int(lots), ticks=int(price))
        if found := CANCEL.fullmatch(line):
            return self.book.cancel(_number(self.names, found[1]))
        raise ValueError(f"no story says: {line}")

    def _words(self, change):
        names = self.names
        match change:
            case Traded(taker=taker, maker=maker, ticks=ticks, lots=lots):
                return f"{names[taker]} trades {lots} with {names[maker]} at {ticks}"
            case Rested(order=order, ticks=ticks, lots=lots):
                return f"{names[order]} rests {lots} at {ticks}"
            case Reduced(order=order, lots=lots):
                return f"{names[order]} is reduced to {lots}"
            case Ended(order=order, lots=lots, reason=reason):
                return f"{names[order]} ends with {lots}: {reason.value}"
            case Refused(order=order, reason=reason):
                return f"{names[order]} is refused: {reason.value}"

    def _standing(self):
        rows = []
        for side in (Side.SELL, Side.BUY):
            for ticks, _ in self.book.levels(side):
                queue = [each for each in self.book.standing(side) if each.ticks == ticks]
                people = ", ".join(f"{self.names[each.ticket.id]} {each.lots}" for each in queue)
                rows.append(f"{side.value} {ticks}: {people}")
        return rows


def _number(known, name):
    if name not in known:
        known.append(name)
    return known.index(name)


def scenes(text):
    """(number of the line, command, indented lines below it)."""
    found: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith(" "):
            found[-1][2].append(line.strip())
        else:
            found.append((number, line.rstrip(), []))
    return found


def tell(text):
    """Play a story to its end; the first scene that went otherwise fails."""
    teller = Teller()
    for number, line, told in scenes(text):
        waits = PLACE.fullmatch(line) if not told else None
        expected = [f"{waits[1]} rests {waits[3]} at {waits[4]}"] if waits else told
        assert teller.play(line) == expected, f"line {number}: {line}"


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_the_book_behaves_as_the_story_says(story):
    tell(story.read_text("utf-8"))
    assert scenes(story.read_text("utf-8"))


def test_there_are_stories():
    assert len(STORIES) >= 9


def test_a_story_that_is_not_true_fails():
    true = "anna-1 buys 5 at 100\ncancel anna-1\n    anna-1 ends with 5: cancelled\n"
    tell(true)
    with pytest.raises(AssertionError, match="line 2: cancel anna-1"):
        tell(true.replace("ends with 5", "ends with 4"))
