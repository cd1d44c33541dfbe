"""A step: what is done, and the number that decides on its details."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from tests.faults.client import Client


@dataclass(frozen=True)
class Step:
    """One step of a plan."""

    kind: str
    number: int


class Kind(NamedTuple):
    """How a kind of step is carried out, and how often plans hold it, compared with others."""

    do: Callable[[Client, Random], Awaitable[None]]
    weight: int
