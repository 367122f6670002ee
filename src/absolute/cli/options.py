"""Owns how a command with many options is written: a frozen record whose fields are the options."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar, get_type_hints

Record = TypeVar("Record")


def takes(record: type[Record]) -> Callable[[Callable[[Record], None]], Callable[..., None]]:
    """Make a command of a function over `record`, a dataclass of annotated options."""
    hints = get_type_hints(record, include_extras=True)
    parameters = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=hints[each.name],
            default=inspect.Parameter.empty if each.default is MISSING else each.default,
        )
        for each in fields(record)  # type: ignore[arg-type]
    ]

    def made(body: Callable[[Record], None]) -> Callable[..., None]:
        def command(**given: Any) -> None:  # noqa: ANN401 -- what the command line gave
            body(record(**given))

        command.__name__, command.__doc__ = body.__name__, body.__doc__
        command.__annotations__ = dict(hints)
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return command

    return made
