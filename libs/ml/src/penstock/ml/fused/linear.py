"""Linear models as one product: imputing, clipping and scaling are folded into the weights, levels into tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.encoding import Encoder
from penstock.ml.features.frame import Frame
from penstock.ml.fused.column_reader import Levels, numbers
from penstock.ml.fused.link_functions import Link, identity, logistic, softmax

Matrix = NDArray[np.float64]


class FusedLinear:
    """What the family `linear` computes, for k scores over d numbers and some levels.

    Raises LookupError, AttributeError, TypeError or ValueError for an estimator that is built otherwise.
    """

    name = "linear"

    def __init__(self, encoder: Encoder, estimator: Any) -> None:
        columns, learner = estimator["columns"], estimator["learner"]
        weights = np.atleast_2d(learner.coef_)
        parts = {name: (part, tuple(places)) for name, part, places in columns.transformers_}
        scaling, self._places = parts["numbers"]
        encoding, coded = parts["levels"]
        self._encoder = encoder
        self._link = _link(learner)
        self._numbers = _folded(scaling, weights[:, columns.output_indices_["numbers"]], len(self._places))
        self._levels = [Levels(encoder, place) for place in coded]
        self._tables = _tables(self._levels, encoding, weights[:, columns.output_indices_["levels"]])
        self._bias = np.reshape(learner.intercept_, (-1, 1)) + self._numbers.bias

    def __call__(self, frame: Frame) -> Matrix:
        """The probabilities of n rows, shape (n, k), or their numbers, shape (n,).

        Raises WrongFields as the encoder does.
        """
        scores = self._numbers.scores(numbers(frame, self._encoder, self._places))
        scores += self._bias
        for levels, table in zip(self._levels, self._tables, strict=True):
            scores += table.take(levels.of(frame), axis=1)
        return self._link(scores)

    def edges(self) -> dict[str, list[float]]:
        """Values at which the answers bend, by field: the least and the largest number that count."""
        ends = np.hstack([self._numbers.least, self._numbers.least + self._numbers.width]).tolist()
        return {self._encoder.names[place]: both for place, both in zip(self._places, ends, strict=True)}


@dataclass(frozen=True, slots=True)
class _Numbers:
    """d numbers, counted from the least seen in training and held within the width seen: both of shape (d, 1).

    `weights` and `missing`, of shape (k, d), are what a unit adds and what a missing value adds.
    """

    least: Matrix
    width: Matrix
    weights: Matrix
    missing: Matrix
    bias: Matrix

    def scores(self, rows: Matrix) -> Matrix:
        held = np.subtract(rows, self.least)
        np.maximum(held, 0.0, out=held)
        np.minimum(held, self.width, out=held)
        scores = _sums(self.weights, held)
        if np.isnan(scores).any():
            absent = np.isnan(held)
            held[absent] = 0.0
            scores = _sums(self.weights, held) + _sums(self.missing, absent)
        return scores


def _sums(weights: Matrix, rows: NDArray[Any]) -> Matrix:
    """Weights of shape (k, d) times rows of shape (d, n): shape (k, n).

    Added up number by number: a product of matrices would give an event another last digit in another batch, and so would
    a lone event, for which numpy adds in pairs.
    """
    n = rows.shape[1]
    if n == 1:
        rows = np.repeat(rows, 2, axis=1)
    return np.array([np.sum(weight[:, None] * rows, axis=0)[:n] for weight in weights])


def _folded(scaling: Any, weights: Matrix, d: int) -> _Numbers:
    """Imputing, clipping and scaling as weights; the d numbers come first, then marks of those missing in training."""
    if not d:
        empty = np.empty((len(weights), 0))
        return _Numbers(np.empty((0, 1)), np.empty((0, 1)), empty, empty, np.zeros((len(weights), 1)))
    imputing, clipping, scaled = scaling["impute"], scaling["clip"], scaling["scale"]
    effect = weights / scaled.scale_
    bias = -effect @ scaled.mean_[:, None]
    least, unit = clipping.data_min_[:d], clipping.scale_[:d]
    unit_effect, mark_effect = effect[:, :d] * unit, effect[:, d:]
    median = np.clip(imputing.statistics_ - least, 0.0, 1.0 / unit)
    missing = unit_effect * median
    marked = imputing.indicator_.features_
    off, on = (_clipped(clipping, mark, d) for mark in (0.0, 1.0))
    missing[:, marked] += mark_effect * (on - off)
    bias = bias + mark_effect @ off[:, None]
    return _Numbers(least[:, None], 1.0 / unit[:, None], unit_effect, missing, bias)


def _clipped(clipping: Any, mark: float, d: int) -> Matrix:
    scaled: Matrix = mark * clipping.scale_[d:] + clipping.min_[d:]
    return np.clip(scaled, 0.0, 1.0)


def _tables(levels: list[Levels], encoding: Any, weights: Matrix) -> list[Matrix]:
    """What each level adds, by its place: one table of shape (k, size) per level column."""
    tables, start = [], 0
    for level, known in zip(levels, encoding.categories_ if levels else (), strict=True):
        table = np.zeros((len(weights), level.size))
        for code, weight in zip(known, weights[:, start : start + len(known)].T, strict=True):
            if (place := level.place(code)) is not None:
                table[:, place] = weight
        start += len(known)
        tables.append(table)
    if start != weights.shape[1]:
        raise ValueError("its levels have other weights than one each")
    return tables


def _link(learner: Any) -> Link:
    kind = type(learner).__name__
    if kind == "Ridge":
        return identity
    if kind == "LogisticRegression":
        return logistic if len(learner.classes_) == 2 else softmax
    raise ValueError(f"its learner is a {kind}")
