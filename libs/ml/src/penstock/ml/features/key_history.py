"""The history of a key, such as a terminal: what the known outcomes of earlier events with the same value say.

Any field may be a key, or a pair of fields, whether events are ordered by it or not. In predictions, archives and the
encoders of models the features are called `history.<key>.<feature>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penstock.ml.features.frame import Field, Frame

MAX_KEYS = 100_000
"""Values of a key whose outcomes are kept; those without an outcome for longest are dropped first."""

PRIOR_WEIGHT = 5.0
"""Outcomes that the mean of all counts for in the mean of one value (Micci-Barreca, 2001)."""

PACES = {"mean": 1.0, "long": 0.98, "recent": 0.8}
"""What each further outcome of a value leaves of the weight of those before: all, some 50 or some 5 of them count."""

MAX_SHARES = 4  # of classes, at each pace: more would make predictions long

Key = str | float | tuple[str | float, ...]


@dataclass(frozen=True)
class HistoryKeys:
    """The keys, each of one field or two, and the classes whose `shares` are features; None: numbers have means.

    >>> [field.name for field in HistoryKeys((("terminal",),), ("yes",)).fields]
    ['history.terminal.count', 'history.terminal.since', 'history.terminal.mean', 'history.terminal.long', \
'history.terminal.recent']
    """

    keys: tuple[tuple[str, ...], ...] = ()
    shares: tuple[str, ...] | None = None

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """The features as fields; all are numbers, those of one key behind those of another."""
        features = ["count", "since", *(mean for of_pace in self._mean_features for mean in of_pace)]
        return tuple(Field(_name(key, feature), "number") for key in self.keys for feature in features)

    @cached_property
    def means(self) -> tuple[tuple[str, ...], ...]:
        """Of each key, at each pace, the names of the features that are means."""
        return tuple(
            tuple(_name(key, mean) for mean in of_pace) for key in self.keys for of_pace in self._mean_features
        )

    @property
    def width(self) -> int:
        """How many numbers of each label are averaged."""
        return 1 if self.shares is None else len(self.shares)

    def label_values(self, number: float) -> list[float]:
        """The numbers of a label that are averaged: it is the index of a class, where classes have shares."""
        if self.shares is None:
            return [number]
        return [float(number == index) for index in range(1, len(self.shares) + 1)]

    @cached_property
    def _mean_features(self) -> list[list[str]]:
        return [[pace + value for value in self._values] for pace in PACES]

    @cached_property
    def _values(self) -> list[str]:
        return [""] if self.shares is None or len(self.shares) == 1 else [f".{name}" for name in self.shares]


class KeyHistory:
    """What is known of each value of one key; `width` numbers of every label are averaged.

    Means are drawn to that of all outcomes of the key, which counts for `PRIOR_WEIGHT` outcomes.

    >>> history = KeyHistory(1)
    >>> for key, value in (("a", 1.0), ("b", 0.0)):
    ...     history.add(key, [value], 10.0)
    >>> history.features(["a", None], np.array([15.0, 15.0])).round(2).tolist()
    [[1.0, 5.0, 0.58, 0.58, 0.58], [0.0, nan, 0.5, 0.5, 0.5]]
    """

    def __init__(self, width: int) -> None:
        self._slots: dict[Key, int] = {}  # the key with the newest outcome is the last
        self._sums = np.zeros((1, len(PACES), width + 1))  # the last of each is the weight; the first slot stays empty
        self._newest = np.full(1, np.nan)
        self._all = np.zeros(width + 1)
        self._kept = np.array(list(PACES.values()))[:, None]

    def add(self, key: Key | None, values: Sequence[float], time: float) -> None:
        """Add an outcome: what its label averages, and the time of its event in seconds. No key: nothing."""
        if key is None:
            return
        weighed = np.array([*values, 1.0])
        slot = self._slots.pop(key, None) or self._new_slot()
        self._slots[key] = slot
        self._all += weighed
        self._sums[slot] = self._sums[slot] * self._kept + weighed
        if not self._newest[slot] > time:
            self._newest[slot] = time

    def features(self, keys: Sequence[Key | None], times: NDArray[np.float64]) -> NDArray[np.float64]:
        """The features of n events by their keys and times in seconds, shape (n, 2 + paces * width).

        These are the number of known outcomes, the seconds since the newest event among them (NaN without any), and the
        means at each pace (NaN until anything is known).
        """
        get = self._slots.get
        slots = np.array([get(key, 0) for key in keys], dtype=np.intp)  # type: ignore[arg-type]
        sums = self._sums[slots]
        weights = sums[..., -1:] + PRIOR_WEIGHT
        means = (sums[..., :-1] + PRIOR_WEIGHT * self._overall) / weights
        return np.column_stack([sums[:, 0, -1], times - self._newest[slots], means.reshape(len(slots), -1)])

    @property
    def table(self) -> NDArray[np.float64]:
        """What is kept of the k values, in the order of their newest outcomes, shape (k, 1 + paces * (width + 1))."""
        slots = np.fromiter(self._slots.values(), np.intp, len(self._slots))
        return np.column_stack([self._newest[slots], self._sums[slots].reshape(len(slots), self._sums[0].size)])

    def to_dict(self) -> dict[str, Any]:
        """Everything but the table, as plain data that JSON can hold."""
        return {"keys": list(self._slots), "all": self._all.tolist()}

    @classmethod
    def from_dict(cls, width: int, data: dict[str, Any], table: NDArray[np.float64]) -> KeyHistory:
        """The history that `to_dict` wrote, with its table.

        Raises:
            KeyError, TypeError, ValueError: for anything else.
        """
        history = cls(width)
        keys = [_decode_key(key) for key in data["keys"]]
        history._slots = {key: slot for slot, key in enumerate(keys, start=1)}
        if len(history._slots) != len(keys) or len(keys) > MAX_KEYS:
            raise ValueError(f"the history does not have at most {MAX_KEYS} different keys")
        if table.shape != (len(keys), 1 + len(PACES) * (width + 1)) or len(data["all"]) != width + 1:
            raise ValueError(f"the history is not {len(keys)} rows for labels of {width} numbers")
        history._newest = np.concatenate([history._newest, table[:, 0]])
        history._sums = np.concatenate([history._sums, table[:, 1:].reshape(len(keys), *history._sums.shape[1:])])
        history._all = np.array(data["all"], dtype=np.float64)
        return history

    @property
    def _overall(self) -> NDArray[np.float64]:
        return self._all[:-1] / self._all[-1] if self._all[-1] else np.full(len(self._all) - 1, np.nan)

    def _new_slot(self) -> int:
        """An empty slot; that of the key whose newest outcome is the oldest where there are too many."""
        if len(self._slots) >= MAX_KEYS:
            slot = self._slots.pop(next(iter(self._slots)))
            self._sums[slot], self._newest[slot] = 0.0, np.nan
            return slot
        if len(self._slots) + 1 == len(self._sums):
            grown = min(len(self._sums), MAX_KEYS)
            self._sums = np.concatenate([self._sums, np.zeros((grown, *self._sums.shape[1:]))])
            self._newest = np.concatenate([self._newest, np.full(grown, np.nan)])
        return len(self._slots) + 1


def key_columns(frame: Frame, history: HistoryKeys) -> list[list[Key | None]]:
    """Of each key its value in n rows; None where a field is missing."""
    return [_key_column([_present(frame.columns[name]) for name in key]) for key in history.keys]


def event_seconds(frame: Frame) -> NDArray[np.float64]:
    """The times of n rows in seconds since 1970, shape (n,); NaN where unknown."""
    milliseconds = frame.times.astype("datetime64[ms]")
    return np.where(np.isnat(milliseconds), np.nan, milliseconds.astype(np.int64) / 1000.0)


def _name(key: Sequence[str], feature: str) -> str:
    return f"history.{','.join(key)}.{feature}"


def _present(values: NDArray[Any]) -> list[Any]:
    return [
        None if value is None or (value.__class__ is float and isnan(value)) else value for value in values.tolist()
    ]


def _key_column(parts: Sequence[Sequence[Any]]) -> list[Key | None]:
    if len(parts) == 1:
        return list(parts[0])
    return [None if None in key else key for key in zip(*parts, strict=True)]


def _decode_key(key: Any) -> Key:
    return tuple(key) if isinstance(key, list) else key
