"""Histogram boosting as table look-ups: see `masks`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.encoding import Encoder
from penstock.ml.features.frame import Frame
from penstock.ml.fused.column_reader import Levels, numbers
from penstock.ml.fused.leaf_masks import MAX_LEAVES, Column, masks, reached
from penstock.ml.fused.link_functions import Link, identity, logistic, softmax
from penstock.ml.fused.split_tables import Codes, Ranges, questions, tree_columns

MAX_TABLE = 64 * 1024 * 1024
"""Bytes that a model's table may take."""

_CACHED = 256 * 1024
"""Bytes of masks worked on at once: what a processor holds close at hand."""

_EDGES = 4
_LINKS: dict[str, Link] = {"IdentityLink": identity, "LogitLink": logistic, "MultinomialLogit": softmax}


class FusedBoosting:
    """What the family `boosting` computes: sums over trees, whose leaves are looked up.

    Raises LookupError, AttributeError, TypeError or ValueError for an estimator that cannot be computed so.
    """

    name = "boosting"

    def __init__(self, encoder: Encoder, estimator: Any) -> None:
        trees = [tree for of_class in zip(*estimator._predictors, strict=True) for tree in of_class]
        asked = questions(estimator, trees, encoder.cardinalities)
        starts = np.cumsum([0, *(question.rows for question in asked.values())])
        _check_size(int(starts[-1]), len(trees))
        self._encoder = encoder
        self._link = _LINKS[type(estimator._loss.link).__name__]
        self._baseline = estimator._baseline_prediction
        self._ranges = {place: question for place, question in asked.items() if isinstance(question, Ranges)}
        self._levels = [Levels(encoder, place) for place, question in asked.items() if isinstance(question, Codes)]
        self._starts = starts[:-1, None]
        self._table, values = masks(trees, _columns(asked, self._starts[:, 0], tree_columns(estimator)))
        self._values = values.ravel()
        self._first = np.arange(len(trees)) * MAX_LEAVES
        self._step = max(1, _CACHED // (len(asked) * self._table[0].nbytes))

    def __call__(self, frame: Frame) -> NDArray[np.float64]:
        """The probabilities of n rows, shape (n, k), or their numbers, shape (n,).

        Raises WrongFields as the encoder does.
        """
        rows = self._rows(frame)
        scores = np.empty((len(frame), self._baseline.shape[1]))
        for start in range(0, len(frame), self._step):
            some = slice(start, start + self._step)
            scores[some] = self._sums(rows[:, some])
        scores += self._baseline
        return self._link(scores.T)

    def edges(self) -> dict[str, list[float]]:
        """Some values at which the answers jump, by field."""
        return {
            self._encoder.names[place]: question.thresholds[:-1][:: max(1, question.rows // _EDGES)].tolist()
            for place, question in self._ranges.items()
        }

    def _rows(self, frame: Frame) -> NDArray[np.intp]:
        """The rows of the table that the asked columns of n events fall into, shape (columns, n)."""
        rows = np.empty((len(self._starts), len(frame)), dtype=np.intp)
        for row, levels in zip(rows, self._levels, strict=False):
            row[:] = levels.of(frame)
        found = numbers(frame, self._encoder, tuple(self._ranges))
        for row, question, values in zip(rows[len(self._levels) :], self._ranges.values(), found, strict=True):
            row[:] = question.of(values)
        rows += self._starts
        return rows

    def _sums(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """The sums of the leaves reached, shape (n, k), for rows of the table of shape (columns, n)."""
        leaves = reached(np.bitwise_and.reduce(self._table.take(rows, axis=0), axis=0))
        leaves += self._first
        values = self._values.take(leaves, mode="clip")  # never outside; said so because checking costs more
        sums: NDArray[np.float64] = values.reshape(len(leaves), self._baseline.shape[1], -1).sum(axis=2)
        return sums


def _columns(asked: dict[int, Ranges | Codes], starts: NDArray[np.intp], places: list[int]) -> dict[int, Column]:
    """What masks are made of, by the number under which the trees know a column."""
    return {
        places.index(place): Column(slice(int(start), int(start) + question.rows), question.leads)
        for (place, question), start in zip(asked.items(), starts, strict=True)
    }


def _check_size(rows: int, trees: int) -> None:
    if not rows:
        raise ValueError("its trees ask nothing")
    size = 4 * rows * trees
    if size > MAX_TABLE:
        raise ValueError(f"its table would take {size} bytes, more than the {MAX_TABLE} allowed")
