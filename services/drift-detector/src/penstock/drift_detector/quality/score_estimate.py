"""The score that a block is expected to have, from its answers alone, before its labels are in."""

from __future__ import annotations

import msgspec

from penstock.bus.state.unit_state import State
from penstock.contracts.declaration.stream import Task
from penstock.drift_detector.quality.outcome_block import BlockColumns
from penstock.ml.drift.expected_score import CONFIDENCE_EDGES, ExpectedScore

_KEY = b"2c"


class ScoreEstimator:
    """Estimates scores, and learns from matured blocks: accuracy by confidence, mean error by the value answered."""

    def __init__(self, state: State) -> None:
        self._state = state
        stored = state.get(_KEY)
        self._expected = msgspec.msgpack.decode(stored, type=ExpectedScore) if stored else None

    def estimate(self, task: Task, columns: BlockColumns) -> tuple[float | None, float | None]:
        """The expected score of a block, and the mean error of earlier estimates; None where there is none."""
        if columns.model_outputs is None:
            return None, None
        expected = self._for_task(task)
        confidences = None if task == "regression" else columns.model_outputs
        return expected.estimate(columns.model_outputs, confidences), expected.error

    def learn(self, task: Task, columns: BlockColumns, estimate: float | None) -> None:
        """Learn from a block that has matured, and for which `estimate` was made."""
        score = columns.score(task)
        if columns.model_outputs is None or score is None:
            return
        expected = self._for_task(task)
        if estimate is not None:
            expected.record_error(estimate, score)
        results = columns.losses if task == "regression" else 1 - columns.losses
        expected.update(columns.model_outputs[columns.is_labelled], results)

    def save(self) -> None:
        """Write what was learned to the state."""
        if self._expected is not None:
            self._state.put(_KEY, msgspec.msgpack.encode(self._expected))

    def _for_task(self, task: Task) -> ExpectedScore:
        if self._expected is None:
            self._expected = ExpectedScore([] if task == "regression" else list(CONFIDENCE_EDGES))
        return self._expected
