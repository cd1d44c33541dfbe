"""What the candidate loses by each answer on the holdout: what its live answers are judged against."""

from __future__ import annotations

import numpy as np

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.losses import LossMoments
from penstock.ml.drift.loss_sums import LossSums
from penstock.ml.features.class_index import ClassIndex
from penstock.ml.metrics import LARGEST_LOSS
from penstock.ml.metrics.objective import LOSSES, WEIGHS_CLASSES_ALIKE
from penstock.ml.selection.cross_validation import FoldOutput, answers_of
from penstock.trainer.data.dataset import TrainingRows, label_classes
from penstock.trainer.evaluation.objective_scores import objective_of


def holdout_losses(declaration: Declaration, rows: TrainingRows, candidate_output: FoldOutput) -> LossMoments:
    """The moments of the losses of all holdout rows, whoever answered them live, by the loss that the objective names.

    Without a declared objective: of errors, or absolute errors.
    """
    classes = label_classes(declaration, rows.labels)
    labels = ClassIndex(classes).numbers(rows.labels[candidate_output.rows])
    answers = answers_of(candidate_output.output, classes)
    sums = LossSums()
    if declaration.metric in WEIGHS_CLASSES_ALIKE:
        sums.add_all((answers.values != labels).astype(np.float64), labels.astype(np.int64))
    else:
        losses = objective_of(declaration, classes).losses(labels, answers)
        sums.add_all(np.minimum(losses, LARGEST_LOSS), np.zeros(len(losses), dtype=np.int64))
    moments = sums.moments()
    return LossMoments(loss=LOSSES[declaration.metric], rows=moments.n, mean=moments.mean, squares=moments.squares)
