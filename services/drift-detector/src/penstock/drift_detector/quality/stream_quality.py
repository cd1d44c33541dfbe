"""Quality of a stream over fixed outcome blocks, on two clocks: provisional and matured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from penstock.bus.state.unit_state import State
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.monitoring import Statistics
from penstock.contracts.records.outcomes import Outcome
from penstock.drift_detector.event_time import LONG_AGO, duration_microseconds, from_microseconds, to_microseconds
from penstock.drift_detector.losses import loss_of
from penstock.drift_detector.offset_blocks import slice_within, split_by_block
from penstock.drift_detector.outcome_batch import OutcomeBatch
from penstock.drift_detector.quality.answer_cohorts import AnswerCohorts
from penstock.drift_detector.quality.outcome_block import (
    NOT_MATURED,
    OUTCOME_BLOCK,
    BlockColumns,
    OutcomeBlock,
    columns_of,
)
from penstock.drift_detector.quality.pending_blocks import PendingBlocks
from penstock.drift_detector.quality.score_estimate import ScoreEstimator
from penstock.drift_detector.quality.slice_losses import slice_values
from penstock.drift_detector.quality.statistics_records import matured_id, statistics_record

_OPEN_BLOCK = b"2b"
_NEWEST_TIME = b"2n"


@dataclass(frozen=True, slots=True)
class BlockResult:
    """A complete block: the `index` of the record that completed it, the records to write, and the labels in it.

    The records are of this block, and of earlier ones that matured with it.
    """

    index: int
    statistics: list[Statistics]
    labels: list[str | float]


class StreamQuality:
    """Quality of the outcomes at offsets [100 k, 100 k + 100), whatever batches they come in.

    A complete block is written as `provisional`, by the labels so far. It is `matured` at once when every event has a
    label, else when all its events are longer ago than the horizon; if corrections came after it was written as
    matured, it is written once more at that time. Blocks mature in their order; the oldest of too many matures early.
    """

    def __init__(self, state: State, stream: str) -> None:
        self._state = state
        self._stream = stream
        block, newest_time = state.get(_OPEN_BLOCK), state.get(_NEWEST_TIME)
        self._block = msgspec.msgpack.decode(block, type=OutcomeBlock) if block else None
        self._newest_time = int(newest_time) if newest_time else LONG_AGO  # of an event, in microseconds
        self._pending = PendingBlocks(state)
        self._estimator = ScoreEstimator(state)
        self._cohorts = AnswerCohorts(state)

    def update(self, declaration: Declaration, batch: OutcomeBatch) -> list[BlockResult]:
        """Add a batch of outcomes; the results of the blocks that are then complete.

        A gap in the log completes a block too, with the first offset behind it.
        """
        results: list[BlockResult] = []
        revisions = [index for index, outcome in enumerate(batch.outcomes) if outcome.data.revision]
        later = sorted(set(revisions) - set(batch.first)) if revisions else []
        for number, span in split_by_block(batch.offsets, OUTCOME_BLOCK):
            if self._block is not None and self._block.number != number:
                results += self._complete(declaration, span[0])
            self._add_first(declaration, number, batch, slice_within(batch.first, span))
            for index in later[slice_within(later, span)]:
                self._correct(declaration, batch.short_keys[index], batch.outcomes[index])
            if batch.offsets[span[-1]] == (number + 1) * OUTCOME_BLOCK - 1:
                results += self._complete(declaration, span[-1])
        return results

    def save(self) -> None:
        """Write the open block, and the cohorts of answers, to the state."""
        self._cohorts.save()
        if self._block is None:
            self._state.delete(_OPEN_BLOCK)
        else:
            self._state.put(_OPEN_BLOCK, msgspec.msgpack.encode(self._block))

    def _add_first(self, declaration: Declaration, number: int, batch: OutcomeBatch, part: slice) -> None:
        indices = batch.first[part]
        if not indices:
            return
        self._block = self._block or OutcomeBlock(number)
        outcomes = [batch.outcomes[index] for index in indices]
        short_keys = [batch.short_keys[index] for index in indices]
        self._block.add(short_keys, outcomes, batch.losses[part], slice_values(declaration, outcomes))
        self._cohorts.add(declaration, outcomes)

    def _correct(self, declaration: Declaration, short_key: int, outcome: Outcome[Any]) -> None:
        loss = loss_of(declaration.task, outcome)
        if self._block is not None and short_key in self._block.short_keys:
            self._block.correct(short_key, outcome, loss)
        else:
            self._pending.correct(short_key, outcome, loss)

    def _complete(self, declaration: Declaration, index: int) -> list[BlockResult]:
        block, self._block = self._block, None
        if block is None:
            return []
        assert block.last_time is not None
        self._newest_time = max(self._newest_time, to_microseconds(block.last_time))
        columns = columns_of(declaration.task, declaration.label.classes, block)
        block.estimate, block.estimate_error = self._estimator.estimate(declaration.task, columns)
        provisional = statistics_record(self._stream, declaration, block, columns, "provisional", block.last_time)
        cohorts = self._cohorts.take_complete(declaration)
        records = [provisional.model_copy(update={"cohorts": cohorts}) if cohorts else provisional]
        if len(columns.losses) == len(block.short_keys):
            self._mature(declaration, block, columns)
            update = {"id": matured_id(self._stream, block), "clock": "matured"}
            records.append(provisional.model_copy(update=update))
        self._pending.add(block)
        records += self._matured_by_time(declaration)
        self._state.put(_NEWEST_TIME, b"%d" % self._newest_time)
        self._estimator.save()
        return [BlockResult(index, records, columns.labels)]

    def _matured_by_time(self, declaration: Declaration) -> Iterator[Statistics]:
        """The records of pending blocks whose horizon has passed."""
        time = from_microseconds(self._newest_time)
        for block in self._pending.pop_before(self._newest_time - duration_microseconds(declaration.label.horizon)):
            columns = columns_of(declaration.task, declaration.label.classes, block)
            self._mature(declaration, block, columns)
            yield statistics_record(self._stream, declaration, block, columns, "matured", time)

    def _mature(self, declaration: Declaration, block: OutcomeBlock, columns: BlockColumns) -> None:
        """The estimator learns from a block when it matures for the first time."""
        if block.matured_corrections == NOT_MATURED:
            self._estimator.learn(declaration.task, columns, block.estimate)
        block.matured_corrections = block.corrections
