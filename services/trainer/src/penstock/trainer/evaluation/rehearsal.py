"""What a package would have answered to the rows after its training; a blend learns meanwhile, as when it serves."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penstock.artifacts import Store
from penstock.ml.features.class_index import ClassIndex
from penstock.ml.features.feature_encoder import WrongFields
from penstock.ml.features.frame import Frame
from penstock.ml.metrics.objective import Answers
from penstock.ml.models.model import Model, ModelOutput, UnusableAnswer
from penstock.ml.online.blend import Blend
from penstock.ml.online.prequential import evaluate_prequentially
from penstock.ml.package.model_package import UnusablePackage, unpack
from penstock.trainer.data.dataset import TrainingRows
from penstock.trainer.job import PackageReference

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsal:
    """The m `rows` that a package has not learnt from, ascending by offset, and its answers to them."""

    rows: NDArray[np.intp]
    answers: Answers


def rehearse(model: Model | Blend, rows: TrainingRows, until: int, classes: Sequence[str]) -> Rehearsal:
    """The answers to the outcomes from offset `until` on of a model that was trained on those before.

    They are codes of `classes`, those of today; numbers for a regression, which has none.

    Raises:
        UnusableAnswer: the model's output is not finite.
        WrongFields: the rows lack a field that the model needs.
    """
    later = rows.in_offset_order(until)
    frame = rows.frame.take(later)
    output = _blend_output(model, rows, later, frame) if isinstance(model, Blend) else model.predict(frame)
    return Rehearsal(later, _answers(output, model.classes, classes))


def rehearsal_of(
    package: PackageReference, store: Store, rows: TrainingRows, classes: Sequence[str]
) -> Rehearsal | None:
    """The rehearsal of a package in the store; None if it cannot answer these rows, as after a change of the fields.

    Raises:
        ArtifactError: it is missing or corrupt.
    """
    try:
        return rehearse(unpack(store.get(package.digest)), rows, package.until, classes)
    except (UnusablePackage, UnusableAnswer, WrongFields) as error:
        log.warning("version %d cannot answer the rows of this training: %s", package.version, error)
        return None


def _blend_output(blend: Blend, rows: TrainingRows, later: NDArray[np.intp], frame: Frame) -> ModelOutput:
    targets = blend.class_index.numbers([rows.labels[row] for row in later])
    known_counts = rows.known_counts(later)
    return blend.model_output(evaluate_prequentially(blend, frame, blend.frozen_outputs(frame), targets, known_counts))


def _answers(output: ModelOutput, of_model: Sequence[str], classes: Sequence[str]) -> Answers:
    """By the codes of today's classes: one that the model does not have gets no probability."""
    values = ClassIndex(classes).numbers(output.values)
    if output.probabilities is None:
        return Answers(values)
    codes = ClassIndex(classes).numbers(list(of_model))
    probabilities = np.zeros((len(values), len(classes)))
    present = np.isfinite(codes)
    probabilities[:, codes[present].astype(np.intp)] = output.probabilities[:, present]
    return Answers(values, probabilities)
