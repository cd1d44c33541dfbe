"""Streams with planted changes: how far each event is into a change, and values that follow it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

LENGTH, CHANGE = 6000, 2000  # events, and the event of the abrupt change
ERROR_RATE, HIGHER_ERROR_RATE = 0.2, 0.35
SPREAD, SLOPE = 2.0, 0.4  # of a logistic model's log odds, and what is left of the truth's slope after a change
TAIL, GROWTH = 4, 1.75  # degrees of freedom of a regression's errors, and the factor by which they grow

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChangeScenario:
    """How far each event is into a change: `level`, shape (LENGTH,), from 0 before to 1 after it.

    `changes` are the events at which the level begins to rise.
    """

    name: str
    level: Values
    changes: tuple[int, ...]


def scenarios() -> list[ChangeScenario]:
    """An abrupt change, a gradual one over 1,000 events, a recurring one, none."""
    events = np.arange(LENGTH)
    return [
        ChangeScenario("abrupt", (events >= CHANGE).astype(float), (CHANGE,)),
        ChangeScenario("gradual", np.clip((events - CHANGE) / 1000, 0, 1), (CHANGE,)),
        ChangeScenario("recurring", ((events // 1000) % 2).astype(float), (1000, 3000, 5000)),
        ChangeScenario("none", np.zeros(LENGTH), ()),
    ]


def classification_losses(level: Values, random: np.random.Generator) -> Values:
    """Losses of 0 and 1: an error rate of 20 % rises to 35 %."""
    return (random.random(len(level)) < ERROR_RATE + (HIGHER_ERROR_RATE - ERROR_RATE) * level).astype(float)


def regression_losses(level: Values, random: np.random.Generator) -> Values:
    """Absolute errors with heavy tails (Student's t, 4 degrees of freedom), which grow by three quarters."""
    return np.asarray(np.abs(random.standard_t(TAIL, len(level))) * (1 + (GROWTH - 1) * level))


def field_values(level: Values, random: np.random.Generator) -> Values:
    """A normal field whose mean moves by 0.6 standard deviations."""
    return np.asarray(random.normal(0.6 * level))


@dataclass(frozen=True, slots=True)
class LogisticModel:
    """A model that is right until the truth follows its log odds by `SLOPE` alone, at the same share of positives.

    `centre` is the mean of its log odds, `later_centre` that of the truth's after the change.
    """

    centre: float
    later_centre: float

    @classmethod
    def of(cls, positives: float) -> LogisticModel:
        """One with this share of positives."""
        return cls(_centre(positives, SPREAD), _centre(positives, SLOPE * SPREAD))

    def truth(self, log_odds: Values) -> Values:
        """The log odds of the truth after the change, by those of the model."""
        return self.later_centre + SLOPE * (log_odds - self.centre)

    def draw(self, level: Values, random: np.random.Generator) -> tuple[Values, Values]:
        """The log losses of its answers, and which are of positive cases."""
        log_odds = random.normal(self.centre, SPREAD, level.shape)
        before, after = expit(log_odds), expit(self.truth(log_odds))
        positives = random.random(level.shape) < before + (after - before) * level
        return np.logaddexp(0.0, np.where(positives, -log_odds, log_odds)), positives

    def losses(self, level: Values, random: np.random.Generator) -> Values:
        """The log losses of its answers."""
        return self.draw(level, random)[0]


def _centre(positives: float, spread: float) -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights /= weights.sum()
    return float(brentq(lambda centre: weights @ expit(centre + spread * nodes) - positives, -30, 30))
