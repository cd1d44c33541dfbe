"""Lag features: the last known labels of an entity, their running mean, running means of its inputs, and key histories.

All are as of the moment of the prediction: an event's label and inputs count once its outcome is known, so that the
HTTP route, the stream route, every process and training see the same. In predictions, archives and the encoders of
models the features are called `known.<k>`, `known.mean` and `known.<input>.<k>`; those of keys come behind them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from math import isnan, nan
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.frame import Field, Frame
from penstock.ml.features.key_history import MAX_SHARES, HistoryKeys, Key, KeyHistory
from penstock.ml.features.task import Task

MAX_ENTITIES = 100_000
"""Entities whose labels are kept; those without an outcome for longest are dropped first."""


class LagsDeclaration(Protocol):
    """Lag features by entity as a stream declares them."""

    @property
    def label(self) -> tuple[int, ...]:
        """Which labels, counted back from the last one known."""

    @property
    def mean(self) -> int:
        """How many labels the running mean goes over; 0 for none."""

    @property
    def running_means(self) -> tuple[tuple[str, int], ...]:
        """Names of number columns, each with how many outcomes its running mean goes over."""


class HistoryDeclaration(Protocol):
    """The keys of histories as a stream declares them."""

    @property
    def fields(self) -> tuple[tuple[str, ...], ...]:
        """The fields of each key."""


class LabelDeclaration(Protocol):
    """The label as a stream declares it."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Its classes."""


class StreamDeclaration(Protocol):
    """What the declaration of a stream says of its lag features."""

    @property
    def task(self) -> Task:
        """What is predicted."""

    @property
    def label(self) -> LabelDeclaration:
        """The label."""

    @property
    def lags(self) -> LagsDeclaration:
        """Lag features by entity."""

    @property
    def history(self) -> HistoryDeclaration:
        """Histories by key."""


@dataclass(frozen=True)
class Lags:
    """Which lag features there are: the k-th last known label for each k in `labels`, running means, and key histories.

    `mean` is how many labels their running mean goes over (0: there is none). `inputs` names number columns, each with
    how many of the entity's last known outcomes its running mean goes over. Lags count back from the last label that
    is *known*, however late labels come, so the same lags suit every delay.
    """

    labels: tuple[int, ...] = ()
    mean: int = 0
    inputs: tuple[tuple[str, int], ...] = ()
    history: HistoryKeys = HistoryKeys()

    @classmethod
    def of(cls, declared: StreamDeclaration) -> Lags:
        """The lag features that a stream declares."""
        shares = None if declared.task == "regression" else declared.label.classes[1 : 1 + MAX_SHARES]
        history = HistoryKeys(declared.history.fields, shares) if declared.history.fields else HistoryKeys()
        return cls(declared.lags.label, declared.lags.mean, declared.lags.running_means, history)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """The d features as fields; all are numbers.

        >>> [field.name for field in Lags((1, 2), 48).fields]
        ['known.1', 'known.2', 'known.mean']
        """
        names = [f"known.{k}" for k in self.labels] + ["known.mean"] * bool(self.mean)
        names += [f"known.{name}.{k}" for name, k in self.inputs]
        return (*(Field(name, "number") for name in names), *self.history.fields)

    @cached_property
    def input_columns(self) -> tuple[str, ...]:
        """The columns that running means go over, each once."""
        return tuple(dict.fromkeys(name for name, _ in self.inputs))

    @property
    def reads_fields(self) -> bool:
        """Whether they are made of fields, beside the entity and its labels."""
        return bool(self.inputs or self.history.keys)

    @property
    def depth(self) -> int:
        """How many outcomes of an entity have to be kept."""
        return max((*self.labels, self.mean, *(k for _, k in self.inputs)), default=0)


class LabelHistory:
    """The newest labels of every entity, as numbers (`ClassIndex`), each with the inputs that running means go over.

    Beside them are the histories of keys.

    >>> history = LabelHistory(Lags((1, 2), 3))
    >>> for number in (0.0, 1.0, 1.0):
    ...     history.add(None, number)
    >>> history.features([None]).round(2).tolist()
    [[1.0, 1.0, 0.67]]
    """

    def __init__(self, lags: Lags) -> None:
        self.lags = lags
        self.keys = [KeyHistory(lags.history.width) for _ in lags.history.keys]
        self._rows: dict[str | None, deque[tuple[float, ...]]] = {}
        self._features: dict[str | None, list[float]] = {}  # of entities in `_rows`, until their next label
        self._features_of_others = self._features_of(deque())

    def add(
        self,
        entity: str | None,
        number: float,
        inputs: Sequence[float] = (),
        keys: Sequence[Key | None] = (),
        time: float = nan,
    ) -> None:
        """Add the newest label of an entity, with the inputs of its event in the order of `lags.input_columns`.

        `keys` are the event's, in the order of `lags.history.keys`, and `time` is its time in seconds.
        """
        if self.keys:
            values = self.lags.history.label_values(number)
            for history, key in zip(self.keys, keys, strict=True):
                history.add(key, values, time)
        if not self.lags.depth:
            return
        self._features.pop(entity, None)
        rows = self._rows.pop(entity, None)
        if rows is None:
            rows = deque(maxlen=self.lags.depth)
            if len(self._rows) >= MAX_ENTITIES:
                oldest = next(iter(self._rows))
                del self._rows[oldest]
                self._features.pop(oldest, None)
        rows.append((number, *inputs))
        self._rows[entity] = rows  # the entity with the newest outcome is the last

    def features(
        self,
        entities: Sequence[str | None],
        keys: Sequence[Sequence[Key | None]] = (),
        times: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """The lag features of n events, shape (n, d) with columns as in `lags.fields`; NaN where nothing is known.

        `keys` holds a column of n for each key (`key_columns`), and `times` are those of the events in seconds.
        """
        of_entities = [self._features.get(entity) or self._read_features(entity) for entity in entities]
        features = np.array(of_entities, dtype=np.float64).reshape(len(entities), -1)
        if times is None or not self.keys:
            return features
        of_keys = [history.features(column, times) for history, column in zip(self.keys, keys, strict=True)]
        return np.concatenate([features, *of_keys], axis=1)

    def _read_features(self, entity: str | None) -> list[float]:
        rows = self._rows.get(entity)
        if rows is None:
            return self._features_of_others
        self._features[entity] = self._features_of(rows)
        return self._features[entity]

    def _features_of(self, rows: deque[tuple[float, ...]]) -> list[float]:
        size = len(rows)
        features = [rows[-k][0] if k <= size else np.nan for k in self.lags.labels]
        if self.lags.mean:
            features.append(_running_mean(rows, 0, self.lags.mean))
        positions = {name: position for position, name in enumerate(self.lags.input_columns, start=1)}
        return features + [_running_mean(rows, positions[name], k) for name, k in self.lags.inputs]

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold, the entity with the oldest newest outcome first; all but the keys' tables."""
        labels = [[_encode_row(row) for row in rows] for rows in self._rows.values()]
        keys = {"keys": [history.to_dict() for history in self.keys]} if self.keys else {}
        return {"entities": list(self._rows), "labels": labels, **keys}

    @classmethod
    def from_dict(cls, lags: Lags, data: dict[str, Any], tables: Sequence[NDArray[np.float64]] = ()) -> LabelHistory:
        """The history that `to_dict` wrote, with its keys' tables; KeyError, TypeError or ValueError otherwise."""
        history, width = cls(lags), lags.history.width
        if lags.history.keys:
            pairs = zip(lags.history.keys, data["keys"], tables, strict=True)
            history.keys = [KeyHistory.from_dict(width, of_key, table) for _, of_key, table in pairs]
        for entity, rows in zip(data["entities"], data["labels"], strict=True):
            history._rows[entity] = deque(map(_decode_row, rows), maxlen=lags.depth)
        return history


def _running_mean(rows: deque[tuple[float, ...]], position: int, count: int) -> float:
    """The mean of the values at a position of the last `count` rows, missing ones left out."""
    values = [value for row in islice(reversed(rows), count) if not isnan(value := row[position])]
    return sum(values) / len(values) if values else np.nan


def _encode_row(row: tuple[float, ...]) -> float | list[float | None]:
    """A label alone as a number, one with inputs as a list; what is missing as null."""
    return row[0] if len(row) == 1 else [None if isnan(value) else value for value in row]


def _decode_row(encoded: float | list[float | None]) -> tuple[float, ...]:
    if isinstance(encoded, list):
        return tuple(np.nan if value is None else float(value) for value in encoded)
    return (float(encoded),)


def lag_inputs(frame: Frame, lags: Lags) -> NDArray[np.float64]:
    """The columns of n rows that running means go over, shape (n, w); columns as in `lags.input_columns`."""
    columns = [frame.columns[name] for name in lags.input_columns]
    return np.column_stack(columns) if columns else np.empty((len(frame), 0))


def with_lag_features(frame: Frame, lags: Lags, features: NDArray[np.float64]) -> Frame:
    """The frame of n rows with their lag features, shape (n, d), as further number columns."""
    added = {field.name: features[:, position] for position, field in enumerate(lags.fields)}
    return Frame({**frame.columns, **added}, lambda: frame.times, frame.table)


def lag_matrix(lags: Lags, rows: Iterable[Sequence[float | None] | None]) -> NDArray[np.float64]:
    """The lag features that n predictions carry, shape (n, d); NaN for a prediction without them or with other lags."""
    width = len(lags.fields)
    blank: Sequence[float | None] = [None] * width
    fitting = [row if row is not None and len(row) == width else blank for row in rows]
    return np.array(fitting, dtype=np.float64).reshape(len(fitting), width)
