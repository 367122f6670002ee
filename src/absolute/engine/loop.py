"""Owns the asynchronous driver: one inbox, one writer, bars and people's events in one line.

Whoever has something to say puts it into the inbox; one task takes it out and steps the session.
Nothing here waits for anything but the inbox, so a slow reader of results cannot hold trading up.
"""

import asyncio
from collections.abc import Callable

from absolute.domain.messages import Event
from absolute.engine.session import Session
from absolute.kernels.feed import Row

INBOX_MAX = 10_000


class Loop:
    """Runs one session until it is closed. `after` is told when an item was taken in."""

    def __init__(self, session: Session, *, after: Callable[[Row | Event], None]) -> None:
        self._session = session
        self._after = after
        self._inbox: asyncio.Queue[Row | Event | None] = asyncio.Queue(INBOX_MAX)
        self._started = False

    async def put(self, item: Row | Event) -> None:
        """Hand in a bar or an event; waits while the inbox is full."""
        await self._inbox.put(item)

    async def close(self) -> None:
        """Let `run` end once everything before this has been taken in."""
        await self._inbox.put(None)

    async def run(self) -> None:
        """Take in everything, strictly in order, until closed."""
        while (item := await self._inbox.get()) is not None:
            self._take(item)
            self._after(item)

    def _take(self, item: Row | Event) -> None:
        session = self._session
        if not isinstance(item, Row):
            session.deliver(item)
            return
        if not self._started:
            self._started = True
            session.start(item)
        session.visit(item)
