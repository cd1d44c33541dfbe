"""Quality over fixed blocks of outcomes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from penstock.bus.state import State
from penstock.contracts.declaration import Task
from penstock.contracts.ids import derived_id
from penstock.contracts.monitoring import Statistics
from penstock.contracts.outcomes import Outcome
from penstock.drift_detector.identity import SOURCE
from penstock.ml.metrics import primary_metric, score

BLOCK = 100  # outcome offsets
LARGEST_LOSS = 1e300  # so that thousands of them can still be summed

_KEY = b"2q"


def loss_of(task: Task, outcome: Outcome[Any]) -> float | None:
    """0 or 1 for a class, the absolute error (at most `LARGEST_LOSS`) for a number; None without a label."""
    answer, label = outcome.data.prediction.value, outcome.data.label
    if label is None:
        return None
    return min(abs(float(answer) - float(label)), LARGEST_LOSS) if task == "regression" else float(answer != label)


class Block(Struct, array_like=True):
    """Block `number` as far as it came: outcomes that are the first of their event."""

    number: int
    losses: list[float] = []
    expired: int = 0
    version: int = 0
    epoch: int = -1
    newest: str = ""
    first_time: datetime | None = None
    last_time: datetime | None = None

    def add(self, outcome: Outcome[Any], loss: float | None) -> None:
        """Take in one outcome."""
        if loss is None:
            self.expired += 1
        else:
            self.losses.append(loss)
        prediction, time = outcome.data.prediction, outcome.time.astimezone(UTC)
        if prediction.epoch >= self.epoch:
            self.version, self.epoch = prediction.version, prediction.epoch
        self.newest = outcome.id
        self.first_time = time if self.first_time is None else min(self.first_time, time)
        self.last_time = time if self.last_time is None else max(self.last_time, time)


class Quality:
    """Says how the outcomes at offsets [100 k, 100 k + 100) went, once, whatever batches they come in."""

    def __init__(self, state: State, stream: str) -> None:
        self._state = state
        self._stream = stream
        kept = state.get(_KEY)
        self._block = msgspec.msgpack.decode(kept, type=Block) if kept else None

    def before(self, offset: int, task: Task) -> list[Statistics]:
        """What the arrival of this offset completes: the block before its own, when the log has a gap."""
        if self._block is None or self._block.number == offset // BLOCK:
            return []
        return self._close(task)

    def take(self, offset: int, outcome: Outcome[Any], loss: float | None) -> None:
        """Take in the outcome at `offset`."""
        self._block = self._block or Block(offset // BLOCK)
        self._block.add(outcome, loss)

    def after(self, offset: int, task: Task) -> list[Statistics]:
        """What having taken this offset completes: its block, when it is the last one there."""
        return self._close(task) if (offset + 1) % BLOCK == 0 else []

    def save(self) -> None:
        """Hand the open block over to the state."""
        if self._block is None:
            self._state.delete(_KEY)
        else:
            self._state.put(_KEY, msgspec.msgpack.encode(self._block))

    def _close(self, task: Task) -> list[Statistics]:
        block, self._block = self._block, None
        return [] if block is None else [statistics(self._stream, task, block)]


def statistics(stream: str, task: Task, block: Block) -> Statistics:
    """The record of a block that holds at least one outcome."""
    assert block.first_time is not None
    assert block.last_time is not None
    joined = len(block.losses)
    start = block.number * BLOCK
    return Statistics(
        source=SOURCE,
        id=derived_id("statistics", stream, start),
        time=block.last_time,
        cause=block.newest,
        stream=stream,
        start=start,
        stop=start + BLOCK,
        joined=joined,
        expired=block.expired,
        metric=primary_metric(task),
        score=score(task, np.array(block.losses)) if joined else None,
        coverage=joined / (joined + block.expired),
        version=block.version,
        epoch=block.epoch,
        first_time=block.first_time,
        last_time=block.last_time,
    )
