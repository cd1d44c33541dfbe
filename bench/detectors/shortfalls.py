"""Shortfalls: how soon a champion with more errors than on its holdout raises an alarm, by the size of the holdout."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, log

import numpy as np

from penstock.ml.drift.shortfall import ALPHA, MIN_CASES, is_shortfall, joint_log_evidence, log_evidence
from penstock.ml.metrics.confidence_sequences import Moments

RUNS = 200
OUTCOMES = 6_000
HOLDOUTS = (50, 250, 1000, 4000)
ERROR_RATES = ((0.12, 0.62), (0.12, 0.42), (0.2, 0.5), (0.12, 0.22), (0.4, 0.5))  # on the holdout, and live


def shortfall_lines() -> Iterator[str]:
    """A line for each pair of rates and size of the holdout; the last ones are of streams without a change."""
    for shown, served in (*ERROR_RATES, (0.12, 0.12), (0.5, 0.5)):
        for holdout in HOLDOUTS:
            alarms = [_first_alarm(shown, served, holdout, np.random.default_rng(seed)) for seed in range(RUNS)]
            found = np.isfinite(alarms).mean()
            if shown == served:
                yield f"| {shown:.0%} | {served:.0%} | {holdout:,} | | | | {found:.1%} |"
                continue
            median, late = (_text(np.quantile(alarms, share, method="higher")) for share in (0.5, 0.95))
            asked = f"{1.5 * max(MIN_CASES, _informed_delay(shown, served)):.0f}"
            yield f"| {shown:.0%} | {served:.0%} | {holdout:,} | {asked} | {median} | {late} | {found:.0%} |"


def _first_alarm(shown: float, served: float, holdout: int, random: np.random.Generator) -> float:
    """The outcome of the alarm at once, while no cohort is complete; infinite without one."""
    reference = Moments.of((random.random(holdout) < shown).astype(float).tolist())
    errors = (random.random(OUTCOMES) < served).cumsum()
    n = MIN_CASES
    while n <= OUTCOMES:
        mean = float(errors[n - 1]) / n
        evidence = log_evidence(Moments(n, mean, n * mean * (1 - mean)), reference)
        if is_shortfall(joint_log_evidence(evidence, 0.0), mean, reference.mean):
            return n
        n += max(n // 50, 1)
    return inf


def _informed_delay(shown: float, served: float) -> float:
    """The outcomes that a test which knows both rates takes on average."""
    return 2 * served * (1 - served) * log(1 / ALPHA) / (served - shown) ** 2


def _text(delay: float) -> str:
    return f"{delay:.0f}" if np.isfinite(delay) else "-"
