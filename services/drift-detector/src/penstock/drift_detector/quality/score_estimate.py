"""The score that a block is expected to have, from its answers alone, before its labels are in."""

from __future__ import annotations

import msgspec
import numpy as np

from penstock.bus.state.unit_state import State
from penstock.contracts.declaration.stream import Task
from penstock.drift_detector.quality.outcome_block import BlockColumns
from penstock.ml.drift.expected_score import CONFIDENCE_EDGES, ExpectedScore

MAX_EPOCHS = 8  # newest, whose answers may still mature

_KEY = b"2i"


class ScoreEstimator:
    """Estimates scores, and learns from matured blocks: accuracy by confidence, mean error by the value answered.

    Every epoch's answers have an estimate of their own: another model errs elsewhere, and by another measure.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        stored = state.get(_KEY)
        self._expected = msgspec.msgpack.decode(stored, type=dict[int, ExpectedScore]) if stored else {}

    def estimate(self, task: Task, columns: BlockColumns) -> tuple[float | None, float | None]:
        """The expected score of a block, and the mean error of the newest epoch's estimates; None where there is none.

        There is none of numbers as long as nothing has matured of one of the epochs in the block.
        """
        outputs = columns.model_outputs
        if outputs is None:
            return None, None
        total = 0.0
        for epoch in np.unique(columns.epochs).tolist():
            answers = outputs[columns.epochs == epoch]
            mean = self._of(epoch, task).estimate(answers, None if task == "regression" else answers)
            if mean is None:
                return None, None
            total += mean * len(answers)
        return total / len(outputs), self._of(int(columns.epochs.max()), task).error

    def learn(self, task: Task, columns: BlockColumns, estimate: float | None) -> None:
        """Learn from a block that has matured, and for which `estimate` was made."""
        score = columns.score(task)
        if columns.model_outputs is None or score is None:
            return
        if estimate is not None:
            self._of(int(columns.epochs.max()), task).record_error(estimate, score)
        results = columns.losses if task == "regression" else 1 - columns.losses
        answers, epochs = columns.model_outputs[columns.is_labelled], columns.epochs[columns.is_labelled]
        for epoch in np.unique(epochs).tolist():
            self._of(epoch, task).update(answers[epochs == epoch], results[epochs == epoch])

    def save(self) -> None:
        """Write what was learned to the state."""
        for epoch in sorted(self._expected)[:-MAX_EPOCHS]:
            del self._expected[epoch]
        self._state.put(_KEY, msgspec.msgpack.encode(self._expected))

    def _of(self, epoch: int, task: Task) -> ExpectedScore:
        edges = [] if task == "regression" else list(CONFIDENCE_EDGES)
        return self._expected.setdefault(epoch, ExpectedScore(edges))
