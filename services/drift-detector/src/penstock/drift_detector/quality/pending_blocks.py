"""Blocks that were told of and may still change: corrections are waited for until the horizon of their events."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from penstock.bus.state.state import State
from penstock.contracts.records.outcomes import Outcome
from penstock.drift_detector.event_key import micros
from penstock.drift_detector.quality.block_outcomes import Block

MOST = 500  # blocks: 50,000 events, as many as are surely known to have had their first outcome

_PREFIX = b"2w"


@dataclass(slots=True)
class Place:
    """A waiting block: its number, when its last event was (microseconds), whose rows it holds, whether it has news."""

    number: int
    last: int
    marks: array[int]
    news: bool


class Waiting:
    """At most `MOST` blocks, in the state; of each only the marks of its events are in memory."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._places = deque(_place(_decode(value)) for _, value in state.scan(_PREFIX))
        self._marks: NDArray[np.int64] | None = None

    def put(self, block: Block) -> None:
        """Let a block wait, behind all others."""
        self._places.append(_place(block))
        self._marks = None
        self._keep(block)

    def correct(self, mark: int, outcome: Outcome[Any], loss: float | None) -> None:
        """Take in a later outcome of an event, if its block still waits."""
        place = self._find(mark)
        if place is not None:
            block = self._load(place)
            if block.correct(mark, outcome, loss):
                place.news = True
                self._keep(block)

    def _keep(self, block: Block) -> None:
        self._state.put(_key(block.number), msgspec.msgpack.encode(block))

    def _find(self, mark: int) -> Place | None:
        if self._marks is None:
            self._marks = np.concatenate([np.empty(0, np.int64), *(np.array(place.marks) for place in self._places)])
        (found,) = np.nonzero(self._marks == mark)
        if not len(found):
            return None
        ends = np.cumsum([len(place.marks) for place in self._places])
        return self._places[int(np.searchsorted(ends, found[0], "right"))]

    def take(self, cutoff: int) -> Iterator[Block]:
        """Take out the oldest blocks whose events are before `cutoff`, or of which too many wait: those with news."""
        while self._places and (self._places[0].last < cutoff or len(self._places) > MOST):
            place = self._places.popleft()
            self._marks = None
            if place.news:
                yield self._load(place)
            self._state.delete(_key(place.number))

    def _load(self, place: Place) -> Block:
        value = self._state.get(_key(place.number))
        assert value is not None  # every block that waits is in the state
        return _decode(value)


def _key(number: int) -> bytes:
    return _PREFIX + number.to_bytes(8, "big")


def _place(block: Block) -> Place:
    assert block.last_time is not None
    return Place(block.number, micros(block.last_time), array("q", block.marks), block.said < block.revised)


def _decode(value: bytes) -> Block:
    return msgspec.msgpack.decode(value, type=Block)
