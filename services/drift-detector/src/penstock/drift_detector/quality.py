"""Quality over fixed blocks of outcomes."""

from __future__ import annotations

from collections.abc import Sequence
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
from penstock.drift_detector.blocks import blocks, inside
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

    def add(self, outcomes: Sequence[Outcome[Any]], losses: Sequence[float | None]) -> None:
        """Take in some outcomes, at least one, with their losses."""
        known = [loss for loss in losses if loss is not None]
        self.losses += known
        self.expired += len(losses) - len(known)
        for outcome in outcomes:
            prediction = outcome.data.prediction
            if prediction.epoch >= self.epoch:
                self.version, self.epoch = prediction.version, prediction.epoch
        self.newest = outcomes[-1].id
        times = [outcome.time for outcome in outcomes]
        first, last = min(times).astimezone(UTC), max(times).astimezone(UTC)
        self.first_time = first if self.first_time is None else min(self.first_time, first)
        self.last_time = last if self.last_time is None else max(self.last_time, last)


class Quality:
    """Says how the outcomes at offsets [100 k, 100 k + 100) went, once, whatever batches they come in."""

    def __init__(self, state: State, stream: str) -> None:
        self._state = state
        self._stream = stream
        kept = state.get(_KEY)
        self._block = msgspec.msgpack.decode(kept, type=Block) if kept else None

    def take(
        self,
        task: Task,
        offsets: Sequence[int],
        first: Sequence[int],
        outcomes: Sequence[Outcome[Any]],
        losses: Sequence[float | None],
    ) -> list[tuple[Statistics, int]]:
        """Take in the outcomes at `offsets`: the blocks that are then complete, with the place that completes each.

        Only the places `first` count, whose `outcomes` and `losses` these are. A gap in the log completes a block too,
        with the first offset behind it.
        """
        complete: list[tuple[Statistics, int]] = []
        for number, places in blocks(offsets, BLOCK):
            if self._block is not None and self._block.number != number:
                complete += self._close(task, places[0])
            some = inside(first, places)
            if outcomes[some]:
                self._block = self._block or Block(number)
                self._block.add(outcomes[some], losses[some])
            if offsets[places[-1]] == (number + 1) * BLOCK - 1:
                complete += self._close(task, places[-1])
        return complete

    def save(self) -> None:
        """Hand the open block over to the state."""
        if self._block is None:
            self._state.delete(_KEY)
        else:
            self._state.put(_KEY, msgspec.msgpack.encode(self._block))

    def _close(self, task: Task, place: int) -> list[tuple[Statistics, int]]:
        block, self._block = self._block, None
        return [] if block is None else [(statistics(self._stream, task, block), place)]


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
