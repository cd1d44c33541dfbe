"""A blend's past as it would have been: every row answered with what was known then, and folded when its label came."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.frame import Frame
from penstock.ml.online.blend import Blend


def evaluate_prequentially(
    blend: Blend,
    frame: Frame,
    frozen: NDArray[np.float64],
    targets: NDArray[np.float64],
    known: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Fold n rows into the blend, in the order of their outcomes, and say what it answers to each; shape (n, k).

    Row i is answered when the first `known[i]` outcomes are. `frozen`, shape (n, f, k), is what the frozen models
    answer to each row, NaN for rows that they were trained on. `targets` is as for `Blend.learn`.
    """
    places = blend.places(frame)
    said = np.full((len(frame), blend.mixture.size, blend.width), np.nan)
    answers = np.full((len(frame), blend.width), np.nan)
    folded = 0

    def fold(until: int) -> None:
        nonlocal folded
        rows = slice(folded, until)
        blend.learn([group[rows] for group in places], said[rows], targets[rows])
        folded = until

    for rows, until in _alike(known):
        fold(max(folded, until))
        said[rows] = blend.experts(frozen[rows], [group[rows] for group in places])
        answers[rows] = blend.mixture.answer(said[rows])
    fold(len(frame))
    return answers


def _alike(known: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.intp], int]]:
    """Rows that are answered with the same knowledge, in the order of that."""
    order = np.argsort(known, kind="stable")
    borders = np.flatnonzero(np.diff(known[order])) + 1
    for rows in np.split(order, borders):
        if len(rows):
            yield rows, int(known[rows[0]])
