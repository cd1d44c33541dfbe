"""How well a column alone knows the label: a copy of it, or something that is only known later."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KNOWS = 0.995  # a score from which a column knows the label
LEAST_ROWS = 20
LEAST_OF_CLASS = 5  # rows of a class, or it does not count
MOST_BINS = 50
COPY = 1 - 1e-9  # of a squared correlation

Numbers = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Knowledge:
    """How well a column knows the label: mean recall, AUC or R², 0 to 1; whether it is one-to-one with the label."""

    score: float
    is_copy: bool


def knowledge_of_class(values: Sequence[Hashable], numbers: Numbers | None, labels: Sequence[str]) -> Knowledge | None:
    """How well a column knows a class; None unless nearly perfectly.

    Args:
        values: the cells of n rows.
        numbers: the same as numbers, shape (n,), NaN where missing; None for text.
        labels: the classes of the rows.
    """
    classes, keys = _codes(labels), _codes(values)
    if len(labels) < LEAST_ROWS:
        return None
    frequent = np.bincount(classes) >= LEAST_OF_CLASS
    if frequent.sum() < 2:
        return None
    pairs = len(set(zip(keys.tolist(), classes.tolist(), strict=True)))
    if pairs == keys.max() + 1 == classes.max() + 1:
        return Knowledge(1.0, is_copy=True)
    score = _mean_recall(_bins(numbers, keys), classes, frequent)
    if numbers is not None and classes.max() == 1:
        score = max(score, _auc(numbers, classes))
    return Knowledge(score, is_copy=False) if score >= KNOWS else None


def knowledge_of_number(values: Sequence[Hashable], numbers: Numbers | None, labels: Numbers) -> Knowledge | None:
    """How well a column knows a number, as `knowledge_of_class`; `labels` has the shape (n,)."""
    if len(labels) < LEAST_ROWS or not labels.std():
        return None
    correlation = 0.0 if numbers is None else _squared_correlation(numbers, labels)
    if correlation >= COPY:
        return Knowledge(1.0, is_copy=True)
    score = max(correlation, _explained(_bins(numbers, _codes(values)), labels))
    return Knowledge(score, is_copy=False) if score >= KNOWS else None


def _codes(values: Sequence[Hashable]) -> Codes:
    """Each value as a number from 0 on, in order of appearance."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int64)


def _bins(numbers: Numbers | None, keys: Codes) -> Codes:
    """The values as categories: many numbers in bins of as many rows, missing ones in one of their own."""
    if numbers is None or keys.max() < MOST_BINS or np.isnan(numbers).all():
        return keys
    edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, MOST_BINS + 1)[1:-1]))
    return np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers)).astype(np.int64)


def _is_tested(rows: int) -> NDArray[np.bool_]:
    """The half of the rows that what the other half shows is tried on."""
    return np.random.default_rng(0).random(rows) < 0.5


def _mean_recall(keys: Codes, classes: Codes, frequent: NDArray[np.bool_]) -> float:
    """How often the usual class of each key is right, as the mean over the frequent classes."""
    tested = _is_tested(len(keys))
    size = int(classes.max()) + 1
    usual: dict[int, int] = {}
    pairs, counts = np.unique(keys[~tested] * size + classes[~tested], return_counts=True)
    for pair in pairs[np.argsort(counts, kind="stable")].tolist():
        usual[pair // size] = pair % size
    right = np.array([usual.get(key) for key in keys[tested].tolist()], dtype=object) == classes[tested]
    recalls = [
        right[classes[tested] == code].mean() for code in np.flatnonzero(frequent) if (classes[tested] == code).any()
    ]
    return float(np.mean(recalls)) if len(recalls) > 1 else 0.0


def _auc(numbers: Numbers, classes: Codes) -> float:
    """The area under the ROC curve for one of two classes, in either direction; rows without a number left out."""
    present = ~np.isnan(numbers)
    values, is_second = numbers[present], classes[present] == 1
    second, first = int(is_second.sum()), int((~is_second).sum())
    if min(second, first) < LEAST_OF_CLASS or len(values) < 0.99 * len(numbers):
        return 0.0
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    area = float((ranks[is_second].sum() - second * (second + 1) / 2) / (second * first))
    return max(area, 1 - area)


def _squared_correlation(numbers: Numbers, labels: Numbers) -> float:
    present = ~np.isnan(numbers)
    values, known = numbers[present], labels[present]
    if len(values) < max(LEAST_ROWS, 0.99 * len(numbers)) or not values.std() or not known.std():
        return 0.0
    return float(np.corrcoef(values, known)[0, 1] ** 2)


def _explained(keys: Codes, labels: Numbers) -> float:
    """R² of the mean of each key, on the rows that it was not taken from."""
    tested = _is_tested(len(keys))
    size = int(keys.max()) + 1
    sums = np.bincount(keys[~tested], labels[~tested], size)
    counts = np.bincount(keys[~tested], minlength=size)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), labels[~tested].mean())
    variance = labels[tested].var()
    return float(1 - ((labels[tested] - means[keys[tested]]) ** 2).mean() / variance) if variance else 0.0
