"""Blocks that were written and may still change: they take corrections until the horizon of their events has passed."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from penstock.bus.state.unit_state import State
from penstock.contracts.records.outcomes import Outcome
from penstock.drift_detector.event_time import to_microseconds
from penstock.drift_detector.quality.outcome_block import OutcomeBlock

MAX_PENDING_BLOCKS = 500  # 50,000 events: no more than those whose first outcome is still known

_PREFIX = b"2w"


@dataclass(slots=True)
class PendingBlock:
    """A pending block in memory: the time of its last event (microseconds), its rows' keys, and whether it changed."""

    number: int
    last_time: int
    short_keys: array[int]
    is_changed: bool


class PendingBlocks:
    """At most `MAX_PENDING_BLOCKS` blocks, in the state; in memory are only the short keys of their events."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._blocks = deque(_pending(_decode(value)) for _, value in state.scan(_PREFIX))
        self._short_keys: NDArray[np.int64] | None = None  # of all blocks, made when it is needed

    def add(self, block: OutcomeBlock) -> None:
        """Add a block behind all others."""
        self._blocks.append(_pending(block))
        self._short_keys = None
        self._save(block)

    def correct(self, short_key: int, outcome: Outcome[Any], loss: float | None) -> None:
        """Put in a later outcome of an event, if its block is pending."""
        pending = self._find(short_key)
        if pending is not None:
            block = self._load(pending)
            if block.correct(short_key, outcome, loss):
                pending.is_changed = True
                self._save(block)

    def pop_before(self, cutoff: int) -> Iterator[OutcomeBlock]:
        """Remove the oldest blocks, whose events are before `cutoff` or that are too many; return the changed ones."""
        while self._blocks and (self._blocks[0].last_time < cutoff or len(self._blocks) > MAX_PENDING_BLOCKS):
            pending = self._blocks.popleft()
            self._short_keys = None
            if pending.is_changed:
                yield self._load(pending)
            self._state.delete(_key(pending.number))

    def _find(self, short_key: int) -> PendingBlock | None:
        if self._short_keys is None:
            keys = [np.array(pending.short_keys) for pending in self._blocks]
            self._short_keys = np.concatenate([np.empty(0, np.int64), *keys])
        (rows,) = np.nonzero(self._short_keys == short_key)
        if not len(rows):
            return None
        ends = np.cumsum([len(pending.short_keys) for pending in self._blocks])
        return self._blocks[int(np.searchsorted(ends, rows[0], "right"))]

    def _save(self, block: OutcomeBlock) -> None:
        self._state.put(_key(block.number), msgspec.msgpack.encode(block))

    def _load(self, pending: PendingBlock) -> OutcomeBlock:
        value = self._state.get(_key(pending.number))
        assert value is not None  # every pending block is in the state
        return _decode(value)


def _key(number: int) -> bytes:
    return _PREFIX + number.to_bytes(8, "big")


def _pending(block: OutcomeBlock) -> PendingBlock:
    assert block.last_time is not None
    return PendingBlock(
        number=block.number,
        last_time=to_microseconds(block.last_time),
        short_keys=array("q", block.short_keys),
        is_changed=block.matured_corrections < block.corrections,
    )


def _decode(value: bytes) -> OutcomeBlock:
    return msgspec.msgpack.decode(value, type=OutcomeBlock)
