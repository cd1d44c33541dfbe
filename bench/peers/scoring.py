"""The model as every peer has it: numpy alone, the weights from a file.

A logistic regression behind scaling and one-hot encoding is a matrix multiplication and a look-up per category.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Row = tuple[float | str, ...]
Matrix = Scores = NDArray[np.float64]

NUMBERS = 20  # columns of numbers; two of categories follow
UNKNOWN = -1.0  # the code of a category that the model does not know


def open_model(path: str) -> Callable[[Sequence[Row]], Scores]:
    """The function from rows (20 numbers, 2 categories) to probabilities: linear from .npz, boosting from .joblib."""
    first, second = (_codes(texts) for texts in _vocabularies(path))
    score = open_matrix_model(path)
    return lambda rows: score(matrix_of(rows, first, second))


def open_matrix_model(path: str) -> Callable[[Matrix], Scores]:
    """The same for a matrix of shape (n, 22), whose categories are codes: indices into the model's vocabularies."""
    return _linear(path) if path.endswith(".npz") else _boosting(path)


def _linear(path: str) -> Callable[[Matrix], Scores]:
    model = np.load(path)
    low, high, weights, bias = model["low"], model["high"], model["weights"], float(model["bias"])
    # One more entry at the end of each table: an unknown category adds nothing.
    of_first, of_second = np.append(model["of_first"], 0.0), np.append(model["of_second"], 0.0)

    def score(table: Matrix) -> Scores:
        numbers = np.minimum(np.maximum(table[:, :NUMBERS], low), high)
        levels = table[:, NUMBERS:].astype(np.intp)
        logit = numbers @ weights + bias + of_first[levels[:, 0]] + of_second[levels[:, 1]]
        return 1.0 / (1.0 + np.exp(-logit))

    return score


def _boosting(path: str) -> Callable[[Matrix], Scores]:
    import joblib  # noqa: PLC0415 (only the peers that are measured with boosting have it)

    estimator = joblib.load(path)

    def score(table: Matrix) -> Scores:
        levels = table[:, NUMBERS:]
        levels[levels == UNKNOWN] = np.nan
        return estimator.predict_proba(table)[:, 1]

    return score


def matrix_of(rows: Sequence[Row], first: dict[str, float], second: dict[str, float]) -> NDArray[np.float64]:
    """The rows as a matrix of shape (n, 22), categories as codes."""
    a, b = first.get, second.get
    return np.array([(*row[:NUMBERS], a(row[NUMBERS], UNKNOWN), b(row[NUMBERS + 1], UNKNOWN)) for row in rows])


def _codes(texts: NDArray[np.str_]) -> dict[str, float]:
    return {text: float(code) for code, text in enumerate(texts.tolist())}


def _vocabularies(path: str) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    texts = np.load(path if path.endswith(".npz") else Path(path).with_suffix(".vocabularies.npz"))
    return texts["first"], texts["second"]
