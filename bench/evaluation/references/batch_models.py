"""Models that are trained on a batch of rows: scikit-learn's histogram boosting and linear models."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bench.evaluation.references.answers import Answers, RowNumbers
from bench.evaluation.references.feature_matrix import FeatureMatrix, Labels, Matrix

MIN_LABELS = 20  # with fewer known labels no model is trained
MAX_ITERATIONS = 1000  # of logistic regression
KEPT_MODELS = 46  # as many as a calendar trains

Family = Literal["boosting", "linear"]
Model = Callable[[Matrix], Answers]
"""Answers rows of features, shape (m, d)."""


def fit(rows: FeatureMatrix, training_rows: RowNumbers, family: Family, seed: int) -> Model:
    """Train on some of the rows; the newest models are kept, since references have some in common."""
    return _fit(rows, training_rows.astype(np.int64).tobytes(), family, seed)


@lru_cache(maxsize=KEPT_MODELS)
def _fit(rows: FeatureMatrix, training_row_bytes: bytes, family: Family, seed: int) -> Model:
    """Of a single class there is nothing to learn."""
    training_rows = np.frombuffer(training_row_bytes, dtype=np.int64)
    features, labels, classes = rows.features[training_rows], rows.labels[training_rows], len(rows.class_counts)
    if classes and len(np.unique(labels)) == 1:
        return lambda asked: _class_answers(np.ones((len(asked), 1)), labels[:1], classes)
    used = ~np.isnan(features).all(axis=0)
    categorical = rows.categorical[used]
    make = _boosting if family == "boosting" else _linear
    with threadpool_limits(1):
        model = make(categorical, seed, is_regression=not classes).fit(features[:, used], labels)

    def answer(asked: Matrix) -> Answers:
        with threadpool_limits(1):
            if not classes:
                return Answers(model.predict(asked[:, used]), np.empty((len(asked), 0)))
            return _class_answers(model.predict_proba(asked[:, used]), model.classes_, classes)

    return answer


def _class_answers(probabilities: Matrix, known_classes: Labels, classes: int) -> Answers:
    """Classes that the model never saw have probability 0."""
    of_all = np.zeros((len(probabilities), classes))
    of_all[:, known_classes.astype(np.int64)] = probabilities
    return Answers(of_all.argmax(axis=1).astype(np.float64), of_all)


def _boosting(categorical: Any, seed: int, *, is_regression: bool) -> Any:
    """Boosting at its defaults, of a regression the squared error."""
    booster = HistGradientBoostingRegressor if is_regression else HistGradientBoostingClassifier
    return booster(categorical_features=categorical, random_state=seed)


def _linear(categorical: Any, seed: int, *, is_regression: bool) -> Any:
    """Logistic or ridge regression at their defaults, on one-hot codes and scaled numbers, gaps filled with medians."""
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), np.flatnonzero(categorical)),
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), np.flatnonzero(~categorical)),
    )
    model = Ridge() if is_regression else LogisticRegression(max_iter=MAX_ITERATIONS, random_state=seed)
    return make_pipeline(columns, model)
