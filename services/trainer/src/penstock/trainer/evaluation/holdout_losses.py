"""What the candidate loses by each answer on the holdout: what its live answers are judged against."""

from __future__ import annotations

import numpy as np

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.losses import LossMoments
from penstock.ml.drift.loss_sums import LossSums
from penstock.ml.metrics import LARGEST_LOSS
from penstock.ml.metrics.objective import LOSSES, WEIGHS_CLASSES_ALIKE
from penstock.trainer.evaluation.comparison import Comparison, objective_of


def holdout_losses(declaration: Declaration, comparison: Comparison) -> LossMoments:
    """The moments of the candidate's losses on the rows that it is compared on, by the loss that the objective names.

    Without a declared objective: of errors, or absolute errors.
    """
    labels, answers, sums = comparison.labels, comparison.candidate, LossSums()
    if declaration.metric in WEIGHS_CLASSES_ALIKE:
        sums.add_all((answers.values != labels).astype(np.float64), labels.astype(np.int64))
    else:
        losses = objective_of(declaration, comparison.classes).losses(labels, answers)
        sums.add_all(np.minimum(losses, LARGEST_LOSS), np.zeros(len(losses), dtype=np.int64))
    moments = sums.moments()
    return LossMoments(loss=LOSSES[declaration.metric], rows=moments.n, mean=moments.mean, squares=moments.squares)
