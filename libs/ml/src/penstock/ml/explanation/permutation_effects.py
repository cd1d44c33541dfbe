"""The effects of any model, estimated: its inputs become known in random orders, and what each changes is averaged.

After Štrumbelj and Kononenko, "Explaining prediction models and individual predictions with feature contributions",
2014; each order is also taken backwards, which halves the error of what two inputs change together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.explanation.effects import Effects, Floats
from penstock.ml.features.frame import Frame

ORDERS = 100
"""Each taken forwards and backwards."""


def permutation_effects(
    scores: Callable[[Frame], Floats], names: tuple[str, ...], row: Frame, known_rows: Frame, seed: int = 0
) -> Effects:
    """The effects on the scores that a model gives n rows, shape (n, k), for one row, with their standard errors.

    What is not known yet is as in one of the known rows. `names` are the columns of the frame that the model reads; the
    time of the row counts as one more input, which is called `time`.

    >>> from penstock.ml.features.frame import column, times
    >>> rows = Frame({"a": column("number", [0, 2]), "b": column("number", [0, 0])}, times([None, None]))
    >>> def product(frame): return (frame.columns["a"] * (1 + frame.columns["b"]))[:, None]
    >>> effects = permutation_effects(product, ("a", "b"), rows.take([1]), rows)
    >>> effects.scores.tolist(), effects.added[1].tolist(), effects.errors[1].tolist()
    ([2.0], [0.0], [0.0])
    """
    inputs = (*names, "time")
    random = np.random.default_rng(seed)
    starts = np.resize(np.arange(len(known_rows)), ORDERS)
    orders = [random.permutation(len(inputs)) for _ in range(ORDERS)]
    steps = [_known_inputs(way) for order in orders for way in (order, order[::-1])]
    outputs = scores(_mixed(row, known_rows, inputs, np.concatenate(steps), starts.repeat(2 * (len(inputs) + 1))))
    along = outputs.reshape(ORDERS, 2, len(inputs) + 1, -1)
    changes = np.diff(along, axis=2)
    added = np.empty((ORDERS, len(inputs), outputs.shape[1]))
    for number, order in enumerate(orders):
        added[number, order] = (changes[number, 0] + changes[number, 1, ::-1]) / 2
    return Effects(inputs, along[:, 0, 0].mean(axis=0), added.mean(axis=0), added.std(axis=0, ddof=1) / np.sqrt(ORDERS))


def _known_inputs(order: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which of d inputs are known at the start and after each step, shape (d + 1, d)."""
    known = np.zeros((len(order) + 1, len(order)), dtype=bool)
    for step, index in enumerate(order, start=1):
        known[step:, index] = True
    return known


def _mixed(
    row: Frame, known_rows: Frame, inputs: tuple[str, ...], known: NDArray[np.bool_], starts: NDArray[np.intp]
) -> Frame:
    """Rows that have each known input of the row, and each other one of a known row."""

    def of(own: NDArray[Any], others: NDArray[Any], place: int) -> NDArray[Any]:
        return np.where(known[:, place], own[0], others[starts])

    columns = {name: of(row.columns[name], known_rows.columns[name], place) for place, name in enumerate(inputs[:-1])}
    return Frame(columns, of(row.times, known_rows.times, len(inputs) - 1))
