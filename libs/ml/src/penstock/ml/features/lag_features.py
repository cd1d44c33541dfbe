"""What is known so far, as features: the last labels of an entity, their running mean, and running means of its inputs.

All are as of the moment of asking: an event's inputs count once its outcome is known, so that both routes, every process
and training see the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from math import isnan
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.frame import Field, Frame

MOST_ENTITIES = 100_000  # whose labels are remembered; those without news for longest are forgotten first


class LagsDeclaration(Protocol):
    """Lag features as a stream declares them."""

    @property
    def label(self) -> tuple[int, ...]:
        """Which labels, counted back from the last one known."""

    @property
    def mean(self) -> int:
        """How many labels the running mean goes over; 0 for none."""

    @property
    def running(self) -> tuple[tuple[str, int], ...]:
        """Names of number columns, each with how many outcomes its running mean goes over."""


@dataclass(frozen=True)
class Lags:
    """Which known labels are features: the k-th last for each k in `back`, and the mean of the last `mean` (0: none).

    The last label *known* is meant, however late labels come, so the same lags suit every delay. `inputs` names number
    columns, each with over how many of the entity's last known outcomes its running mean goes.
    """

    back: tuple[int, ...] = ()
    mean: int = 0
    inputs: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, declared: LagsDeclaration) -> Lags:
        """The lag features that a stream declares."""
        return cls(declared.label, declared.mean, declared.running)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """The features' names; all are numbers.

        >>> [field.name for field in Lags((1, 2), 48).fields]
        ['known.1', 'known.2', 'known.mean']
        """
        names = [f"known.{k}" for k in self.back] + ["known.mean"] * bool(self.mean)
        names += [f"known.{name}.{k}" for name, k in self.inputs]
        return tuple(Field(name, "number") for name in names)

    @cached_property
    def watched(self) -> tuple[str, ...]:
        """The input columns, each once."""
        return tuple(dict.fromkeys(name for name, _ in self.inputs))

    @property
    def depth(self) -> int:
        """How many outcomes of an entity have to be remembered."""
        return max((*self.back, self.mean, *(k for _, k in self.inputs)), default=0)


class LabelHistory:
    """The newest labels of every entity, as numbers (the index of a class, or the value itself), each with the inputs that
    are watched.

    >>> known = LabelHistory(Lags((1, 2), 3))
    >>> for number in (0.0, 1.0, 1.0):
    ...     known.take(None, number)
    >>> known.features([None]).round(2).tolist()
    [[1.0, 1.0, 0.67]]
    """

    def __init__(self, lags: Lags) -> None:
        self.lags = lags
        self._labels: dict[str | None, deque[tuple[float, ...]]] = {}

    def take(self, entity: str | None, number: float, inputs: Sequence[float] = ()) -> None:
        """Take in the newest label of an entity, with the inputs of its event, in the order of `lags.watched`."""
        if not self.lags.depth:
            return
        labels = self._labels.pop(entity, None)
        if labels is None:
            labels = deque(maxlen=self.lags.depth)
            if len(self._labels) >= MOST_ENTITIES:
                del self._labels[next(iter(self._labels))]
        labels.append((number, *inputs))
        self._labels[entity] = labels  # the entity with the newest news is the last

    def features(self, entities: Sequence[str | None]) -> NDArray[np.float64]:
        """What is known of n entities, shape (n, d) with columns as in `lags.fields`; NaN where nothing is."""
        rows = {entity: self._row(self._labels.get(entity)) for entity in set(entities)}
        return np.array([rows[entity] for entity in entities], dtype=np.float64).reshape(len(entities), -1)

    def _row(self, labels: deque[tuple[float, ...]] | None) -> list[float]:
        labels = labels or deque()
        size = len(labels)
        row = [labels[-k][0] if k <= size else np.nan for k in self.lags.back]
        if self.lags.mean:
            row.append(_mean(labels, 0, self.lags.mean))
        places = {name: place for place, name in enumerate(self.lags.watched, start=1)}
        return row + [_mean(labels, places[name], k) for name, k in self.lags.inputs]

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold, the entity with the oldest news first."""
        rows = [[_written(row) for row in labels] for labels in self._labels.values()]
        return {"entities": list(self._labels), "labels": rows}

    @classmethod
    def from_dict(cls, lags: Lags, data: dict[str, Any]) -> LabelHistory:
        """What `to_dict` described; KeyError, TypeError or ValueError for anything else."""
        known = cls(lags)
        for entity, labels in zip(data["entities"], data["labels"], strict=True):
            known._labels[entity] = deque(map(_read, labels), maxlen=lags.depth)
        return known


def _mean(labels: deque[tuple[float, ...]], place: int, count: int) -> float:
    """Of what stands at a place of the last rows, as far as it is there."""
    known = [value for row in islice(reversed(labels), count) if not isnan(value := row[place])]
    return sum(known) / len(known) if known else np.nan


def _written(row: tuple[float, ...]) -> float | list[float | None]:
    """A label alone as a number, one with inputs as a list; what is missing as null."""
    return row[0] if len(row) == 1 else [None if isnan(value) else value for value in row]


def _read(written: float | list[float | None]) -> tuple[float, ...]:
    if isinstance(written, list):
        return tuple(np.nan if value is None else float(value) for value in written)
    return (float(written),)


def lag_inputs(frame: Frame, lags: Lags) -> NDArray[np.float64]:
    """The columns that the lags watch, of n rows; shape (n, w)."""
    columns = [frame.columns[name] for name in lags.watched]
    return np.column_stack(columns) if columns else np.empty((len(frame), 0))


def with_lag_features(frame: Frame, lags: Lags, features: NDArray[np.float64]) -> Frame:
    """The frame with what was known at each of its n rows, shape (n, d), as further number columns."""
    added = {field.name: features[:, place] for place, field in enumerate(lags.fields)}
    return Frame({**frame.columns, **added}, lambda: frame.times, frame.block)


def lag_matrix(lags: Lags, rows: Iterable[Sequence[float | None] | None]) -> NDArray[np.float64]:
    """What predictions say was known, as a matrix of shape (n, d); NaN where one says nothing or something else."""
    width = len(lags.fields)
    blank: Sequence[float | None] = [None] * width
    fitting = [row if row is not None and len(row) == width else blank for row in rows]
    return np.array(fitting, dtype=np.float64).reshape(len(fitting), width)
