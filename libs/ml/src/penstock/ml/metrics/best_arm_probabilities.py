"""The probability of each model to be the best, by which a bandit shares traffic (Thompson sampling)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from penstock.ml.metrics.confidence_sequences import MIN_CASES, Moments

DRAWS = 4000


def best_arm_probabilities(arms: Sequence[Moments], seed: int, scale: float = 1.0) -> list[float]:
    """The probability of each arm that its mean loss is the least, given the losses so far.

    Thompson sampling (Thompson, 1933) for many events at once: "randomized probability matching" (Scott, "A modern
    Bayesian look at the multi-armed bandit", 2010). The means are normal around those observed, as if `MIN_CASES`
    cases of the common mean had come before, each `scale` / 2 off it. The same seed gives the same draws.

    >>> best_arm_probabilities([Moments(500, 0.4, 120.0), Moments(500, 0.2, 80.0)], seed=1)
    [0.0, 1.0]
    """
    total = sum(arms, Moments())
    prior = Moments(MIN_CASES, total.mean, MIN_CASES * (scale / 2) ** 2)
    posteriors = [arm + prior for arm in arms]
    means = np.array([arm.mean for arm in posteriors])
    errors = np.array([np.sqrt(arm.squares / arm.n / arm.n) for arm in posteriors])
    draws = np.random.default_rng(seed).normal(means, errors, (DRAWS, len(arms)))
    return [float(share) for share in np.bincount(draws.argmin(axis=1), minlength=len(arms)) / DRAWS]
