"""The calibration of a classifier, fitted on outputs for rows that it had not learnt; none unless it is shown to help.

Sources: Platt, "Probabilistic outputs for support vector machines", 1999; Guo and others, "On calibration of modern
neural networks", 2017; Cox, "Two further applications of a model for binary regression", 1958.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from penstock.ml.metrics.intervals import Difference, paired_difference
from penstock.ml.metrics.probability_losses import log_losses
from penstock.ml.models.calibration import Calibration, log_probabilities, softmax
from penstock.ml.selection.validation_plan import Rows

Floats = NDArray[np.float64]

MIN_ROWS = 200  # that a calibration is chosen on
MIN_OTHERS = 20  # tested rows that are not of the commonest class: without any, to be surer always seems to help
TESTS = 5  # of a calibration, each on rows after those it was fitted on, over the later half of all
BLOCKS = 20  # of rows that follow each other, whose mean gains count as independent
SPREAD = 0.3  # of scale and biases around those that change nothing: a standard deviation, before any row is seen
LEAST_SCALE, MOST_SCALE = 0.1, 10.0


def choose_calibration(labels: Floats, probabilities: Floats, known_at: Rows, rows: Rows) -> Calibration | None:
    """The calibration fitted on the given rows, None unless such fits lowered the log loss of later ones.

    It is tested on the later half of the rows, by fits on those rows before each test whose labels were known then: the
    gain of log loss must be above 0 by its 95 % interval, and on the newest test not below 0 by its standard error.

    Args:
        labels: codes of k classes, shape (n,).
        probabilities: of models that had not learnt these labels, shape (n, k).
        known_at: the row at which each label was known, shape (n,).
        rows: ascending, those whose labels are known and that have probabilities.
    """
    if len(rows) < MIN_ROWS or _others(labels[rows[len(rows) // 2 :]]) < MIN_OTHERS:
        return None
    gains = list(_forward_gains(labels, probabilities, known_at, rows))
    helps = block_difference(np.concatenate(gains)).low > 0 and not _harms(gains[-1])
    return fit_calibration(labels[rows], probabilities[rows]) if helps else None


def fit_calibration(labels: Floats, probabilities: Floats) -> Calibration:
    """The calibration of least log loss on n rows, drawn towards the one that changes nothing.

    Args:
        labels: codes of k classes, shape (n,).
        probabilities: shape (n, k).
    """
    n, k = probabilities.shape
    logs, codes = log_probabilities(probabilities), labels.astype(np.intp)
    is_true = np.zeros((n, k))
    is_true[np.arange(n), codes] = 1.0
    identity = np.append(1.0, np.zeros(k))

    def loss_and_slope(parameters: Floats) -> tuple[float, Floats]:
        distance = (parameters - identity) / SPREAD
        p = softmax(parameters[0] * logs + parameters[1:])
        excess = p - is_true
        slope = np.append((excess * logs).sum(), excess.sum(axis=0)) + distance / SPREAD
        loss = float(log_losses(p, codes).sum() + distance @ distance / 2)
        return loss / max(n, 1), slope / max(n, 1)

    bounds = [(LEAST_SCALE, MOST_SCALE)] + [(None, None)] * k
    found = minimize(loss_and_slope, identity, jac=True, method="L-BFGS-B", bounds=bounds).x.tolist()
    return Calibration(found[0], tuple(found[1:]))


def calibration_losses(labels: Floats, probabilities: Floats) -> Floats:
    """The part of each row's log loss that a calibration fitted on these very rows would save, shape (n,)."""
    codes = labels.astype(np.int64)
    ideal = fit_calibration(labels, probabilities).apply(probabilities)
    return log_losses(probabilities, codes) - log_losses(ideal, codes)


def block_difference(differences: Floats) -> Difference:
    """The mean of n paired differences, in their order, with the 95 % interval of the means of `BLOCKS` blocks."""
    means = np.array([block.mean() for block in np.array_split(differences, BLOCKS)])
    return paired_difference(means, np.zeros(BLOCKS))


def _others(labels: Floats) -> int:
    return len(labels) - int(np.bincount(labels.astype(np.intp)).max())


def _harms(gains: Floats) -> bool:
    return bool(gains.mean() + gains.std() / sqrt(len(gains)) < 0)


def _forward_gains(labels: Floats, probabilities: Floats, known_at: Rows, rows: Rows) -> Iterator[Floats]:
    """How much less log loss each test's rows have when calibrated by a fit on what was known before them."""
    for test in np.array_split(rows[len(rows) // 2 :], TESTS):
        known = rows[(rows < test[0]) & (known_at[rows] <= test[0])]
        codes, before = labels[test].astype(np.int64), probabilities[test]
        after = fit_calibration(labels[known], probabilities[known]).apply(before)
        yield log_losses(before, codes) - log_losses(after, codes)
