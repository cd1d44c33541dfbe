"""Sharing traffic between models by their chance to be the best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from penstock.ml.metrics.confidence_sequences import FEWEST, Moments

DRAWS = 4000


def best_arm_probabilities(arms: Sequence[Moments], seed: int, scale: float = 1.0) -> list[float]:
    """The probability of each arm that its mean loss is the least, given the losses met so far.

    Thompson sampling (Thompson, 1933) for many events at once: "randomized probability matching" (Scott, "A modern
    Bayesian look at the multi-armed bandit", 2010). The means are normal around what was met, as if `FEWEST` cases
    of the common mean had been met before, each `scale` / 2 off it. The same seed gives the same draws.

    >>> best_arm_probabilities([Moments(500, 0.4, 120.0), Moments(500, 0.2, 80.0)], seed=1)
    [0.0, 1.0]
    """
    whole = sum(arms, Moments())
    before = Moments(FEWEST, whole.mean, FEWEST * (scale / 2) ** 2)
    known = [arm + before for arm in arms]
    means = np.array([arm.mean for arm in known])
    errors = np.array([np.sqrt(arm.squares / arm.n / arm.n) for arm in known])
    draws = np.random.default_rng(seed).normal(means, errors, (DRAWS, len(arms)))
    return [float(share) for share in np.bincount(draws.argmin(axis=1), minlength=len(arms)) / DRAWS]
