"""Owns the reading of what happened: the story of an order or a deal, and the lines of the log.

A story is the journal's lines with what was logged under the same id, in the order of time. A log
being written and rotated meanwhile can be followed. It must not know how either is written.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from absolute.desk.home import database
from absolute.domain.errors import UserError
from absolute.domain.messages import Cancel, OrderFilled, Submit
from absolute.domain.order import Terms
from absolute.domain.units import NANOS_PER_SECOND, plain
from absolute.store.codec import jsonable
from absolute.store.sql_journal import Line
from absolute.store.sql_records import Records, Story
from absolute.store.sql_store import open_records

TAIL_BYTES: Final = 4_000_000
NAMES: Final = ("order", "client_id", "venue_id", "orders")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose story: of an order, by our id or the venue's, or of a deal; of a run, or the newest."""

    order: str | None = None
    deal: int | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One line of a story: when, from where ("journal 12" or "log"), what, and all of it."""

    time: int
    source: str
    text: str
    whole: Any

    def to_json(self) -> dict[str, Any]:
        """For other programs."""
        return {"time": instant(self.time), "source": self.source, "text": self.text,
                "whole": self.whole}  # fmt: skip


def newest_run(records: Records) -> str:
    """The id of the newest run; raises `UserError` where nothing has run."""
    runs = records.runs()
    if not runs:
        raise UserError("RUN_UNKNOWN", "Nothing has run here yet, so there is no story to tell.")
    return runs[0].id


def story_of(records: Records, wanted: Wanted) -> Story:
    """All the journal knows of an order, a deal, or a whole run; raises `UserError`."""
    if wanted.order is not None:
        return records.order_story(wanted.order, wanted.run)
    run = wanted.run or newest_run(records)
    if wanted.deal is not None:
        return records.deal_story(run, wanted.deal)
    found = records.find_run(run)
    return Story(found, tuple(records.lines(run)), records.orders(run), records.fills(run),
                 records.deals(run))  # fmt: skip


def tell(story: Story, log: Path | None) -> list[Told]:
    """The journal's lines and the log's about the same orders, in the order of time."""
    ids = {each for order in story.orders for each in (order["client_id"], order["venue_id"])}
    told = [_of_journal(line, ids) for line in story.lines]
    told += _of_log(log, {each for each in ids if each})
    return sorted(told, key=lambda each: each.time)


def tail(log: Path, count: int) -> list[dict[str, Any]]:
    """The last lines of a log, also from the file it was renamed to last."""
    files = [log.with_name(f"{log.name}.1"), log]
    lines = [line for file in files if file.is_file() for line in _end_of(file).splitlines()]
    return list(_parsed(lines[-count:] if count else []))


def records_at(place: str | None) -> Records:
    """What is kept in a database, or in the one of this user; raises `UserError`."""
    return open_records(database(place))


class Follower:
    """What is added to a log from now on, also where it is renamed and begun again."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._inode, self._place = _where(log)
        self._rest = b""

    def fresh(self) -> list[dict[str, Any]]:
        """The lines that came since the last look."""
        inode, size = _where(self._log)
        data = b""
        if inode != self._inode:
            renamed = self._log.with_name(f"{self._log.name}.1")
            if _where(renamed)[0] == self._inode:
                data = _from(renamed, self._place)
            self._inode, self._place = inode, 0
        elif size < self._place:
            self._place = 0
        more = _from(self._log, self._place) if inode else b""
        self._place += len(more)
        whole, _, self._rest = (self._rest + data + more).rpartition(b"\n")
        return list(_parsed(whole.splitlines()))


def instant(time: int) -> str:
    """A time as it is written for programs."""
    seconds, rest = divmod(time, NANOS_PER_SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def _of_journal(line: Line, ids: set[str]) -> Told:
    """A journal line in words: the fact, then what was asked for, refused and noted."""
    parts = [_fact(line)]
    for command in line.commands:
        if command.client_id in ids:
            match command:
                case Submit(client_id=client_id, terms=terms):
                    parts.append(f"place {client_id}: {_wish(terms)}")
                case Cancel(client_id=client_id):
                    parts.append(f"cancel {client_id}")
    for refused in line.refusals:
        bound = f"{refused.value} against {refused.threshold}"
        parts.append(f"refused {refused.command.client_id}: {refused.gate}, {bound}")
    parts += [f"note {type(note).__name__}" for note in line.notes]
    whole = {
        "event": jsonable(line.event),
        "commands": [jsonable(each) for each in line.commands],
        "refusals": [jsonable(each) for each in line.refusals],
        "notes": [jsonable(each) for each in line.notes],
    }
    return Told(line.time, f"journal {line.number}", "; ".join(parts), whole)


def _fact(line: Line) -> str:
    event = line.event
    name = type(event).__name__
    if isinstance(event, OrderFilled):
        fill = event.fill
        fee = (
            "fee unknown" if fill.fee is None else f"fee {plain(fill.fee.amount)} {fill.fee.asset}"
        )
        traded = f"{fill.side} {plain(fill.qty)} at {plain(fill.price)}, {fee}, {fill.liquidity}"
        return f"{name} {fill.client_id}: {traded}, trade {fill.trade_id}"
    told = [str(getattr(event, each, "")) for each in ("client_id", "venue_id", "reason", "who")]
    return " ".join([name, *(each for each in told if each)])


def _wish(terms: Terms) -> str:
    words = [terms.role, terms.side, terms.type]
    words += [f"{plain(terms.qty)}"] if terms.qty is not None else []
    words += [f"for {plain(terms.spend)}"] if terms.spend is not None else []
    words += [f"at {plain(terms.price)}"] if terms.price is not None else []
    words += [f"trigger {plain(terms.trigger)}"] if terms.trigger is not None else []
    return " ".join(words)


def _of_log(log: Path | None, ids: set[str]) -> Iterator[Told]:
    """The lines of the log and of its older files that were written under one of these ids."""
    if log is None or not ids:
        return
    files = [log.with_name(f"{log.name}.{number}") for number in range(9, 0, -1)]
    for file in [*files, log]:
        if file.is_file():
            with file.open("rb") as lines:
                for told in _parsed(line for line in lines if _mentions(line, ids)):
                    if _about(told, ids):
                        yield Told(_time_of(told), "log", str(told.get("message", "")), told)


def _mentions(line: bytes, ids: set[str]) -> bool:
    text = line.decode("utf-8", "replace")
    return any(each in text for each in ids)


def _about(told: dict[str, Any], ids: set[str]) -> bool:
    """Whether a line was written under an id; one that only begins alike is another order's."""
    for name in NAMES:
        value = told.get(name)
        if value in ids or (isinstance(value, list) and ids & {str(each) for each in value}):
            return True
    words = str(told.get("message", "")).replace(",", " ").replace(":", " ").split()
    return bool(ids & set(words))


def _parsed(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The lines that are whole; one that was torn is passed over."""
    for line in lines:
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict):
            yield told


def _time_of(told: dict[str, Any]) -> int:
    try:
        moment = datetime.fromisoformat(str(told["time"]))
    except (KeyError, ValueError):
        return 0
    return int(moment.timestamp()) * NANOS_PER_SECOND + moment.microsecond * 1000


def _end_of(file: Path) -> bytes:
    return _from(file, max(0, file.stat().st_size - TAIL_BYTES))


def _from(file: Path, place: int) -> bytes:
    with file.open("rb") as opened:
        opened.seek(place)
        return opened.read()


def _where(file: Path) -> tuple[int, int]:
    """Which file it is, and how long; zeros where there is none."""
    try:
        about = os.stat(file)
    except FileNotFoundError:
        return 0, 0
    return about.st_ino, about.st_size


def since(story: Story, number: int) -> Story:
    """The same story, from behind a line on."""
    return replace(story, lines=tuple(line for line in story.lines if line.number > number))
