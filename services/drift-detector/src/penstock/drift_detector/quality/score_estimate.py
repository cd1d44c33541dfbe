"""What a block's score is expected to be before its labels are looked at, and how such estimates turned out."""

from __future__ import annotations

import msgspec

from penstock.bus.state.state import State
from penstock.contracts.declaration.stream import Task
from penstock.drift_detector.quality.block_outcomes import Block, Columns
from penstock.ml.drift.expected_score import CONFIDENCES, ExpectedScore

_KEY = b"2c"


class Forecast:
    """Estimates from answers, learnt from matured blocks: of accuracy by confidence, of an error by what is answered."""

    def __init__(self, state: State) -> None:
        self._state = state
        kept = state.get(_KEY)
        self._known = msgspec.msgpack.decode(kept, type=ExpectedScore) if kept else None

    def foretell(self, task: Task, block: Block, columns: Columns) -> None:
        """Write the estimate of a complete block into it; none where the answers say nothing of themselves."""
        if columns.said is not None:
            known = self._of(task)
            block.estimate = known.estimate(columns.said, None if task == "regression" else columns.said)
            block.error = known.error

    def learn(self, task: Task, block: Block, columns: Columns) -> None:
        """Take in how a block came out."""
        score = columns.score(task)
        if columns.said is None or score is None:
            return
        known = self._of(task)
        if block.estimate is not None:
            known.judge(block.estimate, score)
        known.fold(columns.said[columns.known], columns.losses if task == "regression" else 1 - columns.losses)

    def save(self) -> None:
        """Hand what is known over to the state."""
        if self._known is not None:
            self._state.put(_KEY, msgspec.msgpack.encode(self._known))

    def _of(self, task: Task) -> ExpectedScore:
        if self._known is None:
            self._known = ExpectedScore([] if task == "regression" else list(CONFIDENCES))
        return self._known
