"""The families of models a stream may name, and how one is fitted.

A family is named from `FAMILIES`, simplest first; no others are allowed. The defaults are meant for
streams nobody has tuned: they were compared on streams of electricity prices, rainfall and traffic, each
model trained on a growing past and scored on what followed. Boosting for a number minimises the absolute
error, which is also its score.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from penstock.ml.features.class_index import ClassIndex, class_order
from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.task import Task
from penstock.ml.models import search_space
from penstock.ml.models.constant import Constant
from penstock.ml.models.model import Model
from penstock.ml.models.search_space import ParameterRange, Settings
from penstock.ml.models.training_data import TrainingData

TIED_SHARES = (0.25, 0.8)  # of labels equal to their median, between which ties are broken: of more it is the answer


@dataclass(frozen=True, slots=True)
class Family:
    """A family by name: how to build its unfitted estimator from task, encoder and seed, and its search space."""

    name: str
    estimator: Callable[[Task, Encoder, int], Any]
    ranges: Callable[[Task], tuple[ParameterRange, ...]] = search_space.no_parameters


class UnknownFamily(ValueError):
    """There is no family of this name."""


def linear(task: Task, encoder: Encoder, seed: int) -> Any:
    """Ridge or logistic regression on imputed, clipped, scaled and one-hot columns.

    Numbers are clipped to the range seen in training, so that no single value can dominate an answer.
    Hours, weekdays and months are one-hot too: their effect is seldom a straight line.
    """
    levels = encoder.categorical | np.isin(encoder.names, ["time.hour", "time.weekday", "time.month"])
    numbers = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", add_indicator=True)),
            ("clip", MinMaxScaler(clip=True)),
            ("scale", StandardScaler()),
        ]
    )
    columns = ColumnTransformer(
        [
            ("numbers", numbers, np.flatnonzero(~levels).tolist()),
            ("levels", OneHotEncoder(handle_unknown="ignore"), np.flatnonzero(levels).tolist()),
        ]
    )
    learner = Ridge(random_state=seed) if task == "regression" else LogisticRegression(max_iter=300)
    return Pipeline([("columns", columns), ("learner", learner)])


def boosting(task: Task, encoder: Encoder, seed: int) -> Any:
    """Histogram gradient boosting on the matrix as it is; missing values and codes are native to it.

    It runs a fixed number of rounds: early stopping would hold out random rows, which time-ordered
    data punishes, and fails on a class with one member.
    """
    shared = {
        "early_stopping": False,
        "max_iter": 150,
        "random_state": seed,
        "categorical_features": encoder.categorical if encoder.categorical.any() else None,
    }
    if task == "regression":
        return HistGradientBoostingRegressor(loss="absolute_error", **shared)
    return HistGradientBoostingClassifier(
        learning_rate=0.08, max_features=0.5, min_samples_leaf=30, l2_regularization=5.0, **shared
    )


def forest(task: Task, _: Encoder, seed: int) -> Any:
    """A random forest (Breiman, 2001) on numbers brought between 0 and 1, as trees hold them in 32 bits.

    Missing values are native to it, codes of categories are ordered by how frequent they are.
    """
    shared = {"n_estimators": 60, "max_leaf_nodes": 500, "min_samples_leaf": 3, "max_features": 0.4}
    forest_class = RandomForestRegressor if task == "regression" else RandomForestClassifier
    learner = forest_class(n_jobs=1, random_state=seed, **shared)
    return Pipeline([("clip", MinMaxScaler(clip=True)), ("learner", learner)])


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("linear", linear, search_space.linear),
        Family("boosting", boosting, search_space.boosting),
        Family("forest", forest, search_space.forest),
    )
}


def fit(family: str, data: TrainingData, *, seed: int = 0, settings: Settings = ()) -> Model:
    """Fit a family with its defaults, except for the `settings`, on n labelled rows.

    Where there is nothing to learn (one class only, no columns) the model is a constant. The same data and seed give
    the same model: numerical libraries run on one thread meanwhile.

    Raises:
        UnknownFamily: there is no family of this name.
        WrongFields: the frame lacks a field.
        ValueError: a label does not fit the task, or a setting is not a parameter of the family.
    """
    if family not in FAMILIES:
        raise UnknownFamily(f"no family is named {family!r}: choose one of {sorted(FAMILIES)}")
    classes = () if data.task == "regression" else class_order(data.labels, data.classes)
    targets = _targets(data.labels, classes)
    encoded_targets = _encoded_targets(targets, classes)
    encoder = Encoder.fit(data.frame, data.fields, data.time_parts, data.zone, encoded_targets)
    estimator = FAMILIES[family].estimator(data.task, encoder, seed).set_params(**dict(settings))
    matrix = encoder.training_matrix(data.frame, encoded_targets, data.known_at)
    learnt = with_ties_broken(targets, seed) if family == "boosting" and not classes else targets
    fitted = _fit_estimator(estimator, matrix, learnt, classes)
    details = {"rows": len(data), "seed": seed} | ({"settings": dict(settings)} if settings else {})
    return Model(
        family, data.task, classes, encoder, fitted, details, smoothing=1 / (len(data) + 1) if classes else 0.0
    )


def with_ties_broken(labels: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """The labels of a regression, moved by a millionth of their spread where many are equal to their median.

    Boosting by absolute errors starts at the median. Where an answer is equal to the label, its gradient is that of an
    answer too low: labels of two thirds zeros would all pull alike, and no split would gain.
    """
    centre = float(np.median(labels))
    if not TIED_SHARES[0] <= np.mean(labels == centre) <= TIED_SHARES[1]:
        return labels
    spread = float(np.mean(np.abs(labels - centre)))
    return labels + np.random.default_rng(seed).uniform(-1e-6, 1e-6, len(labels)) * spread


def _targets(labels: Sequence[Any], classes: tuple[str, ...]) -> NDArray[Any]:
    """Class indices as integers, or numbers for a regression; shape (n,)."""
    if classes:
        return ClassIndex(classes).numbers([str(label) for label in labels]).astype(np.int64)
    numbers = ClassIndex(()).numbers(labels)
    if not np.isfinite(numbers).all():
        raise ValueError(f"label {int(np.argmin(np.isfinite(numbers)))} is not a finite number")
    return numbers


def _encoded_targets(targets: NDArray[Any], classes: tuple[str, ...]) -> NDArray[np.float64]:
    """What categories are encoded by: the number, one of two classes, or each of more; shape (n, k)."""
    if len(classes) <= 2:
        return targets.astype(np.float64)[:, None]
    indicators: NDArray[np.float64] = np.eye(len(classes))[targets]
    return indicators


def _fit_estimator(estimator: Any, matrix: NDArray[np.float64], targets: NDArray[Any], classes: tuple[str, ...]) -> Any:
    if classes and len(np.unique(targets)) == 1:
        return Constant(tuple(float(index == targets[0]) for index in range(len(classes))))
    if not matrix.shape[1]:
        return Constant(_marginal(targets, classes))
    # boosting cannot bin a column without values; as a constant it is never split on and gets no weight
    matrix[:, np.isnan(matrix).all(axis=0)] = 0.0
    with threadpool_limits(1), warnings.catch_warnings():
        # a solver that stops at its last round and a fold without some category are expected
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)
        return estimator.fit(matrix, targets)


def _marginal(targets: NDArray[Any], classes: tuple[str, ...]) -> tuple[float, ...]:
    if not classes:
        return (float(np.median(targets)),)
    return tuple((np.bincount(targets, minlength=len(classes)) / len(targets)).tolist())
