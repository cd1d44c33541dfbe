"""A service's routes: which handler takes which topic. Typed, so that mypy rejects a handler on the wrong topic."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from penstock.bus.state.unit_state import State
from penstock.contracts.batch import AnyOutputs, Batch
from penstock.contracts.topics import Topic

R = TypeVar("R")
Handler = Callable[[Batch[R]], Iterable[AnyOutputs] | Awaitable[Iterable[AnyOutputs]]]


class Unit(NamedTuple):
    """What one member owns: a partition of a stream over all topics of the group; stream None: the control plane."""

    stream: str | None
    partition: int

    def __str__(self) -> str:
        """For people: `loans/2`, `control/0`."""
        return f"{self.stream or 'control'}/{self.partition}"


@dataclass(frozen=True)
class Route:
    """A topic and the function that handles its batches."""

    topic: Topic[Any]
    handle: Handler[Any]


def route(topic: Topic[R], handle: Handler[R]) -> Route:
    """Let `handle` take the batches of `topic`."""
    return Route(topic, handle)


UnitOpener = Callable[[Unit, State], Sequence[Route]]


@dataclass(frozen=True)
class Group:
    """A consumer group: the topics it reads, and how a member opens a unit that it is assigned.

    `open` is called when a unit is assigned, with the unit's state as it was last written; the handlers live until
    the unit is revoked. A `stateful` unit starts from the position in its state, any other from the group's commits.
    A handler may take `max_handling_seconds` before the service counts as stuck.
    """

    name: str
    topics: tuple[Topic[Any], ...]
    open: UnitOpener
    stateful: bool = False
    max_handling_seconds: float = 60.0
