"""A service's routes: which handler takes which topic. Typed, so that a handler on the wrong topic does not check."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from penstock.bus.state.state import State
from penstock.contracts.batch import AnyOutputs, Batch
from penstock.contracts.topics import Topic

R = TypeVar("R")
Handle = Callable[[Batch[R]], Iterable[AnyOutputs] | Awaitable[Iterable[AnyOutputs]]]


class Unit(NamedTuple):
    """What one member owns: a partition of a stream over all topics of the group; stream None: the control plane."""

    stream: str | None
    partition: int


@dataclass(frozen=True)
class Route:
    """A topic and the function that handles its batches."""

    topic: Topic[Any]
    handle: Callable[[Batch[Any]], Iterable[AnyOutputs] | Awaitable[Iterable[AnyOutputs]]]


def route(topic: Topic[R], handle: Handle[R]) -> Route:
    """Let `handle` take the batches of `topic`."""
    return Route(topic, handle)


Open = Callable[[Unit, State], Sequence[Route]]


@dataclass(frozen=True)
class Group:
    """A consumer group: what it reads, and how a member opens a unit that it was given.

    `open` is called when a unit is assigned, with the unit's state as it was last written; the handlers live until
    the unit is lost. A `stateful` unit starts from the position in its state, any other from the group's commits.
    A handler may take `patience` seconds before the service counts as stuck.
    """

    name: str
    topics: tuple[Topic[Any], ...]
    open: Open
    stateful: bool = False
    patience: float = 60.0
