"""The baseline: the constant first model of every stream, which every trained model has to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Field
from penstock.ml.features.task import Task
from penstock.ml.models.constant import Constant
from penstock.ml.models.decision_costs import DecisionCosts
from penstock.ml.models.model import Model

BASELINE = "baseline"


def baseline(
    task: Task,
    classes: Sequence[str],
    prior: Mapping[str, float] | float | None,
    fields: Sequence[Field],
    decision_costs: DecisionCosts | None = None,
) -> Model:
    """A model that answers the prior: the likeliest class, or that of least expected cost, or a regression's constant.

    `prior` maps classes to weights, normalised here; without weights all classes are equally likely
    and the first one declared is the answer. For regression it is the number itself, 0 when None.

    Raises:
        ValueError: a weight is negative, not finite or of an unknown class, or a classification has no classes.

    >>> baseline("binary", ["no", "yes"], {"no": 3, "yes": 1}, []).estimator.answer
    (0.75, 0.25)
    """
    encoder = Encoder(tuple(fields), {field.name: () for field in fields if field.kind == "category"})
    answer = _value(prior) if task == "regression" else _probabilities(classes, prior)
    return Model(BASELINE, task, tuple(classes), encoder, Constant(answer), decision_costs=decision_costs)


def _value(prior: Mapping[str, float] | float | None) -> tuple[float]:
    if isinstance(prior, Mapping):
        raise ValueError("the prior of a regression is one number, not weights of classes")
    value = float(prior or 0.0)
    if not isfinite(value):
        raise ValueError(f"the prior of a regression is a finite number, not {value}")
    return (value,)


def _probabilities(classes: Sequence[str], prior: Mapping[str, float] | float | None) -> tuple[float, ...]:
    weights = dict(prior) if isinstance(prior, Mapping) else {}
    if not classes:
        raise ValueError("a classification needs at least one class")
    if unknown := sorted(set(weights) - set(classes)):
        raise ValueError(f"the prior names classes that are not declared: {unknown}")
    if not all(0 <= weight < float("inf") for weight in weights.values()):
        raise ValueError("the weights of the prior are finite and not negative")
    total = sum(weights.values())
    if not total:
        return (1 / len(classes),) * len(classes)
    return tuple(weights.get(name, 0) / total for name in classes)
