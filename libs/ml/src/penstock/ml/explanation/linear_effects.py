"""The effects of linear models: a weight times how far the value is from its mean over known rows.

These are the Shapley values of a linear model whose columns are taken as independent (`LinearExplainer` in shap).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.explanation.effects import Effects
from penstock.ml.features.feature_encoder import Encoder

Floats = NDArray[np.float64]


def linear_effects(encoder: Encoder, estimator: Any, row: Floats, known_rows: Floats) -> Effects:
    """The effects of the family `linear` on its scores for one row of the encoder's matrix, shape (d,).

    There is one score of the second of two classes, or one for each class or number. Each column of the matrix is there
    as it is, as its rank, as an indicator of what is missing or as levels: these are added up.

    Args:
        encoder: the model's.
        estimator: the pipeline.
        row: the row.
        known_rows: those the mean is taken of, shape (n, d).

    Raises:
        LookupError, AttributeError, TypeError, ValueError: the estimator is built otherwise.
    """
    columns, learner = estimator["columns"], estimator["learner"]
    terms = _dense(columns.transform(np.vstack([row, known_rows])))
    mean = terms[1:].mean(axis=0)
    weights = np.atleast_2d(learner.coef_)
    base = np.reshape(learner.intercept_, -1) + weights @ mean
    added = np.zeros((len(row), len(weights)))
    np.add.at(added, _owners(columns, terms.shape[1]), ((terms[0] - mean) * weights).T)
    return Effects.exact(encoder.names, base, added)


def _dense(terms: Any) -> Floats:
    return np.asarray(terms.toarray() if hasattr(terms, "toarray") else terms, dtype=np.float64)


def _owners(columns: Any, width: int) -> NDArray[np.intp]:
    """The column of the matrix that each term is made of, shape (width,)."""
    owners = np.full(width, -1, dtype=np.intp)
    for name, part, indices in columns.transformers_:
        place = columns.output_indices_[name]
        of_part = np.array(indices, dtype=np.intp)
        if name == "levels" and len(of_part):
            owners[place] = np.repeat(of_part, [len(levels) for levels in part.categories_])
        elif name == "numbers" and len(of_part):
            owners[place] = np.concatenate([of_part, of_part[part["impute"].indicator_.features_]])
        else:
            owners[place] = of_part
    if (owners < 0).any():
        raise ValueError("it has terms of no column")
    return owners
