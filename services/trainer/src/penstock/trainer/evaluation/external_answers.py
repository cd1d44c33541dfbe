"""What an external champion has answered: recorded with the outcomes, since its model is not here to be asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from penstock.contracts.declaration.stream import Declaration
from penstock.ml.features.class_index import ClassIndex
from penstock.ml.metrics.objective import Answers
from penstock.trainer.data.dataset import ExternalAnswers
from penstock.trainer.evaluation.rehearsal import Rehearsal


def external_rehearsal(declaration: Declaration, recorded: ExternalAnswers, classes: Sequence[str]) -> Rehearsal:
    """The rows that the external model has answered, in any of its versions, and its answers.

    They have probabilities if all of them came with some; each is by the codes of `classes`, those of today.
    """
    values = ClassIndex(classes).numbers(recorded.values) if classes else np.array(recorded.values, dtype=np.float64)
    stated, width = recorded.probabilities, len(declaration.label.classes)
    if not classes or any(row is None or len(row) != width for row in stated):
        return Rehearsal(recorded.rows, Answers(values))
    probabilities = np.zeros((len(stated), len(classes)))
    probabilities[:, :width] = stated  # declared classes come first among those of today
    return Rehearsal(recorded.rows, Answers(values, probabilities))
