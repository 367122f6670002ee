"""Owns who is told of prices and connections: listeners, each on its own.

A listener is a plain or an asynchronous function of a user. One that fails is logged and told the
next time again; it never stops another, nor the watch. It must not know exchanges.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

Listener = Callable[..., Awaitable[None] | None]

_log = logging.getLogger(__name__)


class Listeners:
    """The functions that want to be told of one kind of thing, in the order they came."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._functions: list[Listener] = []

    def __len__(self) -> int:
        return len(self._functions)

    def add(self, function: Listener) -> Callable[[], None]:
        """Tell it from now on; calling the answer ends that."""
        self._functions.append(function)

        def leave() -> None:
            if function in self._functions:
                self._functions.remove(function)

        return leave

    async def tell(self, *facts: object) -> None:
        """Tell every listener, side by side; what one of them raises is logged."""
        functions = list(self._functions)
        outcomes = await asyncio.gather(
            *(_called(function, facts) for function in functions), return_exceptions=True
        )
        for function, outcome in zip(functions, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                name = getattr(function, "__qualname__", repr(function))
                _log.error("A %s listener failed: %s: %r", self._kind, name, outcome)


async def _called(function: Listener, facts: tuple[object, ...]) -> None:
    answer = function(*facts)
    if inspect.isawaitable(answer):
        await answer


class Watch:
    """Background tasks of one event loop, which end together."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def running(self) -> bool:
        """True while a task of it lives in this loop."""
        return any(not task.done() for task in self._tasks)

    def start(self, coroutines: Iterable[Coroutine[Any, Any, None]]) -> None:
        """Runs these beside whatever else runs."""
        loop = asyncio.get_running_loop()
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks += [loop.create_task(each) for each in coroutines]

    async def stop(self) -> None:
        """Ends all of them and waits for their end."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def every(seconds: float, ask: Callable[[], Awaitable[None]]) -> None:
    """Calls `ask` again and again, a pause between the end of one call and the next."""
    while True:
        await ask()
        await asyncio.sleep(seconds)
