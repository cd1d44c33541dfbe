"""Whether a model loses more than its holdout showed: evidence that may be looked at after every outcome."""

from __future__ import annotations

from math import log

import numpy as np
import scipy

from penstock.ml.metrics.confidence_sequences import Moments

ALPHA = 0.001  # chance of a false alarm about a champion, however long it serves
MIN_CASES = 30  # before there is evidence: the method is asymptotic
EFFECT = 0.4  # rise of the mean, in standard deviations of the loss, that is expected if there is one
AT_ONCE_SHARE = 0.75  # of alpha, for the evidence as labels come; the rest is for that of complete cohorts
LEAST_RISE = 0.05  # of the holdout's mean: a smaller rise is not worth an alarm, however certain


def log_evidence(live: Moments, holdout: Moments) -> float:
    """The logarithm of the evidence that live answers lose more on average than those of the holdout; 0 before any.

    The likelihood of the difference of the two means if the model has become worse, over its likelihood if it has not.
    Under the second both samples have one mean, so that the difference varies with the live answers and once with the
    holdout; under the first a rise is added, half normal with the scale `EFFECT`. The ratio is a martingale in the
    live answers if nothing changed (Robbins, 1970): it ever exceeds 1/alpha with probability alpha at most, and a small
    holdout makes it small. The variance is the larger of the two samples': the rare large losses that raise a mean
    raise its uncertainty with it.

    >>> holdout = Moments(1000, 0.12, 105.6)
    >>> log_evidence(Moments(50, 0.42, 12.2), holdout) > log(1 / ALPHA) > log_evidence(Moments(50, 0.2, 8.0), holdout)
    True
    """
    if live.n < MIN_CASES or not holdout.n:
        return 0.0
    rise = live.mean - holdout.mean
    variance = max(holdout.squares / holdout.n, (live.squares + rise * rise) / live.n)
    if not variance:
        return 0.0
    unchanged = variance / live.n + variance / holdout.n
    prior = EFFECT * EFFECT * variance
    precision = prior / (unchanged * (unchanged + prior))
    tail = float(scipy.special.log_ndtr(rise * np.sqrt(precision)))
    return log(2) - log((unchanged + prior) / unchanged) / 2 + rise * rise * precision / 2 + tail


def joint_log_evidence(at_once: float, matured: float) -> float:
    """The logarithm of the weighted mean of the evidence by two clocks: evidence as each is, whatever they share.

    One alone needs its share of alpha; both that agree need no more than one that has all of it.
    """
    return float(np.logaddexp(log(AT_ONCE_SHARE) + at_once, log(1 - AT_ONCE_SHARE) + matured))


def is_shortfall(log_evidence: float, mean: float, holdout_mean: float) -> bool:
    """Whether the evidence is enough for an alarm, and the rise of the mean large enough to act on."""
    return log_evidence > log(1 / ALPHA) and mean > holdout_mean + LEAST_RISE * abs(holdout_mean)
