"""The score that answers are expected to have, without their labels, and how far such estimates were off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.predictions import PredictionData
from penstock.ml.drift.expected_score import CONFIDENCE_EDGES, ExpectedScore
from penstock.registry.quality.answers import Answer


class ScoreEstimates:
    """Estimates for answers of several model versions, each of which errs elsewhere.

    `error` is the mean absolute difference between the estimates of windows and the scores that came of them, the
    newest weighted most; None before the first.
    """

    def __init__(self, declaration: Declaration) -> None:
        self._is_regression = declaration.task == "regression"
        self._classes = declaration.label.classes
        self._by_version: defaultdict[int, ExpectedScore] = defaultdict(self._new)
        self._whole = self._new()

    @property
    def error(self) -> float | None:
        """How far the estimates were off so far."""
        return self._whole.error

    def estimate(self, answers: Sequence[Answer]) -> float | None:
        """The expected accuracy, or mean absolute error; None where the answers do not show enough of themselves."""
        total = 0.0
        for version, of_version in _by_version(answers).items():
            outputs = self._outputs(of_version)
            if outputs is None:
                return None
            mean = self._by_version[version].estimate(outputs, None if self._is_regression else outputs)
            if mean is None:
                return None
            total += mean * len(of_version)
        return total / len(answers) if answers else None

    def learn(self, answers: Sequence[Answer], estimate: float | None) -> None:
        """Learn from a window that has matured, for which `estimate` was made."""
        labelled = [answer for answer in answers if answer.label is not None]
        if labelled and estimate is not None:
            self._whole.record_error(estimate, float(self._scores(labelled).mean()))
        for version, of_version in _by_version(labelled).items():
            outputs = self._outputs(of_version)
            if outputs is not None:
                self._by_version[version].update(outputs, self._scores(of_version))

    def _new(self) -> ExpectedScore:
        return ExpectedScore([] if self._is_regression else list(CONFIDENCE_EDGES))

    def _outputs(self, answers: Sequence[Answer]) -> NDArray[np.float64] | None:
        """What each answer shows of itself: its value, or the probability of its class; None where one has none."""
        if self._is_regression:
            return np.array([answer.prediction.value for answer in answers], dtype=np.float64)
        shown = [self._confidence(answer.prediction) for answer in answers]
        return None if None in shown else np.array(shown, dtype=np.float64)

    def _confidence(self, prediction: PredictionData) -> float | None:
        """The probability of the class that is answered; the largest one of probabilities of other classes."""
        probabilities, classes = prediction.probabilities, self._classes
        if not probabilities:
            return None
        if prediction.value in classes and len(probabilities) == len(classes):
            return probabilities[classes.index(str(prediction.value))]
        return max(probabilities)

    def _scores(self, labelled: Sequence[Answer]) -> NDArray[np.float64]:
        if self._is_regression:
            return np.array([abs(float(one.prediction.value) - float(one.label or 0)) for one in labelled])
        return np.array([float(one.prediction.value == one.label) for one in labelled])


def _by_version(answers: Sequence[Answer]) -> dict[int, list[Answer]]:
    found: dict[int, list[Answer]] = defaultdict(list)
    for answer in answers:
        found[answer.prediction.version].append(answer)
    return found
