"""The effects of a single model, by its family: exact where that is known, else estimated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from penstock.ml.explanation.effects import Effects, Floats
from penstock.ml.explanation.linear_effects import linear_effects
from penstock.ml.explanation.permutation_effects import permutation_effects
from penstock.ml.explanation.tree_effects import boosting_effects, forest_effects
from penstock.ml.features.frame import Frame
from penstock.ml.models.calibration import Calibration, log_probabilities
from penstock.ml.models.constant import Constant
from penstock.ml.models.model import Model

TIME = "time of the event"
"""The name of what the parts of the time add."""


def model_effects(model: Model, row: Frame, known_rows: Frame) -> Effects:
    """The effects on the scores of a model for one row, by the names of its fields and `TIME`.

    Linear models and boosted trees are taken at their own scores, before a share of each probability is spread over all
    classes. A forest averages probabilities: what a column adds to one is brought to the scale of its logarithm by one
    factor, such that the sum stays right.
    """
    if isinstance(model.estimator, Constant):
        return Effects.exact((), _scores(model, row)[0], np.zeros((0, len(model.classes) or 1)))
    try:
        effects = _EXACT[model.family](model, row, known_rows)
    except (LookupError, AttributeError, TypeError, ValueError):  # built otherwise than by this release
        names = tuple(field.name for field in model.inputs)
        effects = permutation_effects(lambda frame: _scores(model, frame), names, row, known_rows)
        return effects.named((*names, TIME))
    effects = effects.named(_input_of(model, column) for column in range(len(effects.names)))
    return effects if model.calibration is None else with_calibration(effects, model.calibration)


def with_calibration(effects: Effects, calibration: Calibration) -> Effects:
    """The effects on the scores of calibrated probabilities."""
    return effects.times(calibration.scale, np.array(calibration.biases))


def known_classes(model: Model) -> frozenset[int]:
    """The classes that the model was fitted on, and has scores of."""
    return frozenset(map(int, model.estimator.classes_)) if model.classes else frozenset({0})


def _linear(model: Model, row: Frame, known_rows: Frame) -> Effects:
    matrix = model.encoder.transform(row)[0], model.encoder.transform(known_rows)
    return _of_all_classes(model, linear_effects(model.encoder, model.estimator, *matrix))


def _boosting(model: Model, row: Frame, _: Frame) -> Effects:
    effects = boosting_effects(model.encoder, model.estimator, model.encoder.transform(row)[0])
    return _of_all_classes(model, effects)


def _forest(model: Model, row: Frame, _: Frame) -> Effects:
    effects = forest_effects(model.encoder, model.estimator, model.encoder.transform(row)[0])
    if not model.classes:
        return effects
    effects = _of_all_classes(model, effects).times(1 - model.smoothing, model.smoothing / len(model.classes))
    logarithms, mean = log_probabilities(effects.scores), log_probabilities(effects.base)
    step = effects.scores - effects.base
    factors = np.divide(logarithms - mean, step, out=np.zeros_like(step), where=np.abs(step) > 1e-12)
    return Effects.exact(effects.names, mean, effects.added * factors)


_EXACT: dict[str, Callable[[Model, Frame, Frame], Effects]] = {
    "linear": _linear,
    "boosting": _boosting,
    "forest": _forest,
}


def _of_all_classes(model: Model, effects: Effects) -> Effects:
    """With a score for each class of the model: 0 for the first of two, and for what it was not fitted on."""
    if not model.classes:
        return effects
    fitted = [int(index) for index in model.estimator.classes_]
    places = fitted[1:] if len(effects.base) == 1 else fitted
    base, added = np.zeros(len(model.classes)), np.zeros((len(effects.names), len(model.classes)))
    base[places], added[:, places] = effects.base, effects.added
    return Effects.exact(effects.names, base, added)


def _input_of(model: Model, column: int) -> str:
    """The field that a column of the matrix is made of, or `TIME`."""
    encoder = model.encoder
    if column < len(encoder.fields):
        return encoder.fields[column].name
    if column < len(encoder.fields) + len(encoder.time_parts):
        return TIME
    return encoder.names[column].rpartition(".target.")[0]


def _scores(model: Model, frame: Frame) -> Floats:
    numbers = model.predict(frame).numbers(len(model.classes) or 1)
    return log_probabilities(numbers) if model.classes else numbers
