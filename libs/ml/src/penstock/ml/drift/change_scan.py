"""The scan for a change: how much likelier the newest values are under a mean of their own than under the one before.

The statistic is the generalised likelihood ratio of two samples, the newest w values against all that are kept before
them, for windows w at every scale. No rate has to be known beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Law = Literal["bernoulli", "exponential", "log_loss"]
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

STEP = 3  # values from one look at the windows to the next
SHORTEST, LONGEST, RATIO = 10, 5000, 1.25
SMALLEST_REFERENCE = 100  # values before a window, which are half as many as in it at least
BLOCK = 50  # values, over which slow correlations are measured
HORIZON = 2e6  # values
FAVOURED, FAVOUR = 130, 0.8  # the scale that has the largest share of them, and how fast others' shares fall
SLACK: dict[Law, float] = {"bernoulli": 2.5, "exponential": 2.0, "log_loss": 2.5}
"""Sets the rate of false alarms, which `python -m bench.detectors` measures."""
PRIOR_CASES = 10.0  # by which a correlation of neighbours is drawn towards 0
PRIOR_LARGEST = 0.1  # losses as large as can be that the moments of log losses are taken to have more

_TINY = 1e-300


def _windows() -> NDArray[np.int64]:
    scales = int(log(LONGEST / SHORTEST) / log(RATIO)) + 1
    return np.unique((SHORTEST * RATIO ** np.arange(scales)).astype(np.int64))


WINDOWS = _windows()
THRESHOLDS: Floats = np.log(HORIZON / WINDOWS) + FAVOUR * np.abs(np.log(WINDOWS / FAVOURED))
"""The log likelihood ratio that each window must reach, and `SLACK` more. A window of w values has HORIZON / w places
(the first term), so that all scales share the false alarms; those at which a training can soon do something have more
of them."""


@dataclass(frozen=True, slots=True)
class Shift:
    """The mean of the newest `window` of the first `count` values differs from that of those before; `rises`: up."""

    count: int
    window: int
    rises: bool


class ChangeScan:
    """A series of values and the changes of its mean.

    `law` is that of a value: `bernoulli` for losses in [0, 1] (exact for 0 and 1, cautious for what lies between),
    `exponential` for scores of ranks, `log_loss` for log losses as shares of the largest one. Where values that are
    near each other are alike, the evidence counts for less: the ratio is divided by how much more sums of the reference
    vary than those of independent values, by its correlation of neighbours or by its blocks, as far as that is more
    than chance. `penalty` raises every threshold, where several series share the false alarms; `smallest_reference` is
    how many values must lie before a window.
    """

    def __init__(self, law: Law, penalty: float = 0.0, smallest_reference: int = SMALLEST_REFERENCE) -> None:
        self._law: Law = law
        self._smallest_reference = smallest_reference
        self._thresholds = THRESHOLDS + SLACK[law] + penalty
        self._length = 0
        self._last = 0.0
        self._sums, self._products = np.zeros(1024), np.zeros(1024)  # of the first i values, and of neighbours in them
        self._squares, self._cubes = np.zeros(1024), np.zeros(1024)  # of the first i values of log losses
        self._block_squares = np.zeros(1)  # of the sums of the first i blocks

    def __len__(self) -> int:
        """How many values there are."""
        return self._length

    def extend(self, values: Floats) -> None:
        """Add the newest n values, none of them negative."""
        start, stop = self._length, self._length + len(values)
        while stop >= len(self._sums):
            self._sums, self._products = (np.concatenate([each, each]) for each in (self._sums, self._products))
            self._squares, self._cubes = (np.concatenate([each, each]) for each in (self._squares, self._cubes))
        before = np.concatenate([[self._last], values])[: len(values)]
        self._sums[start + 1 : stop + 1] = self._sums[start] + np.cumsum(values)
        self._products[start + 1 : stop + 1] = self._products[start] + np.cumsum(before * values)
        if self._law == "log_loss":
            squares = values * values
            self._squares[start + 1 : stop + 1] = self._squares[start] + np.cumsum(squares)
            self._cubes[start + 1 : stop + 1] = self._cubes[start] + np.cumsum(squares * values)
        self._length, self._last = stop, float(values[-1]) if len(values) else self._last
        self._extend_blocks()

    def first_shift(self, since: int, proposals: Counts | None) -> Shift | None:
        """The first change seen at more than `since` values.

        A rise counts only if one of `proposals`, ascending counts of values, lies within the window that shows it; with
        None every rise does.
        """
        counts = np.arange(since // STEP + 1, self._length // STEP + 1) * STEP
        if not len(counts):
            return None
        excess, rises = self._excess(counts)
        hits = excess >= 0
        if proposals is not None:
            hits &= ~rises | _proposed(counts, proposals)
        rows = np.flatnonzero(hits.any(axis=1))
        if not len(rows):
            return None
        row = rows[0]
        column = int(np.where(hits[row], excess[row], -np.inf).argmax())
        return Shift(int(counts[row]), int(WINDOWS[column]), bool(rises[row, column]))

    def _excess(self, counts: Counts) -> tuple[Floats, NDArray[np.bool_]]:
        """By how much each window's evidence passes its threshold, and whether it has the higher mean; shape (n, k)."""
        windows = WINDOWS[None, : max(int(np.searchsorted(WINDOWS, counts[-1])), 1)]
        before = counts[:, None] - windows
        long_enough = before >= np.maximum(self._smallest_reference, windows / 2)
        before = np.maximum(before, 1)
        earlier, total = self._sums[before], self._sums[counts][:, None]
        newest = np.maximum(total - earlier, 0.0)
        ratio, variance = self._evidence(earlier, before, newest, windows)
        excess = ratio / self._inflation(earlier, before, variance) - self._thresholds[: windows.shape[1]]
        return np.where(long_enough, excess, -np.inf), newest * before > earlier * windows

    def _evidence(self, earlier: Floats, before: Counts, newest: Floats, windows: Counts) -> tuple[Floats, Floats]:
        """The log likelihood ratio of each window, and the variance of a value before it; shape (n, k)."""
        mean = earlier / before
        if self._law == "log_loss":
            variance, third = self._central_moments(mean, before)
            rise = np.abs(newest / windows - mean)
            return skewed_evidence(rise, variance, third, windows / (1 + windows / before)), variance
        likelihood, all_values = self._log_likelihood, (earlier + newest, before + windows)
        ratio = likelihood(earlier, before) + likelihood(newest, windows) - likelihood(*all_values)
        variance = mean * mean if self._law == "exponential" else np.maximum(mean * (1 - mean), 0.0)
        return ratio, variance

    def _central_moments(self, mean: Floats, count: Counts) -> tuple[Floats, Floats]:
        """Variance and third central moment of the first values, with `PRIOR_LARGEST` more of the largest."""
        squares, cubes, unseen = self._squares[count] / count, self._cubes[count] / count, PRIOR_LARGEST / count
        variance = np.maximum(squares - mean * mean, 0.0)
        third = np.maximum(cubes - 3 * mean * squares + 2 * mean**3, 0.0)
        return variance + unseen, third + unseen

    def _log_likelihood(self, total: Floats, count: Counts) -> Floats:
        """The largest log likelihood of `count` values with that sum, up to a constant for each value."""
        hits = np.maximum(total, _TINY)
        if self._law == "exponential":
            return np.asarray(-count * np.log(hits / count))
        misses = np.maximum(count - total, _TINY)
        return np.asarray(hits * np.log(hits / count) + misses * np.log(misses / count))

    def _inflation(self, total: Floats, count: Counts, variance: Floats) -> Floats:
        """How much more sums of the reference vary than those of independent values; at least 1, shape (n, k)."""
        mean = total / count
        prior = PRIOR_CASES * (variance if self._law == "log_loss" else 1.0)
        covariance = self._products[count] - total * mean
        correlation = np.clip(covariance / (count * variance + prior) - 2 / np.sqrt(count), 0.0, 0.9)
        blocks = count // BLOCK
        squares = self._block_squares[blocks] - blocks * (BLOCK * mean) ** 2
        of_blocks = squares / (blocks * BLOCK * variance + prior) * (1 - np.sqrt(8 / np.maximum(blocks, 8)))
        return np.asarray(np.maximum((1 + correlation) / (1 - correlation), of_blocks))

    def _extend_blocks(self) -> None:
        first, stop = len(self._block_squares) - 1, self._length // BLOCK
        if stop > first:
            squares = np.diff(self._sums[np.arange(first, stop + 1) * BLOCK]) ** 2
            self._block_squares = np.concatenate([self._block_squares, self._block_squares[-1] + np.cumsum(squares)])


def skewed_evidence(rise: Floats, variance: Floats, third: Floats, cases: Floats) -> Floats:
    """The log likelihood ratio of a mean that is off by `rise` in so many `cases`, by Bennett's function (1962).

    The law is the shifted Poisson law with the variance and the third central moment of the values: exact for the rare
    large jumps that losses of probabilities are made of, where the normal law would take each for a change.
    """
    jump = third / variance
    excess = jump * rise / variance
    return np.asarray(cases * variance / (jump * jump) * ((1 + excess) * np.log1p(excess) - excess))


def _proposed(counts: Counts, proposals: Counts) -> NDArray[np.bool_]:
    """Whether a proposal lies within each window that ends at these counts; shape (n, k)."""
    windows = WINDOWS[None, : max(int(np.searchsorted(WINDOWS, counts[-1])), 1)]
    newest = np.concatenate([[-LONGEST], proposals])[np.searchsorted(proposals, counts, "right")]
    return np.asarray(newest[:, None] > counts[:, None] - windows)
