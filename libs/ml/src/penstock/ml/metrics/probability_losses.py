"""What probabilities lose at each case, by the code of its true class, and the bins that calibration counts them in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

CALIBRATION_BINS = 10


def log_losses(probabilities: Floats, true: Codes) -> Floats:
    """The negative logarithm of the probability given to the true class, which is kept above 1e-15: shape (n,).

    Args:
        probabilities: of k classes, shape (n, k).
        true: codes of the true classes, below k, shape (n,).
    """
    return np.asarray(-np.log(np.clip(_of_true_class(probabilities, true), 1e-15, 1.0)))


def brier_losses(probabilities: Floats, true: Codes) -> Floats:
    """Half the squared distance from the probabilities to the truth, 0 to 1: shape (n,). Arguments as `log_losses`.

    >>> brier_losses(np.array([[0.5, 0.5], [0.0, 1.0]]), np.array([1, 0])).tolist()
    [0.25, 1.0]
    """
    squares = np.einsum("ij,ij->i", probabilities, probabilities)
    return np.asarray((squares - 2 * _of_true_class(probabilities, true) + 1) / 2)


def calibration_bins(confidence: Floats) -> Codes:
    """The bin of each probability, shape (n,): `CALIBRATION_BINS` of equal width, from 0 on."""
    return np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


def calibration_error(confidence: Floats, hits: NDArray[np.bool_]) -> float:
    """Expected calibration error (Naeini et al., 2015): the mean over bins of |share of hits - mean confidence|.

    Args:
        confidence: the largest probability of each of n answers, shape (n,).
        hits: which answers are right, shape (n,).
    """
    gaps = np.bincount(calibration_bins(confidence), hits - confidence, CALIBRATION_BINS)
    return float(np.abs(gaps).sum()) / len(hits)


def _of_true_class(probabilities: Floats, true: Codes) -> Floats:
    return np.asarray(probabilities[np.arange(len(true)), true])
