"""What the known labels of the values of a column, or of pairs of values, foretell of the labels to come."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.key_history import PACES, KeyHistory

MIN_GAIN = 0.02  # of the loss
MIN_STANDARD_ERRORS = 1.0  # of the gain above 0; keys that tell nothing lose
MIN_SCORE = 5.0  # standard errors, where 0 is a key that tells nothing: many columns are tried
LATE_ROWS = 50  # a block of rows is answered by the labels before it: labels come late


@dataclass(frozen=True, slots=True, eq=False)
class LabelTargets:
    """What is averaged of n labels: `values` has shape (n, k), the number, or of each class whether it is this one."""

    values: NDArray[np.float64]
    numbers: bool

    @classmethod
    def of(cls, labels: Sequence[str], *, numbers: bool) -> LabelTargets:
        if numbers:
            return cls(np.array(labels, dtype=np.float64)[:, None], numbers)
        of_class: NDArray[np.bool_] = np.array(labels)[:, None] == np.unique(labels)
        return cls(of_class.astype(np.float64), numbers)

    @property
    def later(self) -> NDArray[np.float64]:
        """Those of the m rows from the second block on, which are foretold, shape (m, k)."""
        return self.values[LATE_ROWS:]

    def losses(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of the m rows that are foretold: squared errors of numbers, log losses of classes, shape (m,)."""
        if self.numbers:
            return np.asarray((means[:, 0] - self.later[:, 0]) ** 2)
        return np.asarray(-np.log((means * self.later).sum(axis=1)))


@dataclass(frozen=True, slots=True, eq=False)
class HistoryForecast:
    """What was known of the groups of m rows, from the second block on: means, shape (m, k), and losses, shape (m,)."""

    means: NDArray[np.float64]
    losses: NDArray[np.float64]

    @classmethod
    def of(cls, groups: Sequence[Hashable], targets: LabelTargets) -> HistoryForecast:
        """By the means at the pace that suits best."""
        means = _known_means(groups, targets.values)[LATE_ROWS:]
        n, k = targets.values.shape
        if not targets.numbers:  # a class that never came is possible
            weight = 1 / (np.arange(LATE_ROWS, n) // LATE_ROWS * LATE_ROWS + 1)[:, None, None]
            means = (1 - weight) * means + weight / k
        forecasts = [cls(of_pace, targets.losses(of_pace)) for of_pace in means.transpose(1, 0, 2)]
        return min(forecasts, key=cls.loss)

    def loss(self) -> float:
        """The mean loss; 0 where nothing is foretold."""
        return float(self.losses.mean()) if len(self.losses) else 0.0

    def beside(self, other: HistoryForecast, of_all: HistoryForecast, targets: LabelTargets) -> HistoryForecast:
        """What a model makes of both that adds them up: numbers, or the logarithms of probabilities."""
        if targets.numbers:
            means = self.means + other.means - of_all.means
        else:
            means = self.means * other.means / of_all.means
            means = means / means.sum(axis=1, keepdims=True)
        return HistoryForecast(means, targets.losses(means))

    def gain(self, references: Sequence[HistoryForecast], targets: LabelTargets) -> float:
        """By what share the losses are below the best reference's; 0 where it is not much, or may be chance."""
        if not len(self.losses):
            return 0.0
        reference = min(references, key=HistoryForecast.loss)
        differences = reference.losses - self.losses
        gain, least = float(differences.mean()), MIN_GAIN * reference.loss()
        error = float(differences.std()) / sqrt(len(differences))
        is_sure = gain > max(MIN_STANDARD_ERRORS * error, least) and self._score(reference, targets) > MIN_SCORE
        return gain / reference.loss() if is_sure else 0.0

    def _score(self, reference: HistoryForecast, targets: LabelTargets) -> float:
        """How many standard errors the covariance of what a key says with what came is above 0.

        It is 0 on average where the reference knows all there is, and of rare classes a few cases suffice to tell:
        Rao's score test of the weight of the forecast. The error is that of labels drawn as the reference says.
        """
        said, came = self.means - reference.means, targets.later - reference.means
        if targets.numbers:
            variances = said[:, 0] ** 2 * float((came**2).mean())
        else:
            shares = reference.means
            variances = (said**2 * shares).sum(axis=1) - (said * shares).sum(axis=1) ** 2
        total = float(variances.sum())
        return float((said * came).sum()) / sqrt(total) if total > 0 else 0.0


def _known_means(groups: Sequence[Hashable], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """The means of n rows' groups, as of the first row of each block, shape (n, paces, k)."""
    n, k = targets.shape
    history, means = KeyHistory(k), np.empty((n, len(PACES), k))
    for start in range(0, n, LATE_ROWS):
        block = groups[start : start + LATE_ROWS]
        features = history.features(block, np.zeros(len(block)))  # type: ignore[arg-type]
        means[start : start + LATE_ROWS] = features[:, 2:].reshape(len(block), len(PACES), k)
        for group, target in zip(block, targets[start : start + LATE_ROWS].tolist(), strict=True):
            history.add(group, target, 0.0)  # type: ignore[arg-type]
    return means
