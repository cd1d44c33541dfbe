"""Streams with planted changes: how far each event is into a change, and values that follow it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LENGTH, CHANGE = 6000, 2000  # events, and the event of the abrupt change
ERROR_RATE, HIGHER_ERROR_RATE = 0.2, 0.35
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
