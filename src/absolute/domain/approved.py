"""Owns the seal: a command that risk has let through. Only the package `risk` may make one.

A venue accepts nothing else, not even from a person. A house test reads the tree and fails where
another package calls the constructor.
"""

from dataclasses import dataclass

from absolute.domain.messages import Command


@dataclass(frozen=True, slots=True)
class Approved:
    """A command with risk's consent."""

    command: Command


@dataclass(frozen=True, slots=True)
class Refused:
    """A command that risk held back: the first gate that said no, its value and its threshold."""

    command: Command
    gate: str
    value: str
    threshold: str
