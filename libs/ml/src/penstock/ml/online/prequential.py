"""Prequential evaluation of a blend: each row is answered with what was known then, and learnt when its label came."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.frame import Frame
from penstock.ml.online.blend import Blend


def evaluate_prequentially(
    blend: Blend,
    frame: Frame,
    frozen_outputs: NDArray[np.float64],
    targets: NDArray[np.float64],
    known_counts: NDArray[np.int64],
) -> NDArray[np.float64]:
    """The outputs of a blend for n rows, shape (n, k), while it learns them in the order of their outcomes.

    Row i is answered when the first `known_counts[i]` outcomes are learnt. `frozen_outputs`, shape (n, f, k), are the
    frozen models' outputs, NaN for rows that they were trained on. `targets` is as for `Blend.learn`; a row whose label
    the blend does not know (NaN) is answered, and not learnt.

    Source: Dawid, "Statistical theory: the prequential approach", 1984.
    """
    bin_indices = blend.bin_indices(frame)
    expert_outputs = np.full((len(frame), blend.mixture.output_count, blend.width), np.nan)
    outputs = np.full((len(frame), blend.width), np.nan)
    has_target, learnt = np.isfinite(targets), 0

    def learn(until: int) -> None:
        nonlocal learnt
        rows = np.arange(learnt, until)[has_target[learnt:until]]
        blend.learn([group[rows] for group in bin_indices], expert_outputs[rows], targets[rows])
        learnt = until

    for rows, count in _by_known_count(known_counts):
        learn(max(learnt, count))
        expert_outputs[rows] = blend.expert_outputs(frozen_outputs[rows], [group[rows] for group in bin_indices])
        outputs[rows] = blend.mixture.outputs(expert_outputs[rows])
    learn(len(frame))
    return outputs


def _by_known_count(known_counts: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.intp], int]]:
    """The rows that are answered when equally many outcomes are known, with that number, in its order."""
    order = np.argsort(known_counts, kind="stable")
    borders = np.flatnonzero(np.diff(known_counts[order])) + 1
    for rows in np.split(order, borders):
        if len(rows):
            yield rows, int(known_counts[rows[0]])
