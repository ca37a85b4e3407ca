"""What a provider's module gives a pull: answers as they came, and what was not given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Earlier = Callable[[str], Sequence[bytes]]
"""Gives the answers about one thing (the beginning of their names) of the last pull that is kept."""


@dataclass(frozen=True)
class RawAnswer:
    """One answer as it came.

    `name` begins with what it is about and says what was asked; no two answers of a pull have the same.
    """

    name: str
    body: bytes


@dataclass(frozen=True)
class NotGiven:
    """Something that the provider did not give, and why."""

    what: str
    reason: str
