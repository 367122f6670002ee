"""Owns the journal: every event and what followed from it, in order, in memory or on disk.

A file journal is append-only lines, each with a running number and the hash of everything before
it. A line that was torn by a crash at the very end is cut off when the file is opened again; any
other damage is refused, never repaired.
"""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

from absolute.domain.errors import JournalError
from absolute.domain.messages import Event
from absolute.engine.step import Outcome
from absolute.store.codec import encode, jsonable, message

GENESIS = "0" * 64


class Entry(NamedTuple):
    """One step: the fact, and what followed."""

    event: Event
    outcome: Outcome


class MemoryJournal:
    """Entries in a list: what back-tests use; the fastest thing that is still complete."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, event: Event, outcome: Outcome) -> None:
        """Keep one step."""
        self.entries.append(Entry(event, outcome))


def log_sha256(entries: list[Entry]) -> str:
    """The hash of a whole log: equal runs have equal hashes, on any machine."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(_line(entry.event, entry.outcome))
    return digest.hexdigest()


def _line(event: Event, outcome: Outcome) -> bytes:
    parts: list[object] = [event]
    parts.extend(approved.command for approved in outcome.commands)
    parts.extend(outcome.refusals)
    parts.extend(outcome.notes)
    return b"".join(encode(part) + b"\n" for part in parts)


class FileJournal:
    """Entries in a file, durable when `append` returns (unless `sync` is off)."""

    def __init__(self, path: Path, *, sync: bool = True) -> None:
        self._sync = sync
        self.number, self._chain = _recover(path)
        self._file = path.open("ab", buffering=0)
        self._size = self._file.tell()

    def append(self, event: Event, outcome: Outcome) -> None:
        """Write one step; raises `OSError` where it could not be kept, and keeps nothing of it."""
        text = body_text(self.number + 1, event, outcome)
        chain = link(self._chain, text.encode())
        self._write(f"{chain} {text}\n".encode())
        self.number += 1
        self._chain = chain

    def _write(self, line: bytes) -> None:
        """The whole line on disk, or the file as it was."""
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, "the journal's disk took only part of a line")
            if self._sync:
                os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(self._size)
            raise
        self._size += len(line)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class KeptJournal(MemoryJournal):
    """Entries on disk first, then in memory: for a run that is watched and must be kept."""

    __slots__ = ("_file",)

    def __init__(self, file: FileJournal) -> None:
        super().__init__()
        self._file = file

    def append(self, event: Event, outcome: Outcome) -> None:
        """Keep one step; raises `OSError` where the disk refused it."""
        self._file.append(event, outcome)
        super().append(event, outcome)


def events(path: Path) -> Iterator[Event]:
    """Every event of a file journal in order; raises `JournalError` at the first damage."""
    chain = GENESIS
    with path.open("rb") as file:
        for place, line in enumerate(file, start=1):
            chain, body = _check(line, place, chain)
            yield message(body["event"])


def _recover(path: Path) -> tuple[int, str]:
    """The last number and hash of a file; a torn last line is cut off."""
    if not path.exists():
        return 0, GENESIS
    chain, number, good = GENESIS, 0, 0
    with path.open("rb") as file:
        for place, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break
            chain, _body = _check(line, place, chain)
            number, good = place, good + len(line)
    if good != path.stat().st_size:
        with path.open("r+b") as file:
            file.truncate(good)
            os.fsync(file.fileno())
    return number, chain


def _check(line: bytes, place: int, before: str) -> tuple[str, dict[str, object]]:
    chain, _, text = line.removesuffix(b"\n").partition(b" ")
    if chain != link(before, text).encode():
        raise JournalError(f"journal line {place} does not follow from the line before it")
    body = json.loads(text)
    if body["number"] != place:
        raise JournalError(f"journal line {place} carries the number {body['number']}")
    return chain.decode(), body


def body_text(number: int, event: Event, outcome: Outcome) -> str:
    """One step as the canonical text that is kept and chained."""
    body = {
        "number": number,
        "event": jsonable(event),
        "commands": [jsonable(approved.command) for approved in outcome.commands],
        "refusals": [jsonable(refused) for refused in outcome.refusals],
        "notes": [jsonable(note) for note in outcome.notes],
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


def link(before: str, text: bytes) -> str:
    """The hash of a text and of everything before it."""
    return hashlib.sha256(before.encode() + text).hexdigest()
