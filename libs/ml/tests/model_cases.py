"""Every kind of model of this library, made from a table in one way: the cases that the laws are tested on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Frame
from penstock.ml.features.lag_features import LabelHistory, Lags
from penstock.ml.metrics.regression_loss import ABSOLUTE_ERROR, RegressionLoss
from penstock.ml.models.baseline import BASELINE, baseline
from penstock.ml.models.families import FAMILIES, fit
from penstock.ml.models.model import Model, ModelOutput
from penstock.ml.models.training_data import TrainingData
from penstock.ml.online.blend import BLEND, Blend, new_groups
from penstock.ml.online.expert_mixture import ExpertMixture
from penstock.ml.online.recalibration import new_recalibration

from .conftest import Table

TASKS = ("binary", "multiclass", "regression")
PARTS = ("hour",)
UNSEEN = "zz"
"""A class that is declared, and that no row of the training has."""

MakeModel = Callable[[Table, str], Model | Blend]


def classes_of(table: Table, task: str) -> tuple[str, ...]:
    return () if task == "regression" else (UNSEEN, *sorted(set(table.labels[task])))


def targets_of(table: Table, task: str) -> np.ndarray:
    """The labels as `learn` wants them, shape (n,)."""
    labels, classes = table.labels[task], classes_of(table, task)
    return np.array([classes.index(label) for label in labels] if classes else labels, dtype=float)


def of_family(family: str, loss: RegressionLoss = ABSOLUTE_ERROR) -> MakeModel:
    def made(table: Table, task: str) -> Model:
        order, labels = classes_of(table, task) or None, table.labels[task]
        return fit(
            family, TrainingData(table.frame, labels, table.fields, task, time_parts=PARTS, classes=order, loss=loss)
        )

    return made


def of_prior(table: Table, task: str) -> Model:
    prior = 1.5 if task == "regression" else {table.labels[task][0]: 3.0, table.labels[task][1]: 1.0}
    return baseline(task, classes_of(table, task), prior, table.fields)


def of_one_class(table: Table, task: str) -> Model:
    """A family with nothing to tell apart."""
    same = [table.labels[task][0]] * len(table.frame)
    return fit("linear", TrainingData(table.frame, same, table.fields, task, classes=classes_of(table, task) or None))


def blend_of(table: Table, task: str, loss: RegressionLoss = ABSOLUTE_ERROR) -> Blend:
    """A blend of a trained model and additive ones that has learnt its table once."""
    targets, classes = targets_of(table, task), classes_of(table, task)
    encoder = Encoder.fit(table.frame, table.fields, PARTS)
    groups = new_groups(encoder, Lags(), table.frame, targets, len(classes), loss)
    frozen = of_family("linear", loss)(table, task)
    assert isinstance(frozen, Model)
    recalibration = new_recalibration(1, len(classes), targets, loss)
    experts = 1 + sum(len(group.models.rates) for group in groups) + (recalibration is not None)
    mixture = ExpertMixture(experts, loss.centre_and_scale(targets)[1], loss=loss)
    blend = Blend(task, classes, encoder, Lags(), (frozen,), groups, mixture, LabelHistory(Lags()))
    blend.recalibration = recalibration
    blend.learn(blend.bin_indices(table.frame), expert_outputs_of(blend, table.frame), targets)
    return blend


def expert_outputs_of(blend: Blend, frame: Frame) -> np.ndarray:
    """The experts' outputs for n rows, shape (n, m, k)."""
    outputs = blend.predict(frame).expert_outputs
    assert outputs is not None
    return outputs


def numbers_of(answers: ModelOutput) -> np.ndarray:
    """The answers as numbers, shape (n, k)."""
    rows = answers.values if answers.probabilities is None else answers.probabilities
    return np.asarray(rows, dtype=float).reshape(len(answers), -1 if len(answers) else 1)


MODELS: dict[str, MakeModel] = {
    **{family: of_family(family) for family in FAMILIES},
    BASELINE: of_prior,
    "one class": of_one_class,
    BLEND: blend_of,
}
