"""Histogram boosting trained once, or on a calendar: what is done without a loop.

scikit-learn's, with its defaults; a regression minimises the absolute error, which is what it is judged by.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bench.evaluation.known import Known, last_known
from bench.evaluation.rows import Matrix, Rows, Truths
from penstock.console.replay.report import WARMUP

LEAST_LABELS = 20  # with fewer known, nothing is trained


@dataclass(frozen=True, eq=False)
class Answers:
    """What a reference answered to each row, and what that took: trainings, and seconds of CPU in learning."""

    values: NDArray[np.float64]
    retrains: int = 0
    training_seconds: float = 0.0


def once(rows: Rows, known: Known, late: int, seed: int) -> Answers:
    """Trained once, at the first row that counts, on everything known then."""
    return _answers(rows, known, [int(WARMUP * len(rows))], None, late, seed)


def calendar(rows: Rows, known: Known, late: int, seed: int, times: int, window: int | None) -> Answers:
    """Trained `times` times, evenly over the file, on the last `window` labels known then (None: all of them)."""
    return _answers(rows, known, calendar_rows(len(rows), times), window, late, seed)


def calendar_rows(count: int, times: int) -> list[int]:
    """The rows at which a calendar trains.

    >>> calendar_rows(100, 3)
    [25, 50, 75]
    """
    return [count * number // (times + 1) for number in range(1, times + 1)]


def _answers(rows: Rows, known: Known, trained_at: Sequence[int], window: int | None, late: int, seed: int) -> Answers:
    """A model answers from `late` rows after the row it was trained at; before the first, the last known label does."""
    values, started, trained = last_known(rows.truths, known), time.process_time(), 0
    ends = [*(row + late for row in trained_at[1:]), len(rows)]
    for at, end in zip(trained_at, ends, strict=True):
        served = slice(at + late, end)
        learnt_from = _learnt_from(rows.truths, int(known[at]), window)
        if len(values[served]) and len(learnt_from) >= LEAST_LABELS:
            values[served] = _foretold(rows, learnt_from, rows.matrix[served], seed)
            trained += 1
    return Answers(values, trained, time.process_time() - started)


def _learnt_from(truths: Truths, until: int, window: int | None) -> NDArray[np.int64]:
    labelled = np.flatnonzero(~np.isnan(truths[:until]))
    return labelled if window is None else labelled[-window:]


def _foretold(rows: Rows, learnt_from: NDArray[np.int64], asked: Matrix, seed: int) -> NDArray[np.float64]:
    matrix, truths = rows.matrix[learnt_from], rows.truths[learnt_from]
    if rows.task != "regression" and len(np.unique(truths)) == 1:
        return np.full(len(asked), truths[0])
    present = ~np.isnan(matrix).all(axis=0)
    with threadpool_limits(1):
        model = _model(rows, rows.categorical[present], seed).fit(matrix[:, present], truths)
        foretold: NDArray[np.float64] = model.predict(asked[:, present])
    return foretold


def _model(rows: Rows, categorical: NDArray[np.bool_], seed: int) -> Any:
    if rows.task == "regression":
        return HistGradientBoostingRegressor(loss="absolute_error", categorical_features=categorical, random_state=seed)
    return HistGradientBoostingClassifier(categorical_features=categorical, random_state=seed)
