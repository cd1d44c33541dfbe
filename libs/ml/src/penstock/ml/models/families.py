"""The families of models a stream may name, and how one is fitted.

A family is named from `FAMILIES`, simplest first; no others are allowed. The defaults are meant for
streams nobody has tuned: they were compared on streams of electricity prices, rainfall and traffic, each
model trained on a growing past and scored on what followed. Boosting for a number minimises the loss that
follows from the objective (`RegressionLoss`); linear models and forests estimate the mean whatever it is.
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
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, QuantileTransformer, StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from penstock.ml.features.class_index import ClassIndex, class_order
from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.task import Task
from penstock.ml.metrics.regression_loss import ABSOLUTE_ERROR, SQUARED_ERROR, RegressionLoss
from penstock.ml.models import search_space
from penstock.ml.models.constant import Constant
from penstock.ml.models.model import Model
from penstock.ml.models.search_space import ParameterRange, Settings
from penstock.ml.models.training_data import TrainingData

TIED_SHARES = (0.25, 0.8)  # of labels equal to their median, between which ties are broken: of more it is the answer
ROUNDS, LEARNING_RATE = 150, 0.08  # of boosting; the rate is that for classes
MAX_TREES, MIN_ROUNDS = 600, 75  # of boosting many classes, which has a tree for each in every round
MIN_LEAVES, MAX_LEAVES = 4, 31  # of a tree
LEAF_ROWS = 20  # outside of the commonest class, for each leaf of a tree
STANDARD_DIGITS = 9  # of a standardised label
QUANTILES = 20  # between which a number's rank is interpolated
INVERSE_PENALTY = 0.3  # of logistic regression: how far a weight goes with little evidence

Matrix = NDArray[np.float64]
Counts = NDArray[np.int64]
"""The rows of each of k classes, shape (k,)."""


def fit_plainly(estimator: Any, matrix: Matrix, targets: NDArray[Any]) -> Any:
    """The estimator, fitted on n rows."""
    return estimator.fit(matrix, targets)


def no_difference(_: Counts) -> dict[str, Any]:
    """The same parameters whatever the rows of each class."""
    return {}


@dataclass(frozen=True, slots=True)
class Family:
    """A family: its unfitted estimator by task, encoder, seed and loss, its search space, how numbers are fit."""

    name: str
    estimator: Callable[[Task, Encoder, int, RegressionLoss], Any]
    ranges: Callable[[Task], tuple[ParameterRange, ...]] = search_space.no_parameters
    of_counts: Callable[[Counts], dict[str, Any]] = no_difference
    fit_numbers: Callable[[Any, Matrix, NDArray[Any]], Any] = fit_plainly


class UnknownFamily(ValueError):
    """There is no family of this name."""


def linear(task: Task, encoder: Encoder, seed: int, _: RegressionLoss = ABSOLUTE_ERROR) -> Any:
    """Ridge or logistic regression on imputed, clipped, scaled and one-hot columns.

    Numbers are clipped to the range seen in training, so that no single value can dominate an answer. Each is also
    there as its rank among those seen: of an amount that ranges over orders of magnitude next to nothing is linear.
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
    ranks = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median")),
            ("rank", QuantileTransformer(n_quantiles=QUANTILES, subsample=None)),
            ("scale", StandardScaler()),
        ]
    )
    columns = ColumnTransformer(
        [
            ("numbers", numbers, np.flatnonzero(~levels).tolist()),
            ("ranks", ranks, np.flatnonzero(~levels).tolist()),
            ("levels", OneHotEncoder(handle_unknown="ignore"), np.flatnonzero(levels).tolist()),
        ]
    )
    learner = Ridge(random_state=seed) if task == "regression" else LogisticRegression(C=INVERSE_PENALTY, max_iter=300)
    return Pipeline([("columns", columns), ("learner", learner)])


def boosting(task: Task, encoder: Encoder, seed: int, loss: RegressionLoss = ABSOLUTE_ERROR) -> Any:
    """Histogram gradient boosting on the matrix as it is; missing values and codes are native to it.

    It runs a fixed number of rounds: early stopping would hold out random rows, which time-ordered
    data punishes, and fails on a class with one member.
    """
    shared = {
        "early_stopping": False,
        "max_iter": ROUNDS,
        "random_state": seed,
        "categorical_features": encoder.categorical if encoder.categorical.any() else None,
    }
    if task == "regression":
        return HistGradientBoostingRegressor(**loss_parameters(loss), **shared)
    return HistGradientBoostingClassifier(
        learning_rate=LEARNING_RATE, max_features=0.5, min_samples_leaf=30, l2_regularization=5.0, **shared
    )


def boosting_of_counts(counts: Counts) -> dict[str, Any]:
    """As many leaves as the rows outside of the commonest class tell apart, and rounds by the number of classes.

    Of 100 positives among 10,000 rows trees of 31 leaves learn chance. Cost is by the tree, and each round has one for
    each of many classes: fewer rounds with larger steps.

    >>> boosting_of_counts(np.array([9900, 100])), boosting_of_counts(np.array([600, 600]))["max_leaf_nodes"]
    ({'max_iter': 150, 'learning_rate': 0.08, 'max_leaf_nodes': 5}, 30)
    >>> boosting_of_counts(np.full(6, 100))["max_iter"], boosting_of_counts(np.full(26, 100))["max_iter"]
    (100, 75)
    """
    rounds = max(MIN_ROUNDS, min(ROUNDS, MAX_TREES // len(counts)))
    leaves = int(counts.sum() - counts.max()) // LEAF_ROWS
    return {
        "max_iter": rounds,
        "learning_rate": LEARNING_RATE * ROUNDS / rounds,
        "max_leaf_nodes": min(max(leaves, MIN_LEAVES), MAX_LEAVES),
    }


def loss_parameters(loss: RegressionLoss) -> dict[str, Any]:
    """A loss as histogram boosting names it."""
    return {"loss": "quantile", "quantile": loss.quantile} if loss.name == "pinball" else {"loss": loss.name}


def forest(task: Task, _: Encoder, seed: int, __: RegressionLoss = ABSOLUTE_ERROR) -> Any:
    """A random forest (Breiman, 2001) on numbers brought between 0 and 1, as trees hold them in 32 bits.

    Missing values are native to it, codes of categories are ordered by how frequent they are.
    """
    shared = {"n_estimators": 60, "max_leaf_nodes": 500, "min_samples_leaf": 3, "max_features": 0.4}
    forest_class = RandomForestRegressor if task == "regression" else RandomForestClassifier
    learner = forest_class(n_jobs=1, random_state=seed, **shared)
    return Pipeline([("clip", MinMaxScaler(clip=True)), ("learner", learner)])


def fit_standardised(forest: Pipeline, matrix: Matrix, targets: NDArray[np.float64]) -> Any:
    """The forest of numbers, grown on standardised ones: a tree splits no node whose variance is below 2e-16.

    They are rounded, so that splits which are equally good stay so in every unit.
    """
    centre, scale = SQUARED_ERROR.centre_and_scale(targets)
    forest.fit(matrix, np.round((targets - centre) / scale, STANDARD_DIGITS))
    for tree in forest[-1].estimators_:
        tree.tree_.value[...] = tree.tree_.value * scale + centre
    return forest


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("linear", linear, search_space.linear),
        Family("boosting", boosting, search_space.boosting, boosting_of_counts),
        Family("forest", forest, search_space.forest, fit_numbers=fit_standardised),
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
    parameters = FAMILIES[family].of_counts(np.bincount(targets, minlength=len(classes))) if classes else {}
    estimator = FAMILIES[family].estimator(data.task, encoder, seed, data.loss)
    estimator.set_params(**parameters | dict(settings))
    matrix = encoder.training_matrix(data.frame, encoded_targets, data.known_at)
    ties_stop_it = family == "boosting" and not classes and data.loss == ABSOLUTE_ERROR
    learnt = with_ties_broken(targets, seed) if ties_stop_it else targets
    fitted = _constant(matrix, targets, classes, data.loss) or _fit_estimator(
        fit_plainly if classes else FAMILIES[family].fit_numbers, estimator, matrix, learnt
    )
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


def _constant(matrix: Matrix, targets: NDArray[Any], classes: tuple[str, ...], loss: RegressionLoss) -> Constant | None:
    """The model where there is nothing to learn."""
    if classes and len(np.unique(targets)) == 1:
        return Constant(tuple(float(index == targets[0]) for index in range(len(classes))))
    return None if matrix.shape[1] else Constant(_marginal(targets, classes, loss))


def _fit_estimator(
    fit_one: Callable[[Any, Matrix, NDArray[Any]], Any], estimator: Any, matrix: Matrix, targets: NDArray[Any]
) -> Any:
    # boosting cannot bin a column without values; as a constant it is never split on and gets no weight
    matrix[:, np.isnan(matrix).all(axis=0)] = 0.0
    with threadpool_limits(1), warnings.catch_warnings():
        # a solver that stops at its last round and a fold without some category are expected
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)
        return fit_one(estimator, matrix, targets)


def _marginal(targets: NDArray[Any], classes: tuple[str, ...], loss: RegressionLoss) -> tuple[float, ...]:
    if not classes:
        return (loss.centre_and_scale(targets)[0],)
    return tuple((np.bincount(targets, minlength=len(classes)) / len(targets)).tolist())
