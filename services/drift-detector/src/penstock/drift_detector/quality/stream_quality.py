"""Quality over fixed blocks of outcomes, on two clocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from penstock.bus.state.state import State
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.monitoring import Statistics
from penstock.contracts.records.outcomes import Outcome
from penstock.drift_detector.drift.label_shift import LabelWatch
from penstock.drift_detector.event_key import instant, length, micros
from penstock.drift_detector.losses import loss_of
from penstock.drift_detector.offset_blocks import blocks, inside
from penstock.drift_detector.quality.block_outcomes import BLOCK, Block, Columns, columns_of
from penstock.drift_detector.quality.pending_blocks import Waiting
from penstock.drift_detector.quality.score_estimate import Forecast
from penstock.drift_detector.quality.slice_losses import slices_in
from penstock.drift_detector.quality.statistics_records import matured_id, statistics
from penstock.ml.drift.window_tests import FieldDrift

_OPEN = b"2b"
_NEWEST = b"2n"


class Quality:
    """Says how the outcomes at offsets [100 k, 100 k + 100) went, whatever batches they come in.

    At the end of a block it is said as `provisional`, by the labels so far. It is `matured` at once when every event has a label, else when
    all its events are longer ago than the horizon; by then corrections are in, and if any came since it was said, it
    is said once more. A block waits for those before it, and the oldest of too many is taken as it stands.
    """

    def __init__(self, state: State, stream: str) -> None:
        self._state = state
        self._stream = stream
        kept, newest = state.get(_OPEN), state.get(_NEWEST)
        self._block = msgspec.msgpack.decode(kept, type=Block) if kept else None
        self._newest = int(newest) if newest else -(2**62)  # the newest event's time, in microseconds
        self._waiting = Waiting(state)
        self._forecast = Forecast(state)
        self._labels = LabelWatch(state)
        self.shifts: list[tuple[FieldDrift, int]] = []

    def take(
        self,
        declaration: Declaration,
        offsets: Sequence[int],
        marks: Sequence[int],
        first: Sequence[int],
        outcomes: Sequence[Outcome[Any]],
        losses: Sequence[float | None],
    ) -> list[tuple[Statistics, int]]:
        """Take in the `outcomes` at `offsets`: what is then to be said, with the place that completes each block.

        The places `first` are the first outcomes of their events, whose `losses` are given. A gap in the log completes
        a block too, with the first offset behind it. `shifts` then holds what the labels gave away.
        """
        told: list[tuple[Statistics, int]] = []
        self.shifts = []
        revised = [place for place, one in enumerate(outcomes) if one.data.revision]
        later = sorted(set(revised) - set(first)) if revised else []
        for number, places in blocks(offsets, BLOCK):
            if self._block is not None and self._block.number != number:
                told += self._close(declaration, places[0])
            some = inside(first, places)
            if first[some]:
                self._block = self._block or Block(number)
                rows = first[some]
                taken = [outcomes[row] for row in rows]
                self._block.add([marks[row] for row in rows], taken, losses[some], slices_in(declaration, taken))
            for place in later[inside(later, places)]:
                self._correct(declaration, marks[place], outcomes[place])
            if offsets[places[-1]] == (number + 1) * BLOCK - 1:
                told += self._close(declaration, places[-1])
        return told

    def save(self) -> None:
        """Hand the open block over to the state."""
        if self._block is None:
            self._state.delete(_OPEN)
        else:
            self._state.put(_OPEN, msgspec.msgpack.encode(self._block))

    def _save_learnt(self) -> None:
        """What changes only with a block's end is handed over then."""
        self._state.put(_NEWEST, b"%d" % self._newest)
        self._forecast.save()
        self._labels.save()

    def _correct(self, declaration: Declaration, mark: int, outcome: Outcome[Any]) -> None:
        loss = loss_of(declaration.task, outcome)
        if self._block is not None and mark in self._block.marks:
            self._block.correct(mark, outcome, loss)
        else:
            self._waiting.correct(mark, outcome, loss)

    def _close(self, declaration: Declaration, place: int) -> list[tuple[Statistics, int]]:
        block, self._block = self._block, None
        if block is None:
            return []
        assert block.last_time is not None
        self._newest = max(self._newest, micros(block.last_time))
        columns = columns_of(declaration.task, block)
        self._forecast.foretell(declaration.task, block, columns)
        told = [statistics(self._stream, declaration, block, columns, "provisional", block.last_time)]
        if len(columns.losses) == len(block.marks):
            self._mature(declaration, block, columns)
            told.append(told[0].model_copy(update={"id": matured_id(self._stream, block), "clock": "matured"}))
        self._waiting.put(block)
        told += self._ripe(declaration)
        self.shifts += [(shift, place) for shift in self._labels.take(declaration, columns.labels)]
        self._save_learnt()
        return [(one, place) for one in told]

    def _ripe(self, declaration: Declaration) -> list[Statistics]:
        """What is said of the blocks whose horizon has passed."""
        told, now = [], instant(self._newest)
        for block in self._waiting.take(self._newest - length(declaration.label.horizon)):
            columns = columns_of(declaration.task, block)
            self._mature(declaration, block, columns)
            told.append(statistics(self._stream, declaration, block, columns, "matured", now))
        return told

    def _mature(self, declaration: Declaration, block: Block, columns: Columns) -> None:
        """A block is learnt from when it is first said to be matured."""
        if block.said < 0:
            self._forecast.learn(declaration.task, block, columns)
        block.said = block.revised
