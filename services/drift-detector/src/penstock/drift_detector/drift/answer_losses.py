"""What answers lose by the loss that the stream's objective names, as their model's holdout was judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.outcomes import OutcomeData
from penstock.drift_detector.answer_loss import answer_loss
from penstock.ml.features.class_index import ClassIndex
from penstock.ml.metrics.objective import LOSSES, WEIGHS_CLASSES_ALIKE
from penstock.ml.metrics.probability_losses import log_losses

Floats = NDArray[np.float64]


def answer_losses(declaration: Declaration, rows: Sequence[OutcomeData[Any]]) -> Floats:
    """The losses of n labelled outcomes' answers, shape (n,); NaN where unknown.

    A log loss is unknown without a probability for the label's class, whose place only the declaration tells. A class
    that is not declared has the probability 0 in answers that have one for each declared class alone.
    """
    if LOSSES[declaration.metric] == "log_loss":
        return _log_losses(declaration.label.classes, rows)
    losses = [answer_loss(declaration, row.answer.value, None, row.label) for row in rows if row.label is not None]
    return np.array(losses, dtype=np.float64)


def weight_groups(declaration: Declaration, rows: Sequence[OutcomeData[Any]]) -> NDArray[np.int64]:
    """The groups of n labelled outcomes that weigh alike, shape (n,): one, or their classes if the objective says so.

    All classes that are not declared are one group.
    """
    if declaration.metric not in WEIGHS_CLASSES_ALIKE:
        return np.zeros(len(rows), dtype=np.int64)
    classes = declaration.label.classes
    codes = ClassIndex(classes).numbers([row.label for row in rows])
    return np.nan_to_num(codes, nan=len(classes)).astype(np.int64)


def _log_losses(classes: Sequence[str], rows: Sequence[OutcomeData[Any]]) -> Floats:
    codes = {name: code for code, name in enumerate(classes)}
    given = [_probability(row.answer.probabilities or (), codes, str(row.label)) for row in rows]
    return log_losses(np.array(given).reshape(-1, 1), np.zeros(len(given), dtype=np.int64))


def _probability(probabilities: Sequence[float], codes: Mapping[str, int], label: str) -> float:
    code = codes.get(label)
    if code is None:
        return 0.0 if codes and len(probabilities) == len(codes) else np.nan
    return probabilities[code] if code < len(probabilities) else np.nan
