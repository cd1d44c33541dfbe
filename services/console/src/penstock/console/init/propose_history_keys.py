"""Which columns are worth a history: those whose earlier labels tell more than the labels of all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.console.init.proposal import HistoryKey
from penstock.console.init.running_losses import quantile_bins
from penstock.ml.features.key_history import PACES, KeyHistory

FEWEST_KEYS = 20  # fewer are a category that models see as it is
MOST_KEYS = 3  # proposed: each makes every prediction longer
MIN_GAIN = 0.02  # of the loss
MIN_STANDARD_ERRORS = 1.0  # of the gain above 0; keys that tell nothing lose
MIN_SCORE = 5.0  # standard errors, where 0 is a key that tells nothing: many columns are tried
LATE_ROWS = 50  # a block of rows is answered by the labels before it: labels come late


def propose_history_keys(
    columns: Mapping[str, tuple[Sequence[str | None], NDArray[np.float64] | None]],
    labels: Sequence[str],
    *,
    numbers: bool,
) -> tuple[HistoryKey, ...]:
    """The columns whose known labels help, the best first.

    Of each column the means at the pace that suits it are compared with those of all rows, and of bins of its numbers.

    Args:
        columns: by name the values of n rows, and the same as numbers, shape (n,), or None for text.
        labels: n labels in order, classes or numbers.
        numbers: whether the labels are numbers.

    >>> shops = [str(row * 7 % 30) for row in range(3000)]
    >>> labels = ["yes" if int(shop) < 9 else "no" for shop in shops]
    >>> [key.column for key in propose_history_keys({"shop": (shops, None)}, labels, numbers=False)]
    ['shop']
    """
    candidates = {
        name: column for name, column in columns.items() if FEWEST_KEYS <= len(set(column[0])) <= len(column[0]) / 2
    }
    if not candidates:
        return ()
    targets = _targets(labels, numbers=numbers)
    of_all_rows = _Forecast.of([0] * len(labels), targets, numbers=numbers)
    found = []
    for name, (values, amounts) in candidates.items():
        references = [of_all_rows]
        if amounts is not None:
            references.append(_Forecast.of(quantile_bins(amounts), targets, numbers=numbers))
        gain = _gain(_Forecast.of(values, targets, numbers=numbers), min(references, key=_Forecast.loss), targets)
        if gain:
            found.append(HistoryKey(name, gain))
    return tuple(sorted(found, key=lambda key: -key.gain)[:MOST_KEYS])


@dataclass(frozen=True, slots=True, eq=False)
class _Forecast:
    """What was known of the groups of m rows, from the second block on: means, shape (m, k), and losses, shape (m,)."""

    means: NDArray[np.float64]
    losses: NDArray[np.float64]

    def loss(self) -> float:
        return float(self.losses.mean()) if len(self.losses) else 0.0

    @classmethod
    def of(cls, groups: Sequence[Any], targets: NDArray[np.float64], *, numbers: bool) -> _Forecast:
        """By the means at the pace that suits best: log losses of classes, squared errors of numbers."""
        means = _known_means(groups, targets)[LATE_ROWS:]
        later = targets[LATE_ROWS:]
        if not numbers:  # a class that never came is possible
            weight = 1 / (np.arange(LATE_ROWS, len(targets)) // LATE_ROWS * LATE_ROWS + 1)[:, None, None]
            means = (1 - weight) * means + weight / targets.shape[1]
        forecasts = [cls(of_pace, _losses(of_pace, later, numbers=numbers)) for of_pace in means.transpose(1, 0, 2)]
        return min(forecasts, key=cls.loss)


def _losses(means: NDArray[np.float64], targets: NDArray[np.float64], *, numbers: bool) -> NDArray[np.float64]:
    losses = (means[:, 0] - targets[:, 0]) ** 2 if numbers else -np.log((means * targets).sum(axis=1))
    return np.asarray(losses)


def _known_means(groups: Sequence[Any], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """The means of n rows' groups, as of the first row of each block, shape (n, paces, k)."""
    n, k = targets.shape
    history, means = KeyHistory(k), np.empty((n, len(PACES), k))
    for start in range(0, n, LATE_ROWS):
        block = groups[start : start + LATE_ROWS]
        features = history.features(block, np.zeros(len(block)))
        means[start : start + LATE_ROWS] = features[:, 2:].reshape(len(block), len(PACES), k)
        for group, target in zip(block, targets[start : start + LATE_ROWS].tolist(), strict=True):
            history.add(group, target, 0.0)
    return means


def _targets(labels: Sequence[str], *, numbers: bool) -> NDArray[np.float64]:
    """What is averaged of n labels, shape (n, k): the number, or of each class whether it is this one."""
    if numbers:
        return np.array(labels, dtype=np.float64)[:, None]
    of_class: NDArray[np.bool_] = np.array(labels)[:, None] == np.unique(labels)
    return of_class.astype(np.float64)


def _gain(forecast: _Forecast, reference: _Forecast, targets: NDArray[np.float64]) -> float:
    """By what share the losses are below those of the reference; 0 where it is not much, or may be chance."""
    if not len(forecast.losses):
        return 0.0
    differences = reference.losses - forecast.losses
    gain, least = float(differences.mean()), MIN_GAIN * reference.loss()
    error = float(differences.std()) / sqrt(len(differences))
    is_sure = gain > max(MIN_STANDARD_ERRORS * error, least) and _score(forecast, reference, targets) > MIN_SCORE
    return gain / reference.loss() if is_sure else 0.0


def _score(forecast: _Forecast, reference: _Forecast, targets: NDArray[np.float64]) -> float:
    """How many standard errors the covariance of what a key says with what came is above 0.

    It is 0 on average where the reference knows all there is, and of rare classes a few cases suffice to tell: Rao's
    score test of the weight of the forecast. The error is that of labels which are drawn as the reference says.
    """
    said, came = forecast.means - reference.means, targets[LATE_ROWS:] - reference.means
    if targets.shape[1] == 1:
        variances = said[:, 0] ** 2 * float((came**2).mean())
    else:
        shares = reference.means
        variances = (said**2 * shares).sum(axis=1) - (said * shares).sum(axis=1) ** 2
    total = float(variances.sum())
    return float((said * came).sum()) / sqrt(total) if total > 0 else 0.0
