"""The CUSUM that knows the law of the losses before and after a change: what no detector of a stream can know.

Its threshold is the lowest of a grid at which it has at most one false alarm in 500,000 losses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import numpy as np
from scipy import stats

from bench.detectors.scenarios import ERROR_RATE, GROWTH, HIGHER_ERROR_RATE, TAIL, Values

FALSE_ALARM_INTERVAL = 500_000  # losses
CHAINS, STEPS = 3000, 20_000  # of the simulation that measures the intervals
GRID = np.arange(8.0, 13.0, 0.25)

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


def informed_cusum(evidence: Evidence, losses_of: Callable[[Values, np.random.Generator], Values]) -> Cusum:
    """The CUSUM with one false alarm in `FALSE_ALARM_INTERVAL` losses, by simulation."""
    random, still = np.random.default_rng(0), np.zeros(CHAINS)
    totals, alarms = np.zeros((len(GRID), CHAINS)), np.zeros(len(GRID))
    for _ in range(STEPS):
        totals = np.maximum(totals + evidence(losses_of(still, random)), 0.0)
        fired = totals >= GRID[:, None]
        alarms += fired.sum(axis=1)
        totals[fired] = 0.0
    rare = CHAINS * STEPS / np.maximum(alarms, 1) >= FALSE_ALARM_INTERVAL
    return Cusum(evidence, float(GRID[rare][0]))
