"""Fused linear models: imputing, clipping and scaling become part of the weights, one-hot levels become tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.feature_encoder import Encoder
from penstock.ml.features.frame import Frame
from penstock.ml.fused.column_reader import LevelColumn, number_rows
from penstock.ml.fused.link_functions import Link, identity, logistic, softmax

Matrix = NDArray[np.float64]


class FusedLinear:
    """The output of the family `linear`: k scores over d numbers and some levels.

    Raises:
        LookupError, AttributeError, TypeError, ValueError: the estimator is built otherwise.
    """

    name = "linear"

    def __init__(self, encoder: Encoder, estimator: Any) -> None:
        columns, learner = estimator["columns"], estimator["learner"]
        weights = np.atleast_2d(learner.coef_)
        parts = {name: (part, tuple(indices)) for name, part, indices in columns.transformers_}
        scaling, self._number_columns = parts["numbers"]
        encoding, level_columns = parts["levels"]
        self._encoder = encoder
        self._link = _link(learner)
        self._numbers = _number_terms(
            scaling, weights[:, columns.output_indices_["numbers"]], len(self._number_columns)
        )
        if "ranks" in parts and self._number_columns:  # models of earlier releases have none
            self._numbers = _with_ranks(self._numbers, parts["ranks"][0], weights[:, columns.output_indices_["ranks"]])
        self._levels = [LevelColumn(encoder, column) for column in level_columns]
        self._tables = _tables(self._levels, encoding, weights[:, columns.output_indices_["levels"]])
        self._bias = np.reshape(learner.intercept_, (-1, 1)) + self._numbers.bias

    def __call__(self, frame: Frame) -> Matrix:
        """The probabilities of n rows, shape (n, k), or their numbers, shape (n,).

        Raises:
            WrongFields: as the encoder does.
        """
        scores = self._numbers.scores(number_rows(frame, self._encoder, self._number_columns))
        scores += self._bias
        for levels, table in zip(self._levels, self._tables, strict=True):
            scores += table.take(levels.rows(frame), axis=1)
        return self._link(scores)

    def edges(self) -> dict[str, list[float]]:
        """Values at which the output bends, by field: the bounds that numbers are clipped to, and between ranks."""
        numbers = self._numbers
        ends = np.hstack([numbers.least, numbers.least + numbers.width, numbers.knots]).tolist()
        return {self._encoder.names[column]: each for column, each in zip(self._number_columns, ends, strict=True)}


@dataclass(frozen=True, slots=True)
class _NumberTerms:
    """d numbers, counted from the least seen in training and clipped to the width seen: both of shape (d, 1).

    `knots`, of shape (d, q), are the quantiles between which ranks lie; q is 0 where there are none. `weights` and
    `missing` are what a unit and what a missing value add to the k scores, of each number and then of each rank.
    """

    least: Matrix
    width: Matrix
    knots: Matrix
    weights: Matrix
    missing: Matrix
    bias: Matrix

    def scores(self, rows: Matrix) -> Matrix:
        terms = self._terms(rows)
        scores = _sums(self.weights, terms)
        if np.isnan(scores).any():
            absent = np.isnan(terms)
            terms[absent] = 0.0
            scores = _sums(self.weights, terms) + _sums(self.missing, absent)
        return scores

    def _terms(self, rows: Matrix) -> Matrix:
        """The clipped numbers, and below them their ranks."""
        clipped = np.subtract(rows, self.least)
        np.maximum(clipped, 0.0, out=clipped)
        np.minimum(clipped, self.width, out=clipped)
        return np.concatenate([clipped, _ranks(rows, self.knots)]) if self.knots.size else clipped


def _ranks(rows: Matrix, knots: Matrix) -> Matrix:
    """The share of values seen that is below each number, in [0, 1], as `QuantileTransformer` has it: shape (d, n)."""
    ranks, shares = np.empty(rows.shape), np.linspace(0, 1, knots.shape[1])
    for rank, row, each, is_tied in zip(ranks, rows, knots, _tied(knots), strict=True):
        rank[:] = np.interp(row, each, shares)
        if is_tied:  # where knots are equal, it is the mean of the ranks at the first and the last of them
            rank[:] = (rank - np.interp(-row, -each[::-1], -shares[::-1])) / 2
            rank[row == each[-1]] = 1.0
            rank[row == each[0]] = 0.0
    return ranks


def _tied(knots: Matrix) -> list[bool]:
    return (knots[:, 1:] == knots[:, :-1]).any(axis=1).tolist()  # type: ignore[no-any-return]


def _sums(weights: Matrix, rows: NDArray[Any]) -> Matrix:
    """Weights of shape (k, d) times rows of shape (d, n): shape (k, n).

    Added number by number: a product of matrices would give an event another last digit in another batch, and so would
    a single event, for which numpy adds in pairs.
    """
    n = rows.shape[1]
    if n == 1:
        rows = np.repeat(rows, 2, axis=1)
    return np.array([np.sum(weight[:, None] * rows, axis=0)[:n] for weight in weights])


def _number_terms(scaling: Any, weights: Matrix, d: int) -> _NumberTerms:
    """Imputing, clipping and scaling as weights; the d numbers come first, then indicators of missing values."""
    if not d:
        empty = np.empty((len(weights), 0))
        none = np.empty((0, 1))
        return _NumberTerms(none, none, np.empty((0, 0)), empty, empty, np.zeros((len(weights), 1)))
    imputing, clipping, standard = scaling["impute"], scaling["clip"], scaling["scale"]
    effect = weights / standard.scale_
    bias = -effect @ standard.mean_[:, None]
    least, unit = clipping.data_min_[:d], clipping.scale_[:d]
    unit_effect, indicator_effect = effect[:, :d] * unit, effect[:, d:]
    median = np.clip(imputing.statistics_ - least, 0.0, 1.0 / unit)
    missing = unit_effect * median
    indicator_columns = imputing.indicator_.features_
    off, on = (_clip_indicator(clipping, value, d) for value in (0.0, 1.0))
    missing[:, indicator_columns] += indicator_effect * (on - off)
    bias = bias + indicator_effect @ off[:, None]
    return _NumberTerms(least[:, None], 1.0 / unit[:, None], np.empty((d, 0)), unit_effect, missing, bias)


def _with_ranks(terms: _NumberTerms, ranking: Any, weights: Matrix) -> _NumberTerms:
    """With what the ranks of the d numbers add; a missing number has the rank of the median."""
    imputing, quantiles, standard = ranking["impute"], ranking["rank"].quantiles_.T, ranking["scale"]
    effect = weights / standard.scale_
    missing = effect * _ranks(imputing.statistics_[:, None], quantiles).T
    return replace(
        terms,
        knots=quantiles,
        weights=np.hstack([terms.weights, effect]),
        missing=np.hstack([terms.missing, missing]),
        bias=terms.bias - effect @ standard.mean_[:, None],
    )


def _clip_indicator(clipping: Any, value: float, d: int) -> Matrix:
    scaled: Matrix = value * clipping.scale_[d:] + clipping.min_[d:]
    return np.clip(scaled, 0.0, 1.0)


def _tables(levels: list[LevelColumn], encoding: Any, weights: Matrix) -> list[Matrix]:
    """What each level adds to the scores: one table of shape (k, size) per level column."""
    tables, start = [], 0
    for level, codes in zip(levels, encoding.categories_ if levels else (), strict=True):
        table = np.zeros((len(weights), level.size))
        for code, weight in zip(codes, weights[:, start : start + len(codes)].T, strict=True):
            if (row := level.row_of(code)) is not None:
                table[:, row] = weight
        start += len(codes)
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
