"""What each column adds to the scores that a model gives to one row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """The k scores of a row as a sum: `base`, shape (k,), and what each of d inputs adds, shape (d, k), by name.

    Scores are logarithms of class probabilities, up to a number that is the same for all classes, or the one number of
    a regression. `errors` are the standard errors of what was estimated, 0 for what is exact; shape (d, k).
    """

    names: tuple[str, ...]
    base: Floats
    added: Floats
    errors: Floats

    @classmethod
    def exact(cls, names: Iterable[str], base: Floats, added: Floats) -> Effects:
        """Effects without error."""
        return cls(tuple(names), base, added, np.zeros_like(added))

    @property
    def scores(self) -> Floats:
        """Their sum, shape (k,)."""
        return np.asarray(self.base + self.added.sum(axis=0))

    def times(self, factor: Floats | float, bias: Floats | float = 0.0) -> Effects:
        """The effects on scores that are multiplied by a factor, to which a bias is added."""
        return Effects(self.names, self.base * factor + bias, self.added * factor, self.errors * np.abs(factor))

    def named(self, names: Iterable[str]) -> Effects:
        """The same under other names, of which several inputs may share one: those are added up."""
        of_inputs = list(names)
        distinct = tuple(dict.fromkeys(of_inputs))
        place = [distinct.index(name) for name in of_inputs]
        added, variances = np.zeros((2, len(distinct), len(self.base)))
        np.add.at(added, place, self.added)
        np.add.at(variances, place, self.errors**2)
        return Effects(distinct, self.base, added, np.sqrt(variances))


def weighted_sum(members: Iterable[tuple[float, Effects]], k: int) -> Effects:
    """The effects on the weighted sum of k scores of several members."""
    weighted = [effects.times(weight) for weight, effects in members]
    return Effects(
        tuple(name for effects in weighted for name in effects.names),
        np.sum([effects.base for effects in weighted], axis=0) if weighted else np.zeros(k),
        np.concatenate([np.empty((0, k)), *(effects.added for effects in weighted)]),
        np.concatenate([np.empty((0, k)), *(effects.errors for effects in weighted)]),
    )
