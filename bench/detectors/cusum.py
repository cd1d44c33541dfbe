"""The CUSUM that knows the law of the losses before and after a change: what no detector of a stream can know.

Its threshold is the lowest of a grid at which it has at most one false alarm in 500,000 losses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import numpy as np
from scipy import stats
from scipy.special import log_expit, logsumexp

from bench.detectors.scenarios import ERROR_RATE, GROWTH, HIGHER_ERROR_RATE, SPREAD, TAIL, LogisticModel, Values

FALSE_ALARM_INTERVAL = 500_000  # losses
CHAINS, STEPS = 3000, 20_000  # of the simulation that measures the intervals
GRID = np.arange(6.0, 13.0, 0.25)

Evidence = Callable[[Values], Values]


@dataclass(frozen=True, slots=True)
class Cusum:
    """Page's CUSUM (1954) of log likelihood ratios `evidence`, which starts anew after an alarm."""

    evidence: Evidence
    threshold: float

    def alarms(self, losses: Values) -> list[int]:
        """The index of each alarm."""
        alarms, total = [], 0.0
        for index, step in enumerate(self.evidence(losses).tolist()):
            total = max(total + step, 0.0)
            if total >= self.threshold:
                alarms.append(index)
                total = 0.0
        return alarms


def classification_evidence(losses: Values) -> Values:
    """Of the higher error rate against the lower one."""
    hit, miss = log((1 - HIGHER_ERROR_RATE) / (1 - ERROR_RATE)), log(HIGHER_ERROR_RATE / ERROR_RATE)
    return np.where(losses > 0, miss, hit)


def regression_evidence(losses: Values) -> Values:
    """Of the wider law of the errors against the narrower one: it knows the whole laws, not only their means."""
    law = stats.t(TAIL)
    return np.asarray(law.logpdf(losses / GROWTH) - log(GROWTH) - law.logpdf(losses))


def log_loss_evidence(model: LogisticModel) -> Evidence:
    """Of a logistic model's log losses after the change against those before it: it knows the whole laws."""

    def log_density(losses: Values, truth: Callable[[Values], Values]) -> Values:
        log_odds = -np.log(np.expm1(np.maximum(losses, 1e-12)))  # of the class that was true
        scores = np.stack([log_odds, -log_odds])  # the model's log odds if it was the positive one, if the other
        chances = np.stack([log_expit(truth(scores[0])), log_expit(-truth(scores[1]))])
        densities = stats.norm(model.centre, SPREAD).logpdf(scores) + chances
        return np.asarray(logsumexp(densities, axis=0))

    return lambda losses: log_density(losses, model.truth) - log_density(losses, lambda scores: scores)


def informed_cusum(
    evidence: Evidence, losses_of: Callable[[Values, np.random.Generator], Values], steps: int = STEPS
) -> Cusum:
    """The CUSUM with one false alarm in `FALSE_ALARM_INTERVAL` losses, by simulation."""
    random, still = np.random.default_rng(0), np.zeros(CHAINS)
    totals, alarms = np.zeros((len(GRID), CHAINS)), np.zeros(len(GRID))
    for _ in range(steps):
        totals = np.maximum(totals + evidence(losses_of(still, random)), 0.0)
        fired = totals >= GRID[:, None]
        alarms += fired.sum(axis=1)
        totals[fired] = 0.0
    rare = CHAINS * steps / np.maximum(alarms, 1) >= FALSE_ALARM_INTERVAL
    return Cusum(evidence, float(GRID[rare][0]))
