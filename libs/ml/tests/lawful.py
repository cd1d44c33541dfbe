"""Every model of this library, made in one way from a table: what the laws are tried on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from penstock.ml.features.encoding import Encoder
from penstock.ml.features.frame import Frame
from penstock.ml.features.lag_features import LabelHistory, Lags
from penstock.ml.models.baseline import BASELINE, baseline
from penstock.ml.models.families import FAMILIES, fit
from penstock.ml.models.model import Model, ModelOutput
from penstock.ml.online.blend import BLEND, Blend, centre_and_scale, new_groups
from penstock.ml.online.expert_mixture import Mixture

from .conftest import Table

TASKS = ("binary", "multiclass", "regression")
PARTS = ("hour",)
UNSEEN = "zz"
"""A class that is declared, and that no row of the training has."""

Made = Callable[[Table, str], Model | Blend]


def classes_of(known: Table, task: str) -> tuple[str, ...]:
    return () if task == "regression" else (UNSEEN, *sorted(set(known.labels[task])))


def targets_of(known: Table, task: str) -> np.ndarray:
    """The labels as `learn` wants them, shape (n,)."""
    labels, classes = known.labels[task], classes_of(known, task)
    return np.array([classes.index(label) for label in labels] if classes else labels, dtype=float)


def of_family(family: str) -> Made:
    def made(known: Table, task: str) -> Model:
        order = classes_of(known, task) or None
        return fit(family, known.frame, known.labels[task], known.fields, task, time_parts=PARTS, classes=order)

    return made


def of_prior(known: Table, task: str) -> Model:
    prior = 1.5 if task == "regression" else {known.labels[task][0]: 3.0, known.labels[task][1]: 1.0}
    return baseline(task, classes_of(known, task), prior, known.fields)


def of_one_class(known: Table, task: str) -> Model:
    """A family with nothing to tell apart."""
    same = [known.labels[task][0]] * len(known.frame)
    return fit("linear", known.frame, same, known.fields, task, classes=classes_of(known, task) or None)


def blended(known: Table, task: str) -> Blend:
    """A blend of a trained model and additive ones that has folded its table once."""
    targets, classes = targets_of(known, task), classes_of(known, task)
    encoder = Encoder.fit(known.frame, known.fields, PARTS)
    groups = new_groups(encoder, Lags(), known.frame, targets, len(classes))
    frozen = of_family("linear")(known, task)
    assert isinstance(frozen, Model)
    experts = 1 + sum(len(group.models.rates) for group in groups)
    mixture = Mixture(experts, centre_and_scale(targets)[1])
    blend = Blend(task, classes, encoder, Lags(), (frozen,), groups, mixture, LabelHistory(Lags()))
    blend.learn(blend.places(known.frame), said_by(blend, known.frame), targets)
    return blend


def said_by(blend: Blend, frame: Frame) -> np.ndarray:
    """What each expert says to n rows, shape (n, m, k)."""
    said = blend.predict(frame).said
    assert said is not None
    return said


def spoken(answers: ModelOutput) -> np.ndarray:
    """The answers as numbers, shape (n, k)."""
    found = answers.values if answers.probabilities is None else answers.probabilities
    return np.asarray(found, dtype=float).reshape(len(answers), -1 if len(answers) else 1)


MODELS: dict[str, Made] = {
    **{family: of_family(family) for family in FAMILIES},
    BASELINE: of_prior,
    "one class": of_one_class,
    BLEND: blended,
}
